#include "bosh.h"

#include <openssl/evp.h>

#include <string.h>

/* Rules of XEP-0124 for a request and its answer: keys, requests that come too often,
 * answers that are kept. */

/* ---- keys (s15) ---- */

static bool
same_nocase(char const *z, struct slice text)
{
  return text.s && slice_is_nocase(text, z);
}

/* K(n) is the SHA-1 of K(n-1), as text in hexadecimal. */
static bool
is_next(char const *key, struct slice next)
{
  unsigned char sum[EVP_MAX_MD_SIZE];
  char text[2 * EVP_MAX_MD_SIZE + 1];
  unsigned int len;

  if (!next.s || !EVP_Digest(next.s, next.len, sum, &len, EVP_sha1(), NULL)) return false;
  hex_put(text, sum, len);
  return slice_is_nocase(slice_of(text, 2 * len), key);
}

static void
copy_key(char to[BOSH_KEY_LEN + 1], struct slice from)
{
  memcpy(to, from.s, from.len);
  to[from.len] = 0;
}

bool
bosh_take_key(struct bosh *s, struct bosh_asked *a, struct bosh_body const *b)
{
  if (!*s->key) return true;
  if (b->key.len > BOSH_KEY_LEN || b->newkey.len > BOSH_KEY_LEN ||
      !is_next(s->key, b->key))
    return false;
  copy_key(a->key, b->key);
  copy_key(s->key, b->newkey.len ? b->newkey : b->key);
  return true;
}

bool
bosh_same_key(char const *key, struct bosh_body const *b)
{
  return !*key || same_nocase(key, b->key);
}

/* ---- requests that come too often ---- */

static bool
is_soon(uint64_t at_us)
{
  return at_us && door_now() - at_us < BOSH_POLLING_US;
}

/* s13: a client that polls asks again after a while, unless it got something. s12:
 * another client sends no request without payload while another is held that came just
 * now. */
bool
bosh_is_too_often(struct bosh *s, struct bosh_asked const *a, struct bosh_body const *b)
{
  bool empty = !b->has_payload && !b->restarts && !b->has_pause && !b->terminates;
  bool soon = s->polls ? is_soon(s->empty_us)
                       : a > s->asked && a[-1].post && s->created &&
                           (unsigned int)(a - s->asked) + 1 >= s->requests &&
                           is_soon(a[-1].at_us);

  s->empty_us = empty ? door_now() : 0;
  return empty && soon;
}

/* ---- answers that are kept (s14.3) ---- */

void
bosh_told_free(struct bosh *s, unsigned int n)
{
  unsigned int i;

  for (i = 0; i < n; i++)
    stralloc_free(&s->told[i].text);
  s->told_n -= n;
  memmove(s->told, s->told + n, s->told_n * sizeof s->told[0]);
}

static void
trim(struct bosh *s)
{
  unsigned int max = s->acks ? BOSH_TOLD_MAX : s->requests, i = s->told_n;
  size_t bytes = 0;

  while (i && s->told_n - i < max) {
    bytes += s->told[--i].text.a;
    if (bytes > BOSH_TOLD_BYTES && i + 1 < s->told_n) {
      i++;
      break;
    }
  }
  bosh_told_free(s, i);
}

void
bosh_keep(struct bosh *s, struct bosh_told told)
{
  if (s->told_n == BOSH_TOLD_MAX) bosh_told_free(s, 1);
  s->told[s->told_n++] = told;
  trim(s);
}

/* Answers up to rid are with the client. */
static void
has_up_to(struct bosh *s, uint64_t rid)
{
  unsigned int n = 0;

  while (n < s->told_n && s->told[n].rid <= rid)
    n++;
  if (!n) return;
  bosh_client_has(s, s->told[n - 1].upto);
  if (s->acks) bosh_told_free(s, n);
}

/* s9.2: the client lacks the answer behind the acknowledged one: it may have been
 * lost. */
static void
look_for_lost(struct bosh *s)
{
  if (!s->told_n || s->told[0].rid <= s->report_rid ||
      door_now() - s->told[0].at_us < BOSH_REPORT_US)
    return;
  s->report_rid = s->told[0].rid;
  s->reports = true;
}

/* A client that says no ack has all answers, if it uses them. Else a client never
 * waits for more answers than requests; and none that is awaited, if it asks without
 * payload while none is held. */
void
bosh_take_ack(struct bosh *s, struct bosh_body const *b)
{
  bool none_held = s->asked_n && s->asked[0].rid == s->rid;

  if (s->acks) {
    has_up_to(s, b->has_ack ? b->ack : s->rid - 1);
    if (b->has_ack) look_for_lost(s);
  } else if (!b->has_payload && none_held)
    has_up_to(s, s->rid - 1);
  else if (s->rid > s->requests)
    has_up_to(s, s->rid - s->requests);
}
