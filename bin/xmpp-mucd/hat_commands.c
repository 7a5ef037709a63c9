#include "hats.h"

#include <stdlib.h>
#include <string.h>

/* The commands of XEP-0317 s4.2 to s4.7 at a room (XEP-0050), for its admins. A command has one
 * form at most, which is sent when it comes without one; nothing is kept between the two. */

#define NODE "urn:xmpp:hats:commands:"
#define FORM_HATS "urn:xmpp:hats:commands"
#define TITLE_MAX 256

typedef void command_fn(struct in *in, struct xml_node const *x);

static command_fn create, destroy, list, assign, unassign, list_assigned;

static struct command {
  char const *word, *name,
    *fields; /* fields of the form: t title, u new uri, h hue, j jid, c choice */
  command_fn *fn;
} const commands[] = {
  {"create",        "Create a hat",        "tuh", create       },
  {"destroy",       "Destroy a hat",       "c",   destroy      },
  {"list",          "List hats",           "",    list         },
  {"assign",        "Give a hat",          "jc",  assign       },
  {"unassign",      "Take a hat",          "jc",  unassign     },
  {"list-assigned", "List who wears hats", "",    list_assigned},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static struct command const *
command_of(struct slice node)
{
  size_t i;

  if (!slice_starts(node, NODE)) return NULL;
  node = slice_of(node.s + sizeof NODE - 1, node.len - (sizeof NODE - 1));
  for (i = 0; i < COMMANDS; i++)
    if (slice_is(node, commands[i].word)) return &commands[i];
  return NULL;
}

bool
hats_may_command(struct in const *in)
{
  return in->room->config.flags & FLAG_HATS && affiliation_of(in) >= AFF_ADMIN;
}

bool
hats_is_command(struct in const *in, struct slice node)
{
  return in->room->config.flags & FLAG_HATS && command_of(node);
}

/* XEP-0050 s2.2: the list and each command are nodes. */
bool
hats_cat_info(struct in const *in, struct slice node, stralloc *out)
{
  struct command const *c = command_of(node);
  bool list = in->room->config.flags & FLAG_HATS && slice_is(node, NS_COMMANDS);

  if (!list && (!c || !hats_may_command(in))) return false;
  put(out, "<identity category='automation'");
  put_attr(out, "type", list ? SLICE("command-list") : SLICE("command-node"));
  put_attr(out, "name", slice_str(list ? "Commands" : c->name));
  put(out, "/><feature var='" NS_COMMANDS "'/>");
  if (!list) put(out, "<feature var='" FORM_NS "'/>");
  return true;
}

void
hats_cat_items(struct in *in, stralloc *out)
{
  size_t i;

  for (i = 0; hats_may_command(in) && i < COMMANDS; i++) {
    put(out, "<item");
    put_attr(out, "jid", in->room->bare);
    put(out, " node='" NODE);
    put(out, commands[i].word);
    put(out, "'");
    put_attr(out, "name", slice_str(commands[i].name));
    put(out, "/>");
  }
}

/* ---- answers ---- */

/* The result: the element command, with this inside. */
static void
answer(struct in *in, char const *status, struct slice inside)
{
  static stralloc out = STRALLOC_ZERO;
  struct xml_node const *e = xml_next(in->e, NULL);
  struct slice session = xml_attr(e, "sessionid");
  char chance[16];

  if (!session.len) {
    door_random_id(chance, sizeof chance);
    session = slice_of(chance, sizeof chance);
  }
  out.len = 0;
  put(&out, "<command xmlns='" NS_COMMANDS "'");
  put_attr(&out, "node", xml_attr(e, "node"));
  put_attr(&out, "sessionid", session);
  put_attr(&out, "status", slice_str(status));
  put(&out, ">");
  put_slice(&out, inside);
  put(&out, "</command>");
  result(in, slice_of(out.s, out.len));
}

static void
done(struct in *in)
{
  answer(in, "completed", SLICE(""));
  room_codes(in->room, "104");
}

static bool
cat_choice(void *cookie, struct slice uri, struct slice value)
{
  struct slice title = {"", 0};

  slice_word(&value, '\t', &title);
  if (!form_option(cookie, uri, title)) no_memory();
  return true;
}

static void
cat_field(stralloc *out, struct in *in, char kind)
{
  static struct form_field const fields[] = {
    FORM_FIELD(FORM_TEXT_SINGLE, "hats#title", "Title", .required = true),
    FORM_FIELD(FORM_TEXT_SINGLE, "hats#uri", "URI", .required = true),
    FORM_FIELD(FORM_TEXT_SINGLE, "hats#hue", "Hue"),
    FORM_FIELD(FORM_JID_SINGLE, "hats#jid", "Address", .required = true),
    FORM_FIELD(FORM_LIST_SINGLE, "hats#uri", "Hat", .required = true),
  };
  struct form_field const *f = &fields[strchr("tuhjc", kind) - "tuhjc"];

  if (!form_field_open(out, f)) no_memory();
  if (kind == 'c') hats_each(in->room, cat_choice, out);
  if (!form_field_close(out)) no_memory();
}

static void
ask(struct in *in, struct command const *c)
{
  static stralloc out = STRALLOC_ZERO;
  char const *f;

  out.len = 0;
  put(&out, "<actions execute='complete'><complete/></actions>");
  if (!form_open(&out, "form", FORM_HATS, c->name, NULL)) no_memory();
  for (f = c->fields; *f; f++)
    cat_field(&out, in, *f);
  if (!form_close(&out)) no_memory();
  answer(in, "executing", slice_of(out.s, out.len));
}

/* ---- what forms say ---- */

static struct slice
value_of(struct in *in, struct xml_node const *x, char const *var)
{
  return form_get(in->arena, x, var);
}

static void
no(struct in *in, enum stanza_error e, char const *text)
{
  refuse(&in->st, e, "", text);
}

/* XEP-0392: an angle, from 0 to 360. */
static bool
is_hue(struct slice hue)
{
  size_t i;

  if (hue.len > 16 || (hue.len && !(hue.s[0] >= '0' && hue.s[0] <= '9'))) return false;
  for (i = 0; i < hue.len; i++)
    if (!(hue.s[i] >= '0' && hue.s[i] <= '9') && hue.s[i] != '.') return false;
  return !hue.len || strtod(hue.s, NULL) <= 360;
}

static bool
is_plain(struct slice text)
{
  size_t i;

  for (i = 0; i < text.len; i++)
    if ((unsigned char)text.s[i] < ' ') return false;
  return true;
}

static void
create(struct in *in, struct xml_node const *x)
{
  struct slice title = value_of(in, x, "hats#title"), uri = value_of(in, x, "hats#uri");
  struct slice hue = value_of(in, x, "hats#hue"), known;

  if (!title.len || !uri.len) {
    no(in, ERR_BAD_REQUEST, "a hat has a title and a URI");
  } else if (title.len > TITLE_MAX || uri.len > HAT_URI_MAX || !is_hue(hue) ||
             !is_plain(title) || !is_plain(uri)) {
    no(in, ERR_NOT_ACCEPTABLE, "title, URI or hue is wrong");
  } else if (!hat_get(in->room, uri, &known) &&
             hats_count(in->room, SLICE("")) >= HATS_MAX) {
    no(in, ERR_RESOURCE_CONSTRAINT, "the room has too many hats");
  } else {
    hat_put(in->room, uri, title, hue);
    done(in);
  }
}

/* Read the hat that the form names; false: refused. */
static bool
read_hat(struct in *in, struct xml_node const *x, struct slice *uri)
{
  struct slice known;

  *uri = value_of(in, x, "hats#uri");
  if (!uri->len) *uri = value_of(in, x, "hat");
  if (uri->len && hat_get(in->room, *uri, &known)) return true;
  no(in, ERR_ITEM_NOT_FOUND, "the room has no such hat");
  return false;
}

static void
destroy(struct in *in, struct xml_node const *x)
{
  struct slice uri;

  if (!read_hat(in, x, &uri)) return;
  hat_del(in->room, uri);
  done(in);
}

static bool
read_wearer(struct in *in, struct xml_node const *x, struct jid *j)
{
  if (jid_parse(in->arena, value_of(in, x, "hats#jid"), j) && j->local.len &&
      j->bare.len <= HAT_BARE_MAX)
    return true;
  no(in, ERR_JID_MALFORMED, "that is no address of a person");
  return false;
}

static bool
is_it(void *cookie, struct slice uri, struct slice value)
{
  struct slice *want = cookie;

  (void)value;
  if (!slice_eq(uri, *want)) return true;
  want->len = 0;
  return false;
}

static bool
wears(struct in *in, struct slice bare, struct slice uri)
{
  hats_each_of(in->room, bare, is_it, &uri);
  return !uri.len;
}

static void
assign(struct in *in, struct xml_node const *x)
{
  struct slice uri;
  struct jid j;

  if (!read_wearer(in, x, &j) || !read_hat(in, x, &uri)) return;
  if (!wears(in, j.bare, uri) && hats_count(in->room, j.bare) >= HATS_WORN_MAX) {
    no(in, ERR_RESOURCE_CONSTRAINT, "this person wears too many hats");
    return;
  }
  hat_wear(in->room, j.bare, uri, true);
  done(in);
}

static void
unassign(struct in *in, struct xml_node const *x)
{
  struct slice uri;
  struct jid j;

  if (!read_wearer(in, x, &j) || !read_hat(in, x, &uri)) return;
  if (!wears(in, j.bare, uri)) {
    no(in, ERR_ITEM_NOT_FOUND, "this person does not wear the hat");
    return;
  }
  hat_wear(in->room, j.bare, uri, false);
  done(in);
}

/* ---- lists ---- */

struct rows {
  struct room const *room;
  stralloc out;
};

static void
cat_value(stralloc *out, char const *var, struct slice v)
{
  put(out, "<field");
  put_attr(out, "var", slice_str(var));
  put(out, "><value>");
  put_text(out, v);
  put(out, "</value></field>");
}

static void
open_rows(struct rows *r, struct in *in, bool jids)
{
  r->room = in->room;
  r->out.len = 0;
  if (!form_open(&r->out, "result", FORM_HATS, "Hats", NULL)) no_memory();
  put(&r->out, "<reported>");
  if (jids) put(&r->out, "<field var='hats#jid'/>");
  put(&r->out, "<field var='hats#title'/><field var='hats#uri'/>");
  if (!jids) put(&r->out, "<field var='hats#hue'/>");
  put(&r->out, "</reported>");
}

static bool
cat_row(void *cookie, struct slice uri, struct slice value)
{
  struct rows *r = cookie;
  struct slice title = {"", 0};

  slice_word(&value, '\t', &title);
  put(&r->out, "<item>");
  cat_value(&r->out, "hats#title", title);
  cat_value(&r->out, "hats#uri", uri);
  cat_value(&r->out, "hats#hue", value);
  put(&r->out, "</item>");
  return true;
}

static bool
cat_worn(void *cookie, struct slice rest, struct slice value)
{
  struct rows *r = cookie;
  struct slice bare, hat = {"", 0}, title = {"", 0};

  (void)value;
  if (!slice_word(&rest, 0, &bare)) return true;
  if (hat_get(r->room, rest, &hat)) slice_word(&hat, '\t', &title);
  put(&r->out, "<item>");
  cat_value(&r->out, "hats#jid", bare);
  cat_value(&r->out, "hats#title", title);
  cat_value(&r->out, "hats#uri", rest);
  put(&r->out, "</item>");
  return r->out.len < STANZA_MAX / 2;
}

static void
close_rows(struct rows *r, struct in *in)
{
  if (!form_close(&r->out)) no_memory();
  answer(in, "completed", slice_of(r->out.s, r->out.len));
}

static void
list(struct in *in, struct xml_node const *x)
{
  static struct rows r;

  (void)x;
  open_rows(&r, in, false);
  hats_each(in->room, cat_row, &r);
  close_rows(&r, in);
}

static void
list_assigned(struct in *in, struct xml_node const *x)
{
  static struct rows r;

  (void)x;
  open_rows(&r, in, true);
  hats_each_worn(in->room, cat_worn, &r);
  close_rows(&r, in);
}

/* ---- the command ---- */

void
hats_command(struct in *in, struct xml_node const *e)
{
  struct command const *c = command_of(xml_attr(e, "node"));
  struct xml_node const *x = xml_child(e, FORM_NS, "x");

  if (!c || !(in->room->config.flags & FLAG_HATS)) {
    no(in, ERR_ITEM_NOT_FOUND, "there is no such command");
  } else if (!hats_may_command(in)) {
    no(in, ERR_FORBIDDEN, "");
  } else if (slice_is(xml_attr(e, "action"), "cancel")) {
    answer(in, "canceled", SLICE(""));
  } else if (*c->fields && !x) {
    ask(in, c);
  } else if (x && slice_is(xml_attr(x, "type"), "cancel")) {
    answer(in, "canceled", SLICE(""));
  } else if (*c->fields && !slice_is(xml_attr(x, "type"), "submit")) {
    no(in, ERR_BAD_REQUEST, "a submitted form is missing");
  } else if (*c->fields && store_is_full(mucd.store)) {
    refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
  } else {
    c->fn(in, x);
  }
}
