#include "confgen.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* An option of a module may be a list, of which each entry becomes a row, or a mapping, which
 * becomes one row. The fields of an entry that is a mapping stand in the table too, under
 * MODULE.OPTION. */

/* An option that is being compiled. */
struct nested {
  struct slice host;
  unsigned int to;
  char const *in, *path; /* MODULE.OPTION; the same as messages name it */
};

typedef void entry_fn(struct nested const *o, struct yaml_node const *entry);

/* ---- fields ---- */

static void
field_path(char path[256], struct nested const *o, char const *field)
{
  snprintf(path, 256, "%s.%s", o->path, field);
}

/* The normal form of a field; its default, or empty, when the entry has it not. s NULL after
 * an error. */
static struct slice
field(struct nested const *o, struct yaml_node const *entry, char const *name)
{
  struct option const *row = option_find(o->in, slice_str(name));
  struct yaml_node const *v = yaml_get(entry, name);
  char path[256];

  field_path(path, o, name);
  if (v) return option_value(&job.arena, row, v, path);
  return slice_str(row->dflt ? row->dflt : "");
}

static bool
must_have(struct nested const *o, struct yaml_node const *entry, char const *name)
{
  char path[256];

  if (yaml_get(entry, name)) return true;
  field_path(path, o, name);
  say_error(entry, path, "the option is missing");
  return false;
}

static bool
fields_known(struct nested const *o, struct yaml_node const *entry)
{
  struct yaml_node const *c;
  char path[256];
  bool ok = true;

  if (entry->kind != YAML_MAP) {
    say_error(entry, o->path, "expected a list of mappings");
    return false;
  }
  for (c = entry->first; c; c = c->next) {
    if (option_find(o->in, c->key)) continue;
    field_path(path, o, c->key.s);
    say_unknown(c, path, "option", option_nearest(o->in, c->key));
    ok = false;
  }
  return ok;
}

/* ---- mod_disco ---- */

static void
extra_domain(struct nested const *o, struct yaml_node const *entry)
{
  struct slice name = entry->kind == YAML_SCALAR
                        ? jid_prep_domain(&job.arena, entry->text)
                        : (struct slice){NULL, 0};

  if (name.s)
    emit_slice(o->to, o->in, o->host, name);
  else
    say_error(entry, o->path, "\"%s\" is not a domain name",
              entry->text.s ? entry->text.s : "");
}

/* XEP-0157 s3: the fields that clients know. */
static char const *const contacts[] = {
  "abuse-addresses",    "admin-addresses",  "feedback-addresses", "sales-addresses",
  "security-addresses", "status-addresses", "support-addresses",
};

#define CONTACTS_N (sizeof contacts / sizeof *contacts)

static void
warn_of_contact(struct nested const *o, struct yaml_node const *n)
{
  size_t best = 2 + n->text.len / 4, i;
  char const *near = NULL;
  char path[256];

  for (i = 0; i < CONTACTS_N && !slice_is(n->text, contacts[i]); i++)
    if (word_nearer(n->text, contacts[i], &best)) near = contacts[i];
  if (i < CONTACTS_N) return;
  field_path(path, o, "name");
  say_warning(n, path, "clients do not know \"%s\" (XEP-0157)%s%s%s", n->text.s,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* all, or names of modules. */
static bool
modules_known(struct nested const *o, struct yaml_node const *n, struct slice names)
{
  struct slice word;
  char path[256];
  bool ok = true;

  field_path(path, o, "modules");
  while (!slice_is(names, "all") && slice_word(&names, ' ', &word)) {
    if (!module_find(word)) ok = say_unknown_module(n, path, word) && ok;
  }
  return ok;
}

/* A scheme and a colon (RFC 3986 s3). Clients show the others, but cannot open them. */
static void
warn_of_url(struct nested const *o, struct yaml_node const *n)
{
  char const *colon = memchr(n->text.s, ':', n->text.len);
  char path[256];

  if (colon && colon > n->text.s && !memchr(n->text.s, '@', (size_t)(colon - n->text.s)))
    return;
  field_path(path, o, "urls");
  say_warning(n, path, "\"%s\" is no URI; did you mean mailto:%s?", n->text.s, n->text.s);
}

static void
server_info(struct nested const *o, struct yaml_node const *entry)
{
  struct yaml_node const *urls = yaml_get(entry, "urls"), *c;
  struct slice names, name;

  if (!fields_known(o, entry) || !must_have(o, entry, "name") ||
      !must_have(o, entry, "urls"))
    return;
  names = field(o, entry, "modules");
  name = field(o, entry, "name");
  if (!names.s || !name.s || !field(o, entry, "urls").s ||
      !modules_known(o, yaml_get(entry, "modules"), names))
    return;
  warn_of_contact(o, yaml_get(entry, "name"));
  for (c = urls->kind == YAML_SCALAR ? urls : urls->first; c; c = c->next) {
    warn_of_url(o, c);
    emit(o->to, o->in, o->host, name.s, names.s, c->text.s, NULL);
    if (c == urls) break;
  }
}

/* ---- mod_stun_disco ---- */

/* A name or an address, without a port. */
static bool
is_machine(struct slice text)
{
  return (is_net(text) && !memchr(text.s, '/', text.len)) ||
         (text.len && jid_prep_domain(&job.arena, text).s);
}

/* The type of a service decides about fields that are absent: TURN asks for
 * credentials, and TLS has a port of its own (RFC 8656 s18.6, RFC 8489 s17.3). */
static void
stun_service(struct nested const *o, struct yaml_node const *entry)
{
  struct slice machine, type, port, transport, restricted;
  char path[256];
  bool turn, tls;

  if (!fields_known(o, entry) || !must_have(o, entry, "host")) return;
  machine = field(o, entry, "host");
  type = field(o, entry, "type");
  port = field(o, entry, "port");
  transport = field(o, entry, "transport");
  restricted = field(o, entry, "restricted");
  if (!machine.s || !type.s || !port.s || !transport.s || !restricted.s) return;
  if (!is_machine(machine)) {
    field_path(path, o, "host");
    say_error(yaml_get(entry, "host"), path, "\"%s\" is neither a name nor an address",
              machine.s);
    return;
  }
  turn = slice_starts(type, "turn");
  tls = type.len && type.s[type.len - 1] == 's';
  emit(o->to, "mod_stun_disco.service", o->host, type.s, machine.s,
       port.len ? port.s
       : tls    ? "5349"
                : "3478",
       transport.s,
       restricted.len ? restricted.s
       : turn         ? "true"
                      : "false",
       NULL);
}

/* ---- mod_http_upload ---- */

/* RFC 9110 s5.6.2 */
static bool
is_token(struct slice s)
{
  size_t i;

  for (i = 0; i < s.len; i++)
    if (s.s[i] <= ' ' || s.s[i] == 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.s[i]))
      return false;
  return s.len > 0;
}

/* NAME: VALUE, of a mapping, without what webd alone says. */
static void
header(struct nested const *o, struct yaml_node const *entry)
{
  static char const own[] = "connection content-length date keep-alive transfer-encoding";
  char name[64];
  size_t i;

  for (i = 0; i < entry->key.len && i < sizeof name - 1; i++)
    name[i] = (char)tolower((unsigned char)entry->key.s[i]);
  name[i] = 0;
  if (!is_token(entry->key) || slice_has_word(slice_str(own), slice_str(name)))
    say_error(entry, o->path, "\"%s\" cannot be the name of a header", entry->key.s);
  else if (entry->kind != YAML_SCALAR || strpbrk(entry->text.s, "\r\n"))
    say_error(entry, o->path, "expected the value of a header, one line");
  else
    emit(o->to, o->in, o->host, entry->key.s, entry->text.s, NULL);
}

/* EXTENSION: TYPE, or undefined: the extension has no type of its own. */
static void
content_type(struct nested const *o, struct yaml_node const *entry)
{
  if (slice_is(entry->text, "undefined"))
    emit(o->to, o->in, o->host, entry->key.s, "application/octet-stream", NULL);
  else if (entry->kind != YAML_SCALAR || !strchr(entry->text.s, '/') ||
           strpbrk(entry->text.s, "\r\n"))
    say_error(entry, o->path, "expected a type, as image/png");
  else
    emit(o->to, o->in, o->host, entry->key.s, entry->text.s, NULL);
}

/* ---- mod_conversejs ---- */

/* OPTION: VALUE of Converse.js. */
static void
converse_option(struct nested const *o, struct yaml_node const *entry)
{
  if (entry->kind == YAML_SCALAR)
    emit(o->to, o->in, o->host, entry->key.s, entry->text.s, NULL);
  else
    say_error(entry, o->path, "expected a word or a number");
}

/* ---- mod_register ---- */

static void
welcome_message(struct nested const *o, struct yaml_node const *n)
{
  struct slice subject, body;

  if (!fields_known(o, n)) return;
  subject = field(o, n, "subject");
  body = field(o, n, "body");
  if (subject.s && body.s) emit(o->to, o->in, o->host, subject.s, body.s, NULL);
}

/* ---- mod_muc ---- */

/* A mapping: a row for each option. */
static void
room_option(struct nested const *o, struct yaml_node const *n)
{
  struct option const *row = option_find(o->in, n->key);
  struct slice value;
  char path[256];

  field_path(path, o, n->key.s);
  if (!row) {
    say_unknown(n, path, "option", option_nearest(o->in, n->key));
    return;
  }
  value = option_value(&job.arena, row, n, path);
  if (value.s && row->effect == NOTHING)
    say_no_effect(n, path, "this option has no effect here");
  else if (value.s)
    emit(o->to, o->in, o->host, n->key.s, value.s, NULL);
}

static void
vcard(struct nested const *o, struct yaml_node const *n)
{
  struct slice xml = vcard_value(n, o->path);

  if (xml.s) emit_slice(o->to, o->in, o->host, xml);
}

/* USER:PASSWORD (RFC 7617 s2: the user has no colon). */
static void
pair(struct nested const *o, struct yaml_node const *n)
{
  char const *colon = n->kind == YAML_SCALAR && n->text.len <= WEB_PAIR_MAX
                        ? memchr(n->text.s, ':', n->text.len)
                        : NULL;

  if (!colon || colon == n->text.s || !colon[1])
    wrong_type(n, o->path, "a text USER:PASSWORD");
  else
    emit_slice(o->to, o->in, o->host, n->text);
}

/* ---- the options ---- */

static struct {
  char const *in;
  entry_fn *fn;

  /* How the value is read: entry by entry of a list; pair by pair of a mapping; a mapping as one. */
  enum { ENTRIES, PAIRS, MAPPING } as;
} const readers[] = {
  {"mod_disco.extra_domains",                    extra_domain,    ENTRIES},
  {"mod_disco.server_info",                      server_info,     ENTRIES},
  {"mod_http_upload.content_types",              content_type,    PAIRS  },
  {"mod_http_upload.custom_headers",             header,          PAIRS  },
  {"mod_muc.default_room_options",               room_option,     PAIRS  },
  {"mod_muc.vcard",                              vcard,           MAPPING},
  {"mod_pubsub.vcard",                           vcard,           MAPPING},
  {"mod_http_upload.vcard",                      vcard,           MAPPING},
  {"mod_vcard.vcard",                            vcard,           MAPPING},
  {"mod_register.welcome_message",               welcome_message, MAPPING},
  {"mod_stun_disco.services",                    stun_service,    ENTRIES},
  {"mod_conversejs.conversejs_options",          converse_option, PAIRS  },
  {"mod_http_fileserver.content_types",          content_type,    PAIRS  },
  {"mod_http_fileserver.custom_headers",         header,          PAIRS  },
  {"mod_http_fileserver.must_authenticate_with", pair,            ENTRIES},
};

/* The pairs of a mapping, or of a list of mappings. */
static void
each_pair(struct nested const *o, struct yaml_node const *n, entry_fn *fn)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) {
    say_error(n, o->path, "expected a mapping, got a value");
    return;
  }
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_LIST)
      each_pair(o, c, fn);
    else
      fn(o, c);
  }
}

void
compile_nested(struct option const *o, struct yaml_node const *n, char const *path,
               char const *key, struct slice host)
{
  struct nested const nested = {host, o->owner, key, path};
  struct yaml_node const *c;
  size_t i;

  for (i = 0; i < sizeof readers / sizeof *readers; i++)
    if (!strcmp(readers[i].in, key)) break;
  if (i < sizeof readers / sizeof *readers && readers[i].as == PAIRS) {
    each_pair(&nested, n, readers[i].fn);
    return;
  }
  if (i < sizeof readers / sizeof *readers && readers[i].as == MAPPING) {
    if (expect_map(n, path)) readers[i].fn(&nested, n);
    return;
  }
  if (n->kind != YAML_LIST && (n->kind != YAML_MAP || n->first)) {
    say_error(n, path, "expected a list, got %s",
              n->kind == YAML_MAP ? "a mapping" : "a value");
    return;
  }
  for (c = n->first; c && i < sizeof readers / sizeof *readers; c = c->next)
    readers[i].fn(&nested, c);
}
