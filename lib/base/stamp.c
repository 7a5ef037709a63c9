#include "base/base.h"

#include <time.h>

/* ---- writing ---- */

/* The last second of the year 9999: years have four digits. */
#define LAST_S 253402300799u

/* Write n digits of x, with zeros before them, and the character behind. */
static char *
put_digits(char *to, unsigned int n, uint64_t x, char behind)
{
  unsigned int i;

  for (i = n; i--; x /= 10)
    to[i] = (char)('0' + x % 10);
  to[n] = behind;
  return to + n + 1;
}

/* Write the time up to its seconds, and the character behind them. */
static char *
put_time(char *to, uint64_t s, char behind)
{
  time_t at = (time_t)(s > LAST_S ? LAST_S : s);
  struct tm tm = {0};

  gmtime_r(&at, &tm);
  to = put_digits(to, 4, (uint64_t)tm.tm_year + 1900, '-');
  to = put_digits(to, 2, (uint64_t)tm.tm_mon + 1, '-');
  to = put_digits(to, 2, (uint64_t)tm.tm_mday, 'T');
  to = put_digits(to, 2, (uint64_t)tm.tm_hour, ':');
  to = put_digits(to, 2, (uint64_t)tm.tm_min, ':');
  return put_digits(to, 2, (uint64_t)tm.tm_sec, behind);
}

struct slice
stamp_s(char buf[STAMP_SIZE], uint64_t s)
{
  char *end = put_time(buf, s, 'Z');

  *end = 0;
  return slice_of(buf, (size_t)(end - buf));
}

struct slice
stamp_us(char buf[STAMP_SIZE], uint64_t us)
{
  char *end = put_digits(put_time(buf, us / 1000000, '.'), 6, us % 1000000, 'Z');

  *end = 0;
  return slice_of(buf, (size_t)(end - buf));
}

/* ---- reading ---- */

/* Read n digits at *at, which moves behind them; negative: they are none. */
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

/* Read the zone: Z, or the hours and minutes by which the time is ahead of UTC; *ahead is
 * in seconds. */
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
