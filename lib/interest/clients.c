#include "interest/internal.h"

#include <stdlib.h>

struct slice
client_key(void const *item)
{
  struct client const *c = item;

  return slice_of(c->full, c->len);
}

struct slice
account_key(void const *item)
{
  struct account const *a = item;

  return slice_of(a->bare, a->len);
}

static struct table clients = {.key = client_key}, accounts = {.key = account_key};
static struct numbers client_numbers, account_numbers;

struct client *
client_at(uint32_t i)
{
  return client_numbers.v[i];
}

struct account *
account_at(uint32_t i)
{
  return account_numbers.v[i];
}

struct client *
client_make(struct slice full)
{
  struct client *c = table_get(&clients, full);

  if (c) return c;
  c = calloc(1, sizeof *c + full.len);
  if (!c) return NULL;
  c->len = full.len;
  memcpy(c->full, full.s, full.len);
  c->index = number_take(&client_numbers, c);
  if (c->index && table_put(&clients, c)) {
    interest_totals.clients++;
    return c;
  }
  if (c->index) number_give(&client_numbers, c->index);
  free(c);
  return NULL;
}

void
client_free_if_idle(struct client *c)
{
  if (c->pairs) return;
  table_del(&clients, client_key(c));
  number_give(&client_numbers, c->index);
  interest_totals.clients--;
  free(c->directed);
  free(c);
}

struct account *
account_make(struct slice bare)
{
  struct account *a = table_get(&accounts, bare);

  if (a) return a;
  a = calloc(1, sizeof *a + bare.len);
  if (!a) return NULL;
  a->len = bare.len;
  memcpy(a->bare, bare.s, bare.len);
  a->index = number_take(&account_numbers, a);
  if (a->index && table_put(&accounts, a)) {
    interest_totals.accounts++;
    return a;
  }
  if (a->index) number_give(&account_numbers, a->index);
  free(a);
  return NULL;
}

struct client *
client_find(struct slice full)
{
  return table_get(&clients, full);
}

struct account *
account_find(struct slice bare)
{
  return table_get(&accounts, bare);
}

uint32_t
accounts_used(void)
{
  return account_numbers.used;
}

void
account_free_if_idle(struct account *a)
{
  if (a->chain[0].first || a->chain[1].first) return;
  table_del(&accounts, account_key(a));
  number_give(&account_numbers, a->index);
  interest_totals.accounts--;
  free(a);
}
