#include "mamd.h"

#include <errno.h>
#include <string.h>

/* XEP-0441: what an account wants archived. Its text in the archive: a first line, DEFAULT or
 * nothing, then a line for each address, + always, - never; a line * when the account has
 * asked for its archive before (request_activates_archiving). */

/* The settings of one host, looked up anew when another host is asked for or the settings
 * are read anew: prefs_archives is called twice for each message of the server. */
static struct rules {
  bool read;
  char host[JID_PART_MAX];
  size_t len;
  bool has_mam, activates; /* mod_mam, mod_mam.request_activates_archiving */
  struct slice dflt;       /* mod_mam.default */
} rules;

static struct slice
host_default(struct slice host)
{
  return settings_get(mamd.settings, "mod_mam.default", host);
}

static struct rules const *
rules_of(struct slice host)
{
  if (rules.read && slice_eq(host, slice_of(rules.host, rules.len))) return &rules;
  if (host.len > sizeof rules.host) return NULL;
  memcpy(rules.host, host.s, host.len);
  rules.len = host.len;
  rules.has_mam = mamd_has(host, "mod_mam");
  rules.activates =
    settings_bool(mamd.settings, "mod_mam.request_activates_archiving", host);
  rules.dflt = host_default(host);
  rules.read = true;
  return &rules;
}

void
prefs_load(void)
{
  rules.read = false;
}

struct prefs {
  struct slice dflt; /* empty: as its host */
  struct slice lines;
  bool asked;
};

/* false: the store failed. */
static bool
load(uint64_t owner, struct prefs *p)
{
  struct slice line, rest;

  *p = (struct prefs){SLICE(""), SLICE(""), false};
  if (!archive_prefs_get(mamd.archive, owner, &p->lines)) return errno == ENOENT;
  slice_word(&p->lines, '\n', &p->dflt);
  for (rest = p->lines; slice_word(&rest, '\n', &line);)
    if (slice_is(line, "*")) p->asked = true;
  return true;
}

/* s2.2: a bare JID on a list stands for all its resources, a full one for itself. */
static bool
is_on(struct prefs const *p, char sign, struct jid const *contact)
{
  struct slice rest = p->lines, line;

  while (slice_word(&rest, '\n', &line)) {
    struct slice jid;
    if (line.len < 2 || line.s[0] != sign) continue;
    jid = slice_of(line.s + 1, line.len - 1);
    if (slice_eq(jid, contact->full) || slice_eq(jid, contact->bare)) return true;
  }
  return false;
}

static bool
is_in_roster(uint64_t owner, struct jid const *contact)
{
  struct roster_item item;

  return mamd.roster && roster_item_get(mamd.roster, owner, contact->bare, &item) &&
         item.listed;
}

bool
prefs_archives(struct slice bare, uint64_t owner, struct jid const *contact)
{
  struct rules const *r = rules_of(jid_cut(bare).domain);
  struct slice word;
  struct prefs p;

  if (!r || !r->has_mam || !load(owner, &p)) return false;
  if (r->activates && !p.asked) return false;
  if (is_on(&p, '-', contact)) return false;
  if (is_on(&p, '+', contact)) return true;
  word = p.dflt.len ? p.dflt : r->dflt;
  if (slice_is(word, "roster")) return is_in_roster(owner, contact);
  return slice_is(word, "always");
}

static bool
save(uint64_t owner, struct slice dflt, struct slice lines, bool asked)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = stralloc_catb(&sa, dflt.s, dflt.len) && stralloc_catb(&sa, "\n", 1) &&
            (!asked || stralloc_catb(&sa, "*\n", 2)) &&
            stralloc_catb(&sa, lines.s, lines.len) &&
            archive_prefs_put(mamd.archive, owner, slice_of(sa.s, sa.len));

  stralloc_free(&sa);
  return ok;
}

void
prefs_activate(struct slice bare, uint64_t owner)
{
  struct slice host = jid_cut(bare).domain;
  struct arena a = ARENA_ZERO;
  struct prefs p;

  if (!settings_bool(mamd.settings, "mod_mam.request_activates_archiving", host)) return;
  if (archive_is_full(mamd.archive) || !load(owner, &p) || p.asked) return;
  if (!save(owner, arena_copy(&a, p.dflt), arena_copy(&a, p.lines), true))
    mamd_failed("store a preference", bare);
  arena_wipe(&a);
}

/* ---- routed is told who differs from the host ---- */

static void
tell(struct link *routed, struct slice bare, struct slice dflt, bool lists)
{
  /* An account with a list of always may have messages archived whatever the default. */
  if (lists && !slice_is(dflt, "always")) dflt = SLICE("roster");
  link_begin(routed, VERB_ARCHIVES);
  link_text(routed, bare);
  link_text(routed, dflt);
  link_end(routed);
}

static bool
has_always(struct slice lines)
{
  struct slice line;

  while (slice_word(&lines, '\n', &line))
    if (line.len && line.s[0] == '+') return true;
  return false;
}

static bool
announce_one(void *cookie, struct slice bare, uint64_t number)
{
  struct prefs p;

  if (load(number, &p) && (p.dflt.len || has_always(p.lines)))
    tell(cookie, bare, p.dflt, has_always(p.lines));
  return true;
}

/* The end of an account (of DATA/accounts) up to which routed has been told. */
static uint64_t ends_told;
static uint64_t changes_seen;

/* Tell routed that the accounts which have ended have no preferences any more. The name of one
 * may be that of a new account, which then tells its own. */
static void
tell_ends(struct link *routed)
{
  struct slice bare;
  uint64_t ended;

  changes_seen = accounts_changes(mamd.accounts);
  while (accounts_ended(mamd.accounts, &ends_told, &ended, &bare)) {
    tell(routed, bare, SLICE(""), false);
    if (mamd_number(bare)) announce_one(routed, bare, mamd_number(bare));
  }
}

void
prefs_look(void)
{
  struct link *routed = link_find(ROUTED);

  if (!mamd.accounts || !routed || accounts_changes(mamd.accounts) == changes_seen)
    return;
  accounts_commit(mamd.accounts); /* a read that began before does not see the end */
  tell_ends(routed);
}

void
prefs_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "prefs", true)) return;
  SNAPSHOT_INT(k, ends_told);
  SNAPSHOT_INT(k, changes_seen);
}

void
prefs_announce(struct link *routed)
{
  if (!mamd.accounts) return;
  ends_told = 0;
  tell_ends(routed);
  accounts_each(mamd.accounts, announce_one, routed);
}

/* ---- get and set ---- */

static bool
cat_list(stralloc *out, char const *name, char sign, struct slice lines)
{
  struct slice line;
  bool ok = xml_cat(out, "<") && xml_cat(out, name) && xml_cat(out, ">");

  while (ok && slice_word(&lines, '\n', &line))
    if (line.len > 1 && line.s[0] == sign)
      ok = xml_cat(out, "<jid>") &&
           xml_cat_text(out, slice_of(line.s + 1, line.len - 1)) &&
           xml_cat(out, "</jid>");
  return ok && xml_cat(out, "</") && xml_cat(out, name) && xml_cat(out, ">");
}

static bool
may(struct handle_ctx *ctx, uint64_t *owner)
{
  if (!mamd_has(ctx->host, "mod_mam")) return false;
  ctx->error = ERR_FORBIDDEN;
  if (!slice_eq(ctx->from.bare, ctx->account)) return false;
  ctx->error = ERR_ITEM_NOT_FOUND;
  *owner = mamd_number(ctx->account);
  return *owner != 0;
}

static enum verdict
answer(struct handle_ctx *ctx, uint64_t owner, stralloc *out)
{
  struct prefs p;

  if (!load(owner, &p)) return handle_error(ctx, ERR_INTERNAL, "");
  if (xml_cat(out, "<prefs xmlns='" NS_MAM "'") &&
      xml_cat_attr(out, "default", p.dflt.len ? p.dflt : host_default(ctx->host)) &&
      xml_cat(out, ">") && cat_list(out, "always", '+', p.lines) &&
      cat_list(out, "never", '-', p.lines) && xml_cat(out, "</prefs>"))
    return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* s2.1. */
enum verdict
xep0441_get(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  uint64_t owner;

  (void)in;
  (void)e;
  return may(ctx, &owner) ? answer(ctx, owner, out) : REFUSE;
}

/* The addresses of a list as lines. false: ctx says what is wrong. */
static bool
read_list(struct handle_ctx *ctx, struct xml_node const *list, char sign, stralloc *lines,
          size_t *n)
{
  struct xml_node const *c = NULL;
  struct jid j;

  while (list && (c = xml_next(list, c))) {
    if (!xml_is(c, NS_MAM, "jid")) continue;
    if (++*n > PREFS_MAX)
      return handle_wrong(ctx, ERR_POLICY_VIOLATION, "too many addresses");
    if (!jid_parse(ctx->arena, xml_text(ctx->arena, c), &j))
      return handle_wrong(ctx, ERR_JID_MALFORMED, "");
    if (!stralloc_catb(lines, &sign, 1) || !stralloc_catb(lines, j.full.s, j.full.len) ||
        !stralloc_catb(lines, "\n", 1))
      return false;
  }
  return true;
}

static bool
may_set(struct handle_ctx *ctx)
{
  struct slice rule =
    settings_get(mamd.settings, "mod_mam.access_preferences", ctx->host);
  struct access_who who = {
    .local = ctx->from.local, .domain = ctx->from.domain, .resource = ctx->from.resource};

  return access_allows(mamd.access, rule, ctx->host, &who);
}

/* s2.2: the whole of the preferences anew. */
enum verdict
xep0441_set(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct slice dflt = xml_attr(e, "default");
  struct link *routed = link_find(ROUTED);
  stralloc lines = STRALLOC_ZERO;
  uint64_t owner;
  struct prefs p;
  size_t n = 0;
  enum verdict v = REFUSE;

  (void)in;
  if (!may(ctx, &owner)) return REFUSE;
  if (!may_set(ctx)) return handle_error(ctx, ERR_NOT_ALLOWED, "");
  if (archive_is_full(mamd.archive))
    return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "the disk is full");
  if (!slice_is(dflt, "always") && !slice_is(dflt, "never") && !slice_is(dflt, "roster"))
    return handle_error(ctx, ERR_BAD_REQUEST, "default is always, never or roster");
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  if (read_list(ctx, xml_child(e, NS_MAM, "always"), '+', &lines, &n) &&
      read_list(ctx, xml_child(e, NS_MAM, "never"), '-', &lines, &n)) {
    if (load(owner, &p) && save(owner, dflt, slice_of(lines.s, lines.len), p.asked))
      v = answer(ctx, owner, out);
    else
      v = handle_error(ctx, ERR_INTERNAL, "");
  }
  if (v == DONE && routed)
    tell(routed, ctx->account, dflt, has_always(slice_of(lines.s, lines.len)));
  stralloc_free(&lines);
  return v;
}
