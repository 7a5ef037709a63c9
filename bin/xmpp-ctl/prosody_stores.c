#include "prosody.h"

#include "move.h"

#include <string.h>

/* A store of Prosody each: how its table is written as elements of XEP-0227. */

static bool
cat_text(stralloc *out, struct slice text)
{
  return xml_cat_text(out, text);
}

static bool
is_on(struct lua const *v)
{
  return v && !(v->kind == LUA_BOOLEAN && !v->truth) && v->kind != LUA_NIL;
}

/* ---- accounts ---- */

static bool
cat_hex(stralloc *out, struct arena *a, struct slice hex)
{
  static char const digits[] = "0123456789abcdef";
  char *bytes = arena_alloc(a, hex.len / 2 + 1);
  struct slice base64;
  size_t i;

  if (!bytes) return false;
  for (i = 0; i < hex.len / 2; i++) {
    char const *high = memchr(digits, hex.s[2 * i] | 32, 16);
    char const *low = memchr(digits, hex.s[2 * i + 1] | 32, 16);
    bytes[i] = high && low ? (char)((high - digits) << 4 | (low - digits)) : 0;
  }
  base64 = scram_encode(a, slice_of(bytes, i));
  return base64.s && stralloc_catb(out, base64.s, base64.len);
}

/* The hash is not said: the length of the keys says which. */
static char const *
mechanism(struct slice hex)
{
  return hex.len == 40 ? "SCRAM-SHA-1" : hex.len == 64 ? "SCRAM-SHA-256" : "";
}

bool
prosody_is_disabled(struct lua const *t)
{
  return is_on(lua_get(t, "disabled"));
}

/* An account that is disabled there gets no keys: so nobody logs in here either. */
bool
prosody_account(stralloc *out, struct arena *a, struct lua const *t)
{
  struct lua const *count = lua_get(t, "iteration_count");
  struct slice stored = lua_text(t, "stored_key");
  struct slice salt = scram_encode(a, lua_text(t, "salt"));
  char buf[32];

  if (!stored.len || prosody_is_disabled(t)) return true;
  snprintf(buf, sizeof buf, "%.0f",
           count && count->kind == LUA_NUMBER ? count->number : 0.);
  return salt.s &&
         xml_cat(out, "<scram-credentials xmlns='" NS_PIE_SCRAM "' mechanism='") &&
         xml_cat(out, mechanism(stored)) && xml_cat(out, "'><iter-count>") &&
         xml_cat(out, buf) && xml_cat(out, "</iter-count><salt>") &&
         stralloc_catb(out, salt.s, salt.len) && xml_cat(out, "</salt><server-key>") &&
         cat_hex(out, a, lua_text(t, "server_key")) &&
         xml_cat(out, "</server-key><stored-key>") && cat_hex(out, a, stored) &&
         xml_cat(out, "</stored-key></scram-credentials>");
}

/* ---- contacts ---- */

static bool
cat_contact(stralloc *out, struct slice jid, struct lua const *v)
{
  struct lua const *groups = lua_get(v, "groups");
  struct lua_pair const *g = groups && groups->kind == LUA_TABLE ? groups->first : NULL;
  struct slice const name = lua_text(v, "name"), sub = lua_text(v, "subscription");
  bool ok = xml_cat(out, "<item") && xml_cat_attr(out, "jid", jid) &&
            (!name.len || xml_cat_attr(out, "name", name)) &&
            xml_cat_attr(out, "subscription", sub.len ? sub : SLICE("none")) &&
            (!is_on(lua_get(v, "ask")) || xml_cat(out, " ask='subscribe'")) &&
            (!is_on(lua_get(v, "approved")) || xml_cat(out, " approved='true'")) &&
            xml_cat(out, ">");

  for (; ok && g; g = g->next)
    if (g->key.kind == LUA_STRING && is_on(&g->value))
      ok =
        xml_cat(out, "<group>") && cat_text(out, g->key.text) && xml_cat(out, "</group>");
  return ok && xml_cat(out, "</item>");
}

static bool
cat_pending(stralloc *out, struct lua const *pending)
{
  struct lua_pair const *p =
    pending && pending->kind == LUA_TABLE ? pending->first : NULL;
  bool ok = true;

  for (; ok && p; p = p->next) {
    if (p->key.kind != LUA_STRING || !is_on(&p->value)) continue;
    if (p->value.kind == LUA_TABLE && lua_text(&p->value, "name").len)
      ok = prosody_cat_stanza(out, &p->value, " xmlns='" NS_CLIENT "'", SLICE(""));
    else
      ok = xml_cat(out, "<presence xmlns='" NS_CLIENT "' type='subscribe'") &&
           xml_cat_attr(out, "from", p->key.text) && xml_cat(out, "/>");
  }
  return ok;
}

/* Under false stand the version and the requests; older versions have those under "pending". */
bool
prosody_roster(stralloc *out, struct arena *a, struct lua const *t)
{
  struct lua const *pending = NULL;
  struct lua_pair const *p;
  bool ok = xml_cat(out, "<query xmlns='" NS_ROSTER "'>");

  (void)a;
  for (p = t->first; ok && p; p = p->next) {
    if (p->key.kind == LUA_BOOLEAN)
      pending = lua_get(&p->value, "pending");
    else if (p->key.kind == LUA_STRING && slice_is(p->key.text, "pending"))
      pending = &p->value;
    else if (p->key.kind == LUA_STRING && p->value.kind == LUA_TABLE)
      ok = cat_contact(out, p->key.text, &p->value);
  }
  return ok && xml_cat(out, "</query>") && cat_pending(out, pending);
}

/* ---- who is blocked ---- */

bool
prosody_blocklist(stralloc *out, struct arena *a, struct lua const *t)
{
  struct lua_pair const *p;
  bool ok = xml_cat(out, "<blocklist xmlns='" NS_BLOCKING "'>");

  (void)a;
  for (p = t->first; ok && p; p = p->next)
    if (p->key.kind == LUA_STRING && is_on(&p->value))
      ok = xml_cat(out, "<item") && xml_cat_attr(out, "jid", p->key.text) &&
           xml_cat(out, "/>");
  return ok && xml_cat(out, "</blocklist>");
}

static bool
cat_rules(stralloc *out, struct lua const *items)
{
  static char const *const names[] = {"type", "value", "action"};
  struct lua const *rule;
  unsigned int i, k;
  bool ok = true;

  for (i = 1; ok && (rule = lua_at(items, i)); i++) {
    ok = xml_cat(out, "<item");
    for (k = 0; ok && k < sizeof names / sizeof *names; k++)
      if (lua_text(rule, names[k]).len)
        ok = xml_cat_attr(out, names[k], lua_text(rule, names[k]));
    ok = ok && xml_cat(out, "/>");
  }
  return ok;
}

bool
prosody_privacy(stralloc *out, struct arena *a, struct lua const *t)
{
  struct lua const *lists = lua_get(t, "lists");
  struct lua_pair const *p = lists && lists->kind == LUA_TABLE ? lists->first : NULL;
  bool ok = xml_cat(out, "<query xmlns='" NS_PRIVACY "'>");

  (void)a;
  if (ok && lua_text(t, "default").len)
    ok = xml_cat(out, "<default") && xml_cat_attr(out, "name", lua_text(t, "default")) &&
         xml_cat(out, "/>");
  for (; ok && p; p = p->next)
    if (p->key.kind == LUA_STRING)
      ok = xml_cat(out, "<list") && xml_cat_attr(out, "name", p->key.text) &&
           xml_cat(out, ">") && cat_rules(out, lua_get(&p->value, "items")) &&
           xml_cat(out, "</list>");
  return ok && xml_cat(out, "</query>");
}

/* ---- vCard, private XML ---- */

bool
prosody_vcard(stralloc *out, struct arena *a, struct lua const *t)
{
  (void)a;
  return prosody_cat_stanza(out, t, " xmlns='" NS_VCARD "'", SLICE(""));
}

bool
prosody_private(stralloc *out, struct arena *a, struct lua const *t)
{
  struct lua_pair const *p;
  bool ok = xml_cat(out, "<query xmlns='" NS_PRIVATE "'>");

  (void)a;
  for (p = t->first; ok && p; p = p->next)
    if (p->value.kind == LUA_TABLE)
      ok = prosody_cat_stanza(out, &p->value, "", SLICE(""));
  return ok && xml_cat(out, "</query>");
}

/* ---- messages ---- */

/* The time of an item: when, a number, or the stamp of its start tag. */
static struct slice
stamp_of(struct lua const *t, char buf[STAMP_SIZE])
{
  struct lua const *when = lua_get(t, "when");

  if (when && when->kind == LUA_NUMBER && when->number > 0 && when->number < 1e11)
    return stamp_us(buf, (uint64_t)(when->number * 1e6));
  return lua_text(lua_get(t, "attr"), "stamp");
}

bool
prosody_offline(stralloc *out, struct arena *a, struct lua const *t)
{
  stralloc delay = STRALLOC_ZERO;
  char buf[STAMP_SIZE];
  bool ok;

  (void)a;
  ok = xml_cat(&delay, "<delay xmlns='" NS_DELAY "'") &&
       xml_cat_attr(&delay, "stamp", stamp_of(t, buf)) && xml_cat(&delay, "/>") &&
       prosody_cat_stanza(out, t, " xmlns='" NS_CLIENT "'", slice_of(delay.s, delay.len));
  stralloc_free(&delay);
  return ok;
}

bool
prosody_archive(stralloc *out, struct arena *a, struct lua const *t)
{
  char buf[STAMP_SIZE];

  (void)a;
  return xml_cat(out, "<result xmlns='" NS_MAM "'") &&
         xml_cat_attr(out, "id", lua_text(t, "key")) &&
         xml_cat(out, "><forwarded xmlns='" NS_FORWARD "'><delay xmlns='" NS_DELAY "'") &&
         xml_cat_attr(out, "stamp", stamp_of(t, buf)) && xml_cat(out, "/>") &&
         prosody_cat_stanza(out, t, " xmlns='" NS_CLIENT "'", SLICE("")) &&
         xml_cat(out, "</forwarded></result>");
}

/* ---- nodes ---- */

static bool
cat_field(stralloc *out, struct slice name, struct lua const *v)
{
  char buf[32] = "";
  struct slice text = v->text;

  if (v->kind == LUA_TABLE || v->kind == LUA_NIL) return true;
  if (v->kind == LUA_BOOLEAN) text = v->truth ? SLICE("1") : SLICE("0");
  if (v->kind == LUA_NUMBER) {
    snprintf(buf, sizeof buf, "%.0f", v->number);
    text = slice_str(buf);
  }
  if (slice_is(name, "payload_type")) name = SLICE("type");
  if (slice_is(name, "include_payload")) name = SLICE("deliver_payloads");
  return xml_cat(out, "<field var='") &&
         (slice_starts(name, "pubsub#") || xml_cat(out, "pubsub#")) &&
         cat_text(out, name) && xml_cat(out, "'><value>") && cat_text(out, text) &&
         xml_cat(out, "</value></field>");
}

/* Fields that Prosody does not store, for a node of a service (mod_pubsub) and of an account (mod_pep). */
static struct {
  char const *name, *of_service, *of_account;
} const defaults[] = {
  {"persist_items",            "1",          "1"                  },
  {"max_items",                "20",         "1"                  },
  {"access_model",             "open",       "presence"           },
  {"publish_model",            "publishers", "publishers"         },
  {"send_last_published_item", "never",      "on_sub_and_presence"},
};

/* The first pair of a table of the node. */
static struct lua_pair const *
pairs_of(struct lua const *node, char const *name)
{
  struct lua const *t = lua_get(node, name);

  return t && t->kind == LUA_TABLE ? t->first : NULL;
}

static bool
cat_config(stralloc *out, struct lua const *node, bool of_service)
{
  struct lua_pair const *p = pairs_of(node, "config");
  bool ok = xml_cat(out, "<x xmlns='jabber:x:data' type='form'>");
  struct lua const *config = lua_get(node, "config");
  struct lua text = {.kind = LUA_STRING};
  size_t i;

  for (; ok && p; p = p->next)
    if (p->key.kind == LUA_STRING) ok = cat_field(out, p->key.text, &p->value);
  for (i = 0; ok && i < sizeof defaults / sizeof *defaults; i++) {
    if (config && lua_get(config, defaults[i].name)) continue;
    text.text = slice_str(of_service ? defaults[i].of_service : defaults[i].of_account);
    ok = cat_field(out, slice_str(defaults[i].name), &text);
  }
  return ok && xml_cat(out, "</x>");
}

/* An owner of the node: of several the first in the order of bytes. */
static struct slice
owner_of(struct lua const *node)
{
  struct lua_pair const *p = pairs_of(node, "affiliations");
  struct slice owner = SLICE(""), jid;

  for (; p; p = p->next) {
    jid = p->key.kind == LUA_STRING ? p->key.text : SLICE("");
    if (!jid.len || !slice_is(p->value.text, "owner")) continue;
    if (!owner.len ||
        memcmp(jid.s, owner.s, jid.len < owner.len ? jid.len : owner.len) < 0)
      owner = jid;
  }
  return owner;
}

static bool
cat_people(stralloc *out, struct slice name, struct lua const *node)
{
  struct lua_pair const *p = pairs_of(node, "affiliations");
  bool ok =
    xml_cat(out, "<affiliations") && xml_cat_attr(out, "node", name) && xml_cat(out, ">");

  for (; ok && p; p = p->next)
    if (p->key.kind == LUA_STRING && p->value.kind == LUA_STRING)
      ok = xml_cat(out, "<affiliation") && xml_cat_attr(out, "jid", p->key.text) &&
           xml_cat_attr(out, "affiliation", p->value.text) && xml_cat(out, "/>");
  ok = ok && xml_cat(out, "</affiliations><subscriptions") &&
       xml_cat_attr(out, "node", name) && xml_cat(out, ">");
  for (p = pairs_of(node, "subscribers"); ok && p; p = p->next)
    if (p->key.kind == LUA_STRING && is_on(&p->value))
      ok = xml_cat(out, "<subscription") && xml_cat_attr(out, "jid", p->key.text) &&
           xml_cat(out, " subscription='subscribed'/>");
  return ok && xml_cat(out, "</subscriptions>");
}

/* The creator of a service's node is not stored: an owner stands for it. */
static bool
cat_node(stralloc *out, struct slice name, struct lua const *node, bool of_service)
{
  struct slice owner = of_service ? owner_of(node) : SLICE("");

  return xml_cat(out, "<configure") && xml_cat_attr(out, "node", name) &&
         (!owner.len || xml_cat_attr(out, "creator", owner)) && xml_cat(out, ">") &&
         cat_config(out, node, of_service) && xml_cat(out, "</configure>") &&
         cat_people(out, name, node);
}

bool
prosody_node(stralloc *out, struct arena *a, struct lua const *t)
{
  (void)a;
  return cat_node(out, lua_text(t, "name"), t, true);
}

bool
prosody_pep(stralloc *out, struct arena *a, struct lua const *t)
{
  struct lua_pair const *p;
  bool ok = xml_cat(out, "<pubsub xmlns='" NS_PUBSUB_OWNER "'>");

  (void)a;
  for (p = t->first; ok && p; p = p->next)
    if (p->key.kind == LUA_STRING && is_on(&p->value))
      ok = cat_node(out, p->key.text, &p->value, false);
  return ok && xml_cat(out, "</pubsub>");
}

bool
prosody_item(stralloc *out, struct arena *a, struct lua const *t)
{
  struct slice key = lua_text(t, "key"), who = lua_text(t, "with"), stamp;
  char buf[STAMP_SIZE];

  (void)a;
  if (slice_is(lua_text(t, "name"), "item"))
    return prosody_cat_stanza(out, t, " xmlns='" NS_PUBSUB "'", SLICE(""));
  stamp = stamp_of(t, buf);
  return xml_cat(out, "<item") && xml_cat_attr(out, "id", key) &&
         (!who.len || xml_cat_attr(out, "publisher", who)) &&
         (!stamp.len || xml_cat_attr(out, "stamp", stamp)) && xml_cat(out, ">") &&
         prosody_cat_stanza(out, t, " xmlns=''", SLICE("")) && xml_cat(out, "</item>");
}
