#!/usr/bin/python3
"""aioxmpp's services play their protocols, as its end-to-end tests do: what needs no rooms, pubsub
or uploads. The password never leaves the clients: PLAIN is off."""
import asyncio, logging, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [x for x in sys.path if os.path.abspath(x or ".") != HERE]
sys.path.insert(0, os.path.join(HERE, ".."))
from tree import *

logging.disable(logging.CRITICAL)
try:
    import aioxmpp
except ImportError:
    print("python3-aioxmpp is not in this release")
    sys.exit(77)
import aioxmpp.adhoc, aioxmpp.blocking, aioxmpp.bookmarks, aioxmpp.carbons, aioxmpp.disco
import lxml.etree
import aioxmpp.mdr, aioxmpp.ping, aioxmpp.vcard, aioxmpp.version
from aioxmpp import JID, MessageType, PresenceState

LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
A, B, STRANGER, HOST = (JID.fromstr(x) for x in (
    "a@localhost", "b@localhost", "c@localhost", "localhost"))
SERVICES = [aioxmpp.RosterClient, aioxmpp.PresenceClient, aioxmpp.disco.DiscoClient,
            aioxmpp.ping.PingService, aioxmpp.adhoc.AdHocClient, aioxmpp.blocking.BlockingClient,
            aioxmpp.CarbonsClient, aioxmpp.vcard.VCardService, aioxmpp.version.VersionServer,
            aioxmpp.mdr.DeliveryReceiptsService, aioxmpp.EntityCapsService]
here = {}


class Client:
    """A client that is online, its services by class, and the messages that came."""

    def __init__(self, t, jid):
        self.c = aioxmpp.PresenceManagedClient(
            JID.fromstr(jid), aioxmpp.make_security_layer(PW, no_verify=True),
            override_peer=[("127.0.0.1", t.port, aioxmpp.connector.STARTTLSConnector())])
        self.of = {s: self.c.summon(s) for s in SERVICES}
        self.messages = asyncio.Queue()
        self.c.summon(aioxmpp.dispatcher.SimpleMessageDispatcher).register_callback(
            None, None, self.messages.put_nowait)

    async def start(self):
        self.up = self.c.connected(presence=PresenceState(True))
        await self.up.__aenter__()

    async def hears(self, test):
        while True:
            m = await asyncio.wait_for(self.messages.get(), DEADLINE)
            if test(m):
                return m

    def say(self, to, body):
        m = aioxmpp.Message(type_=MessageType.CHAT, to=to)
        m.body[None] = body
        return m


def says(text):
    return lambda m: m.body and m.body.any() == text


async def holds(what, fn):
    end = time.monotonic() + DEADLINE
    while not fn():
        assert time.monotonic() < end, "in vain awaited: " + what
        await asyncio.sleep(0.005)


async def fails(condition, wanted):
    try:
        await wanted
    except aioxmpp.errors.XMPPError as e:
        assert e.condition == condition, e.condition
    else:
        raise AssertionError("no %s" % condition)


CONDITION = aioxmpp.ErrorCondition


def play(fn):
    """A check that is a coroutine."""
    def run(t):
        LOOP.run_until_complete(asyncio.wait_for(fn(t, *[here.get(n) for n in "abc"]), 2 * DEADLINE))

    run.__name__, run.__doc__ = fn.__name__, fn.__doc__
    return check(run)


@play
async def login(t, a, b, c):
    for name in "abc":
        here[name] = Client(t, name + "@localhost/aio")
        await here[name].start()


@play
async def subscriptions_and_presence(t, a, b, c):
    for one, other in ((a, B), (b, A)):
        one.of[aioxmpp.RosterClient].on_subscribe.connect(
            lambda s, x=one: x.of[aioxmpp.RosterClient].approve(s.from_.bare()) and None)
        one.of[aioxmpp.RosterClient].subscribe(other)

    def both(x, other):
        i = x.of[aioxmpp.RosterClient].items.get(other)
        return i is not None and i.subscription == "both"

    await holds("both", lambda: both(a, B) and both(b, A))
    await holds("presence", lambda: a.of[aioxmpp.PresenceClient].get_peer_resources(B))
    b.c.set_presence(PresenceState(True, aioxmpp.PresenceShow.DND), {None: "busy"})
    await holds("busy", lambda: a.of[aioxmpp.PresenceClient].get_most_available_stanza(
        B).status.any() == "busy" if a.of[aioxmpp.PresenceClient].get_most_available_stanza(
            B).status else False)


@play
async def roster(t, a, b, c):
    r = a.of[aioxmpp.RosterClient]
    await r.set_entry(B, name="Bee", add_to_groups={"Friends", "Insects"})
    await holds("the name", lambda: r.items[B].name == "Bee")
    assert set(r.items[B].groups) == {"Friends", "Insects"}, r.items[B].groups
    d = JID.fromstr("d@localhost")
    await r.set_entry(d)
    await holds("an item", lambda: d in r.items)
    await r.remove_entry(d)
    await holds("its end", lambda: d not in r.items)


@play
async def disco(t, a, b, c):
    d = a.of[aioxmpp.disco.DiscoClient]
    info = await d.query_info(HOST, require_fresh=True)
    assert {"urn:xmpp:ping", "urn:xmpp:blocking", "urn:xmpp:carbons:2"} <= info.features
    for jid in (A, B):
        info = await d.query_info(jid, require_fresh=True)
        assert ("account", "registered") in [(i.category, i.type_) for i in info.identities]
    for jid in (STRANGER, JID.fromstr("nobody@localhost")):
        await fails(CONDITION.SERVICE_UNAVAILABLE, d.query_info(jid, require_fresh=True))
        assert not (await d.query_items(jid, require_fresh=True)).items
    info = await d.query_info(b.c.local_jid, require_fresh=True)
    assert "urn:xmpp:receipts" in info.features, info.features


@play
async def pings(t, a, b, c):
    for jid in (HOST, A, b.c.local_jid):
        await a.of[aioxmpp.ping.PingService].ping(jid)


@play
async def commands(t, a, b, c):
    x = a.of[aioxmpp.adhoc.AdHocClient]
    assert await x.supports_commands(HOST)
    assert [i.node for i in await x.get_commands(HOST)] == ["ping"]
    info = await x.get_command_info(HOST, "ping")
    assert ("automation", "command-node") in [(i.category, i.type_) for i in info.identities]
    session = await x.execute(HOST, "ping")
    assert session.response.notes[0].body == "Pong", session.response.notes
    await session.close()


@play
async def blocking(t, a, b, c):
    x = a.of[aioxmpp.blocking.BlockingClient]
    await x.block_jids([STRANGER])
    await holds("the push", lambda: x.blocklist == frozenset([STRANGER]))
    await a.c.send(a.say(STRANGER, "hello"))
    e = await a.hears(lambda m: m.type_ == MessageType.ERROR)
    assert e.error.condition == CONDITION.NOT_ACCEPTABLE, e.error
    assert e.error.type_ == aioxmpp.ErrorType.CANCEL, e.error
    await c.c.send(c.say(A, "hello"))
    e = await c.hears(lambda m: m.type_ == MessageType.ERROR)
    assert e.error.condition == CONDITION.SERVICE_UNAVAILABLE, e.error
    await x.unblock_all()
    await holds("the push", lambda: not x.blocklist)


@play
async def carbons(t, a, b, c):
    two = here["a2"] = Client(t, "a@localhost/two")
    await two.start()
    for x in (a, two):
        await x.of[aioxmpp.CarbonsClient].enable()
    await a.c.send(a.say(B, "from one"))
    await b.hears(says("from one"))
    m = await two.hears(lambda m: m.xep0280_sent is not None)
    assert m.xep0280_sent.stanza.body.any() == "from one"
    await b.c.send(b.say(a.c.local_jid, "to one"))
    m = await two.hears(lambda m: m.xep0280_received is not None)
    assert m.xep0280_received.stanza.body.any() == "to one"


@play
async def receipts(t, a, b, c):
    m = a.say(b.c.local_jid, "did you get it?")
    m.autoset_id()
    tracker = a.of[aioxmpp.mdr.DeliveryReceiptsService].attach_tracker(m)
    await a.c.send(m)
    got = await b.hears(says("did you get it?"))
    await b.c.send(aioxmpp.mdr.compose_receipt(got))
    await holds("the receipt", lambda: tracker.state ==
                aioxmpp.tracking.MessageState.DELIVERED_TO_RECIPIENT)


@play
async def cards(t, a, b, c):
    card = aioxmpp.vcard.xso.VCard()
    name = lxml.etree.Element("{vcard-temp}FN")
    name.text = "Ada"
    card.elements.append(name)
    await a.of[aioxmpp.vcard.VCardService].set_vcard(card)
    got = await b.of[aioxmpp.vcard.VCardService].get_vcard(A)
    assert [e.text for e in got.elements if e.tag == "{vcard-temp}FN"] == ["Ada"]


@play
async def private_data(t, a, b, c):
    marks = here["a2"].c.summon(aioxmpp.bookmarks.BookmarkClient)
    mark = aioxmpp.bookmarks.Conference("A room", JID.fromstr("room@rooms.localhost"))
    await marks.add_bookmark(mark)
    assert [x.jid for x in await marks.get_bookmarks()] == [mark.jid]


@play
async def versions(t, a, b, c):
    assert (await aioxmpp.version.query_version(a.c.stream, HOST)).name
    b.of[aioxmpp.version.VersionServer].name = "a test"
    assert (await aioxmpp.version.query_version(a.c.stream, b.c.local_jid)).name == "a test"


@play
async def stream_management(t, a, b, c):
    """All connections are lost: the sessions are resumed, and nothing of them is lost."""
    assert b.c.stream.sm_enabled
    back = []
    for name, x in here.items():
        x.c.on_stream_resumed.connect(lambda name=name: back.append(name) and False)
    os.kill(t.pid("tlsd"), signal.SIGKILL)
    await holds("their return", lambda: len(back) == len(here))
    await a.c.send(a.say(B, "here again"))
    await b.hears(says("here again"))


@play
async def leave(t, a, b, c):
    for x in here.values():
        await x.up.__aexit__(None, None, None)


main(Tree(options="disable_sasl_mechanisms: [PLAIN, DIGEST-MD5]",
          accounts=["a@localhost", "b@localhost", "c@localhost", "d@localhost"]))
