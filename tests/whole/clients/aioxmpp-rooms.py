#!/usr/bin/python3
"""aioxmpp's service plays rooms (XEP-0045), as its end-to-end tests do."""
import asyncio, logging, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [x for x in sys.path if os.path.abspath(x or ".") != HERE]    # we are not aioxmpp
sys.path.insert(0, os.path.join(HERE, ".."))
from table import did
from tree import *

logging.disable(logging.CRITICAL)
try:
    import aioxmpp
except ImportError:
    print("python3-aioxmpp is not in this release")
    sys.exit(77)
import aioxmpp.muc
from aioxmpp import JID, MessageType, PresenceState

LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
ROOM = JID.fromstr("room@conference.localhost")
here = {}


class Client:
    def __init__(self, t, name):
        self.c = aioxmpp.PresenceManagedClient(
            JID.fromstr(name + "@localhost/one"), aioxmpp.make_security_layer(PW, no_verify=True),
            override_peer=[("127.0.0.1", t.port, aioxmpp.connector.STARTTLSConnector())])
        self.muc = self.c.summon(aioxmpp.MUCClient)
        self.seen = []

    async def start(self):
        self.up = self.c.connected(presence=PresenceState(True))
        await self.up.__aenter__()

    async def enter(self, nick):
        self.room, joined = self.muc.join(ROOM, nick)
        see = self.seen.append
        self.room.on_message.connect(
            lambda m, who, source, **kw: see("%s: %s" % (who.nick, m.body.any())) if m.body else None)
        self.room.on_join.connect(lambda who, **kw: see("join " + who.nick))
        self.room.on_leave.connect(
            lambda who, muc_leave_mode=None, **kw: see("leave %s %s" % (who.nick, muc_leave_mode)))
        self.room.on_exit.connect(lambda muc_leave_mode=None, **kw: see("exit %s" % muc_leave_mode))
        self.room.on_nick_changed.connect(lambda who, old, new, **kw: see("nick %s %s" % (old, new)))
        self.room.on_muc_role_changed.connect(
            lambda p, who, **kw: see("role %s %s" % (who.nick, who.role)))
        await asyncio.wait_for(joined, DEADLINE)

    async def sees(self, text):
        end = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert time.monotonic() < end, "in vain awaited: %s, %r" % (text, self.seen)
            await asyncio.sleep(0.005)


def play(fn):
    def run(t):
        LOOP.run_until_complete(asyncio.wait_for(fn(t, here.get("a"), here.get("b")), 2 * DEADLINE))

    run.__name__, run.__doc__ = fn.__name__, fn.__doc__
    return check(run)


@play
async def two_enter(t, a, b):
    for name in "ab":
        here[name] = Client(t, name)
        await here[name].start()
    a, b = here["a"], here["b"]
    await a.enter("Anna")
    form = aioxmpp.muc.ConfigurationForm.from_xso(await a.muc.get_room_config(ROOM))
    form.moderatedroom.value = True
    await a.muc.set_room_config(ROOM, form.render_reply())
    await b.enter("Berta")
    await a.sees("join Berta")
    assert {x.nick for x in b.room.members} == {"Anna", "Berta"}
    assert b.room.me.nick == "Berta" and a.room.me.affiliation == "owner"


@play
async def they_talk_and_change(t, a, b):
    m = aioxmpp.Message(type_=MessageType.GROUPCHAT)
    m.body[None] = "hello"
    token, tracker = a.room.send_message_tracked(m)
    await b.sees("Anna: hello")
    await a.sees("Anna: hello")
    await b.room.set_nick("Bertha")
    await a.sees("nick Berta Bertha")


@play
async def roles_and_a_kick(t, a, b):
    await a.room.muc_set_role("Bertha", "visitor")
    await a.sees("role Bertha visitor")
    try:
        await b.muc.set_affiliation(ROOM, JID.fromstr("b@localhost"), "owner")
    except aioxmpp.errors.XMPPError as e:
        assert e.condition == aioxmpp.ErrorCondition.FORBIDDEN, e.condition
    else:
        raise AssertionError("a visitor made himself owner")
    await a.room.muc_set_role("Bertha", "none", reason="enough")
    await b.sees("exit %s" % aioxmpp.muc.LeaveMode.KICKED)
    await a.sees("leave Bertha %s" % aioxmpp.muc.LeaveMode.KICKED)


@play
async def a_room_is_left(t, a, b):
    await b.enter("Berta")
    await a.sees("join Berta")
    await b.room.leave()
    await a.sees("leave Berta %s" % aioxmpp.muc.LeaveMode.NORMAL)
    await a.room.leave()
    for x in (a, b):
        await x.up.__aexit__(None, None, None)
    assert t.ctl("rooms") == ""
    did("login", "rooms")


main(Tree(accounts=("a@localhost", "b@localhost"), modules=MODULES + "\nmod_muc: {}"))
