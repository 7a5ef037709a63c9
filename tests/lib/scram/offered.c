#include "scram/scram.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* XEP-0474: the hash of what was offered. */

static void
is(enum scram_hash h, char const *mechanisms, char const *bindings, char const *hash)
{
  struct arena a = ARENA_ZERO;
  struct slice got = scram_offered(&a, h, slice_str(mechanisms), slice_str(bindings));

  if (!slice_is(got, hash)) {
    fprintf(stderr, "%s %s: %.*s, not %s\n", mechanisms, bindings, (int)got.len, got.s,
            hash);
    assert(0);
  }
  arena_wipe(&a);
}

/* The example of s5, in any order; ours; a list without types of channel bindings; names of which
 * one is the beginning of another. */
int
main(void)
{
  is(SCRAM_SHA1, "SCRAM-SHA-1 SCRAM-SHA-1-PLUS", "tls-exporter tls-server-end-point",
     "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
  is(SCRAM_SHA1, "SCRAM-SHA-1-PLUS SCRAM-SHA-1",
     "tls-server-end-point=QUJD -tls-unique=QUJD tls-exporter=QUJD=",
     "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
  is(SCRAM_SHA256,
     "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-512 SCRAM-SHA-256 "
     "SCRAM-SHA-1",
     "tls-exporter tls-server-end-point", "GEmOQY8kp7oSkkYObjsuaBrgl6Fw4Qx5S26oKBC50sg=");
  is(SCRAM_SHA256, "SCRAM-SHA-256", "", "5IlFKz4VKe4+I01or1SYZH07/h8E/JKh4/0iRkqB2IY=");
  is(SCRAM_SHA256, "SCRAM-SHA-256", "-tls-unique=QUJD",
     "5IlFKz4VKe4+I01or1SYZH07/h8E/JKh4/0iRkqB2IY=");
  is(SCRAM_SHA512, "PLAIN SCRAM-SHA-512", "",
     "1oKv25jQWw0TrQCEBBNypLrRkX6YRIFN+GrB6oHUbSIPxPCUNpYZsKzx6XzYsSlaorPah0/"
     "ydk5HoFgHI9wNmA==");
  return 0;
}
