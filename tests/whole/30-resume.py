#!/usr/bin/python3
"""XEP-0198: conversations whose connection is cut at random moments, or whose xmpp-tlsd is
killed, go on: complete both ways, in order, nothing twice.

WHOLE_CUTS: how many cuts (1000); WHOLE_SEED: of the random moments."""
import base64

from tree import *

SM = "urn:xmpp:sm:3"
CUTS = int(os.environ.get("WHOLE_CUTS", "1000"))
SEED = os.environ.get("WHOLE_SEED") or str(random.SystemRandom().randrange(1 << 32))


class Managed:
    """A client that acknowledges, resumes, and sends again what the server has not handled."""

    def __init__(self, tree, user):
        self.tree, self.user = tree, user
        self.id, self.handled = None, 0     # of stanzas that came
        self.unacked, self.acked = [], 0    # of stanzas that went
        self.got, self.sent = [], 0
        self.connect()
        self.s.bind("r")
        self.jid = self.s.jid
        self.s.send("<enable xmlns='%s' resume='true'/>" % SM)
        self.id = self.s.expect_tag(SM, "enabled").get("id")
        self.say("<presence/>")

    def connect(self):
        s = self.s = Stream(self.tree)
        s.secured()
        what, data = s.auth_plain(self.user, PW)[:2]
        assert what == "success", (what, data)

    def say(self, stanza):
        self.unacked.append(stanza)
        self.s.send(stanza)

    def message(self, to):
        self.sent += 1
        self.say("<message type='chat' to='%s'><body>%d</body></message>" % (to, self.sent))

    def take_h(self, h):
        n = h - self.acked
        assert 0 <= n <= len(self.unacked), (self.user, h, self.acked, len(self.unacked))
        del self.unacked[:n]
        self.acked = h

    def take(self, e):
        if e.tag == "{%s}r" % SM:
            self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.handled))
        elif e.tag == "{%s}a" % SM:
            self.take_h(int(e.get("h")))
        elif e.tag.startswith("{%s}" % CLIENT):
            self.handled += 1
            body = e.findtext("{%s}body" % CLIENT)
            if body:
                self.got.append((e.get("type"), int(body)))

    def pump(self, seconds=0):
        """Take what is there, or comes in this time."""
        end = time.monotonic() + seconds
        while True:
            while self.s.queue:
                self.take(self.s.queue.pop(0))
            try:
                self.s.pump(max(end, time.monotonic() + 0.0005))
            except AssertionError:
                return

    def cut(self):
        self.s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.s.abort()

    def resume(self):
        self.connect()
        self.s.open()
        self.s.send("<resume xmlns='%s' previd='%s' h='%d'/>" % (SM, self.id, self.handled))
        e = self.s.recv()
        assert e.tag == "{%s}resumed" % SM, ET.tostring(e).decode()
        self.take_h(int(e.get("h")))
        for stanza in self.unacked:
            self.s.send(stanza)

    def close(self):
        """XEP-0198 s4: with an a before the end, so that nothing comes again."""
        self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.handled))
        self.s.close()

    def settle(self, n):
        """All n messages have come, and the server has all of ours."""
        def done():
            self.s.send("<r xmlns='%s'/>" % SM)
            self.pump(0.05)
            return len(self.got) >= n and not self.unacked
        until("the rest of the conversation of " + self.user, done)


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
        if rnd.random() < 0.3:      # in the middle of a stanza
            a.sent += 1
            stanza = "<message type='chat' to='%s'><body>%d</body></message>" % (b.jid, a.sent)
            a.unacked.append(stanza)
            a.s.send(stanza[:rnd.randrange(len(stanza))])
        if rnd.random() < 0.7:      # else the server still believes that it is there
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
