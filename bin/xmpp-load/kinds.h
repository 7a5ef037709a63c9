/* The kinds of load: NAME_load stands in a file of the kind's. */
#ifndef LOAD_KINDS_H
#define LOAD_KINDS_H

#include "load.h"

#define LOAD_KINDS(X)                                                                    \
  X(archive)                                                                             \
  X(back)                                                                                \
  X(chat)                                                                                \
  X(idle)                                                                                \
  X(login)                                                                               \
  X(muc)                                                                                 \
  X(muc_join)                                                                            \
  X(omemo_fetch)                                                                         \
  X(pep)                                                                                 \
  X(pep_login)                                                                           \
  X(presence)                                                                            \
  X(pubsub)                                                                              \
  X(s2s_idle)

#define LOAD_KIND_DECLARED(name) extern struct load_kind const name##_load;
LOAD_KINDS(LOAD_KIND_DECLARED)

#endif
