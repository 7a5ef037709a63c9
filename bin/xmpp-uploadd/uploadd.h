/* Private to xmpp-uploadd: upload slots, and the files. */
#ifndef UPLOADD_H
#define UPLOADD_H

#include "access/access.h"
#include "handle/handle.h"
#include "link/snapshot.h"
#include "service/service.h"
#include "slots/slots.h"

#include <dirent.h>
#include <sys/stat.h>

#define NS_UPLOAD "urn:xmpp:http:upload:0"

/* ---- the settings, and the store (settings.c) ---- */

/* The options of a host with mod_http_upload. All texts live as the settings do. */
struct vhost {
  struct vhost *next;
  struct slice host;
  struct slice domains;          /* of the service, with blanks between */
  struct slice name, card;       /* card: the inside of an element vCard, or empty */
  struct slice docroot;          /* without a slash at its end; NUL behind it */
  struct slice put_url, get_url; /* likewise */
  struct slice secret;           /* external_secret; empty: none */
  uint64_t max_size;             /* UINT64_MAX: no limit */
  uint64_t secret_length;
  uint64_t max_us; /* after which files are deleted; UINT64_MAX: never */
  mode_t file_mode, dir_mode;
  bool node;  /* the first segment is the name of the user */
  bool quota; /* mod_http_upload_quota is on */
};

struct uploadd {
  struct settings const *settings;
  struct slots *slots; /* DATA/slots, ours to write */
  struct access *access;
  struct vhost *vhosts;
  uint64_t open_max, lifetime_us, free_percent, piece, quota_unit, silence_us,
    life_us; /* limits that a test may set */
};

extern struct uploadd uploadd;

/* The two steps of taking settings (service/service.h). */
extern char const *const uploadd_needs[];
void *uploadd_read(struct settings *st);
void uploadd_take(void *fresh, bool first);
void uploadd_drop(void *fresh);

/* Give the host whose service has the domain; whose name is host; NULL: none. */
struct vhost const *vhost_of_domain(struct slice domain);
struct vhost const *vhost_find(struct slice host);

/* Say whether another host before v has the docroot of v. */
bool vhost_shares(struct vhost const *v);

/* ---- names and URLs (names.c) ---- */

/* Give the name under which a file of this name is stored, in arena a: not empty, at most
 * UPLOAD_NAME_MAX bytes. s NULL: ENOMEM. */
struct slice name_clean(struct arena *a, struct slice name);

/* Give the first segment for the files of an account, in arena a. s NULL: ENOMEM. */
struct slice name_folder(struct arena *a, struct vhost const *v, struct jid const *owner);

/* Append url and the three segments, percent-encoded (RFC 3986 s2.1). false: ENOMEM. */
bool name_url(stralloc *out, struct slice url, struct slots_place const *p);

/* Read the last three segments of the path of a URL. false: the path has fewer, or a segment is
 * no name of a file. Texts are in arena a. */
bool name_place(struct arena *a, struct slice path, struct slots_place *out);

/* Give what stands behind the last dot of a name, at most 16 bytes; empty: nothing does. */
struct slice name_extension(struct slice name);

/* ---- slots ---- */

/* Open DATA/slots as uploadd.slots. false, having logged why (slots.c). */
bool store_start(void);
void store_snapshot(struct snapshot *k);

/* Count a slot for owner. false: owner has had UPLOAD_SLOTS_A_SECOND within a second, or ENOMEM
 * (rates.c). */
bool rates_take(struct slice owner);

/* ---- files (files.c) ---- */

/* ROOM_NONE: the docroot cannot be written. */
enum room { ROOM_ENOUGH, ROOM_LITTLE, ROOM_NONE };

/* Say whether the disk of the docroot of v has room for size bytes and the part that stays free. */
enum room files_room(struct vhost const *v, uint64_t size);

/* Words for a docroot that could not be written when it was needed last; NULL: none. */
char const *files_bad(void);

/* Give the docroot of v as a folder, made if it is not there (makes). -1 with errno. */
int files_docroot(struct vhost const *v, bool makes);

/* An upload that is not whole: a file in the folder .tmp of the docroot root. */
#define FILES_TEMP 24

struct temp {
  int root, fd;
  char name[FILES_TEMP + 1];
};

/* Make an empty temporary file. false with errno: t has nothing open. */
bool files_temp(struct vhost const *v, struct temp *t);

/* Close a temporary file, and delete it if it has not become a file. */
void files_temp_close(struct temp *t);

/* Delete what earlier runs have left in the folders .tmp. */
void files_temp_clear(void);

/* Make the temporary file the file of a place, on disk, with these modes. false with errno: EEXIST,
 * the place has a file. */
bool files_finish(struct temp *t, struct slots_place const *p, mode_t file, mode_t dir);

/* Open the regular file of a place below a docroot, and say what it is. -1 with errno ENOENT, or
 * that of open. */
int files_open(struct vhost const *v, struct slots_place const *p, struct stat *st);

/* ---- all files (walk.c) ---- */

/* A walk through the files of a docroot, or of a folder in it. files and bytes are those that were
 * deleted. */
struct walk {
  DIR *root, *folder;
  char only[256], folder_name[256];
  bool prunes, entered, folder_emptied;
  uint64_t files, bytes;
};

struct walk_file {
  char const *folder, *secret, *name;
  struct stat st;
};

/* Begin a walk through the docroot of v, or its folder of this name if that is not empty; prunes:
 * empty folders are deleted. false with errno. */
bool walk_open(struct walk *w, struct vhost const *v, struct slice folder, bool prunes);
void walk_close(struct walk *w);

/* Go on, for at most so many entries of folders, and call fn for each file; one for which fn gives
 * true is deleted. false: the walk is at its end. */
typedef bool walk_fn(void *cookie, struct walk_file const *f);
bool walk_step(struct walk *w, unsigned int most, walk_fn *fn, void *cookie);

/* Delete one file, and its folders if they become empty. false: there is no such file. */
bool walk_delete(struct vhost const *v, struct slice folder, char const *secret,
                 char const *name);

/* ---- deletion ---- */

/* Begin the sweeps; sweep now, and answer ctl at the end; a link has ended (sweep.c). */
void sweep_start(void);
void sweep_now(struct link *ctl);
void sweep_down(struct link const *l);
void sweep_snapshot(struct snapshot *k);

/* An owner, whose number is given, has got a slot under these quotas; has uploaded a file; has ended.
 * quota_forget: files were deleted, so that what was counted is to be counted again (quota.c). */
void quota_slot(struct slice owner, uint64_t number, uint64_t soft, uint64_t hard);
void quota_uploaded(struct slice owner, uint64_t size);
void quota_gone(struct slice owner);
void quota_forget(void);

/* Accounts that end, and that are made (ends.c). */
service_fn ends_ending, ends_made;

/* ---- control (control.c) ---- */

/* The record upload of xmpp-ctl. */
service_fn control_upload;

/* ---- requests of the web (web.c, put.c, get.c, answer.c) ---- */

/* A request record; texts live for the call. place.name.s is NULL when the path names no file. */
struct web {
  struct link *link;
  uint64_t id;
  struct slice method, host, base, path, ip, length, headers;
  struct slots_place place;
  struct vhost const *v; /* the host of the URL, or the first; NULL: there is none */
};

/* A body that comes or goes. */
struct transfer {
  struct transfer *next, **prev;
  struct link *link;
  uint64_t id;
  char key[16]; /* link and id */
  bool is_put, stopped;
  struct slice ip;

  /* of a PUT */
  struct temp temp;
  struct slots_slot slot;
  mode_t file_mode, dir_mode;
  uint64_t got, synced;
  struct event_io pipe;     /* the body as a descriptor; fd -1: none has come */
  struct event_timer timer; /* of the pipe */
  uint64_t pipe_left,
    came_us;         /* bytes of the pipe that are still to come; time of the last ones */
  uint64_t until_us; /* when the whole pipe must have come */
  bool ended;        /* webd has said so */

  /* of a GET */
  int fd;
  uint64_t at, left;

  char texts[];
};

/* The transfers, the oldest first. */
extern struct transfer *transfers;

struct web_totals {
  uint64_t puts, put_bytes, gets, get_bytes, refused;
};

extern struct web_totals web_totals;

/* Make a transfer with n bytes for texts. NULL: ENOMEM, or there are UPLOAD_TRANSFERS_MAX. */
struct transfer *transfer_new(struct web const *w, size_t n);
struct transfer *transfer_find(struct link const *l, uint64_t id);

/* End it: files are closed, what came is deleted. */
void transfer_free(struct transfer *t);

/* Records of webd; link l has come up, or is gone; the end of a turn. */
void web_up(struct link *l);
void web_down(struct link *l);
void web_turn(void);
service_fn web_request, web_body, web_divert, web_ended, web_cancel, web_stop, web_go;

/* A PUT is asked for; bytes of it came; all have. */
void put_request(struct web *w);

/* Tell how many PUTs were refused, by reason. */
void put_stats(struct link *ctl);
void put_body(struct transfer *t, struct slice bytes);
void put_ended(struct transfer *t);

/* The next bytes of a body are in a pipe, which is t's now; close it (pipe.c). */
void pipe_begin(struct transfer *t, int fd, uint64_t len);
void pipe_close(struct transfer *t);

/* So many bytes were written to the file; end the PUT with this status; the file cannot be written,
 * for errno. */
void put_took(struct transfer *t, size_t n);
void put_end(struct transfer *t, unsigned int status, char const *why, char const *text);
void put_end_by_errno(struct transfer *t);

/* GET and HEAD; send a piece of an answer, and say whether more is left. */
void get_request(struct web *w);
bool get_go_on(struct transfer *t);
void get_close(struct transfer *t);

/* Give the value of the header of this name (lower case) of a request; s NULL: it is not there. */
struct slice header_of(struct web const *w, char const *name);

/* ---- answers (answer.c) ---- */

/* Begin an answer of host v (may be NULL): headers are kept until answer_send. The custom headers
 * of v come in the place of others of the same name, but for those of security. */
void answer_begin(struct vhost const *v);
void answer_header(char const *name, struct slice value);
void answer_str(char const *name, char const *value);
void answer_safe(char const *name, char const *value);

/* Send the head of the answer. length UINT64_MAX: it has none. */
void answer_send(struct link *l, uint64_t id, unsigned int status, uint64_t length);
void answer_body(struct link *l, uint64_t id, struct slice bytes);
void answer_end(struct link *l, uint64_t id);

/* The whole answer: a line of text, with the headers that all answers have. */
void answer_text(struct link *l, uint64_t id, struct vhost const *v, unsigned int status,
                 char const *text);

/* The type of a file by its extension (types.c); NULL: unknown. */
char const *type_of(struct vhost const *v, struct slice name);

/* ---- requests of clients (xep0363_slots.c, xep0030_disco.c) ---- */

handle_fn xep0363_request, xep0030_info, xep0030_items, service_card;

extern struct handle_row const handlers[];
extern size_t const handlers_n;

void rates_snapshot(struct snapshot *k);

extern uint64_t slots_given;

/* Give a slot of the host itself, in the folder CHECK_FOLDER, and put its URLs: for xmpp-ctl upload
 * check. false: the store failed, or ENOMEM. */
#define CHECK_FOLDER "check"
bool slot_for_check(struct vhost const *v, uint64_t size, stralloc *put, stralloc *get);

#endif
