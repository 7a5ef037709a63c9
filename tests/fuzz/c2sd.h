/* What targets of xmpp-c2sd have: a program that serves the host h, whose neighbours the target plays. Each
 * line that leaves is a record that its neighbour would take. Needs bin/xmpp-c2sd without its main file. */
#ifndef FUZZ_C2SD_H
#define FUZZ_C2SD_H

#include "fuzz.h"

#include "../../bin/xmpp-c2sd/bind.h"
#include "../../bin/xmpp-c2sd/deliver.h"
#include "../../bin/xmpp-c2sd/life.h"
#include "../../bin/xmpp-c2sd/requests.h"
#include "../../bin/xmpp-c2sd/sasl.h"
#include "../../bin/xmpp-c2sd/settings.h"
#include "../../bin/xmpp-c2sd/shown.h"
#include "../../bin/xmpp-c2sd/stream.h"
#include "../../bin/xmpp-c2sd/xep0115_caps.h"
#include "../../bin/xmpp-c2sd/xep0198_resume.h"
#include "../../bin/xmpp-c2sd/xep0198_sm.h"
#include "../../bin/xmpp-c2sd/xep0480_upgrade.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

static void
acknowledged(struct link *l, struct record *r)
{
  if (l->program != ROUTED) return;
  edge_take(record_u64(r, 1));
  sm_acked(resume_step);
  requests_acked();
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = life_open,
  [VERB_DATA] = conduit_on_data,
  [VERB_CLOSE] = conduit_on_close,
  [VERB_STOP] = conduit_on_stop,
  [VERB_GO] = conduit_on_go,
  [VERB_SECURED] = life_secured,
  [VERB_MECHANISMS] = sasl_on_mechanisms,
  [VERB_CHALLENGE] = sasl_on_challenge,
  [VERB_SUCCESS] = sasl_on_success,
  [VERB_CONTINUE] = upgrade_on_continue,
  [VERB_TASK] = upgrade_on_task,
  [VERB_FAILURE] = sasl_on_failure,
  [VERB_BOUND] = bind_on_bound,
  [VERB_REFUSED] = bind_on_refused,
  [VERB_KICK] = bind_on_kick,
  [VERB_DELIVER] = deliver_stanza,
  [VERB_ACK] = acknowledged,
  [VERB_YIELD] = resume_on_yield,
  [VERB_LEAVE] = resume_on_leave,
  [VERB_QUEUED] = resume_on_queued,
  [VERB_HANDED] = resume_on_handed,
  [VERB_UNYIELDED] = resume_on_unyielded,
  [VERB_RECALL] = shown_on_recall,
  [VERB_CAPS] = caps_on_caps,
};

/* ---- as xmpp-c2sd.c ---- */

static void
up(struct link *l)
{
  if (l->program == ROUTED) bind_announce();
}

static void
down(struct link *l)
{
  if (l->program == AUTHD) sasl_authd_gone();
  if (l->roles & (ROLE_FRONT | ROLE_WEB)) life_link_gone(l);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (handlers[v]) handlers[v](l, r);
}

static struct link_owner const owner = {.program = "xmpp-c2sd",
                                        .instance = "c2sd",
                                        .up = up,
                                        .down = down,
                                        .record = record,
                                        .full = no_full,
                                        .turn = no_turn};

/* ---- what leaves ---- */

/* The conduit that was opened last; the stream that authd or routed was asked about last, and
 * the one that was to be a session; the newest stanza; TLS comes once a conduit. */
static uint64_t conduit, sid, session, newest;
static bool secured;

/* The token of the session that may be resumed last. */
static char token[64];

/* What the target itself looks for in the bytes for the client. */
static void written(struct slice bytes);

static void
note_token(struct slice bytes)
{
  static char const start[] = "<enabled xmlns='urn:xmpp:sm:3' id='";
  size_t n = sizeof start - 1, i;

  while (bytes.len >= n && memcmp(bytes.s, start, n) != 0)
    bytes = slice_of(bytes.s + 1, bytes.len - 1);
  if (bytes.len < n) return;
  for (i = 0; i + 1 < sizeof token && n < bytes.len && bytes.s[n] != '\''; i++)
    token[i] = bytes.s[n++];
  token[i] = 0;
}

static void
note(enum verb v, struct record *r)
{
  struct slice number, origin = record_get(r, STANZA_ORIGIN);

  if (v == VERB_AUTH || v == VERB_BIND || v == VERB_RESUME) sid = record_u64(r, 1);
  if (v == VERB_BIND) session = sid;
  if (v == VERB_DATA) note_token(record_get(r, 2));
  if (v == VERB_DATA) written(record_get(r, 2));
  if (v == VERB_STANZA && slice_word(&origin, ':', &number)) slice_u64(origin, &newest);
}

static void
leaves(char const *name, struct slice line)
{
  char *copy = malloc(line.len);
  struct record r;
  enum verb v;

  must(copy && line.len && line.len <= RECORD_MAX && line.s[line.len - 1] == '\n');
  memcpy(copy, line.s, line.len);
  must(!memchr(copy, '\n', line.len - 1));
  must(record_split(&r, copy, line.len - 1));
  v = verb_find(record_get(&r, 0));
  must(v < VERBS_N && verb_rows[v].from & ROLE_EDGE &&
       verb_rows[v].to & program_roles(program_find(slice_str(name))));
  must(r.n - 1 >= verb_rows[v].least);
  note(v, &r);
  free(copy);
}

/* ---- what arrives ---- */

static stralloc line = STRALLOC_ZERO;

static void
say(char const *start, uint64_t id, char const *end)
{
  char num[BASE_NUM];

  line.len = 0;
  must(stralloc_cats(&line, start) && stralloc_cats(&line, num_u64(num, id).s) &&
       stralloc_cats(&line, end));
  link_pipe_line(line.s, line.len);
}

static void
data(struct slice bytes)
{
  char num[BASE_NUM];

  line.len = 0;
  must(stralloc_cats(&line, "tlsd\tdata") && record_put(&line, num_u64(num, conduit)) &&
       record_put(&line, bytes));
  link_pipe_line(line.s, line.len);
}

static void
open_conduit(void)
{
  conduit++;
  secured = false;
  say("tlsd\topen\t", conduit, "\th\t127.0.0.1\t1");
}

static void
secure(void)
{
  if (!secured) say("tlsd\tsecured\t", conduit, "\tTLSv1.3\tX\t\ttls-exporter=AAAA");
  secured = true;
}

static void
c2sd_start(void)
{
  static char name[] = "h", mechanisms[] = "SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN",
              fast[] = "HT-SHA-256-EXPR HT-SHA-256-NONE", upgrades[] = "UPGR-X",
              lang[] = "en";
  static struct host host = {.name = name,
                             .served = true,
                             .carbons = true,
                             .mam = true,
                             .roster = true,
                             .roster_versions = true,
                             .sm = true,
                             .csi = true,
                             .csi_presence = true,
                             .csi_chat_states = true,
                             .csi_pep = true,
                             .pings = true,
                             .ping_kills = true,
                             .ping_us = 30000000,
                             .pong_us = 20000000,
                             .resume_us = 100000000,
                             .resume_max_us = 200000000,
                             .ack_us = 10000000,
                             .queue_max = 8};
  static struct listener listener = {
    .name = name, .max_stanza_size = 65536, .queue_max = 100, .starttls = true};

  log_verbosity = 0;
  host.mechanisms = strdup(mechanisms);
  host.fast = strdup(fast);
  host.upgrades = strdup(upgrades);
  c2sd.hosts = &host;
  c2sd.listeners = &listener;
  c2sd.language = lang;
  c2sd.negotiation_us = 30000000;
  door_set_clock(1000000000000000, 1000000000000000);
  door_seed(SLICE("fuzz"));
  link_pipe_out = leaves;
  conduit_init(&life_owner);
  link_init(&owner, true);
}

#endif
