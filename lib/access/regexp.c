#define PCRE2_CODE_UNIT_WIDTH 8
#include "access/access.h"
#include "access_internal.h"

#include <pcre2.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Regular expressions of Perl's kind, which ejabberd's files have, over UTF-8. Strangers choose
 * the text that is searched, and some patterns take exponential time: so PCRE2 counts. */

#define OPTIONS (PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C)

/* A pattern keeps the data of a search, so that no search needs memory of its own. */
struct regexp {
  pcre2_code *code;
  pcre2_match_context *limits;
  pcre2_match_data *data;
};

static pcre2_code *
compile(struct slice pattern, int *error, size_t *at)
{
  return pcre2_compile((PCRE2_SPTR)pattern.s, pattern.len, OPTIONS, error, at, NULL);
}

bool
access_regexp(struct slice pattern, char *why, size_t size)
{
  PCRE2_UCHAR text[128];
  size_t at = 0;
  int error = 0;
  pcre2_code *code = compile(pattern, &error, &at);

  if (!code) {
    if (pcre2_get_error_message(error, text, sizeof text) < 0) text[0] = 0;
    snprintf(why, size, "%s, at byte %zu", (char *)text, at + 1);
  }
  pcre2_code_free(code);
  return code != NULL;
}

void
regexp_free(struct regexp *re)
{
  if (!re) return;
  pcre2_match_data_free(re->data);
  pcre2_match_context_free(re->limits);
  pcre2_code_free(re->code);
  free(re);
}

struct regexp *
regexp_new(struct slice pattern)
{
  struct regexp *re = calloc(1, sizeof *re);
  size_t at;
  int error;

  if (!re) return NULL;
  re->code = compile(pattern, &error, &at);
  if (!re->code) {
    regexp_free(re);
    errno = EINVAL;
    return NULL;
  }
  re->limits = pcre2_match_context_create(NULL);
  re->data = pcre2_match_data_create(1, NULL);
  if (re->limits && re->data) {
    pcre2_set_match_limit(re->limits, REGEXP_STEPS_MAX);
    pcre2_set_depth_limit(re->limits, REGEXP_DEPTH_MAX);
    pcre2_set_heap_limit(re->limits, REGEXP_HEAP_KIB);
    return re;
  }
  regexp_free(re);
  errno = ENOMEM;
  return NULL;
}

bool
regexp_matches(struct regexp const *re, struct slice s, bool *unsure)
{
  PCRE2_SPTR text = (PCRE2_SPTR)(s.len ? s.s : "");
  int rc = pcre2_match(re->code, text, s.len, 0, 0, re->data, re->limits);

  if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) *unsure = true;
  return rc >= 0;
}

bool
access_regexp_holds(struct slice pattern, struct slice text)
{
  struct regexp *re = regexp_new(pattern);
  bool unsure = false, holds = re && regexp_matches(re, text, &unsure);

  regexp_free(re);
  return holds;
}
