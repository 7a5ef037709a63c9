/* Private to xmpp-routed: the areas of lib/ that all its files use, and the names of its
 * structs. Each file has a header of its own beside it, which says what others may ask of it;
 * snapshot.h names the state of all files for a trace. */
#ifndef ROUTED_H
#define ROUTED_H

#include "access/access.h"
#include "link/link.h"
#include "link/snapshot.h"
#include "service/service.h"
#include "stanza/stanza.h"

struct asked;
struct host;
struct kept;
struct outcome;
struct pair;
struct passing;
struct post;
struct presence_count;
struct receivers;
struct session;
struct session_totals;
struct source;
struct user;

#endif
