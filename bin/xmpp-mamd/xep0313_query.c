#include "mamd.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* XEP-0313 s4: what a query asks for. */

/* ---- times (XEP-0082 s3.1) ---- */

/* n digits of x, with zeros before it, and what stands behind them. */
static char *
put_digits(char *to, unsigned int n, uint64_t x, char behind)
{
  unsigned int i;

  for (i = n; i--; x /= 10)
    to[i] = (char)('0' + x % 10);
  to[n] = behind;
  return to + n + 1;
}

bool
stamp_cat(stralloc *out, uint64_t us)
{
  time_t at = (time_t)(us / 1000000);
  char text[40], *s = text;
  struct tm tm;

  if (!gmtime_r(&at, &tm)) return false;
  s = put_digits(s, 4, (uint64_t)tm.tm_year + 1900, '-');
  s = put_digits(s, 2, (uint64_t)tm.tm_mon + 1, '-');
  s = put_digits(s, 2, (uint64_t)tm.tm_mday, 'T');
  s = put_digits(s, 2, (uint64_t)tm.tm_hour, ':');
  s = put_digits(s, 2, (uint64_t)tm.tm_min, ':');
  s = put_digits(s, 2, (uint64_t)tm.tm_sec, '.');
  s = put_digits(s, 6, us % 1000000, 'Z');
  return stralloc_catb(out, text, (size_t)(s - text));
}

/* Two digits at *at, which moves behind them; negative: they are none. */
static int
digits(char const **at, unsigned int n)
{
  int v = 0;

  while (n--) {
    if (**at < '0' || **at > '9') return -1;
    v = 10 * v + *(*at)++ - '0';
  }
  return v;
}

static bool
is_at(char const **at, char c)
{
  if (**at != c) return false;
  (*at)++;
  return true;
}

static bool
read_fraction(char const **at, uint64_t *us)
{
  uint64_t unit = 100000;

  *us = 0;
  if (!is_at(at, '.')) return true;
  if (**at < '0' || **at > '9') return false;
  for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
    *us += unit * (uint64_t)(**at - '0');
  return true;
}

/* Z or the hours and minutes by which the time given is ahead of UTC, in seconds. */
static bool
read_zone(char const **at, int64_t *ahead)
{
  int sign, h, m;

  *ahead = 0;
  if (is_at(at, 'Z')) return true;
  sign = is_at(at, '+') ? 1 : is_at(at, '-') ? -1 : 0;
  if (!sign) return false;
  h = digits(at, 2);
  if (!is_at(at, ':')) return false;
  m = digits(at, 2);
  *ahead = sign * (h * 3600 + m * 60);
  return h >= 0 && h < 24 && m >= 0 && m < 60;
}

static int
days_of(int year, int month)
{
  static int const days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

  return days[month] + (month == 1 && leaps);
}

static bool
in_range(struct tm const *tm)
{
  return tm->tm_year >= -1900 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
         tm->tm_mday <= days_of(tm->tm_year + 1900, tm->tm_mon) && tm->tm_hour >= 0 &&
         tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 && tm->tm_sec >= 0 &&
         tm->tm_sec <= 60;
}

bool
stamp_read(struct slice text, uint64_t *us)
{
  char copy[64] = "";
  char const *at = copy;
  struct tm tm = {0};
  uint64_t fraction;
  int64_t ahead, s;

  if (text.len >= sizeof copy) return false;
  memcpy(copy, text.s, text.len);
  tm.tm_year = digits(&at, 4) - 1900;
  if (!is_at(&at, '-')) return false;
  tm.tm_mon = digits(&at, 2) - 1;
  if (!is_at(&at, '-')) return false;
  tm.tm_mday = digits(&at, 2);
  if (!is_at(&at, 'T')) return false;
  tm.tm_hour = digits(&at, 2);
  if (!is_at(&at, ':')) return false;
  tm.tm_min = digits(&at, 2);
  if (!is_at(&at, ':')) return false;
  tm.tm_sec = digits(&at, 2);
  if (!in_range(&tm) || !read_fraction(&at, &fraction) || !read_zone(&at, &ahead) || *at)
    return false;
  s = (int64_t)timegm(&tm) - ahead;
  *us = s < 0 ? 0 : (uint64_t)s * 1000000 + fraction;
  return true;
}

/* ---- the form (s4.1) ---- */

static bool
wrong(struct handle_ctx *ctx, enum stanza_error e, char const *text)
{
  ctx->error = e;
  ctx->text = slice_str(text);
  return false;
}

static struct slice
value_of(struct handle_ctx *ctx, struct xml_node const *field)
{
  struct xml_node const *v = xml_child(field, NS_DATA, "value");

  return v ? xml_text(ctx->arena, v) : SLICE("");
}

static bool
read_with(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return jid_parse(ctx->arena, value_of(ctx, field), &q->with) ||
         wrong(ctx, ERR_JID_MALFORMED, "with is no address");
}

static bool
read_start(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return stamp_read(value_of(ctx, field), &q->start_us) ||
         wrong(ctx, ERR_BAD_REQUEST, "start is no time");
}

static bool
read_end(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return stamp_read(value_of(ctx, field), &q->end_us) ||
         wrong(ctx, ERR_BAD_REQUEST, "end is no time");
}

/* An id that we cannot have given is in no archive. */
static bool
read_id(struct handle_ctx *ctx, struct slice text, uint64_t *id)
{
  return (slice_u64(text, id) && *id) ||
         wrong(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
}

static bool
read_before_id(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return read_id(ctx, value_of(ctx, field), &q->before_id);
}

static bool
read_after_id(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return read_id(ctx, value_of(ctx, field), &q->after_id);
}

static int
by_id(void const *a, void const *b)
{
  uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

  return x < y ? -1 : x > y;
}

/* In order, each once. */
static void
sort_ids(struct query *q)
{
  size_t i, n = 0;

  qsort(q->ids, q->ids_n, sizeof *q->ids, by_id);
  for (i = 0; i < q->ids_n; i++)
    if (!n || q->ids[n - 1] != q->ids[i]) q->ids[n++] = q->ids[i];
  q->ids_n = n;
}

static bool
read_ids(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  struct xml_node const *v = NULL;

  while ((v = xml_next(field, v))) {
    if (!xml_is(v, NS_DATA, "value")) continue;
    if (q->ids_n == QUERY_IDS_MAX)
      return wrong(ctx, ERR_POLICY_VIOLATION, "too many ids at once");
    if (!read_id(ctx, xml_text(ctx->arena, v), &q->ids[q->ids_n++])) return false;
  }
  sort_ids(q);
  return true;
}

static bool
read_form_type(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  (void)q;
  return slice_is(value_of(ctx, field), NS_MAM) ||
         wrong(ctx, ERR_BAD_REQUEST, "the form is of another type");
}

static struct {
  char const *var;
  bool (*read)(struct handle_ctx *, struct xml_node const *, struct query *);
} const fields[] = {
  {"FORM_TYPE", read_form_type},
  {"with",      read_with     },
  {"start",     read_start    },
  {"end",       read_end      },
  {"before-id", read_before_id},
  {"after-id",  read_after_id },
  {"ids",       read_ids      },
};

#define FIELDS_N (sizeof fields / sizeof *fields)

static bool
read_field(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  struct slice var = xml_attr(field, "var");
  size_t i;

  for (i = 0; i < FIELDS_N; i++)
    if (slice_is(var, fields[i].var)) return fields[i].read(ctx, field, q);
  return wrong(ctx, ERR_FEATURE_NOT_IMPLEMENTED,
               "the form has a field that is not known");
}

static bool
read_form(struct handle_ctx *ctx, struct xml_node const *x, struct query *q)
{
  struct xml_node const *f = NULL;

  while (x && (f = xml_next(x, f)))
    if (xml_is(f, NS_DATA, "field") && !read_field(ctx, f, q)) return false;
  return true;
}

/* ---- the page (XEP-0059 s2) ---- */

static bool
read_number(struct handle_ctx *ctx, struct xml_node const *e, uint64_t *n)
{
  return slice_u64(xml_text(ctx->arena, e), n) ||
         wrong(ctx, ERR_BAD_REQUEST, "that is no number");
}

static bool
read_set(struct handle_ctx *ctx, struct xml_node const *set, struct query *q)
{
  struct xml_node const *c = NULL;
  struct slice text;

  while (set && (c = xml_next(set, c))) {
    text = xml_text(ctx->arena, c);
    if (xml_is(c, NS_RSM, "max") && !read_number(ctx, c, &q->max)) return false;
    if (xml_is(c, NS_RSM, "index")) {
      q->has_index = true;
      if (!read_number(ctx, c, &q->index)) return false;
    }
    if (xml_is(c, NS_RSM, "after") && text.len && !read_id(ctx, text, &q->after))
      return false;
    if (!xml_is(c, NS_RSM, "before")) continue;
    q->has_before = true;
    if (text.len && !read_id(ctx, text, &q->before)) return false;
  }
  if (q->max > PAGE_MAX) q->max = PAGE_MAX;
  return true;
}

/* profanity (0.13) says behind which message to go on, but without the set around it. It would
 * get its first page again, and show it twice. */
static bool
read_bare_after(struct handle_ctx *ctx, struct xml_node const *after, struct query *q)
{
  return !after || read_id(ctx, xml_text(ctx->arena, after), &q->after);
}

bool
query_read(struct handle_ctx *ctx, struct xml_node const *e, struct query *q)
{
  *q = (struct query){
    .end_us = UINT64_MAX, .max = PAGE_USUAL, .queryid = xml_attr(e, "queryid")};
  q->flip = xml_child(e, NS_MAM, "flip-page") != NULL;
  if (xml_attr(e, "node").len)
    return wrong(ctx, ERR_FEATURE_NOT_IMPLEMENTED, "an account's archive has no nodes");
  return read_form(ctx, xml_child(e, NS_DATA, "x"), q) &&
         read_bare_after(ctx, xml_child(e, NS_MAM, "after"), q) &&
         read_set(ctx, xml_child(e, NS_RSM, "set"), q);
}
