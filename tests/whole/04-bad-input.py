#!/usr/bin/python3
"""Input that no client should send: the right stream error, then the end; others notice
nothing."""
from tree import *

LIMIT = 20000  # max_stanza_size of the tree
BEFORE_AUTH = 10000
HEADER = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='" + STREAM +
          "' to='localhost' version='1.0'>").encode()
witness = None


def raw(t, data):
    """The condition that ends a fresh stream on which this is sent first."""
    s = t.stream(secure=False)
    try:
        s.send(data)
    except Gone:
        pass
    return s.stream_error()


def after(s, data):
    try:
        s.send(data)
    except Gone:
        pass
    return s.stream_error()


@check
def a_witness_pings(t):
    global witness
    witness = Pinger(t)


@check
def random_bytes(t):
    for i in range(30):
        r = random.Random(i)
        data = bytes([r.randrange(256)] + [r.randrange(256) for _ in range(2000)])
        if i % 3 == 1:
            data = HEADER + data
        if i % 3 == 2:
            data = HEADER + b"<message><body>" + data
        got = raw(t, data)
        assert got in ("not-well-formed", "unsupported-encoding", "bad-format",
                       "restricted-xml"), (i, got)


@check
def random_bytes_as_tls(t):
    for i in range(20):
        r = random.Random(i)
        s = socket.create_connection(("127.0.0.1", t.tls_port), DEADLINE)
        data = bytes(r.randrange(256) for _ in range(700))
        s.sendall(b"\x16\x03\x01\x02\x00" + data if i % 2 else data)
        try:
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
        s.close()


@check
def other_protocols(t):
    assert raw(t, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == "not-well-formed"
    assert raw(t, b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03") == "not-well-formed"


@check
def headers(t):
    h = HEADER.decode()
    for what, data, want in (
            ("another host", h.replace("localhost", "elsewhere.example"), "host-unknown"),
            ("no host", h.replace(" to='localhost'", ""), "host-unknown"),
            ("no version", h.replace(" version='1.0'>", ">"), "unsupported-version"),
            ("another content namespace", h.replace("jabber:client", "jabber:other"),
             "invalid-namespace"),
            ("a server's stream", h.replace("jabber:client", "jabber:server"),
             "invalid-namespace"),
            ("another stream namespace", h.replace("etherx", "ether"), "invalid-namespace"),
            ("an unbound prefix", "<stream:stream to='localhost' version='1.0'>",
             "bad-namespace-prefix"),
            ("not a name", h.replace("localhost", "a b"), ("improper-addressing",
                                                           "host-unknown")),
            ("UTF-16", h.encode("utf-16"), "unsupported-encoding"),
            ("latin 1", h.replace("1.0'?", "1.0' encoding='ISO-8859-1'?"),
             "unsupported-encoding")):
        got = raw(t, data)
        assert got in ((want,) if isinstance(want, str) else want), (what, got)


LAUGHS = ("<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lol'>" + "".join(
    "<!ENTITY %s '%s'>" % (chr(98 + i), "&%s;" % chr(97 + i) * 10) for i in range(9)) +
    "]>" + HEADER.decode().split("?>")[1] + "<message><body>&j;</body></message>")

# RFC 6120 s4.9.3.25: what violates the rules of UTF-8 is improperly encoded. A character that is
# well encoded, and still none of XML's, is not well-formed.
BAD = (
    ("a NUL", b"<message><body>a\0b</body></message>", "not-well-formed"),
    ("overlong UTF-8", b"<message><body>\xc0\xaf</body></message>", "unsupported-encoding"),
    ("overlong in three bytes", b"<message><body>\xe0\x80\xaf</body></message>",
     "unsupported-encoding"),
    ("a surrogate", b"<message><body>\xed\xa0\x80</body></message>", "unsupported-encoding"),
    ("a surrogate's number", b"<message><body>&#xD800;</body></message>", "not-well-formed"),
    ("over U+10FFFF", b"<message><body>\xf4\x90\x80\x80</body></message>", "unsupported-encoding"),
    ("a cut character", b"<message><body>\xe2\x98</body></message>", "unsupported-encoding"),
    ("U+FFFF", b"<message><body>\xef\xbf\xbf</body></message>", "not-well-formed"),
    ("a control character", b"<message><body>\x01</body></message>", "not-well-formed"),
    ("a comment", b"<message><!-- x --></message>", "restricted-xml"),
    ("a processing instruction", b"<message><?x y?></message>", "restricted-xml"),
    ("an entity", b"<message><body>&foo;</body></message>", ("restricted-xml",
                                                             "not-well-formed")),
    ("a wrong end tag", b"<message><body></message>", "not-well-formed"),
    ("an unbound prefix", b"<message><x:y/></message>", "bad-namespace-prefix"),
    ("an attribute twice", b"<message to='a' to='b'/>", "not-well-formed"),
    ("text between stanzas", b"<presence/>text<presence/>", ("bad-format",
                                                             "not-well-formed")),
    ("a DTD in the middle", b"<!DOCTYPE x>", ("restricted-xml", "not-well-formed")),
)


@check
def billion_laughs(t):
    before = memory_kib(t.pid("c2sd"))
    assert raw(t, LAUGHS) == "restricted-xml"
    assert memory_kib(t.pid("c2sd")) - before < 2048 * SLOW


@check
def before_authentication(t):
    for what, data, want in BAD:
        s = t.stream(secure=False)
        s.open()
        got = after(s, data)
        # A stanza that is whole before its flaw shows is out of turn first of all.
        wants = ((want,) if isinstance(want, str) else want) + (
            ("policy-violation",) if what.startswith("text between") else ())
        assert got in wants, (what, got)


@check
def in_a_session(t):
    for what, data, want in BAD:
        s = t.login("a", "bad")
        got = after(s, data)
        assert got in ((want,) if isinstance(want, str) else want), (what, got)


@check
def byte_by_byte_it_is_as_bad(t):
    for what, data, want in BAD[:6]:
        s = t.login("a", "bad")
        try:
            for i in range(len(data)):
                s.send(data[i:i + 1])
        except Gone:
            pass
        got = s.stream_error()
        assert got in ((want,) if isinstance(want, str) else want), (what, got)


@check
def depth(t):
    def nested(n):
        return "<message to='b@localhost'>" + "<x>" * (n - 1) + "</x>" * (n - 1) + "</message>"

    b = t.login("b")
    s = t.login("a", "deep")
    s.send(nested(60))
    b.expect_tag(CLIENT, "message")
    assert after(s, nested(100)) == "policy-violation"
    s = t.stream(secure=False)
    s.open()
    assert after(s, nested(100)) == "policy-violation"
    s = t.login("a", "deep")
    assert after(s, "<message>" + "<x>" * 100000) == "policy-violation"
    b.close()


@check
def many_attributes(t):
    s = t.login("a", "wide")
    assert after(s, "<message %s/>" % " ".join("a%d='x'" % i for i in range(1000))) == (
        "policy-violation")
    s = t.login("a", "wide")
    assert after(s, "<message %s/>" % " ".join("xmlns:a%d='x'" % i for i in range(1000))) == (
        "policy-violation")


def sized(n):
    head, tail = "<message to='b@localhost' type='chat'><body>", "</body></message>"
    return head + "y" * (n - len(head) - len(tail)) + tail


@check
def exactly_the_limit_and_one_more(t):
    b = t.login("b")
    s = t.login("a", "big")
    for pieces in (LIMIT, 4096, 1000):
        text = sized(LIMIT)
        for i in range(0, LIMIT, pieces):
            s.send(text[i:i + pieces])
        b.expect(lambda e: len(e.findtext("{%s}body" % CLIENT) or "") > LIMIT - 100)
    s.send(sized(LIMIT) * 3)  # and many of them at once
    for _ in range(3):
        b.expect(lambda e: len(e.findtext("{%s}body" % CLIENT) or "") > LIMIT - 100)
    assert after(s, sized(LIMIT + 1)) == "policy-violation"
    b.ping()
    assert not [e for e in b.queue if e.tag.endswith("message")], "the larger one went on"
    s = t.login("a", "big")
    s.send("<message><body>")
    assert after(s, "z" * LIMIT) == "policy-violation", "a stanza without end"
    s = t.login("a", "big")
    assert after(s, "<message to='" + "z" * LIMIT) == "policy-violation", "a tag without end"
    b.close()


@check
def the_limit_before_authentication(t):
    def auth(n):
        head, tail = "<auth xmlns='%s' mechanism='PLAIN'>" % SASL, "</auth>"
        return head + "A" * (n - len(head) - len(tail)) + tail

    s = t.stream(secure=True)
    s.secured()
    s.send(auth(BEFORE_AUTH))
    assert s.auth_answer()[0] == "failure"
    assert after(s, auth(BEFORE_AUTH + 1)) == "policy-violation"
    assert raw(t, HEADER[:-1] + b" x='" + b"y" * BEFORE_AUTH + b"'>") == "policy-violation"


@check
def endless_white_space_costs_nothing(t):
    s = t.login("a", "blank")
    before = memory_kib(t.pid("c2sd"))
    for _ in range(100):
        s.send(" \n" * 5000)
    s.ping()
    assert memory_kib(t.pid("c2sd")) - before < 4096
    s.close()


@check
def plaintext_behind_starttls_is_thrown_away(t):
    """Bytes that came in the same packet as starttls are no part of the secure stream."""
    for evil in ("<message to='b@localhost'><body>evil</body></message>", HEADER.decode(),
                 "<auth xmlns='%s' mechanism='PLAIN'>AGEAcGVuY2ls</auth>" % SASL, "\0\xff<<<",
                 "<starttls xmlns='%s'/>" % TLS):
        b = t.login("b")
        s = t.stream()
        s.open()
        s.starttls(behind=evil)
        s.open()
        assert s.auth_scram("a", PW)[0] == "success", evil
        s.bind("x")
        s.message("b@localhost", "good")
        m = b.expect(lambda e: e.tag.endswith("}message"))
        assert m.findtext("{%s}body" % CLIENT) == "good", evil
        s.close(), b.close()


@check
def plaintext_instead_of_a_handshake_ends_the_connection(t):
    s = t.stream()
    s.open()
    s.send("<starttls xmlns='%s'/>" % TLS)
    s.expect_tag(TLS, "proceed")
    s.send("<message to='b@localhost'><body>evil</body></message>")
    try:
        while True:
            s.read_some(time.monotonic() + DEADLINE)
    except Gone:
        pass
    assert b"<stream" not in s.raw[s.raw.index(b"proceed"):]


@check
def things_out_of_turn(t):
    for data, want in (("<iq type='get' id='1'><ping xmlns='%s'/></iq>" % PING,
                        "policy-violation"),
                       ("<response xmlns='%s'/>" % SASL, "unsupported-stanza-type"),
                       ("<abort xmlns='%s'/>" % SASL, "unsupported-stanza-type"),
                       ("<foo xmlns='bar'/>", "unsupported-stanza-type")):
        s = t.stream()
        s.open()
        got = after(s, data)
        assert got == want, (data, got)
    s = t.stream()
    s.secured()
    assert after(s, "<message to='b@localhost'/>") == "not-authorized"
    s = t.stream()
    s.secured()
    assert s.auth_scram("a", PW)[0] == "success"
    s.open()
    assert after(s, "<message to='b@localhost'/>") == "not-authorized"


@check
def a_foreign_from_ends_the_stream(t):
    s = t.login("a")
    assert after(s, "<message from='b@localhost' to='b@localhost'/>") == "invalid-from"


@check
def stanza_errors_do_not_end_the_stream(t):
    s = t.login("a")
    for data, want in (
            ("<message id='1' to='@localhost'/>", "jid-malformed"),
            ("<message id='1' to='%s@localhost'/>" % ("x" * 1024), "jid-malformed"),
            ("<iq type='get' id='1'/>", "bad-request"),
            ("<iq type='foo' id='1'><x xmlns='y'/></iq>", "bad-request"),
            ("<iq type='get' id='1'><x xmlns='y'/><x xmlns='y'/></iq>", "bad-request"),
            ("<iq type='get' id='1' to='localhost'><x xmlns='y'/></iq>", "service-unavailable"),
            ("<message id='1' to='nobody@localhost' type='chat'><body>x</body></message>",
             "service-unavailable"),
            ("<presence id='1' type='foo'/>", "bad-request")):
        s.send(data)
        e = s.expect(lambda e: e.get("id") == "1")
        err = e.find("{%s}error" % CLIENT)
        assert e.get("type") == "error" and err is not None, (data, ET.tostring(e))
        got = [c.tag.split("}")[1] for c in err if c.tag.startswith("{%s}" % STANZAS)]
        assert got[0] == want, (data, got)
    s.ping()
    s.close()


@check
def the_witness_noticed_nothing(t):
    witness.stop()
    assert witness.worst < 2 * SLOW, "a ping took %.1f s" % witness.worst
    for d in DAEMONS:
        assert "link-down" not in t.log(d), d


main(Tree(listen="max_stanza_size: %d" % LIMIT,
          accounts=["a@localhost", "b@localhost", "witness@localhost"]))
