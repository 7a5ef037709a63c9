"""Runs xmpp-tlsd -p and speaks with it: as c2sd and ctl in records, as clients at its sockets."""
import os
import queue
import re
import socket
import ssl
import subprocess
import tempfile
import threading

import certs

BINDIR = TMP = None
PATIENCE = 60
START_US = 1000000000000000  # PIPE_CLOCK_US: where a filter's clock stands still
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
checks, running = [], []
maker = None


def check(f):
    checks.append(f)
    return f


def make(*args, **kw):
    global maker
    maker = maker or certs.Maker(tempfile.mkdtemp(dir=TMP))
    return maker.make(*args, **kw)


def end_all():
    for t in running:
        t.kill()
    running.clear()


class Tlsd:
    """files: what stands in the folder of its certificates. plain and direct are its sockets."""
    neighbour, module = "c2sd", "ejabberd_c2s"
    later = "starttls: true"  # the option of a listener with TLS when it is asked for
    top = rows = ""  # more lines of the configuration, and of the compiled settings

    def __init__(self, files, hosts=("one.example",), options=""):
        self.dir = tempfile.mkdtemp(dir=TMP)
        self.certs = self.dir + "/certs"
        os.mkdir(self.certs)
        self.put(files)
        self.plain, self.direct = self.dir + "/plain", self.dir + "/direct"
        self.hosts = hosts
        self.compile("settings", options)
        self.child = subprocess.Popen([BINDIR + "/xmpp-tlsd", "-p", self.dir + "/settings"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
        self.records, self.socks = queue.Queue(), []
        self.log, self.news = "", threading.Condition()
        self.threads = [threading.Thread(target=f) for f in (self._read_records, self._read_log)]
        for t in self.threads:
            t.start()
        running.append(self)
        self.say("hello", "xmpp-" + self.neighbour, "0.1", 1, 1)
        self.settle()

    def compile(self, folder, options="", more=""):
        """Settings beside those in force, with these options of both listeners, and more listeners."""
        with open(self.dir + "/tabber.yml", "w") as f:
            f.write("hosts: [%s]\ncertfiles: ['%s/*.pem']\nlisten:\n"
                    % (", ".join("'%s'" % h for h in self.hosts), self.certs))
            for path, tls in ((self.plain, self.later), (self.direct, "tls: true")):
                f.write("  - {port: 'unix:%s', module: %s, %s%s}\n"
                        % (path, self.module, tls, options))
            f.write(more + self.top)
        subprocess.run([BINDIR + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o",
                        self.dir + "/" + folder, self.dir + "/tabber.yml"], check=True,
                       timeout=PATIENCE)
        with open(self.dir + "/" + folder + "/xmpp-tlsd", "a") as f:
            f.write(self.rows)

    def put(self, files):
        for name, text in files.items():
            certs.write("%s/%s.pem" % (self.certs, name), text)

    def _read_records(self):
        for line in self.child.stdout:
            self.records.put(line.decode().rstrip("\n").split("\t"))
        self.records.put(None)

    def _read_log(self):
        for line in self.child.stderr:
            with self.news:
                self.log += line.decode()
                self.news.notify()

    def line(self, text):
        self.child.stdin.write(text.encode() + b"\n")
        self.child.stdin.flush()

    def say(self, *fields):
        """A record of the neighbour."""
        self.line("\t".join(map(str, (self.neighbour,) + fields)))

    def hear(self):
        """The next record for the neighbour."""
        r = self.records.get(timeout=PATIENCE)
        assert r and r[0] == self.neighbour, r
        return r[1:]

    def hears(self, *fields):
        r = self.hear()
        assert r == list(map(str, fields)), r

    def settle(self):
        """Wait until xmpp-tlsd has done all that was sent before: all of a turn, and that turn's
        end. The records for the neighbour that came meanwhile."""
        met = []
        for _ in range(2):
            self.line("ctl\tstats")
            while True:
                r = self.records.get(timeout=PATIENCE)
                assert r, "it has ended: " + self.log
                if r[:2] == ["ctl", "done"]:
                    break
                if r[0] == self.neighbour:
                    met.append(r[1:])
        return met

    def clock(self, us):
        """Set the clock to microseconds behind the start."""
        self.line("clock\t%d" % (START_US + us))

    def logged(self, text):
        """Wait for a line of the log that has the text."""
        with self.news:
            assert self.news.wait_for(lambda: text in self.log, PATIENCE), self.log

    def check(self, folder):
        """The answer to a check of the settings in a folder."""
        self.line("ctl\tcheck\t" + folder)
        r = self.records.get(timeout=PATIENCE)
        assert r and r[0] == "ctl", r
        return r[1:]

    def reload(self):
        """Load these settings; True when they were taken."""
        self.line("ctl\treload")
        r = self.records.get(timeout=PATIENCE)
        return r[1] == "done"

    def socket(self, path):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(path)
        self.socks.append(s)
        return s

    def open(self):
        """A client in plain text, and the number of its conduit."""
        s = self.socket(self.plain)
        r = self.hear()
        assert r[0] == "open" and r[2:] == ["unix:" + self.plain, "127.0.0.1", "0"], r
        return s, r[1]

    def secure(self, s, n, name="one.example", sni="one.example", **kw):
        """STARTTLS for the stream's name; the TLS client."""
        self.say("starttls", n, name, "<proceed/>")
        assert s.recv(10) == b"<proceed/>"
        s = wrap(s, sni, **kw)
        self.socks.append(s)
        return s

    def shown(self, name=None, sni=None, **kw):
        """The CN of the certificate that is shown: by STARTTLS for the stream's name, or without
        one by direct TLS."""
        if name:
            s, n = self.open()
            s = self.secure(s, n, name, sni, **kw)
        else:
            s = wrap(self.socket(self.direct), sni, **kw)
            n = self.hear()[1]
        self.hear()
        r = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"],
                           input=s.getpeercert(True), stdout=subprocess.PIPE, check=True)
        s.close()
        end = self.hear()  # an unread ticket resets a UNIX socket
        assert end[:2] == ["close", n], end
        self.say("close", n)
        return re.search(r"CN ?= ?(.*)", r.stdout.decode()).group(1)

    def end(self):
        """The records that come until the end."""
        self.child.stdin.close()
        assert self.child.wait(PATIENCE) == 0, self.log
        out = []
        while (r := self.records.get(timeout=PATIENCE)) is not None:
            out.append(r)
        return out

    def kill(self):
        for s in self.socks:
            s.close()
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for t in self.threads:
            t.join()
        for f in (self.child.stdin, self.child.stdout, self.child.stderr):
            try:
                f.close()
            except OSError:
                pass


def context(version=None, ciphers=None, alpn=None):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # an end is a close_notify
    if version:
        ctx.minimum_version = ctx.maximum_version = version
    if ciphers:
        ctx.set_ciphers(ciphers)
    if alpn:
        ctx.set_alpn_protocols(alpn)
    return ctx


def wrap(s, sni=None, **kw):
    return context(**kw).wrap_socket(s, server_hostname=sni, suppress_ragged_eofs=False)


def refused(f, *args, **kw):
    """The words by which the peer's alert refuses the handshake, as this OpenSSL has them."""
    try:
        f(*args, **kw)
    except OSError as e:
        return str(e).lower().replace("_", " ")
    raise AssertionError("it was not refused")
