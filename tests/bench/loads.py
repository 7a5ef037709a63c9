"""The loads that a row puts on a server, and the figures that are computed from them; the rows of
the table are in rows/.

A row is measured by one of the functions here or by one of its own file, called with (Lab, row,
server), which gives a record: a dictionary with the figure under "figure" and whatever it was
computed from.
The server is started for each measurement and stopped after it, so that none of them pays for
the one before, and no server for the others' idling.
"""
import os, subprocess, sys, tempfile, threading

from server import cpu_seconds, pss_kib, quiet, run

# Seconds that xmpp-load may take beyond the measured time: for logins, and for late messages.
PATIENCE = 60
PATIENCE_A_SESSION = 0.05
BAD = ("failed", "broken", "lost", "doubled", "misordered")
IDLE = ["-l", "idle", "-P", "50", "-n"]
PAIRS = ["-l", "chat", "-n", "100", "-w", "4", "-b", "100"]


class Row:
    """name: to choose it by; how: a function of this file; words: for xmpp-load; sessions:
    accounts that it needs; alone: only of tabber; archive, instances: of the server; fresh: from
    empty archives each time; less: whether less is better; reach: what tabber should reach;
    over: the row whose figure this one's is compared with; more: others who are online, how many
    messages fill the archive of the first account, once: one round is enough, bare: no server;
    config: what a server has besides, by its name: dictionaries of texts, see Server. A row with a
    config is not for servers that it does not name."""

    def __init__(self, name, title, unit, how, words=(), sessions=100, reach="", over=None,
                 archive=False, instances=1, alone=False, fresh=False, less=True, **more):
        self.name, self.title, self.unit, self.how = name, title, unit, how
        self.words, self.sessions, self.reach, self.over = list(words), sessions, reach, over
        self.archive, self.instances, self.alone = archive, instances, alone
        self.fresh, self.less, self.more = fresh, less, more

    def config(self, cls):
        return self.more.get("config", {}).get(cls.name, {})

    def users(self, cls):
        """The number of accounts that the row needs."""
        return self.sessions if cls.logs_in_again else max(self.sessions, STAYING)

    def is_for(self, cls):
        if cls.name != "tabber" and (self.alone or self.archive and not cls.has_archive):
            return False
        return cls.name in self.more.get("config", {cls.name: {}})


class Load:
    """xmpp-load at work: online() waits for the measured time, record() for its end."""

    def __init__(self, lab, server, words, seconds, sessions):
        self.words = [lab.bindir + "/xmpp-load", "-t", str(seconds)] + list(words)
        if "-m" not in words:
            self.words += ["-m", server.mechanism]
        self.words += [getattr(server, "host", "127.0.0.1"), str(server.port), server.domain]
        self.most = seconds + PATIENCE + sessions * PATIENCE_A_SESSION
        self.err = []
        self.p = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, text=True)
        self.watch = threading.Timer(self.most, self.p.kill)
        self.watch.start()
        self.reader = threading.Thread(target=self.read_errors, daemon=True)
        self.reader.start()

    def read_errors(self):
        for line in self.p.stderr:
            self.err = self.err[-20:] + [line]

    def line(self):
        text = self.p.stdout.readline()
        if not text:
            self.end()
            raise RuntimeError("xmpp-load said nothing more: " + "".join(self.err))
        return text.rstrip("\n").split("\t")

    def online(self):
        """Wait until all clients are online; their number."""
        while True:
            f = self.line()
            if f[0] == "online":
                return int(f[1])
            if f[0] == "load":
                raise RuntimeError("xmpp-load did not begin: %s %s" % (f, "".join(self.err)))

    def record(self):
        while True:
            f = self.line()
            if f[0] == "load":
                self.end(kill=False)
                if os.environ.get("BENCH_TRACE"):
                    sys.stderr.write("".join(self.err))
                return {k: float(v) for k, v in (x.split("=") for x in f[1:])}

    def end(self, kill=True):
        if kill:
            self.p.kill()
        self.p.wait()
        self.watch.cancel()


def busy_seconds():
    """CPU that everything on this machine has used so far."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, soft = (int(x) for x in f.readline().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def play(lab, server, words, seconds, sessions):
    """Play one load; its record, with the CPU that the server used in the measured time (cpu_s),
    and the CPU that neither the load nor the server used (others_s): figures are worth less where
    others_s is large."""
    pids = server.pids()
    load = Load(lab, server, words, seconds, sessions)
    try:
        load.online()
        before, busy = cpu_seconds(pids), busy_seconds()
        got = load.record()
        got["cpu_s"] = cpu_seconds(pids) - before
        got["others_s"] = busy_seconds() - busy - got["cpu_s"] - got["cpu_ms"] / 1000
        return got
    finally:
        if load.p.poll() is None:
            load.end()


def with_figure(got, figure):
    return dict(got, figure=figure)


# ---- how a row is measured


def beside(others, lab, server, words, sessions):
    """Like play(), while so many other clients are online, which only stay; the others have the
    first numbers."""
    if not others:
        return play(lab, server, words, lab.seconds, sessions)
    stay = Load(lab, server, IDLE + [str(others)], 3600, others)
    try:
        stay.online()
        quiet()
        return play(lab, server, words + ["-F", str(others + 1)], lab.seconds, sessions)
    finally:
        stay.end()


def cpu_per_unit(lab, row, server):
    """Microseconds of CPU for each message, or whatever arrives."""
    got = beside(row.more.get("others"), lab, server, row.words, row.sessions)
    return with_figure(got, got["cpu_s"] * 1e6 / got["received"] if got["received"] else None)


def latency(lab, row, server):
    got = play(lab, server, row.words, lab.seconds, row.sessions)
    return with_figure(got, got["p99_us"] / 1000 if got["received"] else None)


def rate(lab, row, server):
    got = play(lab, server, row.words, lab.seconds, row.sessions)
    return with_figure(got, got["rate"])


def staying(lab, row, server):
    """Like login(), for a server that does not let the same account in again and again: each of
    STAYING logs in once, and stays."""
    pids = server.pids()
    before = cpu_seconds(pids)
    load = Load(lab, server, ["-l", "idle", "-n", str(STAYING), "-P", str(row.sessions)], 1,
                STAYING)
    try:
        n = load.online()
        used = cpu_seconds(pids) - before
    finally:
        load.end()
    return {"figure": used * 1e3 / n, "logins": n, "cpu_s": used}


def login(lab, row, server):
    """Milliseconds of CPU a login."""
    if not server.logs_in_again:
        return staying(lab, row, server)
    got = beside(row.more.get("others"), lab, server, row.words, row.sessions)
    return with_figure(got, got["cpu_s"] * 1e3 / got["logins"] if got["logins"] else None)


def memory(lab, row, server):
    """KiB that each session adds to all processes, when they have come to rest. A hundred come
    and go before: what only the first one costs is not counted."""
    if server.logs_in_again:
        play(lab, server, IDLE + ["100"], 1, 100)
    quiet()
    pids = server.pids()
    before = pss_kib(pids)
    load = Load(lab, server, row.words, 3600, row.sessions)
    try:
        n = load.online()
        quiet()
        after = pss_kib(pids)
    finally:
        load.end()
    return {"figure": (after - before) / n, "sessions": n, "before_kib": before,
            "after_kib": after}


PAGES_LEAST, PAGING_MOST = 8, 60


def paging(lab, row, server):
    """Microseconds of CPU for each message that the archive gives. The last page may be half done
    when the time is over: one that gives few is asked for longer."""
    got = play(lab, server, row.words, lab.seconds, 1)
    if got["sent"] < PAGES_LEAST:
        longer = max(got["p50_us"] / 1e6, lab.seconds) * PAGES_LEAST
        got = play(lab, server, row.words, min(PAGING_MOST, int(longer)), 1)
    got["messages"] = server.fills["messages"]
    return with_figure(got, got["cpu_s"] * 1e6 / got["received"] if got["received"] else None)


def filling(what):
    """The figure `what` that filling the archive of the row before has given."""
    def how(lab, row, server):
        return with_figure(server.fills, server.fills[what])
    return how


def append(lab, row, server):
    """The library of the archive works alone; the fields are archive-append's."""
    with tempfile.TemporaryDirectory(prefix="bench-append-") as d:
        said = run(lab.tools + "/archive-append", d, "200000", "1000").decode()
    got = {k: float(v) for k, v in (x.split("=") for x in said.split()[1:])}
    return with_figure(got, got["append_cpu_us"])


CONTACTS, STAYING = 100, 300
LOGIN = ["-l", "login", "-n", "10", "-P", "10"]


def fill(lab, server, messages):
    """Fill the archive of the first account, who talks with CONTACTS others: so many messages,
    or as many as a slow server takes in lab.patience seconds."""
    before = server.disk()
    got = play(lab, server, ["-l", "chat", "-H", "-n", str(CONTACTS + 1), "-N", str(messages),
                             "-w", "4", "-b", "100", "-P", "20"], lab.patience, CONTACTS)
    server.fills = dict(got, messages=got["received"], inserts=got["received"] / got["seconds"],
                        bytes=(server.disk() - before) / got["received"])
