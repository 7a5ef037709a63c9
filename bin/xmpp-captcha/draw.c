#include "captcha.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include <math.h>
#include <string.h>

/* The outline of each character is turned, moved, and bent by two sine waves that run through the
 * whole picture; a stroke as thick as those of the characters runs across them, and noise lies over
 * all. The same text gives another picture each time. */

#define SIZE 40       /* of the font, in points of the picture */
#define TURN_MAX 0.43 /* 25 degrees */
#define STROKE 2.4    /* half the thickness of the stroke across */
#define NOISE 500

/* A wave: how far it moves a point, and with what length and phase along the other axis. */
struct wave {
  double height, length, phase;
};

struct waves {
  struct wave x, y;
};

double
chance(double least, double most)
{
  uint32_t n;

  door_random(&n, sizeof n);
  return least + (most - least) * (n / 4294967295.0);
}

static struct wave
random_wave(double height, double least, double most)
{
  return (struct wave){chance(0.6, 1) * height, chance(least, most), chance(0, 6.283)};
}

static double
at(struct wave const *w, double where)
{
  return w->height * sin(6.283 * where / w->length + w->phase);
}

/* ---- characters ---- */

static void
bend(FT_Outline *o, struct waves const *w)
{
  int i;

  for (i = 0; i < o->n_points; i++) {
    double x = (double)o->points[i].x / 64, y = (double)o->points[i].y / 64;
    o->points[i].x = (FT_Pos)(64 * (x + at(&w->x, y)));
    o->points[i].y = (FT_Pos)(64 * (y + at(&w->y, x)));
  }
}

/* Turn the outline about its middle, and move that to x, y. */
static void
place(FT_Outline *o, double x, double y)
{
  double a = chance(-TURN_MAX, TURN_MAX), grow = chance(0.9, 1.15);
  FT_Matrix turn = {(FT_Fixed)(65536 * grow * cos(a)), (FT_Fixed)(-65536 * grow * sin(a)),
                    (FT_Fixed)(65536 * grow * sin(a)), (FT_Fixed)(65536 * grow * cos(a))};
  FT_BBox box;

  FT_Outline_Get_CBox(o, &box);
  FT_Outline_Translate(o, -(box.xMin + box.xMax) / 2, -(box.yMin + box.yMax) / 2);
  FT_Outline_Transform(o, &turn);
  FT_Outline_Translate(o, (FT_Pos)(64 * x), (FT_Pos)(64 * y));
}

static void
join(struct picture *p, struct picture const *more)
{
  unsigned int x, y;

  for (y = 0; y < HEIGHT; y++)
    for (x = 0; x < WIDTH; x++)
      if (more->ink[y][x] > p->ink[y][x]) p->ink[y][x] = more->ink[y][x];
}

static bool
draw_character(struct picture *p, FT_Library lib, FT_Face face, char c, double x,
               struct waves const *w)
{
  static struct picture one;
  FT_Bitmap map = {.rows = HEIGHT,
                   .width = WIDTH,
                   .pitch = WIDTH,
                   .buffer = one.ink[0],
                   .num_grays = 256,
                   .pixel_mode = FT_PIXEL_MODE_GRAY};
  FT_Outline *o;

  if (FT_Load_Char(face, (FT_ULong)(unsigned char)c,
                   FT_LOAD_NO_BITMAP | FT_LOAD_NO_HINTING))
    return false;
  if (face->glyph->format != FT_GLYPH_FORMAT_OUTLINE) return false;
  o = &face->glyph->outline;
  place(o, x, HEIGHT / 2.0 + chance(-7, 7));
  bend(o, w);
  memset(&one, 0, sizeof one);
  if (FT_Outline_Get_Bitmap(lib, o, &map)) return false;
  join(p, &one);
  return true;
}

static bool
draw_text(struct picture *p, FT_Library lib, FT_Face face, char const *text)
{
  struct waves w = {random_wave(2.5, 30, 55), random_wave(4, 60, 130)};
  size_t n = strlen(text), i;
  double step = (WIDTH - 36.0) / (double)(n > 1 ? n - 1 : 1);

  if (step > 36) step = 36;
  for (i = 0; i < n; i++) {
    double x = WIDTH / 2.0 + ((double)i - ((double)n - 1) / 2) * step + chance(-2, 2);
    if (!draw_character(p, lib, face, text[i], x, &w)) return false;
  }
  return true;
}

/* ---- stroke and noise ---- */

static void
dot(struct picture *p, double x, double y, double r)
{
  int i, j;

  for (j = (int)(y - r - 1); j <= (int)(y + r + 1); j++)
    for (i = (int)(x - r - 1); i <= (int)(x + r + 1); i++) {
      double ink = 255 * (r + 0.5 - hypot(i - x, j - y));
      if (i < 0 || j < 0 || i >= WIDTH || j >= HEIGHT || ink <= p->ink[j][i]) continue;
      p->ink[j][i] = (unsigned char)(ink > 255 ? 255 : ink);
    }
}

static void
draw_stroke(struct picture *p)
{
  struct wave w = random_wave(13, 90, 200);
  double slope = chance(-0.12, 0.12);
  unsigned int half;

  for (half = 16; half < 2 * (WIDTH - 8); half++) {
    double x = half / 2.0;
    dot(p, x, HEIGHT / 2.0 + (x - WIDTH / 2.0) * slope + at(&w, x), STROKE);
  }
}

/* Points of more ink, and of less. */
static void
draw_noise(struct picture *p)
{
  unsigned int i;

  for (i = 0; i < NOISE; i++) {
    unsigned char *ink =
      &p->ink[(int)chance(0, HEIGHT - 0.01)][(int)chance(0, WIDTH - 0.01)];
    *ink = (unsigned char)(*ink > 127 ? chance(0, 120) : chance(90, 255));
  }
}

static char const *
draw_with(struct picture *p, FT_Library lib, char const *text, char const *font)
{
  FT_Face face;
  bool ok;

  if (FT_New_Face(lib, font, 0, &face)) return "no such font (package fonts-dejavu-core)";
  ok = !FT_Set_Pixel_Sizes(face, 0, SIZE) && draw_text(p, lib, face, text);
  FT_Done_Face(face);
  return ok ? NULL : "the font has no outline of a character";
}

char const *
draw(struct picture *p, char const *text, char const *font)
{
  FT_Library lib;
  char const *why;

  memset(p, 0, sizeof *p);
  if (FT_Init_FreeType(&lib)) return "FreeType does not start";
  why = draw_with(p, lib, text, font);
  FT_Done_FreeType(lib);
  if (why) return why;
  draw_stroke(p);
  draw_noise(p);
  return NULL;
}
