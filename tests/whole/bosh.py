"""A client of XMPP over BOSH (XEP-0124, XEP-0206), for tests: a Stream whose elements come in
answers to POST."""
import select

from tree import *

BOSH = "http://jabber.org/protocol/httpbind"
XBOSH = "urn:xmpp:xbosh"


class Post:
    """A request on a connection of its own."""

    def __init__(self, stream, text):
        self.sock = socket.create_connection(("127.0.0.1", stream.port))
        if stream.tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
            self.sock = ctx.wrap_socket(self.sock, server_hostname=stream.host)
        self.text, self.buf = text, b""
        self.write(stream, text)

    def write(self, stream, text):
        self.text = text
        body = text.encode()
        self.sock.sendall(("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n"
                           % (stream.path, stream.host, len(body), stream.headers)).encode() + body)

    def recv(self):
        """The bytes that have come; None: they were TLS's own."""
        self.sock.setblocking(False)
        try:
            return self.sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        finally:
            self.sock.setblocking(True)

    def answer(self):
        """(status, text) of a whole answer, or None."""
        head, found, rest = self.buf.partition(b"\r\n\r\n")
        if not found:
            return None
        n = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        if len(rest) < n:
            return None
        self.buf = rest[n:]
        return int(head.split()[1]), rest[:n].decode()


class BoshStream(Stream):
    """Two connections that take turns."""

    def __init__(self, tree, port, path="/bosh", host=None, tls=False, headers=""):
        self.tree, self.port, self.path, self.tls, self.headers = tree, port, path, tls, headers
        self.host = host or tree.hosts[0]
        self.features, self.jid, self.ids, self.raw = None, None, 0, b""
        self.is_tls, self.secure = tls, False
        self.sid, self.rid, self.condition, self.attrs = None, 1 << 40, None, {}
        self.open_posts, self.free, self.status = [], [], None
        self.begin()

    def post(self, inner="", attrs=""):
        text = "<body rid='%d' xmlns='%s'%s %s%s" % (
            self.rid, BOSH, " sid='%s'" % self.sid if self.sid else "", attrs,
            ">%s</body>" % inner if inner else "/>")
        self.rid += 1
        if self.free:
            p = self.free.pop()
            p.write(self, text)
        else:
            p = Post(self, text)
        self.open_posts.append(p)

    def send(self, data):
        data = re.sub("^<(iq|message|presence)(?=[ />])", r"<\1 xmlns='jabber:client'", data)
        while len(self.open_posts) > 1:
            self.pump(time.monotonic() + DEADLINE)
        self.post(data)

    def held(self):
        """The request that is held: one is made if there is none."""
        while len(self.open_posts) > 1:
            self.pump(time.monotonic() + DEADLINE)
        if not self.open_posts:
            self.post()
        return self.open_posts[-1]

    def again(self, p):
        """Lose the connection of p, and send the same request on another."""
        p.sock.close()
        self.open_posts[self.open_posts.index(p)] = Post(self, p.text)

    def take(self, p, status, text):
        self.open_posts.remove(p)
        self.free.append(p)
        self.status = status
        if status != 200:
            self.over = True
            return
        self.raw += text.encode()
        e = ET.fromstring(text)
        assert e.tag == "{%s}body" % BOSH, text
        self.attrs = dict(self.attrs, **e.attrib)
        self.sid = self.sid or e.get("sid")
        self.queue += list(e)
        if e.get("type") == "terminate":
            self.over, self.condition = True, e.get("condition")

    def pump(self, end):
        if not self.open_posts and not self.over:
            self.post()
        left = end - time.monotonic()
        ready = [p for p in self.open_posts if self.tls and p.sock.pending()]
        ready = ready or select.select([p.sock for p in self.open_posts], [], [], max(0, left))[0]
        if not ready:
            raise AssertionError("nothing came in time; so far: %r" % self.raw[-300:])
        for p in list(self.open_posts):
            if p not in ready and p.sock not in ready:
                continue
            data = p.recv()
            if data is None:
                continue
            if not data:
                raise Gone("end of data")
            p.buf += data
        while self.open_posts:
            answer = self.open_posts[0].answer()
            if not answer:
                return
            self.take(self.open_posts[0], *answer)

    def open(self, to=None, extra=""):
        self.begin()
        attrs = "to='%s' xmlns:xmpp='%s' " % (to or self.host, XBOSH)
        if self.sid:
            self.post("", attrs + "xmpp:restart='true'")
        else:
            self.post("", attrs + "xmpp:version='1.0' wait='60' hold='1' ver='1.6'" + extra)
        self.features = self.expect_tag(STREAM, "features")
        return self.features

    def read_some(self, end):
        raise Gone("the session is over")

    def until_end(self):
        """The condition of the end."""
        end = time.monotonic() + DEADLINE
        while not self.over:
            self.pump(end)
        return self.condition

    def close(self):
        try:
            self.post("<presence xmlns='jabber:client' type='unavailable'/>", "type='terminate'")
            self.until_end()
        finally:
            self.abort()

    def abort(self):
        for p in self.open_posts + self.free:
            p.sock.close()
        self.open_posts, self.free = [], []
