#!/usr/bin/python3
"""Client state (XEP-0352) with stream management (XEP-0198), pings that end dead connections
(XEP-0199), resumption at another xmpp-c2sd, session limits."""
from tree import *

SM, CSI = "urn:xmpp:sm:3", "urn:xmpp:csi:0"


class Managed(Stream):
    """A session with stream management, that counts what comes."""

    def start(self, user, resource):
        self.user = user
        self.login(user, resource=resource)
        self.send("<enable xmlns='%s' resume='true'/>" % SM)
        self.token = self.expect_tag(SM, "enabled").get("id")
        self.send("<presence/>")
        self.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == self.jid)
        self.ping()
        return self

    def handled(self):
        """How many of ours the server has."""
        self.send("<r xmlns='%s'/>" % SM)
        return int(self.expect_tag(SM, "a").get("h"))

    def state(self, what):
        self.send("<%s xmlns='%s'/>" % (what, CSI))

    def cut(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.abort()


def resume(t, old, h):
    """A new stream that goes on with old, of which it had h stanzas; it and the answer."""
    s = Managed(t)
    s.secured()
    what, data, _ = s.auth_scram(old.user, PW)
    assert what == "success", (what, data)
    s.open()
    s.send("<resume xmlns='%s' previd='%s' h='%d'/>" % (SM, old.token, h))
    s.user, s.token, s.jid = old.user, old.token, old.jid
    return s, s.recv()


def managed(t, user, resource="r"):
    return Managed(t).start(user, resource)


def stanzas(s):
    """All that comes before the answer to a ping."""
    i, got = s.next_id(), []
    s.send("<iq type='get' id='%s' to='%s'><ping xmlns='%s'/></iq>" % (i, s.host, PING))
    while True:
        e = s.recv()
        if e.get("id") == i:
            return got
        if e.tag.startswith("{%s}" % CLIENT):
            got.append(e)


@check
def resumed_at_another_c2sd(t):
    """XEP-0198 s5: wherever it comes back, it has what it missed, in order, once."""
    a, b = managed(t, "a", "moves"), t.login("b", "talks")
    a.queue.clear()
    a.handled()
    got, instances, others = 2, set(), []   # the session's own presence and the answer to a ping came
    for i in range(12):
        a.cut()
        for k in range(3):
            b.message(a.jid, "%d-%d" % (i, k))
        b.ping()
        if i % 3:       # so that the next instance varies
            others.append(t.login("o%d" % i, "other"))
        n = {d: t.stat(d, "sessions") for d in ("c2sd", "c2sd-2")}
        a, e = resume(t, a, got)
        assert e.tag == "{%s}resumed" % SM, ET.tostring(e)
        for k in range(3):
            m = a.expect_tag(CLIENT, "message")
            assert m.findtext("{%s}body" % CLIENT) == "%d-%d" % (i, k), ET.tostring(m)
        got += 3
        instances.add(tuple(t.stat(d, "sessions") > n[d] for d in n))
    a.message("b@localhost", "I am still here")
    assert b.expect_body("I am still here").get("from") == a.jid
    assert len(instances) > 1, "never at another: %r" % instances
    for x in [a, b] + others:
        x.close()


def presence_is_out(s):
    """Ask xmpp-userd, which has sent all presence of before when it answers; a ping goes another way."""
    assert s.iq(None, "<query xmlns='jabber:iq:last'/>").get("type") == "result"


@check
def inactive_and_cut(t):
    """XEP-0352 s5 with XEP-0198: what waits for a client that sleeps is not lost with its
    connection; of presence the newest alone comes."""
    a, b = managed(t, "a", "sleeps"), managed(t, "b", "talks")
    for x, y in ((a, b), (b, a)):
        x.send("<presence to='%s' type='subscribe'/>" % y.jid.split("/")[0])
        y.expect(lambda e: e.get("type") == "subscribe")
        y.send("<presence to='%s' type='subscribed'/>" % x.jid.split("/")[0])
        x.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == y.jid)
    stanzas(a), stanzas(b)
    assert a.features.find("{%s}csi" % CSI) is not None, "client state is not offered"
    a.state("inactive")
    a.handled()
    for show in ("away", "dnd", "xa"):
        b.send("<presence><show>%s</show></presence>" % show)
    presence_is_out(b)
    b.send("<message type='chat' to='%s'><composing xmlns='http://jabber.org/protocol/chatstates'"
           "/></message>" % a.jid)
    b.ping()
    b.message(a.jid, "wake up")
    a.expect_body("wake up")            # at once, and what waited comes no later than it
    a.state("active")
    left = [e for e in stanzas(a) if e.tag == "{%s}presence" % CLIENT]
    assert len(left) <= 1, [ET.tostring(e) for e in left]
    a.state("inactive")
    a.handled()
    b.send("<presence><show>chat</show></presence>")
    presence_is_out(b)
    a.cut()
    b.message(a.jid, "are you there?")
    b.ping()
    a, e = resume(t, a, 0)              # with h=0 all that is queued comes
    if e.tag == "{%s}resumed" % SM:
        a.expect_body("are you there?")
    a.abort(), b.close()


@check
def dead_connections_are_found(t):
    """mod_ping: a client that does not answer is killed; one that does goes on."""
    dead, alive = t.login("c", "dead"), t.login("c", "alive")

    def answer():
        try:
            e = alive.recv(0.1)
            if e.get("type") == "get" and e.find("{%s}ping" % PING) is not None:
                alive.send("<iq type='result' id='%s' to='%s'/>" % (e.get("id"), e.get("from")))
        except AssertionError:
            pass
        return "c@localhost/dead" not in t.ctl("sessions")

    until("the end of who does not answer", answer, step=0)
    assert "c@localhost/alive" in t.ctl("sessions")
    dead.abort()
    alive.close()


@check
def session_limit_with_resumption(t):
    """max_user_sessions: the oldest goes, also one that waits for its client; it cannot be
    resumed any more."""
    s = [managed(t, "limited", "s%d" % i) for i in range(3)]
    s[0].cut()
    s.append(managed(t, "limited", "s3"))
    until("the end of the oldest", lambda: "limited@localhost/s0" not in t.ctl("sessions"))
    again, e = resume(t, s[0], 0)
    assert e.tag == "{%s}failed" % SM, ET.tostring(e)
    assert e.find("{%s}item-not-found" % STANZAS) is not None, ET.tostring(e)
    again.abort()
    s.append(managed(t, "limited", "s4"))
    assert s[1].stream_error() == "conflict"
    for x in s[2:]:
        x.ping()
        x.close()


main(Tree(accounts=["%s@localhost" % x for x in ["a", "b", "c", "limited"] +
                    ["o%d" % i for i in range(12)]],
          tabber="instances: {c2sd: 2}", options="shaper_rules: {max_user_sessions: 3}",
          modules=MODULES.replace("mod_ping: {}", "mod_ping: {send_pings: true, ping_interval: %d, "
                                  "ping_ack_timeout: 2, timeout_action: kill}" % (2 * SLOW))))
