#!/usr/bin/python3
"""xmpp-c2sd as a filter, given what a client could send to cost it much: the CPU time of each byte,
the bytes that it keeps and the bytes that it says have limits. No server runs; records are made
here, and times are CPU seconds."""
import atexit

from tree import *

US = 1e-6
DIR = tempfile.mkdtemp(prefix="c2sd-bounds-")
atexit.register(shutil.rmtree, DIR)
YML = """hosts: [example.com]
listen:
  - {port: 5222, ip: "::", module: ejabberd_c2s, starttls: true, max_stanza_size: 262144}
modules:
  mod_client_state: {}
  mod_stream_mgmt: {resume_timeout: 1000 s}
"""
HEAD = ("<stream:stream xmlns='jabber:client' xmlns:stream='%s' xmlns:e='urn:xmpp:sm:3' "
        "to='example.com' version='1.0'>" % STREAM)
ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
INACTIVE = "<inactive xmlns='urn:xmpp:csi:0'/>"
START = ["routed\thello\txmpp-routed\t0.1\trouted\t1", "authd\tmechanisms\texample.com\tPLAIN"]
SID = 1048576  # of the first stream


def data(text, conduit=1):
    return "tlsd\tdata\t%d\t%s" % (conduit, text)


def opened(conduit=1):
    return ["tlsd\topen\t%d\t[::]:5222\t192.0.2.1\t4000" % conduit,
            "tlsd\tsecured\t%d\tTLSv1.3\tX\texample.com" % conduit]


def authed(conduit=1):
    return opened(conduit) + [
        data(HEAD + "<auth xmlns='%s' mechanism='PLAIN'>AA==</auth>" % SASL, conduit),
        "authd\tsuccess\t%d\t\tjuliet@example.com" % (SID + conduit - 1), data(HEAD, conduit)]


def bound(conduit=1):
    return authed(conduit) + [
        data("<iq type='set' id='b'><bind xmlns='%s'><resource>r</resource></bind></iq>" % BIND,
             conduit),
        "routed\tbound\t%d\tjuliet@example.com/r" % (SID + conduit - 1)]


def deliver(kind, n, inside, sender="romeo@example.net/o"):
    """A stanza that xmpp-routed delivers to the first stream."""
    return ("routed\tdeliver\t%d\tjuliet@example.com/r\t%s\t%s\t\t\tbody\trouted:%d\t"
            "<%s from='%s'>%s</%s>" % (SID, sender, kind, n, kind, sender, inside, kind))


class Run:
    """A run of these records: lines, log, CPU seconds."""

    def __init__(self, *lines):
        text = "".join(line + "\n" for part in lines
                       for line in ([part] if isinstance(part, str) else part))
        with open(DIR + "/in", "w") as f:
            f.write(text)
        with open(DIR + "/in") as i, open(DIR + "/out", "wb") as o, \
                open(DIR + "/err", "wb") as e:
            p = subprocess.Popen([BIN + "/xmpp-c2sd", "-p", DIR + "/settings"], stdin=i,
                                 stdout=o, stderr=e)
            _, status, used = os.wait4(p.pid, 0)
        p.returncode = status
        self.cpu = used.ru_utime + used.ru_stime
        self.out = open(DIR + "/out", "rb").read().decode().split("\n")
        self.log = open(DIR + "/err", "rb").read().decode()
        assert not status, "exit %d: %s" % (status, self.log[-500:])

    def count(self, start):
        return sum(line.startswith(start) for line in self.out)

    def kept(self):
        return int(next(x for x in self.out if x.startswith("ctl\tstat\tkept_bytes")).split()[-1])

    def bytes_to(self, conduit=1):
        start = "tlsd\tdata\t%d\t" % conduit
        return sum(len(x) - len(start) for x in self.out if x.startswith(start))


def cost(before, more, each):
    """CPU microseconds that each of so many more records (or bytes) costs: the least of three."""
    return min(Run(before, more).cpu - Run(before).cpu for _ in range(3)) / each / US


def settings():
    with open(DIR + "/c.yml", "w") as f:
        f.write(YML)
    subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o",
                    DIR + "/settings", DIR + "/c.yml"], check=True)


def at_most(what, us, most):
    """most: about five times what it is on a machine of today."""
    if os.environ.get("WHOLE_TIMES"):
        print("         %s: %.2f us" % (what, us))
    assert us < most * SLOW, "%s costs %.1f us, %d allowed" % (what, us, most)


@check
def directed_presence_costs_the_same_however_much_there_was():
    domain = ".".join(["d" * 60] * 16)
    long = [data("<presence to='%s@%s/%s'/>" % (("u%d" % i + "x" * 1000)[:1000], domain, "r" * 1000))
            for i in range(1024)]
    short = [data("<presence to='u%d@h'/>" % i) for i in range(1024)]
    off = [data("<presence type='unavailable' to='u%d@h'/>" % (i % 1024)) for i in range(2000)]
    on = [data("<presence to='a@b'/>")] * 2000
    at_most("one more with 1024 long ones", cost(START + bound() + long, on, 2000), 25)
    at_most("one more with 1024 short ones", cost(START + bound() + short, on, 2000), 25)
    at_most("one less of 1024", cost(START + bound() + short, off, 2000), 25)
    r = Run(START, bound(), short, data("<presence type='unavailable'/>"), data("</stream:stream>"))
    assert r.out[-2] == "routed\tunbind\t%d\t\t0" % SID, r.out[-2]
    r = Run(START, bound(), long, data("</stream:stream>"))
    assert len(r.out[-2]) < 270000, len(r.out[-2])
    assert r.log.count("directed-presence-not-noted") == 1, r.log[-1000:]


@check
def presence_for_an_inactive_client_costs_the_same_however_much_waits():
    big = [deliver("presence", 0, "x" * 240000, "u%d@h/r" % i) for i in range(4)]
    few = [deliver("presence", 0, "x" * 100, "v%d@h/r" % i) for i in range(90)]
    more = [deliver("presence", 0, "y" * 100, "v%d@h/r" % (i % 90)) for i in range(3000)]
    waiting = START + bound() + [data(INACTIVE)]
    at_most("one more, much waits", cost(waiting + big + few, more, 3000), 30)
    r = Run(waiting, [deliver("presence", 0, "x" * 240000, "u%d@h/r" % i) for i in range(40)])
    assert r.count("tlsd\tdata\t1\t<presence") >= 35, r.count("tlsd\tdata\t1\t<presence")
    r = Run(waiting, [deliver("presence", 0, "x" * 240000, "u@h/r") for i in range(201)],
            "ctl\tstats")
    assert r.count("tlsd\tdata\t1\t<presence") == 0
    assert r.kept() < 1000000, "%d bytes" % r.kept()


@check
def what_is_not_acknowledged_has_a_limit_in_bytes():
    away = [data(ENABLE), "tlsd\tclose\t1\tgone"]
    big = [deliver("message", i, "x" * 250000) for i in range(1, 101)]
    r = Run(START, bound(), away, big)
    back = r.count("routed\tstanza\tjuliet@example.com/r")
    assert 60 <= back <= 70, "%d are given back" % back
    assert r.count("routed\tunbind") == 1


@check
def what_waits_for_a_client_that_is_not_bound_is_small():
    flood = [data("<e:enable/>" * 1000)] * 70
    for before in (opened() + [data(HEAD)], authed()):
        for stop in ([], ["tlsd\tstop\t1"]):
            r = Run(START, before, stop, flood)
            assert r.bytes_to() < 10000, "%d bytes" % r.bytes_to()
            assert r.count("tlsd\tclose\t1") == 1


@check
def a_session_whose_client_does_not_read_is_taken_over_whole():
    """Nearly as much waits as may: the stream error for the old stream goes above the limit."""
    asks = [data("<r xmlns='urn:xmpp:sm:3'/>" * 1000)] * 262 + [data("<r xmlns='urn:xmpp:sm:3'/>" * 143)]
    before = START + bound() + [data(ENABLE), deliver("message", 1, "m1"), "tlsd\tstop\t1"] + asks
    token = re.search("<enabled[^>]* id='([^']*)'", "\n".join(Run(before).out)).group(1)
    r = Run(before, authed(2), data("<resume xmlns='urn:xmpp:sm:3' h='0' previd='%s'/>" % token, 2),
            "routed\tyield\t%d\t%s\tjuliet@example.com\t0\tc2sd\t%d" % (SID, token, SID + 1),
            "ctl\tstats")
    assert r.count("tlsd\tclose\t1") == 1
    assert r.count("tlsd\tclose\t2") == 0 and r.count("routed\tunbind") == 0
    assert "ctl\tstat\tsessions\t1" in r.out
    assert r.count("tlsd\tdata\t2\t<resumed") == 1
    assert r.count("tlsd\tdata\t2\t<message") == 1


@check
def a_byte_costs_a_microsecond_at_most():
    """Bytes of the input and of the answer count. The cost of a record is not measured per byte."""
    for name, text in (("an iq that is none", "<iq/>"), ("an r", "<e:r/>"),
                       ("an early resume", "<e:resume/>"), ("a session request",
                       "<iq type='set' id='1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"),
                       ("a message", "<message/>"), ("presence", "<presence/>"), ("a blank", " ")):
        ready = START + bound() + [data(ENABLE)] * (text == "<e:r/>")
        n = 200000 // len(text)
        more = [data(text * (n // 40))] * 40
        said = Run(ready, more)
        assert not said.count("tlsd\tclose"), said.out[-3]
        size = n // 40 * 40 * len(text) + sum(map(len, said.out))
        at_most("a byte of " + name, cost(ready, more, size), 1)
    ready = START + bound()
    pieces = [data(c) for c in "<message><body>" + "x" * 15000]
    at_most("a byte that is a record", cost(ready, pieces, len(pieces)), 10)


settings()
main()
