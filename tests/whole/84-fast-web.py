#!/usr/bin/python3
"""SASL2, Bind 2, tokens and resumption (XEP-0388, 0386, 0484, 0198) over WebSocket and BOSH, where no
element follows a new header of the stream."""
from bosh import BoshStream
from sasl2 import *
from websocket import WebStream

DEVICE = "7c2c5e0e-2f3b-4c8a-8b0e-8f6d6e1c3a55"
HT = "HT-SHA-256-NONE"
port = free_port()
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/ws: ejabberd_http_ws, /bosh: mod_bosh}
""" % port


def client(kind):
    class Client(kind):
        def __init__(self, t, user):
            super().__init__(t, port, tls=True)
            self.user, self.device, self.stanzas = user, DEVICE, 0

        def recv(self, seconds=None):
            e = super().recv(seconds)
            self.stanzas += e.tag.startswith("{%s}" % CLIENT)
            return e

        authenticate, answer, failure = Quick.authenticate, Quick.answer, Quick.failure
        take_features, go_on, ht = Quick.take_features, Quick.go_on, Quick.ht

        def by_password(self, *inner):
            scram = Scram("SCRAM-SHA-256", self.user, PW)
            self.send(self.authenticate("SCRAM-SHA-256", scram.first(), *inner))
            what, e = self.go_on(scram)
            assert what == "success", ET.tostring(e).decode()
            return e

        def by_token(self, token, count, *inner):
            first, self.right = self.ht(token, "NONE")
            self.send(self.authenticate(
                HT, first, "<fast xmlns='%s' count='%d'/>" % (FAST, count), *inner))

    return Client


def token_of(e):
    return e.find(tag(FAST, "token")).get("token")


def comes(t, make):
    """A first login, behind one that fails; (stream, token, id of the session)."""
    s = make(t, "a")
    f = s.open()
    names = [m.text for m in f.iter(tag(FAST, "mechanism"))]
    assert HT in names, ET.tostring(f).decode()
    s.send(s.authenticate("PLAIN", b"\0a\0wrong", bind("web")))
    assert s.failure() == "not-authorized"
    e = s.by_password(request_token(HT), bind("web", ENABLE_SM))
    s.jid = e.findtext(tag(SASL2, "authorization-identifier"))
    assert s.jid.startswith("a@localhost/web/"), s.jid
    previd = e.find(tag(BIND2, "bound")).find(tag(SM, "enabled")).get("id")
    s.take_features()
    assert s.features.find(tag(SM, "sm")) is None and s.features.find(tag(BIND, "bind")) is None
    s.send("<presence/>")
    s.ping()
    return s, token_of(e), previd


def comes_back(t, make):
    s, token, previd = comes(t, make)
    b, jid, had = t.login("b"), s.jid, s.stanzas
    s.abort()
    b.message(jid, "while away")
    b.ping()
    # By its token.
    s = make(t, "a")
    s.open()
    s.by_token(token, 1, resume(previd, had))
    what, e = s.answer()
    assert what == "success" and e.find(tag(SM, "resumed")) is not None, ET.tostring(e).decode()
    assert base64.b64decode(e.findtext(tag(SASL2, "additional-data"))) == s.right
    assert e.findtext(tag(SASL2, "authorization-identifier")) == jid
    s.expect_body("while away")
    s.ping()
    had += s.stanzas
    s.abort()
    # The token was used with that count; the password holds, on the same stream.
    s = make(t, "a")
    s.open()
    s.by_token(token, 1, resume(previd, had))
    assert s.failure() == "not-authorized"
    s.by_token("x" * 43, 2, resume(previd, had))
    assert s.failure() == "credentials-expired"
    e = s.by_password(request_token(HT), resume(previd, had))
    assert e.find(tag(SM, "resumed")) is not None and token_of(e) != token, ET.tostring(e).decode()
    s.ping()
    token = token_of(e)
    s.close()
    # The session is over: another is bound.
    s = make(t, "a")
    s.open()
    s.by_token(token, 1, resume(previd, had), bind("web"))
    what, e = s.answer()
    assert what == "success" and e.find(tag(SM, "failed")) is not None, ET.tostring(e).decode()
    assert e.find(tag(BIND2, "bound")) is not None
    s.take_features()
    s.ping()
    s.close()
    b.close()


@check
def over_websocket(t):
    comes_back(t, client(WebStream))


@check
def over_bosh(t):
    comes_back(t, client(BoshStream))


main(Tree(accounts=["a@localhost", "b@localhost"], options=LISTEN,
          modules=MODULES + "\nmod_auth_fast: {}\nmod_bosh: {}"))
