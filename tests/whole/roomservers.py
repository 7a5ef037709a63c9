"""Rooms at a domain of their own, which is an address as those of servers.py, and occupants from elsewhere."""
from servers import *

ROOMS = "127.0.0.3"
ROOM = "room@" + ROOMS
MUC = "http://jabber.org/protocol/muc"


class Home(Server):
    """The server that has the rooms."""

    def __init__(self, room_options="{}", **kw):
        super().__init__(A, "s2s_use_starttls: required\n", modules=MORE + "\nmod_muc: {host: %s, "
                         "default_room_options: %s}" % (ROOMS, room_options), **kw)

    def config(self):
        listener = ["  -", "    port: %d" % PORT, "    ip: \"%s\"" % ROOMS,
                    "    module: ejabberd_s2s_in", "loglevel: info"]
        return super().config().replace("loglevel: info", "\n".join(listener), 1)


def vanish(t):
    """All processes at once, as when the machine is switched off: supervisors first."""
    while t.pids():
        for pid, cmd in sorted(t.pids().items(), key=lambda x: "super" not in x[1]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    t.process.wait()


def enter(s, nick):
    """The bodies of the history."""
    s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (ROOM, nick, MUC))
    bodies = []

    def is_subject(e):
        if e.findtext("{%s}body" % CLIENT):
            bodies.append(e.findtext("{%s}body" % CLIENT))
        return e.find("{%s}subject" % CLIENT) is not None

    s.expect(is_subject)
    return bodies


def open_room(s):
    """Of the one who has made it."""
    assert s.iq(ROOM, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'/></query>" % MUC,
                "set").get("type") == "result"
