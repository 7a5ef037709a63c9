/* Settings. */
#ifndef C2SD_SETTINGS_H
#define C2SD_SETTINGS_H

#include "c2sd.h"

/* The presence that contacts see of a session which is kept for push alone (push_presence). */
enum veil { VEIL_NONE, VEIL_AWAY, VEIL_OFFLINE };

struct host {
  struct host *next;
  char *name;
  char *mechanisms;      /* words, as authd said; NULL: none yet */
  char *fast, *upgrades; /* words of XEP-0484, XEP-0480, as authd said; NULL: none */
  bool served;           /* false: a reload took it away */
  char *node, *ver;      /* of its entity capabilities, as hostd said; NULL: none yet */
  bool carbons, roster, roster_versions, sm, csi, csi_presence, csi_chat_states, csi_pep;
  bool registers; /* mod_register */
  bool invites;   /* mod_invites */
  bool mam;       /* mod_mam */
  bool push;      /* mod_push */
  enum veil veil; /* push_presence */
  bool pings, ping_kills;
  uint64_t ping_us, pong_us;                            /* mod_ping */
  uint64_t resume_us, resume_max_us, ack_us, queue_max; /* mod_stream_mgmt */
  uint64_t ended_max, ended_us;
  struct ended *ended, *ended_last; /* sessions that are over, oldest first */
  uint64_t ended_n;
};

struct listener {
  struct listener *next;
  char *name;
  size_t max_stanza_size, early_size; /* bytes of a stanza; before authentication */
  unsigned int elements_max, early_elements; /* elements of a stanza; 0: no limit */
  uint64_t queue_max;    /* stanzas that wait for a client to read (max_fsm_queue) */
  char *access, *shaper; /* rules; NULL: all, none */
  bool starttls, starttls_required;
  bool plain_sasl2; /* XEP-0388 without TLS (allow_unencrypted_sasl2) */
};

struct c2sd_settings {
  struct host *hosts;
  struct listener *listeners;
  char *language;
  uint64_t negotiation_us;
  uint64_t sm_bytes_max, kept_max; /* SM_QUEUE_BYTES_MAX, STREAMS_KEPT_MAX */
  struct access *access;
};

extern struct c2sd_settings c2sd;

/* The two steps of taking settings (service/service.h). */
extern char const *const c2sd_needs[];
void *c2sd_read(struct settings *st);
void c2sd_take(void *fresh);
void c2sd_drop(void *fresh);

/* c2sd_host gives the served host of this name (any case), or NULL; c2sd_first_host the first
 * served host; c2sd_known_host a host that is served, or was before a reload. */
struct host *c2sd_host(struct slice name);
struct host *c2sd_first_host(void);
struct host *c2sd_known_host(struct slice name);

/* Give the listener of the name that the record open gave; for an unknown name, one that is as
 * careful as any. */
struct listener const *c2sd_listener(struct slice name);

#endif
