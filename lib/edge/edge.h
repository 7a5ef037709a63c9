/* edge: the work that each program that speaks with strangers does on a stanza before routed has
 * it: checks, tags, a start tag written anew, the removal of what only a server may say; and what
 * each does with the stanzas that routed sends and acknowledges. */
#ifndef EDGE_H
#define EDGE_H

#include "link/snapshot.h"
#include "stanza/stanza.h"

/* The facts of an edge. ns is the content namespace of its streams. serves says whether the server
 * serves the prepared domain, which only the server may then name as a source. accounts: stanzas
 * are of our accounts, whose subscriptions are tagged outbound. */
struct edge_rules {
  char const *ns;
  bool (*serves)(struct slice domain);
  bool accounts;
};

typedef bool edge_child_fn(struct xml_node const *e);

/* A stanza on its way in. The caller sets from, lang, ip and client between edge_read and edge_put. */
struct edge_stanza {
  struct edge_rules const *rules;
  struct xml_node const *e;
  struct slice bytes;          /* the text of e */
  struct slice kind, type, id; /* as they came; s NULL: absent */
  struct slice from;           /* the address that the stanza gets */
  struct slice lang;           /* of a stanza that has none; may be empty */
  struct slice ip;             /* of the client; may be empty */
  struct slice client;         /* digest of the id of its user agent; may be empty */
  struct jid to;               /* all parts empty: to nobody in particular */
  struct slice xml;     /* of presence, behind edge_put: the text as it was passed on */
  struct slice caps;    /* of presence, behind edge_put: the value of its tag caps */
  int priority;         /* of presence */
  struct slice child;   /* XML that it gets as its last child; may be empty */
  edge_child_fn *lacks; /* says that a child stays behind; NULL: none does */
  bool rooted, forged;  /* the text needs its root; a child is forged */
};

/* Begin with the element e and its text. rooted: the text uses prefixes or names that the root
 * of its stream declares. */
void edge_read(struct edge_stanza *in, struct edge_rules const *rules,
               struct xml_node const *e, struct slice bytes, bool rooted);

/* An arena for text of this stanza, which lives until the next edge_read. */
struct arena *edge_arena(void);

/* Check the stanza (RFC 6120 s8, RFC 6121 s4.7), and set to and priority. false: *err and *text
 * say what is wrong; *text may be NULL. */
bool edge_check(struct edge_stanza *in, enum stanza_error *err, char const **text);

/* Say whether word is one of the words of list. */
bool edge_is_one_of(struct slice word, char const *list);

/* Say whether the presence is about a subscription (RFC 6121 s3.1.1). */
bool edge_is_subscription(struct edge_stanza const *in);

/* Say whether e is forged, since only a server may say it: a stanza-id (XEP-0359 s3) that
 * names a served domain or an account of one, a delay (XEP-0203 s8) from a served domain. */
bool edge_is_forged(struct edge_rules const *rules, struct xml_node const *e);

/* Append HASH,VER,NODE of the entity capabilities in available presence, each part escaped so that
 * it has no blank, comma or control character. Append "?" for capabilities that no hash tells: of
 * an unknown algorithm, without one, or over EDGE_CAPS_MAX bytes; and nothing when there are none.
 * false: ENOMEM. */
#define EDGE_CAPS_MAX 500
bool edge_cat_caps(stralloc *out, struct xml_node const *presence);

/* Write the tags of the stanza to out, with blanks between them, and note whether a child is
 * forged. false: ENOMEM. */
bool edge_tags(struct edge_stanza *in, stralloc *out);

/* Pass the stanza to routed: tags, a start tag with from, to, type, id and language, and the
 * inside as it came when it can stand by itself; forged children are left out. false: the stanza
 * does not fit a record, or ENOMEM; nothing was passed on. */
bool edge_put(struct edge_stanza *in, struct link *routed);

/* End the stanza: give back room that a large one took. */
void edge_done(void);

/* ---- acknowledgements of routed ---- */

/* A line of things, by their id, that wait until routed has acknowledged the stanza with number n,
 * in the order of the numbers. All zero is an empty line. */
struct edge_wait {
  uint64_t n, id;
};

struct edge_line {
  struct edge_wait *v;
  size_t head, n, size; /* size is a power of two */
};

/* Put w at the end. false: ENOMEM. */
bool edge_line_push(struct edge_line *q, struct edge_wait w);

/* Take the first of the line out, if its stanza is acknowledged. false: it waits on, or the
 * line is empty. */
bool edge_line_pop(struct edge_line *q, struct edge_wait *w);

/* edge_take notes that routed has acknowledged the stanzas up to n; edge_taken gives the highest
 * such n. */
void edge_take(uint64_t n);
uint64_t edge_taken(void);

/* The link to routed, whether it is up or not; NULL: the settings have none. */
struct link *edge_routed(void);

/* ---- repeats ---- */

/* Note that routed is up: stanzas that an earlier run of routed had not acknowledged come again. */
void edge_routed_is_up(struct link const *routed);

/* Say whether the stanza with this ORIGIN is new: a routed that was killed may have delivered
 * the stanza here before. sent: this is the copy of it for the sender's other devices (XEP-0280 s8),
 * which comes when the sender has said the stanza; the stanza itself may come later, or elsewhere. */
bool edge_is_new(struct slice origin, bool sent);

/* ---- the state for a trace ---- */

void edge_line_snapshot(struct snapshot *k, char const *name, struct edge_line *q);
void edge_taken_snapshot(struct snapshot *k);
void edge_origins_snapshot(struct snapshot *k);

#endif
