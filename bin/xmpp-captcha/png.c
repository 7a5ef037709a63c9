#include "captcha.h"

#include <png.h>

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>

/* Eight shades are enough for the eye, and keep the file small. */
#define SHADES 8

/* From a light ground to a dark ink, both of random color. */
static void
make_palette(png_color palette[SHADES])
{
  double light[3], dark[3];
  unsigned int i;

  for (i = 0; i < 3; i++) {
    light[i] = chance(215, 255);
    dark[i] = chance(0, 110);
  }
  for (i = 0; i < SHADES; i++) {
    double part = i / (SHADES - 1.0);
    palette[i].red = (png_byte)(light[0] + (dark[0] - light[0]) * part);
    palette[i].green = (png_byte)(light[1] + (dark[1] - light[1]) * part);
    palette[i].blue = (png_byte)(light[2] + (dark[2] - light[2]) * part);
  }
}

static void
write_rows(png_structp png, png_infop info, struct picture const *p)
{
  png_color palette[SHADES];
  png_byte row[WIDTH];
  unsigned int x, y;

  make_palette(palette);
  png_init_io(png, stdout);
  png_set_compression_level(png, 4); /* 9 takes six times the time for a twentieth */
  png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_PLTE(png, info, palette, SHADES);
  png_write_info(png, info);
  for (y = 0; y < HEIGHT; y++) {
    for (x = 0; x < WIDTH; x++)
      row[x] = (png_byte)(p->ink[y][x] * SHADES / 256);
    png_write_row(png, row);
  }
  png_write_end(png, info);
}

bool
png_write_stdout(struct picture const *p)
{
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png ? png_create_info_struct(png) : NULL;

  errno = info ? 0 : ENOMEM;
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    return false;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  write_rows(png, info, p);
  png_destroy_write_struct(&png, &info);
  return !fflush(stdout);
}
