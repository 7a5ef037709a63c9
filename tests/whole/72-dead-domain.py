#!/usr/bin/python3
"""2000 stanzas that wait for a domain whose server says nothing do not delay those for another domain:
with them and without, in turns, the median time of a message is the same but for a millisecond
(a quarter of it on a slow machine)."""
import statistics
from servers import *

DEAD, WAITING, ROUNDS, MOST, N = "127.0.0.3", 2000, 3, 9, 50


class Silent:
    """A server that takes connections, and never says a word."""

    def __init__(self):
        self.listener = socket.create_server((DEAD, PORT))
        self.taken = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            self.taken.append(self.listener.accept()[0])

    def close(self):
        while self.taken:
            self.taken.pop().close()


def waiting(t):
    """Stanzas that wait for the dead domain."""
    return sum(int(x.split("\t")[14]) for x in t.ctl("s2s", DEAD, records=True).splitlines())


def times(a, b, word):
    """In milliseconds, from one server's client to the other's."""
    took = []
    for i in range(N):
        began = time.monotonic()
        a.message("b@" + B, "%s %d" % (word, i))
        b.expect_body("%s %d" % (word, i))
        took.append(1000 * (time.monotonic() - began))
    return took


def is_delayed(beside, without):
    """By more than a millisecond, or on a machine on which all takes long, by a quarter."""
    usual = statistics.median(without)
    return statistics.median(beside) - usual >= max(SLOW, usual / 4)


@check
def nothing_is_delayed():
    """The medians are of all rounds together; while others are busy there are more rounds."""
    options = "s2s_use_starttls: required\nmax_fsm_queue: 10000\n"
    dead = Silent()
    without, beside = [], []
    with Server(A, options, users=("a", "c")) as t, Server(B, options, users=("b",)) as u:
        a, b, c = t.login("a"), u.login("b"), t.login("c")
        times(a, b, "first")
        for i in range(MOST):
            without += times(a, b, "without")
            for k in range(WAITING):
                c.message("x@" + DEAD, "%d" % k)
            until("stanzas that wait", lambda: waiting(t) == WAITING)
            beside += times(a, b, "beside")
            assert waiting(t) == WAITING
            dead.close()
            for k in range(WAITING):
                assert c.expect_tag(CLIENT, "message").get("type") == "error"
            t.ctl("s2s", "forget", DEAD)
            if i + 1 >= ROUNDS and not is_delayed(beside, without):
                break
    print("%d rounds, median in ms without: %.2f, beside: %.2f" % (
        i + 1, statistics.median(without), statistics.median(beside)))
    assert not is_delayed(beside, without)


main()
