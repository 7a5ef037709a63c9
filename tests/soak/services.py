"""The parts of mixed load that use rooms, nodes, files, the web and another server."""
import http.client, urllib.parse

from parts import *
from bosh import BoshStream
from websocket import WebStream
import servers

MUC, PUBSUB, UPLOAD = ("http://jabber.org/protocol/muc", "http://jabber.org/protocol/pubsub",
                       "urn:xmpp:http:upload:0")
NICK, CAPS = "http://jabber.org/protocol/nick", "http://jabber.org/protocol/caps"
ROOMS, NODES, FILES = "conference.localhost", "pubsub.localhost", "upload.localhost"
WEB = free_port()
HERE, THERE = servers.A, servers.B

LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/ws: ejabberd_http_ws, /bosh: mod_bosh, /put: mod_http_upload}
""" % WEB
USED = """
mod_auth_fast: {}
mod_caps: {}
mod_pubsub: {plugins: [flat, pep]}
mod_muc: {default_room_options: {mam: true}}
mod_http_upload: {access: all, put_url: "http://localhost:%d/put"}
mod_bosh: {}""" % WEB


def tree(accounts):
    """The server under load: localhost, and an address that the other server finds without DNS."""
    t = servers.Server(HERE, LISTEN, servers.MORE + USED, ())
    t.hosts = ("localhost", HERE)
    t.accounts = accounts
    return t


class Rooms(Part):
    """Three enter a room that ends with them; what each says comes to all, in one order."""

    accounts = ("joy", "ken", "leo")

    def begin(self):
        self.room = "room%d@%s" % (self.n, ROOMS)
        self.people = [self.tree.login(self.name_of(x)) for x in self.accounts]

    def enter(self, s, nick):
        s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (self.room, nick, MUC))
        s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and
                 any(x.get("code") == "110" for x in e.iter()))
        if nick == "0":
            s.iq(self.room, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'/></query>" % MUC, "set")

    def turn(self):
        heard = []
        for i, s in enumerate(self.people):
            self.enter(s, str(i))
        for i, s in enumerate(self.people):
            for k in range(self.rnd.randrange(1, 5)):
                s.send("<message type='groupchat' to='%s'><body>%d %d</body></message>" % (self.room, i, k))
        self.people[0].send("<message type='groupchat' to='%s'><body>end</body></message>" % self.room)
        for s in self.people:
            got = []
            while "end" not in got:
                e = s.expect_tag(CLIENT, "message")
                if e.get("type") == "groupchat" and e.findtext("{%s}body" % CLIENT):
                    got.append(e.findtext("{%s}body" % CLIENT))
            heard.append(got)
        # The message "end" comes behind all that the first occupant has sent; messages of the
        # others may come behind it.
        shortest = min(heard, key=len)
        assert all(x[:len(shortest)] == shortest for x in heard), heard
        for i, s in reversed(list(enumerate(self.people))):
            s.send("<presence type='unavailable' to='%s/%d'/>" % (self.room, i))
            s.expect(lambda e: e.get("type") == "unavailable" and any(x.get("code") == "110" for x in e.iter()))
            del s.root[:]


class Wanting(Stream):
    """A client that shows by its capabilities that it wants the events of NICK (XEP-0163 s4.3)."""

    features_shown = INFO, NICK, NICK + "+notify"
    string = "client/pc//test<" + "".join(f + "<" for f in sorted(features_shown))
    shown = "<presence><c xmlns='%s' hash='sha-1' node='urn:test' ver='%s'/></presence>" % (
        CAPS, b64(hashlib.sha1(string.encode()).digest()))

    def recv(self, seconds=None):
        """The next element that is no question about the capabilities, which is answered."""
        while True:
            e = super().recv(seconds)
            query = e.find("{%s}query" % INFO)
            if e.get("type") != "get" or query is None:
                return e
            self.send("<iq type='result' to='%s' id='%s'><query xmlns='%s' node='%s'><identity category='client' "
                      "type='pc' name='test'/>%s</query></iq>" % (
                          e.get("from"), e.get("id"), INFO, query.get("node", ""),
                          "".join("<feature var='%s'/>" % f for f in self.features_shown)))


class Nodes(Part):
    """A client publishes at a node of the service, whose subscriber gets each item, and at its own
    account: each item comes to itself and to a contact who wants them."""

    accounts = ("max", "ned")

    def begin(self):
        names = [self.name_of(x) for x in self.accounts]
        self.owner = names[0] + "@localhost"
        self.tree.ctl("contact", "add", *(x + "@localhost" for x in names))
        self.a, self.b = (Wanting(self.tree) for _ in names)
        for s, name in ((self.a, names[0]), (self.b, names[1])):
            s.login(name, PW, "r")
            s.send(s.shown)
        for s, other in ((self.a, self.b), (self.b, self.a)):
            s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == other.jid)

    def pubsub(self, s, xml, to=NODES, ns=""):
        e = s.iq(to, "<pubsub xmlns='%s%s'>%s</pubsub>" % (PUBSUB, ns, xml), "set")
        assert e.get("type") == "result", ET.tostring(e)

    def event(self, s, who, node):
        """The next event at s, which must be of this node of who."""
        name = "{%s#event}event" % PUBSUB
        e = s.expect(lambda e: e.find(name) is not None)
        of = e.get("from"), e.find(name)[0].get("node")
        assert of == (who, node), "%s: an event of %s" % (s.jid, of)
        return e

    def nick(self):
        """A nickname goes to both sessions."""
        text = str(self.turns)
        i = self.a.next_id()
        self.a.send("<iq type='set' id='%s'><pubsub xmlns='%s'><publish node='%s'><item id='current'><nick xmlns='%s'>"
                    "%s</nick></item></publish></pubsub></iq>" % (i, PUBSUB, NICK, NICK, text))
        for s in (self.a, self.b):
            got = self.event(s, self.owner, NICK).findtext(".//{%s}nick" % NICK)
            assert got == text, "%s got the nickname %s, not %s" % (s.jid, got, text)

    def turn(self):
        node = "node%d-%d" % (self.n, self.turns)
        self.pubsub(self.a, "<create node='%s'/>" % node)
        self.pubsub(self.b, "<subscribe node='%s' jid='%s'/>" % (node, self.b.jid))
        for i in range(self.rnd.randrange(1, 9)):
            item = "%d" % i
            self.pubsub(self.a, "<publish node='%s'><item id='%s'><x xmlns='urn:x'>%s</x></item></publish>"
                        % (node, item, "z" * self.rnd.randrange(2000)))
            e = self.event(self.b, NODES, node)
            assert [x.get("id") for x in e.iter("{%s#event}item" % PUBSUB)] == [item], ET.tostring(e)
        self.nick()
        self.pubsub(self.a, "<delete node='%s'/>" % node, ns="#owner")
        e = self.event(self.b, NODES, node)
        assert e.find(".//{%s#event}delete" % PUBSUB) is not None, ET.tostring(e)
        del self.a.root[:], self.b.root[:]


class Files(Part):
    """A file goes up and comes down; some are cut off on the way up, and go up again."""

    accounts = ("oto",)

    def ask(self, method, url, body=None):
        u = urllib.parse.urlsplit(url)
        c = http.client.HTTPConnection("127.0.0.1", u.port, timeout=DEADLINE)
        try:
            c.request(method, u.path, body, {"Host": u.netloc})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def half(self, url, body):
        u = urllib.parse.urlsplit(url)
        with socket.create_connection(("127.0.0.1", u.port), DEADLINE) as c:
            c.sendall(b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (
                u.path.encode(), len(body)) + body[:len(body) // 2])

    def turn(self):
        s, body = self.tree.login(self.name_of("oto")), self.rnd.randbytes(self.rnd.randrange(1, 300000))
        e = s.iq(FILES, "<request xmlns='%s' filename='a.bin' size='%d'/>" % (UPLOAD, len(body)))
        put, get = (next(e.iter("{%s}%s" % (UPLOAD, w))).get("url") for w in ("put", "get"))
        if self.rnd.random() < 0.3:
            self.half(put, body)
        # An upload that was cut off may be at work a moment longer, and holds the slot.
        until("the file is taken", lambda: self.ask("PUT", put, body)[0] == 201)
        status, got = self.ask("GET", get)
        assert status == 200 and got == body, "%d, %d bytes of %d" % (status, len(got), len(body))
        s.close()
        time.sleep(0.5)     # slots are few


class Browsers(Part):
    """A client over WebSocket or BOSH, which talks with a client over TCP, and comes anew each
    turn."""

    accounts = ("pam", "quy")

    def begin(self):
        self.b = self.tree.login(self.name_of("quy"))

    def turn(self):
        s = (WebStream(self.tree, WEB) if self.turns % 2 else BoshStream(self.tree, WEB))
        s.login(self.name_of("pam"), PW, "web%d" % self.turns)
        s.available()
        for i in range(self.rnd.randrange(1, 20)):
            text = "%d %s" % (i, "z" * self.rnd.randrange(3000))
            s.message(self.b.jid, text)
            self.b.expect_body(text)
            self.b.message(s.jid, text)
            s.expect_body(text)
        if self.rnd.random() < 0.5:
            s.close()
        else:
            s.abort()
        del self.b.root[:]


class Abroad(Part):
    """A client here and a client at the other server write to each other: each message comes once,
    in order."""

    accounts = ()
    other = None    # the other server

    def begin(self):
        self.a = self.tree.login("out%d" % self.n, host=HERE)
        self.b = self.other.login("in%d" % self.n)

    def some(self, s, to):
        n = self.rnd.randrange(1, 10)
        for i in range(n):
            s.message(to.jid, str(i))
        return n

    def turn(self):
        sent = self.some(self.a, self.b), self.some(self.b, self.a)
        for s, n in ((self.b, sent[0]), (self.a, sent[1])):
            got = [s.expect(lambda e: e.findtext("{%s}body" % CLIENT)).findtext("{%s}body" % CLIENT) for _ in range(n)]
            assert got == [str(i) for i in range(n)], "%s got %s of %d" % (s.jid, got, n)
            del s.root[:]
        time.sleep(0.1)


KINDS = [(Rooms, 2), (Nodes, 2), (Files, 2), (Browsers, 2), (Abroad, 2)]
OUT = ["out%d@%s" % (n, HERE) for n in range(2)]


def other():
    """The other server: Abroad's parts talk to it."""
    Abroad.other = servers.Server(THERE, "", users=("in0", "in1"))
    return Abroad.other
