#include "ctl.h"
#include "move.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <expat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Newer Expats have 64-bit forms of where a parser is, for machines whose long has 32 bits; Debian 12's has
 * the others alone. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* Documents of XEP-0227, in pieces: elements that hold others open a level, and each element inside
 * them that holds data is gathered as text and given on when it ends. So there is never more than
 * one such element in memory, of STANZA_MAX bytes at most.
 *
 *   server-data > host > user > archive, offline-messages, pubsub > items
 *
 * The nodes of a service stand in pubsub in its host (not of XEP-0227).
 *
 * An XInclude is read where it stands, as if its root stood there (s4.1). */

enum level { TOP, SERVER, HOST, USER, ARCHIVE, WAITING, OWNED, PUBSUB, ITEMS, LEVELS };

#define SEPARATOR '\1'
#define READ_BYTES 65536
#define DEPTH_MAX 200
/* Expat keeps each element that is open. */
#define OPEN_MAX 100000u

struct document {
  struct document *outer;
  XML_Parser parser;
  char const *path;
  char const *wrong; /* why the rest is not read */
};

static struct {
  struct document *doc;
  enum level levels[LEVELS + 2 * IMPORT_INCLUDES_MAX];
  unsigned int depth; /* of levels */
  char host[JID_MAX + 1];
  stralloc node; /* the name of the node whose items are read */
  /* The element that is gathered: its text, its open elements, their namespaces. */
  stralloc leaf;
  unsigned int inside;
  stralloc spaces;
  bool too_long;
  unsigned int ignored; /* elements that are open inside one that is not known */
  struct arena arena;
} in;

static struct {
  char name[128];
  uint64_t n;
} unknown[IMPORT_UNKNOWN_MAX];

/* ---- names ---- */

/* Cut what expat gives of a name: NAMESPACE SEPARATOR NAME, or NAME. */
static struct slice
cut(char const *text, struct slice *ns)
{
  char const *at = strchr(text, SEPARATOR);

  *ns = at ? slice_of(text, (size_t)(at - text)) : SLICE("");
  return slice_str(at ? at + 1 : text);
}

static bool
is_pie(struct slice ns)
{
  return slice_is(ns, NS_PIE) || slice_is(ns, NS_PIE_OLD);
}

static char const *
attr(char const **attrs, char const *name)
{
  for (; *attrs; attrs += 2)
    if (!strcmp(*attrs, name)) return attrs[1];
  return NULL;
}

static void
stop(char const *why)
{
  if (!in.doc->wrong) in.doc->wrong = why;
  XML_StopParser(in.doc->parser, XML_FALSE);
}

static void
count_unknown(struct slice ns)
{
  unsigned int i = 0;

  while (i < IMPORT_UNKNOWN_MAX && unknown[i].n && !slice_is(ns, unknown[i].name))
    i++;
  if (i == IMPORT_UNKNOWN_MAX) i--;
  if (!unknown[i].n++)
    snprintf(unknown[i].name, sizeof unknown[i].name, "%.127s", log_text(ns));
}

void
move_print_unknown(void)
{
  unsigned int i;

  for (i = 0; i < IMPORT_UNKNOWN_MAX && unknown[i].n; i++)
    fprintf(stderr, "xmpp-ctl: import: not known here: %s: %llu elements\n",
            unknown[i].name, (unsigned long long)unknown[i].n);
}

/* ---- gathering an element ---- */

static void
cat(struct slice text)
{
  if (!in.too_long && !stralloc_catb(&in.leaf, text.s, text.len)) move_fail("read");
  if (in.leaf.len > STANZA_MAX) in.too_long = true;
}

static void
cat_text(struct slice text)
{
  if (!in.too_long && !xml_cat_text(&in.leaf, text)) move_fail("read");
  if (in.leaf.len > STANZA_MAX) in.too_long = true;
}

static void
cat_value(struct slice value)
{
  if (!in.too_long && !xml_cat_value(&in.leaf, value)) move_fail("read");
  if (in.leaf.len > STANZA_MAX) in.too_long = true;
}

/* The namespace of the element around; s NULL: there is none. */
static struct slice
space_outside(void)
{
  size_t n = in.spaces.len;

  if (!n) return (struct slice){NULL, 0};
  for (n--; n && in.spaces.s[n - 1]; n--) {
  }
  return slice_str(in.spaces.s + n);
}

static void
gather_attr(char const *name, char const *value, unsigned int n)
{
  struct slice ns, local = cut(name, &ns);
  char prefix[32];

  cat(SLICE(" "));
  if (slice_is(ns, "http://www.w3.org/XML/1998/namespace")) {
    cat(SLICE("xml:"));
  } else if (ns.len) {
    snprintf(prefix, sizeof prefix, "a%u", n);
    cat(SLICE("xmlns:"));
    cat(slice_str(prefix));
    cat(SLICE("='"));
    cat_value(ns);
    cat(SLICE("' "));
    cat(slice_str(prefix));
    cat(SLICE(":"));
  }
  cat(local);
  cat(SLICE("='"));
  cat_value(slice_str(value));
  cat(SLICE("'"));
}

static void
gather_start(char const *name, char const **attrs)
{
  struct slice ns, local = cut(name, &ns), outside = space_outside();
  unsigned int n = 0;

  if (++in.inside > DEPTH_MAX) {
    in.too_long = true;
    if (in.inside > OPEN_MAX) stop("it is too deep");
    return;
  }
  cat(SLICE("<"));
  cat(local);
  if (!outside.s || !slice_eq(outside, ns)) {
    cat(SLICE(" xmlns='"));
    cat_value(ns);
    cat(SLICE("'"));
  }
  if (!stralloc_catb(&in.spaces, ns.s, ns.len) || !stralloc_0(&in.spaces))
    move_fail("read");
  for (; *attrs; attrs += 2)
    gather_attr(attrs[0], attrs[1], n++);
  cat(SLICE(">"));
}

static enum level
level(void)
{
  return in.depth ? in.levels[in.depth - 1] : TOP;
}

/* ---- giving an element on ---- */

typedef void leaf_fn(struct arena *a, struct xml_node const *e);

static struct {
  enum level level;
  char const *ns, *name;
  leaf_fn *fn;
} const leaves[] = {
  {USER,  NS_PIE_SCRAM,    "scram-credentials", move_scram        },
  {USER,  NS_ROSTER,       "query",             move_roster       },
  {USER,  NS_CLIENT,       "presence",          move_request      },
  {USER,  NS_VCARD,        "vCard",             move_vcard        },
  {USER,  NS_PRIVATE,      "query",             move_private      },
  {USER,  NS_PRIVACY,      "query",             move_privacy      },
  {USER,  NS_BLOCKING,     "blocklist",         move_blocklist    },
  {OWNED, NS_PUBSUB_OWNER, "configure",         move_configure    },
  {OWNED, NS_PUBSUB_OWNER, "affiliations",      move_affiliations },
  {OWNED, NS_PUBSUB_OWNER, "subscriptions",     move_subscriptions},
};

static void
give(struct xml_node *e)
{
  size_t i;

  if (level() == ARCHIVE && xml_is(e, NS_MAM, "result")) {
    move_result(&in.arena, e);
    return;
  }
  if (level() == WAITING) {
    move_waiting(&in.arena, e);
    return;
  }
  if (level() == ITEMS) {
    move_item(&in.arena, slice_of(in.node.s, in.node.len), e);
    return;
  }
  for (i = 0; i < sizeof leaves / sizeof *leaves; i++)
    if (leaves[i].level == level() && xml_is(e, leaves[i].ns, leaves[i].name)) {
      leaves[i].fn(&in.arena, e);
      return;
    }
  count_unknown(e->ns);
}

static void
gather_end(char const *name)
{
  struct slice ns, local = cut(name, &ns);
  enum xml_error why;
  struct xml_node *e;

  if (in.inside <= DEPTH_MAX) {
    cat(SLICE("</"));
    cat(local);
    cat(SLICE(">"));
    in.spaces.len -= ns.len + 1;
  }
  if (--in.inside) return;
  e =
    in.too_long ? NULL : xml_parse(&in.arena, slice_of(in.leaf.s, in.leaf.len), "", &why);
  if (!e)
    move_refuse("data", "an element is too long or too deep");
  else if (slice_is(e->name, "scram-credentials") || move_settle())
    give(e);
  arena_cleanse(&in.arena);
  arena_reset(&in.arena);
}

/* ---- levels ---- */

static void
push(enum level l)
{
  if (in.depth < sizeof in.levels / sizeof *in.levels)
    in.levels[in.depth++] = l;
  else
    stop("it is too deep");
}

static struct {
  enum level outside, inside;
  char const *ns, *name;
} const levels[] = {
  {TOP,    SERVER,  NS_PIE,          "server-data"     },
  {SERVER, HOST,    NS_PIE,          "host"            },
  {HOST,   USER,    NS_PIE,          "user"            },
  {USER,   WAITING, NS_PIE,          "offline-messages"},
  {USER,   ARCHIVE, NS_PIE_MAM,      "archive"         },
  {USER,   OWNED,   NS_PUBSUB_OWNER, "pubsub"          },
  {USER,   PUBSUB,  NS_PUBSUB,       "pubsub"          },
  {HOST,   OWNED,   NS_PUBSUB_OWNER, "pubsub"          },
  {HOST,   PUBSUB,  NS_PUBSUB,       "pubsub"          },
  {PUBSUB, ITEMS,   NS_PUBSUB,       "items"           },
};

/* The level that the element opens; TOP: none. */
static enum level
opened_by(struct slice ns, struct slice local)
{
  size_t i;

  for (i = 0; i < sizeof levels / sizeof *levels; i++)
    if (levels[i].outside == level() && slice_is(local, levels[i].name) &&
        (slice_is(ns, levels[i].ns) || (!strcmp(levels[i].ns, NS_PIE) && is_pie(ns))))
      return levels[i].inside;
  return TOP;
}

static void
begin(enum level l, char const **attrs)
{
  char const *text;

  if (l == HOST) {
    text = attr(attrs, "jid");
    snprintf(in.host, sizeof in.host, "%s", text ? text : "");
  } else if (l == USER) {
    text = attr(attrs, "name");
    if (!text) text = "";
    move_user_begin(slice_str(in.host), slice_str(text),
                    attr(attrs, "password") ? slice_str(attr(attrs, "password"))
                                            : (struct slice){NULL, 0});
  } else if (level() == HOST && !(mover.is_service && slice_is(mover.bare, in.host))) {
    move_service_begin(slice_str(in.host));
  } else if (l == ITEMS) {
    text = attr(attrs, "node");
    in.node.len = 0;
    if (text && !stralloc_cats(&in.node, text)) move_fail("read");
  }
  push(l);
}

static void include(char const **attrs);

static void XMLCALL
on_start(void *cookie, char const *name, char const **attrs)
{
  struct slice ns, local = cut(name, &ns);
  enum level l;

  (void)cookie;
  if (in.inside || in.ignored) {
    if (in.inside)
      gather_start(name, attrs);
    else if (++in.ignored > OPEN_MAX)
      stop("it is too deep");
    return;
  }
  l = opened_by(ns, local);
  if (l != TOP) {
    begin(l, attrs);
  } else if (slice_is(ns, NS_INCLUDE) && slice_is(local, "include") &&
             (level() == SERVER || level() == HOST || level() == USER)) {
    in.ignored = 1;
    include(attrs);
  } else if (level() == TOP) {
    stop("its root is not of XEP-0227");
  } else if (level() == SERVER || level() == HOST || level() == PUBSUB) {
    count_unknown(ns);
    in.ignored = 1;
  } else {
    in.leaf.len = in.spaces.len = 0;
    in.too_long = false;
    gather_start(name, attrs);
  }
}

static void XMLCALL
on_end(void *cookie, char const *name)
{
  (void)cookie;
  if (in.inside)
    gather_end(name);
  else if (in.ignored)
    in.ignored--;
  else if (in.depth) {
    if (level() == USER) move_user_end();
    in.depth--;
  }
}

static void XMLCALL
on_text(void *cookie, char const *s, int len)
{
  (void)cookie;
  if (in.inside && in.inside <= DEPTH_MAX) cat_text(slice_of(s, (size_t)len));
}

/* Entities of a DTD could grow without limit, or name files. */
static void XMLCALL
on_doctype(void *cookie, char const *name, char const *sysid, char const *pubid,
           int has_internal)
{
  (void)cookie;
  (void)name;
  (void)sysid;
  (void)pubid;
  (void)has_internal;
  stop("it has a DTD");
}

/* ---- files ---- */

static bool
feed(struct document *d, FILE *f)
{
  bool end = false;
  uint64_t bytes = 0;
  size_t n;
  void *buf;

  while (!end) {
    buf = XML_GetBuffer(d->parser, READ_BYTES);
    if (!buf) move_fail("read");
    n = fread(buf, 1, READ_BYTES, f);
    if (ferror(f)) {
      d->wrong = strerror(errno);
      return false;
    }
    end = feof(f);
    if (XML_ParseBuffer(d->parser, (int)n, end) != XML_STATUS_OK) return false;
    bytes += n;
    if (bytes - (uint64_t)XML_GetCurrentByteIndex(d->parser) <= STANZA_MAX + READ_BYTES)
      continue;
    d->wrong = "a tag or a comment is too long"; /* Expat keeps it until its end. */
    return false;
  }
  return true;
}

bool
move_read(char const *path, FILE *f)
{
  struct document d = {in.doc, NULL, path, NULL};
  FILE *own = f ? NULL : fopen(path, "re");
  unsigned int depth = in.depth;
  bool ok;

  if (!f && !own) {
    strerr_warnwusys("read ", path);
    return false;
  }
  d.parser = XML_ParserCreateNS(NULL, SEPARATOR);
  if (!d.parser) move_fail("read");
  in.doc = &d;
  XML_SetElementHandler(d.parser, on_start, on_end);
  XML_SetCharacterDataHandler(d.parser, on_text);
  XML_SetStartDoctypeDeclHandler(d.parser, on_doctype);
  ok = feed(&d, f ? f : own);
  if (!ok)
    fprintf(stderr, "xmpp-ctl: import: %s, line %lu: %s\n", path,
            (unsigned long)XML_GetCurrentLineNumber(d.parser),
            d.wrong ? d.wrong : XML_ErrorString(XML_GetErrorCode(d.parser)));
  in.doc = d.outer;
  XML_ParserFree(d.parser);
  if (own) fclose(own);
  /* An account that was cut off keeps what was read of it. */
  for (; !ok && in.depth > depth; in.depth--)
    if (level() == USER) move_user_end();
  if (!ok) in.inside = 0;
  return ok;
}

/* ---- includes ---- */

/* A name of a file in the folder of the document or below: no scheme, no way up. */
static bool
may_include(char const *href)
{
  char const *at;

  if (!*href || *href == '/' || strchr(href, ':') || strchr(href, '#')) return false;
  for (at = href; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
    /* The name has an end. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch) */
    if (!strncmp(at, "..", 2) && (!at[2] || at[2] == '/')) return false;
  return true;
}

static bool
unescape(char const *href, char *out, size_t size)
{
  char hex[3] = "";
  size_t n = 0;

  for (; *href && n + 1 < size; href++) {
    out[n++] = *href;
    if (*href != '%') continue;
    memcpy(hex, href + 1, href[1] ? 2 : 0);
    if (strspn(hex, "0123456789abcdefABCDEF") != 2) return false;
    out[n - 1] = (char)strtoul(hex, NULL, 16);
    href += 2;
  }
  out[n] = 0;
  return !*href && n == strlen(out);
}

static void
include(char const **attrs)
{
  char const *href = attr(attrs, "href"), *slash;
  struct document const *d = in.doc;
  unsigned int depth = 0, ignored = in.ignored;
  char name[512], path[1200];

  if (!d) return;
  for (; d; d = d->outer)
    depth++;
  if (!href || attr(attrs, "parse") || attr(attrs, "xpointer") || !may_include(href) ||
      !unescape(href, name, sizeof name) || !may_include(name) ||
      depth > IMPORT_INCLUDES_MAX) {
    fprintf(stderr, "xmpp-ctl: import: %s: it includes what cannot be included: %s\n",
            in.doc->path, href ? log_text(slice_str(href)) : "");
    move.refused++;
    return;
  }
  slash = strrchr(in.doc->path, '/');
  snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash + 1 - in.doc->path) : 0,
           in.doc->path, name);
  in.ignored = 0;
  if (!move_read(path, NULL)) move.refused++;
  in.ignored = ignored;
}
