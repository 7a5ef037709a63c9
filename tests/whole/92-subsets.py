#!/usr/bin/python3
"""The servers of conf/subsets.md: each starts, under s6 and under runsvdir, runs the programs that
the page names and listens where it says; it offers what it should, and nothing else."""
import http.client

from abroad import *
from components import ComponentStream

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISCO = "http://jabber.org/protocol/disco#"
ALWAYS = {"tlsd", "c2sd", "routed", "authd", "userd", "hostd"}
STANZA_ERROR = "{jabber:client}error"
AUTHORITY = Authority({"rooms.example": "DNS:rooms.example,DNS:conference.rooms.example",
                       B: "IP:%s,DNS:%s" % (B, B)}, "serverAuth,clientAuth")
# The other server's domain is an address, so that no name is looked up.
AROUND = AUTHORITY.options("rooms.example") + """outgoing_s2s_port: %d
tabber:
  s2s_allow_addresses: [127.0.0.0/8]
""" % PORT
# Features of hosts that have hardly a module.
BARE = {DISCO + "info", DISCO + "items", "http://jabber.org/protocol/caps"}
PUBSUB = "http://jabber.org/protocol/pubsub"
# What the service of nodes and the accounts have in common.
NODES = {PUBSUB, "vcard-temp", DISCO + "info", DISCO + "items"} | {PUBSUB + "#" + x for x in """
    access-authorize access-open access-presence access-roster access-whitelist auto-create config-node
    config-node-max create-and-configure create-nodes delete-items delete-nodes instant-nodes item-ids
    last-published manage-subscriptions member-affiliation meta-data modify-affiliations multi-items
    outcast-affiliation persistent-items presence-notifications publish publish-node-full
    publish-only-affiliation publish-options publisher-affiliation purge-nodes retract-items
    retrieve-affiliations retrieve-default retrieve-default-sub retrieve-items retrieve-subscriptions rsm
    subscribe subscription-notifications subscription-options""".split()}
# What a client of the family is shown, by the address that it asks.
FAMILY = {
    "family.example": BARE | {"msgoffline", "urn:xmpp:blocking", "urn:xmpp:carbons:2",
                              "urn:xmpp:carbons:rules:0", "urn:xmpp:mam:2", PING, "vcard-temp"},
    "mother@family.example": NODES | {PUBSUB + "#" + x for x in (
        "auto-subscribe", "filtered-notifications", "presence-subscribe", "pubsub-on-a-jid")} | {
        "jabber:iq:roster", "urn:xmpp:blocking", "urn:xmpp:carbons:2", "urn:xmpp:mam:2",
        "urn:xmpp:mam:2#extended", "urn:xmpp:message-retract:1#tombstone",
        "urn:xmpp:pep-vcard-conversion:0", PING, "urn:xmpp:sid:0"},
    "pubsub.family.example": NODES | {PUBSUB + "#get-pending", "http://jabber.org/protocol/commands"}}
BEFORE_LOGIN = {SASL, "urn:xmpp:sasl:2", "urn:xmpp:sasl-cb:0"}
BEHIND_LOGIN = {BIND, "urn:ietf:params:xml:ns:xmpp-session", "urn:xmpp:sm:2", "urn:xmpp:sm:3",
                "urn:xmpp:csi:0", "urn:xmpp:features:pre-approval", "http://jabber.org/protocol/caps"}


def sections():
    """Configuration and programs of each section of the page, by title."""
    with open(ROOT + "/conf/subsets.md") as f:
        text = f.read()
    for title, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        m = re.search(r"^    hosts:.*\n(?:^    .*\n)*", body, re.M)
        if m:
            more = re.search(r"More programs: (.*)\.", body)[1]
            yield title, re.sub("^    ", "", m[0], flags=re.M), set(more.split(", "))


PAGE = {title: (text, more) for title, text, more in sections()}


class Subset(Tree):
    """A server of the page; ports: those of its listeners, by the number there. around: lines of the
    configuration for the network of the test."""

    def __init__(self, title, runit=False, around=""):
        self.text, self.more = PAGE[title]
        self.around = around
        self.ports = {int(n): free_port() for n in re.findall(r"port: (\d+)", self.text)}
        super().__init__(hosts=re.findall(r"hosts: \[(.*?)\]", self.text), runit=runit)
        self.port = self.ports.get(5222)

    def config(self):
        text = self.text
        for old, new in self.ports.items():
            text = text.replace("port: %d" % old, "port: %d" % new).replace(":%d/" % old, ":%d/" % new)
        return text + self.around

    def listening(self):
        """The ports that xmpp-ctl status names."""
        code, out, _ = self.ctl("status", code=None, records=True)
        assert code == 0, out
        return {int(f[2].rsplit(":", 1)[1]) for f in (x.split("\t") for x in out.splitlines()) if f[0] == "listener"}

    def sockets(self):
        """The ports at which a process of the tree listens."""
        links = {os.readlink(x) for pid in self.pids() for x in glob.glob("/proc/%d/fd/*" % pid) if os.path.islink(x)}
        rows = [x.split() for name in ("tcp", "tcp6") for x in open("/proc/net/" + name).readlines()[1:]]
        return {int(f[1].rsplit(":", 1)[1], 16) for f in rows if f[3] == "0A" and "socket:[%s]" % f[9] in links}

    def programs(self):
        """The programs of ours that run, without the prefix."""
        words = [os.path.basename(x.split()[0]) for x in self.pids().values() if x]
        return {x[5:] for x in words if x.startswith("xmpp-")}

    def login(self, user, resource="r", **kw):
        s = super().login(user, resource, available=False, **kw)
        s.send("<presence/>")
        return s


def features_of(e):
    return {f.get("var") for f in e.iter("{%sinfo}feature" % DISCO)}


def items_of(e):
    return {i.get("jid") for i in e.iter("{%sitems}item" % DISCO)}


def features(s, jid):
    return features_of(s.iq(jid, "<query xmlns='%sinfo'/>" % DISCO))


def items(s, jid):
    return items_of(s.iq(jid, "<query xmlns='%sitems'/>" % DISCO))


def offered(s):
    """The namespaces of the features of a stream."""
    return {e.tag[1:].split("}")[0] for e in s.features}


def fails(s, to, payload, type="get"):
    e = s.iq(to, payload, type)
    return e.get("type") == "error" and e.find(STANZA_ERROR)[0].tag.split("}")[1]


def subset(title, around=""):
    """Two checks, under s6 and under runsvdir, that play fn on the server of this title, behind what all
    of them must hold."""
    def of(fn):
        for runit in (False, True):
            def run(*_, runit=runit):
                with Subset(title, runit, around) as t:
                    services = {os.path.basename(x) for x in glob.glob(t.state + "/service/*")}
                    assert services == ALWAYS | t.more, services
                    assert t.programs() == ALWAYS | t.more, t.programs()
                    assert t.listening() == t.sockets() == set(t.ports.values()), (t.listening(), t.sockets())
                    fn(t)
                    assert not t.terminate()
            run.__name__ = fn.__name__ + ("_under_runsvdir" if runit else "")
            check(run)
        return fn
    return of


@subset("A family's server")
def a_family_s_server(t):
    for name in ("mother", "son"):
        t.add(name + "@family.example")
    s = t.stream()
    s.open()
    assert offered(s) == {TLS}, ET.tostring(s.features)
    s.starttls()
    s.open()
    assert offered(s) == BEFORE_LOGIN, ET.tostring(s.features)
    assert s.features.find(".//{urn:xmpp:fast:0}fast") is not None, ET.tostring(s.features)
    s.abort()
    t.ctl("contact", "add", "mother@family.example", "son@family.example")
    a, b = t.login("mother"), t.login("son")
    a.message(b.jid, "dinner")
    b.expect_body("dinner")
    assert offered(a) == BEHIND_LOGIN, ET.tostring(a.features)
    for jid, wanted in FAMILY.items():
        assert features(a, jid) == wanted, (jid, features(a, jid) ^ wanted)
        assert items(a, jid) == ({"pubsub.family.example"} if jid == "family.example" else set()), jid
    assert fails(a, "family.example", "<query xmlns='jabber:iq:register'/>") == "service-unavailable"
    a.message("friend@example.org", "hello")
    e = a.expect(lambda e: e.get("type") == "error" and e.get("from") == "friend@example.org")
    assert e.find(STANZA_ERROR)[0].tag.endswith("remote-server-not-found"), ET.tostring(e)
    a.close()
    b.close()


ROOMS, ROOM, ANNA = "conference.rooms.example", "tea@conference.rooms.example", "anna@" + B
MUC = "http://jabber.org/protocol/muc"
# What the service of rooms and a room have in common.
TALK = {DISCO + "info", DISCO + "items", MUC, MUC + "#stable_id", "urn:xmpp:occupant-id:0", PING,
        "jabber:iq:register", "vcard-temp"}
# Features and items that another server is shown, by the host that has the stream.
VISITORS = {
    "rooms.example": [("rooms.example", (BARE | {"urn:xmpp:mam:2"}, {ROOMS}))],
    ROOMS: [(ROOMS, (TALK | {"http://jabber.org/protocol/rsm"}, {ROOM})),
            (ROOM, (TALK | {
                MUC + "#self-ping-optimization", "http://jabber.org/protocol/commands", "muc_moderated",
                "muc_open", "muc_persistent", "muc_public", "muc_semianonymous", "muc_unsecured",
                "urn:xmpp:hats:0", "urn:xmpp:mam:2", "urn:xmpp:mam:2#extended",
                "urn:xmpp:message-moderate:0", "urn:xmpp:message-moderate:1",
                "urn:xmpp:message-retract:1", "urn:xmpp:message-retract:1#tombstone",
                "urn:xmpp:sid:0"}, set()))]}


class Visitors:
    """The other server, to a host of ours: a stream there, and one back once there is an answer."""

    def __init__(self, t, listener, host):
        self.listener, self.back = listener, None
        # Until xmpp-s2sd has heard of the service, peers are to come again.
        self.out = until("a stream to " + host, lambda: self.dial(t, host), None, 0.1)

    def dial(self, t, host):
        s = Dialed(t, host, AUTHORITY, t.ports[5269])
        try:
            assert host in s.prove()
        except (Gone, ConnectionError):
            s.abort()
            return None
        return s

    def expect(self, test):
        if not self.back:
            self.back = Accepted(AUTHORITY, self.listener.accept()[0])
            self.back.secure()
            self.back.prove()
        return self.back.expect(test)

    def ask(self, to, payload, n=iter(range(10 ** 6))):
        i = "q%d" % next(n)
        self.out.send("<iq type='get' id='%s' from='%s/x' to='%s'>%s</iq>" % (i, ANNA, to, payload))
        return self.expect(lambda e: e.get("id") == i)

    def shown(self, jid):
        """Features and items."""
        return (features_of(self.ask(jid, "<query xmlns='%sinfo'/>" % DISCO)),
                items_of(self.ask(jid, "<query xmlns='%sitems'/>" % DISCO)))

    def close(self):
        for s in (self.out, self.back):
            s.close()


def enter_and_talk(visitors):
    visitors.out.send("<presence from='%s/x' to='%s/Anna'><x xmlns='%s'/></presence>" % (ANNA, ROOM, MUC))
    e = visitors.expect(lambda e: e.tag == "{%s}presence" % SERVER and e.get("from") == ROOM + "/Anna")
    assert e.find("{%s#user}x/{%s#user}status[@code='110']" % (MUC, MUC)) is not None, ET.tostring(e)
    visitors.expect(lambda e: e.find("{%s}subject" % SERVER) is not None)
    visitors.out.send("<message type='groupchat' from='%s/x' to='%s'><body>tea?</body></message>" % (ANNA, ROOM))
    e = visitors.expect(lambda e: e.findtext("{%s}body" % SERVER) == "tea?")
    assert e.get("from") == ROOM + "/Anna" and e.find("{urn:xmpp:sid:0}stanza-id") is not None, ET.tostring(e)


@subset("Rooms alone", AROUND)
def rooms_alone(t):
    """Another server finds the room, behind STARTTLS and a certificate; its user enters, and talks."""
    t.ctl("room", "create", ROOM, ANNA)
    assert ROOM in t.ctl("rooms")
    with socket.create_server((B, PORT)) as listener:
        listener.settimeout(DEADLINE)
        for host, shown in VISITORS.items():
            v = Visitors(t, listener, host)
            for jid, wanted in shown:
                got = v.shown(jid)
                assert got == wanted, (jid, got[0] ^ wanted[0], got[1])
            if host == ROOMS:
                enter_and_talk(v)
                assert v.shown(ROOM)[1] == {ROOM + "/Anna"}
            v.close()


@subset("A relay that keeps nothing")
def a_relay_that_keeps_nothing(t):
    for name in "ab":
        t.add(name + "@relay.example")
    a, b = t.login("a"), t.login("b")
    a.message(b.jid, "now")
    b.expect_body("now")
    b.close()
    a.message("b@relay.example", "later")
    e = a.expect(lambda e: e.get("type") == "error")
    assert e.find(STANZA_ERROR)[0].tag.endswith("service-unavailable"), ET.tostring(e)
    shown = features(a, "relay.example") | features(a, "a@relay.example")
    assert not {f for f in shown if re.search("mam|msgoffline|vcard|pubsub", f)}, shown
    assert fails(a, None, "<query xmlns='urn:xmpp:mam:2'/>", "set") == "service-unavailable"
    assert not os.path.exists(t.state + "/data/archive/data.mdb")
    b = t.login("b")
    b.iq("relay.example", "<ping xmlns='%s'/>" % PING)
    a.close()
    b.close()


@subset("A host for components")
def a_host_for_components(t):
    port = t.ports[5347]
    bot, irc = ComponentStream(port, "bot.services.example", "one"), ComponentStream(port, "irc.services.example", "two")
    bot.send("<message from='x@bot.services.example' to='#y@irc.services.example'><body>over</body></message>")
    irc.until(rb"<message[^>]*from='x@bot.services.example'[^>]*>.*over")
    bot.send("<iq type='get' id='d' from='bot.services.example' to='services.example'><query xmlns='%sinfo'/></iq>" % DISCO)
    text = bot.until(rb"(?s)<iq[^>]*id='d'.*?</iq>")[0].decode()
    shown = set(re.findall(r"var='([^']*)'", text))
    assert shown <= BARE, shown


@subset("Uploads alone")
def uploads_alone(t):
    t.add("anna@files.example")
    s = t.login("anna")
    assert items(s, "files.example") == {"upload.files.example"}
    shown = features(s, "files.example") | features(s, "anna@files.example")
    assert shown <= BARE, shown
    ns = "urn:xmpp:http:upload:0"
    e = s.iq("upload.files.example", "<request xmlns='%s' filename='a.txt' size='5'/>" % ns)
    put, get = (e.find(".//{%s}%s" % (ns, w)).get("url") for w in ("put", "get"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    c = http.client.HTTPSConnection("127.0.0.1", t.ports[5443], timeout=DEADLINE, context=context)
    for method, url, body, status in (("PUT", put, b"hello", 201), ("GET", get, None, 200), ("GET", "https://x/", None, 404)):
        c.request(method, "/" + url.split("/", 3)[3], body, {"Host": "files.example:%d" % t.ports[5443]})
        r = c.getresponse()
        assert r.status == status, (method, url, r.status)
        text = r.read()
        assert method == "PUT" or status == 404 or text == b"hello"
    assert fails(s, None, "<query xmlns='jabber:iq:roster'/>") == "service-unavailable"
    s.close()


try:
    main()
finally:
    AUTHORITY.end()
