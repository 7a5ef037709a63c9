"""Clients over BOSH, with TLS of the server's own. The clients are Python, whose CPU does not count."""
import itertools, time, types

from bosh import BoshStream
from loads import Row, with_figure
from server import PASSWORD, USER, certificate, cpu_seconds
from tree import CLIENT, Gone

PORT = 15445
PATH = "/http-bind"
PAIRS = 10
WARM = 5    # messages of each pair before the measured ones
TEXT = "x" * 100

LISTENER = """  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {%s: mod_bosh}
""" % (PORT, PATH)

PROSODY = """https_ports = { %d }
https_interfaces = { "127.0.0.1" }
https_ssl = { certificate = "%%s/cert.pem", key = "%%s/key.pem" }
consider_bosh_secure = true
""" % PORT


class Bosh(Row):
    """The certificate is made when the row is measured."""

    def config(self, cls):
        return {
            "tabber": {"listen": LISTENER, "modules": "\nmod_bosh: {}"},
            "ejabberd": {"listen": LISTENER, "modules": "  mod_bosh: {}\n"},
            "prosody": {"modules": ["bosh"], "options": PROSODY % (certificate(), certificate())},
        }.get(cls.name, {})


def client(server, n):
    """A session; the program that answers BOSH may come up after the server."""
    where, end = types.SimpleNamespace(hosts=(server.domain,)), time.monotonic() + 20
    while True:
        s = BoshStream(where, PORT, PATH, server.domain, tls=True)
        try:
            s.login("%s%d" % (USER, n), PASSWORD, "bosh")
            break
        except (OSError, Gone):
            s.abort()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    s.send("<presence/>")
    return s


def passed(pair):
    """Send one message from the first to the second of a pair; then the two change places."""
    a, b = pair
    b.held()
    a.send("<message type='chat' to='%s'><body>%s</body></message>" % (b.jid, TEXT))
    b.expect(lambda e: e.tag == "{%s}message" % CLIENT)
    pair.reverse()


def chat(lab, row, server):
    """Microseconds of CPU for a message; each is the answer to the one before."""
    pairs = [[client(server, 2 * i + 1), client(server, 2 * i + 2)] for i in range(PAIRS)]
    try:
        for pair in pairs * WARM:
            passed(pair)
        before, n, end = cpu_seconds(server.pids()), 0, time.monotonic() + lab.seconds
        for pair in itertools.cycle(pairs):
            if time.monotonic() >= end:
                break
            passed(pair)
            n += 1
        spent = cpu_seconds(server.pids()) - before
        return with_figure({"messages": n, "cpu_s": spent}, spent * 1e6 / n)
    finally:
        for pair in pairs:
            for s in pair:
                s.abort()


ROWS = [
    Bosh("bosh-chat", "chat over BOSH, CPU a message", "µs", chat, sessions=2 * PAIRS,
         config={"tabber": {}, "ejabberd": {}, "prosody": {}}),
]
