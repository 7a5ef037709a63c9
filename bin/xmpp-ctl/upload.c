#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* Uploaded files: xmpp-uploadd has them. */

static void
print_swept(struct record *r)
{
  struct slice files = record_get(r, 1), bytes = record_get(r, 2);

  printf(ctl.records ? "swept\t%.*s\t%.*s\n" : "%.*s files deleted, %.*s bytes\n",
         (int)files.len, files.s, (int)bytes.len, bytes.s);
}

static int
sweep(void)
{
  struct client c;
  bool ok;

  if (!client_open(&c, SLICE("uploadd"))) strerr_diefusys(111, "reach xmpp-uploadd");
  client_ask(&c, "upload", "sweep", NULL);
  ok = client_answer(&c, "uploadd", print_swept);
  client_close(&c);
  return ok ? 0 : 1;
}

int
command_upload(char const *const *argv)
{
  if (!argv[0] || argv[1] || strcmp(argv[0], "sweep") != 0)
    strerr_dieusage(100, "upload sweep");
  return sweep();
}
