#include "resolution.h"

/* The records about a resolution: its targets, or the reason why there are none. */

void
say_resolved(struct link *l, uint64_t id, char const *why)
{
  if (!l) return;
  link_begin(l, VERB_RESOLVED);
  link_num(l, id);
  link_str(l, why);
  link_end(l);
}

char const *
why_not(enum answer_status s)
{
  switch (s) {
  case ANSWER_DATA:
  case ANSWER_NODATA: return "nodata";
  case ANSWER_NXDOMAIN: return "nxdomain";
  case ANSWER_SERVFAIL: return "servfail";
  case ANSWER_TIMEOUT: return "timeout";
  case ANSWER_BOGUS: return "bogus";
  }
  return "servfail";
}

bool
addresses_are_secure(struct way const *w)
{
  return (w->v4.text || w->v6.text) && (!w->v4.text || w->v4.secure) &&
         (!w->v6.text || w->v6.secure);
}

/* Say the addresses in turns, beginning with the family that the options name first. */
static void
say_addresses(struct resolution const *g, struct way const *w)
{
  struct slice families = settings_get(dnsd, "outgoing_s2s_families", slice_str(g->host));
  bool v4_first = slice_starts(families, "ipv4"), some = false;
  struct slice rest[2] = {slice_str(v4_first ? w->v4.text : w->v6.text),
                          slice_str(v4_first ? w->v6.text : w->v4.text)};
  struct slice word;
  unsigned int i;

  link_field(g->link);
  while (rest[0].len || rest[1].len)
    for (i = 0; i < 2; i++)
      if (slice_word(&rest[i], ',', &word)) {
        if (some) link_more(g->link, SLICE(","));
        link_more(g->link, word);
        some = true;
      }
}

static void
say_target(struct resolution const *g, struct way const *w)
{
  bool address = addresses_are_secure(w);

  link_begin(g->link, VERB_TARGET);
  link_num(g->link, g->id);
  link_str(g->link, w->t.tls ? "tls" : "plain");
  link_num(g->link, w->t.port);
  link_str(g->link, w->t.name);
  say_addresses(g, w);
  link_str(g->link, w->tlsa ? w->tlsa : "-");
  link_str(g->link, w->t.secure ? address ? "srv address" : "srv"
                    : address   ? "address"
                                : "");
  link_end(g->link);
}

/* The reason why the targets have no addresses: a failure that may pass goes before what is for
 * good. */
static char const *
why_no_address(struct resolution const *g)
{
  enum answer_status worst = ANSWER_NXDOMAIN;
  size_t i;

  for (i = 0; i < g->n; i++) {
    enum answer_status s[2] = {g->ways[i].v4.status, g->ways[i].v6.status};

    if (g->ways[i].skipped) return why_not(g->ways[i].tlsa_status);
    if (s[0] == ANSWER_NODATA && worst == ANSWER_NXDOMAIN) worst = ANSWER_NODATA;
    if (s[0] > ANSWER_NXDOMAIN) worst = s[0];
    if (s[1] > ANSWER_NXDOMAIN) worst = s[1];
  }
  return why_not(worst);
}

/* A target whose TLSA records cannot be had, or were not waited for, is left out. */
void
say_all(struct resolution const *g)
{
  bool some = false;
  size_t i;

  for (i = 0; i < g->n; i++) {
    struct way const *w = &g->ways[i];
    if (w->skipped || (!w->v4.text && !w->v6.text)) continue;
    if (g->link) say_target(g, w);
    some = true;
  }
  say_resolved(g->link, g->id, some ? "" : why_no_address(g));
}
