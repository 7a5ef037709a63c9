#!/usr/bin/python3
"""Dino and Gajim on a screen, profanity and poezio in terminals are in one room at the same time: each says
something that the others show, profanity sets the subject and kicks, Gajim moderates (XEP-0425) and
bans. Then the three that know OMEMO are in a group of members."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from windows import *

need("dino-im", "gajim", "gajim-remote", "gdbus", "profanity", "poezio", "tmux")
if not os.path.exists("/usr/share/gajim/plugins/omemo"):
    skip("there is no Gajim with a plugin for OMEMO")
from terminal import *

CAROL, DAVE = "carol@" + HOST, "dave@" + HOST
ADMIN, MODERATE = "http://jabber.org/protocol/muc#admin", "urn:xmpp:message-moderate:1"
GAJIM_AT = 1250
# Parts of the screen, as x, y, width and height. Dino writes the subject into its head, Gajim into a
# blue box above the line for input, where only a long line reaches the end.
DINO_HEAD, GAJIM_LINE, GAJIM_END = (550, 5, 400, 42), (GAJIM_AT + 475, 420, 100, 26), (GAJIM_AT + 650, 420, 80, 20)


class Meeting:
    def __init__(self, t, b, screen, carol, dave):
        self.t, self.b, self.screen, self.carol, self.dave = t, b, screen, carol, dave
        self.profanity = Profanity(carol, CAROL, t.port, "pubsub." + HOST)
        self.dino, self.gajim = Dino(screen), Gajim(screen)
        for jid in (ALICE + "/dino", BOB + "/gajim"):
            until(jid, lambda: jid in t.ctl("sessions"), 60)
        self.gajim.move(GAJIM_AT)

    def shot(self, name):
        self.screen.shot("four-" + name)
        self.carol.shot("four-%s-profanity" % name)
        self.dave.shot("four-%s-poezio" % name)

    def shown(self, nick, text):
        """All of them show what one has said."""
        assert self.dino.has(text, GROUPCHAT) == 0
        self.gajim.has(text)
        self.carol.see("- %s: %s" % (nick, text))
        self.dave.see("%s> %s" % (nick, text))

    def they_enter(self):
        self.profanity.enter(ROOM, "carol")
        self.dave.command("/join %s/dave" % ROOM)
        self.dave.see(r"You \(dave\) joined the room")
        for nick in ("alice", "bob-at-home", "carol", "dave"):
            until(nick + " in the room", lambda: re.search(r"(?m)^%s\s" % nick, self.t.ctl(
                "room", "occupants", ROOM)), 30, 0.2)

    def they_talk(self):
        self.carol.say("carol says hello")
        self.shown("carol", "carol says hello")
        self.dave.say("dave says hello", True)
        self.shown("dave", "dave says hello")
        self.gajim.say_to_all(ROOM, "bob says hello")
        self.shown("bob-at-home", "bob says hello")
        self.dino.open(ROOM)
        self.dino.say_here("alice says hello")
        self.shown("alice", "alice says hello")
        self.gajim.open(ROOM)
        self.shot("talk")

    def profanity_sets_the_subject(self):
        until("the end of Gajim's talk", lambda: self.screen.is_white(GAJIM_END), 20, 0.1)
        head = self.screen.pixels(*DINO_HEAD)
        self.carol.say('/subject set "tea at five"')
        self.carol.see("carol has set the room subject: tea at five")
        self.dave.see("carol set the subject to: tea at five")
        until("the subject in Dino", lambda: self.screen.pixels(*DINO_HEAD) != head, 20, 0.1)
        until("the subject in Gajim", lambda: not self.screen.is_white(GAJIM_END), 20, 0.1)
        self.shot("subject")

    def profanity_kicks(self):
        self.carol.say("/kick dave enough")
        self.carol.see("dave has been kicked from the room by carol, reason: enough")
        self.dave.see("You have been kicked by carol Reason: enough")
        self.b.expect(presence(ROOM + "/dave", "unavailable"))
        self.dave.say("/join %s/dave" % ROOM, True)
        self.dave.see(r"(?s)kicked by carol.*You \(dave\) joined the room")
        self.dave.say("buy my tea", True)
        self.shown("dave", "buy my tea")
        self.shot("kick")

    def gajim_moderates(self):
        """Gajim shows the retraction. Dino, profanity and poezio know none by a moderator."""
        until("a short line in Gajim", lambda: self.screen.is_white(GAJIM_END), 20, 0.1)
        self.gajim.retract(ROOM, "buy my tea")
        until("who retracted it in Gajim", lambda: not self.screen.is_white(GAJIM_END), 20, 0.1)
        m = self.b.expect(lambda e: e.find(".//{%s}moderated" % MODERATE) is not None)
        assert m.get("from") == ROOM and m.get("type") == "groupchat", m.attrib
        self.shot("moderation")

    def they_ban(self):
        """profanity bans poezio, which says so, and does not get in again; an error of entering is something
        that poezio does not show. Gajim bans profanity, which shows the error too."""
        self.carol.say("/ban %s spam" % DAVE)
        self.carol.see("dave has been banned from the room by carol, reason: spam")
        self.dave.see("You have been banned by carol Reason: spam")
        self.dave.see("Not connected")
        self.t.ctl("trace", "mucd", "on", self.t.dir + "/mucd")
        self.dave.say("/join %s/dave" % ROOM, True)
        until("a refusal", lambda: "you are banned from this room" in self.traced(), 15, 0.1)
        self.t.ctl("trace", "mucd", "off")
        self.dave.see("Not connected")
        self.gajim.ban(CAROL)
        self.carol.see(r"[Bb]anned from %s.* by bob-at-home" % ROOM)
        self.shot("ban")
        self.carol.say("/join %s nick carol" % ROOM)
        self.carol.see("Error joining room")
        self.shot("banned")

    def traced(self):
        with open(self.t.dir + "/mucd.out") as f:
            return f.read()

    def three_are_in_a_group(self):
        """profanity speaks first: with that, Gajim has a session with the one that has just come."""
        self.profanity.enter(GROUP, "carol")
        self.carol.say("/omemo start")
        self.carol.see(r"\[OMEMO\]")
        for jid in (ALICE, BOB):
            self.profanity.has_keys_of(jid)
        self.carol.say("secret of carol")
        self.profanity.has("carol", "secret of carol")
        assert self.dino.has("secret of carol", GROUPCHAT) == OMEMO
        assert "OMEMO" in self.gajim.has("secret of carol")
        secrets_in_the_group(self.gajim, self.dino)
        self.profanity.has("bob-at-home", "secret to the group")
        self.dino.open(GROUP)
        self.dino.say_here("secret of alice")
        assert self.dino.has("secret of alice", GROUPCHAT) == OMEMO
        assert "OMEMO" in self.gajim.has("secret of alice")
        self.profanity.has("alice", "secret of alice")
        self.gajim.open(GROUP)
        until("a line in Gajim", lambda: not self.screen.is_white(GAJIM_LINE), 20, 0.1)
        self.shot("group")


@check
def four_are_in_a_room():
    with Place() as place, place.tree(accounts=[ALICE, BOB, CAROL, DAVE], modules=WINDOWS) as t:
        b = friends(t)
        for room, affiliation in ((ROOM, "admin"), (GROUP, "member")):
            b.iq(room, "<query xmlns='%s'><item affiliation='%s' jid='%s'/></query>"
                 % (ADMIN, affiliation, CAROL), "set")
        with Screen(t, "four", "2250x700") as screen, Terminal(t, "profanity", name="carol") as carol, \
                Poezio(t, DAVE, place.ca.path("ca.pem"), "dave") as dave:
            m = Meeting(t, b, screen, carol, dave)
            m.they_enter()
            m.they_talk()
            m.profanity_sets_the_subject()
            m.profanity_kicks()
            m.gajim_moderates()
            m.they_ban()
            did("login", "rooms", by=("dino", "gajim", "profanity", "poezio"))
            m.three_are_in_a_group()
            did("omemo", by=("dino", "gajim", "profanity"))
        b.abort()


main()
