#!/usr/bin/python3
"""A host that has mod_disco and mod_roster alone, beside a host that has all: what it offers, what it
refuses, and that the other host offers and answers the same as ever."""
from tree import *

SMALL, FULL = "b.example", "localhost"
DISCO = "http://jabber.org/protocol/disco#"
BLOCKING, MAM, VCARD, ROSTER = "urn:xmpp:blocking", "urn:xmpp:mam:2", "vcard-temp", "jabber:iq:roster"
OPTIONS = """host_config:
  "%s":
    modules:
      mod_disco: {}
      mod_roster: {}""" % SMALL
# Requests of a client to its own account, which need modules that the host SMALL lacks.
PUT_CARD, GET_CARD = ("set", "<vCard xmlns='%s'><FN>A</FN></vCard>" % VCARD), ("get", "<vCard xmlns='%s'/>" % VCARD)
REQUESTS = [PUT_CARD, GET_CARD,
            ("set", "<query xmlns='%s'/>" % MAM), ("get", "<prefs xmlns='%s'/>" % MAM),
            ("get", "<blocklist xmlns='%s'/>" % BLOCKING),
            ("set", "<block xmlns='%s'><item jid='x@example.org'/></block>" % BLOCKING)]


def features(s, jid):
    e = s.iq(jid, "<query xmlns='%sinfo'/>" % DISCO)
    assert e.get("type") == "result", ET.tostring(e)
    found = [f.get("var") for f in e.iter("{%sinfo}feature" % DISCO)]
    assert len(found) == len(set(found)), found
    return set(found)


def answer(s, to, kind, payload):
    """The word result, or the condition of the error."""
    e = s.iq(to, payload, kind)
    return e.get("type") if e.get("type") == "result" else e.find("{%s}error" % CLIENT)[0].tag.split("}")[1]


def enter(t, host):
    s = t.login("a", host=host, available=False)
    s.send("<presence/>")
    s.iq(None, "<query xmlns='%s'/>" % ROSTER)
    return s


@check
def shows_what_its_modules_have(t):
    s = enter(t, SMALL)
    shown = features(s, SMALL)
    assert shown == {DISCO + "info", DISCO + "items", "http://jabber.org/protocol/caps"}, shown
    shown = features(s, "a@" + SMALL)
    assert shown == {DISCO + "info", DISCO + "items", ROSTER}, shown
    s.close()
    s = enter(t, FULL)
    for jid in (FULL, "a@" + FULL):
        shown = features(s, jid)
        assert shown > {DISCO + "info", DISCO + "items", VCARD, MAM, BLOCKING}, (jid, shown)
    s.close()


@check
def answers_what_its_modules_have(t):
    small, full = enter(t, SMALL), enter(t, FULL)
    for kind, payload in REQUESTS:
        for to in (None, "a@" + SMALL):
            got = answer(small, to, kind, payload)
            assert got == "service-unavailable", (to, payload, got)
        got = answer(full, None, kind, payload)
        assert got == "result", (payload, got)
    for s in (small, full):
        assert answer(s, None, "get", "<query xmlns='%s'/>" % ROSTER) == "result"
    small.close()
    full.close()


@check
def asks_and_is_asked_across(t):
    """The host of the account that is asked decides, not that of the account that asks."""
    small, full = enter(t, SMALL), enter(t, FULL)
    assert answer(full, None, *PUT_CARD) == "result"
    assert answer(small, "a@" + FULL, *GET_CARD) == "result"
    for to in ("a@" + SMALL, SMALL):
        assert answer(full, to, *GET_CARD) == "service-unavailable", to
    small.close()
    full.close()


def archived(t, jid):
    rows = [x.split("\t") for x in t.ctl("archive", "stat", jid, records=True).splitlines()]
    return next(int(row[2]) for row in rows if row[1] == "messages")


@check
def keeps_no_message(t):
    """Of a conversation the account at the other host has an archive, this one none; nor does a
    message wait here."""
    small, full = enter(t, SMALL), enter(t, FULL)
    full.message(small.jid, "hello")
    small.expect_body("hello")
    small.message(full.jid, "hello too")
    full.expect_body("hello too")
    small.close()
    until("two messages in the archive", lambda: archived(t, "a@" + FULL) == 2)
    assert archived(t, "a@" + SMALL) == 0
    full.message("a@" + SMALL, "later")
    e = full.expect(lambda e: e.get("type") == "error" and e.get("from") == "a@" + SMALL)
    assert e.find("{%s}error" % CLIENT)[0].tag.endswith("service-unavailable"), ET.tostring(e)
    full.close()


main(Tree(hosts=(FULL, SMALL), accounts=("a@" + FULL, "a@" + SMALL), options=OPTIONS))
