#!/usr/bin/python3
"""xmpp-ctl: accounts, sessions, figures, reload; and what it says to what is wrong."""
from tree import *


def logs_in(t, user, password, host="localhost"):
    s = t.stream(host=host)
    s.secured()
    ok = s.auth_scram(user, password)[0] == "success"
    s.abort()
    return ok


@check
def add_passwd_del(t):
    t.ctl("account", "add", "x@localhost", input="one\n")
    assert logs_in(t, "x", "one") and not logs_in(t, "x", "two")
    code, out, err = t.ctl("account", "add", "x@localhost", input="two\n", code=None)
    assert code == 1 and err, (code, out, err)
    assert logs_in(t, "x", "one"), "adding it again changed the password"
    t.ctl("account", "passwd", "x@localhost", input="two\n")
    assert logs_in(t, "x", "two") and not logs_in(t, "x", "one")
    t.ctl("account", "del", "x@localhost")
    assert not logs_in(t, "x", "two")
    assert t.ctl("account", "del", "x@localhost", code=None)[0] == 1
    assert t.ctl("account", "passwd", "x@localhost", input="y\n", code=None)[0] == 1


@check
def a_password_that_is_made_up(t):
    out = t.ctl("--generate", "account", "add", "g@localhost")
    jid, password = out.split()
    assert jid == "g@localhost" and len(password) >= 16
    assert logs_in(t, "g", password)
    t.ctl("account", "del", "g@localhost")


@check
def list_by_host(t):
    t.add("l1@localhost")
    t.add("l2@other.example")
    every = t.ctl("account", "list").split()
    assert "l1@localhost" in every and "l2@other.example" in every, every
    assert t.ctl("account", "list", "other.example").split() == ["l2@other.example"]
    assert logs_in(t, "l2", PW, "other.example") and not logs_in(t, "l2", PW)
    rows = t.ctl("account", "list", records=True).splitlines()
    assert all(r.startswith("account\t") for r in rows), rows


@check
def keys_are_derived_in_another_process(t):
    """The end of that process fails one password at most; the next password starts another."""
    def child():
        out = subprocess.run(["pgrep", "-P", str(t.pid("authd"))], stdout=subprocess.PIPE).stdout.split()
        return int(out[0]) if out else 0
    first = child()
    assert first
    os.kill(first, signal.SIGKILL)
    until("the end of the process", lambda: child() != first)
    t.add("derived@localhost")
    assert logs_in(t, "derived", PW) and child() not in (0, first)
    t.ctl("account", "del", "derived@localhost")


def cpu(t):
    """Seconds of CPU that authd, and all that this process waited for, have had."""
    with open("/proc/%d/stat" % t.pid("authd")) as f:
        mine = sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13])
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine / os.sysconf("SC_CLK_TCK") + ours.ru_utime + ours.ru_stime


def hashing():
    """Seconds of CPU that this machine needs now for the keys of an account."""
    began = time.thread_time()
    for h in ("sha1", "sha256", "sha512"):
        hashlib.pbkdf2_hmac(h, b"pw", b"salt of 16 bytes", 10000)
    return time.thread_time() - began


class Hashing(threading.Thread):
    """Measures what hashing costs until seconds() asks for the mean: a machine that does other work too
    is slower at times, and so is the import."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.samples = threading.Event(), [hashing() for _ in range(5)]
        self.start()

    def run(self):
        while not self.over.wait(0.3):
            self.samples.append(hashing())

    def seconds(self):
        self.over.set()
        self.join()
        return sum(self.samples) / len(self.samples)


@check
def import_many(t):
    """What an account costs with the default iterations, authd's part and that of the processes that
    hash, is less than twice the hashes: a machine that needs 20 ms for them takes 5000 accounts a
    minute on two cores."""
    n = 500
    t.write_config(t.config().replace("scram_iterations: 4096", "scram_iterations: 10000"))
    t.ctl("reload")
    hashes = Hashing()
    began = time.monotonic(), cpu(t)
    code, out, err = t.ctl("account", "import", "-", code=None, input="".join(
        "m%d@localhost\tpw %d\n" % (i, i) for i in range(n)))
    took, used = time.monotonic() - began[0], (cpu(t) - began[1]) / n
    print("  import: %.1f s, %.1f ms of CPU an account" % (took, used * 1000))
    assert out.strip() == "%d added, 0 failed" % n, (code, out, err)
    said = re.findall(r"xmpp-ctl: import: at line \d+: \d+ added, 0 failed\n", err)
    assert "".join(said) == err and (took > 12) <= len(said) <= took / 5 + 1, (took, err)
    hashes = hashes.seconds()
    assert used < 2 * hashes * SLOW, "%.1f ms of CPU an account, %.1f to hash" % (
        used * 1000, hashes * 1000)
    t.write_config()
    t.ctl("reload")
    assert logs_in(t, "m0", "pw 0") and logs_in(t, "m%d" % (n - 1), "pw %d" % (n - 1))
    assert not logs_in(t, "m0", "pw 1")
    assert sum(x.startswith("m") for x in t.ctl("account", "list").split()) == n


@check
def import_with_bad_lines(t):
    code, out, err = t.ctl("account", "import", "-", code=None, input=(
        "i1@localhost\ta\nno tab here\n@localhost\tb\ni2@nowhere.example\tc\n\n"
        "I1@localhost\td\ni3@localhost\te\ni4@localhost\t\ni5@localhost\t\x07\n"
        "i6@localhost\t%s\n" % ("x" * 5000)))
    assert code == 1 and out.strip() == "2 added, 7 failed", (code, out, err)
    said = dict(re.findall(r"xmpp-ctl: import: line (\d+): (.*)\n", err))
    for line, why in ((2, "no TAB"), (3, "user@host"), (4, "not served"), (6, "already"),
                      (8, "password is empty"), (9, "characters"), (10, "too long")):
        assert why in said.pop(str(line)), (line, err)
    assert not said, said
    assert logs_in(t, "i1", "a") and logs_in(t, "i3", "e")


@check
def import_is_killed_and_done_again(t):
    """Accounts are whole or not there; the second time makes the others and pays for them alone."""
    n = 400
    lines = "".join("k%d@localhost\tpw %d\n" % (i, i) for i in range(n))

    def there():
        return {x for x in t.ctl("account", "list").split() if x.startswith("k")}

    p = subprocess.Popen([t.bin + "/xmpp-ctl", "-s", t.state, "account", "import", "-"],
                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, text=True)
    p.stdin.write(lines)
    p.stdin.flush()
    until("some are there", there)
    p.kill()
    p.wait()
    p.stdin.close()
    before = there()
    assert 0 < len(before) < n, len(before)
    assert logs_in(t, "k0", "pw 0")
    code, out, err = t.ctl("account", "import", "-", input=lines, code=None)
    added, failed = (int(x) for x in re.fullmatch(r"(\d+) added, (\d+) failed\n", out).groups())
    assert added + failed == n and added >= 1, out
    assert err.count("that account exists already") == failed, err[-500:]
    assert len(there()) == n
    assert logs_in(t, "k%d" % (n - 1), "pw %d" % (n - 1))


@check
def wrong_addresses(t):
    for jid in ("", "localhost", "@localhost", "a b@localhost", "a@localhost/r", "a@nowhere.example",
                "x" * 1024 + "@localhost", "a@b@localhost", "a@", "\u00a0@localhost"):
        code, out, err = t.ctl("account", "add", jid, input="x\n", code=None)
        assert code == 1 and err.strip(), (jid[:30], code, out, err)
    code, out, err = t.ctl("account", "add", "empty@localhost", input="\n", code=None)
    assert code == 1, "an empty password was taken"
    code, out, err = t.ctl("account", "add", "empty@localhost", input="", code=None)
    assert code == 100, "no password was taken"


@check
def addresses_are_prepared(t):
    t.add("Big@LOCALHOST")
    assert "big@localhost" in t.ctl("account", "list").split()
    assert logs_in(t, "bIG", PW)
    assert "big@localhost" in t.ctl("account", "list", "LocalHost").split()
    assert "messages" in t.ctl("archive", "stat", "BIG@LocalHost")
    s = t.login("big")
    t.ctl("session", "end", "BIG@localhost/r")
    assert s.stream_error() == "policy-violation"
    s = t.login("big")
    t.ctl("account", "del", "BIG@LocalHost")
    assert s.stream_error() == "not-authorized"
    assert t.ctl("session", "end", "@", code=None)[0] == 1


@check
def wrong_usage(t):
    for words in ((), ("foo",), ("account",), ("account", "foo"), ("account", "add"),
                  ("trace", "c2sd"), ("trace", "c2sd", "on")):
        code, out, err = t.ctl(*words, code=None)
        assert code == 100 and "usage" in err, (words, code, err)
    code, out, err = t.ctl("stats", "nobody", code=None)
    assert code != 0 and err, (code, err)
    code, out, err = t.ctl("trace", "c2sd", "on", "/nowhere/at/all", code=None)
    assert code == 1 and err, (code, err)


@check
def a_program_that_is_not_there(t):
    """Left out by the configuration, unknown, or down: each is said in its own words."""
    for words in (("s2s",), ("s2s", "try", "example.org"), ("trace", "s2sd", "off")):
        code, out, err = t.ctl(*words, code=None)
        assert code == 1 and "xmpp-s2sd is not part of this server; xmpp-ctl status says why" in err, err
    code, out, err = t.ctl("trace", "nobody", "off", code=None)
    assert code == 1 and "no program is called nobody; xmpp-ctl status lists all" in err, err
    subprocess.run(["s6-svc", "-wD", "-d", t.state + "/service/userd"], check=True)
    code, out, err = t.ctl("contact", "add", "a@localhost", "b@localhost", code=None)
    assert code == 111 and "unable to reach userd: Connection refused; xmpp-ctl status" in err, err
    subprocess.run(["s6-svc", "-u", t.state + "/service/userd"], check=True)
    t.ctl("wait", "20")


@check
def sessions(t):
    t.add("s@localhost")
    assert "s@localhost" not in t.ctl("sessions")
    a = t.login("s", "one", available=False)
    b = t.login("s", "two words")
    b.send("<presence><priority>-3</priority></presence>")
    b.ping()
    rows = {r.split("\t")[1]: r.split("\t") for r in t.ctl("sessions", records=True).splitlines()}
    assert rows["s@localhost/one"][2:4] == ["127.0.0.1", ""], rows
    assert rows["s@localhost/two words"][3] == "-3", rows
    for r in rows.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r[4]), r
    a.close(), b.close()
    until("they end", lambda: "s@localhost" not in t.ctl("sessions"))


@check
def sessions_that_are_ended(t):
    """xmpp-ctl ends one session by its full address, all of an account by its own, and those of an
    account that goes."""
    t.add("e@localhost")
    a, b, c = (t.login("e", r) for r in ("one", "two", "three"))
    t.ctl("session", "end", "e@localhost/one")
    assert a.stream_error() == "policy-violation"
    b.ping(), c.ping()
    t.ctl("session", "end", "e@localhost")
    assert b.stream_error() == c.stream_error() == "policy-violation"
    a = t.login("e", "four")
    t.ctl("account", "del", "e@localhost")
    assert a.stream_error() == "not-authorized"
    until("they end", lambda: "e@localhost" not in t.ctl("sessions"))


@check
def figures(t):
    before = t.stat("tlsd", "accepted")
    a = t.login("s", "x")
    assert t.stat("tlsd", "accepted") == before + 1
    assert t.stat("c2sd", "sessions") == 1
    for d in DAEMONS:
        assert t.ctl("stats", d).strip(), d
    assert all(d in t.ctl("stats") for d in DAEMONS)
    a.close()


@check
def reload_with_a_bad_configuration_changes_nothing(t):
    good = t.config()
    pids = {d: t.pid(d) for d in DAEMONS}
    s = t.login("s", "stays")

    def settings():
        text = {}
        for folder, _, files in os.walk(t.state + "/settings"):
            for f in files:
                with open(folder + "/" + f) as fh:
                    text[folder, f] = fh.read()
        return text

    before = settings()
    for bad, at in ((good.replace("module: ejabberd_c2s", "module: nonsense"), "conf.yml:"),
                    (good.replace("hosts:", "hots:"), "conf.yml:"),
                    (good + "loglevel: [\n", "conf.yml"), ("", ""),
                    (good.replace("localhost", "local host"), "conf.yml:"),
                    (good + "certfiles: {a: b}\n", "conf.yml:")):
        t.write_config(bad or "\n")
        code, out, err = t.ctl("reload", code=None)
        assert code != 0 and at in out + err, (bad, code, out, err)
        assert settings() == before, "the settings changed"
        assert os.listdir(t.state).count("settings") == 1
        assert not [x for x in os.listdir(t.state) if "settings." in x], "a rest is left"
        s.ping()
    t.write_config(good)
    assert {d: t.pid(d) for d in DAEMONS} == pids
    assert logs_in(t, "s", PW)
    s.close()


@check
def reload_with_a_broken_certificate_changes_nothing(t):
    """xmpp-confgen names the file, and the old one goes on."""
    t.write_config(t.config() + "certfiles:\n  - %s/broken.pem\n" % t.dir)
    with open(t.dir + "/broken.pem", "w") as f:
        f.write("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    os.chmod(t.dir + "/broken.pem", 0o644)
    s = t.login("s", "stays")
    code, out, err = t.ctl("reload", code=None)
    assert code == 100 and "broken.pem is not whole PEM" in err, (code, out, err)
    s.ping()
    assert logs_in(t, "s", PW)
    t.write_config()
    t.ctl("reload")
    s.close()


@check
def reload_takes_what_is_new(t):
    """A port more and a host more, and nobody loses a stream; then both go again."""
    pids = {d: t.pid(d) for d in DAEMONS}
    s = t.login("s", "stays")
    port = free_port()
    t.write_config(t.config().replace("  - localhost", "  - localhost\n  - new.example", 1)
                   .replace("listen:", "listen:\n  -\n    port: %d\n    ip: \"127.0.0.1\"\n"
                            "    module: ejabberd_c2s\n    starttls_required: true" % port, 1))
    t.ctl("reload")
    t.add("n@new.example")
    n = t.login("n", host="new.example", port=port)
    n.message(s.jid, "from the new host")
    s.expect_body("from the new host")
    assert {d: t.pid(d) for d in DAEMONS} == pids
    n.close()
    t.write_config()
    t.ctl("reload")
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        assert False, "the port is still open"
    except ConnectionRefusedError:
        pass
    s.ping()
    s.close()


main(Tree(hosts=("localhost", "other.example")))
