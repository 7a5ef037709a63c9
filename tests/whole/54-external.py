#!/usr/bin/python3
"""Passwords that programs of the administrator check: ejabberd's protocol, and checkpassword."""
import stat

from tree import *

EXTAUTH = r'''#!/usr/bin/python3
import os, struct, sys, time
while True:
    head = sys.stdin.buffer.read(2)
    if len(head) < 2:
        break
    op, user, host, password = sys.stdin.buffer.read(struct.unpack(">H", head)[0]).decode().split(":", 3)
    with open(sys.argv[1], "a") as f:
        f.write("%d %s %s %s\n" % (os.getpid(), op, user, host))
    if user == "dies":
        sys.exit(1)
    if user == "hangs":
        time.sleep(1000)
    if user == "babbles":
        sys.stdout.buffer.write(b"\0\2\0\7")
    else:
        sys.stdout.buffer.write(struct.pack(">HH", 2, op == "auth" and password == "p:ä " + user))
    sys.stdout.buffer.flush()
'''

CHECKPASSWORD = r'''#!/usr/bin/python3
import os, sys
user, password, _ = os.fdopen(3, "rb").read().split(b"\0", 2)
sys.exit(int(user.split(b"@")[0][1:]) if user.startswith(b"x") else password != b"secret of " + user)
'''


def put(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)


class External(Tree):
    def make_folder(self):
        super().make_folder()
        put(self.dir + "/ext auth", EXTAUTH)
        put(self.dir + "/checkpw", CHECKPASSWORD)
        self.write_config()

    def config(self):
        return (super().config() + """
auth_method: external
extauth_pool_size: 2
host_config:
  "localhost":
    extauth_program: '"%s/ext auth" "%s/seen by it"'
""" % (self.dir, self.dir)).replace("tabber:\n", "tabber:\n  checkpassword: [%s/checkpw]\n" % self.dir, 1)


def attempt(t, user, password, host="localhost"):
    s = t.stream(host=host)
    try:
        s.secured()
        assert s.mechanisms() == ["PLAIN"], s.mechanisms()
        return s.auth_plain(user, password)[1] or "success"
    finally:
        s.abort()


@check
def passwords_of_an_extauth_program(t):
    assert attempt(t, "romeo", "p:ä romeo") == "success"
    assert attempt(t, "romeo", "p:ä juliet") == "not-authorized"
    assert attempt(t, "romeo", "") in ("not-authorized", "malformed-request")
    assert "romeo@localhost" in t.ctl("account", "list")
    s = t.stream()
    s.secured()
    assert s.auth_plain("romeo", "p:ä romeo")[0] == "success"
    s.bind("r")
    s.ping()
    s.close()


@check
def processes_that_fail_are_replaced(t):
    assert attempt(t, "dies", "x") == "temporary-auth-failure"
    assert attempt(t, "babbles", "x") == "temporary-auth-failure"
    until("an answer", lambda: attempt(t, "romeo", "p:ä romeo") == "success")
    begin = time.monotonic()
    assert attempt(t, "hangs", "x") == "temporary-auth-failure"
    assert time.monotonic() - begin > 9
    until("an answer", lambda: attempt(t, "romeo", "p:ä romeo") == "success")
    with open(t.dir + "/seen by it") as f:
        assert len({line.split()[0] for line in f}) >= 3
    t.wait_log("extauthd", "event=checker-ended .* jid=hangs@localhost why=")


@check
def exit_codes_of_a_checkpassword_program(t):
    assert attempt(t, "juliet", "secret of juliet@other.example", "other.example") == "success"
    assert attempt(t, "juliet", "secret", "other.example") == "not-authorized"
    assert attempt(t, "x111", "x", "other.example") == "temporary-auth-failure"
    assert attempt(t, "x1", "x", "other.example") == "not-authorized"


@check
def extauthd_is_killed(t):
    t.kill("extauthd")
    until("an answer", lambda: attempt(t, "romeo", "p:ä romeo") == "success")


main(External(hosts=("localhost", "other.example")))
