#include "pubsubd.h"

#include <stdlib.h>

/* The configuration of nodes (XEP-0060 s8.2). A node stores the fields that were set, by their
 * number and as text; what is in force is computed from them, the defaults, and what the host
 * forces. */

static struct form_option const access_models[] = {
  {"authorize", NULL},
  {"open",      NULL},
  {"presence",  NULL},
  {"roster",    NULL},
  {"whitelist", NULL},
  {NULL,        NULL}
};
static struct form_option const publish_models[] = {
  {"publishers",  NULL},
  {"subscribers", NULL},
  {"open",        NULL},
  {NULL,          NULL}
};
static struct form_option const when_full[] = {
  {"retract-oldest", NULL},
  {"discard-oldest", NULL},
  {"reject",         NULL},
  {NULL,             NULL}
};
static struct form_option const send_last_words[] = {
  {"never",               NULL},
  {"on_sub",              NULL},
  {"on_sub_and_presence", NULL},
  {NULL,                  NULL}
};
static struct form_option const message_types[] = {
  {"normal",   NULL},
  {"headline", NULL},
  {NULL,       NULL}
};
static struct form_option const replies[] = {
  {"none",      NULL},
  {"publisher", NULL},
  {"owner",     NULL},
  {NULL,        NULL}
};
static struct form_option const leaf[] = {
  {"leaf", NULL},
  {NULL,   NULL}
};

#define LIST(options_) .options = (options_)
#define UP_TO_MAX .data = FORM_NUMBER_OR_MAX, .shows_data = true, .min = 1

/* The number of a field in the store is its place here and one more: places are for good. */
static struct form_field const fields[CONFIG_FIELDS_N] = {
  [CONFIG_TITLE] = FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#title", "A name for people"),
  [CONFIG_DESCRIPTION] =
    FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#description", "Description"),
  [CONFIG_TYPE] =
    FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#type", "Namespace of the payloads"),
  [CONFIG_LANGUAGE] = FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#language", "Language"),
  [CONFIG_CONTACT] = FORM_FIELD(FORM_JID_MULTI, "pubsub#contact", "Whom to ask"),
  [CONFIG_DATAFORM_XSLT] =
    FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#dataform_xslt", "XSLT of payloads to forms"),
  [CONFIG_BODY_XSLT] =
    FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#body_xslt", "XSLT of payloads to text"),
  [CONFIG_ACCESS] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#access_model",
                               "Who may subscribe and read", LIST(access_models)),
  [CONFIG_GROUPS] = FORM_FIELD(FORM_LIST_MULTI, "pubsub#roster_groups_allowed",
                               "Groups of the roster that may read", .open = true),
  [CONFIG_PUBLISH] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#publish_model",
                                "Who may publish", LIST(publish_models)),
  [CONFIG_PERSIST] = FORM_FIELD(FORM_BOOLEAN, "pubsub#persist_items", "Keep items"),
  [CONFIG_MAX_ITEMS] =
    FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#max_items", "Items that are kept", UP_TO_MAX),
  [CONFIG_FULL] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#publish_node_full",
                             "When the node is full", LIST(when_full)),
  [CONFIG_EXPIRE] = FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#item_expire",
                               "Seconds after which items go", UP_TO_MAX),
  [CONFIG_MAX_PAYLOAD] = FORM_FIELD(
    FORM_TEXT_SINGLE, "pubsub#max_payload_size", "Bytes of a payload",
    .data = FORM_NUMBER, .shows_data = true, .min = 1, .max = PUBSUB_PAYLOAD_MAX),
  [CONFIG_NOTIFICATIONS] =
    FORM_FIELD(FORM_BOOLEAN, "pubsub#deliver_notifications", "Send events"),
  [CONFIG_PAYLOADS] =
    FORM_FIELD(FORM_BOOLEAN, "pubsub#deliver_payloads", "Send payloads with events"),
  [CONFIG_NOTIFY_CONFIG] = FORM_FIELD(FORM_BOOLEAN, "pubsub#notify_config",
                                      "Tell subscribers of a new configuration"),
  [CONFIG_NOTIFY_SUB] =
    FORM_FIELD(FORM_BOOLEAN, "pubsub#notify_sub", "Tell owners of subscribers"),
  [CONFIG_NOTIFY_DELETE] = FORM_FIELD(FORM_BOOLEAN, "pubsub#notify_delete",
                                      "Tell subscribers when the node is deleted"),
  [CONFIG_NOTIFY_RETRACT] = FORM_FIELD(FORM_BOOLEAN, "pubsub#notify_retract",
                                       "Tell subscribers when items are removed"),
  [CONFIG_SEND_LAST] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#send_last_published_item",
                                  "When to send the last item", LIST(send_last_words)),
  [CONFIG_BY_PRESENCE] = FORM_FIELD(FORM_BOOLEAN, "pubsub#presence_based_delivery",
                                    "Send events to those who are online only"),
  [CONFIG_NOTIFICATION_TYPE] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#notification_type",
                                          "Type of the events", LIST(message_types)),
  [CONFIG_ITEMREPLY] =
    FORM_FIELD(FORM_LIST_SINGLE, "pubsub#itemreply", "Whom replies go to", LIST(replies)),
  [CONFIG_PURGE_OFFLINE] = FORM_FIELD(FORM_BOOLEAN, "pubsub#purge_offline",
                                      "Remove items when their publisher goes"),
  [CONFIG_SUBSCRIBE] =
    FORM_FIELD(FORM_BOOLEAN, "pubsub#subscribe", "Allow subscriptions"),
  [CONFIG_TEMPSUB] = FORM_FIELD(FORM_BOOLEAN, "pubsub#tempsub",
                                "Subscriptions end when the subscriber goes"),
  [CONFIG_NODE_TYPE] =
    FORM_FIELD(FORM_LIST_SINGLE, "pubsub#node_type", "Kind of node", LIST(leaf)),
};

static struct form const node_config = {
  .form_type = NS_NODE_CONFIG, .fields = fields, .fields_n = CONFIG_FIELDS_N};
static struct form const publish_options = {
  .form_type = NULL, .fields = fields, .fields_n = CONFIG_FIELDS_N, .strict = true};

/* The defaults of a service; those of PEP that differ. */
static char const *const usual[CONFIG_FIELDS_N] = {
  [CONFIG_ACCESS] = "open",         [CONFIG_PUBLISH] = "publishers",
  [CONFIG_PERSIST] = "1",           [CONFIG_MAX_ITEMS] = "max",
  [CONFIG_FULL] = "retract-oldest", [CONFIG_EXPIRE] = "max",
  [CONFIG_MAX_PAYLOAD] = "250000",  [CONFIG_NOTIFICATIONS] = "1",
  [CONFIG_PAYLOADS] = "1",          [CONFIG_NOTIFY_CONFIG] = "0",
  [CONFIG_NOTIFY_SUB] = "0",        [CONFIG_NOTIFY_DELETE] = "1",
  [CONFIG_NOTIFY_RETRACT] = "1",    [CONFIG_SEND_LAST] = "on_sub_and_presence",
  [CONFIG_BY_PRESENCE] = "0",       [CONFIG_NOTIFICATION_TYPE] = "headline",
  [CONFIG_ITEMREPLY] = "none",      [CONFIG_PURGE_OFFLINE] = "0",
  [CONFIG_SUBSCRIBE] = "1",         [CONFIG_TEMPSUB] = "0",
  [CONFIG_NODE_TYPE] = "leaf",
};

static char const *const usual_of_pep[CONFIG_FIELDS_N] = {
  [CONFIG_ACCESS] = "presence", [CONFIG_MAX_ITEMS] = "1", [CONFIG_BY_PRESENCE] = "1"};

/* XEP-0402 s5: clients ask for this with each bookmark. One that does not would show the rooms of its
 * user to all contacts, and keep the last one only. */
static char const *const usual_of_bookmarks[CONFIG_FIELDS_N] = {
  [CONFIG_ACCESS] = "whitelist",
  [CONFIG_MAX_ITEMS] = "max",
  [CONFIG_SEND_LAST] = "never"};

/* ---- what is in force ---- */

/* The name of a field in the options of the host has no pubsub# in front. */
static bool
is_named(unsigned int i, struct slice name)
{
  struct slice var = slice_str(fields[i].var);
  size_t front = strlen("pubsub#");

  return slice_eq(name, var) || slice_eq(name, slice_of(var.s + front, var.len - front));
}

static enum config_field
named(struct slice name)
{
  unsigned int i = 0;

  while (i < CONFIG_FIELDS_N && !is_named(i, name))
    i++;
  return (enum config_field)i;
}

static void
overlay(struct config *c, struct slice field, struct slice value)
{
  enum config_field f = named(field);

  if (f == CONFIG_FIELDS_N) return;
  if (fields[f].kind == FORM_BOOLEAN)
    value = slice_is(value, "true") || slice_is(value, "1") ? SLICE("1") : SLICE("0");
  c->value[f] = value;
}

/* Rows default_node_config: field, value; rows force_node_config: glob of names, field, value. */
static void
overlay_rows(struct config *c, char const *key, struct slice host,
             struct slice const *name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(pubsubd.settings, key, row)))
    if (slice_eq(row->scope, host)) {
      if (!name)
        overlay(c, row->value[0], row->value[1]);
      else if (access_glob(row->value[0], *name))
        overlay(c, row->value[1], row->value[2]);
    }
}

void
config_of(struct config *c, struct slice host, enum pubsub_type type, struct slice name,
          struct slice set)
{
  unsigned int i;

  for (i = 0; i < CONFIG_FIELDS_N; i++)
    c->value[i] =
      slice_str(type == PUBSUB_PEP && usual_of_pep[i] ? usual_of_pep[i] : usual[i]);
  overlay_rows(c, "mod_pubsub.default_node_config", host, NULL);
  for (i = 0; i < CONFIG_FIELDS_N && type == PUBSUB_PEP && slice_is(name, NS_BOOKMARKS);
       i++)
    if (usual_of_bookmarks[i]) c->value[i] = slice_str(usual_of_bookmarks[i]);
  for (i = 0; i < CONFIG_FIELDS_N; i++)
    pubsub_field(set, i + 1, &c->value[i]);
  overlay_rows(c, "mod_pubsub.force_node_config", host, &name);
}

bool
config_is(struct config const *c, enum config_field f, char const *word)
{
  return slice_is(c->value[f], word);
}

bool
config_on(struct config const *c, enum config_field f)
{
  return config_is(c, f, "1");
}

static uint64_t
number(struct slice text)
{
  uint64_t n;

  return slice_u64(text, &n) ? n : UINT64_MAX;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint64_t
items_cap(struct slice host, bool pep)
{
  uint64_t cap = pubsubd_option_u64(host, "mod_pubsub.max_items_node");

  if (pep && cap < PUBSUB_PEP_ITEMS_NODE) cap = PUBSUB_PEP_ITEMS_NODE;
  return least(cap, PUBSUB_ITEMS_MAX);
}

/* max_item_expire_node is in milliseconds. */
static uint64_t
expire_cap(struct slice host)
{
  uint64_t ms = pubsubd_option_u64(host, "mod_pubsub.max_item_expire_node");

  return ms == UINT64_MAX ? UINT64_MAX : ms / 1000;
}

uint64_t
config_max_items(struct config const *c, struct slice host, bool pep)
{
  if (!config_on(c, CONFIG_PERSIST)) return 1;
  return least(number(c->value[CONFIG_MAX_ITEMS]), items_cap(host, pep));
}

uint64_t
config_max_payload(struct config const *c)
{
  return least(number(c->value[CONFIG_MAX_PAYLOAD]), PUBSUB_PAYLOAD_MAX);
}

uint64_t
config_expire(struct config const *c, struct slice host)
{
  uint64_t s = least(number(c->value[CONFIG_EXPIRE]), expire_cap(host));

  return s >= UINT32_MAX ? 0 : s;
}

/* ---- reading ---- */

static struct slice
joined(struct arena *a, struct form_value const *v)
{
  size_t len = 0, i;
  char *s;

  for (i = 0; i < v->n; i++)
    len += v->list[i].len + 1;
  s = arena_alloc(a, len + 1);
  for (len = i = 0; s && i < v->n; i++) {
    if (i) s[len++] = '\n';
    memcpy(s + len, v->list[i].s, v->list[i].len);
    len += v->list[i].len;
  }
  return slice_of(s, len);
}

/* Numbers have one text each, so that they can be compared. */
static struct slice
as_number(char buf[BASE_NUM], uint64_t n)
{
  return n == UINT64_MAX ? SLICE("max") : num_u64(buf, n);
}

static bool
is_multi(enum form_kind k)
{
  return k == FORM_LIST_MULTI || k == FORM_JID_MULTI || k == FORM_TEXT_MULTI;
}

/* Values that the table of fields takes and this service has not. */
static char const *
not_offered(enum config_field f, struct form_value const *v, struct slice host, bool pep)
{
  if (f == CONFIG_TEMPSUB && v->number) return "temporary subscriptions are not offered";
  if (f == CONFIG_MAX_ITEMS && v->number != UINT64_MAX &&
      v->number > items_cap(host, pep))
    return "pubsub#max_items is more than the server allows";
  if (f == CONFIG_EXPIRE && v->number != UINT64_MAX && v->number > expire_cap(host))
    return "pubsub#item_expire is more than the server allows";
  return NULL;
}

static bool
say(struct slice *wrong, struct slice text)
{
  *wrong = text;
  return false;
}

bool
config_read(struct arena *a, struct xml_node const *x, struct slice host, bool pep,
            struct slice old, bool of_publish, stralloc *set, struct slice *wrong)
{
  struct form form = of_publish ? publish_options : node_config;
  struct form_value values[CONFIG_FIELDS_N];
  struct form_wrong why;
  unsigned int i;

  if (of_publish) form.form_type = NS_PUBLISH_OPTIONS;
  if (!form_read(a, x, &form, values, &why))
    return say(wrong, why.text.len ? why.text : SLICE("the form cannot be read"));
  for (i = 0; i < CONFIG_FIELDS_N; i++) {
    struct slice text = values[i].text, before;
    char buf[BASE_NUM];
    char const *no;
    if (!values[i].given) {
      if (pubsub_field(old, i + 1, &before) && !pubsub_cat_field(set, i + 1, before))
        return say(wrong, SLICE("out of memory"));
      continue;
    }
    no = not_offered((enum config_field)i, &values[i], host, pep);
    if (no) return say(wrong, slice_str(no));
    if (is_multi(fields[i].kind)) text = joined(a, &values[i]);
    if (fields[i].data != FORM_ANY) text = as_number(buf, values[i].number);
    if (text.len > PUBSUB_CONFIG_VALUE_MAX || !pubsub_cat_field(set, i + 1, text))
      return say(wrong, SLICE("a value is too long"));
  }
  return set->len <= room_config_bytes() ||
         say(wrong, SLICE("the configuration is too long"));
}

/* ---- preconditions (s7.1.5) ---- */

static bool
has_line(struct slice lines, struct slice line)
{
  struct slice word;

  while (slice_word(&lines, '\n', &word))
    if (slice_eq(word, line)) return true;
  return false;
}

static bool
same_lines(struct slice a, struct slice b)
{
  struct slice rest = a, word;

  while (slice_word(&rest, '\n', &word))
    if (!has_line(b, word)) return false;
  rest = b;
  while (slice_word(&rest, '\n', &word))
    if (!has_line(a, word)) return false;
  return true;
}

struct slice
config_differs(struct config const *c, struct slice set)
{
  struct slice wanted;
  unsigned int i;
  bool same;

  for (i = 0; i < CONFIG_FIELDS_N; i++) {
    if (!pubsub_field(set, i + 1, &wanted)) continue;
    same = is_multi(fields[i].kind) ? same_lines(c->value[i], wanted)
                                    : slice_eq(c->value[i], wanted);
    if (!same) return slice_str(fields[i].var);
  }
  return SLICE("");
}

/* ---- writing ---- */

static bool
cat_values(stralloc *out, struct slice lines)
{
  struct slice word;

  while (slice_word(&lines, '\n', &word))
    if (!form_value(out, word)) return false;
  return true;
}

static bool
cat_options(stralloc *out, struct slice lines)
{
  struct slice word;

  while (slice_word(&lines, '\n', &word))
    if (!form_option(out, word, word)) return false;
  return true;
}

static bool
cat_field(stralloc *out, enum config_field f, struct slice value, struct slice groups)
{
  return form_field_open(out, &fields[f]) &&
         (f != CONFIG_GROUPS || cat_options(out, groups)) &&
         (is_multi(fields[f].kind) ? cat_values(out, value) : form_value(out, value)) &&
         form_field_close(out);
}

bool
config_cat_form(stralloc *out, char const *type, struct config const *c,
                struct slice groups)
{
  unsigned int i;

  if (!form_open(out, type, NS_NODE_CONFIG, NULL, NULL)) return false;
  for (i = 0; i < CONFIG_FIELDS_N; i++)
    if (!cat_field(out, (enum config_field)i, c->value[i], groups)) return false;
  return form_close(out);
}

static bool
cat_var(stralloc *out, char const *var, struct slice lines)
{
  struct form_field f = {.kind = FORM_TEXT_MULTI, .var = var};

  return form_field_open(out, &f) && cat_values(out, lines) && form_field_close(out);
}

bool
config_cat_meta(stralloc *out, struct pubsub_node const *n, struct config const *c,
                unsigned int subscribers, struct slice owners)
{
  static enum config_field const told[] = {
    CONFIG_TYPE,    CONFIG_TITLE,  CONFIG_LANGUAGE, CONFIG_DESCRIPTION,
    CONFIG_CONTACT, CONFIG_ACCESS, CONFIG_PUBLISH,  CONFIG_MAX_ITEMS};

  char stamp[STAMP_SIZE], num[BASE_NUM];
  size_t i;

  if (!form_open(out, "result", NS_META_DATA, NULL, NULL)) return false;
  for (i = 0; i < sizeof told / sizeof *told; i++)
    if (!cat_var(out, fields[told[i]].var, c->value[told[i]])) return false;
  return cat_var(out, "pubsub#creator", n->creator) &&
         cat_var(out, "pubsub#creation_date", stamp_s(stamp, n->created_us / 1000000)) &&
         cat_var(out, "pubsub#num_subscribers", num_u64(num, subscribers)) &&
         cat_var(out, "pubsub#owner", owners) && form_close(out);
}
