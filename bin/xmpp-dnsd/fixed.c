#include "dnsd.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* Under -p nothing is sent. A trace has what the DNS has said, in records
 *   found NUMBER NAME TYPE STATUS SECURE RECORDS
 * in the name of a link dns: NUMBER is that of the question, and RECORDS are in wire form, in hex, with
 * blanks between them. Where no trace is replayed, rows
 *   answer NAME TYPE STATUS SECURE RECORD
 * answer too, one for each record. STATUS is data, nodata, nxdomain, servfail, bogus or silence; a
 * name without a row is nxdomain. SECURE is 1 or 0. RECORD is an address, "PRIORITY WEIGHT PORT TARGET",
 * or the bytes of a TLSA record in hex. */

#define RECORDS_MAX 64
#define RECORD_BYTES 300

static struct question *asked[1024];
static size_t asked_n;
static bool replays;

static bool
fixed_open(void)
{
  return true;
}

static bool
fixed_ask(struct question *q)
{
  if (replays) return true;
  if (asked_n == sizeof asked / sizeof *asked) return false;
  asked[asked_n++] = q;
  return true;
}

static void
fixed_drop(struct question *q)
{
  size_t i;

  for (i = 0; i < asked_n; i++)
    if (asked[i] == q) asked[i] = NULL;
}

static size_t
put_u16(char *to, struct slice text)
{
  uint64_t n = 0;

  slice_u64(text, &n);
  to[0] = (char)(n >> 8);
  to[1] = (char)n;
  return 2;
}

static size_t
put_srv(char *to, struct slice text)
{
  struct slice word, label;
  size_t n = 0, i;

  for (i = 0; i < 3 && slice_word(&text, ' ', &word); i++)
    n += put_u16(to + n, word);
  while (!slice_is(text, ".") && slice_word(&text, '.', &label)) {
    to[n++] = (char)label.len;
    memcpy(to + n, label.s, label.len);
    n += label.len;
  }
  to[n++] = 0;
  return n;
}

static size_t
put_hex(char *to, struct slice text)
{
  char pair[3] = "";
  size_t i;

  for (i = 0; i + 1 < text.len; i += 2) {
    memcpy(pair, text.s + i, 2);
    to[i / 2] = (char)strtoul(pair, NULL, 16);
  }
  return text.len / 2;
}

static size_t
put_record(char to[RECORD_BYTES], int type, struct slice text)
{
  if (text.len > RECORD_BYTES / 2) return 0;
  if (type == TYPE_SRV) return put_srv(to, text);
  if (type == TYPE_A) return inet_pton(AF_INET, text.s, to) == 1 ? 4 : 0;
  if (type == TYPE_AAAA) return inet_pton(AF_INET6, text.s, to) == 1 ? 16 : 0;
  return put_hex(to, text);
}

static int
type_of(struct slice word)
{
  if (slice_is(word, "A")) return TYPE_A;
  if (slice_is(word, "AAAA")) return TYPE_AAAA;
  return slice_is(word, "SRV") ? TYPE_SRV : TYPE_TLSA;
}

/* By enum answer_status; silence has none: a record may answer later. */
static char const *const statuses[] = {"data",     "nodata", "nxdomain",
                                       "servfail", "",       "bogus"};

static enum answer_status
status_of(struct slice word)
{
  size_t i;

  for (i = 0; i < sizeof statuses / sizeof *statuses; i++)
    if (slice_is(word, statuses[i])) return (enum answer_status)i;
  return ANSWER_TIMEOUT;
}

static void
answer(struct question *q)
{
  static char bytes[RECORDS_MAX][RECORD_BYTES];
  struct slice records[RECORDS_MAX];
  struct settings_row const *row = NULL;
  struct answer a = {.status = ANSWER_NXDOMAIN, .records = records};

  while ((row = settings_next(dnsd, "answer", row))) {
    if (!slice_is(row->scope, q->name) || type_of(row->value[0]) != q->type) continue;
    a.status = status_of(row->value[1]);
    a.secure = slice_is(row->value[2], "1");
    if (a.status != ANSWER_DATA || a.n == RECORDS_MAX) continue;
    records[a.n] = slice_of(bytes[a.n], put_record(bytes[a.n], q->type, row->value[3]));
    a.n++;
  }
  if (a.status != ANSWER_TIMEOUT) question_answered(q, &a);
}

void
fixed_turn(void)
{
  size_t i;

  for (i = 0; i < asked_n; i++)
    if (asked[i]) answer(asked[i]);
  asked_n = 0;
}

/* ---- answers in records ---- */

void
fixed_replay(void)
{
  replays = true;
  asked_n = 0;
}

/* Read hex into the room at *to, which moves behind what was read. */
static struct slice
read_hex(char **to, struct slice hex)
{
  char *from = *to;

  *to += put_hex(from, hex);
  return slice_of(from, (size_t)(*to - from));
}

void
fixed_on_answer(struct link *l, struct record *r)
{
  struct question *q = question_find(record_u64(r, 1));
  struct slice rest = record_get(r, 6), word, records[RECORDS_MAX];
  struct answer a = {.status = status_of(record_get(r, 4)),
                     .secure = slice_is(record_get(r, 5), "1"),
                     .records = records};
  char *bytes = malloc(rest.len + 1), *to = bytes;

  (void)l;
  while (bytes && a.n < RECORDS_MAX && slice_word(&rest, ' ', &word))
    records[a.n++] = read_hex(&to, word);
  if (q && bytes) {
    fixed_drop(q); /* no row answers too */
    question_answered(q, &a);
  }
  free(bytes);
}

static bool
cat_records(stralloc *out, struct answer const *a)
{
  size_t i;

  for (i = 0; i < a->n; i++) {
    size_t n = a->records[i].len;
    if ((i && !stralloc_catb(out, " ", 1)) || !stralloc_readyplus(out, 2 * n))
      return false;
    hex_put(out->s + out->len, a->records[i].s, n);
    out->len += 2 * n;
  }
  return true;
}

/* By the types of the DNS that are asked for. */
static char const *
type_word(int type)
{
  return type == TYPE_A      ? "A"
         : type == TYPE_AAAA ? "AAAA"
         : type == TYPE_SRV  ? "SRV"
                             : "TLSA";
}

void
answer_trace(struct question const *q, struct answer const *a)
{
  stralloc line = STRALLOC_ZERO, records = STRALLOC_ZERO;
  bool ok = cat_records(&records, a);

  if (q->number && ok && record_put_verb(&line, "found") &&
      record_put_u64(&line, q->number) && record_put(&line, slice_str(q->name)) &&
      record_put(&line, slice_str(type_word(q->type))) &&
      record_put(&line, slice_str(statuses[a->status])) &&
      record_put(&line, a->secure ? SLICE("1") : SLICE("0")) &&
      record_put(&line, slice_of(records.s, records.len)) && record_put_end(&line))
    link_trace_event("dns", slice_of(line.s, line.len));
  stralloc_free(&line);
  stralloc_free(&records);
}

struct resolver const resolver_fixed = {fixed_open, fixed_ask, fixed_drop};
