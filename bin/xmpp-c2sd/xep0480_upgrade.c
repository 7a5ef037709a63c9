#include "negotiation.h"
#include "sasl.h"
#include "stream.h"
#include "xep0480_upgrade.h"

/* XEP-0480, as a relay: authd decides which task there is, and what of the client's answer is right. A
 * continue has one task, for some clients stop at two; when it is done another may follow. */

#define NS_SCRAM_UPGRADE "urn:xmpp:scram-upgrade:0"

static void
say(struct stream *s, stralloc *sa, bool ok)
{
  if (ok)
    conduit_write(&s->c, slice_of(sa->s, sa->len));
  else
    conduit_error(&s->c, "resource-constraint", NULL);
  stralloc_free(sa);
  s->state = ST_TASKED;
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

void
upgrade_on_continue(struct link *l, struct record *r)
{
  struct stream *s = sasl_asked(r);
  struct slice data = record_get(r, 2);
  stralloc sa = STRALLOC_ZERO;
  bool ok;

  (void)l;
  if (!s) return;
  ok = xml_cat(&sa, "<continue xmlns='" NS_SASL2 "'>") &&
       (!data.len || (xml_cat(&sa, "<additional-data>") && xml_cat_text(&sa, data) &&
                      xml_cat(&sa, "</additional-data>"))) &&
       xml_cat(&sa, "<tasks><task>") && xml_cat_text(&sa, record_get(r, 3)) &&
       xml_cat(&sa, "</task></tasks></continue>");
  say(s, &sa, ok);
}

void
upgrade_on_task(struct link *l, struct record *r)
{
  struct stream *s = sasl_asked(r);
  stralloc sa = STRALLOC_ZERO;
  bool ok;

  (void)l;
  if (!s) return;
  ok =
    xml_cat(&sa, "<task-data xmlns='" NS_SASL2 "'><salt xmlns='" NS_SCRAM_UPGRADE "'") &&
    xml_cat_attr(&sa, "iterations", record_get(r, 3)) && xml_cat(&sa, ">") &&
    xml_cat_text(&sa, record_get(r, 2)) && xml_cat(&sa, "</salt></task-data>");
  say(s, &sa, ok);
}

/* Tell authd, and wait for its answer. */
static enum state
tell(struct stream *s, enum verb v, struct slice text)
{
  struct link *authd = link_find(AUTHD);

  if (!authd || !text.s)
    return sasl_fail(s, "temporary-auth-failure", authd ? "out-of-memory" : "authd-away");
  s->negotiation->asked_us = door_now();
  link_begin(authd, v);
  link_num(authd, s->sid);
  link_text(authd, text);
  link_end(authd);
  return ST_ASKED;
}

enum state
upgrade_next(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct slice task = xml_attr(e, "task");

  (void)bytes;
  return tell(s, VERB_NEXT, task.s ? task : SLICE(""));
}

enum state
upgrade_task_data(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct xml_node const *hash = xml_child(e, NS_SCRAM_UPGRADE, "hash");
  struct arena a = ARENA_ZERO;
  enum state next;

  (void)bytes;
  next = tell(s, VERB_TASK, hash ? xml_text(&a, hash) : SLICE(""));
  arena_wipe(&a);
  return next;
}
