#!/usr/bin/python3
"""The disk of DATA/rooms is full: what would be written is refused, nobody leaves the room, and all goes on
when there is space again."""
from disk import *
from tree import *

ROOM = "full@conference.localhost"
MUC = "http://jabber.org/protocol/muc"


def enter(s, nick):
    s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (ROOM, nick, MUC))
    while s.recv().find(".//{%s#user}status[@code='110']" % MUC) is None:
        pass


def say(s, id):
    """The condition of the error that the message gets, or None."""
    text = os.urandom(20000).hex()
    s.send("<message to='%s' type='groupchat' id='%s'><body>%s</body></message>" % (ROOM, id, text))
    while True:
        e = s.recv()
        if e.get("id") == id:
            x = e.find("{%s}error" % CLIENT)
            return None if x is None else x[0].tag.split("}")[1]


def condition(e):
    x = e.find("{%s}error" % CLIENT)
    return None if x is None else x[0].tag.split("}")[1]


def unregister(s):
    return condition(s.iq(ROOM, "<query xmlns='jabber:iq:register'><remove/></query>", "set"))


def invite(s, id):
    """The condition of the error that an invitation gets."""
    s.send("<message to='%s' id='%s'><x xmlns='%s#user'><invite to='c@localhost'/></x></message>" % (
        ROOM, id, MUC))
    return condition(s.expect(lambda e: e.get("id") == id))


def kick(a, b, id):
    """Kick B, in one turn with a message: all learn of it, whatever becomes of the message, whose
    condition is given."""
    a.send("<iq to='%s' type='set' id='k%s'><query xmlns='%s#admin'><item nick='B' role='none'/></query>"
           "</iq><message to='%s' type='groupchat' id='g%s'><body>%s</body></message>" % (
               ROOM, id, MUC, ROOM, id, os.urandom(2500).hex()))
    left = b.expect(lambda e: e.get("type") == "unavailable")
    assert left.find(".//{%s#user}status[@code='307']" % MUC) is not None, ET.tostring(left)
    got = {}
    while len(got) < 2:
        e = a.recv()
        if e.get("id") in ("k" + id, "g" + id):
            got[e.get("id")[0]] = condition(e)
    assert got["k"] is None, got
    enter(b, "B")
    return got["g"]


def done_is_done(t):
    """Give affiliations until the disk is full: what xmpp-ctl calls done is stored."""
    code = 0
    for i in range(300):
        jid = "x" * 440 + "%d@localhost" % i
        code, out, err = t.ctl("room", "affiliation", ROOM, jid, "member", code=None)
        assert (jid in t.ctl("room", "affiliation", ROOM)) == (code == 0), (i, code, out, err)
        if code:
            return
    assert code, "the disk is not full"


def play(t, folder):
    a, b = t.login("a"), t.login("b")
    enter(a, "A")
    assert a.iq(ROOM, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'/></query>" % MUC,
                "set").get("type") == "result"
    assert a.iq(ROOM, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'><field var='"
                "muc#roomconfig_membersonly'><value>1</value></field></x></query>" % MUC,
                "set").get("type") == "result"
    assert a.iq(ROOM, "<query xmlns='%s#admin'><item jid='b@localhost' affiliation='member' nick='B'/>"
                "</query>" % MUC, "set").get("type") == "result"
    enter(b, "B")
    assert say(a, "before") is None
    fill(folder)
    got = None
    for i in range(60):
        got = got or kick(a, b, str(i))
    assert got == "internal-server-error", got
    got = [say(b, "full%d" % i) for i in range(30)]  # pages that are free in the file take some
    assert got[-1] == "internal-server-error", got
    assert set(got) <= {None, "internal-server-error"}, got
    assert unregister(b) == invite(a, "inv") == "internal-server-error"
    code, out, err = t.ctl("room", "affiliation", ROOM, "c@localhost", "member", code=None)
    assert code == 1 and "no room on the disk" in err, (code, err)
    assert "b@localhost  member  B" in t.ctl("room", "affiliation", ROOM)
    items = b.iq(ROOM, "<query xmlns='http://jabber.org/protocol/disco#items'/>")[0]
    assert {i.get("name") for i in items} == {"A", "B"}, ET.tostring(items)
    os.unlink(folder + "/filler")
    until("space again", lambda: say(b, "again") is None)
    while True:  # the message reaches the other, who has never left
        e = a.recv()
        assert e.get("type") != "unavailable", ET.tostring(e)
        if e.get("id") == "again":
            break
    t.ctl("room", "affiliation", ROOM, "c@localhost", "member")
    assert unregister(b) is None
    fill(folder)
    done_is_done(t)
    a.close()
    b.close()


@check
def nobody_leaves_a_room_of_a_full_disk():
    t = Tree(accounts=["a@localhost", "b@localhost"],
             modules=MODULES + "\nmod_muc: {default_room_options: {mam: true}}")
    on_small_disk(t, play, "1m", "rooms")


main()
