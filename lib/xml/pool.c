#include "xml/xml_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A parser is lent to a stream while a stanza is incomplete. Between stanzas the stream
 * stays on a list of attached parsers, oldest first; when more than XML_PARSERS_KEPT are
 * attached the oldest is taken back. A stream that comes back without parser gets the oldest
 * one, when both have the usual root, so that it stands where this stream does; else one that
 * is fed the root's tag again: the usual one, or the stream's own when that declares more
 * (RFC 6120 s4.8.5 lets it declare prefixes for all that follows). */

#define PARSERS_FREE_MAX 16

static char const usual_root[] =
  "<stream:stream xmlns='jabber:client' xmlns:stream='" XML_NS_STREAMS "'>";

static struct {
  struct xml_parser *oldest, *newest, *free;
  unsigned int attached_n, free_n;
} pool;

void
pool_detach(struct xml_parser *p)
{
  if (p->older)
    p->older->newer = p->newer;
  else
    pool.oldest = p->newer;
  if (p->newer)
    p->newer->older = p->older;
  else
    pool.newest = p->older;
  p->older = p->newer = NULL;
  p->attached = false;
  pool.attached_n--;
}

/* Take the parser away from its stream. */
void
pool_release(struct xml_parser *p)
{
  if (p->owner) p->owner->parser = NULL;
  p->owner = NULL;
  arena_wipe(&p->arena);
  if (pool.free_n >= PARSERS_FREE_MAX) {
    XML_ParserFree(p->expat);
    free(p);
    return;
  }
  p->newer = pool.free;
  pool.free = p;
  pool.free_n++;
}

/* Against names that are chosen to collide: drawn once, else each parser asks the kernel. Not
 * through the door: nothing that is said depends on it. */
static unsigned long
hash_salt(void)
{
  static unsigned long salt;

  while (!salt)
    if (getrandom(&salt, sizeof salt, 0) != sizeof salt) door_random(&salt, sizeof salt);
  return salt;
}

struct xml_parser *
pool_obtain(void)
{
  struct xml_parser *p = pool.free;
  XML_Parser expat;

  if (p) {
    pool.free = p->newer;
    pool.free_n--;
    if (!XML_ParserReset(p->expat, "UTF-8")) {
      XML_ParserFree(p->expat);
      free(p);
      return NULL;
    }
    expat = p->expat;
  } else {
    p = malloc(sizeof *p);
    expat = p ? XML_ParserCreateNS("UTF-8", NS_SEP) : NULL;
    if (!expat) {
      free(p);
      return NULL;
    }
  }
  memset(p, 0, sizeof *p);
  p->expat = expat;
  p->stanza_start = -1;
  XML_SetHashSalt(expat, hash_salt());
  parse_handlers(p);
  return p;
}

/* The oldest attached one, when it stands behind the usual root, and none is to spare. */
static struct xml_parser *
take_oldest(void)
{
  struct xml_parser *p = pool.oldest;

  if (pool.attached_n < XML_PARSERS_KEPT || p->owner->root) return NULL;
  pool_detach(p);
  p->owner->parser = NULL;
  return p;
}

static bool
replay(struct xml_parser *p, char const *root)
{
  p->replay = true;
  if (XML_Parse(p->expat, root, (int)strlen(root), 0) != XML_STATUS_OK) return false;
  p->base = (long)strlen(root);
  p->replay = false;
  return true;
}

/* A parser that stands where the stream stands. */
bool
pool_lend(struct xml_stream *x)
{
  struct xml_parser *p = x->parser;
  bool fresh;

  if (p) {
    if (p->attached) pool_detach(p);
    return true;
  }
  p = x->opened && !x->root ? take_oldest() : NULL;
  fresh = !p;
  if (fresh) p = pool_obtain();
  if (!p) return false;
  p->owner = x;
  x->parser = p;
  if (!fresh || !x->opened || replay(p, x->root ? x->root : usual_root)) return true;
  pool_release(p);
  return false;
}

void
pool_attach(struct xml_parser *p)
{
  p->older = pool.newest;
  p->newer = NULL;
  if (pool.newest)
    pool.newest->newer = p;
  else
    pool.oldest = p;
  pool.newest = p;
  p->attached = true;
  if (++pool.attached_n <= XML_PARSERS_KEPT) return;
  p = pool.oldest;
  pool_detach(p);
  pool_release(p);
}
