/* Private to xmpp-authd: mechanisms, exchanges, secrets. */
#ifndef AUTHD_H
#define AUTHD_H

#include "access/access.h"
#include "accounts/accounts.h"
#include "ban/ban.h"
#include "jid/jid.h"
#include "keys/keys.h"
#include "link/link.h"
#include "link/snapshot.h"
#include "scram/scram.h"
#include "service/service.h"

/* ---- settings (settings.c) ---- */

struct host {
  struct host *next;
  char *name;
  char *all;        /* mechanisms by the settings, strongest first, with blanks between */
  char *mechanisms; /* offered: those of all that each account can use (lacks.c) */
  char *upgrades;   /* tasks that some account has yet to do (XEP-0480) */
  char *upgrades_wanted; /* hashes that tasks are offered for (mod_scram_upgrade) */
  char *exempt;          /* the rule of addresses whose failures are not counted */
  bool hides_offered;    /* SCRAM says no hash of what was offered (XEP-0474) */
  bool is_internal, is_external; /* who checks passwords: keys here, a program outside */
  bool is_anonymous;             /* offers ANONYMOUS */
  uint64_t most_failures, ban_life_us; /* 0: the host has no mod_fail2ban */
  char *fast; /* mechanisms for tokens; empty: the host has no mod_auth_fast */
  uint64_t token_life_s, token_refresh_s;
  uint64_t rest_until_us; /* its program is asked for no names before (exists.c) */
};

struct authd_settings {
  struct host *hosts;
  uint32_t iterations;
  uint64_t removal_grace_us; /* how long a removed account can be restored */
  struct access *access;
  struct bans trusted; /* proxies, behind which many clients are */
};

extern struct authd_settings authd;

/* The two steps of taking settings (service/service.h). */
extern char const *const authd_needs[];
void *authd_read(struct settings *st);
void authd_take(void *fresh, bool first);
void authd_drop(void *fresh);
struct host *authd_host(struct slice name);

/* Say whether a host offers the mechanism. */
bool authd_offers(struct host const *h, struct slice mechanism);

/* ---- secrets (secrets.c) ---- */

/* Open the stores in the folder data: accounts, and what only this program may know. */
bool secrets_open(char const *data);

/* The environment of the secrets, for the tables of others here. */
struct store *secrets_store(void);

/* The keys of all accounts. */
struct keys *secrets_keys(void);

/* Give the keys of the account bare for a hash. *real: there is such an account, and it is not
 * removed. Else *k are keys that nobody has, the same each time, so that the account looks like any
 * other of host (RFC 5802 s9 wants no difference). false: the store failed. */
bool secrets_get(struct slice host, struct slice bare, enum scram_hash h,
                 struct scram_keys *k, bool *real);

/* Say whether the account of the number has keys here. */
bool secrets_has_keys(uint64_t number);

/* HMAC-SHA-256 of a text under the pepper; out has room for SCRAM_KEY_MAX. false: OpenSSL failed. */
bool secrets_hmac(struct slice text, unsigned char *out);

/* Say whether the account bare could be made now. false with errno EEXIST, EBUSY (an account of the
 * name is ending), ENAMETOOLONG or EIO. secrets_is_there says whether there is such an account. */
bool secrets_is_free(struct slice bare);
bool secrets_is_there(struct slice bare);

/* Do as secrets_get does, for the hash of which the account has keys; *h is that hash. */
bool secrets_get_any(struct slice host, struct slice bare, enum scram_hash *h,
                     struct scram_keys *k, bool *real);

/* Say whether the account has keys, but none for h. */
bool secrets_lacks(struct slice bare, enum scram_hash h);

/* Give the account the keys that it lacks, of those in k that have iterations, if its keys for the
 * hash proven are still `keys`. Its tokens stay. false with errno EIO. */
bool secrets_fill(struct slice bare, enum scram_hash proven,
                  struct scram_keys const *keys, struct scram_keys const k[SCRAM_HASHES]);

/* Say whether the keys that the account of the number has for a hash are these. */
bool secrets_are_still(uint64_t number, enum scram_hash h, struct scram_keys const *k);

/* secrets_add_keys makes the account bare with the keys k; secrets_new_keys gives an account the keys
 * k of another password and ends its tokens; secrets_del deletes the account. false with errno ENOENT,
 * EIO or an errno of secrets_is_free. */
bool secrets_add_keys(struct slice bare, struct scram_keys const k[SCRAM_HASHES]);
bool secrets_new_keys(struct slice bare, struct scram_keys const k[SCRAM_HASHES]);
bool secrets_del(struct slice bare);

bool secrets_each(accounts_fn *fn, void *cookie);

/* Write the resource of a client of the account, whose user-agent has the hash agent: the same each
 * time, and nobody can tell the hash from it (XEP-0386 s4.2.1). */
#define SECRETS_RESOURCE 10
bool secrets_resource(struct slice bare, struct slice agent, char out[SECRETS_RESOURCE]);

/* The end of a turn: true when all that was written is on disk. */
bool secrets_commit(void);

/* ---- keys of new passwords (derive.c) ---- */

/* Start the process that derives keys; before the stores are opened. */
bool derive_start(void);

/* Derive the keys of a password of at most SCRAM_PASSWORD_MAX bytes. Call fn later, or at once, with
 * the keys, which live for the call; or with NULL and errno EINVAL (the password does not prepare) or
 * EIO. derive_forget: fn is not called for this cookie any more. */
typedef void derive_fn(void *cookie, struct scram_keys const *k, int error);
void derive(struct slice password, uint32_t iterations, derive_fn *fn, void *cookie);
void derive_forget(void const *cookie);

/* ---- exchanges (exchanges.c) ---- */

enum mechanism { PLAIN, SCRAM, HT, ANONYMOUS };

/* Steps of an exchange. In FIRST authd awaits the client's first message, in FINAL its second; in
 * DELAYED it knows the answer, which waits (failures.c); in OUTSIDE a program outside is asked; in
 * TASKED the client has a task to begin, in TASK_GIVEN to do (upgrade.c). */
enum step { FIRST, FINAL, DELAYED, OUTSIDE, TASKED, TASK_GIVEN };

struct origin;

/* Mechanisms of tokens by their channel binding; stored (tokens.c). */
enum ht { HT_NOT, HT_EXPR, HT_ENDP, HT_UNIQ, HT_NONE, HTS };

/* Bytes of the SHA-256 of the id of a user agent, which stands for a device. */
#define AGENT_BYTES 32

/* Requests of a client about its tokens (XEP-0484); request is the mechanism of the token that
 * the client wants. text is the token that goes with success, or empty. */
struct fast {
  enum ht ht, request;
  bool invalidates, is_counted, has_agent;
  uint64_t count;
  unsigned char agent[AGENT_BYTES];
  char text[44];
  uint64_t expiry_s;
};

/* An exchange that waits for its client. Its slices lie in the arena of scram. */
struct exchange {
  struct link *link; /* of the exchange's c2sd */
  uint64_t id;
  struct event_timer timer;
  struct origin *origin;          /* of its client */
  struct exchange *older, *newer; /* of the same origin */
  struct slice host;              /* the host's name, a copy: hosts change on reload */
  enum mechanism mechanism;
  enum step step;
  bool named;        /* bare is an address of the host */
  bool real;         /* the account is there */
  uint64_t question; /* OUTSIDE: the id of its verify; 0: no program outside is asked */
  uint64_t number;   /* of the account that a program outside let in; 0: none */
  bool passed;       /* DELAYED: the secret is right, and verifier is for the client */
  struct slice verifier;
  bool untried; /* the exchange fails before the client's secret is tried */
  struct fast fast;
  struct scram scram;
  struct scram_keys keys;
  enum scram_hash task;        /* TASKED: keys for this hash are wanted */
  struct scram_keys task_keys; /* TASK_GIVEN: their iterations and salt */
  struct slice bindings;       /* words type=base64 */
  struct slice bare;           /* the account's address */
  struct slice agent, asks, device, upgrades, from; /* as the record auth has them */
  char nonce[24];
};

/* Begin the exchange that the record auth r on link l asks for under this id; an exchange that
 * has the slot of id is over. NULL: out of memory, or the bindings are too long. */
struct exchange *exchange_new(struct link *l, uint64_t id, struct record *r);

/* The exchange of an id, or NULL. */
struct exchange *exchange_of(struct link const *l, uint64_t id);

/* The address of the client of x; of an IPv6 address the half that one site has. */
struct slice exchange_ip(struct exchange const *x);

/* Say whether the account of x is the same, with the same password, as when the secret of x was checked.
 * An exchange copies the keys when it begins, and up to EXCHANGE_US later its client is in: meanwhile
 * the password may have been changed, or the account have ended and the name be another's. Tokens
 * (fast.c) are looked up and used in one turn. */
bool exchange_is_current(struct exchange const *x);

/* Wipe and free x; nobody is told. */
void exchange_free(struct exchange *x);

/* End all exchanges of a link that is gone. */
void exchanges_of_link_gone(struct link *l);

struct sasl_totals {
  uint64_t succeeded, failed, untried, open, crowded_out;
};

extern struct sasl_totals sasl_totals;

/* ---- mechanisms (sasl.c) ---- */

void sasl_announce(struct link *l);
void sasl_auth(struct link *l, struct record *r);
void sasl_response(struct link *l, struct record *r);
void sasl_abort(struct link *l, struct record *r);

/* sasl_fail fails the exchange with a condition for the client and a reason for the log; sasl_pass
 * lets it pass, with the mechanism's last data for the client. sasl_take_name sets x->bare to the
 * address that name means on the host of x; false: ENOMEM. */
void sasl_fail(struct exchange *x, char const *condition, char const *why);
void sasl_pass(struct exchange *x, struct slice verifier);
bool sasl_take_name(struct exchange *x, struct slice name);

/* Say whether the client may act as authzid, or empty: as its account, and log in to this account on
 * this stream. */
bool sasl_authzid_holds(struct exchange *x, struct slice authzid);

/* sasl_verified takes the record verified of extauthd; sasl_checker_gone notes that the link of
 * extauthd is gone. */
void sasl_verified(struct link *l, struct record *r);
void sasl_checker_gone(void);

/* Call fn for each exchange (exchanges.c); fn may free it. */
void exchanges_each(void (*fn)(struct exchange *x, uint64_t n), uint64_t n);

/* secrets_add_outside makes the account bare, which has no keys here (secrets.c); true also when there is
 * one that is not removed. secrets_added_outside says, once, whether any was made in this turn. */
bool secrets_add_outside(struct slice bare);
bool secrets_added_outside(void);

/* sasl_succeed says success to the client of x and ends the exchange, or fails it if password or account
 * are others by now. sasl_refuse refuses a record whose id has no exchange. sasl_too_late, a function
 * of its timer, ends the exchange x, whose time is over. */
void sasl_succeed(struct exchange *x);
void sasl_refuse(struct link *l, uint64_t id, char const *condition, char const *why);
void sasl_too_late(void *x);

/* Give the answer of x, which is DELAYED, at once. */
void sasl_answer(struct exchange *x);

/* The timer of an exchange, and all exchanges, for a trace. */
void sasl_snapshot_timer(struct snapshot *k, struct exchange *x);
void exchanges_snapshot(struct snapshot *k);

/* ---- programs of the administrator (outside.c) ---- */

/* Say whether such a program keeps the password of the account, or of the one that is to be made. */
bool outside_keeps(struct slice bare);

/* Say whether such a program may have a user of this name, be its password kept here or there. */
bool outside_may_have(struct slice bare);

/* Ask for the account bare, with a word of verify; empty: whether this is its password. Give the number
 * of the question; 0: xmpp-extauthd is away. */
uint64_t outside_ask(struct slice bare, struct slice password, char const *word);

/* ---- accounts of programs outside, without a login (exists.c) ---- */

/* exists_ask answers the record exists of routed by known, at once or when the program has answered.
 * exists_answered takes the answer of a program to the question of this number, which may have been
 * asked elsewhere. The other two note that the link of extauthd is gone, or up. */
void exists_ask(struct link *l, struct record *r);
void exists_answered(uint64_t number, struct slice result);
void exists_checker_gone(void);
void exists_checker_up(void);

void exists_snapshot(struct snapshot *k);

/* ---- the administrator (control.c) ---- */

void control_account(struct link *l, struct record *r);

/* Say whether a record of l waits for derived keys or for a program's answer, so that the next record
 * of l is not read. */
bool control_works_for(struct link const *l);

/* Go on with the record for which a program of the administrator was asked this question (0: all open
 * questions), now that result is its answer. control_link_gone forgets l, whose records need no
 * answer any more. */
void control_answered(uint64_t question, struct slice result);
void control_link_gone(struct link const *l);

/* ---- ends of accounts (ends.c) ---- */

/* As accounts_ending and accounts_erased (secrets.c). */
bool secrets_ending(uint64_t *number, struct slice *bare, struct slice *erased);
bool secrets_erased(uint64_t number, struct slice store, struct slice all);

/* The number of the account of a name; 0: there is none. */
uint64_t secrets_number(struct slice bare);

/* The number of the account of a name, if one may log in to it: it is not removed. 0 with errno ENOENT
 * or EIO. */
uint64_t secrets_open_number(struct slice bare);

/* As accounts_remove, accounts_restore, accounts_due, accounts_next_due and accounts_jid. */
bool secrets_remove(struct slice bare, uint64_t due_us);
bool secrets_restore(struct slice bare);
uint64_t secrets_due(uint64_t number);
bool secrets_next_due(uint64_t *due_us, uint64_t *number, struct slice *bare);
bool secrets_jid(uint64_t number, struct slice *bare);

/* The number of accounts of all hosts. */
uint64_t secrets_count(void);

/* As accounts_taken. */
uint64_t secrets_taken(struct slice bare);

/* ends_made tells routed that the account bare was made in this turn. ends_begun tells it,
 * ENDING_GRACE_US from now, that the account of this number has ended or is removed. ends_announce
 * tells it of all accounts that are ending, from the first on, and of all that are removed. */
void ends_made(struct slice bare);
void ends_begun(uint64_t number);
void ends_announce(void);

/* End the account. false as accounts_del. */
bool ends_begin(struct slice bare);

/* Give the names of the stores on disk that have not erased the account yet, with blanks between;
 * they live until the next call. */
struct slice ends_awaited(struct slice erased);

void ends_snapshot(struct snapshot *k);

/* ---- accounts that their owners remove (removals.c) ---- */

/* The owner of the account removes it: it ends when the time of grace is over, or at once when there is
 * none. The administrator takes that back. false with errno ENOENT, or as accounts_del. */
bool removals_begin(struct slice bare);
bool removals_restore(struct slice bare);

/* Tell routed that the account of this number is removed. false: it is not. */
bool removals_tell(uint64_t number);

/* Tell routed of all that are removed. Begin to end accounts when their time is over: stores are open. */
void removals_announce(void);
void removals_start(void);

void removals_snapshot(struct snapshot *k);

/* Records of routed. */
void ends_watched(struct link *l, struct record *r);
void ends_erased(struct link *l, struct record *r);

#endif
