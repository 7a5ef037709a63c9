"""The common part of all servers under test: a temporary folder, a certificate, accounts load1,
load2... with the password load, processes, and the costs of these.

A kind of server is a class with a file of its own. It says how its configuration looks, how its
accounts get there at once, and how it starts; CPU, memory and bytes on disk are counted alike
for all of them.
"""
import base64, functools, glob, hashlib, hmac, os, pwd, re, shutil, signal, socket, subprocess
import sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
from tree import free_port, until  # noqa: E402

DOMAIN = "localhost"
USER, PASSWORD = "load", "load"
ITERATIONS = 4096
FILES_MOST = 20000
STOP_SECONDS = 30


def run(*words, **kw):
    """A command that must succeed; what it says is shown only when it does not."""
    r = subprocess.run(list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    if r.returncode:
        raise RuntimeError("%s: exit %d: %s" % (" ".join(words), r.returncode,
                                                r.stdout.decode(errors="replace")[-2000:]))
    return r.stdout


@functools.lru_cache(None)
def certificate():
    """Make a P-256 certificate and its key, in a PEM file that every server may read."""
    d = tempfile.mkdtemp(prefix="bench-cert-")
    os.chmod(d, 0o755)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-days", "30", "-subj", "/CN=" + DOMAIN, "-addext",
        "subjectAltName=DNS:" + DOMAIN, "-keyout", d + "/key.pem", "-out", d + "/cert.pem")
    with open(d + "/both.pem", "w") as out:
        for part in ("cert.pem", "key.pem"):
            with open(d + "/" + part) as f:
                out.write(f.read())
    for f in os.listdir(d):
        os.chmod(d + "/" + f, 0o644)
    return d


def forget_certificate():
    if certificate.cache_info().currsize:
        shutil.rmtree(certificate(), ignore_errors=True)


@functools.lru_cache(None)
def scram_keys():
    """(salt, stored key, server key) of the password for SCRAM-SHA-256 (RFC 5802 s3). All
    accounts share one salt: nobody here attacks it, and it need be computed but once."""
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, ITERATIONS)
    mac = lambda what: hmac.new(salted, what, "sha256").digest()
    return salt, hashlib.sha256(mac(b"Client Key")).digest(), mac(b"Server Key")


def base64_text(octets):
    return base64.b64encode(octets).decode()


# ---- processes


def parents():
    """Of all processes {pid: parent}."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                text = f.read()
        except OSError:
            continue
        found[int(path.split("/")[2])] = int(text.rsplit(")", 1)[1].split()[1])
    return found


def with_children(pids):
    """These processes, and all that they have started and that still run below them."""
    of, all_of_them, new = parents(), set(), {p for p in pids}
    while new:
        all_of_them |= new
        new = {p for p, parent in of.items() if parent in new} - all_of_them
    return all_of_them


def cpu_seconds(pids):
    """CPU that all threads of these processes have used so far."""
    total = 0
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
            try:
                with open(path) as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
    return total / 1e9


def pss_kib(pids):
    """Memory of these processes; what several share counts once."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
        except OSError:
            pass
    return total


def disk_bytes(folder):
    """The bytes that the files of a folder take up on disk, holes not counted."""
    total = 0
    for d, _, files in os.walk(folder):
        for f in files:
            try:
                total += os.stat(os.path.join(d, f)).st_blocks * 512
            except OSError:
                pass
    return total


class Server:
    """A server in a folder of its own. archive: every message of everyone is kept; instances:
    of what can run several times; config: texts to be added to the configuration, by the names that
    the kind of server has for their places; domain: its only host. It may be started and stopped again and again; its accounts
    and archives stay, until remove()."""

    name, packages, account = "", (), None
    mechanism = "SCRAM-SHA-256"
    has_archive, logs_in_again = True, True

    def __init__(self, archive=False, instances=1, bindir=None, config=None, domain=DOMAIN):
        self.config, self.domain = config or {}, domain
        self.archive, self.instances, self.bindir = archive, instances, bindir
        self.users, self.processes, self.port = 0, [], free_port()
        self.dir = self.fills = None

    # ---- what a kind of server says

    def configure(self):
        """Write the configuration into self.dir, once."""
        raise NotImplementedError

    def add_users(self, first, last):
        """Make the accounts first..last; the server does not run, unless it says so itself."""
        raise NotImplementedError

    def launch(self):
        """Start the processes, by spawn()."""
        raise NotImplementedError

    def data(self):
        return self.dir + "/data"

    # ---- what is alike for all

    def prepare(self, users):
        """See that there are so many accounts."""
        if not self.dir:
            self.make_folder()
            self.configure()
            self.give(self.dir)
        if users > self.users:
            self.add_users(self.users + 1, users)
            self.give(self.dir)
            self.users = users

    def make_folder(self):
        self.dir = tempfile.mkdtemp(prefix="bench-%s-" % self.name)
        os.chmod(self.dir, 0o755)
        os.mkdir(self.dir + "/data")

    def give(self, path):
        """A server that insists on its own user owns its folder."""
        if self.account and os.getuid() == 0:
            run("chown", "-R", "%s:" % self.account, path)

    def spawn(self, words, env=None):
        how = []
        if self.account and os.getuid() == 0:
            group = pwd.getpwnam(self.account).pw_gid
            how = ["setpriv", "--reuid", self.account, "--regid", str(group), "--clear-groups"]
        with open(self.dir + "/out", "ab") as out:
            p = subprocess.Popen(how + list(words), stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out, cwd=self.dir, start_new_session=True,
                                 env=dict(os.environ, **(env or {})))
        self.processes.append(p)
        return p

    def answers(self):
        """True when a client is greeted with features of the host."""
        if any(p.poll() is not None for p in self.processes):
            with open(self.dir + "/out", errors="replace") as f:
                raise RuntimeError("%s has ended: %s" % (self.name, f.read()[-2000:]))
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as s:
                s.sendall(b"<stream:stream xmlns='jabber:client' version='1.0' to='%s' xmlns:"
                          b"stream='http://etherx.jabber.org/streams'>" % self.domain.encode())
                said = b""
                while b"</stream:features>" not in said:
                    more = s.recv(4096)
                    if not more:
                        return False
                    said += more
                return b"starttls" in said
        except OSError:
            return False

    def start(self):
        self.launch()
        until("an answer of " + self.name, self.answers, 60, 0.1)

    def pids(self):
        return with_children([p.pid for p in self.processes])

    def stop(self):
        """End all processes, those that do not care by force. None of them is left."""
        all_of_them = self.pids()
        for p in self.processes:
            if p.poll() is None:
                p.terminate()
        for p in self.processes:
            try:
                p.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        for pid in all_of_them & set(parents()):
            try:
                if self.is_ours(pid):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        for p in self.processes:
            p.wait()
        self.processes = []

    def is_ours(self, pid):
        """A number may be another process's by now: ours works in our folder."""
        return (os.readlink("/proc/%d/cwd" % pid) + "/").startswith(self.dir + "/")

    def disk(self):
        return disk_bytes(self.data())

    def remove(self):
        if self.processes:
            self.stop()
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)
            self.dir = None

    @classmethod
    def missing(cls):
        """The packages that this machine lacks."""
        return [p for p in cls.packages if b"ok installed" not in subprocess.run(
            ["dpkg-query", "-W", "-f", "${Status}", p], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout]


# ---- packages of the others


POLICY = "/usr/sbin/policy-rc.d"


def install(packages):
    """Install Debian packages, and let none of their services start: each server here is started
    by hand. invoke-rc.d asks POLICY, 101 is no."""
    if not packages:
        return
    if os.getuid() != 0:
        raise RuntimeError("missing: apt-get install --no-install-recommends " +
                           " ".join(packages))
    ours = not os.path.exists(POLICY)
    if ours:
        with open(POLICY, "w") as f:
            f.write("#!/bin/sh\nexit 101\n")
        os.chmod(POLICY, 0o755)
    try:
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        run("apt-get", "update", "-qq", env=env)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, env=env)
    finally:
        if ours:
            os.unlink(POLICY)


def quiet(seconds=2):
    """Let what a start or a login has left to do be done."""
    time.sleep(seconds)
