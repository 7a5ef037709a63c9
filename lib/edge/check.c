#include "edge/edge.h"

#include <stdlib.h>
#include <string.h>

/* Checks of a stanza that do not depend on who has sent it. */

#define NS_SID "urn:xmpp:sid:0"
#define NS_DELAY "urn:xmpp:delay"

static struct arena scratch = ARENA_ZERO;

struct arena *
edge_arena(void)
{
  return &scratch;
}

void
edge_read(struct edge_stanza *in, struct edge_rules const *rules,
          struct xml_node const *e, struct slice bytes, bool rooted)
{
  arena_reset(&scratch);
  *in = (struct edge_stanza){.rules = rules,
                             .e = e,
                             .bytes = bytes,
                             .kind = e->name,
                             .type = xml_attr(e, "type"),
                             .id = xml_attr(e, "id"),
                             .rooted = rooted};
}

bool
edge_is_one_of(struct slice word, char const *list)
{
  return word.len && slice_has_word(slice_str(list), word);
}

bool
edge_is_subscription(struct edge_stanza const *in)
{
  return slice_is(in->kind, "presence") &&
         edge_is_one_of(in->type, "subscribe subscribed unsubscribe unsubscribed");
}

static size_t
children(struct xml_node const *e)
{
  struct xml_node const *c;
  size_t n = 0;

  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    n++;
  return n;
}

/* s8.2.3. NULL: all is well. */
static char const *
check_iq(struct edge_stanza const *in)
{
  size_t n = children(in->e);

  if (!in->id.len) return "an iq needs an id";
  if (!edge_is_one_of(in->type, "get set result error")) return "not a type of iq";
  if (edge_is_one_of(in->type, "get set") && n != 1) return "a request has one payload";
  if (slice_is(in->type, "result") && n > 1) return "a result has at most one payload";
  return NULL;
}

/* RFC 6121 s4.7.1: the types of presence; s4.7.2.3: priority from -128 to 127. */
static char const *
check_presence(struct edge_stanza *in)
{
  struct xml_node const *e = xml_child(in->e, in->rules->ns, "priority");
  struct slice text;
  long n;
  char *end;

  if (in->type.len &&
      !edge_is_one_of(
        in->type,
        "error probe subscribe subscribed unavailable unsubscribe unsubscribed"))
    return "not a type of presence";
  if (!e) return NULL;
  text = xml_text(&scratch, e);
  if (!text.s) return "no memory";
  n = strtol(text.s, &end, 10);
  while (*end && strchr(" \t\r\n", *end))
    end++;
  if (!text.len || end != text.s + text.len || n < -128 || n > 127)
    return "not a priority";
  in->priority = (int)n;
  return NULL;
}

bool
edge_check(struct edge_stanza *in, enum stanza_error *err, char const **text)
{
  struct slice to = xml_attr(in->e, "to");

  *err = ERR_BAD_REQUEST;
  *text = in->id.len > STANZA_ID_MAX ? "an id is too long" : NULL;
  if (to.len && !jid_parse(&scratch, to, &in->to)) {
    *err = ERR_JID_MALFORMED;
    *text = NULL;
    return false;
  }
  if (!*text && slice_is(in->kind, "iq")) *text = check_iq(in);
  if (!*text && slice_is(in->kind, "presence")) *text = check_presence(in);
  return !*text;
}

bool
edge_is_forged(struct edge_rules const *rules, struct xml_node const *e)
{
  struct jid by;

  /* Few elements have a name of that length. */
  if (e->name.len == 5 && xml_is(e, NS_DELAY, "delay"))
    return jid_parse(&scratch, xml_attr(e, "from"), &by) && !by.local.len &&
           rules->serves(by.domain);
  return e->name.len == 9 && xml_is(e, NS_SID, "stanza-id") &&
         jid_parse(&scratch, xml_attr(e, "by"), &by) && rules->serves(by.domain);
}
