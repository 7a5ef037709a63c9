/* Private to xmpp-captcha. */
#ifndef CAPTCHA_H
#define CAPTCHA_H

#include "base/base.h"

#define WIDTH 200
#define HEIGHT 70
#define TEXT_MAX 12 /* characters that have room */

/* A picture: how much ink each point has, 0 to 255. */
struct picture {
  unsigned char ink[HEIGHT][WIDTH];
};

/* Draw the text, of A to Z and 0 to 9, in the font of a file. NULL, or why not (draw.c). */
char const *draw(struct picture *p, char const *text, char const *font);

/* A random number from least to most. */
double chance(double least, double most);

/* Write the picture as PNG to standard output. false: errno of write, or ENOMEM (png.c). */
bool png_write_stdout(struct picture const *p);

/* Write a question in the language of a tag, and its answers, a line each, to standard output
 * (question.c). false: errno of write. */
bool question(struct slice lang);

#endif
