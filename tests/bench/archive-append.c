/* The cost of a message in the archive: CPU to put it there, bytes on disk, CPU to give a page
 * of 50. One process, a commit every 500 messages, 250 bytes of XML, so many accounts that
 * talk in pairs. The program says its figures in one record.
 *
 *   build/bench/archive-append FOLDER MESSAGES ACCOUNTS */
#include "archive/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

char const *PROG = "archive-append";

#define PAGE 50
#define TURN 500
#define ROUNDS 20000

static char jids[10000][24];

static double
cpu_us(void)
{
  struct rusage u;

  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double
wall_us(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
append(struct archive *a, unsigned long i, unsigned int accounts)
{
  static char xml[251];
  unsigned int n = (unsigned int)(random() % accounts) & ~1u;
  struct archive_owner const o[] = {
    {n + 1, slice_str(jids[n + 1]), true, false},
    {n + 2, slice_str(jids[n]),     true, false}
  };
  struct archive_text t = {SLICE("user1@example.net/phone"),
                           SLICE("user2@example.net"),
                           SLICE("chat"),
                           SLICE("b1c7d2e6"),
                           SLICE("body store"),
                           SLICE("")};

  if (!*xml) memset(xml, 'x', 250);
  t.xml = slice_of(xml, 250);
  if (!archive_append(a, (uint64_t)i << ARCHIVE_ID_SHIFT, o, 2, &t)) exit(111);
}

/* Pages that begin at a time somewhere in the archive: of all messages, or with a contact. */
static double
pages(struct archive *a, unsigned long messages, struct slice with)
{
  double began = cpu_us();
  unsigned long rounds, got = 0;
  uint64_t place;

  for (rounds = 0; rounds < ROUNDS; rounds++) {
    struct archive_range r;
    struct archive_message m;
    uint64_t at = (uint64_t)random() % messages;
    if (!archive_range_open(a, 1, with, &r) ||
        !archive_range_time(a, &r, at + 1, UINT64_MAX))
      exit(111);
    for (place = r.from; place < r.to && place < r.from + PAGE; place++, got++)
      if (!archive_range_get(a, &r, place, &m)) exit(111);
    archive_commit(a);
  }
  return (cpu_us() - began) / (double)got;
}

int
main(int argc, char **argv)
{
  unsigned long messages = argc == 4 ? strtoul(argv[2], NULL, 10) : 0, i;
  unsigned int accounts = argc == 4 ? (unsigned int)atoi(argv[3]) & ~1u : 0, n;
  struct archive *a;
  struct stat st;
  char path[600];
  double cpu, wall;

  if (!messages || !accounts || accounts > 10000) return 100;
  for (n = 0; n < accounts; n++)
    snprintf(jids[n], sizeof jids[n], "user%u@example.net", n);
  a = archive_open(argv[1], true, 0);
  if (!a) return 111;
  cpu = cpu_us();
  wall = wall_us();
  for (i = 1; i <= messages; i++) {
    append(a, i, accounts);
    if (i % TURN == 0 && !archive_commit(a)) return 111;
  }
  if (!archive_commit(a)) return 111;
  cpu = (cpu_us() - cpu) / (double)messages;
  wall = (wall_us() - wall) / (double)messages;
  snprintf(path, sizeof path, "%s/archive/data.mdb", argv[1]);
  if (stat(path, &st)) return 111;
  printf("append\tappend_cpu_us=%.2f\tappend_us=%.2f\tbytes=%.0f", cpu, wall,
         (double)st.st_blocks * 512 / (double)messages);
  pages(a, messages, SLICE("")); /* maps what the kernel has already */
  printf("\tpage_cpu_us=%.2f", pages(a, messages, SLICE("")));
  printf("\twith_cpu_us=%.2f\n", pages(a, messages, slice_str(jids[1])));
  archive_close(a);
  return 0;
}
