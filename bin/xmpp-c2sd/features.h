/* The features of a stream. */
#ifndef C2SD_FEATURES_H
#define C2SD_FEATURES_H

#include "c2sd.h"

/* Append the features of s as it stands: before the login, before its resource is bound, or
 * behind that, when XEP-0386 has bound it. false: ENOMEM. */
bool features_cat(struct stream const *s, stralloc *out);

#endif
