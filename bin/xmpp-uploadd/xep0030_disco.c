#include "uploadd.h"

#include "form/form.h"

/* XEP-0363 s4: the service shows its vCard (XEP-0054), its namespaces and the size of the largest
 * file; s6: it shows the purposes whose files are kept as clients expect. All files are kept alike:
 * as those of messages, and, where nothing deletes files, for good. */

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_VCARD "vcard-temp"
#define NS_PURPOSE "urn:xmpp:http:upload:purpose:0#"
#define NS_UPLOAD_1 "urn:xmpp:http:upload"
#define NS_UPLOAD_OLD "eu:siacs:conversations:http:upload"

static bool
cat_form(stralloc *out, struct vhost const *v, char const *ns)
{
  char number[BASE_NUM];
  struct form_field const field = {.kind = FORM_TEXT_SINGLE, .var = "max-file-size"};
  struct form_value const value = {.given = true, .text = num_u64(number, v->max_size)};

  return v->max_size == UINT64_MAX ||
         (form_open(out, "result", ns, NULL, NULL) && form_field(out, &field, &value) &&
          form_close(out));
}

static bool
cat_feature(stralloc *out, char const *var)
{
  return xml_cat(out, "<feature var='") && xml_cat(out, var) && xml_cat(out, "'/>");
}

static bool
cat_features(stralloc *out, struct vhost const *v)
{
  bool forever = !v->quota;

  return cat_feature(out, NS_DISCO_INFO) && cat_feature(out, NS_DISCO_ITEMS) &&
         cat_feature(out, NS_VCARD) && cat_feature(out, NS_UPLOAD) &&
         cat_feature(out, NS_UPLOAD_1) && cat_feature(out, NS_UPLOAD_OLD) &&
         cat_feature(out, NS_PURPOSE "message") &&
         (!forever || (cat_feature(out, NS_PURPOSE "profile") &&
                       cat_feature(out, NS_PURPOSE "permanent")));
}

enum verdict
xep0030_info(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  struct vhost const *v = vhost_of_domain(ctx->host);

  (void)in;
  if (!v) return PASS;
  if (xml_attr(e, "node").len) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  if (xml_cat(out, "<query xmlns='" NS_DISCO_INFO
                   "'><identity category='store' type='file'") &&
      xml_cat_attr(out, "name", v->name) && xml_cat(out, "/>") && cat_features(out, v) &&
      cat_form(out, v, NS_UPLOAD) && cat_form(out, v, NS_UPLOAD_1) &&
      xml_cat(out, "</query>"))
    return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

enum verdict
xep0030_items(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  (void)in;
  if (!vhost_of_domain(ctx->host)) return PASS;
  if (xml_attr(e, "node").len) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  if (xml_cat(out, "<query xmlns='" NS_DISCO_ITEMS "'/>")) return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

enum verdict
service_card(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  struct vhost const *v = vhost_of_domain(ctx->host);
  bool ok = v && xml_cat(out, "<vCard xmlns='" NS_VCARD "'>");

  (void)in;
  (void)e;
  if (!v) return PASS;
  if (v->card.len)
    ok = ok && stralloc_catb(out, v->card.s, v->card.len);
  else
    ok =
      ok && xml_cat(out, "<FN>") && xml_cat_text(out, v->name) && xml_cat(out, "</FN>");
  if (ok && xml_cat(out, "</vCard>")) return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}
