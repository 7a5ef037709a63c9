#!/usr/bin/python3
"""xmpp-dnsd alone, beside an unbound of its own on loopback: what a real resolver says, signed and
unsigned, in place of the rows of the pipe tests."""
import shutil
import signal

from tree import *

ZONE = """$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
@ A 192.0.2.9
_xmpp-server._tcp SRV 10 5 5269 one
_xmpp-server._tcp SRV 20 5 5269 alias
_xmpps-server._tcp SRV 5 5 5270 one
one A 192.0.2.1
one AAAA 2001:db8::1
alias CNAME two
two A 192.0.2.2
_5270._tcp.one TLSA 3 1 1 %s
_xmpp-server._tcp.closed SRV 0 0 0 .
closed A 192.0.2.3
apex A 192.0.2.4
""" % ("ab" * 32)

ROOT = """auth-zone:
  name: "."
  zonefile: "%s"
  for-downstream: yes
  for-upstream: no
"""

# A resolver that cannot reach the root says so at once.
NO_ROOT = """forward-zone:
  name: "."
  forward-addr: 127.0.0.1
"""

SBIN = os.environ.get("PATH", "") + ":/usr/sbin"


class Names:
    """A folder with an unbound that has the zone, and an xmpp-dnsd that asks it."""

    def __init__(self, signed, options="", stripped=False):
        """stripped: there is a root, and no key of it, though keys are looked at."""
        self.dir = tempfile.mkdtemp(prefix="dnsd-")
        self.port, self.processes, self.n = free_port(), [], 0
        try:
            self.start_unbound(signed, stripped)
            self.start_dnsd(options)
        except BaseException:
            self.end()
            raise

    def path(self, name):
        return "%s/%s" % (self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def tool(self, *words):
        return subprocess.run(words, cwd=self.dir, check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def start_unbound(self, signed, stripped):
        self.write("zone", ZONE)
        self.write("anchor", "")
        zone = "zone"
        if signed:
            key = self.tool("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "example.org")
            self.tool("ldns-signzone", "zone", key)
            shutil.copy(self.path(key + ".key"), self.path("anchor"))
            zone = "zone.signed"
        if stripped:
            self.write("root", ". 300 SOA ns hostmaster 1 3600 600 86400 60\n. 300 NS ns.\n"
                               "ns. 300 A 127.0.0.1\n")
            shutil.copy(self.path(self.tool("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", ".") + ".key"),
                        self.path("anchor"))
        self.write("unbound.conf", """
server:
  interface: 127.0.0.1@%d
  chroot: ""
  username: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
auth-zone:
  name: "example.org"
  zonefile: "%s"
  for-downstream: yes
  for-upstream: no
%sremote-control:
  control-enable: no
""" % (self.port, self.dir, self.path(zone), ROOT % self.path("root") if stripped else NO_ROOT))
        # Debian's profile of AppArmor lets /usr/sbin/unbound read no file of ours.
        shutil.copy(shutil.which("unbound", path=SBIN), self.path("unbound"))
        self.unbound = self.run(self.path("unbound"), "-d", "-c", self.path("unbound.conf"))
        until("unbound", self.is_answered, step=0.05)

    def is_answered(self):
        r = subprocess.run(["drill", "-p", str(self.port), "@127.0.0.1", "one.example.org"],
                           stdout=subprocess.PIPE, text=True)
        return "192.0.2.1" in r.stdout

    def run(self, *words):
        self.processes.append(subprocess.Popen(words, cwd=self.dir, stdout=subprocess.DEVNULL,
                                               stderr=open(self.path("log"), "a")))
        return self.processes[-1]

    def ctl(self, *words):
        r = subprocess.run([BIN + "/xmpp-ctl", "-s", self.dir, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
        return r.returncode, r.stdout + r.stderr

    def ask(self, domain):
        self.n += 1
        self.link.sendall(("resolve\t%d\t%s\tlocalhost\n" % (self.n, domain)).encode())

    def start_dnsd(self, options):
        self.write("conf.yml", """
hosts: [localhost]
listen: [{port: 5269, module: ejabberd_s2s_in}]
tabber:
  resolvers: ["127.0.0.1@%d"]
  trust_anchors: "%s"
%s""" % (self.port, self.path("anchor"), options))
        subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "-o", self.path("settings"),
                        self.path("conf.yml")], check=True, stderr=subprocess.DEVNULL)
        os.makedirs(self.path("run/dnsd"))
        self.run(BIN + "/xmpp-dnsd", "settings")
        self.link = socket.socket(socket.AF_UNIX)
        until("xmpp-dnsd", self.is_there, step=0.02)
        self.text = self.link.makefile("r")
        self.link.sendall(b"hello\txmpp-s2sd\t0.1\ts2sd\t1\n")
        assert self.text.readline().startswith("hello\txmpp-dnsd\t")

    def is_there(self):
        try:
            self.link.connect(self.path("run/dnsd/link"))
        except OSError:
            return False
        return True

    def targets(self, domain):
        """The answer of dnsd about a domain: its targets as lists of fields, and the reason for
        none."""
        self.ask(domain)
        return self.said()

    def said(self):
        self.link.settimeout(DEADLINE)
        said = []
        while True:
            fields = self.text.readline().rstrip("\n").split("\t")
            if fields[0] == "resolved":
                return said, fields[2]
            said.append(fields[2:])

    def end(self):
        for p in self.processes:
            p.send_signal(signal.SIGTERM)
        for p in self.processes:
            p.wait(DEADLINE)
        shutil.rmtree(self.dir)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()


@check
def unsigned_names():
    with Names(signed=False) as d:
        assert d.targets("example.org") == (
            [["tls", "5270", "one.example.org", "2001:db8::1,192.0.2.1", "-", ""],
             ["plain", "5269", "one.example.org", "2001:db8::1,192.0.2.1", "-", ""],
             ["plain", "5269", "alias.example.org", "192.0.2.2", "-", ""]], "")
        assert d.targets("closed.example.org") == ([], "dot")
        assert d.targets("apex.example.org") == (
            [["plain", "5269", "apex.example.org", "192.0.2.4", "-", ""]], "")
        assert d.targets("nobody.example.org") == ([], "nxdomain")


@check
def an_administrator_looks_up():
    with Names(signed=True) as d:
        ctl = d.ctl
        code, out = ctl("dns", "example.org")
        assert code == 0 and out.splitlines()[0] == (
            "direct TLS  one.example.org port 5270  2001:db8::1,192.0.2.1  signed: srv address"
            "  TLSA 3:1:1:" + "ab" * 32), out
        assert out.splitlines()[2].startswith("STARTTLS    alias.example.org port 5269"), out
        assert ctl("-r", "dns", "apex.example.org") == (
            0, "target\tplain\t5269\tapex.example.org\t192.0.2.4\t-\taddress\nresolved\t\n")
        assert ctl("dns", "nobody.example.org") == (1, "there is no such domain\n")
        assert ctl("dns", "closed.example.org") == (
            1, "the domain offers no streams between servers (SRV \".\")\n")
        code, out = ctl("dns", "localhost")
        assert code == 0 and "; Other servers find now:\n; " in out, out


@check
def signed_names():
    with Names(signed=True) as d:
        said, why = d.targets("example.org")
        assert why == ""
        assert said[0] == ["tls", "5270", "one.example.org", "2001:db8::1,192.0.2.1",
                           "3:1:1:" + "ab" * 32, "srv address"], said
        assert said[1][4:] == ["-", "srv address"], said


@check
def a_resolver_that_strips_signatures_is_lived_with():
    """Answers count as unsigned then, and the status says why."""
    with Names(signed=False, stripped=True) as d:
        def is_off():
            with open(d.path("log")) as f:
                return "event=dnssec-off" in f.read()

        until("dnssec-off", is_off)
        assert d.targets("apex.example.org") == (
            [["plain", "5269", "apex.example.org", "192.0.2.4", "-", ""]], "")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(d.path("run/dnsd/control"))
            s.settimeout(DEADLINE)
            s.sendall(b"status\n")
            said, text = "", s.makefile("r")
            while not said.endswith("done\n"):
                said += text.readline()
        assert "row\tawaits\tsignatures: the name servers do not pass them on\n" in said, said


@check
def many_at_once():
    """Answers come in any order, and each to whoever asked."""
    with Names(signed=False) as d:
        n = 200
        d.link.sendall("".join("resolve\t%d\t%s.example.org\tlocalhost\n" % (
            i, "apex" if i % 2 else "none%d" % i) for i in range(1, n + 1)).encode())
        d.link.settimeout(DEADLINE)
        got = {}
        while len(got) < n:
            fields = d.text.readline().rstrip("\n").split("\t")
            if fields[0] == "resolved":
                got[int(fields[1])] = fields[2]
        assert all(got[i] == ("" if i % 2 else "nxdomain") for i in got), got


def is_traced_while_unbound_is_held(d):
    """Begin a trace while questions are open, of an administrator too; false when xmpp-dnsd has given
    one up: it does so a second and a half after the question."""
    d.unbound.send_signal(signal.SIGSTOP)
    try:
        for domain in ("example.org", "apex.example.org", "nobody.example.org", "apex.example.org"):
            d.ask(domain)
        admin = subprocess.Popen([BIN + "/xmpp-ctl", "-s", d.dir, "dns", "example.org"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("the resolutions", lambda: "resolutions\t5\n" in d.ctl("-r", "stats", "dnsd")[1] or
              admin.poll() is not None)
        assert d.ctl("trace", "dnsd", "on", d.path("trace"))[0] == 0
    finally:
        d.unbound.send_signal(signal.SIGCONT)
    reasons = sorted(d.said()[1] for _ in range(4))
    return admin.wait(DEADLINE) == 0 and reasons == ["", "", "", "nxdomain"]


def plays_again(d):
    """The trace goes on, ends, and its replay says the same."""
    for domain in ("example.org", "closed.example.org", "other.example.org"):
        d.targets(domain)
    assert d.ctl("dns", "example.org")[0] == 0
    assert d.ctl("trace", "dnsd", "off")[0] == 0
    with open(d.path("trace.in"), "rb") as f:
        again = subprocess.run([BIN + "/xmpp-dnsd", "-p", d.path("settings")], stdin=f,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(d.path("trace.out"), "rb") as f:
        live = f.read()
    assert again.returncode == 0 and b"trace-incomplete" not in again.stderr, again
    assert again.stdout == live, "live:\n%s\nreplay:\n%s" % (live.decode(), again.stdout.decode())
    assert live.count(b"\tresolved\t") == 7, live


@check
def a_trace_is_played_again_without_a_network():
    """The trace begins while questions are open. A machine may be too busy for that, so there are three
    tries."""
    for _ in range(3):
        with Names(signed=True) as d:
            d.targets("closed.example.org")
            if is_traced_while_unbound_is_held(d):
                return plays_again(d)
    raise AssertionError("in three tries a question was given up before the trace had begun")


main()
