"""A client with stream management (XEP-0198), for tests that cut and kill."""
import time

from tree import *

SM = "urn:xmpp:sm:3"


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

    def next_message(self, to):
        self.sent += 1
        return "<message type='chat' to='%s'><body>%d</body></message>" % (to, self.sent)

    def message(self, to):
        self.say(self.next_message(to))

    def part_of_message(self, to, rnd):
        """A connection that is cut in the middle of a stanza."""
        stanza = self.next_message(to)
        self.unacked.append(stanza)
        self.s.send(stanza[:rnd.randrange(len(stanza))])

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
