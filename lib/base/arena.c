#include "base/base.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Blocks form a chain; the first is kept by a reset, so that an arena that serves one
 * stanza after another allocates once. Each block is twice as large as the block before
 * it: the blocks of a large stanza are then maps of their own (service_main has malloc
 * map what is larger than 128 KiB), which go back to the system with the stanza, and
 * pages that no allocation has reached take no memory. */
#define BLOCK_BYTES 8192
#define BLOCK_MAX (1u << 20)

struct arena_block {
  struct arena_block *next;
  size_t used, size;
  alignas(max_align_t) char bytes[];
};

/* A block of at least n bytes, to stand behind the block `before` (NULL: the first). */
static struct arena_block *
block_new(size_t n, struct arena_block const *before)
{
  size_t size = before ? 2 * before->size : BLOCK_BYTES;
  struct arena_block *b;

  if (size > BLOCK_MAX) size = BLOCK_MAX;
  if (size < n) size = n;
  b = malloc(sizeof *b + size);
  if (!b) return NULL;
  b->next = NULL;
  b->used = 0;
  b->size = size;
  return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
  struct arena_block *b = a->block;
  void *p;

  if (n > SIZE_MAX / 2) {
    errno = ENOMEM;
    return NULL;
  }
  n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
  if (!b || b->size - b->used < n) {
    struct arena_block *fresh = block_new(n, b);
    if (!fresh) return NULL;
    if (b)
      b->next = fresh;
    else
      a->first = fresh;
    a->block = b = fresh;
  }
  p = b->bytes + b->used;
  b->used += n;
  return p;
}

struct slice
arena_copy(struct arena *a, struct slice text)
{
  char *p = arena_alloc(a, text.len + 1);

  if (!p) return (struct slice){NULL, 0};
  if (text.len) memcpy(p, text.s, text.len);
  p[text.len] = 0;
  return (struct slice){p, text.len};
}

bool
arena_keep(struct arena *a, struct slice *text)
{
  *text = arena_copy(a, *text);
  return text->s != NULL;
}

static void
free_from(struct arena_block *b)
{
  while (b) {
    struct arena_block *next = b->next;
    free(b);
    b = next;
  }
}

void
arena_reset(struct arena *a)
{
  if (!a->first) return;
  if (a->first->size > BLOCK_BYTES) {
    arena_wipe(a);
    return;
  }
  free_from(a->first->next);
  a->first->next = NULL;
  a->first->used = 0;
  a->block = a->first;
}

void
arena_cleanse(struct arena *a)
{
  struct arena_block *b;

  for (b = a->first; b; b = b->next)
    explicit_bzero(b->bytes, b->used);
  arena_wipe(a);
}

void
arena_wipe(struct arena *a)
{
  free_from(a->first);
  a->first = a->block = NULL;
}
