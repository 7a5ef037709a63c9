#!/usr/bin/python3
"""Dino and Gajim on a screen log in, and talk OMEMO (XEP-0384), both ways, are in a room, and in
a group with OMEMO."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from windows import *

need("dino-im", "gajim", "gajim-remote")
if not os.path.exists("/usr/share/gajim/plugins/omemo"):
    skip("there is no Gajim with a plugin for OMEMO")

BOTH = ("dino", "gajim")


@check
def dino_and_gajim_talk():
    with Place() as place, place.tree(accounts=[ALICE, BOB], modules=WINDOWS) as t:
        b = friends(t)
        with Screen(t, "dino-gajim") as screen:
            dino, gajim = Dino(screen), Gajim(screen)
            for jid in (ALICE + "/dino", BOB + "/gajim"):
                until(jid, lambda: jid in t.ctl("sessions"), 60)
            did("login", by=BOTH)
            gajim.say("secret one")
            assert dino.has("secret one", CHAT) == OMEMO
            dino.say("and one back")
            assert "OMEMO" in gajim.has("and one back")
            did("messages", "omemo", by=BOTH)
            secrets_in_the_group(gajim, dino)
            gajim.say_to_all(ROOM, "to all")
            assert dino.has("to all", GROUPCHAT) == 0
            b.expect(lambda e: e.get("from") == ROOM + "/bob-at-home" and
                     e.findtext("{%s}body" % CLIENT) == "to all")
            did("rooms", by=BOTH)
        b.abort()


main()
