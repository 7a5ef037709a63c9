#!/usr/bin/python3
"""slixmpp's plugin plays XEP-0060 with the service and with nodes of accounts."""
import asyncio
import xml.etree.ElementTree as XML

from slix import *

LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
A, B, SERVICE = "a@localhost", "b@localhost", "pubsub.localhost"
EVENT = "http://jabber.org/protocol/pubsub#event"
here = {}


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid):
        super().__init__(jid, PW)
        for x in ("xep_0004", "xep_0030", "xep_0059", "xep_0060", "xep_0163", "xep_0199"):
            self.register_plugin(x)
        self.events = []
        for kind in ("publish", "retract", "purge", "delete", "subscription"):
            self.add_event_handler("pubsub_" + kind, lambda m, kind=kind: self.came(kind, m))

    def came(self, kind, m):
        # slixmpp is in the middle of a loop over the items of the message.
        items = [i.get("id") for i in m.xml.findall(".//{%s}items/*" % EVENT)]
        self.events.append((kind, str(m["from"]), items))


def payload(text):
    e = XML.Element("{urn:x}e")
    e.text = text
    return e


async def fails(condition, own, wanted):
    try:
        await wanted
    except slixmpp.exceptions.IqError as e:
        assert e.condition == condition, e.condition
        names = [x.tag for x in e.iq.xml.iter() if "pubsub#errors" in x.tag]
        assert [n.split("}")[1] for n in names] == own, names
    else:
        raise AssertionError("no " + condition)


def play(fn):
    def run(t):
        LOOP.run_until_complete(asyncio.wait_for(
            fn(t, here.get("a"), here.get("b")), 2 * DEADLINE))

    run.__name__, run.__doc__ = fn.__name__, fn.__doc__
    return check(run)


async def heard(c, *wanted):
    end = time.monotonic() + DEADLINE
    while not set(wanted) <= {(k, f) + tuple(i) for k, f, i in c.events}:
        assert time.monotonic() < end, (wanted, c.events)
        await c["xep_0199"].send_ping(slixmpp.JID(SERVICE.split(".")[1]), timeout=DEADLINE)


@play
async def login(t, a, b):
    for name, jid in (("a", A + "/one"), ("b", B + "/one")):
        c = here[name] = Client(jid)
        started = asyncio.ensure_future(c.wait_until("session_start", DEADLINE))
        connect(c, t)
        await started
        c.send_presence()


@play
async def disco(t, a, b):
    items = (await a["xep_0030"].get_items(jid="localhost"))["disco_items"]["items"]
    assert (SERVICE, None, "Publish-Subscribe") in items, items
    info = (await a["xep_0030"].get_info(jid=SERVICE, cached=False))["disco_info"]
    assert ("pubsub", "service") in {x[:2] for x in info["identities"]}, info
    info = (await a["xep_0030"].get_info(jid=A, cached=False))["disco_info"]
    assert ("pubsub", "pep") in {x[:2] for x in info["identities"]}, info
    assert "http://jabber.org/protocol/pubsub#publish-options" in info["features"], info


@play
async def nodes(t, a, b):
    await a["xep_0060"].create_node(SERVICE, "news")
    await fails("conflict", [], b["xep_0060"].create_node(SERVICE, "news"))
    await fails("item-not-found", [], b["xep_0060"].get_items(SERVICE, "weather"))
    made = await a["xep_0060"].create_node(SERVICE, None)
    assert len(made["pubsub"]["create"]["node"]) == 20, made
    form = (await a["xep_0060"].get_node_config(SERVICE, "news"))["pubsub_owner"]["configure"]["form"]
    values = form.get_values()
    assert values["pubsub#access_model"] == "open", values
    await fails("forbidden", [], b["xep_0060"].get_node_config(SERVICE, "news"))
    form["type"] = "submit"
    form.set_values({**values, "pubsub#title": "News", "pubsub#max_items": "3"})
    await a["xep_0060"].set_node_config(SERVICE, "news", form)
    form = (await a["xep_0060"].get_node_config(SERVICE, "news"))["pubsub_owner"]["configure"]["form"]
    assert form.get_values()["pubsub#title"] == "News", form


@play
async def subscribers_hear(t, a, b):
    got = await b["xep_0060"].subscribe(SERVICE, "news")
    assert got["pubsub"]["subscription"]["subscription"] == "subscribed", got
    for i in "1234":
        await a["xep_0060"].publish(SERVICE, "news", id=i, payload=payload("item " + i))
    await heard(b, *[("publish", SERVICE, i) for i in "1234"], ("retract", SERVICE, "1"))
    items = (await b["xep_0060"].get_items(SERVICE, "news"))["pubsub"]["items"]
    assert [i["id"] for i in items] == list("234"), items
    items = (await b["xep_0060"].get_items(SERVICE, "news", max_items=1))["pubsub"]["items"]
    assert [i["id"] for i in items] == ["4"], items
    await a["xep_0060"].retract(SERVICE, "news", "3", notify="1")
    await heard(b, ("retract", SERVICE, "3"))
    await fails("item-not-found", [], a["xep_0060"].retract(SERVICE, "news", "3"))
    await fails("forbidden", [], b["xep_0060"].publish(SERVICE, "news", payload=payload("x")))


@play
async def subscriptions_and_affiliations(t, a, b):
    got = (await b["xep_0060"].get_subscriptions(SERVICE))["pubsub"]["subscriptions"]
    assert [(s["node"], s["subscription"]) for s in got] == [("news", "subscribed")], got
    await a["xep_0060"].modify_affiliations(SERVICE, "news", [(B, "publisher")])
    await b["xep_0060"].publish(SERVICE, "news", id="5", payload=payload("of b"))
    got = (await b["xep_0060"].get_affiliations(SERVICE))["pubsub"]["affiliations"]
    assert [(x["node"], x["affiliation"]) for x in got] == [("news", "publisher")], got
    await a["xep_0060"].modify_affiliations(SERVICE, "news", [(B, "outcast")])
    await fails("forbidden", [], b["xep_0060"].get_items(SERVICE, "news"))
    await a["xep_0060"].modify_affiliations(SERVICE, "news", [(B, "none")])
    got = (await b["xep_0060"].get_subscriptions(SERVICE))["pubsub"]["subscriptions"]
    assert not list(got), got
    await b["xep_0060"].subscribe(SERVICE, "news")
    await b["xep_0060"].unsubscribe(SERVICE, "news")
    await fails("unexpected-request", ["not-subscribed"],
                b["xep_0060"].unsubscribe(SERVICE, "news"))


@play
async def purge_and_delete(t, a, b):
    await b["xep_0060"].subscribe(SERVICE, "news")
    await a["xep_0060"].purge(SERVICE, "news")
    items = (await b["xep_0060"].get_items(SERVICE, "news"))["pubsub"]["items"]
    assert not list(items), items
    await a["xep_0060"].delete_node(SERVICE, "news")
    await heard(b, ("purge", SERVICE), ("delete", SERVICE))
    await fails("item-not-found", [], b["xep_0060"].get_items(SERVICE, "news"))


@play
async def own_nodes(t, a, b):
    options = a["xep_0004"].make_form(ftype="submit")
    options.add_field(var="FORM_TYPE", ftype="hidden",
                      value="http://jabber.org/protocol/pubsub#publish-options")
    options.add_field(var="pubsub#access_model", value="open")
    await a["xep_0060"].publish(None, "urn:x", id="current", payload=payload("mine"),
                                options=options)
    items = (await b["xep_0060"].get_items(A, "urn:x"))["pubsub"]["items"]
    assert [i["payload"].text for i in items] == ["mine"], items
    options.set_values({"pubsub#access_model": "whitelist"})
    await fails("conflict", ["precondition-not-met"],
                a["xep_0060"].publish(None, "urn:x", payload=payload("x"), options=options))
    await a["xep_0060"].publish(None, "urn:y", id="current", payload=payload("for contacts"))
    await fails("not-authorized", ["presence-subscription-required"],
                b["xep_0060"].get_items(A, "urn:y"))


@play
async def events_by_what_one_shows(t, a, b):
    options = b["xep_0004"].make_form(ftype="submit")
    options.add_field(var="FORM_TYPE", ftype="hidden",
                      value="http://jabber.org/protocol/pubsub#subscribe_options")
    options.add_field(var="pubsub#show-values", ftype="list-multi", value=["chat", "away"])
    await a["xep_0060"].create_node(SERVICE, "shown")
    b.send_presence(pshow="dnd")
    await b["xep_0060"].subscribe(SERVICE, "shown", options=options)
    # Until xmpp-routed has told it, xmpp-pubsubd does not know what b shows, and sends.
    for tries in range(1000):
        await a["xep_0060"].publish(SERVICE, "shown", id="busy%d" % tries, payload=payload("x"))
        await b["xep_0199"].send_ping(slixmpp.JID("localhost"), timeout=DEADLINE)
        if ("publish", SERVICE, ["busy%d" % tries]) not in b.events:
            break
    else:
        raise AssertionError(b.events)
    b.send_presence(pshow="away")
    await b["xep_0199"].send_ping(slixmpp.JID("localhost"), timeout=DEADLINE)
    await a["xep_0060"].publish(SERVICE, "shown", id="free", payload=payload("x"))
    await heard(b, ("publish", SERVICE, "free"))
    assert ("publish", SERVICE, ["busy%d" % tries]) not in b.events, b.events


@check
def administrator(t):
    assert t.ctl("pubsub", "nodes", A).split("\n")[0].startswith("urn:x\tpep\t1\t")
    assert "mine" in t.ctl("pubsub", "items", A, "urn:x")
    assert re.search(r"nodes\s+2", t.ctl("pubsub", "du", A))
    assert t.stat("pubsubd", "nodes") >= 2


@play
async def leave(t, a, b):
    for x in here.values():
        x.disconnect(1)
        await asyncio.wait_for(x.disconnected, DEADLINE)


main(Tree(accounts=[A, B], modules=MODULES + "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}"))
