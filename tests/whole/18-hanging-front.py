#!/usr/bin/python3
"""An xmpp-tlsd that hangs, not dies: for a while it holds up the streams of the other, then it is
cut off by name, and its clients' sessions wait to be resumed."""
from tree import *

BODY = "z" * 20000
SM = "urn:xmpp:sm:3"
STALL = 10  # LINK_STALL_US, seconds


def login_at(t, instance, user, **kw):
    """A session of user whose connection is at this instance of xmpp-tlsd."""
    while True:
        before = t.stat(instance, "connections")
        s = t.login(user, **kw)
        if t.stat(instance, "connections") > before:
            return s
        s.close()


@check
def a_hanging_front_is_cut_off(t):
    victim = login_at(t, "tlsd-2", "victim")
    victim.send("<enable xmlns='%s' resume='true'/>" % SM)
    token = victim.expect_tag(SM, "enabled").get("id")
    a, b = login_at(t, "tlsd", "a"), login_at(t, "tlsd", "b")
    os.kill(t.pid("tlsd-2"), signal.SIGSTOP)
    try:
        text = ("<message type='headline' to='%s'><body>%s</body></message>" % (
            victim.jid, BODY)).encode()
        sender = threading.Thread(target=lambda: [a.send(text) for _ in range(600)], daemon=True)
        sender.start()
        t.wait_log("c2sd", "link-full link=tlsd-2")
        began = time.monotonic()
        b.send("<iq type='get' id='late' to='localhost'><ping xmlns='%s'/></iq>" % PING)
        b.expect(lambda e: e.get("id") == "late", STALL + 20)
        took = time.monotonic() - began
        assert took < STALL + 15 * SLOW, "it took %.1f s" % took
        t.wait_log("c2sd", "link-dropped link=tlsd-2")
        sender.join(30 * SLOW)
        a.ping(), b.ping()
        assert "victim@localhost/r" in t.ctl("sessions"), "the session does not wait"
    finally:
        os.kill(t.pid("tlsd-2"), signal.SIGCONT)
    t.wait_ready()
    again = login_at(t, "tlsd-2", "b", resource="new")  # it serves as before
    again.ping()
    back = t.stream()
    back.secured()
    assert back.auth_scram("victim", PW)[0] == "success"
    back.open()
    back.send("<resume xmlns='%s' h='0' previd='%s'/>" % (SM, token))
    back.expect_tag(SM, "resumed")
    assert back.expect_tag(CLIENT, "message").get("type") == "headline"
    for s in (a, b, again, back, victim):
        s.abort()


main(Tree(tabber="instances: {tlsd: 2}",
          accounts=["a@localhost", "b@localhost", "victim@localhost"]))
