/* Client state. */
#ifndef C2SD_XEP0352_CSI_H
#define C2SD_XEP0352_CSI_H

#include "c2sd.h"
#include "stream.h"

/* XEP-0352: say whether the stanza waits until the client is active again. */
bool csi_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags);

/* Keep the stanza until csi_join, whatever it is, for a session that is on its way here. */
void csi_keep(struct stream *s, struct slice raw, size_t xml);
enum state csi_active(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state csi_inactive(struct stream *s, struct xml_node const *e, struct slice bytes);
void csi_flush(struct stream *s);

/* Move the stanzas that wait for an inactive client into the queue of unacknowledged
 * stanzas, whatever its limits say, without writing them; the client counts as active. A
 * session without stream management is left as it is. */
void csi_join(struct stream *s);
void csi_free(struct csi *c);

/* The stanzas that wait. */
struct sm_queue const *csi_queue(struct csi const *c);

/* The memory that c takes; 0 for NULL. */
size_t csi_bytes(struct csi const *c);

#endif
