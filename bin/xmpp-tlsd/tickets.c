#include "tickets.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/uint64.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A ticket (RFC 5077, RFC 8446 s4.6.1) is a session under a key of ours. All instances share the
 * keys, in a file beside the sockets of the first, so that a client may return to any of them, and
 * after a restart; the file is not of the data, and no backup has it.
 *
 * Each TICKET_KEY_S an instance makes a new key, under a lock, and the others find that when they
 * would. A key is good for TICKET_LIFE_S: what a ticket has said by then nobody can read any more,
 * for the key is forgotten. A name that no key has makes an instance look at the file again.
 *
 * TLS 1.3 resumes with a new Diffie-Hellman exchange only, and takes no early data, which could be
 * replayed. The context of sessions (context.c) keeps a ticket with the name and the certificate
 * for which it was issued. */

#define NAME 16
#define KEY 32
#define ROW (8 + NAME + 2 * KEY)
#define FILE_MAX (TICKET_KEYS_MAX * ROW)

struct key {
  uint64_t made_s;
  unsigned char name[NAME], cipher[KEY], mac[KEY];
};

static struct {
  struct key v[TICKET_KEYS_MAX]; /* newest first */
  size_t n;
  struct event_timer timer;
  char path[512]; /* empty: keys are not shared */
  uint64_t looked_us;
  struct timespec read_of; /* the time of the file that was read */
  ino_t inode;
  EVP_CIPHER *cipher;
} tickets;

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

/* ---- keys ---- */

/* A key of the future, by a clock that was put back, is as old as it is far. */
static bool
is_good(struct key const *k)
{
  uint64_t now = now_s();

  return k->made_s + TICKET_LIFE_S > now && k->made_s < now + TICKET_LIFE_S;
}

static void
forget_old(void)
{
  size_t i, n = 0;

  for (i = 0; i < tickets.n; i++)
    if (is_good(&tickets.v[i])) tickets.v[n++] = tickets.v[i];
  OPENSSL_cleanse(tickets.v + n, (TICKET_KEYS_MAX - n) * sizeof *tickets.v);
  tickets.n = n;
}

static bool
is_due(void)
{
  uint64_t now = now_s();

  return !tickets.n || tickets.v[0].made_s + TICKET_KEY_S <= now ||
         tickets.v[0].made_s > now + TICKET_KEY_S;
}

/* A trace has the seed of all that is drawn by chance while it is on; these keys outlive it, and open
 * recordings of other clients' connections. */
static void
draw(void *key, size_t n)
{
  if (getrandom(key, n, 0) != (ssize_t)n) strerr_diefusys(111, "get random bytes");
}

static void
make(void)
{
  struct key *k = tickets.v;
  size_t kept = tickets.n < TICKET_KEYS_MAX ? tickets.n : TICKET_KEYS_MAX - 1;

  memmove(k + 1, k, kept * sizeof *k);
  tickets.n = kept + 1;
  k->made_s = now_s();
  draw(k->name, NAME);
  draw(k->cipher, KEY);
  draw(k->mac, KEY);
}

/* ---- the file ---- */

static void
unpack(char const *s, size_t len)
{
  struct key *k = tickets.v;

  for (tickets.n = 0; tickets.n < TICKET_KEYS_MAX && len >= ROW; len -= ROW, s += ROW) {
    uint64_unpack_big(s, &k->made_s);
    memcpy(k->name, s + 8, NAME);
    memcpy(k->cipher, s + 8 + NAME, KEY);
    memcpy(k->mac, s + 8 + NAME + KEY, KEY);
    tickets.n++;
    k++;
  }
}

/* Read the file if it is another than the one that was read; one that is cut has fewer keys. */
static void
read_file(void)
{
  char text[FILE_MAX];
  struct stat st;
  ssize_t len;
  int fd = open(tickets.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0) return;
  if (!fstat(fd, &st) &&
      (st.st_ino != tickets.inode || st.st_mtim.tv_sec != tickets.read_of.tv_sec ||
       st.st_mtim.tv_nsec != tickets.read_of.tv_nsec)) {
    len = read(fd, text, sizeof text);
    if (len > 0) unpack(text, (size_t)len);
    tickets.inode = st.st_ino;
    tickets.read_of = st.st_mtim;
    OPENSSL_cleanse(text, sizeof text);
  }
  fd_close(fd);
  forget_old();
}

static bool
write_fresh(char const *fresh)
{
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  char text[FILE_MAX];
  size_t i, len = tickets.n * ROW;
  bool ok;

  if (fd < 0) return false;
  for (i = 0; i < tickets.n; i++) {
    struct key const *k = &tickets.v[i];
    uint64_pack_big(text + i * ROW, k->made_s);
    memcpy(text + i * ROW + 8, k->name, NAME);
    memcpy(text + i * ROW + 8 + NAME, k->cipher, KEY);
    memcpy(text + i * ROW + 8 + NAME + KEY, k->mac, KEY);
  }
  ok = write(fd, text, len) == (ssize_t)len;
  OPENSSL_cleanse(text, sizeof text);
  fd_close(fd);
  return ok;
}

static void
write_file(void)
{
  char fresh[sizeof tickets.path + 8];

  snprintf(fresh, sizeof fresh, "%s.new", tickets.path);
  if (write_fresh(fresh) && !rename(fresh, tickets.path)) return;
  log_event(LOG_WARN, "tickets-not-kept", "file", tickets.path, "why", strerror(errno),
            NULL);
}

/* Have a key that is not too old, ours or one that another instance has made. false: another is
 * about to make one. */
static bool
renew(void)
{
  char path[sizeof tickets.path + 8];
  int fd;

  if (!tickets.path[0]) {
    make();
    return true;
  }
  snprintf(path, sizeof path, "%s.lock", tickets.path);
  fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
    fd_close(fd);
    return false;
  }
  read_file();
  if (is_due()) {
    make();
    write_file();
  }
  if (fd >= 0) fd_close(fd);
  return true;
}

static void
on_timer(void *cookie)
{
  bool later = is_due() && !renew();
  uint64_t us = !later ? TICKET_LOOK_US : tickets.n ? TICKET_LOCK_US : TICKET_FIRST_US;

  (void)cookie;
  forget_old();
  event_timer_start(&tickets.timer, door_now() + us, on_timer, NULL);
}

void
tickets_start(char const *path)
{
  tickets.cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
  if (path && strlen(path) < sizeof tickets.path) strcpy(tickets.path, path);
  if (tickets.path[0]) read_file();
  on_timer(NULL);
}

void
tickets_stop(void)
{
  event_timer_cancel(&tickets.timer);
}

/* ---- sessions ---- */

static struct key const *
find(unsigned char const name[NAME])
{
  size_t i;

  for (i = 0; i < tickets.n; i++)
    if (!memcmp(tickets.v[i].name, name, NAME)) return &tickets.v[i];
  return NULL;
}

/* Anybody can send names that no key has: so the file is looked at once a second. */
static struct key const *
find_anew(unsigned char const name[NAME])
{
  if (!tickets.path[0] || door_now() < tickets.looked_us + TICKET_LOCK_US) return NULL;
  tickets.looked_us = door_now();
  read_file();
  return find(name);
}

static bool
set_mac(EVP_MAC_CTX *mac, struct key const *k)
{
  static char sha256[] = "SHA256";
  OSSL_PARAM params[3];

  params[0] =
    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac, KEY);
  params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0);
  params[2] = OSSL_PARAM_construct_end();
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* OpenSSL's answers: a ticket cannot be used (or: is not issued); it can; it can, and another is to
 * be issued; the handshake fails. */
enum { NO = 0, YES = 1, RENEW = 2, FAIL = -1 };

/* RFC 8446 C.4: clients use a ticket of TLS 1.3 once, so that each session brings another. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
          EVP_MAC_CTX *mac, int encrypts)
{
  struct key const *k = tickets.n ? &tickets.v[0] : NULL;

  if (!encrypts) k = find(name);
  if (!encrypts && !k) k = find_anew(name);
  if (!k || !is_good(k)) return NO;
  if (encrypts) {
    memcpy(name, k->name, NAME);
    door_random(iv, (size_t)EVP_CIPHER_get_iv_length(tickets.cipher));
  }
  if (EVP_CipherInit_ex(cipher, tickets.cipher, NULL, k->cipher, iv, encrypts) != 1 ||
      !set_mac(mac, k))
    return FAIL;
  if (encrypts) return YES;
  return SSL_version(ssl) >= TLS1_3_VERSION || k != &tickets.v[0] ? RENEW : YES;
}

bool
tickets_set(SSL_CTX *ctx)
{
  SSL_CTX_set_timeout(ctx, TICKET_HINT_S);
  SSL_CTX_set_num_tickets(ctx, 1);
  return SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
         SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 1;
}
