#!/usr/bin/python3
"""The servers of conf/subsets.md: each starts, under s6 and under runsvdir, runs the programs that
the page names and listens where it says; it offers what it should, and nothing else."""
import http.client

from components import ComponentStream
from tree import *

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISCO = "http://jabber.org/protocol/disco#"
ALWAYS = {"tlsd", "c2sd", "routed", "authd", "userd", "hostd"}
STANZA_ERROR = "{jabber:client}error"
# Features of hosts that have hardly a module.
BARE = {DISCO + "info", DISCO + "items", "http://jabber.org/protocol/caps"}


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
    """A server of the page; ports: those of its listeners, by the number there."""

    def __init__(self, title, runit=False):
        self.text, self.more = PAGE[title]
        self.ports = {int(n): free_port() for n in re.findall(r"port: (\d+)", self.text)}
        super().__init__(hosts=re.findall(r"hosts: \[(.*?)\]", self.text), runit=runit)
        self.port = self.ports.get(5222)

    def config(self):
        text = self.text
        for old, new in self.ports.items():
            text = text.replace("port: %d" % old, "port: %d" % new).replace(":%d/" % old, ":%d/" % new)
        return text

    def listening(self):
        code, out, _ = self.ctl("status", code=None, records=True)
        assert code == 0, out
        return {int(f[2].rsplit(":", 1)[1]) for f in (x.split("\t") for x in out.splitlines()) if f[0] == "listener"}

    def login(self, user, resource="r", **kw):
        s = super().login(user, resource, available=False, **kw)
        s.send("<presence/>")
        return s


def features(s, jid):
    e = s.iq(jid, "<query xmlns='%sinfo'/>" % DISCO)
    return {f.get("var") for f in e.iter("{%sinfo}feature" % DISCO)}


def items(s, jid):
    e = s.iq(jid, "<query xmlns='%sitems'/>" % DISCO)
    return {i.get("jid") for i in e.iter("{%sitems}item" % DISCO)}


def fails(s, to, payload, type="get"):
    e = s.iq(to, payload, type)
    return e.get("type") == "error" and e.find(STANZA_ERROR)[0].tag.split("}")[1]


def subset(title):
    """Two checks, under s6 and under runsvdir, that play fn on the server of this title, behind what all
    of them must hold."""
    def of(fn):
        for runit in (False, True):
            def run(*_, runit=runit):
                with Subset(title, runit) as t:
                    services = {os.path.basename(x) for x in glob.glob(t.state + "/service/*")}
                    assert services == ALWAYS | t.more, services
                    assert t.listening() == set(t.ports.values())
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
    s.secured()
    assert not [e for e in s.features if "iq-register" in e.tag], ET.tostring(s.features)
    assert s.features.find(".//{urn:xmpp:fast:0}fast") is not None, ET.tostring(s.features)
    s.abort()
    t.ctl("contact", "add", "mother@family.example", "son@family.example")
    a, b = t.login("mother"), t.login("son")
    a.message(b.jid, "dinner")
    b.expect_body("dinner")
    assert features(a, "family.example") >= {"urn:xmpp:carbons:2", "urn:xmpp:blocking", "vcard-temp", PING}
    assert features(a, "mother@family.example") >= {"urn:xmpp:mam:2", "http://jabber.org/protocol/pubsub#publish"}
    assert items(a, "family.example") == {"pubsub.family.example"}, items(a, "family.example")
    assert fails(a, "family.example", "<query xmlns='jabber:iq:register'/>") == "service-unavailable"
    a.message("friend@example.org", "hello")
    e = a.expect(lambda e: e.get("type") == "error" and e.get("from") == "friend@example.org")
    assert e.find(STANZA_ERROR)[0].tag.endswith("remote-server-not-found"), ET.tostring(e)
    a.close()
    b.close()


def features_of_stream(t):
    """The features that a stream of another server gets; nothing when it ends before the
    features."""
    text = b""
    with socket.create_connection(("127.0.0.1", t.ports[5269]), DEADLINE) as c:
        c.sendall(b"<stream:stream xmlns='jabber:server' xmlns:stream='%s' from='example.org' "
                  b"to='conference.rooms.example' version='1.0'>" % STREAM.encode())
        while b"</stream:features>" not in text:
            more = c.recv(4096)
            if not more:
                return b""
            text += more
    return text


@subset("Rooms alone")
def rooms_alone(t):
    """Other servers find rooms behind STARTTLS; here a stream of one gets as far as the features."""
    t.ctl("room", "create", "tea@conference.rooms.example", "anna@example.org")
    assert "tea@conference.rooms.example" in t.ctl("rooms")
    # Until xmpp-s2sd has heard of the service, peers are to come again.
    text = until("features for another server", lambda: features_of_stream(t), None, 0.1)
    assert b"starttls" in text and b"required" in text, text


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


main()
