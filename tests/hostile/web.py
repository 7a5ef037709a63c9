"""Shapes of web clients: heads, bodies, paths, frames of WebSocket, requests of BOSH, uploads."""
import urllib.parse

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
    """n requests for nothing on one connection, from a client that does not read."""
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


REQUESTS_MAX = 10000    # WEB_REQUESTS_ALL_MAX


def requests_that_are_open(a, n):
    """n connections with the head of a request whose body does not come; too many are refused. The
    sockets are too many for select(2), so they are none of the attack's; they leave by the hundred."""
    text = b"POST /bosh HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    socks = []
    yield
    try:
        for _ in range(n):
            socks.append(socket.create_connection(("127.0.0.1", a.tree.web_port), 10))
            socks[-1].sendall(text)
        a.connections += n
        a.reads += n
        a.stanzas += n
        a.sent += n * len(text)
        for s in socks[REQUESTS_MAX:]:
            data = s.recv(4096)
            assert b" 503 " in data, data
            a.got += len(data)
        for i in range(0, n, 100):
            for s in socks[i:i + 100]:
                s.shutdown(socket.SHUT_WR)
            for s in socks[i:i + 100]:
                while s.recv(4096):
                    pass
    finally:
        for s in socks:
            s.close()


# ---- uploads (XEP-0363)

UPLOAD = "urn:xmpp:http:upload:0"


def slot(a, name, size):
    """The path of an open slot."""
    s = Stream(a.tree, direct=True)
    s.secured()
    assert s.auth_scram("eve", PW)[0] == "success"
    s.bind("upload")
    e = s.iq("upload.localhost", "<request xmlns='%s' filename='%s' size='%d'/>" % (UPLOAD, name, size))
    path = urllib.parse.urlsplit(next(e.iter("{%s}put" % UPLOAD)).get("url")).path
    s.close()
    return path.encode()


def put(path, body):
    return (b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path, len(body))) + body


def answer(a, text):
    """The head of the answer to a request."""
    with socket.create_connection(("127.0.0.1", a.tree.web_port), 10) as sock:
        sock.sendall(text)
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(65536)
            assert more, head
            head += more
    return head.split(b"\r\n\r\n")[0].lower() + b"\r\n"


def uploaded(a, name, body):
    """The path of a file."""
    path = slot(a, name, len(body))
    assert b" 201 " in answer(a, put(path, body))
    return path


def uploads_of_another_size(a, n):
    """n PUTs that are longer or shorter than their slot."""
    path = slot(a, "size.bin", 1000)
    texts = [put(path, b"x" * 999), put(path, b"x" * 1001), put(path, b"")]
    assert all(b" 413 " in answer(a, t) for t in texts)
    yield
    for i in range(n):
        a.say(connect(a), texts[i % 3])


def uploads_again(a, n):
    """n PUTs to a slot that is used."""
    text = put(uploaded(a, "again.bin", b"x" * 1000), b"y" * 1000)
    assert b" 403 " in answer(a, text)
    yield
    for _ in range(n):
        a.say(connect(a), text)


def names_that_climb(a, n):
    """n PUTs and GETs of names that lead out of the folder, with NUL and slashes in them."""
    path = uploaded(a, "name.bin", b"x" * 10)
    folder = path.rsplit(b"/", 1)[0]
    names = [b"..", b"%2e%2e", b".%2e/.%2e/x", b"..%2f..%2fname.bin", b"name.bin%00.png", b"%00", b"a%2fb",
             b".tmp", b"%2etmp", b"..%5c..%5cx", b"%252e%252e", b"%c0%ae%c0%ae", b"name.bin/."]
    texts = [t for x in names for t in (b"GET %s/%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (folder, x),
                                        put(folder + b"/" + x, b"y" * 10))]
    for t in texts:
        assert re.search(b" (400|403|404) ", answer(a, t).split(b"\r\n")[0]), t
    yield
    for i in range(n):
        a.say(connect(a), texts[i % len(texts)])


def pages_and_pictures(a, n):
    """n GETs of a page and of an SVG picture, which no browser is to show."""
    texts = []
    for name in ("a.html", "a.svg"):
        path = uploaded(a, name, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
        texts.append(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        head = answer(a, texts[-1])
        assert all(x in head for x in (b"content-type: application/octet-stream\r\n", b"nosniff", b"sandbox",
                                       b"content-disposition: attachment")), head
    ws = connect(a, 10)
    yield
    a.say(ws, b"".join(texts) * (n // 20), stanzas=n // 10)


def uploads_by_bytes(a, n):
    """Two bodies of n bytes for one slot, a byte a write, that never end."""
    path = slot(a, "slow.bin", n + 1)
    ws = connect(a, 2)
    a.say(ws, put(path, b"x" * (n + 1))[:-(n + 1)])
    yield
    a.say(ws, b"x" * n, piece=1)


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
    ("web", requests_that_are_open, 50, REQUESTS_MAX + 10),
    ("web", uploads_of_another_size, 20, 300),
    ("web", uploads_again, 20, 300),
    ("web", names_that_climb, 26, 520),
    ("web", pages_and_pictures, 100, 5000),
    ("web", uploads_by_bytes, 300, 8000),
]
