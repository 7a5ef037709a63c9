#include "hostd.h"

#include <errno.h>

/* XEP-0133 s4.23 to s4.26: the commands that announce something to the users of a host, now or when
 * they come (announce.c, motd.c). */

/* The lines of the field as one body; empty: the run has failed. */
static struct slice
read_body(struct run *r, char const *var)
{
  struct xml_node const *v = form_next(r->form, var, NULL);
  stralloc *out = &r->values;
  bool ok = xml_cat(out, "<body>");

  while (ok && v && out->len <= ANNOUNCE_TEXT_MAX) {
    ok = xml_cat_text(out, xml_text(&r->arena, v));
    v = form_next(r->form, var, v);
    ok = ok && (!v || xml_cat(out, "\n"));
  }
  if (ok && out->len <= ANNOUNCE_TEXT_MAX && xml_cat(out, "</body>"))
    return slice_of(out->s, out->len);
  run_fail(r, ERR_NOT_ACCEPTABLE, SLICE("the message is too long"), NULL);
  return SLICE("");
}

void
admin_announced(void *cookie, struct slice const *why)
{
  if (why)
    admin_fail_as_told(cookie, why);
  else
    run_done(cookie, SLICE(""));
}

void
xep0133_announce(struct run *r)
{
  struct slice body = read_body(r, "announcement");

  if (body.len &&
      !announce(TO_ONLINE, r->host, SLICE("headline"), body, 0, admin_announced, r))
    admin_fail_not_asked(r);
}

static void
fail_store(struct run *r)
{
  run_fail(r, errno == ENOENT ? ERR_ITEM_NOT_FOUND : ERR_INTERNAL,
           errno == ENOENT ? SLICE("there is no message of the day")
                           : SLICE("the store failed; the log says why"),
           NULL);
}

/* s4.24: those who are online see it now. */
void
xep0133_set_motd(struct run *r)
{
  struct slice body = read_body(r, "motd");
  uint64_t id;

  if (!body.len) return;
  if (!announce_set(r->host, SLICE("headline"), body, &id))
    fail_store(r);
  else if (!announce(TO_ONLINE, r->host, SLICE("headline"), body, id, admin_announced, r))
    admin_fail_not_asked(r);
}

/* s4.25: it is another message for those who come from now on. */
void
xep0133_edit_motd(struct run *r)
{
  struct slice body = read_body(r, "motd");
  uint64_t id;

  if (!body.len) return;
  if (announce_set(r->host, SLICE("headline"), body, &id))
    run_done(r, SLICE(""));
  else
    fail_store(r);
}

void
xep0133_delete_motd(struct run *r)
{
  if (announce_delete(r->host))
    run_done(r, SLICE(""));
  else
    fail_store(r);
}

/* s4.25: the message as it is now. */
struct slice
xep0133_motd(struct run *r)
{
  struct slice type, inside, text = SLICE("");
  struct xml_node const *doc, *body;
  enum xml_error why;
  stralloc wrapped = STRALLOC_ZERO;
  uint64_t id;

  if (!motd_get(r->host, &id, &type, &inside) || !xml_cat(&wrapped, "<message>") ||
      !stralloc_catb(&wrapped, inside.s, inside.len) || !xml_cat(&wrapped, "</message>"))
    goto out;
  doc = xml_parse(&r->arena, slice_of(wrapped.s, wrapped.len), "jabber:client", &why);
  body = doc ? xml_child(doc, "jabber:client", "body") : NULL;
  if (body) text = xml_text(&r->arena, body);
out:
  stralloc_free(&wrapped);
  return text.s ? text : SLICE("");
}
