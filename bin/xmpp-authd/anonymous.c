#include "anonymous.h"

#include <stdio.h>

/* XEP-0175: the mechanism ANONYMOUS (RFC 4505). What the client says of itself is not looked at, and not
 * logged. Each login has a name of its own, that of no account, and the name has no number: no store takes
 * anything for it. */

#define TRACE_MAX 255

/* RFC 9562 s5.4: a UUID of random bits. */
static void
random_uuid(char text[ACCESS_UUID + 1])
{
  unsigned char b[16];
  unsigned int i;
  size_t at = 0;

  door_random(b, sizeof b);
  b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  for (i = 0; i < sizeof b; i++)
    at += (size_t)snprintf(text + at, ACCESS_UUID + 1 - at, "%s%02x",
                           i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

bool
anonymous_name(struct exchange *x, struct slice trace, char const **condition)
{
  char local[ACCESS_UUID + 1];
  struct jid j;

  *condition = "malformed-request";
  if (trace.len > TRACE_MAX) return false;
  random_uuid(local);
  *condition = "temporary-auth-failure";
  if (!jid_make(&x->scram.arena, slice_str(local), x->host, SLICE(""), &j) ||
      secrets_number(j.bare) || secrets_taken(j.bare))
    return false;
  x->bare = j.bare;
  x->named = x->passed = true;
  return true;
}
