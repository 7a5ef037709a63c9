#include "settings.h"
#include "xep0115_caps.h"

#include <stdlib.h>
#include <string.h>

static bool
set(char **at, struct slice text)
{
  free(*at);
  *at = text.len ? slice_dup(text) : NULL;
  return *at != NULL;
}

/* XEP-0115 s6.3: hostd has told what the stream features of a host are to say. */
void
caps_on_caps(struct link *l, struct record *r)
{
  struct host *h = c2sd_known_host(record_get(r, 1));

  (void)l;
  if (h && (!set(&h->node, record_get(r, 2)) || !set(&h->ver, record_get(r, 3)))) {
    free(h->ver);
    h->ver = NULL;
  }
}
