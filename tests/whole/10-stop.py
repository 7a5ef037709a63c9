#!/usr/bin/python3
"""The end: SIGTERM to the supervisor, or xmpp-ctl stop; what clients hear, and what is left."""
from tree import *


def all_kinds(t):
    """Clients in every state, and what each of them hears at the end is system-shutdown."""
    bound = [t.login("a"), t.login("b", direct=True)]
    plain, secure, authed = t.stream(secure=False), t.stream(), t.stream()
    plain.open()
    secure.secured()
    authed.secured()
    assert authed.auth_scram("a", PW)[0] == "success"
    authed.open()
    return bound + [plain, secure, authed]


def hear_the_end(streams):
    for s in streams:
        assert s.stream_error() == "system-shutdown"
        s.abort()


def nobody_listens(t):
    for port in (t.port, t.tls_port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            assert False, "somebody listens on %d" % port
        except ConnectionRefusedError:
            pass


def seconds_until_the_end(t):
    streams = all_kinds(t)
    streams[0].message("b@localhost", "last words")
    streams[0].ping()
    began = time.monotonic()
    t.process.send_signal(signal.SIGTERM)
    streams[1].expect_body("last words")
    hear_the_end(streams)
    until("the end of the tree", lambda: t.process.poll() is not None and not t.pids())
    took = time.monotonic() - began
    assert t.process.returncode == 0, t.process.returncode
    nobody_listens(t)
    return took


@check
def sigterm_to_the_supervisor(t):
    """No program waits for all of SERVICE_STOP_US, which is five seconds. The machine may be busy, so the
    best of three tries counts."""
    took = [seconds_until_the_end(t)]
    while took[-1] >= 3 * SLOW and len(took) < 3:
        t.start()
        took.append(seconds_until_the_end(t))
    assert took[-1] < 3 * SLOW, took


@check
def it_starts_again_as_it_was(t):
    t.start()
    a, b = t.login("a"), t.login("b")
    a.message("b@localhost", "again")
    b.expect_body("again")
    a.close(), b.close()


@check
def xmpp_ctl_stop(t):
    streams = all_kinds(t)
    th = threading.Thread(target=hear_the_end, args=(streams,), daemon=True)
    th.start()
    t.ctl("stop")
    th.join(DEADLINE)
    assert not th.is_alive(), "not all streams ended"
    until("the end of the tree", lambda: t.process.poll() is not None and not t.pids())
    nobody_listens(t)
    assert t.ctl("stop", code=None)[0] != 0, "there was nothing to stop"


@check
def those_who_do_not_listen_delay_it_a_little(t):
    """A deaf client with much to read, half a handshake, a silent connection."""
    t.start()
    deaf = t.login("a", "deaf", rcvbuf=4096)
    b = t.login("b")
    for _ in range(100):
        b.send("<message type='headline' to='%s'><body>%s</body></message>" % (deaf.jid,
                                                                               "z" * 10000))
    b.ping()
    crowd = [socket.create_connection(("127.0.0.1", p), DEADLINE)
             for p in (t.port, t.tls_port) * 20]
    until("all are in", lambda: t.stat("tlsd", "connections") == 42)
    began = time.monotonic()
    t.process.send_signal(signal.SIGTERM)
    hear_the_end([b])
    until("the end of the tree", lambda: t.process.poll() is not None and not t.pids())
    assert time.monotonic() - began < 20 * SLOW
    for s in crowd:
        s.close()
    deaf.abort()


@check
def sigterm_to_some_daemons(t):
    """Daemons that get SIGTERM end within their deadline, and come back; the others are not started again."""
    t.start()
    pids = {d: t.pid(d) for d in DAEMONS}
    for some in (("c2sd",), ("hostd",), ("tlsd", "routed", "authd")):
        s = t.login("a")
        for d in some:
            os.kill(pids[d], signal.SIGTERM)
        if some == ("c2sd",):
            hear_the_end([s])
        until("new ones", lambda: all(t.pid(d) not in (-1, pids[d]) for d in some))
        t.wait_ready()
        s.abort()
        for d in some:
            pids[d] = t.pid(d)
        assert {x: t.pid(x) for x in DAEMONS} == pids, "others were started again"
    s = t.login("a")
    s.close()


@check
def ctrl_c(t):
    """make run: the terminal sends SIGINT to all at once."""
    s = t.login("a")
    t.process.send_signal(signal.SIGINT)
    hear_the_end([s])
    until("the end of the tree", lambda: t.process.poll() is not None and not t.pids())


main(Tree(accounts=["a@localhost", "b@localhost"]))
