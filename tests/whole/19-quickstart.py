#!/usr/bin/python3
"""make run: the words that it prints, the clients that it lets in, and that nothing stays in
whatever way it ends."""
import pty
import select
import urllib.request

from forms import Browser
from tree import *

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = ROOT + "/tests/quickstart.sh"
DIR = tempfile.mkdtemp(prefix="quickstart-")
os.chmod(DIR, 0o755)
READY = "Ctrl-C ends it"
# A test that nohup started would hand on that it ignores SIGHUP, which no shell takes back.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Run:
    """make run, on ports and in a folder of its own."""

    def __init__(self, change=lambda text: text):
        self.dir = tempfile.mkdtemp(prefix="a folder of ", dir=DIR)
        os.chmod(self.dir, 0o755)
        self.state, self.ports = self.dir + "/state", [free_port(), free_port(), free_port()]
        with open(ROOT + "/conf/quickstart.yml") as f:
            text = f.read()
        for old, new in zip(("5222", "5223", "5280"), self.ports):
            text = text.replace("port: " + old, "port: %d" % new).replace("localhost:" + old, "localhost:%d" % new)
        self.conf = self.dir + "/quickstart.yml"
        with open(self.conf, "w") as f:
            f.write(change(text))
        self.argv = ["setpriv", "--pdeathsig", "TERM", "sh", SCRIPT, self.conf]
        self.env = dict(os.environ, RUN_DIR=os.path.dirname(BIN), STATE=self.state, WAIT="60")
        self.process = None

    def start(self):
        with open(self.dir + "/out", "w") as out:
            self.process = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT,
                                            start_new_session=True)
        return self

    def out(self):
        with open(self.dir + "/out") as f:
            return f.read()

    def wait(self):
        until("the words of make run", lambda: READY in self.out() or self.process.poll() is not None, 60)
        assert READY in self.out(), self.out()
        return self

    def running(self):
        """The processes that have the folder in their command, or work in it."""
        found = []
        for p in glob.glob("/proc/[0-9]*"):
            try:
                with open(p + "/cmdline", "rb") as f:
                    command = f.read().decode(errors="replace").replace("\0", " ")
                if self.dir in command or os.readlink(p + "/cwd").startswith(self.dir):
                    found.append((p, command))
            except OSError:
                pass
        return found

    def ended(self):
        until("the end of %s" % self.running(), lambda: not self.running())


@check
def a_first_run():
    r = Run().start().wait()
    try:
        said = r.out()
        for user in ("alice", "bob"):
            path = r.state + "/%s.password" % user
            assert os.stat(path).st_mode & 0o777 == 0o600, oct(os.stat(path).st_mode)
            with open(path) as f:
                assert re.search(r"%s@localhost +password %s\n" % (user, re.escape(f.read().strip())), said), said
        for words in ("port %d (STARTTLS) or %d (direct TLS)" % tuple(r.ports[:2]), "this machine only",
                      "conf/production.md", "README.md says", "account add", r.state + "/log",
                      "http://localhost:%d/converse" % r.ports[2], "xmpp:bob@localhost",
                      "loads Converse.js from the internet", "the package go-sendxmpp"):
            assert words in said, (words, said)
        r.hosts, r.port = ("localhost",), r.ports[0]
        s = Stream(r)
        s.secured()
        assert s.features.find(".//{urn:xmpp:fast:0}fast") is not None, ET.tostring(s.features)
        s.abort()
        s = Stream(r)
        with open(r.state + "/alice.password") as f:
            s.login("alice", f.read().strip())
        roster = s.iq(None, "<query xmlns='jabber:iq:roster'/>")
        assert [(i.get("jid"), i.get("subscription")) for i in roster[0]] == [("bob@localhost", "both")]
        items = s.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#items'/>")
        assert {i.get("jid") for i in items[0]} == {x + ".localhost" for x in ("conference", "pubsub", "upload")}
        s.close()
        page = urllib.request.urlopen("http://localhost:%d/converse" % r.ports[2], timeout=DEADLINE).read().decode()
        assert "ws://localhost:%d/ws" % r.ports[2] in page, page
        warned = [x for x in said.splitlines() if "warning" in x]
        assert len(warned) == 1 and "mod_privacy" in warned[0], said
        with open("/proc/net/tcp") as f, open("/proc/net/tcp6") as g:
            rows = [x.split() for x in f.read().splitlines() + g.read().splitlines()]
        for port in r.ports:
            at = [x[1] for x in rows if x[1].endswith(":%04X" % port) and x[3] == "0A"]
            assert at and set(at) == {"0100007F:%04X" % port}, at
    finally:
        r.process.send_signal(signal.SIGINT)
        assert r.process.wait(DEADLINE) == 0
        r.ended()


@check
def an_account_by_invitation():
    """The link that xmpp-ctl prints opens a page that makes an account, once; the account logs in."""
    r = Run().start().wait()
    try:
        said = subprocess.run([BIN + "/xmpp-ctl", "-s", r.state, "invite", "create", "localhost"], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=DEADLINE).stdout
        link = re.search(r"http://localhost:%d(/invite/[a-z2-7]+)\b" % r.ports[2], said)
        assert link, said
        page, b = link[1], Browser(r.ports[2], tls=False)
        status, text = b.fill(page, username="carol", password=PW)
        assert status == 200 and "carol@localhost" in text, text
        assert b.ask("GET", page)[0] == 404
        r.hosts, r.port = ("localhost",), r.ports[0]
        s = Stream(r)
        assert s.login("carol", PW, "r") == "carol@localhost/r"
        s.ping()
        s.close()
    finally:
        r.process.send_signal(signal.SIGINT)
        r.process.wait(DEADLINE)
        r.ended()


@check
def nothing_stays():
    """Ctrl-C is in the first run; SIGKILL ends the script, and nobody else can say so."""
    for how in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        r = Run().start().wait()
        r.process.send_signal(how)
        r.process.wait(DEADLINE)
        r.ended()


@check
def terminal_is_closed():
    r = Run()
    pid, fd = pty.fork()
    if not pid:
        os.execvpe("sh", r.argv[3:], r.env)
    said = b""
    end = time.monotonic() + DEADLINE
    try:
        while READY.encode() not in said and time.monotonic() < end:
            if select.select([fd], [], [], 1)[0]:
                said += os.read(fd, 4096)
    except OSError:  # it has ended
        pass
    assert READY.encode() in said, said
    os.close(fd)
    os.waitpid(pid, 0)
    r.ended()


@check
def ended_before_it_is_ready():
    r = Run().start()
    until("the server", lambda: len(r.running()) > 1)
    r.process.send_signal(signal.SIGTERM)
    r.process.wait(DEADLINE)
    r.ended()


@check
def port_is_taken():
    """Somebody listens here or everywhere: make run says so before anything starts."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        r = Run()
        with socket.socket(family) as s:
            try:
                s.bind((address, r.ports[1]))
            except OSError:
                continue
            s.listen()
            r.start()
            assert r.process.wait(DEADLINE) == 1
        assert "port %d is taken" % r.ports[1] in r.out() and "ss -ltnp" in r.out(), r.out()
        assert not os.path.exists(r.state) and not r.running()


@check
def configuration_that_is_wrong():
    r = Run(lambda text: text.replace("modules:", "moduls:")).start()
    assert r.process.wait(DEADLINE) == 100
    assert "moduls" in r.out() and "did not start" in r.out(), r.out()
    r.ended()


@check
def server_that_does_not_get_ready():
    """The program is named, and all ends."""
    r = Run()
    subprocess.run([BIN + "/xmpp-up", "--prepare", "--dev", "-c", r.conf, "-s", r.state], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(r.state + "/service/hostd/down", "w"):
        pass
    r.env["WAIT"] = "10"
    r.start()
    assert r.process.wait(DEADLINE) == 1
    assert "not ready" in r.out() and "hostd" in r.out(), r.out()
    r.ended()


try:
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
