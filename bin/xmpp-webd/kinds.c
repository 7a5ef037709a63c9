#include "webd.h"

/* The handlers that webd answers itself; all other words are those of web services. */
static struct kind const *const kinds[] = {
  &websocket_kind, &bosh_kind, &host_meta_kind, &files_kind, &converse_kind,
  &metrics_kind,   NULL,
};

struct kind const *
kind_find(struct slice word)
{
  size_t i;

  for (i = 0; kinds[i]; i++)
    if (slice_is(word, kinds[i]->word)) return kinds[i];
  return &service_kind;
}
