"""Clients over WebSocket, with TLS of the server's own."""
import types

from loads import IDLE, PAIRS, Load, Row, play, with_figure
from server import certificate, pss_kib, quiet

PORT = 15443

LISTENER = """  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/xmpp-websocket: ejabberd_http_ws}
""" % PORT

PROSODY = """https_ports = { %d }
https_interfaces = { "127.0.0.1" }
https_ssl = { certificate = "%%s/cert.pem", key = "%%s/key.pem" }
""" % PORT

WORDS = ["-D", "-o", "websocket=/xmpp-websocket"]


class Web(Row):
    """The certificate is made when the row is measured."""

    def config(self, cls):
        return {
            "tabber": {"listen": LISTENER},
            "ejabberd": {"listen": LISTENER},
            "prosody": {"modules": ["websocket"],
                        "options": PROSODY % (certificate(), certificate())},
        }.get(cls.name, {})


def door(server):
    return types.SimpleNamespace(pids=server.pids, port=PORT, domain=server.domain,
                                 mechanism=server.mechanism)


def chat(lab, row, server):
    """Microseconds of CPU for a message between two clients over WebSocket."""
    got = play(lab, door(server), row.words, lab.seconds, row.sessions)
    return with_figure(got, got["cpu_s"] * 1e6 / got["received"] if got["received"] else None)


def idle(lab, row, server):
    """KiB that each client adds which is connected over WebSocket and says nothing."""
    play(lab, door(server), IDLE + ["100"] + WORDS, 1, 100)
    quiet()
    before = pss_kib(server.pids())
    load = Load(lab, door(server), IDLE + [str(row.sessions)] + WORDS, 3600, row.sessions)
    try:
        n = load.online()
        quiet()
        after = pss_kib(server.pids())
    finally:
        load.end()
    return {"figure": (after - before) / n, "sessions": n, "before_kib": before,
            "after_kib": after}


KINDS = {"config": {"tabber": {}, "ejabberd": {}, "prosody": {}}}

ROWS = [
    Web("ws-chat", "chat over WebSocket, CPU a message", "µs", chat, PAIRS + WORDS, reach="15",
        **KINDS),
    Web("ws-idle", "idle client over WebSocket, of 3000", "KiB", idle, sessions=3000, once=True,
        reach="24", **KINDS),
]
