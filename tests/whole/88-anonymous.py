#!/usr/bin/python3
"""Logins without an account (XEP-0175): a name for each login, and nothing is kept of it."""
import re

from slix import *

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}@anon\.localhost/\S+$")


def anonymous(t, resource="mine"):
    s = t.stream(host="anon.localhost")
    features = s.secured()
    assert [e.text for e in features.iter("{%s}mechanism" % SASL)] == ["ANONYMOUS"]
    assert features.find("{http://jabber.org/features/iq-register}register") is None
    s.send("<auth xmlns='%s' mechanism='ANONYMOUS'>=</auth>" % SASL)
    assert s.auth_answer()[0] == "success"
    s.bind(resource)
    assert UUID.match(s.jid) and not s.jid.endswith("/mine"), s.jid
    return s


def refused(s, to, inside, type="set"):
    iq = s.iq(to, inside, type)
    assert iq.get("type") == "error", ET.tostring(iq)
    return iq.find("{jabber:client}error")[0].tag.split("}")[1]


@check
def they_talk(t):
    a, b = anonymous(t), anonymous(t)
    assert a.jid != b.jid
    a.available()
    b.available()
    a.send("<message to='%s' type='chat'><body>hello</body></message>" % b.jid)
    m = b.expect(lambda e: e.tag.endswith("}message"))
    assert m.get("from") == a.jid and m.findtext("{jabber:client}body") == "hello"
    a.close()
    b.close()


@check
def they_have_nothing(t):
    s = anonymous(t)
    bare = s.jid.split("/")[0]
    roster = s.iq(None, "<query xmlns='jabber:iq:roster'/>", "get")
    assert roster.get("type") == "result" and not list(roster.iter("{jabber:iq:roster}item"))
    assert refused(s, None, "<query xmlns='jabber:iq:roster'><item jid='a@localhost'/></query>") == "not-allowed"
    assert refused(s, None, "<query xmlns='jabber:iq:private'><a xmlns='b'/></query>") == "not-allowed"
    assert refused(s, None, "<vCard xmlns='vcard-temp'><FN>X</FN></vCard>") == "not-allowed"
    assert refused(s, "anon.localhost", "<query xmlns='jabber:iq:register'><remove/></query>") in (
        "not-allowed", "service-unavailable")
    s.available()
    s.send("<presence to='juliet@localhost' type='subscribe' id='p'/>")
    assert s.expect(lambda e: e.tag.endswith("}presence") and e.get("type") == "error")
    s.close()
    # A session that is gone gets nothing: the message comes back.
    other = anonymous(t)
    other.send("<message to='%s' type='chat' id='m'><body>late</body></message>" % bare)
    m = other.expect(lambda e: e.tag.endswith("}message") and e.get("id") == "m")
    assert m.get("type") == "error", ET.tostring(m)
    other.close()


@check
def other_hosts_are_as_ever(t):
    t.add("juliet@localhost")
    s = t.login("juliet", "x")
    assert s.jid == "juliet@localhost/x"
    s.close()
    assert t.ctl("account", "list").split()[0] == "juliet@localhost"
    assert "anon.localhost" not in t.ctl("account", "list")


main(Tree(hosts=("localhost", "anon.localhost"), options="host_config:\n  anon.localhost:\n    auth_method: anonymous"))
