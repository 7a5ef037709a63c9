"""A device that comes back by what it has kept: a TLS ticket, a token (XEP-0484) and the id of its
session (XEP-0198), all in its first write."""
import hmac
import uuid

from tree import *

SASL2, FAST, BIND2, SM = "urn:xmpp:sasl:2", "urn:xmpp:fast:0", "urn:xmpp:bind:0", "urn:xmpp:sm:3"
HEADER = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' "
          "from='%s@localhost' to='localhost' version='1.0'>")
BINDINGS = {"EXPR": "tls-exporter", "ENDP": "tls-server-end-point", "UNIQ": "tls-unique",
            "NONE": None}


def b64(data):
    return base64.b64encode(data).decode()


def sub(e, ns, name):
    return e.find("{%s}%s" % (ns, name))


class Device:
    """A client with what it keeps from one connection to the next."""

    def __init__(self, tree, user, how="EXPR", version=None):
        self.tree, self.user, self.how = tree, user, how
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ctx.check_hostname, self.ctx.verify_mode = False, ssl.CERT_NONE
        if version:
            self.ctx.minimum_version = self.ctx.maximum_version = version
        self.id, self.tls, self.token, self.session = str(uuid.uuid4()), None, None, None
        self.got = 0  # stanzas of the session

    def connect(self):
        """Direct TLS, by the ticket of the last time if there is one."""
        d = self

        class Ours(Stream):
            def handshake(self):
                self.sock = d.ctx.wrap_socket(self.sock, server_hostname="localhost",
                                              session=d.tls)
                self.is_tls = True
                self.begin()

        self.s = Ours(self.tree, direct=True)
        return self.s

    def parts(self, resume=True):
        old = ("<resume xmlns='%s' h='%d' previd='%s'/>" % (SM, self.got, self.session)
               if resume and self.session else "")
        return old + ("<bind xmlns='%s'><tag>test</tag><enable xmlns='%s' resume='true'/></bind>"
                      % (BIND2, SM))

    def authenticate(self, mechanism, initial, inside):
        return ("<authenticate xmlns='%s' mechanism='%s'><initial-response>%s</initial-response>"
                "<user-agent id='%s'><software>Test</software><device>phone</device></user-agent>%s"
                "</authenticate>" % (SASL2, mechanism, b64(initial), self.id, inside))

    def by_password(self, password=PW, resume=False):
        request = "<request-token xmlns='%s' mechanism='HT-SHA-256-%s'/>" % (FAST, self.how)
        return self.authenticate("PLAIN", ("\0%s\0%s" % (self.user, password)).encode(),
                                 request + self.parts(resume))

    def by_token(self, attributes="", resume=True):
        kind = BINDINGS[self.how]
        self.binding = self.s.binding(kind) if kind else b""
        proof = hmac.digest(self.token.encode(), b"Initiator" + self.binding, "sha256")
        return self.authenticate("HT-SHA-256-" + self.how, self.user.encode() + b"\0" + proof,
                                 "<fast xmlns='%s'%s/>" % (FAST, attributes) + self.parts(resume))

    def open(self, text):
        """All that a client says up to its session, in one write, before it has read a byte."""
        self.s.send(HEADER % (STREAM, self.user) + text)
        self.s.expect_tag(STREAM, "features")
        return self.answer()

    def answer(self):
        """Success, of which is kept what serves the next time; or the condition of a failure."""
        e = self.s.expect(lambda e: e.tag.startswith("{%s}" % SASL2))
        if e.tag != "{%s}success" % SASL2:
            return e[0].tag.split("}")[1]
        token, enabled = sub(e, FAST, "token"), e.find(".//{%s}enabled" % SM)
        if token is not None:
            self.token = token.get("token")
        if enabled is not None:
            self.session, self.got = enabled.get("id"), 0
        return e

    def first(self):
        self.connect()
        e = self.open(self.by_password())
        assert sub(e, FAST, "token") is not None and sub(e, BIND2, "bound") is not None, (
            ET.tostring(e))
        self.s.expect_tag(STREAM, "features")
        return e

    def cut(self):
        """Lose the connection."""
        self.tls = self.s.sock.session
        self.s.abort()


def returned(d):
    """d comes back by what it has; success."""
    d.connect()
    assert d.s.sock.session_reused, "TLS"
    e = d.open(d.by_token())
    assert not isinstance(e, str), e
    data = base64.b64decode(e.findtext("{%s}additional-data" % SASL2))
    assert data == hmac.digest(d.token.encode(), b"Responder" + d.binding, "sha256")
    return e
