/* Parts of a session that others have seen. */
#ifndef C2SD_SHOWN_H
#define C2SD_SHOWN_H

#include "c2sd.h"

/* Note the presence that has just been passed on. */
void shown_presence(struct inbound const *in);

/* Note what the client wants (bits), and tell routed. */
void shown_wants(struct stream *s, unsigned int set, unsigned int clear);

/* Write wants as a field of words. */
void shown_put_wants(struct link *l, unsigned int wants);

/* Give the bits of a field of words that shown_put_wants has written. */
unsigned char shown_read_wants(struct slice words);

/* Tell routed again of all that others have seen of s. */
void shown_again(struct stream *s);
void shown_on_recall(struct link *l, struct record *r);

#endif
