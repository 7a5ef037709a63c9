"""slixmpp clients for whole tests: they keep what came, and say in a line what it was.

All clients share one event loop that runs only while somebody waits, so a test reads from top to
bottom. settle(a, b) says when nothing that was sent before can still be on its way to them.
"""
from slix import *

LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)

ROSTER = "jabber:iq:roster"
PRIVATE = "jabber:iq:private"
LAST = "jabber:iq:last"
BLOCKING = "urn:xmpp:blocking"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
VCARD = "vcard-temp"
UPDATE = "vcard-temp:x:update"


def wait(what, fn, seconds=None, step=0.001):
    """Like until, while the clients run."""
    end = time.monotonic() + (DEADLINE if seconds is None else seconds * SLOW)

    async def poll():
        while True:
            v = fn()
            if v:
                return v
            if time.monotonic() > end:
                raise AssertionError("in vain awaited: " + what)
            await asyncio.sleep(step)

    return LOOP.run_until_complete(poll())


def text(e, name, ns=CLIENT):
    return e.findtext("{%s}%s" % (ns, name))


def kind(e):
    return e.tag.split("}")[1]


def payload(e, ns):
    """The first child in this namespace."""
    return next((c for c in e if c.tag.startswith("{%s}" % ns)), None)


def error(e):
    """("type", "condition", ...) of an error, its own conditions behind; None: it is none."""
    x = e.find("{%s}error" % CLIENT)
    return x and (x.get("type"),) + tuple(kind(c) for c in x if kind(c) != "text")


def item(i):
    """A contact in a line: JID subscription, then what there is of ask, approved, name, groups."""
    return " ".join([i.get("jid"), i.get("subscription")] +
                    ["%s=%s" % (k, i.get(k)) for k in ("ask", "approved", "name") if i.get(k)] +
                    sorted("[%s]" % g.text for g in i.iter("{%s}group" % ROSTER)))


def brief(e):
    """A stanza in a line."""
    words = [kind(e), e.get("from") or "-"]
    if kind(e) == "iq":
        if e.get("type") != "set":
            return "iq " + e.get("type")
        push = e[0].tag == "{%s}query" % ROSTER
        return "iq " + ("push " + item(e[0][0]) if push else
                        " ".join([kind(e[0])] + [i.get("jid") for i in e[0]]))
    copy = payload(e, CARBONS)
    if copy is not None and kind(copy) != "private":
        return "%s (%s)" % (kind(copy), brief(copy.find(".//{%s}message" % CLIENT)))
    words += [e.get("type")] + [text(e, n) for n in ("show", "status", "priority", "body")]
    return " ".join([w for w in words if w] + list(error(e) or ()))


class Person(slixmpp.ClientXMPP):
    """An account's client, logged in as jid. available: it has asked for its roster and sent
    presence. plugins: names of slixmpp's. Nothing is granted or asked for by itself."""

    def __init__(self, tree, jid, available=True, plugins=(), priority=None, carbons=False):
        super().__init__(jid, PW)
        self.auto_authorize, self.auto_subscribe = None, False
        for p in plugins:
            self.register_plugin(p)
        self.tree, self.seen, self.gone, self.here = tree, [], False, False
        self.others, self.ids = {}, 0
        self.add_filter("in", self.keep)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("disconnected", self.on_end)
        connect(self, tree)
        wait("the login of " + jid, lambda: self.here)
        if carbons:
            self.ask("set", None, "<enable xmlns='%s'/>" % CARBONS)
        if available:
            self.contacts = self.roster_get()
            self.presence(priority=priority)

    def on_start(self, _):
        self.here, self.seen = True, []

    def on_end(self, _):
        self.gone = True

    @property
    def jid(self):
        return self.boundjid.full

    @property
    def bare(self):
        return self.boundjid.bare

    # ---- what comes

    def keep(self, stanza):
        e = stanza.xml
        self.seen.append(e)
        if kind(e) == "presence" and e.get("type") in (None, "unavailable"):
            self.others.pop(e.get("from"), None)
            if not e.get("type"):
                self.others[e.get("from")] = " ".join(brief(e).split(" ")[2:])
        return stanza

    def expect(self, what, test, seconds=None):
        """The first that came, or comes, for which test is true; it is taken from what came."""
        def look():
            assert not self.gone, self.jid + " is disconnected"
            return next((e for e in self.seen if test(e)), None)

        e = wait("%s, by %s" % (what, self.jid), lambda: look() is not None and [look()],
                 seconds)[0]
        self.seen.remove(e)
        return e

    def news(self):
        """The news since the last time, a line each; answers to ask are no news."""
        lines, self.seen = [brief(e) for e in self.seen], []
        return lines

    def see(self, line, seconds=None):
        return self.expect(line, lambda e: brief(e) == line, seconds)

    # ---- what goes

    def next_id(self):
        self.ids += 1
        return "p%d" % self.ids

    def ask_later(self, type, to, xml):
        """Send an iq; a function that returns the answer once it is there."""
        i = self.next_id()
        self.send_raw("<iq type='%s' id='%s'%s>%s</iq>" % (
            type, i, " to='%s'" % to if to else "", xml))
        return lambda: self.expect("the answer to " + xml, lambda e: kind(e) == "iq" and
                                   e.get("id") == i and e.get("type") in ("result", "error"))

    def ask(self, type, to, xml, fails=None):
        """The payload of the result, or None; or the error must be fails, as of error()."""
        e = self.ask_later(type, to, xml)()
        assert error(e) == fails, (self.jid, xml, ET.tostring(e).decode())
        return e[0] if len(e) else None

    def roster_get(self, ver=None):
        """The contacts, a line each; None: the version is current. self.ver is the new one."""
        q = self.ask("get", None, "<query xmlns='%s'%s/>" % (
            ROSTER, " ver='%s'" % ver if ver is not None else ""))
        if q is None:
            return None
        self.ver = q.get("ver")
        return sorted(item(i) for i in q)

    def roster_set(self, jid, name="", groups=(), subscription="", fails=None):
        self.ask("set", None, "<query xmlns='%s'><item jid='%s'%s%s>%s</item></query>" % (
            ROSTER, jid, " name='%s'" % name if name else "",
            " subscription='%s'" % subscription if subscription else "",
            "".join("<group>%s</group>" % g for g in groups)), fails)

    def presence(self, to=None, type=None, show=None, status=None, priority=None, extra=""):
        attributes = "".join(" %s='%s'" % (k, v) for k, v in (("to", to), ("type", type)) if v)
        children = "".join("<%s>%s</%s>" % (k, v, k) for k, v in (
            ("show", show), ("status", status), ("priority", priority)) if v is not None)
        self.send_raw("<presence%s>%s%s</presence>" % (attributes, children, extra))

    def say(self, to, body, type="chat", extra=""):
        self.send_raw("<message type='%s' to='%s' id='%s'>%s%s</message>" % (
            type, to, self.next_id(), "<body>%s</body>" % body if body else "", extra))

    def leave(self):
        """End the stream as one should."""
        self.disconnect(1)
        wait("the end of " + self.jid, lambda: self.gone)


def settle(*people):
    """Wait until the server has handled all that these people sent, and they have what came of it:
    userd answers behind all that it had before, and a request for a subscription goes through it
    three times: out, in, and back with the answer that was approved before."""
    for _ in range(3):
        for answer in [p.ask_later("get", p.bare, "<query xmlns='%s'/>" % LAST) for p in people]:
            answer()
    for answer in [p.ask_later("get", p.boundjid.host, "<ping xmlns='%s'/>" % PING)
                   for p in people]:
        answer()


def forget(*people):
    """Settle, and none of it is news."""
    settle(*people)
    for p in people:
        p.seen = []


def told(expected, repeats=("iq ",)):
    """After settling, each person's news is exactly this, in any order among different lines.
    What a killed program had not been acknowledged is answered again: pushes and results may
    come twice, and of a subscription the presence too (repeats: the beginnings of such lines)."""
    settle(*expected)
    for p, lines in expected.items():
        got = []
        for line in p.news():
            again = line.startswith(repeats) and line in got
            if not again and (line != "iq result" or line in lines):
                got.append(line)
        assert sorted(got) == sorted(lines), "%s got %s, not %s" % (p.jid, got, lines)


def away(*people):
    for p in people:
        p.leave()
