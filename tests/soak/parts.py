"""The parts of mixed load: each is a thread that does its turn over and over, and stands still
between two turns while the others wait for quiet.

A turn begins and ends with the same connections open, so that what it leaves behind shows.
"""
from figures import *
from devices import *
from managed import Managed

ROSTER, PRIVATE, VCARD = "jabber:iq:roster", "jabber:iq:private", "vcard-temp"
MAM = "urn:xmpp:mam:2"
INFO = "http://jabber.org/protocol/disco#info"
IDENTITY = "{%s}authorization-identifier" % SASL2


class Part(threading.Thread):
    """A behaviour of clients. begin() once, then turn() until the end. fault: why the part ended
    early."""

    gate = threading.Event()        # open while there is load
    ending = False

    def __init__(self, tree, n, seed):
        super().__init__(daemon=True, name="%s %d" % (type(self).__name__.lower(), n))
        self.tree, self.n, self.rnd = tree, n, random.Random("%s %s" % (seed, self.name))
        self.fault, self.turns, self.still = None, 0, threading.Event()

    def begin(self):
        pass

    def run(self):
        try:
            self.begin()
            while not Part.ending:
                self.still.set()
                Part.gate.wait()
                self.still.clear()
                if not Part.ending:
                    self.turn()
                    self.turns += 1
        except Exception as e:
            at = traceback.extract_tb(e.__traceback__)[-1]
            self.fault = "%s: %s%s (%s line %d)" % (
                self.name, "" if isinstance(e, AssertionError) else type(e).__name__ + ": ", e,
                os.path.basename(at.filename), at.lineno)
        self.still.set()

    def name_of(self, who):
        return "%s%d" % (who, self.n)


class Resumers(Part):
    """A pair with stream management, of which one is cut off at random moments and resumes."""

    accounts = ("ann", "ben")

    def begin(self):
        self.a, self.b = (Managed(self.tree, self.name_of(x)) for x in self.accounts)

    def some(self, m, to, most=4):
        for _ in range(self.rnd.randrange(most)):
            m.message(to.jid)

    def cut_and_resume(self):
        a, b, rnd = self.a, self.b, self.rnd
        self.some(a, b)
        self.some(b, a)
        a.pump(rnd.choice((0, 0.001, 0.02)))
        if rnd.random() < 0.3:
            a.part_of_message(b.jid, rnd)
        if rnd.random() < 0.7:      # otherwise the server still believes that the client is there
            a.cut()
        self.some(b, a)
        b.pump(rnd.choice((0.01, 0.01, 0.5)))
        a.resume()

    def turn(self):
        for _ in range(10):
            self.cut_and_resume()
        self.a.settle(self.b.sent)
        self.b.settle(self.a.sent)
        for m, peer in ((self.a, self.b), (self.b, self.a)):
            in_order([n for _, n in m.got], peer.sent, m.user)
            m.got, peer.sent = [], 0
            del m.s.root[:]


def in_order(got, n, user):
    """got is 1, 2... n."""
    if got == list(range(1, n + 1)):
        return
    lost = sorted(set(range(1, n + 1)) - set(got))
    twice = sorted({x for x in got if got.count(x) > 1})
    raise AssertionError("%s got %d of %d: lost %s, twice %s, in the order %s" % (
        user, len(got), n, lost[:10], twice[:10], got[:30]))


class Returners(Part):
    """A phone that is cut off and comes back to its session by ticket and token; each tenth time
    it ends its session, and binds another."""

    accounts = ("kim", "lou")

    def begin(self):
        self.d = Device(self.tree, self.name_of("kim"))
        self.jid = self.d.first().findtext(IDENTITY)
        self.s = self.tree.login(self.name_of("lou"))
        self.sent = self.seen = 0

    def write(self, most):
        for _ in range(self.rnd.randrange(most)):
            self.sent += 1
            self.s.message(self.jid, str(self.sent))
        self.s.ping()

    def read(self):
        while self.seen < self.sent:
            e = self.d.s.recv()
            if e.tag != "{%s}message" % CLIENT:
                continue
            self.d.got += 1
            self.seen += 1
            body = e.findtext("{%s}body" % CLIENT)
            assert body == str(self.seen), "%s got %s, not %d" % (self.jid, body, self.seen)

    def back(self, to):
        self.d.connect()
        e = self.d.open(self.d.by_token())
        assert not isinstance(e, str) and e.find(to) is not None, (e, to)
        return e

    def turn(self):
        for _ in range(9):
            self.write(4)
            self.d.cut()
            self.write(4)
            self.back("{%s}resumed" % SM)
            self.read()
        self.d.session = None
        self.d.s.close()
        self.jid = self.back("{%s}bound" % BIND2).findtext(IDENTITY)
        self.d.s.expect_tag(STREAM, "features")
        del self.d.s.root[:], self.s.root[:]


class Commuters(Part):
    """A client writes to a contact who comes and goes, and finds the messages that waited. The
    contact ends its stream in good order, so nothing is lost and nothing comes twice. Waiting
    messages come in their order, and so do those that are sent meanwhile."""

    accounts = ("cat", "dan")

    def begin(self):
        self.s = self.tree.login(self.name_of("cat"))
        self.sent, self.got = 0, []

    def write(self, most):
        for _ in range(self.rnd.randrange(most)):
            self.sent += 1
            self.s.message(self.name_of("dan") + "@localhost", str(self.sent))
        self.s.ping()

    def keep(self, e):
        body = e.findtext("{%s}body" % CLIENT)
        if body and e.tag == "{%s}message" % CLIENT:
            waited = e.find("{urn:xmpp:delay}delay") is not None
            assert int(body) not in self.got, "%s got %s twice" % (self.name_of("dan"), body)
            last = self.last.get(waited, 0)
            assert int(body) > last, "%s got %s behind %d, %s" % (
                self.name_of("dan"), body, last, "both had waited" if waited else "live")
            self.last[waited] = int(body)
            self.got.append(int(body))

    def visit(self):
        d, self.last = self.tree.login(self.name_of("dan"), available=False), {}
        d.send("<presence/>")
        return d

    def turn(self):
        self.write(6)
        d = self.visit()
        self.write(6)
        while len(self.got) < self.sent and self.rnd.random() < 0.9:
            self.keep(d.recv())
        self.write(3)
        for e in d.close():
            self.keep(e)
        if self.turns % 10 == 9:
            self.all_is_there()
        del self.s.root[:]

    def all_is_there(self):
        d = self.visit()
        while len(self.got) < self.sent:
            self.keep(d.expect_tag(CLIENT, "message"))
        d.ping()
        for e in d.close():
            self.keep(e)
        in_order(sorted(self.got), self.sent, self.name_of("dan"))
        self.got, self.sent = [], 0


class Visitors(Part):
    """Logs in, uses what there is, and leaves: every other time without a word."""

    accounts = ("eve",)
    asks = [(None, "get", "<query xmlns='%s'/>" % ROSTER),
            (None, "get", "<vCard xmlns='%s'/>" % VCARD),
            (None, "set", "<vCard xmlns='%s'><FN>Eve</FN></vCard>" % VCARD),
            (None, "set", "<query xmlns='%s'><a xmlns='urn:x'>%s</a></query>" % (
                PRIVATE, "y" * 500)),
            (None, "get", "<query xmlns='%s'><a xmlns='urn:x'/></query>" % PRIVATE),
            (None, "set", "<query xmlns='%s'><set xmlns='http://jabber.org/protocol/rsm'>"
             "<max>20</max></set></query>" % MAM),
            ("localhost", "get", "<query xmlns='%s'/>" % INFO),
            ("localhost", "get", "<query xmlns='jabber:iq:version'/>"),
            (None, "set", "<block xmlns='urn:xmpp:blocking'><item jid='spam@example.org'/>"
             "</block>"),
            (None, "set", "<unblock xmlns='urn:xmpp:blocking'/>")]

    def turn(self):
        s = self.tree.login(self.name_of("eve"), available=False)
        for to, kind, xml in self.asks + [self.contact("both"), self.contact("remove")]:
            s.iq(to, xml, kind)
        s.available()
        s.message(self.name_of("eve") + "@localhost", "note to self")
        s.expect_body("note to self")
        if self.turns % 2:
            s.abort()
        else:
            s.close()

    def contact(self, what):
        return (None, "set", "<query xmlns='%s'><item jid='friend@localhost'%s/></query>" % (
            ROSTER, " subscription='remove'" if what == "remove" else " name='F'"))


class Logins(Part):
    """A burst of clients that log in and out."""

    accounts = tuple("log%d" % n for n in range(1, 9))

    def turn(self):
        Load(self.tree, "-l", "login", "-P", "4", "-t", "1", user="log").complete()
        time.sleep(2)


class SlowReader(Part):
    """Takes little at a time of much, and gets all of it in order."""

    accounts = ("flo", "gus")

    def turn(self):
        s = self.tree.login(self.name_of("flo"), rcvbuf=4096)
        a = self.tree.login(self.name_of("gus"))
        for i in range(1, 101):
            a.message(s.jid, "%d %s" % (i, "z" * 10000))
        a.ping()
        got = []
        while len(got) < 100:
            e = s.expect_tag(CLIENT, "message")
            got.append(int(e.findtext("{%s}body" % CLIENT).split()[0]))
            time.sleep(0.02)
        in_order(got, 100, self.name_of("flo"))
        s.close(), a.close()


class DeafReader(Part):
    """Reads nothing: it is cut off for what waits, or it goes before that."""

    accounts = ("hal", "ida")

    def turn(self):
        s = self.tree.login(self.name_of("hal"), resource="deaf%d" % self.turns, rcvbuf=4096)
        a = self.tree.login(self.name_of("ida"))
        if self.turns % 3 == 1:
            s.send("<enable xmlns='urn:xmpp:sm:3'/>")
        most = 1500 if self.turns % 3 else 300
        for i in range(most):
            a.send("<message type='headline' to='%s'><body>%s</body></message>" % (
                s.jid, "z" * 10000))
            if i % 100 == 99:
                a.ping()
        jid = s.jid
        if most > 300 and self.turns % 3 == 2:
            until("that %s is cut off" % jid, lambda: jid not in self.tree.ctl("sessions"), 20, 0.2)
        s.abort()
        a.close()


def hello():
    """The first flight of a TLS client."""
    ctx, out = ssl.create_default_context(), ssl.MemoryBIO()
    try:
        ctx.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


class Garbage(Part):
    """Bytes that make no sense, before and after the login: each ends its connection."""

    accounts = ("jim",)
    header = ("<stream:stream xmlns='jabber:client' xmlns:stream='%s' to='localhost' "
              "version='1.0'>" % STREAM)
    plain = [b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", b"<a>" * 100,
             b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>",
             header.replace("localhost", "nowhere").encode(), (header + "<iq/>").encode(),
             (header + "\xff\xfe").encode("latin-1"), (header + "<a>" * 100).encode(),
             (header + "<a " + "b" * 20000).encode(), (header + "<?pi?>").encode(),
             (header + "<auth xmlns='%s' mechanism='PLAIN'>!</auth></b>" % SASL).encode()]
    bound = ["<a>" * 100, "<message to='x@localhost'><body>" + "y" * 3000000, "&boom;", "</a>",
             "<a xmlns='urn:xmpp:sm:3' h='99'/>", "<a xmlns='urn:xmpp:sm:3'/>",
             "<iq type='get'><query xmlns:='x'/></iq>", "<message><b></message>", "<!-- -->",
             "<presence from='admin@localhost'/>", "\x01", "<x xmlns='urn:what'/>"]

    # Chance may write the beginning of a ClientHello, which is waited for.
    deadline = 20 * SLOW

    def raw(self, port, data, ends=True):
        s = socket.create_connection(("127.0.0.1", port), self.deadline)
        with s:
            try:
                s.sendall(data)
                while ends and s.recv(65536):
                    pass
            except ConnectionError:
                pass
            except TimeoutError:
                raise AssertionError("still connected after %r" % data[:60])

    def turn(self):
        rnd = self.rnd
        for data in self.plain + [rnd.randbytes(2000)]:
            self.raw(self.tree.port, data)
        for data in (rnd.randbytes(2000), hello() + rnd.randbytes(500), b"<stream:stream>" * 10):
            self.raw(self.tree.tls_port, data)
        self.raw(self.tree.tls_port, hello()[:rnd.randrange(200)], ends=False)
        self.bad_passwords()
        for text in self.bound:
            self.bound_one(text)

    def bad_passwords(self):
        s = Stream(self.tree)
        s.secured()
        for _ in range(20):
            if s.auth_plain(self.name_of("jim"), "wrong")[0] == "error":
                break
        s.abort()

    def bound_one(self, text):
        s = self.tree.login(self.name_of("jim"))
        s.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        try:
            s.send(text)
            s.all_until_end()
        except Gone:
            pass
        except AssertionError:
            raise AssertionError("still connected after %r" % text[:60])
        s.abort()


KINDS = [(Resumers, 4), (Returners, 2), (Commuters, 2), (Visitors, 2), (Logins, 1),
         (SlowReader, 1), (DeafReader, 1), (Garbage, 1)]


def all_parts(t, seed, kinds):
    return [kind(t, n, seed) for kind, many in kinds for n in range(many)]


def accounts(kinds):
    names = {name if kind is Logins else "%s%d" % (name, n)
             for kind, many in kinds for n in range(many) for name in kind.accounts}
    return sorted(names)
