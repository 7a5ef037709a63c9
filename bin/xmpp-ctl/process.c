#include "ctl.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Facts of processes, of /proc and of the files that supervisors keep. Nothing of them
 * needs the help of the program, which may hang. */

#define TEXT_MAX 4096

/* Read the start of a file as text. false with errno. */
static bool
read_text(char const *path, char buf[TEXT_MAX])
{
  ssize_t n = openreadnclose(path, buf, TEXT_MAX - 1);

  if (n < 0) return false;
  buf[n] = 0;
  return true;
}

/* ---- /proc ---- */

/* The second since 1970 when the machine was started. */
static uint64_t
boot_s(void)
{
  struct timespec wall, boot;

  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  return (uint64_t)(wall.tv_sec - boot.tv_sec);
}

/* Skip n words of text that blanks part. */
static char const *
skip(char const *s, unsigned int n)
{
  while (s && n--) {
    s = strchr(s, ' ');
    if (s) s++;
  }
  return s ? s : "";
}

/* The name of the program, field 2 of stat (proc(5)), may have blanks and brackets in
 * it. */
static void
read_stat(struct process *p)
{
  uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
  char path[64], text[TEXT_MAX];
  char const *rest;

  snprintf(path, sizeof path, "/proc/%ld/stat", (long)p->pid);
  rest = read_text(path, text) ? strrchr(text, ')') : NULL;
  if (!rest || !hz) {
    p->pid = 0;
    return;
  }
  rest = skip(rest, 1); /* field 3 */
  p->cpu_us = (strtoull(skip(rest, 11), NULL, 10) + strtoull(skip(rest, 12), NULL, 10)) *
              (1000000 / hz);
  p->since_s = boot_s() + strtoull(skip(rest, 19), NULL, 10) / hz;
}

/* Memory that is the process's alone: pages of files are shared, and those of a store
 * are counted as they are read. */
static void
read_memory(struct process *p)
{
  char path[64], text[TEXT_MAX];
  char const *found;

  snprintf(path, sizeof path, "/proc/%ld/status", (long)p->pid);
  found = read_text(path, text) ? strstr(text, "\nRssAnon:") : NULL;
  if (found) p->memory = strtoull(found + 9, NULL, 10) * 1024;
}

static struct process
process_of(pid_t pid)
{
  struct process p = {.pid = pid};

  if (pid > 0) read_stat(&p);
  if (p.pid > 0) read_memory(&p);
  return p;
}

struct process
process_of_client(struct client const *c)
{
  struct ucred cred;
  socklen_t len = sizeof cred;

  if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) cred.pid = 0;
  return process_of(cred.pid);
}

/* ---- supervisors ---- */

/* The file supervise/status: s6 has the pid as 8 bytes behind two times of 12, the
 * first byte first; runit has 20 bytes, with the pid as 4 behind one time, the last
 * byte first. */
struct process
process_of_service(struct slice name)
{
  char path[700];
  unsigned char s[64];
  uint64_t pid = 0;
  unsigned int i;
  ssize_t n;

  snprintf(path, sizeof path, "%s/service/%.*s/supervise/status", ctl.state,
           (int)name.len, name.s);
  n = openreadnclose(path, (char *)s, sizeof s);
  if (n == 20)
    for (i = 0; i < 4; i++)
      pid |= (uint64_t)s[12 + i] << (8 * i);
  else if (n >= 32)
    for (i = 0; i < 8; i++)
      pid = pid << 8 | s[24 + i];
  return process_of(pid <= INT32_MAX ? (pid_t)pid : 0);
}

/* The file is written by finish (service/daemon). */
bool
process_ended(struct slice name, uint64_t *times, uint64_t *code)
{
  char path[700], text[TEXT_MAX];
  struct slice rest, word;

  *times = *code = 0;
  snprintf(path, sizeof path, "%s/service/%.*s/ended", ctl.state, (int)name.len, name.s);
  if (!read_text(path, text)) return false;
  rest = slice_str(text);
  if (!slice_word(&rest, ' ', &word) || !slice_u64(word, times)) return false;
  if (slice_word(&rest, ' ', &word)) slice_u64(word, code);
  return *times > 0;
}

/* The time that s6-log or svlogd has put in front of a line ends at the first blank
 * that a letter follows. */
static char const *
without_time(char const *line)
{
  char const *s = line;

  if (*s != '@' && (*s < '0' || *s > '9')) return line;
  while (*s && !(*s == ' ' && s[1] != ' ' && (s[1] < '0' || s[1] > '9')))
    s++;
  return *s ? s + 1 : line;
}

char const *
process_last_line(struct slice name)
{
  static char text[TEXT_MAX];
  char path[700], *line;
  ssize_t n;
  int fd;

  snprintf(path, sizeof path, "%s/log/%.*s/current", ctl.state, (int)name.len, name.s);
  fd = open_readb(path);
  if (fd < 0) return "";
  if (lseek(fd, -(off_t)(TEXT_MAX - 1), SEEK_END) < 0) lseek(fd, 0, SEEK_SET);
  n = fd_read(fd, text, TEXT_MAX - 1);
  fd_close(fd);
  while (n > 0 && text[n - 1] == '\n')
    n--;
  text[n > 0 ? n : 0] = 0;
  line = strrchr(text, '\n');
  return without_time(line ? line + 1 : text);
}
