#include "load.h"

#include <stdio.h>
#include <sys/resource.h>

#define STEPS LATENCY_STEPS

static unsigned int
bucket_of(uint64_t us)
{
  unsigned int log;

  if (us < STEPS) return (unsigned int)us;
  log = (unsigned int)(63 - __builtin_clzll(us));
  return log * STEPS + (unsigned int)(us >> (log - 4)) - STEPS;
}

static uint64_t
value_of(unsigned int bucket)
{
  unsigned int log = bucket / STEPS;

  if (bucket < 4 * STEPS) return bucket < STEPS ? bucket : STEPS;
  return (uint64_t)(bucket % STEPS + STEPS) << (log - 4);
}

void
figures_latency(uint64_t us)
{
  fig->latency[bucket_of(us)]++;
}

uint64_t
figures_cpu(void)
{
  struct rusage r;

  if (getrusage(RUSAGE_SELF, &r) < 0) return 0;
  return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
         (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* Late but new, or here already: the bits tell it for 64 numbers back. */
void
figures_arrived(struct channel *ch, uint64_t n, uint64_t sent_us)
{
  uint64_t back = ch->next_in - 1 - n, ahead = n - ch->next_in;

  fig->received++;
  figures_latency(door_wall() > sent_us ? door_wall() - sent_us : 0);
  if (n >= ch->next_in) {
    if (ahead) fig->misordered++;
    ch->seen = ahead < 63 ? ch->seen << (ahead + 1) | 1 : 1;
    ch->next_in = n + 1;
  } else if (back > 63 || ch->seen >> back & 1) {
    fig->doubled++;
  } else {
    fig->misordered++;
    ch->seen |= (uint64_t)1 << back;
  }
}

void
figures_add(struct figures *to, struct figures const *from)
{
  unsigned int i;

  to->wanted += from->wanted;
  to->online += from->online;
  to->ready += from->ready;
  to->logins += from->logins;
  to->failed += from->failed;
  to->broken += from->broken;
  to->sent += from->sent;
  to->expected += from->expected;
  to->received += from->received;
  to->doubled += from->doubled;
  to->misordered += from->misordered;
  to->cpu_us += from->cpu_us;
  if (!to->begun_us || (from->begun_us && from->begun_us < to->begun_us))
    to->begun_us = from->begun_us;
  if (from->ended_us > to->ended_us) to->ended_us = from->ended_us;
  for (i = 0; i < LATENCY_BUCKETS; i++)
    to->latency[i] += from->latency[i];
}

static uint64_t
percentile(struct figures const *f, unsigned int per_mille)
{
  uint64_t total = 0, seen = 0;
  unsigned int i;

  for (i = 0; i < LATENCY_BUCKETS; i++)
    total += f->latency[i];
  for (i = 0; i < LATENCY_BUCKETS; i++) {
    seen += f->latency[i];
    if (seen > total * per_mille / 1000) return value_of(i);
  }
  return 0;
}

static uint64_t
lost(struct figures const *f)
{
  return f->expected - (f->received - f->doubled);
}

bool
figures_are_good(struct figures const *f)
{
  return !f->failed && !f->broken && !f->doubled && !f->misordered && !lost(f);
}

void
figures_print(struct figures const *f)
{
  double s = f->begun_us ? (double)(f->ended_us - f->begun_us) / 1e6 : 0;
  uint64_t units = f->received ? f->received : f->logins;

  printf("load\tseconds=%.3f\tlogins=%llu\tfailed=%llu\tbroken=%llu\tsent=%llu\t"
         "received=%llu\tlost=%llu\tdoubled=%llu\tmisordered=%llu\trate=%.0f\t"
         "p50_us=%llu\tp99_us=%llu\tp999_us=%llu\tcpu_ms=%llu\n",
         s, (unsigned long long)f->logins, (unsigned long long)f->failed,
         (unsigned long long)f->broken, (unsigned long long)f->sent,
         (unsigned long long)f->received, (unsigned long long)lost(f),
         (unsigned long long)f->doubled, (unsigned long long)f->misordered,
         s > 0 ? (double)units / s : 0, (unsigned long long)percentile(f, 500),
         (unsigned long long)percentile(f, 990), (unsigned long long)percentile(f, 999),
         (unsigned long long)(f->cpu_us / 1000));
}
