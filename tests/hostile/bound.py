"""Shapes of those who have logged in: what xmpp-c2sd and xmpp-routed have to do."""
from early import *

STANZA_MAX = 250000     # the listener takes 262144
TAG_MAX = 16000


def bomb(size, extra="", levels=60):
    """levels elements that shadow each other's prefixes, and as many of sixty attributes as size has
    room for; extra is somewhere inside."""
    deep = prefixes(levels, 61, "n")
    x = "<x%s/>" % "".join(" q:a%d=''" % i for i in range(60))
    return deep + x * max(1, (size - len(deep)) // len(x)) + extra + "</e>" * levels


def prefixes_written_anew(a, n):
    """A message of n bytes, whose prefixes are written anew because of the prefix stream."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r' xmlns:q='n0'><body>stream:</body>%s</message>" % bomb(n))


def prefixes_of_the_root(a, n):
    """A message of n bytes, written anew because the root declares a prefix that the stanza
    uses."""
    w = a.login(extra=" xmlns:q='n0'")
    yield
    a.say(w, "<message to='eve@localhost/r'>%s</message>" % bomb(n))


def namespaces(a, n):
    """A message of n bytes whose elements have as long a namespace as there may be."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r'>%s</message>" % long_namespace(n, "x"))


def namespace_too_long(a, n):
    """A message of n bytes, half of them one namespace, which is refused."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r'>%s</message>" % long_namespace(n, "x", uri=n // 2))


def namespaces_with_prefix(a, n):
    """A message of n bytes with one namespace and a prefix, of which each attribute makes use
    too."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r' xmlns:p='%s'>%s</message>" % (
        "u" * NS_MAX, "<p:a p:b=''/>" * ((n - NS_MAX) // 13)))


def namespaces_written_anew(a, n):
    """A message of n bytes with one namespace, written anew, since the prefix is the root's."""
    w = a.login(extra=" xmlns:p='%s'" % ("u" * ROOT_NS))
    yield
    a.say(w, "<message to='eve@localhost/r'>%s</message>" % ("<p:a/>" * (n // 12)))


def many_namespaces(a, n):
    """A message whose elements have a namespace each."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r'>%s</message>" % "".join(
        "<a xmlns='u%d'/>" % i for i in range(n // 16)))


def deep_and_wide(a, n):
    """A message of elements of sixty attributes, sixty deep, over and over."""
    w = a.login()
    one = nested(60, lambda d: "".join(" a%d=''" % i for i in range(60))) + "</e>" * 60
    yield
    a.say(w, "<message to='eve@localhost/r'>%s</message>" % (one * max(1, n // len(one))))


def escapes(a, n):
    """A message of characters that are written as five."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r'><body>%s</body></message>" % ("&#38;" * (n // 5)))


def tabs(a, n):
    """A message of tabs and newlines, which records write as two."""
    w = a.login()
    yield
    a.say(w, "<message to='eve@localhost/r'><body>%s</body></message>" % ("\t\n" * (n // 2)))


def tag_of_a_session_by_bytes(a, n):
    """A start tag of almost TAG_MAX bytes, of which the last n come a byte a write."""
    w = a.login()
    a.say(w, "<message a='%s" % ("x" * (TAG_MAX - n)))
    yield
    a.say(w, "x" * n, piece=1)


def tag_too_long(a, n):
    """Ten sessions with a start tag of n bytes."""
    ws = [a.login(resource="r%d" % i) for i in range(10)]
    yield
    a.say(ws, "<message a='%s" % ("x" * n))


def text_by_bytes(a, n):
    """A text of 100 kB, then n bytes more, a byte a write."""
    w = a.login()
    a.say(w, "<message><body>%s" % ("x" * 100000))
    yield
    a.say(w, "x" * n, piece=1)


def blanks(a, n):
    """n blanks between stanzas, one a record."""
    w = a.login()
    yield
    a.say(w, " " * n, piece=1, stanzas=0)


def blanks_behind_second_root(a, n):
    """Seventy streams that have logged in, with as long a root as there may be: n blanks, each on
    another."""
    ws = a.authenticated("eve", 70)
    a.say(ws, long_root())
    yield
    for i in range(n):
        a.say(ws[i % 70], " ", stanzas=0)


def second_roots(a, n):
    """Ten streams that have logged in, with a root of n bytes that does not end."""
    ws = a.authenticated("eve", 10)
    yield
    a.say(ws, HEAD + " x='" + "y" * n)


def pings(a, n):
    """n pings, all answered and read."""
    w = a.login()
    yield
    a.say(w, ping() * n, stanzas=n)


def pings_unread(a, n):
    """n pings whose answers nobody reads."""
    w = a.login(deaf=True)
    yield
    a.say(w, ping() * n, stanzas=n)


def small_messages(a, n):
    """n messages to oneself, without anything in them."""
    w = a.login()
    yield
    a.deliveries += n
    a.say(w, "<message to='eve@localhost/r'/>" * n, stanzas=n)


def requests_refused(a, n):
    """n requests that nobody knows, with an id of 1000 bytes, unread."""
    w = a.login(deaf=True)
    yield
    a.say(w, iq("<x xmlns='urn:none'/>", i="&lt;" * 250) * n, stanzas=n)


def long_addresses(a, n):
    """n messages to addresses of 3000 bytes that stringprep has work with."""
    w = a.login()
    to = "%s@%s/%s" % ("\u1e9b\u0323" * 200, "a" * 60 + ".example", "\ufdfa" * 60)
    yield
    a.say(w, ("<message to='%s'/>" % to) * n, stanzas=n)


def acks_asked(a, n):
    """n requests for an acknowledgement."""
    w = a.login(sm=True)
    yield
    a.say(w, "<r xmlns='urn:xmpp:sm:3'/>" * n, stanzas=n)


def acks_asked_unread(a, n):
    """n requests for an acknowledgement, whose answers the client does not read."""
    w = a.login(sm=True, deaf=True)
    yield
    a.say(w, "<r xmlns='urn:xmpp:sm:3'/>" * n, stanzas=n)


def queue_of_one_cut_off(a, n):
    """n bytes in large messages to a session of one's own, with stream management, cut off."""
    gone = a.login(resource="gone", sm=True)
    w = a.login()
    gone.close()
    a.wires.remove(gone)
    yield
    m = "<message type='headline' to='%s'><body>%s</body></message>" % (gone.jid, "x" * 100000)
    a.say(w, m * max(1, n // len(m)), stanzas=n // len(m))
    a.deliveries += n // len(m)


def queue_of_small_ones(a, n):
    """Like the large messages with stream management, with n of the smallest messages."""
    gone = a.login(resource="gone", sm=True)
    w = a.login()
    gone.close()
    a.wires.remove(gone)
    yield
    a.say(w, ("<message type='headline' to='%s'/>" % gone.jid) * n, stanzas=n)
    a.deliveries += n


def messages_to_one_who_reads_nothing(a, n):
    """n bytes in messages to another session of one's own that does not read."""
    deaf = a.login(resource="deaf", deaf=True)
    w = a.login()
    yield
    m = "<message type='headline' to='%s'><body>%s</body></message>" % (deaf.jid, "x" * 2000)
    a.say(w, m * (n // len(m)), stanzas=n // len(m))
    a.deliveries += n // len(m)


def messages_unacknowledged(a, n):
    """n bytes in messages to another session of one's own, which reads them and acknowledges
    none."""
    silent = a.login(resource="silent", sm=True)
    w = a.login()
    yield
    m = "<message type='headline' to='%s'><body>%s</body></message>" % (silent.jid, "x" * 2000)
    a.say(w, m * (n // len(m)), stanzas=n // len(m))
    a.deliveries += n // len(m)


def inactive_and_active(a, n):
    """An inactive client for which a hundred presences wait becomes active, n times."""
    idle = a.login(resource="idle", available=True)
    a.say(idle, "<inactive xmlns='urn:xmpp:csi:0'/>")
    w = a.login("eve2", "r2")
    some = "".join("<presence to='%s'><status>%d</status></presence>" % (idle.jid, i)
                   for i in range(100))
    yield
    for _ in range(n):
        a.deliveries += 100
        a.say(w, some, stanzas=100)
        a.listen(0.02)
        a.say(idle, "<active xmlns='urn:xmpp:csi:0'/><inactive xmlns='urn:xmpp:csi:0'/>", stanzas=2)


def presence_to_one_who_is_inactive(a, n):
    """Large presences of 45 sessions wait for an inactive client; then n small ones."""
    idle = a.login(resource="idle", sm=True, available=True)
    a.say(idle, "<inactive xmlns='urn:xmpp:csi:0'/>")
    for i in range(45):
        w = a.login("eve%d" % (2 + i // 9), "r%d" % i)
        a.prepare(w, ["<presence to='%s'><status>%s</status></presence>" % (
            idle.jid, "x" * 200000)])
    yield
    a.say(w, "<presence to='%s'/>" % idle.jid * n, stanzas=n)
    a.deliveries += n


def directed_presence(a, n):
    """A thousand directed presences of 3 kB addresses, then n to a short one."""
    w = a.login(available=True)
    a.prepare(w, ["<presence to='%d%s@example.org/%s'/>" % (i, "y" * 1000, "x" * 1000) for i in range(1000)])
    yield
    a.say(w, "<presence to='a@b'/>" * n, stanzas=n)


def directed_presence_to_many(a, n):
    """n directed presences, each to another address; then the end, which is told to all."""
    w = a.login(available=True)
    yield
    a.say(w, "".join("<presence to='u%d@localhost'/>" % i for i in range(n)), stanzas=n)
    a.say(w, "<presence type='unavailable'/>")
    a.deliveries += n


def presence_changes(a, n):
    """n changes of presence."""
    w = a.login(available=True)
    yield
    a.say(w, "<presence><show>away</show></presence><presence/>" * (n // 2), stanzas=n)
    a.deliveries += n


def sessions_come_and_go(a, n):
    """n logins, with presence."""
    yield
    for i in range(n):
        w = a.login(resource="r%d" % i, available=True)
        a.connections, a.handshakes, a.passwords = i + 1, i + 1, i + 1
        a.stanzas += 4
        a.sent += 2000
        w.close()
        a.wires.remove(w)


def blocked_list(a, n):
    """A thousand blocked addresses of 480 bytes, then n messages to another."""
    w = a.login()
    items = ["<item jid='%d%s@example.org'/>" % (i, "x" * 480) for i in range(1000)]
    a.prepare(w, [iq("<block xmlns='urn:xmpp:blocking'>%s</block>" % "".join(items[i:i + 100]),
                     "set") for i in range(0, 1000, 100)], 1)
    yield
    a.say(w, "<message to='eve2@localhost'/>" * n, stanzas=n)
    a.say(w, iq("<unblock xmlns='urn:xmpp:blocking'/>", "set"))


SHAPES = [
    ("bound", prefixes_written_anew, 60000, 250000),
    ("bound", prefixes_of_the_root, 0, 250000),
    ("bound", namespaces, 40000, STANZA_MAX),
    ("bound", namespace_too_long, 40000, STANZA_MAX),
    ("bound", namespaces_with_prefix, 40000, STANZA_MAX),
    ("bound", namespaces_written_anew, 40000, STANZA_MAX),
    ("bound", many_namespaces, 0, STANZA_MAX),
    ("bound", deep_and_wide, 60000, STANZA_MAX),
    ("bound", escapes, 60000, STANZA_MAX),
    ("bound", tabs, 60000, STANZA_MAX),
    ("bound", tag_of_a_session_by_bytes, 500, 10000),
    ("bound", tag_too_long, 20000, STANZA_MAX),
    ("bound", text_by_bytes, 500, 10000),
    ("bound", blanks, 500, 10000),
    ("bound", blanks_behind_second_root, 0, 2000),
    ("bound", second_roots, 20000, STANZA_MAX),
    ("bound", pings, 500, 10000),
    ("bound", pings_unread, 0, 60000),
    ("bound", small_messages, 500, 10000),
    ("bound", requests_refused, 100, 10000),
    ("bound", long_addresses, 30, 1000),
    ("bound", acks_asked, 0, 20000),
    ("bound", acks_asked_unread, 5000, 200000),
    ("bound", queue_of_one_cut_off, 2000000, 100000000),
    ("bound", queue_of_small_ones, 500, 20000),
    ("bound", messages_to_one_who_reads_nothing, 100000, 20000000),
    ("bound", messages_unacknowledged, 100000, 20000000),
    ("bound", inactive_and_active, 3, 100),
    ("bound", sessions_come_and_go, 3, 50),
    ("routed", presence_to_one_who_is_inactive, 0, 1000),
    ("routed", directed_presence, 300, 2000),
    ("routed", directed_presence_to_many, 300, 5000),
    ("routed", presence_changes, 200, 4000),
    ("routed", blocked_list, 0, 4000),
]
