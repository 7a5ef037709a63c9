#include "uploadd.h"

#include "http/http.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Requests of the web, from webd. A file is found by the last three segments of the path alone: a
 * web server in front may have changed the host and the path before them. */

struct web_totals web_totals;
struct transfer *transfers;

static struct transfer **last = &transfers;
static unsigned int transfers_n;

/* ---- transfers ---- */

static struct slice
key_of(void const *item)
{
  return slice_of(((struct transfer const *)item)->key, 16);
}

static struct table table = {.key = key_of};

static void
make_key(char key[16], struct link const *l, uint64_t id)
{
  memcpy(key, &l, sizeof l);
  memcpy(key + 8, &id, 8);
}

struct transfer *
transfer_find(struct link const *l, uint64_t id)
{
  char key[16];

  make_key(key, l, id);
  return table_get(&table, slice_of(key, 16));
}

struct transfer *
transfer_new(struct web const *w, size_t n)
{
  struct transfer *t =
    transfers_n < UPLOAD_TRANSFERS_MAX ? calloc(1, sizeof *t + n) : NULL;

  if (!t) return NULL;
  t->link = w->link;
  t->id = w->id;
  t->fd = t->temp.fd = t->temp.root = -1;
  t->pipe = (struct event_io)EVENT_IO_ZERO;
  make_key(t->key, w->link, w->id);
  if (!table_put(&table, t)) {
    free(t);
    return NULL;
  }
  t->prev = last;
  *last = t;
  last = &t->next;
  transfers_n++;
  return t;
}

void
transfer_free(struct transfer *t)
{
  *t->prev = t->next;
  if (t->next)
    t->next->prev = t->prev;
  else
    last = t->prev;
  transfers_n--;
  table_del(&table, slice_of(t->key, 16));
  pipe_close(t);
  files_temp_close(&t->temp);
  get_close(t);
  free(t);
}

/* ---- the headers of a request ---- */

struct slice
header_of(struct web const *w, char const *name)
{
  return http_header(w->headers, name);
}

/* ---- the host of a request ---- */

/* Say whether a request has the URL url, but for the file: the same host, whatever the port, and
 * the same path. */
static bool
has_url(struct web const *w, struct slice url)
{
  char const *host = memmem(url.s, url.len, "://", 3), *path;
  struct slice rest, name, all = w->base;

  if (!host) return false;
  rest = slice_of(host + 3, url.len - (size_t)(host + 3 - url.s));
  path = memchr(rest.s, '/', rest.len);
  name = slice_of(rest.s, path ? (size_t)(path - rest.s) : rest.len);
  rest = slice_of(rest.s + name.len, rest.len - name.len);
  if (memchr(name.s, ':', name.len) && name.s[0] != '[')
    name.len = (size_t)((char const *)memchr(name.s, ':', name.len) - name.s);
  if (!slice_eq(name, w->host)) return false;
  if (all.len > rest.len) return false;
  if (all.len && memcmp(all.s, rest.s, all.len) != 0) return false;
  rest = slice_of(rest.s + all.len, rest.len - all.len);
  return w->path.len > rest.len && (!rest.len || !memcmp(rest.s, w->path.s, rest.len)) &&
         w->path.s[rest.len] == '/';
}

static struct vhost const *
vhost_of(struct web const *w)
{
  struct vhost const *v;

  for (v = uploadd.vhosts; v; v = v->next)
    if (has_url(w, v->put_url) || has_url(w, v->get_url)) return v;
  return uploadd.vhosts;
}

/* The host that has an open slot or a file for a request. webd says a host that is served, which the
 * host of an URL need not be. NULL: there is neither. */
static struct vhost const *
vhost_of_place(struct web const *w)
{
  struct slots_slot slot;
  struct vhost const *v;
  struct stat st;

  if (!w->place.name.s) return NULL;
  if (slots_get(uploadd.slots, &w->place, &slot)) return vhost_find(slot.host);
  for (v = uploadd.vhosts; v; v = v->next) {
    int fd = vhost_shares(v) ? -1 : files_open(v, &w->place, &st);
    if (fd < 0) continue;
    close(fd);
    return w->v && slice_eq(w->v->docroot, v->docroot) ? w->v : v;
  }
  return NULL;
}

/* ---- requests ---- */

/* A page may send the request that follows only if the headers are those of its host. */
static void
options(struct web const *w)
{
  struct vhost const *v = vhost_of_place(w);

  answer_begin(v ? v : w->v);
  answer_str("allow", "GET, HEAD, PUT, OPTIONS");
  answer_str("access-control-allow-methods", "GET, HEAD, PUT, OPTIONS");
  answer_str("access-control-allow-headers", "Content-Type, Authorization, Range");
  answer_str("access-control-max-age", "86400");
  answer_send(w->link, w->id, 200, 0);
  answer_end(w->link, w->id);
}

static void
dispatch(struct web *w)
{
  if (slice_is(w->method, "OPTIONS"))
    options(w);
  else if (!slice_is(w->method, "PUT") && !slice_is(w->method, "GET") &&
           !slice_is(w->method, "HEAD"))
    answer_text(w->link, w->id, w->v, 405, "This method is not for files.\n");
  else if (!w->place.name.s)
    answer_text(w->link, w->id, w->v, 404, "There is no such file.\n");
  else if (slice_is(w->method, "PUT"))
    put_request(w);
  else
    get_request(w);
}

void
web_request(struct link *l, struct record *r)
{
  static struct arena arena = ARENA_ZERO;
  struct web w = {.link = l, .id = record_u64(r, HTTP_RECORD_ID)};
  struct transfer *old = transfer_find(l, w.id);

  arena_reset(&arena);
  if (old) transfer_free(old);
  w.method = record_get(r, HTTP_RECORD_METHOD);
  w.host = record_get(r, HTTP_RECORD_HOST);
  w.base = record_get(r, HTTP_RECORD_BASE);
  w.path = record_get(r, HTTP_RECORD_PATH);
  w.ip = record_get(r, HTTP_RECORD_IP);
  w.length = record_get(r, HTTP_RECORD_LENGTH);
  w.headers = record_get(r, HTTP_RECORD_HEADERS);
  if (!name_place(&arena, w.path, &w.place)) w.place.name.s = NULL;
  w.v = vhost_of(&w);
  dispatch(&w);
}

static struct transfer *
transfer_of(struct link *l, struct record *r)
{
  return transfer_find(l, record_u64(r, 1));
}

void
web_body(struct link *l, struct record *r)
{
  struct transfer *t = transfer_of(l, r);

  if (t && t->is_put) put_body(t, record_get(r, 2));
}

void
web_divert(struct link *l, struct record *r)
{
  struct transfer *t = transfer_of(l, r);
  int fd = link_take_fd(l);

  if (t && t->is_put && t->pipe.fd < 0 && fd >= 0)
    pipe_begin(t, fd, record_u64(r, 2));
  else if (fd >= 0)
    close(fd);
}

void
web_ended(struct link *l, struct record *r)
{
  struct transfer *t = transfer_of(l, r);

  if (!t || !t->is_put) return;
  t->ended = true;
  if (t->pipe.fd < 0) put_ended(t);
}

void
web_cancel(struct link *l, struct record *r)
{
  struct transfer *t = transfer_of(l, r);

  if (!t) return;
  if (t->is_put)
    log_event(LOG_INFO, "upload-cancelled", "account", log_text(t->slot.owner), "name",
              log_text(t->slot.place.name), "bytes", log_num(t->got), "why",
              log_text(record_get(r, 2)), NULL);
  transfer_free(t);
}

void
web_stop(struct link *l, struct record *r)
{
  struct transfer *t = transfer_of(l, r);

  if (t) t->stopped = true;
}

void
web_go(struct link *l, struct record *r)
{
  struct transfer *t = transfer_of(l, r);

  if (t) t->stopped = false;
}

/* ---- the link of webd ---- */

void
web_up(struct link *l)
{
  link_begin(l, VERB_MOUNT);
  link_str(l, "mod_http_upload");
  link_end(l);
}

void
web_down(struct link *l)
{
  struct transfer *t, *next;

  for (t = transfers; t; t = next) {
    next = t->next;
    if (t->link == l) transfer_free(t);
  }
}

/* Each answer gets a share of the turn. A link whose output waits gets nothing more. Links are
 * flushed behind this call, so a turn that finds one waiting is followed by another one, once: it
 * sees whether the flush has written all. If not, the next turn comes when the link can be
 * written. */
void
web_turn(void)
{
  static bool looked_again;
  struct transfer *t, *next;
  bool more = false, waits = false;

  for (t = transfers; t; t = next) {
    next = t->next;
    if (t->is_put || t->stopped) continue;
    if (t->link->full || link_is_behind(t->link))
      waits = true;
    else
      more = get_go_on(t) || more;
  }
  looked_again = waits && !looked_again;
  if ((more || looked_again) && !service_pipes()) event_again();
}
