#!/usr/bin/python3
"""QXmpp: a program of the library logs in over STARTTLS, makes a contact, answers messages, enters a
room, and asks the archive."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

PROGRAM = compiled("qxmpp.cpp", "qxmpp", "c++", ["Qt5Core", "Qt5Network", "Qt5Xml"])


@check
def qxmpp_talks(t):
    answers(t, [PROGRAM, "a@localhost/qxmpp", PW, "127.0.0.1", str(t.port)], "qxmpp")


@check
def with_the_archive(t):
    b = t.login("b", "raw")
    p = subprocess.Popen([PROGRAM, "a@localhost/qxmpp", PW, "127.0.0.1", str(t.port)], stdin=subprocess.DEVNULL)
    try:
        until("its session", lambda: "a@localhost/qxmpp" in t.ctl("sessions"))
        b.message("a@localhost/qxmpp", "archive")
        count = b.expect(lambda e: (e.findtext("{%s}body" % CLIENT) or "").startswith("archive: "))
        _, n, complete = count.findtext("{%s}body" % CLIENT).split()
        assert int(n) >= 2 and complete == "1", (n, complete)
        did("archive")
        b.message("a@localhost/qxmpp", "quit")
        p.wait(DEADLINE)
    finally:
        p.kill()
        p.wait()
        b.abort()


try:
    main(Tree(accounts=ACCOUNTS, modules=ROOMS))
finally:
    shutil.rmtree(os.path.dirname(PROGRAM))
