#include "http/http_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static char const *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static char const *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* The end of the year 9999. */
#define SECONDS_MAX 253402300799u

struct slice
http_date(char buf[HTTP_DATE_SIZE], uint64_t second)
{
  time_t t = (time_t)(second < SECONDS_MAX ? second : SECONDS_MAX);
  struct tm tm;
  int n;

  gmtime_r(&t, &tm);
  n = snprintf(buf, HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
               days[tm.tm_wday % 7], tm.tm_mday % 100, months[tm.tm_mon % 12],
               (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
               tm.tm_sec % 100);
  return slice_of(buf, (size_t)n);
}

/* RFC 9110 s5.6.7: a year of two digits that would lie more than 50 years ahead is of the century
 * before. */
static int
year_of(int two_digits)
{
  time_t now = (time_t)(door_wall() / 1000000);
  struct tm tm;
  int last, year;

  gmtime_r(&now, &tm);
  last = tm.tm_year + 1900 + 50;
  year = last - last % 100 + two_digits;
  return year > last ? year - 100 : year;
}

static bool
made_of(int day, char const *month, int year, int const hms[3], uint64_t *second)
{
  struct tm tm = {.tm_mday = day, .tm_hour = hms[0], .tm_min = hms[1], .tm_sec = hms[2]};
  time_t t;

  while (tm.tm_mon < 12 && strcmp(month, months[tm.tm_mon]) != 0)
    tm.tm_mon++;
  if (year < 100) year = year_of(year);
  tm.tm_year = year - 1900;
  if (tm.tm_mon == 12 || day < 1 || day > 31 || hms[0] > 23 || hms[1] > 59 || hms[2] > 60)
    return false;
  t = timegm(&tm);
  if (t < 0) return false;
  *second = (uint64_t)t;
  return true;
}

bool
http_date_read(struct slice text, uint64_t *second)
{
  char z[48], month[4], zone[4];
  int day, year, at[3];

  if (!text.len || text.len >= sizeof z) return false;
  memcpy(z, text.s, text.len);
  z[text.len] = 0;
  if (sscanf(z, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s", &day, month, &year,
             &at[0], &at[1], &at[2], zone) == 7 ||
      sscanf(z, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %3s", &day, month, &year,
             &at[0], &at[1], &at[2], zone) == 7)
    return !strcmp(zone, "GMT") && made_of(day, month, year, at, second);
  return sscanf(z, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", month, &day, &at[0],
                &at[1], &at[2], &year) == 6 &&
         made_of(day, month, year, at, second);
}

/* ---- conditions (RFC 9110 s13) ---- */

void
http_conditions(struct http_conditions *c, struct http_request const *r)
{
  c->match = http_field(r, "if-match");
  c->none_match = http_field(r, "if-none-match");
  c->modified_since = http_field(r, "if-modified-since");
  c->unmodified_since = http_field(r, "if-unmodified-since");
  c->range = http_field(r, "range");
  c->if_range = http_field(r, "if-range");
}

/* Say whether a list of tags, or *, has the tag. A tag may have commas; quotes it has not.
 * s8.8.3.2: by the strong comparison a weak tag is equal to none. */
static bool
etag_in(struct slice list, struct slice etag, bool strong)
{
  struct slice rest = http_trim(list);

  if (slice_is(rest, "*")) return true;
  while (rest.len) {
    char const *from = memchr(rest.s, '"', rest.len), *to;
    bool weak = from && from > rest.s && from[-1] == '/';
    if (!from) return false;
    to = memchr(from + 1, '"', rest.len - (size_t)(from + 1 - rest.s));
    if (!to) return false;
    if (!(weak && strong) && slice_eq(slice_of(from, (size_t)(to + 1 - from)), etag))
      return true;
    rest = slice_of(to + 1, rest.len - (size_t)(to + 1 - rest.s));
  }
  return false;
}

/* s13.2.2: the order; a date counts when there is no tag, and when it is one. */
unsigned int
http_judge(struct http_conditions const *c, struct slice etag, uint64_t mtime)
{
  uint64_t t;

  if (c->match.s) {
    if (!etag_in(c->match, etag, true)) return 412;
  } else if (c->unmodified_since.s && http_date_read(c->unmodified_since, &t) &&
             mtime > t)
    return 412;
  if (c->none_match.s) return etag_in(c->none_match, etag, false) ? 304 : 0;
  return c->modified_since.s && http_date_read(c->modified_since, &t) && mtime <= t ? 304
                                                                                    : 0;
}

/* ---- ranges (RFC 9110 s14) ---- */

static bool
is_digits(struct slice t)
{
  uint64_t n;

  return slice_u64(t, &n);
}

enum http_range
http_range(struct slice field, uint64_t size, uint64_t *from, uint64_t *to)
{
  struct slice rest, first;
  uint64_t n, last = UINT64_MAX;

  if (field.len < 6 || !slice_is_nocase(slice_of(field.s, 6), "bytes="))
    return HTTP_WHOLE;
  rest = http_trim(slice_of(field.s + 6, field.len - 6));
  if (!rest.len || memchr(rest.s, ',', rest.len) || !memchr(rest.s, '-', rest.len))
    return HTTP_WHOLE;
  slice_word(&rest, '-', &first);
  if ((first.len && !is_digits(first)) || (rest.len && !is_digits(rest)) ||
      (!first.len && !rest.len))
    return HTTP_WHOLE;
  if (!first.len) {
    slice_u64(rest, &n);
    if (!n || !size) return HTTP_OUTSIDE;
    *from = n < size ? size - n : 0;
    *to = size - 1;
    return HTTP_PART;
  }
  slice_u64(first, &n);
  if (rest.len) slice_u64(rest, &last);
  if (last < n) return HTTP_WHOLE;
  if (n >= size) return HTTP_OUTSIDE;
  *from = n;
  *to = last < size ? last : size - 1;
  return HTTP_PART;
}

/* The strong comparison of the one tag, or the same time. */
static bool
range_counts(struct slice cond, struct slice etag, uint64_t mtime)
{
  uint64_t t;

  if (!cond.s) return true;
  if (cond.len && cond.s[0] == '"') return slice_eq(cond, etag);
  return http_date_read(cond, &t) && t == mtime;
}

enum http_range
http_part(struct http_conditions const *c, struct slice etag, uint64_t mtime,
          uint64_t size, uint64_t *from, uint64_t *to)
{
  if (!c->range.s || !range_counts(c->if_range, etag, mtime)) return HTTP_WHOLE;
  return http_range(c->range, size, from, to);
}
