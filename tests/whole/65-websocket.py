#!/usr/bin/python3
"""XMPP over WebSocket (RFC 7395): sessions, resumption, and how they end."""
from websocket import *

SM = "urn:xmpp:sm:3"
plain, tls = free_port(), free_port()
LISTEN = "trusted_proxies: [127.0.0.2]\nlisten:\n" + "".join("""  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: %s
    max_stanza_size: 100000
    request_handlers: {/ws: ejabberd_http_ws}
""" % x for x in ((plain, "false"), (tls, "true")))


def login(t, user, resource="web", **kw):
    s = WebStream(t, tls if kw.get("tls") else plain, **kw)
    s.login(user, PW, resource)
    s.available()
    return s


@check
def web_and_tcp_talk(t):
    a, b = login(t, "juliet"), t.login("romeo", "tcp")
    a.message(b.jid, "from the web")
    b.expect_body("from the web")
    b.message(a.jid, "to the web")
    a.expect_body("to the web")
    a.message(b.jid, "x" * 70000)
    b.expect_body("x" * 70000)
    b.message(a.jid, "y" * 70000)
    a.expect_body("y" * 70000)
    assert a.close() == 1000
    b.close()


@check
def over_tls_with_its_channel(t):
    s = WebStream(t, tls, tls=True)
    s.open()
    assert "SCRAM-SHA-256-PLUS" in s.mechanisms(), s.mechanisms()
    what, data, _ = s.auth_scram("juliet", PW, binding="tls-exporter")
    assert what == "success", data
    s.bind("tls")
    s.ping()
    s.close()
    s = WebStream(t, plain)
    s.open()
    assert not [m for m in s.mechanisms() if m.endswith("-PLUS")]
    s.close()


@check
def frames_in_pieces(t):
    s = login(t, "juliet")
    i = s.next_id()
    text = ("<iq xmlns='jabber:client' type='get' id='%s' to='localhost'><ping xmlns='%s'/></iq>"
            % (i, PING)).encode()
    out = frame(text[:20], fin=False) + frame(b"are you there", PING_FRAME)
    out += b"".join(frame(text[n:n + 1], 0, n == len(text) - 1) for n in range(20, len(text)))
    for n in range(0, len(out), 3):
        s.sock.sendall(out[n:n + 3])
    s.expect(lambda e: e.get("id") == i)
    assert s.pongs == 1
    s.close()


@check
def a_session_is_resumed(t):
    """A Close without <close/> leaves the session; the other transport resumes it."""
    a, b = login(t, "juliet"), t.login("romeo", "tcp")
    a.send("<enable xmlns='%s' resume='true'/>" % SM)
    token = a.expect_tag(SM, "enabled").get("id")
    a.send(b"\x03\xe9", CLOSE)
    assert a.until_close() == 1001
    a.abort()
    b.message(a.jid, "while away")
    b.ping()
    c = WebStream(t, plain)
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
    s = WebStream(t, plain)
    s.open()
    s.send("<message>%s</message>" % ("x" * 10001))
    assert s.stream_error() == "policy-violation"


@check
def the_end_of_c2sd(t):
    s = login(t, "juliet")
    t.kill("c2sd")
    assert s.until_close() == 1011
    s.abort()
    t.wait_ready()


@check
def the_end_of_webd(t):
    s = login(t, "juliet")
    os.kill(t.pid("webd"), signal.SIGTERM)
    assert s.until_close() == 1001
    s.abort()
    t.wait_ready()
    until("a login after the restart", lambda: login(t, "juliet").close())


@check
def many(t):
    """Idle clients have no buffers in webd."""
    login(t, "romeo").close()
    pid = t.pid("webd")
    before = memory_kib(pid)
    streams = [WebStream(t, plain) for _ in range(300)]
    for s in streams:
        s.open()
    assert t.stat("webd", "websockets") >= 300
    grown = memory_kib(pid) - before
    assert SLOW > 1 or grown < 300 * 4 + 1000, "%d KiB for 300 clients" % grown
    for s in streams:
        s.abort()
    until("the end of all", lambda: t.stat("webd", "websockets") == 0)


@check
def the_load_generator(t):
    """xmpp-load counts messages over WebSocket: none is lost."""
    r = subprocess.run([t.bin + "/xmpp-load", "-l", "chat", "-t", "1", "-D", "-o", "websocket=/ws",
                        "-p", PW, "127.0.0.1", str(tls), "localhost"], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=6 * DEADLINE)
    assert r.returncode == 0, r.stderr
    assert int(re.search(r"\breceived=(\d+)", r.stdout).group(1)) > 10, r.stdout


main(Tree(options=LISTEN, accounts=("juliet@localhost", "romeo@localhost", "load1@localhost",
                                    "load2@localhost")))
