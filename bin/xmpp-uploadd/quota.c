#include "uploadd.h"

#include <stdlib.h>

/* Quotas of accounts. What an account has is counted once, by a walk through its folders, and then
 * kept. When that and its open slots are above the hard quota, the oldest files go until they are
 * within the soft one. The slot that was asked for is never refused for that; the walk goes in steps,
 * an account at a time. */

#define OWNERS_MAX 10000u
#define OLDEST 256

struct usage {
  struct usage *next; /* in the queue */
  struct slice owner;
  uint64_t bytes, soft, hard;
  bool known, queued;
  char text[];
};

/* A file that may go. */
struct old {
  uint64_t time_us, size;
  char *path; /* folder, secret and name, a NUL behind each */
};

static struct slice
key_of(void const *item)
{
  return ((struct usage const *)item)->owner;
}

static struct table table = {.key = key_of};
static struct usage *first, **last = &first;
static struct event_timer timer;

/* The walk through the folders of the first of the queue. */
static struct {
  bool on;
  struct walk walk;
  size_t folder; /* place of the next folder among the owner's */
  uint64_t bytes;
  struct old oldest[OLDEST]; /* a heap, the newest of them first */
  size_t n;
} count;

/* ---- accounts ---- */

void
quota_forget(void)
{
  struct table old = table;
  size_t i;

  table = (struct table){.key = key_of};
  for (i = 0; old.slots && i <= old.mask; i++) {
    struct usage *u = old.slots[i].item;
    if (!u) continue;
    u->known = false;
    if (!u->queued || !table_put(&table, u)) {
      if (!u->queued) free(u);
    }
  }
  table_wipe(&old);
}

static struct usage *
usage_of(struct slice owner)
{
  struct usage *u = table_get(&table, owner);

  if (u) return u;
  if (table.n >= OWNERS_MAX) quota_forget();
  u = calloc(1, sizeof *u + owner.len);
  if (!u) return NULL;
  memcpy(u->text, owner.s, owner.len);
  u->owner = slice_of(u->text, owner.len);
  if (table_put(&table, u)) return u;
  free(u);
  return NULL;
}

/* ---- the heap ---- */

static void
swap(struct old *a, struct old *b)
{
  struct old t = *a;

  *a = *b;
  *b = t;
}

static void
sift_up(size_t i)
{
  for (; i && count.oldest[(i - 1) / 2].time_us < count.oldest[i].time_us;
       i = (i - 1) / 2)
    swap(&count.oldest[i], &count.oldest[(i - 1) / 2]);
}

static void
sift_down(size_t n)
{
  size_t i = 0, c;

  while ((c = 2 * i + 1) < n) {
    if (c + 1 < n && count.oldest[c + 1].time_us > count.oldest[c].time_us) c++;
    if (count.oldest[c].time_us <= count.oldest[i].time_us) return;
    swap(&count.oldest[c], &count.oldest[i]);
    i = c;
  }
}

static char *
path_of(struct walk_file const *f)
{
  size_t a = strlen(f->folder) + 1, b = strlen(f->secret) + 1, c = strlen(f->name) + 1;
  char *path = malloc(a + b + c);

  if (!path) return NULL;
  memcpy(path, f->folder, a);
  memcpy(path + a, f->secret, b);
  memcpy(path + a + b, f->name, c);
  return path;
}

static void
keep(struct walk_file const *f)
{
  struct old x = {.size = (uint64_t)f->st.st_size};

  x.time_us =
    (uint64_t)f->st.st_mtim.tv_sec * 1000000u + (uint64_t)f->st.st_mtim.tv_nsec / 1000u;
  if (count.n == OLDEST && count.oldest[0].time_us <= x.time_us) return;
  x.path = path_of(f);
  if (!x.path) return;
  if (count.n < OLDEST) {
    count.oldest[count.n] = x;
    sift_up(count.n++);
    return;
  }
  free(count.oldest[0].path);
  count.oldest[0] = x;
  sift_down(count.n);
}

/* Sort the heap: the oldest first. */
static void
sort(void)
{
  size_t n;

  for (n = count.n; n > 1; n--) {
    swap(&count.oldest[0], &count.oldest[n - 1]);
    sift_down(n - 1);
  }
}

/* ---- the walk ---- */

static bool
on_file(void *cookie, struct walk_file const *f)
{
  (void)cookie;
  count.bytes += (uint64_t)f->st.st_size;
  keep(f);
  return false;
}

/* Open the next folder of an owner; false: there is none. */
static bool
next_folder(struct slice owner)
{
  struct slots_owner o;
  struct slice folders, folder;
  struct vhost const *v;
  size_t i;

  if (!slots_owner(uploadd.slots, owner, &o) || !(v = vhost_find(o.host))) return false;
  folders = o.folders;
  for (i = 0; slice_word(&folders, 0, &folder); i++) {
    if (i < count.folder) continue;
    count.folder = i + 1;
    if (folder.len && walk_open(&count.walk, v, folder, false)) return true;
  }
  return false;
}

static void
free_oldest(void)
{
  while (count.n)
    free(count.oldest[--count.n].path);
}

/* Give the bytes above the soft quota, if all is above the hard one. */
static uint64_t
excess(struct usage const *u, uint64_t number)
{
  struct slots_sum sum = {0};
  uint64_t all;

  slots_sum(uploadd.slots, number, door_wall(), &sum);
  all = u->bytes + sum.bytes;
  return all > u->hard ? all - u->soft : 0;
}

/* Give the number of files that went. */
static uint64_t
delete_oldest(struct usage *u, struct slots_owner const *o)
{
  struct vhost const *v = vhost_find(o->host);
  uint64_t much = excess(u, o->number), bytes = 0, files = 0;
  size_t i;

  for (i = 0; v && i < count.n && bytes < much; i++) {
    char const *folder = count.oldest[i].path, *secret = folder + strlen(folder) + 1;
    if (!walk_delete(v, slice_str(folder), secret, secret + strlen(secret) + 1)) continue;
    bytes += count.oldest[i].size;
    files++;
  }
  u->bytes -= bytes < u->bytes ? bytes : u->bytes;
  if (files)
    log_event(LOG_INFO, "uploads-deleted", "account", log_text(u->owner), "files",
              log_num(files), "bytes", log_num(bytes), "why", "quota", NULL);
  return files;
}

/* The first of the queue is counted. If there are more files to go than the heap has, it is counted
 * again. */
static void
finish(struct usage *u)
{
  struct slots_owner o;
  bool full = count.n == OLDEST;

  u->bytes = count.bytes;
  u->known = true;
  sort();
  full = slots_owner(uploadd.slots, u->owner, &o) && delete_oldest(u, &o) && full &&
         excess(u, o.number);
  free_oldest();
  count.on = false;
  if (full) return;
  first = u->next;
  if (!first) last = &first;
  u->queued = false;
  u->next = NULL;
}

static void
on_timer(void *cookie)
{
  bool more = true;

  (void)cookie;
  if (!first) return;
  if (!count.on) {
    count.on = true;
    count.bytes = count.folder = 0;
    more = next_folder(first->owner);
  } else if (!walk_step(&count.walk, UPLOAD_WALK_STEP, on_file, NULL)) {
    walk_close(&count.walk);
    more = next_folder(first->owner);
  }
  if (!more) finish(first);
  if (first) event_timer_start(&timer, door_now(), on_timer, NULL);
}

/* ---- what happens ---- */

void
quota_slot(struct slice owner, uint64_t number, uint64_t soft, uint64_t hard)
{
  struct usage *u = hard == UINT64_MAX ? NULL : usage_of(owner);

  if (!u) return;
  u->soft = soft;
  u->hard = hard;
  if (u->queued || (u->known && !excess(u, number))) return;
  u->queued = true;
  *last = u;
  last = &u->next;
  if (!event_timer_on(&timer)) event_timer_start(&timer, door_now(), on_timer, NULL);
}

void
quota_uploaded(struct slice owner, uint64_t size)
{
  struct usage *u = table_get(&table, owner);

  if (u) u->bytes += size;
}

void
quota_gone(struct slice owner)
{
  struct usage *u = table_get(&table, owner);

  if (!u) return;
  u->known = false;
  if (u->queued) return;
  table_del(&table, owner);
  free(u);
}
