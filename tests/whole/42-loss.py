#!/usr/bin/python3
"""Nothing that was acknowledged is lost: pairs of clients with stream management talk, and every
300 ms one daemon, chosen by chance, is killed. Afterwards each message that the server acknowledged
is in both archives once, in order, and has reached its recipient.

WHOLE_SECONDS: how long (10); WHOLE_PAIRS: how many (6); WHOLE_SEED: of what is chosen by chance."""
from managed import *

SECONDS = float(os.environ.get("WHOLE_SECONDS", "10"))
PAIRS = int(os.environ.get("WHOLE_PAIRS", "6"))
SEED = os.environ.get("WHOLE_SEED") or str(random.SystemRandom().randrange(1 << 32))
WINDOW = 8
MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"


class Talker(threading.Thread):
    """Sends numbered messages to its peer until told to stop. acked: the numbers that the server
    has acknowledged; unsure: those of which nobody can say; got: what came from the peer."""

    def __init__(self, tree, user, peer):
        super().__init__(daemon=True)
        self.tree, self.user, self.peer = tree, user, peer
        self.acked, self.unsure, self.got, self.sent = [], [], [], 0
        self.unacked, self.h, self.out, self.id, self.s = [], 0, 0, None, None
        self.stopping, self.failed, self.resumed, self.renewed = False, None, 0, 0

    def run(self):
        try:
            self.connect()
            while not (self.stopping and not self.unacked):
                try:
                    self.step()
                except (Gone, ConnectionError, ssl.SSLError, OSError, ET.ParseError):
                    self.connect()
        except Exception as e:
            self.failed = "%s: %r" % (self.user, e)

    def step(self):
        while not self.stopping and len(self.unacked) < WINDOW:
            self.sent += 1
            self.unacked.append(self.sent)
            self.say(self.sent)
        if self.unacked:
            self.s.send("<r xmlns='%s'/>" % SM)
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
            body = e.findtext("{%s}body" % CLIENT)
            if body and e.get("type") == "chat":
                self.got.append(int(body))

    def take_h(self, h):
        while self.out < h:
            n = self.unacked.pop(0)
            if n:                   # 0 is the presence
                self.acked.append(n)
            self.out += 1

    def say(self, n):
        self.s.send("<presence/>" if n == 0 else
                    "<message type='chat' to='%s@localhost' id='%d'><body>%d</body></message>"
                    % (self.peer, n, n))

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

    def try_connect(self):
        if self.s:
            self.s.abort()
        s = self.s = Stream(self.tree)
        s.secured()
        what, data = s.auth_plain(self.user, PW)[:2]
        assert what == "success", (what, data)
        s.open()
        if self.id:
            s.send("<resume xmlns='%s' previd='%s' h='%d'/>" % (SM, self.id, self.h))
            e = s.recv()
            if e.tag == "{%s}resumed" % SM:
                self.take_h(int(e.get("h")))
                self.resumed += 1
                for n in self.unacked:
                    self.say(n)
                return
            assert e.tag == "{%s}failed" % SM, e.tag
            self.id = None
            self.unsure += [n for n in self.unacked if n]
            self.unacked = []
            self.renewed += 1
        s.send("<iq type='set' id='bind'><bind xmlns='%s'><resource>r</resource></bind></iq>" % BIND)
        e = s.expect_tag(CLIENT, "iq")
        assert e.get("type") == "result", ET.tostring(e)
        s.send("<enable xmlns='%s' resume='true'/>" % SM)
        self.id = s.expect_tag(SM, "enabled").get("id")
        self.h, self.out, self.unacked = 0, 0, [0]
        self.say(0)


def archive(t, user, peer):
    """(from me, number) of each message in the archive of user with peer, in order."""
    s, after, got = t.login(user, "reader", available=False), "", []
    while True:
        i = s.next_id()
        s.send("<iq type='set' id='%s'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'>"
               "<field var='FORM_TYPE'><value>%s</value></field><field var='with'><value>"
               "%s@localhost</value></field></x><set xmlns='%s'><max>250</max>%s</set></query></iq>"
               % (i, MAM, MAM, peer, RSM, after and "<after>%s</after>" % after))
        while True:
            e = s.recv()
            if e.get("id") == i:
                break
            for m in e.iter("{%s}message" % CLIENT):
                body = m.findtext("{%s}body" % CLIENT)
                if body:
                    got.append((m.get("from").startswith(user + "@"), int(body)))
        assert e.get("type") == "result", ET.tostring(e)
        if e.find("{%s}fin" % MAM).get("complete") == "true":
            s.close()
            return got
        after = e.find(".//{%s}last" % RSM).text


def check_archive(got, mine, me, other):
    """The numbers of one direction in one archive."""
    numbers = [n for own, n in got if own == mine]
    twice = [n for n in set(numbers) if numbers.count(n) > 1]
    lost = sorted(set(me.acked) - set(numbers))
    strange = set(numbers) - set(me.acked) - set(me.unsure)
    assert not lost, "%s: acknowledged but not archived for %s: %s of %d" % (
        me.user, other, lost[:10], len(me.acked))
    assert not twice, "%s: archived twice for %s: %s" % (me.user, other, sorted(twice)[:10])
    assert not strange, "%s: never sent: %s" % (me.user, strange)
    assert numbers == sorted(numbers), "%s: out of order for %s" % (me.user, other)


@check
def nothing_is_lost(t):
    rnd = random.Random(SEED)
    talkers = []
    for i in range(PAIRS):
        talkers += [Talker(t, "a%d" % i, "b%d" % i), Talker(t, "b%d" % i, "a%d" % i)]
    for x in talkers:
        x.start()
    kills, end = {}, time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(0.3)
        d = rnd.choice(DAEMONS)
        pid = t.pid(d)
        if pid > 0:
            os.kill(pid, signal.SIGKILL)
            kills[d] = kills.get(d, 0) + 1
    t.wait_ready()
    for x in talkers:
        x.stopping = True
    for x in talkers:
        x.join(60 * SLOW)
        assert not x.failed, x.failed
        assert not x.is_alive(), x.user + " waits for ever"
    by_user = {x.user: x for x in talkers}

    def arrived():
        for x in talkers:
            peer = by_user[x.peer]
            try:
                x.pump(0.01)
            except (Gone, OSError, ET.ParseError):
                x.connect()
            if set(peer.acked) - set(x.got):
                return False
        return True

    try:
        until("all that was acknowledged at its recipients", arrived, 30)
    except AssertionError:
        for x in talkers:
            gone = sorted(set(by_user[x.peer].acked) - set(x.got))
            assert not gone, "%s has not got %d of %d of %s: %s" % (
                x.user, len(gone), len(by_user[x.peer].acked), x.peer, gone[:10])
    doubled = 0
    for x in talkers:
        doubled += len(x.got) - len(set(x.got))
        x.s.abort()
    for x in talkers:
        got, peer = archive(t, x.user, x.peer), by_user[x.peer]
        check_archive(got, True, x, x.user)
        check_archive(got, False, peer, x.user)
    print("killed %s; acknowledged %d, unsure %d; seen twice %d; resumed %d, renewed %d" % (
        " ".join("%s %d" % k for k in sorted(kills.items())),
        sum(len(x.acked) for x in talkers), sum(len(x.unsure) for x in talkers), doubled,
        sum(x.resumed for x in talkers), sum(x.renewed for x in talkers)))


print("seed " + SEED)
main(Tree(accounts=["%s%d@localhost" % (c, i) for i in range(PAIRS) for c in "ab"]))
