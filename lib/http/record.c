#include "http/http.h"

#include <string.h>

struct slice
http_header(struct slice headers, char const *name)
{
  struct slice line;
  size_t n = strlen(name);

  while (slice_word(&headers, '\n', &line)) {
    if (!slice_starts(line, name) || line.len <= n || line.s[n] != ':') continue;
    line = slice_of(line.s + n + 1, line.len - n - 1);
    while (line.len && line.s[0] == ' ')
      line = slice_of(line.s + 1, line.len - 1);
    return line;
  }
  return (struct slice){NULL, 0};
}
