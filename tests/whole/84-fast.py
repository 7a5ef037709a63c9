#!/usr/bin/python3
"""Clients that come back: a TLS ticket, a token and the old session in one round trip; tokens that
are over; and those that an administrator or the account itself ends (XEP-0484, 0388, 0386, 0198)."""
import contextlib
import hmac
import uuid

from tree import *

SASL2, FAST, BIND2, SM = "urn:xmpp:sasl:2", "urn:xmpp:fast:0", "urn:xmpp:bind:0", "urn:xmpp:sm:3"
COMMANDS, FORM = "http://jabber.org/protocol/commands", "jabber:x:data"
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


@check
def back_in_one_round_trip(t):
    for how, version in (("EXPR", None), ("ENDP", None), ("NONE", None),
                         ("UNIQ", ssl.TLSVersion.TLSv1_2), ("EXPR", ssl.TLSVersion.TLSv1_2)):
        d = Device(t, "a", how, version)
        jid = d.first().findtext("{%s}authorization-identifier" % SASL2)
        d.cut()
        with contextlib.closing(t.login("b")) as b:
            b.message(jid, how)
            b.ping()
        e = returned(d)
        assert sub(e, SM, "resumed") is not None and sub(e, BIND2, "bound") is None, how
        assert e.findtext("{%s}authorization-identifier" % SASL2) == jid
        # Directly behind: no features, which a client would take for a stream that begins.
        e = d.s.recv()
        assert e.findtext("{%s}body" % CLIENT) == how, ET.tostring(e)
        d.s.close()


@check
def the_session_is_over(t):
    d = Device(t, "a")
    d.first()
    d.cut()
    d.session = d.session[:-1] + ("x" if d.session[-1] != "x" else "y")
    e = returned(d)
    assert sub(e, SM, "failed") is not None and sub(e, BIND2, "bound") is not None
    d.s.expect_tag(STREAM, "features")
    d.s.ping()
    d.s.close()


@check
def restarts_do_not_end_tickets_and_tokens(t):
    d = Device(t, "a")
    d.first()
    for instance in ("tlsd", "authd"):
        d.cut()
        pid = t.pid(instance)
        t.kill(instance)
        until("another " + instance, lambda: t.pid(instance) not in (pid, -1))
        t.wait_ready()
        assert sub(returned(d), SM, "resumed") is not None, instance
    d.s.close()


@check
def the_token_is_over_and_the_password_holds(t):
    d = Device(t, "a")
    d.first()
    d.cut()
    d.token = "x" * 43
    d.connect()
    assert d.open(d.by_token()) == "credentials-expired"
    d.s.send(d.by_password(resume=True))
    e = d.answer()
    assert sub(e, SM, "resumed") is not None and sub(e, FAST, "token") is not None
    d.cut()
    returned(d)
    d.s.close()


@check
def a_new_password_ends_tokens(t):
    d, other = Device(t, "c"), Device(t, "c")
    d.first()
    other.first()
    for x in (d, other):
        x.cut()
    t.ctl("account", "passwd", "c@localhost", input="new\n")
    for x in (d, other):
        x.connect()
        assert x.open(x.by_token()) == "credentials-expired"
        x.s.send(x.by_password("new"))
        assert sub(x.answer(), FAST, "token") is not None
        x.cut()
        returned(x)
        x.s.close()


@check
def a_count_is_taken_once(t):
    d = Device(t, "a", "NONE")
    d.first()
    d.cut()
    for count, want in ((5, None), (5, "not-authorized"), (4, "not-authorized"), (6, None)):
        d.connect()
        e = d.open(d.by_token(" count='%d'" % count, resume=False))
        assert (e if isinstance(e, str) else None) == want, (count, e)
        d.cut()


@check
def a_device_logs_out(t):
    d = Device(t, "a")
    d.first()
    d.cut()
    d.connect()
    assert not isinstance(d.open(d.by_token(" invalidate='true'")), str)
    d.cut()
    d.connect()
    assert d.open(d.by_token()) == "credentials-expired"
    d.s.close()


def devices(t, user):
    return [x.split("\t") for x in t.ctl("token", "list", user, records=True).splitlines()]


@check
def devices_are_listed_and_revoked(t):
    d, other = Device(t, "d"), Device(t, "d")
    d.first()
    other.first()
    ours = hashlib.sha256(d.id.encode()).hexdigest()[:16]
    rows = devices(t, "d@localhost")
    assert len(rows) == 2 and ours in [r[1] for r in rows], rows
    assert all(r[2] == "HT-SHA-256-EXPR" and "Test" in r[6] for r in rows), rows
    # The account sees them too.
    def command(word, attributes="", inside=""):
        return d.s.iq("localhost", "<command xmlns='%s' node='tabber:devices#%s'%s>%s</command>" % (
            COMMANDS, word, attributes, inside), "set")
    e = command("list")
    found = [v.text for v in e.iter("{%s}value" % FORM)]
    assert ours in found, ET.tostring(e)
    # And logs the other out.
    theirs = hashlib.sha256(other.id.encode()).hexdigest()[:16]
    e = command("revoke")
    session = sub(e, COMMANDS, "command").get("sessionid")
    form = ("<x xmlns='%s' type='submit'><field var='device'><value>%s</value></field></x>"
            % (FORM, theirs))
    e = command("revoke", " action='complete' sessionid='%s'" % session, form)
    assert e.get("type") == "result", ET.tostring(e)
    assert [r[1] for r in devices(t, "d@localhost")] == [ours]
    other.cut()
    other.connect()
    assert other.open(other.by_token()) == "credentials-expired"
    other.s.close()
    t.ctl("token", "revoke", "d@localhost")
    assert devices(t, "d@localhost") == []
    d.cut()
    d.connect()
    assert d.open(d.by_token()) == "credentials-expired"
    d.s.close()


# The kernel gives a connection to either instance.
main(Tree(accounts=[x + "@localhost" for x in "abcd"], tabber="instances: {tlsd: 2}",
          modules=MODULES + "\nmod_auth_fast: {}"))
