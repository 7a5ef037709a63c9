/* Private to xmpp-ctl. */
#ifndef CTL_H
#define CTL_H

#include "record/record.h"
#include "settings/settings.h"

#include <stdio.h>

/* Words of the command line and of the state folder. */
struct ctl {
  char const *state;        /* the folder */
  struct settings settings; /* STATE/settings/xmpp-ctl */
  bool records;             /* -r */
  bool generate;            /* --generate */
  bool force;               /* --force */
  bool monitors;            /* metrics serve: the sockets for figures are asked */
};

extern struct ctl ctl;

/* Bytes of the state folder, and of folders that are named on the command line: paths within them fit
 * into the buffers of all commands. */
#define CTL_PATH_MAX 400

/* Exit with 100, having said why, when path is longer than CTL_PATH_MAX. */
void check_path(char const *path);

/* The path from the root on: programs that are told of it have working folders of their own. It is never
 * freed. */
char const *absolute(char const *path);

/* Exit with 111: the settings could not be read, with errno. Standard error has the reason in words. */
_Noreturn void settings_die(void);

/* ---- talking to a daemon (client.c) ---- */

struct client {
  int fd;
  stralloc in, out;
  size_t at; /* of in: where the next line begins */
};

/* Connect to the control socket of an instance ("c2sd-2"), or as a monitor to the one for figures.
 * false with errno. */
bool client_open(struct client *c, struct slice instance);

/* Connect as client_open does, to an instance that a command needs. Without it the command ends:
 * with 1 when the configuration has no such program, with 111 when the program cannot be reached;
 * standard error says which. */
void client_reach(struct client *c, char const *instance);
void client_close(struct client *c);

/* Put one request; words end with NULL. Nothing is sent before the first client_read or
 * client_flush. */
void client_ask(struct client *c, char const *verb, ...) __attribute__((sentinel));

/* Send what was put: for requests without an answer. false with errno. */
bool client_flush(struct client *c);

/* The next record of the answer. false with errno (EPIPE: the daemon hung up). */
bool client_read(struct client *c, struct record *r);

/* Read an answer to its end, giving rows and stats to fn (may be NULL). true for done;
 * false for an error, whose text was printed. */
typedef void client_row_fn(struct record *r);
bool client_answer(struct client *c, char const *who, client_row_fn *fn);

/* ---- accounts (account.c, import.c) ---- */

/* Room for an address of 511 bytes and a password of 1023, and for more that authd
 * refuses in its own words. */
#define LINE_ROOM 4096

/* Read a line of standard input, without its end, into buf. NULL when the line was read,
 * or the words for its fault: the rest of the line has been skipped. *end: input has
 * ended. */
char const *account_read_line(char buf[LINE_ROOM], bool *end);

/* Make an account of each line of standard input, by requests to authd. The exit code. */
int account_import(struct client *c);

/* ---- ends of accounts (erase.c) ---- */

/* End an account and its sessions, and await its end for some seconds; await it longer and, if it
 * proves, print how many keys of the account each store has left; print which accounts are ending.
 * The exit code. */
int account_del(struct client *c, char const *jid);
int account_erase(struct client *c, char const *jid, bool proves);
int account_list_ending(struct client *c);

/* ---- backups (backup.c, restore.c) ---- */

/* The first line of the manifest of a backup. Lines behind it: version, time, config
 * FILE PATH, included FILE PATH, store NAME BYTES, certificate PATTERN; TABs between the words. */
#define BACKUP_MAGIC "tabber-backup\t1"

/* false: the folder has something in it, or cannot be read. */
bool folder_is_empty(char const *path);

/* Exit with 1, having said why, unless the server is stopped, and hold STATE/lock until the end of the
 * process: no program of the server starts meanwhile. */
void check_stopped(void);

/* Put the folder next in the place of STATE/data, which is set aside: its new name has been
 * printed. false with errno: then nothing has changed. */
bool data_exchange(char const *next);

/* ---- processes and programs as they are (process.c, look.c) ---- */

struct process {
  pid_t pid;        /* 0: none, or not to be known */
  uint64_t since_s; /* the second since 1970 when it started */
  uint64_t cpu_us, memory;
};

/* Read the facts of the process at the other end of a control socket, or of the one
 * that a supervisor (s6, runit) runs in STATE/service/name. */
struct process process_of_client(struct client const *c);
struct process process_of_service(struct slice name);

/* How often the program of STATE/service/name has ended since the server was started,
 * and with which exit code the last time (256: by a signal). false: never. */
bool process_ended(struct slice name, uint64_t *times, uint64_t *code);

/* The last line of the log of a program, without its time; "" when there is none.
 * Lives until the next call. */
char const *process_last_line(struct slice name);

enum look_state { LOOK_UP, LOOK_WAITS, LOOK_HANGS, LOOK_DOWN };

/* A program or a service of the administrator. Empty texts are not known. */
struct look {
  struct slice name;
  enum look_state state;
  struct process process;
  uint64_t restarts, queued;
  bool has_queue;
  char awaits[512]; /* for what it waits; or, of one that is up, what is missing */
  char version[64];
  char error[512]; /* the last warning of its log, and when */
  uint64_t error_s;
};

/* Look at an instance, or a service. Stat records are given to on_stat, rows of the
 * verb status to on_row (both may be NULL). */
void look_at_program(struct slice instance, struct look *l, client_row_fn *on_stat,
                     client_row_fn *on_row);
void look_at_service(struct settings_row const *row, struct look *l);

/* The certificate that is shown for a host. */
struct look_certificate {
  char file[512], names[1100];
  uint64_t from, until;
  bool fits; /* the file has the name of the host */
};

/* Ask a program of tlsd. false: none runs, or there is no certificate, as *asked says. */
bool look_at_certificate(struct slice host, struct look_certificate *c, bool *asked);

/* ---- figures (metrics.c, monitor.c) ---- */

/* Gather the figures of all programs, and write them to out in the text format of Prometheus. */
void metrics_write(FILE *out);

/* Be the web service of the handler tabber_metrics: answer requests of xmpp-webd with the figures,
 * until the link ends. The exit code. */
int metrics_serve(void);

/* ---- names (lookup.c) ---- */

/* Have xmpp-dnsd look the domain up, and print its targets, or why there are none, with mark before
 * each line. 0: there are some; 1: there are none; 111: xmpp-dnsd cannot be asked. */
int lookup(char const *domain, char const *mark);

/* ---- requests of HTTP (fetch.c) ---- */

/* An answer: its status and body; or the hop that failed (dns, connect, tls, http) and why. reply is
 * the caller's to free. */
struct fetched {
  char const *hop; /* NULL: there is an answer */
  char why[160], location[512];
  unsigned int status;
  struct slice body;
  stralloc reply;
};

/* Make a request with this body; length is what the head says of it, 0: nothing. */
void fetch(char const *method, struct slice url, struct slice body, uint64_t length,
           struct fetched *f);

/* ---- commands ---- */

/* Each takes the words behind its name and gives the exit code. */
typedef int command_fn(char const *const *argv);
command_fn command_account, command_sessions, command_session, command_stats,
  command_reload, command_wait, command_stop, command_trace, command_dns, command_archive,
  command_du, command_backup, command_restore, command_host, command_upgrade,
  command_status, command_metrics, command_s2s, command_upload, command_rooms,
  command_room, command_ban, command_pubsub, command_push, command_invite, command_token,
  command_contact, command_import, command_export;

/* The address as programs know it, prepared; it lives until the next call. Exits with
 * 1 when it is none. */
char const *prepared(char const *jid);

/* Have routed end the session of a full JID, or all of a bare one, with a stream error
 * (RFC 6120 s4.9.3). 0; 111 when routed cannot be reached; with must_be 1 when there is
 * no such session, else no answer is awaited. An error has been printed. */
int session_end(char const *jid, char const *condition, bool must_be);

/* Run a command to its end: true when it gave 0. */
bool run(char const *const *argv);

#endif
