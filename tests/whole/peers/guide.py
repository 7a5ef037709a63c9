#!/usr/bin/python3
"""The guide's server beside prosody: conf/guide.yml at its own ports, alone and with the lines that conf/guide.md
adds. Both domains have contacts there; presence, messages and the lists of OMEMO's devices go both ways."""
import contextlib, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from prosodyserver import *
from guide import *

PUBSUB, DEVICES = "http://jabber.org/protocol/pubsub", "eu.siacs.conversations.axolotl.devicelist"
OPEN = ("<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>%s"
        "#publish-options</value></field><field var='pubsub#access_model'><value>open</value></field></x>"
        "</publish-options>" % PUBSUB)


class There(Prosody):
    modules = Prosody.modules + ("pep",)


class Printed(Among, Guide):
    """The ports are those of conf/guide.yml."""

    def __init__(self, certbot, options):
        super().__init__(certbot, "ca_file: %s\n" % certbot.path("ca.pem") + options, ["alice@" + h for h in HOSTS])
        self.port, self.s2s_port, self.web = 5222, 5269, 5444


@contextlib.contextmanager
def both(options=""):
    certbot = Certbot([domain for domain, _, _ in WAYS["guide"]])
    try:
        with There("guide", certbot, True) as peer, Printed(certbot, options) as t:
            yield t, peer
    finally:
        certbot.end()


def proofs(t):
    """Direction, proof and trust of the open streams, and the address that a stream out has gone to."""
    return sorted((f[1], f[5], f[6], f[8] if f[1] == "out" else None) for f in t.streams())


# A stream each way for each of the two domains.
BOTH_WAYS = 2 * [("in", "external", "pkix", None)] + 2 * [("out", "external", "pkix", "fd00::2")]


def publish(s, device):
    e = s.iq(None, "<pubsub xmlns='%s'><publish node='%s'><item id='current'><list xmlns='eu.siacs.conversations.axolotl'>"
             "<device id='%s'/></list></item></publish>%s</pubsub>" % (PUBSUB, DEVICES, device, OPEN), "set")
    assert e.get("type") == "result", ET.tostring(e)


def devices(s, jid):
    e = s.iq(jid, "<pubsub xmlns='%s'><items node='%s'/></pubsub>" % (PUBSUB, DEVICES))
    return [d.get("id") for d in e.iter("{eu.siacs.conversations.axolotl}device")]


@check
def as_printed():
    """Without dialback certificates alone count; there is no contact list, so messages have to do."""
    with both() as (t, peer):
        b = peer.login()
        for host in HOSTS:
            a = t.login("alice", host=host, available=False)
            a.message(b.jid, "there from " + host)
            assert b.expect_body("there from " + host).get("from") == a.jid
            b.message(a.jid, "back to " + host)
            a.expect_body("back to " + host)
            a.close()
        assert proofs(t) == BOTH_WAYS, t.streams()
        b.close()


@check
def with_the_lines_of_the_page():
    with both(added()) as (t, peer):
        for here, (host, there) in enumerate(zip(HOSTS, (7, 8))):
            a = t.login("alice", host=host)
            converse(a, peer.login())
            b = peer.login()
            publish(a, here)
            publish(b, there)
            assert devices(b, "alice@" + host) == [str(here)]
            assert devices(a, "bob@" + peer.domain) == [str(there)]
            a.close()
            b.close()
        assert proofs(t) == BOTH_WAYS, t.streams()


with Network():
    main()
