/* XEP-0386: a resource that is bound with the login. */
#ifndef C2SD_XEP0386_BIND2_H
#define C2SD_XEP0386_BIND2_H

#include "c2sd.h"
#include "stream.h"
#include "xep0198_sm.h"

#define NS_BIND2 "urn:xmpp:bind:0"

/* The element bind of a login. */
struct bind2_wish {
  bool any, carbons, sm, inactive;
  struct sm_wish management;
  char *tag; /* prepared; NULL: none */
};

/* Append the feature bind of the host of s. false: ENOMEM. */
bool bind2_features(struct stream const *s, stralloc *out);

/* Read the element bind e of a login of s. false: ENOMEM. */
bool bind2_read(struct stream *s, struct xml_node const *e);

/* Ask routed for the resource, with the authentication of s done: s is BINDING. NULL; or the
 * condition of a stanza error: the resource is refused, and the state is as before. */
char const *bind2_begin(struct stream *s);

/* The id of the request for metadata that s makes with its bind; NULL: its host has no archives. */
char const *bind2_metadata(struct stream const *s);

/* Answers of routed: s, which is BINDING, is bound, as what its session says; or is not, for a
 * condition of a stanza error. */
void bind2_bound(struct stream *s);
void bind2_refused(struct stream *s, char const *condition);

/* Take the iq of the deliver record r if it is the answer of the archive that s has waited for, or
 * waits for; the archive has not answered in time. */
bool bind2_takes(struct stream *s, struct record *r);
void bind2_without_metadata(struct stream *s);

/* The success of the login is written: be the session. */
void bind2_begun(struct stream *s, struct bind2_wish const *w);

/* In the record of the stream, which is open. */
void bind2_snapshot(struct snapshot *k, struct bind2_wish *w);

#endif
