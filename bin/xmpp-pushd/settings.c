#include "pushd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char const *const pushd_needs[] = {
  "mod_push.include_body",
  "mod_push.include_sender",
  "mod_push.notify_on",
  "mod_push_keepalive.resume_timeout",
  "mod_push_keepalive.wake_on_start",
  "mod_push_keepalive.wake_on_timeout",
  "mod_stream_mgmt.resume_timeout",
  "s2s_access",
  "push_floor",
  NULL,
};

struct pushd pushd;

/* Settings that were read and are not yet in force. */
struct fresh {
  struct access *access;
  struct vhost *vhosts;
};

static enum body
read_body(struct slice word)
{
  if (!word.len || slice_is(word, "false")) return BODY_NONE;
  return slice_is(word, "true") ? BODY_OF_MESSAGE : BODY_TEXT;
}

static void
read_keepalive(struct settings const *st, struct vhost *v)
{
  uint64_t floor = settings_us(st, "push_floor", v->host);

  v->keepalive = settings_has(st, "module", v->host, "mod_push_keepalive");
  v->keep_us = settings_us(st, "mod_push_keepalive.resume_timeout", v->host);
  if (!v->keep_us) v->keepalive = false;
  v->rest_us = settings_us(st, "mod_stream_mgmt.resume_timeout", v->host);
  if (v->rest_us < floor) v->rest_us = floor;
  v->wakes_late = settings_bool(st, "mod_push_keepalive.wake_on_timeout", v->host);
  v->wakes_at_start = settings_bool(st, "mod_push_keepalive.wake_on_start", v->host);
}

static bool
read_vhosts(struct settings *st, struct vhost **list)
{
  struct settings_row const *row = NULL;
  struct vhost *v;

  while ((row = settings_next(st, "module", row))) {
    if (!slice_is(row->value[0], "mod_push")) continue;
    v = arena_alloc(&st->arena, sizeof *v);
    if (!v) return false;
    *v = (struct vhost){.host = row->scope};
    v->text = settings_get(st, "mod_push.include_body", v->host);
    v->body = read_body(v->text);
    v->access = settings_get(st, "s2s_access", v->host);
    v->all = slice_is(settings_get(st, "mod_push.notify_on", v->host), "all");
    v->sender = settings_bool(st, "mod_push.include_sender", v->host);
    read_keepalive(st, v);
    *list = v;
    list = &v->next;
  }
  return true;
}

void *
pushd_read(struct settings *st)
{
  struct fresh *f = calloc(1, sizeof *f);

  if (!f) return NULL;
  if (read_vhosts(st, &f->vhosts)) f->access = access_load(st);
  if (f->access) return f;
  free(f);
  return NULL;
}

void
pushd_take(void *fresh, bool first)
{
  struct fresh *f = fresh;

  (void)first;
  access_free(pushd.access);
  pushd.access = f->access;
  pushd.vhosts = f->vhosts;
  pushd.settings = access_settings(f->access);
  pushd.services_max =
    settings_limit(pushd.settings, "push_services_max", PUSH_SERVICES_MAX);
  pushd.pending_max =
    settings_limit(pushd.settings, "push_pending_max", PUSH_PENDING_MAX);
  free(f);
}

void
pushd_drop(void *fresh)
{
  struct fresh *f = fresh;

  access_free(f->access);
  free(f);
}

bool
pushd_start(void)
{
  pushd.push = push_open(service_data(), true);
  if (!pushd.push) return false;
  store_refuse_when_full(push_store(pushd.push));
  answers_start();
  return regs_load();
}

/* A folder that is not there yet is no fault worth a line in the log each time. */
void
pushd_accounts(void)
{
  if (!pushd.accounts) pushd.accounts = accounts_open_reader(service_data());
}

struct vhost const *
vhost_find(struct slice host)
{
  struct vhost const *v;

  for (v = pushd.vhosts; v; v = v->next)
    if (slice_eq(v->host, host)) return v;
  return NULL;
}

void
pushd_failed(char const *what, struct slice bare)
{
  int e = errno;

  if (store_is_full(push_store(pushd.push))) return; /* lib/store logs store-full */
  log_event(LOG_WARN, "operation-failed", "what", what, "account", log_text(bare), "why",
            strerror(e), NULL);
}
