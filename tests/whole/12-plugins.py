#!/usr/bin/python3
"""slixmpp's plugins: disco, ping, time; and the session that wins a resource."""
import datetime

import slix
from tree import *


def session(t, what):
    return slix.session(t, what, "a@localhost", ("xep_0030", "xep_0199", "xep_0202"))


@check
def disco_info(t):
    info = session(t, lambda c: c["xep_0030"].get_info("localhost"))["disco_info"]
    assert any(i[:2] == ("server", "im") for i in info["identities"]), info["identities"]
    for f in ("http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items",
              "urn:xmpp:ping", "urn:xmpp:time"):
        assert f in info["features"], (f, info["features"])


@check
def disco_items(t):
    items = session(t, lambda c: c["xep_0030"].get_items("localhost"))["disco_items"]
    assert isinstance(items["items"], set)


@check
def disco_says_what_runs(t):
    """Without hostd nobody answers, and the error says so; with hostd the answer is as before."""
    a = t.login("a", "raw")
    subprocess.run(["s6-svc", "-d", t.state + "/service/hostd"], check=True)
    try:
        until("hostd is down", lambda: t.pid("hostd") == -1)
        t.wait_log("routed", "link-down link=hostd")
        e = a.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        assert e.get("type") == "error", ET.tostring(e)
    finally:
        subprocess.run(["s6-svc", "-u", t.state + "/service/hostd"], check=True)
    t.wait_ready()
    disco_info(t)
    a.close()


@check
def ping(t):
    rtt = session(t, lambda c: c["xep_0199"].ping("localhost"))
    assert 0 <= rtt < 5, rtt


@check
def ping_to_our_own_account(t):
    """RFC 6121 s8.5.2: the server answers for the account."""
    a = t.login("a", "raw")
    e = a.iq(None, "<ping xmlns='%s'/>" % PING)
    assert e.get("type") == "result", ET.tostring(e)
    assert e.get("from") in (None, "a@localhost"), e.get("from")
    a.close()


@check
def entity_time(t):
    """The plugin's own reading of utc adds a second Z; so its text is read here."""
    iq = session(t, lambda c: c["xep_0202"].get_entity_time("localhost"))
    text = iq.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text), text
    utc = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    off = abs((datetime.datetime.now(datetime.timezone.utc) - utc).total_seconds())
    assert off < 5, utc
    tzo = iq.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}tzo")
    assert re.fullmatch(r"[+-]\d\d:\d\d|Z", tzo), tzo


@check
def clients_answer_each_other(t):
    """An iq to a full JID reaches that client, and its answer comes back."""
    b = t.login("b", "raw")

    def answer():
        e = b.expect(lambda e: e.tag == "{%s}iq" % CLIENT and e.get("type") == "get")
        b.send("<iq type='result' id='%s' to='%s'/>" % (e.get("id"), e.get("from")))

    th = threading.Thread(target=answer, daemon=True)
    th.start()
    session(t, lambda c: c["xep_0199"].ping(b.jid))
    th.join(DEADLINE)
    assert not th.is_alive()
    b.close()


@check
def the_new_session_takes_the_resource(t):
    """resource_conflict: acceptnew; RFC 6120 s7.7.2.2."""
    old = t.login("a", "same")
    new = t.login("a", "same")
    assert old.jid == new.jid == "a@localhost/same"
    assert old.stream_error() == "conflict"
    b = t.login("b")
    b.message("a@localhost/same", "to the new one")
    new.expect_body("to the new one")
    new.ping()
    assert t.ctl("sessions").count("a@localhost/same") == 1
    new.close(), b.close()


@check
def resources_of_ones_own(t):
    s = t.stream()
    s.secured()
    assert s.auth_scram("a", PW)[0] == "success"
    jid = s.bind()
    assert re.fullmatch(r"a@localhost/\S{8,}", jid), jid
    other = t.stream()
    other.secured()
    other.auth_scram("a", PW)
    assert other.bind() != jid
    s.close(), other.close()


@check
def priorities_choose_who_gets_it(t):
    """RFC 6121 s8.5.2.1.1: a chat goes to the highest; one below zero gets none."""
    low, high, never = t.login("a", "low"), t.login("a", "high"), t.login("a", "never")
    b = t.login("b")
    low.send("<presence><priority>1</priority></presence>")
    high.send("<presence><priority>7</priority></presence>")
    never.send("<presence><priority>-1</priority></presence>")
    for s in (low, high, never):
        s.ping()
    b.message("a@localhost", "for the highest")
    high.expect_body("for the highest")
    for s in (never,):
        s.ping()
        assert not [e for e in s.queue if e.tag.endswith("}message")], "negative priority"
    for s in (low, high, never, b):
        s.close()


main(Tree(accounts=["a@localhost", "b@localhost"]))
