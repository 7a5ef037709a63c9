#!/usr/bin/python3
"""finch, which is Pidgin in a terminal: logs in over STARTTLS, shows a message, answers it, gets an avatar, and is in the
room that its list of contacts has. Its accounts and its rooms are those of libpurple's files."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

ACCOUNT = """<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
 <account>
  <protocol>prpl-jabber</protocol>
  <name>a@localhost/finch</name>
  <password>%s</password>
  <settings>
   <setting name='connect_server' type='string'>127.0.0.1</setting>
   <setting name='port' type='int'>%d</setting>
   <setting name='connection_security' type='string'>require_tls</setting>
  </settings>
  <settings ui='gnt-purple'>
   <setting name='auto-login' type='bool'>1</setting>
  </settings>
 </account>
</account>
"""
ROOM = "den@conference.localhost"
ROOMS_OF_FINCH = """<?xml version='1.0' encoding='UTF-8' ?>
<purple version='1.0'>
 <blist>
  <group name='Chats'>
   <chat proto='prpl-jabber' account='a@localhost/finch'>
    <component name='handle'>guest</component>
    <component name='room'>den</component>
    <component name='server'>conference.localhost</component>
    <setting name='gnt-autojoin' type='bool'>1</setting>
   </chat>
  </group>
 </blist>
</purple>
"""


def read(path):
    with open(path, "rb") as f:
        return f.read()


def finch(t, name, **more):
    """finch with its account in a folder of this name, and files besides."""
    home = t.dir + "/" + name
    peers = home + "/certificates/x509/tls_peers"      # of those that the user has accepted
    os.makedirs(peers)
    s = t.stream(direct=True)
    certificate = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
    s.abort()
    files = {"accounts": ACCOUNT % (PW, t.port), **more}
    for path, text in [(peers + "/127.0.0.1", certificate)] + [("%s/%s.xml" % (home, x), files[x]) for x in files]:
        with open(path, "w") as c:
            c.write(text)
    return Terminal(t, "finch -c " + home)


@check
def finch_is_in_a_room(t):
    """The room comes first: the end of finch is a kill, and messages for it alone would wait for the next."""
    b = t.login("b")
    new_room(b, ROOM)
    with finch(t, "room", blist=ROOMS_OF_FINCH) as term:
        b.expect(presence(ROOM + "/guest"))
        term.see(r"den \(a@localhost")
        term.tmux("send-keys", "M-n")           # the window of the room
        b.send("<message to='%s' type='groupchat'><body>to the room</body></message>" % ROOM)
        term.see(r"b: to the room")
        term.say("to all")
        assert b.expect_body("to all").get("from") == ROOM + "/guest"
        did("rooms")
    b.close()


@check
def finch_talks(t):
    f = Friends(t)
    f.second.send("<presence to='b@localhost' type='subscribe'/>")      # finch has a contact from then on
    f.is_asked()
    f.agrees_and_asks()
    f.second.expect(presence("b@localhost", "subscribe"))
    f.second.send("<presence to='b@localhost' type='subscribed'/>")
    f.b.expect(presence("a@localhost", "subscribed"))
    term = finch(t, "talk")
    try:
        jid = f.b.expect(presence("a@localhost/finch")).get("from")
        did("login", "presence")
        term.see(r"b@localhost")
        did("contacts")
        f.b.message(jid, "shown in a window")
        term.see(r"shown in a window")
        term.tmux("send-keys", "M-n")           # the window of the conversation
        term.say("hello from a terminal")
        assert f.gets("hello from a terminal") == jid
        shows_picture(f.b)
        icons = t.dir + "/talk/icons/"
        until("b's avatar", lambda: os.path.isdir(icons) and PNG in [read(icons + x) for x in os.listdir(icons)])
        did("avatars")
    finally:
        term.end()
        f.end()


if not shutil.which("finch"):
    skip("there is no finch")
main(Tree(accounts=ACCOUNTS, modules=ROOMS + AVATARS))
