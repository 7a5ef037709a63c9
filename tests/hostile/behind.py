"""Shapes that give work to xmpp-userd, xmpp-mamd and xmpp-hostd."""
from bound import *
from lmdb import fill_table

ROSTER, PRIVATE, VCARD = "jabber:iq:roster", "jabber:iq:private", "vcard-temp"
MAM, RSM = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm"
FORM = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>%s</value></field>%s</x>"


def field(var, value):
    return "<field var='%s'><value>%s</value></field>" % (var, value)


# ---- xmpp-userd


def contact(jid, inside=""):
    return iq("<query xmlns='%s'><item jid='%s'>%s</item></query>" % (ROSTER, jid, inside), "set")


def roster_of_large_groups(a, n):
    """n contacts in sixty groups of 1000 bytes, then the roster, 300 times, unread."""
    w = a.login()
    groups = "".join("<group>%d%s</group>" % (i, "g" * 1000) for i in range(60))
    a.prepare(w, [contact("g%d@localhost" % i, groups) for i in range(n)], 5)
    deaf = a.login(resource="deaf", deaf=True)
    yield
    a.say(deaf, iq("<query xmlns='%s'/>" % ROSTER) * 300, stanzas=300)


def roster_changes(a, n):
    """n changes of contacts."""
    w = a.login()
    yield
    a.commits += n
    a.say(w, "".join(contact("u%d@localhost" % (i % 50), "<group>%d</group>" % i)
                     for i in range(n)), stanzas=n)


def block_and_unblock(a, n):
    """n contacts; ten times a thousand addresses are blocked, and all unblocked."""
    w = a.login("eve3")
    a.prepare(w, [contact("u%04d@localhost" % i) for i in range(n)], 100)
    items = "".join("<item jid='a%d@b'/>" % i for i in range(1000))
    yield
    a.commits += 20
    a.say(w, (iq("<block xmlns='urn:xmpp:blocking'>%s</block>" % items, "set") +
              iq("<unblock xmlns='urn:xmpp:blocking'/>", "set")) * 10, stanzas=20)


def subscriptions_to_nobody(a, n):
    """n requests for a subscription, to accounts that are not there."""
    w = a.login()
    yield
    a.commits += n
    a.deliveries += n
    a.say(w, "".join("<presence type='subscribe' to='n%d@localhost'/>" % i for i in range(n)),
          stanzas=n)


def vcard_of_prefixes(a, n):
    """A vCard of n bytes whose prefixes shadow each other."""
    w = a.login()
    yield
    a.commits += 1
    a.say(w, iq("<vCard xmlns='%s' xmlns:q='n0'><FN>x</FN>%s</vCard>" % (VCARD, bomb(n)), "set"))


def vcard_of_namespaces(a, n):
    """A vCard of n bytes, half of them one namespace."""
    w = a.login()
    yield
    a.commits += 1
    a.say(w, iq("<vCard xmlns='%s'><FN>x</FN>%s</vCard>" % (VCARD, long_namespace(n, "x")), "set"))


def vcard_unread(a, n):
    """A vCard of n bytes, asked for 300 times and not read."""
    w = a.login()
    a.prepare(w, [iq("<vCard xmlns='%s'><FN>%s</FN></vCard>" % (VCARD, "x" * n), "set")])
    deaf = a.login(resource="deaf", deaf=True)
    yield
    a.say(deaf, iq("<vCard xmlns='%s'/>" % VCARD) * 300, stanzas=300)


def private_xml(a, n):
    """A private element of prefixes that shadow each other, n bytes; it is read twenty times."""
    w = a.login()
    yield
    a.commits += 1
    a.say(w, iq("<query xmlns='%s'><x xmlns='urn:x' xmlns:q='n0'>%s</x></query>" % (
        PRIVATE, bomb(n)), "set"))
    a.say(w, iq("<query xmlns='%s'><x xmlns='urn:x'/></query>" % PRIVATE) * 20, stanzas=20)


def private_names(a, n):
    """A request for private XML that names n elements."""
    w = a.login()
    yield
    a.say(w, iq("<query xmlns='%s'>%s</query>" % (PRIVATE, "".join(
        "<x xmlns='u%d'/>" % i for i in range(n)))))


def searches(a, n):
    """Four sessions of as many accounts, each with a hundred searches of n vCards, of which
    none is found."""
    fill_table(a.tree.state + "/data/users", b"search", n, lambda i: (
        (1000000 + i).to_bytes(8, "big"),
        b"u%d@localhost\0Full %d\0Given\0\0Family\0\0\0\0\0\0\0\0" % (i, i)))
    ws = [a.login("eve%d" % i) for i in range(2, 6)]
    yield
    a.entries += 4 * len(ws) * n        # as many as one account may have under way
    a.say(ws, iq("<query xmlns='jabber:iq:search'><first>nobody</first></query>", "set",
                 "vjud.localhost") * 100, stanzas=100)


# ---- xmpp-mamd


def fill(a, n, size):
    """A session with an archive of n messages of size bytes."""
    a.login("eve5", available=True)
    w = a.login("eve4")
    m = "<message type='chat' to='eve5@localhost'><body>%s</body></message>" % ("x" * size)
    a.prepare(w, [m] * n, max(1, min(100, 4000000 // size)))
    return w


def query(inside="", rsm="", i="q"):
    return iq("<query xmlns='%s'>%s<set xmlns='%s'>%s</set></query>" % (
        MAM, FORM % (MAM, inside) if inside else "", RSM, rsm), "set", i=i)


def pages_unread(a, n):
    """An archive of n bytes in 250 messages; sixty queries for all of it, unread."""
    fill(a, 250, n // 250)
    deaf = a.login("eve4", "deaf", deaf=True)
    yield
    a.say(deaf, query(rsm="<max>250</max><before/>") * 60, stanzas=60)


def pages_read(a, n):
    """Like the queries of the archive, with a client that reads."""
    w = fill(a, 250, n // 250)
    yield
    a.deliveries += 1500
    a.say(w, query(rsm="<max>250</max><before/>") * 6, stanzas=6)
    a.listen(1)


def retractions(a, n):
    """An archive of 2000 messages of n bytes; a hundred retractions of what is not there."""
    w = fill(a, 2000, n)
    yield
    a.commits += 100
    a.deliveries += 100
    a.say(w, "".join(
        "<message type='chat' to='eve5@localhost' id='q%d'><retract id='nothere' "
        "xmlns='urn:xmpp:message-retract:1'/><store xmlns='urn:xmpp:hints'/></message>" % i
        for i in range(100)), stanzas=100)


def queries_with_a_full_address(a, n):
    """An archive of 2000 messages of n bytes; a hundred queries with a resource nobody has."""
    w = fill(a, 2000, n)
    yield
    a.entries += 100 * 2000             # of which QUERY_SCAN_MAX are looked at each
    a.say(w, query(field("with", "eve5@localhost/none")) * 100, stanzas=100)


def queries_that_find_nothing(a, n):
    """n queries of a time that is over."""
    w = fill(a, 100, 100)
    yield
    a.say(w, query(field("end", "2001-01-01T00:00:00Z")) * n, stanzas=n)


def prefs(a, n):
    """Preferences of n addresses, again and again."""
    w = a.login()
    jids = "".join("<jid>a%d@b</jid>" % i for i in range(n))
    yield
    a.commits += 10
    a.say(w, iq("<prefs xmlns='%s' default='roster'><always>%s</always><never/></prefs>" % (
        MAM, jids), "set") * 10, stanzas=10)


def offline_messages(a, n):
    """n messages to an account that is not there."""
    w = a.login()
    yield
    a.commits += n // 50 + 1
    a.deliveries += n
    a.say(w, "<message type='chat' to='eve6@localhost'><body>x</body></message>" * n, stanzas=n)


# ---- xmpp-hostd


def disco_unread(a, n):
    """n requests for what the host offers, unread."""
    w = a.login(deaf=True)
    yield
    a.say(w, iq("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost") * n,
          stanzas=n)


def disco(a, n):
    """Like the requests for what the host offers, with a client that reads."""
    w = a.login()
    yield
    a.say(w, iq("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost") * n,
          stanzas=n)


def commands(a, n):
    """n commands that are refused."""
    w = a.login()
    yield
    a.say(w, iq("<command xmlns='http://jabber.org/protocol/commands' action='execute' "
                "node='http://jabber.org/protocol/admin#add-user'/>", "set", "localhost") * n,
          stanzas=n)


def announcements(a, n):
    """A message of n bytes, to all, by one who may not."""
    w = a.login()
    yield
    a.say(w, "<message to='localhost/announce/all'><subject>x</subject><body>%s</body></message>" %
          ("&lt;" * (n // 4)))


SHAPES = [
    ("userd", roster_of_large_groups, 5, 70),
    ("userd", roster_changes, 100, 4000),
    ("userd", block_and_unblock, 300, 4000),
    ("userd", subscriptions_to_nobody, 100, 2000),
    ("userd", vcard_of_prefixes, 60000, STANZA_MAX),
    ("userd", vcard_of_namespaces, 0, STANZA_MAX),
    ("userd", vcard_unread, 10000, STANZA_MAX),
    ("userd", private_xml, 60000, STANZA_MAX),
    ("userd", private_names, 500, 10000),
    ("userd", searches, 5000, 100000),
    ("mamd", pages_unread, 1000000, 50000000),
    ("mamd", pages_read, 250000, 5000000),
    ("mamd", retractions, 500, 20000),
    ("mamd", queries_with_a_full_address, 0, 2000),
    ("mamd", queries_that_find_nothing, 0, 3000),
    ("mamd", prefs, 100, 5000),
    ("mamd", offline_messages, 200, 900),
    ("hostd", disco_unread, 300, 20000),
    ("hostd", disco, 0, 5000),
    ("hostd", commands, 200, 4000),
    ("hostd", announcements, 60000, STANZA_MAX),
]
