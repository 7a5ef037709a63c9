#include "certname/certname.h"

#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

static bool
add_name(struct certname_list *list, struct slice text)
{
  char **v = realloc(list->v, (list->n + 1) * sizeof *v), *name;
  size_t i;

  if (!v) return false;
  list->v = v;
  name = malloc(text.len + 1);
  if (!name) return false;
  for (i = 0; i < text.len; i++)
    name[i] = text.s[i] >= 'A' && text.s[i] <= 'Z' ? (char)(text.s[i] + 32) : text.s[i];
  name[text.len] = 0;
  v[list->n++] = name;
  return true;
}

/* SRV-ID (RFC 4985): _xmpp-client.NAME or _xmpp-server.NAME. */
static bool
add_srv_name(struct certname_list *list, struct slice t)
{
  size_t prefix = sizeof "_xmpp-client." - 1;

  if (!slice_starts(t, "_xmpp-client.") && !slice_starts(t, "_xmpp-server.")) return true;
  return add_name(list, slice_of(t.s + prefix, t.len - prefix));
}

static struct slice
text_of(ASN1_STRING const *s)
{
  return slice_of((char const *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static bool
add_other_name(struct certname_list *list, OTHERNAME const *other)
{
  char oid[32];
  struct slice text;

  OBJ_obj2txt(oid, sizeof oid, other->type_id, 1);
  if (other->value->type != V_ASN1_UTF8STRING && other->value->type != V_ASN1_IA5STRING)
    return true;
  text = text_of(other->value->value.asn1_string);
  if (!strcmp(oid, "1.3.6.1.5.5.7.8.5")) /* id-on-xmppAddr, RFC 6120 s13.7.1.4 */
    return add_name(list, text);
  if (!strcmp(oid, "1.3.6.1.5.5.7.8.7")) /* id-on-dnsSRV */
    return add_srv_name(list, text);
  return true;
}

static bool
add_common_name(struct certname_list *list, X509 *x)
{
  char cn[256];
  int n =
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof cn);

  return n <= 0 || add_name(list, slice_of(cn, (size_t)n));
}

bool
certname_read(struct certname_list *list, X509 *x)
{
  GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
  bool ok = true;
  int i;

  if (!names) return add_common_name(list, x);
  for (i = 0; ok && i < sk_GENERAL_NAME_num(names); i++) {
    GENERAL_NAME const *n = sk_GENERAL_NAME_value(names, i);
    if (n->type == GEN_DNS)
      ok = add_name(list, text_of(n->d.dNSName));
    else if (n->type == GEN_OTHERNAME)
      ok = add_other_name(list, n->d.otherName);
  }
  GENERAL_NAMES_free(names);
  return ok;
}

void
certname_wipe(struct certname_list *list)
{
  size_t i;

  for (i = 0; i < list->n; i++)
    free(list->v[i]);
  free(list->v);
  *list = (struct certname_list)CERTNAME_ZERO;
}

bool
certname_has(struct certname_list const *list, struct slice name)
{
  size_t i;

  for (i = 0; i < list->n; i++)
    if (slice_is_nocase(name, list->v[i])) return true;
  return false;
}

/* The star stands for the first label of name; no name of list has a star further in. */
bool
certname_covers(struct certname_list const *list, struct slice name)
{
  char const *dot = name.len ? memchr(name.s, '.', name.len) : NULL;
  struct slice rest;
  size_t i;

  if (!dot || dot == name.s) return false;
  rest = slice_of(dot, (size_t)(name.s + name.len - dot));
  for (i = 0; i < list->n; i++)
    if (list->v[i][0] == '*' && slice_is_nocase(rest, list->v[i] + 1)) return true;
  return false;
}

/* ---- validity ---- */

static int64_t
seconds_of(ASN1_TIME const *t)
{
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  int days = 0, seconds = 0;

  if (epoch) ASN1_TIME_diff(&days, &seconds, epoch, t);
  ASN1_TIME_free(epoch);
  return (int64_t)days * 86400 + seconds;
}

struct certname_span
certname_span(X509 const *x)
{
  return (struct certname_span){seconds_of(X509_get0_notBefore(x)),
                                seconds_of(X509_get0_notAfter(x))};
}
