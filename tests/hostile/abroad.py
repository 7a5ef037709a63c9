"""Shapes of other servers: before TLS, before their domain is proven, and behind that."""
from early import *

AUTHORITY = None    # set by the tree that is attacked
DOMAIN = "eve.example"
DB = "jabber:server:dialback"
BIDI = "urn:xmpp:bidi"
SM3 = "urn:xmpp:sm:3"


def head(domain=DOMAIN, extra=""):
    return ("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='%s' "
            "xmlns:db='%s' from='%s' to='localhost' version='1.0'%s>" % (STREAM, DB, domain, extra))


def awaits(sock, what, got=b""):
    """Read until what has come; all of it."""
    while what not in got:
        data = sock.recv(65536)
        if not data:
            raise Gone(got.decode(errors="replace"))
        got += data
    return got


def connect(a, n):
    """n connections to the listener for servers."""
    a.connections += n
    return [a.keep(Wire(socket.create_connection(("127.0.0.1", a.tree.s2s_port))))
            for _ in range(n)]


def count(a, said, n):
    """n writes with all that was said, each of which is answered."""
    a.sent += len(said)
    a.reads += n
    a.stanzas += n


def secured(a, certificate=False):
    """A socket behind the features of a secure stream."""
    sock = socket.create_connection(("127.0.0.1", a.tree.s2s_port))
    sock.settimeout(DEADLINE)
    sock.sendall(head().encode())
    awaits(sock, b"</stream:features>")
    sock.sendall(b"<starttls xmlns='%s'/>" % TLS.encode())
    awaits(sock, b"<proceed")
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    if certificate:
        ctx.load_cert_chain(AUTHORITY.path(DOMAIN + ".crt"), AUTHORITY.path(DOMAIN + ".key"))
    sock = ctx.wrap_socket(sock)
    sock.sendall(head().encode())
    awaits(sock, b"</stream:features>")
    a.connections += 1
    a.handshakes += 1
    count(a, head() * 2, 3)
    return sock


def stranger(a):
    """A server that has proven nothing."""
    return a.keep(Wire(secured(a)))


def proven(a, sm=False, deaf=False, extra=""):
    """A server whose stream carries stanzas both ways."""
    sock = secured(a, True)
    sock.sendall(b"<bidi xmlns='%s'/><auth xmlns='%s' mechanism='EXTERNAL'>=</auth>"
                 % (BIDI.encode(), SASL.encode()))
    awaits(sock, b"<success")
    sock.sendall(head(extra=extra).encode())
    awaits(sock, b"</stream:features>")
    wire = Wire(sock, DOMAIN, deaf)
    count(a, head(extra=extra), 3 + sm)
    if sm:
        sock.setblocking(True)
        sock.sendall(b"<enable xmlns='%s' resume='true'/>" % SM3.encode())
        got = awaits(sock, b"<enabled")
        wire.id = re.search(rb"<enabled[^>]* id='([^']*)'", got)[1].decode()
        sock.setblocking(False)
    return a.keep(wire)


def s2s_silent(a, n):
    """n connections that say nothing."""
    yield
    connect(a, n)


def s2s_headers_only(a, n):
    """n streams with a header."""
    ws = connect(a, n)
    yield
    a.say(ws, head())


def s2s_garbage(a, n):
    """n bytes that are no XML, on each of ten connections."""
    ws = connect(a, 10)
    yield
    a.say(ws, os.urandom(n))


def s2s_namespaces_unfinished(a, n):
    """n streams with an element of 10 kB that has a long namespace in each of its elements."""
    ws = connect(a, n)
    yield
    a.say(ws, head() + long_namespace(FIRST_MAX, "x", False))


def s2s_handshakes(a, n):
    """n servers with a certificate, which say nothing behind the handshake."""
    yield
    for _ in range(n):
        a.keep(Wire(secured(a, True)))


def s2s_questions(a, n):
    """n questions about keys that are not ours (db:verify), on one stream."""
    w = stranger(a)
    yield
    a.say(w, "".join("<db:verify from='x%d.example' to='localhost' id='%d'>%064x</db:verify>"
                     % (i, i, i) for i in range(n)), stanzas=n)


def s2s_keys(a, n):
    """n keys (db:result) of as many domains, each of whose servers we would ask."""
    w = stranger(a)
    yield
    a.say(w, "".join("<db:result from='x%d.invalid' to='localhost'>%064x</db:result>" % (i, i)
                     for i in range(n)), stanzas=n)


def s2s_unknown(a, n):
    """n elements that no stream knows."""
    w = stranger(a)
    yield
    a.say(w, "<x xmlns='y'/>" * n)


def s2s_requests(a, n):
    """n requests to the host, each of which is answered on the same stream."""
    w = proven(a)
    yield
    a.deliveries += 2 * n
    a.say(w, "".join("<iq type='get' id='p%d' from='%s' to='localhost'><ping xmlns='%s'/></iq>"
                     % (i, DOMAIN, PING) for i in range(n)), stanzas=n)


def s2s_requests_deaf(a, n):
    """Like the requests to the host, from a server that does not read."""
    w = proven(a, deaf=True)
    a.unread += 1
    yield
    a.deliveries += 2 * n
    a.say(w, "".join("<iq type='get' id='p%d' from='%s' to='localhost'><ping xmlns='%s'/></iq>"
                     % (i, DOMAIN, PING) for i in range(n)), stanzas=n)


def s2s_bad_addresses(a, n):
    """n stanzas whose addresses stringprep has work with."""
    w = proven(a)
    name = ("\u1e9b\u0323\ufdfa" * 120).encode()[:900].decode(errors="ignore")
    yield
    a.deliveries += n
    a.say(w, ("<message from='%s@%s/%s' to='nobody@localhost/%s'/>" % (name, DOMAIN, name, name))
          * n, stanzas=n)


def s2s_bomb(a, n):
    """A message of n bytes full of elements in a long namespace of the stream's root."""
    w = proven(a, extra=" xmlns:p='%s'" % ("u" * (ROOT_NS // 2)))
    yield
    a.deliveries += 1
    a.say(w, "<message from='e@%s' to='nobody@localhost/r'>%s</message>" % (
        DOMAIN, "<p:a/>" * (n // 6)))


def s2s_acks_wanted(a, n):
    """n requests for a count, each of which is answered."""
    w = proven(a, sm=True)
    yield
    a.say(w, "<r xmlns='%s'/>" % SM3 * n, stanzas=n)


def s2s_resumptions_of_nothing(a, n):
    """n wishes to resume a stream that there is not."""
    w = proven(a)
    yield
    a.say(w, "".join("<resume xmlns='%s' previd='%d' h='0'/>" % (SM3, i) for i in range(n)),
          stanzas=n)


def s2s_streams_left(a, n):
    """n streams that end so that they could be resumed."""
    yield
    for _ in range(n):
        w = proven(a, sm=True)
        a.wires.remove(w)
        w.close()


SHAPES = [
    ("s2s", s2s_silent, 0, 16),
    ("s2s", s2s_headers_only, 0, 16),
    ("s2s", s2s_garbage, 0, 100000),
    ("s2s", s2s_namespaces_unfinished, 10, 16),
    ("s2s", s2s_handshakes, 0, 16),
    ("s2s", s2s_questions, 300, 1000),
    ("s2s", s2s_keys, 60, 2000),
    ("s2s", s2s_unknown, 0, 50000),
    ("s2s", s2s_requests, 300, 20000),
    ("s2s", s2s_requests_deaf, 0, 50000),
    ("s2s", s2s_bad_addresses, 0, 1000),
    ("s2s", s2s_bomb, 50000, 250000),
    ("s2s", s2s_acks_wanted, 0, 20000),
    ("s2s", s2s_resumptions_of_nothing, 300, 20000),
    ("s2s", s2s_streams_left, 5, 200),
]
