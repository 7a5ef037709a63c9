#!/usr/bin/python3
"""Psi+ on a screen: logs in over STARTTLS to a certificate that it verifies, shows its presence, enters
the room of its bookmark, opens a window for a message, whose receipt it sends, shows there what another device
says, and gets its contact's avatar. Its account is a file, and its password is typed."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from windows import *

need("psi-plus")
RECEIPTS = "urn:xmpp:receipts"
SECOND_LINE = (10, 115, 300, 13)    # of the window for bob; the first message takes two rows
PROFILE = "/.config/psi+/profiles/default"
ACCOUNT = """<?xml version="1.0" encoding="UTF-8"?>
<accounts xmlns="http://psi-im.org/options" version="1.0">
 <accounts>
  <a0>
   <id type="QString">{11111111-2222-3333-4444-555555555555}</id>
   <name type="QString">tabber</name>
   <enabled type="bool">true</enabled>
   <auto type="bool">true</auto>
   <jid type="QString">%s</jid>
   <resource type="QString">psi</resource>
   <automatic-resource type="bool">false</automatic-resource>
   <use-host type="bool">true</use-host>
   <host type="QString">127.0.0.1</host>
   <port type="int">%d</port>
   <ssl type="QString">yes</ssl>
   <allow-plain type="QString">no</allow-plain>
  </a0>
 </accounts>
</accounts>
"""
OPTIONS = """<?xml version="1.0" encoding="UTF-8"?>
<options xmlns="http://psi-im.org/options" version="1.0">
 <options>
  <ui>
   <tip><show type="bool">false</show></tip>
   <chat><auto-popup type="bool">true</auto-popup></chat>
   <tabs><use-tabs type="bool">false</use-tabs></tabs>
  </ui>
 </options>
</options>
"""


def configure(screen):
    os.makedirs(screen.home + PROFILE)
    for name, text in (("accounts", ACCOUNT % (ALICE, PORT)), ("options", OPTIONS)):
        with open("%s%s/%s.xml" % (screen.home, PROFILE, name), "w") as f:
            f.write(text)
    if screen.user:
        subprocess.run(["chown", "-R", str(NOBODY), screen.home + "/.config"], check=True)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def window(screen, title):
    return until("the window " + title, lambda: screen.ask("xdotool", "search", "--onlyvisible", "--name", title), 30)


@check
def psi_talks():
    with Place() as place, place.tree(accounts=[ALICE, BOB], modules=WINDOWS) as t:
        b = friends(t)
        b.send("<presence/>")
        a = other_device(t, "alice")
        a.iq(None, "<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>", "set")   # without a card Psi+ opens a window
        # A second room would open two, one of which keeps all keys for itself.
        a.iq(None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><retract node='urn:xmpp:bookmarks:1'><item id='%s'/>"
             "</retract></pubsub>" % GROUP, "set")
        with Screen(t, "psi-plus") as screen:
            configure(screen)
            screen.run("psi-plus")
            screen.do("windowfocus", "--sync", window(screen, "assword").split()[0])
            screen.do("type", "--delay", "20", PW)
            screen.do("key", "Return")
            b.expect(presence(ALICE + "/psi"))
            did("login", "contacts", "presence")
            b.expect(presence(ROOM + "/alice"))
            did("rooms")
            b.send("<message to='%s/psi' type='chat' id='shown'><body>shown in a window</body><request xmlns='%s'/>"
                   "</message>" % (ALICE, RECEIPTS))
            e = b.expect(lambda e: e.find("{%s}received" % RECEIPTS) is not None)
            assert e.get("from") == ALICE + "/psi" and e.find("{%s}received" % RECEIPTS).get("id") == "shown"
            talk = window(screen, "bob@").split()[0]
            a.message(b.jid, "from alice elsewhere")
            until("the copy in Psi's window", lambda: not screen.is_white(SECOND_LINE), 20, 0.1)
            screen.do("windowfocus", "--sync", talk)
            screen.write(200, 326, "from Psi")
            assert b.expect_body("from Psi").get("from") == ALICE + "/psi"
            a.expect(copy_of("from Psi"))
            did("messages", "copies")
            until("bob's avatar", lambda: PNG in [read(x) for x in glob.glob(screen.home + "/.cache/psi+/avatars/*.png")], 30)
            did("avatars")
        a.abort()
        b.abort()


main()
