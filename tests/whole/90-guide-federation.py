#!/usr/bin/python3
"""The guide's server and another one, which the test plays byte by byte: streams to port 5269 as the guide has it and
back, TLS required, a certificate on each side; a message comes in and its answer goes out, for both domains."""
from guide import *
from servers import A, B, PORT, rows

SERVER = "jabber:server"
DIALBACK = "urn:xmpp:features:dialback"
FRIEND = "friend@" + B
# The domain of the other server is its address, so that no name is looked up.
AROUND = """ca_file: %s
outgoing_s2s_port: %d
tabber:
  s2s_allow_addresses: [127.0.0.0/8]
"""


def header(to):
    return ("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' from='%s' to='%s' id='%s' version='1.0'>"
            % (SERVER, STREAM, B, to, os.urandom(8).hex()))


def names(sock):
    return {v for _, v in sock.getpeercert()["subjectAltName"]}


class Dialed(Stream):
    """A stream from the other server to a host of the guide. certificate: the other server shows its own."""

    def __init__(self, t, host, certificate=True):
        self.context = ssl.create_default_context(cafile=t.certbot.path("ca.pem"))
        if certificate:
            self.context.load_cert_chain(t.certbot.path(B + ".pem"))
        super().__init__(t, host, port=t.s2s_port, to=A, source=B)

    def handshake(self):
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
        self.is_tls = True

    def open(self):
        self.begin()
        self.send(header(self.host))
        self.features = self.expect_tag(STREAM, "features")
        assert self.root.get("from") == self.host, self.root.attrib
        return self.features


class Accepted(Stream):
    """A stream that the guide's server has opened to the other server."""

    def __init__(self, t, sock):
        self.t, self.raw, self.sock = t, b"", sock
        self.sock.settimeout(DEADLINE)
        self.begin()

    def answer(self, features):
        """Read the header; send the other one, and features."""
        end = time.monotonic() + DEADLINE
        while self.root is None:
            self.pump(end)
        assert self.root.get("to") == B, self.root.attrib
        self.host = self.root.get("from")
        self.send(header(self.host) + "<stream:features>%s</stream:features>" % features)

    def secure(self):
        self.answer("<starttls xmlns='%s'><required/></starttls>" % TLS)
        self.expect_tag(TLS, "starttls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.t.certbot.path(B + ".pem"))
        context.load_verify_locations(self.t.certbot.path("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        self.send("<proceed xmlns='%s'/>" % TLS)
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.begin()

    def prove(self):
        """Let the guide's server in by its certificate."""
        self.answer("<mechanisms xmlns='%s'><mechanism>EXTERNAL</mechanism></mechanisms>" % SASL)
        assert self.expect_tag(SASL, "auth").get("mechanism") == "EXTERNAL"
        assert self.host in names(self.sock), names(self.sock)
        self.send("<success xmlns='%s'/>" % SASL)
        self.begin()
        self.answer("")


def heard(s, sender):
    """The body of the next message of this sender on a stream between servers."""
    e = s.expect(lambda e: e.tag == "{%s}message" % SERVER and e.get("from", "").startswith(sender))
    assert e.get("to") == FRIEND, e.attrib
    return e.findtext("{%s}body" % SERVER)


@check
def a_stream_without_tls_comes_to_nothing(t):
    for host in HOSTS:
        s = Dialed(t, host)
        s.open()
        assert s.features.find("{%s}starttls/{%s}required" % (TLS, TLS)) is not None, ET.tostring(s.features)
        assert not s.mechanisms()
        s.send("<message from='%s' to='alice@%s'><body>in clear</body></message>" % (FRIEND, host))
        assert s.stream_error() == "policy-violation"
        s.abort()


@check
def without_a_certificate_dialback_is_left(t):
    s = Dialed(t, HOSTS[0], certificate=False)
    s.secured()
    assert not s.mechanisms() and s.features.find("{%s}dialback" % DIALBACK) is not None, ET.tostring(s.features)
    s.abort()


@check
def a_message_comes_in_and_an_answer_goes_out(t):
    with socket.create_server((B, PORT)) as listener:
        listener.settimeout(DEADLINE)
        for host in HOSTS:
            a = t.login("alice", host=host)
            s = Dialed(t, host)
            s.secured()
            assert s.mechanisms() == ["EXTERNAL"] and host in names(s.sock), (s.mechanisms(), names(s.sock))
            s.auth_say("auth", B.encode(), "EXTERNAL")
            assert s.auth_answer()[0] == "success"
            s.open()
            s.send("<message from='%s/there' to='alice@%s' type='chat'><body>hello</body></message>" % (FRIEND, host))
            assert a.expect_body("hello").get("from") == FRIEND + "/there"
            a.message(FRIEND, "and hello")
            back = Accepted(t, listener.accept()[0])
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
