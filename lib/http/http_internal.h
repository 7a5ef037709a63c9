/* Shared between the files of this area. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/http.h"

/* RFC 9110 s5.6.2. */
bool http_is_token_char(char ch);

/* ASCII alone. */
char http_lower(char ch);

/* The value of a hexadecimal digit, or -1. */
int http_hex(char ch);

/* text without blanks and TABs around it. */
struct slice http_trim(struct slice text);

#endif
