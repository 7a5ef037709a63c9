/* xmpp-captcha: draws a text that people read and programs should not; or asks a question.
 *
 * USAGE   xmpp-captcha [ -f font ] text | --question [ lang ]
 * READS   the font, /usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
 * FDS     1 a picture (PNG), or a question and its answers; 2 why not
 * LIMITS  TEXT_MAX characters; WIDTH times HEIGHT points
 * EXIT    0 done; 100 usage; 111 no font, no memory, a failed write
 * ROOMS   draw.c the picture; png.c its file; question.c
 */
#include "captcha.h"

#include <skalibs/strerr.h>

#include <stdlib.h>
#include <string.h>

char const *PROG = "xmpp-captcha";

#define USAGE "xmpp-captcha [ -f font ] text | --question [ lang ]"
#define FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"

static bool
may_be_drawn(char const *text)
{
  size_t len = strlen(text);

  return len && len <= TEXT_MAX &&
         strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len;
}

static int
draw_text(char const *text, char const *font)
{
  static struct picture p;
  char const *why = draw(&p, text, font);

  if (why) strerr_dief4x(111, "cannot draw with ", font, ": ", why);
  if (!png_write_stdout(&p)) strerr_diefu1sys(111, "write the picture");
  return 0;
}

int
main(int argc, char const *const *argv)
{
  char const *font = FONT;

  help_options(argv, "[ -f font ] text | --question [ lang ]");
  if (argc >= 2 && argc <= 3 && !strcmp(argv[1], "--question")) {
    if (!question(slice_str(argc == 3 ? argv[2] : "en")))
      strerr_diefu1sys(111, "write the question");
    return 0;
  }
  if (argc == 4 && !strcmp(argv[1], "-f")) {
    font = argv[2];
    argv += 2;
    argc -= 2;
  }
  if (argc != 2 || !may_be_drawn(argv[1])) strerr_dieusage(100, USAGE);
  return draw_text(argv[1], font);
}
