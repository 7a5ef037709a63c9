#include "captcha.h"

#include "scram/scram.h"

#include <openssl/evp.h>

#include <stdio.h>

/* XEP-0158 s3 with the form of XEP-0077: the picture is a medium (XEP-0221) of the field ocr, whose bits
 * (XEP-0231) stand behind the form. A client sends all of it back, or what its user has typed. */

#define HASH_LEN 20

struct cid {
  char text[64];
};

/* XEP-0231 s4: the address of these bytes. */
static bool
cid_of(struct cid *cid, struct slice bytes)
{
  unsigned char hash[EVP_MAX_MD_SIZE];
  char text[2 * HASH_LEN + 1];
  unsigned int n = 0;

  if (!EVP_Digest(bytes.s, bytes.len, hash, &n, EVP_sha1(), NULL) || n != HASH_LEN)
    return false;
  hex_z(text, hash, HASH_LEN);
  snprintf(cid->text, sizeof cid->text, "sha1+%s@bob.xmpp.org", text);
  return true;
}

static bool
cat_value(stralloc *out, enum form_kind kind, char const *var, struct slice value)
{
  struct form_field f = {.kind = kind, .var = var};

  return form_field_open(out, &f) && form_value(out, value) && form_field_close(out);
}

static bool
cat_input(stralloc *out, enum form_kind kind, char const *var, struct slice label,
          struct slice inside)
{
  char z[256] = "";
  struct form_field f = {.kind = kind, .var = var, .label = z, .required = true};

  memcpy(z, label.s, label.len < sizeof z ? label.len : sizeof z - 1);
  return form_field_open(out, &f) && stralloc_catb(out, inside.s, inside.len) &&
         form_field_close(out);
}

/* XEP-0221 s2: the medium of a field; width and height are those of xmpp-captcha. */
static bool
cat_media(stralloc *out, struct cid const *cid, struct slice type)
{
  return xml_cat(out,
                 "<media xmlns='urn:xmpp:media-element' height='70' width='200'><uri") &&
         xml_cat_attr(out, "type", type) && xml_cat(out, ">cid:") &&
         xml_cat(out, cid->text) && xml_cat(out, "</uri></media>");
}

static bool
cat_ocr(stralloc *out, struct request const *q, struct captcha_content const *x,
        struct cid const *cid)
{
  stralloc media = STRALLOC_ZERO;
  bool ok = x->question.len || cat_media(&media, cid, x->type);

  ok = ok && cat_input(out, FORM_TEXT_SINGLE, "ocr",
                       x->question.len ? x->question : text_in(TEXT_OCR, q->lang),
                       slice_of(media.s, media.len));
  stralloc_free(&media);
  return ok;
}

static bool
cat_data(stralloc *out, struct captcha_content const *x, struct cid const *cid)
{
  struct arena a = ARENA_ZERO;
  struct slice b64 = scram_encode(&a, x->bytes);
  bool ok = b64.s && xml_cat(out, "<data xmlns='urn:xmpp:bob'") &&
            xml_cat_attr(out, "cid", slice_str(cid->text)) &&
            xml_cat_attr(out, "type", x->type) && xml_cat(out, " max-age='0'>") &&
            stralloc_catb(out, b64.s, b64.len) && xml_cat(out, "</data>");

  arena_wipe(&a);
  return ok;
}

/* For clients that show no pictures; Conversations looks for the second field. */
static bool
cat_fallback(stralloc *out, struct request const *q, struct challenge const *c)
{
  struct host const *h = registerd_host(q->host);
  struct form_field text = {.kind = FORM_FIXED, .var = "captcha-fallback-text"};
  struct form_field url = {.kind = FORM_TEXT_SINGLE, .var = "captcha-fallback-url"};
  stralloc address = STRALLOC_ZERO;
  bool ok = true;

  if (h && h->captcha_page.len)
    ok = registerd_cat_address(&address, h->captcha_page, q->host) &&
         stralloc_cats(&address, "/") && stralloc_cats(&address, c->id) &&
         form_field_open(out, &text) &&
         form_value(out, text_in(TEXT_FALLBACK, q->lang)) && form_field_close(out) &&
         form_field_open(out, &url) &&
         form_value(out, slice_of(address.s, address.len)) && form_field_close(out);
  stralloc_free(&address);
  return ok;
}

static bool
cat_fields(stralloc *out, struct request const *q, struct challenge const *c)
{
  return cat_fallback(out, q, c) && cat_value(out, FORM_HIDDEN, "from", q->host) &&
         cat_value(out, FORM_HIDDEN, "challenge", slice_str(c->id)) &&
         cat_value(out, FORM_HIDDEN, "sid", q->in.id) &&
         cat_input(out, FORM_TEXT_SINGLE, "username", text_in(TEXT_NAME, q->lang),
                   SLICE("")) &&
         cat_input(out, FORM_TEXT_PRIVATE, "password", text_in(TEXT_PASSWORD, q->lang),
                   SLICE(""));
}

bool
captcha_cat_form(stralloc *out, struct request const *q, struct challenge const *c,
                 struct captcha_content const *x)
{
  struct slice text = text_in(TEXT_CAPTCHA, q->lang);
  char title[128] = "";
  struct slice name = text_in(TEXT_TITLE, q->lang);
  struct cid cid = {""};

  memcpy(title, name.s, name.len < sizeof title ? name.len : sizeof title - 1);
  return (x->question.len || cid_of(&cid, x->bytes)) &&
         xml_cat(out, "<query xmlns='" NS_REGISTER "'><instructions>") &&
         xml_cat_text(out, text) && xml_cat(out, "</instructions>") &&
         form_open(out, "form", NS_REGISTER, title, NULL) && cat_fields(out, q, c) &&
         cat_ocr(out, q, x, &cid) && form_close(out) &&
         (x->question.len || cat_data(out, x, &cid)) && xml_cat(out, "</query>");
}
