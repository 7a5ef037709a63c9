#include "link/link_internal.h"

#include <string.h>

/* Traces have no passwords of records that are about accounts: in the text of requests for
 * jabber:iq:register each character becomes a star, and so do the passwords of account and verify, the
 * token of success, and the hash of a password that a client sends as its task (the task of a server,
 * which names a salt, has another field behind). A replay takes the stars for what was asked: it refuses a
 * login that had succeeded. In what clients send, and in auth and response, the passwords of SASL PLAIN
 * and of web forms become stars (credentials.c).
 *
 * The node and the secret of a push service wake a phone: a trace has a hash of each, which is as long
 * as the text itself, so that a replay tells two registrations from each other. */

#define ACCOUNT_PASSWORD 3u
#define VERIFY_PASSWORD 4u
#define SUCCESS_TOKEN 4u
#define AUTH_MECHANISM 3u
#define AUTH_INITIAL 4u
#define RESPONSE_DATA 2u
#define BYTES 2u
#define TASK_HASH 2u
#define TASK_ITERATIONS 3u
#define REGISTER_XML 6u
#define STANZA_ID 5u
#define STANZA_TAGS 6u
#define STANZA_XML 8u

/* The field with this number, the verb being 0, with all behind it; s NULL: there is none. */
static struct slice
from_field(struct slice line, unsigned int n)
{
  struct slice word;

  while (n && slice_word(&line, '\t', &word))
    n--;
  return n ? (struct slice){NULL, 0} : line;
}

static struct slice
field(struct slice line, unsigned int n)
{
  struct slice rest = from_field(line, n), f = {"", 0};

  if (rest.s && rest.len && rest.s[rest.len - 1] == '\n') rest.len--;
  if (rest.s) slice_word(&rest, '\t', &f);
  return f;
}

static bool
starts(char const *s, char const *end, char const *word)
{
  return (size_t)(end - s) >= strlen(word) && !memcmp(s, word, strlen(word));
}

/* Star a CDATA section, which begins behind s; give its end. */
static char *
star_cdata(char *s, char *end)
{
  while (s < end && !starts(s, end, "]]>"))
    *s++ = '*';
  return end - s > 2 ? s + 2 : end;
}

/* Star the value of an attribute, whose quote s is; give the closing one. */
static char *
star_value(char *s, char *end)
{
  char quote = s < end ? *s : 0;

  for (s++; s < end && *s != quote; s++)
    *s = '*';
  return s;
}

/* Star all that is not within a tag, and in tags the values of attributes token. */
static void
star_text(char *s, char *end)
{
  bool tag = false;

  for (; s < end; s++) {
    if (tag && starts(s, end, "token="))
      s = star_value(s + 6, end);
    else if (!tag && starts(s, end, "<![CDATA["))
      s = star_cdata(s + 9, end);
    else if (!tag && *s == '<')
      tag = true;
    else if (tag && *s == '>')
      tag = false;
    else if (!tag)
      *s = '*';
  }
}

/* Write hexadecimal digits of a hash (FNV-1a) in place of a text, and stars behind them. */
static void
blur(char *s, char const *end)
{
  uint64_t h = 14695981039346656037u;
  char *c;

  for (c = s; c < end; c++)
    h = (h ^ (unsigned char)*c) * 1099511628211u;
  for (c = s; c < end; c++, h >>= 4)
    *c = c - s < 16 ? "0123456789abcdef"[h & 15] : '*';
}

static bool
is_known(char const *s, char const *end)
{
  return starts(s, end, "http://jabber.org/protocol/") || starts(s, end, "urn:xmpp:");
}

/* Blur the values of attributes node, and the text but names of forms and numbers of three digits
 * at most; the latter from the beginning (hides), or in the publish options alone. */
static void
blur_push(char *s, char *end, bool hides)
{
  char *from;

  while (s < end) {
    for (from = s; s < end && *s != '<'; s++) {
    }
    if (hides && s - from > 3 && !is_known(from, end)) blur(from, s);
    if (starts(s, end, "<publish-options")) hides = true;
    for (; s < end && *s != '>'; s++) {
      if (!starts(s, end, "node=") || end - s < 7) continue;
      from = s + 6;
      for (s = from; s < end && *s != from[-1]; s++) {
      }
      blur(from, s);
    }
    if (s < end) s++;
  }
}

/* Requests for XEP-0357, and what xmpp-pushd publishes. */
static bool
is_push(struct slice line, struct slice verb)
{
  struct slice tags = slice_is(verb, "stanza") ? field(line, STANZA_TAGS) : SLICE("");

  return slice_has_word(tags, SLICE("ns=urn:xmpp:push:0")) ||
         (slice_has_word(tags, SLICE("ns=http://jabber.org/protocol/pubsub")) &&
          slice_starts(field(line, STANZA_ID), "push-"));
}

static bool
is_registration(struct slice line, struct slice verb)
{
  return (slice_is(verb, "stanza") &&
          slice_has_word(field(line, STANZA_TAGS), SLICE("ns=jabber:iq:register"))) ||
         slice_is(verb, "register");
}

/* Where the data of SASL lies, in base64, or what a client has sent or will get; 0: the record has
 * none. */
static unsigned int
client_field(struct slice verb)
{
  if (slice_is(verb, "auth")) return AUTH_INITIAL;
  if (slice_is(verb, "response")) return RESPONSE_DATA;
  return slice_is(verb, "data") || slice_is(verb, "body") ? BYTES : 0;
}

static void
mask_client(char *s, char *end, struct slice line, struct slice verb)
{
  if (slice_is(verb, "auth"))
    credentials_mask_plain(s, end, slice_is(field(line, AUTH_MECHANISM), "PLAIN"));
  else if (slice_is(verb, "response"))
    credentials_mask_plain(s, end, false);
  else
    credentials_mask(s, end);
}

static bool
has_password(struct slice what)
{
  return slice_is(what, "add") || slice_is(what, "passwd") || slice_is(what, "keys");
}

/* The number of the field that is secret as a whole; 0: no field is. */
static unsigned int
secret_field(struct slice line, struct slice verb)
{
  if (slice_is(verb, "verify")) return VERIFY_PASSWORD;
  if (slice_is(verb, "success")) return SUCCESS_TOKEN;
  if (slice_is(verb, "task")) return field(line, TASK_ITERATIONS).len ? 0 : TASK_HASH;
  return slice_is(verb, "account") && has_password(field(line, 1)) ? ACCOUNT_PASSWORD : 0;
}

void
secrets_mask(char *s, size_t len)
{
  struct slice line = slice_of(s, len), verb = field(line, 0), secret;
  unsigned int n = secret_field(line, verb), from_client = client_field(verb);
  bool registers = is_registration(line, verb), pushes = is_push(line, verb);

  if (!n) n = from_client;
  if (!n && registers) n = slice_is(verb, "register") ? REGISTER_XML : STANZA_XML;
  if (!n && pushes) n = STANZA_XML;
  secret = n ? field(line, n) : SLICE("");
  if (!secret.len) return;
  s += secret.s - s;
  if (from_client)
    mask_client(s, s + secret.len, line, verb);
  else if (registers)
    star_text(s, s + secret.len);
  else if (pushes)
    blur_push(s, s + secret.len,
              slice_has_word(field(line, STANZA_TAGS), SLICE("ns=urn:xmpp:push:0")));
  else
    memset(s, '*', secret.len);
}
