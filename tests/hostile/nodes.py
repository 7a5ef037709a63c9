"""Shapes that give work to xmpp-pubsubd: nodes, items, lists of people, capabilities, bookmarks."""
from behind import *

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = PUBSUB + "#owner"
SERVICE = "pubsub.localhost"
CAPS = "http://jabber.org/protocol/caps"
OLD = "storage:bookmarks"


def asks(inside, ns=PUBSUB, to=SERVICE, i="i"):
    return iq("<pubsub xmlns='%s'>%s</pubsub>" % (ns, inside), "get", to, i)


def sets(inside, ns=PUBSUB, to=SERVICE, i="i"):
    return iq("<pubsub xmlns='%s'>%s</pubsub>" % (ns, inside), "set", to, i)


def publish(node, payload, item="", to=None, more=""):
    return sets("<publish node='%s'><item%s>%s</item></publish>%s" % (
        node, " id='%s'" % item if item else "", payload, more), to=to)


def form(kind, fields):
    return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>%s#%s</value>" \
           "</field>%s</x>" % (PUBSUB, kind, fields)


def node(a, w, name, more=""):
    a.prepare(w, [sets("<create node='%s'/>%s" % (name, more))])


def payload_of_prefixes(a, n):
    """A payload of n bytes whose prefixes shadow each other; it is read twenty times."""
    w = a.login()
    yield
    a.commits += 1
    a.say(w, publish("bomb", "<p xmlns='urn:p' xmlns:q='n0'>%s</p>" % bomb(n, levels=55), "i"))
    a.say(w, asks("<items node='bomb'/>", to=None) * 20, stanzas=20)


def payload_of_namespaces(a, n):
    """A payload of n bytes, half of them one namespace."""
    w = a.login()
    yield
    a.commits += 1
    a.say(w, publish("bomb", "<p xmlns='urn:p'>%s</p>" % long_namespace(n, "x"), "i"))


def items_unread(a, n):
    """An item of n bytes, asked for 300 times and not read."""
    w = a.login()
    a.prepare(w, [publish("large", "<p xmlns='urn:p'>%s</p>" % ("x" * n), "i")])
    deaf = a.login(resource="deaf", deaf=True)
    yield
    a.say(deaf, asks("<items node='large'/>", to=None) * 300, stanzas=300)


def events_unread(a, n):
    """A hundred events of n bytes to six sessions of which none reads."""
    w = a.login()
    node(a, w, "loud")
    for i in range(6):
        deaf = a.login("eve", "deaf%d" % i, deaf=True, available=True)
        a.say(deaf, sets("<subscribe node='loud' jid='eve@localhost/deaf%d'/>" % i))
    yield
    a.commits += 100
    a.deliveries += 600
    a.say(w, publish("loud", "<p xmlns='urn:p'>%s</p>" % ("x" * n), "i", SERVICE) * 100,
          stanzas=100)


def pages_deep_inside(a, n):
    """A node of n items; a hundred pages of one item in its middle."""
    w = a.login("eve2")
    node(a, w, "deep")
    a.prepare(w, [publish("deep", "<p xmlns='urn:p'/>", "i%d" % i, SERVICE) for i in range(n)])
    yield
    a.entries += 100 * n
    page = "<items node='deep'/><set xmlns='%s'><max>1</max>%s</set>"
    a.say(w, asks(page % (RSM, "<before>i%d</before>" % (n // 2))) * 50, stanzas=50)
    a.say(w, asks(page % (RSM, "<index>%d</index>" % (n // 2))) * 50, stanzas=50)


def items_by_many_ids(a, n):
    """Ten requests for n items by their ids, of which none is there."""
    w = a.login()
    node(a, w, "some")
    yield
    a.entries += 10 * n
    a.say(w, asks("<items node='some'>%s</items>" % "".join(
        "<item id='%d'/>" % i for i in range(n))) * 10, stanzas=10)


def people(a, n):
    """A node gets n affiliations and n subscriptions in one request each; ten times all are
    listed, ten times a form is submitted, behind which all subscribers are looked at."""
    w = a.login()
    node(a, w, "people")
    affs = "".join("<affiliation jid='m%d@b' affiliation='member'/>" % i for i in range(n))
    subs = "".join("<subscription jid='m%d@b' subscription='subscribed'/>" % i for i in range(n))
    change = sets("<configure node='people'>%s</configure>" % form("node_config", field(
        "pubsub#access_model", "whitelist")), OWNER)
    yield
    a.commits += 12
    a.deliveries += 2 * n               # each is told
    a.entries += 30 * n
    a.say(w, sets("<affiliations node='people'>%s</affiliations>" % affs, OWNER))
    a.say(w, sets("<subscriptions node='people'>%s</subscriptions>" % subs, OWNER))
    for what in ("affiliations", "subscriptions"):
        a.say(w, asks("<%s node='people'/>" % what, OWNER) * 10, stanzas=10)
    a.say(w, change * 10, stanzas=10)


def entries_that_are_wrong(a, n):
    """n entries of affiliations and of subscriptions that cannot be done, and come back."""
    w = a.login()
    node(a, w, "wrong")
    yield
    a.say(w, sets("<affiliations node='wrong'>%s</affiliations>" % (
        "<affiliation jid='@' affiliation='x'/>" * n), OWNER))
    a.say(w, sets("<subscriptions node='wrong'>%s</subscriptions>" % (
        "<subscription jid='@' subscription='x'/>" * n), OWNER))


def nodes_of_a_stranger(a, n):
    """n nodes of an account that a stranger may not see; he asks a hundred times for a list."""
    w = a.login("eve3")
    a.prepare(w, [publish("n%d" % i, "<p xmlns='urn:p'/>", "i") for i in range(n)])
    w = a.login("eve4")
    yield
    a.entries += 200 * n
    for what in ("info", "items"):
        a.say(w, iq("<query xmlns='%s'/>" % ("http://jabber.org/protocol/disco#" + what),
                    to="eve3@localhost") * 100, stanzas=100)


def nodes_come_and_go(a, n):
    """n nodes are made, and deleted."""
    w = a.login()
    yield
    a.commits += 2 * n
    a.say(w, "".join(sets("<create node='g%d'/>" % i) + sets("<delete node='g%d'/>" % i, OWNER)
                     for i in range(n)), stanzas=2 * n)


def forms_of_many_values(a, n):
    """A form with n groups in a field, which is compared with itself as a precondition."""
    w = a.login()
    groups = "<field var='pubsub#roster_groups_allowed'>%s</field>" % "".join(
        "<value>g%d</value>" % i for i in range(n))
    yield
    a.commits += 5
    a.say(w, publish("groups", "<p xmlns='urn:p'/>", "i", None, "<publish-options>%s"
                     "</publish-options>" % form("publish-options", groups)) * 5, stanzas=5)


def capabilities_that_nobody_has(a, n):
    """n times presence, each with capabilities that are new; no question is answered."""
    w = a.login()
    yield
    a.deliveries += 2 * n
    a.say(w, "".join("<presence><c xmlns='%s' hash='sha-1' node='urn:x' ver='%s='/></presence>" % (
        CAPS, base64.b64encode(b"%019d" % i).decode().rstrip("=")) for i in range(n)), stanzas=n)


def capabilities_of_many_names(a, n):
    """n times presence with new capabilities, each with an answer of 128 wanted nodes."""
    w = a.login()
    yield
    a.deliveries += 2 * n
    a.commits += n
    for i in range(n):
        features = sorted("urn:n:%03d:%d+notify" % (k, i) for k in range(128))
        ver = base64.b64encode(hashlib.sha1("client/pc//<".encode() + "".join(
            f + "<" for f in features).encode()).digest()).decode()
        a.say(w, "<presence><c xmlns='%s' hash='sha-1' node='urn:x' ver='%s'/></presence>"
                 "<iq type='result' id='disco' to='eve@localhost'><query node='urn:x#%s' xmlns='"
                 "http://jabber.org/protocol/disco#info'><identity category='client' type='pc'/>"
                 "%s</query></iq>" % (CAPS, ver, ver, "".join(
                     "<feature var='%s'/>" % f for f in features)), stanzas=2)


def bookmarks_of_the_old_form(a, n):
    """n rooms in private XML, ten times others."""
    w = a.login("eve5")
    yield
    a.commits += 10
    a.deliveries += 20 * n              # items that come and go
    for i in range(10):
        a.say(w, iq("<query xmlns='%s'><storage xmlns='%s'>%s</storage></query>" % (
            PRIVATE, OLD, "".join("<conference jid='r%d-%d@b'/>" % (k, i) for k in range(n))),
            "set"))


def answers_of_no_owner(a, n):
    """n messages with a form that lets somebody subscribe, to a node of another's."""
    w = a.login()
    node(a, w, "asked", "<configure>%s</configure>" % form("node_config", field(
        "pubsub#access_model", "authorize")))
    w = a.login("eve6")
    text = "<message to='%s'>%s</message>" % (SERVICE, form(
        "subscribe_authorization", field("pubsub#node", "asked") +
        field("pubsub#subscriber_jid", "eve6@localhost") + field("pubsub#allow", "1")))
    yield
    a.say(w, text * n, stanzas=n)


SHAPES = [
    ("nodes", payload_of_prefixes, 60000, 240000),
    ("nodes", payload_of_namespaces, 0, 240000),
    ("nodes", items_unread, 10000, 200000),
    ("nodes", events_unread, 10000, 100000),
    ("nodes", pages_deep_inside, 300, 1000),
    ("nodes", items_by_many_ids, 300, 10000),
    ("nodes", people, 100, 2000),
    ("nodes", entries_that_are_wrong, 200, 4000),
    ("nodes", nodes_of_a_stranger, 100, 900),
    ("nodes", nodes_come_and_go, 100, 1000),
    ("nodes", forms_of_many_values, 100, 7000),
    ("nodes", capabilities_that_nobody_has, 100, 3000),
    ("nodes", capabilities_of_many_names, 10, 100),
    ("nodes", bookmarks_of_the_old_form, 100, 900),
    ("nodes", answers_of_no_owner, 200, 4000),
]
