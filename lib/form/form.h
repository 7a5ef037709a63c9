/* form: data forms (XEP-0004). A form is a table of fields: from the table a form is written,
 * with the present values, and a submitted form is read and checked. */
#ifndef FORM_H
#define FORM_H

#include "xml/xml.h"

#define FORM_NS "jabber:x:data"

/* Kinds of fields (s3.3). */
enum form_kind {
  FORM_BOOLEAN,
  FORM_FIXED,
  FORM_HIDDEN,
  FORM_JID_MULTI,
  FORM_JID_SINGLE,
  FORM_LIST_MULTI,
  FORM_LIST_SINGLE,
  FORM_TEXT_MULTI,
  FORM_TEXT_PRIVATE,
  FORM_TEXT_SINGLE
};

/* Datatypes (XEP-0122) of the values of a field: any text; a number from min to max (max 0: to
 * any); such a number or the word max; a time (XEP-0082). */
enum form_data { FORM_ANY, FORM_NUMBER, FORM_NUMBER_OR_MAX, FORM_TIME };

struct form_option {
  char const *value, *label; /* label may be NULL */
};

struct form_field {
  enum form_kind kind;
  char const *var, *label; /* label may be NULL */
  bool required;           /* a submitted form has a value that is not empty */
  bool open;               /* of a list: values other than the options are taken */
  bool shows_data;         /* the written field names the datatype */
  enum form_data data;
  uint64_t min, max;
  struct form_option const *options; /* of a list, ended by an empty one; NULL: none */
};

/* A row of a table of fields: the kind, var and label, then .MEMBER = what is not zero. */
#define FORM_FIELD(kind_, ...)                                                           \
  {                                                                                      \
    .kind = (kind_), __VA_ARGS__                                                         \
  }

struct form {
  char const *form_type, *title, *instructions; /* the latter two may be NULL */
  struct form_field const *fields;
  size_t fields_n;
  bool strict; /* a submitted form has no other fields */
};

/* The value of a field. A field of several values has list, n of them, the others text. */
struct form_value {
  bool given;        /* the form has the field */
  struct slice text; /* of a boolean 0 or 1; of jid-single prepared, or empty */
  struct slice const *list;
  size_t n;
  /* Of FORM_NUMBER; microseconds of a time; UINT64_MAX of the word max; 0 or 1 of a boolean. */
  uint64_t number;
};

/* ---- reading ---- */

enum form_error {
  FORM_OTHER_TYPE, /* FORM_TYPE is not the form's */
  FORM_UNKNOWN,    /* the form is strict and has no such field */
  FORM_BAD_VALUE,
  FORM_MISSING, /* a required field is absent or empty */
  FORM_NO_MEMORY
};

/* The reason why a form is refused: field is the field at fault, NULL when there is none; text says
 * it in words that name the field. */
struct form_wrong {
  enum form_error error;
  struct form_field const *field;
  struct slice text;
};

/* Read the submitted form x (NULL: a form without fields) into values, one place a field of f, in
 * arena a. A form may lack FORM_TYPE. Of fields with the same var the last counts. An absent
 * value is an empty one, which no boolean, list, number or time has. The caller checks the type
 * of x. false: *wrong says why. */
bool form_read(struct arena *a, struct xml_node const *x, struct form const *f,
               struct form_value *values, struct form_wrong *wrong);

/* form_next gives the element of the next value behind v (NULL: the first) of the field var of form
 * x, or NULL. form_get gives the text of the first value in arena a, empty when there is none. */
struct xml_node const *form_next(struct xml_node const *x, char const *var,
                                 struct xml_node const *v);
struct slice form_get(struct arena *a, struct xml_node const *x, char const *var);

/* Say whether the form x has the field var, with a value or without. */
bool form_has(struct xml_node const *x, char const *var);

/* Say whether the form x has what a required field must have. */
bool form_is_filled(struct arena *a, struct xml_node const *x,
                    struct form_field const *f);

/* ---- writing: all append to out, and give false with errno ENOMEM ---- */

/* Append the whole form, of the type form, submit or result, with values for the fields that are
 * given (values NULL: none is). */
bool form_cat(stralloc *out, char const *type, struct form const *f,
              struct form_value const *values);

/* Append a form in parts: form_open the start, without fields; form_field a field; form_close the
 * end. */
bool form_open(stralloc *out, char const *type, char const *form_type, char const *title,
               char const *instructions);
bool form_field(stralloc *out, struct form_field const *f, struct form_value const *v);
bool form_close(stralloc *out);

/* Append a field in parts: form_field_open the start; form_option an option that is not in the
 * table; form_value a value; form_field_close the end. */
bool form_field_open(stralloc *out, struct form_field const *f);
bool form_option(stralloc *out, struct slice value, struct slice label);
bool form_value(stralloc *out, struct slice value);
bool form_field_close(stralloc *out);

#endif
