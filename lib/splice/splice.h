/* splice: where an attribute or a child goes into the text of one element. The text is the
 * element as it was sent, or as it stands in a field of a record: neither changes the bytes
 * that are looked for. Nothing is parsed, and nothing copied but by the functions that write. */
#ifndef SPLICE_H
#define SPLICE_H

#include "link/link.h"

#include <skalibs/stralloc.h>

/* A place in an element: the text before the place and behind it. name is set when the element
 * is <name/> and gets a child: then the head ends in > and the tail is </name>. */
struct splice {
  struct slice head, tail, name;
};

/* Find the place for an attribute, which begins with a blank: behind the name of the element.
 * false: the text is no element. */
bool splice_attribute(struct slice element, struct splice *at);

/* Find the place in front of the first child of the element; behind the last one. false: the
 * text is no whole element. */
bool splice_prepend(struct slice element, struct splice *at);
bool splice_append(struct slice element, struct splice *at);

/* Give the text of the element from behind the last attribute of its start tag: a start tag
 * that is written anew goes in front. */
struct slice splice_rest(struct slice element);

/* Append the head, and the tail. false: ENOMEM. */
bool splice_cat_head(stralloc *out, struct splice const *at);
bool splice_cat_tail(stralloc *out, struct splice const *at);

/* Put the head, and the tail, of an element that is text of a record into the field of the link
 * that link_field began. */
void splice_put_head(struct link *l, struct splice const *at);
void splice_put_tail(struct link *l, struct splice const *at);

#endif
