#!/usr/bin/python3
"""prosody as another server: contacts, messages and presence both ways, by certificates and by
dialback. All runs in a network of its own, whose names an unbound of the test gives."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
if os.environ.get("APART") != "1":
    os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable] + sys.argv,
               dict(os.environ, APART="1"))
from authority import *

OURS, THEIRS = ("tabber.example", "127.0.1.1"), ("prosody.example", "127.0.2.1")
ROSTER = "jabber:iq:roster"

UNBOUND = """
server:
  interface: 127.0.0.1
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  local-zone: "example." static
%s
remote-control:
  control-enable: no
"""

PROSODY = """
daemonize = false
run_as_root = true
pidfile = "%(dir)s/pid"
data_path = "%(dir)s"
plugin_paths = {}
modules_enabled = { "roster", "saslauth", "tls", "dialback", "disco", "ping", "presence", "message", "iq" }
log = { debug = "%(dir)s/log" }
interfaces = { "127.0.2.1" }
c2s_interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
s2s_secure_auth = %(secure)s
s2s_require_encryption = true
authentication = "internal_plain"
ssl = { cafile = "%(ca)s" }
VirtualHost "prosody.example"
  ssl = { certificate = "%(crt)s", key = "%(key)s", cafile = "%(ca)s" }
"""


def network(folder):
    """Loopback, and names: SRV records of both servers."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, text in (("resolv", "nameserver 127.0.0.1\n"), ("unbound", UNBOUND % "".join(
            "  local-data: \"_xmpp-server._tcp.%s. SRV 0 5 5269 x.%s.\"\n"
            "  local-data: \"x.%s. A %s\"\n" % (d, d, d, ip) for d, ip in (OURS, THEIRS)))):
        with open("%s/%s" % (folder, name), "w") as f:
            f.write(text)
    subprocess.run(["mount", "--bind", folder + "/resolv", "/etc/resolv.conf"], check=True)
    # Debian's profile of AppArmor lets /usr/sbin/unbound read no file of ours.
    program = folder + "/program"
    shutil.copy(shutil.which("unbound", path=os.environ.get("PATH", "") + ":/usr/sbin"), program)
    return subprocess.Popen([program, "-d", "-c", folder + "/unbound"], stderr=subprocess.DEVNULL)


class Ours(Tree):
    def __init__(self, options):
        super().__init__(hosts=(OURS[0],), accounts=("alice@" + OURS[0],), options=options,
                         modules=MODULES + "\nmod_s2s_dialback: {}")

    def config(self):
        listener = ["  -", "    port: 5269", "    ip: \"%s\"" % OURS[1],
                    "    module: ejabberd_s2s_in", "loglevel: info"]
        return super().config().replace("loglevel: info", "\n".join(listener), 1)


class Prosody:
    """prosody, as far as Stream asks it for host and port."""

    def __init__(self, ca, secure):
        self.dir = tempfile.mkdtemp(prefix="prosody-")
        self.hosts, self.port = (THEIRS[0],), free_port()
        conf = self.dir + "/conf.lua"
        with open(conf, "w") as f:
            f.write(PROSODY % {"dir": self.dir, "port": self.port, "secure": secure,
                               "ca": ca.path("ca.pem"), "crt": ca.path(THEIRS[0] + ".crt"),
                               "key": ca.path(THEIRS[0] + ".key")})
        subprocess.run(["prosodyctl", "--root", "--config", conf, "register", "bob", THEIRS[0], PW],
                       check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen(["prosody", "--root", "--config", conf],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("prosody", self.listens, step=0.1)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def login(self):
        s = Stream(self)
        s.secured()
        what, data = s.auth_plain("bob", PW)[:2]
        assert what == "success", (what, data)
        s.bind("r")
        s.send("<presence/>")
        return s

    def end(self):
        self.process.terminate()
        self.process.wait(DEADLINE)
        shutil.rmtree(self.dir, ignore_errors=True)


def presence(s, who, type=None):
    return s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("type") == type and
                    e.get("from", "").split("/")[0] == who)


def befriend(a, b):
    """a and b see each other."""
    x, y = a.jid.split("/")[0], b.jid.split("/")[0]
    for one, other, its, others in ((a, b, x, y), (b, a, y, x)):
        one.send("<presence type='subscribe' to='%s'/>" % others)
        presence(other, its, "subscribe")
        other.send("<presence type='subscribed' to='%s'/>" % its)
        presence(one, others)


def talk(t, other):
    a, b = t.login("alice"), other.login()
    befriend(a, b)
    for i in range(20):
        a.message(b.jid, "there %d" % i)
        b.message(a.jid, "back %d" % i)
    b.expect_bodies(["there %d" % i for i in range(20)])
    a.expect_bodies(["back %d" % i for i in range(20)])
    a.send("<presence type='unavailable'/>")
    presence(b, "alice@" + OURS[0], "unavailable")
    a.send("<presence/>")
    presence(b, "alice@" + OURS[0])
    b.close()
    presence(a, "bob@" + THEIRS[0], "unavailable")


def play(trusts):
    """Contacts, messages, presence, both servers trusting the authority or neither; the rows of
    our streams then."""
    ca = Authority({d: "DNS:" + d for d, _ in (OURS, THEIRS)}, "serverAuth,clientAuth")
    try:
        other = Prosody(ca, "true" if trusts else "false")
        try:
            options = "s2s_use_starttls: required\n" + ca.options(OURS[0])
            if not trusts:
                options = options.replace(ca.path("ca.pem"), ca.path(OURS[0] + ".crt"))
            with Ours(options) as t:
                if os.path.exists("/usr/share/dns/root.key"):
                    t.wait_log("dnsd", "dnssec-off")  # nothing is signed here
                talk(t, other)
                return [x.split("\t") for x in t.ctl("s2s", records=True).splitlines()]
        finally:
            other.end()
    finally:
        ca.end()


@check
def by_certificates():
    assert {tuple(f[4:6]) for f in play(True)} == {("open", "external")}


@check
def by_dialback():
    assert {tuple(f[4:6]) for f in play(False) if f[1] == "in"} == {("open", "dialback")}


with tempfile.TemporaryDirectory() as folder:
    unbound = network(folder)
    try:
        main()
    finally:
        unbound.terminate()
        unbound.wait(DEADLINE)
