#!/usr/bin/python3
"""SASL2 and Bind 2 as Conversations, Monal and Dino use them: in their order, with what makes them
stop."""
from archives import *
from sasl2 import *

PHONE, TABLET = "d4565fa7-4d72-4749-b3d3-740edbf87770", "0b9f9c1a-4a77-4e5e-9d0b-5a2f6c1b7d3e"


class Conversations:
    """Says header and login at once, before the features; a resumed session has no bound beside it
    and no features behind it; bound has features behind it."""

    def __init__(self, t, user, device=PHONE):
        self.t, self.user, self.device = t, user, device
        self.s = self.token = self.previd = None
        self.h = self.count = 0     # stanzas of earlier connections of the session; uses of the token

    def inner(self):
        parts = [bind("Conversations", ENABLE_CARBONS, ACTIVE, ENABLE_SM)]
        return parts + ([resume(self.previd, self.h)] if self.previd else [])

    def by_password(self, s, password=PW):
        scram = Scram("SCRAM-SHA-256-PLUS", self.user, password,
                      ("tls-exporter", s.binding("tls-exporter")))
        return scram, s.authenticate("SCRAM-SHA-256-PLUS", scram.first(), *self.inner(),
                                     request_token())

    def connect(self, password=PW):
        self.h += self.s.stanzas if self.s else 0
        s = self.s = Quick(self.t, self.user, self.device)
        if self.token:
            self.count += 1
            first, self.right = s.ht(self.token)
            s.send(s.header() + s.authenticate(
                "HT-SHA-256-EXPR", first, "<fast xmlns='%s' count='%d'/>" % (FAST, self.count),
                *self.inner()))
            s.take_features()
            what, e = s.answer()
            if what == "success":
                assert base64.b64decode(e.findtext(tag(SASL2, "additional-data"))) == self.right
            else:
                assert e[0].tag.endswith("}credentials-expired"), ET.tostring(e)
                self.token = None
                scram, login = self.by_password(s, password)
                s.send(login)
                what, e = s.go_on(scram)
        else:
            scram, login = self.by_password(s, password)
            s.send(s.header() + login)
            s.take_features()
            what, e = s.go_on(scram)
        assert what == "success", ET.tostring(e).decode()
        return self.take(e)

    def take(self, e):
        """Log in; the way it ended: bound or resumed."""
        s, names = self.s, [c.tag.split("}")[1] for c in e]
        token = e.find(tag(FAST, "token"))
        if token is not None:
            self.token, self.count = token.get("token"), 0
        s.jid = e.findtext(tag(SASL2, "authorization-identifier"))
        self.success = e
        assert not ("bound" in names and "resumed" in names), names
        if "resumed" in names:
            return "resumed"
        bound = e.find(tag(BIND2, "bound"))
        self.previd, self.h = bound.find(tag(SM, "enabled")).get("id"), 0
        f = s.recv()
        assert f.tag == tag(STREAM, "features"), ET.tostring(f).decode()
        assert [c.tag for c in f if c.tag in (tag(BIND, "bind"), tag(SM, "sm"))] == []
        return "bound"


def body(e):
    return e.findtext(tag(CLIENT, "body"))


@check
def conversations_comes_and_comes_back(t):
    c, b = Conversations(t, "a"), t.login("b")
    assert c.connect() == "bound" and c.token
    assert c.s.jid.startswith("a@localhost/Conversations/"), c.s.jid
    jid = c.s.jid
    c.s.send("<presence/>")
    c.s.ping()
    b.message(jid, "before")
    c.s.expect_body("before")
    c.s.abort()
    until("a is away", lambda: t.stat("c2sd", "away") == 1)
    for i in range(3):
        b.message("a@localhost", "while away %d" % i)
    b.ping()
    c.s.records = []
    assert c.connect() == "resumed"
    assert c.s.jid == jid, c.s.jid
    # Login is one write: success comes, and what the client lacks.
    first = next(r for r in c.s.records if b"<success" in r)
    assert b"while away 0" in first and b"while away 2" in first, first[-300:]
    assert b"features" not in first[first.index(b"<success"):], "features behind resumed"
    for i in range(3):
        c.s.expect_body("while away %d" % i)
    b.message(jid, "after")
    c.s.expect_body("after")
    c.s.close()
    b.close()


@check
def conversations_comes_back_too_late(t):
    c, b = Conversations(t, "a"), t.login("b")
    c.connect()
    c.s.send("<presence/>")
    c.s.ping()
    c.s.abort()
    c.previd = c.previd[::-1]
    assert c.connect() == "bound"
    names = [e.tag.split("}")[1] for e in c.success]
    assert names == ["additional-data", "authorization-identifier", "failed", "bound"], names
    c.s.close()
    b.close()


@check
def conversations_has_a_dead_token(t):
    c = Conversations(t, "c")
    c.connect()
    c.s.close()
    t.ctl("account", "passwd", "c@localhost", input="other\n")
    assert c.connect("other") == "bound" and c.token
    c.s.close()
    assert c.connect("nothing") == "bound", "the new token is good"
    c.s.close()


@check
def one_device_has_one_session(t):
    phone, tablet, again = (Conversations(t, "a", d) for d in (PHONE, TABLET, PHONE))
    phone.connect()
    tablet.connect()
    assert phone.s.jid != tablet.s.jid
    again.connect()
    assert again.s.jid == phone.s.jid, (again.s.jid, phone.s.jid)
    assert phone.s.stream_error() == "conflict"
    tablet.s.ping()
    again.s.ping()
    tablet.s.close()
    again.s.close()


@check
def contacts_see_no_flicker(t):
    """A phone that lost its session logs in: a contact sees its presence twice, and not its absence."""
    phone, b = Conversations(t, "a"), t.login("b")
    for x, other in ((b, "a"), (t.login("a", "other"), "b")):
        x.send("<presence to='%s@localhost' type='subscribed'/><presence to='%s@localhost' "
               "type='subscribe'/>" % (other, other))
        x.ping()
    seen = lambda e: (e.tag == tag(CLIENT, "presence") and (e.get("from") or "") == phone.s.jid)
    for i in range(4):
        phone.connect()
        phone.s.send("<presence><status>%d</status></presence>" % i)
        status = None
        while status != str(i):
            e = b.expect(seen)
            assert e.get("type") is None, ET.tostring(e).decode()
            status = e.findtext(tag(CLIENT, "status"))
        if i < 3:
            phone.s.abort()
            phone.previd = None
    phone.s.close()
    assert b.expect(lambda e: seen(e) and e.get("type")).get("type") == "unavailable"
    b.close()
    x.close()


@check
def no_message_is_missed_or_twice(t):
    """The archive up to what success says, and what comes live, are all that was sent."""
    b, rnd = t.login("b"), random.Random(7)
    for turn in range(6):
        sent = ["%d-%d" % (turn, i) for i in range(120)]
        half = rnd.randrange(20, 100)
        for text in sent[:half]:
            b.message("a@localhost", text)
        c = Conversations(t, "a")
        rest = threading.Thread(target=lambda: [b.message("a@localhost", x) for x in sent[half:]])
        rest.start()
        c.connect()
        rest.join()
        b.message("a@localhost", "last %d" % turn)
        meta = c.success.find(".//" + tag(MAM, "metadata"))
        end = meta.find(tag(MAM, "end"))
        c.s.send("<presence/>")
        live = []
        while "last %d" % turn not in live:
            live.append(body(c.s.expect_tag(CLIENT, "message")))
        live.remove("last %d" % turn)
        upto = end.get("id") if end is not None else None
        old = [x for x in archived(c.s, upto) if x in sent]
        assert sorted(old + live) == sorted(sent), (
            turn, half, len(old), len(live), [x for x in sent if (old + live).count(x) != 1][:5])
        c.s.send("<a xmlns='%s' h='%d'/>" % (SM, c.s.stanzas))
        c.s.close()
    b.close()


def archived(s, upto):
    """The bodies of the archive up to an id."""
    return [x for n, x in bodies(archive(s)) if upto and int(n) <= int(upto)]


@check
def monal_looks_at_what_is_offered(t):
    """Waits for the features, by which it checks the hash of XEP-0474, in both SASLs; resumes."""
    for name in SCRAMS:
        s = Quick(t, "a", TABLET)
        s.send(s.header())
        s.take_features()
        types = [e.get("type") for e in s.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]
        assert "tls-server-end-point" in types, types
        scram = Scram(name + "-PLUS", "a", PW,
                      ("tls-server-end-point", s.binding("tls-server-end-point")))
        s.send(s.authenticate(name + "-PLUS", scram.first(), bind("Monal", ENABLE_SM)))
        what, e = s.go_on(scram)
        assert what == "success", ET.tostring(e).decode()
        assert scram.fields["h"] == downgrade_hash(s.features, SASL2, name), scram.fields
        assert "d" not in scram.fields
        previd = e.find(".//" + tag(SM, "enabled")).get("id")
        s.take_features()
        s.abort()
        again = Quick(t, "a", TABLET)
        again.send(again.header())
        again.take_features()
        scram = Scram(name, "a", PW)
        again.send(again.authenticate(name, scram.first(), resume(previd, 0)))
        what, e = again.go_on(scram)
        assert what == "success" and e.find(tag(SM, "resumed")) is not None, ET.tostring(e)
        again.ping()
        again.close()
    s = t.stream(direct=True)
    s.open()
    what, _, first = s.auth_scram("a", PW, "sha512")
    fields = dict(x.split("=", 1) for x in first.split(","))
    assert what == "success"
    assert fields["h"] == downgrade_hash(s.features, SASL, "SCRAM-SHA-512"), fields
    s.bind()
    s.close()


@check
def dino_has_no_user_agent(t):
    """SCRAM-SHA-1, a bind with nothing but carbons; stream management is enabled and resumed outside."""
    def come(*inner):
        s = Quick(t, "a")
        s.send(s.header())
        s.take_features()
        scram = Scram("SCRAM-SHA-1", "a", PW)
        s.send(s.authenticate("SCRAM-SHA-1", scram.first(), *inner))
        what, e = s.go_on(scram)
        assert what == "success", ET.tostring(e).decode()
        s.jid = e.findtext(tag(SASL2, "authorization-identifier"))
        s.take_features()
        return s

    s, other = come(bind("dino", ENABLE_CARBONS)), come(bind("dino"))
    assert s.jid.startswith("a@localhost/dino/") and s.jid != other.jid, (s.jid, other.jid)
    other.close()
    assert s.features.find(tag(SM, "sm")) is not None and s.features.find(tag(BIND, "bind")) is None
    s.send(ENABLE_SM)
    previd = s.expect_tag(SM, "enabled").get("id")
    s.ping()
    s.abort()
    again = come()
    assert again.jid == "a@localhost", again.jid
    assert again.features.find(tag(BIND, "bind")) is not None
    again.send(resume(previd, 1))
    assert again.expect_tag(SM, "resumed") is not None
    again.ping()
    again.close()


@check
def wrong_passwords_and_then_the_old_sasl(t):
    s = Quick(t, "a", PHONE)
    s.send(s.header())
    s.take_features()
    s.send(s.authenticate("PLAIN", b"\0a\0wrong"))
    assert s.failure() == "not-authorized"
    scram = Scram("SCRAM-SHA-512", "a", "wrong")
    s.send(s.authenticate("SCRAM-SHA-512", scram.first(), bind("x")))
    what, e = s.go_on(scram)
    assert what == "failure" and e[0].tag.endswith("}not-authorized")
    s.send(s.authenticate("PLAIN", b"\0b\0" + PW.encode()))
    assert s.failure() == "invalid-authzid", "the header has named a"
    assert s.auth_plain("a", PW)[0] == "success"
    assert s.bind("old") == "a@localhost/old"
    s.close()


def with_keys(t, jid, name, password):
    """Makes an account that has keys for one hash alone, as an import does."""
    salt, n, what = os.urandom(16), 4096, SCRAMS["SCRAM-" + name]
    salted = hashlib.pbkdf2_hmac(what, password.encode(), salt, n)
    mac = lambda text: hmac.new(salted, text, what).digest()
    keys = "%s:%d:%s:%s:%s" % (name, n, b64(salt), b64(hashlib.new(what, mac(b"Client Key")).digest()),
                               b64(mac(b"Server Key")))
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(t.state + "/run/authd/control")
        s.sendall(("account\tkeys\t%s\t%s\n" % (jid, keys)).encode())
        got = b""
        while not re.search(rb"^(done|error)\b.*\n", got, re.M):
            more = s.recv(4096)
            assert more, got
            got += more
    assert b"\nerror" not in b"\n" + got, got


def upgrade(name):
    return "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-%s</upgrade>" % name


@check
def stronger_hashes_are_learnt(t):
    """XEP-0480: an account with keys for SHA-1 alone; its client gives those for SHA-256 as it logs in."""
    with_keys(t, "old@imported.org", "SHA-1", PW)

    def comes(name, *inner):
        s = Quick(t, "old", PHONE, host="imported.org")
        s.send(s.header())
        s.take_features()
        s.mechanisms = [m.text for m in s.features.iter(tag(SASL2, "mechanism"))]
        scram = Scram("SCRAM-" + name, "old", PW)
        s.send(s.authenticate("SCRAM-" + name, scram.first(), *inner, bind("x", ENABLE_SM)))
        return s, *s.go_on(scram)

    s, what, e = comes("SHA-1")
    assert "SCRAM-SHA-256" not in s.mechanisms, s.mechanisms
    assert what == "success", "the client wants no upgrade"
    s.close()
    # Another client names the task, and then gives up.
    s, what, e = comes("SHA-1", upgrade("SHA-256"))
    assert [x.text for x in e.iter(tag(SASL2, "task"))] == ["UPGR-SCRAM-SHA-256"], ET.tostring(e)
    s.send("<abort xmlns='%s'/>" % SASL2)
    assert s.failure() == "aborted"
    s.abort()
    s, what, e = comes("SHA-1", upgrade("SHA-256"))
    assert what == "continue", ET.tostring(e)
    s.send("<next xmlns='%s' task='UPGR-SCRAM-SHA-256'/>" % SASL2)
    what, e = s.answer()
    salt = e.find("{urn:xmpp:scram-upgrade:0}salt")
    salted = hashlib.pbkdf2_hmac("sha256", PW.encode(), base64.b64decode(salt.text),
                                 int(salt.get("iterations")))
    s.send("<task-data xmlns='%s'><hash xmlns='urn:xmpp:scram-upgrade:0'>%s</hash></task-data>" % (
        SASL2, b64(salted)))
    what, e = s.answer()
    assert what == "success" and e.find(tag(BIND2, "bound")) is not None, ET.tostring(e)
    s.take_features()
    s.ping()
    s.close()
    s, what, e = comes("SHA-256")
    assert "SCRAM-SHA-256" in s.mechanisms and what == "success", (s.mechanisms, what)
    s.close()


def comes_back(client):
    try:
        return client.connect()
    except (Gone, AssertionError, OSError):
        return None


@check
def neighbours_are_killed(t):
    """Clients that come back while programs are killed: each ends bound or resumed, in time."""
    c = [Conversations(t, "u%d" % i, "d4565fa7-4d72-4749-b3d3-740edbf8%04d" % i) for i in range(6)]
    for x in c:
        x.connect()
        x.s.ping()
    for who in ("mamd", "routed", "authd", "c2sd"):
        for x in c:
            x.s.abort()
        t.kill(who)
        for x in c:
            until("a client is back", lambda: comes_back(x))
            x.s.ping()
    for x in c:
        x.s.close()


main(Tree(hosts=("localhost", "imported.org"),
          accounts=[x + "@localhost" for x in ["a", "b", "c"] + ["u%d" % i for i in range(6)]],
          modules=MODULES + "\nmod_auth_fast: {}\nmod_scram_upgrade: {}"))
