#!/usr/bin/python3
"""XMPP over BOSH (XEP-0124, XEP-0206): sessions, lost answers, and how they end."""
from bosh import *

SM = "urn:xmpp:sm:3"
plain, tls = free_port(), free_port()
WEB = "\nmod_bosh: {max_inactivity: %d}\nmod_host_meta: {}" % (6 * SLOW)
LISTEN = "listen:\n" + "".join("""  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: %s
    max_stanza_size: 100000
    request_handlers: {/bosh: mod_bosh, /.well-known/host-meta: mod_host_meta}
""" % x for x in ((plain, "false"), (tls, "true")))


def login(t, user, resource="web", **kw):
    s = BoshStream(t, tls if kw.get("tls") else plain, **kw)
    s.login(user, PW, resource)
    s.available()
    return s


@check
def bosh_and_tcp_talk(t):
    a, b = login(t, "juliet"), t.login("romeo", "tcp")
    a.message(b.jid, "from the web")
    b.expect_body("from the web")
    for i in range(20):
        b.message(a.jid, "to the web %d" % i)
    for i in range(20):
        a.expect_body("to the web %d" % i)
    for i in range(20):
        a.message(b.jid, "from the web %d" % i)
    for i in range(20):
        b.expect_body("from the web %d" % i)
    a.message(b.jid, "x" * 70000)
    b.expect_body("x" * 70000)
    b.message(a.jid, "y" * 70000)
    a.expect_body("y" * 70000)
    a.close()
    assert a.condition is None
    b.close()


@check
def over_tls(t):
    """SASL is bound to nothing, for many connections carry the stream; http is refused."""
    s = BoshStream(t, tls, tls=True)
    s.open()
    assert "from" in s.attrs and "authid" in s.attrs, s.attrs
    assert not [m for m in s.mechanisms() if m.endswith("-PLUS")]
    assert s.auth_scram("juliet", PW)[0] == "success"
    s.bind("tls")
    s.ping()
    thief = BoshStream(t, plain)
    thief.sid, thief.rid = s.sid, s.rid
    thief.post()
    thief.until_end()
    assert thief.status == 403, thief.status
    thief.abort()
    s.ping()
    s.close()


@check
def host_meta_names_it(t):
    with socket.create_connection(("127.0.0.1", plain)) as sock:
        sock.sendall(b"GET /.well-known/host-meta HTTP/1.0\r\nHost: localhost\r\n\r\n")
        page = b""
        while data := sock.recv(4096):
            page += data
    assert b"https://localhost:%d/bosh" % tls in page, page


@check
def lost_answers_are_repeated(t):
    """The connection ends while the answer is on its way; the same request gets it."""
    a, b = login(t, "juliet"), t.login("romeo", "tcp")
    held = a.held()
    b.message(a.jid, "lost")
    b.ping()
    a.again(held)
    a.expect_body("lost")
    a.close()
    b.close()


@check
def messages_that_were_never_fetched(t):
    """A client that is gone gets at its next login what it did not fetch."""
    a, b = login(t, "juliet"), t.login("romeo", "tcp")
    a.ping()
    a.abort()
    b.message(a.jid, "never fetched")
    b.ping()
    until("the end of the session", lambda: t.stat("webd", "bosh_sessions") == 0)
    c = t.login("juliet", "tcp")
    c.available()
    c.expect_body("never fetched")
    c.close()
    b.close()


@check
def a_session_is_resumed(t):
    a, b = login(t, "juliet"), t.login("romeo", "tcp")
    a.send("<enable xmlns='%s' resume='true'/>" % SM)
    token = a.expect_tag(SM, "enabled").get("id")
    a.abort()
    b.message(a.jid, "while away")
    b.ping()
    c = BoshStream(t, plain)
    c.open()
    assert c.auth_scram("juliet", PW)[0] == "success"
    c.open()
    c.send("<resume xmlns='%s' previd='%s' h='0'/>" % (SM, token))
    c.expect_tag(SM, "resumed")
    c.expect_body("while away")
    c.close()
    b.close()


@check
def too_long(t):
    s = login(t, "juliet")
    s.send("<message to='romeo@localhost'><body>%s</body></message>" % ("x" * 100001))
    assert s.stream_error() == "policy-violation"
    assert s.condition == "remote-stream-error"
    s.abort()
    s = BoshStream(t, plain)
    s.open()
    s.send("<message>%s</message>" % ("x" * 10001))
    assert s.stream_error() == "policy-violation"
    s.abort()


@check
def the_end_of_tlsd(t):
    """Connections end, and the session goes on."""
    s = login(t, "juliet")
    held = s.held()
    t.kill("tlsd")
    t.wait_ready()
    s.free = []
    s.again(held)
    s.ping()
    s.close()


@check
def the_end_of_c2sd(t):
    s = login(t, "juliet")
    t.kill("c2sd")
    assert s.until_end() == "remote-connection-failed", s.condition
    s.abort()
    t.wait_ready()


@check
def the_end_of_webd(t):
    s = login(t, "juliet")
    s.ping()  # the session's own presence would answer the request that is to be held
    s.held()
    until("the request", lambda: t.stat("webd", "requests_open") >= 1)
    os.kill(t.pid("webd"), signal.SIGTERM)
    assert s.until_end() == "system-shutdown", s.condition
    s.abort()
    t.wait_ready()
    until("a login after the restart", lambda: login(t, "juliet").close() or True)


@check
def many(t):
    """A held session costs little in all programs."""
    login(t, "romeo").close()
    daemons = [t.pid(x) for x in ("webd", "tlsd", "c2sd")]
    before = sum(memory_kib(p) for p in daemons)
    streams = [BoshStream(t, plain) for _ in range(200)]
    for s in streams:
        s.open()
        s.post()
    assert t.stat("webd", "bosh_sessions") >= 200
    grown = sum(memory_kib(p) for p in daemons) - before
    assert SLOW > 1 or grown < 200 * 40 + 1000, "%d KiB for 200 clients" % grown
    print("%.1f KiB for a session" % (grown / 200))
    for s in streams:
        s.abort()
    until("the end of all", lambda: t.stat("webd", "bosh_sessions") == 0)


main(Tree(options=LISTEN, modules=MODULES + WEB,
          accounts=("juliet@localhost", "romeo@localhost")))
