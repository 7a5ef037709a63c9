/* mam: queries of an archive (XEP-0313), for a program that has lib/archive's environment. The
 * owner of the archive is any number that lib/archive knows, of an account or of a room.
 *
 *   1. The program says who may ask, and reads the query: mam_query_read.
 *   2. It finds the page: ids alone by mam_ids_are_there; a set that ranges of the archive are by
 *      mam_page_find; a set of messages that each must be looked at by mam_page_look, as many at
 *      a time as a turn may.
 *   3. It sends the results, in the order of mam_page_ids, by mam_result_put, and answers the
 *      request with mam_fin_cat or mam_ids_fin_cat. */
#ifndef MAM_H
#define MAM_H

#include "archive/archive.h"
#include "handle/handle.h"

#define MAM_NS "urn:xmpp:mam:2"
#define MAM_NS_EXTENDED "urn:xmpp:mam:2#extended"
#define MAM_NS_RSM "http://jabber.org/protocol/rsm"

/* Messages of one page, and their number when the client does not say one. */
#define MAM_PAGE_MAX 250u
#define MAM_PAGE_USUAL 50u
/* Ids that one query may name. */
#define MAM_IDS_MAX 100u

/* ---- queries (query.c) ---- */

struct mam_query {
  struct jid with; /* full.len 0: anybody */
  uint64_t start_us, end_us;
  uint64_t before_id, after_id; /* of the form; 0: none */
  uint64_t ids[MAM_IDS_MAX];    /* in order, each once */
  size_t ids_n;
  struct slice queryid;
  uint64_t max;
  uint64_t before, after; /* of RSM; 0: none */
  uint64_t index;
  bool has_before, has_index, flip; /* has_before alone: the last page */
};

/* Read the query element e (s4.1, XEP-0059 s2); texts live in ctx's arena. false: ctx says what
 * is wrong. */
bool mam_query_read(struct handle_ctx *ctx, struct xml_node const *e,
                    struct mam_query *q);

/* Append the query element with the form of s4.1.5. false: ENOMEM. */
bool mam_form_cat(stralloc *out);

/* ---- pages (page.c); all give false with the errno of lib/archive, ENOENT where an id is
 * unknown, but those that append: ENOMEM too ---- */

/* A page: the places of set that are sent, from a on, before b; or, when a page was looked for
 * message by message, the ids of hits. */
struct mam_page {
  struct archive_range set;
  uint64_t a, b;
  bool complete;
  bool counted;  /* set is exactly what matches */
  bool by_index; /* the query names the place of its page, and the answer does */
  uint64_t hits[MAM_PAGE_MAX];
  size_t hits_n;
  uint64_t looked_at; /* the id that was looked at last; 0: none yet */
  uint64_t looked;    /* messages */
  bool over;          /* nothing more is to be looked at */
};

/* Find the page of a query that names no resource: with is a bare address, or nobody. */
bool mam_page_find(struct archive *archive, uint64_t owner, struct mam_query const *q,
                   struct mam_page *p);

/* Say whether the message, whose text is as in a record, is in the set. */
typedef bool mam_match_fn(void *cookie, struct archive_message const *m);

/* Look at the next messages of the query's range, most of them at most and QUERY_SCAN_MAX in
 * all, for those that match; *looked is how many were. p begins as all zero, and is over at the
 * end of the range or when the page is full. */
bool mam_page_look(struct archive *archive, uint64_t owner, struct mam_query const *q,
                   mam_match_fn *match, void *cookie, uint64_t most, struct mam_page *p,
                   uint64_t *looked);

/* s4.1.1: match the full JID *with, which is as in a record, with from or to. */
bool mam_match_full(void *with, struct archive_message const *m);

/* Write the ids of the page in the order in which they are sent, and their number to *n. A page
 * that was looked for message by message is over. */
bool mam_page_ids(struct archive *archive, struct mam_query const *q,
                  struct mam_page const *p, uint64_t ids[MAM_PAGE_MAX], size_t *n);

/* Append fin (s4.3). */
bool mam_fin_cat(stralloc *out, struct archive *archive, struct mam_page const *p);

/* s4.1.3: mam_ids_are_there writes the ids that the query names in the order in which they are
 * sent, if all are in the archive; mam_ids_fin_cat appends fin for them. */
bool mam_ids_are_there(struct archive *archive, uint64_t owner, struct mam_query const *q,
                       uint64_t ids[MAM_IDS_MAX]);
bool mam_ids_fin_cat(stralloc *out, struct mam_query const *q);

/* Append the metadata (s5). */
bool mam_metadata_cat(stralloc *out, struct archive *archive, uint64_t owner);

/* ---- results (result.c) ---- */

/* Append to raw, as it stands in a record, the beginning of each result of a query, up to its
 * id: from the archive, to the address that asked. false: ENOMEM. */
bool mam_result_head(stralloc *raw, struct slice to, struct slice from,
                     struct slice queryid);

/* Put the result with m, behind that beginning, into the field of the link that link_field
 * began; at is splice_attribute of the XML of m, whose head is <message. The time of a message is
 * that of its id. */
struct splice;
void mam_result_put(struct link *l, struct slice head, struct archive_message const *m,
                    struct splice const *at);

#endif
