#include "confgen.h"

#include "certname/certname.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <time.h>

/* Names as certificates have them; files that xmpp-tlsd, which reads them by itself, would refuse;
 * and the hosts for which there is no certificate with a key, or not for long. */

static struct slice
ascii_of(struct slice host)
{
  return is_net(host) ? (struct slice){NULL, 0} : jid_ascii_host(&job.arena, host);
}

/* DNS names every host; xmpp-tlsd needs both names where they differ. */
static void
emit_ascii(unsigned int to, struct slice host)
{
  struct slice ascii = ascii_of(host);

  if (ascii.s) emit_slice(slice_eq(ascii, host) ? to & CTL : to, "ascii", host, ascii);
}

void
certs_host(struct slice host)
{
  emit_ascii(TLSD | WEBD | CTL, host);
}

struct service {
  struct service *next;
  struct slice name;
};

static struct service *services;

void
certs_service(struct slice name)
{
  struct service *s = arena_alloc(&job.arena, sizeof *s);

  if (!s) return;
  *s = (struct service){services, name};
  services = s;
  emit_ascii(TLSD, name);
}

/* ---- the pool of all files ---- */

/* A certificate, or a key; the pattern that names its file. */
struct found {
  struct found *next;
  struct yaml_node const *node;
  char const *file;
  X509 *x;
  EVP_PKEY *key;
};

static struct found *pool;
static bool hidden; /* this user may not look at all files; xmpp-tlsd's may */

static void
keep(struct yaml_node const *n, char const *file, X509_INFO *info)
{
  struct found *f = arena_alloc(&job.arena, sizeof *f);

  if (!f) return;
  *f = (struct found){pool, n, file, info->x509, NULL};
  if (info->x_pkey) {
    f->key = info->x_pkey->dec_pkey;
    info->x_pkey->dec_pkey = NULL;
  }
  info->x509 = NULL;
  pool = f;
}

/* Say whether a key in the file is encrypted (RFC 5958): OpenSSL passes over such a key. */
static bool
has_passphrase(char const *path)
{
  BIO *in = BIO_new_file(path, "r");
  char *name, *header;
  unsigned char *data;
  bool found = false;
  long len;

  while (in && !found && PEM_read_bio(in, &name, &header, &data, &len)) {
    found = !strcmp(name, PEM_STRING_PKCS8);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  BIO_free(in);
  return found;
}

static void
read_file(struct yaml_node const *n, char const *path)
{
  struct slice name = arena_copy(&job.arena, slice_str(path));
  STACK_OF(X509_INFO) *infos = certname_pem(path);
  int i;

  if (!infos && errno == EACCES) {
    hidden = true;
    say_warning(n, "certfiles", "cannot read %s: %s", path, strerror(errno));
  } else if (!infos && errno == EPROTO)
    say_error(n, "certfiles", "%s is not whole PEM, or has a key with a passphrase",
              path);
  else if (!infos)
    say_error(n, "certfiles", "cannot read %s: %s", path, strerror(errno));
  else if (has_passphrase(path))
    say_warning(n, "certfiles", "%s has a key with a passphrase, which nobody can type",
                path);
  for (i = 0; name.s && infos && i < sk_X509_INFO_num(infos); i++)
    keep(n, name.s, sk_X509_INFO_value(infos, i));
  sk_X509_INFO_pop_free(infos, X509_INFO_free);
  ERR_clear_error();
}

static int
on_folder(char const *path, int error)
{
  (void)path;
  hidden = hidden || error == EACCES;
  return 0;
}

void
certs_pattern(struct yaml_node const *n)
{
  glob_t g = {.gl_pathc = 0};
  size_t i;

  if (job.no_files) return;
  if (glob(n->text.s, GLOB_BRACE, on_folder, &g) == GLOB_NOMATCH)
    say_warning(n, "certfiles", "no file matches %s", n->text.s);
  for (i = 0; i < g.gl_pathc; i++)
    read_file(n, g.gl_pathv[i]);
  globfree(&g);
}

static bool
has_key(X509 *x)
{
  struct found const *f;
  bool has = false;

  for (f = pool; f && !has; f = f->next)
    has = f->key && X509_check_private_key(x, f->key) == 1;
  ERR_clear_error();
  return has;
}

static bool
is_for(X509 *x, struct slice name)
{
  struct certname_list list = CERTNAME_ZERO;
  struct slice ascii = ascii_of(name);
  bool is = certname_read(&list, x) &&
            (certname_has(&list, name) || certname_covers(&list, name) ||
             (ascii.s && (certname_has(&list, ascii) || certname_covers(&list, ascii))));

  certname_wipe(&list);
  return is;
}

/* Of the certificates for a name with a key, xmpp-tlsd shows one that is valid. */
static bool
is_better(struct found const *a, struct found const *b, int64_t now)
{
  struct certname_span sa = certname_span(a->x), sb;
  enum certname_age age = certname_age(&sa, now), other;

  if (!b) return true;
  sb = certname_span(b->x);
  other = certname_age(&sb, now);
  return age != other ? age < other : sa.until > sb.until;
}

static void
warn_of_age(struct found const *f, struct slice name, int64_t now)
{
  struct certname_span span = certname_span(f->x);
  char how[CERTNAME_SAID];

  if (certname_age(&span, now) == CERTNAME_VALID) return;
  say_warning(f->node, "certfiles", "the certificate for %s in %s %s", name.s, f->file,
              certname_say(how, &span, now));
}

static void
check_name(struct yaml_node const *certfiles, struct slice name)
{
  struct found const *f, *best = NULL, *keyless = NULL;
  int64_t now = time(NULL);

  for (f = pool; f; f = f->next) {
    if (!f->x || !is_for(f->x, name)) continue;
    if (!has_key(f->x))
      keyless = f;
    else if (is_better(f, best, now))
      best = f;
  }
  if (best)
    warn_of_age(best, name, now);
  else if (keyless)
    say_warning(keyless->node, "certfiles",
                "the key of the certificate for %s in %s is in none of the files", name.s,
                keyless->file);
  else if (!job.dev_certs) /* xmpp-up --dev makes the ones that are missing */
    say_warning(certfiles, "certfiles", "no certificate for %s", name.s);
}

/* TLS is demanded, and nothing is there to offer it with: nobody can connect. */
static void
check_demand(struct yaml_node const *listen)
{
  struct yaml_node const *n, *v;
  struct found const *f;

  if (hidden) return;
  for (f = pool; f; f = f->next)
    if (f->x && has_key(f->x)) return;
  for (n = listen ? listen->first : NULL; n; n = n->next) {
    if (!yaml_get(n, "module") || !slice_is(yaml_get(n, "module")->text, "ejabberd_c2s"))
      continue;
    v = yaml_get(n, "starttls_required");
    if (!v) v = yaml_get(n, "tls");
    if (v && slice_has_word(SLICE("true yes on"), v->text))
      say_error(v, "listen",
                "no client can connect: TLS is demanded, and certfiles has no "
                "certificate with its key");
  }
}

static void
forget_pool(void)
{
  hidden = false;
  for (; pool; pool = pool->next) {
    X509_free(pool->x);
    EVP_PKEY_free(pool->key);
  }
}

void
check_certificates(struct yaml_node const *certfiles)
{
  struct service const *s;
  size_t i;

  for (s = services; certfiles && !job.no_files && s; s = s->next)
    check_name(certfiles, s->name);
  services = NULL;
  for (i = 0; certfiles && !job.no_files && i < job.hosts_n; i++)
    check_name(certfiles, job.hosts[i]);
  if (!job.no_files && !job.dev_certs) check_demand(yaml_get(job.top, "listen"));
  forget_pool();
}
