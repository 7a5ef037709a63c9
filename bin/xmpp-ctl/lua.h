/* Private to xmpp-ctl: tables that a Lua program has written as text. Nothing is run. */
#ifndef LUA_H
#define LUA_H

#include "base/base.h"

enum lua_kind { LUA_NIL, LUA_BOOLEAN, LUA_NUMBER, LUA_STRING, LUA_TABLE };

struct lua_pair;

/* truth: of a boolean; number; text: of a string; first, last: of a table, in the order of the text. */
struct lua {
  enum lua_kind kind;
  bool truth;
  double number;
  struct slice text;
  struct lua_pair *first, *last;
};

struct lua_pair {
  struct lua key, value;
  struct lua_pair *next;
};

/* Read the next value of *rest, in arena a: behind the word return or, in a list, inside item(...).
 * false: there is none. *wrong is set when the text is no such value. */
bool lua_read(struct arena *a, struct slice *rest, struct lua *out, bool *wrong);

/* Read a document of JSON as Prosody writes it, in arena a: an array has the keys 1, 2, ...; in an object
 * the array "__array" stands for these keys, and "__hash" for keys that are no text, each followed by its
 * value. false: ENOMEM, or the text is no such document. */
bool lua_read_json(struct arena *a, struct slice text, struct lua *out);

/* Put a value behind the others of a table, in arena a. false: ENOMEM. */
bool lua_put(struct arena *a, struct lua *t, struct lua key, struct lua value);

/* The value under a name; under 1, 2, ...; NULL: there is none. */
struct lua const *lua_get(struct lua const *t, char const *name);
struct lua const *lua_at(struct lua const *t, unsigned int i);

/* The text of a string under a name; empty: there is none. */
struct slice lua_text(struct lua const *t, char const *name);

#endif
