/* http: HTTP/1.1 (RFC 9110, RFC 9112) as the server sees it: a strict scanner of request heads,
 * and a writer of answers. No sockets, no clock. A head that two readers could take for
 * two different requests is refused: that is how requests are smuggled past a proxy (RFC 9112
 * s11.2). */
#ifndef HTTP_H
#define HTTP_H

#include "base/base.h"

#include <skalibs/stralloc.h>

/* ---- the end of a head (scan.c) ---- */

/* How far a head that comes in pieces has been looked at. All zero is a new head. */
struct http_scan {
  size_t seen, line; /* bytes looked at; where the last line begins */
  unsigned int lines, blanks;
};

/* Look for the end of the head that begins at s, of which len bytes are here; each call has the
 * bytes of the last call in front. Give the length of the head, its empty line included; 0: the head
 * is not whole yet; or minus the status with which the client is refused: 400 a third empty line in
 * front of the head, a NUL; 414 a request line above HTTP_LINE_MAX; 431 a head above HTTP_HEAD_MAX, or
 * more than HTTP_FIELDS_MAX fields. */
long http_scan(struct http_scan *k, char const *s, size_t len);

/* ---- the request (request.c) ---- */

struct http_field {
  struct slice name;  /* in lower case */
  struct slice value; /* without blanks around it */
};

enum http_method {
  HTTP_GET,
  HTTP_HEAD,
  HTTP_POST,
  HTTP_PUT,
  HTTP_DELETE,
  HTTP_OPTIONS,
  HTTP_PATCH,
  HTTP_TRACE,
  HTTP_CONNECT,
  HTTP_METHODS_N
};

struct http_request {
  enum http_method method;
  struct slice method_text, path, query; /* path: /... or *; query without ? */
  struct slice scheme;                   /* of an absolute target; empty: of none */
  struct slice host; /* in lower case, without port and final dot; empty: of HTTP/1.0 */
  uint64_t length;   /* of the body */
  bool has_length, is_1_0, keep, expects;
  struct http_field field[HTTP_FIELDS_MAX];
  size_t n;
};

/* Read the head of len bytes at s, as http_scan has found it, into *r, whose slices point into it;
 * names and the host are put into lower case there. 0; or the status with which the client is
 * refused: 400, 411 (a transfer coding), 417, 501, 505. r->is_1_0 and r->keep are set in any
 * case. */
unsigned int http_request_read(struct http_request *r, char *s, size_t len);

/* http_field gives the value of the first field of this name, which is in lower case; s NULL: there
 * is none. http_has_word says whether a list (RFC 9110 s5.6.1) in fields of the name has the word,
 * in any case. */
struct slice http_field(struct http_request const *r, char const *name);
bool http_has_word(struct http_request const *r, char const *name, char const *word);

/* Say whether a field belongs to the connection (RFC 9110 s7.6.1), and is told nobody behind
 * it. */
bool http_is_hop(struct http_request const *r, struct slice name);

/* Read HOST, HOST:PORT, [V6], [V6]:PORT, at s, into lower case there; *host is without port and
 * final dot. false: it is none of these. */
bool http_host(char *s, size_t len, struct slice *host);

/* ---- paths (path.c) ---- */

/* Say whether a path or query has only whole %XX, and no %00; and in a path no segment that
 * is . or .. when it is decoded. */
bool http_text_holds(struct slice text);
bool http_path_holds(struct slice path);

/* Say whether prefix, a decoded path (/upload; empty: all), is the beginning of path by whole segments;
 * *rest is what follows: empty, or with a slash in front. */
bool http_path_below(struct slice path, struct slice prefix, struct slice *rest);

/* Decode %XX of one segment into a. s NULL: ENOMEM. */
struct slice http_decode(struct arena *a, struct slice segment);

/* ---- addresses that proxies tell (forwarded.c) ---- */

/* A hop, as a proxy tells of it: the address from which the proxy has the request, in the form of
 * inet_ntop, and the scheme and the host that the request was for. Slices are empty when they were
 * not said; ip is also empty when it is no address. */
struct http_hop {
  char ip[46];
  struct slice proto, host;
};

/* Read ADDRESS, ADDRESS:PORT, [V6] or [V6]:PORT, and write the address in the form of inet_ntop.
 * false: text is none of these. */
bool http_address(struct slice text, char out[46]);

/* Read the lists of X-Forwarded-For, or of Forwarded (RFC 7239), into hop, from the left: the last
 * max hops of them. Gives the number of hops. */
size_t http_x_forwarded_for(struct http_request const *r, struct http_hop *hop,
                            size_t max);
size_t http_forwarded(struct http_request const *r, struct http_hop *hop, size_t max);

/* ---- answers (write.c) ---- */

/* The reason phrase of a status; "" for one that is not known. */
char const *http_reason(unsigned int status);

/* Say whether an answer of this status to this method has no body (RFC 9112 s6.3). */
bool http_has_no_body(enum http_method m, unsigned int status);

/* Append what the function is called after: a status line, a field, the field Date, a chunk, the
 * last chunk. false: ENOMEM. */
bool http_cat_status(stralloc *out, unsigned int status);
bool http_cat_field(stralloc *out, struct slice name, struct slice value);
bool http_cat_date(stralloc *out, uint64_t second);
bool http_cat_chunk(stralloc *out, struct slice bytes);
bool http_cat_last_chunk(stralloc *out);

/* http_name_holds says whether name is a token; http_value_holds whether value has nothing that
 * ends it (CR, LF, NUL, other controls). */
bool http_name_holds(struct slice name);
bool http_value_holds(struct slice value);

/* ---- requests as services have them (record.c) ---- */

/* The fields of the record request of xmpp-webd (xmpp-records(7)). */
enum http_record {
  HTTP_RECORD_ID = 1,
  HTTP_RECORD_NAME,
  HTTP_RECORD_METHOD,
  HTTP_RECORD_HOST,
  HTTP_RECORD_BASE,
  HTTP_RECORD_PATH,
  HTTP_RECORD_QUERY,
  HTTP_RECORD_SCHEME,
  HTTP_RECORD_IP,
  HTTP_RECORD_LENGTH,
  HTTP_RECORD_HEADERS
};

/* The value of the first line NAME: VALUE of the field HEADERS; s is NULL: there is none. name is in
 * lower case, as names there are. */
struct slice http_header(struct slice headers, char const *name);

/* ---- times and ranges (conditions.c) ---- */

/* http_date writes a time as RFC 9110 s5.6.7 wants it; http_date_read reads one of its three forms,
 * a year of two digits as one at most 50 years ahead of the clock (door_wall). */
#define HTTP_DATE_SIZE 30
struct slice http_date(char buf[HTTP_DATE_SIZE], uint64_t second);
bool http_date_read(struct slice text, uint64_t *second);

/* The fields of a request by which a client says for which state of a file it asks (RFC 9110 s13),
 * and for which part (s14). s NULL: the request does not have the field. */
struct http_conditions {
  struct slice match, none_match, modified_since, unmodified_since, range, if_range;
};

void http_conditions(struct http_conditions *c, struct http_request const *r);

/* Judge the conditions c of a GET or HEAD for a file with this tag (quotes included) and time. 0:
 * they hold; or 304, 412. */
unsigned int http_judge(struct http_conditions const *c, struct slice etag,
                        uint64_t mtime);

/* Find the one range of bytes that a field Range asks of a file of size bytes. HTTP_WHOLE: there is
 * none, there are several, or the field has another form. HTTP_PART: *from to *to, the last
 * included, which are set for it alone. HTTP_OUTSIDE: 416. */
enum http_range { HTTP_WHOLE, HTTP_PART, HTTP_OUTSIDE };
enum http_range http_range(struct slice field, uint64_t size, uint64_t *from,
                           uint64_t *to);

/* Find the range as http_range does for the field Range in c, if If-Range holds for the file's tag
 * and time (RFC 9110 s13.1.5); else HTTP_WHOLE. */
enum http_range http_part(struct http_conditions const *c, struct slice etag,
                          uint64_t mtime, uint64_t size, uint64_t *from, uint64_t *to);

/* ---- types (types.c) ---- */

/* The media type of a file by the extension of its name; NULL: not known. */
char const *http_type(struct slice name);

#endif
