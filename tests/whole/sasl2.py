"""A client of SASL2 (XEP-0388), Bind 2 (XEP-0386) and FAST (XEP-0484), for tests."""
from tree import *

SASL2, BIND2, FAST = "urn:xmpp:sasl:2", "urn:xmpp:bind:0", "urn:xmpp:fast:0"
SM, MAM, CARBONS, CSI = "urn:xmpp:sm:3", "urn:xmpp:mam:2", "urn:xmpp:carbons:2", "urn:xmpp:csi:0"
SCRAMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def b64(data):
    return base64.b64encode(data).decode()


def tag(ns, name):
    return "{%s}%s" % (ns, name)


class Scram:
    """The client's half of SCRAM; binding: (type, data) or None."""

    def __init__(self, name, user, password, binding=None):
        self.hash, self.password = SCRAMS[name.replace("-PLUS", "")], password
        self.gs2 = "p=%s,," % binding[0] if binding else "n,,"
        self.binding = binding[1] if binding else b""
        self.nonce = b64(os.urandom(18))
        self.bare = "n=%s,r=%s" % (user, self.nonce)

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, first):
        self.fields = f = dict(x.split("=", 1) for x in first.decode().split(","))
        assert f["r"].startswith(self.nonce), f
        final = "c=%s,r=%s" % (b64(self.gs2.encode() + self.binding), f["r"])
        message = (self.bare + "," + first.decode() + "," + final).encode()
        self.salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(),
                                          base64.b64decode(f["s"]), int(f["i"]))
        mac = lambda k, m: hmac.new(k, m, self.hash).digest()
        key = mac(self.salted, b"Client Key")
        sig = mac(hashlib.new(self.hash, key).digest(), message)
        self.verifier = b"v=" + base64.b64encode(mac(mac(self.salted, b"Server Key"), message))
        return (final + ",p=" + b64(bytes(a ^ b for a, b in zip(key, sig)))).encode()


def downgrade_hash(features, ns, name):
    """XEP-0474: the hash of the mechanisms in the element of ns, and of the channel bindings."""
    mechanisms = sorted(m.text.encode() for e in features if e.tag.startswith("{%s}" % ns)
                        for m in e.findall(tag(ns, "mechanism")))
    types = sorted(e.get("type").encode()
                   for e in features.iter("{urn:xmpp:sasl-cb:0}channel-binding"))
    text = b"\x1e".join(mechanisms)
    if types:
        text += b"\x1f" + b"\x1e".join(types)
    return b64(hashlib.new(SCRAMS[name.replace("-PLUS", "")], text).digest())


class Quick(Stream):
    """A stream of a client of SASL2 over direct TLS. device: the id of its user-agent."""

    def __init__(self, tree, user, device=None, **kw):
        super().__init__(tree, direct=True, **kw)
        self.user, self.device, self.records, self.stanzas = user, device, [], 0

    def read_some(self, end):
        self.records.append(super().read_some(end))     # a TLS record each
        return self.records[-1]

    def recv(self, seconds=None):
        e = super().recv(seconds)
        self.stanzas += e.tag.startswith("{%s}" % CLIENT)
        return e

    def header(self):
        self.begin()
        return ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' "
                "from='%s@%s' to='%s' version='1.0'>" % (STREAM, self.user, self.host, self.host))

    def authenticate(self, mechanism, initial, *inner):
        agent = ("<user-agent id='%s'><software>test</software><device>d</device></user-agent>"
                 % self.device if self.device else "")
        return ("<authenticate xmlns='%s' mechanism='%s'><initial-response>%s</initial-response>"
                "%s%s</authenticate>" % (SASL2, mechanism, b64(initial), agent, "".join(inner)))

    def take_features(self):
        self.features = self.expect_tag(STREAM, "features")

    def answer(self):
        """The next element of SASL2: (name, element)."""
        e = self.recv()
        assert e.tag.startswith("{%s}" % SASL2), ET.tostring(e).decode()
        return e.tag.split("}")[1], e

    def failure(self):
        what, e = self.answer()
        assert what == "failure", ET.tostring(e).decode()
        return e[0].tag.split("}")[1]

    def go_on(self, scram):
        """From the challenge of an exchange to what comes behind its response."""
        what, e = self.answer()
        assert what == "challenge", ET.tostring(e).decode()
        final = scram.final(base64.b64decode(e.text))
        self.send("<response xmlns='%s'>%s</response>" % (SASL2, b64(final)))
        what, e = self.answer()
        if what in ("success", "continue"):
            assert base64.b64decode(e.findtext(tag(SASL2, "additional-data"))) == scram.verifier
        return what, e

    def ht(self, token, kind="EXPR"):
        """The first message for a token (HT-SHA-256), and the answer that is right."""
        types = {"EXPR": "tls-exporter", "ENDP": "tls-server-end-point", "UNIQ": "tls-unique"}
        cb = self.binding(types[kind]) if kind in types else b""
        mac = lambda what: hmac.new(token.encode(), what + cb, "sha256").digest()
        return self.user.encode() + b"\0" + mac(b"Initiator"), mac(b"Responder")


def bind(name, *inner):
    return "<bind xmlns='%s'><tag>%s</tag>%s</bind>" % (BIND2, name, "".join(inner))


def resume(previd, h):
    return "<resume xmlns='%s' previd='%s' h='%d'/>" % (SM, previd, h)


def request_token(mechanism="HT-SHA-256-EXPR"):
    return "<request-token xmlns='%s' mechanism='%s'/>" % (FAST, mechanism)


ENABLE_CARBONS = "<enable xmlns='%s'/>" % CARBONS
ENABLE_SM = "<enable xmlns='%s' resume='true'/>" % SM
ACTIVE = "<active xmlns='%s'/>" % CSI
