#!/usr/bin/python3
"""xmpp-up: what it lays out, and what the configuration may say of it."""
from tree import *

DIR = tempfile.mkdtemp(prefix="up-")
CONF = """hosts:
  - example.com
listen:
  -
    port: 5222
    module: ejabberd_c2s
%s"""


def again(state, options=""):
    with open(state + ".yml", "w") as f:
        f.write(CONF % options)
    subprocess.run([BIN + "/xmpp-up", "--prepare", "--uids", "0", "-c", state + ".yml", "-s", state],
                   check=True, stderr=subprocess.DEVNULL, timeout=30 * SLOW)


def prepare(options=""):
    """Lay out a state folder; its path."""
    state = tempfile.mkdtemp(dir=DIR)
    again(state, options)
    return state


def rows(state, program):
    with open("%s/settings/%s" % (state, program)) as f:
        return [x.split("\t") for x in f.read().splitlines()]


def mode(path):
    return os.stat(path).st_mode & 0o777


@check
def keywords_stand_for_folders_of_the_state():
    """The programs have the same words after a reload: STATE/compile has them too."""
    state = prepare("modules:\n  mod_disco:\n    name: \"@LOG_PATH@ @DATABASE_PATH@ @HOME@\"\n")
    want = ["mod_disco.name", "example.com", "{0}/log {0}/data {0}".format(state)]
    assert want in rows(state, "xmpp-hostd"), rows(state, "xmpp-hostd")
    os.rename(state + "/settings", state + "/old")
    with open(state + "/compile") as f:
        subprocess.run(f.read().splitlines(), check=True, stderr=subprocess.DEVNULL)
    assert want in rows(state, "xmpp-hostd"), rows(state, "xmpp-hostd")


def logs(state, lines, path=None):
    """Run the logger of tlsd; what it wrote to standard error, and its files that are old."""
    if path:
        with open(state + "/service/tlsd/env", "a") as f:
            f.write("PATH=%s:$PATH\n" % path)
    r = subprocess.run(["./run"], cwd=state + "/service/tlsd/log", input=lines, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30 * SLOW)
    return r.stderr, glob.glob(state + "/log/tlsd/@*")


@check
def logs_are_as_large_as_the_options_say():
    lines = b"xmpp-tlsd: info: event=x\n" * 4000
    for options, n, size in (("", 0, 1000000),
                             ("log_rotate_size: 10000\nlog_rotate_count: 2\n", 2, 10000),
                             ("log_rotate_size: 1\nlog_rotate_count: 0\n", 0, 4096),
                             ("log_rotate_size: infinity\n", 0, 1 << 28)):
        state = prepare(options)
        said, old = logs(state, lines)
        assert not said and len(old) == n, (options, said, old)
        # s6-log looks at the size when it has written what it read at once.
        assert all(size / 2 < os.path.getsize(f) <= size + 16384 for f in old), options


@check
def logs_go_where_the_option_says():
    lines = b"xmpp-tlsd: info: event=x\n" * 3
    state = prepare("tabber: {log: stderr}\n")
    assert logs(state, lines) == (lines, []), logs(state, lines)
    state = prepare("tabber: {log: syslog}\n")
    os.mkdir(state + "/fake")
    with open(state + "/fake/logger", "w") as f:
        f.write("#!/bin/sh\necho \"$@\" >&2\nexec cat >&2\n")
    os.chmod(state + "/fake/logger", 0o755)
    assert logs(state, lines, state + "/fake") == (
        b"-t xmpp-tlsd -p daemon.info\n" + lines, []), "syslog"


@check
def a_folder_of_another_user_is_told():
    somebody = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]

    def said(*words):
        r = subprocess.run([*words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert r.returncode == 111, r
        return r.stdout
    state = prepare()
    for path in DIR, state:
        os.chmod(path, 0o755)
    with open(state + "/conf.yml", "w") as f:
        f.write("hosts: [localhost]\n")
    out = said(BIN + "/xmpp-up", "--dev", "-s", "/proc/state", "-c", state + "/conf.yml")
    assert "xmpp-up: fatal: unable to make /proc/state: No such file or directory" in out, out
    if os.geteuid():
        return
    out = said(*somebody, BIN + "/xmpp-up", "--dev", "-s", "/usr/state", "-c", state + "/conf.yml")
    assert "xmpp-up: fatal: unable to make /usr/state: Permission denied" in out, out
    out = said(*somebody, BIN + "/xmpp-ctl", "-s", state, "status")
    assert "Permission denied; the administrator of a server is root, or the user who" in out, out
    # wait waits for settings that may come, and not for those that are another user's.
    out = said(*somebody, BIN + "/xmpp-ctl", "-s", state, "wait", "60")
    assert "Permission denied; the administrator of a server is root, or the user who" in out, out


@check
def a_docroot_on_a_read_only_disk_is_told():
    """To systemd's ProtectSystem=strict all but the state folder is such a disk."""
    state, place = tempfile.mkdtemp(dir=DIR), tempfile.mkdtemp(dir=DIR)
    mounted = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o ro none %s && exec \"$@\"" % place, "sh"]
    if os.geteuid() or subprocess.run([*mounted, "true"], stderr=subprocess.DEVNULL).returncode:
        return
    with open(state + ".yml", "w") as f:
        f.write(CONF % "modules: {mod_http_upload: {docroot: \"%s/up/@HOST@\"}}\n" % place)
    r = subprocess.run([*mounted, BIN + "/xmpp-up", "--prepare", "-c", state + ".yml", "-s", state],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert r.returncode == 111, r
    assert "unable to make %s/up: Read-only file system" % place in r.stdout, r.stdout
    assert "ReadWritePaths=%s/up " % place in r.stdout, r.stdout


@check
def every_instance_has_its_folders():
    state = prepare("tabber: {instances: {c2sd: 2}}\nmodules: {mod_offline: {}}\n")
    names = {r[4] for r in rows(state, "xmpp-ctl") if r[0] == "instance"}
    assert names == set(DAEMONS) | {"c2sd-2"}, names
    for n in names:
        assert os.path.isdir("%s/run/%s" % (state, n)) and os.path.isdir("%s/log/%s" % (state, n)), n
        for f in ("run", "finish", "log/run"):
            assert os.access("%s/service/%s/%s" % (state, n, f), os.X_OK), (n, f)
    assert set(os.listdir(state + "/service")) == names


@check
def mamd_runs_when_a_host_has_something_for_it():
    names = lambda state: {r[4] for r in rows(state, "xmpp-ctl") if r[0] == "instance"}
    assert names(prepare("modules: {mod_disco: {}}\n")) == set(DAEMONS) - {"mamd"}
    assert "mamd" in names(prepare("modules: {mod_mam: {}}\n"))
    assert "mamd" in names(prepare("append_host_config: {example.com: {modules: {mod_mam: {}}}}\n"))
    assert "mamd" not in os.listdir(prepare() + "/service")


@check
def what_is_stored_is_for_its_program():
    state = prepare()
    for name, want in (("accounts", 0o751), ("secrets", 0o700), ("users", 0o751), ("archive", 0o711), ("motd", 0o711)):
        assert mode(state + "/data/" + name) == want, name


@check
def sockets_are_for_the_group_of_the_daemons():
    state = prepare()
    for name in ("run", "run/c2sd", "run/routed"):
        s = os.stat(state + "/" + name)
        assert s.st_mode & 0o777 == 0o750, name
        assert s.st_gid == os.stat(state + "/data/users").st_gid, name


@check
def what_the_administrator_made_stays():
    """A service directory of his own, and a log/run that he has changed."""
    state = prepare("modules: {mod_mam: {}}\n")
    os.makedirs(state + "/service/mine/log")
    with open(state + "/service/routed/log/run", "w") as f:
        f.write("#!/bin/sh\nexec logger\n")
    again(state)
    assert set(os.listdir(state + "/service")) == set(DAEMONS) - {"mamd"} | {"mine"}
    with open(state + "/service/routed/log/run") as f:
        assert "logger" in f.read()
    with open(state + "/service/c2sd/log/run") as f:
        assert "s6-log" in f.read()


@check
def a_directory_of_an_older_version_goes():
    """The older version left no mark in it."""
    state = prepare("modules: {mod_mam: {}}\n")
    os.remove(state + "/service/mamd/.xmpp-up")
    again(state)
    assert "mamd" not in os.listdir(state + "/service")


@check
def the_unit_leaves_what_is_needed():
    """conf/tabber.service: the programs start, and users change, with the capabilities that it
    leaves and without new ones."""
    if os.geteuid():
        return
    with open(os.path.dirname(os.path.abspath(__file__)) + "/../../conf/tabber.service") as f:
        left = re.search("^CapabilityBoundingSet=(.*)$", f.read(), re.M).group(1).lower().split()
    few = ["setpriv", "--no-new-privs", "--bounding-set",
           ",".join(["-all"] + [x.replace("cap_", "+") for x in left])]
    with Tree(wrap=few, accounts=["a@localhost"]) as t:
        t.login("a").close()
        with open("/proc/%d/status" % t.pid("c2sd")) as f:
            text = f.read()
        assert "NoNewPrivs:\t1" in text and re.search(r"^CapEff:\t0+$", text, re.M), text
        r = subprocess.run(few + [t.bin + "/xmpp-ctl", "-s", t.state, "reload"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert r.returncode == 0, r.stdout


@check
def a_supervisor_is_told_when_all_is_ready():
    """sd_notify(3), by a path and in the abstract name space; the programs do not see the variable."""
    for where in (DIR + "/notify", "@tabber-%d" % os.getpid()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(where.replace("@", "\0"))
            s.settimeout(DEADLINE)
            t = Tree(env={"NOTIFY_SOCKET": where})
            try:
                t.start(wait=False)
                assert s.recv(1000).split(b"\n")[0] == b"READY=1"
                t.ctl("wait", "0")
                with open("/proc/%d/environ" % t.process.pid, "rb") as f:
                    assert b"NOTIFY_SOCKET" not in f.read()
            finally:
                t.clean()


try:
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
