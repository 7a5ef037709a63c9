#!/usr/bin/python3
"""poezio in a terminal: logs in over STARTTLS with SCRAM (PLAIN is off), adds a contact, talks, sees carbons."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

CONFIG = """[Poezio]
jid = a@localhost/poezio
password = %s
custom_host = 127.0.0.1
custom_port = %d
ca_cert_path = %s
rooms =
"""


def command(term, line):
    """On the roster a slash opens the line for commands; poezio takes keys that come at once for
    no slash."""
    term.tmux("send-keys", "-l", "/")
    until("the line for commands", lambda: "Enter commands with" not in term.screen())
    term.say(line[1:], True)


@check
def poezio_talks(t):
    f = Friends(t)
    files = t.dir + "/ca.pem", t.dir + "/poezio.cfg"
    s = t.stream(direct=True)
    for name, text in zip(files, (ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True)),
                                  CONFIG % (PW, t.port, files[0]))):
        with open(name, "w") as c:
            c.write(text)
        os.chmod(name, 0o666)
    s.abort()
    term = Terminal(t, "poezio -f " + files[1], nobody=True)
    try:
        until("its session", lambda: "a@localhost/poezio" in t.ctl("sessions"), 20)
        term.see(r"Your JID is a@localhost")
        command(term, "/add b@localhost")
        f.is_asked()
        f.agrees_and_asks()
        term.see(r"b@localhost")
        command(term, "/accept b@localhost")
        jid = f.sees("poezio")
        f.shows("dnd", "busy with tests")
        term.see(r"\[\+\] b@localhost \(1\)")
        command(term, "/message b@localhost hello from a terminal")
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


main(Tree(accounts=ACCOUNTS, options="disable_sasl_mechanisms: [PLAIN, DIGEST-MD5]"))
