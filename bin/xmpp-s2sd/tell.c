#include "tell.h"

#include <stdarg.h>
#include <stdio.h>

void
dial_tell(struct dial const *d, ...)
{
  char const *word;
  char ms[BASE_NUM + 4];
  va_list words;

  if (!d->ctl) return;
  snprintf(ms, sizeof ms, "%llu ms",
           (unsigned long long)((door_now() - d->began_us) / 1000));
  va_start(words, d);
  link_begin(d->ctl, VERB_ROW);
  while ((word = va_arg(words, char const *)))
    link_str(d->ctl, word);
  link_str(d->ctl, ms);
  link_end(d->ctl);
  va_end(words);
}
