/* stanza: what a stanza is to a server (RFC 6120 s8): its envelope as records carry it, the
 * answers and errors that are built from it. */
#ifndef STANZA_H
#define STANZA_H

#include "jid/jid.h"
#include "link/link.h"
#include "xml/xml.h"

/* The fields of a stanza record, in order, behind the verb. */
enum stanza_field {
  STANZA_TO = 1,
  STANZA_FROM,
  STANZA_KIND,
  STANZA_TYPE,
  STANZA_ID,
  STANZA_TAGS,
  STANZA_ORIGIN,
  STANZA_XML
};

/* The envelope of a stanza. xml is the element as text. */
struct stanza {
  struct slice to, from, kind, type, id, tags, origin, xml;
};

/* Read a stanza record into *out; `at` is the number of fields in front of TO: 0 of the verb
 * stanza, 1 of deliver. out->xml stays as it stands in the record, escaped, to be passed on by
 * link_raw. */
void stanza_read(struct record *r, unsigned int at, struct stanza *out);

/* Give field i of the fields of a stanza from TO on, as they stand in a record. */
struct slice stanza_raw_field(struct slice raw, unsigned int i);

/* Where a stanza comes from: the ORIGIN of an instance, NAME:NUMBER, or as routed passes it on,
 * NAME:EPOCH:NUMBER. Numbers rise within an epoch of a name; those of another epoch are of
 * another run of it and say nothing about these. Without an epoch it is 0. */
struct stanza_source {
  struct slice name;
  uint64_t epoch, number;
};

/* Read an ORIGIN into *out. false: the text is none (a stanza may have none). */
bool stanza_source(struct slice origin, struct stanza_source *out);

/* Stanza error conditions (RFC 6120 s8.3.3), each with the type that s8.3.3 gives it; BLOCKED is
 * not-acceptable with the type that XEP-0191 s3.3 gives it, INTERNAL_WAIT is internal-server-error
 * that may pass (wait); no name finds the two. */
enum stanza_error {
  ERR_BAD_REQUEST,
  ERR_CONFLICT,
  ERR_FEATURE_NOT_IMPLEMENTED,
  ERR_FORBIDDEN,
  ERR_GONE,
  ERR_INTERNAL,
  ERR_INTERNAL_WAIT,
  ERR_ITEM_NOT_FOUND,
  ERR_JID_MALFORMED,
  ERR_NOT_ACCEPTABLE,
  ERR_BLOCKED,
  ERR_NOT_ALLOWED,
  ERR_NOT_AUTHORIZED,
  ERR_POLICY_VIOLATION,
  ERR_RECIPIENT_UNAVAILABLE,
  ERR_REGISTRATION_REQUIRED,
  ERR_REMOTE_NOT_FOUND,
  ERR_REMOTE_TIMEOUT,
  ERR_RESOURCE_CONSTRAINT,
  ERR_SERVICE_UNAVAILABLE,
  ERR_SUBSCRIPTION_REQUIRED,
  ERR_UNEXPECTED_REQUEST,
  STANZA_ERRORS_N
};

/* Give the name of an error, "service-unavailable" of ERR_SERVICE_UNAVAILABLE; and the error of a
 * name, or ERR_INTERNAL. */
char const *stanza_error_name(enum stanza_error e);
enum stanza_error stanza_error_find(struct slice name);

/* Append to out the error stanza that answers in (s8.3.1): kind and id kept, from and to
 * turned round, without the payload; text may be empty. false: ENOMEM. */
bool stanza_cat_error(stralloc *out, struct stanza const *in, enum stanza_error e,
                      struct slice text);

/* Append the error stanza that stanza_cat_error does, with more, a condition of the application's
 * own (s8.3.4) as XML, which may be empty. */
bool stanza_cat_error_more(stralloc *out, struct stanza const *in, enum stanza_error e,
                           struct slice text, struct slice more);

/* All that an error may have (s8.3.2). type NULL or empty: that of the error; by: the address that
 * made it; inside: the text of the condition itself, as of gone (s8.3.3.5); lang: of text; more: a
 * condition of the application's own, XML; before: XML in front of the error element. Slices may be
 * empty. */
struct stanza_fault {
  enum stanza_error error;
  char const *type;
  struct slice by, inside, lang, text, more, before;
};

/* Append the error stanza that answers in. false: ENOMEM. */
bool stanza_cat_fault(stralloc *out, struct stanza const *in,
                      struct stanza_fault const *f);

/* Append the opening tag of the iq result that answers in, for a payload to follow and
 * </iq>; or the whole empty result. false: ENOMEM. */
bool stanza_cat_result_open(stralloc *out, struct stanza const *in);
bool stanza_cat_result(stralloc *out, struct stanza const *in);

/* Say whether the stanza may be answered: errors never are, nor results (s8.3.1). */
bool stanza_may_answer(struct stanza const *in);

/* Put a stanza record on l, whose envelope and XML (text, not escaped) are ours, and number it. */
void stanza_put(struct link *l, struct stanza const *st);

/* Put the answer to in whose XML is given: type error or result, to and from turned, with the
 * tag asked if in has that. */
void stanza_answer(struct link *l, struct stanza const *in, char const *type,
                   struct slice xml);

/* The value of the tag NAME=VALUE among tags; empty when there is none. */
struct slice stanza_tag(struct slice tags, char const *name);

/* Say whether a stanza with these fields wakes its reader's device (XEP-0357): a call does, and a
 * message with a body, an encrypted one, an invitation, unless a hint says that nobody keeps it.
 * Errors, headlines, events of nodes, and answers of archives do not. */
bool stanza_wakes(struct slice kind, struct slice type, struct slice tags);

/* Say whether a run of this program that was killed may have handled the stanza
 * already: all that follows from it is said again then, for perhaps nobody has heard
 * of it. */
bool stanza_is_again(struct stanza const *st);

#endif
