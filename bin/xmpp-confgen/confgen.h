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
extern bool quiet;   /* only errors are shown */
extern bool say_all; /* options without effect and notes are shown, not counted */

/* Keep a message about a node for say_flush: path is the option's, text what is wrong (printf).
 * A warning is about security, or about rules that do not do what they seem to; what is lost
 * is a feature; an option without effect changes nothing here. */
void say_error(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));
void say_warning(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));
void say_lost(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));
void say_no_effect(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));
void say_note(struct yaml_node const *n, char const *path, char const *text, ...)
  __attribute__((format(printf, 3, 4)));

/* Write all messages to stderr, the gravest first, and forget them. */
void say_flush(void);

/* Of the YAML layer. */
yaml_say_fn say_yaml;

/* ---- output (emit.c) ---- */

/* Put a row KEY SCOPE VALUE... into the settings of each program of the bits in to. Values
 * end with a NULL. */
void emit(unsigned int to, char const *key, struct slice scope, ...)
  __attribute__((sentinel));

/* Put out a value that a slice has. */
void emit_slice(unsigned int to, char const *key, struct slice scope, struct slice value);

/* Tell xmpp-ctl where in the configuration stands what a program may refuse. */
void emit_origin(char const *key, struct slice scope, struct yaml_node const *n);

/* The rows of a program so far; forget all rows. */
struct slice emit_rows(unsigned int place);
void emit_reset(void);

/* Let program `to` know as which user program p runs, where programs have users. */
void emit_peer(enum program to, enum program p);

/* Make the file path of this mode, for the user uid of group gid; uid 0: for who runs xmpp-confgen. The
 * file is there for nobody else at any moment, and no link is followed. false with errno. */
bool emit_file(char const *path, struct slice text, mode_t mode, uid_t uid, gid_t gid);

/* Write all settings as the folder dir, in the place of what is there: one rename. uid_base:
 * 0, or each program's files belong to the user uid_base + its place. false with errno. */
bool emit_write(char const *dir, uint32_t uid_base);

/* Files of this pattern go into the settings as copies that xmpp-tlsd alone can read: for
 * where it runs as a user who cannot read the originals. false: no memory. */
bool emit_certfile(struct slice pattern);

/* ---- the tables (table.c) ---- */

enum type {
  T_BOOL,
  T_INT,          /* from least to most */
  T_INT_INF,      /* or infinity */
  T_INT_LOW,      /* or below zero, which is as 0 */
  T_INT_FALSE,    /* or false, which is 0 */
  T_INT_NEAR,     /* or outside, which is as the nearest of them, with a warning */
  T_DECIMAL_NEAR, /* the same, or with a fraction, as which the value is put out */
  T_INT_INF_NEAR, /* the same, or infinity */
  T_TIMEOUT,      /* seconds, or a number with a unit; put out in milliseconds */
  T_TIMEOUT_INF,
  T_TIMEOUT_YEAR,     /* or infinity, which is a year */
  T_TIMEOUT_ZERO,     /* or 0 */
  T_TIMEOUT_INF_ZERO, /* or infinity, or 0 */
  T_SECONDS,          /* a number, fractions too; put out in milliseconds */
  T_STRING,
  T_WORD,  /* one of the words */
  T_WORDS, /* a value or a list, put out with blanks between */
  T_LOGLEVEL,
  T_LANG,      /* a language tag */
  T_CIPHERS,   /* a string, or a list joined with colons */
  T_TLS_WORDS, /* protocol options: a string, or a list joined with | */
  T_FILE,      /* a path that can be read */
  T_CAPTCHA,   /* the path of a program that makes captchas */
  T_OCTAL,
  T_REGEXP,
  T_URL,  /* http or https, with a host */
  T_JIDS, /* addresses, one or a list */
  T_IP4,
  T_IP6,
  T_IPS,    /* IP addresses, one or a list */
  T_NETS,   /* IP addresses or networks, one or a list; or all */
  T_ACCESS, /* a rule: its name, all, none, or the rule itself */
  T_SHAPER, /* a shaper: its name, none, or a rule that gives one */
  T_QUOTA,  /* a rule that gives a number; a name without a rule is no quota */
  T_MAP,    /* any mapping: the option has no effect yet */
  T_ANY,    /* any value: the option has no effect yet */
  T_SPECIAL /* has a reader of its own */
};

enum effect {
  WORKS,
  NOTHING /* accepted; it has no effect here */
};

struct option {
  char const *in; /* "": top level; listen; a listener's or other module */
  char const *name;
  enum type type;
  char const *dflt;   /* as it would stand in the file; NULL: none is put out */
  unsigned int owner; /* programs that read it */
  enum effect effect;
  int64_t least, most; /* of numbers */
  char const *words;   /* of T_WORD, T_WORDS; by blanks */
};

struct module {
  char const *name;
  enum effect effect;
  unsigned int owner;
  char const *needs; /* another module, without which this one is an error */
  char const *says;  /* a warning in the place of the one that its effect has */
};

/* An option of an old ejabberd, and the one that took its place. */
struct replaced {
  char const *in, *name, *by;
};

/* An option without effect, and why. */
struct reason {
  char const *in, *name;
  bool lost; /* the server lacks what the option asks for */
  char const *why;
};

extern struct reason const reasons[];
extern size_t const reasons_n;
extern struct replaced const replaced[];
extern size_t const replaced_n;
extern struct option const options[];
extern size_t const options_n;
extern struct module const modules[];
extern size_t const modules_n;

/* ---- values (values.c) ---- */

/* option_find gives the row of an option, module_find that of a module. NULL: not known. */
struct option const *option_find(char const *in, struct slice name);
struct module const *module_find(struct slice name);

/* Say whether one word may be the other mistyped. */
bool word_is_near(struct slice a, struct slice b);

/* The option that took the place of an old one; NULL: none did. */
char const *option_replaced(char const *in, struct slice name);

/* Why an option has no effect (replaced.c); NULL: there is no more to say. */
struct reason const *option_reason(struct option const *o);

/* The name that is nearest to a mistyped one, or that took its place; NULL when none is
 * near. */
char const *option_nearest(char const *in, struct slice name);
char const *module_nearest(struct slice name);

/* Check a value against its row and give its normal form in arena a; s NULL after an error
 * was said. */
struct slice option_value(struct arena *a, struct option const *o,
                          struct yaml_node const *n, char const *path);
/* Say whether a candidate is nearer to a mistyped word than *best, which then is its
 * distance. */
bool word_nearer(struct slice word, char const *candidate, size_t *best);

/* Say whether text is an IP address or a network (address/bits). */
bool is_net(struct slice text);

/* Say that n is not of the type that is wanted, or names a macro that there is not. s NULL. */
struct slice wrong_type(struct yaml_node const *n, char const *path, char const *wanted);

/* Say whether a scalar is written as macros are. */
bool is_macro(struct yaml_node const *n);

/* Say whether text is a word of ejabberd for no limit. */
bool is_infinity(struct slice text);

/* Say whether n is a number with a fraction, as 32.5 (times.c). */
bool is_decimal(struct yaml_node const *n);

/* Give a time in milliseconds, as text in arena a (times.c): seconds_value of a number of seconds
 * with a fraction, timeout_value of a number with a unit, or of infinity where o takes that. s NULL
 * after an error was said. */
struct slice seconds_value(struct arena *a, struct yaml_node const *n, char const *path);
struct slice timeout_value(struct arena *a, struct option const *o,
                           struct yaml_node const *n, char const *path);

/* Of words with blanks between, the one that is nearest to a mistyped name, until the next
 * call; NULL when none is near. */
char const *nearest_word(struct slice name, char const *words);

/* Say whether OpenSSL takes a value: words of protocol options, joined ciphers, and the file of
 * DH parameters that n names. The user hears of an error when not (tls.c). */
bool tls_words_hold(struct option const *o, struct yaml_node const *n, char const *path);
bool tls_ciphers_hold(struct yaml_node const *n, struct slice ciphers, char const *path);
bool tls_dhfile_holds(struct yaml_node const *n, char const *path);

/* The text of a regular expression; s NULL after an error. */
struct slice regexp_value(struct yaml_node const *n, char const *path);

/* ---- access (access.c, references.c) ---- */

/* Put out the acls, rules and shapers of the configuration; for each host that has its own,
 * the whole set again. */
void compile_access(void);

/* The name of the rule that an option's value means: of a defined one (the name is remembered,
 * and looked for at the end), or of the one that stands in its place. s NULL after an error. */
struct slice access_rule(struct yaml_node const *n, char const *path, bool shaper);

/* Give the name of a rule of shapers that gives a number. A name that no rule has is a warning. s
 * NULL after an error. */
struct slice access_quota(struct yaml_node const *n, char const *path);

/* Rules that were named and are not defined: the sample's, with a warning, or an error. */
void compile_missing_rules(void);

/* ---- modules (modules.c) ---- */

void compile_modules(void);

/* Say that nobody knows a module, which n names: a warning for mod_*, which may be somebody's
 * own and did something, else an error. Gives whether it was the warning. */
bool say_unknown_module(struct yaml_node const *n, char const *path, struct slice name);

/* Say whether a module is on for a host. */
bool host_has_module(struct slice host, char const *name);

/* Check the option n of a module, and put out what it says for scope: a host, or a service of the
 * module. in: the mapping that has the option, as messages name it. */
void compile_module_option(struct module const *m, struct yaml_node const *n,
                           char const *in, struct slice scope);

/* Say whether the module has a service of this name for a host, for which it is being compiled. */
bool module_has_name(struct module const *m, struct slice name, struct slice host);

/* ---- append_module_config (appended.c) ---- */

/* Put out the options that the mapping n has for single services of a host's module. false: o is
 * another option. */
bool compile_appended(struct module const *m, struct option const *o,
                      struct yaml_node const *n, char const *path, struct slice host);

/* Refuse the names of which no host has made use; behind all hosts. */
void compile_appended_rest(void);

/* Give the inside of an element vCard that the mapping n describes (vcard.c), in job.arena; s NULL
 * after an error. */
#define VCARD_MAX 65536u
struct slice vcard_value(struct yaml_node const *n, char const *path);

/* ---- options of modules that are lists (nested.c) ---- */

/* Check the option o of a host's module that is a list (T_SPECIAL), and put out a row for each of
 * its entries. key is MODULE.OPTION. */
void compile_nested(struct option const *o, struct yaml_node const *n, char const *path,
                    char const *key, struct slice host);

/* Check the option o of a host's module that is a configuration of nodes, a mapping, and put out
 * its rows (node_config.c). false: key names another option. */
bool compile_node_config(struct option const *o, struct yaml_node const *n,
                         char const *path, char const *key, struct slice host);

/* ---- the parts of a configuration (compile.c, listen.c, tabber.c) ---- */

struct compiling {
  struct arena arena;
  struct yaml_node *top;
  struct slice *hosts;
  size_t hosts_n;
  unsigned int wanted; /* programs of which a module is on */
  char const *home, *log_path, *database_path;
  char const *dev_certs; /* a folder whose certificates are added, or NULL */
  uint32_t uids;         /* 0, or the first of the programs' users */
  char const *users;     /* the file of the services' places, or NULL */
  bool lost; /* the module or listener whose options are compiled does nothing here */
  bool no_files;
  bool as_root; /* the programs that are compiled for run as root */
  bool strict;  /* rules of the sample are not taken */
  bool lenient; /* of two files that say the same option, the included one wins */
  char const *file;
};

extern struct compiling job;

/* Read, check and compile the file into rows. false when there was an error. */
bool compile(char const *file);

/* Give the words of host_config and append_host_config for an option of a host; NULL:
 * they have none. */
struct yaml_node *host_override(struct slice host, char const *option);
struct yaml_node *host_append(struct slice host, char const *option);

/* Warn at n, where a listener has its port, if this machine lets only root open the port and
 * programs do not run as root. */
void check_port(struct yaml_node const *n, uint64_t port);

/* Put out one checked option; as: the scope of its rows. Warns for what has no effect. */
void compile_value(struct option const *o, struct yaml_node const *n, char const *path,
                   char const *key, struct slice as);

/* A value of the table as a node, as if it stood at n. */
struct yaml_node default_node(struct option const *o, struct yaml_node const *n);

/* ---- defaults of modules and listeners (defaults.c) ---- */

/* Begin a configuration; put out the default of an option that the module or listener n of host
 * does not have; at the end, put out those that nobody needed. */
void default_reset(void);

/* Give the default of o: in a file of ejabberd 18.04, that of 18.04. */
char const *default_text(struct option const *o);

void default_put(struct option const *o, struct yaml_node const *n, char const *path,
                 char const *key, struct slice host);
void default_put_rest(void);

/* Say that a name is not known, with the nearest that is. */
void say_unknown(struct yaml_node const *n, char const *path, char const *what,
                 char const *near);

/* Replace the keywords @HOST@, @HOME@... in all strings of a copy of n. host empty: @HOST@
 * is an error. NULL: no memory. */
struct yaml_node *expand_keywords(struct yaml_node const *n, char const *path,
                                  struct slice host);

/* Say whether @HOST@ is in a string of n. */
bool names_host(struct yaml_node const *n);

/* Join into top the files that include_config_file names; check the names of macros
 * (include.c). false after an error. */
bool include_files(struct yaml_node *top, char const *file);
bool check_macros(struct yaml_node const *top);

/* Join the sections of a file that are repeated, and its macros; join repeated keys in all
 * sections, once the macros have their values (repeated.c). The user hears of an error for
 * each key that may be there once. */
void join_sections(struct yaml_node *top);
void join_options(struct yaml_node *top);

/* Take out the options whose value is the word undefined (undefined.c). */
void drop_undefined(struct yaml_node *top);

/* Say whether n is a mapping; the user hears of an error when not. */
bool expect_map(struct yaml_node const *n, char const *path);

void compile_listen(struct yaml_node const *listen);

/* Put out the handlers of a listener of module ejabberd_http, and its fields of answers; the
 * aliases of hosts (web.c). */
void compile_web_listener(struct yaml_node const *n, struct slice listener);

/* Note a listener of xmpp-c2sd or xmpp-s2sd, of which host-meta tells when direct. */
void compile_web_note(enum program serves, bool direct, uint64_t port);

/* Behind all listeners and modules: warn of a host-meta that has nothing to tell; give
 * xmpp-webd the ports of listeners with direct TLS, if tabber.web.ips may be told. */
void compile_web_end(void);
void compile_hosts_alias(void);

/* Say whether a section of the table has options of listeners that work. */
bool listen_has(char const *in);

/* Put out the common settings anew: an instance of each program, tabber's own options,
 * the links between programs. */
void compile_reset_instances(void);
void compile_tabber(struct yaml_node const *tabber); /* NULL: the defaults */
void compile_topology(void);

/* The services of the administrator (services.c): forget those of the last configuration; take
 * tabber.services; write their settings into the folder dir, and their places into the file
 * --users. false with errno. */
void services_reset(void);
void compile_services(struct yaml_node const *n); /* NULL: tabber.services is not there */
void services_monitor(void);                      /* a handler tabber_metrics is there */
bool services_write(char const *dir);
bool services_write_places(void);

/* Put out tabber's own options of a host: in the place of the common ones, or (adds)
 * beside them. */
void compile_host_tabber(struct yaml_node const *tabber, struct slice host, bool adds);

/* Put out tabber.pages (pages.c). */
void compile_pages(struct yaml_node const *n);

void compile_certfiles(struct yaml_node const *n);

/* Read the files that a pattern of certfiles matches; an error for those that are bad
 * (certs.c). */
void certs_pattern(struct yaml_node const *n);

/* Warn for each host without a certificate that names it and whose key is there, and of those
 * that expire soon; an error when a listener demands TLS and there is none at all (certs.c). */
void check_certificates(struct yaml_node const *certfiles);

/* Put the A-labels of a host into the settings, for DNS and certificates: nothing for an
 * address, or a name that DNS cannot have (certs.c). */
void certs_host(struct slice host);

/* Do the same for the name of a service, and remember it: there must be a certificate for
 * it too. */
void certs_service(struct slice name);

/* ---- commands (commands.c) ---- */

/* Write the settings into a new folder below /tmp, whose name is put into dir; the caller takes it
 * away. false with errno. */
bool commands_settings(char dir[64]);

int command_explain(char const *path);
int command_why(char const *jid, char const *ip, char const *rule);
int command_diff(char const *old_file, char const *new_file);
int command_list(void);

/* ---- web servers in front (front.c) ---- */

int command_web(char const *server);

#endif
