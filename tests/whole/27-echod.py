#!/usr/bin/python3
"""The example of a service in C: its own name, user and settings, and what lib/service gives it."""
from tree import *

PROGRAM = os.path.abspath(BIN + "/../example/xmpp-echod")
SERVICES = """services:
  echod:
    run: [sh, -c, 'exec %s "$SETTINGS"']
    settings: {domain: echod.localhost}
""" % PROGRAM


@check
def it_echoes_and_answers(t):
    s = t.login("a")
    s.message("echod.localhost", "x &lt; y")
    s.expect_body("x < y")
    assert s.iq("echod.localhost", "<ping xmlns='%s'/>" % PING).get("type") == "result"
    e = s.iq("echod.localhost", "<query xmlns='jabber:iq:version'/>")
    assert e.find(".//{%s}service-unavailable" % STANZAS) is not None, ET.tostring(e)
    s.close()


@check
def it_is_controlled_like_all(t):
    assert t.stat("echod", "links") == 1
    t.ctl("trace", "echod", "on", t.state + "/run/echod/t")
    t.ctl("trace", "echod", "off")


@check
def it_is_killed_and_nothing_is_lost(t):
    s = t.login("a")
    for i in range(100):
        s.message("echod.localhost", str(i))
        if i == 50:
            t.kill("echod")
    got = set()
    while len(got) < 100:
        got.add(s.expect_tag(CLIENT, "message").findtext("{%s}body" % CLIENT))
    s.close()


main(Tree(accounts=["a@localhost"], tabber=SERVICES))
