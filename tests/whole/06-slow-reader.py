#!/usr/bin/python3
"""A client that does not read: what waits for it is bounded, others notice nothing, and it is cut
off with its name in the log."""
from tree import *

TIMEOUT = 2  # send_timeout of the tree, seconds
MIB = 1024
BODY = "z" * 10000


class Memory(threading.Thread):
    """The most that these daemons came to hold, in KiB over what they had."""

    def __init__(self, t, *names):
        super().__init__(daemon=True)
        self.pids = {d: t.pid(d) for d in names}
        self.base = {d: memory_kib(p) for d, p in self.pids.items()}
        self.most, self.ending = dict.fromkeys(names, 0), False
        self.start()

    def run(self):
        while not self.ending:
            for d, p in self.pids.items():
                self.most[d] = max(self.most[d], memory_kib(p) - self.base[d])
            time.sleep(0.01)

    def stop(self):
        self.ending = True
        self.join()
        if os.environ.get("WHOLE_TIMES"):
            print("         KiB more at most: %s" % self.most)
        return self.most


def flood(t, user, to, stop, count):
    s = t.login(user, "flood")
    while not stop.is_set():
        for _ in range(10):
            s.send("<message type='headline' to='%s'><body>%s</body></message>" % (to, BODY))
        count[0] += 10
        s.ping()  # an answer behind each ten: a flood, but one that the server keeps up with
    s.close()


@check
def one_that_takes_nothing_in_time(t):
    """Less waits than may: so it is send_timeout that ends it, and no sooner."""
    victim = t.login("victim", "late", rcvbuf=4096)
    a = t.login("a", "one")
    first = time.monotonic()
    for i in range(700):
        a.send("<message type='headline' to='%s'><body>%s</body></message>" % (victim.jid, BODY))
    a.ping()
    last = time.monotonic()
    assert "victim@localhost/late" in t.ctl("sessions"), "it was cut at once"
    t.wait_log("c2sd", r"stream-ended.*jid=victim@localhost/late.*slow reader: nothing taken")
    now = time.monotonic()
    assert now - first > TIMEOUT - 1, "it took %.1f s" % (now - first)
    assert now - last < (TIMEOUT + 3) * SLOW, "it took %.1f s" % (now - last)
    until("the session is gone", lambda: "victim" not in t.ctl("sessions"))
    victim.abort()
    a.close()


@check
def one_that_never_reads(t):
    """More comes than may wait: it is cut at once, by its name."""
    witness = Pinger(t)
    victim = t.login("victim", "deaf", rcvbuf=4096)
    memory = Memory(t, "tlsd", "c2sd", "routed")
    stop, count = threading.Event(), [0]
    threads = [threading.Thread(target=flood, args=(t, u, victim.jid, stop, count), daemon=True)
               for u in ("a", "b")]
    for th in threads:
        th.start()
    try:
        t.wait_log("c2sd", r"stream-ended.*jid=victim@localhost/deaf.*slow", 20)
    finally:
        stop.set()
        for th in threads:
            th.join(DEADLINE)
    most = memory.stop()
    assert all(not th.is_alive() for th in threads), "a sender hangs"
    assert most["tlsd"] < 16 * MIB * SLOW, "tlsd: %d KiB" % most["tlsd"]
    assert most["c2sd"] < 40 * MIB * SLOW, "c2sd: %d KiB" % most["c2sd"]
    assert most["routed"] < 16 * MIB * SLOW, "routed: %d KiB" % most["routed"]
    assert count[0] * len(BODY) > 2 << 20, "nothing much was sent: %d" % count[0]
    witness.stop()
    assert witness.worst < 1 * SLOW, "a ping of another took %.2f s" % witness.worst
    until("the session is gone", lambda: "victim" not in t.ctl("sessions"))
    victim.abort()


@check
def one_that_asks_and_never_reads(t):
    """A client that never reads fills its own pipe; then its own requests are not read any more,
    or it is cut off."""
    witness = Pinger(t)
    s = t.login("victim", "asker", rcvbuf=4096)
    memory = Memory(t, "tlsd", "c2sd", "routed", "hostd")
    ask = ("<iq type='get' id='x' to='localhost'>"
           "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>") * 50
    cut = lambda: re.search(r"stream-ended.*victim@localhost/asker", t.log("c2sd"))
    s.sock.settimeout(0.2)
    end = time.monotonic() + 20 * SLOW
    while not cut() and time.monotonic() < end:
        try:
            s.sock.send(ask.encode())
        except (socket.timeout, TimeoutError, ssl.SSLError, OSError):
            pass
    most = memory.stop()
    assert cut(), "it was never cut"
    for d in most:
        assert most[d] < 64 * MIB * SLOW, "%s: %d KiB" % (d, most[d])
    s.abort()
    witness.stop()
    assert witness.worst < 1 * SLOW, "a ping of another took %.2f s" % witness.worst


@check
def one_that_reads_slowly_gets_all(t):
    """Progress counts: the transfer may take three times send_timeout, but never that long without
    progress."""
    s = t.login("victim", "slow", rcvbuf=4096)
    a = t.login("a", "patient")
    n = 200
    for i in range(n):
        a.message(s.jid, "%d %s" % (i, BODY))
    a.ping()
    pause = 3 * TIMEOUT / n
    for i in range(n):
        e = s.expect_tag(CLIENT, "message")
        assert e.findtext("{%s}body" % CLIENT).split()[0] == str(i), "out of order"
        time.sleep(pause)
    s.ping()
    s.close(), a.close()


# AddressSanitizer would keep what is freed, 256 MiB of it, and no figure would mean a thing.
main(Tree(env={"ASAN_OPTIONS": "quarantine_size_mb=1"}, listen="send_timeout: %d" % TIMEOUT,
          accounts=[u + "@localhost" for u in ("a", "b", "victim", "witness")]))
