#include "invited.h"

#include <errno.h>
#include <string.h>

/* Tokens of invitations (XEP-0445) that have made an account: table invited of DATA/secrets, TOKEN ->
 * bare JID, committed with the keys of the account and before its name (secrets_commit). So of two
 * streams with one token one makes an account, and no kill leaves an account without the mark; a
 * mark without its account is deleted at the next start. xmpp-registerd has settled a token when
 * its own store says so too; then the entry goes. */

static MDB_dbi table;

/* Delete the marks whose accounts a kill has left without a name. */
static bool
delete_rests(void)
{
  char at[INVITED_TOKEN_MAX + 2] = "";
  struct slice from = slice_of(at, 1), key, bare;

  while (store_next(secrets_store(), table, from, &key, &bare)) {
    if (key.len > INVITED_TOKEN_MAX) break;
    memcpy(at, key.s, key.len);
    at[key.len] = 0; /* the first key that is behind it */
    from = slice_of(at, key.len + 1);
    if (!secrets_is_there(bare) && errno == ENOENT &&
        !store_del(secrets_store(), table, slice_of(at, key.len)))
      return false;
  }
  return errno == ENOENT;
}

bool
invited_open(void)
{
  return store_table(secrets_store(), "invited", &table) && delete_rests();
}

bool
invited_holds(struct slice token)
{
  struct slice bare;

  if (!token.len) return true;
  if (token.len <= INVITED_TOKEN_MAX && !store_get(secrets_store(), table, token, &bare))
    return errno == ENOENT;
  errno = ESTALE;
  return false;
}

bool
invited_take(struct slice token, struct slice bare)
{
  return !token.len || store_put(secrets_store(), table, token, bare);
}

bool
invited_of(struct slice token, struct slice *bare)
{
  if (token.len && token.len <= INVITED_TOKEN_MAX)
    return store_get(secrets_store(), table, token, bare);
  errno = ENOENT;
  return false;
}

bool
invited_settle(struct slice token)
{
  if (!token.len || token.len > INVITED_TOKEN_MAX) return true;
  return store_del(secrets_store(), table, token) || errno == ENOENT;
}
