"""A client of XMPP over WebSocket (RFC 6455, RFC 7395), for tests: a Stream whose elements are
messages."""
from tree import *

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
OPEN = "<open xmlns='%s' to='%%s' version='1.0'/>" % FRAMING
TEXT, CLOSE, PING_FRAME, PONG = 1, 8, 9, 10


def frame(payload, opcode=TEXT, fin=True):
    mask, n = os.urandom(4), len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    head += (bytes([0x80 | n]) if n < 126 else b"\xfe" + n.to_bytes(2, "big") if n < 65536
             else b"\xff" + n.to_bytes(8, "big"))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


class WebStream(Stream):
    """tls: at our own listener. headers: more of the handshake's."""

    def __init__(self, tree, port, path="/ws", host=None, tls=False, headers=""):
        self.buf, self.closed_with, self.pongs = b"", None, 0
        super().__init__(tree, host, direct=tls, secure=False, alpn=["http/1.1"] if tls else None,
                         port=port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall((
            "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: xmpp\r\n%s\r\n" % (path, self.host, key, headers)).encode())
        while b"\r\n\r\n" not in self.buf:
            self.buf += self.read_some(time.monotonic() + DEADLINE)
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        self.head = head.decode()
        want = base64.b64encode(hashlib.sha1(
            (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert self.head.startswith("HTTP/1.1 101 ") and want in self.head, self.head

    def send(self, data, opcode=TEXT):
        """An element, which says its namespace; or another frame."""
        if isinstance(data, str):
            data = re.sub("^<(iq|message|presence)(?=[ />])", r"<\1 xmlns='jabber:client'",
                          data).encode()
        super().send(frame(data, opcode))

    def frame_of_buf(self):
        """(opcode, payload) of a whole frame, or None."""
        b = self.buf
        if len(b) < 2:
            return None
        n, at = b[1] & 127, 2
        if n > 125:
            size = 2 if n == 126 else 8
            if len(b) < 2 + size:
                return None
            n, at = int.from_bytes(b[2:2 + size], "big"), 2 + size
        if len(b) < at + n:
            return None
        assert b[0] & 0x80 and not b[1] & 0x80, "a fragment, or a masked frame"
        self.buf = b[at + n:]
        return b[0] & 15, b[at:at + n]

    def pump(self, end):
        f = self.frame_of_buf()
        if not f:
            self.buf += self.read_some(end)
            return
        opcode, payload = f
        if opcode == TEXT:
            e = ET.fromstring(payload)
            if e.tag == "{%s}open" % FRAMING:
                self.root = e
            elif e.tag == "{%s}close" % FRAMING:
                self.over = True
            else:
                self.queue.append(e)
        elif opcode == CLOSE:
            self.closed_with = int.from_bytes(payload[:2], "big")
            self.over = True
        elif opcode == PONG:
            self.pongs += 1
        elif opcode == PING_FRAME:
            self.send(payload, PONG)

    def open(self, to=None, extra=""):
        self.begin()
        self.send(OPEN % (to or self.host))
        self.features = self.expect_tag(STREAM, "features")
        return self.features

    def until_close(self):
        """The code of the server's frame Close."""
        end = time.monotonic() + DEADLINE
        while self.closed_with is None:
            self.pump(end)
        return self.closed_with

    def close(self):
        """End both streams as one should; the code of the server's Close."""
        try:
            self.send("<close xmlns='%s'/>" % FRAMING)
            code = self.until_close()
            self.send(code.to_bytes(2, "big"), CLOSE)
            return code
        finally:
            self.abort()
