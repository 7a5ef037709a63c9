"""Shapes of web clients: heads, bodies, paths, frames of WebSocket, requests of BOSH."""
from early import *

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % KEY).encode()
HEAD_1 = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n"


def connect(a, n=1, deaf=False):
    a.connections += n
    return [a.keep(Wire(socket.create_connection(("127.0.0.1", a.tree.web_port)), deaf=deaf))
            for _ in range(n)]


def frame(payload, opcode=1, fin=True):
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    head += (bytes([0x80 | n]) if n < 126 else b"\xfe" + n.to_bytes(2, "big") if n < 65536
             else b"\xff" + n.to_bytes(8, "big"))
    return head + b"\0\0\0\0" + payload


def upgraded(a, n, deaf=False):
    ws = connect(a, n, deaf)
    a.say(ws, UPGRADE)
    return ws


def heads_by_bytes(a, n):
    """Ten heads of n bytes, a byte a write, that never end."""
    ws = connect(a, 10)
    yield
    a.say(ws, HEAD_1 + b"X: " + b"a" * n, piece=1)


def heads_unfinished(a, n):
    """n heads of almost 16 KiB that are not finished."""
    ws = connect(a, n)
    yield
    a.say(ws, HEAD_1 + b"X: " + b"a" * 16000)


def lists_of_commas(a, n):
    """n requests whose Forwarded, X-Forwarded-For and Connection are nothing but commas and names
    that all fields are compared with."""
    ws = connect(a, 10)
    text = (HEAD_1 + b"X-Forwarded-For: " + b"," * 5000 + b"\r\nForwarded: " + b",;=" * 1000 +
            b"\r\nConnection: keep-alive" + b",a" * 2500 + b"\r\n" + b"b: c\r\n" * 50 + b"\r\n")
    yield
    a.say(ws, text * (n // 10), stanzas=n // 10)


def pipelined(a, n):
    """n requests for nothing on one connection."""
    ws = connect(a)
    yield
    a.say(ws, (HEAD_1 + b"\r\n") * n, stanzas=n)


def pipelined_and_deaf(a, n):
    """The same, from a client that does not read."""
    ws = connect(a, deaf=True)
    a.unread += 1
    yield
    a.say(ws, (HEAD_1 + b"\r\n") * n, stanzas=n)


def smuggled(a, n):
    """n connections with requests that two readers would take for different ones."""
    texts = [b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\n",
             b"Content-Length: 1\r\nContent-Length: 1\r\n", b"Content-Length : 1\r\n",
             b"X: a\r\n Content-Length: 1\r\n", b"Host: other\r\n"]
    yield
    for i in range(n):
        a.say(connect(a), HEAD_1 + texts[i % len(texts)] + b"\r\n0\r\n\r\n")


def bodies_for_nobody(a, n):
    """Ten bodies of n bytes for paths that are not there."""
    ws = connect(a, 10)
    yield
    a.say(ws, b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % n + b"x" * n)


def fragments(a, n):
    """Ten messages in n fragments of a byte, with a ping between each two."""
    ws = upgraded(a, 10)
    text = (frame(b"<", fin=False) + (frame(b"", 9) + frame(b"a", 0, False)) * n)
    yield
    a.say(ws, text, stanzas=n)


def pings_and_deaf(a, n):
    """n pings of a client that does not read the answers."""
    ws = upgraded(a, 1, deaf=True)
    a.unread += 1
    yield
    a.say(ws, frame(b"x" * 100, 9) * n, stanzas=n)


def frames_that_promise(a, n):
    """n clients, each with a frame that says it has the most a message may have, and no more."""
    yield
    a.say(upgraded(a, n), frame(b"a" * 10000)[:20])


def frames_that_are_none(a, n):
    """n clients with a frame that breaks RFC 6455: reserved bits, no mask, an unknown opcode, a
    length that is not the shortest, or of 2^63 and of 2^62, a long ping, a part of nothing."""
    texts = [b"\xf1\x81\0\0\0\0a", b"\x81\x01a", b"\x83\x81\0\0\0\0a", b"\x81\xfe\0\x01\0\0\0\0a",
             b"\x81\xff\x80" + bytes(7), b"\x81\xff\x40" + bytes(11), frame(b"a" * 126, 9), frame(b"a", 0)]
    yield
    for i in range(n):
        a.say(upgraded(a, 1), texts[i % len(texts)])


def upgrades(a, n):
    """n WebSockets that come and go."""
    yield
    for _ in range(n):
        ws = connect(a)
        a.say(ws, UPGRADE)
        ws[0].close()
        a.wires.remove(ws[0])


BOSH = "http://jabber.org/protocol/httpbind"


def post(rid, attrs="", inner="", sid=None):
    body = "<body xmlns='%s' rid='%d'%s %s>%s</body>" % (
        BOSH, rid, " sid='%s'" % sid if sid else "", attrs, inner)
    return ("POST /bosh HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)).encode()


CREATE = "to='localhost' ver='1.6' wait='60' hold='1'"


def session(a):
    """A session of BOSH without a login: its sid."""
    with socket.create_connection(("127.0.0.1", a.tree.web_port)) as sock:
        sock.sendall(post(1000, CREATE))
        text = b""
        while b"</body>" not in text:
            text += sock.recv(65536)
    return re.search(rb" sid='(\w+)'", text).group(1).decode()


def sessions(a, n):
    """n sessions of BOSH from one connection, which nobody asks for anything."""
    ws = connect(a)
    a.connections += n
    yield
    a.say(ws, post(1000, CREATE) * n, stanzas=n)


def sessions_that_there_are_not(a, n):
    """n requests of 8 KiB for sessions that there are not."""
    ws = connect(a, 10)
    yield
    a.say(ws, post(1, "", "<a b='c'/>" * 800, "x" * 32) * (n // 10), stanzas=n // 10)


def declarations_of_a_body(a, n):
    """n requests whose children all need what the element body declares."""
    sid = session(a)
    ws = connect(a)
    decls = "".join(" xmlns:%s='%s'" % (chr(97 + i), "u" * 22) for i in range(20))
    child = "<m%s/>" % "".join(" %s:x=''" % chr(97 + i) for i in range(20))
    yield
    a.say(ws, b"".join(post(1001 + i, decls, child * 50, sid) for i in range(n)), stanzas=n)


def requests_that_come_early(a, n):
    """n sessions, each of which has a request of 9 KiB whose predecessor does not come."""
    sids = [session(a) for _ in range(n)]
    ws = connect(a, n)
    yield
    for w, sid in zip(ws, sids):
        a.say([w], post(1002, "", "<m xmlns='jabber:client'>%s</m>" % ("x" * 9000), sid))


def one_request_on_many_connections(a, n):
    """n connections that all have the same request of one session."""
    text = post(1001, "", "", session(a))
    yield
    for _ in range(n):
        a.say(connect(a), text)


def requests_far_ahead(a, n):
    """n sessions, each of which has a request with the highest number."""
    sids = [session(a) for _ in range(n)]
    ws = connect(a)
    yield
    a.say(ws, b"".join(post(2**53 - 1, "", "", sid) for sid in sids), stanzas=n)


def sessions_that_want_much(a, n):
    """n sessions that want to be held for ever, and as often as there are numbers."""
    most = str(2**64 - 1)
    text = post(2**53 - 1, "to='localhost' ver='1.%s' wait='%s' hold='%s' ack='1'" % (most, most, most))
    ws = connect(a)
    a.connections += n
    yield
    a.say(ws, text * n, stanzas=n)


def polls_that_are_held(a, n):
    """n sessions, each with a connection whose request is held."""
    sids = [session(a) for _ in range(n)]
    ws = connect(a, n)
    yield
    for w, sid in zip(ws, sids):
        a.say([w], post(1001, "", "", sid))


def bodies_by_bytes(a, n):
    """Ten bodies of n bytes for BOSH, a byte a write, that never end."""
    ws = connect(a, 10)
    a.say(ws, b"POST /bosh HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (n + 1))
    yield
    a.say(ws, b"<body>" + b" " * (n - 6), piece=1)


def paths_of_escapes(a, n):
    """n requests whose paths and queries are escapes, and segments of nothing."""
    ws = connect(a, 10)
    text = (b"GET /%2e%61" + b"/%61%25" * 500 + b"//" * 500 + b"?" + b"%20" * 700 +
            b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    yield
    a.say(ws, text * (n // 10), stanzas=n // 10)


SHAPES = [
    ("web", heads_by_bytes, 300, 8000),
    ("web", heads_unfinished, 20, 1000),
    ("web", lists_of_commas, 50, 2000),
    ("web", pipelined, 500, 20000),
    ("web", pipelined_and_deaf, 2000, 100000),
    ("web", smuggled, 20, 300),
    ("web", bodies_for_nobody, 100000, 10000000),
    ("web", fragments, 300, 9000),
    ("web", pings_and_deaf, 2000, 200000),
    ("web", frames_that_promise, 20, 1000),
    ("web", frames_that_are_none, 40, 400),
    ("web", upgrades, 20, 500),
    ("web", sessions, 50, 1000),
    ("web", sessions_that_there_are_not, 50, 2000),
    ("web", declarations_of_a_body, 5, 200),
    ("web", requests_that_come_early, 10, 300),
    ("web", one_request_on_many_connections, 20, 300),
    ("web", requests_far_ahead, 10, 300),
    ("web", sessions_that_want_much, 50, 1000),
    ("web", polls_that_are_held, 20, 300),
    ("web", bodies_by_bytes, 300, 8000),
    ("web", paths_of_escapes, 100, 5000),
]
