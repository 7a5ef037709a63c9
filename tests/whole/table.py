"""Features that a client's test has seen to work; tests/whole/run --clients makes a table of them, which
conf/clients.md has, too."""
import atexit
import os
import re

# The columns of the table, in their order.
FEATURES = ("login", "contacts", "presence", "messages", "copies", "archive", "rooms", "uploads", "avatars",
            "omemo", "web", "register")
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf", "clients.md")
BEGIN, END = "<!-- made by make check-clients -->\n", "<!-- end -->\n"
_done = {}


def did(*features, by=("",)):
    """The client has just done this, or with by those clients of a test that has several."""
    assert set(features) <= set(FEATURES), features
    for client in by:
        _done.setdefault(client, set()).update(features)


def _tell():
    for client, features in _done.items():
        print(" ".join(["did", client]).strip() + ": " + " ".join(f for f in FEATURES if f in features))


def table(done):
    """The lines of the table of {client: features}."""
    wide = max(map(len, done))

    def row(name, cells):
        return "| %s | %s |" % (name.ljust(wide), " | ".join(cells))

    return [row("client", FEATURES), "|" + "---|" * (1 + len(FEATURES))] + [
        row(name, [("yes" if f in done[name] else "-").ljust(len(f)) for f in FEATURES]) for name in sorted(done)]


def _page():
    """The page before its table, the table as {client: features}, and the page behind it."""
    with open(PAGE) as f:
        before, rest = f.read().split(BEGIN)
    lines, behind = rest.split(END)
    cells = [re.split(r" *\| *", x.strip("| \n")) for x in lines.splitlines() if "---" not in x]
    return before, {c[0]: {f for f, x in zip(cells[0][1:], c[1:]) if x == "yes"} for c in cells[1:]}, behind


def lost(done, skipped):
    """What the page has and this run has not seen: (client, feature); nothing of clients that did not play, or
    with a test that was skipped."""
    page = _page()[1]
    return [(name, f) for name in sorted(page) if name in done and not any(name in x for x in skipped)
            for f in FEATURES if f in page[name] and f not in done[name]]


def write(done):
    """Put the table into the page; clients that did not play keep their rows."""
    before, old, behind = _page()
    with open(PAGE, "w") as f:
        f.write(before + BEGIN + "\n".join(table({**old, **done})) + "\n" + END + behind)


atexit.register(_tell)
