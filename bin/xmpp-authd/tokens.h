/* Tokens of FAST (XEP-0484) as they are stored: tokens.c. Mechanisms are in fast.c. */
#ifndef TOKENS_H
#define TOKENS_H

#include "authd.h"

/* Bytes of the characters of a token, and of what a token is made from. */
#define TOKEN_TEXT 43
#define TOKEN_NONCE 16

/* A token of a device. ht HT_NOT: there is none. count is the highest of its client's; is_counted
 * says that there was one, so that the next login needs one too. */
struct token {
  enum ht ht;
  bool is_counted;
  uint64_t count, issued_s, expiry_s;
  unsigned char nonce[TOKEN_NONCE];
};

/* The tokens of a device (XEP-0484 s5.1): next is the one that was issued last and not used yet,
 * current the one before. used_s is the time of the last write for a login, ended_s that of the end
 * of the last token, 0: none has ended. name is what the client calls itself. */
struct device {
  struct token current, next;
  uint64_t used_s, ended_s;
  char name[DEVICE_NAME_MAX + 1];
};

/* A device of an account, as lists have it. */
struct listed {
  unsigned char agent[AGENT_BYTES];
  struct device device;
};

/* Open the table; before all others. */
bool tokens_open(struct store *s);

/* The device agent of the account. false with errno ENOENT: the account has no token for this
 * device, and had none within TOKENS_KNOWN_S (*d is zero); or EIO. */
bool tokens_get(uint64_t number, unsigned char const agent[AGENT_BYTES],
                struct device *d);

/* tokens_put stores d, the device agent of the account, which has a token already. tokens_add stores a
 * device that has had none, or none that is left: if the account has DEVICES_MAX devices, the one
 * unused for the longest loses its tokens. false with errno EIO or ENOSPC. */
bool tokens_put(uint64_t number, unsigned char const agent[AGENT_BYTES],
                struct device const *d);
bool tokens_add(uint64_t number, unsigned char const agent[AGENT_BYTES],
                struct device const *d);

/* Write the characters of the token t of the device, with a NUL behind them. false: OpenSSL
 * failed. */
bool tokens_text(uint64_t number, unsigned char const agent[AGENT_BYTES],
                 struct token const *t, char text[TOKEN_TEXT + 1]);

/* End the tokens of d. */
void device_end(struct device *d);

/* Say whether d has a token that has not expired. */
bool device_is_live(struct device const *d);

/* All devices of the account, also those without tokens; SIZE_MAX with errno EIO. */
size_t tokens_of(uint64_t number, struct listed v[DEVICE_ROWS_MAX]);

/* End all tokens of the account, or erase all of it. false with errno EIO or ENOSPC. */
bool tokens_end(uint64_t number);
bool tokens_erase(uint64_t number);

/* Say, once, whether tokens were written in this turn. */
bool tokens_written(void);

/* The records token of the administrator and of hostd (tokens_control.c). */
void tokens_control(struct link *l, struct record *r);

#endif
