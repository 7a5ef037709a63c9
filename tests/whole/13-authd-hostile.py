#!/usr/bin/python3
"""xmpp-authd -p against strangers who stop half way, and against a c2sd that says anything."""
import random

from tree import *

DIR = tempfile.mkdtemp(prefix="authd-")
CONFIG = "hosts:\n  - localhost\n  - example.com\nlisten:\n  -\n    port: 5222\n    module: ejabberd_c2s\n"
EXCHANGES_MAX = 20000


def authd(lines):
    """What it answers, as rows of fields."""
    home = tempfile.mkdtemp(dir=DIR)
    os.mkdir(home + "/data")
    shutil.copytree(DIR + "/settings", home + "/settings")
    r = subprocess.run([BIN + "/xmpp-authd", "-p", home + "/settings"],
                       input=("\n".join(lines) + "\n").encode(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60 * SLOW)
    err = r.stderr.decode(errors="replace")
    assert r.returncode == 0 and "Sanitizer" not in err, (r.returncode, err[-3000:])
    shutil.rmtree(home)
    return [x.split("\t") for x in r.stdout.decode().splitlines()], err


def hello(link):
    return "%s\thello\txmpp-c2sd\t0.1\t%s\t1" % (link, link)


def b64(text):
    return base64.b64encode(text.encode()).decode()


def auth(n, ip, link="c2sd"):
    return "%s\tauth\t%d\tlocalhost\tSCRAM-SHA-256\t%s\t%s\t1\t" % (
        link, (1 << 20) + n, b64("n,,n=x,r=abcdef"), ip)


def response(n, link="c2sd"):
    return "%s\tresponse\t%d\t%s" % (link, (1 << 20) + n, b64("c=biws,r=x,p=AAAA"))


def answers(rows, n):
    """(verb, condition) of all that was said about an exchange, but challenges' data."""
    return [(x[1], x[3] if x[1] == "failure" else "") for x in rows
            if x[1] in ("challenge", "success", "failure") and x[2] == str((1 << 20) + n)]


CHALLENGED = [("challenge", "")]
GONE = CHALLENGED + [("failure", "temporary-auth-failure")]
CHECKED = CHALLENGED + [("failure", "not-authorized")]


def stat(rows, name):
    return [int(x[3]) for x in rows if x[1:3] == ["stat", name]][-1]


@check
def strangers_who_stop_at_the_challenge_push_out_each_other():
    """One address fills the table; others get in, keep their places, and it loses its oldest."""
    few = [auth(0, "192.0.2.1"), auth(1, "2001:db8:1::1")]
    many = [auth(2 + i, "198.51.100.7") for i in range(EXCHANGES_MAX)]
    late = [auth(EXCHANGES_MAX + 2, "192.0.2.2")]
    ends = [response(n) for n in (0, 1, 2, 3, 4, 5, EXCHANGES_MAX + 1, EXCHANGES_MAX + 2)]
    rows, err = authd([hello("c2sd")] + few + many + late + ["ctl\tstats"] + ends)
    assert stat(rows, "open") == EXCHANGES_MAX and stat(rows, "crowded_out") == 3
    for n in (2, 3, 4):
        assert answers(rows, n) == GONE, (n, answers(rows, n))
    for n in (0, 1, 5, EXCHANGES_MAX + 1, EXCHANGES_MAX + 2):
        assert answers(rows, n) == CHECKED, (n, answers(rows, n))
    assert err.count("event=exchanges-full") == 1 and "ip=198.51.100.7" in err, err


@check
def a_site_of_ipv6_is_one_address():
    """Every exchange has an address of its own in one /64: an address with two keeps both."""
    few = [auth(0, "::ffff:192.0.2.1"), auth(1, "192.0.2.1")]
    many = [auth(2 + i, "2001:db8::%x:%x" % (i // 60000 + 1, i % 60000))
            for i in range(EXCHANGES_MAX)]
    rows, err = authd([hello("c2sd")] + few + many + [response(n) for n in range(5)])
    for n in (0, 1, 4):
        assert answers(rows, n) == CHECKED, (n, answers(rows, n))
    for n in (2, 3):
        assert answers(rows, n) == GONE, (n, answers(rows, n))
    assert "ip=2001:db8:: " in err, err


class Liar:
    """A c2sd whose records keep the grammar and nothing else."""

    WORDS = ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS",
             "SCRAM-", "-PLUS", "", "nix")
    DATA = ("", "=", "====", "AAAA", "\\0", b64("\0juliet\0secret"), b64("\0juliet\0wrong"),
            b64("a\0b\0c"), b64("n,,n=juliet,r=abcdef"), b64("p=tls-exporter,,n=juliet,r=abcdef"),
            b64("y,,n=juliet,r=abcdef"), b64("n,a=x,n=nobody,r=abcdef"), b64("c=biws,r=x,p=AAAA"),
            b64("n" * 1000), "A" * 9000, b64("\0" + "j" * 600 + "\0x"))
    IPS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "", "x" * 300)
    BINDINGS = ("", "tls-exporter=QUFBQQ==", "tls-unique=AA== tls-exporter=AA==", "x" * 2000)

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.now = 1000000000000000

    def id(self):
        return (self.r.choice((0, 1, 2, 3, (1 << 44) - 1)) << 20) | self.r.choice((0, 1, 5, 70, 1 << 19))

    def line(self):
        r, link = self.r, self.r.choice(("c2sd", "c2sd-2"))
        kind = r.random()
        if kind < 0.5:
            return "\t".join((link, "auth", str(self.id()), r.choice(("localhost", "example.com", "far", "")),
                              r.choice(self.WORDS), r.choice(self.DATA), r.choice(self.IPS),
                              r.choice(("", "0", "1")), r.choice(self.BINDINGS)))
        if kind < 0.75:
            return "\t".join((link, "response", str(self.id()), r.choice(self.DATA)))
        if kind < 0.9:
            return "\t".join((link, "abort", str(self.id())))
        if kind < 0.93:
            return link + "\tbye"
        if kind < 0.96:
            return hello(link)
        if kind < 0.98:
            self.now += r.choice((1, 60000000, 120000000))
            return "clock\t%d" % self.now
        return "ctl\taccount\t%s\tjuliet@localhost\tsecret" % r.choice(("add", "del", "passwd"))


@check
def whatever_a_c2sd_says_ends_its_own_exchanges_only():
    """Every id that is answered was named, and no exchange outlives its link."""
    for seed in range(3 if not os.environ.get("LIES") else int(os.environ["LIES"])):
        liar = Liar(seed)
        lines = [hello("c2sd"), hello("c2sd-2")] + [liar.line() for _ in range(1500)]
        ends = ["c2sd\tbye", "c2sd-2\tbye", "ctl\tstats", "clock\t%d" % (liar.now + 120000001)]
        rows, _ = authd(lines + ends)
        named = {x.split("\t")[2] for x in lines if "\tauth\t" in x or "\tresponse\t" in x}
        told = {x[2] for x in rows if x[1] in ("challenge", "success", "failure")}
        assert told and told <= named, (seed, told - named)
        assert stat(rows, "open") == 0, (seed, stat(rows, "open"))


try:
    os.makedirs(DIR, exist_ok=True)
    with open(DIR + "/x.yml", "w") as f:
        f.write(CONFIG)
    subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o",
                    DIR + "/settings", DIR + "/x.yml"], check=True)
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
