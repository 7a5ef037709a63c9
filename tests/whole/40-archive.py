#!/usr/bin/python3
"""XEP-0313: clients page through archives and catch up; ids are the same everywhere; what
xmpp-mamd has acknowledged is in both archives once, though it was killed or had no room."""
from slix import session
from slixmpp.plugins import xep_0082

from tree import *

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
SID = "urn:xmpp:sid:0"
FORWARD = "urn:xmpp:forward:0"
CARBONS = "urn:xmpp:carbons:2"
DATA = "jabber:x:data"
SM = "urn:xmpp:sm:3"


# ---- queries by hand


def field(var, value):
    return "<field var='%s'><value>%s</value></field>" % (var, value)


def query(s, rsm="", **fields):
    """Ask for a page: the list of (id, body), and the fin element."""
    form = "".join(field(k, v) for k, v in fields.items())
    if form:
        form = "<x xmlns='%s' type='submit'>%s%s</x>" % (DATA, field("FORM_TYPE", MAM), form)
    i = s.next_id()
    s.send("<iq type='set' id='%s'><query xmlns='%s' queryid='%s'>%s<set xmlns='%s'>%s</set>"
           "</query></iq>" % (i, MAM, i, form, RSM, rsm))
    got = []
    while True:
        e = s.expect(lambda e: e.get("id") == i or
                     e.find("{%s}result" % MAM) is not None)
        if e.get("id") == i:
            assert e.get("type") == "result", ET.tostring(e).decode()
            return got, e.find("{%s}fin" % MAM)
        r = e.find("{%s}result" % MAM)
        assert r.get("queryid") == i, ET.tostring(e).decode()
        got.append((r.get("id"), r.findtext(".//{%s}body" % CLIENT)))


def everything(s, **fields):
    """All pages, forwards: the list of (id, body)."""
    got, after = [], ""
    while True:
        page, fin = query(s, "<max>100</max>" + after, **fields)
        got += page
        if fin.get("complete") == "true":
            return got
        after = "<after>%s</after>" % page[-1][0]


def backwards(s, **fields):
    """All pages, from the last one on: the list of (id, body), oldest first."""
    got, before = [], "<before/>"
    while True:
        page, fin = query(s, "<max>70</max>" + before, **fields)
        got = page + got
        if fin.get("complete") == "true":
            return got
        before = "<before>%s</before>" % page[0][0]


def bodies(pairs):
    return [b for _, b in pairs]


def check_once(got, want, what):
    assert got == want, "%s: %d of %d, %d of them different; lost %s, too many %s" % (
        what, len(got), len(want), len(set(got)), sorted(set(want) - set(got))[:5],
        sorted(x for x in set(got) if got.count(x) > want.count(x))[:5])


def say(s, to, texts):
    """Send these; the messages that came meanwhile."""
    for x in texts:
        s.message(to, x)
    return s.messages_until_ping()


# ---- slixmpp


def result_body(msg):
    return msg["mam_result"]["forwarded"]["stanza"]["body"]


def total(count, of_nurse):
    """Romeo says count things to juliet; each seventh is the nurse's."""
    return ["n%d" % i if i % 7 == 0 else "r%d" % i for i in range(count)
            if not of_nurse or i % 7 == 0]


@check
def slixmpp_pages_through_500(t):
    romeo, nurse = t.login("romeo"), t.login("nurse")
    juliet = t.login("juliet", available=False)
    half = None
    for i in range(500):
        (nurse if i % 7 == 0 else romeo).message("juliet@localhost",
                                                 ("n%d" if i % 7 == 0 else "r%d") % i)
        # The streams begin one after the other, so that the order is known.
        if i % 7 in (0, 6):
            (nurse if i % 7 == 0 else romeo).ping()
        if i == 249:
            romeo.ping()
            half = until("half", lambda: query(juliet, "<max>1</max><before/>")[0]
                         or None)[0]
    romeo.ping()
    until("all 500", lambda: query(juliet, "<max>0</max>")[1].findtext(
        ".//{%s}count" % RSM) == "500")
    assert half[1] == "r249", half
    want = total(500, False)
    e = juliet.iq(None, "<metadata xmlns='%s'/>" % MAM).find("{%s}metadata" % MAM)
    first = e.find("{%s}start" % MAM).get("timestamp")

    async def work(c):
        out = {}
        async def pages(name, **kw):
            got = []
            async for page in c["xep_0313"].retrieve(iterator=True, **kw):
                got.append([result_body(m) for m in page["mam"]["results"]])
            out[name] = got
        await pages("forwards", rsm={"max": 70})
        await pages("nurse", rsm={"max": 10}, with_jid="nurse@localhost")
        await pages("late", rsm={"max": 250}, start=xep_0082.parse(first))
        return out

    out = session(t, work, "juliet@localhost/slix", ["xep_0313"])
    check_once(sum(out["forwards"], []), want, "forwards")
    # The iterator of slixmpp ends after one page when it goes backwards.
    check_once(bodies(backwards(juliet)), want, "backwards")
    check_once(bodies(backwards(juliet, **{"with": "nurse@localhost"})), total(500, True),
               "backwards with the nurse")
    check_once(sum(out["nurse"], []), total(500, True), "with the nurse")
    check_once(sum(out["late"], []), want, "since the first")
    check_once(bodies(everything(juliet, **{"after-id": half[0]})), want[250:], "the rest")
    for s in (romeo, nurse, juliet):
        s.close()


@check
def second_device_catches_up(t):
    mercutio, phone = t.login("mercutio"), t.login("tybalt", "phone")
    laptop = t.login("tybalt", "laptop")
    say(mercutio, phone.jid.split("/")[0], ["a%d" % i for i in range(30)])
    laptop.expect_bodies(["a%d" % i for i in range(30)])
    last = everything(laptop)[-1][0]
    laptop.close()
    say(mercutio, "tybalt@localhost", ["b%d" % i for i in range(120)])
    phone.expect_bodies(["%s%d" % (x, i) for x, n in (("a", 30), ("b", 120))
                         for i in range(n)])
    say(phone, "mercutio@localhost", ["c%d" % i for i in range(10)])
    laptop = t.login("tybalt", "laptop", available=False)
    want = ["b%d" % i for i in range(120)] + ["c%d" % i for i in range(10)]
    page, fin = query(laptop, "<max>50</max><after>%s</after>" % last)
    got = page
    while fin.get("complete") != "true":
        page, fin = query(laptop, "<max>50</max><after>%s</after>" % got[-1][0])
        got += page
    check_once(bodies(got), want, "behind what it had")
    # Messages that the archive gave do not come a second time as messages that waited.
    laptop.send("<presence/>")
    more = laptop.messages_until_ping() + laptop.messages_until_ping()
    assert not more, [ET.tostring(e) for e in more]
    for s in (mercutio, phone, laptop):
        s.close()


def sid(e, jid):
    found = [x.get("id") for x in e.iter("{%s}stanza-id" % SID) if x.get("by") == jid]
    assert len(found) == 1, ET.tostring(e).decode()
    return found[0]


@check
def the_same_id_everywhere(t):
    a, b = t.login("paris", "one"), t.login("paris", "two")
    peter = t.login("peter")
    b.iq(None, "<enable xmlns='%s'/>" % CARBONS, "set")
    say(peter, a.jid, ["in"])
    live = sid(a.expect_body("in"), "paris@localhost")
    say(a, "peter@localhost", ["out"])
    ids = {}
    for _ in range(2):
        e = b.expect(lambda e: e.find(".//{%s}forwarded" % FORWARD) is not None)
        ids[e.findtext(".//{%s}body" % CLIENT)] = sid(e, "paris@localhost")
    mine = {text: i for i, text in everything(a)}
    assert ids == mine and mine["in"] == live, (ids, mine, live)
    e = peter.expect_body("out")
    theirs = {text: i for i, text in everything(peter)}
    assert sid(e, "peter@localhost") == theirs["out"], (theirs, ET.tostring(e))
    for s in (a, b, peter):
        s.close()


def set_prefs(s, default, always=(), never=()):
    e = s.iq(None, "<prefs xmlns='%s' default='%s'><always>%s</always><never>%s</never></prefs>"
             % (MAM, default, "".join("<jid>%s</jid>" % x for x in always),
                "".join("<jid>%s</jid>" % x for x in never)), "set")
    assert e.get("type") == "result", ET.tostring(e).decode()


@check
def preferences_decide(t):
    s, o, p = t.login("sampson"), t.login("gregory"), t.login("peter")
    e = s.iq(None, "<query xmlns='jabber:iq:roster'><item jid='gregory@localhost'/></query>",
             "set")
    assert e.get("type") == "result", ET.tostring(e).decode()
    for n, (default, kw) in enumerate((("never", {}), ("roster", {}),
                                       ("always", {"never": ["gregory@localhost"]}))):
        set_prefs(s, default, **kw)
        say(o, "sampson@localhost", ["%dg" % n])
        say(p, "sampson@localhost", ["%dp" % n])
        s.expect_bodies(["%dg" % n, "%dp" % n])
        say(s, "gregory@localhost", ["%ds" % n])
    check_once(sorted(bodies(everything(s))), ["1g", "1s", "2p"], "the archive of sampson")
    check_once(bodies(everything(o)), ["0g", "0s", "1g", "1s", "2g", "2s"], "of gregory")
    for x in (s, o, p):
        x.close()


# ---- mamd dies, or has no room


class Sender(threading.Thread):
    """Sends messages with stream management until it is told to end; counts what the server
    acknowledged, and what came back as errors."""

    def __init__(self, tree, user, to, pause=0.003):
        super().__init__(daemon=True)
        self.s, self.to, self.pause = tree.login(user), to, pause
        self.s.send("<enable xmlns='%s'/>" % SM)
        self.s.expect_tag(SM, "enabled")
        self.sent, self.acked, self.handled, self.errors = 0, 0, 0, []
        self.ending, self.failed = False, None
        self.start()

    def take(self):
        while self.s.queue:
            e = self.s.queue.pop(0)
            if e.tag == "{%s}a" % SM:
                self.acked = int(e.get("h"))
            elif e.tag == "{%s}r" % SM:
                self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.handled))
            elif e.tag.startswith("{%s}" % CLIENT):
                self.handled += 1
            if e.get("type") == "error":
                self.errors.append(e.get("id"))

    def step(self, seconds):
        self.s.send("<r xmlns='%s'/>" % SM)
        try:
            self.s.pump(time.monotonic() + seconds)
        except AssertionError:
            pass
        self.take()

    def run(self):
        try:
            while not self.ending:
                self.s.send("<message type='chat' to='%s' id='%d'><body>%d</body></message>" % (
                    self.to, self.sent, self.sent))
                self.sent += 1
                self.step(0.001)
                time.sleep(self.pause)
        except Exception as e:
            self.failed = repr(e)

    def stop(self):
        self.ending = True
        self.join(DEADLINE)
        assert not self.failed, self.failed

    def settle(self):
        def done():
            self.step(0.05)
            return self.acked >= self.sent
        until("the acknowledgement of all %d messages" % self.sent, done)


@check
def mamd_is_killed_while_messages_flow(t):
    t.add("left@localhost")
    t.add("right@localhost")
    one = Sender(t, "left", "right@localhost")
    two = Sender(t, "right", "left@localhost")
    for i in range(2):
        time.sleep(0.3)
        pid = t.pid("mamd")
        os.kill(pid, signal.SIGKILL)
        until("another mamd", lambda: t.pid("mamd") not in (-1, pid))
    t.wait_ready()
    for x in (one, two):
        x.stop()
    for x in (one, two):
        x.settle()
        assert x.sent > 50 and not x.errors, (x.sent, x.errors)
        x.s.close()
    for me, other, x, y in (("left", "right", one, two), ("right", "left", two, one)):
        s = t.login(me, "reader", available=False)
        got = everything(s)
        assert len(set(i for i, _ in got)) == len(got)
        # The two talkers count from 0 on; the messages of each are in order.
        assert len(got) == x.sent + y.sent, (len(got), x.sent, y.sent)
        both = bodies(got)
        check_once(sorted(both), sorted([str(i) for i in range(x.sent)] +
                                        [str(i) for i in range(y.sent)]), "archive of " + me)
        s.close()


@check
def ctl_shows_and_purges(t):
    jid = "gregory@localhost"
    stat = dict(x.split("\t")[-2:] for x in
                t.ctl("archive", "stat", jid, records=True).splitlines())
    assert stat["messages"] == "6", stat
    rows = t.ctl("archive", "export", jid).splitlines()
    assert len(rows) == 6 and "0g" in rows[0] and "2s" in rows[5], rows
    t.ctl("archive", "purge", jid, stat["last"])
    assert len(t.ctl("archive", "export", jid).splitlines()) == 1
    t.ctl("archive", "purge", jid)
    assert t.ctl("archive", "export", jid) == ""
    # The other side of the conversation stays.
    assert len(t.ctl("archive", "export", "sampson@localhost").splitlines()) == 3
    assert t.ctl("du", "sampson@localhost").split()[1] == "archive"
    assert int(t.ctl("du", "sampson@localhost").split()[0]) > int(t.ctl("du", jid).split()[0]) == 0
    code, _, err = t.ctl("archive", "stat", "nobody@localhost", code=None)
    assert code and "no such account" in err, (code, err)


@check
def ctl_goes_away_in_the_middle(t):
    """An xmpp-ctl that goes away ends its command, and harms nobody."""
    pid = t.pid("mamd")
    for what in ("export", "purge") * 20:
        s = socket.socket(socket.AF_UNIX)
        s.connect(t.state + "/run/mamd/control")
        s.sendall(b"hello\txmpp-ctl\t0.1\tctl\t1\narchive\t%s\tnurse@localhost\n" %
                  what.encode())
        s.close()
    t.ctl("archive", "stat", "nurse@localhost")
    assert t.pid("mamd") == pid


@check
def a_deleted_account_leaves_nothing(t):
    """Messages of the account stay with its contacts; the next account of the name sees none of
    them."""
    jid = "balthasar@localhost"
    t.ctl("account", "add", jid, input=PW + "\n")
    b, r = t.login("balthasar"), t.login("romeo", "tomb")
    for n in range(3):
        b.message(r.jid, "news %d" % n)
        r.expect_body("news %d" % n)
    b.close()
    r.close()
    assert len(t.ctl("archive", "export", jid).splitlines()) == 3
    t.ctl("account", "del", jid)
    t.kill("mamd")    # mamd is told when an account ends, and asks again when it starts
    until("the end of the archive", lambda: "account-erased" in t.log("mamd"))
    t.wait_ready()
    until("the name to be free", lambda: t.ctl("account", "add", jid, input=PW + "\n", code=None)[0] == 0)
    assert t.ctl("archive", "export", jid) == ""
    kept = [x for x in t.ctl("archive", "export", "romeo@localhost").splitlines() if "news " in x]
    assert len(kept) == 3, kept


main(Tree(accounts=["%s@localhost" % x for x in (
    "romeo nurse juliet mercutio tybalt paris peter sampson gregory").split()]))
