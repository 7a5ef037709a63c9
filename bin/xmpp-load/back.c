#include "load.h"

#include <skalibs/strerr.h>

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* back: clients that come back to their sessions, as those of phones do. Each logs in once, by
 * password, and gets a token (XEP-0484), a TLS ticket and the id of a session that it may resume. In
 * the measured time -P of the clients are always on their way: each loses its connection, and comes
 * back by what it has, in its first write behind the handshake. So a return takes the round trips of
 * TCP, of TLS and one more; `sent` in the record counts the latter.
 *
 * -o fast=no: by password; -o resume=no: with a new session; -o tickets=no: with a whole
 * handshake. */

#define NS_SASL2 "urn:xmpp:sasl:2"
#define NS_FAST "urn:xmpp:fast:0"
#define NS_BIND2 "urn:xmpp:bind:0"
#define NS_SM "urn:xmpp:sm:3"
#define HT "HT-SHA-256-EXPR"

/* Of a client that is away. */
struct kept {
  SSL_SESSION *tls;
  char *token, *session;
  bool was_here;
};

static struct kept *kept;
static uint64_t next; /* the client that loses its connection next */
static bool by_token, resumes, by_ticket;

static bool
check(void)
{
  by_token = strcmp(setting("fast", "yes"), "no") != 0;
  resumes = strcmp(setting("resume", "yes"), "no") != 0;
  by_ticket = strcmp(setting("tickets", "yes"), "no") != 0;
  return opt.direct;
}

static struct kept *
of(struct client const *c)
{
  if (!kept) kept = calloc(opt.sessions, sizeof *kept);
  if (!kept) strerr_diefusys(111, "allocate clients");
  return &kept[c->n - opt.first];
}

static void
keep(char **at, struct slice text)
{
  free(*at);
  *at = text.len ? slice_dup(text) : NULL;
}

/* The order of ciphers is that of BoringSSL, which phones have, on a processor with AES. */
static void
use_ticket(struct client *c)
{
  SSL_set_ciphersuites(c->ssl, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                               "TLS_CHACHA20_POLY1305_SHA256");
  if (of(c)->tls && by_ticket) SSL_set_session(c->ssl, of(c)->tls);
}

/* ---- what a client says ---- */

static bool
cat_proof(struct client *c, stralloc *out)
{
  static char const label[] = "EXPORTER-Channel-Binding";
  unsigned char binding[32];
  char text[256 + SCRAM_HT];
  struct arena a = ARENA_ZERO;
  struct slice b64;
  int n = snprintf(text, 256, "%s%llu", opt.user, (unsigned long long)c->n) + 1;
  bool ok =
    SSL_export_keying_material(c->ssl, binding, sizeof binding, label, sizeof label - 1,
                               binding, 0, 1) == 1 &&
    scram_ht(slice_str(of(c)->token), "Initiator",
             slice_of((char const *)binding, sizeof binding), (unsigned char *)text + n);

  if (!ok) return false;
  b64 = scram_encode(&a, slice_of(text, (size_t)n + SCRAM_HT));
  ok = b64.s && stralloc_catb(out, b64.s, b64.len);
  arena_wipe(&a);
  return ok;
}

static bool
cat_parts(struct client *c, stralloc *out, bool token)
{
  struct kept const *k = of(c);
  char text[160];

  snprintf(text, sizeof text,
           "</initial-response><user-agent id='00000000-0000-4000-8000-%012llx'/>",
           (unsigned long long)c->n);
  return xml_cat(out, text) &&
         xml_cat(out, token      ? "<fast xmlns='" NS_FAST "'/>"
                      : by_token ? "<request-token xmlns='" NS_FAST "' mechanism='" HT
                                   "'/>"
                                 : "") &&
         (!resumes || !k->session ||
          (xml_cat(out, "<resume xmlns='" NS_SM "' h='0'") &&
           xml_cat_attr(out, "previd", slice_str(k->session)) && xml_cat(out, "/>"))) &&
         xml_cat(out, "<bind xmlns='" NS_BIND2 "'><tag>load</tag><enable xmlns='" NS_SM
                      "' resume='true'/></bind></authenticate>");
}

static void
authenticate(struct client *c)
{
  bool token = by_token && of(c)->token;
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<authenticate xmlns='" NS_SASL2 "' mechanism='") &&
      xml_cat(&sa, token ? HT : opt.mechanism) && xml_cat(&sa, "'><initial-response>") &&
      (token ? cat_proof(c, &sa) : login_first(c, &sa)) && cat_parts(c, &sa, token))
    client_write(c, sa.s, sa.len);
  else
    client_cut(c, "it cannot log in");
  stralloc_free(&sa);
  if (load_is_measuring()) fig->sent++;
  if (c->state != C_OVER) c->state = C_AUTH;
}

static void
respond(struct client *c, struct xml_node const *e)
{
  struct arena a = ARENA_ZERO;
  stralloc sa = STRALLOC_ZERO;

  xml_cat(&sa, "<response xmlns='" NS_SASL2 "'>");
  if (!login_challenge(c, xml_text(&a, e), &sa))
    client_cut(c, "the challenge makes no sense");
  xml_cat(&sa, "</response>");
  client_write(c, sa.s, sa.len);
  stralloc_free(&sa);
  arena_wipe(&a);
  if (load_is_measuring()) fig->sent++;
}

/* ---- away and back ---- */

/* OpenSSL resumes no session whose connection was not closed in order. */
static void
go(struct client *c)
{
  struct kept *k = of(c);

  SSL_SESSION_free(k->tls);
  k->tls = SSL_get1_session(c->ssl);
  SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  c->draining = true;
  client_cut(c, NULL);
}

static void
send_one_away(void)
{
  uint64_t i;

  for (i = 0; load_is_measuring() && i < opt.sessions; i++) {
    struct client *c = load_client(opt.first + next++ % opt.sessions);
    if (!c || c->state != C_ONLINE) continue;
    go(c);
    return;
  }
}

static void
come(struct client *c, struct xml_node const *e)
{
  struct xml_node const *bound = xml_child(e, NS_BIND2, "bound"),
                        *enabled = bound ? xml_child(bound, NS_SM, "enabled") : NULL,
                        *token = xml_child(e, NS_FAST, "token");
  struct kept *k = of(c);
  bool wanted = resumes && k->session;

  login_forget(c);
  if (token) keep(&k->token, xml_attr(token, "token"));
  if (enabled) keep(&k->session, xml_attr(enabled, "id"));
  if (wanted && !xml_child(e, NS_SM, "resumed"))
    client_cut(c, "the session was not resumed");
  else if (!wanted && !enabled)
    client_cut(c, "nothing was bound");
  else if (k->was_here) {
    c->state = C_ONLINE;
    if (!load_is_measuring()) return;
    fig->logins++;
    figures_latency(door_now() - c->begun_us);
    send_one_away();
  } else {
    k->was_here = true;
    c->state = C_ONLINE;
    load_online(c);
  }
}

static void
on_sasl2(struct client *c, struct xml_node const *e)
{
  if (slice_is(e->name, "challenge"))
    respond(c, e);
  else if (slice_is(e->name, "success"))
    come(c, e);
  else
    client_cut(c, "not let in");
}

static void
secured(struct client *c)
{
  if (by_token && of(c)->token) authenticate(c);
}

static void
begin(void)
{
  uint64_t i;

  fig->logins = 0;
  for (i = 0; i < opt.parallel && i < opt.sessions; i++)
    send_one_away();
}

static struct load_sasl2 const back_sasl2 = {use_ticket, secured, authenticate, on_sasl2};

struct load_kind const back_load = {.name = "back",
                                    .settings = "fast resume tickets",
                                    .is_silent = true,
                                    .check = check,
                                    .prepare = load_ready,
                                    .begin = begin,
                                    .sasl2 = &back_sasl2};
