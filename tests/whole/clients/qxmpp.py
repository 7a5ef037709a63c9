#!/usr/bin/python3
"""QXmpp: a program of the library logs in over STARTTLS, makes a contact, answers messages, asks the archive,
and talks in a room."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

PROGRAM = compiled("qxmpp.cpp", "qxmpp", "c++", ["Qt5Core", "Qt5Network", "Qt5Xml"])
ROOM = "talk@conference.localhost"


@check
def qxmpp_talks(t):
    answers(t, [PROGRAM, "a@localhost/qxmpp", PW, "127.0.0.1", str(t.port)], "qxmpp")


@check
def in_a_room_and_with_the_archive(t):
    b = t.login("b", "raw")
    new_room(b, ROOM)
    p = subprocess.Popen([PROGRAM, "a@localhost/qxmpp", PW, "127.0.0.1", str(t.port), ROOM],
                         stdin=subprocess.DEVNULL)
    try:
        assert b.expect_body("entered").get("from") == ROOM + "/qxmpp"
        did("rooms")
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
    main(Tree(accounts=ACCOUNTS, modules=MODULES + "\nmod_muc: {}"))
finally:
    shutil.rmtree(os.path.dirname(PROGRAM))
