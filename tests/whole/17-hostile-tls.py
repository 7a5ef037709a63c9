#!/usr/bin/python3
"""A client's costs to xmpp-tlsd, in CPU and memory, are bounded by the numbers of
lib/base/limits.h.

The clock's limits are played with xmpp-tlsd -p: real sockets, but its time is told to it, and its
stream program is this test.
"""
import fcntl
import struct
import termios

from tree import *
from rawtls import ALERT, DATA, RawTls

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
HEADER = ("<stream:stream xmlns='jabber:client' xmlns:stream='%s' to='localhost' "
          "version='1.0'>" % STREAM).encode()
SECOND = 1000000
MIB = 1 << 20
HIGH_WATER, OUTPUT_MAX = 65536, 32 * MIB
CONTROLS = 16  # TLS_CONTROL_MAX


class Filter:
    """xmpp-tlsd -p of this tree's certificates; records are lists of fields."""

    def __init__(self, t, rows=""):
        self.dir = tempfile.mkdtemp(prefix="whole-")
        self.plain_port, self.tls_port, self.any_port = (free_port() for _ in range(3))
        with open(self.dir + "/conf.yml", "w") as f:
            f.write("hosts: [localhost]\ncertfiles: [\"%s/dev/*.pem\"]\nlisten:\n" % t.state)
            for port, how in ((self.plain_port, "starttls_required"), (self.tls_port, "tls"),
                              (self.any_port, "starttls")):
                f.write("  - {port: %d, ip: \"127.0.0.1\", module: ejabberd_c2s, %s: true}\n"
                        % (port, how))
        subprocess.run([BIN + "/xmpp-confgen", "compile", "--quiet", "-o",
                        self.dir + "/settings", self.dir + "/conf.yml"], check=True)
        with open(self.dir + "/settings/xmpp-tlsd", "a") as f:
            f.write(rows)
        self.log = open(self.dir + "/log", "w")
        self.p = subprocess.Popen([BIN + "/xmpp-tlsd", "-v", "2", "-p", self.dir + "/settings"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=self.log)
        self.now, self.heard, self.more = 10 ** 15, [], threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()
        until("xmpp-tlsd -p listens", self.is_there)
        self.say("hello\txmpp-c2sd\t0.1\tc2sd\t1")
        self.wait("close")  # of who looked

    def listen(self):
        for line in self.p.stdout:
            with self.more:
                self.heard.append(line.rstrip(b"\n").decode("latin-1").split("\t")[1:])
                self.more.notify()

    def say(self, record):
        self.p.stdin.write(b"c2sd\t" + (record if isinstance(record, bytes) else
                                        record.encode()) + b"\n")
        self.p.stdin.flush()

    def wait(self, verb, id=None, seconds=DEADLINE):
        """The next record with this verb (and this conduit); it and those before it go."""
        def found():
            for i, r in enumerate(self.heard):
                if r[0] == verb and id in (None, r[1]):
                    del self.heard[:i + 1]
                    return r
        with self.more:
            r = None

            def look():
                nonlocal r
                r = found()
                return r
            assert self.more.wait_for(look, seconds), "no %s" % verb
            return r

    def has_not(self, verb, id):
        with self.more:
            return not any(r[:2] == [verb, id] for r in self.heard)

    def pass_time(self, us):
        """Time passes, and all that was sent before has been looked at: a stranger is told so."""
        self.settle()
        self.tell_time(us)
        self.settle()

    def tell_time(self, us):
        self.now += us
        self.p.stdin.write(b"clock\t%d\n" % self.now)
        self.p.stdin.flush()

    def settle(self):
        """Three turns of its loop: connections come in, are read, and are answered."""
        for _ in range(3):
            s = socket.create_connection(("127.0.0.1", self.any_port), DEADLINE)
            id = self.wait("open")[1]
            self.say("close\t" + id)
            assert s.recv(1) == b""
            s.close()

    def connect(self, port, rcvbuf=None):
        s = socket.socket()
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(DEADLINE)
        s.connect(("127.0.0.1", port))
        return s

    def is_there(self):
        try:
            self.connect(self.any_port).close()
            return True
        except ConnectionRefusedError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.stdin.close()
        try:
            self.p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        if not exc[0]:
            assert self.p.returncode == 0, "xmpp-tlsd ended with %d" % self.p.returncode


def client_hello(padding=0):
    """The first flight of a client; padding bytes longer (RFC 7685), which makes it many records."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    out = ssl.MemoryBIO()
    try:
        ctx.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()[5:]


def records(text, size):
    """A ClientHello in records of size bytes."""
    return b"".join(b"\x16\3\1" + len(text[i:i + size]).to_bytes(2, "big") + text[i:i + size]
                    for i in range(0, len(text), size))


def is_open(s):
    """True when the other side has not ended the connection."""
    s.setblocking(False)
    try:
        return s.recv(65536, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        s.settimeout(DEADLINE)


def unsent(s):
    """The bytes that the other end's kernel has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)))[0]


def cpu(pid):
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0]) / 1e9


# ---- handshakes


@check
def a_handshake_is_put_off_once(t):
    """Something unread at the deadline gives as much time again, and no more than that."""
    crumbs = records(client_hello(), 1)
    with Filter(t) as f:
        s = f.connect(f.tls_port)
        for n, alive in enumerate((True, False)):
            s.sendall(crumbs[:60])
            f.pass_time(14 * SECOND)
            assert is_open(s)
            f.p.send_signal(signal.SIGSTOP)
            f.tell_time(1 * SECOND)
            s.sendall(crumbs[60:120])
            until("the bytes at the other end", lambda: unsent(s) == 0)
            crumbs = crumbs[120:]
            f.p.send_signal(signal.SIGCONT)
            f.settle()
            assert is_open(s) == alive, "the second time" if n else "the first time"
        s.close()


@check
def a_silent_handshake_ends_in_time(t):
    with Filter(t) as f:
        s = f.connect(f.tls_port)
        s.sendall(records(client_hello(), 7)[:40])
        f.pass_time(14 * SECOND)
        assert is_open(s)
        f.pass_time(2 * SECOND)
        assert not is_open(s)
        s.close()


@check
def a_hello_is_of_bounded_length(t):
    """131 KB is what OpenSSL would take; in crumbs, six times that."""
    body = b"\1\1\xff\0" + bytes(70000)  # a ClientHello that says that it is of 130 816 bytes
    with Filter(t) as f:
        for size in (1, 100, 16000):
            s = f.connect(f.tls_port)
            try:
                s.sendall(records(body, size))
                while s.recv(65536):
                    pass
            except ConnectionError:
                pass
            s.close()
        f.settle()
        with open(f.dir + "/log") as log:
            text = log.read()
        assert text.count("TLS handshake too long") == 3, text


# ---- after the handshake


def played(t, version, make, n=3000, most_us=1.0, ends=True):
    """Send make(connection, i) for each i < n, and look at the CPU of tlsd and the growth of its memory;
    true when tlsd cuts the connection, for which those that it ends are waited for."""
    c = RawTls(t.tls_port, version, rcvbuf=4096)
    c.sock.sendall(c.record(DATA, HEADER))
    data = b"".join(make(c, i) for i in range(n))
    pid = t.pid("tlsd")
    used, held = cpu(pid), memory_kib(pid)
    try:
        c.sock.sendall(data)
    except OSError:
        pass
    cut = c.is_cut(DEADLINE if ends else 0.5 * SLOW)
    c.close()
    used = cpu(pid) - used
    # A sanitizer's build is not measured.
    assert SLOW > 1 or used < len(data) * most_us * 1e-6 + 0.1, "%.3f s for %d bytes" % (
        used, len(data))
    assert SLOW > 1 or memory_kib(pid) - held < 1024, memory_kib(pid) - held
    return cut


@check
def renegotiation_is_refused_and_soon_ends_the_connection(t):
    assert played(t, V12, lambda c, i: c.renegotiation(), 20000, 0.01)
    t.wait_log("tlsd", "why=\"TLS failed: too many key updates, renegotiations")


@check
def key_updates_are_few(t):
    """Each request makes the server derive two keys, and answer."""
    for answer in (True, False):
        assert played(t, V13, lambda c, i: c.key_update(answer), 20000, 0.01)
    assert played(t, V13, lambda c, i: c.key_update(i % 2) + c.record(DATA, b" "), 20000, 0.01)


@check
def some_key_updates_and_a_renegotiation_are_no_offence(t):
    for version, what in ((V13, lambda c: c.key_update()), (V12, lambda c: c.renegotiation())):
        c = RawTls(t.tls_port, version)
        c.sock.sendall(what(c) * 1 + c.record(DATA, HEADER))
        for _ in range(CONTROLS // 4):
            c.sock.sendall(what(c) + c.record(DATA, b" "))
        assert not c.is_cut(0.3), version
        c.close()


@check
def alerts_are_few(t):
    for version in (V12, V13):
        assert played(t, version, lambda c, i: c.record(ALERT, b"\1\x5a"))


@check
def small_records_cost_little(t):
    """Half a microsecond of CPU each, 1 us a byte at most."""
    for version in (V12, V13):
        played(t, version, lambda c, i: c.record(DATA, b" "), 20000, 0.3, ends=False)
        played(t, version, lambda c, i: c.record(DATA, b"" if i % 8 else b" "), 20000, 0.3, ends=False)


@check
def empty_records_alone_end_the_connection(t):
    for version in (V12, V13):
        assert played(t, version, lambda c, i: c.record(DATA, b""))


# ---- output


@check
def who_does_not_read_is_not_read(t):
    """Over the mark its feeder is told to stop, and the connection itself is not read."""
    with Filter(t) as f:
        s = f.connect(f.any_port, 4096)
        id = f.wait("open")[1]
        f.say("data\t%s\t%s" % (id, "x" * MIB))
        f.wait("stop", id)
        f.settle()
        s.sendall(b"more")
        f.settle()
        assert f.has_not("data", id)
        got = 0
        while got < MIB:
            got += len(s.recv(65536))
        f.wait("go", id)
        assert f.wait("data", id)[2] == "more"
        s.close()


@check
def what_waits_for_one_client_is_bounded(t):
    with Filter(t) as f:
        s = f.connect(f.any_port, 4096)
        id = f.wait("open")[1]
        for i in range(OUTPUT_MAX // MIB - 1):
            f.say("data\t%s\t%s" % (id, "x" * MIB))
        f.settle()
        assert f.has_not("close", id)
        for i in range(3):
            f.say("data\t%s\t%s" % (id, "x" * MIB))
        assert "slow reader" in f.wait("close", id)[2]
        s.close()


@check
def before_tls_that_is_required_little_waits(t):
    with Filter(t) as f:
        s = f.connect(f.plain_port, 4096)
        id = f.wait("open")[1]
        f.say("data\t%s\t%s" % (id, "x" * (HIGH_WATER - 1000)))
        f.settle()
        assert f.has_not("close", id)
        f.say("data\t%s\t%s" % (id, "x" * 16 * HIGH_WATER))
        assert "slow reader" in f.wait("close", id)[2]
        s.close()


@check
def what_waits_for_all_clients_is_bounded(t):
    """xmpp-tlsd ends the client for which most waits, not the client whose output comes last."""
    with Filter(t, "output_max\t*\t%d\n" % (20 * MIB)) as f:
        crowd, ids = [], []
        for i in range(10):
            crowd.append(f.connect(f.any_port, 4096))
            ids.append(f.wait("open")[1])
        for i, id in enumerate(ids):
            for _ in range(3 if i == 3 else 2):
                f.say("data\t%s\t%s" % (id, "x" * MIB))
        first = f.wait("close")
        assert first[1] == ids[3] and "most output waits" in first[2], first
        f.settle()
        assert memory_kib(f.p.pid) < 64 * 1024 * SLOW
        for s in crowd:
            s.close()


@check
def half_open_connections_that_ask_and_do_not_read(t):
    """xmpp-c2sd reads nothing more of such clients, so little waits for them in tlsd."""
    head = HEADER.replace(b" to=", b" xmlns:e='urn:xmpp:sm:3' to=")
    pid, crowd = t.pid("tlsd"), []
    before = memory_kib(pid)
    for i in range(8):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", t.port))
        s.settimeout(2)
        crowd.append(s)
        try:
            s.sendall(head + b"<e:enable/>" * 60000)
        except OSError:
            pass
    a = t.login("a")
    a.ping()
    a.close()
    assert memory_kib(pid) - before < 4096 * SLOW, "%d KiB" % (memory_kib(pid) - before)
    for s in crowd:
        s.close()


main(Tree(accounts=["a@localhost"]))
