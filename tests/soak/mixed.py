#!/usr/bin/python3
"""Mixed load: clients that talk, come and go, resume, are cut off, read slowly or not at all,
and send garbage; rooms, nodes, files, WebSocket, BOSH and another server. Nothing is lost, doubled or out of order, no daemon is started again, and each
has at the end the memory that it had after the first minute.

MIXED_SECONDS: how long (300); SOAK_SEED: of what is chosen by chance."""
import parts, services
from parts import *

SECONDS = float(os.environ.get("MIXED_SECONDS", "300"))
SEED = os.environ.get("SOAK_SEED") or str(random.SystemRandom().randrange(1 << 32))
MINUTE = min(60, SECONDS / 5)
KINDS = parts.KINDS + services.KINDS
MORE = 1.05     # the memory at the end, against that after the first minute,
PIECE = 256     # and KiB by which the heap of a small one grows at a time


class Soak:
    def __init__(self, t):
        self.tree, self.pids = t, pids(t)
        self.samples = []       # memory of each daemon, when all stood still
        self.steady = Load(t, "-l", "chat", "-n", "20", "-r", "100", "-t", str(int(SECONDS + 30)),
                           user="steady")
        self.parts = all_parts(t, SEED, KINDS)
        for p in self.parts:
            p.start()

    def quiet(self):
        """Let all parts stand still, until their remains have been cleaned up: the memory of each
        daemon."""
        Part.gate.clear()
        for p in self.parts:
            assert p.still.wait(60 * SLOW), p.name + " does not come to an end"
        self.samples.append(memory_at_rest(self.tree))

    def minute(self):
        Part.gate.set()
        time.sleep(MINUTE)
        self.quiet()

    def end(self):
        Part.ending = True
        Part.gate.set()
        for p in self.parts:
            p.join(60 * SLOW)


soak = None


@check
def each_gets_what_is_for_it(t):
    global soak
    soak = Soak(t)
    began = time.monotonic()
    try:
        while time.monotonic() - began < SECONDS:
            soak.minute()
    finally:
        soak.end()
    turns = {}
    for p in soak.parts:
        turns[type(p).__name__] = turns.get(type(p).__name__, 0) + p.turns
    print("         turns: " + ", ".join("%s %d" % x for x in turns.items()))
    faults = [p.fault for p in soak.parts if p.fault]
    assert not faults, "; ".join(faults)


@check
def nothing_is_lost_doubled_or_out_of_order(_):
    f = soak.steady.complete()
    print("         %d messages, p99 %.2f ms" % (f["received"], f["p99_us"] / 1000))


@check
def memory_stays_what_it_was_after_the_first_minute(t):
    """A heap rests now here, now there, within some hundred KiB: a leak is in both of the last two
    samples."""
    assert len(soak.samples) > 2, "there are only two minutes"
    for d in soak.samples[0]:
        print("         %-6s KiB: %s" % (d, " ".join(str(s[d]) for s in soak.samples)))
    end = {d: min(s[d] for s in soak.samples[-2:]) for d in soak.samples[0]}
    grown = ["%s from %d to %d KiB" % (d, soak.samples[0][d], end[d])
             for d in end if end[d] > MORE * soak.samples[0][d] + PIECE]
    assert not grown, "grown: " + ", ".join(grown)


@check
def no_daemon_was_started_again(t):
    same_pids(t, soak.pids)
    nothing_dropped(t)


if __name__ == "__main__":
    print("seed " + SEED)
    with services.other():
        main(services.tree(services.OUT + ["%s@localhost" % a for a in
                                           accounts(KINDS) + ["steady%d" % n for n in range(1, 21)]]))
