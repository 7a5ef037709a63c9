#!/usr/bin/python3
"""A trace of a live daemon, played again through its -p, gives the same output byte for byte."""
from traces import *

TRACED = ("c2sd", "routed", "hostd", "authd", "userd")
ALL = TRACED + ("mamd",)
SM, CSI = "urn:xmpp:sm:3", "urn:xmpp:csi:0"
CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"
ROSTER = "<query xmlns='jabber:iq:roster'>%s</query>"
ARCHIVE = "<query xmlns='urn:xmpp:mam:2'/>"
COMMAND = "<command xmlns='http://jabber.org/protocol/commands' node='%s'%s"


ROOM, MUC = "room@conference.localhost", "http://jabber.org/protocol/muc"


def play_in_a_room(t):
    a, b = t.login("a"), t.login("b")

    def enter(s, nick):
        s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (ROOM, nick, MUC))
        s.expect(lambda e: e.find("{%s}subject" % CLIENT) is not None)

    enter(a, "A")
    a.iq(ROOM, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'/></query>" % MUC, "set")
    enter(b, "B")
    b.send("<message type='groupchat' to='%s'><body>in a room</body></message>" % ROOM)
    for s in (a, b):
        s.expect_body("in a room")
    a.iq(ROOM, "<query xmlns='%s#admin'><item nick='B' role='none'/></query>" % MUC, "set")
    enter(b, "C")
    a.send("<presence to='%s/A' type='unavailable'/>" % ROOM)
    a.ping()
    a.close()
    b.close()


def play(t):
    """A short conversation of many kinds."""
    a, b = t.login("a"), t.login("b", direct=True)
    c = t.stream()
    c.secured()
    c.auth_plain("a", "wrong")
    c.auth_scram("nobody", "x", "sha1")
    assert c.auth_scram("a", PW)[0] == "success"
    c.bind()
    c.send("<presence><priority>5</priority></presence>")
    a.message("b@localhost", "hi \\ \t \n &amp; grüße")
    b.expect(lambda e: e.tag.endswith("}message"))
    b.message("a@localhost", "back")
    c.expect_body("back")
    a.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    a.iq("localhost", "<time xmlns='urn:xmpp:time'/>")
    a.iq("b@localhost", "<x xmlns='y'/>")
    a.send("<message to='@' id='x'/>")
    a.ping()
    d = t.login("b", "r")  # conflict with b
    b.stream_error()
    bad = t.stream()
    bad.open()
    bad.send("<!-- -->")
    bad.stream_error()
    for s in (a, c, d):
        s.close()


def copy_data(t, to):
    """A copy of settings and data, for programs that read what they have stored."""
    shutil.copytree(t.state + "/settings", to + "/settings")
    shutil.copytree(t.state + "/data", to + "/data")
    for name in glob.glob(to + "/settings/xmpp-*"):  # the settings name the data by its path
        with open(name) as f:
            text = f.read()
        with open(name, "w") as f:
            f.write(text.replace(t.state + "/data", to + "/data"))


@check
def traces_of_a_conversation(t):
    copy_data(t, t.dir + "/copy")
    for d in TRACED + ("mucd",):
        t.ctl("trace", d, "on", t.dir + "/" + d)
    t.wait_ready()
    play(t)
    play_in_a_room(t)
    until("the streams end", lambda: t.stat("c2sd", "streams") == 0)
    for d in TRACED + ("mucd",):
        t.ctl("trace", d, "off")
    for d in TRACED + ("mucd",):
        assert os.path.getsize("%s/%s.in" % (t.dir, d)) > 100, d + ": nothing was traced"


@check
def c2sd_says_the_same(t):
    same(t, "c2sd", t.state + "/settings")


@check
def routed_says_the_same(t):
    same(t, "routed", t.state + "/settings")


@check
def hostd_says_the_same(t):
    same(t, "hostd", t.state + "/settings")


@check
def authd_says_the_same(t):
    same(t, "authd", t.dir + "/copy/settings")


@check
def userd_says_the_same(t):
    same(t, "userd", t.dir + "/copy/settings")


@check
def mucd_says_the_same(t):
    same(t, "mucd", t.dir + "/copy/settings")


class Middle:
    """Sessions and streams of every kind, and what each does once a trace has begun."""

    def __init__(self, t):
        self.t = t
        self.friends()
        self.managed()
        self.devices()
        self.begun()
        self.waiting()
        self.admin()

    def friends(self):
        """a and b see each other; b blocks c; d has asked and is not answered."""
        t = self.t
        self.a, self.b = t.login("a"), t.login("b")
        self.a.iq(None, ROSTER % "")
        self.b.iq(None, ROSTER % "")
        self.a.send("<presence type='subscribe' to='b@localhost'/>")
        self.b.expect(lambda e: e.get("type") == "subscribe")
        self.b.send("<presence type='subscribed' to='a@localhost'/>"
                    "<presence type='subscribe' to='a@localhost'/>")
        self.a.expect(lambda e: e.get("type") == "subscribe")
        self.a.send("<presence type='subscribed' to='b@localhost'/>")
        self.b.expect(lambda e: e.get("type") == "subscribed")
        self.b.iq(None, "<block xmlns='urn:xmpp:blocking'><item jid='c@localhost'/></block>",
                  "set")
        self.b.iq(None, "<query xmlns='jabber:iq:private'><x xmlns='y'>\\ \t</x></query>", "set")
        self.a.send("<presence to='nobody@localhost/x'/><presence to='c@localhost'/>")
        self.d = t.login("d")
        self.d.iq(None, ROSTER % "")
        self.d.send("<presence type='subscribe' to='c@localhost'/>")
        self.d.ping()

    def enable(self, s):
        s.send("<enable xmlns='%s' resume='true'/>" % SM)
        return s.expect_tag(SM, "enabled").get("id")

    def managed(self):
        """m has stanzas that it does not acknowledge, away has lost its connection with some,
        owed has sent what it wants acknowledged."""
        t = self.t
        self.m, self.away, self.owed = (t.login("m", r) for r in ("m", "away", "owed"))
        self.m_id, self.away_id = self.enable(self.m), self.enable(self.away)
        self.enable(self.owed)
        for i in range(3):
            self.a.message("m@localhost/m", "to m %d" % i)
            self.a.message("m@localhost/away", "to away %d" % i)
        self.m.expect_body("to m 2")
        self.away.expect_body("to away 2")
        self.away.abort()
        t.wait_log("c2sd", "session-away .*m@localhost/away")
        self.a.message("m@localhost/away", "to who is away")
        self.gone = t.login("m", "gone")
        self.gone_id = self.enable(self.gone)
        self.gone.close()

    def devices(self):
        """Two devices of c with carbons, the second inactive."""
        t = self.t
        self.c1, self.c2 = t.login("c", "1"), t.login("c", "2")
        for c in (self.c1, self.c2):
            assert c.iq(None, CARBONS, "set").get("type") == "result"
        self.c2.send("<inactive xmlns='%s'/>" % CSI)
        self.c1.send("<presence><status>held back</status></presence>")
        self.c2.ping()
        self.c1.ping()

    def begun(self):
        """Streams in the middle of something."""
        t = self.t
        self.raw = t.stream()                       # nothing said
        self.header = t.stream()
        self.header.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stre")
        self.featured = t.stream()
        self.featured.open()
        self.challenged = t.stream()
        self.challenged.secured()
        self.challenged.auth_say("auth", b"n,,n=a,r=abcdefgh", "SCRAM-SHA-256")
        assert self.challenged.auth_answer()[0] == "challenge"
        self.failed = t.stream()
        self.failed.secured()
        assert self.failed.auth_plain("a", "wrong")[0] == "failure"
        self.authed = t.stream()
        self.authed.secured()
        assert self.authed.auth_scram("e", PW)[0] == "success"
        self.half, self.tag, self.own = (t.login("e", r) for r in ("half", "tag", "own"))
        self.half.send("<message to='a@localhost/r' type='chat'><body>half a wo")
        self.tag.send("<message to='a@localhost/r' type='chat' i")
        self.own.abort()
        self.own = t.stream()
        self.own.secured()
        self.own.auth_scram("e", PW)
        self.own.begin()
        self.own.send("<stream:stream xmlns='jabber:client' xmlns:stream='%s' xmlns:p='q' "
                      "to='localhost' version='1.0'>" % STREAM)
        self.own.expect_tag(STREAM, "features")
        self.own.send("<iq type='set' id='b'><bind xmlns='%s'/></iq>" % BIND)
        self.own.expect_tag(CLIENT, "iq")

    def waiting(self):
        for i in range(5):
            self.a.message("f@localhost", "for later %d" % i)
        self.a.ping()

    def admin(self):
        """The form of a command, filled in later."""
        self.root = self.t.login("admin")
        node = "http://jabber.org/protocol/admin#get-registered-users-list"
        e = self.root.iq("localhost", COMMAND % (node, " action='execute'/>"), "set")
        self.command = COMMAND % (node, " sessionid='%s'>" % e[0].get("sessionid"))
        self.root.ping()

    # ---- the rest

    def finish_begun(self):
        self.raw.secured()
        self.header.send("am='%s' to='localhost' version='1.0'>" % STREAM)
        self.header.expect_tag(STREAM, "features")
        self.featured.starttls()
        self.featured.open()
        assert self.featured.auth_scram("a", PW)[0] == "success"
        self.challenged.auth_say("response", b"c=biws,r=x,p=AAAA")
        assert self.challenged.auth_answer()[0] == "failure"
        for i in range(3):
            self.failed.auth_plain("a", "wrong")
        self.failed.auth_plain("a", "wrong")
        assert self.failed.stream_error() == "policy-violation"
        self.authed.bind("late")
        self.authed.available()
        self.half.send("rd</body></message>")
        self.a.expect_body("half a word")
        self.tag.send("d='x'><body>a tag</body></message>")
        self.a.expect_body("a tag")
        self.own.send("<message to='a@localhost/r'><body>own</body><p:x/></message>")
        self.a.expect_body("own")

    def finish_managed(self):
        t = self.t
        self.m.send("<a xmlns='%s' h='2'/><r xmlns='%s'/>" % (SM, SM))
        self.m.expect_tag(SM, "a")
        self.owed.message("a@localhost/r", "owed")
        self.owed.send("<r xmlns='%s'/>" % SM)
        self.owed.expect_tag(SM, "a")
        self.resume(self.away_id, 1).expect_body("to who is away")
        self.m.abort()
        self.resume(self.m_id, 3).close()
        late = self.resume(self.gone_id, 0, "failed")
        late.bind_again = True
        late.abort()
        self.owed.abort()

    def resume(self, token, h, answer="resumed"):
        s = self.t.stream()
        s.secured()
        assert s.auth_scram("m", PW)[0] == "success"
        s.open()
        s.send("<resume xmlns='%s' previd='%s' h='%d'/>" % (SM, token, h))
        s.expect_tag(SM, answer)
        return s

    def finish_devices(self):
        self.a.message("c@localhost", "to both")
        self.c1.expect_body("to both")
        self.c1.message("a@localhost", "from one")
        self.a.expect_body("from one")
        self.c2.send("<active xmlns='%s'/>" % CSI)
        self.c2.ping()
        self.c1.message("b@localhost", "blocked")
        self.c1.expect(lambda e: e.get("type") == "error")
        self.c1.send("<presence type='subscribed' to='d@localhost'/>")
        self.d.expect(lambda e: e.get("type") == "subscribed")
        self.c1.iq(None, ROSTER % "<item jid='x@localhost' name='x'/>", "set")
        self.a.iq(None, ROSTER % "<item jid='y@localhost' name='y'/>", "set")
        self.b.iq(None, "<unblock xmlns='urn:xmpp:blocking'/>", "set")

    def finish(self):
        t = self.t
        self.finish_begun()
        self.finish_managed()
        self.finish_devices()
        f = t.login("f", available=False)  # waiting messages may come before an answer
        f.send("<presence/>")
        f.expect_bodies(["for later %d" % i for i in range(5)])
        for s in (self.a, self.c1, f):
            s.iq(None, ARCHIVE, "set")
        self.root.iq("localhost", self.command + "<x xmlns='jabber:x:data' type='submit'/>"
                     "</command>", "set")
        self.root.send("<message to='localhost/announce/online'><body>all</body></message>")
        self.root.expect_body("all")
        self.a.iq("b@localhost", "<query xmlns='jabber:iq:last'/>")
        play(t)
        ended = t.login("f", "ended")
        t.ctl("session", "end", "f@localhost/ended")
        ended.stream_error()
        t.ctl("archive", "purge", "c@localhost")
        for s in (self.b, self.d, self.root, f, self.half, self.authed):
            s.close()
        for s in (self.tag, self.own, self.header, self.featured, self.raw):
            s.abort()


class Crowd(threading.Thread):
    """Clients that talk, come and go all the time; patient ones are refused now and then."""

    def __init__(self, t, users, patient):
        super().__init__(daemon=True)
        self.t, self.users, self.over, self.rnd = t, users, False, random.Random(7)
        self.patient, self.wrong = patient, None

    def one(self):
        t, rnd = self.t, self.rnd
        with_sm = rnd.random() < 0.5
        s = t.login(rnd.choice(self.users), rnd.choice("xyz"))
        if with_sm:
            s.send("<enable xmlns='%s' resume='true'/>" % SM)
        for _ in range(rnd.randrange(12)):
            to = rnd.choice(self.users) + "@localhost"
            rnd.choice((lambda: s.message(to, "hi" * rnd.randrange(300)), s.ping, s.available,
                        lambda: s.iq(None, ARCHIVE, "set"), lambda: s.iq(None, ROSTER % ""),
                        lambda: s.send("<inactive xmlns='%s'/>" % CSI),
                        lambda: s.send("<presence to='%s'/>" % to)))()
        s.close() if rnd.random() < 0.6 else s.abort()

    def run(self):
        while not self.over:
            try:
                self.one()
            except (Gone, OSError):
                pass
            except Exception as e:
                self.wrong = self.wrong or e

    def stop(self):
        self.over = True
        self.join()
        if self.wrong and not self.patient:
            raise self.wrong


def with_data(t, name):
    """Settings beside the copy of the data with which the trace of this name begins."""
    to = "%s/%s.tree" % (t.dir, name)
    shutil.copytree(t.state + "/settings", to + "/settings")
    shutil.copytree("%s/%s.data" % (t.dir, name), to + "/data") if os.path.isdir(
        "%s/%s.data" % (t.dir, name)) else os.mkdir(to + "/data")
    return to + "/settings"


def in_the_middle(killed=()):
    """Every program is traced but those that are killed."""
    users = "a b c d e f m admin x1 x2 x3".split()
    traced = [d for d in ALL if d not in killed]
    with Tree(accounts=[u + "@localhost" for u in users]) as t:
        crowd = Crowd(t, ["x1", "x2", "x3"], bool(killed))
        crowd.start()
        middle = Middle(t)
        for d in traced:
            t.ctl("trace", d, "on", "%s/mid-%s" % (t.dir, d), "data")
        middle.finish()
        for d in killed:
            pid = t.pid(d)
            os.kill(pid, signal.SIGKILL)
            until("a new " + d, lambda: t.pid(d) not in (-1, pid))
            t.wait_ready()
        if killed:
            play(t)
        crowd.stop()
        for d in traced:
            t.ctl("trace", d, "off")
        for d in traced:
            same(t, d, with_data(t, "mid-" + d), "mid-" + d)


@check
def traces_that_begin_in_the_middle(t):
    """Sessions of all kinds are there, streams in the middle of a stanza, of an exchange; others
    come and go meanwhile."""
    in_the_middle()


@check
def traces_that_begin_in_the_middle_and_go_on_over_an_end(t):
    in_the_middle(("tlsd", "mamd", "userd", "hostd"))
    in_the_middle(("routed", "authd", "c2sd"))


@check
def traces_through_the_end_of_all_neighbours(t):
    """Each daemon in turn is traced while the programs around it are killed and come back."""
    for d in TRACED:
        with Tree(accounts=["a@localhost", "b@localhost"]) as u:
            around = [x for x in DAEMONS if x != d]
            copy_data(u, u.dir + "/copy")
            u.ctl("trace", d, "on", u.dir + "/" + d)
            u.wait_ready()
            pids = {x: u.pid(x) for x in around}
            for x in around:
                os.kill(pids[x], signal.SIGKILL)
            until("new ones", lambda: all(u.pid(x) not in (-1, pids[x]) for x in around))
            u.wait_ready()
            play(u)
            until("the streams end", lambda: u.stat("c2sd", "streams") == 0)
            u.ctl("trace", d, "off")
            same(u, d, u.dir + "/copy/settings")


@check
def a_trace_holds_no_more_than_its_owner_may_read(t):
    """Messages are in it."""
    mode = os.stat(t.dir + "/authd.in").st_mode & 0o777
    assert mode & 0o077 == 0, "mode %o" % mode


def stream_id(t):
    s = t.stream(secure=False)
    s.open()
    s.send("</stream:stream>")
    s.abort()
    until("it ends", lambda: t.stat("c2sd", "streams") == 0)
    return s.root.get("id")


@check
def no_id_follows_from_what_stands_in_the_trace(t):
    """A reader of the trace knows its seeds: neither a later id of the same trace nor an id after
    its end must follow from them."""
    t.ctl("trace", "c2sd", "on", t.dir + "/short")
    t.wait_ready()
    first = stream_id(t)
    until("it is written", lambda: os.path.getsize(t.dir + "/short.out") > 100)
    shutil.copy(t.dir + "/short.in", t.dir + "/early.in")
    later = stream_id(t)
    t.ctl("trace", "c2sd", "off")
    follows_not(t, "early", first, later)
    follows_not(t, "short", first, stream_id(t))


def follows_not(t, name, first, second):
    with open("%s/%s.in" % (t.dir, name), "rb") as f:
        lines = f.read().split(b"\n")
    # Play the same events once more, behind those of the trace: the ids that its seeds would give
    # next.
    opened = [x for x in lines if b"\topen\t" in x][0].split(b"\t")
    said = [x for x in lines if b"\tdata\t" in x][0].split(b"\t")
    opened[2] = said[2] = b"99"
    with open(t.dir + "/more.in", "wb") as f:
        f.write(b"\n".join([x for x in lines if x] + [b"\t".join(opened), b"\t".join(said)])
                + b"\n")
    out = replay(t, "c2sd", t.state + "/settings", "more").decode()
    assert first in out, "the trace does not replay"
    assert second not in out, "an id after the trace follows from its seed"


@check
def a_replay_leaves_the_files_of_the_live_system_alone(t):
    """xmpp-routed would write its copies of messages over those of the one that runs."""
    d = tempfile.mkdtemp(dir=t.dir)
    shutil.copytree(t.state + "/settings", d + "/settings")
    os.makedirs(d + "/run/routed")
    for name in ("control", "kept-1", "kept-2"):
        with open("%s/run/routed/%s" % (d, name), "w") as f:
            f.write("of the live system")
    with open(t.dir + "/nothing.in", "w"):
        pass
    replay(t, "routed", d + "/settings", "nothing")
    for name in ("kept-1", "kept-2"):
        with open("%s/run/routed/%s" % (d, name)) as f:
            assert f.read() == "of the live system", name


main(Tree(accounts=["a@localhost", "b@localhost"], modules=MODULES + "\nmod_muc: {}"))
