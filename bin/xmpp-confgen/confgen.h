/* Private to xmpp-confgen. */
#ifndef CONFGEN_H
#define CONFGEN_H

#include "jid/jid.h"
#include "record/record.h"
#include "record/verbs.h"
#include "yaml/yaml.h"

/* ---- messages (say.c): FILE:LINE:COL: error|warning|note: OPTION.PATH: text ---- */

struct said {
  unsigned int errors, warnings;
};

extern struct said said;
extern bool quiet;

/* About a node: path is the option's, text what is wrong (printf). */
void say_error(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));
void say_warning(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));
void say_note(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));

/* Of the YAML layer. */
yaml_say_fn say_yaml;

/* ---- what comes out (emit.c) ---- */

/* Put a row KEY SCOPE VALUE... into the settings of each program of the bits in to. Values
 * end with a NULL. */
void emit(unsigned int to, char const *key, struct slice scope, ...)
  __attribute__((sentinel));

/* One value from a slice. */
void emit_slice(unsigned int to, char const *key, struct slice scope, struct slice value);

/* Write all settings as the folder dir, in the place of what is there: one rename. uid_base:
 * 0, or each program's files belong to the user uid_base + its place. false with errno. */
bool emit_write(char const *dir, uint32_t uid_base);

/* ---- the table of options (options.c) ---- */

enum scope {
  GLOBAL,  /* once, for all */
  HOST,    /* global, or for a host */
  LISTENER /* of a c2s listener */
};

enum type {
  T_BOOL,
  T_INT,     /* from least to most */
  T_INT_INF, /* or infinity */
  T_TIMEOUT, /* seconds, or a number with a unit; put out in milliseconds */
  T_TIMEOUT_INF,
  T_STRING,
  T_WORD,  /* one of the words */
  T_WORDS, /* one, or a list of, words, put out with blanks between; any case */
  T_LOGLEVEL,
  T_CIPHERS,   /* a string, or a list joined with colons */
  T_TLS_WORDS, /* protocol options: a string, or a list joined with | */
  T_FILE,      /* a path that can be read */
  T_SPECIAL    /* has a reader of its own */
};

enum class {
  MUST,   /* works */
  LATER,  /* accepted; one warning: the program that does it does not exist yet */
  NOTHING /* accepted; one warning: it has no effect here */
};

struct option {
  char const *name;
  enum scope scope;
  enum type type;
  char const *dflt;   /* as it would stand in the file; NULL: none is put out */
  unsigned int owner; /* programs that read it */
  enum class class;
  int64_t least, most; /* of numbers */
  char const *words;   /* of T_WORD, T_WORDS; by blanks */
};

extern struct option const options[];
extern size_t const options_n;

struct option const *option_find(struct slice name, enum scope scope);

/* The option whose name is nearest to a mistyped one; NULL when none is near. */
char const *option_nearest(struct slice name, enum scope scope);

/* Check a value against its row and give its normal form in arena a; s NULL after an error
 * was said. */
struct slice option_value(struct arena *a, struct option const *o,
                          struct yaml_node const *n, char const *path);

/* ---- the parts of a configuration (compile.c, listen.c) ---- */

struct compiling {
  struct arena arena;
  struct yaml_node *top;
  struct slice *hosts;
  size_t hosts_n;
  char const *home;
  char const *dev_certs; /* a folder whose certificates are added, or NULL */
  bool no_files;
  char const *file;
};

extern struct compiling job;

/* Read, check and compile the file into rows. false when there was an error. */
bool compile(char const *file);

/* The rows of listen; the rows of tabber. */
void compile_listen(struct yaml_node const *listen);
void compile_tabber(struct yaml_node const *tabber);

#endif
