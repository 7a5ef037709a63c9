#!/usr/bin/python3
"""xmpp-ctl host rename: everything that is stored of a host is there under its new name."""
from tree import *

OLD, NEW, OTHER = "old.example", "new.example", "other.example"
ROOM = "room@rooms.example"
ROSTER, MAM = "jabber:iq:roster", "urn:xmpp:mam:2"
VCARD = "<vCard xmlns='vcard-temp'><FN>Romeo</FN><URL>http://old.example/</URL></vCard>"
PRIVATE = "<query xmlns='jabber:iq:private'><s xmlns='urn:s'>%s</s></query>"
ACCOUNTS = ["carl@" + OTHER, "juliet@" + OLD, "romeo@" + OLD]


def login(t, jid, **kw):
    user, host = jid.split("@")
    s = t.login(user, host=host, **kw)
    s.bare = jid
    return s


def roster(s):
    q = s.iq(None, "<query xmlns='%s' ver=''/>" % ROSTER)[0]
    return q.get("ver"), {i.get("jid"): (i.get("subscription"), i.get("name"), i.get("ask"))
                          for i in q}


def befriend(x, y):
    for a, b in ((x, y), (y, x)):
        a.send("<presence type='subscribe' to='%s'/>" % b.bare)
        b.expect(lambda e: e.get("type") == "subscribe" and e.get("from") == a.bare)
        b.send("<presence type='subscribed' to='%s'/>" % a.bare)
        until("the subscription", lambda: roster(a)[1].get(b.bare, [""])[0] in ("to", "both"))


def blocked(s):
    return {i.get("jid") for i in s.iq(None, "<blocklist xmlns='urn:xmpp:blocking'/>")[0]}


def with_contact(s, jid):
    """The bodies of the archive's messages with jid."""
    i = s.next_id()
    s.send("<iq type='set' id='%s'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'>"
           "<field var='FORM_TYPE' type='hidden'><value>%s</value></field><field var='with'>"
           "<value>%s</value></field></x></query></iq>" % (i, MAM, MAM, jid))
    got = []
    while True:
        e = s.recv()
        if e.get("id") == i:
            return got
        got += [b.text for b in e.iter("{%s}body" % CLIENT)]


def prefs(s, inside=None):
    if inside:
        s.iq(None, "<prefs xmlns='%s' default='always'>%s</prefs>" % (MAM, inside), "set")
    return sorted(j.text for j in s.iq(None, "<prefs xmlns='%s'/>" % MAM)[0].iter("{%s}jid" % MAM))


def exported(t, host):
    """The archives of all accounts, without what clients wrote."""
    return "".join(t.ctl("archive", "export", j.replace(OLD, host)) for j in ACCOUNTS)


def pubsub(s, to, inside, type="set"):
    e = s.iq(to, "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>" % inside, type)
    assert e.get("type") == "result", ET.tostring(e)
    return ET.tostring(e)


def juliet_again(t):
    return login(t, "juliet@" + OLD, available=False)


def fill_invitations(t):
    """Make an invitation that keeps a name for itself, one of an account that has three uses, and
    one of another host."""
    t.ctl("invite", "create", OLD, "--name", "paris")
    t.ctl("invite", "create", OLD, "--by", "romeo@" + OLD, "--uses", "3")
    t.ctl("invite", "create", OTHER, "--by", "carl@" + OTHER)


def fill_nodes(romeo, juliet):
    service = "pubsub." + OLD
    pubsub(romeo, service, "<create node='news'/>")
    pubsub(juliet, service, "<subscribe node='news' jid='%s'/>" % juliet.bare)
    pubsub(romeo, service, "<publish node='news'><item id='1'><e xmlns='urn:x'/></item></publish>")
    pubsub(romeo, service, "<create node='/home/%s/romeo' type='hometree'/>" % OLD)
    pubsub(romeo, None, "<publish node='urn:x'><item id='1'><e xmlns='urn:x'>own</e></item></publish>")
    juliet.close()


def check_nodes(t, romeo):
    service = "pubsub." + NEW
    assert b"own" in pubsub(romeo, None, "<items node='urn:x'/>", "get")
    juliet = login(t, "juliet@" + NEW, available=False)
    got = pubsub(juliet, service, "<subscriptions/>", "get")
    assert b"jid=\"juliet@%s\"" % NEW.encode() in got and b"news" in got, got
    got = pubsub(romeo, service, "<affiliations/>", "get")
    assert b"affiliation=\"owner\"" in got, got
    pubsub(romeo, service, "<publish node='news'><item id='2'><e xmlns='urn:x'/></item></publish>")
    # Homes have come along, and so has the service, which owns the node above them.
    pubsub(romeo, service, "<create node='/home/%s/romeo/x' type='hometree'/>" % NEW)
    pubsub(juliet, service, "<create node='/home/%s/juliet' type='hometree'/>" % NEW)
    assert b"id=\"1\"" in pubsub(juliet, service, "<items node='news'/>", "get")
    juliet.close()


def fill(t):
    romeo, juliet, carl = (login(t, j) for j in ("romeo@" + OLD, "juliet@" + OLD, "carl@" + OTHER))
    befriend(romeo, juliet)
    befriend(carl, romeo)
    romeo.iq(None, "<query xmlns='%s'><item jid='juliet@%s' name='Juliet of %s'><group>g</group>"
             "</item></query>" % (ROSTER, OLD, OLD), "set")
    romeo.iq(None, VCARD, "set")
    romeo.iq(None, PRIVATE % "mine", "set")
    romeo.iq(None, "<block xmlns='urn:xmpp:blocking'><item jid='spam@%s/r'/><item jid='bad.%s'/>"
             "</block>" % (OLD, OLD), "set")
    prefs(romeo, "<never><jid>spam@%s</jid></never>" % OLD)
    for i in range(40):
        romeo.message("juliet@" + OLD, "to juliet %d" % i)
        carl.message("romeo@" + OLD, "from carl %d" % i)
    juliet.expect_bodies(["to juliet %d" % i for i in range(40)])
    juliet.close()
    romeo.message("juliet@" + OLD, "it waits at old.example")
    carl.send("<presence type='subscribe' to='juliet@%s'/>" % OLD)
    until("it waits", lambda: "waiting" in t.ctl("archive", "stat", "juliet@" + OLD) and re.search(
        r"waiting\s+1", t.ctl("archive", "stat", "juliet@" + OLD)))
    until("the request waits", lambda: re.search(r"[1-9]\d*\trequests",
                                                 t.ctl("du", "juliet@" + OLD)))
    fill_nodes(romeo, juliet_again(t))
    fill_invitations(t)
    before = roster(romeo)[0]
    romeo.close(), carl.close()
    return before


@check
def all_of_it_is_there(t):
    version = fill(t)
    before = exported(t, OLD)
    t.ctl("room", "create", ROOM, "romeo@" + OLD)
    code, out, err = t.ctl("host", "rename", OLD, NEW, code=None)
    assert code == 1 and "the server runs" in err, (code, err)
    assert not t.terminate()
    out = t.ctl("host", "rename", OLD.upper(), NEW)
    assert "2 accounts" in out and "not told" in out, out
    t.hosts = (NEW, OTHER)
    t.write_config()
    t.start()
    assert sorted(t.ctl("account", "list").split()) == sorted(
        j.replace(OLD, NEW) for j in ACCOUNTS)
    check_archive(t, before)
    # Rooms keep their addresses; affiliations are those of the accounts.
    assert t.ctl("room", "affiliation", ROOM, records=True).startswith("romeo@%s\towner" % NEW)
    check_romeo(t, version)
    check_juliet(t)
    check_invitations(t)


def check_invitations(t):
    rows = t.ctl("invite", "list", NEW, records=True)
    assert rows.count("\n") == 2 and "romeo@" + NEW in rows and OLD not in rows, rows
    assert "paris" in rows
    assert t.ctl("invite", "list", OTHER, records=True).count("\n") == 1
    code, out, err = t.ctl("invite", "create", NEW, "--name", "paris", code=None)
    assert code == 1, "the name is not kept any more"


def check_archive(t, before):
    """Addresses are others, what was written is the same."""
    want = re.sub(r"(?<=[@\t'])%s|(?<=@)%s" % (OLD, OLD), NEW, before)
    got = exported(t, NEW)
    assert "it waits at old.example" in got and "@" + OLD not in got
    assert got == want, "\n".join(
        "%s\n%s" % x for x in zip(want.splitlines(), got.splitlines()) if x[0] != x[1])[:2000]


def check_romeo(t, version):
    romeo, carl = login(t, "romeo@" + NEW), login(t, "carl@" + OTHER)
    ver, items = roster(romeo)
    assert ver != version, "a client that has the old roster is not told"
    assert items == {"juliet@" + NEW: ("both", "Juliet of " + OLD, None),
                     "carl@" + OTHER: ("both", None, None)}, items
    assert roster(carl)[1] == {"romeo@" + NEW: ("both", None, None),
                               "juliet@" + NEW: ("none", None, "subscribe")}, roster(carl)
    assert b"http://old.example/" in ET.tostring(romeo.iq(None, "<vCard xmlns='vcard-temp'/>"))
    assert b"mine" in ET.tostring(romeo.iq(None, PRIVATE % ""))
    assert blocked(romeo) == {"spam@%s/r" % NEW, "bad." + OLD}, blocked(romeo)
    assert prefs(romeo) == ["spam@" + NEW]
    assert with_contact(romeo, "juliet@" + NEW) == ["to juliet %d" % i for i in range(40)] + [
        "it waits at old.example"]
    assert with_contact(romeo, "carl@" + OTHER) == ["from carl %d" % i for i in range(40)]
    assert with_contact(carl, "romeo@" + NEW) == ["from carl %d" % i for i in range(40)]
    check_nodes(t, romeo)
    carl.message("romeo@" + NEW, "and more")
    romeo.expect_body("and more")
    until("it is archived", lambda: with_contact(carl, "romeo@" + NEW)[-1] == "and more")
    romeo.close(), carl.close()


def check_juliet(t):
    """Juliet gets her waiting messages from the new address; and presence goes between the two."""
    romeo = login(t, "romeo@" + NEW)
    juliet = t.login("juliet", host=NEW, available=False)
    juliet.send("<presence/>")
    seen = {}
    while len(seen) < 3:
        e = juliet.recv()
        if e.findtext("{%s}body" % CLIENT):
            seen["message"] = e.get("from"), e.get("to")
        elif e.get("type") == "subscribe":
            seen["request"] = e.get("from"), e.get("to")
        elif (e.get("from") or "").startswith("romeo@"):
            seen["presence"] = e.get("from"),
    assert seen["message"] == ("romeo@%s/r" % NEW, "juliet@" + NEW), seen
    assert seen["request"] == ("carl@" + OTHER, "juliet@" + NEW), seen
    assert seen["presence"] == ("romeo@%s/r" % NEW,), seen
    romeo.close(), juliet.close()


@check
def a_rename_that_cannot_be(t):
    assert not t.terminate()
    before = sorted(os.listdir(t.state))
    for words, code, why in (((OLD, "x.example"), 1, "no account has the host"),
                             ((NEW, OTHER), 1, "already"), ((NEW, NEW), 1, "the same"),
                             (("a@b", NEW), 1, "not a host"), ((NEW,), 100, "usage"),
                             ((NEW, ("x" * 60 + ".") * 3 + "example"), 111, "nothing has changed")):
        if code == 111:
            long = "l" * 400
            t.start()
            t.ctl("account", "add", "%s@%s" % (long, NEW), input=PW + "\n")
            assert not t.terminate()
        got, out, err = t.ctl("host", "rename", *words, code=None)
        assert got == code and why in err, (words, got, err)
    subprocess.run(["mkdir", "-p", t.state + "/data/uploads"], check=True)
    with open(t.state + "/data/uploads/file", "w") as f:
        f.write("of a later program")
    got, out, err = t.ctl("host", "rename", NEW, OLD, code=None)
    assert got == 111 and "uploads" in err, (got, err)
    assert sorted(os.listdir(t.state)) == before, "something is left"
    t.start()
    login(t, "romeo@" + NEW).close()


@check
def invitations_end_with_the_account(t):
    """The store finds the invitations of an account by a hash of its new address."""
    t.ctl("account", "erase", "romeo@" + NEW)
    assert t.ctl("invite", "list", NEW, records=True).count("\n") == 1


main(Tree(hosts=(OLD, OTHER), accounts=ACCOUNTS,
          modules=MODULES + "\nmod_muc: {host: rooms.example}"
          "\nmod_register: {}\nmod_invites: {access_create_account: local}"
          "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, hometree, pep]}"))
