#!/usr/bin/python3
"""The machine's clock is set back and forward an hour under a running server, and programs are
killed in between: nothing is lost, held up, or ended.

A library before the C library's shifts CLOCK_REALTIME by the seconds in a file."""
from managed import *

SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *ts)
{
  int r = (int)syscall(SYS_clock_gettime, id, ts), fd;
  char text[32] = "";
  if (id != CLOCK_REALTIME) return r;
  fd = open(getenv("CLOCK_SHIFT"), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (read(fd, text, sizeof text - 1) > 0) ts->tv_sec += atol(text);
    close(fd);
  }
  return r;
}
"""
FOLDER = tempfile.mkdtemp(prefix="clock-")
SHIFT, LIBRARY = FOLDER + "/shift", FOLDER + "/shift.so"
HOUR = 3600


def shift(seconds):
    """At once, so that nobody reads half a number."""
    with open(SHIFT + ".new", "w") as f:
        f.write("%d" % seconds)
    os.chmod(SHIFT + ".new", 0o644)
    os.rename(SHIFT + ".new", SHIFT)


def make():
    os.chmod(FOLDER, 0o755)
    with open(FOLDER + "/shift.c", "w") as f:
        f.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", LIBRARY, FOLDER + "/shift.c"], check=True)
    shift(HOUR)


def acked(s, n):
    """The server acknowledges n stanzas of ours, without other traffic that would wake it."""
    def heard():
        s.send("<r xmlns='%s'/>" % SM)
        return int(s.expect_tag(SM, "a").get("h")) >= n
    until("%d acknowledged" % n, heard, step=0.1)


def managed(t, user):
    s = t.login(user, resource="r%d" % random.randrange(1 << 30))
    s.send("<enable xmlns='%s' resume='true'/>" % SM)
    return s, s.expect_tag(SM, "enabled").get("id")


def waits(t, jid):
    for line in t.ctl("archive", "stat", jid, records=True).splitlines():
        f = line.split("\t")
        if f[1] == "waiting":
            return int(f[2])


def kill(t, *names):
    old = {n: t.pid(n) for n in names}
    for n in names:
        os.kill(old[n], signal.SIGKILL)
    for n in names:
        until("another " + n, lambda n=n: t.pid(n) not in (-1, old[n]))
    t.wait_ready()


def says(t, user, texts):
    s, _ = managed(t, user)
    for text in texts:
        s.message("alice@localhost", text)
    acked(s, len(texts))
    s.close()


def gets(t, texts):
    a = t.login("alice")
    a.expect_bodies(texts)
    a.close()


@check
def what_is_sent_after_a_step_back_is_stored(t):
    says(t, "bob", ["ahead"])
    shift(0)
    says(t, "bob", ["back"])
    for names in (["c2sd"], ["c2sd", "routed"], ["mamd"], ["c2sd", "mamd"],
                  ["c2sd", "routed", "mamd", "userd", "hostd"]):
        kill(t, *names)
        says(t, "bob", ["%s-%d" % ("+".join(names), i) for i in range(3)])
    assert waits(t, "alice@localhost") == 17, waits(t, "alice@localhost")
    a = t.login("alice")
    # A mamd that was killed asks for five seconds who is there before it offers what waits.
    until("all are given", lambda: not waits(t, "alice@localhost"))
    got = [m.findtext("{%s}body" % CLIENT) for m in (a.expect_tag(CLIENT, "message") for _ in range(17))]
    assert got[:2] == ["ahead", "back"] and len(set(got)) == 17, got
    a.ping()
    a.close()


@check
def steps_end_no_session(t):
    shift(0)
    a, _ = managed(t, "alice")
    b, id = managed(t, "bob")
    b.abort()
    until("an away session", lambda: "session-away" in t.log("c2sd"))
    for seconds in (HOUR, -HOUR, 40 * 365 * 24 * HOUR, 0):
        shift(seconds)
        a.ping()
        a.message("bob@localhost", "at %d" % seconds)
    acked(a, 4 + 4)  # pings count
    s = Stream(t)
    s.secured()
    s.auth_plain("bob", PW)
    s.open()
    s.send("<resume xmlns='%s' previd='%s' h='0'/>" % (SM, id))
    s.expect_tag(SM, "resumed")
    s.expect_bodies(["at %d" % n for n in (HOUR, -HOUR, 40 * 365 * 24 * HOUR, 0)])
    s.close()
    a.close()


@check
def a_step_forward_and_back_over_a_restart(t):
    shift(-HOUR)
    kill(t, "c2sd", "routed", "mamd")
    says(t, "bob", ["an hour late"])
    shift(HOUR)
    kill(t, "c2sd")
    says(t, "bob", ["an hour early"])
    shift(0)
    kill(t, "routed")
    says(t, "bob", ["now"])
    kill(t, "mamd")
    gets(t, ["an hour late", "an hour early", "now"])


make()
try:
    main(Tree(accounts=["alice@localhost", "bob@localhost"],
              env={"LD_PRELOAD": LIBRARY, "CLOCK_SHIFT": SHIFT,
                   "ASAN_OPTIONS": "verify_asan_link_order=0"}))
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
