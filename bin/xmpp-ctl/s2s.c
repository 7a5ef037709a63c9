#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* Streams with other servers: xmpp-s2sd has them. */

/* The fields of a row of the list, behind its verb. */
enum column {
  DIR = 1,
  FROM,
  TO,
  STATE,
  AUTH,
  TRUST,
  TLS,
  ADDR,
  AGE,
  IDLE,
  IN,
  OUT,
  UNACKED,
  QUEUED,
  BYTES,
  OLDEST,
  VERDICT,
  NEXT,
  COLUMNS_END
};

static void
print_words(struct record *r)
{
  unsigned int i;
  bool some = false;

  for (i = 1; i < r->n; i++) {
    struct slice f = record_get(r, i);
    if (!f.len && !ctl.records) continue;
    printf("%s%.*s", !some ? "" : ctl.records ? "\t" : "  ", (int)f.len, f.s);
    some = true;
  }
  printf("\n");
  fflush(stdout);
}

static struct slice
or_dash(struct record *r, enum column c)
{
  struct slice f = record_get(r, c);

  return f.len ? f : SLICE("-");
}

static void
print_stream(struct record *r)
{
  struct slice from = or_dash(r, FROM), to = or_dash(r, TO), state = or_dash(r, STATE),
               auth = or_dash(r, AUTH), trust = or_dash(r, TRUST), tls = or_dash(r, TLS),
               verdict = record_get(r, VERDICT), next = record_get(r, NEXT);

  if (ctl.records) {
    printf("s2s\t");
    print_words(r);
    return;
  }
  printf("%-3.*s %-24.*s %-24.*s %-11.*s %-8.*s %-4.*s %6llu s  in %llu out %llu queued "
         "%llu  %.*s\n",
         (int)record_get(r, DIR).len, record_get(r, DIR).s, (int)from.len, from.s,
         (int)to.len, to.s, (int)state.len, state.s, (int)auth.len, auth.s,
         (int)trust.len, trust.s, (unsigned long long)record_u64(r, AGE),
         (unsigned long long)record_u64(r, IN), (unsigned long long)record_u64(r, OUT),
         (unsigned long long)record_u64(r, QUEUED), (int)tls.len, tls.s);
  if (verdict.len)
    printf("    %.*s%s%.*s%s\n", (int)verdict.len, verdict.s,
           next.len ? "; next try in " : "", (int)next.len, next.s, next.len ? " s" : "");
}

static bool
is_word(char const *word)
{
  return !strcmp(word, "try") || !strcmp(word, "close") || !strcmp(word, "forget");
}

int
command_s2s(char const *const *argv)
{
  bool acts = argv[0] && is_word(argv[0]);
  struct client c;
  bool ok;

  if ((acts && !argv[1]) || (!acts && argv[0] && argv[1]))
    strerr_dieusage(100,
                    "s2s [ DOMAIN ] | s2s try DOMAIN [ FROM ] | s2s close|forget DOMAIN");
  client_reach(&c, "s2sd");
  if (acts)
    client_ask(&c, "s2s", argv[0], argv[1], argv[2], NULL);
  else
    client_ask(&c, "s2s", "list", argv[0], NULL);
  ok = client_answer(&c, argv[0] && acts ? argv[1] : "s2sd",
                     acts ? print_words : print_stream);
  client_close(&c);
  return ok ? 0 : 1;
}
