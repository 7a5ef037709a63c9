#include "bosh.h"

#include <stdlib.h>
#include <string.h>

/* The element body of BOSH, which wraps what goes either way (XEP-0124 s6). */

#define NS_CLIENT "jabber:client"

static struct {
  char const *word;
  unsigned int status; /* for clients without the attribute ver; 0: none */
} const faults[BOSH_FAULTS_N] = {
  [BOSH_FINE] = {"undefined-condition",      0  },
  [BOSH_BAD_REQUEST] = {"bad-request",              400},
  [BOSH_ITEM_NOT_FOUND] = {"item-not-found",           404},
  [BOSH_POLICY_VIOLATION] = {"policy-violation",         403},
  [BOSH_HOST_UNKNOWN] = {"host-unknown",             0  },
  [BOSH_IMPROPER_ADDRESSING] = {"improper-addressing",      0  },
  [BOSH_INTERNAL_SERVER_ERROR] = {"internal-server-error",    0  },
  [BOSH_REMOTE_CONNECTION_FAILED] = {"remote-connection-failed", 0  },
  [BOSH_REMOTE_STREAM_ERROR] = {"remote-stream-error",      0  },
  [BOSH_SYSTEM_SHUTDOWN] = {"system-shutdown",          0  },
};

char const *
bosh_condition(enum bosh_fault fault)
{
  return faults[fault].word;
}

unsigned int
bosh_status(enum bosh_fault fault)
{
  return faults[fault].status;
}

/* ---- reading ---- */

/* An XML declaration in front is no part of the element. */
static struct slice
without_prolog(struct slice text)
{
  char const *end;

  if (!slice_starts(text, "<?xml ")) return text;
  end = memmem(text.s, text.len, "?>", 2);
  return end ? slice_of(end + 2, text.len - (size_t)(end + 2 - text.s)) : text;
}

static bool
is_blank(struct slice text)
{
  size_t i;

  for (i = 0; i < text.len; i++)
    if (!text.s[i] || !strchr(" \t\r\n", text.s[i])) return false;
  return true;
}

/* The value of an attribute of XEP-0206. */
static struct slice
xbosh_attr(struct xml_node const *e, char const *name)
{
  struct xml_head const *h = e->head;
  unsigned int i;

  for (i = 0; i < h->attrs_n; i++)
    if (slice_is(h->attrs[i].ns, NS_XBOSH) && slice_is(h->attrs[i].name, name))
      return h->attrs[i].value;
  return (struct slice){NULL, 0};
}

/* false: the attribute is there, and is no number. */
static bool
read_number(struct xml_node const *e, char const *name, bool *has, uint64_t *n)
{
  struct slice text = xml_attr(e, name);

  *has = text.s != NULL;
  *n = 0;
  return !text.s || slice_u64(text, n);
}

static bool
read_numbers(struct bosh_body *b)
{
  struct xml_node const *e = b->root;

  return read_number(e, "rid", &b->has_rid, &b->rid) && b->has_rid && b->rid &&
         b->rid <= BOSH_RID_MAX && read_number(e, "wait", &b->has_wait, &b->wait) &&
         read_number(e, "hold", &b->has_hold, &b->hold) &&
         read_number(e, "pause", &b->has_pause, &b->pause) &&
         read_number(e, "ack", &b->has_ack, &b->ack);
}

static void
read_texts(struct bosh_body *b)
{
  struct xml_node const *e = b->root;
  struct slice restart = xbosh_attr(e, "restart");

  b->sid = xml_attr(e, "sid");
  b->to = xml_attr(e, "to");
  b->from = xml_attr(e, "from");
  b->ver = xml_attr(e, "ver");
  b->content = xml_attr(e, "content");
  b->key = xml_attr(e, "key");
  b->newkey = xml_attr(e, "newkey");
  b->lang = xml_lang(e);
  b->version = xbosh_attr(e, "version");
  b->restarts = slice_is(restart, "true") || slice_is(restart, "1");
  b->terminates = slice_is(xml_attr(e, "type"), "terminate");
}

/* Say whether the payload is elements alone (s6). */
static bool
has_no_text(struct xml_node const *root)
{
  struct xml_node const *e;

  for (e = root->first; e; e = e->next)
    if (!e->name.len && !is_blank(e->text)) return false;
  return true;
}

/* Declarations of the element are said again in each child that needs them. */
static bool
declares_too_much(struct xml_node const *root)
{
  size_t bytes = 0;
  unsigned int i;

  for (i = 0; i < root->head->decls_n; i++)
    bytes += root->head->decls[i]->prefix.len + root->head->decls[i]->ns.len;
  return bytes > XML_ROOT_DECLS_MAX;
}

enum bosh_fault
bosh_read(struct bosh_body *b, struct arena *a, struct slice text)
{
  enum xml_error why = XML_OK;

  *b = (struct bosh_body){0};
  b->root = xml_parse(a, without_prolog(text), "", &why);
  if (!b->root)
    return why == XML_NO_MEMORY                          ? BOSH_INTERNAL_SERVER_ERROR
           : why == XML_TOO_DEEP || why == XML_TOO_LARGE ? BOSH_POLICY_VIOLATION
                                                         : BOSH_BAD_REQUEST;
  if (!xml_is(b->root, NS_BOSH, "body") || !has_no_text(b->root) || !read_numbers(b))
    return BOSH_BAD_REQUEST;
  if (declares_too_much(b->root)) return BOSH_POLICY_VIOLATION;
  read_texts(b);
  b->has_payload = xml_next(b->root, NULL) != NULL;
  return BOSH_FINE;
}

/* ---- payload for xmpp-c2sd ---- */

static bool
is_ours(struct xml_node const *e)
{
  return !e->ns.len || slice_is(e->ns, NS_BOSH);
}

static void
make_client(struct xml_node *e, struct slice ns)
{
  e->ns = ns;
  e->head->prefix = NULL;
}

/* An element below one that was changed belongs to the same namespace, and is changed
 * too. */
static void
make_all_client(struct xml_node *top)
{
  struct slice const ns = SLICE(NS_CLIENT);
  struct xml_node *e = top;

  make_client(e, ns);
  for (;;) {
    if (e->name.len && e->ns.s == ns.s && e->first) {
      e = e->first;
    } else {
      while (e != top && !e->next)
        e = e->parent;
      if (e == top) return;
      e = e->next;
    }
    if (e->name.len && is_ours(e)) make_client(e, ns);
  }
}

bool
bosh_cat_child(stralloc *out, struct xml_node *child)
{
  if (is_ours(child)) make_all_client(child);
  return xml_cat_tree(out, child, "");
}

/* ---- answers ---- */

static bool
cat_seconds(stralloc *out, char const *name, uint64_t us)
{
  char buf[BASE_NUM];

  return us == UINT64_MAX || xml_cat_attr(out, name, num_u64(buf, us / 1000000));
}

static bool
cat_number(stralloc *out, char const *name, uint64_t n)
{
  char buf[BASE_NUM];

  return xml_cat_attr(out, name, num_u64(buf, n));
}

static bool
cat_version(stralloc *out, unsigned int minor)
{
  char buf[BASE_NUM];
  struct slice n = num_u64(buf, minor);

  return xml_cat(out, " ver='1.") && stralloc_catb(out, n.s, n.len) && xml_cat(out, "'");
}

/* s7.2. */
static bool
cat_creation(stralloc *out, struct bosh const *s, uint64_t rid)
{
  return xml_cat_attr(out, "sid", slice_str(s->sid)) &&
         cat_seconds(out, "wait", s->wait_us) && cat_number(out, "hold", s->hold) &&
         cat_number(out, "requests", s->requests) &&
         cat_seconds(out, "polling", BOSH_POLLING_US) &&
         cat_seconds(out, "inactivity", s->inactivity_us) &&
         cat_seconds(out, "maxpause", s->maxpause_us) &&
         (s->legacy || cat_version(out, s->minor)) &&
         (!s->acks || cat_number(out, "ack", rid)) &&
         xml_cat(out, " xmlns:xmpp='" NS_XBOSH "' xmpp:restartlogic='true'");
}

/* The stream's header as soon as it is there (XEP-0206 s4). */
static bool
cat_header(stralloc *out, struct bosh *s)
{
  bool ok = xml_cat_attr(out, "authid", slice_str(s->authid)) &&
            (!s->from || xml_cat_attr(out, "from", slice_str(s->from))) &&
            (!s->created || xml_cat(out, " xmlns:xmpp='" NS_XBOSH "'")) &&
            xml_cat(out, " xmpp:version='1.0'");

  free(s->authid);
  free(s->from);
  s->authid = s->from = NULL;
  return ok;
}

/* s9.1: the highest request that came with all before it, unless that is the one which is
 * answered. */
static bool
cat_acks(stralloc *out, struct bosh const *s, struct bosh_asked const *a)
{
  uint64_t ms;

  if (s->acks && s->created && s->rid != a->rid && !cat_number(out, "ack", s->rid))
    return false;
  if (!s->reports || !s->told_n) return true;
  ms = (door_now() - s->told[0].at_us) / 1000;
  return cat_number(out, "report", s->told[0].rid) && cat_number(out, "time", ms);
}

/* Append what fits of the payload. */
static bool
cat_payload(stralloc *out, struct bosh *s)
{
  size_t at = 0, begin = out->len;
  uint64_t n = 0;

  while (at < s->out.len && n < s->concat && out->len - begin < BOSH_ANSWER_MAX) {
    char const *e = s->out.s + at;
    size_t len = strlen(e);
    if (!stralloc_catb(out, e, len)) return false;
    at += len + 1;
    n++;
  }
  if (at) memmove(s->out.s, s->out.s + at, s->out.len - at);
  s->out.len -= at;
  s->out_n -= n;
  if (!s->out.len) stralloc_free(&s->out);
  return true;
}

/* A client is told of the end when all else has been said. */
static bool
cat_end(stralloc *out, struct bosh *s)
{
  if (!s->over || s->said || s->out_n) return true;
  s->said = true;
  return xml_cat(out, " type='terminate'") &&
         (!s->fault ||
          xml_cat_attr(out, "condition", slice_str(bosh_condition(s->fault))));
}

bool
bosh_cat_answer(stralloc *out, struct bosh *s, struct bosh_asked const *a, bool bare)
{
  stralloc payload = STRALLOC_ZERO;
  bool ok = (bare || cat_payload(&payload, s)) &&
            xml_cat(out, "<body xmlns='" NS_BOSH "'") &&
            (s->created || cat_creation(out, s, a->rid)) && cat_acks(out, s, a) &&
            (!s->authid || cat_header(out, s)) && cat_end(out, s);

  if (ok && payload.len && memmem(payload.s, payload.len, "<stream:", 8))
    ok = xml_cat(out, " xmlns:stream='" XML_NS_STREAMS "'");
  ok = ok &&
       (payload.len ? xml_cat(out, ">") && stralloc_catb(out, payload.s, payload.len) &&
                        xml_cat(out, "</body>")
                    : xml_cat(out, "/>"));
  stralloc_free(&payload);
  return ok;
}
