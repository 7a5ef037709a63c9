#!/usr/bin/python3
"""xmpp-load against the server: it counts exactly, and nothing is lost, doubled or misordered."""
from tree import *

USERS = ["load%d@localhost" % n for n in range(1, 21)]


def load(t, *words, port=None):
    """Run xmpp-load; its record as a dictionary."""
    r = subprocess.run([t.bin + "/xmpp-load"] + list(words) +
                       ["-p", PW, "127.0.0.1", str(port or t.port), "localhost"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=6 * DEADLINE)
    assert r.returncode == 0, "exit %d: %s" % (r.returncode, r.stderr.decode())
    line = r.stdout.decode().splitlines()[-1]
    return {k: float(v) for k, v in (f.split("=") for f in line.split("\t")[1:])}


def load_with_time(t, logins, *words, **kw):
    """The record of a load with more than so many logins, for which a slow machine gets more seconds."""
    for seconds in ("1", "5", "25"):
        f = load(t, *words, "-t", seconds, **kw)
        if f["logins"] > logins:
            return f
    raise AssertionError("%s in %s s" % (f, seconds))


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
    assert f["sent"] <= 100 * f["seconds"] + 1, f


@check
def so_many_messages_in_several_processes(t):
    f = load(t, "-l", "chat", "-n", "20", "-N", "1001", "-t", "60", "-j", "3", "-s", "127.0.0.2",
             "-s", "127.0.0.3", "-m", "PLAIN")
    complete(f)
    assert f["sent"] == 1001 and f["logins"] == 20 and f["seconds"] < 60, f


@check
def presence_to_contacts(t):
    for again in range(2):  # the first makes the subscriptions
        f = load(t, "-l", "presence", "-n", "20", "-f", "4", "-w", "2", "-t", "1", "-m", "PLAIN")
        assert f["received"] == 4 * f["sent"] > 0, f
        for bad in ("lost", "doubled", "misordered", "failed", "broken"):
            assert f[bad] == 0, f


@check
def a_hub_and_its_archive(t):
    complete(load(t, "-l", "chat", "-H", "-n", "6", "-N", "300", "-m", "PLAIN"))
    for query in ("first", "last", "time", "with"):
        f = load(t, "-l", "archive", "-n", "1", "-q", query, "-g", "20", "-f", "5", "-t", "1",
                 "-m", "PLAIN")
        assert f["received"] >= f["sent"] > 0 and f["misordered"] == f["failed"] == 0, (query, f)


@check
def rooms(t):
    f = load(t, "-l", "muc", "-n", "20", "-f", "10", "-w", "2", "-t", "1", "-m", "PLAIN")
    assert f["received"] == 10 * f["sent"] > 0, f
    for bad in ("lost", "doubled", "misordered", "failed", "broken"):
        assert f[bad] == 0, f
    complete(load(t, "-l", "muc-join", "-n", "20", "-f", "10", "-t", "1", "-m", "PLAIN"))


@check
def logging_in_and_out(t):
    load_with_time(t, 4, "-l", "login", "-P", "4", "-m", "SCRAM-SHA-1")


@check
def staying(t):
    assert load(t, "-l", "idle", "-n", "20", "-t", "1")["logins"] == 20


@check
def coming_back(t):
    for words, trips in (([], 1),
                         (["-o", "fast=no", "-o", "resume=no", "-o", "tickets=no"], 2)):
        f = load_with_time(t, 4, "-l", "back", "-D", "-n", "4", "-P", "2", *words, port=t.tls_port)
        assert f["failed"] == f["broken"] == 0, f
        assert abs(f["sent"] - trips * f["logins"]) <= 4, f


@check
def a_word_that_the_load_does_not_know(t):
    for words in (["-l", "chat", "-o", "nodes=5"], ["-l", "archive", "-q", "never"]):
        r = subprocess.run([t.bin + "/xmpp-load"] + words + ["127.0.0.1", "1", "localhost"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE)
        assert r.returncode == 100 and b"usage" in r.stderr, r


if __name__ == "__main__":
    main(Tree(accounts=USERS, modules=MODULES + "\nmod_auth_fast: {}\nmod_muc: {}"))
