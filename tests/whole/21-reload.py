#!/usr/bin/python3
"""xmpp-ctl reload: shapers, rules and certificates change; open streams live on."""
from tree import *

HOST = "one.example"


def certificate(t, serial, name="cert.pem", host=HOST):
    """A new certificate and its key in one file, put in place by one rename."""
    key, cert, at = t.dir + "/k.tmp", t.dir + "/c.tmp", t.dir + "/certs/" + name
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "30", "-subj", "/CN=" + host, "-addext", "subjectAltName=DNS:" + host,
                    "-set_serial", str(serial)], check=True, stderr=subprocess.DEVNULL)
    with open(key) as k, open(cert) as c, open(at + ".tmp", "w") as out:
        out.write(c.read() + k.read())
    os.chmod(at + ".tmp", 0o600)  # as certbot has keys: for their owner alone
    os.rename(at + ".tmp", at)


def serial(s):
    """The serial number of the certificate that a stream was shown."""
    pem = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
    r = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, text=True,
                       stdout=subprocess.PIPE, check=True)
    return int(r.stdout.strip().split("=")[1], 16)


def config(t, access="allow: all", shaper="none", sessions="infinity", acl="", more=""):
    rules = "  c2s_shaper: %s\n" % shaper
    if sessions != "infinity":
        rules += "  max_user_sessions: %s\n" % sessions
    t.options = ("certfiles:\n  - %s/certs/*.pem\nshaper:\n  slow: 4000\n"
                 "access_rules:\n  c2s: [{%s}]\nshaper_rules:\n%s%s%s" % (
                     t.dir, access, rules, acl, more))
    t.write_config()


def reload(t, **kw):
    config(t, **kw)
    t.ctl("reload")


def try_to_bind(t, user, resource="r"):
    """The stream, and the condition of the error; None when it is bound."""
    s = t.stream(host=HOST)
    s.secured()
    assert s.auth_scram(user, PW)[0] == "success", user
    s.open()
    s.send("<iq type='set' id='b'><bind xmlns='%s'><resource>%s</resource></bind></iq>" % (
        BIND, resource))
    e = s.expect_tag(CLIENT, "iq")
    if e.get("type") == "result":
        return s, None
    error = e.find("{%s}error" % CLIENT)
    return s, [x.tag.split("}")[1] for x in error if x.tag.startswith("{%s}" % STANZAS)][0]


def seconds_for(s, n):
    """How long the server takes to read n bytes, and then to answer: what it has read at once
    counts against what comes next."""
    s.ping()
    began = time.monotonic()
    s.send("<message to='%s'><body>%s</body></message>" % (s.host, "x" * n))
    s.ping()
    s.ping()
    return time.monotonic() - began


@check
def a_rule_denies_at_bind(t):
    pids = {d: t.pid(d) for d in DAEMONS}
    old = t.login("a", "old")
    reload(t, access="deny: blocked}, {allow: all", acl="acl:\n  blocked:\n    user: a\n")
    old.ping()
    s, why = try_to_bind(t, "a")
    assert why == "not-allowed", why
    assert "a@%s/r" % HOST not in t.ctl("sessions"), "it has a session all the same"
    s.abort()
    b = t.login("b")
    b.message(old.jid, "still there?")
    old.expect_body("still there?")
    b.close()
    reload(t)
    s, why = try_to_bind(t, "a")
    assert why is None, why
    s.close(), old.close()
    assert {d: t.pid(d) for d in DAEMONS} == pids


@check
def a_rule_looks_at_resource_and_address(t):
    reload(t, access="deny: bad}, {allow: near",
           acl="acl:\n  bad: {resource: phone}\n  near: {ip: 127.0.0.0/8}\n")
    for resource, want in (("phone", "not-allowed"), ("desk", None)):
        s, why = try_to_bind(t, "a", resource)
        assert why == want, (resource, why)
        s.abort()
    reload(t, access="allow: near", acl="acl:\n  near: {ip: 10.0.0.0/8}\n")
    s, why = try_to_bind(t, "a")
    assert why == "not-allowed", why
    s.abort()
    reload(t)


@check
def nobody_is_allowed_then_everybody(t):
    reload(t, access="deny: all")
    for user in ("a", "b"):
        s, why = try_to_bind(t, user)
        assert why == "not-allowed", why
        s.abort()
    reload(t)
    t.login("a").close()


@check
def a_shaper_slows_new_streams(t):
    old = t.login("a", "old")
    assert seconds_for(old, 16000) < 1.5 * SLOW
    reload(t, shaper="slow")
    old.ping()
    new = t.login("b", "new")
    took = seconds_for(new, 16000)  # 4000 at once, 4000 a second
    assert 2 < took < 8 * SLOW, "%.1f s" % took
    old.ping()
    old.close(), new.close()
    # Another rate by another rule; then none.
    reload(t, shaper="[{none: quick}, {slow: all}]", acl="acl:\n  quick: {user: b}\n")
    a, b = t.login("a"), t.login("b")
    assert seconds_for(b, 16000) < 1.5 * SLOW
    took = seconds_for(a, 16000)
    assert took > 2, "%.1f s" % took
    a.close(), b.close()
    reload(t)
    a = t.login("a")
    assert seconds_for(a, 16000) < 1.5 * SLOW
    a.close()


@check
def a_new_certificate_is_served(t):
    old = t.login("a", "old")
    assert serial(old) == 0x1001
    certificate(t, 0x1002)
    t.ctl("reload")
    t.wait_log("tlsd", "serial=1002")
    new, direct = t.login("b"), t.stream(direct=True, host=HOST)
    assert serial(new) == serial(direct) == 0x1002
    direct.abort()
    new.message(old.jid, "over the old certificate")
    old.expect_body("over the old certificate")
    new.close(), old.close()


@check
def a_file_more_is_found(t):
    """The pattern is looked at again."""
    certificate(t, 0x2001, "other.pem", "two.example")
    t.ctl("reload")
    t.wait_log("tlsd", "serial=2001")
    s = t.stream(direct=True, sni="two.example", host=HOST)
    assert serial(s) == 0x2001
    s.abort()
    os.unlink(t.dir + "/certs/other.pem")
    t.ctl("reload")
    s = t.stream(direct=True, host=HOST)
    assert serial(s) == 0x1002
    s.abort()


@check
def a_half_written_certificate_keeps_the_old_one(t):
    path = t.dir + "/certs/cert.pem"
    with open(path) as f:
        good = f.read()
    old = t.login("a", "old")
    for bad in (good[:300], good[:len(good) - 60], "-----BEGIN CERTIFICATE-----\n",
                good.replace("M", "!", 5)):
        with open(path, "w") as f:
            f.write(bad)
        code, out, err = t.ctl("reload", code=None)
        assert code != 0, "%d bytes were taken" % len(bad)
        s = t.stream(direct=True, host=HOST)
        assert serial(s) == 0x1002, "%x with %d bytes" % (serial(s), len(bad))
        s.abort()
        old.ping()
        t.login("b").close()
    with open(path, "w") as f:
        f.write(good)
    t.ctl("reload")
    certificate(t, 0x1003)
    t.ctl("reload")
    s = t.stream(direct=True, host=HOST)
    assert serial(s) == 0x1003
    s.abort(), old.close()


@check
def a_renewal_whose_key_is_not_there_yet(t):
    """The new certificate without its key is no reason to serve none for its host."""
    path = t.dir + "/certs/cert.pem"
    certificate(t, 0x1004)
    with open(path) as f:
        new = f.read()
    with open(path, "w") as f:
        f.write(new[:new.index("-----BEGIN PRIVATE")])
    t.ctl("reload", code=None)
    s = t.stream(direct=True, host=HOST)
    now = serial(s)
    s.abort()
    with open(path, "w") as f:
        f.write(new)
    t.ctl("reload")
    s = t.stream(direct=True, host=HOST)
    assert serial(s) == 0x1004
    s.abort()
    assert now == 0x1003, "another certificate was served: %x" % now


def on_disk(t):
    """All that lies in the settings, and what lies beside them."""
    text = {"beside": sorted(x for x in os.listdir(t.state) if x.startswith("settings"))}
    for folder, _, files in os.walk(t.state + "/settings"):
        for name in files:
            with open(folder + "/" + name) as f:
                text[folder, name] = f.read()
    return text


def settled(t):
    """How often each daemon has taken settings. The loggers run under SCHED_BATCH, behind all others, so
    the logs count when two looks find the same."""
    looks = [None]

    def at_rest():
        looks.append({d: t.log(d).count("event=reloaded") for d in DAEMONS})
        return looks[-1] == looks[-2] and looks[-1]

    return until("logs at rest", at_rest, step=0.3)


@check
def the_log_level_is_taken_by_every_program(t):
    """reloaded is a line at info: with loglevel error no program writes it."""
    before = settled(t)
    t.write_config(t.config().replace("loglevel: info", "loglevel: error"))
    t.ctl("reload")
    t.write_config()
    t.ctl("reload")
    want = {d: n + 1 for d, n in before.items()}
    until("one line of each program", lambda: settled(t) == want)


@check
def what_one_program_refuses_no_program_takes(t):
    """A host more, which all could take, and a certificate with the key of another."""
    path = t.dir + "/certs/cert.pem"
    with open(path) as f:
        good = f.read()
    certificate(t, 0x1005)
    with open(path) as f:
        key = f.read().split("-----END CERTIFICATE-----\n")[1]
    with open(path, "w") as f:
        f.write(good.split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n" + key)
    disk, pids, before = on_disk(t), {d: t.pid(d) for d in DAEMONS}, settled(t)
    old = t.login("a", "old")
    t.hosts = (HOST, "two.example", "three.example")
    config(t)
    code, out, err = t.ctl("reload", code=None)
    line = [i for i, x in enumerate(t.config().splitlines(), 1) if "*.pem" in x][0]
    want = "tlsd: %s:%d:5: certfile: %s: the key of this certificate is not there\n" % (
        t.conf, line, path)
    assert code == 1 and want in err, (code, out, err, want)
    assert "nothing has changed" in err, err
    assert on_disk(t) == disk and settled(t) == before
    s = t.stream(host="three.example", direct=True)
    s.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' "
           "to='three.example' version='1.0'>" % STREAM)
    assert s.stream_error() == "host-unknown"
    old.ping()
    assert {d: t.pid(d) for d in DAEMONS} == pids
    if not os.geteuid():  # copies of the certificates are on disk
        kill_and_wait(t, "tlsd")
        s = t.stream(direct=True, host=HOST)
        assert serial(s) == 0x1004, "%x" % serial(s)
        s.abort()
    kill_and_wait(t, "c2sd")
    with open(path, "w") as f:
        f.write(good)
    t.ctl("reload")
    until("new settings", lambda: settled(t) != before)
    s = t.stream(host="three.example", direct=True)
    s.open()
    s.close(), old.abort()
    t.hosts = (HOST, "two.example")
    reload(t)


def kill_and_wait(t, daemon):
    pid = t.pid(daemon)
    os.kill(pid, signal.SIGKILL)
    until("another " + daemon, lambda: t.pid(daemon) not in (pid, -1))
    t.wait_ready()


@check
def a_program_that_is_down_is_named_and_reads_them_when_it_starts(t):
    service = t.state + "/service/hostd"
    before, modules = settled(t), t.modules
    subprocess.run(["s6-svc", "-wd", "-d", service], check=True)
    t.modules = t.modules.replace("mod_time: {}\n", "")
    config(t)
    code, out, err = t.ctl("reload", code=None)
    assert code == 0 and "hostd does not run" in err, (code, out, err)
    until("a line of all but hostd", lambda: {d for d, n in settled(t).items() if n > before[d]} ==
          set(DAEMONS) - {"hostd"})
    subprocess.run(["s6-svc", "-wu", "-u", service], check=True)
    t.wait_ready()
    a = t.login("a")
    e = a.iq(HOST, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    assert "urn:xmpp:time" not in [x.get("var") for x in e.iter()]
    a.close()
    t.modules = modules
    reload(t)


def shown(t):
    a = t.login("a")
    e = a.iq(HOST, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    a.close()
    return {x.get("var") for x in e.iter() if x.get("var")}


@check
def what_a_host_shows_follows_its_modules(t):
    gone, modules = {"urn:xmpp:time", "urn:xmpp:mam:2", "urn:xmpp:blocking", "urn:xmpp:carbons:2"}, t.modules
    assert gone <= shown(t)
    for word in ("mod_time: {}\n", "mod_mam: {default: always}\n", "mod_blocking: {}\n", "mod_carboncopy: {}\n"):
        t.modules = t.modules.replace(word, "")
    reload(t)
    until("no feature of the modules that went", lambda: not gone & shown(t))
    t.modules = modules
    reload(t)
    until("the features again", lambda: gone <= shown(t))


@check
def a_daemon_that_gets_sighup_reads_what_is_on_the_disk(t):
    before = settled(t)
    os.kill(t.pid("userd"), signal.SIGHUP)
    until("userd has taken them", lambda: settled(t)["userd"] == before["userd"] + 1)


@check
def too_many_sessions_end_the_oldest(t):
    s = [t.login("a", "s%d" % i) for i in range(3)]
    reload(t, sessions="2")
    for x in s:
        x.ping()
    new = t.login("a", "s3")
    assert s[0].stream_error() == "conflict"
    assert s[1].stream_error() == "conflict", "more are left than the rule gives"
    s[2].ping(), new.ping()
    last = t.login("a", "s4")
    assert s[2].stream_error() == "conflict"
    new.ping(), last.ping()
    # A login with the same resource adds no session; other accounts are not counted.
    other = [t.login("b", "s%d" % i) for i in range(2)]
    for x in other + [new, last]:
        x.ping()
    reload(t, sessions="[{3: more}, 1]", acl="acl:\n  more: {user: b}\n")
    third = t.login("b", "s2")
    for x in other + [third]:
        x.ping()
    one = t.login("a", "s5")
    assert new.stream_error() == "conflict" and last.stream_error() == "conflict"
    reload(t)
    again = t.login("a", "s6")
    one.ping(), again.ping()
    for x in other + [third, one, again]:
        x.close()


@check
def a_rule_of_one_host_only(t):
    """host_config replaces the rules there, and not elsewhere."""
    reload(t, more="host_config:\n  two.example:\n    access_rules:\n      c2s: {deny: all}\n")
    t.login("a").close()
    s = t.stream(host="two.example", sni="two.example")
    s.secured()
    assert s.auth_scram("c", PW)[0] == "success"
    s.open()
    s.send("<iq type='set' id='b'><bind xmlns='%s'/></iq>" % BIND)
    e = s.expect_tag(CLIENT, "iq")
    assert e.get("type") == "error" and e.find(".//{%s}not-allowed" % STANZAS) is not None
    s.abort()
    reload(t)
    t.login("c", host="two.example").close()


@check
def an_inline_rule_with_a_host_of_its_own_mind(t):
    """A rule in the place of a name is for all hosts, also for one with rules of its own."""
    config(t, more="host_config:\n  two.example:\n    access_rules:\n      mine: {allow: all}\n")
    t.write_config(t.config().replace("access: c2s", "access: {allow: all}"))
    t.ctl("reload")
    t.login("a").close()
    t.login("c", host="two.example").close()
    reload(t)


@check
def a_module_more(t):
    """mod_announce: who comes online is told from then on, and has the message of the day."""
    t.modules += "\n" + ANNOUNCE
    reload(t)
    a = t.login("a", host=HOST)
    a.send("<message to='%s/announce/motd' id='m'><body>mind the step</body></message>" % HOST)
    a.expect_body("mind the step")
    b, _ = try_to_bind(t, "b")
    b.send("<presence/>")
    b.expect_body("mind the step")
    a.close()
    b.close()


@check
def a_host_that_is_taken_away_is_gone(t):
    """Sessions of the host, there or away, end with host-gone; its accounts are listed, and can be
    deleted; back again, the host is served as before."""
    t.add("left@two.example")
    old, here = t.login("c", host="two.example"), t.login("a")
    early = t.stream(host="two.example")
    early.secured()
    t.hosts = (HOST,)
    reload(t)
    assert old.stream_error() == "host-gone"
    assert early.stream_error() == "host-gone"
    for direct in (False, True):
        s = t.stream(host="two.example", direct=direct)
        s.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' "
               "to='two.example' version='1.0'>" % STREAM)
        assert s.stream_error() == "host-unknown"
    here.ping()
    assert t.ctl("account", "list", "two.example").split() == ["c@two.example", "left@two.example"]
    code, out, err = t.ctl("account", "add", "new@two.example", input="x\n", code=None)
    assert code == 1 and "not served here" in err, (code, err)
    t.ctl("account", "del", "left@two.example")
    t.wait_log("userd", "event=account-purged")
    t.hosts = (HOST, "two.example")
    reload(t)
    assert t.ctl("account", "list", "two.example").split() == ["c@two.example"]
    c = t.login("c", host="two.example")
    c.ping()
    c.close(), here.close()


@check
def warnings_may_be_left_out(t):
    """The state folder may be named from the working folder."""
    def said(*words, code=0):
        r = subprocess.run([BIN + "/xmpp-ctl", "-s", os.path.basename(t.state), "reload", *words],
                           cwd=os.path.dirname(t.state), stderr=subprocess.PIPE, text=True)
        assert r.returncode == code, r
        return r.stderr
    config(t, more="  more: no_shaper_of_this_name\n")
    assert "warning: shaper_rules.more: no shaper named" in said()
    assert said("--quiet") == ""
    assert "usage: reload [--quiet]" in said("loud", code=100)
    config(t, access="allows: all")
    out = said("--quiet", code=100)
    assert "error: " in out and "warning: " not in out, out
    reload(t)


ANNOUNCE = "mod_announce: {access: {allow: {user: \"a@%s\"}}}" % HOST
t = Tree(hosts=(HOST, "two.example"), listen="access: c2s\nshaper: c2s_shaper",
         accounts=["a@" + HOST, "b@" + HOST, "c@two.example"],
         modules=re.sub(r"mod_announce:\n.*\n", "", MODULES))
t.make_folder()
os.mkdir(t.dir + "/certs")
certificate(t, 0x1001)
config(t)
main(t)
