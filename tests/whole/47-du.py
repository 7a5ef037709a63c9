#!/usr/bin/python3
"""xmpp-ctl du: all that is stored for an account or a room, the largest accounts and rooms, and the
sums of services."""
from tree import *

KINDS = ["archive", "waiting", "roster", "requests", "blocked", "vcard", "private", "uploads", "pubsub",
         "push", "total"]
SETS = ("<vCard xmlns='vcard-temp'><DESC>%s</DESC></vCard>" % ("x" * 80000),
        "<query xmlns='jabber:iq:private'><s xmlns='urn:s'>%s</s></query>" % ("y" * 3000),
        "<query xmlns='jabber:iq:roster'><item jid='a@b' name='%s'/></query>" % ("z" * 500),
        "<block xmlns='urn:xmpp:blocking'><item jid='spam.example'/></block>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item id='i'>"
        "<e xmlns='urn:x'>%s</e></item></publish></pubsub>" % ("v" * 1000))


def du(t, jid):
    rows = [x.split("\t") for x in t.ctl("du", jid).splitlines()]
    assert [r[1] for r in rows] == KINDS, rows
    return {r[1]: int(r[0]) for r in rows}


@check
def everything_counts(t):
    none = du(t, "anna@localhost")
    assert set(none.values()) == {0}, none
    s = t.login("anna")
    for x in SETS:
        assert s.iq(None, x, "set") is not None
    s.close()
    s = t.login("carl")
    s.message("anna@localhost", "w" * 2000)
    s.message("anna@localhost", "w" * 2000)
    s.send("<presence type='subscribe' to='anna@localhost'/>")
    until("two messages wait", lambda: du(t, "anna@localhost")["waiting"] > 4000)
    until("a request waits", lambda: du(t, "anna@localhost")["requests"] > 20)
    s.close()
    got = du(t, "anna@localhost")
    for kind, least in (("roster", 500), ("vcard", 80000), ("private", 3000), ("blocked", 12),
                        ("pubsub", 1000)):
        assert least <= got[kind] < least + 200, (kind, got)
    assert got["archive"] == 0, got
    assert got["total"] == sum(v for k, v in got.items() if k != "total"), got
    assert du(t, "ANNA@localhost") == got
    code, out, err = t.ctl("du", "nobody@localhost", code=None)
    assert code == 1 and "no such account" in err, (code, err)


@check
def the_largest_come_first(t):
    t.ctl("account", "import", "-", input="".join("u%d@localhost\tx\n" % i for i in range(25)))
    rows = [r.split("\t") for r in t.ctl("du", records=True).splitlines()]
    assert len(rows) == 20 and rows[0][1] == "anna@localhost", rows
    totals = [int(r[2]) for r in rows]
    assert totals == sorted(totals, reverse=True) and totals[1] > 0 == totals[2], totals
    assert rows[1][1] == "carl@localhost"
    assert all(int(r[2]) == sum(int(x) for x in r[3:]) and len(r) == 2 + len(KINDS) for r in rows), rows
    text = t.ctl("du").splitlines()
    assert text[0].split() == ["account", "total"] + KINDS[:-1], text[0]
    assert text[1].split()[:2] == ["anna@localhost", str(totals[0])], text[1]


MUC = "http://jabber.org/protocol/muc"
SERVICES = "rooms.localhost", "more.localhost"


def of_room(t, room):
    rows = [x.split("\t") for x in t.ctl("du", room).splitlines()]
    assert [r[1] for r in rows] == ["archive", "config", "total"], rows
    archive, config, total = (int(r[0]) for r in rows)
    assert total == archive + config, rows
    return archive, config


@check
def rooms_count(t):
    s = t.login("anna")
    rooms = ["r%d@%s" % (i, SERVICES[i % 2]) for i in range(25)]
    for room in rooms:
        s.send("<presence to='%s/Anna'><x xmlns='%s'/></presence>" % (room, MUC))
        s.expect(lambda e: e.tag.endswith("message") and e.get("from") == room)
        assert s.iq(room, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'>"
                    "<field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query>" % MUC,
                    "set").get("type") == "result"
    empty, config = of_room(t, rooms[3])
    assert empty == 0 and 100 < config < 1000, (empty, config)
    for i in range(3):
        s.send("<message to='%s' type='groupchat'><body>%s</body></message>" % (rooms[3], "m" * 1000))
        s.expect(lambda e: e.find("{jabber:client}body") is not None)
    s.iq(rooms[3], "<query xmlns='%s#admin'><item jid='a@b' affiliation='member' nick='%s'/></query>" %
         (MUC, "n" * 200), "set")
    s.iq(rooms[4], "<vCard xmlns='vcard-temp'><DESC>%s</DESC></vCard>" % ("v" * 9000), "set")
    archive, more = of_room(t, rooms[3])
    assert 3000 < archive < 5000 and config + 400 < more < config + 800, (archive, config, more)
    assert 9000 < of_room(t, rooms[4])[1] < 10000
    rows = [r.split("\t") for r in t.ctl("du", records=True).splitlines()]
    largest = [r[1:] for r in rows if r[0] == "room"]
    assert len(largest) == 20 and [r[0] for r in largest[:2]] == [rooms[4], rooms[3]], largest
    assert [int(x) for x in largest[1][1:]] == [archive + more, archive, more], largest
    sums = {r[1]: [int(x) for x in r[2:]] for r in rows if r[0] == "service"}
    assert [sums[x][3] for x in SERVICES] == [13, 12] and len(sums) == 2, sums
    assert sums[SERVICES[1]][1] == archive and sums[SERVICES[0]][2] > 9000 + 12 * 100, sums
    assert all(total == a + c for total, a, c, _ in sums.values()), sums
    code, out, err = t.ctl("du", "nothing@" + SERVICES[0], code=None)
    assert code == 1 and "no such account or room" in err, (code, err)
    s.close()


@check
def of_a_server_that_is_stopped(t):
    before = t.ctl("du")
    assert not t.terminate()
    assert t.ctl("du") == before
    t.start()


main(Tree(accounts=("anna@localhost", "carl@localhost"),
          modules=MODULES.replace("default: always", "default: never") +
          "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}"
          "\nmod_muc: {hosts: [%s, %s], default_room_options: {mam: true}}" % SERVICES))
