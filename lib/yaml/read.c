#include "yaml/yaml.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <yaml.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct anchor {
  struct anchor *next;
  struct slice name;
  struct yaml_node *node;
};

struct reader {
  struct arena *arena;
  yaml_say_fn *say;
  char const *file;
  struct slice text;
  yaml_parser_t parser;
  struct anchor *anchors;
  unsigned int nodes;
  bool failed;
};

static void
complain(struct reader *rd, yaml_mark_t const *m, char const *text)
{
  rd->say(rd->file, (unsigned int)m->line + 1, (unsigned int)m->column + 1, "error",
          text);
  rd->failed = true;
}

/* Files of other formats that people take for YAML: how one of their first lines begins, none of
 * which is YAML's. */
static struct {
  char const *begin, *format;
} const formats[] = {
  {"-- ",             "this is Lua, as Prosody's configuration, and no YAML"                     },
  {"VirtualHost ",    "this is Lua, as Prosody's configuration, and no YAML"                     },
  {"modules_enabled", "this is Lua, as Prosody's configuration, and no YAML"                     },
  {"{hosts,",
   "these are Erlang's terms, as an ejabberd.cfg of before 13.10, and no YAML"                   },
  {"{listen,",
   "these are Erlang's terms, as an ejabberd.cfg of before 13.10, and no YAML"                   },
  {"%% ",             "these are Erlang's terms, as an ejabberd.cfg of before 13.10, and no YAML"},
  {"<",               "this is XML, and no YAML"                                                 },
};

#define FIRST_LINES 60

static char const *
foreign(struct slice text)
{
  struct slice line;
  unsigned int n = 0;
  size_t i;

  while (n++ < FIRST_LINES && slice_word(&text, '\n', &line)) {
    while (line.len && (line.s[0] == ' ' || line.s[0] == '\t'))
      line = slice_of(line.s + 1, line.len - 1);
    for (i = 0; i < sizeof formats / sizeof *formats; i++)
      if (slice_starts(line, formats[i].begin)) return formats[i].format;
  }
  return NULL;
}

/* Line number n, from 0. */
static struct slice
line_of(struct slice text, size_t n)
{
  struct slice line = {0};
  size_t i;

  for (i = 0; i <= n; i++)
    if (!slice_word(&text, '\n', &line)) return (struct slice){0};
  return line;
}

/* Marks of Jinja, Go, ERB, which a file has until a program has filled them in. */
static char const *
unfilled(struct slice line)
{
  static char const *const marks[] = {"{{", "{%", "{#", "<%"};
  size_t i;

  for (i = 0; i < sizeof marks / sizeof *marks; i++)
    if (line.len && memmem(line.s, line.len, marks[i], 2))
      return "this is a template: check the file that is made from it";
  return NULL;
}

/* Advice where no value can begin with a byte: of indentation, or of a value. */
static char const *
no_token(struct slice line)
{
  char const *template = unfilled(line);
  size_t i = 0;

  if (template) return template;
  while (i < line.len && line.s[i] == ' ')
    i++;
  if (i < line.len && line.s[i] == '\t') return "YAML forbids tabs as indentation";
  return "put quotes around a value that begins with @, % or `";
}

/* Advice for the faults that people make most in a file. */
static char const *
hint(struct reader const *rd)
{
  char const *why = rd->parser.problem ? rd->parser.problem : "";
  char const *context = rd->parser.context ? rd->parser.context : "";
  char const *other = foreign(rd->text);

  if (other) return other;
  if (strstr(why, "cannot start any token"))
    return no_token(line_of(rd->text, rd->parser.problem_mark.line));
  if (strstr(why, "expected '-' indicator"))
    return "indent the keys under the dash alike; or a quote above is not closed";
  if (strstr(why, "did not find expected key") && strstr(context, "block mapping"))
    return "indent the keys of a mapping alike, and those of an element under its dash";
  if (strstr(why, "did not find expected") && strstr(context, "block"))
    return "indent the keys under the dash";
  if (strstr(why, "mapping values are not allowed"))
    return "indent the line as the one above; or quote a value that has a colon";
  if (strstr(why, "UTF-8")) return "save the file in UTF-8";
  return NULL;
}

/* The parser has the place of a byte that is no text as an offset alone. */
static yaml_mark_t
place(struct reader const *rd)
{
  yaml_mark_t m = rd->parser.problem_mark;
  size_t i, end = rd->parser.problem_offset;

  if (rd->parser.error != YAML_READER_ERROR) return m;
  m.line = m.column = 0;
  for (i = 0; i < end && i < rd->text.len; i++) {
    m.line += rd->text.s[i] == '\n';
    m.column = rd->text.s[i] == '\n' ? 0 : m.column + 1;
  }
  return m;
}

static void
complain_syntax(struct reader *rd)
{
  yaml_parser_t const *p = &rd->parser;
  yaml_mark_t m = place(rd);
  char text[320], begin[64] = "";
  char const *h = hint(rd);

  if (p->context && (strstr(p->context, "quoted") || strstr(p->context, "flow")))
    snprintf(begin, sizeof begin, ", which begins in line %zu", p->context_mark.line + 1);
  snprintf(text, sizeof text, "%s%s%s%s%s%s", p->problem ? p->problem : "not YAML",
           p->context ? " " : "", p->context ? p->context : "", begin,
           h ? "; hint: " : "", h ? h : "");
  complain(rd, &m, text);
}

static bool
next_event(struct reader *rd, yaml_event_t *ev)
{
  if (yaml_parser_parse(&rd->parser, ev)) return true;
  complain_syntax(rd);
  return false;
}

static struct yaml_node *
new_node(struct reader *rd, enum yaml_kind kind, yaml_mark_t const *m)
{
  struct yaml_node *n;

  if (++rd->nodes > YAML_NODES_MAX) {
    complain(rd, m, "the file has too many values");
    return NULL;
  }
  n = arena_alloc(rd->arena, sizeof *n);
  if (!n) {
    complain(rd, m, "out of memory");
    return NULL;
  }
  memset(n, 0, sizeof *n);
  n->kind = kind;
  n->file = rd->file;
  n->line = (unsigned int)m->line + 1;
  n->col = (unsigned int)m->column + 1;
  n->text = SLICE("");
  return n;
}

static struct slice
copy(struct reader *rd, yaml_char_t const *s, size_t len)
{
  return arena_copy(rd->arena, slice_of((char const *)s, len));
}

static void
set_anchor(struct reader *rd, yaml_char_t const *name, struct yaml_node *n)
{
  struct anchor *an = name ? arena_alloc(rd->arena, sizeof *an) : NULL;

  if (!an) return;
  an->name = copy(rd, name, strlen((char const *)name));
  an->node = n;
  an->next = rd->anchors;
  rd->anchors = an;
}

/* An alias is the same node again, in a copy of its own head: it has a key and a place of its
 * own, and shares the children. What it stands for counts again, or a few lines could grow
 * into more than fits anywhere. */
static unsigned int
count(struct yaml_node const *n, unsigned int limit)
{
  struct yaml_node const *c;
  unsigned int total = 1;

  for (c = n->first; c && total < limit; c = c->next)
    total += count(c, limit - total);
  return total;
}

/* The children of from again under n: joining changes them, and n's are nobody else's. They
 * were counted. */
static bool
copy_children(struct reader *rd, struct yaml_node *n, struct yaml_node const *from)
{
  struct yaml_node const *c;

  for (c = from->first; c; c = c->next) {
    struct yaml_node *mine = arena_alloc(rd->arena, sizeof *mine);
    if (!mine) return false;
    *mine = *c;
    mine->first = mine->last = mine->next = NULL;
    if (n->last)
      n->last->next = mine;
    else
      n->first = mine;
    n->last = mine;
    if (!copy_children(rd, mine, c)) return false;
  }
  return true;
}

static struct yaml_node *
alias(struct reader *rd, yaml_event_t const *ev)
{
  struct slice name = slice_str((char const *)ev->data.alias.anchor);
  struct anchor const *an;
  struct yaml_node *n;

  for (an = rd->anchors; an && !slice_eq(an->name, name); an = an->next) {
  }
  if (!an) {
    complain(rd, &ev->start_mark, "no anchor above has the name of this alias");
    return NULL;
  }
  rd->nodes += count(an->node, YAML_NODES_MAX);
  n = new_node(rd, an->node->kind, &ev->start_mark);
  if (!n) return NULL;
  n->text = an->node->text;
  n->quoted = an->node->quoted;
  if (copy_children(rd, n, an->node)) return n;
  complain(rd, &ev->start_mark, "out of memory");
  return NULL;
}

static void
append(struct yaml_node *parent, struct yaml_node *n)
{
  if (parent->last)
    parent->last->next = n;
  else
    parent->first = n;
  parent->last = n;
}

static bool read_children(struct reader *rd, struct yaml_node *parent,
                          unsigned int depth);

static struct yaml_node *
read_node(struct reader *rd, yaml_event_t *ev, unsigned int depth)
{
  struct yaml_node *n = NULL;

  if (depth > YAML_DEPTH_MAX) {
    complain(rd, &ev->start_mark, "nested too deep");
    return NULL;
  }
  switch ((int)ev->type) {
  case YAML_ALIAS_EVENT: return alias(rd, ev);
  case YAML_SCALAR_EVENT:
    n = new_node(rd, YAML_SCALAR, &ev->start_mark);
    if (!n) return NULL;
    n->text = copy(rd, ev->data.scalar.value, ev->data.scalar.length);
    n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE &&
                ev->data.scalar.style != YAML_SINGLE_QUOTED_SCALAR_STYLE;
    set_anchor(rd, ev->data.scalar.anchor, n);
    return n->text.s ? n : NULL;
  case YAML_SEQUENCE_START_EVENT:
    n = new_node(rd, YAML_LIST, &ev->start_mark);
    if (!n || !read_children(rd, n, depth)) return NULL;
    set_anchor(rd, ev->data.sequence_start.anchor, n);
    return n;
  case YAML_MAPPING_START_EVENT:
    n = new_node(rd, YAML_MAP, &ev->start_mark);
    if (!n || !read_children(rd, n, depth)) return NULL;
    set_anchor(rd, ev->data.mapping_start.anchor, n);
    return n;
  default: complain(rd, &ev->start_mark, "not expected here"); return NULL;
  }
}

static bool
read_pair(struct reader *rd, struct yaml_node *map, yaml_event_t *ev, unsigned int depth)
{
  struct yaml_node *key = read_node(rd, ev, depth + 1), *value;
  yaml_event_t vev;
  char text[160];
  char const *other;

  if (!key) return false;
  if (key->kind != YAML_SCALAR) {
    other = foreign(rd->text);
    if (!other) other = unfilled(line_of(rd->text, ev->start_mark.line));
    snprintf(text, sizeof text, "a key must be a word%s%s", other ? "; hint: " : "",
             other ? other : "");
    complain(rd, &ev->start_mark, text);
    return false;
  }
  if (!next_event(rd, &vev)) return false;
  value = read_node(rd, &vev, depth + 1);
  yaml_event_delete(&vev);
  if (!value) return false;
  if (slice_is(key->text, "<<")) {
    rd->say(rd->file, key->line, key->col, "error", "merge keys (<<) are not supported");
    rd->failed = true;
    return false;
  }
  value->key = key->text;
  value->key_line = key->line;
  value->key_col = key->col;
  append(map, value);
  return true;
}

static bool
read_children(struct reader *rd, struct yaml_node *parent, unsigned int depth)
{
  yaml_event_t ev;
  bool ok = true, end = false;

  while (ok && !end) {
    if (!next_event(rd, &ev)) return false;
    end = ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT;
    if (!end && parent->kind == YAML_LIST) {
      struct yaml_node *n = read_node(rd, &ev, depth + 1);
      ok = n != NULL;
      if (n) append(parent, n);
    } else if (!end)
      ok = read_pair(rd, parent, &ev, depth);
    yaml_event_delete(&ev);
  }
  return ok;
}

static struct yaml_node *
read_document(struct reader *rd)
{
  struct yaml_node *top = NULL;
  yaml_event_t ev;
  char const *other;
  char text[160];
  bool end = false;

  while (!end && !rd->failed) {
    if (!next_event(rd, &ev)) return NULL;
    switch ((int)ev.type) {
    case YAML_STREAM_END_EVENT: end = true; break;
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
      if (top && ev.type == YAML_DOCUMENT_START_EVENT)
        complain(rd, &ev.start_mark, "a second document begins here; there must be one");
      break;
    case YAML_DOCUMENT_END_EVENT: break;
    default: top = read_node(rd, &ev, 1); break;
    }
    yaml_event_delete(&ev);
  }
  if (rd->failed) return NULL;
  if (top && top->kind == YAML_MAP) return top;
  other = foreign(rd->text);
  snprintf(text, sizeof text, "the file must be a mapping of options%s%s",
           other ? "; hint: " : "", other ? other : "");
  rd->say(rd->file, top ? top->line : 1, top ? top->col : 1, "error", text);
  return NULL;
}

static bool
read_text(stralloc *text, char const *path, yaml_say_fn *say)
{
  if (!openslurpclose(text, path)) {
    int e = errno;
    say(path, 1, 1, "error", strerror(e));
    errno = e ? e : EIO;
    return false;
  }
  if (text->len <= YAML_BYTES_MAX) return true;
  say(path, 1, 1, "error", "the file is larger than 4 MiB");
  errno = 0;
  return false;
}

struct yaml_node *
yaml_parse(struct arena *a, char const *file, struct slice text, yaml_say_fn *say)
{
  struct reader rd = {.arena = a, .say = say};
  struct yaml_node *top = NULL;

  /* Editors on Windows begin a file with U+FEFF, which libyaml takes as a column. */
  if (slice_starts(text, "\xef\xbb\xbf")) text = slice_of(text.s + 3, text.len - 3);
  rd.text = text;
  rd.file = arena_copy(a, slice_str(file)).s;
  if (rd.file && yaml_parser_initialize(&rd.parser)) {
    yaml_parser_set_input_string(&rd.parser, (unsigned char const *)text.s, text.len);
    yaml_parser_set_encoding(&rd.parser, YAML_UTF8_ENCODING);
    top = read_document(&rd);
    yaml_parser_delete(&rd.parser);
  }
  errno = 0;
  return top;
}

struct yaml_node *
yaml_read(struct arena *a, char const *path, yaml_say_fn *say)
{
  stralloc text = STRALLOC_ZERO;
  struct yaml_node *top = NULL;

  if (read_text(&text, path, say))
    top = yaml_parse(a, path, slice_of(text.s, text.len), say);
  stralloc_free(&text);
  return top;
}
