#!/usr/bin/python3
"""OMEMO (XEP-0384) between alice, who has Dino here, and bob, who has profanity at a Prosody: each client
gets the other's list of devices and keys from the other server, and both show what they say as encrypted."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from prosodyserver import *
from windows import *

need("dino-im", "profanity", "tmux", "prosody")
from terminal import *

THERE = "bob@peer.example"
NS = "eu.siacs.conversations.axolotl"


class Modern(Prosody):
    modules = Prosody.modules + ("pep", "carbons", "mam", "smacks", "blocklist", "vcard_legacy", "offline")


def begin_list(peer):
    """profanity adds its device to a list that is there, but begins one only where the server says that
    there is none by code='404' (XEP-0086), as Prosody does not."""
    b = peer.login()
    e = b.iq(None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='%s.devicelist'><item "
             "id='current'><list xmlns='%s'/></item></publish><publish-options>%s</publish-options></pubsub>"
             % (NS, NS, form("http://jabber.org/protocol/pubsub#publish-options",
                             ("pubsub#access_model", "open"))), "set")
    assert e.get("type") == "result", ET.tostring(e)
    b.close()


def befriend(a, p):
    """bob asks in profanity; a, another device of alice's, agrees and asks; bob agrees in profanity."""
    p.say("/sub request " + ALICE)
    a.expect(presence(THERE, "subscribe"))
    a.send("<presence to='%s' type='subscribed'/><presence to='%s' type='subscribe'/>" % (THERE, THERE))
    p.see("[Rr]eceived authorization request from " + ALICE)
    p.say("/sub allow " + ALICE)
    a.expect(presence(THERE, "subscribed"))
    a.expect(presence(THERE + "/profanity"))


def stanzas(path):
    """The stanzas that xmpp-s2sd had from xmpp-routed, or gave to it: whose, to whom, and the stanza."""
    with open(path) as f:
        rows = [x.rstrip("\n").split("\t") for x in f if x.startswith("routed\tstanza\t")]
    return [(f[3], f[2], f[-1]) for f in rows]


def look_at(rows, one, other):
    """Both directions go alike: the list of one comes to the other as an event, the other's client asks for
    the keys and gets them, and messages are encrypted."""
    def has(of, to, *texts):
        assert any(f.startswith(of) and t.startswith(to) and all(x in xml for x in texts)
                   for f, t, xml in rows), (of, to, texts)

    has(one, other + "/", "type='headline'", NS + ".devicelist", "<device id=")
    has(other + "/", one, "<iq ", "type='get'", NS + ".bundles:")
    has(one, other + "/", "<iq ", "type='result'", NS + ".bundles:", "<preKeyPublic ")
    has(one + "/", other, "<message ", "<encrypted xmlns='%s'>" % NS, "<payload>")


@check
def dino_talks_with_profanity():
    with Network(), Lab(Modern, modules=WINDOWS, port=PORT) as lab, Place(lab.ca):
        t, traced = lab.t, lab.t.dir + "/s2sd"
        t.ctl("trace", "s2sd", "on", traced)
        a = t.login("alice", "raw", available=False)
        a.iq(None, "<query xmlns='jabber:iq:roster'/>")
        a.send("<presence><priority>-1</priority></presence>")
        begin_list(lab.peer)
        with Screen(t, "prosody-omemo") as screen, Terminal(t, "profanity") as p:
            dino = Dino(screen, THERE)
            until("Dino's session", lambda: ALICE + "/dino" in t.ctl("sessions"), 30)
            profanity = Profanity(p, THERE, lab.peer.port)
            befriend(a, p)
            profanity.encrypt_to(ALICE)
            profanity.say("secret one")
            assert dino.has("secret one", CHAT) == OMEMO
            dino.say("and one back")
            profanity.has(ALICE, "and one back")
            assert dino.has("and one back", CHAT) == OMEMO
        a.abort()
        t.ctl("trace", "s2sd", "off")
        assert {tuple(f[5:7]) for f in t.streams()} == {("external", "pkix")}, t.streams()
        rows = stanzas(traced + ".in") + stanzas(traced + ".out")
        look_at(rows, ALICE, THERE)
        look_at(rows, THERE, ALICE)
        assert not [xml for _, _, xml in rows if "secret one" in xml or "and one back" in xml]


main()
