#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* Owners and admins as lists in the form of a room (XEP-0045 s10.2). */

static bool
no(struct in *in, enum stanza_error e, char const *text)
{
  refuse(&in->st, e, "", text);
  return false;
}

/* A list of bare JIDs, in the order of strcmp; those who are not on it any more. */
struct people {
  enum affiliation a;
  char const *jids[MUC_ITEMS_MAX];
  size_t n;
  stralloc gone;
};

static int
by_jid(void const *a, void const *b)
{
  return strcmp(*(char const *const *)a, *(char const *const *)b);
}

bool
people_hold(struct in *in, struct xml_node const *x, char const *var, enum affiliation a)
{
  struct xml_node const *v = NULL;
  struct slice text;
  struct jid j;
  size_t n = 0, named = 0;

  while ((v = form_next(x, var, v))) {
    text = xml_text(in->arena, v);
    if (++n > MUC_ITEMS_MAX)
      return no(in, ERR_RESOURCE_CONSTRAINT, "the list is too long");
    if (text.len &&
        (!jid_parse(in->arena, text, &j) || !j.local.len || j.bare.len > STORED_NAME_MAX))
      return no(in, ERR_JID_MALFORMED, var);
    named += text.len != 0;
  }
  if (a == AFF_OWNER && !named && form_has(x, var))
    return no(in, ERR_CONFLICT, "a room needs an owner");
  return !n || affils_fit(in->room, n) ||
         no(in, ERR_RESOURCE_CONSTRAINT, "the room has too many affiliations");
}

static void
read_people(struct in *in, struct xml_node const *x, char const *var, struct people *p)
{
  struct xml_node const *v = NULL;
  struct jid j;

  while ((v = form_next(x, var, v)) && p->n < MUC_ITEMS_MAX) {
    if (!jid_parse(in->arena, xml_text(in->arena, v), &j)) continue;
    p->jids[p->n] = arena_copy(in->arena, j.bare).s;
    if (!p->jids[p->n++]) no_memory();
  }
  if (p->n) qsort(p->jids, p->n, sizeof *p->jids, by_jid);
}

/* Say whether p has the bare JID. */
static bool
is_among(struct people const *p, struct slice bare)
{
  char z[STORED_NAME_MAX + 1], *at = z;

  if (!p->n || bare.len >= sizeof z) return false;
  memcpy(z, bare.s, bare.len);
  z[bare.len] = 0;
  return bsearch(&at, p->jids, p->n, sizeof *p->jids, by_jid);
}

static bool
note_gone(void *cookie, struct slice bare, struct affil const *a)
{
  struct people *p = cookie;

  if (a->affiliation == p->a && !is_among(p, bare)) add_to(&p->gone, bare);
  return true;
}

void
affil_give(struct room *r, struct slice bare, enum affiliation to)
{
  static struct arena arena = ARENA_ZERO;
  struct affil a;
  struct change c = {.codes = ""};
  struct slice nick;

  arena_reset(&arena);
  affil_get(r, bare, &a);
  nick = arena_copy(&arena, a.nick);
  if (!nick.s) no_memory();
  if (nick.len && to <= AFF_NONE) {
    nick_put(r, jid_nick_key(&arena, nick), SLICE(""));
    nick.len = 0;
  }
  a = (struct affil){.affiliation = to, .nick = nick, .reason = SLICE("")};
  affil_put(r, bare, &a);
  set_affiliation(r, bare, to, &c);
}

static void
make(struct room *r, struct slice bare, enum affiliation to)
{
  struct affil a;

  affil_get(r, bare, &a);
  if (a.affiliation != to && (a.affiliation != AFF_OWNER || to != AFF_ADMIN))
    affil_give(r, bare, to);
}

/* Give p what the form says. An address that left this list for the list other gets its new affiliation at
 * once: with none in between, a room for members would throw the person out. */
static void
set_list(struct in *in, struct people *p, struct people const *other)
{
  struct slice rest, bare;
  size_t i;

  affil_each(in->room, note_gone, p);
  rest = slice_of(p->gone.s, p->gone.len);
  for (i = 0; i < p->n; i++)
    make(in->room, slice_str(p->jids[i]), p->a);
  while (slice_word(&rest, '\n', &bare))
    affil_give(in->room, bare, is_among(other, bare) ? other->a : AFF_NONE);
  stralloc_free(&p->gone);
}

void
people_set(struct in *in, struct xml_node const *x, char const *owners_var,
           char const *admins_var)
{
  struct people owners = {.a = AFF_OWNER}, admins = {.a = AFF_ADMIN};

  read_people(in, x, owners_var, &owners);
  read_people(in, x, admins_var, &admins);
  if (form_has(x, owners_var)) set_list(in, &owners, &admins);
  if (form_has(x, admins_var)) set_list(in, &admins, &owners);
}
