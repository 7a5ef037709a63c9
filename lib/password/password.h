/* password: how hard a password is to guess. */
#ifndef PASSWORD_H
#define PASSWORD_H

#include "base/base.h"

/* Bits of entropy as mod_register's password_strength counts them: the length in bytes times
 * the binary logarithm of the sum, over the classes that occur, of 26 (lower case), 26 (upper
 * case), 9 (digits), 33 (other printable ASCII) and 128 (any other byte). 0 when empty. */
double password_bits(struct slice password);

#endif
