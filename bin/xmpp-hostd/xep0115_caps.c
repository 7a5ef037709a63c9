#include "hostd.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* XEP-0115: a hash of what disco#info says of a host goes into its stream features, so that
 * clients that know it need not ask. */

#define CAPS_NODE "https://tabber.im/caps"

static bool changed;

void
caps_changed(void)
{
  changed = true;
}

void
caps_forget(void)
{
  struct host *h;
  size_t i;

  for (i = 0; (h = hostd_host_at(i)); i++)
    h->ver[0] = 0;
  changed = true;
}

static int
compare(struct slice a, struct slice b)
{
  int d = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);

  return d ? d : (a.len > b.len) - (a.len < b.len);
}

/* Identities before features; each by octets (s5.1 steps 2 and 4). */
static int
by_octets(void const *x, void const *y)
{
  struct entry const *a = x, *b = y;
  int d = (a->kind == FEATURE) - (b->kind == FEATURE);

  if (!d) d = compare(a->a, b->a);
  return d ? d : compare(a->b, b->b);
}

static bool
cat(stralloc *out, struct slice text, char const *behind)
{
  return stralloc_catb(out, text.s, text.len) && stralloc_cats(out, behind);
}

/* The string S of s5.1. */
static bool
cat_text(stralloc *out, struct host const *h)
{
  static struct info info;
  size_t i;

  disco_info(&info, h, "host");
  qsort(info.v, info.n, sizeof *info.v, by_octets);
  for (i = 0; i < info.n; i++) {
    struct entry const *e = &info.v[i];
    if (e->kind == FEATURE
          ? !cat(out, e->a, "<")
          : !cat(out, e->a, "/") || !cat(out, e->b, "//") || !cat(out, e->c, "<"))
      return false;
  }
  return xep0157_hash_text(out, h);
}

static bool
compute(struct host const *h, char ver[CAPS_VER_MAX + 1])
{
  static stralloc text = STRALLOC_ZERO;
  unsigned char md[EVP_MAX_MD_SIZE];
  unsigned int n = 0;

  text.len = 0;
  if (!cat_text(&text, h) || !EVP_Digest(text.s, text.len, md, &n, EVP_sha1(), NULL) ||
      n != 20)
    return false;
  return EVP_EncodeBlock((unsigned char *)ver, md, (int)n) == CAPS_VER_MAX;
}

static void
tell(struct host const *h)
{
  link_begin(hostd_routed, VERB_CAPS);
  link_text(hostd_routed, h->name);
  link_str(hostd_routed, CAPS_NODE);
  link_str(hostd_routed, h->ver);
  link_end(hostd_routed);
}

/* While routed has told nothing yet (the first turns of a link), what we know is not what
 * there is. */
void
caps_turn(void)
{
  char ver[CAPS_VER_MAX + 1];
  struct host *h;
  size_t i;

  if (!changed || !hostd_routed || !hostd_routed->up || !features_at(0)) return;
  changed = false;
  for (i = 0; (h = hostd_host_at(i)); i++) {
    if (!compute(h, ver) || !strcmp(ver, h->ver)) continue;
    strcpy(h->ver, ver);
    tell(h);
  }
}

bool
caps_is_node(struct host const *h, struct slice node)
{
  size_t n = sizeof CAPS_NODE - 1;

  return h->ver[0] && slice_starts(node, CAPS_NODE "#") &&
         slice_is(slice_of(node.s + n + 1, node.len - n - 1), h->ver);
}

/* ---- the state for a trace ---- */

static void
ver_snapshot(struct snapshot *k, struct host *h)
{
  struct arena a = ARENA_ZERO;
  struct slice name = h ? h->name : SLICE("");
  char ver[CAPS_VER_MAX + 1] = "";

  if (h) memcpy(ver, h->ver, sizeof ver);
  snapshot_slice(k, &a, &name);
  snapshot_name(k, ver, sizeof ver);
  if (snapshot_restores(k) && (h = hostd_host(name))) memcpy(h->ver, ver, sizeof ver);
  arena_wipe(&a);
}

void
caps_snapshot(struct snapshot *k)
{
  struct host *h;
  size_t i;

  if (!snapshot_record(k, "changed", true)) return;
  SNAPSHOT_INT(k, changed);
  for (i = 0; (h = hostd_host_at(i)) && !snapshot_restores(k); i++)
    if (snapshot_record(k, "host", true)) ver_snapshot(k, h);
  while (snapshot_restores(k) && snapshot_record(k, "host", true))
    ver_snapshot(k, NULL);
}
