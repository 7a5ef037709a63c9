#include "bind.h"
#include "negotiation.h"
#include "rules.h"
#include "settings.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0199_ping.h"
#include "xep0352_csi.h"
#include "xep0386_bind2.h"
#include "xep0388_sasl2.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0386: a client binds with its login, and gets in one answer what else takes a request each.
 *
 * c2sd asks routed (bind) for TAG/NAME, where NAME is what authd calls the client of this
 * user-agent, or chance. routed knows from then on that the client wants carbons, and at that very
 * moment asks mamd for the metadata of the archive, in the name of the new session: a message is
 * in the archive that the answer tells of, or goes to the session, never both. c2sd holds the
 * success of the login until mamd has answered, METADATA_US at most, and keeps what comes for the
 * session behind it. */

#define TAG_MAX 64u
#define TAG_OF_OTHERS "tabber"
#define NAME_LEN 10
/* The iq by which routed asks mamd; a client does not make up such an id. */
#define METADATA_ID "bind2.metadata"
#define METADATA_US 2000000u

/* ---- the feature ---- */

static bool
cat_feature(stralloc *out, char const *var)
{
  return xml_cat(out, "<feature") && xml_cat_attr(out, "var", slice_str(var)) &&
         xml_cat(out, "/>");
}

bool
bind2_features(struct stream const *s, stralloc *out)
{
  struct host const *h = s->host;

  if (!h->carbons && !h->csi && !h->sm)
    return xml_cat(out, "<bind xmlns='" NS_BIND2 "'/>");
  return xml_cat(out, "<bind xmlns='" NS_BIND2 "'><inline>") &&
         (!h->carbons || cat_feature(out, NS_CARBONS)) &&
         (!h->csi || cat_feature(out, NS_CSI)) && (!h->sm || cat_feature(out, SM_NS3)) &&
         xml_cat(out, "</inline></bind>");
}

/* ---- the wish ---- */

/* s4.2.1: the tag, of which no slash is taken; NULL: there is none that can be one. */
static char *
tag_of(struct arena *a, struct xml_node const *e)
{
  struct slice text = xml_text(a, e), tag;
  size_t i, n = 0;
  char *copy = text.len && text.len <= JID_PART_MAX ? arena_alloc(a, text.len) : NULL;

  for (i = 0; copy && i < text.len; i++)
    if (text.s[i] != '/') copy[n++] = text.s[i];
  if (!n) return NULL;
  tag = jid_prep_resource(a, slice_of(copy, n));
  return tag.s && tag.len && tag.len <= TAG_MAX ? slice_dup(tag) : NULL;
}

bool
bind2_read(struct stream *s, struct xml_node const *e)
{
  struct bind2_wish *w = sasl2_bind_wish(s);
  struct xml_node const *c = xml_child(e, NS_BIND2, "tag");
  struct arena a = ARENA_ZERO;

  w->any = true;
  w->tag = c ? tag_of(&a, c) : NULL;
  arena_wipe(&a);
  if (!w->tag) w->tag = strdup(TAG_OF_OTHERS);
  w->carbons = s->host->carbons && xml_child(e, NS_CARBONS, "enable");
  w->inactive = s->host->csi && xml_child(e, NS_CSI, "inactive");
  c = s->host->sm ? xml_child(e, SM_NS3, "enable") : NULL;
  w->sm = c != NULL;
  if (c) sm_read_wish(c, &w->management);
  return w->tag != NULL;
}

/* ---- binding ---- */

/* TAG/NAME. false: ENOMEM. */
static bool
make_resource(struct stream *s)
{
  struct slice name = sasl2_client_name(s);
  stralloc sa = STRALLOC_ZERO;
  char own[NAME_LEN];
  bool ok;

  if (!name.len) {
    door_random_id(own, sizeof own);
    name = slice_of(own, sizeof own);
  }
  ok = stralloc_cats(&sa, sasl2_bind_wish(s)->tag) && stralloc_cats(&sa, "/") &&
       stralloc_catb(&sa, name.s, name.len) && stralloc_0(&sa);
  free(s->negotiation->bind.resource);
  s->negotiation->bind.resource = ok ? sa.s : NULL;
  if (!ok) stralloc_free(&sa);
  return ok;
}

char const *
bind2_metadata(struct stream const *s)
{
  return s->host->mam ? METADATA_ID : NULL;
}

char const *
bind2_begin(struct stream *s)
{
  if (!make_resource(s)) return "resource-constraint";
  if (!rules_may_bind(s, slice_str(s->negotiation->bind.resource))) return "not-allowed";
  s->session.wants = sasl2_bind_wish(s)->carbons ? WANTS_CARBONS : 0;
  s->state = ST_BINDING;
  bind_ask(s, bind2_metadata(s));
  return NULL;
}

/* ---- answers ---- */

void
bind2_refused(struct stream *s, char const *condition)
{
  stralloc sa = STRALLOC_ZERO;

  s->session.wants = 0;
  s->state = ST_AUTHED;
  if (xml_cat(&sa, "<failed xmlns='" NS_BIND2 "'><") && xml_cat(&sa, condition) &&
      xml_cat(&sa, " xmlns='" NS_STANZAS "'/></failed>"))
    sasl2_add(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  sasl2_finish(s);
}

/* s4.2: what is in the element depends on what was enabled. */
static void
finish(struct stream *s, struct slice metadata)
{
  stralloc sa = STRALLOC_ZERO;
  bool wanted = sasl2_bind_wish(s)->sm, ok;

  ok = xml_cat(&sa, "<bound xmlns='" NS_BIND2 "'>") &&
       stralloc_catb(&sa, metadata.s ? metadata.s : "", metadata.len);
  if (ok && wanted && s->session.sm) ok = sm_cat_enabled(&sa, s);
  if (ok && wanted && !s->session.sm)
    ok = sm_cat_failed(&sa, false, "resource-constraint", SLICE(""));
  if (ok && xml_cat(&sa, "</bound>")) sasl2_add(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  s->state = ST_BOUND;
  sasl2_finish(s);
}

void
bind2_bound(struct stream *s)
{
  struct bind2_wish const *w = sasl2_bind_wish(s);

  if (w->sm) sm_begin(s, false, &w->management);
  if (!s->host->mam) {
    finish(s, SLICE(""));
    return;
  }
  s->state = ST_METADATA;
  sasl2_wait(s, METADATA_US);
}

void
bind2_without_metadata(struct stream *s)
{
  s->session.owes_metadata = true;
  finish(s, SLICE(""));
}

void
bind2_begun(struct stream *s, struct bind2_wish const *w)
{
  s->c.blocked_max = BLOCKED_MAX;
  ping_start(s);
  if (s->csi)
    csi_active(s, NULL, SLICE("")); /* sends stanzas that came while success was held */
  if (w->inactive) csi_inactive(s, NULL, SLICE(""));
  if (s->session.sm) sm_flush(s);
}

/* ---- the archive ---- */

/* Say whether the deliver record r is from the account of s itself. */
static bool
is_own(struct stream const *s, struct record *r)
{
  stralloc bare = STRALLOC_ZERO;
  bool ok = record_put_more(&bare, stream_bare(s)) &&
            slice_eq(record_raw(r, 1 + STANZA_FROM), slice_of(bare.s, bare.len));

  stralloc_free(&bare);
  return ok;
}

static void
take_metadata(struct stream *s, struct slice xml)
{
  struct arena a = ARENA_ZERO;
  stralloc sa = STRALLOC_ZERO;
  enum xml_error why;
  struct xml_node const *iq = xml_parse(&a, xml, NS_CLIENT, &why), *c;

  c = iq && slice_is(xml_attr(iq, "type"), "result") ? xml_next(iq, NULL) : NULL;
  if (c && !xml_cat_tree(&sa, c, NS_BIND2)) sa.len = 0;
  finish(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  arena_wipe(&a);
}

bool
bind2_takes(struct stream *s, struct record *r)
{
  if (!slice_is(record_raw(r, 1 + STANZA_ID), METADATA_ID) || !is_own(s, r)) return false;
  if (s->state == ST_METADATA)
    take_metadata(s, record_get(r, 1 + STANZA_XML));
  else if (!s->session.owes_metadata)
    return false; /* a request of the client has this id */
  s->session.owes_metadata = false;
  return true;
}

/* ---- the state for a trace ---- */

void
bind2_snapshot(struct snapshot *k, struct bind2_wish *w)
{
  SNAPSHOT_INT(k, w->any);
  SNAPSHOT_INT(k, w->carbons);
  SNAPSHOT_INT(k, w->sm);
  SNAPSHOT_INT(k, w->inactive);
  SNAPSHOT_INT(k, w->management.resume);
  SNAPSHOT_INT(k, w->management.max_s);
  snapshot_text(k, &w->tag);
}
