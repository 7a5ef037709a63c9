/* handle: tables of protocol handlers. One row a thing handled; from the rows come the
 * answers, what is announced to routed, and the check that no two answer the same. */
#ifndef HANDLE_H
#define HANDLE_H

#include "link/snapshot.h"
#include "settings/settings.h"
#include "stanza/stanza.h"

/* Whom a request is addressed to: a host, or an account. */
enum handle_scope { HANDLE_HOST = 1, HANDLE_ACCOUNT = 2 };

/* PASS: not mine. DONE: the answer is in out. REFUSE: error, text and more say why not.
 * LATER: the handler has answered by itself, or has copied what it needs to do so in time,
 * by handle_result or handle_refuse. */
enum verdict { PASS, DONE, REFUSE, LATER };

/* The facts that a handler gets. jid is the sender, proven by its edge; host is the
 * addressed domain; account is the bare JID of the addressed account, or empty. The
 * handler reads no fd, clock or chance but door_now, door_wall and door_random. */
struct handle_ctx {
  struct arena *arena; /* for what lives as long as the call */
  struct jid from;
  struct slice host, account;
  enum stanza_error error; /* of REFUSE */
  struct slice text;       /* the text of the error; may be empty */
  struct slice inside;     /* the text of the condition itself; may be empty */
  struct slice more;       /* application condition as XML (RFC 6120 s8.3.4), or empty */
};

/* Answer the request in, whose payload is e: append to out what stands inside the iq result
 * (nothing: an empty result). */
typedef enum verdict handle_fn(struct handle_ctx *ctx, struct stanza const *in,
                               struct xml_node const *e, stralloc *out);

struct handle_row {
  unsigned int scopes;   /* bits of handle_scope; 0: the row is for disco#info alone */
  char const *type;      /* get or set */
  char const *ns, *name; /* of the payload */
  handle_fn *fn;
  unsigned int shown; /* the scopes in which disco#info shows ns as a feature */
  char const *module; /* the row is for hosts that have this module; NULL: for all */
};

/* Tell routed what the n rows handle and show: for each host that has the row's module by the
 * settings st, or once when all hosts have it. handle_forget stands before what is said anew to
 * the same run of routed, and handle_announced behind all that the program announces: what an
 * earlier run, or an earlier configuration, has announced and this one not ends there. */
void handle_announce(struct link *routed, struct handle_row const *rows, size_t n,
                     struct settings const *st);
void handle_forget(struct link *routed);
void handle_announced(struct link *routed);

/* Ask routed to be told of word (verb watch of xmpp-records(7)). */
void handle_watch(struct link *routed, char const *word);

/* Answer the iq of the stanza record r by the n rows, on the link routed. A request that no row takes,
 * or only a row whose module the addressed host does not have, gets service-unavailable; an answer that
 * is too long for a record becomes resource-constraint. Results and errors are ignored, and so is a
 * request that comes again: false is given for such a request alone. */
bool handle_record(struct link *routed, struct record *r, struct handle_row const *rows,
                   size_t n, struct settings const *st);

/* Tell routed that the request in, which came again, has its answer: routed may have noted it, as one
 * that is answered later, for it cannot know what an earlier routed has passed on. An error with the tag
 * asked says so, which xmpp-c2sd drops (xmpp-restarts(7)); no other source of requests is told. */
void handle_answered(struct link *routed, struct stanza const *in);

/* Answer in, of which to, from, kind and id are read: the iq result around the XML inside
 * (may be empty); the error, whose text and own condition (XML) may be empty. */
void handle_result(struct link *routed, struct stanza const *in, struct slice inside);
void handle_refuse(struct link *routed, struct stanza const *in, enum stanza_error e,
                   struct slice text, struct slice more);

/* Refuse a request from within its handler: set the error of ctx and its text, which is a
 * constant and may be empty, and give REFUSE. handle_wrong does the same for a function that
 * checks a part of the request, and gives false. */
enum verdict handle_error(struct handle_ctx *ctx, enum stanza_error e, char const *text);
bool handle_wrong(struct handle_ctx *ctx, enum stanza_error e, char const *text);

/* Answer the request in, which carries the tag asked: xmpp-c2sd asks whether a request that
 * was acknowledged to an earlier routed will be answered, and this service does not know it. */
void handle_forgotten(struct link *routed, struct stanza const *in);

/* Say whether this run has handled the request of this ORIGIN (a source without epochs says
 * nothing), and note it; handle_record asks this. Sources are noted up to HANDLE_SOURCES_MAX. */
bool handle_came_before(struct slice origin);

/* End the turn: with kept false its requests are forgotten, and come again. */
void handle_turn(bool kept);

/* The state for a trace, between turns. */
void handle_snapshot(struct snapshot *k);

#endif
