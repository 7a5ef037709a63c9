/* Shared between the files of this area. */
#ifndef XML_INTERNAL_H
#define XML_INTERNAL_H

#include "xml/xml.h"

#include <expat.h>

#define NS_SEP '\x1f'

struct xml_parser {
  XML_Parser expat;
  struct xml_stream *owner;
  struct xml_parser *older, *newer;
  struct arena arena;
  struct xml_node *at, *top; /* open element, first-level element */
  struct slice *decls;       /* declared since the last start tag */
  size_t decls_n, decls_a;
  char *text_end;   /* where the last text node's end */
  size_t text_room; /* bytes left behind the last text node's */
  long base;        /* expat's index of the first byte of this feed */
  long stanza_start;
  unsigned int depth, usual_decls;
  enum xml_error error;
  long part_start; /* index of the first byte of the stream's part */
  bool replay, stopped, unusual_root, attached;
  /* of the feed that is going on */
  struct xml_events const *events;
  void *cookie;
  char const *bytes;
  long end; /* where a false event stopped it */
};

/* Make p's expat call the functions of parse.c. */
void parse_handlers(struct xml_parser *p);

/* pool.c: a fresh parser, or NULL (ENOMEM); one back, taken away from its stream. */
struct xml_parser *pool_obtain(void);
void pool_release(struct xml_parser *p);

/* A parser that stands where the stream stands, now x->parser. false: ENOMEM. */
bool pool_lend(struct xml_stream *x);

/* The stream stands between two stanzas: its parser may be taken by whoever needs one. */
void pool_attach(struct xml_parser *p);
void pool_detach(struct xml_parser *p);

#endif
