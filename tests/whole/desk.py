"""A desktop for clients with windows: a network of its own in which the names of the server lead
here, a certificate authority that every program trusts, a screen without a monitor, a session bus. A
test calls need() before anything else. WHOLE_SHOTS: a folder for pictures of the screen."""
import os
import shutil
import struct
import sys


def need(*programs):
    """Leave the test out when this machine lacks one of them."""
    missing = [p for p in programs + ("Xvfb", "xdotool", "dbus-daemon") if not shutil.which(p)]
    if missing:
        print("there is no " + ", ".join(missing))
        sys.stdout.flush()
        os._exit(77)


def apart():
    """Run again in a network of its own, where glib finds an address that is not loopback's."""
    if os.environ.get("APART") != "1":
        os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable] + sys.argv,
                   dict(os.environ, APART="1"))


apart()
from authority import *  # noqa: E402

HOST = "tabber.example"
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
PORT = 5222


class Place:
    """The network, the names and the authority. tree() makes the server, whose certificate the authority
    has signed; a test that has another server gives that server's authority, and its names."""

    def __init__(self, ca=None, names=(HOST,)):
        self.ca, self.is_own, self.names = ca, not ca, names

    def __enter__(self):
        for words in (("link", "set", "lo", "up"), ("addr", "replace", "192.0.2.1/32", "dev", "lo")):
            subprocess.run(("ip",) + words, check=True)
        if self.is_own:
            self.ca = Authority({HOST: "DNS:%s,DNS:conference.%s" % (HOST, HOST)})
        with open(TRUSTED) as f, open(self.ca.path("ca.pem")) as own:
            trusted = f.read() + own.read()
        for name, text, path in (("hosts", "127.0.0.1 localhost %s\n" % " ".join(self.names), "/etc/hosts"),
                                 ("resolv", "nameserver 127.0.0.1\n", "/etc/resolv.conf"),
                                 ("trusted", trusted, TRUSTED)):
            with open(self.ca.path(name), "w") as f:
                f.write(text)
            subprocess.run(["mount", "--bind", self.ca.path(name), path], check=True)
        return self

    def __exit__(self, *exc):
        for path in ("/etc/hosts", "/etc/resolv.conf", TRUSTED):
            subprocess.run(["umount", path], check=True)
        if self.is_own:
            self.ca.end()

    def tree(self, **kw):
        t = Tree(hosts=(HOST,), options=kw.pop("options", "") + "certfiles: [%s]\n"
                 % self.ca.path(HOST + ".pem"), **kw)
        t.port, t.tls_port = PORT, PORT + 1
        return t


NOBODY = 65534


class Screen:
    """A screen, and the programs on it, whose home is a folder of the tree: all of them end with it. A test
    that has failed on it leaves a picture and the end of its log. Gajim is not for root."""

    user = [] if os.geteuid() else ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]

    def __init__(self, t, name, size="1000x700"):
        self.name, self.programs, self.home = name, [], t.dir + "/desk"
        os.makedirs(self.home + "/run", 0o700)
        if self.user:
            for path in (self.home, self.home + "/run"):
                os.chown(path, NOBODY, NOBODY)
        self.log = open(self.home + "/log", "ab")
        seen, told = os.pipe()
        self.server = subprocess.Popen(
            self.user + ["Xvfb", "-displayfd", str(told), "-screen", "0", size + "x24", "-nolisten", "tcp",
                         "-fbdir", self.home],
            pass_fds=[told], stdout=self.log, stderr=self.log)
        os.close(told)
        with os.fdopen(seen) as f:
            display = f.readline().strip()
        self.env = dict(os.environ, DISPLAY=":" + display, HOME=self.home, LANG="C.UTF-8",
                        XDG_RUNTIME_DIR=self.home + "/run", NO_AT_BRIDGE="1", GSK_RENDERER="cairo",
                        LIBGL_ALWAYS_SOFTWARE="1")
        for x in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            self.env.pop(x, None)
        self.bus = subprocess.Popen(self.user + ["dbus-daemon", "--session", "--nofork", "--print-address"],
                                    stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().strip()

    def run(self, *command):
        self.programs.append(subprocess.Popen(
            self.user + list(command), env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True))
        return self.programs[-1]

    def ask(self, *command):
        """The output of a command; nothing when it fails."""
        r = subprocess.run(self.user + list(command), env=self.env, stdout=subprocess.PIPE, stderr=self.log, text=True)
        return "" if r.returncode else r.stdout

    def stop(self, program):
        """All that it has begun is in its session."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(program.pid, sig)
                program.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass

    def do(self, *words):
        subprocess.run(self.user + ["xdotool", *words], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def write(self, x, y, text):
        """Write a line where a click at this place leads."""
        self.do("mousemove", str(x), str(y), "click", "1")
        self.do("type", "--delay", "20", text)
        self.do("key", "Return")

    def pixels(self, x, y, width, height):
        """The pixels of a part of the screen, of which Xvfb keeps a file in the format of xwd."""
        with open(self.home + "/Xvfb_screen0", "rb") as f:
            head = struct.unpack(">25I", f.read(100))
            size, stride, colors = head[0], head[12], head[19]
            rows = []
            for i in range(y, y + height):
                f.seek(size + 12 * colors + i * stride + 4 * x)
                rows.append(f.read(4 * width))
        return b"".join(rows)

    def is_white(self, part):
        return set(self.pixels(*part)[i::4] for i in range(3)) == {b"\xff" * (part[2] * part[3])}

    def shot(self, name):
        folder = os.environ.get("WHOLE_SHOTS")
        if folder and shutil.which("import"):
            subprocess.run(self.user + ["import", "-window", "root", "%s/%s.png" % (folder, name)], env=self.env)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        self.shot(self.name + ("-failed" if kind else ""))
        if kind:
            with open(self.home + "/log", errors="replace") as f:
                print(f.read()[-3000:])
        for p in self.programs:
            self.stop(p)
        for p in (self.bus, self.server):
            p.kill()
            p.wait()
        self.log.close()
