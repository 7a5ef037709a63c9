/* Stanzas on their way through the router. */
#ifndef ROUTED_PASSING_H
#define ROUTED_PASSING_H

#include "routed.h"

struct source;

/* The outcome of a message's delivery, for archive.c. */
struct outcome {
  bool done;      /* mamd lets the message wait, or it was refused */
  stralloc given; /* numbers of the sessions that were given the message, with commas */
};

/* A stanza on its way. */
struct passing {
  struct stanza st;
  struct source *source; /* the neighbour that gets the acknowledgement; NULL: none */
  uint64_t number;       /* of source */
  bool own;              /* st.xml is text of ours, not a raw field */
  bool lacks_to; /* st.xml has no to: a record gets st.to behind the element's name */
  bool tagged;   /* the tags have the id already: the stanza was delivered before */
  bool held;     /* a copy for which nobody was there when its session ended (kept.c) */
  bool silent;   /* the sender is not told when the stanza is refused */
  bool repeats;  /* another session of the account has p under this id: p is stored */
  struct slice sharers;    /* sessions that get p too, in records of their own: numbers */
  uint64_t id;             /* in the archive; 0: none */
  uint64_t late;           /* id in marks when id is an old one; else 0 */
  struct outcome *outcome; /* NULL: the delivery is not noted */
};

/* Say the fields of p's envelope and its XML on l, and end the record. */
void passing_put(struct link *l, struct passing const *p);

/* Append the fields of p's envelope and its XML, escaped, with TABs between them. false:
 * ENOMEM. */
bool passing_cat(stralloc *out, struct passing const *p);

/* The text and the record behind a stanza that was kept as fields; all zero is none. */
struct passing_line {
  stralloc text;
  struct record r;
};

/* Read fields, as passing_cat has made them, into p->st, which lives as long as line: the caller
 * frees line->text, whatever came. false: ENOMEM. */
bool passing_read(struct passing *p, struct passing_line *line, struct slice fields);

/* Put the to that p lacks into its XML, which lives until the next call. false: ENOMEM, or the
 * XML is no element. */
bool passing_address(struct passing *p);

/* Add the tag session=NUMBER to p's envelope; tags holds the text, for as long as p lives.
 * false: ENOMEM, and p is as it was. */
bool passing_name_session(struct passing *p, stralloc *tags, uint64_t number);

#endif
