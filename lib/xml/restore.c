#include "xml/xml_internal.h"

#include <string.h>

/* A stream that is made anew from what it stood at: its part is parsed again. */

bool
xml_began(struct xml_stream const *x)
{
  return !x->opened && x->parser && x->parser->begun > x->part.len;
}

static enum xml_error
feed(struct xml_stream *x, struct slice bytes)
{
  static struct xml_events const none;
  size_t used;

  return bytes.len ? xml_feed(x, &none, NULL, bytes.s, bytes.len, &used) : XML_OK;
}

/* White space and the declaration both forbid that one follows. */
bool
xml_restore(struct xml_stream *x, bool began, struct slice part)
{
  return !(began && feed(x, SLICE("<?xml version='1.0'?>"))) && !feed(x, part);
}
