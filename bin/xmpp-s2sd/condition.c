#include "condition.h"

#include "stanza/stanza.h"
#include "stream/stream.h"

#include <string.h>

#define UNDEFINED "undefined-condition"

static char const *
sasl(struct slice name)
{
  static char const *const defined[] = {
    "aborted",
    "account-disabled",
    "credentials-expired",
    "encryption-required",
    "incorrect-encoding",
    "invalid-authzid",
    "invalid-mechanism",
    "malformed-request",
    "mechanism-too-weak",
    "not-authorized",
    "temporary-auth-failure",
  };
  size_t i;

  for (i = 0; i < sizeof defined / sizeof *defined; i++)
    if (slice_is(name, defined[i])) return defined[i];
  return UNDEFINED;
}

static char const *
stanza(struct slice name)
{
  char const *found = stanza_error_name(stanza_error_find(name));

  if (slice_is(name, "redirect")) return "redirect"; /* no error of ours */
  return slice_is(name, found) ? found : UNDEFINED;
}

/* Give the first condition among the children of e; of gives that of a name, or UNDEFINED. */
static struct slice
find(struct xml_node const *e, char const *of(struct slice name))
{
  struct xml_node const *c = NULL;
  char const *condition = UNDEFINED;

  if (!xml_next(e, NULL)) return SLICE("error");
  while (!strcmp(condition, UNDEFINED) && (c = xml_next(e, c)))
    condition = of(c->name);
  return slice_str(condition);
}

struct slice
condition_of_stream(struct xml_node const *e)
{
  return find(e, conduit_condition);
}

struct slice
condition_of_sasl(struct xml_node const *e)
{
  return find(e, sasl);
}

struct slice
condition_of_stanza(struct xml_node const *e)
{
  return find(e, stanza);
}

struct slice
condition_made_up(struct xml_node const *e, struct slice condition)
{
  struct xml_node const *c = NULL;

  if (!slice_is(condition, UNDEFINED)) return SLICE("");
  while ((c = xml_next(e, c)))
    if (!slice_is(c->name, "text") && !slice_eq(c->name, condition)) return c->name;
  return SLICE("");
}
