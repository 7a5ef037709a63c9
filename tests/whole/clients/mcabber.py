#!/usr/bin/python3
"""mcabber in a terminal: logs in over STARTTLS, adds a contact, talks, sees carbons, and is
in a room."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

ROOM = "den@conference.localhost"
CONFIG = """set jid = a@localhost
set password = %s
set server = 127.0.0.1
set port = %d
set resource = mcabber
set disable_random_resource = 1
set tls = 1
set ssl_ignore_checks = 1
set carbons = 1
set logging = 0
set roster_width = 40
"""


@check
def mcabber_talks(t):
    f = Friends(t)
    with open(t.dir + "/mcabberrc", "w") as c:
        c.write(CONFIG % (PW, t.port))
    os.chmod(t.dir + "/mcabberrc", 0o600)
    term = Terminal(t, "mcabber -f %s/mcabberrc" % t.dir)
    try:
        until("its session", lambda: "a@localhost/mcabber" in t.ctl("sessions"), 20)
        term.say("/add b@localhost")
        f.is_asked()
        f.agrees_and_asks()
        term.see(r"<b@localhost> wants to subscribe")
        term.say("/event * accept")
        jid = f.sees("mcabber")
        f.shows("dnd", "busy with tests")
        term.see(r"\[d\] b@localhost")
        term.say("/say_to b@localhost hello from a terminal")
        assert f.gets("hello from a terminal") == jid
        f.b.message(jid, "and back to it")
        term.say("/roster search b@localhost")
        term.tmux("send-keys", "Enter")
        term.see(r"and back to it")
        f.second.message("b@localhost", "from my other device")
        term.see(r"from my other device")
        new_room(f.b, ROOM)
        term.say("/room join %s mc" % ROOM)
        f.b.expect(presence(ROOM + "/mc"))
        term.say("/say_to %s to all" % ROOM)
        assert f.b.expect_body("to all").get("from") == ROOM + "/mc"
        f.b.send("<message to='%s' type='groupchat'><body>to the room</body></message>" % ROOM)
        term.see(r"<b> to the room")
        did("rooms")
        term.say("/quit")
        f.b.expect(presence(jid, "unavailable"))
        until("its end", lambda: jid not in t.ctl("sessions"))
    finally:
        term.end()
        f.end()


main(Tree(accounts=ACCOUNTS, modules=ROOMS))
