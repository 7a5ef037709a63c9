#include "base/base.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <stdlib.h>

/* Standard output may be a full disk or a closed pipe. */
static void
end_output(void)
{
  if (fflush(stdout) || ferror(stdout)) strerr_diefusys(111, "write to standard output");
  exit(0);
}

void
help_options(char const *const *argv, char const *usage)
{
  while (*argv && *++argv && strcmp(*argv, "--") != 0) {
    if (!strcmp(*argv, "--version")) {
      printf("%s (tabber) %s\n", PROG, TABBER_VERSION);
      end_output();
    }
    if (!strcmp(*argv, "--help")) {
      printf("usage: %s %s\nThe manual page says more: man %s\n", PROG, usage, PROG);
      end_output();
    }
  }
}
