#!/usr/bin/python3
"""A phone whose session is kept for push is unavailable for its contacts, and for them alone
(push_presence: offline), while programs are killed."""
import contextlib

from pushservice import *

MODULES_HERE = MODULES.replace("mod_stream_mgmt: {}", """mod_stream_mgmt:
  resume_timeout: %d s
mod_push: {}
mod_push_keepalive: {}""" % (3 * SLOW))
PHONE = "romeo@localhost/phone"
ROSTER = "jabber:iq:roster"


def is_presence(e, kind):
    return (e.tag == "{%s}presence" % CLIENT and e.get("from") == PHONE and
            e.get("type") == kind)


def news(s):
    """The types of the phone's presence that s has got up to now: xmpp-userd answers behind it."""
    got, i = [], s.next_id()
    s.send("<iq type='get' id='%s'><query xmlns='%s'/></iq>" % (i, ROSTER))
    while True:
        e = s.recv()
        if e.tag == "{%s}presence" % CLIENT and e.get("from") == PHONE:
            got.append(e.get("type") or "available")
        if e.get("id") == i:
            return got


def befriend(t, a):
    """The account of a sees the presence of romeo."""
    with contextlib.closing(t.login("romeo", "desk")) as r:
        a.send("<presence to='romeo@localhost' type='subscribe'/>")
        r.expect(lambda e: e.get("type") == "subscribe")
        r.send("<presence to='anna@localhost' type='subscribed'/>")
        a.expect(lambda e: e.get("from") == "romeo@localhost/desk" and not e.get("type"))


@check
def contacts_alone_see_it_go(t):
    a, b = t.login("anna"), t.login("benvolio")
    befriend(t, a)
    p = Phone(t, "romeo", SERVICE, "n1")
    a.expect(lambda e: is_presence(e, None))
    p.s.send("<presence to='benvolio@localhost'/>")
    b.expect(lambda e: is_presence(e, None))
    for victim in (None, "routed", "userd", "pushd"):
        p.cut()
        a.expect(lambda e: is_presence(e, "unavailable"))
        # xmpp-userd has acknowledged it when this is answered: until then a kill of xmpp-routed has it told
        # again.
        assert news(a) == []
        if victim:
            restart(t, victim)
        # Messages go to the session as before.
        a.message("romeo@localhost", str(victim))
        assert t.service.next()[0] == "n1"
        assert news(a) == [] and news(b) == [], victim
        assert p.resume() == [str(victim)]
        a.expect(lambda e: is_presence(e, None))
        assert news(a) == [] and news(b) == [], victim
    # It ends: who had directed presence learns that then.
    p.cut()
    a.expect(lambda e: is_presence(e, "unavailable"))
    t.ctl("session", "end", PHONE)
    b.expect(lambda e: is_presence(e, "unavailable"))
    assert news(a) == []
    a.close()
    b.close()


main(WithService(accounts=["romeo@localhost", "anna@localhost", "benvolio@localhost"],
                 modules=MODULES_HERE, tabber="push_presence: offline"))
