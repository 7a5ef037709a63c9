#include "link/link_internal.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The program at the other end of a socket. The kernel names the user of a process that
 * has connected; the settings say which programs may connect, and as whom each runs. A user
 * that may run no program of a socket is refused before a byte is read. */

static struct peer known[LINK_PEERS_MAX];
static unsigned int known_n;

static struct peer *
peer_named(struct slice word)
{
  unsigned int i;

  for (i = 0; i < known_n; i++)
    if (slice_is(word, known[i].word)) return &known[i];
  return NULL;
}

bool
link_admit(struct slice word, unsigned int roles, uid_t uid)
{
  struct peer *p = peer_named(word);

  if ((!p && known_n == LINK_PEERS_MAX) || !word.len || word.len > LINK_NAME_MAX) {
    errno = ENOBUFS;
    return false;
  }
  if (!p) p = &known[known_n++];
  p->program = program_find(word);
  p->roles = p->program ? program_roles(p->program) : roles;
  if (!p->program) p->program = OTHER;
  p->uid = uid;
  memcpy(p->word, word.s, word.len);
  return true;
}

bool
link_peer_find(struct slice name, struct peer *out)
{
  struct slice word = program_word(name);
  struct peer const *p = peer_named(word);
  enum program own = program_find(word);

  if (!p && !own) return false;
  *out = p ? *p : (struct peer){own, program_roles(own), LINK_SAME_USER, ""};
  if (!p) memcpy(out->word, word.s, word.len);
  return true;
}

static bool
uid_is_of(struct peer const *p, uid_t uid)
{
  if (p->roles & ROLE_CONTROL) return uid == 0 || uid == geteuid();
  return uid == (p->uid == LINK_SAME_USER ? geteuid() : p->uid);
}

static bool
peer_of(int fd, struct ucred *peer)
{
  socklen_t len = sizeof *peer;

  return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len);
}

/* "nc" of a process that is there: its user says what he likes, so it is only for the log. */
static char const *
command_of(pid_t pid, char *buf, size_t size)
{
  char path[64];
  ssize_t n;

  snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
  n = openreadnclose(path, buf, size - 1);
  while (n > 0 && buf[n - 1] == '\n')
    n--;
  if (n <= 0) return NULL;
  buf[n] = 0;
  return buf;
}

/* A user who connects again and again writes no more than a line each LINK_REFUSED_LOG_US. */
void
link_peer_refused(int fd, char const *path, char const *why)
{
  static uint64_t next_us, unsaid;
  char command[64];
  struct ucred peer;

  if (door_now() < next_us) {
    unsaid++;
    return;
  }
  if (!peer_of(fd, &peer)) return;
  log_event(LOG_WARN, "peer-refused", "socket", path, "uid", log_num(peer.uid), "pid",
            log_num((uint64_t)peer.pid), "command",
            command_of(peer.pid, command, sizeof command), "why", why, "others_before",
            unsaid ? log_num(unsaid) : NULL, NULL);
  next_us = door_now() + LINK_REFUSED_LOG_US;
  unsaid = 0;
}

bool
link_peer_may_connect(int fd, unsigned int roles, char const *path, uid_t *uid)
{
  struct ucred user;
  struct peer peer;
  unsigned int i;

  if (!peer_of(fd, &user)) return false;
  *uid = user.uid;
  for (i = 0; i < known_n; i++)
    if (roles & known[i].roles && uid_is_of(&known[i], user.uid)) return true;
  for (i = 0; i < PROGRAMS_N; i++)
    if (link_peer_find(slice_str(program_name((enum program)(1u << i))), &peer) &&
        roles & peer.roles && uid_is_of(&peer, user.uid))
      return true;
  link_peer_refused(fd, path, "not a user that the settings name");
  return false;
}

static bool
runs(int fd, struct peer const *p)
{
  struct ucred user;

  return peer_of(fd, &user) && uid_is_of(p, user.uid);
}

bool
link_peer_is(int fd, struct slice name)
{
  struct ucred user;
  struct peer p;

  if (!peer_of(fd, &user)) return false;
  if (link_peer_find(name, &p) && uid_is_of(&p, user.uid)) return true;
  log_event(LOG_WARN, "peer-refused", "link", name.s, "uid", log_num(user.uid), "why",
            "not the user that the settings name", NULL);
  return false;
}

/* ---- hello ---- */

/* An instance is called after its program: nobody takes the name of another program's. */
static bool
may_be_called(struct slice name, struct peer const *p)
{
  struct peer of;

  return name.len && name.len <= LINK_NAME_MAX &&
         (!link_peer_find(name, &of) || !strcmp(of.word, p->word));
}

/* Take the peer for the program that its hello names. Give the reason when the link refuses
 * that, or NULL. */
static char const *
first_hello(struct link *l, struct record *r)
{
  struct slice name = record_get(r, 3);
  struct peer p;

  if (!slice_is(record_get(r, 0), "hello")) return "the first record is no hello";
  if (r->n < 5) return "fields are missing";
  if (!link_peer_find(record_get(r, 1), &p))
    return "no program of this name may connect here";
  if (!(p.roles & l->roles)) return "the program has no role that connects here";
  if (!may_be_called(name, &p)) return "the instance is not called after its program";
  if (!runs(l->io.fd, &p)) return "not the user that the settings name";
  l->program = p.program;
  l->roles = p.roles;
  memset(l->name, 0, sizeof l->name);
  memcpy(l->name, name.s, name.len);
  return NULL;
}

/* The line names the program and the instance as the peer says them, and its user. */
static void
log_bad_hello(struct link const *l, struct record *r, char const *why)
{
  char program[LINK_NAME_MAX + 1], instance[LINK_NAME_MAX + 1];

  snprintf(program, sizeof program, "%.*s", (int)record_get(r, 1).len,
           record_get(r, 1).s);
  snprintf(instance, sizeof instance, "%.*s", (int)record_get(r, 3).len,
           record_get(r, 3).s);
  log_event(LOG_WARN, "bad-hello", "link", l->name, "program", program, "instance",
            instance, "uid", l->path ? NULL : log_num(l->uid), "why", why, NULL);
}

bool
link_take_hello(struct link *l, struct record *r, bool is_record)
{
  char const *why = is_record ? first_hello(l, r) : "the first record is no hello";

  if (why) log_bad_hello(l, r, why);
  return !why;
}
