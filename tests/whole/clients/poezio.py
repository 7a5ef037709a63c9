#!/usr/bin/python3
"""poezio in a terminal: logs in over STARTTLS with SCRAM (PLAIN is off), adds a contact, talks, sees carbons."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *


@check
def poezio_talks(t):
    f = Friends(t)
    s = t.stream(direct=True)
    with open(t.dir + "/ca.pem", "w") as ca:
        ca.write(ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True)))
    os.chmod(ca.name, 0o644)
    s.abort()
    term = Poezio(t, "a@localhost", ca.name)
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


main(Tree(accounts=ACCOUNTS, options="disable_sasl_mechanisms: [PLAIN, DIGEST-MD5]"))
