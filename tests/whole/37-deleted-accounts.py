#!/usr/bin/python3
"""An account is deleted: its contacts hear of it, nothing of it stays, and whoever takes the
name begins with nothing."""
from tree import *

ROSTER = "jabber:iq:roster"
PRIVATE = "jabber:iq:private"
VCARD = "vcard-temp"
MAM = "urn:xmpp:mam:2"
NEVER = "<prefs xmlns='%s' default='never'><always/><never/></prefs>" % MAM


def roster(s):
    q = s.iq(None, "<query xmlns='%s'/>" % ROSTER)[0]
    return {i.get("jid"): i.get("subscription") for i in q}


def presences(s):
    """(type, from) of the presence that came until a ping was answered."""
    i = s.next_id()
    s.send("<iq type='get' id='%s' to='%s'><ping xmlns='%s'/></iq>" % (i, s.host, PING))
    got = []
    while True:
        e = s.recv()
        if e.get("id") == i:
            return got
        if e.tag == "{%s}presence" % CLIENT:
            got.append((e.get("type"), e.get("from")))


def heard(s, type, who):
    until("%s from %s" % (type, who), lambda: (type, who) in presences(s))


def befriend(x, y):
    x.send("<presence type='subscribe' to='%s'/>" % y.bare)
    heard(y, "subscribe", x.bare)
    y.send("<presence type='subscribed' to='%s'/>" % x.bare)
    until("the subscription", lambda: roster(x).get(y.bare) in ("to", "both"))


def login(t, user, **kw):
    s = t.login(user, **kw)
    s.bare = user + "@localhost"
    return s


def archived(s):
    """How many messages the account has in its archive."""
    i = s.next_id()
    s.send("<iq type='set' id='%s'><query xmlns='%s'/></iq>" % (i, MAM))
    return int(s.expect(lambda e: e.get("id") == i).find(".//{*}count").text)


def purged(t, n):
    """Wait until userd has purged n accounts. Killed before the commit, userd purges an account
    again and says so again, so accounts are counted and not lines."""
    line = re.compile("event=account-purged number=([0-9]+)")
    until("%d purges" % n, lambda: len(set(line.findall(t.log("userd")))) == n)


def add_again(t, jid):
    """Add an account whose name may be taken still: the old account is erased from all stores first."""
    until("the name to be free", lambda: t.ctl("account", "add", jid, input=PW + "\n", code=None)[0] == 0)


def make_alice(t, bob, carol, dave):
    """Make the account with all that an account may have; bob gives and takes presence, and blocks
    it; carol has not answered; dave is blocked."""
    a = login(t, "alice")
    befriend(a, bob)
    befriend(bob, a)
    a.send("<presence type='subscribe' to='carol@localhost'/>")
    heard(carol, "subscribe", a.bare)
    for payload in (
            "<query xmlns='%s'><item jid='x@far.example' name='Markword'/></query>" % ROSTER,
            "<block xmlns='urn:xmpp:blocking'><item jid='dave@localhost'/></block>",
            NEVER, "<vCard xmlns='%s'><FN>Markword</FN></vCard>" % VCARD,
            "<query xmlns='%s'><x xmlns='urn:x'>Markword</x></query>" % PRIVATE):
        assert a.iq(None, payload, "set").get("type") == "result", payload
    return a


@check
def nothing_is_left_for_the_next_owner(t):
    bob, carol, dave = (login(t, x) for x in ("bob", "carol", "dave"))
    a = make_alice(t, bob, carol, dave)
    assert roster(bob) == {"alice@localhost": "both"}
    t.ctl("account", "del", "alice@localhost")
    add_again(t, "alice@localhost")
    n = login(t, "alice", resource="new")
    bob.send("<presence><status>secret</status></presence>")
    bob.ping()
    assert roster(n) == {} and roster(bob) == {"alice@localhost": "none"}, roster(bob)
    assert len(n.iq(None, "<blocklist xmlns='urn:xmpp:blocking'/>")[0]) == 0
    assert n.iq(None, "<vCard xmlns='%s'/>" % VCARD).get("type") == "error"
    assert [x for x in presences(n) if not x[1].startswith("alice@")] == [], presences(n)
    late = login(t, "carol", resource="late")
    assert ("subscribe", "alice@localhost") not in presences(late)
    assert "alice@localhost" not in roster(late)
    assert dave.iq(None, NEVER, "set").get("type") == "result"
    dave.message("alice@localhost", "not blocked any more")
    assert n.expect_tag(CLIENT, "message").findtext("{%s}body" % CLIENT)
    until("the message in the archive", lambda: archived(n) == 1)
    purged(t, 1)
    for s in (bob, carol, dave, n, late):
        s.close()
    a.abort()


@check
def contacts_hear_of_it(t):
    """Contacts hear of the end even when one blocks the account, and when userd was away or is
    killed at once."""
    bob, carol, dave = (login(t, x) for x in ("bob", "carol", "dave"))
    a = make_alice(t, bob, carol, dave)
    bob.iq(None, "<block xmlns='urn:xmpp:blocking'><item jid='alice@localhost'/></block>", "set")
    subprocess.run(["s6-svc", "-wd", "-d", t.state + "/service/userd"], check=True)
    t.ctl("account", "del", "alice@localhost")
    subprocess.run(["s6-svc", "-wu", "-u", t.state + "/service/userd"], check=True)
    os.kill(t.pid("userd"), signal.SIGKILL)
    t.wait_ready()
    until("the end", lambda: roster(bob) == {"alice@localhost": "none"})
    until("no request", lambda: "alice@localhost" not in roster(carol))
    bob.iq(None, "<unblock xmlns='urn:xmpp:blocking'/>", "set")
    add_again(t, "alice@localhost")
    n = login(t, "alice", resource="new")
    assert [x for x in presences(n) if not x[1].startswith("alice@")] == []
    purged(t, 2)
    for s in (bob, carol, dave, n):
        s.close()
    a.abort()


main(Tree(accounts=["%s@localhost" % x for x in "alice bob carol dave".split()]))
