/* Certificates of peers (XEP-0178). */
#ifndef S2SD_XEP0178_EXTERNAL_H
#define S2SD_XEP0178_EXTERNAL_H

#include "stream.h"

/* Take an element of SASL on an incoming stream. */
void external_element(struct stream *s, struct xml_node const *e);

#endif
