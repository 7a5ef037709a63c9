#!/usr/bin/python3
"""Accounts and hosts as clients use them: vCards and avatars, private XML, last activity, disco,
commands, announcements."""
from people import *

R, J, A = "romeo@localhost", "juliet@example.org", "admin@localhost"
N = "nurse@localhost"
VERSION = "jabber:iq:version"
TIME = "urn:xmpp:time"
COMMANDS = "http://jabber.org/protocol/commands"
NOT_THERE = ("cancel", "service-unavailable")
ADMIN = "http://jabber.org/protocol/admin"
FORM = "jabber:x:data"
PNG = base64.b64encode(b"\x89PNG not really a picture").decode()
HASH = hashlib.sha1(base64.b64decode(PNG)).hexdigest()


def photo(e):
    return e.findtext("{%s}x/{%s}photo" % (UPDATE, UPDATE))


@check
def vcards_and_avatars(t):
    """XEP-0054; XEP-0153 s3: contacts hear of a picture at once, and whoever comes later."""
    r, j = Person(t, R + "/r", plugins=("xep_0054",)), Person(t, J + "/r")
    r.presence(J, "subscribe")
    settle(r, j)
    j.presence(R, "subscribed")
    forget(r, j)
    j.ask("get", None, "<vCard xmlns='%s'/>" % VCARD, fails=("cancel", "item-not-found"))
    j.ask("set", None, "<vCard xmlns='%s'><FN>Juliet ☃</FN><PHOTO><TYPE>image/png</TYPE>"
          "<BINVAL>%s</BINVAL></PHOTO></vCard>" % (VCARD, PNG))
    e = r.expect("the new picture", lambda e: e.get("from") == j.jid and photo(e))
    assert photo(e) == HASH, ET.tostring(e)
    card = r.ask("get", J, "<vCard xmlns='%s'/>" % VCARD)
    assert text(card, "FN", VCARD) == "Juliet ☃", ET.tostring(card)
    assert card.find(".//{%s}BINVAL" % VCARD).text == PNG, ET.tostring(card)
    got = LOOP.run_until_complete(r.plugin["xep_0054"].get_vcard(J, timeout=DEADLINE))
    assert text(got["vcard_temp"].xml, "FN", VCARD) == "Juliet ☃", got
    r.ask("set", J, "<vCard xmlns='%s'/>" % VCARD, fails=("auth", "forbidden"))
    restart(t, "userd")
    late = Person(t, R + "/late")
    e = late.expect("her presence", lambda e: kind(e) == "presence" and e.get("from") == j.jid)
    assert photo(e) == HASH, ET.tostring(e)
    j.ask("set", None, "<vCard xmlns='%s'><FN>Juliet</FN></vCard>" % VCARD)
    late.expect("no picture", lambda e: e.get("from") == j.jid and photo(e) == "")
    away(r, late, j)


@check
def private_xml(t):
    """XEP-0049, with a bookmark as clients keep it."""
    a, b = Person(t, R + "/a"), Person(t, R + "/b")
    get = "<query xmlns='%s'><storage xmlns='storage:bookmarks'/></query>" % PRIVATE
    e = a.ask("get", None, get)
    assert len(e) == 1 and len(e[0]) == 0, ET.tostring(e)
    a.ask("set", None, "<query xmlns='%s'><storage xmlns='storage:bookmarks'><conference "
          "name='&lt;x&gt;' autojoin='1' jid='x@conference.test'><nick>n</nick></conference>"
          "</storage></query>" % PRIVATE)
    restart(t, "userd")
    e = b.ask("get", None, get).find(".//{storage:bookmarks}conference")
    assert e.get("name") == "<x>" and e.findtext("{storage:bookmarks}nick") == "n"
    j = Person(t, J + "/r")
    j.ask("get", R, get, fails=("auth", "forbidden"))
    away(a, b, j)


@check
def what_an_account_stores_is_bounded(t):
    """Roster and private XML have a limit of bytes: what is too much is refused, what there is
    can be read."""
    a = Person(t, N + "/a")
    full = ("wait", "resource-constraint")
    groups = "".join("<group>%s%d</group>" % ("g" * 1000, i) for i in range(64))
    put = "<query xmlns='%s'><item jid='c%%d@far.example'>%s</item></query>" % (ROSTER, groups)
    refused = False
    for i in range(70):
        if refused:
            a.ask("set", None, put % i, fails=full)
        else:
            e = a.ask_later("set", None, put % i)()
            refused = e.get("type") == "error"
            assert not refused or i > 10, i
    assert refused
    e = a.ask("get", None, "<query xmlns='%s'/>" % ROSTER)
    assert len(list(e.iter("{%s}item" % ROSTER))) > 10
    for i in range(8):
        a.ask("set", None, "<query xmlns='%s'><x xmlns='urn:x:%d'>%s</x></query>" % (
            PRIVATE, i, "p" * 127000))
    more = "<query xmlns='%s'><x xmlns='urn:more'>%s</x></query>" % (PRIVATE, "p" * 127000)
    a.ask("set", None, more, fails=full)
    a.ask("set", None, "<query xmlns='%s'><x xmlns='urn:x:0'/></query>" % PRIVATE)
    a.ask("set", None, more)
    away(a)


@check
def last_activity(t):
    """XEP-0012: 0 while one is there; then since when, and with which words."""
    r, j = Person(t, N + "/r"), Person(t, J + "/r")
    last = "<query xmlns='%s'/>" % LAST
    r.ask("get", J, last, fails=("auth", "forbidden"))
    r.presence(J, "subscribe")
    settle(r, j)
    j.presence(N, "subscribed")
    settle(r, j)
    assert r.ask("get", J, last).get("seconds") == "0"
    j.presence(type="unavailable", status="good night")
    settle(r, j)
    j.leave()
    e = r.ask("get", J, last)
    assert int(e.get("seconds")) <= DEADLINE and e.text == "good night", ET.tostring(e)
    restart(t, "userd")
    e = r.ask("get", J, last)
    assert int(e.get("seconds")) <= DEADLINE and e.text == "good night", ET.tostring(e)
    up = int(r.ask("get", "localhost", last).get("seconds"))
    assert 0 <= up < 3600, up
    r.leave()


def features(e):
    return {f.get("var") for f in e.iter("{%s}feature" % INFO)}


def identities(e):
    return {(i.get("category"), i.get("type")) for i in e.iter("{%s}identity" % INFO)}


@check
def disco(t):
    """XEP-0030 s8: of the host, of one's account and a contact's, and nothing of a stranger's."""
    r, j = Person(t, R + "/r", plugins=("xep_0030",)), Person(t, J + "/r")
    info = "<query xmlns='%s'/>" % INFO
    host = r.ask("get", "localhost", info)
    assert ("server", "im") in identities(host), ET.tostring(host)
    expected = {INFO, ITEMS, PING, VERSION, TIME, LAST, VCARD, BLOCKING, CARBONS,
                COMMANDS}
    assert expected <= features(host), expected - features(host)
    own = r.ask("get", R, info)
    assert ("account", "registered") in identities(own), ET.tostring(own)
    assert {INFO, CARBONS, PRIVATE, LAST, VCARD} <= features(own), features(own)
    got = LOOP.run_until_complete(r.plugin["xep_0030"].get_info(jid="example.org",
                                                               timeout=DEADLINE))
    assert "jabber:iq:version" in got["disco_info"]["features"]
    assert features(r.ask("get", J, info)) == features(own)
    for stranger in (N, "nobody@example.org"):
        r.ask("get", stranger, info, fails=NOT_THERE)
        assert len(r.ask("get", stranger, "<query xmlns='%s'/>" % ITEMS)) == 0
    r.ask("get", "localhost", "<query xmlns='%s'/>" % ITEMS)
    restart(t, "hostd")
    again = r.ask("get", "localhost", info)
    assert (features(again), identities(again)) == (features(host), identities(host))
    away(r, j)


@check
def version_time_uptime(t):
    r = Person(t, R + "/r")
    v = r.ask("get", "localhost", "<query xmlns='%s'/>" % VERSION)
    assert text(v, "name", VERSION) == "tabber" and text(v, "version", VERSION), ET.tostring(v)
    x = r.ask("get", "localhost", "<time xmlns='%s'/>" % TIME)
    assert re.match(r"^\d{4}-\d\d-\d\dT.*Z$", text(x, "utc", TIME)), ET.tostring(x)
    r.leave()


def command(p, node, fields=None, session=None, fails=None, host="localhost"):
    """Play one step of a command; the <command/> of the answer."""
    form = "" if fields is None else "<x xmlns='%s' type='submit'>%s</x>" % (FORM, "".join(
        "<field var='%s'>%s</field>" % (k, "".join("<value>%s</value>" % x for x in v))
        for k, v in dict(fields, FORM_TYPE=[ADMIN]).items()))
    return p.ask("set", host, "<command xmlns='%s' node='%s'%s%s>%s</command>" % (
        COMMANDS, node, " sessionid='%s'" % session if session else "",
        " action='complete'" if session else "", form), fails)


def run(p, name, **fields):
    """A command with one form, to its end."""
    e = command(p, ADMIN + "#" + name)
    if fields:
        assert e.get("status") == "executing", ET.tostring(e)
        asked = {f.get("var") for f in e.iter("{%s}field" % FORM)}
        assert set(fields) <= asked, asked
        e = command(p, ADMIN + "#" + name, fields, e.get("sessionid"))
    assert e.get("status") == "completed", ET.tostring(e)
    return {f.get("var"): [v.text for v in f.iter("{%s}value" % FORM)]
            for f in e.iter("{%s}field" % FORM)}


@check
def commands_of_an_administrator(t):
    """XEP-0050, XEP-0133: whoever may, sees and runs them; nobody else."""
    a, r = Person(t, A + "/r"), Person(t, R + "/r")
    items = "<query xmlns='%s' node='%s'/>" % (ITEMS, COMMANDS)
    nodes = {i.get("node") for i in a.ask("get", "localhost", items)}
    for name in ("add-user", "delete-user", "end-user-session", "get-online-users-num",
                 "user-stats", "announce", "set-motd", "change-user-password"):
        assert ADMIN + "#" + name in nodes, (name, nodes)
    assert [i for i in r.ask("get", "localhost", items) if "admin" in i.get("node")] == []
    command(r, ADMIN + "#add-user", fails=("auth", "forbidden"))
    run(a, "add-user", accountjid=["tybalt@localhost"], password=["sword"],
        **{"password-verify": ["sword"]})
    t.login("tybalt", password="sword").close()
    run(a, "change-user-password", accountjid=["tybalt@localhost"], password=[PW])
    x = Person(t, "tybalt@localhost/r")
    assert "tybalt@localhost" in t.ctl("account", "list")
    assert run(a, "get-online-users-num")["onlineusersnum"] == ["3"]
    stats = run(a, "user-stats", accountjid=["tybalt@localhost"])
    assert stats["onlineresources"] == ["r"], stats
    run(a, "end-user-session", accountjids=["tybalt@localhost"])
    wait("the end of his session", lambda: x.gone)
    run(a, "delete-user", accountjids=["tybalt@localhost"])
    assert "tybalt@localhost" not in t.ctl("account", "list")
    away(a, r)


@check
def announcements(t):
    """mod_announce: to all that are online, once each account; the message of the day."""
    a, r, r2 = Person(t, A + "/r"), Person(t, R + "/1"), Person(t, R + "/2")
    j = Person(t, J + "/r")
    r2.presence(priority=-1)
    forget(a, r, r2, j)
    a.say("localhost/announce/online", "we close at ten")
    r.expect("the announcement", lambda e: e.get("from") == "localhost" and
             text(e, "body") == "we close at ten")
    settle(a, r, r2, j)
    assert r2.news() == j.news() == [], "twice, or at another host"
    r.say("localhost/announce/online", "free beer")
    r.expect("a refusal", lambda e: (error(e) or [None])[0] in ("auth", "cancel"))
    forget(a, r, r2, j)
    run(a, "set-motd", motd=["mind the step"])
    for p in (a, r):
        p.expect("the message of the day", lambda e: "mind the step" in (text(e, "body") or ""))
    r.leave()
    r = Person(t, R + "/1")
    settle(r)
    assert not [x for x in r.news() if "mind" in x], "seen twice"
    run(a, "delete-motd")
    away(a, r, r2, j)


main(Tree(hosts=("localhost", "example.org"), accounts=(R, J, A, N)))
