#!/usr/bin/python3
"""xmpp-ctl without a server: what it says to control sockets, and what it reads of settings."""
from tree import *

DIR = tempfile.mkdtemp(prefix="ctl-")


class Control(threading.Thread):
    """The control socket of an instance that answers each request with a line, or not at all;
    heard: what it was told."""

    def __init__(self, state, instance, answer=""):
        super().__init__(daemon=True)
        os.makedirs(state + "/run/" + instance)
        self.answer, self.heard = answer.encode(), b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind("%s/run/%s/control" % (state, instance))
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            while True:
                data = s.recv(65536)
                if not data:
                    break
                self.heard += data
                if self.answer:
                    s.sendall(self.answer)
            s.close()


def compiled(text):
    """A state folder with nothing in it but settings."""
    state = tempfile.mkdtemp(dir=DIR)
    with open(state + "/x.yml", "w") as f:
        f.write(text)
    subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o",
                    state + "/settings", state + "/x.yml"], check=True)
    return state


HEAD = "hosts:\n  - example.com\nlisten:\n  -\n    port: 5222\n    module: ejabberd_c2s\n"


def ctl(state, *words, code=0):
    r = subprocess.run([BIN + "/xmpp-ctl", "-s", state, *words], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=30 * SLOW)
    assert r.returncode == code, (words, r.returncode, r.stdout, r.stderr)
    return r.stdout, r.stderr


# ---- sessions


@check
def an_account_that_goes_takes_its_sessions_along():
    """Nothing is awaited of routed, which need not know the verb."""
    state = compiled(HEAD)
    authd, routed = Control(state, "authd", "done\n"), Control(state, "routed")
    ctl(state, "account", "del", "a@example.com")
    assert authd.heard == b"account\tdel\ta@example.com\t\n", authd.heard
    until("routed hears", lambda: routed.heard == b"end\ta@example.com\tnot-authorized\n")


@check
def an_account_that_stays_keeps_its_sessions():
    state = compiled(HEAD)
    Control(state, "authd", "error\tno such account\n")
    routed = Control(state, "routed")
    ctl(state, "account", "del", "a@example.com", code=1)
    assert not routed.heard, routed.heard


@check
def without_routed_the_account_goes_all_the_same():
    state = compiled(HEAD)
    authd = Control(state, "authd", "done\n")
    _, err = ctl(state, "account", "del", "a@example.com", code=111)
    assert authd.heard and "routed" in err, err


@check
def session_end():
    state = compiled(HEAD)
    ctl(state, "session", "end", "a@example.com/r", code=111)
    routed = Control(state, "routed")
    ctl(state, "session", "end", "a@example.com/with blank")
    until("routed hears",
          lambda: routed.heard == b"end\ta@example.com/with blank\tpolicy-violation\n")
    for words in ((), ("end",), ("quux", "a@b"), ("end", "a@b", "c")):
        assert "usage" in ctl(state, "session", *words, code=100)[1], words


try:
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
