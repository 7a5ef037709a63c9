#!/usr/bin/python3
"""profanity in a terminal: logs in over STARTTLS, adds a contact, talks, sees carbons, gets the
contact's avatar, sends a file; pages through an archive."""
import os, sys, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *
from uploads import NOTE, UPLOADS, note


def log_in(term, t, jid, wish):
    term.see(r"Profanity")
    term.say(wish)
    term.say("/connect %s server 127.0.0.1 port %d tls trust" % (jid, t.port))
    term.see(r"[Ee]nter password")
    term.say(PW)
    term.see(jid + r"\S* logged in successfully")


def gets_the_avatar(term, b):
    shows_picture(b)
    term.say("/avatar get b@localhost")
    path = term.home + "/.local/profanity/avatars/b_at_localhost.png"

    def is_there():
        if not os.path.exists(path):
            return False
        with open(path, "rb") as f:
            return f.read() == PNG

    until("the avatar", is_there)
    did("avatars")


def sends_a_file(t, term, b):
    """In the chat with b, whose window is shown."""
    term.say("/sendfile " + note(t.dir))
    url = b.expect(lambda e: e.find("{jabber:x:oob}x") is not None).findtext("{jabber:x:oob}x/{jabber:x:oob}url")
    assert urllib.request.urlopen(url, timeout=DEADLINE).read().decode() == NOTE, url
    did("uploads")


@check
def profanity_talks(t):
    f = Friends(t)
    term = Terminal(t, "profanity")
    try:
        log_in(term, t, "a@localhost", "/carbons on")
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
        gets_the_avatar(term, f.b)
        sends_a_file(t, term, f.b)
        term.say("/disconnect")
        f.b.expect(presence(jid, "unavailable"))
        until("its end", lambda: jid not in t.ctl("sessions"))
        term.say("/quit")
    finally:
        term.end()
        f.end()


LINES = 60      # a page of the archive has 50, the screen shows fewer


def talk_of_others(t):
    """c and another device of d talk, and leave; nothing waits for d."""
    c, d = t.login("c"), t.login("d", "second")
    for i in range(1, LINES + 1):
        a, b = (c, d) if i % 2 else (d, c)
        a.message(b.jid, "line %d" % i)
        b.expect_body("line %d" % i)
    c.close()
    d.close()


def sees_lines(term, first=None, last=None):
    """Wait until the screen shows lines of the talk, up to last or from first on, each once and
    in order, with who said them; their numbers."""
    def look():
        found = re.findall(r" (me|c@localhost)\S*: line (\d+) *$", term.screen(), re.M)
        seen = [int(i) for _, i in found]
        return (seen and seen == list(range(first or seen[0], (last or seen[-1]) + 1)) and
                all((who == "me") == (int(i) % 2 == 0) for who, i in found) and seen)
    try:
        return until("lines %s to %s" % (first, last), look, 15, 0.05)
    except AssertionError as e:
        raise AssertionError("%s\n%s" % (e, term.screen().rstrip()))


@check
def profanity_pages_through_an_archive(t):
    talk_of_others(t)
    t.ctl("trace", "mamd", "on", t.dir + "/mamd")
    term = Terminal(t, "profanity")
    try:
        log_in(term, t, "d@localhost", "/mam on")
        term.say("/disco info localhost")       # by then it knows what the host can do
        term.see(r"urn:xmpp:mam:2")
        term.say("/msg c@localhost")
        newest = sees_lines(term, last=LINES)
        term.tmux("send-keys", "PPage")
        oldest = sees_lines(term, first=1)
        assert newest[0] - 1 <= oldest[-1] < LINES, (oldest, newest)
        t.ctl("trace", "mamd", "off")
        term.say("/quit")
    finally:
        term.end()
    with open(t.dir + "/mamd.in") as f:
        asked = re.findall(r"\tns=urn:xmpp:mam:2[ \t].*", f.read())
    assert len(asked) == 2 and "<after>" in asked[1], asked
    did("archive")


main(Tree(accounts=ACCOUNTS + ["c@localhost", "d@localhost"], **dict(UPLOADS, modules=UPLOADS["modules"] + AVATARS)))
