/* The settings of xmpp-s2sd. */
#ifndef S2SD_SETTINGS_H
#define S2SD_SETTINGS_H

#include "access/access.h"
#include "service/service.h"

/* The option s2s_use_starttls. */
enum use_tls { TLS_OFF, TLS_OPTIONAL, TLS_REQUIRED };

/* A virtual host, with the options of the streams of its domains. */
struct host {
  struct host *next;
  char *name;
  char *access;          /* rule: who may talk to the host */
  char *dialback_access; /* rule: who may prove itself by dialback; NULL: nobody */
  enum use_tls tls;
  bool bidi;
  uint64_t idle_us;      /* of a stream; UINT64_MAX: none */
  uint64_t retry_max_us; /* the longest pause between two tries */
  uint64_t queue_max;    /* stanzas of a pair */
};

struct listener {
  struct listener *next;
  char *name;
  char *shaper; /* rule, or NULL */
  size_t max_stanza_size;
};

struct s2sd_settings {
  struct settings const *settings; /* the rows, which live as long as this struct */
  struct host *hosts;
  struct listener *listeners;
  struct access *access;
  char *language;
  size_t max_stanza_size;               /* on streams that we have opened */
  uint64_t negotiation_us, queue_least; /* queue_least: of all queue_max */
  /* Limits that a test may set low. */
  uint64_t queue_bytes, queued_bytes, before_auth_max, per_address_max, dials_max,
    dials_waiting;
  uint64_t pairs_max, left_max;
};

extern struct s2sd_settings *s2sd;
extern char const *const s2sd_needs[];

/* The two steps of taking settings (service/service.h). */
void *settings_fresh(struct settings *st);
void settings_free(void *fresh);

/* The listener of this name, or NULL. */
struct listener const *settings_listener(struct slice name);

/* Give the host to which a prepared domain belongs: the host whose service has the name, by the
 * configuration; else the longest that the domain ends in; else the first of all. */
struct host const *settings_host_of(struct slice domain);

/* The host of this name, or NULL. */
struct host const *settings_host(struct slice name);

/* settings_admits says whether remote may talk to the host, settings_dialback whether remote may
 * prove itself by dialback there. */
bool settings_admits(struct host const *h, struct slice remote);
bool settings_dialback(struct host const *h, struct slice remote);

#endif
