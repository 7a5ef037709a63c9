#!/usr/bin/python3
"""xmpp-ctl status, wait and metrics: what runs, what does not, and why."""
import json

from tree import *

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../tls")
import certs

CONF = HERE + "/../../conf"
SAY_UP = """#!/usr/bin/python3
import os, socket, time
s = socket.socket(socket.AF_UNIX)
while True:
    try:
        s.connect(os.environ["LINK"])
        break
    except OSError:
        time.sleep(0.1)
s.sendall(b"hello\\tmine\\t0.1\\tmine\\t%d\\n" % (int(time.time()) << 32))
while s.recv(4096):
    pass
"""


def status(t, code=None):
    """The exit code, and the records of status by their first word."""
    rc, out, err = t.ctl("status", "-r", code=None)
    assert not err and code in (None, rc), (rc, out, err)
    found = {}
    for x in out.splitlines():
        f = x.split("\t")
        found.setdefault(f[0], []).append(f[1:])
    assert found["verdict"][0][0] == str(rc), (rc, out)
    return rc, found


def of(rows, name):
    return [r for r in rows if r[0] == name][0]


def day(n):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + n * 86400 + 600))


def certificate(t, *days):
    """A file with a certificate for each (first, last) of days."""
    text = "".join("".join(t.maker.make("c%d" % i, certs.dns("localhost"),
                                        valid=(day(a), day(b)))) for i, (a, b) in enumerate(days))
    certs.write(t.dir + "/cert.pem", text)
    return t.ctl("reload", code=None)[2]


def shown(t):
    s = t.stream(direct=True)
    pem = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
    s.abort()
    r = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True,
                       stdout=subprocess.PIPE, check=True)
    return r.stdout.strip().split("=")[-1].strip()


# ---- programs


@check
def all_is_well(t):
    _, s = status(t, 0)
    assert {r[0] for r in s["program"]} == set(DAEMONS) - {"mamd"}, s
    for name, state, since, restarts, version, queued, memory, remark in s["program"] + s["service"]:
        assert state == "up" and restarts == "0" and not remark, s
        assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", since), s
        assert int(memory) > 10000 and (name == "mine" or int(queued) >= 0), s
    assert [r[0] for r in s["service"]] == ["mine"], s
    assert s["omitted"] == [["s2sd", "listen has no ejabberd_s2s_in"],
                            ["mamd", "no host has mod_mam or mod_offline"],
                            ["pubsubd", "no host has mod_pubsub"],
                            ["mucd", "no host has mod_muc"],
                            ["uploadd", "the configuration has nothing for it"],
                            ["webd", "the configuration has nothing for it"],
                            ["compd", "listen has no ejabberd_service"],
                            ["dnsd", "listen has no ejabberd_s2s_in"],
                            ["registerd", "no host has mod_register"],
                            ["extauthd", "the configuration has nothing for it"],
                            ["pushd", "no host has mod_push"]], s
    assert s["listener"] == [["tlsd", "127.0.0.1:%d" % p, "open", ""] for p in (t.port, t.tls_port)], s
    host, days, file, names, remark = s["certificate"][0]
    assert (host, days, names) == ("localhost", "90", "localhost"), s
    assert file == t.dir + "/cert.pem" and remark.startswith("expires in 90 days, on 20"), s
    assert s["verdict"] == [["0", "all is well"]], s
    out = t.ctl("status")
    assert out.endswith("\nall is well\n") and re.search(r"^program +state +since", out), out


@check
def a_restart_is_counted(t):
    t.kill("hostd")
    until("a restart", lambda: of(status(t)[1]["program"], "hostd")[1:4:2] == ["up", "1"])
    t.kill("mine")
    until("a restart", lambda: of(status(t)[1]["service"], "mine")[1:4:2] == ["up", "1"])


@check
def a_program_that_does_not_run_is_named(t):
    subprocess.run(["s6-svc", "-wD", "-d", t.state + "/service/userd"], check=True)
    _, s = status(t, 2)
    row = of(s["program"], "userd")
    assert row[1] == "down" and row[7] == "it has ended", s
    assert s["verdict"][0][1].startswith("1 problem: userd: it has ended"), s
    code, out, err = t.ctl("wait", "0", code=None)
    assert code == 1 and "not ready in time: userd: it has ended; its log ends with: xmpp-userd" in err, err
    subprocess.run(["s6-svc", "-u", t.state + "/service/userd"], check=True)
    t.wait_ready()
    status(t, 0)


@check
def a_program_that_hangs_is_named(t):
    pid = t.pid("hostd")
    os.kill(pid, signal.SIGSTOP)
    try:
        _, s = status(t, 2)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert of(s["program"], "hostd")[1] == "hangs", s


@check
def a_program_that_gave_up_is_started_by_reload(t):
    path = t.state + "/settings/xmpp-tlsd"
    with open(path) as f:
        good = f.read()
    with open(path, "w") as f:
        f.write(good.replace("\tno_sslv3|", "\tquux|"))
    subprocess.run(["s6-svc", "-r", t.state + "/service/tlsd"], check=True)

    def ended():
        rc, s = status(t)
        return (rc == 2 and "cannot work with its settings" in of(s["program"], "tlsd")[7] and
                [r for r in s.get("error", []) if r[0] == "tlsd"] and s)

    s = until("its end, and the reason", ended)
    assert of(s["program"], "tlsd")[1] == "down", s
    assert "unknown word quux" in of(s["error"], "tlsd")[2], s
    assert s["certificate"][0][4].startswith("not known"), s
    err = t.ctl("reload", code=None)[2]
    assert "tlsd had ended because of its settings, and is started" in err, err
    t.wait_ready()
    status(t, 0)


@check
def a_second_server_on_the_folder_changes_nothing(t):
    other = t.dir + "/other.yml"
    with open(other, "w") as f:
        f.write(t.config().replace("localhost", "elsewhere.example"))
    watched = [t.state + x for x in ("/compile", "/settings", "/service/tlsd/env")]
    before = [(os.stat(x).st_ino, os.stat(x).st_mtime) for x in watched]
    r = subprocess.run([BIN + "/xmpp-up", "-c", other, "-s", t.state], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert r.returncode == 100, (r.returncode, r.stderr)
    assert "a server runs on %s already, and nothing has changed" % t.state in r.stderr, r.stderr
    assert before == [(os.stat(x).st_ino, os.stat(x).st_mtime) for x in watched]
    status(t, 0)


# ---- certificates


@check
def certificates_to_renew_are_named(t):
    for last, words, code in ((15, "expires in 15 days, on 20", 1),
                              (5, r"expires in 5 days, on 20.*: renew it now", 1),
                              (-2, "expired on 20", 2)):
        err = certificate(t, (-30, last))
        assert re.search("the certificate for localhost in %s/cert.pem %s" % (t.dir, words), err), err
        _, s = status(t, code)
        assert re.match(words, s["certificate"][0][4]), s
        assert "the certificate for localhost " in s["verdict"][0][1], s
        assert "file=%s/cert.pem" % t.dir in of(s["error"], "tlsd")[2], s
        assert re.search("^tabber_certificate_days{host=\"localhost\",file=\"%s\"} %d$" % (
            t.dir + "/cert.pem", last), t.ctl("metrics"), re.M), t.ctl("metrics")


@check
def a_valid_certificate_is_shown_though_others_are_newer(t):
    err = certificate(t, (-30, 60), (-20, -1), (5, 90))
    assert "certificate for localhost" not in err, err
    assert shown(t) == "c0", shown(t)
    status(t, 0)


# ---- metrics


NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"


def samples(text):
    """Samples of the text format 0.0.4, as {name: [(labels, value)]}; of a name all stand together,
    behind its HELP and TYPE."""
    types, found, name = {}, {}, None
    for x in text.splitlines():
        if x.startswith("# HELP "):
            name = re.match("# HELP (%s) .+$" % NAME, x).group(1)
            assert name not in types, x
        elif x.startswith("# TYPE "):
            got, kind = re.match("# TYPE (%s) (counter|gauge|untyped)$" % NAME, x).groups()
            assert got == name and (kind == "counter") == name.endswith("_total"), x
            types[name], found[name] = kind, []
        else:
            got, labels, value = re.match(
                r'(%s)(?:\{((?:%s="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?[0-9.]+)$' % (NAME, NAME),
                x).groups()
            assert got == name and name in types, x
            labels = dict(re.findall(r'(%s)="((?:[^"\\]|\\.)*)"' % NAME, labels or ""))
            assert labels not in [a for a, _ in found[name]], x
            found[name].append((labels, float(value)))
    assert text.endswith("\n")
    return found


def value(found, name, **labels):
    got = [v for have, v in found[name] if labels.items() <= have.items()]
    assert len(got) == 1, (name, labels, found[name])
    return got[0]


@check
def figures_have_the_format_of_prometheus(t):
    t.add("a@localhost")
    a = t.login("a")
    s = t.stream()
    s.secured()
    assert s.auth_scram("a", "wrong")[0] == "failure"
    s.abort()
    found = samples(t.ctl("metrics"))
    for name in DAEMONS[:-1] + ["mine"]:
        assert value(found, "tabber_up", instance=name) == 1, found
        assert value(found, "tabber_process_memory_bytes", instance=name) > 10000, found
        assert value(found, "tabber_process_cpu_seconds_total", instance=name) >= 0, found
        assert value(found, "tabber_process_start_time_seconds", instance=name) > 1e9, found
    assert value(found, "tabber_restarts_total", instance="mine") == 1, found
    assert value(found, "tabber_routed_sessions") == 1 == value(found, "tabber_routed_accounts_online")
    assert value(found, "tabber_c2sd_logins_failed_by_reason_total", reason="wrong-password") == 1
    assert value(found, "tabber_listener_open", listener="127.0.0.1:%d" % t.port) == 1
    assert value(found, "tabber_queue_bytes", instance="routed") >= 0
    assert value(found, "tabber_accounts") == len(t.ctl("account", "list").split()), found
    assert value(found, "tabber_certificate_fits", host="localhost") == 1
    a.close()
    t.found = found


# Counts that appear with the first of their kind, or with an option that this server has not.
MAY_MISS = {"tabber_refused_by_rule_total", "tabber_mamd_stored_total", "tabber_mamd_messages", "tabber_mamd_waiting"}


def of_other_servers():
    """The figures of xmpp-s2sd, which this server has not, by the table of xmpp-ctl."""
    with open(CONF + "/../bin/xmpp-ctl/metrics.c") as f:
        rows = re.findall(r'\{"s2sd", +"(\w+)\*?", +(NULL|"\w+"), +(?:NULL|"\w+"), +"(\w+)"', f.read())
    return {"tabber_" + ("s2sd_" + name if other == "NULL" else other.strip('"')) + "_total" * (kind == "counter")
            for name, other, kind in rows}


@check
def the_board_asks_for_figures_that_there_are(t):
    with open(CONF + "/grafana.json") as f:
        board = json.load(f)
    used, panels = set(), 0
    for p in board["panels"]:
        assert p["title"] and p["type"] in ("timeseries", "stat", "table", "row"), p
        for target in p.get("targets", []):
            panels += 1
            used |= set(re.findall("tabber_[a-z0-9_]+", target["expr"]))
    assert panels > 10 and used <= set(t.found) | MAY_MISS | of_other_servers(), used - set(t.found)


# ---- sockets that do not open


def taken(*ports):
    socks = []
    for p in ports:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", p))
        s.listen()
        socks.append(s)
    return socks


def first_port_of_users():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as f:
        return int(f.read())


@check
def a_port_of_root_s(_):
    """xmpp-tlsd has a user of its own: the log says which setting of the kernel lets it listen."""
    if os.geteuid() or first_port_of_users() < 1000:
        return
    t = Tree()
    t.tls_port = 999
    try:
        t.start()
        t.wait_log("tlsd", "listen-failed listener=127.0.0.1:999 .*why=\"Permission denied\" do=\"set net.ipv4.ip_unprivileged")
    finally:
        t.clean()


@check
def a_port_that_is_taken_is_tried_again(_):
    t = Tree(plain=True)
    port, tls = taken(t.port, t.tls_port)
    try:
        t.start(wait=False)
        words = "cannot listen on 127.0.0.1:%d: Address already in use" % t.port
        until("a reason", lambda: "not ready in time: tlsd: " + words in t.ctl("wait", "0", code=None)[2])
        tls.close()
        assert "xmpp-ctl: warning: tlsd: " + words in t.ctl("wait", str(int(DEADLINE)), code=None)[2]
        t.add("a@localhost")
        t.stream(direct=True).abort()
        _, s = status(t, 2)
        assert s["listener"] == [
            ["tlsd", "127.0.0.1:%d" % t.port, "closed", "Address already in use"],
            ["tlsd", "127.0.0.1:%d" % t.tls_port, "open", ""]], s
        assert of(s["program"], "tlsd")[1:8:6] == ["up", words], s
        pid = t.pid("tlsd")
        port.close()
        until("the port", lambda: status(t)[0] == 0)
        t.login("a").close()
        for event in ("listen-failed", "listener-open"):
            until("two lines of " + event, lambda: t.log("tlsd").count("event=" + event) == 2)
        assert t.pid("tlsd") == pid
    except BaseException:
        t.show_logs()
        raise
    finally:
        t.clean()


@check
def a_server_that_does_not_run(_):
    with Tree() as t:
        t.ctl("stop")
        _, s = status(t, 3)
        assert s["verdict"] == [["3", "the server does not run"]], s
        t.process.wait(DEADLINE)


tree = Tree(modules="\n".join(x for x in MODULES.splitlines() if "mod_mam" not in x and
                              "mod_offline" not in x and "access_max" not in x))
tree.make_folder()
tree.maker = certs.Maker(tempfile.mkdtemp(dir=tree.dir))
certs.write(tree.dir + "/mine", SAY_UP)
os.chmod(tree.dir + "/mine", 0o755)
tree.tabber = "services:\n  mine: {run: [%s/mine], role: service}\n" % tree.dir
certs.write(tree.dir + "/cert.pem", "".join(tree.maker.make("c", certs.dns("localhost"),
                                                            valid=(day(-1), day(90)))))
tree.options = "certfiles:\n  - %s/cert.pem" % tree.dir
tree.write_config()
main(tree)
