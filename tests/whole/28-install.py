#!/usr/bin/python3
"""make install, over a running server too; make uninstall."""
from tree import *

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIR = tempfile.mkdtemp(prefix="install-")
BUILD, PREFIX = DIR + "/build", DIR + "/usr"
ADMIN = {"xmpp-confgen", "xmpp-ctl", "xmpp-up"}


def make_build():
    """A build folder of the programs that are tested, whose files a test may change."""
    os.chmod(DIR, 0o755)
    os.makedirs(BUILD + "/man")
    shutil.copytree(BIN, BUILD + "/bin")
    for page in ("tabber-ejabberd.yml.5", "xmpp-records.7"):
        with open(BUILD + "/man/" + page, "w") as f:
            f.write(".Dd today\n")


def make(*words):
    """make with that build folder, which is taken as it is."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    r = subprocess.run(["make", "-s", "-C", ROOT, "-o", "all", "B=" + BUILD, "PREFIX=" + PREFIX,
                        "DESTDIR=", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, env=env, timeout=120 * SLOW)
    assert r.returncode == 0 and not r.stdout, (words, r.returncode, r.stdout)


def files():
    return {os.path.relpath(d + "/" + f, PREFIX) for d, _, names in os.walk(PREFIX) for f in names}


def new_version(program):
    """The same program in another file."""
    with open(BUILD + "/bin/" + program, "ab") as f:
        f.write(b"\0")


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
def what_older_versions_left_goes(t):
    """And what others have under such a name stays."""
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
def installed_while_it_runs(t):
    """The new file is there, and the old program goes on."""
    a = t.login("a")
    pids = {d: t.pid(d) for d in DAEMONS}
    for d in DAEMONS:
        new_version("xmpp-" + d)
    make("install")
    for d in DAEMONS:
        assert os.readlink("/proc/%d/exe" % t.pid(d)).endswith(" (deleted)"), d
    assert {d: t.pid(d) for d in DAEMONS} == pids
    a.ping()
    a.close()


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
    main(Tree(bin=PREFIX + "/sbin", accounts=["a@localhost", "b@localhost"]))
finally:
    shutil.rmtree(DIR, ignore_errors=True)
