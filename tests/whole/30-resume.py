#!/usr/bin/python3
"""XEP-0198: conversations whose connection is cut at random moments, or whose xmpp-tlsd is
killed, go on: complete both ways, in order, nothing twice.

WHOLE_CUTS: how many cuts (1000); WHOLE_SEED: of the random moments."""
from managed import *

CUTS = int(os.environ.get("WHOLE_CUTS", "1000"))
SEED = os.environ.get("WHOLE_SEED") or str(random.SystemRandom().randrange(1 << 32))


def check_got(m, n):
    assert [x[0] for x in m.got] == ["chat"] * len(m.got), m.got[-5:]
    assert [x[1] for x in m.got] == list(range(1, n + 1)), (
        "%s has %d of %d; the first that is not as it should be: %s" % (
            m.user, len(m.got), n, next((x for x in zip(m.got, range(1, n + 1))
                                         if x[0][1] != x[1]), None)))


@check
def cut_at_random_moments(t):
    rnd = random.Random(SEED)
    a, b = Managed(t, "a"), Managed(t, "b")
    for i in range(CUTS):
        for _ in range(rnd.randrange(4)):
            a.message(b.jid)
        for _ in range(rnd.randrange(4)):
            b.message(a.jid)
        if rnd.random() < 0.3:
            a.s.send("<r xmlns='%s'/>" % SM)
        a.pump(rnd.choice((0, 0, 0.001, 0.003)))
        if rnd.random() < 0.3:
            a.part_of_message(b.jid, rnd)
        if rnd.random() < 0.7:      # otherwise the server still believes that the client is there
            a.cut()
        for _ in range(rnd.randrange(4)):
            b.message(a.jid)
        b.pump()
        a.resume()
    a.settle(b.sent)
    b.settle(a.sent)
    check_got(a, b.sent)
    check_got(b, a.sent)
    assert t.stat("c2sd", "sessions") == 2, t.stat("c2sd", "sessions")
    a.close()
    b.close()


@check
def tlsd_is_killed(t):
    rnd = random.Random(SEED)
    a, b = Managed(t, "a"), Managed(t, "b")
    for i in range(8):
        for _ in range(rnd.randrange(1, 20)):
            a.message(b.jid)
            b.message(a.jid)
        a.pump(rnd.choice((0, 0.001, 0.01)))
        pid = t.pid("tlsd")
        os.kill(pid, signal.SIGKILL)
        until("a new tlsd", lambda: t.pid("tlsd") not in (pid, -1))
        t.wait_ready()
        for m in (a, b):
            m.s.abort()
            m.resume()
    a.settle(b.sent)
    b.settle(a.sent)
    check_got(a, b.sent)
    check_got(b, a.sent)
    a.close()
    b.close()


print("seed " + SEED)
main(Tree(accounts=("a@localhost", "b@localhost")))
