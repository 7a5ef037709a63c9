#!/usr/bin/python3
"""aioxmpp: logs in over STARTTLS, adds a contact, talks, gets carbons and an avatar, sends a file."""
import asyncio, logging, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [x for x in sys.path if os.path.abspath(x or ".") != HERE]    # we are not aioxmpp
sys.path.insert(0, os.path.join(HERE, ".."))
from terminal import *
from uploads import UPLOADS, goes_up

logging.disable(logging.CRITICAL)
try:
    import aioxmpp, aioxmpp.avatar, aioxmpp.httpupload
except ImportError:
    print("python3-aioxmpp is not in this release")
    sys.exit(77)


class Client:
    """A client that notes all it sees, while another thread plays the friends."""

    def __init__(self, t):
        self.c = aioxmpp.PresenceManagedClient(
            aioxmpp.JID.fromstr("a@localhost/aio"),
            aioxmpp.make_security_layer(PW, no_verify=True),
            override_peer=[("127.0.0.1", t.port, aioxmpp.connector.STARTTLSConnector())])
        self.b, self.seen = aioxmpp.JID.fromstr("b@localhost"), []
        self.roster = self.c.summon(aioxmpp.RosterClient)
        self.presences = self.c.summon(aioxmpp.PresenceClient)
        self.avatars = self.c.summon(aioxmpp.avatar.AvatarService)
        self.carbons = self.c.summon(aioxmpp.CarbonsClient)
        see = self.seen.append
        self.roster.on_subscribe.connect(lambda s: see("asked by " + str(s.from_)))
        self.presences.on_available.connect(lambda jid, s: see("available " + str(jid)))
        self.presences.on_changed.connect(lambda jid, s: see("changed %s %s" % (str(jid), s.show)))
        self.c.summon(aioxmpp.dispatcher.SimpleMessageDispatcher).register_callback(
            None, None, self.message)

    def message(self, m):
        self.seen.append("message %s %s" % (str(m.from_), m.body.any() if m.body else ""))
        x = m.xep0280_sent
        if x is not None:
            self.seen.append("sent " + x.stanza.body.any())

    async def sees(self, start):
        end = time.monotonic() + DEADLINE
        while not any(x.startswith(start) for x in self.seen):
            assert time.monotonic() < end, "in vain awaited: %s, %r" % (start, self.seen)
            await asyncio.sleep(0.005)


async def play(t, f):
    x = Client(t)

    def do(fn, *words):
        return asyncio.get_running_loop().run_in_executor(None, fn, *words)

    async with x.c.connected():
        await x.carbons.enable()
        x.roster.subscribe(x.b)
        await do(f.is_asked)
        f.agrees_and_asks()
        await x.sees("asked by b@localhost")
        x.roster.approve(x.b)
        jid = await do(f.sees, "aio")
        await x.sees("available b@localhost/raw")
        f.shows("dnd", "busy with tests")
        await x.sees("changed b@localhost/raw PresenceShow.DND")
        m = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT, to=x.b)
        m.body[None] = "hello from a library"
        await x.c.send(m)
        assert await do(f.gets, "hello from a library") == jid
        f.b.message(jid, "and back to it")
        await x.sees("message b@localhost/raw and back to it")
        f.second.message("b@localhost", "from my other device")
        await x.sees("sent from my other device")
        await do(shows_picture, f.b)
        pictures = [await d.get_image_bytes() for d in await x.avatars.get_avatar_metadata(x.b, require_fresh=True)]
        assert pictures == [PNG], pictures
        did("avatars")
        slot = await aioxmpp.httpupload.request_slot(x.c, aioxmpp.JID.fromstr("upload.localhost"), "note.txt", 4, "text/plain")
        await do(goes_up, slot.put.url, slot.get.url, b"text")
        did("uploads")
        assert x.roster.items[x.b].subscription == "both", x.roster.items[x.b].subscription
    await do(f.b.expect, presence(jid, "unavailable"))


@check
def aioxmpp_talks(t):
    f = Friends(t)
    try:
        asyncio.run(play(t, f))
    finally:
        f.end()


main(Tree(accounts=ACCOUNTS, **dict(UPLOADS, modules=UPLOADS["modules"] + AVATARS)))
