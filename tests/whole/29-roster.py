#!/usr/bin/python3
"""Two accounts get to know each other: roster, subscriptions, presence, block lists; and none
of it is lost when userd or routed is killed (RFC 6121 s2 to s4, XEP-0191)."""
from tree import *

ROSTER, BLOCKING = "jabber:iq:roster", "urn:xmpp:blocking"
A, B = "anna@localhost", "bert@localhost"


def presence(typ, frm):
    """A presence of this type from an address, or from a session of it."""
    def test(e):
        return (e.tag == "{%s}presence" % CLIENT and e.get("type", "") == typ
                and (e.get("from") or "").startswith(frm))
    return test


def pushed(jid, subscription):
    def test(e):
        item = e.find("{%s}query/{%s}item" % (ROSTER, ROSTER))
        return (e.get("type") == "set" and item is not None and item.get("jid") == jid
                and item.get("subscription") == subscription)
    return test


def roster(s):
    r = s.iq("", "<query xmlns='%s'/>" % ROSTER)
    assert r.get("type") == "result", ET.tostring(r)
    return {i.get("jid"): i.get("subscription") for i in r.iter("{%s}item" % ROSTER)}


def subscribe(s, typ, to):
    s.send("<presence type='%s' to='%s'/>" % (typ, to))


def come(t, user, resource, *seen):
    """A session of user, which has sent presence, and seen that of these sessions."""
    s = t.login(user, resource, available=False)
    s.send("<presence/>")
    for jid in seen:
        s.expect(presence("", jid))
    return s


@check
def strangers_become_contacts(t):
    a, b = t.login("anna", "home"), t.login("bert", "work")
    assert roster(a) == {} and roster(b) == {}
    for x, y, me, other in ((a, b, A, B), (b, a, B, A)):
        subscribe(x, "subscribe", other)
        y.expect(presence("subscribe", me))
        subscribe(y, "subscribed", me)
        x.expect(presence("subscribed", other))
        x.expect(pushed(other, "to" if x is a else "both"))
        x.expect(presence("", other))
    assert roster(a) == {B: "both"} and roster(b) == {A: "both"}
    a.close()
    b.expect(presence("unavailable", A + "/home"))
    b.close()


@check
def presence_is_seen_at_the_next_login(t):
    a = t.login("anna", "home")
    b = come(t, "bert", "work", A + "/home")
    a.expect(presence("", B + "/work"))
    a.abort()
    b.expect(presence("unavailable", A + "/home"))
    b.close()


def kill(t, name):
    old = t.pid(name)
    os.kill(old, signal.SIGKILL)
    until(name + " again", lambda: t.pid(name) not in (None, 0, old))
    t.wait_ready()


@check
def nobody_notices_that_userd_or_routed_is_killed(t):
    a = t.login("anna", "home")
    b = come(t, "bert", "work", A + "/home")
    for name in ("userd", "routed", "userd"):
        kill(t, name)
        said = "after " + name
        a.send("<presence><status>%s</status></presence>" % said)
        # A program that comes back may tell of the presence before.
        b.expect(lambda e: presence("", A + "/home")(e) and e.findtext("{%s}status" % CLIENT) == said)
        assert roster(a) == {B: "both"}
    a.close()
    b.expect(presence("unavailable", A + "/home"))
    b.close()


@check
def who_is_blocked_sees_nothing(t):
    a = t.login("anna", "home")
    b = come(t, "bert", "work", A + "/home")
    item = "<%%s xmlns='%s'><item jid='%s'/></%%s>" % (BLOCKING, B)
    assert a.iq("", item % ("block", "block"), "set").get("type") == "result"
    b.expect(presence("unavailable", A + "/home"))
    b.message(A, "hello?")
    e = b.expect(lambda e: e.get("type") == "error")
    assert e.find(".//{%s}service-unavailable" % STANZAS) is not None, ET.tostring(e)
    assert a.iq("", item % ("unblock", "unblock"), "set").get("type") == "result"
    b.expect(presence("", A + "/home"))
    b.message(A, "hello again")
    a.expect_body("hello again")
    a.close()
    b.close()


@check
def removing_ends_it_on_both_sides(t):
    a = t.login("anna", "home")
    b = come(t, "bert", "work", A + "/home")
    assert roster(b) == {A: "both"}
    r = a.iq("", "<query xmlns='%s'><item jid='%s' subscription='remove'/></query>"
             % (ROSTER, B), "set")
    assert r.get("type") == "result"
    b.expect(pushed(A, "none"))
    assert roster(a) == {} and roster(b) == {A: "none"}
    a.close()
    b.close()


main(Tree(accounts=(A, B)))
