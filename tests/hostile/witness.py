"""A client like any other, while somebody attacks: how long its requests take.

USAGE   witness.py TLS_PORT     begin, end: lines on standard input; each is answered by a line,
                                end by: rounds, the worst milliseconds, the program that took them
"""
import os, select, sys

sys.argv, port = sys.argv[:1], int(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
from tree import *  # noqa: E402

# A request for each program that answers.
ASKS = (("hostd", "localhost", "<ping xmlns='%s'/>" % PING),
        ("userd", None, "<query xmlns='jabber:iq:roster'/>"),
        ("mamd", None, "<prefs xmlns='urn:xmpp:mam:2'/>"))
PAUSE = 0.05
LONGEST = 30


class Port:
    """As much of a tree as a stream needs."""
    hosts, tls_port = ("localhost",), port


def play(s):
    """Play one round; the worst seconds, and the program that took them."""
    began, left, worst = time.monotonic(), {}, (0, "-")
    for who, to, xml in ASKS:
        i = s.next_id()
        left[i] = who
        s.send("<iq type='get' id='%s'%s>%s</iq>" % (i, " to='%s'" % to if to else "", xml))
    while left:
        e = s.recv(LONGEST / SLOW)
        if e.get("id") in left:
            worst = max(worst, (time.monotonic() - began, left.pop(e.get("id"))))
    s.root.clear()
    return worst


def main():
    s = Stream(Port, direct=True)
    s.login("witness", resource="w")
    rounds, worst, on = 0, (0, "-"), False
    while True:
        if select.select([sys.stdin], [], [], PAUSE if on else None)[0]:
            word = sys.stdin.readline().strip()
            if not word:
                return
            print(*([rounds, "%.1f" % (worst[0] * 1000), worst[1]] if word == "end" else [word]),
                  flush=True)
            on, rounds, worst = word == "begin", 0, (0, "-")
        if on:
            worst = max(worst, play(s))
            rounds += 1


main()
