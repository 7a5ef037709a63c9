#!/usr/bin/python3
"""Two servers that talk to each other, by certificates and by dialback, while programs of both are
killed."""
from servers import *
from traces import same


def talk(a, b, n, word, twice=False):
    """twice: a message that the other server had when its xmpp-s2sd was killed, and had not
    acknowledged, comes again."""
    for i in range(n):
        a.message(b.jid.split("/")[0], "%s %d" % (word, i))
    left = ["%s %d" % (word, i) for i in range(n)]
    if not twice:
        b.expect_bodies(left)
    while twice and left:
        text = b.expect_tag(CLIENT, "message").findtext("{%s}body" % CLIENT)
        if text in left:
            left.remove(text)


@check
def certificates():
    ca = Authority({A: "IP:%s,DNS:%s" % (A, A), B: "IP:%s,DNS:%s" % (B, B)})
    try:
        with Server(A, "s2s_use_starttls: required\n" + ca.options(A)) as t, \
                Server(B, "s2s_use_starttls: required\n" + ca.options(B)) as u:
            a, b = t.login("a"), u.login("a")
            talk(a, b, 100, "there")
            talk(b, a, 100, "back")
            assert rows(t) == [("out", "external", "pkix")], rows(t)
            assert rows(u) == [("in", "external", "pkix")], rows(u)
            for server in (t, u, t, u):     # the end of a stream is behind all acknowledgements
                talk(a, b, 10, "there, and closed by " + server.ip)
                talk(b, a, 10, "back, and closed by " + server.ip)
                server.ctl("s2s", "close", A if server is u else B)
            for program in ("s2sd", "dnsd", "routed"):
                for server in (u, t):
                    server.kill(program)
                    talk(a, b, 20, "%s of %s was killed" % (program, server.ip),
                         twice=program == "s2sd")
                    b.messages_until_ping()
    finally:
        ca.end()


@check
def dialback():
    with Server(A, "s2s_use_starttls: required") as t, \
            Server(B, "s2s_use_starttls: required") as u:
        a, b = t.login("a"), u.login("a")
        talk(a, b, 100, "there")
        talk(b, a, 100, "back")
        assert rows(t) == [("out", "dialback", "dns")], rows(t)
        assert "open  dialback  dns" in t.ctl("s2s", "try", B)
        t.ctl("s2s", "close", B)
        until("the end of the streams", lambda: not rows(t) and not rows(u))
        talk(b, a, 10, "again")


def traced(t, u):
    """A replay by -p gives the output of both servers' s2sd again, from the middle of open streams
    on."""
    a, b = t.login("a"), u.login("a")
    talk(a, b, 10, "before")
    talk(b, a, 10, "before")
    for server in (t, u):
        server.ctl("trace", "s2sd", "on", server.dir + "/s2sd")
    talk(a, b, 30, "there")
    talk(b, a, 30, "back")
    old = t.pid("tlsd")
    t.kill("tlsd")      # all streams end; those of stream management are resumed
    until("a new xmpp-tlsd", lambda: t.pid("tlsd") not in (-1, old))
    t.wait_ready()
    for s in (a, b):
        s.abort()
    a, b = t.login("a"), u.login("a")
    for s in (a, b):
        s.messages_until_ping()     # stanzas that may not have left come again
    talk(a, b, 10, "after")
    talk(b, a, 10, "after")
    t.ctl("s2s", "close", B)
    until("the end of the streams", lambda: not rows(t))
    talk(b, a, 10, "again")
    a.message("a@nobody.invalid", "to nobody")
    a.expect(lambda e: e.get("type") == "error")
    for server in (t, u):
        server.ctl("trace", "s2sd", "off")
        same(server, "s2sd", server.state + "/settings", but=rb"(?<=db:verify )(.*)type='(in)?valid'")


@check
def traces_of_streams():
    ca = Authority({A: "IP:%s,DNS:%s" % (A, A), B: "IP:%s,DNS:%s" % (B, B)})
    try:
        with Server(A, "s2s_use_starttls: required\n" + ca.options(A)) as t, \
                Server(B, "s2s_use_starttls: required\n" + ca.options(B)) as u:
            traced(t, u)
    finally:
        ca.end()
    with Server(A, "s2s_use_starttls: required") as t, Server(B, "s2s_use_starttls: required") as u:
        traced(t, u)


@check
def no_trust():
    with Server(A, "s2s_use_starttls: required_trusted", MODULES) as t, \
            Server(B, "s2s_use_starttls: required") as u:
        a, b = t.login("a"), u.login("a")
        a.message("a@" + B, "never")
        e = a.expect(lambda e: e.get("type") == "error")
        assert "certificate self-signed" in ET.tostring(e).decode(), ET.tostring(e)
        assert "certificate self-signed" in t.ctl("s2s", "try", B, code=None)[1]
        b.message("a@" + A, "never")
        e = b.expect(lambda e: e.get("type") == "error")
        assert "remote-server-timeout" in ET.tostring(e).decode(), ET.tostring(e)
        t.wait_log("s2sd", "s2s-failed .*step=name")
        t.wait_log("s2sd", "s2s-failed dir=in .*certificate self-signed")


main()
