/* xmpp-echod: answers pings and echoes messages at a domain of its own; an example.
 *
 * USAGE   xmpp-echod [ -d notif ] [ -v level ] [ -p ] settings
 * READS   settings/xmpp-echod: domain
 * LINKS   routed (xmpp-records(7))
 */
#include "handle/handle.h"
#include "service/service.h"

char const *PROG = "xmpp-echod";

static struct settings *now;

/* XEP-0199 s4 */
static enum verdict
ping(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
     stralloc *out)
{
  (void)ctx, (void)in, (void)e, (void)out;
  return DONE;
}

static struct handle_row const rows[] = {
  {HANDLE_HOST, "get", "urn:xmpp:ping", "ping", ping, 0, NULL},
};

/* Send the body of a message back to its sender. */
static void
on_stanza(struct link *l, struct record *r)
{
  static struct arena arena = ARENA_ZERO;
  static stralloc out = STRALLOC_ZERO;
  struct xml_node const *e, *body;
  struct stanza in, back;
  enum xml_error why;

  stanza_read(r, 0, &in);
  if (slice_is(in.kind, "iq")) handle_record(l, r, rows, 1, now);
  if (!slice_is(in.kind, "message") || !stanza_may_answer(&in)) return;
  arena_reset(&arena);
  out.len = 0;
  e = xml_parse(&arena, record_get(r, STANZA_XML), "jabber:client", &why);
  body = e ? xml_child(e, "jabber:client", "body") : NULL;
  if (!body || !xml_cat(&out, "<message") || !xml_cat_attr(&out, "to", in.from) ||
      !xml_cat_attr(&out, "from", in.to) || !xml_cat_attr(&out, "type", in.type) ||
      !xml_cat_attr(&out, "id", in.id) || !xml_cat(&out, ">") ||
      !xml_cat_tree(&out, body, "jabber:client") || !xml_cat(&out, "</message>"))
    return;
  back = in;
  back.to = in.from;
  back.from = in.to;
  back.tags = SLICE("body");
  back.xml = slice_of(out.s, out.len);
  stanza_put(l, &back);
}

static void
up(struct link *routed)
{
  link_begin(routed, VERB_SERVE);
  link_text(routed, settings_get(now, "domain", SLICE("*")));
  link_end(routed);
}

static void *
read_settings(struct settings *st)
{
  return settings_get(st, "domain", SLICE("*")).len ? st : NULL;
}

static void
take(void *fresh, bool first)
{
  (void)first;
  now = fresh;
}

static service_fn *const verbs[VERBS_N] = {[VERB_STANZA] = on_stanza};
static struct service const service = {.program = "xmpp-echod",
                                       .handlers = verbs,
                                       .read = read_settings,
                                       .take = take,
                                       .up = up};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
