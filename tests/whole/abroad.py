"""Another server, whose domain is the address B, which the test plays byte by byte."""
from servers import *

SERVER = "jabber:server"


def header(to):
    return ("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' from='%s' to='%s' id='%s' version='1.0'>"
            % (SERVER, STREAM, B, to, os.urandom(8).hex()))


def names(sock):
    return {v for _, v in sock.getpeercert()["subjectAltName"]}


class Dialed(Stream):
    """A stream from the other server to a host of ours, at this port. certificate: the other server shows
    its own, of this authority."""

    def __init__(self, t, host, authority, port, certificate=True):
        self.context = ssl.create_default_context(cafile=authority.path("ca.pem"))
        if certificate:
            self.context.load_cert_chain(authority.path(B + ".pem"))
        super().__init__(t, host, port=port, to=A, source=B)

    def handshake(self):
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
        self.is_tls = True

    def prove(self):
        """Show who we are by the certificate; the names of the server's own."""
        self.secured()
        assert self.mechanisms() == ["EXTERNAL"], self.mechanisms()
        self.auth_say("auth", B.encode(), "EXTERNAL")
        assert self.auth_answer()[0] == "success"
        self.open()
        return names(self.sock)

    def open(self):
        self.begin()
        self.send(header(self.host))
        self.features = self.expect_tag(STREAM, "features")
        assert self.root.get("from") == self.host, self.root.attrib
        return self.features


class Accepted(Stream):
    """A stream that our server has opened to the other server."""

    def __init__(self, authority, sock):
        self.authority, self.raw, self.sock = authority, b"", sock
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
        context.load_cert_chain(self.authority.path(B + ".pem"))
        context.load_verify_locations(self.authority.path("ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        self.send("<proceed xmlns='%s'/>" % TLS)
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.begin()

    def prove(self):
        """Let our server in by its certificate."""
        self.answer("<mechanisms xmlns='%s'><mechanism>EXTERNAL</mechanism></mechanisms>" % SASL)
        assert self.expect_tag(SASL, "auth").get("mechanism") == "EXTERNAL"
        assert self.host in names(self.sock), names(self.sock)
        self.send("<success xmlns='%s'/>" % SASL)
        self.begin()
        self.answer("")
