#include "uploadd.h"

#include "form/form.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* XEP-0363 s5: a client asks for a slot. The slot is on disk before the answer leaves. Each of
 * the three namespaces is answered in its own form: attributes in urn:xmpp:http:upload:0, child
 * elements and text in the older ones. */

#define SIZE_MAX_WEB (1ull << 53)
#define TYPE_MAX 255
#define RETRY_DISK_US 60000000u
#define RETRY_RATE_US 1000000u
#define CHECK_US 60000000u

uint64_t slots_given;

struct request {
  struct vhost const *v;
  struct slice ns, file, type;
  bool attributes;           /* of urn:xmpp:http:upload:0 */
  uint64_t size, soft, hard; /* soft, hard: quotas */
};

/* ---- errors (s7) ---- */

static enum verdict
too_large(struct handle_ctx *ctx, struct request const *q, uint64_t max)
{
  char more[256], text[96];

  snprintf(text, sizeof text, "The file is too large: the limit is %llu bytes",
           (unsigned long long)max);
  snprintf(
    more, sizeof more,
    "<file-too-large xmlns='%.*s'><max-file-size>%llu</max-file-size></file-too-large>",
    (int)q->ns.len, q->ns.s, (unsigned long long)max);
  ctx->error = ERR_NOT_ACCEPTABLE;
  ctx->text = arena_copy(ctx->arena, slice_str(text));
  ctx->more = arena_copy(ctx->arena, slice_str(more));
  return REFUSE;
}

/* A temporary error; clients of the newest namespace are told when to try again. */
static enum verdict
later(struct handle_ctx *ctx, struct request const *q, char const *text, uint64_t at_us)
{
  char more[128], stamp[STAMP_SIZE];

  handle_error(ctx, ERR_RESOURCE_CONSTRAINT, text);
  if (!q->attributes) return REFUSE;
  stamp_s(stamp, (at_us + 999999) / 1000000);
  snprintf(more, sizeof more, "<retry xmlns='" NS_UPLOAD "' stamp='%s'/>", stamp);
  ctx->more = arena_copy(ctx->arena, slice_str(more));
  return REFUSE;
}

/* ---- reading ---- */

static struct slice
part_of(struct handle_ctx *ctx, struct request const *q, struct xml_node const *e,
        char const *name)
{
  struct xml_node const *c;

  if (q->attributes) return xml_attr(e, name);
  c = xml_child(e, NULL, name);
  return c ? xml_text(ctx->arena, c) : (struct slice){NULL, 0};
}

/* Digits alone: a sign, a fraction or blanks are no size. */
static bool
read_size(struct slice text, uint64_t *out)
{
  size_t i;

  for (i = 0; i < text.len; i++)
    if (text.s[i] < '0' || text.s[i] > '9') return false;
  return text.len && slice_u64(text, out) && *out && *out <= SIZE_MAX_WEB;
}

static bool
read_request(struct handle_ctx *ctx, struct request *q, struct xml_node const *e)
{
  struct slice size;

  q->ns = e->ns;
  q->attributes = slice_is(e->ns, NS_UPLOAD);
  q->file = part_of(ctx, q, e, "filename");
  size = part_of(ctx, q, e, "size");
  q->type = part_of(ctx, q, e, "content-type");
  if (q->attributes && !q->file.s && xml_child(e, NULL, "filename"))
    return handle_wrong(ctx, ERR_BAD_REQUEST,
                        "filename is an attribute in urn:xmpp:http:upload:0");
  if (!q->file.len) return handle_wrong(ctx, ERR_BAD_REQUEST, "filename is missing");
  if (!read_size(size, &q->size))
    return handle_wrong(ctx, ERR_BAD_REQUEST,
                        size.s ? "size is no number of bytes" : "size is missing");
  if (q->type.len > TYPE_MAX || (q->type.len && memchr(q->type.s, 0, q->type.len)))
    q->type = SLICE("");
  return true;
}

/* ---- limits ---- */

static uint64_t
quota_mib(struct handle_ctx const *ctx, struct request const *q, char const *key)
{
  struct slice rule = settings_get(uploadd.settings, key, q->v->host);
  struct access_who who = {ctx->from.local, ctx->from.domain, ctx->from.resource,
                           SLICE("")};
  uint64_t n = access_number(uploadd.access, rule, q->v->host, &who, UINT64_MAX);

  return n > UINT64_MAX / uploadd.quota_unit ? UINT64_MAX : n * uploadd.quota_unit;
}

/* A quota that stands alone counts for both, and so does a soft one above the hard one. */
static void
read_quota(struct handle_ctx const *ctx, struct request *q)
{
  q->soft = q->hard = UINT64_MAX;
  if (!q->v->quota) return;
  q->soft = quota_mib(ctx, q, "mod_http_upload_quota.access_soft_quota");
  q->hard = quota_mib(ctx, q, "mod_http_upload_quota.access_hard_quota");
  if (q->soft == UINT64_MAX) q->soft = q->hard;
  if (q->hard == UINT64_MAX || q->soft > q->hard) q->hard = q->soft;
}

static bool
may_ask(struct handle_ctx const *ctx, struct request const *q)
{
  struct slice rule =
    settings_get(uploadd.settings, "mod_http_upload.access", q->v->host);
  struct access_who who = {ctx->from.local, ctx->from.domain, ctx->from.resource,
                           SLICE("")};

  return access_allows(uploadd.access, rule, q->v->host, &who);
}

static enum verdict
check_room(struct handle_ctx *ctx, struct request const *q)
{
  enum room room = q->v->secret.len ? ROOM_ENOUGH : files_room(q->v, q->size);

  if (room == ROOM_ENOUGH) return DONE;
  if (room == ROOM_NONE)
    return handle_error(ctx, ERR_INTERNAL_WAIT,
                        "the folder of uploads cannot be written");
  return later(ctx, q, "the disk of the server is nearly full",
               door_wall() + RETRY_DISK_US);
}

static enum verdict
check_slots(struct handle_ctx *ctx, struct request const *q, uint64_t number)
{
  struct slots_sum sum;

  if (!rates_take(ctx->from.bare))
    return later(ctx, q, "too many slots were asked for within a second",
                 door_wall() + RETRY_RATE_US);
  if (!number) return DONE;
  if (!slots_sum(uploadd.slots, number, door_wall(), &sum))
    return handle_error(ctx, ERR_INTERNAL, "");
  if (sum.n < uploadd.open_max) return DONE;
  return later(ctx, q, "too many slots are open: upload the files", sum.first_us);
}

static enum verdict
check(struct handle_ctx *ctx, struct request const *q, uint64_t number)
{
  enum verdict v;

  if (q->size > q->v->max_size) return too_large(ctx, q, q->v->max_size);
  if (q->size > q->hard) return too_large(ctx, q, q->hard);
  if (ctx->from.bare.len > UPLOAD_OWNER_MAX)
    return handle_error(ctx, ERR_NOT_ALLOWED, "the address is too long");
  v = check_slots(ctx, q, number);
  if (v != DONE) return v;
  if (store_is_full(slots_store(uploadd.slots)))
    return later(ctx, q, "the server has no room to store it",
                 door_wall() + RETRY_DISK_US);
  return check_room(ctx, q);
}

/* ---- the slot ---- */

/* n characters of [A-Za-z0-9]: bytes that would favour some of the 62 are thrown away. */
static struct slice
random_secret(struct arena *a, size_t n)
{
  static char const set[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  char *out = arena_alloc(a, n + 1);
  unsigned char bytes[64];
  size_t got = 0, i;

  while (out && got < n) {
    door_random(bytes, sizeof bytes);
    for (i = 0; i < sizeof bytes && got < n; i++)
      if (bytes[i] < 248) out[got++] = set[bytes[i] % 62];
  }
  return slice_of(out, out ? n : 0);
}

/* Append NAME=HEX, a keyed digest of text. */
static bool
cat_digest(stralloc *out, char const *name, struct slice secret, stralloc const *text)
{
  char hex[2 * EVP_MAX_MD_SIZE];
  unsigned char md[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  bool ok = stralloc_cats(out, name) && HMAC(EVP_sha256(), secret.s, (int)secret.len,
                                             (unsigned char *)text->s, text->len, md, &n);

  if (!ok) return false;
  hex_put(hex, md, n);
  return stralloc_catb(out, hex, 2 * n);
}

/* The scheme of external_secret: another server takes the file, and knows by the digests what
 * this one has allowed. v2 covers the type too. */
static bool
cat_external(stralloc *url, struct request const *q, struct slots_place const *p)
{
  static stralloc text = STRALLOC_ZERO;
  char size[BASE_NUM];
  struct slice n = num_u64(size, q->size);
  size_t path;
  bool ok;

  text.len = 0;
  ok = stralloc_catb(&text, p->folder.s, p->folder.len) && stralloc_catb(&text, "/", 1) &&
       stralloc_catb(&text, p->secret.s, p->secret.len) && stralloc_catb(&text, "/", 1) &&
       stralloc_catb(&text, p->name.s, p->name.len);
  path = text.len;
  ok = ok && stralloc_0(&text) && stralloc_catb(&text, n.s, n.len) && stralloc_0(&text) &&
       stralloc_catb(&text, q->type.s ? q->type.s : "", q->type.len) &&
       cat_digest(url, "?v2=", q->v->secret, &text);
  text.len = path;
  return ok && stralloc_catb(&text, " ", 1) && stralloc_catb(&text, n.s, n.len) &&
         cat_digest(url, "&v=", q->v->secret, &text);
}

static bool
cat_part(stralloc *out, struct request const *q, char const *name, stralloc const *url)
{
  struct slice text = slice_of(url->s, url->len);

  if (q->attributes)
    return xml_cat(out, "<") && xml_cat(out, name) && xml_cat_attr(out, "url", text) &&
           xml_cat(out, "/>");
  return xml_cat(out, "<") && xml_cat(out, name) && xml_cat(out, ">") &&
         xml_cat_text(out, text) && xml_cat(out, "</") && xml_cat(out, name) &&
         xml_cat(out, ">");
}

static bool
cat_slot(stralloc *out, struct request const *q, struct slots_place const *p)
{
  static stralloc put = STRALLOC_ZERO, get = STRALLOC_ZERO;

  put.len = get.len = 0;
  return name_url(&put, q->v->put_url, p) &&
         (!q->v->secret.len || cat_external(&put, q, p)) &&
         name_url(&get, q->v->get_url, p) && xml_cat(out, "<slot") &&
         xml_cat_attr(out, "xmlns", q->ns) && xml_cat(out, ">") &&
         cat_part(out, q, "put", &put) && cat_part(out, q, "get", &get) &&
         xml_cat(out, "</slot>");
}

static bool
store_slot(struct handle_ctx const *ctx, struct request const *q,
           struct slots_place const *p)
{
  struct slots_slot s = {.place = *p, .host = q->v->host, .owner = ctx->from.bare};

  s.type = q->type;
  s.size = q->size;
  s.expires_us = door_wall() + uploadd.lifetime_us;
  s.number = slots_owner_make(uploadd.slots, ctx->from.bare, q->v->host, p->folder);
  if (!s.number || !slots_put(uploadd.slots, &s)) return false;
  quota_slot(ctx->from.bare, s.number, q->soft, q->hard);
  return true;
}

static enum verdict
give(struct handle_ctx *ctx, struct request const *q, stralloc *out)
{
  struct slots_place p = {
    .folder = name_folder(ctx->arena, q->v, &ctx->from),
    .secret = random_secret(ctx->arena, q->v->secret_length),
    .name = name_clean(ctx->arena, q->file),
  };

  if (!p.folder.s || !p.secret.s || !p.name.s || !cat_slot(out, q, &p))
    return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (!q->v->secret.len && !store_slot(ctx, q, &p))
    return handle_error(ctx, ERR_INTERNAL_WAIT, "the slot could not be stored");
  slots_given++;
  log_event(LOG_INFO, "slot-given", "account", log_text(ctx->from.bare), "host",
            log_text(q->v->host), "name", log_text(p.name), "bytes", log_num(q->size),
            NULL);
  return DONE;
}

enum verdict
xep0363_request(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  struct request q = {.v = vhost_of_domain(ctx->host)};
  struct slots_owner owner;
  enum verdict v;

  (void)in;
  if (!q.v) return PASS;
  if (!may_ask(ctx, &q))
    return handle_error(ctx, ERR_FORBIDDEN, "you may not upload files here");
  if (!read_request(ctx, &q, e)) return REFUSE;
  read_quota(ctx, &q);
  slots_owner(uploadd.slots, ctx->from.bare, &owner);
  v = check(ctx, &q, owner.number);
  return v == DONE ? give(ctx, &q, out) : v;
}

bool
slot_for_check(struct vhost const *v, uint64_t size, stralloc *put, stralloc *get)
{
  static struct arena arena = ARENA_ZERO;
  struct slots_slot s = {.host = v->host, .owner = v->host, .type = SLICE("")};

  arena_reset(&arena);
  s.size = size;
  s.expires_us = door_wall() + CHECK_US;
  s.place.folder = SLICE(CHECK_FOLDER);
  s.place.secret = random_secret(&arena, v->secret_length);
  s.place.name = SLICE("check.txt");
  put->len = get->len = 0;
  if (!s.place.secret.s || !name_url(put, v->put_url, &s.place) ||
      !name_url(get, v->get_url, &s.place))
    return false;
  s.number = slots_owner_make(uploadd.slots, v->host, v->host, SLICE(CHECK_FOLDER));
  return s.number && slots_put(uploadd.slots, &s);
}
