/* push: what clients ask of xmpp-pushd, and the notifications that come of it (XEP-0357). Every
 * line that leaves is a record that xmpp-routed would take, and its stanza is XML. The input is
 * pieces with NUL between them: enable and disable elements, and messages. Needs bin/xmpp-pushd
 * without its main file, and build/fuzz for the stores. */
#include "fuzz.h"

#include "../../bin/xmpp-pushd/pushd.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DATA "build/fuzz/push-data"
#define ACCOUNT "u@h"
#define COMMITS 256 /* inputs behind which the store is committed */

char const *PROG = "fuzz";

static void
record(struct link *l, enum verb v, struct record *r)
{
  (void)l;
  (void)v;
  (void)r;
}

static struct link_owner const owner = {.program = "xmpp-pushd",
                                        .instance = "pushd",
                                        .up = no_link,
                                        .down = no_link,
                                        .record = record,
                                        .full = no_full,
                                        .turn = no_turn};

static void
check_xml(struct slice xml)
{
  static struct arena arena = ARENA_ZERO;
  enum xml_error why;

  arena_reset(&arena);
  must(xml_parse(&arena, xml, "jabber:client", &why) != NULL);
}

static void
leaves(char const *name, struct slice line)
{
  char *copy = malloc(line.len);
  struct record r;
  enum verb v;

  (void)name;
  must(copy && line.len && line.len <= RECORD_MAX && line.s[line.len - 1] == '\n');
  memcpy(copy, line.s, line.len);
  must(record_split(&r, copy, line.len - 1));
  v = verb_find(record_get(&r, 0));
  must(v < VERBS_N && r.n - 1 >= verb_rows[v].least);
  if (v == VERB_STANZA) check_xml(record_get(&r, STANZA_XML));
  free(copy);
}

static void
say(char const *text)
{
  static stralloc line = STRALLOC_ZERO;

  line.len = 0;
  must(stralloc_cats(&line, text));
  link_pipe_line(line.s, line.len);
}

static void
start(void)
{
  static struct vhost host = {
    .host = SLICE("h"), .body = BODY_OF_MESSAGE, .all = true, .sender = true};

  log_verbosity = 0;
  mkdir(DATA, 0700);
  pushd.vhosts = &host;
  pushd.services_max = 4;
  pushd.pending_max = 1000;
  pushd.push = push_open(DATA, true);
  pushd.accounts = accounts_open(DATA, true);
  must(pushd.push && pushd.accounts && regs_load());
  accounts_add(pushd.accounts, SLICE(ACCOUNT));
  must(accounts_number(pushd.accounts, SLICE(ACCOUNT)) != 0);
  door_set_clock(1000000000000000, 1000000000000000);
  door_seed(SLICE("fuzz"));
  answers_start();
  link_pipe_out = leaves;
  link_init(&owner, true);
  say("routed\thello\txmpp-routed\t0\trouted\t1");
}

static void
ask(struct arena *a, struct xml_node const *e, char const *tags)
{
  struct stanza in = {.kind = SLICE("iq"), .type = SLICE("set"), .tags = slice_str(tags)};
  struct handle_ctx ctx = {.arena = a, .account = SLICE(ACCOUNT)};
  stralloc out = STRALLOC_ZERO;

  /* Services of hosts that are not served here are taken as they are. */
  ctx.host = SLICE("other");
  must(jid_parse(a, SLICE(ACCOUNT "/r"), &ctx.from));
  if (slice_is(e->name, "enable"))
    xep0357_enable(&ctx, &in, e, &out);
  else
    xep0357_disable(&ctx, &in, e, &out);
  must(!out.len);
  stralloc_free(&out);
}

/* All registrations are told of the message. */
static void
tell(struct slice xml)
{
  struct event e = {
    .class = CLASS_CALL, .count = 1, .from = SLICE("v@h/<'&"), .xml = xml};
  struct account *a = account_find(SLICE(ACCOUNT));
  struct reg *r;

  must(!a || a->n <= pushd.services_max);
  for (r = a ? a->regs : NULL; r; r = r->next)
    reg_event(r, &e);
}

/* Requests are not answered in time; the registrations go. */
static void
end(void)
{
  struct account *a;

  say("clock\t1000000100000000");
  door_set_clock(1000000000000000, 1000000000000000);
  while ((a = account_find(SLICE(ACCOUNT))))
    must(reg_del(a->regs));
  must(!regs_totals.regs);
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct slice rest = slice_of((char const *)data, len), piece;
  struct arena a = ARENA_ZERO;
  struct xml_node const *e;
  static unsigned int inputs;
  unsigned int n = 0;
  enum xml_error why;

  if (!inputs) start();
  while (slice_word(&rest, 0, &piece)) {
    e = piece.len ? xml_parse(&a, piece, NS_PUSH, &why) : NULL;
    if (e && slice_is(e->ns, NS_PUSH)) ask(&a, e, n++ % 2 ? "client=ab" : "");
    if (e) tell(piece);
    arena_reset(&a);
  }
  end();
  arena_wipe(&a);
  if (++inputs % COMMITS == 0) must(store_commit(push_store(pushd.push)));
  return 0;
}
