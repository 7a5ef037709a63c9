#!/usr/bin/python3
"""Occupants of a room on two c2sds talk while mucd, routed and one of the c2sds are killed: each
message that was acknowledged is in the archive once, in order; who did not lose his c2sd heard
all of them and saw nobody leave who stayed; the list of occupants is the same everywhere.

WHOLE_LONG=1 plays 200 occupants for a minute."""
import random, sys

from archives import *

LONG = bool(os.environ.get("WHOLE_LONG"))
N, SECONDS = (200, 60) if LONG else (12, 4)
ROOM = "killed@conference.localhost"
MUC, SM = "http://jabber.org/protocol/muc", "urn:xmpp:sm:3"


class Occupant(threading.Thread):
    """Enters, speaks, and enters again whenever the stream ends."""

    def __init__(self, t, user):
        super().__init__(daemon=True)
        self.t, self.user = t, user
        self.said, self.acked, self.streams = 0, set(), 0
        self.heard, self.here, self.errors = [], set(), []
        self.ending, self.failed = False, None
        self.enter()

    def enter(self):
        self.s = self.t.login(self.user, "x")
        self.s.send("<enable xmlns='%s'/>" % SM)
        self.s.expect_tag(SM, "enabled")
        self.streams += 1
        self.handled, self.sent, self.heard, self.here, self.inside = 0, [None], [], set(), False
        self.s.send("<presence to='%s/%s'><x xmlns='%s'><history maxstanzas='0'/></x></presence>" % (
            ROOM, self.user, MUC))

    def take(self):
        while self.s.queue:
            e = self.s.queue.pop(0)
            if e.tag == "{%s}a" % SM:
                self.acked |= {x for x in self.sent[:int(e.get("h"))] if x is not None}
            elif e.tag == "{%s}r" % SM:
                self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.handled))
            elif e.tag.startswith("{%s}" % CLIENT):
                self.handled += 1
                self.stanza(e)

    def stanza(self, e):
        nick = (e.get("from") or "").partition("/")[2]
        if e.get("type") == "error":
            self.errors.append(ET.tostring(e).decode())
        elif e.tag == "{%s}presence" % CLIENT and e.get("from", "").startswith(ROOM + "/"):
            (self.here.discard if e.get("type") else self.here.add)(nick)
            self.inside |= e.find(".//{%s#user}status[@code='110']" % MUC) is not None
        elif e.findtext("{%s}body" % CLIENT):
            i = e.find("{urn:xmpp:sid:0}stanza-id")
            self.heard.append((i.get("id"), e.findtext("{%s}body" % CLIENT)))

    def step(self, seconds):
        self.s.send("<r xmlns='%s'/>" % SM)
        try:
            self.s.pump(time.monotonic() + seconds)
        except AssertionError:
            pass
        self.take()

    def speak(self):
        text = "%s %d" % (self.user, self.said)
        self.said += 1
        self.sent.append(text)
        self.s.send("<message type='groupchat' to='%s' id='%s'><body>%s</body></message>" % (
            ROOM, text.replace(" ", "-"), text))

    def again(self):
        try:
            self.take()
        except Gone:
            pass
        self.s.abort()

        def once():
            try:
                self.enter()
            except (Gone, AssertionError, OSError):
                return False
            return True
        until("another stream of " + self.user, once, 30)

    def run(self):
        try:
            while not self.ending:
                try:
                    if self.inside:
                        self.speak()
                    self.step(0.02)
                except (Gone, OSError):
                    self.again()
                time.sleep(N / 400)
        except Exception as e:
            self.failed = repr(e)

    def is_settled(self):
        """All that was said on this stream is acknowledged."""
        try:
            self.step(0.02)
        except (Gone, OSError):
            self.again()
        return self.inside and self.acked >= {x for x in self.sent if x is not None}


def occupants(t):
    return sorted(x.split("\t")[0] for x in t.ctl("room", "occupants", ROOM, records=True).splitlines())


@check
def each_message_is_there_once_and_there_are_no_ghosts(t):
    users = sorted("t%03d" % i for i in range(N))
    t.ctl("account", "import", "-", input="".join("%s@localhost\t%s\n" % (u, PW) for u in users))
    t.ctl("room", "create", ROOM, "t000@localhost")
    t.ctl("room", "config", ROOM, "max_users", "200")
    all_of_them = [Occupant(t, u) for u in users]
    until("all in the room", lambda: occupants(t) == users)
    for x in all_of_them:
        x.start()
    end = time.monotonic() + SECONDS
    victims = ("mucd", "routed", "c2sd-2")
    for i in range(10 ** 6):
        time.sleep(1 if LONG else 0.8)
        if time.monotonic() > end and i > len(victims):
            break
        t.kill(victims[i % len(victims)])
        t.wait_ready()
    time.sleep(1)
    for x in all_of_them:
        x.ending = True
    for x in all_of_them:
        x.join(DEADLINE)
        assert not x.failed, x.failed
    until("all acknowledgements", lambda: all([x.is_settled() for x in all_of_them]), 60)
    until("all in the room, once", lambda: occupants(t) == users, 60)
    stayed = [x for x in all_of_them if x.streams == 1]
    assert 0 < len(stayed) < N, len(stayed)
    reader = t.login("t000", "reader")
    got = bodies(archive(reader, ROOM))
    texts = [b for _, b in got]
    assert len(set(texts)) == len(texts) and got == sorted(got, key=lambda x: int(x[0]))
    for x in all_of_them:
        own = [b for b in texts if b.startswith(x.user + " ")]
        assert own == sorted(own, key=lambda b: int(b.split()[1])), x.user
        assert x.acked and x.acked <= set(own), (x.user, x.acked - set(own))
        assert not x.errors, (x.user, x.errors[:2])

    def all_heard():
        for x in stayed:
            x.step(0.02)
        return all(len(dict(x.heard)) == len(got) for x in stayed)
    until("all who stayed to hear all", all_heard, 60)
    for x in stayed:
        seen = list(dict.fromkeys(x.heard))
        assert seen == got, (x.user, [p for p in zip(seen, got) if p[0] != p[1]][:3])

    def lists_agree():
        for x in all_of_them:
            x.step(0.02)
        return all(sorted(x.here) == users for x in all_of_them)
    until("all to see the same list", lists_agree, 60)
    for x in all_of_them:
        x.s.close()
    until("nobody in the room", lambda: not occupants(t))
    print("     %d messages, %d of %d stayed" % (len(got), len(stayed), N), file=sys.stderr)


main(Tree(tabber="instances: {c2sd: 2}",
          modules=MODULES + "\nmod_muc: {default_room_options: {mam: true}}"))
