"""Thousands of clients in one process, that log in, resume, and read or do not.

What a client does is a generator: it says things, and yields the bytes that must come next. When
it is through, the client is there; what comes then is thrown away, or left unread. All of them
use direct TLS and PLAIN, and live in one Crowd, which runs only while somebody waits.
"""
import base64, os, re, select, socket, ssl, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
from tree import *

SM = "urn:xmpp:sm:3"
RESET = b"\1\0\0\0\0\0\0\0"     # SO_LINGER: closing resets the connection
REFUSALS = re.compile(rb"<stream:error.*|<failure.*|<failed.*|<iq[^>]*type=.error.*", re.S)
SOURCES = ["127.0.0.%d" % n for n in range(1, 9)]  # each has only so many ports


def _context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.set_alpn_protocols(["xmpp-client"])
    return c


CONTEXT = _context()
HEADER = ("<stream:stream xmlns='jabber:client' xmlns:stream='%s' to='localhost' version='1.0'>"
          % STREAM)


def begin(m):
    """Up to where a client binds or resumes."""
    m.say(HEADER)
    yield b"</stream:features>"
    m.say("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>" % (
        SASL, base64.b64encode(("\0%s\0%s" % (m.user, PW)).encode()).decode()))
    yield b"<success"
    yield b">"
    m.say(HEADER)
    yield b"</stream:features>"


def login(m):
    """A session: bound, stream management on if the member wants it, available."""
    yield from begin(m)
    m.say("<iq type='set' id='bind'><bind xmlns='%s'><resource>load</resource></bind></iq>" % BIND)
    yield b"</iq>"
    if m.managed:
        m.say("<enable xmlns='%s' resume='true'/>" % SM)
        yield b"<enabled"
        m.token = re.search(rb" id=['\"]([^'\"]*)", (yield b"/>")).group(1).decode()
    m.say("<presence/>")
    yield b"<presence"          # the session's own presence comes back


def resume(m):
    """Resume the earlier session. The server had sent nothing that counts but the session's own
    presence."""
    yield from begin(m)
    m.say("<resume xmlns='%s' previd='%s' h='0'/>" % (SM, m.token))
    yield b"<resumed"


class Member:
    """A client. there: its script is through; over: why its connection is gone, or None."""

    def __init__(self, crowd, user, managed=False, rcvbuf=None):
        self.crowd, self.user, self.managed, self.rcvbuf = crowd, user, managed, rcvbuf
        self.token, self.over, self.there = None, "not begun", False

    def start(self, script):
        self.over, self.there, self.out, self.inbox = None, False, b"", b""
        self.reading, self.secure, self.bytes_in = True, False, 0
        self.began = time.monotonic()
        s = self.sock = socket.socket()
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_IP, 24, 1)      # IP_BIND_ADDRESS_NO_PORT
        s.bind((SOURCES[self.crowd.turn % len(SOURCES)], 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        s.connect_ex(("127.0.0.1", self.crowd.port))
        self.script, self.awaited = script(self), None
        self.fd, self.tls = s.fileno(), None
        self.crowd.add(self)

    def say(self, text):
        self.out += text.encode()

    def close(self, why="closed"):
        """Cut the connection, with a reset."""
        if self.over is None:
            self.over = why
            self.crowd.remove(self)
            (self.tls or self.sock).close()

    def deafen(self):
        """Read nothing from now on."""
        self.reading = False
        self.crowd.want(self)

    def on_event(self):
        try:
            if not self.tls:
                error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                self.tls = CONTEXT.wrap_socket(self.sock, server_hostname="localhost",
                                               do_handshake_on_connect=False)
            if not self.secure:
                self.tls.do_handshake()
                self.secure = True
                self.step(b"")
            while self.reading:
                data = self.tls.recv(65536)
                if not data:
                    raise OSError("end of data behind %r" % self.inbox[-200:])
                self.take(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as e:
            self.close(str(e))
            return
        self.write()

    def write(self):
        try:
            while self.out and self.secure:
                self.out = self.out[self.tls.send(self.out):]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as e:
            self.close(str(e))
            return
        self.crowd.want(self)

    def take(self, data):
        self.bytes_in += len(data)
        if self.script:
            self.inbox += data
            self.step(None)

    def step(self, taken):
        """Go on with the script as far as what came allows."""
        while True:
            if taken is None:
                at = self.inbox.find(self.awaited)
                if at < 0:
                    bad = REFUSALS.search(self.inbox)
                    if bad:
                        raise OSError("refused: %r" % bad.group(0)[:200])
                    return
                at += len(self.awaited)
                taken, self.inbox = self.inbox[:at], self.inbox[at:]
            try:
                self.awaited = self.script.send(taken or None)
            except StopIteration:
                self.script, self.there, self.inbox = None, True, b""
                self.took = time.monotonic() - self.began
                return
            taken = None


class Crowd:
    """Members at the direct-TLS port of a tree."""

    def __init__(self, tree):
        self.port, self.poll, self.members, self.turn = tree.tls_port, select.epoll(), {}, 0

    def add(self, m):
        self.turn += 1
        self.members[m.fd] = m
        m.wanted = select.EPOLLIN | select.EPOLLOUT
        self.poll.register(m.fd, m.wanted)

    def remove(self, m):
        del self.members[m.fd]
        self.poll.unregister(m.fd)

    def want(self, m):
        wanted = (select.EPOLLIN if m.reading else 0) | (select.EPOLLOUT if m.out else 0)
        if m.over is None and wanted != m.wanted:
            m.wanted = wanted
            self.poll.modify(m.fd, wanted)

    def run(self, seconds):
        """Serve whoever has something, for this long or until there was something."""
        for fd, _ in self.poll.poll(seconds, 1024):
            m = self.members.get(fd)
            if m:
                m.on_event()

    def serve(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.run(0.05)

    def let_in(self, members, script, at_once, seconds=120):
        """Start these, as many at a time, until all are there; fail when one is refused or the
        time is over."""
        waiting, began, end = list(members)[::-1], [], time.monotonic() + seconds * SLOW
        while waiting or began:
            while waiting and len(began) < at_once:
                began.append(waiting.pop())
                began[-1].start(script)
            for _ in range(20):
                self.run(0.01)
            gone = [m for m in began if m.over is not None]
            assert not gone, "%d of %d failed, %d are there; %s: %s" % (
                len(gone), len(members), len(members) - len(waiting) - len(began), gone[0].user,
                gone[0].over)
            assert time.monotonic() < end, "%d of %d are not there; %s waits for %r" % (
                len(waiting) + len(began), len(members), began[0].user, began[0].awaited)
            began = [m for m in began if not m.there]
