#!/usr/bin/python3
"""Clients that come back: a TLS ticket, a token and the old session in one round trip; tokens that
are over; and those that an administrator or the account itself ends (XEP-0484, 0388, 0386, 0198)."""
import contextlib

from devices import *

COMMANDS, FORM = "http://jabber.org/protocol/commands", "jabber:x:data"


@check
def back_in_one_round_trip(t):
    for how, version in (("EXPR", None), ("ENDP", None), ("NONE", None),
                         ("UNIQ", ssl.TLSVersion.TLSv1_2), ("EXPR", ssl.TLSVersion.TLSv1_2)):
        d = Device(t, "a", how, version)
        jid = d.first().findtext("{%s}authorization-identifier" % SASL2)
        d.cut()
        with contextlib.closing(t.login("b")) as b:
            b.message(jid, how)
            b.ping()
        e = returned(d)
        assert sub(e, SM, "resumed") is not None and sub(e, BIND2, "bound") is None, how
        assert e.findtext("{%s}authorization-identifier" % SASL2) == jid
        # No features follow directly, which a client would take for a stream that begins.
        e = d.s.recv()
        assert e.findtext("{%s}body" % CLIENT) == how, ET.tostring(e)
        d.s.close()


@check
def the_session_is_over(t):
    d = Device(t, "a")
    d.first()
    d.cut()
    d.session = d.session[:-1] + ("x" if d.session[-1] != "x" else "y")
    e = returned(d)
    assert sub(e, SM, "failed") is not None and sub(e, BIND2, "bound") is not None
    d.s.expect_tag(STREAM, "features")
    d.s.ping()
    d.s.close()


@check
def restarts_do_not_end_tickets_and_tokens(t):
    d = Device(t, "a")
    d.first()
    for instance in ("tlsd", "authd"):
        d.cut()
        pid = t.pid(instance)
        t.kill(instance)
        until("another " + instance, lambda: t.pid(instance) not in (pid, -1))
        t.wait_ready()
        assert sub(returned(d), SM, "resumed") is not None, instance
    d.s.close()


@check
def the_token_is_over_and_the_password_holds(t):
    d = Device(t, "a")
    d.first()
    d.cut()
    d.token = "x" * 43
    d.connect()
    assert d.open(d.by_token()) == "credentials-expired"
    d.s.send(d.by_password(resume=True))
    e = d.answer()
    assert sub(e, SM, "resumed") is not None and sub(e, FAST, "token") is not None
    d.cut()
    returned(d)
    d.s.close()


@check
def a_new_password_ends_tokens(t):
    d, other = Device(t, "c"), Device(t, "c")
    d.first()
    other.first()
    for x in (d, other):
        x.cut()
    t.ctl("account", "passwd", "c@localhost", input="new\n")
    for x in (d, other):
        x.connect()
        assert x.open(x.by_token()) == "credentials-expired"
        x.s.send(x.by_password("new"))
        assert sub(x.answer(), FAST, "token") is not None
        x.cut()
        returned(x)
        x.s.close()


@check
def a_count_is_taken_once(t):
    d = Device(t, "a", "NONE")
    d.first()
    d.cut()
    for count, want in ((5, None), (5, "not-authorized"), (4, "not-authorized"), (6, None)):
        d.connect()
        e = d.open(d.by_token(" count='%d'" % count, resume=False))
        assert (e if isinstance(e, str) else None) == want, (count, e)
        d.cut()


@check
def a_device_logs_out(t):
    d = Device(t, "a")
    d.first()
    d.cut()
    d.connect()
    assert not isinstance(d.open(d.by_token(" invalidate='true'")), str)
    d.cut()
    d.connect()
    assert d.open(d.by_token()) == "credentials-expired"
    d.s.close()


def devices(t, user):
    return [x.split("\t") for x in t.ctl("token", "list", user, records=True).splitlines()]


@check
def devices_are_listed_and_revoked(t):
    d, other = Device(t, "d"), Device(t, "d")
    d.first()
    other.first()
    ours = hashlib.sha256(d.id.encode()).hexdigest()[:16]
    rows = devices(t, "d@localhost")
    assert len(rows) == 2 and ours in [r[1] for r in rows], rows
    assert all(r[2] == "HT-SHA-256-EXPR" and "Test" in r[6] for r in rows), rows
    # The account sees the tokens too.
    def command(word, attributes="", inside=""):
        return d.s.iq("localhost", "<command xmlns='%s' node='tabber:devices#%s'%s>%s</command>" % (
            COMMANDS, word, attributes, inside), "set")
    e = command("list")
    found = [v.text for v in e.iter("{%s}value" % FORM)]
    assert ours in found, ET.tostring(e)
    # The account logs the other device out.
    theirs = hashlib.sha256(other.id.encode()).hexdigest()[:16]
    e = command("revoke")
    session = sub(e, COMMANDS, "command").get("sessionid")
    form = ("<x xmlns='%s' type='submit'><field var='device'><value>%s</value></field></x>"
            % (FORM, theirs))
    e = command("revoke", " action='complete' sessionid='%s'" % session, form)
    assert e.get("type") == "result", ET.tostring(e)
    assert [r[1] for r in devices(t, "d@localhost")] == [ours]
    other.cut()
    other.connect()
    assert other.open(other.by_token()) == "credentials-expired"
    other.s.close()
    t.ctl("token", "revoke", "d@localhost")
    assert devices(t, "d@localhost") == []
    d.cut()
    d.connect()
    assert d.open(d.by_token()) == "credentials-expired"
    d.s.close()


# The kernel gives a connection to either instance.
main(Tree(accounts=[x + "@localhost" for x in "abcd"], tabber="instances: {tlsd: 2}",
          modules=MODULES + "\nmod_auth_fast: {}"))
