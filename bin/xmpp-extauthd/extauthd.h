/* Private to xmpp-extauthd: programs, questions. */
#ifndef EXTAUTHD_H
#define EXTAUTHD_H

#include "link/link.h"
#include "service/service.h"

#include <sys/types.h>

/* A question of authd, until it is answered. */
struct question {
  struct question *next;
  uint64_t id;
  uint64_t run;     /* of authd: the answer is for this one alone */
  size_t operation; /* its place in the table of operations */
  char *user;       /* user@host */
  size_t len;
  char
    bytes[]; /* the question as the program gets it; wiped when the question is freed */
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

struct extauth_totals {
  uint64_t asked, failed, started;
};

extern struct extauth_totals extauth_totals;

#endif
