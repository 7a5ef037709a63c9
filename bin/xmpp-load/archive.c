#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Paging through one's own archive (XEP-0313 s4), one query after another: from the oldest on,
 * from the newest back, from some time on, or what was said with one contact. */

#define NS_MAM "urn:xmpp:mam:2"
#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_DELAY "urn:xmpp:delay"
#define NS_FORM                                                                          \
  "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' "                       \
  "type='hidden'><value>" NS_MAM "</value></field>"

static enum archive_query { QUERY_FIRST, QUERY_LAST, QUERY_TIME, QUERY_WITH } query;

struct paging {
  uint64_t query, asked_us, page;
  char mark[256];  /* where the next page begins; empty: at an end */
  char stamp[40];  /* of the message before, in this page */
  char oldest[40]; /* of the archive, and the newest: QUERY_TIME is between them */
  char newest[40];
};

static struct paging *
paging_of(struct client const *c)
{
  return c->own;
}

static bool
check(void)
{
  static char const *const words[] = {"first", "last", "time", "with"};
  unsigned int i;

  for (i = 0; i < sizeof words / sizeof *words; i++)
    if (!opt.query || !strcmp(opt.query, words[i])) {
      query = (enum archive_query)i;
      return true;
    }
  return false;
}

/* The time of a message, as archives give it; 0: there is none. */
static uint64_t
seconds_of(char const *stamp)
{
  uint64_t us;

  return stamp_read(slice_str(stamp), &us) ? us / 1000000 : 0;
}

static void
cat_field(stralloc *sa, char const *var, char const *value)
{
  xml_cat(sa, "<field var='");
  xml_cat(sa, var);
  xml_cat(sa, "'><value>");
  xml_cat(sa, value);
  xml_cat(sa, "</value></field>");
}

/* Some second between the oldest and the newest message. */
static void
cat_time(stralloc *sa, struct paging const *p)
{
  uint64_t from = seconds_of(p->oldest), to = seconds_of(p->newest);
  char text[STAMP_SIZE];

  if (to > from) from += (uint64_t)random() % (to - from);
  cat_field(sa, "start", stamp_s(text, from).s);
}

static void
cat_form(stralloc *sa, struct client const *c)
{
  struct paging const *p = paging_of(c);
  char jid[256];

  if (query == QUERY_TIME && *p->newest) {
    xml_cat(sa, NS_FORM);
    cat_time(sa, p);
    xml_cat(sa, "</x>");
  } else if (query == QUERY_WITH) {
    load_jid(c->n + 1 + p->page % opt.contacts, jid);
    xml_cat(sa, NS_FORM);
    cat_field(sa, "with", jid);
    xml_cat(sa, "</x>");
  }
}

static void
cat_set(stralloc *sa, struct paging const *p, bool back, uint64_t max)
{
  char text[64];

  snprintf(text, sizeof text, "<set xmlns='" NS_RSM "'><max>%llu</max>",
           (unsigned long long)max);
  xml_cat(sa, text);
  if (back || *p->mark) {
    xml_cat(sa, back ? "<before>" : "<after>");
    xml_cat_text(sa, slice_str(p->mark));
    xml_cat(sa, back ? "</before>" : "</after>");
  }
  xml_cat(sa, "</set>");
}

static void
ask(struct client *c, bool back, uint64_t max)
{
  struct paging *p = paging_of(c);
  stralloc sa = STRALLOC_ZERO;
  char text[160];

  p->query++;
  snprintf(text, sizeof text,
           "<iq type='set' id='q%llu'><query xmlns='" NS_MAM "' queryid='q%llu'>",
           (unsigned long long)p->query, (unsigned long long)p->query);
  xml_cat(&sa, text);
  if (c->is_ready) cat_form(&sa, c);
  cat_set(&sa, p, back, max);
  xml_cat(&sa, "</query></iq>");
  p->asked_us = door_now();
  *p->stamp = 0;
  client_write(c, sa.s, sa.len);
  stralloc_free(&sa);
}

static void
ask_next(struct client *c)
{
  fig->sent++;
  ask(c, query == QUERY_LAST, opt.page);
}

static void
keep(char *to, size_t size, struct slice text)
{
  snprintf(to, size, "%.*s", (int)text.len, text.s ? text.s : "");
}

/* ---- what comes ---- */

/* Within a page the oldest comes first (XEP-0313 s4.2). Times are compared as far as all
 * servers write them alike. */
static void
on_result(struct client *c, struct xml_node const *result)
{
  struct paging *p = paging_of(c);
  struct xml_node const *f = xml_child(result, NS_FORWARD, "forwarded");
  struct xml_node const *delay = f ? xml_child(f, NS_DELAY, "delay") : NULL;
  char stamp[40];

  if (delay) {
    keep(stamp, sizeof stamp, xml_attr(delay, "stamp"));
    if (!c->is_ready) memcpy(*p->oldest ? p->newest : p->oldest, stamp, sizeof stamp);
    if (strncmp(stamp, p->stamp, 19) < 0) fig->misordered++;
    memcpy(p->stamp, stamp, sizeof stamp);
  }
  if (!c->is_ready) return;
  fig->received++;
  fig->expected++;
}

/* Where the next page begins: behind this one's last, before its first; at an end the other
 * end, or the next contact. */
static void
turn_page(struct client *c, struct xml_node const *fin)
{
  struct xml_node const *set = xml_child(fin, NS_RSM, "set");
  struct xml_node const *edge =
    set ? xml_child(set, NS_RSM, query == QUERY_LAST ? "first" : "last") : NULL;
  struct arena a = ARENA_ZERO;

  *paging_of(c)->mark = 0;
  if (edge && query != QUERY_TIME && !slice_is(xml_attr(fin, "complete"), "true"))
    keep(paging_of(c)->mark, sizeof paging_of(c)->mark, xml_text(&a, edge));
  else
    paging_of(c)->page++;
  arena_wipe(&a);
}

static void
on_answer(struct client *c, struct xml_node const *iq)
{
  struct paging *p = paging_of(c);
  struct xml_node const *fin = xml_child(iq, NS_MAM, "fin");

  if (!fin) {
    fig->failed++;
    fprintf(stderr, "xmpp-load: user %llu: the archive answers with an error\n",
            (unsigned long long)c->n);
    return;
  }
  if (c->is_ready) {
    figures_latency(door_now() - p->asked_us);
    turn_page(c, fin);
    if (load_is_measuring()) ask_next(c);
  } else if (p->query == 1) {
    ask(c, true, 1);
  } else {
    load_ready(c);
  }
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  struct xml_node const *result = xml_child(e, NS_MAM, "result");
  struct slice type = xml_attr(e, "type");
  char id[32];

  if (slice_is(e->name, "message")) {
    if (result) on_result(c, result);
    return;
  }
  snprintf(id, sizeof id, "q%llu", (unsigned long long)paging_of(c)->query);
  if (slice_is(e->name, "iq") && (slice_is(type, "result") || slice_is(type, "error")) &&
      slice_is(xml_attr(e, "id"), id))
    on_answer(c, e);
}

/* The archive's oldest message, then its newest. */
static void
prepare(struct client *c)
{
  ask(c, false, 1);
}

static void
begin(void)
{
  uint64_t i;

  for (i = 0; i < opt.sessions; i++) {
    struct client *c = load_client(opt.first + i);
    ask_next(c);
    client_flush(c);
  }
}

struct load_kind const archive_load = {.name = "archive",
                                       .each = sizeof(struct paging),
                                       .check = check,
                                       .prepare = prepare,
                                       .begin = begin,
                                       .stanza = stanza};
