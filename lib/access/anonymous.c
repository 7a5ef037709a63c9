#include "access/access.h"

#include <string.h>

/* XEP-0175: authd names who logs in by ANONYMOUS with a UUID (RFC 9562 s4), and no account of such a host
 * has a name of this shape. */

static bool
is_uuid(struct slice s)
{
  size_t i;

  for (i = 0; i < s.len && s.len == ACCESS_UUID; i++)
    if (i == 8 || i == 13 || i == 18 || i == 23 ? s.s[i] != '-'
                                                : !memchr("0123456789abcdef", s.s[i], 16))
      return false;
  return s.len == ACCESS_UUID;
}

bool
access_is_anonymous(struct settings const *st, struct slice host, struct slice local)
{
  return is_uuid(local) &&
         slice_has_word(settings_get(st, "auth_method", host), SLICE("anonymous"));
}
