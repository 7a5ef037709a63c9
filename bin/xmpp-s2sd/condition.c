#include "condition.h"

static char const *const stream[] = {"bad-format",
                                     "bad-namespace-prefix",
                                     "conflict",
                                     "connection-timeout",
                                     "host-gone",
                                     "host-unknown",
                                     "improper-addressing",
                                     "internal-server-error",
                                     "invalid-from",
                                     "invalid-namespace",
                                     "invalid-xml",
                                     "not-authorized",
                                     "not-well-formed",
                                     "policy-violation",
                                     "remote-connection-failed",
                                     "reset",
                                     "resource-constraint",
                                     "restricted-xml",
                                     "see-other-host",
                                     "system-shutdown",
                                     "undefined-condition",
                                     "unsupported-encoding",
                                     "unsupported-feature",
                                     "unsupported-stanza-type",
                                     "unsupported-version",
                                     NULL};

static char const *const sasl[] = {"aborted",
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
                                   NULL};

static char const *const stanza[] = {"bad-request",
                                     "conflict",
                                     "feature-not-implemented",
                                     "forbidden",
                                     "gone",
                                     "internal-server-error",
                                     "item-not-found",
                                     "jid-malformed",
                                     "not-acceptable",
                                     "not-allowed",
                                     "not-authorized",
                                     "policy-violation",
                                     "recipient-unavailable",
                                     "redirect",
                                     "registration-required",
                                     "remote-server-not-found",
                                     "remote-server-timeout",
                                     "resource-constraint",
                                     "service-unavailable",
                                     "subscription-required",
                                     "undefined-condition",
                                     "unexpected-request",
                                     NULL};

static struct slice
find(struct xml_node const *e, char const *const *known)
{
  struct xml_node const *c;
  size_t i;

  if (!xml_next(e, NULL)) return SLICE("error");
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    for (i = 0; known[i]; i++)
      if (slice_is(c->name, known[i])) return slice_str(known[i]);
  return SLICE("undefined-condition");
}

struct slice
condition_of_stream(struct xml_node const *e)
{
  return find(e, stream);
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

  if (!slice_is(condition, "undefined-condition")) return SLICE("");
  while ((c = xml_next(e, c)))
    if (!slice_is(c->name, "text") && !slice_eq(c->name, condition)) return c->name;
  return SLICE("");
}
