#include "invited.h"

#include <errno.h>

/* Tokens of invitations (XEP-0445) that have made an account: table invited of DATA/secrets, TOKEN ->
 * bare JID, written in the commit that makes the account. So of two streams with one token one makes
 * an account, and no kill leaves an account without the mark or a mark without the account.
 * xmpp-registerd has settled a token when its own store says so too; then the entry goes. */

static MDB_dbi table;

bool
invited_open(void)
{
  return store_table(secrets_store(), "invited", &table);
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
