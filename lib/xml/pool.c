#include "xml/xml_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A parser is lent to a stream while a stanza is incomplete. Between stanzas the
 * stream stays on a list of attached parsers, oldest first; when more than
 * XML_PARSERS_KEPT are attached the oldest is taken back. A stream that comes back
 * without parser gets the oldest one, when both have the usual root, so that it stands
 * where this stream does; else one that is fed the root's tag again: the usual one, or
 * the stream's own when that declares more (RFC 6120 s4.8.5 lets it declare prefixes
 * for all that follows). */

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
  table_wipe(&p->scopes);
  if (pool.free_n >= XML_PARSERS_FREE || p->memory > XML_PARSER_MEMORY) {
    XML_ParserFree(p->expat);
    free(p);
    return;
  }
  p->newer = pool.free;
  pool.free = p;
  pool.free_n++;
}

/* Bytes that expat holds, of all parsers. */
static size_t held;

static void *
expat_malloc(size_t n)
{
  void *room = malloc(n);

  held += malloc_usable_size(room);
  return room;
}

static void *
expat_realloc(void *old, size_t n)
{
  size_t before = malloc_usable_size(old);
  void *room = realloc(old, n);

  if (room) held += malloc_usable_size(room) - before;
  return room;
}

static void
expat_free(void *room)
{
  held -= malloc_usable_size(room);
  free(room);
}

enum XML_Status
pool_parse(struct xml_parser *p, char const *s, size_t len)
{
  size_t before = held;
  enum XML_Status status = XML_Parse(p->expat, s, (int)len, 0);

  p->memory += held - before;
  return status;
}

/* Against names that are chosen to collide: drawn once, else each parser asks the
 * kernel. Not through the door: nothing that is said depends on it. */
static void
set_salt(XML_Parser expat)
{
  static unsigned char salt[16];
  static bool drawn;

  if (!drawn && getrandom(salt, sizeof salt, 0) != sizeof salt)
    door_random(salt, sizeof salt);
  drawn = true;
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 8)
  XML_SetHashSalt16Bytes(expat, salt);
#else
  unsigned long word;
  memcpy(&word, salt, sizeof word);
  XML_SetHashSalt(expat, word ? word : 1); /* 0 is none */
#endif
}

static XML_Parser
expat_new(void)
{
  static XML_Memory_Handling_Suite const memory = {expat_malloc, expat_realloc,
                                                   expat_free};
  static char const sep[] = {NS_SEP, 0};

  return XML_ParserCreate_MM("UTF-8", &memory, sep);
}

/* Give a free parser, reset as if new, or a new one; *memory is the memory of its
 * expat. */
static struct xml_parser *
obtain(size_t *memory)
{
  struct xml_parser *p = pool.free;

  if (p) {
    pool.free = p->newer;
    pool.free_n--;
    *memory = p->memory - held;
    if (XML_ParserReset(p->expat, "UTF-8")) {
      *memory += held;
      return p;
    }
    XML_ParserFree(p->expat);
  } else {
    p = malloc(sizeof *p);
    *memory = 0 - held;
    if (p) p->expat = expat_new();
    *memory += held;
    if (p && p->expat) return p;
  }
  free(p);
  return NULL;
}

struct xml_parser *
pool_obtain(void)
{
  size_t memory;
  struct xml_parser *p = obtain(&memory);
  XML_Parser expat;

  if (!p) return NULL;
  expat = p->expat;
  memset(p, 0, sizeof *p);
  p->expat = expat;
  p->memory = memory;
  set_salt(expat);
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
  if (pool_parse(p, root, strlen(root)) != XML_STATUS_OK) return false;
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
  p->lexer.depth = x->opened ? 1 : 0;
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
