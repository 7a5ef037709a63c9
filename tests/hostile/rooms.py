"""Shapes that give work to xmpp-mucd: entering and nicks, forms, lists of people, a long history."""
from behind import *

MUC = "http://jabber.org/protocol/muc"
SERVICE = "conference.localhost"
JOIN = "<x xmlns='%s'/>" % MUC


def presence(room, nick, inside=JOIN, type=""):
    return "<presence to='%s@%s/%s'%s>%s</presence>" % (
        room, SERVICE, nick, " type='%s'" % type if type else "", inside)


def owner(room, inside, i="i"):
    return iq("<query xmlns='%s#owner'>%s</query>" % (MUC, inside), "set", "%s@%s" % (room, SERVICE), i)


def form(fields=""):
    return "<x xmlns='jabber:x:data' type='submit'>%s</x>" % fields


def room(a, w, name):
    a.prepare(w, [presence(name, "Eve"), owner(name, form())])


def nicks_that_change(a, n):
    """n changes of a nick, and n that are refused."""
    w = a.login()
    room(a, w, "nicks")
    yield
    a.deliveries += 2 * n
    a.say(w, "".join(presence("nicks", "Eve%d" % i, "") for i in range(n)), stanzas=n)
    a.say(w, presence("nicks", "\U0001f47f", "") * n, stanzas=n)


def rooms_that_come_and_go(a, n):
    """n rooms are entered, and left before they have a configuration."""
    w = a.login()
    yield
    a.commits += 2 * n
    a.deliveries += 3 * n
    for i in range(n):
        a.say(w, presence("r%d" % i, "Eve") + presence("r%d" % i, "Eve", "", "unavailable"), stanzas=2)


def forms_of_many_fields(a, n):
    """Ten forms of n fields that nobody knows, and n of one field."""
    w = a.login()
    room(a, w, "forms")
    yield
    a.commits += 10
    a.say(w, owner("forms", form("<field/>" * n + "<field var='muc#roomconfig_lang'/>" * n)) * 10, stanzas=10)


def people(a, n):
    """n members in one request, and ten times a form with n admins, to whom others are held."""
    w = a.login()
    room(a, w, "people")
    names = "".join("<value>m%d@b</value>" % i for i in range(n))
    members = "".join("<item jid='m%d@b' affiliation='member'/>" % i for i in range(n))
    admins = form("<field var='muc#roomconfig_roomadmins'>%s</field>" % names)
    yield
    a.commits += 11
    a.deliveries += 2 * n
    a.entries += 40 * n
    a.say(w, iq("<query xmlns='%s#admin'>%s</query>" % (MUC, members), "set", "people@" + SERVICE))
    a.say(w, owner("people", admins) * 10, stanzas=10)


def history_unread(a, n):
    """Twenty messages of n bytes are the history of a room, which a session that reads nothing enters
    a hundred times."""
    w = a.login()
    room(a, w, "long")
    a.prepare(w, ["<message to='long@%s' type='groupchat'><body>%s</body></message>" % (SERVICE, "x" * n)] * 20)
    deaf = a.login("eve2", "deaf", deaf=True)
    yield
    a.entries += 100 * 20
    a.deliveries += 100 * 23
    a.say(deaf, presence("long", "Deaf") * 100, stanzas=100)


SHAPES = [
    ("rooms", nicks_that_change, 200, 3000),
    ("rooms", rooms_that_come_and_go, 0, 300),
    ("rooms", forms_of_many_fields, 300, 3000),
    ("rooms", people, 100, 900),
    ("rooms", history_unread, 0, 100000),
]
