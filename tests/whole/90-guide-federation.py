#!/usr/bin/python3
"""The guide's server and another one, which the test plays byte by byte: streams to port 5269 as the guide has it and
back, TLS required, a certificate on each side; a message comes in and its answer goes out, for both domains."""
from abroad import *
from guide import *

DIALBACK = "urn:xmpp:features:dialback"
FRIEND = "friend@" + B
# The domain of the other server is its address, so that no name is looked up.
AROUND = """ca_file: %s
outgoing_s2s_port: %d
tabber:
  s2s_allow_addresses: [127.0.0.0/8]
"""


def heard(s, sender):
    """The body of the next message of this sender on a stream between servers."""
    e = s.expect(lambda e: e.tag == "{%s}message" % SERVER and e.get("from", "").startswith(sender))
    assert e.get("to") == FRIEND, e.attrib
    return e.findtext("{%s}body" % SERVER)


@check
def a_stream_without_tls_comes_to_nothing(t):
    for host in HOSTS:
        s = Dialed(t, host, t.certbot, t.s2s_port)
        s.open()
        assert s.features.find("{%s}starttls/{%s}required" % (TLS, TLS)) is not None, ET.tostring(s.features)
        assert not s.mechanisms()
        s.send("<message from='%s' to='alice@%s'><body>in clear</body></message>" % (FRIEND, host))
        assert s.stream_error() == "policy-violation"
        s.abort()


@check
def without_a_certificate_dialback_is_left(t):
    s = Dialed(t, HOSTS[0], t.certbot, t.s2s_port, certificate=False)
    s.secured()
    assert not s.mechanisms() and s.features.find("{%s}dialback" % DIALBACK) is not None, ET.tostring(s.features)
    s.abort()


@check
def a_message_comes_in_and_an_answer_goes_out(t):
    with socket.create_server((B, PORT)) as listener:
        listener.settimeout(DEADLINE)
        for host in HOSTS:
            a = t.login("alice", host=host)
            s = Dialed(t, host, t.certbot, t.s2s_port)
            assert host in s.prove()
            s.send("<message from='%s/there' to='alice@%s' type='chat'><body>hello</body></message>" % (FRIEND, host))
            assert a.expect_body("hello").get("from") == FRIEND + "/there"
            a.message(FRIEND, "and hello")
            back = Accepted(t.certbot, listener.accept()[0])
            back.secure()
            back.prove()
            assert back.host == host and heard(back, a.jid) == "and hello"
            assert rows(t) == [("in", "external", "pkix"), ("out", "external", "pkix")], rows(t)
            for x in (s, back):
                x.close()
            a.close()
            until("the end of the streams", lambda: not rows(t))


if __name__ == "__main__":
    certbot = Certbot(HOSTS)
    try:
        certbot.sign(B, "IP:%s,DNS:%s" % (B, B))
        main(Guide(certbot, options=added() + AROUND % (certbot.path("ca.pem"), PORT),
                   accounts=["alice@" + h for h in HOSTS]))
    finally:
        certbot.end()
