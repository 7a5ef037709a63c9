"""Accounts that move here from a server of another maker: what clients fill it with there, and find here."""
from tree import *

HOSTS = ("example.com", "other.example")
PEOPLE = ["juliet@example.com", "romeo@example.com", "nurse@example.com", "paris@other.example"]


def login_here(t, jid):
    s = t.stream(host=jid.split("@")[1])
    s.secured()
    assert s.auth_plain(jid.split("@")[0], PW)[0] == "success", jid
    s.bind("r")
    return s


def login_there(peer, jid, available=False):
    s = Stream(peer, host=jid.split("@")[1], secure=False)
    s.open()
    assert s.auth_plain(jid.split("@")[0], PW)[0] == "success"
    s.bind("r")
    if available:
        s.available()
    return s


def is_ready(peer, jid):
    try:
        login_there(peer, jid).close()
    except (OSError, AssertionError, Gone):
        return False
    return True


def result(s, to, payload, type="get"):
    e = s.iq(to, payload, type)
    assert e.get("type") == "result", ET.tostring(e)
    return e[0] if len(e) else None


def befriend(a, b):
    x, y = a.jid.split("/")[0], b.jid.split("/")[0]
    for one, other, its, others in ((a, b, x, y), (b, a, y, x)):
        one.send("<presence type='subscribe' to='%s'/>" % others)
        other.expect(lambda e: e.get("type") == "subscribe" and e.get("from") == its)
        other.send("<presence type='subscribed' to='%s'/>" % its)
        # Either comes first, and ejabberd may say the presence alone.
        one.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("type") in (
            "subscribed", None) and e.get("from").split("/")[0] == others)


def fill(e):
    juliet, romeo = login_there(e, "juliet@example.com", True), login_there(e, "romeo@example.com", True)
    paris = login_there(e, "paris@other.example", True)
    befriend(juliet, romeo)
    befriend(romeo, paris)
    result(juliet, None, "<query xmlns='jabber:iq:roster'><item jid='romeo@example.com' name='R &amp; "
                         "\u00fc'><group>Friends</group><group>A'b</group></item></query>", "set")
    result(juliet, None, "<vCard xmlns='vcard-temp'><FN>Juliet \u4e2d</FN><DESC>a&lt;b\n c</DESC>"
                         "</vCard>", "set")
    result(juliet, None, "<query xmlns='jabber:iq:private'><x xmlns='urn:my' a=\"'\">p</x></query>",
           "set")
    result(juliet, None, "<block xmlns='urn:xmpp:blocking'><item jid='spam@example.net'/></block>",
           "set")
    juliet.close()
    paris.send("<presence type='subscribe' to='juliet@example.com'/>")
    romeo.message("juliet@example.com", "it waits & <waits>".replace("&", "&amp;").replace("<", "&lt;"))
    paris.message("juliet@example.com", "from the other host")
    nurse = login_there(e, "nurse@example.com")
    nurse.send("<presence type='subscribe' to='away@example.net'/>")
    for s in (nurse, romeo, paris):
        s.ping()
        s.close()


# Further accounts (make check-peers MOVES=1000).
N = int(os.environ.get("MOVES", "50"))


class More:
    """What a server keeps of an account beside what all keep: requests that fill it, and read it."""
    queries = ()

    def sets(self, i):
        return ()

    def see(self, s, i, n):
        """Look at what account i of n has, in a session of its own here."""


QUERIES = ("<query xmlns='jabber:iq:roster'/>", "<vCard xmlns='vcard-temp'/>",
           "<query xmlns='jabber:iq:private'><x xmlns='urn:my'/></query>")


def ask(s, kind, queries, behind=""):
    """The answers to requests that are sent in one piece."""
    ids = [s.next_id() for _ in queries]
    s.send("".join("<iq type='%s' id='%s'>%s</iq>" % (kind, *q) for q in zip(ids, queries)) + behind)
    got = [s.expect(lambda e: e.get("id") in ids and e.tag.endswith("}iq")) for _ in ids]
    assert all(e.get("type") == "result" for e in got), [ET.tostring(e) for e in got]
    return {e.get("id"): e for e in got}, ids


def look_at_one(s, more):
    got, ids = ask(s, "get", QUERIES + more.queries)
    return [ET.canonicalize(re.sub(" ver=\"[^\"]*\"", "", ET.tostring(got[i][0]).decode())) for i in ids]


def fill_one(peer, people, i, more):
    """Give the account all that an export has, and write a message to the next. What its clients see."""
    s = login_there(peer, people[i])
    ask(s, "set", (
        "<query xmlns='jabber:iq:roster'><item jid='c%d@example.net' name='N %d &lt;'><group>G%d</group>"
        "</item></query>" % (i, i, i % 7),
        "<vCard xmlns='vcard-temp'><FN>F %d</FN><NICKNAME>中&amp;%d</NICKNAME></vCard>" % (i, i),
        "<query xmlns='jabber:iq:private'><x xmlns='urn:my' n='%d'><y>%d</y></x></query>" % (i, i))
        + more.sets(i),
        "<message type='chat' to='%s'><body>from %d</body></message>" % (people[(i + 1) % len(people)], i))
    out = look_at_one(s, more)
    s.send("</stream:stream>")
    s.abort()       # ejabberd ends its stream only after 80 ms
    return out


def see_one(t, people, i, there, more):
    """Compare the account, and the message that waits for it, with what was there."""
    s = login_here(t, people[i])
    here = look_at_one(s, more)
    assert here == there, "%s\n%s\n%s" % (people[i], here, there)
    s.send("<presence/>")
    s.expect_body("from %d" % ((i - 1) % len(people)))
    more.see(s, i, len(people))
    s.close()


def roster(s):
    return {i.get("jid"): (i.get("name") or None, i.get("subscription"), i.get("ask"),
                           sorted(g.text for g in i))
            for i in result(s, None, "<query xmlns='jabber:iq:roster'/>")}


def seen(server, login):
    """Read juliet's data as her clients see them, and the rosters of all."""
    out = {}
    for jid in PEOPLE:
        s = login(server, jid)
        out[jid] = roster(s)
        if jid.startswith("juliet"):
            for q in ("<vCard xmlns='vcard-temp'/>",
                      "<query xmlns='jabber:iq:private'><x xmlns='urn:my'/></query>",
                      "<blocklist xmlns='urn:xmpp:blocking'/>"):
                out[q] = ET.canonicalize(ET.tostring(result(s, None, q)))
        s.close()
    return out


def what_waits(t):
    """Juliet comes online, and gets the request and the messages that came when she was away."""
    s = login_here(t, "juliet@example.com")
    s.send("<presence/>")
    got = set()
    while len(got) < 3:
        e = s.recv()
        if e.get("type") == "subscribe":
            got.add(e.get("from"))
        elif e.findtext("{%s}body" % CLIENT):
            assert e.find("{urn:xmpp:delay}delay") is not None
            got.add(e.findtext("{%s}body" % CLIENT))
    assert got == {"paris@other.example", "it waits & <waits>", "from the other host"}, got
    s.close()


def move(t, peer, people, export, *words, again=0, more=More()):
    """fill has been called. export ends the other server, and gives what it has kept: again, users whose
    account and data lie in two places. People behind PEOPLE are filled here, with more too."""
    before, others = seen(peer, login_there), people[len(PEOPLE):]
    there = [fill_one(peer, others, i, more) for i in range(len(others))]
    folder = export()
    t.terminate()
    code, out, err = t.ctl("import", *words, folder, code=None)
    assert code == 0 and out.startswith("%d accounts made, %d were there, " % (
        len(people), again)), (out, err)
    out = t.ctl("import", *words, folder)
    assert out == "0 accounts made, %d were there, 0 items, 0 messages, 0 refused\n" % (
        len(people) + again), out
    t.start()
    after = seen(t, login_here)
    assert after == before, "\n%r\n%r" % (before, after)
    what_waits(t)
    for i, one in enumerate(there):
        see_one(t, others, i, one, more)
