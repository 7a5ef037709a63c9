#include "extauthd.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Words with blanks between them; blanks within double quotes belong to a word. No shell. */
static char **
split(char const *command, char **copy)
{
  static char *words[EXTAUTH_WORDS_MAX + 1];
  char *at = *copy = strdup(command), *to = at;
  size_t n = 0;
  bool quoted = false, within = false;

  for (; at && *at; at++) {
    if (*at == '"') quoted = !quoted;
    if (*at == ' ' && !quoted) {
      if (within) *to++ = 0;
      within = false;
      continue;
    }
    if (!within && n < EXTAUTH_WORDS_MAX) words[n++] = to;
    within = true;
    if (*at != '"') *to++ = *at;
  }
  if (to) *to = 0;
  words[n] = NULL;
  return words;
}

static void
become(char **words, int theirs, bool on_three)
{
  sigset_t none;

  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG,
        SIGKILL); /* a program that hangs does not outlive a killed parent */
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(theirs, on_three ? 3 : 0) < 0 || (!on_three && dup2(0, 1) < 0)) _exit(111);
  if (on_three) {
    close(0);
    close(1);
    open("/dev/null", O_RDONLY);
    open("/dev/null", O_WRONLY);
  }
  close_range(on_three ? 4 : 3, ~0u, 0);
  execvp(words[0], words);
  _exit(111);
}

pid_t
process_start(char const *command, bool on_three, int *ours)
{
  char *copy, **words = split(command, &copy);
  int ends[2] = {-1, -1}, theirs;
  pid_t pid = -1;

  errno = EINVAL;
  if (!words[0] ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
    goto done;
  theirs = ends[1];
  fcntl(theirs, F_SETFL, 0); /* programs wait for their input */
  pid = fork();
  if (!pid) become(words, theirs, on_three);
  close(theirs);
  *ours = ends[0];
  if (pid < 0) close(ends[0]);
  if (pid > 0) extauth_totals.started++;
done:
  free(copy);
  return pid > 0 ? pid : 0;
}

int
process_end(pid_t pid)
{
  int status;

  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
