#include "hostd.h"

#include <sys/utsname.h>

static bool
cat_element(stralloc *out, char const *open, struct slice text, char const *close)
{
  return xml_cat(out, open) && xml_cat_text(out, text) && xml_cat(out, close);
}

/* XEP-0092 s3: give name and version, or the administrator's text in place of the version; of the
 * operating system give the name alone, and only if the administrator wants it told (s5). */
enum verdict
xep0092_version(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  struct host const *h = hostd_host_with(ctx->host, MOD_VERSION);
  struct utsname os;

  (void)in;
  (void)e;
  if (!h) return REFUSE;
  if (xml_cat(out, "<query xmlns='" NS_VERSION "'><name>tabber</name>") &&
      cat_element(out, "<version>", h->version.len ? h->version : SLICE(TABBER_VERSION),
                  "</version>") &&
      (!h->show_os || uname(&os) ||
       cat_element(out, "<os>", slice_str(os.sysname), "</os>")) &&
      xml_cat(out, "</query>"))
    return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}
