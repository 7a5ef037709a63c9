/* Settings. */
#ifndef ROUTED_SETTINGS_H
#define ROUTED_SETTINGS_H

#include "routed.h"

/* mod_stream_mgmt's resend_on_timeout. */
enum resend { RESEND_IF_OFFLINE, RESEND_ALWAYS, RESEND_NEVER };

enum conflict {
  CONFLICT_END_OLD, /* acceptnew, closeold */
  CONFLICT_REFUSE,  /* closenew */
  CONFLICT_RENAME   /* setresource */
};

struct host {
  struct host *next;
  char *name;
  enum conflict conflict;
  enum resend resend;
  bool archives; /* by default, what is worth it (mod_mam) */
  bool has_mam, has_offline, stores_empty, stores_groupchat;
  bool has_carbons, has_sm;
  bool is_anonymous; /* offers logins without an account */
  bool asks_names;   /* a program outside knows which accounts there are (exists.c) */
  uint64_t names_us; /* its answers are known for so long; 0: EXISTS_LIFE_US */
  /* Subdomains that nobody serves may be on another server (route_subdomains). */
  bool subdomains_abroad;
  bool archives_all; /* the default of mod_mam is always */
  /* All is archived, and clients look there (mod_mam.assume_mam_usage). */
  bool assumes_mam;
};

/* The rules in force. */
extern struct access *routed_access;

/* Some host acknowledges (mod_stream_mgmt), or lets messages wait: so stanzas are kept until a
 * client has them. */
extern bool routed_keeps;

/* Some host asks for names. */
extern bool routed_asks_names;

/* The two steps of taking settings (service/service.h); the settings of which fresh is made. */
extern char const *const routed_needs[];
void *routed_read(struct settings *st);
struct settings const *routed_settings(void const *fresh);
void routed_take(void *fresh);
void routed_drop(void *fresh);
struct host const *routed_host(struct slice name);

/* Say whether the user of a host has no account: it has logged in by ANONYMOUS (XEP-0175). */
bool routed_is_anonymous(struct slice host, struct slice local);

/* The first host; the others are behind it. */
struct host const *routed_hosts(void);

/* A question about a host. */
typedef bool host_fn(struct host const *h);

#endif
