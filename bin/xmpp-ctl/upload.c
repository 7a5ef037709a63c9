#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* Uploaded files: xmpp-uploadd has them. */

static void
print_swept(struct record *r)
{
  struct slice files = record_get(r, 1), bytes = record_get(r, 2);

  printf(ctl.records ? "swept\t%.*s\t%.*s\n" : "%.*s files deleted, %.*s bytes\n",
         (int)files.len, files.s, (int)bytes.len, bytes.s);
}

static int
sweep(void)
{
  struct client c;
  bool ok;

  client_reach(&c, "uploadd");
  client_ask(&c, "upload", "sweep", NULL);
  ok = client_answer(&c, "uploadd", print_swept);
  client_close(&c);
  return ok ? 0 : 1;
}

/* ---- check ---- */

#define CHECK_BYTES 1000

static struct {
  char put[2048], get[2048];
  uint64_t max_size;
} slot;

static void
take_slot(struct record *r)
{
  struct slice put = record_get(r, 1), get = record_get(r, 2);

  snprintf(slot.put, sizeof slot.put, "%.*s", (int)put.len, put.s);
  snprintf(slot.get, sizeof slot.get, "%.*s", (int)get.len, get.s);
  slot.max_size = record_u64(r, 3);
}

static bool
ask_for(char const *what, char const *host, uint64_t size)
{
  char number[BASE_NUM];
  struct client c;
  bool ok;

  client_reach(&c, "uploadd");
  client_ask(&c, "upload", what, host, num_u64(number, size).s, NULL);
  ok = client_answer(&c, host, take_slot);
  client_close(&c);
  return ok;
}

static int
failed(char const *method, char const *url, char const *hop, char const *why)
{
  printf(ctl.records ? "failed\t%s\t%s\t%s\t%s\n" : "%s %s: %s: %s\n", method, url, hop,
         why);
  return 1;
}

/* Say what an answer that was not wanted means; its text tells xmpp-uploadd from others. */
static int
explain(char const *method, char const *url, struct fetched const *f)
{
  char why[700];
  bool ours;

  /* Without an answer there is no body: its text is NULL. */
  if (f->hop) return failed(method, url, f->hop, f->why);
  ours = memmem(f->body.s, f->body.len, "There is no open slot", 21) ||
         memmem(f->body.s, f->body.len, "The slot", 8) ||
         memmem(f->body.s, f->body.len, "The file", 8);
  if (f->status / 100 == 3)
    snprintf(why, sizeof why, "redirected to %s: clients do not follow", f->location);
  else if (f->status == 413 && !ours)
    snprintf(why, sizeof why, "a web server in front has a smaller limit for bodies");
  else if (f->status == 403 && !ours)
    snprintf(why, sizeof why,
             "a web server in front may not read the file, or refuses %s", method);
  else if (f->status >= 502 && f->status <= 504)
    snprintf(why, sizeof why, "the web server in front does not reach the listener");
  else if (!ours)
    snprintf(why, sizeof why, "another server or path answers with %u", f->status);
  else
    snprintf(why, sizeof why, "xmpp-uploadd answers with %u: %.*s", f->status,
             (int)(f->body.len ? f->body.len - 1 : 0), f->body.s);
  return failed(method, url, "http", why);
}

static int
put_and_get(void)
{
  char body[CHECK_BYTES];
  struct fetched f;
  int code = 0;

  memset(body, 'x', sizeof body);
  fetch("PUT", slice_str(slot.put), slice_of(body, sizeof body), sizeof body, &f);
  if (f.hop || f.status != 201) code = explain("PUT", slot.put, &f);
  stralloc_free(&f.reply);
  if (code) return code;
  fetch("GET", slice_str(slot.get), SLICE(""), 0, &f);
  if (f.hop || f.status != 200)
    code = explain("GET", slot.get, &f);
  else if (!slice_eq(f.body, slice_of(body, sizeof body)))
    code = failed("GET", slot.get, "http", "the file has another content");
  stralloc_free(&f.reply);
  return code;
}

/* A PUT of the largest file that is announced, whose body never comes: a web server that refuses its
 * length says so at once, and xmpp-uploadd says that the slot has another size. */
static int
largest(char const *host)
{
  struct fetched f;
  int code = 0;

  if (slot.max_size <= CHECK_BYTES || !ask_for("slot", host, CHECK_BYTES)) return 0;
  fetch("PUT", slice_str(slot.put), SLICE(""), slot.max_size, &f);
  if (!f.hop && f.status == 413 && !memmem(f.body.s, f.body.len, "The slot", 8))
    code = explain("PUT", slot.put, &f);
  stralloc_free(&f.reply);
  return code;
}

static int
check(char const *host)
{
  int code;

  if (!ask_for("slot", host, CHECK_BYTES)) return 1;
  code = put_and_get();
  if (!code) code = largest(host);
  ask_for("drop", host, 0);
  if (!code) printf(ctl.records ? "ok\t%s\n" : "%s: a file went up and down\n", host);
  return code;
}

int
command_upload(char const *const *argv)
{
  if (argv[0] && argv[1] && !strcmp(argv[0], "check")) return check(prepared(argv[1]));
  if (!argv[0] || argv[1] || strcmp(argv[0], "sweep") != 0)
    strerr_dieusage(100, "upload sweep | check HOST");
  return sweep();
}
