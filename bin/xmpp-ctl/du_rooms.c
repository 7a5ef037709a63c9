#include "du.h"

#include "archive/archive.h"

#include <skalibs/strerr.h>
#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* du of rooms: DATA/rooms has the archive of each room, and its configuration: a row of the table
 * room, and all rows of the other tables whose keys begin with the room's number (the tables are
 * described in bin/xmpp-mucd/stored.c and hats.c). */

/* Read transactions end after so many rooms. */
#define ROOMS_A_READ 500

static char const *const tables[] = {"affil", "nick", "vcard", "hat"};
#define TABLES_N (sizeof tables / sizeof *tables)

struct usage {
  char jid[JID_MAX + 1];
  uint64_t archive, config;
};

/* The rooms of a service together. */
struct sum {
  char *name; /* of the service */
  uint64_t rooms, archive, config;
  struct sum *next;
};

static struct slice
sum_key(void const *item)
{
  return slice_str(((struct sum const *)item)->name);
}

static struct {
  struct store *store; /* NULL: there is none */
  struct archive *archive;
  MDB_dbi room, parts[TABLES_N];
  struct usage largest[DU_LARGEST]; /* descending */
  unsigned int n;
  struct table by_name;
  struct sum *first, **last;
} du = {.by_name = {.key = sum_key}, .last = &du.first};

void
du_rooms_open(char const *data)
{
  char path[512];
  size_t i;

  if (!du_is_there("rooms")) return;
  snprintf(path, sizeof path, "%s/rooms", data);
  du.store = store_open(path, false, false, 0);
  du.archive = du.store ? archive_open_in(du.store, false) : NULL;
  if (!du.archive || !store_table(du.store, "room", &du.room))
    strerr_dief(111, "unable to read the rooms in ", data);
  for (i = 0; i < TABLES_N; i++)
    if (!store_table(du.store, tables[i], &du.parts[i]))
      strerr_dief(111, "unable to read the rooms in ", data);
}

void
du_rooms_close(void)
{
  archive_close(du.archive);
  store_close(du.store);
}

/* ---- measuring ---- */

struct part {
  char number[8];
  uint64_t bytes;
};

static bool
add_row(void *cookie, struct slice key, struct slice value)
{
  struct part *p = cookie;

  if (key.len < 8 || memcmp(key.s, p->number, 8) != 0) return false;
  p->bytes += key.len + value.len;
  return true;
}

/* The row of the table room: 8 bytes number, and what else it has. */
static bool
measure(struct slice bare, struct slice row, struct usage *u)
{
  struct archive_stat st;
  struct part p = {.bytes = bare.len + row.len};
  uint64_t number;
  size_t i;

  errno = EIO;
  if (row.len < 8) return false;
  snprintf(u->jid, sizeof u->jid, "%.*s", (int)bare.len, bare.s);
  memcpy(p.number, row.s, 8);
  uint64_unpack_big(p.number, &number);
  for (i = 0; i < TABLES_N; i++)
    if (!store_each(du.store, du.parts[i], slice_of(p.number, 8), add_row, &p))
      return false;
  if (!archive_stat(du.archive, number, &st)) return false;
  u->archive = st.bytes;
  u->config = p.bytes;
  return true;
}

static uint64_t
total(struct usage const *u)
{
  return u->archive + u->config;
}

int
du_rooms_one(struct slice bare)
{
  struct usage u;
  struct slice row;

  errno = ENOENT;
  if (!du.store || !store_get(du.store, du.room, bare, &row))
    return errno == ENOENT ? 1 : 111;
  if (!measure(bare, row, &u)) return 111;
  du_print(u.archive, "archive");
  du_print(u.config, "config");
  du_print(total(&u), "total");
  return 0;
}

/* ---- all ---- */

static void
keep(struct usage const *u)
{
  unsigned int i;

  if (du.n == DU_LARGEST && total(u) <= total(&du.largest[DU_LARGEST - 1])) return;
  for (i = du.n < DU_LARGEST ? du.n++ : DU_LARGEST - 1;
       i && total(&du.largest[i - 1]) < total(u); i--)
    du.largest[i] = du.largest[i - 1];
  du.largest[i] = *u;
}

static void
add_to_sum(struct usage const *u)
{
  struct slice name = jid_cut(slice_str(u->jid)).domain;
  struct sum *s = table_get(&du.by_name, name);

  if (!s) {
    s = calloc(1, sizeof *s);
    if (!s || !(s->name = slice_dup(name)) || !table_put(&du.by_name, s))
      strerr_dief(111, "out of memory");
    *du.last = s;
    du.last = &s->next;
  }
  s->rooms++;
  s->archive += u->archive;
  s->config += u->config;
}

struct pass {
  stralloc behind; /* the room that was read last */
  unsigned int n;
  bool failed;
};

static bool
on_room(void *cookie, struct slice bare, struct slice row)
{
  struct pass *p = cookie;
  struct usage u;

  if (slice_eq(bare, slice_of(p->behind.s, p->behind.len))) return true;
  if (p->n++ == ROOMS_A_READ) return false;
  p->behind.len = 0;
  p->failed = !measure(bare, row, &u) || !stralloc_catb(&p->behind, bare.s, bare.len);
  if (p->failed) return false;
  keep(&u);
  add_to_sum(&u);
  return true;
}

/* Measure ROOMS_A_READ rooms behind the last one. *more: there may be others. */
static bool
read_some(struct pass *p, bool *more)
{
  struct slice from = slice_of(p->behind.s, p->behind.len);
  stralloc start = STRALLOC_ZERO;
  bool ok;

  p->n = 0;
  if (!from.len) from = slice_of("", 1);
  ok = stralloc_catb(&start, from.s, from.len) &&
       store_each(du.store, du.room, slice_of(start.s, start.len), on_room, p) &&
       !p->failed;
  stralloc_free(&start);
  *more = p->n > ROOMS_A_READ;
  return store_commit(du.store) && ok;
}

static void
print_tables(void)
{
  unsigned int i;
  struct sum *s;

  if (!ctl.records)
    printf("\n%-32s %11s %11s %11s\n", "room", "total", "archive", "config");
  for (i = 0; i < du.n; i++)
    printf(ctl.records ? "room\t%s\t%llu\t%llu\t%llu\n" : "%-32s %11llu %11llu %11llu\n",
           du.largest[i].jid, (unsigned long long)total(&du.largest[i]),
           (unsigned long long)du.largest[i].archive,
           (unsigned long long)du.largest[i].config);
  if (!ctl.records)
    printf("\n%-32s %11s %11s %11s %11s\n", "service", "total", "archive", "config",
           "rooms");
  for (s = du.first; s; s = s->next) {
    uint64_t all = s->archive + s->config;
    printf(ctl.records ? "service\t%s\t%llu\t%llu\t%llu\t%llu\n"
                       : "%-32s %11llu %11llu %11llu %11llu\n",
           s->name, (unsigned long long)all, (unsigned long long)s->archive,
           (unsigned long long)s->config, (unsigned long long)s->rooms);
  }
}

bool
du_rooms_all(void)
{
  struct pass p = {.behind = STRALLOC_ZERO};
  bool more = du.store != NULL, ok = true;

  while (more && ok)
    ok = read_some(&p, &more);
  stralloc_free(&p.behind);
  if (ok && du.n) print_tables();
  return ok;
}
