#!/usr/bin/python3
"""A herd: all clients lose their connection at the same moment and come back at once, half of them
to the sessions that they had (XEP-0198), half to new ones. All are in, and nobody is refused.

SOAK_HERD: how many clients (15000); SOAK_AT_ONCE: how many of them are on their way in at the same
moment (2000), for they share the processors of the server, and none may be late by that."""
from figures import *

N = int(os.environ.get("SOAK_HERD", "15000")) // 2 * 2
AT_ONCE = int(os.environ.get("SOAK_AT_ONCE", "2000"))
SECONDS = 300


class Herd:
    def __init__(self, t):
        self.tree, self.crowd = t, Crowd(t)
        self.members = [Member(self.crowd, "load%d" % n, managed=True)
                        for n in range(N // 2 + 1, N + 1)]
        self.load = self.pids = None

    def strangers(self, at_once):
        """The half that begins anew each time."""
        self.load = Load(self.tree, "-l", "idle", "-n", str(N // 2), "-P", str(at_once), "-D",
                         "-t", "3600", *[x for s in SOURCES for x in ("-s", s)])

    def cut(self):
        self.load.kill()
        for m in self.members:
            m.close()

    def sessions(self):
        return self.tree.stat("c2sd", "sessions")


herd = None


@check
def all_log_in(t):
    global herd
    more_files(20000)
    import_accounts(t, ["load%d" % n for n in range(1, N + 1)])
    herd = Herd(t)
    herd.pids = pids(t)
    herd.strangers(50)
    herd.crowd.let_in(herd.members, login, 100)
    herd.load.online()
    until("a session for each of %d" % N, lambda: herd.sessions() == N)


def all_come_back(t):
    began = time.monotonic()
    herd.cut()
    herd.strangers(AT_ONCE // 2)
    herd.crowd.let_in(herd.members, resume, AT_ONCE // 2, SECONDS)
    resumed = time.monotonic() - began
    herd.load.online()
    took = time.monotonic() - began
    until("a session for each of %d, not %d" % (N, herd.sessions()),
          lambda: herd.sessions() == N, 30)
    times = sorted(m.took for m in herd.members)
    print("         all %d in after %.1f s; the %d that resumed after %.1f s, half of them "
          "after %.1f s" % (N, took, len(times), resumed, times[len(times) // 2]))


@check
def all_come_back_at_once(t):
    all_come_back(t)


@check
def and_once_more(t):
    all_come_back(t)


@check
def they_can_talk(t):
    """Clients that resumed get what is sent to them, and so do the others."""
    a = t.login("admin")
    for m in herd.members[::100]:
        m.bytes_in = 0
        a.message("%s@localhost" % m.user, "welcome back")
    herd.crowd.serve(1)
    a.ping()
    herd.crowd.serve(1)
    silent = [m.user for m in herd.members[::100] if not m.bytes_in]
    assert not silent, "nothing came to %s" % ", ".join(silent[:10])
    a.close()


@check
def no_daemon_was_started_again(t):
    same_pids(t, herd.pids)
    nothing_dropped(t)
    herd.cut()


if __name__ == "__main__":
    main(Tree(accounts=["admin@localhost"]))
