#include "streams.h"

#include <stdlib.h>

/* The cookie of a link to xmpp-c2sd counts its streams. */

struct stream {
  struct link *link;
  uint64_t id;
  struct stream_use const *use;
  void *own;
  struct share *share; /* of the client's address; NULL: it is not counted */
  bool stopped, full;  /* c2sd reads no more; its link takes no more */
};

static struct ids ids;

uint64_t
streams_count(void)
{
  return ids.live;
}

char const *
stream_name(struct stream const *s)
{
  return log_conn(service_instance(), s->id);
}

static void
count(struct link *l, int n)
{
  l->cookie = (void *)((uintptr_t)l->cookie + (uintptr_t)n);
}

static struct link *
least_loaded(void)
{
  struct link *l, *best = NULL;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->program == C2SD && l->up &&
        (!best || (uintptr_t)l->cookie < (uintptr_t)best->cookie))
      best = l;
  return best;
}

static void
put_open(struct stream const *s, struct conn const *c, char const *ip)
{
  link_begin(s->link, VERB_OPEN);
  link_num(s->link, s->id);
  link_str(s->link, c->listener);
  link_str(s->link, ip);
  link_num(s->link, 0);
  link_str(s->link, "element");
  link_end(s->link);
}

/* Behind a proxy, nothing is known of TLS but that it is there: there is no channel to bind to. */
static void
put_secured(struct stream const *s, struct conn const *c, bool binds)
{
  link_begin(s->link, VERB_SECURED);
  link_num(s->link, s->id);
  link_str(s->link, c->secure ? c->tls_version : "TLS");
  link_str(s->link, c->secure ? c->tls_cipher : "of-a-proxy");
  link_str(s->link, "");
  link_str(s->link, c->secure && binds ? c->bindings : NULL);
  link_end(s->link);
}

struct stream *
stream_open(struct stream_use const *use, void *own, struct conn const *c, char const *ip,
            bool https, bool binds)
{
  struct link *l = least_loaded();
  struct stream *s = NULL;
  bool full = !l;
  struct share *share = full ? NULL : share_take(slice_str(ip), &full);

  if (full) return NULL;
  s = calloc(1, sizeof *s);
  if (s) s->id = ids_take(&ids, s);
  if (!s || !s->id) {
    share_give(share);
    free(s);
    return NULL;
  }
  s->share = share;
  s->link = l;
  s->use = use;
  s->own = own;
  s->full = l->full;
  count(l, 1);
  put_open(s, c, ip);
  if (https) put_secured(s, c, binds);
  return s;
}

static void
tell(struct stream const *s, enum verb v)
{
  link_begin(s->link, v);
  link_num(s->link, s->id);
  link_end(s->link);
}

void
stream_put(struct stream *s, struct slice element)
{
  link_begin(s->link, VERB_DATA);
  link_num(s->link, s->id);
  link_text(s->link, element);
  link_end(s->link);
}

void
stream_stop(struct stream *s, bool stop)
{
  tell(s, stop ? VERB_STOP : VERB_GO);
}

void
stream_taken(struct stream *s, uint64_t n)
{
  link_begin(s->link, VERB_TAKEN);
  link_num(s->link, s->id);
  link_num(s->link, n);
  link_end(s->link);
}

static void
stream_free(struct stream *s)
{
  count(s->link, -1);
  share_give(s->share);
  ids_give(&ids, s->id);
  free(s);
}

void
stream_close(struct stream *s, char const *why)
{
  if (!s) return;
  link_begin(s->link, VERB_CLOSE);
  link_num(s->link, s->id);
  link_str(s->link, why);
  link_end(s->link);
  stream_free(s);
}

/* ---- records ---- */

static struct stream *
stream_of(struct link const *l, struct record *r)
{
  struct stream *s = ids_get(&ids, record_u64(r, 1));

  return s && s->link == l ? s : NULL;
}

void
streams_on_data(struct link *l, struct record *r)
{
  struct stream *s = stream_of(l, r);

  if (s) s->use->data(s->own, record_get(r, 2));
}

void
streams_on_close(struct link *l, struct record *r)
{
  struct stream *s = stream_of(l, r);

  if (!s) return;
  s->use->closed(s->own, record_get(r, 2), false);
  stream_free(s);
}

static void
hold(struct stream *s, bool stopped, bool full)
{
  bool was = s->stopped || s->full;

  s->stopped = stopped;
  s->full = full;
  if (was != (stopped || full)) s->use->hold(s->own, stopped || full);
}

void
streams_on_stop(struct link *l, struct record *r)
{
  struct stream *s = stream_of(l, r);

  if (s) hold(s, true, s->full);
}

void
streams_on_go(struct link *l, struct record *r)
{
  struct stream *s = stream_of(l, r);

  if (s) hold(s, false, s->full);
}

void
streams_on_shape(struct link *l, struct record *r)
{
  struct stream *s = stream_of(l, r);

  if (s) s->use->shape(s->own, record_u64(r, 2), record_u64(r, 3));
}

void
streams_full(struct link *l, bool full)
{
  uint32_t i;

  for (i = 0; i < ids.used; i++) {
    struct stream *s = ids_at(&ids, i);
    if (s && s->link == l) hold(s, s->stopped, full);
  }
}

void
streams_link_gone(struct link *l)
{
  uint32_t i;

  for (i = 0; i < ids.used; i++) {
    struct stream *s = ids_at(&ids, i);
    if (!s || s->link != l) continue;
    s->use->closed(s->own, SLICE("the stream program is gone"), true);
    stream_free(s);
  }
  l->cookie = NULL;
}
