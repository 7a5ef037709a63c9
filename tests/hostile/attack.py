"""The attacker's side: connections that send and read as fast as they can, or do not read, and
count bytes, stanzas and the rest of the rule."""
import fcntl, functools, os, select, struct, sys, termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
from tree import *  # noqa: E402

HEAD = ("<stream:stream xmlns='jabber:client' xmlns:stream='%s' to='localhost' version='1.0'"
        % STREAM)
RECORD = 16384          # bytes of a TLS record at most, and of a write
CAPTCHAS = 20            # captchas that an address gets in a minute
STALLED = 1.5 * SLOW    # seconds after which a server that takes nothing is left alone


class Wire:
    """A connection. deaf: it never reads. jid: the session it has, if it has one. mark: bytes
    that are awaited; None once they have come."""

    def __init__(self, sock, jid=None, deaf=False):
        self.sock, self.jid, self.deaf = sock, jid, deaf
        self.out, self.at, self.piece, self.ended = b"", 0, RECORD, False
        self.tail, self.mark = b"", None
        sock.setblocking(False)

    def write(self):
        """Write a piece: True when the socket took it."""
        end = min(self.at + self.piece, len(self.out))
        try:
            self.at += self.sock.send(self.out[self.at:end])
            return True
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            return False
        except OSError:
            self.ended = True
            return False

    def read(self):
        """Read what is there: how many bytes."""
        try:
            data = self.sock.recv(1 << 18)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return 0
        except OSError:
            data = b""
        if not data:
            self.ended = True
        if self.mark and self.mark in self.tail + data:
            self.mark = None
        self.tail = data[-100:]
        return len(data)

    def close(self):
        self.sock.close()


class Attack:
    """A shape at work on a tree. The counters are those of the rule, since begin().

    sent, got: bytes; reads: writes of its, each of which the server reads by itself;
    stanzas, passwords, captchas, commits, deliveries, entries (that a request has to look at): as the
    shape says; connections, handshakes; unread:
    sessions that do not read."""

    COUNTERS = ("sent", "got", "connections", "handshakes", "reads", "stanzas", "passwords", "captchas",
                "commits", "deliveries", "entries", "unread")

    def __init__(self, tree):
        self.tree, self.wires = tree, []
        self.begin()

    def begin(self):
        for c in self.COUNTERS:
            setattr(self, c, 0)
        self.unread = sum(w.deaf and bool(w.jid) for w in self.wires)

    def keep(self, wire):
        self.wires.append(wire)
        self.unread += wire.deaf and bool(wire.jid)
        return wire

    # ---- connections of each stage

    def plain(self, n=1, deaf=False):
        """n connections to the port of STARTTLS."""
        self.connections += n
        return [self.keep(Wire(socket.create_connection(("127.0.0.1", self.tree.port)),
                               deaf=deaf)) for _ in range(n)]

    def direct(self, n=1, deaf=False):
        """n connections to the port of direct TLS, without a handshake."""
        self.connections += n
        return [self.keep(Wire(socket.create_connection(("127.0.0.1", self.tree.tls_port)),
                               deaf=deaf)) for _ in range(n)]

    def secure(self, n=1, deaf=False, **kw):
        """n connections with TLS, before the stream's header."""
        self.connections += n
        self.handshakes += n
        return [self.keep(Wire(Stream(self.tree, direct=True, **kw).sock, deaf=deaf))
                for _ in range(n)]

    def authenticated(self, user, n=1):
        """n connections that have logged in and not yet opened the second stream."""
        for _ in range(n):
            s = Stream(self.tree, direct=True)
            s.secured()
            assert s.auth_scram(user, PW)[0] == "success"
            self.keep(Wire(s.sock))
        self.connections += n
        self.handshakes += n
        self.passwords += n
        return self.wires[-n:]

    def login(self, user="eve", resource="r", deaf=False, available=False, extra="", sm=False):
        """A session; extra: attributes of its stream's header."""
        s = Stream(self.tree, direct=True)
        s.secured()
        assert s.auth_scram(user, PW)[0] == "success"
        s.open = functools.partial(s.open, extra=extra)
        s.bind(resource)
        if available:
            s.available()
        if sm:
            s.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            s.expect_tag("urn:xmpp:sm:3", "enabled")
        return self.keep(Wire(s.sock, s.jid, deaf))

    # ---- sending

    def say(self, wires, data, piece=RECORD, stanzas=1, seconds=60, stalled=STALLED):
        """Send data on each of the wires, piece bytes a write, and read meanwhile what comes to
        all that read; until all is written, or the server takes nothing for stalled seconds."""
        wires = wires if isinstance(wires, list) else [wires]
        data = data if isinstance(data, bytes) else data.encode()
        for w in wires:
            w.out, w.at, w.piece = data, 0, piece
        self.stanzas += stanzas * len(wires)
        end = time.monotonic() + seconds
        moved = time.monotonic()
        while time.monotonic() < min(end, moved + stalled):
            busy = [w for w in wires if not w.ended and w.at < len(w.out)]
            if not busy:
                break
            r, wr, _ = select.select([w.sock for w in self.readers()], [w.sock for w in busy], [],
                                     0.05)
            for w in busy:
                if w.sock in wr and w.write():
                    self.reads += 1
                    moved = time.monotonic()
            if self.take(r):
                moved = time.monotonic()
        self.sent += sum(w.at for w in wires)

    def readers(self):
        return [w for w in self.wires if not w.deaf and not w.ended]

    def take(self, socks=None):
        """Read what has come; how many bytes."""
        n = 0
        for w in self.readers():
            if socks is None or w.sock in socks or (isinstance(w.sock, ssl.SSLSocket) and
                                                    w.sock.pending()):
                n += w.read()
        self.got += n
        return n

    def listen(self, seconds):
        """Read for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            r = self.readers()
            if r:
                select.select([w.sock for w in r], [], [], max(0, end - time.monotonic()))
            else:
                time.sleep(max(0, end - time.monotonic()))
            self.take()

    def prepare(self, wire, stanzas, window=200):
        """Send stanzas of which each is answered, without counting; nothing is left over."""
        for i in range(0, len(stanzas), window):
            mark = "mark%d" % time.monotonic_ns()
            wire.mark = mark.encode()
            self.say(wire, "".join(stanzas[i:i + window]) + ping(mark), stalled=60)
            until("the answers to what was prepared",
                  lambda: self.take() >= 0 and not wire.mark, 60)

    def lying(self):
        """Bytes that the server has written, and that deaf clients have not read."""
        deaf = {w.sock.getsockname()[1]: w for w in self.wires if w.deaf and not w.ended}
        n = sum(struct.unpack("i", fcntl.ioctl(w.sock, termios.FIONREAD, b"\0" * 4))[0]
                for w in deaf.values())
        with open("/proc/net/tcp") as f:
            rows = [x.split() for x in f.readlines()[1:]]
        return n + sum(int(x[4].split(":")[0], 16) for x in rows
                       if int(x[2].split(":")[1], 16) in deaf)

    def close(self):
        for w in self.wires:
            w.close()


def ping(i="p"):
    return "<iq type='get' id='%s' to='localhost'><ping xmlns='%s'/></iq>" % (i, PING)


def iq(payload, type="get", to=None, i="i"):
    return "<iq type='%s' id='%s'%s>%s</iq>" % (type, i, " to='%s'" % to if to else "", payload)
