#include "ban/ban.h"
#include "link/link.h"
#include "link/snapshot.h"

#include <string.h>

static void
tell(struct link *l, char const *text, uint64_t until_s)
{
  link_begin(l, VERB_BAN);
  link_str(l, text);
  link_num(l, until_s);
  link_end(l);
}

void
ban_tell(unsigned int roles, char const *text, uint64_t until_s)
{
  struct link *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->roles & roles) tell(l, text, until_s);
}

void
ban_announce(struct bans const *b, struct link *l, uint64_t now_s)
{
  struct ban const *x = NULL;

  while ((x = ban_next(b, x, now_s)))
    tell(l, x->text, x->until_s);
}

void
ban_snapshot(struct snapshot *k, struct bans *b)
{
  struct ban const *x = ban_next(b, NULL, 0);
  char name[BAN_TEXT];
  uint64_t until_s = 0;

  while (snapshot_record(k, "ban", x != NULL)) {
    if (x) memcpy(name, x->text, sizeof name);
    if (x) until_s = x->until_s;
    snapshot_name(k, name, sizeof name);
    SNAPSHOT_INT(k, until_s);
    if (snapshot_restores(k)) ban_put(b, slice_str(name), until_s, 0);
    if (x) x = ban_next(b, x, 0);
  }
}
