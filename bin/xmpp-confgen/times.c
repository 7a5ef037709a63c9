#include "confgen.h"

#include <ctype.h>
#include <string.h>

/* Values that are times, or have a fraction. */

static struct {
  char const *words;
  uint64_t ms;
} const units[] = {
  {"ms msec msecs millisec millisecs millisecond milliseconds", 1       },
  {"s sec secs second seconds",                                 1000    },
  {"m min mins minute minutes",                                 60000   },
  {"h hour hours",                                              3600000 },
  {"d day days",                                                86400000},
};

/* Digits before the point and behind the point: a double holds so many. */
#define DIGITS_MAX 6

bool
is_decimal(struct yaml_node const *n)
{
  struct slice part[2] = {SLICE(""), n->text};
  size_t i, k;

  if (n->kind != YAML_SCALAR || !slice_word(&part[1], '.', &part[0])) return false;
  for (k = 0; k < 2; k++) {
    if (!part[k].len || part[k].len > DIGITS_MAX) return false;
    for (i = 0; i < part[k].len; i++)
      if (!isdigit((unsigned char)part[k].s[i])) return false;
  }
  return true;
}

/* 3, 0.25: at most three digits behind the point count. */
struct slice
seconds_value(struct arena *a, struct yaml_node const *n, char const *path)
{
  struct slice rest = n->text, whole;
  uint64_t v, ms = 0, unit = 100;
  char buf[BASE_NUM];
  size_t i;

  if (n->kind != YAML_SCALAR || !slice_word(&rest, '.', &whole) ||
      !slice_u64(whole, &v) || v > UINT32_MAX)
    return wrong_type(n, path, "a number of seconds, as 3 or 0.4");
  for (i = 0; i < rest.len; i++, unit /= 10) {
    if (!isdigit((unsigned char)rest.s[i]))
      return wrong_type(n, path, "a number of seconds, as 3 or 0.4");
    ms += unit * (uint64_t)(rest.s[i] - '0');
  }
  return arena_copy(a, num_u64(buf, v * 1000 + ms));
}

#define YEAR_MS "31536000000"

/* A number of seconds, or a number and a unit; one second at least. */
struct slice
timeout_value(struct arena *a, struct option const *o, struct yaml_node const *n,
              char const *path)
{
  struct slice t = n->text, unit;
  uint64_t v, ms = 1000;
  size_t digits = 0, i;
  char buf[BASE_NUM];

  if (n->kind == YAML_SCALAR && is_infinity(t)) {
    if (o->type == T_TIMEOUT_INF || o->type == T_TIMEOUT_INF_ZERO)
      return SLICE("infinity");
    if (o->type == T_TIMEOUT_YEAR) return SLICE(YEAR_MS);
  }
  while (digits < t.len && isdigit((unsigned char)t.s[digits]))
    digits++;
  unit = slice_of(t.s + digits, t.len - digits);
  while (unit.len && unit.s[0] == ' ')
    unit = slice_of(unit.s + 1, unit.len - 1);
  if (unit.len) {
    for (i = 0; i < sizeof units / sizeof *units; i++)
      if (slice_has_word(slice_str(units[i].words), unit)) break;
    ms = i < sizeof units / sizeof *units ? units[i].ms : 0;
  }
  if (n->kind != YAML_SCALAR || !ms || !slice_u64(slice_of(t.s, digits), &v) ||
      v > UINT32_MAX || v * ms < 1000)
    return wrong_type(n, path, "a time of one second at least, as 30, 30s, 5min, 1 day");
  if (!unit.len && v >= 1000 && strstr(o->name, "outgoing_s2s_timeout"))
    say_warning(
      n, path,
      "%s seconds are %u hours and more; did you mean seconds, not milliseconds?",
      n->text.s, (unsigned int)(v / 3600));
  return arena_copy(a, num_u64(buf, v * ms));
}
