#!/usr/bin/python3
"""nbxmpp, the library of Gajim: logs in over STARTTLS and over direct TLS, makes a contact, answers, and enters a room."""
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from terminal import *

if subprocess.run([sys.executable, "-c", "import nbxmpp.client"], stderr=subprocess.DEVNULL).returncode:
    skip("there is no nbxmpp")


def plays(t, port, how):
    answers(t, [sys.executable, HERE + "/gajim-answerer", "a", PW, "127.0.0.1", str(port), "gajim", how], "gajim")


@check
def over_starttls(t):
    plays(t, t.port, "START_TLS")


@check
def over_direct_tls(_):
    with Tree(accounts=ACCOUNTS, modules=ROOMS) as t:
        plays(t, t.tls_port, "DIRECT_TLS")


main(Tree(accounts=ACCOUNTS, modules=ROOMS))
