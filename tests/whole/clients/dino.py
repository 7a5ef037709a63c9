#!/usr/bin/python3
"""Dino on a screen: logs in with a certificate that it verifies, finds its contact's avatar, joins the
room of its bookmark, and talks OMEMO (XEP-0384) with profanity, both ways."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from windows import *

need("dino-im", "profanity", "tmux")
from terminal import *


@check
def dino_talks():
    with Place() as place, place.tree(accounts=[ALICE, BOB], modules=WINDOWS) as t:
        b = friends(t)
        with Screen(t, "dino") as screen:
            dino = Dino(screen)
            until("Dino's session", lambda: ALICE + "/dino" in t.ctl("sessions"), 30)
            did("login")
            b.expect(presence(ROOM + "/alice"))
            b.send("<message to='%s' type='groupchat'><body>to the room</body></message>" % ROOM)
            assert dino.has("to the room", GROUPCHAT) == 0
            did("rooms")
            until("bob's avatar", lambda: dino.rows("select hash from contact_avatar"), 30)
            did("avatars")
            with Terminal(t, "profanity") as p:
                profanity = Profanity(p, BOB, t.port)
                profanity.encrypt_to(ALICE)
                profanity.say("secret one")
                assert dino.has("secret one", CHAT) == OMEMO
                dino.say("and one back")
                profanity.has(ALICE, "and one back")
                assert dino.has("and one back", CHAT) == OMEMO
                did("omemo")
        b.abort()


main()
