#!/usr/bin/python3
"""Dino on a screen: logs in with a certificate that it verifies, finds its contact's avatar, joins the
room of its bookmark, and talks OMEMO (XEP-0384) with profanity, both ways."""
import base64, os, sqlite3, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from desk import *

need("dino-im", "profanity", "tmux")
from terminal import *

ALICE, BOB, ROOM = "alice@" + HOST, "bob@" + HOST, "den@conference." + HOST
OMEMO = 2           # in Dino's database, of messages and of conversations
CHAT, GROUPCHAT = 1, 2
# A picture of one pixel.
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
                       "RU5ErkJggg==")


class Dino:
    """Its database is made by itself, and then knows alice's account and a conversation with bob that
    is encrypted."""

    def __init__(self, screen):
        self.screen, self.data = screen, screen.home + "/.local/share/dino/"
        first = screen.run("dino-im")
        until("Dino's database", lambda: self.rows("select count(*) from conversation"), 30)
        screen.stop(first)
        with sqlite3.connect(self.data + "dino.db") as db:
            db.execute("insert into account (id, bare_jid, resourcepart, password, alias, enabled, roster_version)"
                       " values (1, ?, 'dino', ?, '', 1, '')", (ALICE, PW))
            db.execute("insert into jid (id, bare_jid) values (1, ?)", (BOB,))
            db.execute("insert into conversation (account_id, jid_id, active, last_active, type, encryption,"
                       " notification, send_typing, send_marker) values (1, 1, 1, 1, 0, ?, 0, 0, 0)", (OMEMO,))
        self.program = screen.run("dino-im")

    def rows(self, question, *values, db="dino.db"):
        """Nothing while Dino is busy with it, or has made no table."""
        try:
            with sqlite3.connect("file:%s%s?mode=ro" % (self.data, db), uri=True) as db:
                return db.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def has(self, text, type):
        """The encryption of a message that it shows."""
        return until("Dino has " + text, lambda: self.rows(
            "select encryption from message where body = ? and type = ?", text, type), 30)[0][0]

    def say(self, text):
        """To bob: the conversation that was there first is open, and what has come in it is read."""
        until("an open conversation", lambda: self.rows(
            "select 1 from conversation where id = 1 and read_up_to_item > 0"), 20)
        self.screen.do("mousemove", "600", "350", "click", "1")
        self.screen.do("type", "--delay", "20", text)
        self.screen.do("key", "Return")


def friends(t):
    """alice and bob know each other; bob has an avatar, alice a bookmark of a room that bob is in."""
    a, b = (t.login(u, "raw", available=False) for u in ("alice", "bob"))
    for s in (a, b):
        s.iq(None, "<query xmlns='jabber:iq:roster'/>")
        s.send("<presence><priority>-1</priority></presence>")
    for s, peer in ((a, BOB), (b, ALICE)):
        s.send("<presence to='%s' type='subscribe'/>" % peer)
        s.send("<presence to='%s' type='subscribed'/>" % peer)
    for s, peer in ((a, BOB), (b, ALICE)):
        s.expect(presence(peer, "subscribed"))
    a.iq(None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:bookmarks:1'><item"
         " id='%s'><conference xmlns='urn:xmpp:bookmarks:1' autojoin='true'><nick>alice</nick></conference>"
         "</item></publish></pubsub>" % ROOM, "set")
    b.send("<iq type='set' id='card' to='%s'><vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>%s"
           "</BINVAL></PHOTO></vCard></iq>" % (BOB, base64.b64encode(PNG).decode()))
    b.expect(lambda e: e.get("id") == "card" and e.get("type") == "result")
    b.send("<presence to='%s/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % ROOM)
    b.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == ROOM + "/bob")
    b.iq(ROOM, "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
         "set")
    a.close()
    return b


def profanity(t):
    p = Terminal(t, "profanity")
    p.see(r"Profanity")
    p.say("/connect %s server 127.0.0.1 port %d tls trust" % (BOB, t.port))
    p.see(r"[Ee]nter password")
    p.say(PW)
    p.see(r"logged in successfully")
    p.say("/omemo trustmode blind")
    p.say("/omemo gen")
    p.see(r"materials generated")
    p.say("/msg " + ALICE)
    p.say("/omemo start")
    p.see(r"\[OMEMO\]")
    return p


@check
def dino_talks():
    with Place() as place, place.tree(accounts=[ALICE, BOB], modules=MODULES + "\nmod_caps: {}\nmod_avatar: {}\n"
                    "mod_pubsub: {plugins: [flat, pep]}\nmod_muc: {default_room_options: {mam: true}}\n") as t:
        screen = Screen(t)
        b = friends(t)
        p = None
        try:
            dino = Dino(screen)
            until("Dino's session", lambda: ALICE + "/dino" in t.ctl("sessions"), 30)
            did("login")
            b.expect(presence(ROOM + "/alice"))
            b.send("<message to='%s' type='groupchat'><body>to the room</body></message>" % ROOM)
            assert dino.has("to the room", GROUPCHAT) == 0
            did("rooms")
            until("bob's avatar", lambda: dino.rows("select hash from contact_avatar"), 30)
            did("avatars")
            p = profanity(t)
            p.say("secret one")
            assert dino.has("secret one", CHAT) == OMEMO
            dino.say("and one back")
            p.see(r"alice\S*: and one back")
            assert dino.has("and one back", CHAT) == OMEMO
            did("omemo")
            screen.shot("dino")
        except BaseException:
            screen.shot("dino-failed")
            with open(screen.home + "/log", errors="replace") as f:
                print(f.read()[-1500:])
            if p:
                print(p.screen().rstrip())
            raise
        finally:
            if p:
                p.end()
            screen.stop(dino.program)
            screen.end()
            b.abort()


main()
