#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* token list USER | revoke USER [DEVICE] */

#define USAGE "token list USER | revoke USER [DEVICE]"

static void
print_device(struct record *r)
{
  struct slice device = record_get(r, 1), name = record_get(r, 2),
               mechanism = record_get(r, 3), issued = record_get(r, 4),
               expiry = record_get(r, 5), used;

  if (!slice_word(&name, ' ', &used)) used = SLICE("");
  printf(ctl.records ? "token\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%s\n"
                     : "%.*s %-16.*s issued %.*s until %.*s used %.*s %s\n",
         (int)device.len, device.s, (int)mechanism.len, mechanism.s, (int)issued.len,
         issued.s, (int)expiry.len, expiry.s, (int)used.len, used.s, log_text(name));
}

int
command_token(char const *const *argv)
{
  bool lists = argv[0] && !strcmp(argv[0], "list");
  struct client c;
  bool ok;

  if (!argv[0] || !argv[1] || (!lists && strcmp(argv[0], "revoke") != 0) ||
      (lists && argv[2]))
    strerr_dieusage(100, USAGE);
  client_reach(&c, "authd");
  client_ask(&c, "token", argv[0], prepared(argv[1]), argv[2], NULL);
  ok = client_answer(&c, argv[1], print_device);
  client_close(&c);
  return ok ? 0 : 1;
}
