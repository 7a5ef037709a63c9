#!/usr/bin/python3
"""Rooms: slixmpp's plugin plays XEP-0045; nobody leaves when mucd or routed is killed, and each
message that was acknowledged is in the archive once, in order."""
import hashlib

from archives import *
from slix import *

LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
JID = slixmpp.JID
ROOM, KILLED = "room@conference.localhost", "killed@conference.localhost"
MUC = "http://jabber.org/protocol/muc"
SM = "urn:xmpp:sm:3"
here = {}


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid):
        super().__init__(jid, PW)
        for x in ("xep_0004", "xep_0030", "xep_0045", "xep_0199", "xep_0249"):
            self.register_plugin(x)
        self.muc = self["xep_0045"]

    async def hears(self, event, *work):
        heard = asyncio.ensure_future(self.wait_until(event, DEADLINE))
        await asyncio.sleep(0)
        for fn in work:
            fn()
        return await heard


def play(fn):
    def run(t):
        LOOP.run_until_complete(asyncio.wait_for(fn(t, here.get("a"), here.get("b")), 2 * DEADLINE))

    run.__name__ = fn.__name__
    return check(run)


async def fails(condition, wanted):
    try:
        await wanted
    except (slixmpp.exceptions.IqError, slixmpp.exceptions.PresenceError) as e:
        assert e.condition == condition, e.condition
    else:
        raise AssertionError("no " + condition)


@play
async def two_enter(t, a, b):
    for name in "ab":
        c = here[name] = Client(name + "@localhost/one")
        await c.hears("session_start", lambda: connect(c, t))
        c.send_presence()
    a, b = here["a"], here["b"]
    await enter(a, ROOM, "Anna")
    form = await a.muc.get_room_config(JID(ROOM))
    assert form.get_values()["muc#roomconfig_moderatedroom"] is True
    form["type"] = "submit"
    form.set_values({"muc#roomconfig_persistentroom": True, "muc#roomconfig_roomname": "A room",
                     "muc#roomconfig_whois": "anyone"})
    await a.muc.set_room_config(JID(ROOM), form)
    got = asyncio.ensure_future(a.wait_until("muc::%s::got_online" % ROOM, DEADLINE))
    own, subject, others, history = await enter(b, ROOM, "Berta")
    assert 110 in own["muc"]["status_codes"] and 100 in own["muc"]["status_codes"], own
    assert [p["from"].resource for p in others] [:1] == ["Anna"] and not history, (others, history)
    assert (await got)["muc"]["jid"] == b.boundjid
    assert sorted(b.muc.get_roster(JID(ROOM))) == ["Anna", "Berta"]


@play
async def they_talk(t, a, b):
    m = await b.hears("groupchat_message",
                      lambda: a.send_message(JID(ROOM), "hello", mtype="groupchat"))
    assert (m["from"], m["body"]) == (JID(ROOM + "/Anna"), "hello"), m
    m = await a.hears("groupchat_subject", lambda: a.muc.set_subject(JID(ROOM), "news"))
    assert m["subject"] == "news"
    m = await b.hears("message", lambda: a.send_message(JID(ROOM + "/Berta"), "psst", mtype="chat"))
    assert (m["from"], m["body"], m["type"]) == (JID(ROOM + "/Anna"), "psst", "chat"), m
    await b["xep_0199"].send_ping(JID(ROOM + "/Berta"), timeout=DEADLINE)
    assert (await a["xep_0030"].get_info(jid=ROOM, cached=False))["disco_info"]["features"] >= {
        "muc_persistent", "muc_nonanonymous", MAM}
    items = (await a["xep_0030"].get_items(jid="conference.localhost"))["disco_items"]["items"]
    assert [(str(i[0]), i[2]) for i in items] == [(ROOM, "A room")], items
    assert "conference.localhost" in [
        str(i[0]) for i in (await a["xep_0030"].get_items(jid="localhost"))["disco_items"]["items"]]


@play
async def history_and_subject_come_on_entering(t, a, b):
    b.muc.leave_muc(JID(ROOM), "Berta")
    await a.wait_until("muc::%s::got_offline" % ROOM, DEADLINE)
    own, subject, others, history = await enter(b, ROOM, "Berta")
    assert subject["subject"] == "news" and subject["from"] == JID(ROOM + "/Anna")
    assert [m["body"] for m in history] == ["hello"], history


@play
async def affiliations_kick_and_ban(t, a, b):
    await fails("forbidden", b.muc.set_affiliation(JID(ROOM), "admin", jid=JID("b@localhost")))
    await a.muc.set_role(JID(ROOM), "Berta", "visitor")
    assert b.muc.get_jid_property(JID(ROOM), "Berta", "role") == "visitor"
    await a.muc.set_affiliation(JID(ROOM), "member", jid=JID("b@localhost"))
    assert await a.muc.get_affiliation_list(JID(ROOM), "member") == ["b@localhost"]
    gone = asyncio.ensure_future(b.wait_until("muc::%s::self-presence" % ROOM, DEADLINE))
    await a.muc.set_role(JID(ROOM), "Berta", "none", reason="enough")
    assert 307 in (await gone)["muc"]["status_codes"]
    await a.muc.set_affiliation(JID(ROOM), "outcast", jid=JID("b@localhost"))
    await fails("forbidden", enter(b, ROOM, "Berta"))
    await a.muc.set_affiliation(JID(ROOM), "none", jid=JID("b@localhost"))


@play
async def an_invitation_and_the_end(t, a, b):
    m = await b.hears("groupchat_direct_invite", lambda: a.muc.invite(JID(ROOM), JID("b@localhost"), "come"))
    assert m["from"] == JID(ROOM), m
    await enter(b, ROOM, "Berta")
    gone = asyncio.ensure_future(b.wait_until("muc::%s::self-presence" % ROOM, DEADLINE))
    await a.muc.destroy(JID(ROOM), "over")
    assert (await gone)["from"] == JID(ROOM + "/Berta")
    await fails("gone", enter(b, ROOM, "Berta"))
    for c in (a, b):
        c.disconnect()
        await asyncio.wait_for(c.disconnected, DEADLINE)


# ---- xmpp-ctl


@check
def ctl_knows_rooms(t):
    t.ctl("room", "create", "made@conference.localhost", "a@localhost")
    t.ctl("room", "config", "made@conference.localhost", "title", "Made")
    rows = {x.split("\t")[0]: x.split("\t") for x in t.ctl("rooms", records=True).splitlines()}
    assert rows["made@conference.localhost"][2] == "persistent", rows
    assert rows["made@conference.localhost"][5] == "Made", rows
    assert rows[ROOM][2] == "destroyed", rows
    t.ctl("room", "affiliation", "made@conference.localhost", "b@localhost", "member")
    assert "b@localhost\tmember" in t.ctl("room", "affiliation", "made@conference.localhost", records=True)
    assert "title\tMade" in t.ctl("room", "config", "made@conference.localhost", records=True)
    assert t.ctl("rooms", "of", "b@localhost", records=True).split() == \
        ["made@conference.localhost", "member", "-", "-"]
    assert t.ctl("room", "history", "made@conference.localhost") == ""
    t.ctl("room", "nick", "conference.localhost", "b@localhost", "Berta")
    assert t.ctl("room", "nick", "conference.localhost", records=True) == "b@localhost\tBerta\n"
    t.ctl("room", "nick", "conference.localhost", "b@localhost")
    assert t.ctl("room", "nick", "conference.localhost") == ""
    t.ctl("room", "destroy", "made@conference.localhost")
    t.ctl("room", "forget", "made@conference.localhost")
    t.ctl("room", "forget", ROOM)
    assert t.ctl("rooms") == ""
    assert t.ctl("room", "occupants", ROOM, code=None)[0] == 1


@check
def affiliations_of_nobody_go_at_a_start(t):
    t.ctl("room", "create", "clean@conference.localhost", "a@localhost")
    for who in ("b@localhost", "nobody@localhost", "x@elsewhere.example"):
        t.ctl("room", "affiliation", "clean@conference.localhost", who, "member")
    t.kill("mucd")
    t.wait_ready()
    until("nobody to go", lambda: "nobody@localhost" not in t.ctl(
        "room", "affiliation", "clean@conference.localhost", records=True))
    left = t.ctl("room", "affiliation", "clean@conference.localhost", records=True)
    assert "b@localhost" in left and "x@elsewhere.example" in left, left
    t.ctl("room", "forget", "clean@conference.localhost")


# ---- killed


class Talker(threading.Thread):
    """Is in the room and speaks with stream management; what it heard, and what was acknowledged."""

    def __init__(self, t, user, pause):
        super().__init__(daemon=True)
        self.s, self.user, self.pause = t.login(user, "talk"), user, pause
        self.s.send("<enable xmlns='%s'/>" % SM)
        self.s.expect_tag(SM, "enabled")
        self.heard, self.sent, self.acked, self.handled, self.errors = [], 0, 0, 0, []
        self.left, self.ending, self.failed = [], False, None
        self.s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (KILLED, user, MUC))
        self.stanzas, self.counts = 1, [0]

    def take(self):
        while self.s.queue:
            e = self.s.queue.pop(0)
            if e.tag == "{%s}a" % SM:
                self.acked = int(e.get("h"))
            elif e.tag == "{%s}r" % SM:
                self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.handled))
            elif e.tag.startswith("{%s}" % CLIENT):
                self.handled += 1
            if e.get("type") == "error":
                self.errors.append(ET.tostring(e).decode())
            if e.get("type") == "unavailable":
                self.left.append(e.get("from"))
            if e.findtext("{%s}body" % CLIENT):
                i = e.find("{urn:xmpp:sid:0}stanza-id")
                self.heard.append((i.get("id"), e.findtext("{%s}body" % CLIENT)))

    def step(self, seconds):
        self.s.send("<r xmlns='%s'/>" % SM)
        try:
            self.s.pump(time.monotonic() + seconds)
        except AssertionError:
            pass
        self.take()

    def run(self):
        try:
            while not self.ending:
                self.s.send("<message type='groupchat' to='%s' id='%s%d'><body>%s %d</body></message>" % (
                    KILLED, self.user, self.sent, self.user, self.sent))
                self.sent += 1
                self.stanzas += 1
                self.step(0.001)
                time.sleep(self.pause)
        except Exception as e:
            self.failed = repr(e)

    def settle(self):
        self.ending = True
        self.join(DEADLINE)
        assert not self.failed, self.failed

        def done():
            self.step(0.05)
            return self.acked >= self.stanzas
        until("the acknowledgement of %s" % self.user, done)


@check
def nobody_leaves_and_nothing_is_lost(t):
    users = ["t%d" % i for i in range(4)]
    for u in users:
        t.add(u + "@localhost")
    t.ctl("room", "create", KILLED, "t0@localhost")
    talkers = [Talker(t, u, 0.01) for u in users]
    until("all in the room", lambda: len(t.ctl("room", "occupants", KILLED).splitlines()) == 4)
    for x in talkers:
        x.start()
    for name in ("mucd", "routed", "mucd", "routed"):
        time.sleep(0.7)
        t.kill(name)
        t.wait_ready()
    time.sleep(0.5)
    for x in talkers:
        x.settle()
    until("all in the room", lambda: len(t.ctl("room", "occupants", KILLED).splitlines()) == 4)
    reader = t.login("t0", "reader")
    got = bodies(archive(reader, KILLED))
    assert len({i for i, _ in got}) == len(got) and got == sorted(got, key=lambda x: int(x[0]))
    for x in talkers:
        assert not x.errors and not x.left, (x.errors, x.left)
        assert x.sent > 20, x.sent
        own = [b for _, b in got if b.startswith(x.user + " ")]
        assert own == ["%s %d" % (x.user, i) for i in range(x.sent)], (x.user, x.sent, own)

    def all_heard():
        for x in talkers:
            x.step(0.05)
        return all(len(dict(x.heard)) == len(got) for x in talkers)
    until("all to hear all", all_heard)
    for x in talkers:
        # The messages that an occupant heard are those of the archive, in its order; a message may
        # have come again.
        seen = list(dict.fromkeys(x.heard))
        assert seen == got, (x.user, [p for p in zip(seen, got) if p[0] != p[1]][:3])
        x.s.close()
    reader.close()
    until("nobody in the room", lambda: not t.ctl("room", "occupants", KILLED))


@check
def a_list_of_another_service_is_obeyed(t):
    """mod_muc_rtbl, with a node of our own service: mucd subscribes when it comes."""
    listed, pubsub = "listed@conference.localhost", "http://jabber.org/protocol/pubsub"
    a, b = t.login("a", "lists"), t.login("b", "listed")

    def node(type, inside, ns=pubsub):
        e = a.iq("pubsub.localhost", "<pubsub xmlns='%s'>%s</pubsub>" % (ns, inside), type)
        assert e.get("type") == "result", ET.tostring(e)
        return e

    def enter():
        b.send("<presence to='%s/Berta'><x xmlns='%s'/></presence>" % (listed, MUC))
        return b.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == listed + "/Berta")

    node("set", "<create node='bans'/>")
    t.ctl("room", "create", listed, "a@localhost")
    assert listed in t.ctl("rooms") and listed not in t.ctl("rooms", "unused", "1")
    assert t.ctl("rooms", "used", code=None)[0] == 100
    assert enter().get("type") is None
    t.kill("mucd")
    t.wait_ready()
    until("a subscription", lambda: b"conference.localhost/rtbl" in ET.tostring(
        node("get", "<subscriptions node='bans'/>", pubsub + "#owner")))
    node("set", "<publish node='bans'><item id='%s'><listed xmlns='urn:example'/></item></publish>" %
         hashlib.sha256(b"b@localhost").hexdigest())
    e = b.expect(lambda e: e.get("type") == "unavailable" and e.get("from") == listed + "/Berta")
    assert e.find("{%s#user}x/{%s#user}status[@code='307']" % (MUC, MUC)) is not None
    assert enter().find("{%s}error/{*}forbidden" % CLIENT) is not None
    a.close()
    b.close()


@check
def a_service_that_goes_says_so(t):
    s = t.login("a", "last")
    s.send("<presence to='%s/Anna'><x xmlns='%s'/></presence>" % (KILLED, MUC))
    s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == KILLED + "/Anna")
    t.modules = t.modules.replace("mod_muc: {", "mod_muc: {host: other.localhost, ")
    t.write_config()
    t.ctl("reload")
    e = s.expect(lambda e: e.get("type") == "unavailable" and e.get("from") == KILLED + "/Anna")
    assert e.find("{%s#user}x/{%s#user}status[@code='332']" % (MUC, MUC)) is not None
    s.close()


main(Tree(accounts=("a@localhost", "b@localhost"),
          modules=MODULES + "\nmod_muc: {cleanup_affiliations_on_start: true, default_room_options: {mam: true}}"
          "\nmod_pubsub: {plugins: [flat]}\nmod_muc_rtbl: {rtbl_server: pubsub.localhost, rtbl_node: bans}"))
