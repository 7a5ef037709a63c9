"""Rooms: messages to all, and entering a room that is full."""
from loads import Row, cpu_per_unit, play, with_figure

MOST = 5000


def config(mam):
    return {
        "tabber": {"modules": "\nmod_muc: {max_users: %d, max_users_presence: %d, default_room_options: "
                              "{max_users: %d, mam: %s}}" % (MOST, MOST, MOST, mam)},
        "ejabberd": {"modules": "  mod_muc:\n    max_users: %d\n    max_users_presence: %d\n    default_"
                                "room_options: {max_users: %d, mam: %s}\n" % (MOST, MOST, MOST, mam)},
        "prosody": {"components": 'Component "conference.localhost" "muc"\n'
                                  '  modules_enabled = { %s }\n' % ('"muc_mam";' if mam == "true" else "")},
    }


def entering(lab, row, server):
    """Milliseconds of CPU each time that a user enters the room and leaves it."""
    got = play(lab, server, row.words, lab.seconds, row.sessions)
    return with_figure(got, got["cpu_s"] * 1e3 / got["received"] if got["received"] else None)


def row(name, title, n, room, words=("-w", "4"), load="muc", unit="µs", how=cpu_per_unit, mam="false",
        **more):
    words = ["-l", load, "-n", str(n), "-f", str(room), "-P", "50"] + list(words)
    return Row(name, title, unit, how, words, sessions=n, config=config(mam), fresh=True, **more)


ROWS = [
    row("muc", "message to a room of 100, not archived, CPU a delivery", 100, 100,
        reach="7, a ninth"),
    row("muc-archive", "the same, archived, CPU a delivery", 100, 100, mam="true", archive=True,
        reach="9, a ninth"),
    row("muc-1000", "message to a room of 1000, CPU a delivery", 1000, 1000, ["-w", "2"], reach="7"),
    row("muc-join", "one enters a room of 1000 and leaves, CPU", 1000, 1000, (), "muc-join", "ms",
        entering, reach="30"),
    row("muc-many", "messages to 1000 rooms of 10, CPU a delivery", 10000, 10, ["-r", "1000"],
        reach="12", once=True),
]
