/* proxy: the header of a proxy comes to the same end in any pieces, and never behind what came. */
#include "fuzz.h"

#include "nets/nets.h"

#include <skalibs/strerr.h>

#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct nets_client c;
  struct nets list = {NULL, 0, false};
  long whole = nets_proxy(data, len, &c), r = 0;
  size_t n;

  if (whole > (long)len || whole > (long)PROXY_HEADER_MAX || strlen(c.ip) > 45) abort();
  for (n = 1; n <= len && !r; n++) {
    unsigned char *copy = malloc(n);
    if (!copy) abort();
    memcpy(copy, data, n);
    r = nets_proxy(copy, n, &c);
    free(copy);
  }
  if (len && (r != whole || (r > 0 && (size_t)r != n - 1))) abort();
  nets_add(&list, slice_of((char const *)data, len));
  nets_have(&list, slice_of((char const *)data, len));
  nets_wipe(&list);
  return 0;
}
