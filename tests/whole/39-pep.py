#!/usr/bin/python3
"""Nodes of accounts as clients use them: OMEMO, pictures, nicknames, bookmarks, read markers; events
to who wants them, also behind restarts (XEP-0163, XEP-0384, XEP-0084, XEP-0172, XEP-0402, XEP-0490)."""
from people import *

R, J, S = "romeo@localhost", "juliet@localhost", "stranger@localhost"
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = PUBSUB + "#event"
OWNER = PUBSUB + "#owner"
DEVICES, BUNDLES = "eu.siacs.conversations.axolotl.devicelist", "eu.siacs.conversations.axolotl.bundles:"
DATA, METADATA = "urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"
NICK, MARKS = "http://jabber.org/protocol/nick", "urn:xmpp:mds:displayed:0"
BOOKMARKS, OLD = "urn:xmpp:bookmarks:1", "storage:bookmarks"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAAAElFTkSuQmCC"
HASH = hashlib.sha1(base64.b64decode(PNG)).hexdigest()
WANTED = (DEVICES, METADATA, NICK, MARKS, BOOKMARKS, OLD)


class Client(Person):
    """Shows what it wants, and answers the server that asks for it."""

    def __init__(self, tree, jid, wanted=WANTED):
        self.shown_features = sorted(w + "+notify" for w in wanted)
        string = "client/pc//test<" + "".join(f + "<" for f in self.shown_features)
        self.hash_shown = base64.b64encode(hashlib.sha1(string.encode()).digest()).decode()
        super().__init__(tree, jid)

    def presence(self, *args, **named):
        if not args and not named.get("type"):
            named["extra"] = ("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
                              "node='urn:test' ver='%s'/>" % self.hash_shown)
        super().presence(*args, **named)

    def keep(self, stanza):
        e = stanza.xml
        if kind(e) == "iq" and e.get("type") == "get" and e[0].tag == "{%s}query" % INFO:
            self.send_raw(
                "<iq type='result' to='%s' id='%s'><query xmlns='%s' node='%s'><identity "
                "category='client' type='pc' name='test'/>%s</query></iq>" % (
                    e.get("from"), e.get("id"), INFO, e[0].get("node", ""),
                    "".join("<feature var='%s'/>" % f for f in self.shown_features)))
            return None
        return super().keep(stanza)

    def publish(self, node, item, payload, fails=None, **options):
        form = "".join("<field var='pubsub#%s'><value>%s</value></field>" % o
                       for o in options.items())
        self.ask("set", None, "<pubsub xmlns='%s'><publish node='%s'><item id='%s'>%s</item>"
                 "</publish>%s</pubsub>" % (PUBSUB, node, item, payload, form and (
                     "<publish-options><x xmlns='jabber:x:data' type='submit'><field "
                     "var='FORM_TYPE' type='hidden'><value>%s#publish-options</value></field>%s"
                     "</x></publish-options>" % (PUBSUB, form))), fails)

    def items(self, to, node, fails=None):
        e = self.ask("get", to, "<pubsub xmlns='%s'><items node='%s'/></pubsub>" % (
            PUBSUB, node), fails)
        return fails or [i.get("id") for i in e.iter("{%s}item" % PUBSUB)]

    def hears(self, node, item, who):
        """An event came, of this item of who's node."""
        def look(e):
            items = e.find("{%s}event/{%s}items" % (EVENT, EVENT))
            return items is not None and items.get("node") == node and e.get("from") == who and \
                item in [i.get("id") for i in items]
        return self.expect("the event of %s %s" % (node, item), look)


    def nodes(self, to, **attributes):
        """The nodes, or the items of one, that disco#items lists."""
        e = self.ask("get", to, "<query xmlns='%s'%s/>" % (
            ITEMS, "".join(" %s='%s'" % a for a in attributes.items())))
        return [i.get("name" if attributes else "node") for i in e.iter("{%s}item" % ITEMS)]


def devices(n):
    return "<list xmlns='eu.siacs.conversations.axolotl'><device id='%d'/></list>" % n


def befriend(a, b):
    for x, y in ((a, b), (b, a)):
        x.presence(y.bare, "subscribe")
        settle(a, b)
        y.presence(x.bare, "subscribed")
        settle(a, b)


@check
def omemo(t):
    """XEP-0384: device lists go to contacts, bundles are fetched; a precondition that fails is
    mended by configuring the node, as clients do."""
    r, j, s = Client(t, R + "/r"), Client(t, J + "/j"), Client(t, S + "/s")
    befriend(r, j)
    r.publish(DEVICES, "current", devices(1))
    j.hears(DEVICES, "current", R)
    r.hears(DEVICES, "current", R)
    r.publish(DEVICES, "current", devices(2),
              fails=("cancel", "conflict", "precondition-not-met"), access_model="open")
    s.items(R, DEVICES, fails=("auth", "not-authorized", "presence-subscription-required"))
    r.ask("set", None, "<pubsub xmlns='%s'><configure node='%s'><x xmlns='jabber:x:data' "
          "type='submit'><field var='FORM_TYPE' type='hidden'><value>%s#node_config</value></field>"
          "<field var='pubsub#access_model'><value>open</value></field></x></configure></pubsub>" % (
              OWNER, DEVICES, PUBSUB))
    r.publish(DEVICES, "current", devices(2), access_model="open")
    j.hears(DEVICES, "current", R)
    assert s.items(R, DEVICES) == ["current"]
    r.publish(BUNDLES + "2", "current", "<bundle xmlns='eu.siacs.conversations.axolotl'/>",
              access_model="open")
    assert j.items(R, BUNDLES + "2") == s.items(R, BUNDLES + "2") == ["current"]
    settle(r, j, s)
    assert not [e for e in s.seen if kind(e) == "message"], "a stranger is told"
    late = Client(t, J + "/late")
    late.hears(DEVICES, "current", R)
    away(r, j, s, late)


@check
def nodes_are_found(t):
    """XEP-0163 s6: disco shows who asks the nodes that he may read, and the account to strangers if
    there is one; also behind a restart of xmpp-hostd or xmpp-pubsubd."""
    r, j, s = Client(t, R + "/r"), Client(t, J + "/j"), Client(t, S + "/s")
    info = "<query xmlns='%s'/>" % INFO
    s.ask("get", J, info, ("cancel", "service-unavailable"))
    assert s.nodes(J) == []
    for killed in ("hostd", "pubsubd"):
        restart(t, killed)
        settle(r, j, s)
        j.publish("urn:x:contacts", "a", "<e xmlns='urn:x'/>")
        j.publish("urn:x:all", "b", "<e xmlns='urn:x'/>", access_model="open")
        assert r.nodes(J) == j.nodes(J) == ["urn:x:all", "urn:x:contacts"]
        assert s.nodes(J) == ["urn:x:all"]
        assert s.nodes(J, node="urn:x:all") == ["b"]
        features = [f.get("var") for f in s.ask("get", J, info).iter("{%s}feature" % INFO)]
        assert PUBSUB + "#auto-subscribe" in features, features
        e = s.ask("get", J, "<query xmlns='%s' node='urn:x:all'/>" % INFO)
        assert e[0].get("type") == "leaf", ET.tostring(e)
        s.ask("get", J, "<query xmlns='%s' node='urn:x:contacts'/>" % INFO,
              ("auth", "not-authorized", "presence-subscription-required"))
    away(r, j, s)


@check
def pictures_nicks_and_marks(t):
    """Play the first publications of profanity, Gajim, Dino and poezio. A picture is the same in
    nodes, vCard and presence, whichever was set."""
    r, j = Client(t, R + "/r"), Client(t, J + "/j")
    r.publish(NICK, "current", "<nick xmlns='%s'>R</nick>" % NICK)
    j.hears(NICK, "current", R)
    r.publish(MARKS, J, "<displayed xmlns='%s'/>" % MARKS, persist_items="true", max_items="max",
              send_last_published_item="never", access_model="whitelist")
    r.hears(MARKS, J, R)
    r.publish(DATA, HASH, "<data xmlns='%s'>%s</data>" % (DATA, PNG), access_model="open")
    r.publish(METADATA, HASH, "<metadata xmlns='%s'><info bytes='45' id='%s' type='image/png'/>"
              "</metadata>" % (METADATA, HASH), access_model="open")
    j.hears(METADATA, HASH, R)
    shown = lambda e: kind(e) == "presence" and e.findtext("{%s}x/{%s}photo" % (UPDATE, UPDATE))
    j.expect("the hash of the picture", lambda e: shown(e) == HASH)
    card = j.ask("get", R, "<vCard xmlns='%s'/>" % VCARD)
    assert card.findtext(".//{%s}BINVAL" % VCARD) == PNG, ET.tostring(card)
    gif = base64.b64encode(b"GIF89a\1\0\2\0").decode()
    r.ask("set", None, "<vCard xmlns='%s'><FN>R</FN><PHOTO><TYPE>image/gif</TYPE><BINVAL>%s"
          "</BINVAL></PHOTO></vCard>" % (VCARD, gif))
    other = hashlib.sha1(base64.b64decode(gif)).hexdigest()
    j.hears(METADATA, other, R)
    j.expect("the other hash", lambda e: shown(e) == other)
    assert j.items(R, DATA) == [other]
    card = j.ask("get", R, "<vCard xmlns='%s'/>" % VCARD)
    assert card.findtext(".//{%s}BINVAL" % VCARD) == gif, ET.tostring(card)
    assert text(card, "FN", VCARD) == "R", ET.tostring(card)
    away(r, j)


@check
def bookmarks(t):
    """XEP-0402 and XEP-0411: three ways to the same rooms."""
    r, j = Client(t, R + "/r"), Client(t, J + "/j")
    get = "<query xmlns='%s'><storage xmlns='%s'/></query>" % (PRIVATE, OLD)
    r.ask("set", None, "<query xmlns='%s'><storage xmlns='%s'><conference jid='a@c.test' "
          "autojoin='1'><nick>n</nick></conference></storage></query>" % (PRIVATE, OLD))
    r.hears(BOOKMARKS, "a@c.test", R)
    r.hears(OLD, "current", R)
    r.publish(BOOKMARKS, "b@c.test", "<conference xmlns='%s'/>" % BOOKMARKS,
              persist_items="true", max_items="max", send_last_published_item="never",
              access_model="whitelist")
    e = r.ask("get", None, get)
    assert [c.get("jid") for c in e[0]] == ["a@c.test", "b@c.test"], ET.tostring(e)
    j.items(R, BOOKMARKS, fails=("cancel", "not-allowed", "closed-node"))
    info = r.ask("get", R, "<query xmlns='%s'/>" % INFO)
    features = [f.get("var") for f in info.iter("{%s}feature" % INFO)]
    for f in (BOOKMARKS + "#compat", BOOKMARKS + "#compat-pep", "urn:xmpp:bookmarks-conversion:0",
              "urn:xmpp:pep-vcard-conversion:0", PUBSUB + "#filtered-notifications"):
        assert f in features and features.count(f) == 1, f
    settle(j)
    assert not [e for e in j.seen if kind(e) == "message" and BOOKMARKS in ET.tostring(e).decode()]
    away(r, j)


@check
def restarts(t):
    """A killed program knows the clients' interest again without their help, and the items that
    were acknowledged too."""
    r, j = Client(t, R + "/r"), Client(t, J + "/j")
    forget(r, j)
    for n, killed in enumerate(("pubsubd", "routed", "userd", "pubsubd"), 10):
        restart(t, killed)
        settle(r, j)
        r.publish(DEVICES, "current", devices(n))
        j.hears(DEVICES, "current", R)
        r.hears(DEVICES, "current", R)
    assert j.items(R, DEVICES) == ["current"]
    late = Client(t, J + "/late")
    late.hears(DEVICES, "current", R)
    away(r, j, late)


main(Tree(hosts=("localhost",), accounts=(R, J, S), modules=MODULES + """
mod_caps: {}
mod_avatar: {}
mod_pubsub: {plugins: [flat, pep]}
"""))
