#include "policy.h"

#define TLS MAY_STARTTLS
#define MUST (MAY_STARTTLS | MUST_STARTTLS)
#define EXT MAY_EXTERNAL
#define DB MAY_DIALBACK

/* Columns: in plain, in valid, in invalid; out plain, out valid, out invalid. Without TLS of our
 * own a peer may still use the port of direct TLS, as if it were optional. */
/* clang-format off */
static unsigned char const table[3][2][SITUATIONS_N] = {
  [TLS_OFF] =      {{0,        EXT,      0,  0,  EXT,      0          },
                    {DB,       EXT | DB, DB, DB, EXT | DB, DB | MARKED}},
  [TLS_OPTIONAL] = {{MUST,     EXT,      0,  0,  EXT,      0          },
                    {TLS | DB, EXT | DB, DB, DB, EXT | DB, EXT | DB | MARKED}},
  [TLS_REQUIRED] = {{MUST,     EXT,      0,  0,  EXT,      0          },
                    {MUST,     EXT | DB, DB, 0,  EXT | DB, EXT | DB | MARKED}},
};

/* clang-format on */

unsigned int
policy(enum use_tls tls, bool dialback, enum situation s)
{
  return table[tls][dialback][s];
}
