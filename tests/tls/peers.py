"""xmpp-tlsd and other servers: as xmpp-s2sd in records, as servers at sockets of 127.0.0.1."""
import socket
import time

from tlsd import *

CA = make("ca", is_ca=True)
OURS = make("one.example", certs.dns("one.example"), ca=CA)


class Servers(Tlsd):
    neighbour, module, later = "s2sd", "ejabberd_s2s_in", "max_stanza_size: 262144"

    def __init__(self, files=None, top="", rows="", trusted=None, local=True, **kw):
        """trusted: a certificate in PEM that is all that is trusted. local: servers may be on
        loopback, as those of the tests are."""
        self.top, self.rows = top, rows
        if local:
            self.rows += "s2s_allow_addresses\t*\t127.0.0.0/8 ::1/128\n"
        if trusted:
            path = tempfile.mktemp(dir=TMP_NOW())
            certs.write(path, trusted)
            self.top += "s2s_cafile: '%s'\n" % path
        super().__init__({"one": "".join(OURS)} if files is None else files, **kw)

    def today(self):
        """Set the clock to a minute from now: certificates that a test has yet to make are valid
        then."""
        self.line("clock\t%d\t%d" % (START_US, (time.time() + 60) * 1000000))

    def connect(self, *targets, request=1, host="one.example", sni="peer.example"):
        self.say("connect", request, host, sni, "\\n".join(targets))

    def connected(self, peer, request=1, index=0, ip="127.0.0.1"):
        """The number of the conduit that a request has opened to a peer."""
        r = self.hear()
        assert r[:2] == ["connected", str(request)] and r[3:] == [str(index), ip, str(peer.port)], r
        return r[2]

    def dial(self, peer, **kw):
        """A plain connection to a peer: its socket there, and the conduit."""
        self.connect(peer.target(**kw))
        return peer.accept(), self.connected(peer)

    def figure(self, name):
        self.line("ctl\tstats")
        value = None
        while True:
            r = self.records.get(timeout=PATIENCE)
            if r[:2] == ["ctl", "done"]:
                return value
            if r[0] == "ctl" and name in r:
                value = int(r[-1])


def TMP_NOW():
    import tlsd
    return tlsd.TMP


class Peer:
    """Another server, whose socket listens at ip. deaf: nobody can connect any more."""

    def __init__(self, t, ip="127.0.0.1", port=0, deaf=False):
        self.t, self.ip = t, ip
        self.family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.sock = socket.socket(self.family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.settimeout(PATIENCE)
        self.sock.bind((ip, port))
        self.port = self.sock.getsockname()[1]
        t.socks.append(self.sock)
        self.sock.listen(0 if deaf else 100)
        if deaf:
            self.fill()

    def fill(self):
        """The kernel completes one connection more than the backlog has, and answers no other."""
        for _ in range(2):
            s = socket.socket(self.family)
            s.setblocking(False)
            s.connect_ex((self.ip, self.port))
            self.t.socks.append(s)

    def target(self, how="plain", name="xmpp.peer.example", addresses=None, tlsa="-"):
        return "%s %d %s %s %s" % (how, self.port, name, addresses or self.ip, tlsa)

    def accept(self):
        s, self.by = self.sock.accept()
        s.settimeout(PATIENCE)
        self.t.socks.append(s)
        return s

    def accept_tls(self, pair, **kw):
        """Accept, and speak TLS at once with a certificate."""
        return serve_tls(self.t, self.accept(), pair, **kw)


def free_port():
    """A port at which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def refusing(port=None, addresses="127.0.0.1", how="plain"):
    return "%s %d refusing.example %s -" % (how, port or free_port(), addresses)


def server_context(pair, ca=None, alpn=None, version=None, ask=False):
    """ask: for a certificate of the client, which ca may have signed."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = tempfile.mktemp(dir=TMP_NOW())
    certs.write(path, "".join(pair))
    ctx.load_cert_chain(path)
    if ask:
        ctx.verify_mode = ssl.CERT_OPTIONAL
        ctx.load_verify_locations(cadata=(ca or CA)[0])
    if alpn:
        ctx.set_alpn_protocols(alpn)
    if version:
        ctx.minimum_version = ctx.maximum_version = version
    return ctx


def serve_tls(t, s, pair, **kw):
    """Speak TLS as the server; sni is then the name that the client has said."""
    ctx = server_context(pair, **kw)
    said = []
    ctx.sni_callback = lambda sock, name, ctx: said.append(name)
    tls = ctx.wrap_socket(s, server_side=True, suppress_ragged_eofs=False)
    t.socks.append(tls)
    t.sni = said[0] if said else None
    return tls
