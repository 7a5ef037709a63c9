#include "uploadd.h"

#include <skalibs/allreadwrite.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* PUT: the body of a request becomes the file of a slot. The slot is used when the whole file is in
 * place; until then a client may try again. */

#define PUTS_OF_A_SLOT 2
#define SYNCED_AT_ONCE (4u << 20)

/* ---- refusals ---- */

/* The words for the log; the last stands for all that the system says. */
static struct {
  char const *why;
  uint64_t n;
} reasons[] = {
  {"content-range", 0},
  {"disk-full",     0},
  {"docroot-bad",   0},
  {"expired",       0},
  {"if-match",      0},
  {"late",          0},
  {"no-length",     0},
  {"no-such-slot",  0},
  {"service-off",   0},
  {"store-failed",  0},
  {"store-full",    0},
  {"too-many",      0},
  {"used",          0},
  {"wrong-size",    0},
  {"other",         0},
};

#define REASONS_N (sizeof reasons / sizeof *reasons)

static void
count(char const *why)
{
  size_t i = 0;

  while (i + 1 < REASONS_N && strcmp(reasons[i].why, why) != 0)
    i++;
  reasons[i].n++;
}

void
put_stats(struct link *ctl)
{
  size_t i;

  for (i = 0; i < REASONS_N; i++) {
    if (!reasons[i].n) continue;
    link_begin(ctl, VERB_STAT);
    link_str(ctl, "puts_refused");
    link_num(ctl, reasons[i].n);
    link_str(ctl, "reason");
    link_str(ctl, reasons[i].why);
    link_end(ctl);
  }
}

/* The path is not logged: it may be that of a file, or of a slot that is still open. */
static void
refuse(struct web const *w, unsigned int status, char const *why, char const *text)
{
  count(why);
  log_event(LOG_INFO, "upload-refused", "ip", log_peer(w->ip), "status", log_num(status),
            "name", log_text(w->place.name), "why", why, NULL);
  answer_text(w->link, w->id, w->v, status, text);
}

/* ---- before the body ---- */

/* A slot that is not stored may have been used: then its file is there. */
static char const *
why_no_slot(struct web const *w)
{
  struct vhost const *v;
  struct stat st;
  int fd;

  for (v = uploadd.vhosts; v; v = v->next) {
    fd = files_open(v, &w->place, &st);
    if (fd < 0) continue;
    close(fd);
    return "used";
  }
  return "no-such-slot";
}

static bool
find_slot(struct web *w, struct slots_slot *s)
{
  char const *why = NULL;

  if (!slots_get(uploadd.slots, &w->place, s))
    why = why_no_slot(w);
  else if (s->expires_us <= door_wall())
    why = "expired";
  else if (!vhost_find(s->host))
    why = "service-off";
  if (!why) {
    w->v = vhost_find(s->host);
    return true;
  }
  refuse(w, 403, why, "There is no open slot for this URL.\n");
  return false;
}

static bool
check_length(struct web const *w, struct slots_slot const *s)
{
  uint64_t length;

  if (header_of(w, "content-range").s) {
    refuse(w, 400, "content-range", "A part of a file cannot be uploaded.\n");
    return false;
  }
  if (!slice_u64(w->length, &length)) {
    refuse(w, 411, "no-length", "The length of the file is missing.\n");
    return false;
  }
  if (length == s->size) return true;
  refuse(w, 413, "wrong-size", "The slot is for a file of another size.\n");
  return false;
}

static bool
check_others(struct web const *w, struct slots_slot const *s)
{
  struct transfer const *t;
  unsigned int n = 0;

  for (t = transfers; t; t = t->next)
    n += t->is_put && !memcmp(t->slot.key, s->key, SLOTS_KEY);
  if (n < PUTS_OF_A_SLOT) return true;
  refuse(w, 409, "too-many", "The file is being uploaded already.\n");
  return false;
}

/* The share of the disk that stays free is for slots: who has one may fill it. */
static bool
check_disk(struct web const *w, struct slots_slot const *s)
{
  uint64_t percent = uploadd.free_percent;
  enum room room;

  uploadd.free_percent = 0;
  room = files_room(w->v, s->size);
  uploadd.free_percent = percent;
  if (room == ROOM_ENOUGH) return true;
  if (room == ROOM_NONE)
    refuse(w, 500, "docroot-bad", "The file cannot be stored.\n");
  else
    refuse(w, 507, "disk-full", "The disk of the server is full.\n");
  return false;
}

/* ---- the transfer ---- */

static struct slice
keep(char **at, struct slice s)
{
  char *to = *at;

  memcpy(to, s.s, s.len);
  to[s.len] = 0;
  *at += s.len + 1;
  return slice_of(to, s.len);
}

static size_t
room_of(struct web const *w, struct slots_slot const *s)
{
  return w->ip.len + s->host.len + s->owner.len + s->place.folder.len +
         s->place.secret.len + s->place.name.len + s->type.len + 7;
}

static void
keep_slot(struct transfer *t, struct web const *w, struct slots_slot const *s)
{
  char *at = t->texts;

  t->slot = *s;
  t->ip = keep(&at, w->ip);
  t->slot.host = keep(&at, s->host);
  t->slot.owner = keep(&at, s->owner);
  t->slot.place.folder = keep(&at, s->place.folder);
  t->slot.place.secret = keep(&at, s->place.secret);
  t->slot.place.name = keep(&at, s->place.name);
  t->slot.type = keep(&at, s->type);
  t->is_put = true;
  t->file_mode = w->v->file_mode;
  t->dir_mode = w->v->dir_mode;
}

/* s6: a type other than that of the slot is taken. Files are never served with either. */
static void
note_type(struct web const *w, struct slots_slot const *s)
{
  struct slice type = header_of(w, "content-type");

  if (!s->type.len || !type.len || slice_eq(type, s->type)) return;
  log_event(LOG_INFO, "upload-type-differs", "account", log_text(s->owner), "name",
            log_text(s->place.name), "asked", log_text(s->type), "type", log_text(type),
            NULL);
}

/* The body comes as records, and if there is much of it as a descriptor. */
static void
accept(struct web const *w, uint64_t size)
{
  bool diverts = size >= UPLOAD_DIVERT_MIN && link_can_pass(w->link);

  link_begin(w->link, diverts ? VERB_DIVERT : VERB_ACCEPT);
  link_num(w->link, w->id);
  if (diverts) link_num(w->link, size);
  link_end(w->link);
}

/* RFC 9110 s13.1.1: there is nothing yet of which a client could have a tag. If-None-Match holds, for
 * the same reason, and dates are not looked at. */
static bool
check_match(struct web const *w)
{
  if (!header_of(w, "if-match").s) return true;
  refuse(w, 412, "if-match", "There is no file yet.\n");
  return false;
}

void
put_request(struct web *w)
{
  struct transfer *t;
  struct slots_slot s;

  if (!find_slot(w, &s) || !check_length(w, &s) || !check_others(w, &s) ||
      !check_disk(w, &s) || !check_match(w))
    return;
  note_type(w, &s);
  t = transfer_new(w, room_of(w, &s));
  if (!t) {
    refuse(w, 503, "too-many", "Too many files are being uploaded.\n");
    return;
  }
  keep_slot(t, w, &s);
  if (!files_temp(w->v, &t->temp)) {
    bool full = errno == ENOSPC || errno == EDQUOT;
    transfer_free(t);
    refuse(w, full ? 507 : 500, full ? "disk-full" : strerror(errno),
           "The file cannot be stored.\n");
    return;
  }
  accept(w, s.size);
}

/* ---- the body ---- */

/* End a PUT that was accepted. */
void
put_end(struct transfer *t, unsigned int status, char const *why, char const *text)
{
  struct web w = {.link = t->link, .id = t->id, .place = t->slot.place};

  w.ip = t->ip;
  w.v = vhost_find(t->slot.host);
  refuse(&w, status, why, text);
  transfer_free(t);
}

void
put_end_by_errno(struct transfer *t)
{
  bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

  if (!full)
    log_event(LOG_WARN, "upload-failed", "account", log_text(t->slot.owner), "host",
              log_text(t->slot.host), "why", strerror(errno), "do",
              errno == EXDEV ? "let .tmp and the folders of the docroot be on one disk"
                             : NULL,
              NULL);
  put_end(t, full ? 507 : 500, full ? "disk-full" : strerror(errno),
          "The file cannot be stored.\n");
}

/* Dirty pages are written as the file comes, so that the sync at its end is short: what came
 * begins to be written, and the piece before it is waited for. */
static void
write_back(struct transfer *t)
{
  if (t->got - t->synced < SYNCED_AT_ONCE) return;
  sync_file_range(t->temp.fd, (off_t)t->synced, (off_t)(t->got - t->synced),
                  SYNC_FILE_RANGE_WRITE);
  if (t->synced >= SYNCED_AT_ONCE)
    sync_file_range(t->temp.fd, (off_t)(t->synced - SYNCED_AT_ONCE), SYNCED_AT_ONCE,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                      SYNC_FILE_RANGE_WAIT_AFTER);
  t->synced = t->got;
}

void
put_body(struct transfer *t, struct slice bytes)
{
  if (bytes.len > t->slot.size - t->got) {
    put_end(t, 413, "wrong-size", "The slot is for a file of another size.\n");
    return;
  }
  if (allwrite(t->temp.fd, bytes.s, bytes.len) < bytes.len) {
    put_end_by_errno(t);
    return;
  }
  put_took(t, bytes.len);
}

void
put_took(struct transfer *t, size_t n)
{
  t->got += n;
  write_back(t);
}

/* ---- the end ---- */

static void
done(struct transfer *t)
{
  web_totals.puts++;
  web_totals.put_bytes += t->slot.size;
  quota_uploaded(t->slot.owner, t->slot.size);
  log_event(LOG_INFO, "uploaded", "account", log_text(t->slot.owner), "host",
            log_text(t->slot.host), "name", log_text(t->slot.place.name), "bytes",
            log_num(t->slot.size), "ip", log_peer(t->ip), NULL);
  answer_text(t->link, t->id, vhost_find(t->slot.host), 201, "The file is here.\n");
  transfer_free(t);
}

void
put_ended(struct transfer *t)
{
  struct slots_slot stored;

  if (t->got != t->slot.size) {
    put_end(t, 400, "wrong-size", "The file is not whole.\n");
  } else if (store_is_full(slots_store(uploadd.slots))) {
    put_end(t, 507, "store-full", "The disk of the server is full.\n");
  } else if (!slots_get(uploadd.slots, &t->slot.place, &stored)) {
    put_end(t, 403, "used", "The slot was used.\n");
  } else if (!files_finish(&t->temp, &t->slot.place, t->file_mode, t->dir_mode) &&
             errno != EEXIST) {
    put_end_by_errno(t);
  } else if (!slots_del(uploadd.slots, &t->slot)) {
    put_end(t, 500, "store-failed", "The file cannot be stored.\n");
  } else
    done(t);
}
