#!/usr/bin/python3
"""Two thousand clients stop reading while others send to them; half have stream management
(XEP-0198). What waits for them is bounded by what was sent, the others' latency stays what it
was, they are cut off in the end, and the next crowd finds room in what the first had.

SOAK_DEAF: how many clients (2000); SOAK_RATE: bystanders' messages a second (200)."""
from figures import *

N = int(os.environ.get("SOAK_DEAF", "2000")) // 2 * 2
RATE = os.environ.get("SOAK_RATE", "200")
SECONDS = 4         # of a measurement, of which there are so many:
TIMES = 5
SEND_TIMEOUT = 40   # longer than they take, so that the deaf are there all the time
RESUME = 10
KEPT = 300          # KiB sent to each, more than the queues of its connection may hold
IN_KERNEL = 128     # KiB of them
TRICKLE = 200       # messages a second to all of them, while is measured
MIB = 1024


class Sender(threading.Thread):
    """Sends to each of the members in turn: messages of size bytes, so many a second or, without
    a rate, count as fast as the server takes them."""

    def __init__(self, t, members, size, rate=None, count=None):
        super().__init__(daemon=True)
        self.s, self.names = t.login("sender", "at%d" % size), [m.user for m in members]
        self.body, self.rate, self.count = "z" * size, rate, count
        self.sent, self.ending, self.failed = 0, False, None
        self.start()

    def send_some(self, n):
        for _ in range(n):
            self.s.send("<message type='headline' to='%s@localhost/load'><body>%s</body></message>"
                        % (self.names[self.sent % len(self.names)], self.body))
            self.sent += 1

    def run(self):
        began = time.monotonic()
        try:
            while not self.ending and (not self.count or self.sent < self.count):
                if self.rate:
                    self.send_some(int((time.monotonic() - began) * self.rate) - self.sent)
                    time.sleep(0.02)
                else:
                    self.send_some(20)
                    self.s.ping(60)
        except Exception as e:
            self.failed = repr(e)

    def stop(self, wait=False):
        self.ending = not wait
        self.join(120)
        assert not self.failed, "the sender: " + self.failed
        assert not self.is_alive(), "the sender is held up, %d sent" % self.sent
        self.s.close()
        return self.sent


WAKES = 6           # processes that wake up for a message
LATE = """if True:
    import random, sys, time
    memory = bytearray(int(sys.argv[2]) << 20)
    for at in range(0, len(memory), 4096):
        memory[at] = 1
    late = []
    while time.monotonic() < float(sys.argv[1]):
        began = time.monotonic()
        time.sleep(0.001)
        for _ in range(4):
            memory[random.randrange(len(memory))] = 2
        late.append(time.monotonic() - began - 0.001)
    print(sorted(late)[len(late) * (WAKES * 100 - 1) // (WAKES * 100)] * 1000)""".replace(
        "WAKES", str(WAKES))


class Wakes:
    """How late the machine wakes up a process that sleeps, and has some MiB: the kernel may hold a
    processor for milliseconds, the longer the more memory is in use (its scans of pages), and no
    message is faster than that. A message wakes up six processes, so the p99 of messages is set
    against the lateness of one wake in 600."""

    def __init__(self, seconds, mib):
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", LATE,
                                         str(time.monotonic() + seconds), str(mib)],
                                        stdout=subprocess.PIPE, text=True)

    def late_ms(self):
        return float(self.process.communicate()[0])


class Figures:
    """The values that the checks hand on to each other."""


seen = Figures()


def bystanders(t, mib):
    """p99 of others' latency in ms while the crowd gets its trickle, and how late the machine woke a
    process of so many MiB up meanwhile: the median of several, for a machine does other things too."""
    trickle, p99, late = Sender(t, seen.members, 1000, rate=TRICKLE), [], []
    for _ in range(TIMES):
        wakes = Wakes(SECONDS, mib)
        load = Load(t, "-l", "chat", "-n", "20", "-r", RATE, "-t", str(SECONDS), user="other")
        while load.process.poll() is None:
            seen.crowd.run(0.1)
        p99.append(load.complete()["p99_us"] / 1000)
        late.append(wakes.late_ms())
    trickle.stop()
    for name, values in (("p99", p99), ("late", late)):
        print("         %s in ms: %s" % (name, " ".join("%.2f" % x for x in values)))
    return sorted(p99)[TIMES // 2], sorted(late)[TIMES // 2]


@check
def a_crowd_that_reads(t):
    more_files(20000)
    import_accounts(t, ["load%d" % n for n in range(1, N + 1)])
    seen.pids, seen.crowd = pids(t), Crowd(t)
    seen.members = [Member(seen.crowd, "load%d" % n, n % 2 == 0, 4096) for n in range(1, N + 1)]
    seen.crowd.let_in(seen.members, login, 100)
    seen.reading = bystanders(t, 1)
    seen.before = memory(t)


@check
def memory_is_bounded_when_it_stops(t):
    for m in seen.members:
        m.deafen()
    Sender(t, seen.members, 50000, count=N * KEPT // 50).stop(wait=True)
    seen.deaf = bystanders(t, N * KEPT // MIB)
    gone = [m for m in seen.members if m.over]
    assert not gone, "%d are gone already; %s: %s" % (len(gone), gone[0].user, gone[0].over)
    after = seen.after = memory_at_rest(t)
    more = {d: after[d] - seen.before[d] for d in DAEMONS}
    kernel = kernel_kib(t.tls_port)
    print("         KiB more: %s; in the kernel %d; sent %d" % (
        ", ".join("%s %d" % x for x in more.items() if x[1] > 100), kernel, N * KEPT))
    assert kernel < N * IN_KERNEL, "the kernel holds %d KiB, %d allowed" % (kernel, N * IN_KERNEL)
    # Once for the socket's queue in tlsd and once for stream management in c2sd, and buffers
    # that grow by the half.
    for d, share in (("tlsd", 1.5), ("c2sd", 1.5)):
        most = N * KEPT * share + 8 * MIB
        assert more[d] < most, "%s: %d KiB before, %d after, %d more allowed" % (
            d, seen.before[d], after[d], most)
    for d in set(DAEMONS) - {"tlsd", "c2sd"}:
        assert more[d] < 16 * MIB, "%s: %d KiB before, %d after" % (d, seen.before[d], after[d])


@check
def others_do_not_notice(_):
    """The machine's own lateness is not the server's."""
    (reading, late_before), (deaf, late) = seen.reading, seen.deaf
    print("         p99 of others: %.2f ms while it read, %.2f ms when it did not; the machine is"
          " late by %.2f and %.2f ms" % (reading, deaf, late_before, late))
    most = 2 * reading + WAKES * max(0, late - late_before)
    assert deaf <= most, "p99 %.2f ms, it was %.2f; %.2f allowed" % (deaf, reading, most)


@check
def they_are_cut_off(t):
    """The clients end after send_timeout, and those with stream management after resume_timeout
    too."""
    until("the end of their connections", lambda: t.stat("tlsd", "connections") == 0,
          SEND_TIMEOUT + 15, 0.5)
    until("the end of their sessions", lambda: t.stat("c2sd", "streams") == 0, RESUME + 15, 0.5)
    for m in seen.members:
        m.close()


@check
def the_next_crowd_needs_no_more(t):
    """Memory that the first crowd had is used again, be it given back to the system or not."""
    seen.crowd.let_in(seen.members, login, 100)
    for m in seen.members:
        m.deafen()
    Sender(t, seen.members, 50000, count=N * KEPT // 50).stop(wait=True)
    again = memory_at_rest(t)
    print("         KiB: " + ", ".join("%s %d %d" % (d, seen.after[d], again[d]) for d in DAEMONS))
    for d in DAEMONS:
        most = seen.after[d] * 1.2 + MIB
        assert again[d] <= most, "%s: %d KiB with the first, %d with the next" % (
            d, seen.after[d], again[d])
    same_pids(t, seen.pids)
    nothing_dropped(t)
    for m in seen.members:
        m.close()


if __name__ == "__main__":
    main(Tree(listen="send_timeout: %d" % SEND_TIMEOUT,
              modules=MODULES.replace("mod_stream_mgmt: {}",
                                      "mod_stream_mgmt: {resume_timeout: %d}" % RESUME),
              accounts=["sender@localhost"] + ["other%d@localhost" % n for n in range(1, 21)]))
