/* xml: from bytes of a stream to whole first-level elements and back. Expat does the
 * parsing; a stanza becomes a tree in one arena and the range of its own bytes. */
#ifndef XML_H
#define XML_H

#include "base/base.h"

#include <skalibs/stralloc.h>

/* A declaration of a namespace: xmlns:prefix, or xmlns when prefix is empty. */
struct xml_decl {
  struct slice prefix, ns;
  /* For the area's own files: parse.c which one it hides and for which name, tree.c
   * which must be written. depth is that of the element that has it, a root's being 1;
   * 0 when it stands around the tree. */
  struct xml_decl *outer, *next;
  struct xml_scope *scope;
  unsigned int depth, mark;
};

struct xml_attr {
  struct slice ns, name, value; /* ns is empty for attributes without a prefix */
  struct xml_decl *prefix;      /* NULL: none, or xml: */
};

/* The attributes and declarations of a start tag. */
struct xml_head {
  struct xml_decl *prefix,
    **decls; /* prefix: of its own prefix, or NULL; decls: those of the tag */
  unsigned int attrs_n, decls_n;
  struct xml_attr attrs[];
};

/* An element, or a piece of text (name.len 0). All lives in the arena of its tree. An
 * element of four bytes costs one of these, so it is small: pieces of text end before
 * head. */
struct xml_node {
  struct xml_node *next, *parent, *first;
  struct slice name;

  union {
    struct slice ns;   /* of an element */
    struct slice text; /* of a piece of text */
  };
  struct xml_head *head; /* of an element, never NULL */
};

/* The namespace of streams (RFC 6120 s4.8.1). */
#define XML_NS_STREAMS "http://etherx.jabber.org/streams"

/* Why a stream cannot be parsed on: the stream error of RFC 6120 s4.9.3 that says so. */
enum xml_error {
  XML_OK,
  XML_NOT_WELL_FORMED,
  XML_RESTRICTED,   /* restricted-xml: comment, DTD, instruction, entity (s11.1) */
  XML_BAD_PREFIX,   /* bad-namespace-prefix */
  XML_BAD_ENCODING, /* unsupported-encoding (s11.6) */
  XML_TOO_DEEP,     /* policy-violation: XML_DEPTH_MAX, XML_ATTRS_MAX, XML_NS_MAX */
  XML_TOO_LARGE, /* policy-violation: the limits of xml_limit and xml_elements, XML_TAG_MAX, XML_ROOT_MAX */
  XML_TEXT_BETWEEN, /* bad-format: text between stanzas (s11.7) */
  XML_NO_MEMORY     /* resource-constraint */
};

/* Callbacks of a stream's owner. open: the root's tag; root lives for the call. element:
 * a whole first-level element, its tree, and its bytes as they were sent; both live for
 * the call. close: the root's end tag. Each gives true to go on; false leaves the rest of
 * the bytes to the caller. No callback may free the stream. */
struct xml_events {
  bool (*open)(void *cookie, struct xml_node const *root);
  bool (*element)(void *cookie, struct xml_node const *e, struct slice bytes);
  bool (*close)(void *cookie);
};

struct xml_parser;

/* A stream, in its owner's memory. Between two stanzas the stream holds no parser (or one
 * of the few that stay attached until another stream needs them). */
struct xml_stream {
  struct xml_parser *parser;
  char *root;    /* the root's tag again, NUL-terminated, when it is not the usual one */
  stralloc part; /* the bytes so far of a stanza or a tag that came in several pieces */
  size_t limit;
  bool opened;
  bool borrows; /* the element of the event uses prefixes that the root declares */
  unsigned int elements_max; /* of one stanza; 0: no limit */
};

#define XML_STREAM_ZERO                                                                  \
  {                                                                                      \
    NULL, NULL, STRALLOC_ZERO, 0, false, false, 0                                        \
  }

/* Free what the stream holds, and leave the stream as new but for its limits: also how a
 * stream begins anew (RFC 6120 s4.3.3). Not from within its events. */
void xml_reset(struct xml_stream *x);

/* Set the most bytes that one stanza may have, and a root's tag when that is below XML_ROOT_MAX. */
void xml_limit(struct xml_stream *x, size_t bytes);

/* Set the most elements that one stanza may have, the stanza itself counted; 0: no limit. */
void xml_elements(struct xml_stream *x, unsigned int n);

/* Say whether the first bytes of the document have come, but not yet the root's tag. */
bool xml_began(struct xml_stream const *x);

/* Say whether the bytes so far end between elements of the root: white space may come (RFC 6120
 * s11.7). */
bool xml_between(struct xml_stream const *x);

/* Make x stand where another stream stood, which had the same opened, root and limit: began is
 * what xml_began said of it, part the bytes of its part. false: ENOMEM, or the bytes are no such
 * part. */
bool xml_restore(struct xml_stream *x, bool began, struct slice part);

/* Parse the len bytes at s. *used is how many were consumed: all of them, or up to the
 * end of the element whose event gave false. On an error the stream must be reset. */
enum xml_error xml_feed(struct xml_stream *x, struct xml_events const *events,
                        void *cookie, char const *s, size_t len, size_t *used);

/* Parse one whole document (no prolog) into a tree in arena a, with the same
 * restrictions. ns is the default namespace outside it. NULL, with *why. */
struct xml_node *xml_parse(struct arena *a, struct slice doc, char const *ns,
                           enum xml_error *why);

/* ---- reading a tree ---- */

/* The first child element of this name (and namespace; NULL: any), or NULL. */
struct xml_node const *xml_child(struct xml_node const *e, char const *ns,
                                 char const *name);

/* The first child element behind c (NULL: the first of all), or NULL. */
struct xml_node const *xml_next(struct xml_node const *e, struct xml_node const *c);

/* Say whether e is the element name in ns. */
bool xml_is(struct xml_node const *e, char const *ns, char const *name);

/* The value of an attribute without namespace; s NULL when it is absent. */
struct slice xml_attr(struct xml_node const *e, char const *name);

/* The value of xml:lang (XML s2.12); s NULL when it is absent. */
struct slice xml_lang(struct xml_node const *e);

/* All text directly inside e, joined, in arena a. s NULL: ENOMEM. */
struct slice xml_text(struct arena *a, struct xml_node const *e);

/* ---- writing ---- */

/* Append to out. xml_cat takes text as it stands; xml_cat_text escapes it for content; xml_cat_value
 * escapes it for attributes in either quotes, also the TAB and the newline, which a reader of an attribute
 * takes for a blank (XML s3.3.3); xml_cat_attr writes a blank, name='value'. Each gives false with errno
 * ENOMEM. */
static inline bool
xml_cat(stralloc *out, char const *markup)
{
  return text_cats(out, markup);
}

bool xml_cat_text(stralloc *out, struct slice text);
bool xml_cat_value(stralloc *out, struct slice value);
bool xml_cat_attr(stralloc *out, char const *name, struct slice value);

/* Append the tree of e so that it stands alone: e declares the prefixes of declarations around it
 * that the tree needs. ns is the default namespace outside; elements declare another one where it
 * changes. A prefix stays where the default namespace is another. false with errno ENOMEM, or
 * EMSGSIZE: more than STANZA_MAX bytes would be appended. */
bool xml_cat_tree(stralloc *out, struct xml_node const *e, char const *ns);

/* Append e in parts, for a caller that writes the start tag of e itself. xml_cat_decls appends the
 * declarations of prefixes that e makes, and those around it that its children need; xml_cat_child
 * appends the child c, inside them and the default namespace ns. false with errno ENOMEM, or
 * EMSGSIZE: out would have more than limit bytes. */
bool xml_cat_decls(stralloc *out, struct xml_node const *e, char const *ns, size_t limit);
bool xml_cat_child(stralloc *out, struct xml_node const *c, char const *ns, size_t limit);

#endif
