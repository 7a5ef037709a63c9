#include "uploadd.h"

#include <stdlib.h>
#include <string.h>

char const *const uploadd_needs[] = {
  "mod_http_upload.access",
  "mod_http_upload.docroot",
  "mod_http_upload.jid_in_url",
  "mod_http_upload.max_size",
  "mod_http_upload.name",
  "mod_http_upload.rm_on_unregister",
  "mod_http_upload.secret_length",
  "mod_http_upload_quota.access_hard_quota",
  "mod_http_upload_quota.access_soft_quota",
  "mod_http_upload_quota.max_days",
  NULL,
};

#define DAY_US 86400000000u

struct uploadd uploadd;

/* Settings that were read and are not yet in force. */
struct fresh {
  struct access *access;
  struct vhost *vhosts;
};

/* Octal; the option is checked by xmpp-confgen. */
static mode_t
mode_of(struct slice text, mode_t usual)
{
  mode_t m = 0;
  size_t i;

  for (i = 0; i < text.len; i++)
    m = m * 8 + (mode_t)(text.s[i] - '0');
  return text.len ? m & 0777 : usual;
}

static struct slice
without_slashes(struct slice s)
{
  while (s.len > 1 && s.s[s.len - 1] == '/')
    s.len--;
  return s;
}

/* Files that another web server serves are readable for all, unless the modes say otherwise. */
static void
read_modes(struct settings const *st, struct vhost *v)
{
  bool others = !slice_eq(v->get_url, v->put_url);

  v->file_mode =
    mode_of(settings_get(st, "mod_http_upload.file_mode", v->host), others ? 0644 : 0640);
  v->dir_mode =
    mode_of(settings_get(st, "mod_http_upload.dir_mode", v->host), others ? 0755 : 0750);
}

static void
read_quota(struct settings const *st, struct vhost *v)
{
  uint64_t days;

  v->max_us = UINT64_MAX;
  v->quota = settings_has(st, "module", v->host, "mod_http_upload_quota");
  if (!v->quota) return;
  days = settings_u64(st, "mod_http_upload_quota.max_days", v->host);
  if (days < UINT64_MAX / DAY_US) v->max_us = days * DAY_US;
}

static bool
read_paths(struct settings *st, struct vhost *v)
{
  struct slice path =
    without_slashes(settings_get(st, "mod_http_upload.docroot", v->host));

  path = arena_copy(&st->arena, path);
  if (path.s) v->docroot = settings_path(st, path);
  v->put_url = without_slashes(settings_get(st, "mod_http_upload.put_url", v->host));
  v->get_url = without_slashes(settings_get(st, "mod_http_upload.get_url", v->host));
  if (!v->get_url.len) v->get_url = v->put_url;
  return v->docroot.s != NULL;
}

static bool
read_vhost(struct settings *st, struct vhost *v)
{
  v->domains = settings_domains(st, "mod_http_upload", v->host);
  v->name = settings_get(st, "mod_http_upload.name", v->host);
  v->card = settings_get(st, "mod_http_upload.vcard", v->host);
  v->secret = settings_get(st, "mod_http_upload.external_secret", v->host);
  v->max_size = settings_u64(st, "mod_http_upload.max_size", v->host);
  v->secret_length = settings_u64(st, "mod_http_upload.secret_length", v->host);
  v->node = slice_is(settings_get(st, "mod_http_upload.jid_in_url", v->host), "node");
  if (!read_paths(st, v)) return false;
  read_modes(st, v);
  read_quota(st, v);
  return true;
}

static bool
read_vhosts(struct settings *st, struct vhost **list)
{
  struct settings_row const *row = NULL;
  struct vhost *v;

  while ((row = settings_next(st, "module", row))) {
    if (!slice_is(row->value[0], "mod_http_upload")) continue;
    v = arena_alloc(&st->arena, sizeof *v);
    if (!v) return false;
    *v = (struct vhost){.host = row->scope};
    if (!read_vhost(st, v)) return false;
    *list = v;
    list = &v->next;
  }
  return true;
}

void *
uploadd_read(struct settings *st)
{
  struct fresh *f = calloc(1, sizeof *f);

  if (!f) return NULL;
  if (read_vhosts(st, &f->vhosts)) f->access = access_load(st);
  if (f->access) return f;
  free(f);
  return NULL;
}

void
uploadd_take(void *fresh, bool first)
{
  struct fresh *f = fresh;

  (void)first;
  access_free(uploadd.access);
  uploadd.access = f->access;
  uploadd.vhosts = f->vhosts;
  uploadd.settings = access_settings(f->access);
  uploadd.open_max = settings_limit(uploadd.settings, "upload_open_max", UPLOAD_OPEN_MAX);
  uploadd.lifetime_us =
    settings_limit(uploadd.settings, "upload_lifetime_us", UPLOAD_LIFETIME_US);
  uploadd.free_percent =
    settings_limit(uploadd.settings, "upload_free_percent", UPLOAD_FREE_PERCENT);
  uploadd.quota_unit =
    settings_limit(uploadd.settings, "upload_quota_unit", UPLOAD_QUOTA_UNIT);
  uploadd.piece = settings_limit(uploadd.settings, "upload_piece", UPLOAD_PIECE);
  uploadd.silence_us =
    settings_limit(uploadd.settings, "upload_silence_us", UPLOAD_SILENCE_US);
  uploadd.life_us = settings_limit(uploadd.settings, "upload_life_us", UPLOAD_LIFE_US);
  free(f);
}

void
uploadd_drop(void *fresh)
{
  struct fresh *f = fresh;

  access_free(f->access);
  free(f);
}

struct vhost const *
vhost_of_domain(struct slice domain)
{
  struct vhost const *v;

  for (v = uploadd.vhosts; v; v = v->next)
    if (slice_has_word(v->domains, domain)) return v;
  return NULL;
}

struct vhost const *
vhost_find(struct slice host)
{
  struct vhost const *v;

  for (v = uploadd.vhosts; v; v = v->next)
    if (slice_eq(v->host, host)) return v;
  return NULL;
}

bool
vhost_shares(struct vhost const *v)
{
  struct vhost const *w;

  for (w = uploadd.vhosts; w && w != v; w = w->next)
    if (slice_eq(w->docroot, v->docroot)) return true;
  return false;
}
