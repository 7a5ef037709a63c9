#include "hostd.h"

/* Commands by which an account sees the devices that log in to it by tokens (XEP-0484), and logs
 * them out. xmpp-authd has the tokens. */

struct form_field const fast_device[1] = {
  FORM_FIELD(FORM_TEXT_SINGLE, "device", "The id of the device, or all",
             .required = true),
};

static struct form_field const id = FORM_FIELD(FORM_TEXT_SINGLE, "device", "Id");
static struct form_field const used = FORM_FIELD(FORM_TEXT_SINGLE, "used", "Last login");
static struct form_field const name = FORM_FIELD(FORM_TEXT_SINGLE, "name", "Name");

bool
tokens_allows(struct host const *h, struct jid const *who)
{
  return who->local.len && slice_eq(who->domain, h->name);
}

static bool
cat_field(stralloc *out, struct form_field const *f, struct slice value)
{
  return form_field_open(out, f) && form_value(out, value) && form_field_close(out);
}

static bool
cat_device(stralloc *out, struct slice device, struct slice rest)
{
  struct slice stamp = {0};

  slice_word(&rest, ' ', &stamp);
  return xml_cat(out, "<item>") && cat_field(out, &id, device) &&
         cat_field(out, &used, stamp) && cat_field(out, &name, rest) &&
         xml_cat(out, "</item>");
}

static bool
cat_head(stralloc *out)
{
  return form_open(out, "result", NODE_DEVICES, NULL, NULL) &&
         xml_cat(out, "<reported>") && form_field_open(out, &id) &&
         form_field_close(out) && form_field_open(out, &used) && form_field_close(out) &&
         form_field_open(out, &name) && form_field_close(out) &&
         xml_cat(out, "</reported>");
}

static void
on_device(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct run *r = cookie;

  if (part == ASK_FAILED)
    run_fail(r, stanza_error_find(v[1]), v[0], NULL);
  else if (part == ASK_ROW) {
    if (!cat_device(&r->values, v[0], v[1])) r->values.len = 0;
  } else if (r->values.len && form_close(&r->values))
    run_done(r, slice_of(r->values.s, r->values.len));
  else
    run_fail(r, ERR_RESOURCE_CONSTRAINT, SLICE(""), NULL);
}

static void
on_revoked(void *cookie, enum ask_part part, struct slice const v[2])
{
  if (part == ASK_FAILED)
    run_fail(cookie, stanza_error_find(v[1]), v[0], NULL);
  else if (part == ASK_DONE)
    run_done(cookie,
             SLICE("<note type='info'>Its next login needs the password.</note>"));
}

void
xep0484_devices(struct run *r)
{
  struct slice fields[] = {SLICE("list"), jid_cut(r->owner).bare};

  if (!cat_head(&r->values) || !ask(AUTHD, VERB_TOKEN, fields, 2, on_device, r))
    run_fail(r, ERR_RESOURCE_CONSTRAINT, SLICE(""), NULL);
}

void
xep0484_revoke(struct run *r)
{
  struct slice device = form_get(&r->arena, r->form, "device");
  struct slice fields[] = {SLICE("revoke"), jid_cut(r->owner).bare, device};

  if (!ask(AUTHD, VERB_TOKEN, fields, slice_is(device, "all") ? 2 : 3, on_revoked, r))
    run_fail(r, ERR_RESOURCE_CONSTRAINT, SLICE(""), NULL);
}

/* Name the run whose answer is awaited: of a list, or of an end. */
bool
tokens_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie)
{
  unsigned char which = *fn == on_device ? 1 : *fn == on_revoked ? 2 : 0;
  struct run *r = *cookie;

  SNAPSHOT_INT(k, which);
  if (!which) return false;
  snapshot_run(k, &r);
  *fn = which == 1 ? on_device : on_revoked;
  *cookie = r;
  return true;
}
