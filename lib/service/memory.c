#include "service/service_internal.h"

#include <skalibs/djbunix.h>

#include <malloc.h>
#include <unistd.h>

/* The heap of a daemon: memory that its sessions no longer need goes back to the
 * system. */

/* Bytes of memory that are this process's alone and in the machine; 0: not to be
 * known. */
static size_t
resident(void)
{
  char buf[256];
  ssize_t n = openreadnclose("/proc/self/statm", buf, sizeof buf);
  struct slice rest = slice_of(buf, n > 0 ? (size_t)n : 0), word;
  uint64_t pages[3] = {0}; /* of addresses; in the machine; of those, also in files */
  unsigned int i;

  for (i = 0; i < 3 && slice_word(&rest, ' ', &word); i++)
    if (!slice_u64(word, &pages[i])) return 0;
  return pages[1] > pages[2]
           ? (size_t)(pages[1] - pages[2]) * (size_t)sysconf(_SC_PAGESIZE)
           : 0;
}

/* Give the bytes in the machine beside those in use. */
static size_t
spare(void)
{
  struct mallinfo2 m = mallinfo2();
  size_t all = resident(), used = m.uordblks + m.hblkhd;

  return all > used ? all - used : 0;
}

/* After many sessions have ended the heap is full of holes, and some can never go
 * back: malloc trims when TRIM_BYTES have become spare since it did so last. */
static void
trim(void *cookie)
{
  static struct event_timer timer;
  static size_t rest;
  size_t now;

  (void)cookie;
  link_give_back();
  now = spare();
  if (now > rest + TRIM_BYTES) {
    malloc_trim(0);
    now = rest = spare();
  }
  if (now < rest) rest = now;
  event_timer_start(&timer, door_now() + TRIM_US, trim, NULL);
}

void
memory_trim(void)
{
  trim(NULL);
}

/* Large pieces are maps of their own and go back to the system when they are freed. By
 * itself malloc would, after the first such free, take larger and larger pieces from
 * the heap. */
void
memory_start(void)
{
  mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
}
