#!/usr/bin/python3
"""poezio in a terminal: logs in over STARTTLS with SCRAM (PLAIN is off), adds a contact, talks, sees carbons; enters
the room of its bookmark, and shows what was said before."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

ROOM = "den@conference.localhost"
BOOKMARK = """<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>
<conference jid='%s' autojoin='true' name='Den'><nick>c</nick></conference></storage></query>""" % ROOM


def trusted(t):
    """A file with the server's certificate."""
    s = t.stream(direct=True)
    with open(t.dir + "/ca.pem", "w") as ca:
        ca.write(ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True)))
    os.chmod(ca.name, 0o644)
    s.abort()
    return ca.name


@check
def poezio_talks(t):
    f = Friends(t)
    term = Poezio(t, "a@localhost", trusted(t))
    try:
        term.command("/add b@localhost")
        f.is_asked()
        f.agrees_and_asks()
        term.see(r"b@localhost")
        term.command("/accept b@localhost")
        jid = f.sees("poezio")
        f.shows("dnd", "busy with tests")
        term.see(r"\[\+\] b@localhost \(1\)")
        term.command("/message b@localhost hello from a terminal")
        assert f.gets("hello from a terminal") == jid
        f.b.message(jid, "and back to it")
        term.see(r"and back to it")
        f.second.message("b@localhost", "from my other device")
        term.see(r"from my other device")
        term.say("/quit", True)
        f.b.expect(presence(jid, "unavailable"))
        until("its end", lambda: jid not in t.ctl("sessions"))
    finally:
        term.end()
        f.end()


@check
def poezio_comes_later(t):
    b, c = t.login("b"), t.login("c", "other")
    new_room(b, ROOM)
    c.iq(None, BOOKMARK, "set")
    c.message(b.jid, "c said before")
    b.expect_body("c said before")
    b.message(c.jid, "b said before")
    c.expect_body("b said before")
    c.close()
    with Poezio(t, "c@localhost", trusted(t), "later") as term:
        b.expect(presence(ROOM + "/c"))
        b.send("<message to='%s' type='groupchat'><body>to the room</body></message>" % ROOM)
        term.command("/win Den")
        term.see("b> to the room")
        did("rooms")
        term.say("/message b@localhost hello again", True)
        term.see(r"(?s)c> c said before.*b> b said before.*c> hello again")
        did("archive")
    b.close()


main(Tree(accounts=ACCOUNTS + ["c@localhost"], modules=MODULES + "\nmod_muc: {}",
          options="disable_sasl_mechanisms: [PLAIN, DIGEST-MD5]"))
