#include "load.h"

#include <stdio.h>

/* Latencies are counted in steps of one sixteenth of a power of two: 6 % at most is lost.
 */
#define STEPS 16
#define BUCKETS (64 * STEPS)

struct figures fig;

static uint64_t counts[BUCKETS], total;

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
  counts[bucket_of(us)]++;
  total++;
}

static uint64_t
percentile(unsigned int per_mille)
{
  uint64_t want = total * per_mille / 1000, seen = 0;
  unsigned int i;

  for (i = 0; i < BUCKETS; i++) {
    seen += counts[i];
    if (seen > want) return value_of(i);
  }
  return 0;
}

void
figures_print(void)
{
  double s = (double)(fig.ended_us - fig.begun_us) / 1e6;
  uint64_t units = opt.kind == LOAD_CHAT ? fig.received : fig.logins;

  printf("load\tseconds=%.3f\tlogins=%llu\tfailed=%llu\tbroken=%llu\tsent=%llu\t"
         "received=%llu\tlost=%llu\tdoubled=%llu\tmisordered=%llu\trate=%.0f\t"
         "p50_us=%llu\tp99_us=%llu\tp999_us=%llu\n",
         s, (unsigned long long)fig.logins, (unsigned long long)fig.failed,
         (unsigned long long)fig.broken, (unsigned long long)fig.sent,
         (unsigned long long)fig.received, (unsigned long long)(fig.sent - fig.received),
         (unsigned long long)fig.doubled, (unsigned long long)fig.misordered,
         s > 0 ? (double)units / s : 0, (unsigned long long)percentile(500),
         (unsigned long long)percentile(990), (unsigned long long)percentile(999));
}
