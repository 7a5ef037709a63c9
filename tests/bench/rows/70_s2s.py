"""Servers that talk to others: of each kind two, of which one is measured. Their domains are addresses
of loopback, where both have the port that servers are looked for at, and prove them by dialback."""
import atexit, functools, types

from authority import Authority
from loads import Load, PAIRS, Row, play, with_figure
from server import pss_kib, quiet

NEAR, FAR = "127.0.77.1", "127.0.77.2"
PORT = 5269
IDLE, DOMAINS = "idle.example", 1000

LISTENER = """  -
    port: %d
    ip: "%s"
    module: ejabberd_s2s_in
"""

PROSODY = """s2s_interfaces = { "%s" }
s2s_ports = { %d }
s2s_direct_tls_ports = { }
s2s_require_encryption = true
s2s_secure_auth = false
"""


def config(ip):
    listen = LISTENER % (PORT, ip)
    required = "s2s_use_starttls: required\n"
    return {
        "tabber": {"listen": listen, "modules": "\nmod_s2s_dialback: {}", "options": required,
                   "tabber": "s2s_allow_addresses: [127.0.0.0/8]\n"},
        "ejabberd": {"listen": listen, "modules": "  mod_s2s_dialback: {}\n",
                     "options": required},
        "prosody": {"modules": ["dialback"], "without": '"limits"',
                    "options": PROSODY % (ip, PORT)},
    }


@functools.lru_cache(None)
def authority():
    """The authority, whose one certificate proves all domains."""
    made = Authority({"idle": "DNS:*." + IDLE}, "serverAuth,clientAuth")
    atexit.register(made.end)
    return made


def trusting(ip):
    """The configuration of a server that trusts the authority."""
    ca, kinds = authority().path("ca.pem"), config(ip)
    for name in ("tabber", "ejabberd"):
        kinds[name]["options"] += "ca_file: \"%s\"\n" % ca
    kinds["prosody"]["options"] += "ssl = { cafile = \"%s\" }\n" % ca
    return kinds


class Idle(Row):
    """The certificate is made when the row is measured."""

    def config(self, cls):
        return trusting(NEAR)[cls.name] if cls.name in self.more["config"] else {}


def idle(lab, row, server):
    """KiB that each server that is connected, and proven by certificate, adds to all processes."""
    door = types.SimpleNamespace(host=NEAR, port=PORT, domain=NEAR, mechanism="PLAIN")
    words = ["-l", "s2s-idle", "-P", "8", "-o", "domain=" + IDLE, "-o",
             "cert=" + authority().path("idle.pem"), "-n"]
    play(lab, types.SimpleNamespace(pids=server.pids, **vars(door)), words + ["50"], 1, 50)
    quiet()
    before = pss_kib(server.pids())
    load = Load(lab, door, words + [str(DOMAINS)], 3600, DOMAINS)
    try:
        n = load.online()
        quiet()
        after = pss_kib(server.pids())
    finally:
        load.end()
    return {"figure": (after - before) / n, "sessions": n, "before_kib": before,
            "after_kib": after}


def between(lab, row, server):
    """Microseconds of CPU of the one server for a message to or from the other."""
    far = type(server)(False, 1, lab.bindir, config(FAR)[server.name], FAR)
    try:
        far.prepare(row.sessions)
        far.start()
        got = play(lab, server, row.words + ["-o", "peer=" + FAR, "-o", "peer-port=%d" % far.port],
                   lab.seconds, row.sessions)
    finally:
        far.remove()
    return with_figure(got, got["cpu_s"] * 1e6 / got["received"] if got["received"] else None)


def row(way, title):
    return Row("s2s-" + way, title, "µs", between, PAIRS + ["-o", "way=" + way], domain=NEAR,
               config=config(NEAR), reach="12, an eighth")


ROWS = [
    row("out", "message to another server, CPU of the first"),
    row("in", "message from another server, CPU of the second"),
    Idle("s2s-idle", "server that is connected, of %d" % DOMAINS, "KiB", idle, once=True,
         domain=NEAR, config=config(NEAR)),
]
