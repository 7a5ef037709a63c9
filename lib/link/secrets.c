#include "link/link_internal.h"

#include <string.h>

/* Traces have no passwords of records that are about accounts: in the text of requests for
 * jabber:iq:register each character becomes a star, and so do the passwords of account and verify, the
 * token of success, and the hash of a password that a client sends as its task (the task of a server,
 * which names a salt, has another field behind). A replay takes the stars for what was asked. */

#define ACCOUNT_PASSWORD 3u
#define VERIFY_PASSWORD 4u
#define SUCCESS_TOKEN 4u
#define TASK_HASH 2u
#define TASK_ITERATIONS 3u
#define REGISTER_XML 6u

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

static bool
is_registration(struct slice line, struct slice verb)
{
  return (slice_is(verb, "stanza") &&
          slice_has_word(field(line, 6), SLICE("ns=jabber:iq:register"))) ||
         slice_is(verb, "register");
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
  unsigned int n = secret_field(line, verb);

  if (n) {
    secret = field(line, n);
    if (secret.len) memset(s + (secret.s - s), '*', secret.len);
  } else if (is_registration(line, verb)) {
    secret = field(line, slice_is(verb, "register") ? REGISTER_XML : 8);
    if (secret.len) star_text(s + (secret.s - s), s + (secret.s - s) + secret.len);
  }
}
