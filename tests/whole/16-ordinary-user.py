#!/usr/bin/python3
"""Somebody who is not root runs all of it too."""
import pwd

from tree import *

NOBODY = pwd.getpwnam("nobody").pw_uid
AS = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]


def readable_programs():
    """The folder of the programs, or a copy where they may be run by anybody."""
    if not subprocess.run(AS + ["test", "-x", BIN + "/xmpp-up"]).returncode:
        return BIN, None
    to = tempfile.mkdtemp(prefix="whole-bin-")
    os.chmod(to, 0o755)
    shutil.copytree(BIN, to + "/bin")
    shutil.copytree(BIN + "/../share", to + "/share")
    return to + "/bin", to


@check
def all_run_as_that_user(t):
    for pid, cmd in t.pids().items():
        uid = os.stat("/proc/%d" % pid).st_uid
        assert uid == (NOBODY if not os.geteuid() else os.geteuid()), (cmd, uid)


@check
def a_conversation(t):
    a, b = t.login("a"), t.login("b", direct=True)
    a.message("b@localhost", "without root")
    b.expect_body("without root")
    a.close(), b.close()


@check
def xmpp_ctl_as_that_user(t):
    ctl = (AS if not os.geteuid() else []) + [t.bin + "/xmpp-ctl", "-s", t.state]
    for words in (["account", "list"], ["sessions"], ["stats"], ["reload"]):
        r = subprocess.run(ctl + words, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        assert r.returncode == 0, (words, r.stdout)


@check
def others_may_not(t):
    """Another user gets neither settings, nor data, nor the control sockets."""
    if os.geteuid():
        return
    other = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"]
    r = subprocess.run(other + [t.bin + "/xmpp-ctl", "-s", t.state, "account", "list"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.returncode != 0 and not r.stdout
    for path in ("data/secrets/data.mdb", "settings/xmpp-authd", "dev/localhost.pem"):
        r = subprocess.run(other + ["cat", t.state + "/" + path], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        assert r.returncode != 0, path
    for d in DAEMONS:
        r = subprocess.run(other + ["/usr/bin/python3", "-c", "import socket, sys\n"
                                    "s = socket.socket(socket.AF_UNIX)\n"
                                    "s.connect(sys.argv[1])\n"
                                    "s.sendall(b'stats\\n')\n"
                                    "sys.exit(0 if s.recv(9) else 1)",
                                    "%s/run/%s/control" % (t.state, d)],
                           stderr=subprocess.DEVNULL, timeout=DEADLINE)
        assert r.returncode != 0, d


BIN_, COPY = (BIN, None) if os.geteuid() else readable_programs()
try:
    main(Tree(wrap=[] if os.geteuid() else AS, bin=BIN_,
              accounts=["a@localhost", "b@localhost"]))
finally:
    if COPY:
        shutil.rmtree(COPY)
