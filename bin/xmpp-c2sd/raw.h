/* -x. */
#ifndef C2SD_RAW_H
#define C2SD_RAW_H

#include "c2sd.h"

bool raw_run(void);

#endif
