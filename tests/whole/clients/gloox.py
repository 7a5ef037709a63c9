#!/usr/bin/python3
"""gloox: a program of the library logs in over STARTTLS, makes a contact, answers messages, and enters a room."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

PROGRAM = compiled("gloox.cpp", "gloox", "c++")


@check
def gloox_talks(t):
    answers(t, [PROGRAM, "a@localhost/gloox", PW, "127.0.0.1", str(t.port)], "gloox")


try:
    main(Tree(accounts=ACCOUNTS, modules=ROOMS))
finally:
    shutil.rmtree(os.path.dirname(PROGRAM))
