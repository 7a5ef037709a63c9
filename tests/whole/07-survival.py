#!/usr/bin/python3
"""Each daemon is killed in turn while twenty clients chat: it is back, the others never restart,
and the clients, once reconnected where they lost their stream, go on."""
from tree import *

N = 20


class Chatter(threading.Thread):
    """A client of a pair: it says the time to the other over and over, and notes what it hears."""

    def __init__(self, tree, n):
        super().__init__(daemon=True)
        self.tree, self.me, self.peer = tree, "u%d" % n, "u%d@localhost" % (n ^ 1)
        self.heard = 0.0  # when the latest message that came was said
        self.logins, self.ending, self.why = 0, False, None

    def run(self):
        while not self.ending:
            s = None
            try:
                s = self.tree.login(self.me, "chat")
                self.logins += 1
                self.talk(s)
            except (Gone, OSError, AssertionError, ET.ParseError) as e:
                self.why = repr(e)
                if s:
                    s.abort()
                time.sleep(0.02)

    def talk(self, s):
        said = 0.0
        while not self.ending:
            if time.monotonic() - said > 0.05:
                said = time.monotonic()
                s.message(self.peer, repr(said))
            try:
                e = s.recv(0.05 / SLOW)
            except AssertionError:
                continue
            if e.tag == "{%s}error" % STREAM:
                raise Gone(e[0].tag)
            if e.tag == "{%s}message" % CLIENT and e.get("type") == "chat":
                self.heard = max(self.heard, float(e.findtext("{%s}body" % CLIENT)))
        s.close()


chatters = []


def all_talk(since, what):
    def heard():
        return all(c.heard > since for c in chatters)
    try:
        until("all hear each other " + what, heard, 15)
    except AssertionError as e:
        raise AssertionError("%s; deaf: %s" % (e, [(c.me, c.why) for c in chatters
                                                   if c.heard <= since]))


@check
def twenty_clients_chat(t):
    t.ctl("account", "import", "-", input="".join(
        "u%d@localhost\t%s\n" % (i, PW) for i in range(N)))
    for i in range(N):
        chatters.append(Chatter(t, i))
        chatters[-1].start()
    all_talk(time.monotonic(), "at first")


def kill(t, d, keeps_streams):
    pids = {x: t.pid(x) for x in DAEMONS}
    logins = [c.logins for c in chatters]
    os.kill(pids[d], signal.SIGKILL)
    until("a new " + d, lambda: t.pid(d) not in (-1, pids[d]))
    t.wait_ready()
    all_talk(time.monotonic(), "after the end of " + d)
    now = {x: t.pid(x) for x in DAEMONS}
    assert {x: p for x, p in now.items() if x != d} == {
        x: p for x, p in pids.items() if x != d}, "others were started again: %s %s" % (pids,
                                                                                       now)
    if keeps_streams:
        lost = [c.me for i, c in enumerate(chatters) if c.logins != logins[i]]
        assert not lost, "streams were lost: %s" % lost
    s = t.login("u0", "new")  # logging in works too
    s.ping()
    s.close()


@check
def kill_hostd(t):
    kill(t, "hostd", True)


@check
def kill_authd(t):
    kill(t, "authd", True)


@check
def kill_routed(t):
    kill(t, "routed", True)


@check
def kill_c2sd(t):
    kill(t, "c2sd", False)


@check
def kill_tlsd(t):
    kill(t, "tlsd", False)


@check
def sessions_are_not_left_behind(t):
    until("one session each", lambda: t.ctl("sessions").count("/chat") == N and
          t.stat("c2sd", "sessions") == N and t.stat("tlsd", "connections") == N)


@check
def kill_all_at_once(t):
    pids = {x: t.pid(x) for x in DAEMONS}
    for p in pids.values():
        os.kill(p, signal.SIGKILL)
    until("new ones", lambda: all(t.pid(x) not in (-1, pids[x]) for x in DAEMONS))
    t.wait_ready()
    all_talk(time.monotonic(), "after the end of all")


@check
def accounts_survive(t):
    assert len(t.ctl("account", "list").split()) == N


@check
def they_end(t):
    for c in chatters:
        c.ending = True
    for c in chatters:
        c.join(DEADLINE)
    until("no session", lambda: not t.ctl("sessions").strip())


main(Tree())
