"""Nodes of accounts and of a service: events, last items, and items that are asked for."""
from loads import Row, cpu_per_unit, play, with_figure

CONTACTS, NODES, BUNDLES = 100, 5, 50

CONFIG = {
    "tabber": {"modules": "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}"},
    "ejabberd": {"modules": "  mod_pubsub: {plugins: [flat, pep]}\n"},
    "prosody": {"options": 'admins = { "load1@localhost" }\n',
                "components": 'Component "pubsub.localhost" "pubsub"\n'},
}


def coming(lab, row, server):
    """Milliseconds of CPU each time that the session comes online; the last may be half done."""
    got = play(lab, server, row.words, lab.seconds, row.sessions)
    times = got["received"] / (CONTACTS * NODES)
    return with_figure(got, got["cpu_s"] * 1e3 / times if times else None)


def row(name, title, unit, how, contacts, words=(), **more):
    words = ["-l", name, "-n", str(contacts + 1), "-f", str(contacts), "-w", "4"] + list(words)
    return Row(name, title, unit, how, words, sessions=contacts + 1, config=CONFIG, fresh=True,
               **more)


ROWS = [
    row("pep", "event of an account to 100 contacts, CPU a delivery", "µs", cpu_per_unit,
        CONTACTS, reach="7, a ninth"),
    row("pubsub", "event of a service to 100 subscribers, CPU a delivery", "µs", cpu_per_unit,
        CONTACTS, reach="7, a ninth"),
    row("pep-login", "presence that brings 500 last items of 100 contacts, CPU", "ms", coming,
        CONTACTS, ["-o", "nodes=%d" % NODES]),
    row("omemo-fetch", "bundle of a contact, CPU a bundle", "µs", cpu_per_unit, BUNDLES),
]
