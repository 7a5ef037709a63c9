#include "hostd.h"

#include <skalibs/stralloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Messages to many. An announcement asks authd or routed for its addressees, gathers them,
 * and is then sent in pieces, one a turn, as long as routed takes them: a hundred thousand
 * messages are never in memory at once, their addresses are. Announcements are sent one
 * behind the other. */

struct announcement {
  struct announcement *next;
  struct slice host, type, inside; /* in the arena */
  struct arena arena;
  struct names names; /* accounts that were told of, when one may be so twice */
  enum announce_to to;
  uint64_t motd;
  stralloc jids; /* bare, a NUL behind each */
  size_t at;     /* up to here they have their message */
  bool too_many;
  announce_fn *fn;
  void *cookie;
};

static struct {
  struct announcement *first, **last; /* being sent, or waiting for it */
  unsigned int n;                     /* with those that still gather */
  struct event_timer timer;
} queue = {.last = &queue.first};

static void
announcement_free(struct announcement *x)
{
  queue.n--;
  names_wipe(&x->names);
  stralloc_free(&x->jids);
  arena_wipe(&x->arena);
  free(x);
}

static struct slice
domain_of(struct slice bare)
{
  struct slice domain = bare, local;

  slice_word(&domain, '@', &local);
  return domain;
}

/* ---- sending ---- */

static void
send_message(struct slice to, struct slice host, struct slice type, struct slice inside)
{
  static stralloc xml = STRALLOC_ZERO;
  struct stanza st = {.to = to,
                      .from = host,
                      .kind = SLICE("message"),
                      .type = type,
                      .tags = SLICE("body")};

  xml.len = 0;
  if (!xml_cat(&xml, "<message") || !xml_cat_attr(&xml, "from", host) ||
      !xml_cat_attr(&xml, "to", to) || (type.len && !xml_cat_attr(&xml, "type", type)) ||
      !xml_cat(&xml, ">") || !stralloc_catb(&xml, inside.s, inside.len) ||
      !xml_cat(&xml, "</message>"))
    return;
  st.xml = slice_of(xml.s, xml.len);
  stanza_put(hostd_routed, &st);
}

/* A session that came online while the addressees were gathered has its message of the
 * day. */
static void
send_next(struct announcement *x)
{
  struct slice bare = slice_str(x->jids.s + x->at);

  x->at += bare.len + 1;
  if (x->motd) {
    if (motd_was_seen(bare, x->motd)) return;
    motd_see(bare, x->motd);
  }
  send_message(bare, domain_of(bare), x->type, x->inside);
}

static void
send_piece(void *cookie)
{
  struct announcement *x = queue.first;
  unsigned int n;

  (void)cookie;
  if (!x || !hostd_routed || !hostd_routed->up) return;
  if (hostd_routed->full) {
    event_timer_start(&queue.timer, door_now() + ANNOUNCE_PAUSE_US, send_piece, NULL);
    return;
  }
  for (n = 0; n < ANNOUNCE_PIECE && x->at < x->jids.len; n++)
    send_next(x);
  if (x->at >= x->jids.len) {
    queue.first = x->next;
    if (!queue.first) queue.last = &queue.first;
    announcement_free(x);
  }
  if (queue.first) event_timer_start(&queue.timer, door_now(), send_piece, NULL);
}

static bool watches;

void
announce_watch(void)
{
  if (watches || !settings_has_any(hostd_settings(), "module", "mod_announce") ||
      !hostd_routed || !hostd_routed->up)
    return;
  watches = true;
  handle_watch(hostd_routed, "sessions");
}

/* Go on with announcements that were left when routed went. */
void
announce_link_up(void)
{
  watches = false;
  announce_watch();
  if (queue.first) event_timer_start(&queue.timer, door_now(), send_piece, NULL);
}

/* ---- gathering ---- */

static void
gather(struct announcement *x, struct slice bare)
{
  struct slice domain = domain_of(bare);

  if (x->host.len ? !slice_eq(domain, x->host) : !hostd_host_with(domain, MOD_ANNOUNCE))
    return;
  if (x->too_many || (x->to == TO_ONLINE && !names_add(&x->names, bare))) return;
  if (x->jids.len + bare.len >= ANNOUNCE_BYTES_MAX ||
      !stralloc_catb(&x->jids, bare.s, bare.len) || !stralloc_catb(&x->jids, "", 1))
    x->too_many = true;
}

static void
gathered(struct announcement *x)
{
  *queue.last = x;
  queue.last = &x->next;
  names_wipe(&x->names);
  if (!event_timer_on(&queue.timer))
    event_timer_start(&queue.timer, door_now(), send_piece, NULL);
  x->fn(x->cookie, NULL);
}

static void
on_addressee(void *cookie, enum ask_part part, struct slice const v[2])
{
  static struct slice const too_many[2] = {
    {"there are too many addressees", 29},
    {"resource-constraint",           19}
  };
  struct announcement *x = cookie;
  struct slice rest = v[0], bare = SLICE("");

  if (part == ASK_ROW) {
    slice_word(&rest, '/', &bare);
    gather(x, bare);
  } else if (part == ASK_DONE && !x->too_many) {
    gathered(x);
  } else {
    x->fn(x->cookie, part == ASK_FAILED ? v : too_many);
    announcement_free(x);
  }
}

bool
announce(enum announce_to to, struct slice host, struct slice type, struct slice inside,
         uint64_t motd, announce_fn *fn, void *cookie)
{
  struct slice const list[2] = {SLICE("list"), host};
  struct announcement *x = queue.n < ANNOUNCEMENTS_MAX ? calloc(1, sizeof *x) : NULL;

  if (!x) return false;
  queue.n++;
  x->to = to;
  x->motd = motd;
  x->fn = fn;
  x->cookie = cookie;
  x->host = arena_copy(&x->arena, host);
  x->type = arena_copy(&x->arena, type);
  x->inside = arena_copy(&x->arena, inside);
  if (x->host.s && x->type.s && x->inside.s &&
      (to == TO_ALL ? ask(AUTHD, VERB_ACCOUNT, list, host.len ? 2 : 1, on_addressee, x)
                    : ask(ROUTED, VERB_SESSIONS, NULL, 0, on_addressee, x)))
    return true;
  announcement_free(x);
  return false;
}

/* ---- messages of the day ---- */

static uint64_t last_id;

static uint64_t
next_id(void)
{
  last_id = door_wall() > last_id ? door_wall() : last_id + 1;
  return last_id;
}

bool
announce_set(struct slice host, struct slice type, struct slice inside, uint64_t *id)
{
  struct host *h;
  size_t i;

  *id = next_id();
  if (host.len) return motd_put(host, *id, type, inside);
  for (i = 0; (h = hostd_host_at(i)); i++)
    if (h->modules & MOD_ANNOUNCE && !motd_put(h->name, *id, type, inside)) return false;
  return true;
}

/* Of all hosts: those that have one. */
bool
announce_delete(struct slice host)
{
  bool any = false;
  struct host *h;
  size_t i;

  if (host.len) return motd_del(host);
  for (i = 0; (h = hostd_host_at(i)); i++) {
    if (!(h->modules & MOD_ANNOUNCE)) continue;
    if (motd_del(h->name))
      any = true;
    else if (errno != ENOENT)
      return false;
  }
  if (!any) errno = ENOENT;
  return any;
}

void
announce_online(struct link *l, struct record *r)
{
  struct slice full = record_get(r, 1), rest = full, bare = SLICE(""), type, inside;
  uint64_t id;

  (void)l;
  if (slice_is(record_get(r, 3), "again")) return;
  slice_word(&rest, '/', &bare);
  if (!hostd_host_with(domain_of(bare), MOD_ANNOUNCE) ||
      !motd_get(domain_of(bare), &id, &type, &inside) || motd_was_seen(bare, id))
    return;
  send_message(full, domain_of(bare), type, inside);
  motd_see(bare, id);
}

/* ---- messages to HOST/announce/... ---- */

/* The sender, for an error that comes later. */
struct sender {
  struct arena arena;
  struct stanza in;
};

/* A message to announce: its kind, its text, its host (empty: all hosts). */
struct wish {
  struct slice host, type, inside;
  struct sender *sender;
};

typedef bool wish_fn(struct wish *w);

static void
sender_free(struct sender *s)
{
  if (s) arena_wipe(&s->arena);
  free(s);
}

static struct sender *
sender_new(struct stanza const *in)
{
  struct sender *s = calloc(1, sizeof *s);

  if (!s) return NULL;
  s->in.to = arena_copy(&s->arena, in->to);
  s->in.from = arena_copy(&s->arena, in->from);
  s->in.id = arena_copy(&s->arena, in->id);
  s->in.kind = SLICE("message");
  if (s->in.to.s && s->in.from.s && s->in.id.s) return s;
  sender_free(s);
  return NULL;
}

static void
on_announced(void *cookie, struct slice const *why)
{
  struct sender *s = cookie;

  if (why)
    handle_refuse(hostd_routed, &s->in, stanza_error_find(why[1]), why[0], SLICE(""));
  sender_free(s);
}

/* false: errno EAGAIN. The sender is the announcement's when it is true. */
static bool
begin(struct wish *w, enum announce_to to, uint64_t motd)
{
  errno = EAGAIN;
  if (!announce(to, w->host, w->type, w->inside, motd, on_announced, w->sender))
    return false;
  w->sender = NULL;
  return true;
}

static bool
to_all(struct wish *w)
{
  return begin(w, TO_ALL, 0);
}

static bool
to_online(struct wish *w)
{
  return begin(w, TO_ONLINE, 0);
}

static bool
set_motd(struct wish *w)
{
  uint64_t id;

  return announce_set(w->host, w->type, w->inside, &id) && begin(w, TO_ONLINE, id);
}

static bool
update_motd(struct wish *w)
{
  uint64_t id;

  return announce_set(w->host, w->type, w->inside, &id);
}

static bool
delete_motd(struct wish *w)
{
  return announce_delete(w->host);
}

static struct {
  char const *path;
  wish_fn *fn;
  bool empty; /* the message need not say anything */
} const paths[] = {
  {"all",         to_all,      false},
  {"online",      to_online,   false},
  {"motd",        set_motd,    false},
  {"motd/update", update_motd, false},
  {"motd/delete", delete_motd, true },
};

#define PATHS_N (sizeof paths / sizeof *paths)

/* Find the path of resource, or PATHS_N; *all_hosts: the path is one of all hosts. */
static size_t
path_of(struct slice resource, bool *all_hosts)
{
  static char const prefix[] = "announce/", hosts[] = "all-hosts/";
  size_t i;

  if (!slice_starts(resource, prefix)) return PATHS_N;
  resource = slice_of(resource.s + sizeof prefix - 1, resource.len - (sizeof prefix - 1));
  *all_hosts = slice_starts(resource, hosts);
  if (*all_hosts)
    resource = slice_of(resource.s + sizeof hosts - 1, resource.len - (sizeof hosts - 1));
  for (i = 0; i < PATHS_N && !slice_is(resource, paths[i].path); i++) {
  }
  return i;
}

/* Subject and body go on, and nothing that asks for an answer or says where it was. */
static bool
cat_inside(stralloc *out, struct xml_node const *message)
{
  struct xml_node const *e = NULL;

  while (message && (e = xml_next(message, e)))
    if ((xml_is(e, "jabber:client", "subject") || xml_is(e, "jabber:client", "body")) &&
        !xml_cat_tree(out, e, "jabber:client"))
      return false;
  return true;
}

static struct slice
type_of(struct slice type)
{
  return slice_is(type, "headline") || slice_is(type, "chat") ? type : SLICE("");
}

static enum stanza_error
error_of(int e)
{
  if (e == ENOENT) return ERR_ITEM_NOT_FOUND;
  return e == EAGAIN ? ERR_RESOURCE_CONSTRAINT : ERR_INTERNAL;
}

/* The error that is the answer, or STANZA_ERRORS_N: none. What concerns all hosts is for
 * those whom the rule allows it everywhere. */
static enum stanza_error
take(struct arena *a, struct stanza const *in, struct slice xml)
{
  static stralloc inside = STRALLOC_ZERO;
  struct host const *h;
  struct jid to, from;
  enum xml_error why;
  struct wish w = {.type = type_of(in->type)};
  bool all_hosts = false, ok;
  size_t i;

  if (!jid_parse(a, in->to, &to) || !jid_parse(a, in->from, &from))
    return ERR_JID_MALFORMED;
  if (!slice_starts(to.resource, "announce")) return STANZA_ERRORS_N; /* not ours */
  h = to.local.len ? NULL : hostd_host_with(to.domain, MOD_ANNOUNCE);
  i = h ? path_of(to.resource, &all_hosts) : PATHS_N;
  if (i == PATHS_N) return ERR_SERVICE_UNAVAILABLE;
  if (!hostd_allows(h->announce_access, all_hosts ? SLICE("*") : h->name, &from))
    return ERR_FORBIDDEN;
  inside.len = 0;
  if (!cat_inside(&inside, xml_parse(a, xml, "jabber:client", &why)))
    return ERR_RESOURCE_CONSTRAINT;
  if (!inside.len && !paths[i].empty) return ERR_BAD_REQUEST;
  if (inside.len > ANNOUNCE_TEXT_MAX) return ERR_NOT_ACCEPTABLE;
  w.host = all_hosts ? SLICE("") : h->name;
  w.inside = slice_of(inside.s, inside.len);
  w.sender = sender_new(in);
  if (!w.sender) return ERR_RESOURCE_CONSTRAINT;
  ok = paths[i].fn(&w);
  sender_free(w.sender);
  return ok ? STANZA_ERRORS_N : error_of(errno);
}

void
announce_message(struct link *l, struct record *r)
{
  static struct arena arena = ARENA_ZERO;
  enum stanza_error e;
  struct stanza in;
  struct slice xml;

  stanza_read(r, 0, &in);
  if (!stanza_may_answer(&in)) return;
  xml = record_get(r, STANZA_XML);
  arena_reset(&arena);
  e = take(&arena, &in, xml);
  if (e != STANZA_ERRORS_N) handle_refuse(l, &in, e, SLICE(""), SLICE(""));
}

/* ---- the state for a trace ---- */

/* Name the waiter of x: the sender of a message, or a run of a command. An announcement
 * on its way has answered its waiter. */
static void
waiting_fields(struct snapshot *k, struct announcement *x)
{
  bool by_message = x->fn == on_announced;
  struct sender *s = x->cookie;
  struct run *r = x->cookie;

  SNAPSHOT_INT(k, by_message);
  x->fn = by_message ? on_announced : admin_announced;
  if (!by_message) {
    snapshot_run(k, &r);
    x->cookie = r;
    return;
  }
  if (snapshot_restores(k)) x->cookie = s = snapshot_new(k, sizeof *s);
  if (!s) return;
  snapshot_slice(k, &s->arena, &s->in.to);
  snapshot_slice(k, &s->arena, &s->in.from);
  snapshot_slice(k, &s->arena, &s->in.id);
  s->in.kind = SLICE("message");
}

static struct announcement *
announcement_fields(struct snapshot *k, struct announcement *x, bool gathers)
{
  if (snapshot_restores(k)) x = snapshot_new(k, sizeof *x);
  if (!x) return NULL;
  if (snapshot_restores(k)) queue.n++;
  snapshot_slice(k, &x->arena, &x->host);
  snapshot_slice(k, &x->arena, &x->type);
  snapshot_slice(k, &x->arena, &x->inside);
  SNAPSHOT_INT(k, x->to);
  SNAPSHOT_INT(k, x->motd);
  snapshot_bytes(k, &x->jids);
  SNAPSHOT_INT(k, x->at);
  SNAPSHOT_INT(k, x->too_many);
  names_snapshot(k, &x->names);
  if (gathers) waiting_fields(k, x);
  return x;
}

bool
announce_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie)
{
  bool ours = *fn == on_addressee;

  SNAPSHOT_INT(k, ours);
  if (!ours) return false;
  *cookie = announcement_fields(k, *cookie, true);
  *fn = on_addressee;
  return true;
}

void
announce_snapshot(struct snapshot *k)
{
  struct announcement **at = &queue.first;

  if (!snapshot_record(k, "announcements", true)) return;
  SNAPSHOT_INT(k, watches);
  SNAPSHOT_INT(k, last_id);
  snapshot_timer(k, &queue.timer, send_piece, NULL);
  for (; snapshot_record(k, "announcement", *at != NULL); at = &(*at)->next) {
    *at = announcement_fields(k, *at, false);
    if (!*at) return;
    queue.last = &(*at)->next;
  }
}
