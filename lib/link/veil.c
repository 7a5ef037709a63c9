#include "link/link_internal.h"

#include <ctype.h>
#include <string.h>

/* A veil goes over the bytes of a stream, in any pieces, and masks the secrets of a client in place:
 *
 *   in elements auth, response, initial-response   the password of SASL PLAIN, the proof of a token (HT)
 *   additional-data                                all but the signature of SCRAM (v=...)
 *   password, jabber:iq:register, fields of forms that are called so, the hash of XEP-0480, the keys of
 *   dialback                                       all text
 *   attributes token and password                  the value; the picture of an invitation, too
 *   forms of the web, URIs of invitations          the values of password, old, ocr, preauth
 *   requests for XEP-0357, what xmpp-pushd says    nodes, and the values of forms: a hash of each
 *
 * The length stays, and so does all else, so that a replay takes the same way but for what needed the
 * secret. Stars are the mask; in base64, those of the text that is encoded. The hash tells one node from
 * another; it begins with a star, by which a replay knows it and leaves it as it is.
 *
 * Frames that browsers send are not looked into, for they are masked by a key of their own (RFC 6455
 * s5.3): xmpp-webd's trace has stars for all that comes behind the head of a WebSocket, and the elements in
 * the records for xmpp-c2sd. */

enum { V_TEXT, V_NAME, V_TAG, V_ATTR, V_EQUALS, V_VALUE, V_CDATA };

enum { T_OPEN, T_BASE64, T_ANSWER, T_HIDDEN };

static char const digits[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned int
digit(char c)
{
  char const *at = c ? strchr(digits, c) : NULL;

  return at ? (unsigned int)(at - digits) : 64;
}

static bool
starts(char const *s, char const *end, char const *word)
{
  return (size_t)(end - s) >= strlen(word) && !memcmp(s, word, strlen(word));
}

static bool
is_in(char const *word, char const *const *list)
{
  while (*list && strcmp(word, *list) != 0)
    list++;
  return *list != NULL;
}

/* ---- base64 ---- */

void
veil_base64(struct veil *v, bool is_token)
{
  v->text = T_BASE64;
  v->nuls = is_token ? 1 : 2;
  v->bits = v->byte = 0;
}

void
veil_answer(struct veil *v)
{
  v->text = T_ANSWER;
}

/* Keep the bits of the bytes up to the last NUL, and put those of stars for the bits behind it: RFC 4616
 * s2, [authzid] NUL authcid NUL password; and authcid NUL proof. The bits that fill up the last
 * digit stay. */
static void
cover_digit(struct veil *v, char *c, bool is_last)
{
  unsigned int d = digit(*c), out = 0, fill, i;

  if (d == 64) return;
  fill = is_last ? (v->bits + 6u) % 8 : 0;
  for (i = 6; i-- > 0;) {
    unsigned int bit = d >> i & 1;
    if (!v->nuls && i >= fill) bit = (unsigned int)'*' >> (7 - v->bits) & 1;
    v->byte = (uint8_t)(v->byte << 1 | bit);
    out = out << 1 | bit;
    if (++v->bits < 8) continue;
    if (v->nuls && !v->byte) v->nuls--;
    v->bits = 0;
  }
  *c = digits[out];
}

/* SCRAM's answer begins with v=, in base64 dj; that to a token is as good as the token. */
static void
cover_answer(struct veil *v, char *c)
{
  if (v->bits < 2 && *c == "dj"[v->bits])
    v->bits++;
  else if (v->bits < 2)
    v->bits = 3;
  if (v->bits == 3 && digit(*c) < 64) *c = '*';
}

/* ---- hashes ---- */

static void
blur(char *s, char const *end)
{
  uint64_t h = 14695981039346656037u;
  char *c;

  if (s < end && *s == '*' && links.pipe) return;
  for (c = s; c < end; c++)
    h = (h ^ (unsigned char)*c) * 1099511628211u;
  for (c = s; c < end; c++, h >>= 4)
    *c = c > s && c - s < 16 ? "0123456789abcdef"[h & 15] : '*';
}

static bool
is_known(char const *s, char const *end)
{
  return starts(s, end, "http://jabber.org/protocol/") || starts(s, end, "urn:xmpp:");
}

/* Blur what stands from s to the byte stop; what another piece ends has stars. Names of forms and
 * numbers of three digits at most stay. */
static void
blur_to(struct veil *v, char *s, char *end, char stop, bool is_text)
{
  char *to = memchr(s, stop, (size_t)(end - s));

  v->stars = !to;
  if (to && (!is_text || (to - s > 3 && !is_known(s, to)))) blur(s, to);
}

/* ---- tags ---- */

static void
add(char *word, uint8_t *n, size_t size, char c)
{
  if (*n + 1u < size) word[(*n)++] = c;
  word[*n] = 0;
}

static bool
is_secret_word(char const *word)
{
  return (strstr(word, "password") && !strstr(word, "protected")) ||
         strstr(word, "secret") || !strcmp(word, "ocr");
}

static void
value_begins(struct veil *v, char *s, char *end)
{
  static char const *const secret[] = {"token", "password", NULL};
  static char const *const pushes[] = {"enable", "disable", NULL};

  v->where = V_VALUE;
  v->value_n = 0;
  v->value[0] = 0;
  v->stars =
    is_in(v->attr, secret) || (!strcmp(v->attr, "d") && !strcmp(v->name, "path"));
  if (!strcmp(v->attr, "node") && (v->hides >= VEIL_PUSH || is_in(v->name, pushes)))
    blur_to(v, s, end, v->quote, false);
}

/* Note that the content of the element is to be hidden. */
static void
value_ends(struct veil *v)
{
  v->where = V_TAG;
  v->stars = false;
  if (!strncmp(v->attr, "xmlns", 5)) {
    if (!strcmp(v->value, "jabber:iq:register") ||
        (!strcmp(v->value, "urn:xmpp:scram-upgrade:0") && !strcmp(v->name, "hash")))
      v->tag_hides = VEIL_ALL;
    else if (!strcmp(v->value, "urn:xmpp:push:0"))
      v->tag_hides = VEIL_PUSH;
  } else if (!strcmp(v->attr, "var") && !strcmp(v->name, "field") &&
             is_secret_word(v->value)) {
    v->tag_hides = VEIL_ALL;
  } else if (!strcmp(v->attr, "mechanism")) {
    v->is_token = !strncmp(v->value, "HT-", 3);
  } else if (!strcmp(v->attr, "id") && !strcmp(v->name, "iq") &&
             !strncmp(v->value, "push-", 5)) {
    v->tag_hides = VEIL_PUSHED;
  }
}

static void
text_begins(struct veil *v, char *s, char *end)
{
  static char const *const sasl[] = {"auth", "response", "initial-response", NULL};
  static char const *const keys[] = {"result", "verify", NULL};

  if (is_in(v->name, sasl))
    veil_base64(v, v->is_token);
  else if (!strcmp(v->name, "additional-data"))
    v->text = T_ANSWER;
  else if (is_in(v->name, keys))
    v->text = T_HIDDEN;
  v->bits = 0;
  if (v->hides == VEIL_PUSH || v->hides == VEIL_OPTIONS) blur_to(v, s, end, '<', true);
}

static void
tag_ends(struct veil *v, char *s, char *end)
{
  v->where = V_TEXT;
  v->text = T_OPEN;
  v->stars = false;
  if (v->closes) {
    if (v->hides && v->depth && !--v->depth) v->hides = VEIL_NOTHING;
  } else if (!v->slash) {
    if (!strcmp(v->name, "password")) v->tag_hides = VEIL_ALL;
    if (v->hides) {
      if (v->depth) v->depth++;
    } else if (v->tag_hides) {
      v->hides = v->tag_hides;
      v->depth = 1;
    }
    if (v->hides == VEIL_PUSHED && !strcmp(v->name, "publish-options"))
      v->hides = VEIL_OPTIONS;
    text_begins(v, s, end);
  }
}

static void
tag_begins(struct veil *v)
{
  v->where = V_NAME;
  v->tag_hides = VEIL_NOTHING;
  v->closes = v->slash = v->stars = v->escaped = false;
  v->name_n = v->attr_n = 0;
  v->name[0] = v->attr[0] = 0;
}

static void
attr_begins(struct veil *v, char c)
{
  v->where = V_ATTR;
  v->attr_n = 0;
  v->slash = false;
  add(v->attr, &v->attr_n, sizeof v->attr, c);
}

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
in_name(struct veil *v, char c)
{
  if (c == '/' && !v->name_n)
    v->closes = true;
  else if (c == ':')
    v->name_n = 0;
  else
    add(v->name, &v->name_n, sizeof v->name, c);
  if (strcmp(v->name, "![CDATA[") != 0) return;
  v->where = V_CDATA;
  v->brackets = 0;
}

static void
in_attr(struct veil *v, char c)
{
  if (c == '=')
    v->where = V_EQUALS;
  else if (c == ':' && strcmp(v->attr, "xmlns") != 0)
    v->attr_n = 0;
  else
    add(v->attr, &v->attr_n, sizeof v->attr, c);
}

/* In a record a newline is \n, and a TAB \t. */
static void
in_tag(struct veil *v, char *s, char *end)
{
  char c = *s;

  if (v->escaped || c == '\\') {
    v->escaped = !v->escaped;
    if (v->where == V_NAME) v->where = V_TAG;
  } else if (c == '>')
    tag_ends(v, s + 1, end);
  else if (v->where == V_NAME && !is_blank(c) && (c != '/' || !v->name_n))
    in_name(v, c);
  else if (v->where == V_NAME || c == '/') {
    v->slash = c == '/';
    v->where = V_TAG;
  } else if (v->where == V_EQUALS && (c == '\'' || c == '"')) {
    v->quote = c;
    value_begins(v, s + 1, end);
  } else if (is_blank(c))
    return;
  else if (v->where == V_ATTR)
    in_attr(v, c);
  else
    attr_begins(v, c);
}

static void
in_value(struct veil *v, char *c)
{
  if (*c == v->quote) {
    value_ends(v);
    return;
  }
  add(v->value, &v->value_n, sizeof v->value, *c);
  if (v->stars) *c = '*';
}

/* ---- text ---- */

static void
in_text(struct veil *v, char *s, char const *end)
{
  if (v->hides == VEIL_ALL || v->text == T_HIDDEN || v->stars)
    *s = '*';
  else if (v->text == T_BASE64)
    cover_digit(v, s, s + 1 < end && digit(s[1]) == 64);
  else if (v->text == T_ANSWER)
    cover_answer(v, s);
}

static void
in_cdata(struct veil *v, char *s, char const *end)
{
  if (*s == '>' && v->brackets >= 2) {
    v->where = V_TEXT;
  } else if (*s == ']') {
    v->brackets++;
  } else {
    v->brackets = 0;
    in_text(v, s, end);
  }
}

/* ---- web forms ---- */

static bool
is_of_word(char c)
{
  return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Star the value behind a name and =; else note the word that the byte belongs to. */
static bool
in_form(struct veil *v, char *c)
{
  static char const *const secret[] = {"password", "old", "ocr", "preauth", NULL};

  if (v->is_form && *c && (is_of_word(*c) || strchr("%+.~*", *c))) {
    *c = '*';
    return true;
  }
  v->is_form = *c == '=' && is_in(v->word, secret);
  if (is_of_word(*c) && !v->skips)
    add(v->word, &v->word_n, sizeof v->word, (char)tolower((unsigned char)*c));
  else
    v->word_n = 0, v->word[0] = 0;
  v->skips = *c == '\\' && !v->skips;
  return false;
}

/* An address that ends in the token of an invitation, which is 24 letters of base32 behind a slash. */
static void
cover_path(char *s, char *end)
{
  char *from, *at;

  while (s < end && (s = memchr(s, '/', (size_t)(end - s)))) {
    from = ++s;
    for (at = from;
         at < end && ((*at >= 'a' && *at <= 'z') || (*at >= '2' && *at <= '7'));)
      at++;
    if (at - from == VEIL_TOKEN && (at == end || !is_of_word(*at)))
      memset(from, '*', VEIL_TOKEN);
    s = at;
  }
}

/* Say whether the byte is one of frames, and star it then. The head, escaped, ends in an empty line. */
static bool
in_frames(struct veil *v, char *c)
{
  static char const empty_line[] = "\\r\\n\\r\\n";

  if (!v->is_web) return false;
  if (v->is_frames) {
    *c = '*';
    return true;
  }
  if (*c == ':' && !strcmp(v->word, "sec-websocket-key")) v->has_key = true;
  v->ending = *c == empty_line[v->ending] ? v->ending + 1 : *c == '\\';
  if (v->ending < sizeof empty_line - 1) return false;
  v->ending = 0;
  v->is_frames = v->has_key;
  return false;
}

void
veil_cover(struct veil *v, char *s, size_t len)
{
  char *end = s + len;

  cover_path(s, end);
  for (; s < end; s++) {
    if (in_frames(v, s) || in_form(v, s)) continue;
    switch (v->where) {
    case V_TEXT:
      if (*s == '<')
        tag_begins(v);
      else
        in_text(v, s, end);
      break;
    case V_CDATA: in_cdata(v, s, end); break;
    case V_VALUE: in_value(v, s); break;
    default: in_tag(v, s, end);
    }
  }
}
