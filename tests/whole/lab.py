"""A network of its own with two servers in it, one of another maker, whose names an unbound of the
test gives. A test calls apart() before it imports anything that binds."""
import os
import sys


def apart():
    """Run again in a network of its own, where loopback has all addresses."""
    if os.environ.get("APART") != "1":
        os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable] + sys.argv,
                   dict(os.environ, APART="1"))


apart()
from authority import *  # noqa: E402

# A way of being found: domain, address, SRV records (service, port) of each server.
PLAIN = (("_xmpp-server", 5269),)
BOTH = (("_xmpps-server", 5270), ("_xmpp-server", 5269))
DIRECT = (("_xmpps-server", 5270),)
WAYS = {"ipv4": (("tabber.example", ("127.0.1.1",), PLAIN), ("peer.example", ("127.0.2.1",), PLAIN)),
        "ipv6": (("tabber6.example", ("fd00::1",), PLAIN), ("peer6.example", ("fd00::2",), PLAIN)),
        "direct": (("tabberd.example", ("127.0.1.1",), BOTH), ("peerd.example", ("127.0.2.1",), DIRECT)),
        # fd00:1:: has no route, so the first address of the peer is dead.
        "dead6": (("tabber0.example", ("127.0.1.1",), PLAIN),
                  ("peer0.example", ("fd00:1::2", "127.0.2.1"), PLAIN)),
        # The guide's server has port 5269 of all addresses.
        "guide": (("cnjabber.net", ("fd00::1",), PLAIN), ("peerg.example", ("fd00::2",), (("_xmpp-server", 5299),)),
                  ("wehack.space", ("127.0.1.1",), PLAIN))}

UNBOUND = """
server:
  interface: 127.0.0.1
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  local-zone: "." static
%s
remote-control:
  control-enable: no
"""


def zone():
    for servers in WAYS.values():
        for domain, addresses, services in servers:
            for name, port in services:
                for of in (domain, "conference." + domain):
                    yield "%s._tcp.%s. SRV 0 5 %d x.%s." % (name, of, port, domain)
            for a in addresses:
                yield "x.%s. %s %s" % (domain, "AAAA" if ":" in a else "A", a)


class Network:
    """Loopback, and names."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        f = self.folder.name
        for words in (("link", "set", "lo", "up"), ("addr", "add", "fd00::1/64", "dev", "lo"),
                      ("addr", "add", "fd00::2/64", "dev", "lo")):
            subprocess.run(("ip",) + words, check=True)
        for name, text in (("resolv", "nameserver 127.0.0.1\n"), ("unbound", UNBOUND % "".join(
                "  local-data: \"%s\"\n" % x for x in zone()))):
            with open("%s/%s" % (f, name), "w") as out:
                out.write(text)
        subprocess.run(["mount", "--bind", f + "/resolv", "/etc/resolv.conf"], check=True)
        # Debian's profile of AppArmor lets /usr/sbin/unbound read no file of ours.
        shutil.copy(shutil.which("unbound", path=os.environ.get("PATH", "") + ":/usr/sbin"),
                    f + "/program")
        self.unbound = subprocess.Popen([f + "/program", "-d", "-c", f + "/unbound"],
                                        stderr=subprocess.DEVNULL)

    def __exit__(self, *exc):
        self.unbound.terminate()
        self.unbound.wait(DEADLINE)
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)
        self.folder.cleanup()


class Among:
    """A tree in this network."""

    def start(self, wait=True):
        super().start(wait)
        if os.path.exists("/usr/share/dns/root.key"):
            self.wait_log("dnsd", "dnssec-off")  # nothing is signed here

    def streams(self):
        """The rows of the open streams."""
        rows = [x.split("\t") for x in self.ctl("s2s", records=True).splitlines()]
        return [f for f in rows if f[4] == "open"]


class Ours(Among, Tree):
    """port: for clients that look at no other."""

    def __init__(self, way, options, modules=MODULES + "\nmod_s2s_dialback: {}", port=None):
        self.domain, (self.ip,), _ = WAYS[way][0]
        super().__init__(hosts=(self.domain,), accounts=("alice@" + self.domain,), options=options,
                         modules=modules, tabber="s2s_allow_addresses: [127.0.0.0/8]")
        if port:
            self.port, self.tls_port = port, port + 1

    def config(self):
        lines = []
        for port, tls in ((5269, "false"), (5270, "true")):
            lines += ["  -", "    port: %d" % port, "    ip: \"%s\"" % self.ip,
                      "    module: ejabberd_s2s_in", "    tls: " + tls]
        lines.append("loglevel: info")
        return super().config().replace("loglevel: info", "\n".join(lines), 1)


class Peer:
    """A server of another maker with the account bob, as far as Stream asks it for host and port.
    A subclass writes its configuration, and says its command."""

    def __init__(self, way, ca, secure):
        self.domain, addresses, services = WAYS[way][1]
        self.ip = addresses[-1]
        self.dir = tempfile.mkdtemp(prefix="peer-")
        self.hosts, self.port = (self.domain,), free_port()
        self.words = {"dir": self.dir, "port": self.port, "secure": secure, "domain": self.domain,
                      "ip": self.ip, "s2s": dict(services).get("_xmpp-server", 5269),
                      "ca": ca.path("ca.pem"), "crt": ca.path(self.domain + ".crt"),
                      "key": ca.path(self.domain + ".key"), "pem": ca.path(self.domain + ".pem")}
        self.process = None
        try:
            self.configure()
            self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                            env=self.environment())
            until(type(self).__name__, self.is_ready, 60, 0.1)
        except BaseException:
            self.end()
            raise

    def environment(self):
        return None

    def is_ready(self):
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
        if self.process:
            self.process.terminate()
            self.process.wait(DEADLINE)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()


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


def converse(a, b):
    """a and b become contacts; messages and presence go both ways, and b logs out."""
    x, y = a.jid.split("/")[0], b.jid.split("/")[0]
    befriend(a, b)
    for i in range(20):
        a.message(b.jid, "there %d" % i)
        b.message(a.jid, "back %d" % i)
    b.expect_bodies(["there %d" % i for i in range(20)])
    a.expect_bodies(["back %d" % i for i in range(20)])
    a.send("<presence type='unavailable'/>")
    presence(b, x, "unavailable")
    a.send("<presence/>")
    presence(b, x)
    b.close()
    presence(a, y, "unavailable")


class Lab:
    """Both servers: t is ours, peer the other. trusts: they trust the authority, or neither does."""

    def __init__(self, Peer, way="ipv4", trusts=True, options="s2s_use_starttls: required\n", **kw):
        self.ca = Authority({d: "DNS:%s,DNS:conference.%s" % (d, d) for d, _, _ in WAYS[way]},
                            "serverAuth,clientAuth")
        options += self.ca.options(WAYS[way][0][0])
        if not trusts:
            options = options.replace(self.ca.path("ca.pem"), self.ca.path(WAYS[way][0][0] + ".crt"))
        self.make = (lambda: Peer(way, self.ca, trusts)), (lambda: Ours(way, options, **kw))
        self.peer = self.t = None

    def __enter__(self):
        try:
            self.peer = self.make[0]()
            self.t = self.make[1]()
            self.t.__enter__()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *exc):
        if self.t and self.t.process:
            self.t.__exit__(*exc)
        if self.peer:
            self.peer.end()
        self.ca.end()


def play(Peer, **kw):
    """Contacts, messages, presence; the rows of our streams then."""
    with Lab(Peer, **kw) as lab:
        converse(lab.t.login("alice"), lab.peer.login())
        return lab.t.streams()


MUC = "http://jabber.org/protocol/muc"


def meet_in_a_room(Peer):
    """alice and bob in a room of ours: both talk, bob is kicked, leaves, and goes without a word."""
    with Lab(Peer, modules=MODULES + "\nmod_s2s_dialback: {}\nmod_muc: {}") as lab:
        a, b = lab.t.login("alice"), lab.peer.login()
        room = "room@conference." + lab.t.domain

        def enter(s, nick):
            s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (room, nick, MUC))
            s.expect(lambda e: e.get("from") == room + "/" + nick and code(e, 110))
            s.expect(lambda e: e.find("{%s}subject" % CLIENT) is not None)

        def code(e, n):
            return e.find("{%s#user}x/{%s#user}status[@code='%d']" % (MUC, MUC, n)) is not None

        def bob(s, type=None):
            return s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("type") == type and
                            e.get("from") == room + "/Bob")

        enter(a, "Alice")
        a.iq(room, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'/></query>" % MUC, "set")
        enter(b, "Bob")
        bob(a)
        for s, other in ((a, b), (b, a)):
            s.send("<message to='%s' type='groupchat'><body>from %s</body></message>" % (room, s.jid))
            for x in (s, other):
                x.expect(lambda e: e.findtext("{%s}body" % CLIENT) == "from " + s.jid)
        a.iq(room, "<query xmlns='%s#admin'><item nick='Bob' role='none'/></query>" % MUC, "set")
        assert code(bob(b, "unavailable"), 307)
        enter(b, "Bob")
        bob(a)
        b.send("<presence type='unavailable' to='%s/Bob'/>" % room)
        bob(b, "unavailable")
        bob(a, "unavailable")
        enter(b, "Bob")
        bob(a)
        b.close()
        bob(a, "unavailable")


def is_refused(Peer, text):
    """Under required_trusted a peer with a certificate of nobody's gets nothing, and gives nothing."""
    with Lab(Peer, trusts=False, options="s2s_use_starttls: required_trusted\n",
             modules=MODULES) as lab:
        a, b = lab.t.login("alice"), lab.peer.login()
        a.message("bob@" + lab.peer.domain, "never")
        e = a.expect(lambda e: e.get("type") == "error")
        assert text in ET.tostring(e).decode(), ET.tostring(e)
        lab.t.wait_log("s2sd", "s2s-failed dir=out .*step=name")
        b.message("alice@" + lab.t.domain, "never")
        lab.t.wait_log("s2sd", "s2s-failed dir=in .*step=name")
        b.expect(lambda e: e.get("type") == "error")
        assert not lab.t.streams()
