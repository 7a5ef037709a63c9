#!/usr/bin/python3
"""xmpp-authd -p against strangers who stop half way, and against a c2sd that says anything."""
import random

from tree import *

DIR = tempfile.mkdtemp(prefix="authd-")
CONFIG = "hosts:\n  - localhost\n  - example.com\nlisten:\n  -\n    port: 5222\n    module: ejabberd_c2s\n"
EXCHANGES_MAX = 20000


def settings(iterations=None):
    """Compiles the configuration; its folder."""
    out = "%s/settings-%s" % (DIR, iterations)
    if not os.path.exists(out):
        with open(DIR + "/x.yml", "w") as f:
            f.write(CONFIG + ("tabber:\n  scram_iterations: %d\n" % iterations if iterations else ""))
        subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o", out,
                        DIR + "/x.yml"], check=True)
    return out


def authd(lines, home=None, iterations=None):
    """Run xmpp-authd with lines; its answers, as rows of fields, and its log. A home that is given
    keeps its data."""
    keep, home = home, home or tempfile.mkdtemp(dir=DIR)
    os.makedirs(home + "/data", exist_ok=True)
    shutil.rmtree(home + "/settings", ignore_errors=True)
    shutil.copytree(settings(iterations), home + "/settings")
    r = subprocess.run([BIN + "/xmpp-authd", "-p", home + "/settings"],
                       input=("\n".join(lines) + "\n").encode(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60 * SLOW)
    err = r.stderr.decode(errors="replace")
    assert r.returncode == 0 and "Sanitizer" not in err, (r.returncode, err[-3000:])
    if not keep:
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
    """A site of IPv6, with an address of its own for each exchange, fills the table: others get
    in, keep their places (an address with two both), and the site loses its oldest."""
    few = [auth(0, "::ffff:192.0.2.1"), auth(1, "192.0.2.1"), auth(2, "2001:db8:1::1")]
    many = [auth(3 + i, "2001:db8::%x:%x" % (i // 60000 + 1, i % 60000))
            for i in range(EXCHANGES_MAX)]
    late = [auth(EXCHANGES_MAX + 3, "192.0.2.2")]
    keep, lose = (0, 1, 2, 7, EXCHANGES_MAX + 2, EXCHANGES_MAX + 3), (3, 4, 5, 6)
    rows, err = authd([hello("c2sd")] + few + many + late + ["ctl\tstats"]
                      + [response(n) for n in keep + lose])
    assert stat(rows, "open") == EXCHANGES_MAX and stat(rows, "crowded_out") == 4
    for n in keep:
        assert answers(rows, n) == CHECKED, (n, answers(rows, n))
    for n in lose:
        assert answers(rows, n) == GONE, (n, answers(rows, n))
    assert err.count("event=exchanges-full") == 1 and "ip=2001:db8:: " in err, err


# ---- names that nobody has (RFC 5802 s9)


def offers(home, names, iterations, host="localhost", hashes=("SHA-1", "SHA-256", "SHA-512")):
    """{name: (iteration count, salts)}; the count must be the same for all hashes."""
    lines = [hello("c2sd")] + [
        "c2sd\tauth\t%d\t%s\tSCRAM-%s\t%s\t192.0.2.1\t1\t" % (i + 1, host, h, b64("n,,n=%s,r=x" % name))
        for i, (name, h) in enumerate((n, h) for n in names for h in hashes)]
    rows, _ = authd(lines, home, iterations)
    told = [dict(p.split("=", 1) for p in base64.b64decode(x[3]).decode().split(",")) for x in rows
            if x[1] == "challenge"]
    assert len(told) == len(names) * len(hashes)
    found = {}
    for i, name in enumerate(names):
        of = told[i * len(hashes):(i + 1) * len(hashes)]
        assert len({x["i"] for x in of}) == 1 and len({x["s"] for x in of}) == len(hashes), of
        found[name] = int(of[0]["i"]), tuple(x["s"] for x in of)
    return found


def change(home, what, names, iterations, host="localhost"):
    lines = ["ctl\taccount\t%s\t%s@%s\tsecret" % (what, n, host) for n in names]
    rows, _ = authd(lines, home, iterations)
    assert rows == [["ctl", "done"]] * len(names), rows


@check
def a_name_that_nobody_has_keeps_its_salt_and_count():
    """Accounts keep their iteration count, however often the setting changes."""
    home = tempfile.mkdtemp(dir=DIR)
    nobody = ["nobody%d" % i for i in range(40)]
    assert {x[0] for x in offers(home, nobody, 5000).values()} == {5000}  # no account: the setting
    change(home, "add", ["alice", "bob"], 4096)
    before = offers(home, nobody + ["alice", "bob"], 4096)
    assert {x[0] for x in before.values()} == {4096}, before
    for iterations in (10000, 5000):
        assert offers(home, nobody + ["alice", "bob"], iterations) == before


@check
def names_move_to_a_new_count_as_accounts_do():
    """Twenty accounts, of which half change their passwords, and so do about half of the names;
    no name moves back, and those that moved have new salts."""
    home = tempfile.mkdtemp(dir=DIR)
    nobody, people = (["%s%d" % (x, i) for i in range(n)] for x, n in (("nobody", 200), ("a", 20)))
    change(home, "add", people, 4096)
    change(home, "add", people[:2], 10000, host="example.com")
    steps = [offers(home, nobody, 10000)]
    for part in (people[:10], people[10:]):
        change(home, "passwd", part, 10000)
        steps.append(offers(home, nobody, 10000))
    moved = [sum(x[0] == 10000 for x in s.values()) for s in steps]
    assert moved[0] == 0 and 60 <= moved[1] <= 140 and moved[2] == 200, moved
    for old, new in zip(steps, steps[1:]):
        for n in nobody:
            same = old[n][0] == new[n][0]
            assert same or old[n][0] == 4096, (n, old[n], new[n])
            assert all((a == b) == same for a, b in zip(old[n][1], new[n][1])), (n, old[n], new[n])
    assert {x[0] for x in offers(home, nobody, 4096, host="example.com").values()} == {10000}
    change(home, "del", people, 10000)
    assert {x[0] for x in offers(home, nobody, 6000).values()} == {6000}


# ---- a c2sd that lies


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
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
