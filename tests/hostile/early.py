"""Shapes of those who have not logged in: before TLS, in it, before the end of SASL."""
from records import Records
from attack import *

# A little less than limits.h takes: a stanza before login, a root's tag, a namespace, the
# declarations of a root.
FIRST_MAX, ROOT_MAX, NS_MAX, ROOT_NS = 9900, 4000, 1000, 400


def nested(depth, each, name="e"):
    """depth elements inside each other, not closed; each(level) gives the attributes."""
    return "".join("<%s%s>" % (name, each(i)) for i in range(depth))


def prefixes(depth, n, uri="m"):
    """Elements that declare n prefixes each, and shadow those of every other one."""
    return nested(depth, lambda d: "".join(" xmlns:p%d='%s%d'" % (i, uri, d % 2)
                                           for i in range(n)))


def long_namespace(size, tag="a", close=True, uri=NS_MAX):
    """An element of size bytes in a namespace of uri bytes, full of small ones; unfinished
    unless close."""
    return "<%s xmlns='%s'>" % (tag, "u" * uri) + "<a/>" * ((size - uri) // 4) + (
        "</%s>" % tag if close else "")


def long_root(size=ROOT_MAX):
    """A header of size bytes, with so many declarations that few more are taken."""
    head = HEAD + "".join(" xmlns:p%d='u%d'" % (i, i) for i in range(12))
    return head + " x='%s'>" % ("y" * (size - len(head) - 6))


def roots_refused(a, n):
    """n streams with a header of fifty declarations in 8 kB, which is refused."""
    ws = a.plain(n)
    yield
    a.say(ws, HEAD + "".join(" xmlns:p%d='%s'" % (i, "u" * 148) for i in range(50)) + ">")


def open_and_silent(a, n):
    """n connections that say nothing: size of one."""
    yield
    a.plain(n)


def come_and_go(a, n):
    """n connections that end at once."""
    yield
    for _ in range(n):
        a.wires[:] = a.plain()
        a.wires.pop().close()


def headers_only(a, n):
    """n streams with a header, of which each is answered."""
    ws = a.plain(n)
    yield
    a.say(ws, HEAD + ">")


def garbage(a, n):
    """n bytes that are neither XML nor TLS, on each of twenty connections of both ports."""
    ws = a.plain(10) + a.direct(10)
    yield
    a.say(ws, os.urandom(n))


def namespaces_unfinished(a, n):
    """n streams with a stanza of 10 kB that has a long namespace in each of its elements."""
    ws = a.plain(n)
    yield
    a.say(ws, HEAD + ">" + long_namespace(FIRST_MAX, "x", False))


def namespaces_too_long(a, n):
    """n streams with a stanza of 10 kB in a namespace that is refused for its length."""
    ws = a.plain(n)
    yield
    a.say(ws, HEAD + ">" + long_namespace(FIRST_MAX, "x", False, FIRST_MAX // 2))


def prefixes_unfinished(a, n):
    """n streams with elements that declare prefixes, and attributes that use them."""
    ws = a.plain(n)
    text = prefixes(14, 30)
    text += "<x%s/>" % "".join(" p%d:a=''" % i for i in range(30)) * ((FIRST_MAX - len(text)) // 280)
    yield
    a.say(ws, HEAD + ">" + text)


def attributes_unfinished(a, n):
    """n streams with elements of sixty attributes."""
    ws = a.plain(n)
    one = "<x%s>" % "".join(" a%d=''" % i for i in range(60))
    yield
    a.say(ws, HEAD + ">" + one * (FIRST_MAX // len(one)))


def tag_by_bytes(a, n):
    """A start tag of n bytes that does not end, a byte a write."""
    ws = a.plain(1)
    yield
    a.say(ws, HEAD + "><a b='")
    a.say(ws, "x" * n, piece=1)


def blanks_behind_long_root(a, n):
    """Seventy streams with as long a root as there may be; n blanks, each on another one."""
    ws = a.plain(70)
    a.say(ws, long_root())
    yield
    for i in range(n):
        a.say(ws[i % 70], " ", stanzas=0)


def asks_and_does_not_read(a, n):
    """Ten streams that ask for what is refused with more bytes than it takes, and do not read."""
    ws = a.plain(10, deaf=True)
    yield
    a.say(ws, HEAD + " xmlns:e='urn:xmpp:sm:3'>" + "<e:enable/>" * (n // 11), stanzas=n // 11)


def hello_and_silent(a, n):
    """n clients that begin a handshake and do not go on."""
    ws = a.direct(n)
    hello = client_hello()
    yield
    a.handshakes += n
    a.say(ws, hello)


def hellos_by_bytes(a, n):
    """n handshakes by direct TLS whose ClientHello comes a byte at a time."""
    ws = a.direct(n)
    yield
    a.handshakes += n
    a.say(ws, client_hello(), piece=1)


def hello_by_records(a, n):
    """A ClientHello of n bytes, in records of one byte each."""
    ws = a.direct(1)
    hello = b"\1" + (n - 4).to_bytes(3, "big") + b"\3\3" + bytes(n - 6)
    yield
    a.say(ws, b"".join(b"\x16\3\1\0\1" + hello[i:i + 1] for i in range(n)), piece=6)


def client_hello():
    """The first flight of a TLS client."""
    ctx, out = ssl.create_default_context(), ssl.MemoryBIO()
    try:
        ctx.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def handshakes(a, n):
    """n handshakes, and nothing behind them."""
    yield
    for _ in range(n):
        a.secure()
        a.wires.pop().close()


def asks_to_renegotiate(a, n):
    """n requests to renegotiate a session of TLS 1.2, by one who does not read."""
    plain, hello = Records(a.tree), client_hello()[5:]
    wire = a.keep(Wire(plain.sock, deaf=True))
    yield
    a.say(wire, b"".join(plain.record(22, hello) for _ in range(n)))


def key_updates(a, n):
    """n requests for new keys of TLS 1.3 on each of ten connections, a byte of data behind
    each request; a few are taken (TLS_CONTROL_MAX), then the connection ends."""
    ws = a.secure(10, version=(ssl.TLSVersion.TLSv1_3,) * 2)
    a.say(ws, HEAD + ">")
    yield
    for w in ws:
        for _ in range(n):
            if w.ended or not update_keys(w.sock):
                break
            a.say(w, " ", stanzas=0)
            a.sent += 27        # the record of the request


def key_updates_that_are_taken(a, n):
    """n key updates, as many as do not end the connection: an answer comes behind them."""
    w = a.secure(1, version=(ssl.TLSVersion.TLSv1_3,) * 2)[0]
    yield
    for _ in range(n):
        assert update_keys(w.sock)
        a.say(w, " ", stanzas=0)
        a.sent += 27
    w.mark = b"features"
    a.say(w, HEAD + ">")
    until("the answer behind new keys", lambda: a.take() >= 0 and not w.mark, 5)


def update_keys(sock):
    """Put a KeyUpdate that asks for one in answer; Python has no call for it, OpenSSL has. The
    SSL pointer stands behind the object's head and its socket. False: the connection is over."""
    lib = ctypes.CDLL("libssl.so.3")
    p = ctypes.c_void_p.from_address(id(sock._sslobj) + 24)
    return lib.SSL_key_update(p, 1) == 1


def wrong_passwords(a, n):
    """n failed logins over five connections, until each is ended."""
    ws = a.secure(n)
    auth = "<auth xmlns='%s' mechanism='PLAIN'>%s</auth>" % (
        SASL, base64.b64encode(b"\0eve\0wrong").decode())
    yield
    a.passwords += 3 * n
    a.say(ws, HEAD + ">" + auth * 3, stanzas=3)


def begun_and_aborted(a, n):
    """Ten connections that begin SCRAM and abort it, n times each."""
    ws = a.secure(10)
    begin = "<auth xmlns='%s' mechanism='SCRAM-SHA-256'>%s</auth><abort xmlns='%s'/>" % (
        SASL, base64.b64encode(b"n,,n=eve,r=abcdefghijkl").decode(), SASL)
    yield
    a.say(ws, HEAD + ">" + begin * n, stanzas=2 * n)


def bindings_that_are_none(a, n):
    """Ten connections that try channel bindings which do not exist, n times each."""
    ws = a.secure(10)
    auth = "<auth xmlns='%s' mechanism='SCRAM-SHA-256-PLUS'>%s</auth>" % (
        SASL, base64.b64encode(b"p=nonesuch,,n=eve,r=abcdefghijkl").decode())
    yield
    a.say(ws, HEAD + ">" + auth * n, stanzas=n)


SASL2 = "urn:xmpp:sasl:2"


def logins_that_want_much(a, n):
    """n logins by SASL2 that ask for as many things beside as 9.9 kB can name."""
    ws = a.secure(n)
    parts = ("<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>%s</software></user-agent>"
             "<bind xmlns='urn:xmpp:bind:0'><tag>%s</tag><enable xmlns='urn:xmpp:sm:3'/></bind>"
             "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>" % (
                 "\u1e9b\u0323" * 300, "\ufdfa" * 300))
    one = "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>"
    room = FIRST_MAX - len(parts.encode()) - 200
    auth = "<authenticate xmlns='%s' mechanism='PLAIN'><initial-response>%s</initial-response>%s%s</authenticate>" % (
        SASL2, base64.b64encode(b"\0eve\0wrong").decode(), parts, one * (room // len(one)))
    yield
    a.passwords += n
    a.say(ws, HEAD + ">" + auth)


def begun_and_aborted_in_sasl2(a, n):
    """Ten connections that begin SCRAM by SASL2 and abort it, n times each."""
    ws = a.secure(10)
    begin = ("<authenticate xmlns='%s' mechanism='SCRAM-SHA-256'><initial-response>%s</initial-response>"
             "<bind xmlns='urn:xmpp:bind:0'/></authenticate><abort xmlns='%s'/>" % (
                 SASL2, base64.b64encode(b"n,,n=eve,r=abcdefghijkl").decode(), SASL2))
    yield
    a.say(ws, HEAD + ">" + begin * n, stanzas=2 * n)


def challenges_left_open(a, n):
    """n connections that stop at the challenge."""
    ws = a.secure(n)
    yield
    a.say(ws, HEAD + "><auth xmlns='%s' mechanism='SCRAM-SHA-256'>%s</auth>" % (
        SASL, base64.b64encode(b"n,,n=eve,r=abcdefghijkl").decode()))


def long_names(a, n):
    """n logins of names with 900 bytes that stringprep has work with."""
    ws = a.secure(n)
    name = ("\u1e9b\u0323\ufdfa" * 120).encode()[:900].decode(errors="ignore")
    auth = "<auth xmlns='%s' mechanism='PLAIN'>%s</auth>" % (
        SASL, base64.b64encode(b"\0" + name.encode() + b"\0x").decode())
    yield
    a.passwords += n
    a.say(ws, HEAD + ">" + auth)


def by_token(inside, message=b"eve\0" + b"x" * 32):
    """A login by a token, with these elements inside."""
    return ("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>%s"
            "</initial-response>%s</authenticate>" % (base64.b64encode(message).decode(), inside))


AGENT = "<user-agent id='9d1ad9b4-0a4c-4a6e-8e8c-0d4e0c0a9b01'/>"
BY_TOKEN = "<fast xmlns='urn:xmpp:fast:0'/>"


def wrong_tokens(a, n):
    """n streams that try seven tokens each which nobody has."""
    ws = a.secure(n)
    yield
    a.say(ws, HEAD + ">" + by_token(AGENT + BY_TOKEN) * 7, stanzas=7)


def tokens_of_long_names(a, n):
    """n logins by token of names with 900 bytes that stringprep has work with."""
    ws = a.secure(n)
    name = ("\u1e9b\u0323\ufdfa" * 120).encode()[:900].decode(errors="ignore").encode()
    yield
    a.say(ws, HEAD + ">" + by_token(AGENT + BY_TOKEN, name + b"\0" + b"x" * 32))


def tokens_with_all_that_fits(a, n):
    """n logins by token with a user agent and elements as long as a stanza may be."""
    ws = a.secure(n)
    agent = AGENT.replace("/>", "><software>%s</software><device>%s</device></user-agent>" % (
        "s" * 3000, "d" * 3000))
    fast = BY_TOKEN.replace("/>", " count='%s'/>" % ("9" * 2000))
    yield
    a.say(ws, HEAD + ">" + by_token(agent + fast + "<a xmlns='b'/>" * 80))


# Stage, shape, its size in make check (0: not there) and in make hostile.
REGISTER = "jabber:iq:register"


def registration_forms(a, n):
    """n connections that send twenty forms of many fields, none of which has an answer to a captcha."""
    ws = a.secure(n)
    fields = "".join("<field var='f%d'><value>v</value></field>" % i for i in range(200))
    form = "<iq type='set' id='r'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'>%s%s</x></query></iq>" % (
        REGISTER, fields, "".join("<field var='%s'><value>long enough</value></field>" % v
                                  for v in ("username", "password", "ocr")))
    yield
    a.say(ws, HEAD + ">" + form * 20, stanzas=20)


def captchas_asked_for(a, n):
    """n connections that ask for twenty captchas each: the limits of a stream and of an address hold."""
    ws = a.secure(n)
    yield
    a.captchas += CAPTCHAS
    a.say(ws, HEAD + ">" + ("<iq type='get' id='r'><query xmlns='%s'/></iq>" % REGISTER) * 20, stanzas=20)


def accounts_without_a_captcha(a, n):
    """n connections that ask for twenty accounts each, by fields."""
    ws = a.secure(n)
    yield
    a.say(ws, HEAD + ">" + "".join(
        "<iq type='set' id='r'><query xmlns='%s'><username>u%d</username><password>long enough</password>"
        "</query></iq>" % (REGISTER, i) for i in range(20)), stanzas=20)


SHAPES = [
    ("tcp", open_and_silent, 50, 400),
    ("tcp", come_and_go, 50, 1000),
    ("tcp", headers_only, 30, 300),
    ("tcp", garbage, 1000, 100000),
    ("tcp", namespaces_unfinished, 10, 40),
    ("tcp", namespaces_too_long, 10, 40),
    ("tcp", prefixes_unfinished, 10, 40),
    ("tcp", attributes_unfinished, 10, 40),
    ("tcp", tag_by_bytes, 1000, 9000),
    ("tcp", roots_refused, 10, 100),
    ("tcp", blanks_behind_long_root, 500, 5000),
    ("tcp", asks_and_does_not_read, 20000, 800000),
    ("tls", hello_and_silent, 20, 200),
    ("tls", hellos_by_bytes, 3, 20),
    ("tls", hello_by_records, 1000, 16000),
    ("tls", handshakes, 5, 100),
    ("tls", asks_to_renegotiate, 300, 20000),
    ("tls", key_updates_that_are_taken, 15, 15),
    ("tls", key_updates, 200, 2000),
    ("sasl", wrong_passwords, 3, 30),
    ("sasl", begun_and_aborted, 10, 100),
    ("sasl", begun_and_aborted_in_sasl2, 10, 100),
    ("sasl", logins_that_want_much, 3, 30),
    ("sasl", bindings_that_are_none, 10, 100),
    ("sasl", challenges_left_open, 10, 200),
    ("sasl", long_names, 5, 50),
    ("sasl", wrong_tokens, 5, 100),
    ("sasl", tokens_of_long_names, 5, 50),
    ("sasl", tokens_with_all_that_fits, 5, 50),
    ("sasl", registration_forms, 5, 50),
    ("sasl", captchas_asked_for, 4, 500),
    ("sasl", accounts_without_a_captcha, 5, 50),
]
