#include "uploadd.h"

/* upload sweep: delete the files whose days are over, and answer FILES BYTES. upload slot HOST SIZE:
 * give a slot for a file of the server's own, and answer its URLs and max_size. upload drop HOST:
 * delete such files and slots. */

static bool
all_go(void *cookie, struct walk_file const *f)
{
  (void)cookie;
  (void)f;
  return true;
}

static void
drop(struct link *l, struct vhost const *v)
{
  struct slots_owner o;
  struct walk w;

  if (slots_owner(uploadd.slots, v->host, &o)) slots_del_all(uploadd.slots, o.number);
  if (walk_open(&w, v, SLICE(CHECK_FOLDER), true)) {
    walk_step(&w, UPLOAD_WALK_STEP, all_go, NULL);
    walk_close(&w);
  }
  service_done(l);
}

static void
slot(struct link *l, struct vhost const *v, uint64_t size)
{
  static stralloc put = STRALLOC_ZERO, get = STRALLOC_ZERO;
  uint64_t max = v->max_size == UINT64_MAX ? 0 : v->max_size;

  if (v->secret.len) {
    service_error(l, "another server takes the files (external_secret)");
  } else if (!size || files_room(v, size) != ROOM_ENOUGH) {
    service_error(l, files_bad() ? files_bad() : "the disk is full");
  } else if (!slot_for_check(v, size, &put, &get) || !stralloc_0(&put) ||
             !stralloc_0(&get)) {
    service_error(l, "the slot could not be stored");
  } else {
    service_row(l, put.s, get.s, log_num(max), NULL);
    service_done(l);
  }
}

void
control_upload(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);
  struct vhost const *v = vhost_find(record_get(r, 2));

  if (slice_is(what, "sweep"))
    sweep_now(l);
  else if (!v)
    service_error(l, "the host has no mod_http_upload");
  else if (slice_is(what, "slot"))
    slot(l, v, record_u64(r, 3));
  else if (slice_is(what, "drop"))
    drop(l, v);
  else
    service_error(l, "unknown request");
}
