#include "uploadd.h"

#include <errno.h>
#include <stdlib.h>

/* Accounts that have ended: open slots and files go, in steps; then erased is said. Killed in
 * between, xmpp-authd says ending again, and all is done again from the start. With
 * rm_on_unregister false the files stay where they are, and nothing knows any more whose they
 * were. */

#define QUEUE_MAX 1024u
#define RETRY_US 60000000u

struct ended {
  struct ended *next;
  uint64_t number;
  struct slice bare;
  char text[];
};

static struct ended *first, **last = &first;
static unsigned int queued;
static bool missed; /* the queue was full: what is ending is asked again */
static struct event_timer timer;

static struct {
  bool on;
  struct walk walk;
  size_t folder;
} job;

static bool
all_go(void *cookie, struct walk_file const *f)
{
  (void)cookie;
  (void)f;
  return true;
}

/* The folder that the account would have, if the store knows none: files of an earlier server. */
static struct slice
usual_folder(struct vhost const *v, struct slice bare)
{
  static struct arena arena = ARENA_ZERO;
  struct jid j = jid_cut(bare);

  arena_reset(&arena);
  return name_folder(&arena, v, &j);
}

/* The folder at this place among those of an account; the host whose docroot has it. */
static struct slice
folder_at(struct slice bare, size_t at, struct vhost const **v)
{
  struct slots_owner o;
  struct slice folders, folder;
  size_t i = 0;

  if (!slots_owner(uploadd.slots, bare, &o)) {
    *v = vhost_find(jid_cut(bare).domain);
    return at || !*v ? SLICE("") : usual_folder(*v, bare);
  }
  *v = vhost_find(o.host);
  folders = o.folders;
  while (slice_word(&folders, 0, &folder))
    if (i++ == at) return folder;
  return SLICE("");
}

enum found { FOLDER, NO_FOLDER, NOT_NOW };

/* Open the next folder whose files go. A docroot that is not there has no files; one that cannot be
 * read now may have some. */
static enum found
next_folder(struct slice bare)
{
  struct vhost const *v;
  struct slice folder;

  while ((folder = folder_at(bare, job.folder++, &v)).len) {
    if (!v ||
        !settings_bool(uploadd.settings, "mod_http_upload.rm_on_unregister", v->host))
      continue;
    if (walk_open(&job.walk, v, folder, true)) return FOLDER;
    if (errno != ENOENT) return NOT_NOW;
  }
  return NO_FOLDER;
}

static bool
forget_account(struct ended const *e)
{
  struct slots_owner o;

  struct store *s = slots_store(uploadd.slots);
  bool ok;

  if (!store_erase_begin(s)) return false;
  quota_gone(e->bare);
  ok = slots_owner(uploadd.slots, e->bare, &o) ? slots_del_all(uploadd.slots, o.number) &&
                                                   slots_owner_del(uploadd.slots, e->bare)
                                               : errno == ENOENT;
  store_erase_end(s);
  return ok;
}

static void
tell(uint64_t number)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return; /* authd asks again */
  link_begin(routed, VERB_ERASED);
  link_num(routed, number);
  link_str(routed, "slots");
  link_end(routed);
}

static void
finish(void)
{
  struct ended *e = first;
  struct link *routed = link_find(ROUTED);

  log_event(LOG_INFO, "uploads-erased", "account", log_text(e->bare), "files",
            log_num(job.walk.files), NULL);
  tell(e->number);
  first = e->next;
  if (!first) last = &first;
  free(e);
  queued--;
  job.on = false;
  if (first || !missed || !routed) return;
  missed = false;
  handle_watch(routed, "accounts");
}

static void
on_timer(void *cookie)
{
  enum found found = FOLDER;
  uint64_t wait = 0;

  (void)cookie;
  if (!first) return;
  if (!job.on) {
    job.on = true;
    job.folder = 0;
    found = next_folder(first->bare);
  } else if (!walk_step(&job.walk, UPLOAD_WALK_STEP, all_go, NULL)) {
    walk_close(&job.walk);
    found = next_folder(first->bare);
  }
  if (found == NO_FOLDER && forget_account(first)) {
    finish();
  } else if (found != FOLDER) {
    job.on = false;
    wait = RETRY_US;
  }
  if (first) event_timer_start(&timer, door_now() + wait, on_timer, NULL);
}

/* NUMBER JID ERASED */
void
ends_ending(struct link *l, struct record *r)
{
  uint64_t number = record_u64(r, 1);
  struct slice bare = record_get(r, 2);
  struct ended *e;

  (void)l;
  if (!number || slice_has_word(record_get(r, 3), SLICE("slots"))) return;
  for (e = first; e; e = e->next)
    if (e->number == number) return;
  e = queued < QUEUE_MAX ? calloc(1, sizeof *e + bare.len) : NULL;
  if (!e) {
    missed = true;
    return;
  }
  e->number = number;
  memcpy(e->text, bare.s, bare.len);
  e->bare = slice_of(e->text, bare.len);
  *last = e;
  last = &e->next;
  queued++;
  if (!event_timer_on(&timer)) event_timer_start(&timer, door_now(), on_timer, NULL);
}

void
ends_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}
