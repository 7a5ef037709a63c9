#!/usr/bin/python3
"""Dino on a screen: logs in with a certificate that it verifies, finds its contact's avatar, joins the
room of its bookmark, and talks OMEMO (XEP-0384) with profanity, both ways. It has what another device says
and what was said before it came, and sends a file."""
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


@check
def dino_is_one_of_two_devices():
    with Place() as place, place.tree(accounts=[ALICE, BOB], **FILES) as t:
        b = friends(t)
        second = other_device(t, "alice")
        second.message(b.jid, "alice said before")
        b.expect_body("alice said before")
        with Screen(t, "dino-second") as screen:
            dino = Dino(screen, encryption=0)
            b.expect(presence(ALICE + "/dino"))
            until("bob in the roster", lambda: (BOB, "both") in dino.rows("select jid, subscription from roster"), 30)
            did("contacts")
            assert dino.has("alice said before", CHAT) == 0
            did("archive")
            b.send("<presence><show>dnd</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'"
                   " node='https://bob.example' ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/></presence>")
            until("bob's device", lambda: dino.rows("select 1 from entity, jid where jid.id = jid_id and bare_jid = ? and"
                                                    " resource = 'raw'", BOB), 30)
            did("presence")
            second.message(b.jid, "from alice elsewhere")
            assert dino.has("from alice elsewhere", CHAT) == 0
            dino.say("from Dino")
            b.expect_body("from Dino")
            second.expect(copy_of("from Dino"))
            did("messages", "copies")
            dino.send_file(note(screen.home))
            assert fetched(b) == NOTE
            did("uploads")
        b.abort()
        second.abort()


main()
