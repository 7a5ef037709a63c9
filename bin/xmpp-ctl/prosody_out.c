#include "prosody.h"

#include "move.h"

#include <expat.h>

#include <string.h>

/* The document that the readers of a folder (prosody.c) and of a database (prosody_sql.c) write, a table
 * at a time. */

static struct {
  FILE *out;
  struct slice user; /* as Prosody names the user: the importer prepares it */
  bool failed;
  stralloc text;
  struct arena arena;
} job;

/* A list is a table an item. */
struct prosody_store const prosody_stores[] = {
  {"roster",    false, prosody_roster,    "",                                 ""                   },
  {"vcard",     false, prosody_vcard,     "",                                 ""                   },
  {"private",   false, prosody_private,   "",                                 ""                   },
  {"blocklist", false, prosody_blocklist, "",                                 ""                   },
  {"privacy",   false, prosody_privacy,   "",                                 ""                   },
  {"pep",       false, prosody_pep,       "",                                 ""                   },
  {"archive2",  true,  prosody_archive,   "<archive xmlns='" NS_PIE_MAM "'>", "</archive>"         },
  {"archive",   true,  prosody_archive,   "<archive xmlns='" NS_PIE_MAM "'>", "</archive>"         },
  {"offline",   true,  prosody_offline,   "<offline-messages>",               "</offline-messages>"},
};

unsigned int const prosody_stores_n = sizeof prosody_stores / sizeof *prosody_stores;

void
prosody_complain(char const *where, char const *why)
{
  fprintf(stderr, "xmpp-ctl: import: %s: %s\n", where, why);
  job.failed = true;
}

void
prosody_out(FILE *out)
{
  job.out = out;
}

bool
prosody_has_failed(void)
{
  return job.failed;
}

struct arena *
prosody_arena(void)
{
  return &job.arena;
}

void
prosody_forget(void)
{
  arena_cleanse(&job.arena);
  arena_reset(&job.arena);
}

static bool
parse(XML_Parser p, char const *s, size_t len)
{
  return XML_Parse(p, s, (int)len, false) == XML_STATUS_OK;
}

/* Say whether job.text holds whole elements, or the start tag of one: a byte that no document may have
 * would end the import of all accounts. */
static bool
is_well_formed(bool is_tag)
{
  XML_Parser p = XML_ParserCreateNS("UTF-8", '\1');
  char const *end = is_tag ? "</user></x>" : "</x>";
  bool ok;

  if (!p) move_fail("read");
  ok = job.text.len <= INT32_MAX && parse(p, "<x>", 3) &&
       parse(p, job.text.s, job.text.len) && parse(p, end, strlen(end)) &&
       XML_Parse(p, "", 0, true) == XML_STATUS_OK;
  XML_ParserFree(p);
  return ok;
}

static bool
put(char const *where, prosody_fn *fn, struct lua const *t, char const *head, bool is_tag)
{
  job.text.len = 0;
  if (!t || t->kind != LUA_TABLE || !fn(&job.text, &job.arena, t) ||
      !is_well_formed(is_tag)) {
    prosody_complain(where, "a table is not as it should be");
    return false;
  }
  fputs(head, job.out);
  fwrite(job.text.s, 1, job.text.len, job.out);
  return true;
}

bool
prosody_put(char const *where, prosody_fn *fn, struct lua const *t, char const *head)
{
  return put(where, fn, t, head, false);
}

void
prosody_put_text(char const *text)
{
  fputs(text, job.out);
}

/* ---- hosts, users, nodes ---- */

void
prosody_begin_host(struct slice name)
{
  job.text.len = 0;
  if (!xml_cat(&job.text, "<host") || !xml_cat_attr(&job.text, "jid", name) ||
      !xml_cat(&job.text, ">\n"))
    move_fail("read");
  fwrite(job.text.s, 1, job.text.len, job.out);
}

/* The password stands in the start tag. */
static bool
begin(stralloc *out, struct arena *a, struct lua const *t)
{
  return xml_cat(out, "<user") && xml_cat_attr(out, "name", job.user) &&
         (!lua_get(t, "password") || prosody_is_disabled(t) ||
          xml_cat_attr(out, "password", lua_text(t, "password"))) &&
         xml_cat(out, ">") && prosody_account(out, a, t);
}

bool
prosody_begin_user(char const *where, struct slice name, struct lua const *account)
{
  job.user = name;
  return put(where, begin, account, "", true);
}

char *
prosody_items_head(struct slice node)
{
  stralloc head = STRALLOC_ZERO;

  if (!xml_cat(&head, "<pubsub xmlns='" NS_PUBSUB "'><items") ||
      !xml_cat_attr(&head, "node", node) || !xml_cat(&head, ">") || !stralloc_0(&head))
    move_fail("read");
  return head.s;
}
