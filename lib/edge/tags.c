#include "edge/edge.h"
#include "record/tags.h"

#include <stdlib.h>
#include <string.h>

/* Tags (record/tags.h): words for all that routing will ask of a stanza, so that no program
 * behind an edge parses it. */

#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_HINTS "urn:xmpp:hints"
#define NS_STATES "http://jabber.org/protocol/chatstates"
#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_MARKERS "urn:xmpp:chat-markers:0"
#define NS_INVITE "jabber:x:conference"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"
#define NS_PUBSUB_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_CORRECT "urn:xmpp:message-correct:0"
#define NS_REACTIONS "urn:xmpp:reactions:0"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_EME "urn:xmpp:eme:0"
#define NS_OMEMO_OLD "eu.siacs.conversations.axolotl"
#define NS_OMEMO "urn:xmpp:omemo:2"
#define NS_OPENPGP "urn:xmpp:openpgp:0"
#define NS_PGP "jabber:x:encrypted"
#define NS_CALL "urn:xmpp:jingle-message:0"
#define NS_JINGLE "urn:xmpp:jingle:1"
#define NS_PUSH "urn:xmpp:push:0"

enum {
  HAS_BODY = 1 << 0,
  HAS_STATE = 1 << 1,
  HAS_IM = 1 << 2, /* a payload of instant messaging (XEP-0280 s6.1) */
  HAS_PRIVATE = 1 << 3,
  HAS_MUC = 1 << 4,
  HAS_STORE = 1 << 5,
  HAS_NO_STORE = 1 << 6,
  HAS_NO_COPY = 1 << 7,
  HAS_PEP = 1 << 8,
  HAS_OTHER = 1 << 9,
  HAS_SUBJECT = 1 << 10,
  HAS_RETRACT = 1 << 11,
  HAS_WAKING = 1 << 12, /* wakes a device without a body */
  HAS_CALL = 1 << 13
};

/* A namespace NULL is that of the content, a name NULL stands for any. */
static struct {
  char const *ns, *name;
  unsigned int bits;
} const known[] = {
  {NULL,            "body",                 HAS_BODY                        },
  {NULL,            "subject",              HAS_SUBJECT                     },
  {NULL,            "thread",               0                               },
  {NS_STATES,       NULL,                   HAS_STATE | HAS_IM              },
  {NS_RECEIPTS,     NULL,                   HAS_IM | HAS_OTHER              },
  {NS_MARKERS,      NULL,                   HAS_IM | HAS_OTHER              },
  {NS_CORRECT,      NULL,                   HAS_IM | HAS_OTHER              },
  {NS_REACTIONS,    "reactions",            HAS_IM | HAS_OTHER              },
  {NS_RETRACT,      "retract",              HAS_IM | HAS_OTHER | HAS_RETRACT},
  {NS_INVITE,       "x",                    HAS_IM | HAS_OTHER | HAS_WAKING },
  {NS_EME,          "encryption",           HAS_OTHER | HAS_WAKING          },
  {NS_OMEMO_OLD,    "encrypted",            HAS_OTHER | HAS_WAKING          },
  {NS_OMEMO,        "encrypted",            HAS_OTHER | HAS_WAKING          },
  {NS_OPENPGP,      "openpgp",              HAS_OTHER | HAS_WAKING          },
  {NS_PGP,          "x",                    HAS_OTHER | HAS_WAKING          },
  {NS_CALL,         "propose",              HAS_OTHER | HAS_CALL            },
  {NS_CARBONS,      "private",              HAS_PRIVATE                     },
  {NS_HINTS,        "no-copy",              HAS_NO_COPY                     },
  {NS_HINTS,        "no-store",             HAS_NO_STORE                    },
  {NS_HINTS,        "no-permanent-store",   HAS_NO_STORE                    },
  {NS_HINTS,        "no-permanent-storage", HAS_NO_STORE                    },
  {NS_HINTS,        "store",                HAS_STORE                       },
  {NS_PUBSUB_EVENT, "event",                HAS_PEP | HAS_OTHER             },
};

static unsigned int
look_up(struct xml_node const *c, char const *content)
{
  size_t i;

  /* s6.1: an invitation that a room passes on is copied, a private message is not. */
  if (xml_is(c, NS_MUC_USER, "x"))
    return xml_child(c, NS_MUC_USER, "invite") ? HAS_IM | HAS_OTHER | HAS_WAKING
                                               : HAS_MUC | HAS_OTHER;
  for (i = 0; i < sizeof known / sizeof *known; i++)
    if (slice_is(c->ns, known[i].ns ? known[i].ns : content) &&
        (!known[i].name || slice_is(c->name, known[i].name)))
      return known[i].bits;
  return HAS_OTHER;
}

static bool
add(stralloc *out, enum tag t, struct slice value)
{
  return (!out->len || xml_cat(out, " ")) && xml_cat(out, tag_rows[t].word) &&
         text_catb(out, value.s, value.len);
}

static bool
add_if(stralloc *out, bool is_so, enum tag t)
{
  return !is_so || add(out, t, SLICE(""));
}

static bool
is_copied(struct slice type, unsigned int has)
{
  if (has & (HAS_PRIVATE | HAS_NO_COPY)) return false;
  if (slice_is(type, "chat")) return true;
  if (slice_is(type, "groupchat") || slice_is(type, "error") ||
      slice_is(type, "headline"))
    return false;
  return (has & (HAS_BODY | HAS_IM)) != 0;
}

/* XEP-0313 s5.1: what has a body or belongs to the conversation, chat states alone do not. */
static bool
is_stored(struct slice type, unsigned int has)
{
  if (has & HAS_NO_STORE) return false;
  if (slice_is(type, "groupchat") || slice_is(type, "error") ||
      slice_is(type, "headline"))
    return false;
  return has & (HAS_BODY | HAS_STORE) || (has & HAS_IM && has & HAS_OTHER);
}

/* An error that returns a proposal proposes nothing. */
static bool
is_call(struct slice type, unsigned int has)
{
  return has & HAS_CALL && !slice_is(type, "error") && !slice_is(type, "headline");
}

static bool
message_tags(struct edge_stanza *in, stralloc *out)
{
  struct xml_node const *c;
  unsigned int has = 0;

  for (c = xml_next(in->e, NULL); c; c = xml_next(in->e, c)) {
    if (edge_is_forged(in->rules, c)) in->forged = true;
    has |= look_up(c, in->rules->ns);
  }
  return add_if(out, has & HAS_BODY, TAG_BODY) &&
         add_if(out, has & HAS_WAKING, TAG_WAKES) &&
         add_if(out, is_call(in->type, has), TAG_CALL) &&
         add_if(out, has & HAS_STATE && !(has & (HAS_BODY | HAS_OTHER | HAS_SUBJECT)),
                TAG_STATE) &&
         add_if(out, is_copied(in->type, has), TAG_CC) &&
         add_if(out, has & HAS_MUC, TAG_MUC) &&
         add_if(out, is_stored(in->type, has), TAG_STORE) &&
         add_if(out, has & HAS_RETRACT, TAG_RETRACT) &&
         add_if(out, has & HAS_NO_STORE, TAG_NO_STORE) &&
         add_if(out, has & HAS_NO_COPY, TAG_NO_COPY) &&
         add_if(out, has & HAS_PEP, TAG_PEP);
}

/* A namespace with a blank in it is no word; nobody handles such. */
static bool
iq_tags(struct edge_stanza const *in, stralloc *out)
{
  struct xml_node const *c = xml_next(in->e, NULL);

  if (!slice_is(in->type, "get") && !slice_is(in->type, "set")) return true;
  if (!c || c->ns.len > STANZA_ID_MAX || memchr(c->ns.s, ' ', c->ns.len)) return true;
  if (!add(out, TAG_NS, c->ns)) return false;
  if (slice_is(c->ns, "jabber:iq:register"))
    return !in->ip.len || add(out, TAG_IP, in->ip);
  if (slice_is(c->ns, NS_PUSH))
    return !in->client.len || add(out, TAG_CLIENT, in->client);
  return !slice_is(c->ns, NS_JINGLE) ||
         !slice_is(xml_attr(c, "action"), "session-initiate") ||
         add(out, TAG_CALL, SLICE(""));
}

static bool
caps_tag(struct edge_stanza *in, stralloc *out)
{
  size_t at;

  if (in->type.len || !xml_child(in->e, NS_CAPS, "c")) return true;
  if (!add(out, TAG_CAPS, SLICE(""))) return false;
  at = out->len;
  if (!edge_cat_caps(out, in->e)) return false;
  in->caps = slice_of(out->s + at, out->len - at);
  return true;
}

static bool
presence_tags(struct edge_stanza *in, stralloc *out)
{
  struct xml_node const *c;
  char buf[BASE_NUM];

  for (c = xml_next(in->e, NULL); c; c = xml_next(in->e, c))
    if (edge_is_forged(in->rules, c)) in->forged = true;
  if (edge_is_subscription(in))
    return !in->rules->accounts || add(out, TAG_OUTBOUND, SLICE(""));
  if (in->priority && (!add(out, TAG_PRIO, in->priority < 0 ? SLICE("-") : SLICE("")) ||
                       !text_cats(out, num_u64(buf, (uint64_t)abs(in->priority)).s)))
    return false;
  return caps_tag(in, out);
}

bool
edge_tags(struct edge_stanza *in, stralloc *out)
{
  out->len = 0;
  if (slice_is(in->kind, "iq")) return iq_tags(in, out);
  if (slice_is(in->kind, "presence")) return presence_tags(in, out);
  return message_tags(in, out);
}
