"""Clients with stream management that talk in pairs while programs are killed, for the loss tests.

A message that the server acknowledged must come to a session of its recipient, or come back as an
error. SEED decides all that is left to chance here."""
from managed import *

SECONDS = float(os.environ.get("WHOLE_SECONDS", "10"))
PAIRS = int(os.environ.get("WHOLE_PAIRS", "6"))
SEED = os.environ.get("WHOLE_SEED") or str(random.SystemRandom().randrange(1 << 32))
WINDOW = 8
CARBONS = "urn:xmpp:carbons:2"
# The presence that a talker shows. Messages go to the full address of those that messages to the
# bare one would not reach.
PRESENCE = {"plain": "<presence/>", "two": "<presence><priority>5</priority></presence>",
            "negative": "<presence><priority>-1</priority></presence>", "silent": ""}
KINDS = ("plain", "two", "negative", "silent")


class Session(threading.Thread):
    """A session of user, which comes back after each cut: by resumption, or else anew, now and
    then under another resource. It sleeps at times, and then acknowledges nothing. got: the
    numbers that came. returned: those of its account's messages that came back as errors."""

    def __init__(self, tree, user, resource, presence, carbons=False, host=None, password=PW):
        super().__init__(daemon=True)
        self.rnd = random.Random(SEED + user + resource)
        self.tree, self.user, self.name, self.presence = tree, user, resource, presence
        self.host, self.password = host or tree.hosts[0], password
        self.resource, self.carbons = resource, carbons
        self.got, self.h, self.id, self.s = [], 0, None, None
        self.returned = set()
        self.stopping, self.failed, self.resumed, self.renewed = False, None, 0, 0

    def run(self):
        try:
            self.connect()
            while not self.done():
                try:
                    self.step()
                except (Gone, ConnectionError, ssl.SSLError, OSError, ET.ParseError):
                    self.connect()
        except Exception as e:
            self.failed = "%s/%s: %r" % (self.user, self.resource, e)

    def done(self):
        return self.stopping

    def step(self):
        if not self.stopping and self.rnd.random() < 0.01:
            time.sleep(self.rnd.random() * 1.5)  # a client that is busy with something else
        self.pump(0.02)

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while True:
            while self.s.queue:
                self.take(self.s.queue.pop(0))
            if self.s.over:
                raise Gone("</stream:stream>")
            try:
                self.s.pump(max(end, time.monotonic() + 0.001))
            except AssertionError:
                return

    def take(self, e):
        if e.tag == "{%s}r" % SM:
            self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.h))
        elif e.tag == "{%s}a" % SM:
            self.take_h(int(e.get("h")))
        elif e.tag.startswith("{%s}" % CLIENT):
            self.h += 1
            self.take_stanza(e)

    def take_stanza(self, e):
        if e.get("type") == "error" and (e.get("id") or "").isdigit():
            self.returned.add(int(e.get("id")))
        copy = e.find("{%s}received//{%s}message" % (CARBONS, CLIENT))
        m = e if copy is None else copy
        body = m.findtext("{%s}body" % CLIENT)
        if body and m.get("type") == "chat":
            self.got.append(int(body))

    def take_h(self, h):
        pass

    def say_again(self):
        pass

    def begin_anew(self):
        pass

    def connect(self):
        end = time.monotonic() + 60 * SLOW
        while True:
            try:
                self.try_connect()
                return
            except (Gone, ConnectionError, ssl.SSLError, OSError, AssertionError, ET.ParseError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def another(self, resource, presence, carbons=False):
        """Another session of the account, over TCP."""
        return Session(self.tree, self.user, resource, presence, carbons, self.host, self.password)

    def stream(self):
        return Stream(self.tree, self.host)

    def log_in(self):
        s = self.stream()
        try:
            s.secured()
            what, data = s.auth_plain(self.user, self.password)[:2]
            assert what == "success", (what, data)
        except BaseException:
            s.abort()
            raise
        return s

    def try_connect(self):
        if self.s:
            self.s.abort()
        s = self.s = self.log_in()
        s.open()
        if self.id and self.resume(s):
            return
        self.bind(s)

    def resume(self, s):
        s.send("<resume xmlns='%s' previd='%s' h='%d'/>" % (SM, self.id, self.h))
        e = s.recv()
        if e.tag == "{%s}resumed" % SM:
            self.take_h(int(e.get("h")))
            self.resumed += 1
            self.say_again()
            return True
        assert e.tag == "{%s}failed" % SM, e.tag
        self.id = None
        self.renewed += 1
        if self.rnd.random() < 0.3:
            self.resource = "%s%d" % (self.name, self.renewed)
        return False

    def bind(self, s):
        self.begin_anew()
        s.send("<iq type='set' id='bind'><bind xmlns='%s'><resource>%s</resource></bind></iq>"
               % (BIND, self.resource))
        e = self.expect(s, "{%s}iq" % CLIENT)
        assert e.get("type") == "result", ET.tostring(e)
        s.send("<enable xmlns='%s' resume='true'/>" % SM)
        self.id = self.expect(s, "{%s}enabled" % SM).get("id")
        self.h = 0
        if self.carbons:
            self.send(s, "<iq type='set' id='carbons'><enable xmlns='%s'/></iq>" % CARBONS)
        if self.presence:
            self.send(s, self.presence)

    def expect(self, s, tag):
        """The next element of this tag. A session that is bound is sent messages before it has
        stream management, which count as had."""
        while True:
            e = s.recv()
            if e.tag == tag:
                return e
            self.take_stanza(e)

    def send(self, s, stanza):
        s.send(stanza)


class Talker(Session):
    """Sends numbered messages to its peer until told to stop. acked: the numbers that the server
    has acknowledged; unsure: those of which nobody can say."""

    def __init__(self, tree, user, kind, **kw):
        super().__init__(tree, user, "r", PRESENCE[kind], **kw)
        self.kind, self.peer = kind, None
        self.acked, self.unsure, self.sent = [], [], 0
        self.unacked, self.out = [], 0

    def done(self):
        return self.stopping and not self.unacked

    def step(self):
        while not self.stopping and self.may_speak():
            self.speak()
        if self.unacked:
            self.s.send("<r xmlns='%s'/>" % SM)
        super().step()

    def may_speak(self):
        return len(self.unacked) < WINDOW

    def speak(self):
        self.sent += 1
        self.unacked.append(self.sent)
        self.say(self.sent)

    def take_h(self, h):
        while self.out < h:
            n = self.unacked.pop(0)
            if isinstance(n, int):
                self.acked.append(n)
            self.out += 1

    def say_again(self):
        for n in self.unacked:
            self.say(n)

    def begin_anew(self):
        self.unsure += [n for n in self.unacked if isinstance(n, int)]
        self.out, self.unacked = 0, []

    def send(self, s, stanza):
        self.unacked.append(stanza)
        super().send(s, stanza)

    def say(self, n):
        """Send message n, or a stanza."""
        self.s.send(n if isinstance(n, str) else self.message(n))

    def message(self, n):
        to = "%s@%s" % (self.peer.user, self.peer.host)
        if self.peer.kind in ("negative", "silent"):
            to += "/" + self.peer.resource
        return "<message type='chat' to='%s' id='%d'><body>%d</body></message>" % (to, n, n)

    def missing(self, got, returned):
        """The messages of the peer that must have come and have not. got: what came to the account;
        returned: what came back to the peer's."""
        return set(self.peer.acked) - returned - got


def pair(a, b):
    a.peer, b.peer = b, a
    return [a, b]


def pairs(tree, kinds=KINDS):
    """The talkers, and the second devices of those that have two."""
    talkers = []
    for i in range(PAIRS):
        talkers += pair(*(Talker(tree, "%s%d" % (c, i), kinds[(i + k) % len(kinds)])
                          for k, c in enumerate("ab")))
    return talkers, seconds_of(talkers)


def seconds_of(talkers):
    return [x.another("desk", "<presence/>", carbons=bool(x.rnd.getrandbits(1)))
            for x in talkers if x.kind == "two"]


def kill_if_there(pid, how):
    """False for a process that has ended since its pid was read."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True


def kill_by_chance(t, rnd, seconds, together=1, more=(), kills=None):
    """Every 300 ms kill up to `together` daemons at once, of those that always run and of the
    instances `more`. The times of the kills of each, in `kills` too."""
    kills, end = {} if kills is None else kills, time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.3)
        names = rnd.sample(DAEMONS + list(more), rnd.randint(1, together))
        for d, pid in [(d, t.pid(d)) for d in names]:
            if pid > 0 and kill_if_there(pid, signal.SIGKILL):
                kills.setdefault(d, []).append(time.monotonic())
    t.wait_ready()
    return kills


def stop(sessions):
    for x in sessions:
        x.stopping = True
    for x in sessions:
        x.join(60 * SLOW)
        assert not x.failed, x.failed
        assert not x.is_alive(), "%s/%s waits for ever" % (x.user, x.resource)


def all_has_come(talkers, seconds):
    """Check that each acknowledged message is at its recipients, or was returned. A last session
    of each account takes the messages that wait, and late ones as all its sessions do. The number of
    messages that a session got more than once."""
    sessions = talkers + seconds + [x.another("last", "<presence/>") for x in talkers]
    for s in sessions[-len(talkers):]:
        s.connect()

    def of_account(x, what):
        return set().union(*(getattr(s, what) for s in sessions if s.user == x.user))

    def missing(x):
        return x.missing(of_account(x, "got"), of_account(x.peer, "returned"))

    def pump_all():
        for s in sessions:
            try:
                s.pump(0.01)
            except (Gone, OSError, ET.ParseError):
                s.connect()
        return sum(len(missing(x)) for x in talkers)

    # A message may still come while others come, so the deadline starts anew then: a hundred
    # sessions on a busy machine take long.
    left, since = pump_all(), time.monotonic()
    while left and time.monotonic() - since < 30 * SLOW:
        now = pump_all()
        left, since = (now, time.monotonic()) if now < left else (left, since)
    for x in talkers:
        gone = sorted(missing(x))
        assert not gone, "%s (%s) has not got %d of %d of %s: %s" % (
            x.user, x.kind, len(gone), len(x.peer.acked), x.peer.user, gone[:10])
    for s in sessions:
        s.s.abort()
    return sum(len(s.got) - len(set(s.got)) for s in sessions)


def tell(kills, talkers, seconds, doubled):
    every = talkers + seconds
    print("killed %s; acknowledged %d, returned %d, unsure %d; seen twice %d; resumed %d, renewed %d"
          % (" ".join("%s %d" % (d, len(k)) for d, k in sorted(kills.items())),
             sum(len(x.acked) for x in talkers), sum(len(x.returned) for x in talkers),
             sum(len(x.unsure) for x in talkers), doubled,
             sum(x.resumed for x in every), sum(x.renewed for x in every)))


ACCOUNTS = ["%s%d@localhost" % (c, i) for i in range(PAIRS) for c in "ab"]
