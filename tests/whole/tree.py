"""A running server for a test: a tree in a temporary folder, clients that speak to it, and checks.

A test is a script NN-name.py: functions marked @check, then main(Tree(...)). All of them play on
one tree, in their order; each that fails says why, and the script then exits 1 with the tails of
the logs. Nothing sleeps for luck: what is awaited is looked for until a deadline.

WHOLE_SLOW=3 in the environment makes all deadlines three times as long (a sanitizer build);
WHOLE_LOGS=50 shows so many lines of each log after a failure, WHOLE_TRACE=1 Python's tracebacks,
WHOLE_KEEP=1 leaves the folder, WHOLE_TIMES=1 says how long each check took.
"""
import base64, ctypes, glob, hashlib, hmac, os, random, re, resource, shutil, signal, socket, ssl
import subprocess, sys, tempfile, threading, time, traceback
import warnings
import xml.etree.ElementTree as ET

warnings.filterwarnings("ignore")

SLOW = float(os.environ.get("WHOLE_SLOW", "1"))
# How long a test waits for anything. It is longer than every time limit of the server (the
# longest: a service that is away is waited for 10 s, copies of a lost c2sd 15 s), so that what
# a limit of the server brings is seen and not missed by a hair.
DEADLINE = 30 * SLOW
BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
DAEMONS = ["tlsd", "c2sd", "routed", "authd", "userd", "hostd", "mamd"]
PW = "pencil"
# Modules of a usual server; the user admin of each host may administer it.
MODULES = """mod_adhoc: {}
mod_announce:
  access: {allow: {user: "admin@@HOST@"}}
mod_blocking: {}
mod_carboncopy: {}
mod_client_state: {}
mod_configure:
  access: {allow: {user: "admin@@HOST@"}}
mod_disco: {}
mod_last: {}
mod_mam: {default: always}
mod_offline:
  access_max_user_messages: [1000]
mod_ping: {}
mod_privacy: {}
mod_private: {}
mod_roster: {versioning: true}
mod_stream_mgmt: {}
mod_time: {}
mod_vcard: {}
mod_vcard_xupdate: {}
mod_version: {}"""

CLIENT = "jabber:client"
STREAM = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
PING = "urn:xmpp:ping"


def kill_one(pid, how, kill=os.kill):
    """os.kill of one process. Tree.pid gives -1 for a daemon that is down just then, and for
    kill(2) that is every process that there is."""
    assert pid > 0, "no process to kill"
    kill(pid, how)


os.kill = kill_one


class Gone(Exception):
    """The other side has ended the stream or the connection."""


def until(what, fn, seconds=None, step=0.01):
    """Ask fn until it says something true, which is returned; fail with what after seconds."""
    end = time.monotonic() + (DEADLINE if seconds is None else seconds * SLOW)
    while True:
        v = fn()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError("in vain awaited: " + what)
        time.sleep(step)


def pid_of(tree, instance):
    """Of a daemon that runs: never -1, which kill(2) would take for everybody."""
    return until(instance + " to run", lambda: max(tree.pid(instance), 0))


def restart(tree, instance, how=signal.SIGKILL):
    """Kill a daemon by its pid; it is back and its neighbours know it."""
    pid = pid_of(tree, instance)
    os.kill(pid, how)
    until("a new " + instance, lambda: tree.pid(instance) not in (pid, -1))
    tree.wait_ready()


def more_files(n):
    """Let this process and its children open n files, or as many as may be; that number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(n, soft), max(n, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


_given = []


def free_port():
    """A port nobody has, under those that the kernel gives to outgoing connections: a daemon
    that is killed finds its port free when it is back. An abstract UNIX socket with the port in
    its name keeps the port from the tests that run beside this one until this process ends."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        mine = socket.socket(socket.AF_UNIX)
        try:
            mine.bind("\0tabber-whole-port-%d" % port)
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
        except OSError:
            mine.close()
            continue
        _given.append(mine)
        return port


def memory_kib(pid, what="VmRSS"):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(what + r":\s+(\d+)", f.read()).group(1))


class Tree:
    """A server on two free ports (port: STARTTLS required, tls_port: direct TLS).

    hosts: the served domains; options: lines of the configuration; modules: lines under modules;
    listen: lines for each listener; plain: STARTTLS is offered, not required; tabber: lines under tabber. wrap: words
    before the command, env: added to its environment, bin: folder of the programs; runit: runsvdir
    instead of s6-svscan; accounts: are made at the start.
    """

    def __init__(self, hosts=("localhost",), options="", listen="", tabber="", plain=False,
                 wrap=(), runit=False, bin=None, accounts=(), env=None, modules=MODULES):
        self.modules = modules
        self.hosts, self.options, self.listen, self.tabber = hosts, options, listen, tabber
        self.plain, self.wrap, self.runit = plain, list(wrap), runit
        self.bin, self.accounts, self.env = bin or BIN, accounts, dict(os.environ, **(env or {}))
        self.port, self.tls_port = free_port(), free_port()
        self.process = self.dir = None

    # ---- beginning and end

    def config(self):
        lines = ["hosts:"] + ["  - " + h for h in self.hosts] + ["listen:"]
        for port, how in ((self.port, "starttls" if self.plain else "starttls_required"),
                          (self.tls_port, "tls")):
            lines += ["  -", "    port: %d" % port, "    ip: \"127.0.0.1\"",
                      "    module: ejabberd_c2s", "    %s: true" % how]
            lines += ["    " + x for x in self.listen.splitlines()]
        lines += ["loglevel: info", "tabber:", "  scram_iterations: 4096"]
        lines += ["  " + x for x in self.tabber.splitlines()]
        lines += ["modules:"] + ["  " + x for x in self.modules.splitlines()]
        return "\n".join(lines + self.options.splitlines()) + "\n"

    def write_config(self, text=None):
        with open(self.conf, "w") as f:
            f.write(text or self.config())

    def make_folder(self):
        self.dir = tempfile.mkdtemp(prefix="whole-")
        os.chmod(self.dir, 0o777)
        self.conf, self.state = self.dir + "/conf.yml", self.dir + "/state"
        self.write_config()

    def start(self, wait=True):
        if not self.dir:
            self.make_folder()
        up = [self.bin + "/xmpp-up", "--dev", "-c", self.conf, "-s", self.state]
        self.out = open(self.dir + "/out", "ab")
        if self.runit:
            subprocess.run(self.wrap + up[:1] + ["--prepare"] + up[1:], check=True,
                           stdout=self.out, stderr=self.out)
            up = ["runsvdir", self.state + "/service"]
        self.process = subprocess.Popen(self.wrap + up, stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.out, env=self.env,
                                        start_new_session=True)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        self.ctl("wait", str(int(DEADLINE)))

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *a: sys.exit(143))
        try:
            self.start()
            for a in self.accounts:
                self.add(a)
        except BaseException:
            self.show_logs()
            self.clean()
            raise
        return self

    def __exit__(self, *exc):
        if exc[0] and exc[0] is not SystemExit:
            self.show_logs()
        self.clean()

    def pids(self):
        """All processes of the tree, by the folder that they work in, as {pid: command}."""
        found = {}
        for p in glob.glob("/proc/[0-9]*"):
            try:
                if (os.readlink(p + "/cwd") + "/").startswith(self.state + "/"):
                    with open(p + "/cmdline", "rb") as f:
                        found[int(p[6:])] = f.read().replace(b"\0", b" ").decode().strip()
            except OSError:
                pass
        return found

    def terminate(self):
        """End the supervisor in the ordinary way; what is left after the deadline, or {}."""
        if self.process.poll() is None:
            # runsvdir leaves its services alone on SIGTERM, and ends them on SIGHUP.
            self.process.send_signal(signal.SIGHUP if self.runit else signal.SIGTERM)
        try:
            until("the end of the tree", lambda: self.process.poll() is not None and
                  not self.pids())
        except AssertionError:
            pass
        return self.pids()

    def clean(self):
        """A second signal to end does not leave half of it behind."""
        ends = (signal.SIGINT, signal.SIGTERM)
        kept = [signal.signal(s, signal.SIG_IGN) for s in ends]
        try:
            self.end_processes()
            if self.dir and not os.environ.get("WHOLE_KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)
        finally:
            for s, handler in zip(ends, kept):
                signal.signal(s, handler or signal.SIG_DFL)

    def end_processes(self):
        if not self.dir or not self.process:
            return
        self.terminate()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        while self.pids():  # supervisors first, so that nothing is started again
            for pid, cmd in sorted(self.pids().items(), key=lambda x: "super" not in x[1]
                                   and "runsv" not in x[1]):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    # ---- looking at it

    def log(self, instance):
        text = ""
        for f in sorted(glob.glob("%s/log/%s/@*" % (self.state, instance))) + [
                "%s/log/%s/current" % (self.state, instance)]:
            try:
                with open(f, errors="replace") as fh:
                    text += fh.read()
            except OSError:
                pass
        return text

    def wait_log(self, instance, pattern, seconds=None):
        return until("%s in the log of %s" % (pattern, instance),
                     lambda: re.search(pattern, self.log(instance)), seconds, 0.05)

    def show_logs(self):
        for d in sorted(glob.glob(self.state + "/log/*")):
            lines = self.log(os.path.basename(d)).splitlines()
            loud = [x for x in lines if "rror" in x or "warn" in x or "#" in x]
            most = int(os.environ.get("WHOLE_LOGS", "5"))
            for x in (loud[-40:] if "AddressSan" in "".join(loud) else lines[-most:]):
                print("  | %s: %s" % (os.path.basename(d), x[:300]))
        with open(self.dir + "/out", errors="replace") as f:
            for x in f.read().splitlines()[-10:]:
                print("  | out: " + x)

    def pid(self, instance):
        if self.runit:
            try:
                with open("%s/service/%s/supervise/pid" % (self.state, instance)) as f:
                    return int(f.read() or -1)
            except OSError:
                return -1
        r = subprocess.run(["s6-svstat", "-o", "pid", "%s/service/%s" % (self.state, instance)],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return int(r.stdout.strip() or -1)

    def kill(self, instance):
        """SIGKILL to the process of an instance, which may be one that starts just then."""
        def once():
            try:
                os.kill(self.pid(instance), signal.SIGKILL)
            except (AssertionError, ProcessLookupError):
                return False
            return True
        until("a process of " + instance, once)

    def ctl(self, *words, input="", code=0, records=False):
        """xmpp-ctl; what it says. code None: any exit code, and (code, out, err)."""
        r = subprocess.run([self.bin + "/xmpp-ctl", "-s", self.state] +
                           (["-r"] if records else []) + list(words), input=input, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180 * SLOW)
        if code is None:
            return r.returncode, r.stdout, r.stderr
        assert r.returncode == code, "xmpp-ctl %s: exit %d, not %d: %s%s" % (
            " ".join(words), r.returncode, code, r.stdout, r.stderr)
        return r.stdout

    def add(self, jid, password=PW):
        self.ctl("account", "add", jid, input=password + "\n")

    def stat(self, instance, name):
        for line in self.ctl("stats", instance, records=True).splitlines():
            f = line.split("\t")
            if f[2] == name:
                return int(f[3])
        raise AssertionError("no figure %s of %s" % (name, instance))

    # ---- clients

    def stream(self, **kw):
        return Stream(self, **kw)

    def login(self, user, resource="r", password=PW, host=None, available=True, **kw):
        """A bound stream of user, who is available; s.jid is its full JID."""
        s = Stream(self, host=host or self.hosts[0], **kw)
        try:
            s.login(user, password, resource)
            if available:
                s.available()
        except BaseException:
            s.abort()
            raise
        return s


# ---- a stream as bytes


def forget_tls_errors():
    """Clear OpenSSL's queue of errors: Python 3.13 leaves the EPIPE of one socket in it, and
    says it of the next."""
    ctypes.CDLL("libssl.so.3").ERR_clear_error()


class Stream:
    """A client's end of a stream. direct: TLS from the first byte; secure: with TLS at all;
    version: (least, most) of TLS; to, source: addresses; sni: the name for TLS, host the one of the stream."""

    def __init__(self, tree, host=None, direct=False, secure=True, version=None, sni=None,
                 alpn=None, port=None, rcvbuf=None, to="127.0.0.1", source=None):
        self.host = host or tree.hosts[0]
        self.version, self.sni, self.secure = version, sni, secure
        self.alpn = alpn or (["xmpp-client"] if direct else None)
        self.raw, self.features, self.jid, self.ids = b"", None, None, 0
        self.is_tls = False
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((to, port or (tree.tls_port if direct else tree.port)))
        self.begin()
        if direct:
            self.handshake()

    def begin(self):
        self.parser = ET.XMLPullParser(("start", "end"))
        self.depth, self.queue, self.over, self.root = 0, [], False, None

    def handshake(self):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        if self.version:
            ctx.minimum_version, ctx.maximum_version = self.version
        if self.alpn:
            ctx.set_alpn_protocols(self.alpn)
        self.sock = ctx.wrap_socket(self.sock, server_hostname=self.sni or self.host)
        self.is_tls = True
        self.begin()

    def binding(self, kind):
        """Data of a channel binding."""
        if kind == "tls-unique":
            return self.sock.get_channel_binding("tls-unique")
        if kind == "tls-server-end-point":
            return hashlib.sha256(self.sock.getpeercert(True)).digest()
        # This Python has no call for RFC 9266; OpenSSL has. The SSL pointer stands behind the
        # object's head and its socket.
        lib = ctypes.CDLL("libssl.so.3")
        p = ctypes.c_void_p.from_address(id(self.sock._sslobj) + 24)
        out, label = ctypes.create_string_buffer(32), b"EXPORTER-Channel-Binding"
        rc = lib.SSL_export_keying_material(p, out, ctypes.c_size_t(32), label,
                                            ctypes.c_size_t(len(label)), b"",
                                            ctypes.c_size_t(0), 1)
        assert rc == 1
        return out.raw

    # ---- bytes in and out

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        try:
            self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError) as e:
            forget_tls_errors()
            raise Gone(str(e))

    def read_some(self, end):
        left = end - time.monotonic()
        if left <= 0:
            raise AssertionError("nothing came in time; so far: %r" % self.raw[-300:])
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except (socket.timeout, TimeoutError):
            raise AssertionError("nothing came in time; so far: %r" % self.raw[-300:])
        except (ConnectionError, ssl.SSLError) as e:
            forget_tls_errors()
            raise Gone(str(e))
        finally:
            self.sock.settimeout(DEADLINE)
        if not data:
            raise Gone("end of data")
        self.raw += data
        if len(self.raw) > 1 << 16:
            self.raw = self.raw[-4096:]
        return data

    def pump(self, end):
        self.parser.feed(self.read_some(end))
        for what, e in self.parser.read_events():
            if what == "start":
                self.depth += 1
                if self.depth == 1:
                    self.root = e
            else:
                self.depth -= 1
                if self.depth == 1:
                    self.queue.append(e)
                if self.depth == 0:
                    self.over = True

    def recv(self, seconds=None):
        """The next element; Gone when the server has closed the stream or the connection."""
        end = time.monotonic() + (DEADLINE if seconds is None else seconds * SLOW)
        while not self.queue:
            if self.over:
                raise Gone("</stream:stream>")
            self.pump(end)
        return self.queue.pop(0)

    def expect(self, test, seconds=None):
        """The next element for which test is true; others are passed over."""
        end = time.monotonic() + (DEADLINE if seconds is None else seconds * SLOW)
        while True:
            e = self.recv(max(0.001, end - time.monotonic()) / SLOW)
            if test(e):
                return e

    def expect_tag(self, ns, name, seconds=None):
        return self.expect(lambda e: e.tag == "{%s}%s" % (ns, name), seconds)

    def all_until_end(self, seconds=None):
        """All elements until the server ends the connection."""
        got, end = [], time.monotonic() + (DEADLINE if seconds is None else seconds * SLOW)
        try:
            while True:
                got.append(self.recv(max(0.001, end - time.monotonic()) / SLOW))
        except Gone:
            pass
        try:
            while True:
                self.read_some(end)
        except (Gone, ET.ParseError):
            return got

    def stream_error(self, seconds=None):
        """The condition of the stream error that ends this stream; None: it ended without."""
        for e in self.all_until_end(seconds):
            if e.tag == "{%s}error" % STREAM:
                return e[0].tag.split("}")[1]
        return None

    # ---- the steps to a session

    def open(self, to=None, extra=""):
        self.begin()
        self.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='"
                  + STREAM + "' to='%s' version='1.0'%s>" % (to or self.host, extra))
        self.features = self.expect_tag(STREAM, "features")
        return self.features

    def mechanisms(self):
        return [m.text for m in self.features.iter("{%s}mechanism" % SASL)]

    def starttls(self, behind=""):
        self.send("<starttls xmlns='%s'/>%s" % (TLS, behind))
        self.expect_tag(TLS, "proceed")
        self.handshake()

    def secured(self):
        """Up to the features of the secure stream."""
        if self.is_tls or not self.secure:
            return self.open()
        self.open()
        self.starttls()
        return self.open()

    def auth_say(self, element, data, mech=None):
        b64 = base64.b64encode(data).decode() if data is not None else ""
        self.send("<%s xmlns='%s'%s>%s</%s>" % (
            element, SASL, " mechanism='%s'" % mech if mech else "", b64, element))

    def auth_answer(self):
        """("challenge" | "success" | "failure", data or condition)."""
        e = self.expect(lambda e: e.tag.startswith("{%s}" % SASL) or
                        e.tag == "{%s}error" % STREAM)
        what = e.tag.split("}")[1]
        if what in ("failure", "error"):
            return what, e[0].tag.split("}")[1]
        return what, base64.b64decode(e.text or "")

    def auth_plain(self, user, password, authzid=""):
        self.auth_say("auth", ("%s\0%s\0%s" % (authzid, user, password)).encode(), "PLAIN")
        return self.auth_answer()

    def auth_scram(self, user, password, hash="sha256", binding=None, flag=None, break_it=False):
        """SCRAM; with binding (its type) the -PLUS form. As auth_answer, the server's signature
        checked; a second element tells how: (answer, condition, first challenge)."""
        name = "SCRAM-" + {"sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}[hash]
        gs2 = flag or ("p=%s,," % binding if binding else "n,,")
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), nonce)
        self.auth_say("auth", (gs2 + bare).encode(), name + ("-PLUS" if binding else ""))
        what, data = self.auth_answer()
        if what != "challenge":
            return what, data, None
        first = data.decode()
        f = dict(x.split("=", 1) for x in first.split(","))
        assert f["r"].startswith(nonce) and len(f["r"]) > len(nonce), "nonce"
        cb = gs2.encode() + (self.binding(binding) if binding else b"")
        if break_it:
            cb = cb[:-1] + bytes([cb[-1] ^ 1])
        final = "c=%s,r=%s" % (base64.b64encode(cb).decode(), f["r"])
        message = (bare + "," + first + "," + final).encode()
        salted = hashlib.pbkdf2_hmac(hash, password.encode(), base64.b64decode(f["s"]),
                                     int(f["i"]))
        mac = lambda k, m: hmac.new(k, m, hash).digest()
        key = mac(salted, b"Client Key")
        sig = mac(hashlib.new(hash, key).digest(), message)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, sig))).decode()
        self.auth_say("response", (final + ",p=" + proof).encode())
        what, data = self.auth_answer()
        if what == "success":
            want = b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), message))
            assert data == want, "the server's signature is wrong"
        return what, data, first

    def bind(self, resource=None):
        self.open()
        self.send("<iq type='set' id='bind'><bind xmlns='%s'>%s</bind></iq>" % (
            BIND, "<resource>%s</resource>" % resource if resource else ""))
        e = self.expect_tag(CLIENT, "iq")
        assert e.get("type") == "result", "bind: " + ET.tostring(e).decode()
        self.jid = e.find(".//{%s}jid" % BIND).text
        return self.jid

    def login(self, user, password=PW, resource=None):
        self.secured()
        what, data, _ = self.auth_scram(user, password)
        assert what == "success", "login of %s: %s %s" % (user, what, data)
        return self.bind(resource)

    # ---- what sessions do

    def available(self):
        """Presence; then whatever the session sends, the server has seen the presence. Messages
        that waited may come before the answer to the ping: they stay to be read."""
        self.send("<presence/>")
        i, messages = self.next_id(), []
        self.send("<iq type='get' id='%s' to='%s'><ping xmlns='%s'/></iq>" % (i, self.host, PING))
        while True:
            e = self.recv()
            if e.tag == "{%s}message" % CLIENT:
                messages.append(e)
            elif e.get("id") == i:
                break
        assert e.get("type") == "result", ET.tostring(e).decode()
        self.queue[:0] = messages

    def next_id(self):
        self.ids += 1
        return "i%d" % self.ids

    def iq(self, to, payload, type="get", seconds=None):
        i = self.next_id()
        self.send("<iq type='%s' id='%s'%s>%s</iq>" % (
            type, i, " to='%s'" % to if to else "", payload))
        return self.expect(lambda e: e.tag == "{%s}iq" % CLIENT and e.get("id") == i and
                           e.get("type") in ("result", "error"), seconds)

    def ping(self, seconds=None):
        e = self.iq(self.host, "<ping xmlns='%s'/>" % PING, seconds=seconds)
        assert e.get("type") == "result", ET.tostring(e).decode()

    def messages_until_ping(self):
        """The messages before the answer to a ping: the server has handled all before."""
        got, i = [], self.next_id()
        self.send("<iq type='get' id='%s' to='%s'><ping xmlns='%s'/></iq>" % (i, self.host, PING))
        while True:
            e = self.recv()
            if e.get("id") == i:
                return got
            if e.tag == "{%s}message" % CLIENT:
                got.append(e)

    def message(self, to, text, extra=""):
        self.send("<message type='chat' to='%s'%s><body>%s</body></message>" % (to, extra, text))

    def expect_body(self, text, seconds=None):
        return self.expect(lambda e: e.tag == "{%s}message" % CLIENT and
                           e.findtext("{%s}body" % CLIENT) == text, seconds)

    def expect_bodies(self, texts, seconds=None):
        """Messages with each of these bodies, in any order, each once."""
        left, end = set(texts), time.monotonic() + (DEADLINE if seconds is None else
                                                    seconds * SLOW)
        while left:
            e = self.expect_tag(CLIENT, "message", max(0.001, end - time.monotonic()) / SLOW)
            text = e.findtext("{%s}body" % CLIENT)
            assert text in left, "twice, or not for us: " + str(text)
            left.remove(text)

    def close(self):
        """End the stream as one should; the elements that still came."""
        try:
            self.send("</stream:stream>")
            return self.all_until_end()
        except Gone:
            return []
        finally:
            self.abort()

    def abort(self):
        self.sock.close()


class Pinger(threading.Thread):
    """A client that pings the server all the time; stop() fails if one was not answered."""

    def __init__(self, tree, user="witness"):
        super().__init__(daemon=True)
        self.tree, self.user = tree, user
        self.ending, self.count, self.worst, self.failed = False, 0, 0.0, None
        self.s = tree.login(user, resource="pinger")
        self.start()

    def run(self):
        try:
            while not self.ending:
                t = time.monotonic()
                self.s.ping()
                self.worst = max(self.worst, time.monotonic() - t)
                self.count += 1
                time.sleep(0.005)
        except Exception as e:
            self.failed = repr(e)

    def stop(self):
        self.ending = True
        self.join(2 * DEADLINE)
        assert not self.failed, "the witness: " + self.failed
        assert self.count > 0, "the witness was never answered"
        self.s.close()


# ---- checks

_checks = []


def check(fn):
    _checks.append(fn)
    return fn


def main(tree=None):
    """Run all checks on this tree (each gets it), or without one (each starts its own)."""
    failed = 0

    def play(*args):
        nonlocal failed
        for fn in _checks:
            began = time.monotonic()
            try:
                fn(*args)
                if os.environ.get("WHOLE_TIMES"):
                    print("%6.2f s %s" % (time.monotonic() - began, fn.__name__))
            except Exception as e:
                failed += 1
                at = [f for f in traceback.extract_tb(e.__traceback__)
                      if f.filename == sys.modules["__main__"].__file__]
                print("FAIL %s (line %d): %s%s" % (
                    fn.__name__.replace("_", " "), at[-1].lineno if at else 0,
                    "" if isinstance(e, AssertionError) else type(e).__name__ + ": ", e))
                if os.environ.get("WHOLE_TRACE"):
                    traceback.print_exc()
        if failed and args:
            tree.show_logs()
            sys.stdout.flush()

    if tree:
        with tree:
            play(tree)
            left = tree.terminate()
            if left:
                failed += 1
                print("FAIL still there after the end: %s" % left)
            failed += look_for_crashes(tree)
    else:
        play()
    sys.stdout.flush()
    sys.exit(1 if failed else 0)


def look_for_crashes(tree):
    """Check, whatever the test was about, that no daemon ended with a sanitizer's report."""
    bad = 0
    for d in glob.glob(tree.state + "/log/*"):
        text = tree.log(os.path.basename(d))
        m = re.search(r".*(AddressSanitizer|runtime error|LeakSanitizer).*", text)
        if m:
            bad += 1
            at = text.index(m.group(0))
            print("FAIL sanitizer, %s:\n%s" % (os.path.basename(d), text[at:at + 4000]))
    return bad
