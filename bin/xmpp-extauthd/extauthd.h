/* Private to xmpp-extauthd: programs, questions. */
#ifndef EXTAUTHD_H
#define EXTAUTHD_H

#include "link/link.h"
#include "service/service.h"

#include <sys/types.h>

#define CACHE_MAC 32 /* bytes of an HMAC of a password */

/* A question of authd, until it is answered. */
struct question {
  struct question *next;
  uint64_t id;
  uint64_t since_us; /* the moment at which it was asked */
  bool is_of_a_name; /* isuser: nobody waits at a login for the answer */
  uint64_t run;      /* of authd: the answer is for this one alone */
  size_t operation;  /* its place in the table of operations */
  char *user;        /* user@host */

  /* A right password is known for so long from now on, if nothing has been forgotten since cache_changes
   * was changes; 0: it is not. mac: of the password. */
  uint64_t life_us, changes;
  unsigned char mac[CACHE_MAC];

  size_t len;
  char bytes[]; /* the question as the program gets it; wiped with the question */
};

/* Say the answer, "yes", "no" or "failed", and free q. */
void question_answer(struct question *q, char const *result);

/* Say whether the authd that has asked q is gone: nobody awaits the answer. */
bool question_is_nobodys(struct question const *q);

/* ---- processes (process.c) ---- */

/* Run the words of a command, whose descriptor fd (0 and 1, or 3) is theirs of a socket pair; *ours is
 * the other end. 0 with errno. */
pid_t process_start(char const *command, bool on_three, int *ours);

/* Kill the process and its group, and take its exit code: -1, a signal. */
int process_end(pid_t pid);

/* ---- extauth programs (pool.c) ---- */

struct pool;

/* Processes of a command, n of them. NULL: ENOMEM. */
struct pool *pool_new(char const *command, unsigned int n);
void pool_free(struct pool *p);

/* Ask one; q is the pool's from now on. */
void pool_ask(struct pool *p, struct question *q);

/* ---- checkpassword programs (checkpassword.c) ---- */

void checkpassword_ask(char const *command, struct question *q);

/* ---- passwords that were right (cache.c) ---- */

/* The MAC of a password. false: out of memory. */
bool cache_mac(struct slice password, unsigned char mac[CACHE_MAC]);

/* Say whether the password of user@host is known to be the one of this MAC. */
bool cache_has(char const *user, unsigned char const mac[CACHE_MAC]);

/* Know it for life_us microseconds; without memory nothing is kept. */
void cache_put(char const *user, unsigned char const mac[CACHE_MAC], uint64_t life_us);

/* Know nothing of a user any more; of nobody. cache_changes counts these calls. */
void cache_forget(char const *user);
void cache_empty(void);
uint64_t cache_changes(void);

struct extauth_totals {
  uint64_t asked, failed, started, known;
};

extern struct extauth_totals extauth_totals;

#endif
