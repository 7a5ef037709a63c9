#include "load.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process has only so many files, so the sessions are shared out among several
 * processes. Each counts in memory that all share, and begins to measure when all are
 * ready. */

static struct figures *figures_of;

struct figures *fig;

/* Also when one has failed: the others measure what is there. */
static bool
all_are_ready(void)
{
  static bool announced;
  uint64_t i, online = 0;

  for (i = 0; i < opt.processes; i++) {
    uint64_t ready = __atomic_load_n(&figures_of[i].ready, __ATOMIC_RELAXED);
    if (ready < figures_of[i].wanted &&
        !__atomic_load_n(&figures_of[i].ended_us, __ATOMIC_RELAXED))
      return false;
    online += ready;
  }
  if (fig == figures_of && !announced) {
    announced = true;
    printf("online\t%llu\n", (unsigned long long)online);
    fflush(stdout);
  }
  return true;
}

static bool
run(void)
{
  return event_init() && load_begin(all_are_ready) && event_run();
}

static uint64_t
part(uint64_t whole, uint64_t i)
{
  return whole * (i + 1) / opt.processes - whole * i / opt.processes;
}

/* Process i has users next to each other, in whole groups. */
static void
take_share(uint64_t i)
{
  uint64_t group = opt.kind->group ? opt.kind->group() : 1, groups = opt.sessions / group;

  fig = &figures_of[i];
  opt.first += groups * i / opt.processes * group;
  opt.sessions = part(groups, i) * group;
  opt.parallel = opt.parallel / opt.processes ? part(opt.parallel, i) : 1;
  opt.rate = part(opt.rate, i);
  opt.units = part(opt.units, i);
}

static void
set_wanted(void)
{
  struct options const all = opt;
  uint64_t i;

  for (i = 0; i < all.processes; i++) {
    take_share(i);
    figures_of[i].wanted = opt.kind->comes_and_goes ? 0 : opt.sessions;
    opt = all;
  }
}

/* A process that died has counted only so far. */
static void
buried(pid_t pid, pid_t const pids[], int status)
{
  uint64_t i;

  for (i = 0; i < opt.processes; i++)
    if (pids[i] == pid && status) {
      figures_of[i].failed++;
      figures_of[i].ended_us = door_now();
    }
}

static bool
run_many(void)
{
  pid_t pids[PROCESSES_MAX] = {0}, pid;
  uint64_t i;
  int status;

  for (i = 0; i < opt.processes; i++) {
    pids[i] = fork();
    if (pids[i] < 0) return false;
    if (!pids[i]) {
      take_share(i);
      _exit(run() ? 0 : 111);
    }
  }
  while ((pid = wait(&status)) > 0)
    buried(pid, pids, status);
  return true;
}

bool
processes_run(struct figures *sum)
{
  size_t size = opt.processes * sizeof *figures_of;
  uint64_t i;

  figures_of =
    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (figures_of == MAP_FAILED) return false;
  set_wanted();
  fig = figures_of;
  if (opt.processes > 1 ? !run_many() : !run()) return false;
  for (i = 0; i < opt.processes; i++)
    figures_add(sum, &figures_of[i]);
  return true;
}
