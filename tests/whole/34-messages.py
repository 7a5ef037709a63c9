#!/usr/bin/python3
"""Messages between devices: delivery by priority (RFC 6121 s8.5), carbons (XEP-0280), blocking
(XEP-0191), forged ids (XEP-0359)."""
from people import *

R, J, N = "romeo@localhost", "juliet@example.org", "nurse@localhost"
HINTS, RECEIPTS, STATES = "urn:xmpp:hints", "urn:xmpp:receipts", "http://jabber.org/protocol/chatstates"
SID = "urn:xmpp:sid:0"
NOT_THERE = ("cancel", "service-unavailable")
BLOCKED = ("cancel", "not-acceptable", "blocked")


def befriend(a, b):
    """The two sessions have each other's presence."""
    for x, y in ((a, b), (b, a)):
        x.presence(y.bare, "subscribe")
        settle(x, y)
        y.presence(x.bare, "subscribed")
        settle(x, y)
    forget(a, b)


@check
def by_priority(t):
    """s8.5.2.1.1: the highest not negative one, all of those that are equal; s8.5.3.1: a full
    address is itself."""
    r = Person(t, R + "/r")
    devices = [Person(t, J + "/%d" % i) for i in range(3)]
    for priorities, takers in (((0, 5, -1), (1,)), ((5, 5, 0), (0, 1)), ((-1, 0, -1), (1,)),
                               ((127, -128, 126), (0,)), ((-1, -1, -1), ())):
        for d, p in zip(devices, priorities):
            d.presence(priority=p)
        forget(r, *devices)
        words = "to %s" % (priorities,)
        r.say(J, words)
        line = "message %s chat %s" % (r.jid, words)
        news = {d: [line] if i in takers else [] for i, d in enumerate(devices)}
        news[r] = [] if takers else ["message %s error %s %s" % ((J,) + NOT_THERE)]
        told(news)
        r.say(devices[2].jid, "to you")
        told({r: [], devices[0]: [], devices[1]: [],
              devices[2]: ["message %s chat to you" % r.jid]})
    for d, p in zip(devices, (1, 0, -1)):
        d.presence(priority=p)
    forget(r, *devices)
    r.say(J, "to all", "headline")      # all that are not negative
    line = "message %s headline to all" % r.jid
    told({devices[0]: [line], devices[1]: [line], devices[2]: []})
    for type in ("chat", "normal"):     # s8.5.3.2.1
        r.say(J + "/nowhere", type, type)
        told({r: [], devices[0]: ["message %s %s %s" % (r.jid, type, type)]})
    r.say(J, "room", "groupchat")
    told({r: ["message %s error %s %s" % ((J,) + NOT_THERE)], devices[0]: []})
    away(r, *devices)


@check
def carbons(t):
    """XEP-0280 s6 to s8: what one device sends or gets, the other that wants it has too."""
    r, pc, phone = [Person(t, x, carbons=c) for x, c in (
        (R + "/r", False), (J + "/pc", True), (J + "/phone", True))]
    deaf = Person(t, J + "/deaf")
    phone.presence(priority=-1)
    deaf.presence(priority=-1)
    all = r, pc, phone, deaf
    forget(*all)
    hint = "<%s xmlns='" + HINTS + "'/>"
    for what, body, type, extra, copied in (
            ("plain", "hi", "chat", "", True),
            ("normal with a body", "hi", "normal", "", True),
            ("no-copy", "hush", "chat", hint % "no-copy", False),
            ("private", "hush", "chat", "<private xmlns='%s'/>" % CARBONS + hint % "no-copy",
             False),
            ("a chat state", None, "chat", "<composing xmlns='%s'/>" % STATES, True),
            ("a receipt", None, "normal", "<received xmlns='%s' id='x'/>" % RECEIPTS, True),
            ("headline", "news", "headline", "", False)):
        r.say(pc.jid, body, type, extra)
        settle(*all)
        line = " ".join(w for w in ("message", r.jid, type, body) if w)
        assert pc.news() == [line], what
        assert phone.news() == (["received (%s)" % line] if copied else []), what
        assert deaf.news() == r.news() == [], what
        pc.say(r.jid, body, type, extra)
        settle(*all)
        line = " ".join(w for w in ("message", pc.jid, type, body) if w)
        assert r.news() == [line], what
        assert phone.news() == (["sent (%s)" % line] if copied else []), what
        assert deaf.news() == pc.news() == [], what
    for d in (pc, phone, deaf):
        d.presence(priority=0)
    forget(*all)
    r.say(J, "to all")          # all have it, so nobody gets a copy
    told({d: ["message %s chat to all" % r.jid] for d in (pc, phone, deaf)})
    away(*all)


@check
def what_a_copy_looks_like(t):
    """s7, s8, s11: from the bare address of its own account, the whole message inside."""
    r, pc, phone = Person(t, R + "/r"), Person(t, J + "/pc"), Person(t, J + "/phone", carbons=True)
    phone.presence(priority=-1)
    forget(r, pc, phone)
    r.say(J, "&lt;b&gt; &amp;", extra="<x xmlns='urn:test' a='&apos;'>\t</x>")
    copy = phone.expect("a copy", lambda e: payload(e, CARBONS) is not None)
    assert (copy.get("from"), copy.get("to"), copy.get("type")) == (J, phone.jid, "chat")
    m = copy.find("{%s}received/{%s}forwarded/{%s}message" % (CARBONS, FORWARD, CLIENT))
    assert (m.get("from"), m.get("to")) == (r.jid, J), ET.tostring(m)
    assert text(m, "body") == "<b> &", ET.tostring(m)
    x = m.find("{urn:test}x")
    assert x.get("a") == "'" and x.text == "\t", ET.tostring(m)
    forget(r, pc, phone)
    phone.ask("set", None, "<disable xmlns='%s'/>" % CARBONS)
    r.say(J, "again")
    told({r: [], pc: ["message %s chat again" % r.jid], phone: []})
    # s11: a copy that another client made up is not one of the server's
    r.say(pc.jid, "fake", extra="<received xmlns='%s'><forwarded xmlns='%s'><message xmlns='"
          "jabber:client' from='%s'><body>x</body></message></forwarded></received>" % (
              CARBONS, FORWARD, N))
    settle(r, pc)
    assert all(e.get("from") != J for e in pc.seen), pc.news()
    away(r, pc, phone)


@check
def copies_of_what_came_back(t):
    """s6.1: an error is copied when what it answers was."""
    r, pc, phone = Person(t, R + "/r"), Person(t, J + "/pc"), Person(t, J + "/phone", carbons=True)
    n = Person(t, N + "/r", available=False)
    forget(r, pc, phone)
    pc.say(N, "are you there?")
    answer = "message %s error %s %s" % ((N,) + NOT_THERE)
    told({pc: [answer], phone: ["sent (message %s chat are you there?)" % pc.jid,
                                "received (%s)" % answer]})
    pc.say(N, "hush", extra="<private xmlns='%s'/><no-copy xmlns='%s'/>" % (CARBONS, HINTS))
    told({pc: ["message %s error %s %s" % ((N,) + NOT_THERE)], phone: []})
    away(r, pc, phone, n)


@check
def forged_ids(t):
    """XEP-0359 s3.1: nobody but the server says what the server's id is."""
    r, j = Person(t, R + "/r"), Person(t, J + "/r")
    forget(r, j)
    ids = "".join("<stanza-id xmlns='%s' id='%d' by='%s'/>" % (SID, i, by) for i, by in enumerate(
        (J, "JULIET@Example.org", R, "localhost", "example.org", j.jid, "room@conference.test")))
    r.say(J, "x", extra=ids + "<origin-id xmlns='%s' id='mine'/>" % SID)
    m = j.expect("the message", lambda e: text(e, "body") == "x")
    left = [(e.get("by"), e.get("id")) for e in m.iter("{%s}stanza-id" % SID)]
    assert not [x for x in left if x[0] in (J, "JULIET@Example.org", R, "localhost",
                                            "example.org") and x[1] in "01234"], left
    assert ("room@conference.test", "6") in left, left
    assert m.find("{%s}origin-id" % SID).get("id") == "mine"
    away(r, j)


@check
def blocked(t):
    """XEP-0191 s3.3: both see the other go; nothing passes, and each gets the error that tells
    no more than it should."""
    r, r2, j = Person(t, R + "/1"), Person(t, R + "/2"), Person(t, J + "/r")
    befriend(r, j)
    r.ask("get", None, "<blocklist xmlns='%s'/>" % BLOCKING)
    forget(r, r2, j)
    r.ask("set", None, "<block xmlns='%s'><item jid='%s'/></block>" % (BLOCKING, J))
    gone = ["presence %s unavailable" % x.jid for x in (r, r2)]
    settle(r, r2, j)
    assert sorted(j.news()) == gone
    got = r.news()
    assert got[0] == "iq block " + J, got
    assert r2.news() == got[1:], "the list is pushed to whom has asked for it"
    assert got[1:] in ([], ["presence %s unavailable" % j.jid]), got
    for to in (R, r.jid):       # from the one that is blocked
        j.say(to, "hello?")
        told({r: [], r2: [], j: ["message %s error %s %s" % ((to,) + NOT_THERE)]})
        j.ask("get", to, "<query xmlns='jabber:iq:version'/>", fails=NOT_THERE)
    j.ask("get", R, "<vCard xmlns='%s'/>" % VCARD, fails=NOT_THERE)
    j.presence(show="away")
    j.presence(r.jid, show="xa")
    told({r: [], r2: [], j: ["presence %s away" % j.jid]})
    r.presence(show="dnd")
    told({r: ["presence %s dnd" % r.jid], r2: ["presence %s dnd" % r.jid], j: []})
    for to in (J, j.jid):       # from the one that blocks
        r.say(to, "hello?")
        told({r: ["message %s error %s" % (to, " ".join(BLOCKED))], r2: [], j: []})
        r.ask("get", to, "<query xmlns='jabber:iq:version'/>", fails=BLOCKED)
    for d in ("userd", "routed"):
        restart(t, d)
        settle(r, r2, j)
        j.say(R, "after " + d)
        told({r: [], r2: [], j: ["message %s error %s %s" % ((R,) + NOT_THERE)]})
    q = r.ask("get", None, "<blocklist xmlns='%s'/>" % BLOCKING)
    assert [i.get("jid") for i in q] == [J]
    r.ask("set", None, "<unblock xmlns='%s'/>" % BLOCKING)
    settle(r, r2, j)
    assert sorted(j.news()) == ["presence %s dnd" % r.jid, "presence " + r2.jid]
    got = r.news()
    assert "iq unblock" in got and r2.news() == [x for x in got if x != "iq unblock"], got
    j.say(r.jid, "hello again")
    told({r: ["message %s chat hello again" % j.jid], r2: [], j: []})
    away(r, r2, j)


@check
def requests_of_those_who_are_blocked(t):
    """s3.3: a subscription of theirs never shows; the list knows domains and single devices."""
    n, j = Person(t, N + "/r"), Person(t, J + "/r")
    n.ask("set", None, "<block xmlns='%s'><item jid='example.org'/></block>" % BLOCKING)
    forget(n, j)
    j.presence(N, "subscribe")
    j.say(N, "x")
    settle(n, j)
    assert n.news() == []
    assert "message %s error %s %s" % ((N,) + NOT_THERE) in j.news()
    n.ask("set", None, "<unblock xmlns='%s'><item jid='example.org'/></unblock>" % BLOCKING)
    n.ask("set", None, "<block xmlns='%s'><item jid='%s'/></block>" % (BLOCKING, j.jid))
    other = Person(t, J + "/other")
    forget(n, j, other)
    j.say(N, "y")
    other.say(N, "z")
    told({n: ["message %s chat z" % other.jid], other: [],
          j: ["message %s error %s %s" % ((N,) + NOT_THERE)]})
    away(n, j, other)


# Messages do not wait here: a message that no session takes comes back.
main(Tree(hosts=("localhost", "example.org"), accounts=(R, J, N),
          modules=MODULES.replace("mod_offline:\n  access_max_user_messages: [1000]\n", "")))
