#include "ctl.h"

#include <stdio.h>
#include <string.h>

/* dns DOMAIN: the targets that xmpp-dnsd finds for a domain, to which xmpp-s2sd connects in their
 * order. */

/* The fields of target, behind its verb (xmpp-records(7)). */
enum { T_HOW = 2, T_PORT, T_NAME, T_ADDRESSES, T_TLSA, T_SIGNED };

static struct {
  char const *word, *text;
} const reasons[] = {
  {"nxdomain", "there is no such domain"                                 },
  {"nodata",   "the domain has neither SRV records nor addresses"        },
  {"dot",      "the domain offers no streams between servers (SRV \".\")"},
  {"servfail", "the name servers fail"                                   },
  {"timeout",  "the name servers do not answer"                          },
  {"bogus",    "the signatures of the records are wrong (DNSSEC)"        },
  {"name",     "this is no name that DNS could have"                     },
};

static char const *
reason(struct slice word)
{
  size_t i;

  for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (slice_is(word, reasons[i].word)) return reasons[i].text;
  return "the answer is not understood";
}

static void
print_field(struct record *r, unsigned int i, char const *before)
{
  struct slice f = record_get(r, i);

  if (f.len) printf("%s%.*s", before, (int)f.len, f.s);
}

/* -r prints the fields as they are. */
static void
print_target(struct record *r, char const *mark)
{
  struct slice tlsa = record_get(r, T_TLSA);
  unsigned int i;

  if (ctl.records) {
    printf("target");
    for (i = T_HOW; i <= T_SIGNED; i++)
      printf("\t%.*s", (int)record_get(r, i).len, record_get(r, i).s);
    printf("\n");
    return;
  }
  printf("%s%s", mark,
         slice_is(record_get(r, T_HOW), "tls") ? "direct TLS" : "STARTTLS  ");
  print_field(r, T_NAME, "  ");
  print_field(r, T_PORT, " port ");
  print_field(r, T_ADDRESSES, "  ");
  print_field(r, T_SIGNED, "  signed: ");
  if (!slice_is(tlsa, "-")) print_field(r, T_TLSA, "  TLSA ");
  printf("\n");
}

static int
print_end(struct record *r, bool some, char const *mark)
{
  struct slice why = record_get(r, 2);

  if (ctl.records)
    printf("resolved\t%.*s\n", (int)why.len, why.s);
  else if (!some)
    printf("%s%s\n", mark, reason(why));
  return some ? 0 : 1;
}

int
lookup(char const *domain, char const *mark)
{
  struct settings_row const *host = settings_next(&ctl.settings, "host", NULL);
  struct client c;
  struct record r;
  bool some = false;
  int rc = 111;

  if (!client_open(&c, SLICE("dnsd"))) return 111;
  client_ask(&c, "resolve", "1", domain, host ? host->value[0].s : "", NULL);
  while (rc == 111 && client_read(&c, &r)) {
    if (slice_is(record_get(&r, 0), "target")) {
      print_target(&r, mark);
      some = true;
    } else if (slice_is(record_get(&r, 0), "resolved")) {
      rc = print_end(&r, some, mark);
    }
  }
  client_close(&c);
  return rc;
}
