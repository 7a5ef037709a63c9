/* xmpp-uploadd: files that clients upload (XEP-0363): slots, PUT and GET, quotas.
 *
 * USAGE   xmpp-uploadd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-uploadd    (from xmpp-confgen; again on SIGHUP); files in the docroots
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  stanzas and ends of accounts with routed; requests with webd (xmpp-records(7))
 * STORES  DATA/slots (lib/slots); DOCROOT/FOLDER/SECRET/NAME, the files (files.c)
 * LIMITS  UPLOAD_TRANSFERS_MAX requests with a body at once; UPLOAD_OPEN_MAX slots of an account,
 *         UPLOAD_SLOTS_A_SECOND; the options max_size and quotas
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML, not the paths of requests,
 *         not the names of files.
 * ROOMS   handlers.c what is answered; xep0363_slots.c requests for slots, rates.c how often;
 *         xep0030_disco.c; slots.c expired ones; names.c names of files and URLs; files.c the
 *         docroot; web.c requests of the web; put.c, pipe.c bodies as descriptors, get.c; types.c
 *         of files; answer.c heads of answers; walk.c all files; quota.c, sweep.c, ends.c deletion;
 *         control.c; settings.c
 */
#include "uploadd.h"

char const *PROG = "xmpp-uploadd";

static uint64_t received;

static void
announce_domain(struct link *routed, struct vhost const *v, struct slice domain)
{
  link_begin(routed, VERB_SERVE);
  link_text(routed, domain);
  link_end(routed);
  link_begin(routed, VERB_ITEM);
  link_str(routed, "host");
  link_text(routed, domain);
  link_text(routed, v->name);
  link_str(routed, NULL);
  link_text(routed, v->host);
  link_end(routed);
}

/* The service is an item of its host alone (XEP-0363 s4). */
static void
announce(struct link *routed)
{
  struct vhost const *v;
  struct slice list, domain;

  for (v = uploadd.vhosts; v; v = v->next) {
    list = v->domains;
    while (slice_word(&list, ' ', &domain))
      if (domain.len) announce_domain(routed, v, domain);
  }
  handle_announced(routed);
}

/* After a reload there may be other domains. */
static void
take(void *fresh, bool first)
{
  struct link *routed = link_find(ROUTED);

  uploadd_take(fresh, first);
  if (!routed) return;
  handle_forget(routed);
  announce(routed);
}

/* Files get their modes by chmod, whatever umask the supervisor has. */
static bool
start(void)
{
  umask(077);
  if (!store_start()) return false;
  files_temp_clear();
  sweep_start();
  return true;
}

static void
up(struct link *l)
{
  if (l->program == ROUTED) {
    announce(l);
    handle_watch(l, "accounts");
  }
  if (l->program == WEBD) web_up(l);
}

static void
down(struct link *l)
{
  if (l->program == WEBD) web_down(l);
  sweep_down(l);
}

static void
on_stanza(struct link *l, struct record *r)
{
  received++;
  handle_record(l, r, handlers, handlers_n, uploadd.settings);
}

/* The store is committed before the links are flushed: a slot that a client gets is on disk, and so
 * is the end of a slot whose file was taken. */
static void
turn(void)
{
  bool kept;

  web_turn();
  kept = store_commit(slots_store(uploadd.slots));
  handle_turn(kept);
  if (!kept) link_discard_all("the store failed");
}

static bool
feeds(struct link const *from, struct link const *full)
{
  return from->program == full->program;
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "stanzas", received);
  service_stat(ctl, "slots", slots_given);
  service_stat(ctl, "uploads", web_totals.puts);
  service_stat(ctl, "upload_bytes", web_totals.put_bytes);
  service_stat(ctl, "downloads", web_totals.gets);
  service_stat(ctl, "download_bytes", web_totals.get_bytes);
  service_stat(ctl, "refused_requests", web_totals.refused);
  put_stats(ctl);
}

/* Bodies that are under way are not in a trace: their files are not. */
static void
snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "total", true)) {
    SNAPSHOT_INT(k, received);
    SNAPSHOT_INT(k, slots_given);
  }
  store_snapshot(k);
  rates_snapshot(k);
  sweep_snapshot(k);
  handle_snapshot(k);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,      [VERB_REQUEST] = web_request,
  [VERB_BODY] = web_body,         [VERB_ENDED] = web_ended,
  [VERB_DIVERT] = web_divert,     [VERB_CANCEL] = web_cancel,
  [VERB_STOP] = web_stop,         [VERB_GO] = web_go,
  [VERB_MADE] = ends_made,        [VERB_ENDING] = ends_ending,
  [VERB_UPLOAD] = control_upload,
};

static struct service const service = {
  .program = "xmpp-uploadd",
  .handlers = verbs,
  .needs = uploadd_needs,
  .read = uploadd_read,
  .take = take,
  .drop = uploadd_drop,
  .start = start,
  .up = up,
  .down = down,
  .turn = turn,
  .feeds = feeds,
  .stats = stats,
  .awaits = files_bad,
  .snapshot = snapshot,
  .copy = store_copy_all,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
