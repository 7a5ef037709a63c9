#include "ctl.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <string.h>

/* contact add JID CONTACT: xmpp-userd has the rosters. */
int
command_contact(char const *const *argv)
{
  char own[JID_MAX + 1];
  struct client c;
  bool ok;

  if (!argv[0] || strcmp(argv[0], "add") != 0 || !argv[1] || !argv[2])
    strerr_dief(100, "usage: contact add JID CONTACT");
  strcpy(own, prepared(argv[1]));
  client_reach(&c, "userd");
  client_ask(&c, "contact", "add", own, prepared(argv[2]), NULL);
  ok = client_answer(&c, "userd", NULL);
  client_close(&c);
  return ok ? 0 : 1;
}
