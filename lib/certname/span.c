#include "certname/certname.h"

#include <stdio.h>
#include <time.h>

#define DAY_S 86400

int64_t
certname_days(struct certname_span const *s, int64_t now)
{
  int64_t left = s->until - now;

  return left >= 0 ? left / DAY_S : -((-left + DAY_S - 1) / DAY_S);
}

enum certname_age
certname_age(struct certname_span const *s, int64_t now)
{
  if (now >= s->until) return CERTNAME_EXPIRED;
  if (now < s->from) return CERTNAME_EARLY;
  if (s->until - now < CERTNAME_URGENT_DAYS * DAY_S) return CERTNAME_URGENT;
  return s->until - now < CERTNAME_RENEW_DAYS * DAY_S ? CERTNAME_RENEW : CERTNAME_VALID;
}

char const *
certname_say(char buf[CERTNAME_SAID], struct certname_span const *s, int64_t now)
{
  enum certname_age age = certname_age(s, now);
  time_t at = (time_t)(age == CERTNAME_EARLY ? s->from : s->until);
  long days = (long)certname_days(s, now);
  char date[32] = "?";
  struct tm tm;

  if (gmtime_r(&at, &tm)) strftime(date, sizeof date, "%Y-%m-%d", &tm);
  if (age == CERTNAME_EXPIRED)
    snprintf(buf, CERTNAME_SAID, "expired on %s", date);
  else if (age == CERTNAME_EARLY)
    snprintf(buf, CERTNAME_SAID, "is not valid before %s", date);
  else
    snprintf(buf, CERTNAME_SAID, "expires in %ld day%s, on %s%s", days,
             days == 1 ? "" : "s", date, age == CERTNAME_URGENT ? ": renew it now" : "");
  return buf;
}
