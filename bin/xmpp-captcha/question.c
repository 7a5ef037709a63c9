#include "captcha.h"

#include <stdio.h>

/* A sum in words: no riddle for a program that was made for this server, but for those that
 * read pictures. */

static struct {
  char const *lang, *question;
  char const *numbers[10];
} const languages[] = {
  {"en",
   "What is %s plus %s?",       {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}    },
  {"de",
   "Wie viel ist %s plus %s?",  {"null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"}},
  {"zh", "%s加%s等于几？", {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}              },
};

bool
question(struct slice lang)
{
  size_t n = sizeof languages / sizeof *languages, i;
  unsigned int a = (unsigned int)chance(1, 6), b = (unsigned int)chance(1, 4);
  struct slice word = {0};

  slice_word(&lang, '-', &word);
  for (i = 0; i < n && !slice_is_nocase(word, languages[i].lang); i++) {
  }
  if (i == n) i = 0;
  for (n = 0; languages[i].question[n]; n++) {
    if (languages[i].question[n] != '%') {
      putchar(languages[i].question[n]);
      continue;
    }
    fputs(languages[i].numbers[a], stdout);
    a ^= b;
    b ^= a;
    a ^= b;
    n++;
  }
  printf("\n%u\n%s\n", a + b, languages[i].numbers[a + b]);
  return !fflush(stdout);
}
