/* Shared between the files of this area. */
#ifndef XML_INTERNAL_H
#define XML_INTERNAL_H

#include "xml/xml.h"

#include <expat.h>

#define NS_SEP '\x1f'
#define NS_XML "http://www.w3.org/XML/1998/namespace"

/* ---- lex.c: where tokens end ---- */

enum lex_state {
  LEX_TEXT,        /* between tokens */
  LEX_LESS,        /* behind a < */
  LEX_TAG,         /* in a tag, outside values */
  LEX_VALUE,       /* in a value, up to quote */
  LEX_MARK,        /* in <![CDATA[, of which run bytes behind the < are there */
  LEX_CDATA,       /* in a CDATA section, behind run times ] (at most 2) */
  LEX_INSTRUCTION, /* behind <?, run is 1 behind a ? */
  LEX_REFERENCE    /* behind & */
};

struct lexer {
  enum lex_state state;
  enum xml_error error;
  unsigned int depth; /* of elements, behind the last token */
  unsigned int quotes, run;
  char quote;
  bool end_tag, slash; /* the tag began with </; its last byte so far is / */
  bool mixed;   /* text between stanzas is not white: expat refuses it when it is whole */
  size_t token; /* bytes of the unfinished token in earlier calls */
  size_t token_max; /* more is XML_TOO_LARGE */
  size_t start;     /* in this call: where a token at depth 0 or 1 begins, or SIZE_MAX */
};

/* Scan from the len bytes at s up to len, to the end of a token that leaves depth 0 or 1,
 * or to the end of one behind XML_CHUNK bytes. Give the number of bytes scanned; *whole
 * is how many of them end in no unfinished token. Bytes that are no token may end one:
 * expat names the error. With l->error set, the bytes behind *whole are refused. */
size_t lex(struct lexer *l, char const *s, size_t len, size_t *whole);

/* ---- parse.c: what expat calls ---- */

/* A prefix, and its innermost declaration at the element that is open, or NULL. */
struct xml_scope {
  struct slice prefix;
  struct xml_decl *decl;
};

struct xml_parser {
  XML_Parser expat;
  struct xml_stream *owner;
  struct xml_parser *older, *newer;
  size_t memory; /* bytes that expat holds */

  /* The tree. */
  struct arena arena;
  char *low, *high; /* room in the arena: nodes from low up, text from high down */
  struct xml_node *at, *top;                 /* open element, first-level element */
  struct xml_node *lasts[XML_DEPTH_MAX + 2]; /* by depth: the open element's last child */
  struct table scopes;
  struct xml_decl *dflt; /* innermost declaration without prefix, or NULL */
  struct xml_decl *decls[XML_ATTRS_MAX]; /* since the last start tag */
  unsigned int decls_n, depth, elements;
  char *text_end;   /* where the last text node's end */
  size_t text_room; /* bytes left behind the last text node's */
  enum xml_error error;
  bool replay, stopped, closed, attached, unusual_root, borrows;
  unsigned int usual_decls;

  /* The bytes. */
  struct lexer lexer;
  size_t begun;     /* bytes that came before the root */
  size_t unfed;     /* where in the stream's part begins what expat was not given */
  char const *from; /* the first byte of this feed to be kept that part lacks; or NULL */
  char const *end;  /* where what expat is given now ends */
  char tail[3];     /* of the last character that expat was given, when it is not whole */
  unsigned int tail_n;
  bool fed;
  struct xml_events const *events;
  void *cookie;
};

/* Make p's expat call the functions of parse.c. */
void parse_handlers(struct xml_parser *p);

/* Forget the tree, and what was declared in it. */
void parse_forget(struct xml_parser *p);

/* ---- pool.c ---- */

/* Give a fresh parser, or NULL (ENOMEM); take p back from its stream. */
struct xml_parser *pool_obtain(void);
void pool_release(struct xml_parser *p);

/* A parser that stands where the stream stands, now x->parser. false: ENOMEM. */
bool pool_lend(struct xml_stream *x);

/* Give expat the len bytes at s, and count its memory. */
enum XML_Status pool_parse(struct xml_parser *p, char const *s, size_t len);

/* The stream stands between two stanzas: its parser may be taken by whoever needs one. */
void pool_attach(struct xml_parser *p);
void pool_detach(struct xml_parser *p);

#endif
