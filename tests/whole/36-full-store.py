#!/usr/bin/python3
"""The disk of DATA/users, or of DATA/secrets, is full: what wants to write is refused, what reads is served, and
nothing is done by half."""
from disk import *
from tree import *

ROSTER = "jabber:iq:roster"


def condition(e):
    x = e.find("{%s}error" % CLIENT)
    return None if x is None else x[0].tag.split("}")[1]


def presence_of(s, who, **attributes):
    """The next presence from an address with these attributes (None: absent)."""
    end = time.monotonic() + DEADLINE
    while True:
        e = s.recv(max(0.001, end - time.monotonic()))
        if e.tag == "{%s}presence" % CLIENT and (e.get("from") or "").startswith(who) and all(
                e.get(k) == v for k, v in attributes.items()):
            return e


def roster(s):
    q = s.iq(None, "<query xmlns='%s'/>" % ROSTER)[0]
    return {i.get("jid"): (i.get("subscription"), i.get("ask")) for i in q}


def roster_set(s, jid):
    return condition(s.iq(None, "<query xmlns='%s'><item jid='%s'><group>%s</group></item>"
                          "</query>" % (ROSTER, jid, "g" * 1000), "set"))


def play(t, folder):
    a, b = t.login("a"), t.login("b")
    a.send("<presence type='subscribe' to='b@localhost'/>")
    presence_of(b, "a@localhost", type="subscribe")
    b.send("<presence type='subscribed' to='a@localhost'/>")
    presence_of(a, "b@localhost/", type=None)
    assert roster(a)["b@localhost"] == ("to", None)
    fill(folder)
    got = [roster_set(a, "u%d@far.example" % i) for i in range(40)]
    # Pages that are free in the file take some.
    assert got[-1] == "resource-constraint", got
    assert set(got) == {None, "resource-constraint"} or set(got) == {got[-1]}, got
    had = {"u%d@far.example" % i for i in range(40) if got[i] is None}
    assert set(roster(a)) == had | {"b@localhost"}
    assert set(roster(b)) == {"a@localhost"}
    b.send("<presence><show>away</show></presence>")
    presence_of(a, "b@localhost/", type=None)
    c = t.login("c")
    c.send("<presence><show>xa</show></presence>")
    presence_of(c, "c@localhost/")
    # A subscription is changed on both sides, or on none.
    a.send("<presence type='unsubscribe' to='b@localhost'/>")
    e = presence_of(a, "b@localhost", type="error")
    assert condition(e) == "resource-constraint", ET.tostring(e)
    assert roster(a)["b@localhost"] == ("to", None) and roster(b)["a@localhost"][0] == "from"
    b.close()
    presence_of(a, "b@localhost/", type="unavailable")
    log = t.log("userd")
    assert log.count("event=store-full") == 1, log
    assert log.count("the store failed") == 1, log
    os.unlink(folder + "/filler")
    until("room", lambda: roster_set(a, "room@far.example") is None)
    assert set(roster(a)) == had | {"b@localhost", "room@far.example"}
    t.wait_log("userd", "event=store-has-room")
    a.send("<presence type='unsubscribe' to='b@localhost'/>")
    until("the end of the subscription", lambda: roster(a)["b@localhost"][0] == "none")
    b = t.login("b")
    assert roster(b)["a@localhost"][0] == "none"
    for s in (a, b, c):
        s.close()


def play_accounts(t, folder):
    """An account is there with its keys, or not at all."""
    def add(name):
        return t.ctl("account", "add", name + "@localhost", input=PW + "\n", code=None)[0] == 0

    fill(folder)
    n = 0
    while add("new%d" % n):  # pages that are free in the file take some
        n += 1
        assert n < 1000, "the disk is never full"
    os.unlink(folder + "/filler")
    name = "new%d" % n
    assert name + "@localhost" not in t.ctl("account", "list", "localhost").split()
    until("room again", lambda: add(name))
    t.login(name).close()


def tree():
    return Tree(accounts=["%s@localhost" % x for x in "abc"])


@check
def a_full_store_refuses_and_goes_on():
    on_small_disk(tree(), play, "1m", "users")


@check
def an_account_is_not_made_by_half():
    on_small_disk(tree(), play_accounts, "1m", "secrets")


main()
