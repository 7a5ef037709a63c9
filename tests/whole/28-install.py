#!/usr/bin/python3
"""make install, over a running server too; make uninstall; xmpp-ctl upgrade."""
from installed import *

ADMIN = {"xmpp-confgen", "xmpp-ctl", "xmpp-up"}


def upgrade(t, code=0):
    """The words of xmpp-ctl upgrade about each program, by the program."""
    code, out, err = t.ctl("upgrade", code=None)
    assert code == 0 and not err, (code, out, err)
    return dict(line.split(": ", 1) for line in out.splitlines())


WEB = free_port()


@check
def what_is_installed(t):
    there = files()
    assert {f[5:] for f in there if f.startswith("sbin/")} == ADMIN, there
    assert "bin/xmpp-c2sd" in there and not {f[4:] for f in there if f.startswith("bin/")} & ADMIN
    for f in ("share/doc/tabber/LICENSE", "share/doc/tabber/README.md",
              "share/doc/tabber/conf/README.md", "share/doc/tabber/service/README.md",
              "share/tabber/conf/quickstart.yml", "share/man/man8/xmpp-ctl.8", "share/man/man8/xmpp-up.8",
              "share/man/man5/tabber-ejabberd.yml.5", "share/man/man1/xmpp-load.1"):
        assert f in there, f
    assert not [f for f in there if f.endswith(".new") or f.endswith("/ejabberd.yml.5")], there
    with open(PREFIX + "/lib/systemd/system/tabber.service") as f:
        unit = f.read()
    for line in ("Type=notify", "ExecStart=%s/sbin/xmpp-up " % PREFIX,
                 "ExecReload=%s/sbin/xmpp-ctl " % PREFIX):
        assert line in unit, unit


@check
def pages_lead_to_files_that_are_installed(t):
    for page in glob.glob(PREFIX + "/share/doc/tabber/**/*.md", recursive=True):
        with open(page) as f:
            text = f.read()
        assert "tests/bench" not in text, page
        for link in set(re.findall(r"\]\(([^):#]+)", text)):
            # What only those who change tabber need is in its sources.
            there = os.path.exists(os.path.dirname(page) + "/" + link)
            assert there or "/conf/" in page and link.startswith("../lib/"), (page, link)


@check
def what_older_versions_left_goes(t):
    """Files of others under such a name stay."""
    os.makedirs(PREFIX + "/share/man/man1", exist_ok=True)
    for f, text in (("bin/xmpp-ctl", "tabber"), ("share/man/man1/xmpp-ctl.1", ".Os tabber\n"),
                    ("share/man/man5/ejabberd.yml.5", "of ejabberd\n")):
        with open(PREFIX + "/" + f, "w") as fh:
            fh.write(text)
    make("install")
    there = files()
    assert "bin/xmpp-ctl" not in there and "share/man/man1/xmpp-ctl.1" not in there
    assert "share/man/man5/ejabberd.yml.5" in there
    os.remove(PREFIX + "/share/man/man5/ejabberd.yml.5")


@check
def version_is_in_log_and_stats(t):
    version = re.search(r"\) (\S+)", subprocess.run([t.bin + "/xmpp-ctl", "--version"], text=True,
                                                    stdout=subprocess.PIPE).stdout).group(1)
    for d in DAEMONS:
        t.wait_log(d, r"event=ready instance=%s version=%s\n" % (d, re.escape(version)))
        assert "stat\t%s\tversion\t%s" % (d, version) in t.ctl("stats", d, records=True), d


@check
def nothing_to_upgrade(t):
    """Installing the same again changes no file."""
    pids = {d: t.pid(d) for d in DAEMONS}
    make("install")
    assert "nothing is restarted" in t.ctl("upgrade")
    assert {d: t.pid(d) for d in DAEMONS} == pids


@check
def programs_behind_the_edge(t):
    """Installed while they run, restarted under traffic: no client notices."""
    a, b = t.login("a"), t.login("b")
    pids = {d: t.pid(d) for d in DAEMONS}
    changed = ["routed", "authd", "userd", "hostd", "mamd"]
    for d in changed:
        new_version("xmpp-" + d)
    make("install")
    assert {d: t.pid(d) for d in DAEMONS} == pids
    a.ping()
    said = upgrade(t)
    assert sorted(said) == sorted(changed), said
    for d in changed:
        assert said[d].endswith("; no client noticed") and t.pid(d) != pids[d], (d, said)
    assert "c2sd" in said["authd"].split("broke:")[1] and "userd" in said["routed"].split("broke:")[1]
    assert t.pid("c2sd") == pids["c2sd"] and t.pid("tlsd") == pids["tlsd"]
    a.message("b@localhost", "after it")
    b.expect_body("after it")
    a.ping(), b.ping()
    a.close(), b.close()
    assert "nothing is restarted" in t.ctl("upgrade")


@check
def programs_that_clients_notice(t):
    """xmpp-tlsd and the other fronts come last, and the lines count their clients."""
    a = t.login("a")
    web = socket.create_connection(("127.0.0.1", WEB))
    web.sendall(b"GET /ws HTTP/1.1\r\n")
    until("webd has it", lambda: t.stat("webd", "connections") == 1)
    for program in ("tlsd", "webd", "c2sd", "hostd"):
        new_version("xmpp-" + program)
    make("install")
    said = upgrade(t)
    web.close()
    assert list(said)[0] == "hostd" and list(said)[3] == "tlsd" and len(said) == 4, said
    assert "; 1 connections of web clients were cut" in said["webd"], said
    assert "; 1 streams of clients ended with system-shutdown" in said["c2sd"], said
    assert re.search(r"; [012] connections of clients were cut$", said["tlsd"]), said
    assert a.stream_error() == "system-shutdown"
    a = t.login("a")
    new_version("xmpp-tlsd")
    make("install")
    assert "; 1 connections of clients were cut" in upgrade(t)["tlsd"]
    t.login("b").close()


@check
def program_that_does_not_come_up(t):
    """xmpp-ctl upgrade names the program, and the programs behind it go on as they are."""
    c2sd = t.pid("c2sd")
    with open(BUILD + "/bin/xmpp-hostd", "rb") as f:
        good = f.read()
    with open(BUILD + "/bin/xmpp-hostd", "w") as f:
        f.write("#!/bin/sh\nexit 1\n")
    new_version("xmpp-c2sd")
    make("install")
    code, out, err = t.ctl("upgrade", "2", code=None)
    assert code == 1 and "hostd is not up again" in err and not out, (code, out, err)
    assert t.pid("c2sd") == c2sd
    code, out, err = t.ctl("upgrade", "20", code=None)
    assert code == 1 and "hostd does not answer" in err and out.startswith("c2sd: "), (code, out, err)
    with open(BUILD + "/bin/xmpp-hostd", "wb") as f:
        f.write(good)
    make("install")
    t.wait_ready()
    assert t.pid("c2sd") != c2sd


@check
def upgrade_under_runit(t):
    with Tree(bin=PREFIX + "/sbin", accounts=["c@localhost"], runit=True) as r:
        c = r.login("c")
        pids = {d: r.pid(d) for d in DAEMONS}
        changed = ["userd", "routed"]
        for d in changed:
            new_version("xmpp-" + d)
        make("install")
        said = upgrade(r)
        assert sorted(said) == sorted(changed), said
        assert {d for d in DAEMONS if r.pid(d) != pids[d]} == set(changed), pids
        c.ping()
        c.close()
    t.wait_ready()


@check
def reload_after_programs_have_moved(t):
    """STATE/compile names xmpp-confgen where it was; now it is beside xmpp-ctl."""
    with open(t.state + "/compile") as f:
        words = f.read().splitlines()
    assert words[0] == PREFIX + "/sbin/xmpp-confgen", words
    words[0] = PREFIX + "/bin/xmpp-confgen"
    with open(t.state + "/compile", "w") as f:
        f.write("\n".join(words) + "\n")
    t.ctl("reload")


@check
def uninstall(t):
    make("uninstall")
    assert files() == set(), files()


try:
    make_build()
    make("install")
    main(Tree(bin=PREFIX + "/sbin", accounts=["a@localhost", "b@localhost"],
              options="""listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/ws: ejabberd_http_ws}
""" % WEB))
finally:
    shutil.rmtree(DIR, ignore_errors=True)
