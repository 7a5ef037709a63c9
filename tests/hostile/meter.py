"""The costs of an attack: CPU of all processes of a tree, memory of its daemons, pings of others.

The rule, with its constants, is in lib/base/limits.h: COST_*.
"""
import glob, re, threading

from attack import *

HERE = os.path.dirname(os.path.abspath(__file__))


def constants():
    """COST_* of limits.h, without the prefix."""
    with open(os.path.join(HERE, "..", "..", "lib", "base", "limits.h")) as f:
        return {k: int(v) << int(s or 0) for k, v, s in re.findall(
            r"#define COST_(\w+) \(?(\d+)u?(?: << (\d+)\))?", f.read())}


COST = constants()


def cpu_us(pids):
    """CPU that these processes have used so far."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/schedstat" % pid) as f:
                total += int(f.read().split()[0])
        except (OSError, IndexError):
            pass
    return total / 1000


def busy(pids):
    """A process runs or wants to, or waits for the disk."""
    for pid in pids:
        try:
            with open("/proc/%d/stat" % pid) as f:
                if f.read().rsplit(")", 1)[1].split()[0] in "RD":
                    return True
        except OSError:
            pass
    return False


def own_bytes(pids):
    """Memory of these processes that is no page of a file."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/status" % pid) as f:
                total += int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) << 10
        except (OSError, AttributeError):
            pass
    return total


class Sampler(threading.Thread):
    """Looks at the memory of processes all the time; the most since begin()."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.most, self.ending = pids, 0, False
        self.start()

    def run(self):
        while not self.ending:
            self.most = max(self.most, own_bytes(self.pids))
            time.sleep(0.01)

    def begin(self):
        self.most = own_bytes(self.pids)
        return self.most


class Witness:
    """Another client, in a process of its own: see witness.py."""

    def __init__(self, tree):
        self.p = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "witness.py"),
                                   str(tree.tls_port)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.ask("hello")

    def ask(self, word):
        self.p.stdin.write(word + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().split()

    def begin(self):
        self.ask("begin")

    def end(self):
        """(rounds, the worst time in ms, who let it wait)."""
        rounds, ms, who = self.ask("end") or ("0", "99999", "gone")
        return int(rounds), float(ms), who

    def stop(self):
        self.p.terminate()
        self.p.wait()


class Figures:
    """Of one attack: bytes, CPU and memory above the constants, the worst ping, and a verdict."""

    def __init__(self, a, cpu, held, worst, who, ended, longest):
        self.sent, self.got, self.cpu, self.worst, self.who = a.sent, a.got, cpu, worst, who
        self.ended, self.longest = ended, longest
        n = max(1, a.sent + a.got)
        # Bytes that wait for a session that does not read count as an answer too.
        waiting = min(held, a.unread * COST["UNREAD_HELD"])
        allowed = sum(getattr(a, c) * COST[k] / (1000 if k.endswith("NS") else 1) for c, k in (
            ("connections", "CONNECTION_US"), ("handshakes", "HANDSHAKE_US"),
            ("reads", "READ_US"), ("stanzas", "STANZA_US"), ("passwords", "PASSWORD_US"), ("captchas", "CAPTCHA_US"),
            ("commits", "COMMIT_US"), ("deliveries", "DELIVERY_US"), ("entries", "ENTRY_NS")))
        allowed += COST["MEASURED_US"]
        self.us = max(0, cpu - allowed) / (n + waiting)
        kept = (COST["PROGRAM_HELD"] + a.connections * COST["CONNECTION_HELD"] +
                a.unread * COST["UNREAD_HELD"])
        self.held = max(0, held - kept) / n

    def faults(self):
        return [w for w, bad in (
            ("ended " + " ".join(self.ended), self.ended),
            ("cpu", self.us > COST["BYTE_NS"] / 1000), ("memory", self.held > COST["BYTE_HELD"]),
            ("ping of " + self.who, self.worst >= COST["PING_MS"]),
            ("not done", self.longest)) if bad]


    def hopeless(self):
        """Another try would not keep the rule."""
        return self.longest or self.ended or self.worst > 3 * COST["PING_MS"] or (
            self.us > 3 * COST["BYTE_NS"] / 1000) or self.held > 3 * COST["BYTE_HELD"]


class Bench:
    """A tree, and what one needs to measure on it."""

    def __init__(self, make_tree):
        self.make_tree, self.tree, self.trees = make_tree, None, 0

    def open(self):
        self.tree, self.trees = self.make_tree(), self.trees + 1
        self.tree.__enter__()
        self.witness = Witness(self.tree)
        self.daemons = {d: self.tree.pid(d) for d in self.tree.daemons}
        self.pids = list(self.tree.pids())
        self.sampler = Sampler(self.daemons.values())
        self.warm_up()
        self.quiet(2)
        self.fresh = own_bytes(self.daemons.values())
        # CPU that a round of the witness costs.
        self.round_us, before = 0, cpu_us(self.pids)
        self.witness.begin()
        time.sleep(0.3)
        self.round_us = (cpu_us(self.pids) - before) / max(1, self.witness.end()[0])

    def warm_up(self):
        """All programs do once what they do for anybody, so that the memory which they keep for
        that is no shape's."""
        a = Attack(self.tree)
        a.say(a.plain(3), HEAD + ">" + "<x/>" * 50)
        w = a.login("eve7", available=True)
        text = "<message type='chat' to='eve7@localhost'><body>%s</body></message>" % ("x" * 20000)
        a.prepare(w, [text, ping(), "<presence/>"] * 3)
        a.close()

    def close(self):
        if self.tree:
            self.sampler.ending = True
            self.witness.stop()
            self.tree.__exit__(None, None, None)
            self.tree = None

    def quiet(self, seconds, attack=None):
        """Wait until the daemons have nothing to do but for the witness; False: they have."""
        end, still = time.monotonic() + seconds, 0
        last = cpu_us(self.daemons.values())
        while still < 3:
            if time.monotonic() > end:
                return False
            attack.listen(0.04) if attack else time.sleep(0.04)
            now = cpu_us(self.daemons.values())
            still = still + 1 if now - last < 8000 and not busy(self.daemons.values()) else 0
            last = now
        return True

    def measure(self, shape, size, seconds):
        """Play a shape once; Figures."""
        if not self.tree:
            self.open()
        a = Attack(self.tree)
        work = shape(a, size)
        first = own_bytes(self.daemons.values())
        try:
            next(work)
            self.quiet(5, a)
            a.begin()
            before, prepared = cpu_us(self.pids), self.sampler.begin()
            self.witness.begin()
            for _ in work:
                pass
            done = self.quiet(seconds, a)
            cpu = cpu_us(self.pids) - before
            # Memory that an earlier shape left counts as taken by this shape.
            held = self.sampler.most - (self.fresh + max(0, prepared - first))
            a.got += a.lying()
        finally:
            a.close()
        rounds, worst, who = self.witness.end()
        ended = [d for d, p in self.daemons.items() if self.tree.pid(d) != p]
        f = Figures(a, max(0, cpu - rounds * self.round_us), max(0, held), worst, who, ended,
                    not done)
        self.quiet(2)
        # The next one finds a tree in which little memory is free that this one has taken, and
        # of what programs may hold at least the half is left for it.
        if f.faults() or own_bytes(self.daemons.values()) - self.fresh > COST["PROGRAM_HELD"] / 2:
            self.close()
        return f
