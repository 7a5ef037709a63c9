#!/usr/bin/python3
"""Invitations (XEP-0401, XEP-0445, XEP-0379): accounts and contacts by a token, over kills."""
import re, threading
from slix import *

REGISTER = "jabber:iq:register"
COMMANDS = "http://jabber.org/protocol/commands"


def command(s, node):
    """The result of the command: the address of the invitation."""
    iq = s.iq("localhost", "<command xmlns='%s' node='urn:xmpp:invite#%s'/>" % (COMMANDS, node), "set")
    assert iq.get("type") == "result", ET.tostring(iq)
    values = {f.get("var"): f.findtext("{jabber:x:data}value") for f in iq.iter("{jabber:x:data}field")}
    return values["uri"]


def token(uri):
    return re.search("preauth=([a-z2-7]{24})", uri).group(1)


def before_login(s, inside, id):
    s.send("<iq type='set' id='%s'>%s</iq>" % (id, inside))
    iq = s.expect(lambda e: e.tag.endswith("}iq") and e.get("id") == id)
    return "result" if iq.get("type") == "result" else iq.find("{jabber:client}error")[0].tag.split("}")[1]


def preauth(s, word):
    return before_login(s, "<preauth xmlns='urn:xmpp:pars:0' token='%s'/>" % word, "p")


def register(s, user):
    return before_login(s, "<query xmlns='%s'><username>%s</username><password>%s</password></query>"
                        % (REGISTER, user, PW), "r")


def roster(s):
    iq = s.iq(None, "<query xmlns='jabber:iq:roster'/>", "get")
    return {i.get("jid"): i.get("subscription") for i in iq.iter("{jabber:iq:roster}item")}


@check
def an_account_by_invitation(t):
    """The token opens a host that is closed, once; the two are contacts at once and see each other."""
    t.add("juliet@localhost")
    juliet = t.login("juliet", "balcony")
    juliet.available()
    uri = command(juliet, "invite")
    assert uri.startswith("xmpp:juliet@localhost?roster;preauth=") and uri.endswith(";ibr=y"), uri
    s = t.stream()
    features = s.secured()
    assert features.find("{urn:xmpp:ibr-token:0}register") is not None
    assert features.find("{http://jabber.org/features/iq-register}register") is None
    assert register(s, "romeo") == "forbidden"
    assert preauth(s, "a" * 24) == "item-not-found"
    assert preauth(s, token(uri)) == "result" and register(s, "romeo") == "result"
    assert s.auth_scram("romeo", PW)[0] == "success"
    s.bind("orchard")
    until("the contact", lambda: roster(s) == {"juliet@localhost": "both"})
    s.available()
    assert juliet.expect(lambda e: e.tag.endswith("}presence") and e.get("from") == "romeo@localhost/orchard")
    assert roster(juliet) == {"romeo@localhost": "both"}
    other = t.stream()
    other.secured()
    assert preauth(other, token(uri)) == "item-not-found"
    for x in (other, s, juliet):
        x.close()


@check
def the_administrator_invites(t):
    out = t.ctl("invite", "create", "localhost", "--name", "nurse", "--by", "juliet@localhost", "--groups", "Verona")
    word = token(out)
    assert "xmpp:nurse@localhost?register" in out and "nurse" in t.ctl("invite", "list", "localhost")
    s = t.stream()
    s.secured()
    assert preauth(s, word) == "result"
    assert register(s, "other") == "not-allowed" and register(s, "nurse") == "result"
    s.close()
    assert "nurse" not in t.ctl("invite", "list", "localhost")
    word = token(t.ctl("invite", "create", "localhost"))
    t.ctl("invite", "revoke", "localhost", word)
    s = t.stream()
    s.secured()
    assert preauth(s, word) == "item-not-found"
    s.abort()


@check
def a_contact_by_invitation(t):
    """XEP-0379: the request with the token is granted at once, and asked back."""
    juliet, nurse = t.login("juliet", "balcony"), t.login("nurse", "x")
    t.add("paris@localhost")
    paris = t.login("paris", "x")
    roster(juliet), roster(paris)
    word = token(command(juliet, "invite"))
    paris.send("<presence to='juliet@localhost' type='subscribe'><preauth xmlns='urn:xmpp:pars:0' token='%s'/></presence>"
               % word)
    paris.expect(lambda e: e.tag.endswith("}presence") and e.get("type") == "subscribed")
    until("the subscription", lambda: roster(juliet).get("paris@localhost") == "from")
    for x in (juliet, nurse, paris):
        x.close()


@check
def kills_lose_nothing(t):
    """registerd, authd and userd are killed while accounts are made: each account that is there has its contact, and
    no token has made two."""
    words = [token(t.ctl("invite", "create", "localhost", "--by", "juliet@localhost")) for _ in range(12)]
    stop = threading.Event()

    def killer():
        i = 0
        while not stop.is_set():
            t.kill(("registerd", "authd", "userd")[i % 3])
            i += 1
            stop.wait(0.4)

    k = threading.Thread(target=killer)
    k.start()
    for i, word in enumerate(words):
        for _ in range(2):
            try:
                s = t.stream()
                s.secured()
                if preauth(s, word) == "result":
                    register(s, "guest%d" % i)
                s.abort()
            except (AssertionError, Gone, OSError, EOFError):
                pass
    stop.set()
    k.join()
    t.wait_ready()
    def made():
        there = set(t.ctl("account", "list", "localhost").split())
        return {"guest%d@localhost" % i for i in range(12)} & there

    # registerd asks authd about the uses that a kill has left open
    until("each token is there or has made an account",
          lambda: len(made()) + t.ctl("invite", "list", "localhost").count("account") == 12)
    juliet = t.login("juliet", "balcony")
    until("all contacts", lambda: {j for j in roster(juliet) if j.startswith("guest")} == made())
    juliet.close()


main(Tree(options="registration_timeout: infinity\naccess_rules:\n  nobody:\n    deny: all", modules=MODULES + """
mod_register:
  access: nobody
mod_invites:
  access_create_account: all
"""))
