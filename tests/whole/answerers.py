"""A component (XEP-0114) that answers each message, and accounts that talk to it, for the loss tests.

XEP-0114 has no acknowledgements: stanzas that are under way in a connection that breaks are lost. So a
message of either side may be missing at the end of a connection alone, and only if it was said before
the connection broke; whatever came on a connection came without gaps. What a component has said is in
the hands of the server when a later request of the component's has been answered, as long as xmpp-compd
and xmpp-routed are not killed together (xmpp-restarts(7))."""
from talkers import *

COMPONENT = "jabber:component:accept"
# Longer than xmpp-compd needs to say again what an xmpp-routed that was killed has not acknowledged.
TOGETHER = 2 * SLOW


class ComponentStream(Stream):
    """A component's end of a stream, behind the handshake. proves is called when the handshake is sent."""

    def __init__(self, tree, port, domain, secret, proves=lambda: None):
        super().__init__(tree, domain, secure=False, port=port)
        try:
            self.send("<stream:stream xmlns='%s' xmlns:stream='%s' to='%s'>" % (COMPONENT, STREAM, domain))
            end = time.monotonic() + DEADLINE
            while self.root is None:
                self.pump(end)
            proves()
            digest = hashlib.sha1((self.root.get("id") + secret).encode()).hexdigest()
            self.send("<handshake>%s</handshake>" % digest)
            e = self.recv()
            assert e.tag == "{%s}handshake" % COMPONENT, ET.tostring(e).decode()
        except BaseException:
            self.abort()
            raise


class Connection:
    """A connection of the component. got: the numbers of each user's messages, in the order in which they
    came; said: those of the answers to each user; sure: how many of these the server has; ended: the
    time when it broke."""

    def __init__(self):
        self.got, self.said, self.sure, self.ended = {}, {}, {}, None


class Answerer(threading.Thread):
    """The component: answers each message with a number that counts its answers to the user. returned:
    the answers to each user that came back as errors."""

    def __init__(self, tree, port, domain, secret):
        super().__init__(daemon=True)
        self.to, self.user = (tree, port, domain, secret), domain
        self.host = tree.hosts[0]
        self.connections, self.count, self.returned = [], {}, {}
        self.asked = self.s = self.failed = None
        self.stopping = False

    def run(self):
        try:
            while not self.stopping:
                try:
                    self.connect()
                    while not self.stopping:
                        self.step()
                except (Gone, OSError, ET.ParseError):
                    self.connections[-1].ended = time.monotonic()
                    self.s.abort()
        except Exception as e:
            self.failed = "%s: %r" % (self.user, e)

    def connect(self):
        """A connection that breaks behind the handshake counts, though the answer to it has not come: the
        server may have sent stanzas."""
        def once():
            before = len(self.connections)
            try:
                return ComponentStream(*self.to, proves=lambda: self.connections.append(Connection()))
            except (Gone, OSError, AssertionError, ET.ParseError):
                for c in self.connections[before:]:
                    c.ended = time.monotonic()
                return None

        self.s = until("a connection of " + self.user, once, step=0.05)
        self.asked = None

    def step(self):
        while self.s.queue:
            self.take(self.s.queue.pop(0))
        if self.s.over:
            raise Gone("</stream:stream>")
        self.ask()
        try:
            self.s.pump(time.monotonic() + 0.05)
        except AssertionError:
            pass

    def ask(self):
        """The answer to this ping says that the server has all answers before it."""
        c = self.connections[-1]
        count = {user: len(said) for user, said in c.said.items()}
        if self.asked is not None or count == c.sure:
            return
        self.asked = count
        self.send("<iq type='get' id='%d' from='%s' to='%s'><ping xmlns='%s'/></iq>" % (
            len(self.connections), self.user, self.host, PING))

    def send(self, stanza):
        """What came before the connection broke is still there to be read."""
        try:
            self.s.send(stanza)
        except (Gone, OSError):
            pass

    def take(self, e):
        user, c = e.get("from").split("@")[0], self.connections[-1]
        if e.tag == "{%s}iq" % COMPONENT:
            if e.get("id") == str(len(self.connections)):
                c.sure, self.asked = self.asked, None
        elif e.get("type") == "error":
            self.returned.setdefault(user, set()).add(int(e.get("id")))
        else:
            c.got.setdefault(user, []).append(int(e.findtext("{%s}body" % COMPONENT)))
            self.answer(e.get("from").split("/")[0], user, c)

    def answer(self, to, user, c):
        n = self.count[user] = self.count.get(user, 0) + 1
        c.said.setdefault(user, []).append(n)
        self.send("<message type='chat' id='%d' from='%s' to='%s'><body>%d</body></message>" % (
            n, self.user, to, n))

    def lost(self, asker):
        """The messages of asker that have not come, those that a break explains apart."""
        had = [c.got.get(asker.user, []) for c in self.connections]
        missing = set(asker.acked) - asker.returned - set().union(*had)
        broken = {n for n in missing if self.is_of_a_break(had, n, asker.said_at[n])}
        return missing - broken, broken

    def tell(self, asker):
        """The messages that are lost, with their times, and what each connection had, with its end."""
        return "%s: lost %s; %s" % (
            asker.user, [(n, "%.3f" % asker.said_at[n]) for n in sorted(self.lost(asker)[0])],
            [(min(c.got[asker.user]), max(c.got[asker.user]), c.ended and "%.3f" % c.ended)
             if c.got.get(asker.user) else (None, None, c.ended and "%.3f" % c.ended) for c in self.connections])

    def is_of_a_break(self, had, n, at):
        """Say whether message n, said at this time, belongs between two connections."""
        behind = next((i for i, x in enumerate(had) if x and max(x) > n), len(had))
        if not behind or behind < len(had) and min(had[behind]) < n:
            return False
        ended = self.connections[behind - 1].ended
        return ended is not None and at <= ended


class Asker(Talker):
    """An account that talks to the component. said_at: when it said each message last."""

    def __init__(self, tree, user, kind, component, kills):
        super().__init__(tree, user, kind)
        self.peer, self.kills, self.said_at = component, kills, {}

    def message(self, n):
        self.said_at[n] = time.monotonic()
        return "<message type='chat' to='%s' id='%d'><body>%d</body></message>" % (self.peer.user, n, n)

    def missing(self, got, _):
        """The answers that must have come and have not."""
        must = set()
        for c in self.peer.connections:
            said = c.said.get(self.user, [])
            must |= set(said[:self.due(c, said, got)])
        return must - self.peer.returned.get(self.user, set()) - got

    def due(self, c, said, got):
        """How many of the answers of a connection must have come: those before one that came, and those
        that the server has; all of a connection that has not broken."""
        if c.ended is None:
            return len(said)
        before = max((i + 1 for i, n in enumerate(said) if n in got), default=0)
        both = all(any(abs(c.ended - at) < TOGETHER for at in self.kills.get(d, []))
                   for d in ("compd", "routed"))
        return max(before, 0 if both else c.sure.get(self.user, 0))
