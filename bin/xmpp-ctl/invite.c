#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* Invitations: xmpp-registerd has them. */

#define USAGE                                                                            \
  "invite create HOST [--name USER] [--by JID] [--uses N] [--days N] [--groups A,B] | "  \
  "list HOST | revoke HOST ID | reset JID"

static void
print_made(struct record *r)
{
  struct slice uri = record_get(r, 1), page = record_get(r, 2), until = {0};
  char stamp[STAMP_SIZE];
  uint64_t s = 0;

  if (slice_word(&page, ' ', &until)) slice_u64(until, &s);
  stamp_s(stamp, s);
  if (ctl.records)
    printf("invite\t%.*s\t%.*s\t%s\n", (int)uri.len, uri.s, (int)page.len, page.s, stamp);
  else
    printf("%.*s%s%.*s%sgood until %s\n", (int)uri.len, uri.s, uri.len ? "\n" : "",
           (int)page.len, page.s, page.len ? "\n" : "", stamp);
}

static void
print_invite(struct record *r)
{
  char stamp[STAMP_SIZE];
  struct slice v[5];
  unsigned int i;

  for (i = 0; i < 5; i++)
    v[i] = record_get(r, i + 1);
  stamp_s(stamp, record_u64(r, 6));
  printf(ctl.records ? "invite\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%s\n"
                     : "%.*s  %-8.*s by %-24.*s name %-12.*s uses %-3.*s until %s\n",
         (int)v[0].len, v[0].s, (int)v[1].len, v[1].s, (int)(v[2].len ? v[2].len : 1),
         v[2].len ? v[2].s : "-", (int)(v[3].len ? v[3].len : 1), v[3].len ? v[3].s : "-",
         (int)v[4].len, v[4].s, stamp);
}

struct create {
  char const *name, *by, *uses, *days;
  char groups[1024]; /* a line each */
};

/* false: that is no option, or it has no value. */
static bool
read_option(struct create *c, char const *option, char const *value)
{
  char *at;

  if (!value) return false;
  if (!strcmp(option, "--name"))
    c->name = value;
  else if (!strcmp(option, "--by"))
    c->by = prepared(value);
  else if (!strcmp(option, "--uses"))
    c->uses = value;
  else if (!strcmp(option, "--days"))
    c->days = value;
  else if (!strcmp(option, "--groups"))
    snprintf(c->groups, sizeof c->groups, "%s", value);
  else
    return false;
  for (at = c->groups; (at = strchr(at, ','));)
    *at = '\n';
  return true;
}

static bool
ask_create(struct client *c, char const *host, char const *const *argv)
{
  struct create x = {.name = "", .by = "", .uses = "", .days = ""};

  for (; argv[0]; argv += 2)
    if (!read_option(&x, argv[0], argv[1])) strerr_dieusage(100, USAGE);
  client_ask(c, "invite", "create", host, x.name, x.by, x.uses, x.days, x.groups, NULL);
  return client_answer(c, host, print_made);
}

/* The part of an address behind the @. */
static char const *
host_of(char const *jid)
{
  char const *at = strchr(jid, '@');

  return at ? at + 1 : "";
}

static bool
ask(struct client *c, char const *what, char const *const *argv)
{
  if (!argv[0] || (strcmp(what, "create") != 0 && argv[1] && argv[2])) return false;
  if (!strcmp(what, "create")) return ask_create(c, argv[0], argv + 1);
  if (!strcmp(what, "list") && !argv[1]) {
    client_ask(c, "invite", "list", argv[0], NULL);
    return client_answer(c, argv[0], print_invite);
  }
  if (!strcmp(what, "revoke") && argv[1]) {
    client_ask(c, "invite", "revoke", argv[0], argv[1], NULL);
    return client_answer(c, argv[1], NULL);
  }
  if (!strcmp(what, "reset") && !argv[1]) {
    char const *jid = prepared(argv[0]);
    client_ask(c, "invite", "reset", host_of(jid), jid, NULL);
    return client_answer(c, jid, print_made);
  }
  strerr_dieusage(100, USAGE);
}

int
command_invite(char const *const *argv)
{
  struct client c;
  bool ok;

  if (!argv[0] || !argv[1]) strerr_dieusage(100, USAGE);
  client_reach(&c, "registerd");
  ok = ask(&c, argv[0], argv + 1);
  client_close(&c);
  return ok ? 0 : 1;
}
