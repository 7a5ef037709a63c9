#!/usr/bin/python3
"""xmpp-load against the server: it counts exactly, and nothing is lost, doubled or misordered."""
from tree import *

USERS = ["load%d@localhost" % n for n in range(1, 21)]


def load(t, *words):
    """Run xmpp-load; its record as a dictionary."""
    r = subprocess.run([t.bin + "/xmpp-load"] + list(words) +
                       ["-p", PW, "127.0.0.1", str(t.port), "localhost"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=6 * DEADLINE)
    assert r.returncode == 0, "exit %d: %s" % (r.returncode, r.stderr.decode())
    line = r.stdout.decode().splitlines()[-1]
    return {k: float(v) for k, v in (f.split("=") for f in line.split("\t")[1:])}


def complete(figures):
    assert figures["received"] == figures["sent"] > 0, figures
    for bad in ("lost", "doubled", "misordered", "failed", "broken"):
        assert figures[bad] == 0, figures


@check
def pairs_with_a_window(t):
    complete(load(t, "-l", "chat", "-n", "20", "-w", "4", "-t", "1"))


@check
def a_fixed_rate(t):
    f = load(t, "-l", "chat", "-n", "20", "-r", "100", "-t", "1", "-m", "PLAIN")
    complete(f)
    assert f["sent"] <= 101, f


@check
def logging_in_and_out(t):
    assert load(t, "-l", "login", "-P", "4", "-t", "1", "-m", "SCRAM-SHA-1")["logins"] > 4


@check
def staying(t):
    assert load(t, "-l", "idle", "-n", "20", "-t", "1")["logins"] == 20


if __name__ == "__main__":
    main(Tree(accounts=USERS))
