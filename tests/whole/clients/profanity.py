#!/usr/bin/python3
"""profanity in a terminal: logs in over STARTTLS, adds a contact, talks, sees carbons."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *


@check
def profanity_talks(t):
    f = Friends(t)
    term = Terminal(t, "profanity")
    try:
        term.see(r"Profanity")
        term.say("/carbons on")
        term.say("/connect a@localhost server 127.0.0.1 port %d tls trust" % t.port)
        term.see(r"[Ee]nter password")
        term.say(PW)
        term.see(r"a@localhost\S* logged in successfully")
        until("its session", lambda: "a@localhost/profanity" in t.ctl("sessions"))
        term.say("/sub request b@localhost")
        f.is_asked()
        f.agrees_and_asks()
        term.see(r"[Rr]eceived authorization request from b@localhost")
        term.say("/sub allow b@localhost")
        jid = f.sees("profanity")
        f.shows("dnd", "busy with tests")
        term.see(r"b@localhost.* is dnd.*busy with tests")
        term.say("/msg b@localhost hello from a terminal")
        assert f.gets("hello from a terminal") == jid
        f.b.message(jid, "and back to it")
        term.see(r"and back to it")
        f.second.message("b@localhost", "from my other device")
        term.see(r"from my other device")
        term.say("/disconnect")
        f.b.expect(presence(jid, "unavailable"))
        until("its end", lambda: jid not in t.ctl("sessions"))
        term.say("/quit")
    finally:
        term.end()
        f.end()


main(Tree(accounts=ACCOUNTS))
