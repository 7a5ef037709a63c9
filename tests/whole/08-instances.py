#!/usr/bin/python3
"""Two of xmpp-tlsd and of xmpp-c2sd: clients of different ones talk to each other."""
from tree import *

N = 24
clients = []


@check
def clients_are_spread(t):
    t.ctl("account", "import", "-", input="".join(
        "u%d@localhost\t%s\n" % (i, PW) for i in range(N)) + "".join(
        "v%d@localhost\t%s\n" % (i, PW) for i in range(8)))
    for i in range(N):
        clients.append(t.login("u%d" % i, direct=bool(i % 2)))
    for d in ("tlsd", "tlsd-2"):
        assert t.stat(d, "connections") > 0, d + " has none"
    for d in ("c2sd", "c2sd-2"):
        n = t.stat(d, "sessions")
        assert N // 4 <= n <= N - N // 4, "%s has %d of %d" % (d, n, N)
    assert t.ctl("sessions").count("@localhost/") == N


@check
def everyone_talks_to_everyone(t):
    for i, a in enumerate(clients):
        for j in range(N):
            a.message("u%d@localhost" % j, "from %d" % i)
    for b in clients:
        b.expect_bodies("from %d" % i for i in range(N))


@check
def one_account_on_both(t):
    """Sessions of one account on all instances see the same account."""
    s = [t.login("u0", "r%d" % i) for i in range(8)]
    for x in s:
        clients[1].message(x.jid, "to " + x.jid)
    for x in s:
        x.expect_body("to " + x.jid)
    again = t.login("u0", "r0")  # the newest wins, wherever it is
    assert s[0].stream_error() == "conflict"
    again.ping()
    for x in s[1:] + [again]:
        x.close()


@check
def the_end_of_one_is_not_that_of_the_other(t):
    for d, peers in (("c2sd-2", ("c2sd",)), ("tlsd-2", ("tlsd",))):
        there = t.stat(peers[0], "sessions" if d.startswith("c2sd") else "connections")
        old = t.pid(d)
        os.kill(old, signal.SIGKILL)
        until("a new " + d, lambda: t.pid(d) not in (-1, old))
        t.wait_ready()
        alive = []
        for c in clients:
            try:
                c.ping()
                alive.append(c)
            except Gone:
                pass
        assert len(alive) == there, "%s: %d of %d live on" % (d, len(alive), there)
        clients[:] = alive
        until("the sessions that are left", lambda: t.ctl("sessions").count("@localhost/")
              == len(alive))


@check
def new_ones_find_their_place(t):
    # Sessions whose c2sd was killed are left out: they get again what they may not have had.
    more = [t.login("v%d" % i, "new") for i in range(8)]
    for d in ("c2sd", "c2sd-2"):
        assert t.stat(d, "sessions") > 0, d + " has none"
    for a in more:
        for b in more:
            a.message(b.jid, "hello from " + a.jid)
    for b in more:
        b.expect_bodies("hello from " + a.jid for a in more)
    for s in more + clients:
        s.close()


main(Tree(tabber="instances: {tlsd: 2, c2sd: 2}"))
