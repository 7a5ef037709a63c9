"""Occupants of a room that talk while programs are killed: each message that the server acknowledged is
in the room's archive once, in order; an occupant hears, from its entry to the end of its session, each
message of the archive that came meanwhile."""
from archives import *
from talkers import *

MUC = "http://jabber.org/protocol/muc"


class Occupant(Talker):
    """Is in the room while it has a session, and says a message every `pace` seconds at most. stays: for
    each session the (id, text) of what it heard. here: the nicks that it sees. errors: what the room
    refused; a service that is away refuses nothing, and is tried again."""

    def __init__(self, tree, user, room, pace):
        super().__init__(tree, user, "plain")
        self.room, self.pace, self.next = room, pace, 0
        self.stays, self.here, self.errors, self.inside = [], set(), [], False

    def begin_anew(self):
        super().begin_anew()
        self.stays.append([])
        self.here, self.inside = set(), False

    def bind(self, s):
        super().bind(s)
        self.enter(s)

    def enter(self, s):
        self.send(s, "<presence to='%s/%s'><x xmlns='%s'><history maxstanzas='0'/></x></presence>" % (
            self.room, self.user, MUC))

    def may_speak(self):
        if not self.inside or not super().may_speak() or time.monotonic() < self.next:
            return False
        self.next = time.monotonic() + self.pace
        return True

    def text(self, n):
        return "%s %d" % (self.user, n)

    def message(self, n):
        return "<message type='groupchat' to='%s' id='%d'><body>%s</body></message>" % (
            self.room, n, self.text(n))

    def take_stanza(self, e):
        super().take_stanza(e)
        nick = (e.get("from") or "").partition(self.room + "/")[2]
        if e.get("type") == "error" and e.find(".//{%s}service-unavailable" % STANZAS) is None:
            self.errors.append(ET.tostring(e).decode())
        elif e.get("type") == "error":
            if e.tag == "{%s}presence" % CLIENT:
                self.enter(self.s)
        elif nick and e.tag == "{%s}presence" % CLIENT:
            (self.here.discard if e.get("type") else self.here.add)(nick)
            self.inside |= e.find(".//{%s#user}status[@code='110']" % MUC) is not None
        elif nick and e.findtext("{%s}body" % CLIENT):
            i = e.find("{urn:xmpp:sid:0}stanza-id")
            self.stays[-1].append((i.get("id"), e.findtext("{%s}body" % CLIENT)))

    def live_on(self, work=lambda: None):
        """Do as the thread does, which has ended: take what comes, connect anew after a cut."""
        try:
            self.pump(0.02)
            work()
        except (Gone, ConnectionError, ssl.SSLError, OSError, ET.ParseError):
            self.connect()

    def settle(self):
        """Be in the room, and have one more message acknowledged, so that the session is a live one."""
        acked = len(self.acked)

        def say_one():
            if self.inside and not self.unacked and len(self.acked) == acked:
                self.speak()
            self.s.send("<r xmlns='%s'/>" % SM)

        def is_acked():
            self.live_on(say_one)
            return len(self.acked) > acked
        until("%s to have a message acknowledged" % self.user, is_acked)


def live_until(what, occupants, fn):
    def done():
        for x in occupants:
            x.live_on()
        return fn()
    until(what, done, 60)


def check_archived(x, texts):
    """What x has said is in the room's archive once, in order."""
    own = [int(text.split()[1]) for text in texts if text.startswith(x.user + " ")]
    lost = sorted(set(x.acked) - x.returned - set(own))
    strange = set(own) - set(x.acked) - set(x.unsure)
    assert not lost, "%s: acknowledged but not in the room: %s of %d" % (x.user, lost[:10], len(x.acked))
    twice = sorted(n for n in set(own) if own.count(n) > 1)
    assert not twice, "%s: twice in the room: %s" % (x.user, twice)
    assert own == sorted(own), "%s: out of order in the room" % x.user
    assert not strange, "%s: never said: %s" % (x.user, strange)


def check_heard(x, kept):
    """In each of its sessions x heard a part of the archive without gaps; something may have come again."""
    for stay in x.stays:
        seen = list(dict.fromkeys(stay))
        if seen:
            first = kept.index(seen[0])
            part = kept[first:first + len(seen)]
            assert seen == part, "%s heard other things than the archive has: %s" % (
                x.user, [p for p in zip(seen, part) if p[0] != p[1]][:3])


def nicks(t, room):
    return [x.split("\t")[0] for x in t.ctl("room", "occupants", room, records=True).splitlines()]


def check_room(t, room, occupants):
    """Of occupants whose threads have ended; how many messages the room has."""
    users = sorted(x.user for x in occupants)
    for x in occupants + occupants[:1]:
        x.settle()
    end = occupants[0].text(occupants[0].sent)
    live_until("all to hear the end", occupants,
               lambda: all(end in [text for _, text in x.stays[-1]] for x in occupants))
    live_until("all to see the same list", occupants, lambda: all(sorted(x.here) == users for x in occupants))
    # A session that is over may stand beside the new one of its nick for half a minute (ghosts.c).
    assert sorted(set(nicks(t, room))) == users, nicks(t, room)
    reader = occupants[0].log_in()
    reader.bind("reader")
    reader.available()
    kept = bodies(archive(reader, room))
    reader.close()
    assert len(dict(kept)) == len(kept) and kept == sorted(kept, key=lambda x: int(x[0]))
    for x in occupants:
        check_archived(x, [text for _, text in kept])
        check_heard(x, kept)
        assert not x.errors, (x.user, x.errors[:2])
        x.s.abort()
    return len(kept)
