#!/usr/bin/python3
"""External components (XEP-0114): slixmpp's against a running server."""
import asyncio, logging

from components import *
from traces import same

logging.disable(logging.CRITICAL)
import slixmpp
from slixmpp.componentxmpp import ComponentXMPP

class Component:
    """A component of slixmpp, whose loop turns while it is waited for: it answers messages with
    their bodies, backwards."""

    def __init__(self, t, domain, secret):
        self.c = ComponentXMPP(domain, secret, "127.0.0.1", t.comp_port)
        self.c.register_plugin("xep_0030")
        self.up = self.failed = False
        self.presences, self.bodies = [], []
        self.c.add_event_handler("session_start", self.started)
        self.c.add_event_handler("message", self.answer)
        self.c.add_event_handler("presence_available", lambda p: self.presences.append(str(p["from"])))
        self.c.add_event_handler("disconnected", self.lost)
        self.c.add_event_handler("stream_error", self.error)
        self.connect()

    def connect(self):
        if "host" in self.c.connect.__code__.co_varnames[:4]:
            self.c.connect(host="127.0.0.1", port=int(self.c.server_port))
        else:
            self.c.connect()

    async def started(self, _):
        self.up = True

    def lost(self, _):
        self.up = False

    def error(self, _):
        self.failed = True

    def answer(self, m):
        if m["type"] == "error":
            return
        self.bodies.append(m["body"])
        r = m.reply(m["body"][::-1])
        r.send()

    def turn(self, what, fn):
        """Let the loop turn until fn() is true."""
        async def wait():
            end = time.monotonic() + DEADLINE
            while not fn():
                assert time.monotonic() < end, "in vain awaited: " + what
                await asyncio.sleep(0.01)
        self.c.loop.run_until_complete(wait())

    def ready(self):
        self.turn("the component is there", lambda: self.up)

    def end(self):
        self.c.abort()
        self.c.loop.run_until_complete(asyncio.sleep(0.05))


def raw(t, domain):
    """A socket to the listener, behind the header."""
    s = socket.create_connection(("127.0.0.1", t.comp_port), DEADLINE)
    s.settimeout(DEADLINE)
    s.sendall(("<stream:stream xmlns='jabber:component:accept' xmlns:stream='" + STREAM +
               "' to='%s'>" % domain).encode())
    return s


def read_until(s, text):
    got = b""
    while text not in got:
        more = s.recv(4096)
        assert more, "the end came instead of %s: %s" % (text, got)
        got += more
    return got


def handshake(s, secret):
    sid = re.search(rb" id='([^']+)'", read_until(s, b" from=")).group(1)
    s.sendall(b"<handshake>" + hashlib.sha1(sid + secret).hexdigest().encode() + b"</handshake>")


@check
def a_component_talks(t):
    irc = Component(t, IRC, "secret")
    irc.ready()
    a = t.login("juliet")
    a.message("room@" + IRC, "Romeo")
    irc.turn("a message", lambda: irc.bodies)
    a.expect_body("oemoR")
    a.send("<presence to='room@%s/nick'/>" % IRC)
    irc.turn("presence", lambda: irc.presences)
    assert irc.presences == ["juliet@localhost/r"], irc.presences
    a.send("<iq type='get' id='d' to='%s'><query "
           "xmlns='http://jabber.org/protocol/disco#info'/></iq>" % IRC)
    done = []
    irc.c.add_filter("out", lambda x: done.append(x) or x)
    irc.turn("an answer", lambda: done)
    e = a.expect(lambda e: e.get("id") == "d")
    assert e.get("type") == "result", e.attrib
    a.close()
    irc.end()


@check
def two_at_a_time_each_with_its_domain(t):
    irc, sms = Component(t, IRC, "secret"), Component(t, SMS, "other")
    irc.ready()
    sms.ready()
    a = t.login("juliet")
    a.message("x@" + IRC, "one")
    a.message("x@" + SMS, "two")
    irc.turn("both messages", lambda: irc.bodies and sms.bodies)
    assert (irc.bodies, sms.bodies) == (["one"], ["two"])
    a.close()
    sms.end()
    irc.end()


@check
def refusals(t):
    for domain, secret, want in (("web.localhost", b"", b"host-unknown"),
                                 (IRC, b"wrong", b"not-authorized")):
        s = raw(t, domain)
        if secret:
            handshake(s, secret)
        read_until(s, want)
        s.close()
    one = raw(t, IRC)
    handshake(one, b"secret")
    read_until(one, b"<handshake/>")
    two = raw(t, IRC)
    handshake(two, b"secret")
    read_until(two, b"conflict")
    two.close()
    one.sendall(b"<message from='juliet@localhost' to='romeo@localhost'/>")
    read_until(one, b"invalid-from")
    one.close()


@check
def a_trace_is_played_again(t):
    """The trace begins with a component that is open, and one whose handshake is awaited."""
    one, half = raw(t, IRC), raw(t, SMS)
    handshake(one, b"secret")
    read_until(one, b"<handshake/>")
    until("both components", lambda: t.stat("compd", "components") == 2)
    t.ctl("trace", "compd", "on", t.dir + "/compd")
    a = t.login("juliet")
    a.message("x@" + IRC, "in the trace")
    read_until(one, b"in the trace")
    one.sendall(b"<message from='x@%s' to='juliet@localhost'><body>back</body></message>" % IRC.encode())
    a.expect_body("back")
    handshake(half, b"wrong")
    read_until(half, b"not-authorized")
    two = raw(t, SMS)
    handshake(two, b"other")
    read_until(two, b"<handshake/>")
    for s in (one, half, two):
        s.close()
    until("the end of the components", lambda: t.stat("compd", "components") == 0)
    t.ctl("trace", "compd", "off")
    same(t, "compd", t.state + "/settings")
    a.close()


@check
def nothing_is_lost_when_compd_is_killed(t):
    """Messages that were sent while nobody was there come when the component is back."""
    s = raw(t, IRC)
    handshake(s, b"secret")
    read_until(s, b"<handshake/>")
    a = t.login("juliet")
    os.kill(t.pid("compd"), signal.SIGKILL)
    a.message("x@" + IRC, "while it was down")
    s.close()
    s, got = until("compd is back", lambda: again(t))
    if b"while it was down" not in got:
        read_until(s, b"while it was down")
    s.close()
    a.close()


def again(t):
    try:
        s = raw(t, IRC)
        handshake(s, b"secret")
        return s, read_until(s, b"<handshake/>")
    except (OSError, AssertionError, AttributeError):
        return None


@check
def a_component_that_is_away(t):
    until("the component is gone", lambda: t.stat("compd", "components") == 0)
    a = t.login("juliet")
    a.message("x@" + IRC, "nobody")
    e = a.expect(lambda e: e.get("type") == "error")
    assert e.find(".//{%s}service-unavailable" % STANZAS) is not None
    a.close()


main(WithComponents(accounts=("juliet@localhost", "romeo@localhost")))
