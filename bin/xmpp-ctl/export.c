#include "export.h"

#include "ctl.h"

#include <skalibs/strerr.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* export HOST|JID [FOLDER]: the stores are read as they are, an account at a time, beside the server or
 * without it. In a folder each account has a file of its own, which the file of the host includes
 * (XEP-0227 s4.1). */

static struct {
  char host[JID_MAX + 1], wanted[JID_MAX + 1]; /* wanted: one account; empty: all */
  char const *folder;                          /* NULL: all goes to standard output */
  FILE *main;
  stralloc names; /* accounts of the host, each with NUL behind it */
  uint64_t n;
} job;

static FILE *
create(char const *path)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

  if (!f) strerr_diefusys(111, "make ", path);
  return f;
}

static void
finish(FILE *f)
{
  if (ferror(f) || fflush(f) || (f != stdout && fclose(f)))
    strerr_diefusys(111, "write the export");
}

void
export_flush(struct export *x)
{
  if (fwrite(x->text.s, 1, x->text.len, x->out) != x->text.len)
    strerr_diefusys(111, "write the export");
  x->text.len = 0;
}

/* ---- an account ---- */

static void
write_keys(struct export *x, enum scram_hash h)
{
  struct arena a = ARENA_ZERO;
  size_t len = scram_hash_len(h);
  struct slice salt, stored, server;
  struct scram_keys k;
  char buf[BASE_NUM];

  if (!keys_get(&move.keys, x->number, h, &k)) {
    if (errno != ENOENT) move_fail("read keys");
    return;
  }
  salt = scram_encode(&a, slice_of((char const *)k.salt, k.salt_len));
  stored = scram_encode(&a, slice_of((char const *)k.stored, len));
  server = scram_encode(&a, slice_of((char const *)k.server, len));
  if (!salt.s || !stored.s || !server.s ||
      !xml_cat(&x->text,
               "<scram-credentials xmlns='" NS_PIE_SCRAM "' mechanism='SCRAM-") ||
      !xml_cat(&x->text, scram_hash_name(h)) || !xml_cat(&x->text, "'><iter-count>") ||
      !xml_cat_text(&x->text, num_u64(buf, k.iterations)) ||
      !xml_cat(&x->text, "</iter-count><salt>") || !xml_cat_text(&x->text, salt) ||
      !xml_cat(&x->text, "</salt><server-key>") || !xml_cat_text(&x->text, server) ||
      !xml_cat(&x->text, "</server-key><stored-key>") ||
      !xml_cat_text(&x->text, stored) ||
      !xml_cat(&x->text, "</stored-key></scram-credentials>\n"))
    move_fail("copy keys");
  export_flush(x);
  OPENSSL_cleanse(&k, sizeof k);
  arena_cleanse(&a);
  arena_wipe(&a);
}

static void
write_account(struct export *x, char const *ns)
{
  unsigned int h;

  if (!xml_cat(&x->text, "<user") || !xml_cat(&x->text, ns) ||
      !xml_cat_attr(&x->text, "name", x->local) || !xml_cat(&x->text, ">\n"))
    move_fail("copy a name");
  for (h = 0; h < SCRAM_HASHES; h++)
    write_keys(x, (enum scram_hash)h);
  if (move.roster) export_roster(x);
  if (move.archive) export_waiting(x);
  if (move.profile) export_profile(x);
  if (move.roster) export_blocked(x);
  if (move.pubsub) export_nodes(x);
  if (move.archive) export_archive(x);
  fputs("</user>\n", x->out);
}

/* Stores are read up to a moment: the next account is read as it is then. */
static void
end_read(void)
{
  accounts_commit(move.accounts);
  store_commit(move.secrets);
  if (move.users) store_commit(move.users);
  if (move.nodes) store_commit(move.nodes);
  if (move.archive) archive_commit(move.archive);
}

/* ---- files ---- */

#define NAME_MAX_BYTES 200

/* The name of a file of an account: bytes other than these are % and two digits; a name that would be
 * too long is the number of the account. */
static void
file_name(struct slice local, uint64_t number, char out[NAME_MAX_BYTES + 32])
{
  static char const plain[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    "-_.";
  size_t i, n = 0;

  for (i = 0; i < local.len && n <= NAME_MAX_BYTES; i++) {
    if (strchr(plain, local.s[i]) && (i || local.s[i] != '.'))
      out[n++] = local.s[i];
    else
      n += (size_t)snprintf(out + n, 4, "%%%02x", (unsigned char)local.s[i]);
  }
  out[n] = 0;
  if (n > NAME_MAX_BYTES) snprintf(out, 32, "+%llu", (unsigned long long)number);
}

static void
include(char const *name)
{
  fprintf(job.main, "<xi:include href='%s/", job.host);
  for (; *name; name++)
    if (*name == '%')
      fputs("%25", job.main);
    else
      fputc(*name, job.main);
  fputs(".xml'/>\n", job.main);
}

static void
write_one(char const *bare)
{
  char name[NAME_MAX_BYTES + 32], path[1500];
  struct export x = {.out = job.main, .bare = slice_str(bare), .text = STRALLOC_ZERO};

  x.local = jid_cut(x.bare).local;
  x.number = accounts_number(move.accounts, x.bare);
  if (!x.number) return; /* The account has ended meanwhile. */
  if (job.folder) {
    file_name(x.local, x.number, name);
    snprintf(path, sizeof path, "%.900s/%.255s/%s.xml", job.folder, job.host, name);
    x.out = create(path);
    include(name);
  }
  write_account(&x, job.folder ? " xmlns='" NS_PIE "'" : "");
  if (job.folder) finish(x.out);
  stralloc_free(&x.text);
  end_read();
  job.n++;
}

static bool
note(void *cookie, struct slice bare, uint64_t number)
{
  (void)cookie;
  (void)number;
  if (!slice_is(jid_cut(bare).domain, job.host)) return true;
  if (*job.wanted && !slice_is(bare, job.wanted)) return true;
  if (!stralloc_catb(&job.names, bare.s, bare.len) || !stralloc_0(&job.names))
    move_fail("remember the accounts");
  return true;
}

static void
open_main(void)
{
  char path[1200];

  job.main = stdout;
  if (job.folder) {
    snprintf(path, sizeof path, "%.900s/%.255s", job.folder, job.host);
    if ((mkdir(job.folder, 0700) && errno != EEXIST) || mkdir(path, 0700))
      strerr_diefusys(111, "make ", path);
    strcat(path, ".xml");
    job.main = create(path);
  }
  fprintf(job.main,
          "<server-data xmlns='" NS_PIE "' xmlns:xi='" NS_INCLUDE "'>\n<host jid='%s'>\n",
          job.host);
}

int
command_export(char const *const *argv)
{
  char const *at, *end;
  struct jid j;

  if (!argv[0]) strerr_dieusage(100, "export HOST|JID [FOLDER]");
  j = jid_cut(slice_str(prepared(argv[0])));
  snprintf(job.host, sizeof job.host, "%.*s", (int)j.domain.len, j.domain.s);
  if (j.local.len)
    snprintf(job.wanted, sizeof job.wanted, "%.*s", (int)j.bare.len, j.bare.s);
  job.folder = argv[1];
  if (job.folder) check_path(job.folder);
  move_open_reader();
  if (!accounts_each(move.accounts, note, NULL)) move_fail("read the accounts");
  end_read();
  if (!job.names.len)
    strerr_dief(1, "there is no such account, or no account of ", argv[0]);
  open_main();
  end = job.names.s + job.names.len;
  for (at = job.names.s; at < end; at += strlen(at) + 1)
    write_one(at);
  fputs("</host>\n</server-data>\n", job.main);
  finish(job.main);
  move_close();
  if (job.folder)
    printf(ctl.records ? "exported\t%llu\n" : "%llu accounts\n",
           (unsigned long long)job.n);
  return 0;
}
