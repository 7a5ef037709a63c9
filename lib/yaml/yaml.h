/* yaml: a YAML file as a tree that remembers where everything stood. libyaml parses; this
 * area keeps positions and follows aliases. A map of the tree has all pairs of the file, in
 * their order: a caller joins the maps whose keys mean one option each, as ejabberd does. */
#ifndef YAML_TREE_H
#define YAML_TREE_H

#include "base/base.h"

#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 100000
#define YAML_BYTES_MAX (4u << 20)

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* A node; of a map, its children are the values, each with its key. Lines and columns count
 * from 1. */
struct yaml_node {
  enum yaml_kind kind;
  struct slice text; /* of a scalar */
  bool quoted;       /* stood in double quotes, or as a block */
  char const *file;
  unsigned int line, col;
  struct slice key;
  unsigned int key_line, key_col;
  char const *macro; /* the macro it came from, or NULL */
  struct yaml_node *first, *last, *next;
};

/* A function that takes a message: the caller who reads a file says which. what is error or
 * warning. */
typedef void yaml_say_fn(char const *file, unsigned int line, unsigned int col,
                         char const *what, char const *text);

/* Read the file at path into a tree in arena a. NULL after one message at least; errno is 0
 * for a bad file, else why it cannot be read. */
struct yaml_node *yaml_read(struct arena *a, char const *path, yaml_say_fn *say);

/* Read text into a tree in arena a, as yaml_read does; file is the name of the text in messages. */
struct yaml_node *yaml_parse(struct arena *a, char const *file, struct slice text,
                             yaml_say_fn *say);

/* The first value of a key of a map, or NULL. */
struct yaml_node *yaml_get(struct yaml_node const *map, char const *key);

/* Join the pairs of map that have the same key: the entries of lists and of maps follow each
 * other under the first of them; maps inside are not joined. false, after a message for each,
 * when a key has a scalar twice or values of two kinds, or (once) any two values. The first
 * then stays. */
bool yaml_join(struct yaml_node *map, bool once, yaml_say_fn *say);

/* Put the values of macros (a map, or NULL) in the place of scalars that are their names,
 * everywhere in tree but in keys; inside macros too. false, after a message, for a circle. */
bool yaml_expand(struct arena *a, struct yaml_node *tree, struct yaml_node *macros,
                 yaml_say_fn *say);

#endif
