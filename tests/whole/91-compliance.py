#!/usr/bin/python3
"""XEP-0479, the compliance suites of 2023: what the server of conf/quickstart.yml has of the rows for
servers, and of those for advanced servers. Each row is asked for on the wire; what came is printed with
COMPLIANCE=1 (python3 tests/whole/91-compliance.py BINDIR). And each feature that the server announces
stands in lib/base/man/extensions."""
from components import ComponentStream
from tree import *

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISCO = "http://jabber.org/protocol/disco#"
HOST, ALICE = "localhost", "alice@localhost"
component = free_port()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAAAElFTkSuQmCC"


class Quickstart(Tree):
    """The server of make run, on free ports; beside it a listener for components, and a STUN
    server to name, which only the administrator can know."""

    def config(self):
        self.web = getattr(self, "web", None) or free_port()
        with open(ROOT + "/conf/quickstart.yml") as f:
            text = f.read()
        for old, new in ((5222, self.port), (5223, self.tls_port), (5280, self.web)):
            text = text.replace("port: %d" % old, "port: %d" % new).replace("localhost:%d" % old, "localhost:%d" % new)
        return text + ("listen:\n  -\n    port: %d\n    ip: 127.0.0.1\n    module: ejabberd_service\n"
                       "    hosts: {gateway.localhost: {password: secret}}\nmodules:\n  mod_stun_disco:\n"
                       "    services: [{host: 192.0.2.1, port: 3478, type: stun}]\n" % component)


# ---- what a row asks

def features(s, jid):
    e = s.iq(jid, "<query xmlns='%sinfo'/>" % DISCO)
    return {f.get("var") for f in e.iter("{%sinfo}feature" % DISCO)}


def shows(jid, *wanted):
    return lambda t, s: set(wanted) <= features(s, jid)


def in_stream(*names):
    """An element of the features of a stream after login, by namespace."""
    def ask(t, s):
        return set(names) <= {e.tag[1:].split("}")[0] for e in s.features}
    return ask


def answers(to, payload, type="get"):
    return lambda t, s: s.iq(to, payload, type).get("type") == "result"


def streams(t, s):
    """RFC 6120: STARTTLS is required, SASL has SCRAM, a resource is bound."""
    other = t.stream()
    other.open()
    required = other.features.find("{%s}starttls/{%s}required" % (TLS, TLS)) is not None
    other.starttls()
    other.open()
    scram = "SCRAM-SHA-256" in other.mechanisms()
    other.abort()
    return required and scram and s.jid == "alice@localhost/r"


def tls(t, s):
    """RFC 7590 and 9325: 1.3 and 1.2; 1.1 and older are refused."""
    for version, is_taken in ((ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
        try:
            t.stream(direct=True, version=(version, version)).abort()
            if not is_taken:
                return False
        except (ssl.SSLError, OSError, Gone):
            if is_taken:
                return False
    return True


def direct_tls(t, s):
    d = t.stream(direct=True)
    d.open()
    protocol = d.sock.selected_alpn_protocol()
    d.abort()
    return protocol == "xmpp-client"


def components(t, s):
    """A component connects, and gets what is sent to its domain."""
    with ComponentStream(component, "gateway.localhost", "secret") as c:
        s.message("gateway.localhost", "to the gateway")
        return c.until(rb"to the gateway") is not None


def push(t, s):
    """XEP-0357: a message for a phone that is not there is told to its push service."""
    with ComponentStream(component, "gateway.localhost", "secret") as c:
        phone = t.login("bob", "phone")
        ok = answers(None, "<enable xmlns='urn:xmpp:push:0' jid='gateway.localhost' node='n1'/>", "set")(t, phone)
        phone.close()
        s.message("bob@localhost", "wake up")
        ident = c.until(rb"<iq[^>]* id=['\"]([^'\"]+)['\"][^>]*>.*<publish node=['\"]n1['\"].*urn:xmpp:push:0")[1].decode()
        c.send("<iq type='result' id='%s' from='gateway.localhost' to='localhost'/>" % ident)
        phone = t.login("bob", "phone")
        ok = ok and answers(None, "<disable xmlns='urn:xmpp:push:0' jid='gateway.localhost'/>", "set")(t, phone)
        phone.close()
    return ok and "urn:xmpp:push:0" in features(s, ALICE)


def stun(t, s):
    """XEP-0215: the host names the services that calls need."""
    e = s.iq(HOST, "<services xmlns='urn:xmpp:extdisco:2'/>")
    found = [(x.get("host"), x.get("port"), x.get("type")) for x in e.iter("{urn:xmpp:extdisco:2}service")]
    return ("192.0.2.1", "3478", "stun") in found and "urn:xmpp:extdisco:2" in features(s, HOST)


def caps(t, s):
    """XEP-0115: the stream's features name the set that disco#info has."""
    c = s.features.find("{http://jabber.org/protocol/caps}c")
    node = "%s#%s" % (c.get("node"), c.get("ver"))
    return len(list(s.iq(HOST, "<query xmlns='%sinfo' node='%s'/>" % (DISCO, node)).iter("{%sinfo}feature" % DISCO))) > 5


def publish(node, item, payload, *options):
    form = "".join("<field var='pubsub#%s'><value>%s</value></field>" % o for o in options)
    return ("<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='%s'><item id='%s'>%s</item></publish>"
            "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>"
            "http://jabber.org/protocol/pubsub#publish-options</value></field>%s</x></publish-options></pubsub>"
            % (node, item, payload, form))


def pep(t, s):
    e = s.iq(ALICE, "<query xmlns='%sinfo'/>" % DISCO)
    kinds = {(i.get("category"), i.get("type")) for i in e.iter("{%sinfo}identity" % DISCO)}
    return ("pubsub", "pep") in kinds and answers(None, publish("urn:test", "1", "<x xmlns='urn:test'/>"), "set")(t, s)


def private_pep(t, s):
    """XEP-0223: persistent, whitelist; a contact may not read."""
    ok = answers(None, publish("urn:test:private", "current", "<x xmlns='urn:test'/>", ("persist_items", "true"),
                               ("access_model", "whitelist")), "set")(t, s)
    b = t.login("bob")
    e = b.iq(ALICE, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:test:private'/></pubsub>")
    b.close()
    return ok and e.get("type") == "error"


def avatars(t, s):
    """XEP-0398: a picture of the profile is in the node, and its hash in presence, directed presence too."""
    digest = hashlib.sha1(base64.b64decode(PNG)).hexdigest()
    b = t.login("bob", "sees")
    s.iq(None, "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>%s</BINVAL></PHOTO></vCard>" % PNG, "set")
    shows = lambda e: e.tag == "{%s}presence" % CLIENT and e.findtext(".//{vcard-temp:x:update}photo") == digest
    b.expect(shows)
    s.send("<presence to='%s' id='directed'/>" % b.jid)
    b.expect(lambda e: shows(e) and e.get("id") == "directed")
    b.close()
    e = s.iq(None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:avatar:metadata'/></pubsub>")
    return digest in ET.tostring(e).decode() and "urn:xmpp:pep-vcard-conversion:0" in features(s, ALICE)


def carbons(t, s):
    other = t.login("alice", "other")
    other.iq(None, "<enable xmlns='urn:xmpp:carbons:2'/>", "set")
    s.message("bob@localhost", "copied")
    other.expect(lambda e: e.find("{urn:xmpp:carbons:2}sent") is not None)
    other.close()
    return True


def roster(t, s):
    """RFC 6121: contacts, and their presence."""
    b = t.login("bob", "seen")
    s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == b.jid)
    e = s.iq(None, "<query xmlns='jabber:iq:roster'/>")
    b.close()
    return [i.get("jid") for i in e[0]] == ["bob@localhost"]


ROOM = "compliance@conference.localhost"


def rooms(t, s):
    """A room is made, and kept; its occupants hear what is said, and invite others directly."""
    s.send("<presence to='%s/Alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % ROOM)
    s.expect(lambda e: e.get("from") == ROOM + "/Alice" and "110" in ET.tostring(e).decode())
    s.iq(ROOM, "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>"
         "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field "
         "var='muc#roomconfig_persistentroom'><value>1</value></field></x></query>", "set")
    s.send("<message to='%s' type='groupchat'><body>said</body></message>" % ROOM)
    s.expect_body("said")
    b = t.login("bob")
    s.send("<message to='bob@localhost'><x xmlns='jabber:x:conference' jid='%s'/></message>" % ROOM)
    invited = b.expect(lambda e: e.find("{jabber:x:conference}x") is not None)
    b.close()
    return invited.find("{jabber:x:conference}x").get("jid") == ROOM


def rooms_advanced(t, s):
    """XEP-0402 with the feature #compat, XEP-0313 of a room, XEP-0410, XEP-0048 in XEP-0049."""
    s.send("<presence to='%s/Alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % ROOM)
    s.expect(lambda e: e.get("from") == ROOM + "/Alice" and "110" in ET.tostring(e).decode())
    e = s.iq(ROOM, "<query xmlns='urn:xmpp:mam:2'/>", "set")
    fin = e.find("{urn:xmpp:mam:2}fin") is not None
    pong = s.iq(ROOM + "/Alice", "<ping xmlns='urn:xmpp:ping'/>")
    here = pong.get("type") == "result"
    s.iq(None, publish("urn:xmpp:bookmarks:1", ROOM, "<conference xmlns='urn:xmpp:bookmarks:1' name='x'/>",
                       ("max_items", "max"), ("access_model", "whitelist")), "set")
    old = s.iq(None, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>")
    parts = {"archive": fin, "self-ping": here, "compat": "urn:xmpp:bookmarks:1#compat" in features(s, ALICE),
             "older bookmarks": ROOM in ET.tostring(old).decode()}
    if not all(parts.values()):
        print(parts, ET.tostring(e), ET.tostring(pong), ET.tostring(old))
    return all(parts.values())


def resumes(t, s):
    """XEP-0198: a session whose connection broke comes back, and has what came meanwhile."""
    sm = "urn:xmpp:sm:3"
    other = t.login("bob", "sm")
    other.send("<enable xmlns='%s' resume='true'/>" % sm)
    ident = other.expect_tag(sm, "enabled").get("id")
    other.abort()
    s.message("bob@localhost/sm", "meanwhile")
    back = t.stream()
    back.secured()
    back.auth_scram("bob", PW)
    back.open()
    back.send("<resume xmlns='%s' h='0' previd='%s'/>" % (sm, ident))
    back.expect_tag(sm, "resumed")
    back.expect_body("meanwhile")
    back.close()
    return True


def archive(t, s):
    s.message("bob@localhost", "kept")
    s.send("<iq type='set' id='a'><query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>")
    found = []
    while True:
        e = s.recv()
        if e.get("id") == "a":
            return e.get("type") == "result" and "kept" in found
        found += [b.text for b in e.iter("{%s}body" % CLIENT)]


def upload(t, s):
    import urllib.request
    e = s.iq("upload.localhost", "<request xmlns='urn:xmpp:http:upload:0' filename='a.txt' size='5'/>")
    put, get = (e.find(".//{urn:xmpp:http:upload:0}" + w).get("url") for w in ("put", "get"))
    r = urllib.request.urlopen(urllib.request.Request(put, b"hello", method="PUT"), timeout=DEADLINE)
    return r.status == 201 and urllib.request.urlopen(get, timeout=DEADLINE).read() == b"hello"


def websocket(t, s):
    from websocket import WebStream
    w = WebStream(t, t.web)
    w.login("alice", PW, "web")
    w.available()
    w.message("alice@localhost/web", "over the web")
    w.expect_body("over the web")
    w.close()
    return True


def bosh(t, s):
    import urllib.request
    body = (b"<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='localhost' wait='60' hold='1' "
            b"ver='1.6' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>")
    try:
        return b" sid=" in urllib.request.urlopen("http://127.0.0.1:%d/bosh" % t.web, body, DEADLINE).read()
    except OSError:
        return False


# Suite, row, S (servers) or A (advanced servers alone), the specifications, what is asked. None: not
# there; the row says why.
SUITES = (
    ("Core", "Core features", "S", "RFC 6120", streams),
    ("Core", "TLS", "S", "RFC 7590", tls),
    ("Core", "Direct TLS", "A", "XEP-0368", direct_tls),
    ("Core", "Feature discovery", "S", "XEP-0030", shows(HOST, DISCO + "info", DISCO + "items")),
    ("Core", "Feature broadcasts", "A", "XEP-0115", caps),
    ("Core", "Server extensibility", "S", "XEP-0114", components),
    ("Core", "Event publishing", "A", "XEP-0163", pep),
    ("Web", "Web connection mechanisms", "S", "RFC 7395", websocket),
    ("Web", "Web connection, BOSH", "S", "XEP-0124, XEP-0206", bosh),
    ("IM", "Core features", "S", "RFC 6121", roster),
    ("IM", "User avatar compatibility", "A", "XEP-0398, XEP-0153", avatars),
    ("IM", "vcard-temp", "S", "XEP-0054", answers(None, "<vCard xmlns='vcard-temp'/>")),
    ("IM", "Outbound message synchronization", "S", "XEP-0280", carbons),
    ("IM", "User blocking", "A", "XEP-0191", answers(None, "<blocklist xmlns='urn:xmpp:blocking'/>")),
    ("IM", "Group chat", "S", "XEP-0045, XEP-0249", rooms),
    ("IM", "Advanced group chat", "A", "XEP-0048, XEP-0313, XEP-0402, XEP-0410", rooms_advanced),
    ("IM", "Private data via PubSub", "A", "XEP-0223", private_pep),
    ("IM", "Private XML storage", "A", "XEP-0049", answers(None, "<query xmlns='jabber:iq:private'><a xmlns='x'/></query>")),
    ("IM", "Stream management", "A", "XEP-0198", resumes),
    ("IM", "History storage and retrieval", "A", "XEP-0313", archive),
    ("IM", "File upload", "S", "XEP-0363", upload),
    ("Mobile", "Stream management", "S", "XEP-0198", resumes),
    ("Mobile", "Client state indication", "S", "XEP-0352", in_stream("urn:xmpp:csi:0")),
    ("Mobile", "Third party push notifications", "A", "XEP-0357", push),
    ("A/V calling", "STUN and TURN discovery", "S", "XEP-0215", stun),
)
# Rows whose program is not there.
MAY_LACK = set()


@check
def suites(t):
    """Each row is there, and the table says so."""
    t.ctl("contact", "add", ALICE, "bob@localhost")
    rows, lacking = [], []
    for suite, name, level, specs, ask in SUITES:
        s = t.login("alice")
        try:
            ok = ask(t, s)
        except (Gone, AssertionError) as e:
            ok, name = False, "%s (%s)" % (name, str(e)[:60])
        finally:
            s.abort()
        rows.append("%-11s | %-34s | %-8s | %-4s | %s" % (suite, name, "server" if level == "S" else "advanced",
                                                       "yes" if ok else "no", specs))
        if not ok and name not in MAY_LACK:
            lacking.append(name)
    if lacking or os.environ.get("COMPLIANCE"):
        print("\n".join(rows))
    assert not lacking, lacking


@check
def announced_features_have_rows(t):
    with open(ROOT + "/lib/base/man/extensions") as f:
        known = [x for line in f if "\t" in line and not line.startswith(("#", "-")) for x in line.rstrip("\n").split("\t")[3].split()]
    s = t.login("alice")
    asked = [HOST, ALICE, ROOM] + [x + ".localhost" for x in ("conference", "pubsub", "upload")]
    unknown = {f for jid in asked for f in features(s, jid) if not any(
        f == k or k.endswith("*") and f.startswith(k[:-1]) for k in known)}
    s.close()
    assert not unknown, unknown


main(Quickstart(accounts=(ALICE, "bob@localhost")))
