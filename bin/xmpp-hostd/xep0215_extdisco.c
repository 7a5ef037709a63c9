#include "hostd.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

/* XEP-0215: STUN and TURN servers, from rows mod_stun_disco.service HOST TYPE HOSTNAME
 * PORT TRANSPORT RESTRICTED. Who uses a restricted one gets a name and a password that the
 * server can check for itself: the name is when they end, the password its HMAC-SHA1 under
 * a secret that both know. */

#define PASSWORD_MAX 28 /* 20 bytes as base64 */

struct credentials {
  char username[BASE_NUM];
  char expires[STAMP_SIZE]; /* s2: in UTC, as XEP-0082 writes it */
  char password[PASSWORD_MAX + 1];
};

static bool
make_credentials(struct credentials *c, struct host const *h)
{
  struct settings const *st = hostd_settings();
  struct slice secret = settings_get(st, "mod_stun_disco.secret", h->name), name;
  uint64_t end;
  uint64_t life = settings_u64(st, "mod_stun_disco.credentials_lifetime", h->name);
  unsigned char md[EVP_MAX_MD_SIZE];
  unsigned int n = 0;

  end = door_wall() / 1000000 + life / 1000;
  stamp_s(c->expires, end);
  name = num_u64(c->username, end);
  memmove(c->username, name.s, name.len);
  c->username[name.len] = 0;
  return secret.len &&
         HMAC(EVP_sha1(), secret.s, (int)secret.len, (unsigned char const *)c->username,
              name.len, md, &n) &&
         EVP_EncodeBlock((unsigned char *)c->password, md, (int)n) == PASSWORD_MAX;
}

/* A restricted service without a secret in the settings has no credentials to give. */
static bool
cat_service(stralloc *out, struct settings_row const *row, struct host const *h)
{
  struct credentials c;

  if (!xml_cat(out, "<service") || !xml_cat_attr(out, "host", row->value[1]) ||
      !xml_cat_attr(out, "port", row->value[2]) ||
      !xml_cat_attr(out, "transport", row->value[3]) ||
      !xml_cat_attr(out, "type", row->value[0]))
    return false;
  if (slice_is(row->value[4], "true")) {
    if (!xml_cat_attr(out, "restricted", SLICE("1"))) return false;
    if (make_credentials(&c, h) &&
        (!xml_cat_attr(out, "username", slice_str(c.username)) ||
         !xml_cat_attr(out, "password", slice_str(c.password)) ||
         !xml_cat_attr(out, "expires", slice_str(c.expires))))
      return false;
  }
  return xml_cat(out, "/>");
}

/* Services of the host that are of the type and at the address asked for (empty: any). *n
 * is how many. */
static bool
cat_services(stralloc *out, struct host const *h, struct slice type, struct slice at,
             struct slice port, size_t *n)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(hostd_settings(), "mod_stun_disco.service", row))) {
    if (!slice_eq(row->scope, h->name) || (type.len && !slice_eq(row->value[0], type)) ||
        (at.len && !slice_eq(row->value[1], at)) ||
        (port.len && !slice_eq(row->value[2], port)))
      continue;
    if (!cat_service(out, row, h)) return false;
    ++*n;
  }
  return true;
}

/* The host, when it may be asked; else ctx has the error. */
static struct host const *
asked(struct handle_ctx *ctx)
{
  struct host const *h = hostd_host_with(ctx->host, MOD_STUN_DISCO);

  if (!h || hostd_allows(h->stun_access, h->name, &ctx->from)) return h;
  ctx->error = ERR_FORBIDDEN;
  return NULL;
}

/* s3.1, s3.2 */
enum verdict
xep0215_services(struct handle_ctx *ctx, struct stanza const *in,
                 struct xml_node const *e, stralloc *out)
{
  struct host const *h = asked(ctx);
  struct slice type = xml_attr(e, "type"), any = SLICE("");
  size_t n = 0;

  (void)in;
  if (!h) return REFUSE;
  if (xml_cat(out, "<services xmlns='" NS_EXTDISCO "'") &&
      (!type.len || xml_cat_attr(out, "type", type)) && xml_cat(out, ">") &&
      cat_services(out, h, type, any, any, &n) && xml_cat(out, "</services>"))
    return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* s3.3 */
enum verdict
xep0215_credentials(struct handle_ctx *ctx, struct stanza const *in,
                    struct xml_node const *e, stralloc *out)
{
  struct host const *h = asked(ctx);
  struct xml_node const *s = xml_child(e, NS_EXTDISCO, "service");
  size_t n = 0;

  (void)in;
  if (!h) return REFUSE;
  ctx->error = ERR_BAD_REQUEST;
  if (!s || !xml_attr(s, "host").len || !xml_attr(s, "type").len) return REFUSE;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  if (!xml_cat(out, "<credentials xmlns='" NS_EXTDISCO "'>") ||
      !cat_services(out, h, xml_attr(s, "type"), xml_attr(s, "host"), xml_attr(s, "port"),
                    &n) ||
      !xml_cat(out, "</credentials>"))
    return REFUSE;
  ctx->error = ERR_ITEM_NOT_FOUND;
  return n ? DONE : REFUSE;
}
