#include "ctl.h"
#include "host.h"

#include "accounts/accounts.h"
#include "archive/archive.h"
#include "pubsub/pubsub.h"
#include "push/push.h"
#include "record/programs.h"
#include "roster/roster.h"
#include "slots/slots.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/uint64.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* host rename OLD NEW: the accounts of a host, and all that is stored of them, have the host NEW.
 *
 * All stores are written anew into STATE/data.renaming, by the rules below; then the folders
 * change places, and the old one is set aside. So nothing has changed when anything fails. A
 * store or a table without a rule is refused: whoever adds one adds a rule, also when it has no
 * addresses. Contents of messages, vCards and private XML stay as they are. */

static struct {
  struct jid_hosts hosts;
  char from[256], to[256]; /* prepared, as texts */
  char data[512], next[512];
  char const *store; /* that is written now */
  uint64_t accounts, contacts, messages;
} job;

/* ---- rules ---- */

/* The entry that a rule changes, and room for what it becomes. */
struct entry {
  struct slice key, value;
  char key_room[JID_MAX + 64], value_room[JID_MAX + 64];
};

static stralloc text = STRALLOC_ZERO;

/* The address behind the first n bytes of s, with the other host: in room. */
static bool
rehost(struct slice *s, size_t n, char room[JID_MAX + 64])
{
  struct slice address = slice_of(s->s + n, s->len < n ? 0 : s->len - n), moved;

  if (s->len < n) return true;
  moved = jid_rehost(&job.hosts, address, room + n, JID_MAX);
  if (!moved.s) return false;
  if (moved.s == address.s) return true;
  memcpy(room, s->s, n);
  *s = slice_of(room, n + moved.len);
  return true;
}

static bool
key_is_address(struct entry *e)
{
  return rehost(&e->key, 0, e->key_room);
}

static bool
value_is_address(struct entry *e)
{
  return rehost(&e->value, 0, e->value_room);
}

static bool
value_behind_number(struct entry *e)
{
  return rehost(&e->value, 8, e->value_room);
}

/* An account: its number is counted. */
static bool
account(struct entry *e)
{
  char const *was = e->key.s;
  bool ok = key_is_address(e);

  job.accounts += e->key.s != was;
  return ok;
}

/* An address, NUL, and more. */
static bool
value_before_nul(struct entry *e)
{
  char const *nul = e->value.len ? memchr(e->value.s, 0, e->value.len) : NULL;
  struct slice address, rest;

  if (!nul) return true;
  address = slice_of(e->value.s, (size_t)(nul - e->value.s));
  rest = slice_of(nul, e->value.len - address.len);
  if (!rehost(&address, 0, e->value_room)) return false;
  if (address.s == e->value.s) return true;
  text.len = 0;
  if (!stralloc_catb(&text, address.s, address.len) ||
      !stralloc_catb(&text, rest.s, rest.len))
    return false;
  e->value = slice_of(text.s, text.len);
  return true;
}

/* The number of an account, and an address on one of its lists. */
static bool
contact(struct entry *e)
{
  char const *was = e->key.s;
  bool ok = rehost(&e->key, 8, e->key_room);

  job.contacts += e->key.s != was;
  return ok;
}

static bool
blocked(struct entry *e)
{
  return contact(e) && value_is_address(e);
}

/* The request of a contact is a presence element. */
static bool
request(struct entry *e)
{
  text.len = 0;
  if (!contact(e) || !jid_rehost_tag(&job.hosts, e->value, &text)) return false;
  e->value = slice_of(text.s, text.len);
  return true;
}

/* xmpp-userd counts the bytes of a roster anew, and clients get the roster anew. */
static bool
counts(struct entry *e)
{
  return roster_counts_forget(&e->value, e->value_room, sizeof e->value_room);
}

/* xmpp-authd counts accounts by iteration count: "iterations ", host, NUL, 4 bytes. */
static bool
iterations(struct entry *e)
{
  static char const word[] = "iterations ";
  size_t n = sizeof word - 1;
  struct slice host, behind;

  if (e->key.len < n + 5 || memcmp(e->key.s, word, n) != 0) return true;
  host = slice_of(e->key.s + n, e->key.len - n - 5);
  behind = slice_of(e->key.s + n + host.len, 5);
  if (!slice_eq(host, job.hosts.from)) return true;
  memcpy(e->key_room, word, n);
  memcpy(e->key_room + n, job.hosts.to.s, job.hosts.to.len);
  memcpy(e->key_room + n + job.hosts.to.len, behind.s, behind.len);
  e->key = slice_of(e->key_room, n + job.hosts.to.len + behind.len);
  return true;
}

/* An address, NUL, and more. */
static bool
key_before_nul(struct entry *e)
{
  char const *nul = memchr(e->key.s, 0, e->key.len);
  struct slice address, rest;

  if (!nul) return true;
  address = slice_of(e->key.s, (size_t)(nul - e->key.s));
  rest = slice_of(nul, e->key.len - address.len);
  if (!rehost(&address, 0, e->key_room)) return false;
  if (address.s == e->key.s) return true;
  memcpy(e->key_room + address.len, rest.s, rest.len);
  e->key = slice_of(e->key_room, address.len + rest.len);
  return true;
}

/* A nick in a room or of a service, and its owner; or of a service, behind a newline, an owner, and the
 * nick. */
static bool
nick(struct entry *e)
{
  static char const of_service[8];
  char const *at = memcmp(e->key.s, of_service, 8) != 0
                     ? NULL
                     : memchr(e->key.s + 8, '\n', e->key.len - 8);

  if (at) return rehost(&e->key, (size_t)(at + 1 - e->key.s), e->key_room);
  return value_is_address(e);
}

static bool
affiliated(struct entry *e)
{
  return rehost(&e->key, 8, e->key_room);
}

/* A hat (kind 1), or behind kind 2 an address, NUL, and the hat that it wears. */
static bool
hat(struct entry *e)
{
  char const *nul = e->key.len > 9 ? memchr(e->key.s + 9, 0, e->key.len - 9) : NULL;
  struct slice head, rest;

  if (!nul || e->key.s[8] != 2) return true;
  head = slice_of(e->key.s, (size_t)(nul - e->key.s));
  rest = slice_of(nul, e->key.len - head.len);
  if (!rehost(&head, 9, e->key_room)) return false;
  if (head.s == e->key.s) return true;
  memcpy(e->key_room + head.len, rest.s, rest.len);
  e->key = slice_of(e->key_room, head.len + rest.len);
  return true;
}

typedef bool rule_fn(struct entry *e);

static struct {
  char const *store, *table;
  rule_fn *fn; /* NULL: no addresses */
} const rules[] = {
  {"accounts", "jid",     account            },
  {"accounts", "number",  value_is_address   },
  {"accounts", "meta",    NULL               },
  {"accounts", "ended",   value_behind_number},
  {"accounts", "ending",  value_before_nul   },
  {"accounts", "taken",   key_is_address     },
  {"accounts", "removed", NULL               },
  {"accounts", "due",     NULL               },
  {"secrets",  "scram",   NULL               },
  {"secrets",  "meta",    iterations         },
  {"secrets",  "bans",    NULL               },
  {"secrets",  "tokens",  NULL               },
  {"secrets",  "invited", value_is_address   },
  {"secrets",  "lacks",   key_before_nul     },
  {"users",    "roster",  contact            },
  {"users",    "pending", request            },
  {"users",    "blocked", blocked            },
  {"users",    "meta",    counts             },
  {"users",    "vcard",   NULL               },
  {"users",    "search",  value_before_nul   },
  {"users",    "private", NULL               },
  {"users",    "last",    NULL               },
  {"users",    "ended",   NULL               },
  {"motd",     "motd",    key_is_address     },
  {"motd",     "seen",    key_is_address     },
 /* Rooms keep their addresses. */
  {"rooms",    "affil",   affiliated         },
  {"rooms",    "of",      key_before_nul     },
  {"rooms",    "nick",    nick               },
  {"rooms",    "hat",     hat                },
  {"rooms",    "room",    NULL               },
  {"rooms",    "vcard",   NULL               },
  {"rooms",    "public",  NULL               },
  {"rooms",    "muc",     NULL               },
  {"rooms",    "rtbl",    NULL               },
  {"rooms",    "message", NULL               },
  {"rooms",    "list",    NULL               },
  {"rooms",    "entry",   NULL               },
  {"rooms",    "waiting", NULL               },
  {"rooms",    "mark",    NULL               },
  {"rooms",    "prefs",   NULL               },
  {"rooms",    "name",    NULL               },
  {"rooms",    "number",  NULL               },
  {"rooms",    "source",  NULL               },
  {"rooms",    "meta",    NULL               },
};

static bool
unknown(char const *table)
{
  strerr_warnw("the table ", table, " of the store ", job.store,
               " is not known: nothing has changed");
  errno = ENOTSUP;
  return false;
}

static bool
apply(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  static struct entry e;
  size_t i;

  (void)cookie;
  for (i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (strcmp(rules[i].store, job.store) != 0 || strcmp(rules[i].table, table) != 0)
      continue;
    if (!rules[i].fn) return true;
    e.key = *key;
    e.value = *value;
    if (!rules[i].fn(&e)) return false;
    *key = e.key;
    *value = e.value;
    return true;
  }
  return unknown(table);
}

static bool
apply_pubsub(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  static stralloc key_room = STRALLOC_ZERO, value_room = STRALLOC_ZERO;
  bool ok = pubsub_rehost(&job.hosts, table, key, value, &key_room, &value_room);

  (void)cookie;
  return ok || (errno == ENOTSUP ? unknown(table) : false);
}

/* ---- stores ---- */

static bool
rename_tables(char const *from, char const *to)
{
  return store_rewrite(from, to, apply, NULL);
}

static bool
rename_pubsub(char const *from, char const *to)
{
  return store_rewrite(from, to, apply_pubsub, NULL);
}

static bool
rename_archive(char const *from, char const *to)
{
  return archive_rehost(job.data, job.next, &job.hosts, &job.messages) &&
         store_dress(from, to);
}

static bool
apply_slots(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  (void)cookie;
  return slots_rehost(&job.hosts, table, key, value, &text);
}

static bool
rename_slots(char const *from, char const *to)
{
  return store_rewrite(from, to, apply_slots, NULL);
}

static bool
apply_push(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  bool ok = push_rehost(&job.hosts, table, key, value, &text);

  (void)cookie;
  return ok || (errno == ENOTSUP ? unknown(table) : false);
}

static bool
rename_push(char const *from, char const *to)
{
  return store_rewrite(from, to, apply_push, NULL);
}

static bool
rename_register(char const *from, char const *to)
{
  return host_rename_register(&job.hosts, from, to);
}

/* The occupants of rooms enter anew. */
static bool
rename_occupants(char const *from, char const *to)
{
  struct stat st;

  return !stat(from, &st) && !mkdir(to, 0700) &&
         (geteuid() || !chown(to, st.st_uid, st.st_gid)) &&
         !chmod(to, st.st_mode & 07777);
}

/* How a store is written anew, by its folder. */
static struct {
  char const *name;
  bool (*fn)(char const *from, char const *to);
} const stores[] = {
  {"accounts",  rename_tables   },
  {"secrets",   rename_tables   },
  {"users",     rename_tables   },
  {"motd",      rename_tables   },
  {"archive",   rename_archive  },
  {"pubsub",    rename_pubsub   },
  {"slots",     rename_slots    },
  {"push",      rename_push     },
  {"register",  rename_register },
  {"rooms",     rename_tables   },
  {"occupants", rename_occupants},
};

static void
fail(char const *what, char const *which)
{
  int e = errno;

  rm_rf(job.next);
  errno = e;
  strerr_diefusys(111, what, which, ", nothing has changed");
}

/* A folder that its program has not written to yet comes along. */
static void
keep_folder(char const *from, char const *to, struct stat const *st)
{
  if (mkdir(to, 0700) || (!geteuid() && chown(to, st->st_uid, st->st_gid)) ||
      chmod(to, st->st_mode & 07777) || !folder_is_empty(from))
    fail("keep the folder ", from);
}

static void
rename_store(char const *name)
{
  char from[600], to[600], file[700];
  struct stat st;
  size_t i;

  snprintf(from, sizeof from, "%s/%.64s", job.data, name);
  snprintf(to, sizeof to, "%s/%.64s", job.next, name);
  snprintf(file, sizeof file, "%s/data.mdb", from);
  if (stat(from, &st)) fail("read ", from);
  if (S_ISDIR(st.st_mode) && access(file, F_OK)) {
    keep_folder(from, to, &st);
    return;
  }
  for (i = 0; i < sizeof stores / sizeof *stores && strcmp(stores[i].name, name) != 0;
       i++) {
  }
  errno = ENOTSUP;
  if (i == sizeof stores / sizeof *stores) fail("rename the host in ", from);
  job.store = name;
  if (!stores[i].fn(from, to)) fail("rename the host in ", from);
}

static void
rename_stores(void)
{
  struct dirent const *e;
  struct stat st;
  DIR *d;

  rm_rf(job.next);
  if (stat(job.data, &st) || mkdir(job.next, st.st_mode & 0777)) fail("make ", job.next);
  d = opendir(job.data);
  if (!d) fail("read ", job.data);
  while ((e = readdir(d)))
    if (e->d_name[0] != '.') rename_store(e->d_name);
  closedir(d);
}

/* ---- the command ---- */

static bool
is_of(struct slice bare, struct slice host)
{
  return slice_eq(jid_cut(bare).domain, host);
}

static bool
count_host(void *cookie, struct slice bare, uint64_t number)
{
  uint64_t *n = cookie;

  (void)number;
  n[0] += is_of(bare, job.hosts.from);
  n[1] += is_of(bare, job.hosts.to);
  return true;
}

static void
check_accounts(void)
{
  struct accounts *a = accounts_open(job.data, false);
  uint64_t n[2] = {0, 0};

  if (!a || !accounts_each(a, count_host, n)) fail("read the accounts in ", job.data);
  accounts_close(a);
  if (!n[0]) strerr_dief(1, "no account has the host ", job.from);
  if (n[1]) strerr_dief(1, "there are accounts of the host ", job.to, " already");
}

static void
take_host(char const *word, char out[256], struct slice *host)
{
  struct jid j = jid_cut(slice_str(prepared(word)));

  if (j.local.len || j.resource.len || j.domain.len > 255)
    strerr_dief(1, "not a host: ", word);
  memcpy(out, j.domain.s, j.domain.len);
  out[j.domain.len] = 0;
  *host = slice_str(out);
}

static int
rename_host(char const *old, char const *new)
{
  take_host(old, job.from, &job.hosts.from);
  take_host(new, job.to, &job.hosts.to);
  if (slice_eq(job.hosts.from, job.hosts.to))
    strerr_dief(1, "both names are the same: ", job.from);
  snprintf(job.data, sizeof job.data, "%.400s/data", ctl.state);
  snprintf(job.next, sizeof job.next, "%.400s/data.renaming", ctl.state);
  check_stopped();
  check_accounts();
  rename_stores();
  sync();
  if (!data_exchange(job.next)) fail("put in place ", job.next);
  printf(
    "%s is %s: %llu accounts, %llu entries of rosters, requests and block lists, %llu "
    "messages\n",
    job.from, job.to, (unsigned long long)job.accounts, (unsigned long long)job.contacts,
    (unsigned long long)job.messages);
  printf("now put %s in the place of %s in the configuration, and start the server\n",
         job.to, job.from);
  if (settings_has_any(&ctl.settings, "module", "mod_http_upload"))
    printf(
      "a docroot of uploads that has the name %s in it must be renamed too; links to "
      "the files have the old name still\n",
      job.from);
  printf("contacts on other servers are not told: they have the old addresses still\n");
  return 0;
}

int
command_host(char const *const *argv)
{
  if (!argv[0] || strcmp(argv[0], "rename") != 0 || !argv[1] || !argv[2])
    strerr_dieusage(100, "host rename OLD NEW");
  return rename_host(argv[1], argv[2]);
}
