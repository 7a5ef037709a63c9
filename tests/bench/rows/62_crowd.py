"""An account publishes while many are online here and abroad: xmpp-pubsubd alone, as a filter, for a
load of half a million clients has no room beside it."""
import os, shutil, statistics, subprocess, tempfile, threading, time

from loads import Row, busy_seconds
from server import cpu_seconds

ACCOUNTS, CONTACTS, ABROAD, PUBLISHES = 10000, 50, 50, 1000
LISTS = "eu.siacs.conversations.axolotl.devicelist"
PUBSUB = "http://jabber.org/protocol/pubsub"
# A client that wants the node, and the hash of its capabilities (XEP-0115 s5.1).
CAPS = "sha-1,%s,urn:client"
CONFIG = """hosts: [localhost]
modules:
  mod_caps: {}
  mod_roster: {}
  mod_pubsub: {plugins: [flat, pep]}
"""
KEY = "c2FsdHNhbHRzYWx0c2FsdA== q83vEjRWeJCrze8SNFZ4kKvN7xI= q83vEjRWeJCrze8SNFZ4kKvN7xI="


def digest():
    import base64, hashlib
    text = "client/pc//x<%s+notify<" % LISTS
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def account(i):
    return "load%d@localhost" % (i % ACCOUNTS)


class Filter:
    """A program that reads records; all that it says is read."""

    def __init__(self, bindir, program, folder):
        self.p = subprocess.Popen([bindir + "/" + program, "-p", folder + "/settings"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        self.rest = b""

    def lines_until(self, begin):
        """The lines up to one that begins so."""
        got = []
        while True:
            *lines, self.rest = self.rest.split(b"\n")
            for i, line in enumerate(lines):
                got.append(line)
                if line.startswith(begin):
                    self.rest = b"\n".join(lines[i + 1:] + [self.rest])
                    return got
            more = os.read(self.p.stdout.fileno(), 1 << 20)
            if not more:
                raise RuntimeError("the program has ended")
            self.rest += more

    def write(self, text):
        self.p.stdin.write(text.encode())
        self.p.stdin.flush()

    def feed(self, records, turn=1000):
        """All of them, and a question of the administrator, whose answer is given."""
        def write():
            for i in range(0, len(records), turn):
                self.write("\n".join(records[i:i + turn]) + "\nturn\tover\n")
            self.write("ctl\tstats\nturn\tover\n")
        writer = threading.Thread(target=write)
        writer.start()
        got = self.lines_until(b"ctl\tdone")
        writer.join()
        return got

    def end(self):
        self.p.stdin.close()
        self.p.stdout.read()
        if self.p.wait():
            raise RuntimeError("exit %d" % self.p.returncode)

    def kill(self):
        self.p.kill()
        self.p.wait()

    def anon_kib(self):
        with open("/proc/%d/status" % self.p.pid) as f:
            return int(next(x for x in f if x.startswith("RssAnon")).split()[1])


def once(lab, program, folder, records, turn=1000):
    text = "\n".join(r + "\nturn\tover" * (i % turn == 0) for i, r in enumerate(records))
    subprocess.run([lab.bindir + "/" + program, "-p", folder + "/settings"], check=True,
                   input=text.encode() + b"\n", stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make(lab, folder):
    """Accounts and rosters: each has the next 25 as contacts, and the 25 before."""
    with open(folder + "/conf.yml", "w") as f:
        f.write(CONFIG)
    subprocess.run([lab.bindir + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o",
                    folder + "/settings", folder + "/conf.yml"], check=True)
    os.mkdir(folder + "/data")
    salt, stored, key = KEY.split()
    once(lab, "xmpp-authd", folder, ["ctl\taccount\tkeys\t%s\tSHA-1:4096:%s:%s:%s" % (
        account(i), salt, stored, key) for i in range(ACCOUNTS)])
    once(lab, "xmpp-userd", folder, ["registerd\tbefriend\t%d\t%s\t%s\t" % (
        i * 25 + j, account(i), account(i + j)) for i in range(ACCOUNTS)
        for j in range(1, CONTACTS // 2 + 1)])


def comes():
    """All sessions, and the clients of other servers that each account sees: they have been there
    before, so that none gets last items."""
    caps = CAPS % digest()
    yield from ("routed\tonline\t%s/r\t0\tagain\t%d" % (account(i), i + 1) for i in range(ACCOUNTS))
    yield from ("routed\tseen\t%s/r\t\t%s\tagain" % (account(i), caps) for i in range(ACCOUNTS))
    yield from ("routed\tseen\tabroad%d@other%d.example/r\t%s\t%s\tagain" % (
        i, j, account(i), caps) for j in range(ABROAD) for i in range(ACCOUNTS))


def publish(i, n):
    who = account(i) + "/r"
    return (
        "routed\tstanza\t\t%s\tiq\tset\tp%d\tns=%s\tc2sd:1:%d\t<iq from='%s' type='set' id='p%d'>"
        "<pubsub xmlns='%s'><publish node='%s'><item id='current'>"
        "<list xmlns='eu.siacs.conversations.axolotl'><device id='%d'/></list></item></publish>"
        "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>%s"
        "#publish-options</value></field><field var='pubsub#access_model'><value>open</value>"
        "</field></x></publish-options></pubsub></iq>" % (who, n, PUBSUB, n, who, n, PUBSUB, LISTS,
                                                          n, PUBSUB))


def start(lab, folder):
    f = Filter(lab.bindir, "xmpp-pubsubd", folder)
    f.feed(["routed\thello\txmpp-routed\t0.1\trouted\t1", "ctl\thello\txmpp-ctl\t0.1\tctl\t1"])
    return f


def learn(f):
    """The first client that shows the hash says what it wants."""
    who, caps = account(0) + "/r", CAPS % digest()
    f.write("routed\tseen\t%s\t\t%s\t\nturn\tover\n" % (who, caps))
    asked = f.lines_until(b"routed\tstanza\t" + who.encode())[-1].decode().split("\t")
    f.feed(["routed\tstanza\t%s\t%s\tiq\tresult\t%s\t\tc2sd:1:1\t<iq from='%s' type='result' "
            "id='%s'><query xmlns='http://jabber.org/protocol/disco#info'><identity "
            "category='client' type='pc' name='x'/><feature var='%s+notify'/></query></iq>" % (
                account(0), who, asked[6], who, asked[6], LISTS)])


def measure(f, first):
    """Seconds of each publish until its answer, on the disk, and the addresses of all events."""
    times, told = [], 0
    for n in range(first, first + PUBLISHES):
        text = publish(n * 7, n) + "\nturn\tover\n"
        began = time.monotonic()
        f.write(text)
        got = f.lines_until(b"routed\tack")
        times.append(time.monotonic() - began)
        told += sum(len(x.split(b"\t")[2].split(b"\\n")) for x in got
                    if x.startswith(b"routed\tfanout\t"))
    return sorted(times), told


def stats(lines):
    rows = (x.decode().split("\t") for x in lines)
    return {x[2]: x[3] for x in rows if x[:2] == ["ctl", "stat"]}


def crowd(lab, row, server):
    folder = tempfile.mkdtemp(prefix="bench-crowd-")
    try:
        make(lab, folder)
        records = list(comes())
        busy, own, measured = busy_seconds(), time.process_time(), time.monotonic()
        f = start(lab, folder)
        learn(f)
        f.feed([publish(i, 2 + i) for i in range(ACCOUNTS)])
        before = f.anon_kib()
        got = stats(f.feed(records))
        anon, cpu = f.anon_kib(), cpu_seconds({f.p.pid})
        times, told = measure(f, 2 + ACCOUNTS)
        spent = cpu_seconds({f.p.pid})
        cpu = spent - cpu
        f.kill()
        began = time.monotonic()
        f = start(lab, folder)
        up = time.monotonic() - began
        f.feed(records)
        back, back_cpu = time.monotonic() - began, cpu_seconds({f.p.pid})
        again, told_again = measure(f, 3 * ACCOUNTS)
        spent += cpu_seconds({f.p.pid})
        f.end()
        if told != told_again or told != PUBLISHES * (1 + CONTACTS + ABROAD):
            raise RuntimeError("%d, %d addresses" % (told, told_again))
        return {"figure": statistics.median(times) * 1e3, "p99_ms": times[len(times) * 99 // 100] * 1e3,
                "cpu_us": cpu / told * 1e6, "told": told / PUBLISHES, "anon_kib": anon,
                "crowd_kib": anon - before, "pairs": int(got["interested"]),
                "pair_bytes": int(got["interested_bytes"]) / int(got["interested"]),
                "up_s": up, "restart_s": back, "again_ms": statistics.median(again) * 1e3,
                "seconds": time.monotonic() - measured,
                "restart_cpu_s": back_cpu, "others_s": busy_seconds() - busy - spent - (time.process_time() - own)}
    finally:
        shutil.rmtree(folder)


ROWS = [
    Row("pep-crowd", "publish with 101 receivers, 10 000 accounts and 500 000 clients abroad", "ms",
        crowd, alone=True, bare=True, once=True),
]
