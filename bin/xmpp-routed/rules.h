/* The tables of RFC 6121 s8. */
#ifndef ROUTED_RULES_H
#define ROUTED_RULES_H

#include "routed.h"

/* Fates of a stanza to an account. */
enum fate {
  FATE_IGNORE,
  FATE_ERROR,   /* service-unavailable to the sender */
  FATE_OFFLINE, /* no session takes the stanza: it waits if it may, else as FATE_ERROR */
  FATE_THIS,    /* the session whose full JID it is */
  FATE_TOP,     /* the available sessions of the highest priority that is not negative */
  FATE_NON_NEG, /* all available sessions whose priority is not negative */
  FATE_AVAILABLE, /* all available sessions */
  FATE_ASKED,     /* the service that asks in the name of accounts */
  FATE_ACCOUNT    /* the account's own program, by namespace */
};

/* How many sessions the account has that matter. */
struct presence_count {
  bool full;    /* to is a full JID */
  bool match;   /* and a session has it */
  bool non_neg; /* a session at least is available with a priority not negative */
};

enum fate rules_message(struct slice type, struct presence_count c);
enum fate rules_presence(struct slice type, struct presence_count c);
enum fate rules_iq(struct slice type, struct presence_count c);

/* The sessions of an account that take a stanza. */
enum receive { RECEIVE_ONE, RECEIVE_TOP, RECEIVE_NON_NEG, RECEIVE_AVAILABLE };

struct receivers {
  enum receive who;
  int top;                   /* of RECEIVE_TOP */
  struct session const *one; /* of RECEIVE_ONE */
  struct session const *but; /* of RECEIVE_AVAILABLE: this session is none; may be NULL */
};

/* Return true if s is one of the receivers r. */
bool rules_receives(struct receivers const *r, struct session const *s);

#endif
