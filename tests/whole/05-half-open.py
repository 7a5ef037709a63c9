#!/usr/bin/python3
"""Up to ten thousand connections that say nothing, or half a ClientHello: others chat on."""
from tree import *

MOST = min(10000, more_files(20000) - 200)
# On a slow machine the crowd is what comes together in this many seconds: after
# TLS_HANDSHAKE_US, 15 seconds, tlsd ends those that came first.
MAKING = 7
KIB_EACH = 40  # of tlsd, at most; an SSL object in its handshake is most of it
crowd = []


def client_hello():
    """The first flight of a client."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    out = ssl.MemoryBIO()
    try:
        ctx.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def chat(t, a, b, n=20):
    """The slowest of n messages there and back, in seconds."""
    worst = 0
    for i in range(n):
        began = time.monotonic()
        a.message("b@localhost", "there %d" % i)
        b.expect_body("there %d" % i)
        b.message("a@localhost", "back %d" % i)
        a.expect_body("back %d" % i)
        worst = max(worst, time.monotonic() - began)
    return worst


@check
def half_open_connections_cost_little_and_disturb_nobody(t):
    hello = client_hello()
    a, b = t.login("a"), t.login("b")
    witness = Pinger(t)
    before = {d: memory_kib(t.pid(d)) for d in ("tlsd", "c2sd")}
    pids = {d: t.pid(d) for d in DAEMONS}
    worst = 0
    enough = time.monotonic() + MAKING
    while len(crowd) < MOST and time.monotonic() < enough:
        i = len(crowd)
        s = socket.create_connection(("127.0.0.1", (t.port, t.tls_port)[i % 2]), DEADLINE)
        if i % 4 == 1:
            s.send(hello[:1 + i % (len(hello) - 1)])
        if i % 4 == 2:
            s.send(b"<stream:stream xmlns='jab")
        crowd.append(s)
        if i % 1000 == 0:
            worst = max(worst, chat(t, a, b, 2))
    N = len(crowd)
    assert N >= 500, "only %d connections in %d seconds" % (N, MAKING)
    until("all of them are seen", lambda: t.stat("tlsd", "connections") >= N, step=0.1)
    worst = max(worst, chat(t, a, b))
    after = {d: memory_kib(t.pid(d)) for d in before}
    each = {d: (after[d] - before[d]) / N for d in before}
    if os.environ.get("WHOLE_TIMES"):
        print("         %d connections, KiB each: %s; slowest message %.3f s" % (N, each, worst))
    assert each["tlsd"] < KIB_EACH * SLOW, "tlsd: %.1f KiB each" % each["tlsd"]
    assert each["c2sd"] < 16 * SLOW, "c2sd: %.1f KiB each" % each["c2sd"]
    assert worst < 1 * SLOW, "a message took %.2f s" % worst
    c = t.login("c")  # and there is room for one more
    c.message("b@localhost", "late")
    b.expect_body("late")
    witness.stop()
    assert {d: t.pid(d) for d in DAEMONS} == pids, "a daemon was started again"
    for s in (a, b, c):
        s.close()


@check
def when_they_go_nothing_is_left(t):
    for s in crowd:
        s.close()
    until("all are gone", lambda: t.stat("tlsd", "connections") == 0 and
          t.stat("c2sd", "streams") == 0, step=0.1)
    fds = len(os.listdir("/proc/%d/fd" % t.pid("tlsd")))
    assert fds < 50, "tlsd still has %d files open" % fds


@check
def a_full_table_of_files_ends_nothing(_):
    """xmpp-tlsd has no file left for the next connection: it says so, waits, and goes on with
    those it has."""
    with Tree(wrap=["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"],
              accounts=["a@localhost", "b@localhost", "c@localhost"]) as t:
        a, b = t.login("a"), t.login("b")
        pid = t.pid("tlsd")
        more = [socket.create_connection(("127.0.0.1", t.port), DEADLINE) for _ in range(100)]
        t.wait_log("tlsd", "accept-failed")
        chat(t, a, b, 5)
        for s in more:
            s.close()
        c = t.login("c")  # as soon as others have gone
        for s in (a, b, c):
            s.close()
        assert t.pid("tlsd") == pid


main(Tree(accounts=["a@localhost", "b@localhost", "c@localhost", "witness@localhost"]))
