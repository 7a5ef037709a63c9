#include "confgen.h"

#include <stdio.h>

/* tabber.pages: what the administrator puts in the place of words of the pages of xmpp-registerd, by
 * language and name, and of the list of clients on the page of an invitation. */

#define LANGS "en de zh"
#define TEXT_MAX 1000u

static bool
is_text(struct yaml_node const *n, char const *path)
{
  if (n->kind == YAML_SCALAR && n->text.len && n->text.len <= TEXT_MAX) return true;
  say_error(n, path, "expected a text of 1 to %u bytes", TEXT_MAX);
  return false;
}

/* ---- texts ---- */

static void
set_text(struct yaml_node const *n, struct slice lang)
{
  char const *names = option_find("tabber.pages", SLICE("texts"))->words;
  char path[128];

  snprintf(path, sizeof path, "tabber.pages.texts.%s.%.40s", lang.s, n->key.s);
  if (!slice_has_word(slice_str(names), n->key))
    say_unknown(n, path, "text", nearest_word(n->key, names));
  else if (is_text(n, path))
    emit(REGISTERD, "page_text", lang, n->key.s, n->text.s, NULL);
}

static void
set_texts(struct yaml_node const *n)
{
  struct yaml_node const *lang, *c;
  char path[128];

  if (!expect_map(n, "tabber.pages.texts")) return;
  for (lang = n->first; lang; lang = lang->next) {
    snprintf(path, sizeof path, "tabber.pages.texts.%.40s", lang->key.s);
    if (!slice_has_word(SLICE(LANGS), lang->key))
      say_error(lang, path, "pages are in the languages " LANGS);
    else if (expect_map(lang, path))
      for (c = lang->first; c; c = c->next)
        set_text(c, lang->key);
  }
}

/* ---- clients ---- */

static bool
is_url(struct yaml_node const *n)
{
  static char const path[] = "tabber.pages.clients.url";
  struct option const *o = option_find("tabber.pages.clients", SLICE("url"));

  if (!is_text(n, path)) return false;
  if (!slice_is(n->text, "auto")) return option_value(&job.arena, o, n, path).s != NULL;
  say_error(n, path, "a client has an address of its own");
  return false;
}

static void
set_client(struct yaml_node const *n)
{
  static char const in[] = "tabber.pages.clients";
  struct yaml_node const *name = yaml_get(n, "name"), *url = yaml_get(n, "url"), *c;

  if (n->kind != YAML_MAP || !name || !url) {
    say_error(n, in, "expected a list of mappings with name and url");
    return;
  }
  for (c = n->first; c; c = c->next)
    if (!option_find(in, c->key))
      say_unknown(c, in, "option", option_nearest(in, c->key));
  if (is_text(name, "tabber.pages.clients.name") && is_url(url))
    emit(REGISTERD, "page_client", SLICE("*"), name->text.s, url->text.s, NULL);
}

static void
set_clients(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind != YAML_LIST || !n->first)
    say_error(n, "tabber.pages.clients", "expected a list of mappings with name and url");
  for (c = n->kind == YAML_LIST ? n->first : NULL; c; c = c->next)
    set_client(c);
}

void
compile_pages(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (!expect_map(n, "tabber.pages")) return;
  for (c = n->first; c; c = c->next) {
    if (slice_is(c->key, "texts"))
      set_texts(c);
    else if (slice_is(c->key, "clients"))
      set_clients(c);
    else
      say_unknown(c, "tabber.pages", "option", option_nearest("tabber.pages", c->key));
  }
}
