/* Streams and stanzas of the run before this one. */
#ifndef S2SD_RESTORE_H
#define S2SD_RESTORE_H

/* Go on from the file of streams in the run folder, if there is one. */
void restore_start(void);

#endif
