#!/usr/bin/python3
"""slixmpp's own plugins play their protocols, as its integration tests do: what needs no rooms,
pubsub or uploads. The password never leaves the clients: PLAIN is off, over TLS 1.3."""
import datetime

from slix import *

LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
A, B, STRANGER, HOST = "a@localhost", "b@localhost", "c@localhost", "localhost"
PLUGINS = ("xep_0012 xep_0030 xep_0048 xep_0049 xep_0050 xep_0054 xep_0059 xep_0085 xep_0092 "
           "xep_0115 xep_0184 xep_0191 xep_0198 xep_0199 xep_0202 xep_0280 xep_0297 xep_0313").split()
JID = slixmpp.JID
here = {}       # the sessions by name


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid):
        super().__init__(jid, PW)
        for x in PLUGINS:
            self.register_plugin(x)
        self.refused, self.errors = [], []
        self.add_event_handler("failed_auth", lambda f: self.refused.append(f["condition"]))
        self.add_event_handler("message_error", self.errors.append)

    async def hears(self, event, *work):
        """Call each function of work; what the event that comes of them brings."""
        heard = asyncio.ensure_future(self.wait_until(event, DEADLINE))
        await asyncio.sleep(0)
        for fn in work:
            fn()
        return await heard


async def online(t, name, jid):
    c = here[name] = Client(jid)
    if not binds_channels(ssl.TLSVersion.TLSv1_3):
        c.ssl_context.maximum_version = ssl.TLSVersion.TLSv1_2
    await c.hears("session_start", lambda: connect(c, t))
    await c.get_roster()
    # Presence goes by way of the roster and a ping does not: the answers may overtake it.
    p = await c.hears("got_online", c.send_presence)
    assert p["from"].bare == c.boundjid.bare, str(p)


async def synced(*clients):
    """What these sent before is handled, and what came of it has come."""
    for c in clients:
        for jid in (c.boundjid.bare, HOST):
            await c["xep_0199"].send_ping(JID(jid), timeout=DEADLINE)


async def holds(what, fn, *clients):
    end = time.monotonic() + DEADLINE
    while not fn():
        assert time.monotonic() < end, "in vain awaited: " + what
        await synced(*clients)


async def fails(condition, wanted):
    try:
        await wanted
    except slixmpp.exceptions.IqError as e:
        assert e.condition == condition, e.condition
    else:
        raise AssertionError("no " + condition)


def play(fn):
    """A check that is a coroutine."""
    def run(t):
        LOOP.run_until_complete(asyncio.wait_for(fn(t, *[here.get(n) for n in "abc"]), 2 * DEADLINE))

    run.__name__, run.__doc__ = fn.__name__, fn.__doc__
    return check(run)


@play
async def login_with_scram_and_a_channel_binding(t, a, b, c):
    """slixmpp 1.8 knows tls-unique alone, which TLS 1.3 does not define: its first try succeeds."""
    await online(t, "a", A + "/one")
    await online(t, "b", B + "/one")
    for x in here.values():
        assert x.refused == [], x.refused
        assert x["feature_mechanisms"].mech.name == "SCRAM-SHA-512-PLUS"


@play
async def subscriptions(t, a, b, c):
    """Both clients grant and ask back by themselves."""
    got = asyncio.ensure_future(b.wait_until("got_online", DEADLINE))
    a.send_presence_subscription(B)
    assert (await got)["from"] == JID(A + "/one")
    await holds("both", lambda: all(x.client_roster[y]["subscription"] == "both"
                                    for x, y in ((a, B), (b, A))), a, b)


@play
async def roster(t, a, b, c):
    await a.update_roster(B, name="Bee", groups=["Insects", "Friends"])
    await a.update_roster("d@localhost", name="Dee")

    async def stored():
        """The roster as a client without versions gets it."""
        return (await a.make_iq_get(queryxmlns="jabber:iq:roster").send())["roster"]["items"]

    items = await stored()
    assert set(items) == {JID(B), JID("d@localhost")}, items
    assert items[JID(B)]["name"] == "Bee"
    assert set(items[JID(B)]["groups"]) == {"Insects", "Friends"}
    await a.del_roster_item("d@localhost")
    assert set(await stored()) == {JID(B)}


@play
async def presence(t, a, b, c):
    p = await b.hears("changed_status", lambda: a.send_presence(pshow="dnd", pstatus="busy"))
    assert (p["show"], p["status"]) == ("dnd", "busy"), p
    # s4.5.2: the session itself hears that it is unavailable, as its contact does.
    own = asyncio.ensure_future(a.wait_until("presence_unavailable", DEADLINE))
    p = await b.hears("got_offline", lambda: a.send_presence(ptype="unavailable", pstatus="bye"))
    assert p["status"] == "bye", p
    assert (await own)["from"] == a.boundjid
    await b.hears("got_online", a.send_presence)


@play
async def disco(t, a, b, c):
    await online(t, "c", STRANGER + "/one")
    info = (await a["xep_0030"].get_info(jid=HOST, cached=False))["disco_info"]
    assert ("server", "im") in {x[:2] for x in info["identities"]}, info
    assert {"urn:xmpp:ping", "urn:xmpp:blocking", "jabber:iq:version"} <= set(info["features"])
    for jid in (A, B):
        info = (await a["xep_0030"].get_info(jid=jid, cached=False))["disco_info"]
        assert ("account", "registered") in {x[:2] for x in info["identities"]}, (jid, info)
        assert "urn:xmpp:mam:2" in info["features"], (jid, info)
    for jid in (STRANGER, "nobody@localhost"):
        await fails("service-unavailable", a["xep_0030"].get_info(jid=jid, cached=False))
        assert not (await a["xep_0030"].get_items(jid=jid))["disco_items"]["items"]
    info = (await a["xep_0030"].get_info(jid=b.boundjid, cached=False))["disco_info"]
    assert ("client", "bot") in {x[:2] for x in info["identities"]}, info


@play
async def pings(t, a, b, c):
    for jid in (HOST, A, B + "/one"):
        assert await a["xep_0199"].ping(JID(jid), timeout=DEADLINE) >= 0


@play
async def commands(t, a, b, c):
    items = (await a["xep_0050"].get_commands(HOST))["disco_items"]["items"]
    assert (HOST, "ping", "Ping") in items, items
    done = (await a["xep_0050"].send_command(HOST, "ping"))["command"]
    assert done["status"] == "completed" and done["notes"] == [("info", "Pong")], done
    await fails("forbidden", a["xep_0050"].send_command(
        HOST, "http://jabber.org/protocol/admin#get-online-users-num"))


@play
async def blocking(t, a, b, c):
    assert not (await a["xep_0191"].get_blocked())["blocklist"]["items"]
    await a.hears("blocked", lambda: asyncio.ensure_future(a["xep_0191"].block(STRANGER)))
    assert (await a["xep_0191"].get_blocked())["blocklist"]["items"] == {JID(STRANGER)}
    e = await a.hears("message_error", lambda: a.send_message(STRANGER, "hello", mtype="chat"))
    assert (e["error"]["type"], e["error"]["condition"]) == ("cancel", "not-acceptable"), e
    c.send_message(A, "hello", mtype="chat")
    assert (await c.wait_until("message_error", DEADLINE))["error"]["condition"] == (
        "service-unavailable")
    await a.hears("unblocked", lambda: asyncio.ensure_future(a["xep_0191"].unblock(STRANGER)))
    assert not (await a["xep_0191"].get_blocked())["blocklist"]["items"]


@play
async def carbons(t, a, b, c):
    await online(t, "a2", A + "/two")
    a2 = here["a2"]
    await a["xep_0280"].enable()
    await a2["xep_0280"].enable()
    sent = asyncio.ensure_future(a2.wait_until("carbon_sent", DEADLINE))
    await b.hears("message", lambda: a.send_message(B, "from one", mtype="chat"))
    assert (await sent)["carbon_sent"]["body"] == "from one"
    got = await a2.hears("carbon_received",
                         lambda: b.send_message(A + "/one", "to one", mtype="chat"))
    assert got["carbon_received"]["body"] == "to one"


@play
async def receipts(t, a, b, c):
    m = a.make_message(B, "did you get it?", mtype="chat")
    m["request_receipt"] = True
    assert (await a.hears("receipt_received", m.send))["receipt"] == m["id"]


@play
async def chat_states(t, a, b, c):
    m = a.make_message(B, mtype="chat")
    m["chat_state"] = "composing"
    await b.hears("chatstate_composing", m.send)
    # A chat state to a client that is offline brings nothing back.
    a.errors.clear()
    m = a.make_message("d@localhost", mtype="chat")
    m["chat_state"] = "composing"
    m.send()
    await synced(a)
    assert not a.errors, a.errors


@play
async def archive(t, a, b, c):
    said = ["message %d" % i for i in range(13)]
    for x in said:
        c.send_message(STRANGER, x, mtype="chat")
    await synced(c)
    mam = c["xep_0313"]

    async def bodies(**how):
        return [m["mam_result"]["forwarded"]["stanza"]["body"] async for m in mam.iterate(**how)]

    assert [x for x in await bodies(rsm={"max": 5}) if x in said] == said
    for most in (1, 5):
        back = await bodies(reverse=True, rsm={"max": most}, with_jid=JID(STRANGER))
        assert back == said[::-1], back
    assert not await bodies(with_jid=JID("d@localhost"))


@play
async def message_without_an_addressee(t, a, b, c):
    """The message is to the own account: with an id in its archive."""
    m = await c.hears("message", lambda: c.send_raw(
        "<message type='chat'><body>a note to myself</body></message>"))
    ids = m.xml.findall("{urn:xmpp:sid:0}stanza-id")
    assert [x.get("by") for x in ids] == [STRANGER] and m["to"].bare == STRANGER, m


@play
async def cards(t, a, b, c):
    card = a["xep_0054"].make_vcard()
    card["FN"], card["NICKNAME"] = "Ada", "a"
    await a["xep_0054"].publish_vcard(card)
    got = (await b["xep_0054"].get_vcard(JID(A), cached=False))["vcard_temp"]
    assert (got["FN"], got["NICKNAME"]) == ("Ada", ["a"]), got


@play
async def private_data(t, a, b, c):
    marks = a["xep_0048"].stanza.Bookmarks()
    marks.add_conference("room@rooms.localhost", "ada", name="A room")
    await a["xep_0048"].set_bookmarks(marks, method="xep_0049")
    got = (await here["a2"]["xep_0048"].get_bookmarks(method="xep_0049"))["private"]["bookmarks"]
    assert [x["jid"] for x in got["conferences"]] == [JID("room@rooms.localhost")], got


@play
async def version_time_last(t, a, b, c):
    assert (await a["xep_0092"].get_version(JID(HOST)))["software_version"]["name"]
    assert (await a["xep_0092"].get_version(b.boundjid))["software_version"]["name"] == "Slixmpp"
    e = (await a["xep_0202"].get_entity_time(JID(HOST))).xml.find(".//{urn:xmpp:time}utc")
    utc = datetime.datetime.strptime(e.text, "%Y-%m-%dT%H:%M:%S%z")
    assert abs(utc.timestamp() - time.time()) < 60, e.text
    up = await a["xep_0012"].get_last_activity(JID(HOST))
    assert 0 <= up["last_activity"]["seconds"] < 3600, up
    assert (await a["xep_0012"].get_last_activity(JID(B)))["last_activity"]["seconds"] == 0
    await fails("forbidden", a["xep_0012"].get_last_activity(JID(STRANGER)))


@play
async def stream_management(t, a, b, c):
    sm = b["xep_0198"]
    assert sm.sm_id, "not enabled"
    await b.hears("disconnected", b.transport.abort)
    a.send_message(B, "while you were away", mtype="chat")
    got = asyncio.ensure_future(b.wait_until("message", DEADLINE))
    await b.hears("session_resumed", lambda: connect(b, t))
    assert (await got)["body"] == "while you were away"


@play
async def leave(t, a, b, c):
    for x in here.values():
        x.disconnect(1)
        await asyncio.wait_for(x.disconnected, DEADLINE)


main(Tree(options="disable_sasl_mechanisms: [PLAIN, DIGEST-MD5]",
          accounts=[A, B, STRANGER, "d@localhost"]))
