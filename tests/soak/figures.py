"""The measurements of a soak: the memory of each daemon, and the figures of xmpp-load.

A daemon's memory is what is its own alone: Pss_Anon. The maps of the LMDB environments that
mamd, userd and authd read are pages of files, which the kernel keeps and takes as it likes.
"""
from crowd import *

_anonymous = re.compile(r"^Pss_Anon:\s+(\d+)", re.M)


def anonymous_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return int(_anonymous.search(f.read()).group(1))


def daemons(t):
    """The programs that run, of those that a server of this configuration has."""
    names = sorted(x for x in os.listdir(t.state + "/service") if not x.startswith("."))
    return [d for d in DAEMONS + [x for x in names if x not in DAEMONS] if t.pid(d) > 0]


def memory(t):
    """KiB of each daemon."""
    return {d: anonymous_kib(t.pid(d)) for d in daemons(t)}


def memory_at_rest(t):
    """KiB of each daemon when freed memory has gone back to the system, as it does every ten
    seconds."""
    time.sleep(11 * SLOW)
    return memory(t)


def kernel_kib(port):
    """KiB that the kernel holds for the clients of this port that they have not taken."""
    with open("/proc/net/tcp") as f:
        rows = [x.split() for x in f.readlines()[1:]]
    return sum(int(x[4].split(":")[0], 16) for x in rows
               if int(x[1].split(":")[1], 16) == port) // 1024


def pids(t):
    return {d: t.pid(d) for d in daemons(t)}


def same_pids(t, before):
    now = {d: t.pid(d) for d in before}
    again = ["%s (pid %d, now %d)" % (d, before[d], now[d]) for d in before if now[d] != before[d]]
    assert not again, "started again: " + ", ".join(again)


def nothing_dropped(t):
    """Check that no daemon's log says that the daemon gave something up."""
    for d in daemons(t):
        lost = re.search(r".*(stanza-lost|record-lost|out of memory).*", t.log(d))
        assert not lost, "%s: %s" % (d, lost.group(0))


class Load:
    """A running xmpp-load; words are its options but those of where and who."""

    def __init__(self, t, *words, user="load"):
        self.words = " ".join(words)
        self.process = subprocess.Popen(
            [t.bin + "/xmpp-load", "-p", PW, "-u", user, "-m", "PLAIN", *words, "127.0.0.1",
             str(t.tls_port if "-D" in words else t.port), "localhost"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.errors, self.thread = [], threading.Thread(target=self.drain, daemon=True)
        self.thread.start()

    def drain(self):
        for line in self.process.stderr:
            if " online, " not in line:
                self.errors.append(line.strip())

    def online(self):
        """Wait until the measured time begins."""
        line = self.process.stdout.readline()
        assert line.startswith("online\t"), "xmpp-load %s: %s; %s" % (
            self.words, line.strip() or "nothing", "; ".join(self.errors[:5]))

    def record(self):
        """Wait for its end; the figures."""
        out, _ = self.process.communicate() if not self.thread.is_alive() else (
            self.process.stdout.read(), self.process.wait())
        lines = [x for x in out.splitlines() if x.startswith("load\t")]
        assert lines, "xmpp-load %s ended with %d and no record: %s" % (
            self.words, self.process.wait(), "; ".join(self.errors[:5]))
        return {k: float(v) for k, v in (f.split("=") for f in lines[-1].split("\t")[1:])}

    def complete(self):
        """The figures, of which none may be bad."""
        f = self.record()
        bad = ["%s %d" % (k, f[k]) for k in ("lost", "doubled", "misordered", "failed", "broken")
               if f[k]]
        assert not bad, "xmpp-load %s: %s of %d; %s" % (
            self.words, ", ".join(bad), f["sent"], "; ".join(self.errors[:5]))
        return f

    def kill(self):
        """Cut all connections of xmpp-load at once."""
        self.process.kill()
        self.process.wait()


def import_accounts(t, names):
    names = list(names)
    for i in range(0, len(names), 5000):
        t.ctl("account", "import", "-", input="".join(
            "%s@localhost\t%s\n" % (n, PW) for n in names[i:i + 5000]))
