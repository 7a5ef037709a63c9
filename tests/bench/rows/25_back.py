"""Clients that come back to their sessions over direct TLS."""
from loads import Row, play, with_figure

CONFIG = {"tabber": {"modules": "\nmod_auth_fast: {}"}}
CLIENTS = 1000


def returns(lab, row, server):
    """Microseconds of CPU a return, with the end of the connection before it; round_trips: those
    behind the handshake."""
    kept, server.port = server.port, server.tree.tls_port
    try:
        got = play(lab, server, row.words, lab.seconds, row.sessions)
    finally:
        server.port = kept
    if not got["logins"]:
        return with_figure(got, None)
    return with_figure(dict(got, round_trips=got["sent"] / got["logins"]),
                       got["cpu_s"] * 1e6 / got["logins"])


def row(name, title, settings, **more):
    words = ["-l", "back", "-D", "-n", str(CLIENTS), "-P", "20"]
    for s in settings:
        words += ["-o", s]
    return Row(name, title, "µs", returns, words, sessions=CLIENTS, alone=True, config=CONFIG,
               **more)


ROWS = [
    row("back", "return by ticket, token, old session, CPU", [], reach="350"),
    row("back-bind", "the same, a new session", ["resume=no"], reach="450"),
    row("back-password", "by SCRAM-SHA-256, a new session, a whole handshake",
        ["fast=no", "resume=no", "tickets=no"]),
]
