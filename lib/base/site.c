#include "base/base.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct slice
site_of(char out[SITE_SIZE], struct slice ip)
{
  static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  unsigned char b[16];

  snprintf(out, SITE_SIZE, "%.*s", ip.len < SITE_SIZE ? (int)ip.len : SITE_SIZE,
           ip.s ? ip.s : "");
  if (inet_pton(AF_INET6, out, b) != 1) return slice_str(out);
  if (!memcmp(b, mapped, sizeof mapped)) {
    inet_ntop(AF_INET, b + 12, out, SITE_SIZE);
    return slice_str(out);
  }
  memset(b + 8, 0, 8);
  inet_ntop(AF_INET6, b, out, SITE_SIZE);
  return slice_str(out);
}
