#!/usr/bin/python3
"""Occupants of another server: they talk in a room, leave when their client is cut off, and when their
server has vanished they leave by the first message that does not reach them, once; they come back.

WHOLE_LONG=1: the server stays away for the minute that stanzas wait for it."""
from roomservers import *

LONG = bool(os.environ.get("WHOLE_LONG"))

def presence(s, nick, type=None, seconds=None):
    """The codes of the next presence of an occupant, whose type is this."""
    e = s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == "%s/%s" % (ROOM, nick),
                 seconds)
    assert e.get("type") == type, ET.tostring(e)
    return {c.get("code") for c in e.iter("{%s#user}status" % MUC)}


def say(s, text):
    s.send("<message to='%s' type='groupchat'><body>%s</body></message>" % (ROOM, text))


def hears(s, text):
    e = s.expect_body(text)
    assert e.get("from", "").startswith(ROOM + "/"), ET.tostring(e)


@check
def who_vanishes_leaves_once():
    with Home() as t, Server(B, "s2s_use_starttls: required\n", users=("b", "c")) as u:
        a, b, c = t.login("a"), u.login("b"), u.login("c")
        enter(a, "Anna")
        open_room(a)
        for s, nick in ((b, "Bert"), (c, "Carl")):
            enter(s, nick)
            presence(a, nick)
        presence(b, "Carl")
        say(b, "one")
        for s in (a, b, c):
            hears(s, "one")

        c.abort()       # the occupant's own server says so
        for s in (a, b):
            assert presence(s, "Carl", "unavailable") == set()

        vanish(u)
        if not LONG:
            u.start()
            u.login("c").close()
            t.ctl("s2s", "forget", B)
        # Messages that Bert had not acknowledged come back too, perhaps before this.
        say(a, "two")
        assert presence(a, "Bert", "unavailable", 90) == {"333"}
        say(a, "three")
        e = a.expect(lambda e: e.tag == "{%s}presence" % CLIENT or e.findtext("{%s}body" % CLIENT) == "three")
        assert e.get("from") == ROOM + "/Anna", ET.tostring(e)
        for e in a.messages_until_ping():
            assert not e.get("from", "").startswith(ROOM), ET.tostring(e)
        assert [x.split()[0] for x in t.ctl("room", "occupants", ROOM).splitlines()] == ["Anna"]

        if LONG:
            u.start()
            t.ctl("s2s", "forget", B)
        b = u.login("b")
        assert enter(b, "Bert") == ["one", "two", "three"]
        assert presence(a, "Bert") == set()
        say(b, "four")
        for s in (a, b):
            hears(s, "four")


main()
