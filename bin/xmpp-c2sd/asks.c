#include "asks.h"
#include "negotiation.h"
#include "settings.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0386_bind2.h"

#include <openssl/evp.h>

#include <string.h>

/* This file reads the wishes that a client sends with its login, cuts them to their limits, and
 * passes them on to authd as fields of the record auth. authd never sees the XML. Of the id of a
 * user-agent authd, routed and the services see the hash alone. */

#define DEVICE_MAX 128u
#define UUID_LEN 36

/* ---- tokens (XEP-0484) ---- */

/* Say whether a binding of this type, which no standard withholds from clients, is there. */
static bool
has_binding(struct stream const *s, char const *type)
{
  struct slice list = slice_str(s->negotiation->bindings), word, name;

  while (slice_word(&list, ' ', &word))
    if (slice_word(&word, '=', &name) && slice_is(name, type)) return true;
  return false;
}

static bool
ends(struct slice mech, char const *end)
{
  size_t n = strlen(end);

  return mech.len > n && !memcmp(mech.s + mech.len - n, end, n);
}

static bool
fits(struct stream const *s, struct slice mech)
{
  if (ends(mech, "-EXPR")) return has_binding(s, "tls-exporter");
  if (ends(mech, "-UNIQ")) return has_binding(s, "tls-unique");
  if (ends(mech, "-ENDP")) return has_binding(s, "tls-server-end-point");
  return true;
}

bool
asks_offers_fast(struct stream const *s, struct slice mech)
{
  return mech.len && s->c.secure && slice_has_word(slice_str(s->host->fast), mech) &&
         fits(s, mech);
}

bool
asks_fast_features(struct stream const *s, stralloc *out)
{
  struct slice list = slice_str(s->host->fast), mech;
  bool any = false, ok = true;

  while (ok && s->c.secure && slice_word(&list, ' ', &mech)) {
    if (!fits(s, mech)) continue;
    if (!any) ok = xml_cat(out, "<fast xmlns='" NS_FAST "'>");
    any = true;
    ok = ok && xml_cat(out, "<mechanism>") && xml_cat_text(out, mech) &&
         xml_cat(out, "</mechanism>");
  }
  return ok && (!any || xml_cat(out, "</fast>"));
}

/* ---- reading ---- */

static struct xml_node const **
place_of(struct asks *k, struct xml_node const *c)
{
  if (xml_is(c, NS_SASL2, "initial-response")) return &k->initial;
  if (xml_is(c, NS_SASL2, "user-agent")) return &k->agent;
  if (xml_is(c, NS_BIND2, "bind")) return &k->bind;
  if (xml_is(c, SM_NS3, "resume")) return &k->resume;
  if (xml_is(c, NS_FAST, "fast")) return &k->fast;
  return xml_is(c, NS_FAST, "request-token") ? &k->request : NULL;
}

bool
asks_read(struct asks *k, struct xml_node const *e)
{
  struct xml_node const *c = NULL, **at;
  struct slice count;
  uint64_t n;

  *k = (struct asks){.all = e};
  while ((c = xml_next(e, c))) {
    at = place_of(k, c);
    if (at && *at) return false;
    if (at) *at = c;
  }
  count = k->fast ? xml_attr(k->fast, "count") : SLICE("");
  return !count.s || !count.len || slice_u64(count, &n);
}

/* Write the id in lower case. false: it is no UUID (RFC 9562 s4). */
static bool
take_uuid(struct slice id, char uuid[UUID_LEN])
{
  size_t i;

  if (id.len != UUID_LEN) return false;
  for (i = 0; i < UUID_LEN; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (!id.s[i] || !strchr(dash ? "-" : "0123456789abcdefABCDEF", id.s[i])) return false;
    uuid[i] = (char)(id.s[i] >= 'A' && id.s[i] <= 'F' ? id.s[i] | 0x20 : id.s[i]);
  }
  return true;
}

/* OpenSSL looks an algorithm that was not fetched up by its name at each use. NULL: OpenSSL failed. */
static EVP_MD const *
sha256(void)
{
  static EVP_MD *fetched;

  if (!fetched) fetched = EVP_MD_fetch(NULL, "SHA2-256", NULL);
  return fetched;
}

bool
asks_agent(struct asks const *k, char hash[AGENT_SIZE])
{
  unsigned char sum[EVP_MAX_MD_SIZE];
  EVP_MD const *md = sha256();
  char uuid[UUID_LEN];

  if (!md || !k->agent || !take_uuid(xml_attr(k->agent, "id"), uuid) ||
      !EVP_Digest(uuid, sizeof uuid, sum, NULL, md, NULL))
    return false;
  hex_z(hash, sum, AGENT_SIZE / 2);
  return true;
}

/* ---- the fields ---- */

static bool
is_true(struct slice word)
{
  return slice_is(word, "true") || slice_is(word, "1");
}

static void
put_asks(struct link *l, struct stream const *s, struct asks const *k)
{
  struct slice count = k->fast ? xml_attr(k->fast, "count") : SLICE("");
  struct slice mech = k->request ? xml_attr(k->request, "mechanism") : SLICE("");
  char buf[BASE_NUM];
  uint64_t n;

  link_str(l, "sasl2");
  if (k->fast) link_more(l, SLICE(" fast"));
  if (count.len && slice_u64(count, &n)) {
    link_more(l, SLICE(" count="));
    link_more(l, num_u64(buf, n));
  }
  if (k->fast && is_true(xml_attr(k->fast, "invalidate")))
    link_more(l, SLICE(" invalidate"));
  if (!asks_offers_fast(s, mech)) return;
  link_more(l, SLICE(" request="));
  link_more(l, mech);
}

/* Cut text so that it has at most so many bytes, and no character of it is cut. */
static struct slice
cut(struct slice text, size_t most)
{
  if (text.len <= most) return text;
  while (most && ((unsigned char)text.s[most] & 0xc0) == 0x80)
    most--;
  return slice_of(text.s, most);
}

static struct slice
text_of(struct arena *a, struct xml_node const *e, char const *name)
{
  struct xml_node const *c = e ? xml_child(e, NS_SASL2, name) : NULL;
  struct slice text = c ? xml_text(a, c) : SLICE("");

  return text.s ? cut(text, DEVICE_MAX / 2) : SLICE("");
}

/* Only a list of tokens shows it. */
static void
put_device(struct link *l, struct asks const *k)
{
  struct arena a = ARENA_ZERO;
  struct slice software, device;

  link_field(l);
  if (!k->fast && !k->request) return;
  software = text_of(&a, k->agent, "software");
  device = text_of(&a, k->agent, "device");
  link_more(l, software);
  if (software.len && device.len) link_more(l, SLICE(" / "));
  link_more(l, device);
  arena_wipe(&a);
}

/* XEP-0480 s3.2: of the tasks that the client would do those that the host offers, under TLS: whoever
 * reads the answer to one can log in. */
static void
put_upgrades(struct link *l, struct stream const *s, struct asks const *k)
{
  struct slice list = slice_str(s->c.secure ? s->host->upgrades : NULL), word, text;
  struct arena a = ARENA_ZERO;
  struct xml_node const *c;
  bool any = false;

  link_field(l);
  while (slice_word(&list, ' ', &word)) {
    for (c = xml_next(k->all, NULL); c; c = xml_next(k->all, c)) {
      if (!xml_is(c, NS_UPGRADE, "upgrade")) continue;
      text = xml_text(&a, c);
      if (text.s && slice_eq(text, word)) break;
    }
    if (!c) continue;
    if (any) link_more(l, SLICE(" "));
    link_more(l, word);
    any = true;
  }
  arena_wipe(&a);
}

void
asks_put(struct link *authd, struct stream const *s, struct asks const *k,
         struct slice agent)
{
  link_text(authd, agent);
  put_asks(authd, s, k);
  put_device(authd, k);
  put_upgrades(authd, s, k);
  link_str(authd, s->negotiation->login.from);
}
