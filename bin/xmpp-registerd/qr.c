#include "web.h"

#include <qrencode.h>

#include <stdio.h>

/* The address of a page as a QR code: SVG, a path of squares, with the quiet zone of four that readers
 * want (ISO/IEC 18004). */

#define QUIET 4

static void
cat_svg(QRcode const *qr)
{
  char buf[160];
  int x, y, w = qr->width;

  snprintf(buf, sizeof buf,
           "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"200\" "
           "viewBox=\"0 0 %d %d\" role=\"img\"><path d=\"",
           w + 2 * QUIET, w + 2 * QUIET);
  page_raw(buf);
  for (y = 0; y < w; y++)
    for (x = 0; x < w; x++)
      if (qr->data[y * w + x] & 1) {
        snprintf(buf, sizeof buf, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
        page_raw(buf);
      }
  page_raw("\"/></svg>\n");
}

void
page_qr(struct slice address)
{
  char z[1024];
  QRcode *qr;

  if (!address.len || address.len >= sizeof z) return;
  snprintf(z, sizeof z, "%.*s", (int)address.len, address.s);
  qr = QRcode_encodeString8bit(z, 0, QR_ECLEVEL_M);
  if (!qr) return;
  page_raw("<p>");
  page_word(W_SCAN);
  page_raw("</p>\n");
  cat_svg(qr);
  QRcode_free(qr);
}
