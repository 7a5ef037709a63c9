#!/usr/bin/python3
"""Gajim on a screen is one of two devices: it has what was said before it came and what the other device
says, sees its contact's presence and avatar, and sends a file."""
import hashlib, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from windows import *

need("gajim", "gajim-remote", "gdbus")
PICTURE = PNG + b"of alice"


def saw(*features):
    did(*features, by=("gajim",))


@check
def gajim_is_one_of_two_devices():
    with Place() as place, place.tree(accounts=[ALICE, BOB], **FILES) as t:
        b = friends(t)
        b.close()
        a, second = t.login("alice", "raw"), other_device(t, "bob")
        shows_picture(a, PICTURE)
        second.message(a.jid, "bob said before")
        a.expect_body("bob said before")
        with Screen(t, "gajim-devices") as screen:
            gajim = Gajim(screen, encryption="")
            a.expect(presence(BOB + "/gajim"))
            saw("login")
            gajim.has("bob said before")
            saw("archive")
            a.send("<presence><show>dnd</show><status>busy with tests</status></presence>")
            until("alice, busy", lambda: re.search(r"'show': 'dnd', 'jid': '%s', 'resources': \[\('raw', 'busy with tests'\)\]"
                                                   % ALICE, screen.ask("gajim-remote", "list_contacts", "bob")), 30, 0.5)
            saw("contacts", "presence")
            avatar = "%s/.cache/gajim/avatars/%s" % (screen.home, hashlib.sha1(PICTURE).hexdigest())
            until("alice's avatar", lambda: os.path.exists(avatar), 30)
            saw("avatars")
            a.message(BOB, "from alice")
            gajim.has("from alice")
            second.message(a.jid, "from bob elsewhere")
            gajim.has("from bob elsewhere")
            gajim.say("from Gajim")
            a.expect_body("from Gajim")
            second.expect(copy_of("from Gajim"))
            saw("messages", "copies")
            gajim.send_file(ALICE, note(screen.home))
            assert fetched(a) == NOTE
            saw("uploads")
        a.abort()
        second.abort()


main()
