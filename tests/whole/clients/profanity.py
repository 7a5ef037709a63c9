#!/usr/bin/python3
"""profanity in a terminal: logs in over STARTTLS, sends and shows messages."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tree import *


class Terminal:
    """A program in tmux, on a server of its own."""

    def __init__(self, t, command):
        self.socket = t.dir + "/tmux"
        env = dict(os.environ, HOME=t.dir, XDG_CONFIG_HOME=t.dir + "/.config",
                   XDG_DATA_HOME=t.dir + "/.local", LANG="C.UTF-8", TERM="xterm")
        subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "new-session", "-d", "-x",
                        "160", "-y", "50", command], env=env, check=True)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def say(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def see(self, pattern, seconds=15):
        try:
            return until("on the screen: " + pattern,
                         lambda: re.search(pattern, self.screen()), seconds, 0.1)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.screen().rstrip()))

    def end(self):
        self.tmux("kill-server")


@check
def profanity_talks(t):
    b = t.login("b", "raw")
    term = Terminal(t, "profanity")
    try:
        term.see(r"Profanity")
        term.say("/connect a@localhost server 127.0.0.1 port %d tls trust" % t.port)
        term.see(r"[Ee]nter password")
        term.say(PW)
        term.see(r"a@localhost\S* logged in successfully")
        term.say("/msg b@localhost hello from a terminal")
        m = b.expect_body("hello from a terminal")
        assert m.get("from").startswith("a@localhost/"), m.get("from")
        b.message(m.get("from"), "and back to it")
        term.see(r"and back to it")
        until("its session", lambda: "a@localhost/profanity" in t.ctl("sessions"))
        term.say("/disconnect")
        until("its end", lambda: "a@localhost/" not in t.ctl("sessions"))
        term.say("/quit")
    finally:
        term.end()
        b.abort()


main(Tree(accounts=["a@localhost", "b@localhost"]))
