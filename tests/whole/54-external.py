#!/usr/bin/python3
"""Passwords that programs of the administrator check: ejabberd's protocol, and checkpassword."""
from checkers import *
from traces import *

CHECKPASSWORD = r'''#!/usr/bin/python3
import os, sys
user, password, _ = os.fdopen(3, "rb").read().split(b"\0", 2)
sys.exit(int(user.split(b"@")[0][1:]) if user.startswith(b"x") else password != b"secret of " + user)
'''


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
  "cached.example":
    extauth_program: '"%s/ext auth" "%s/seen of cached"'
    extauth_cache: 3600
    extauth_pool_size: 1
""" % ((self.dir,) * 4)).replace("tabber:\n", "tabber:\n  checkpassword: [%s/checkpw]\n" % self.dir, 1)


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
def the_program_changes_passwords(t):
    code, out, err = t.ctl("account", "add", "capulet@localhost", input="x\n", code=None)
    assert code == 1 and "already" in err, err      # a user who has not logged in yet
    t.add("nurse@localhost", "n:1")
    assert attempt(t, "nurse", "n:1") == "success"
    t.ctl("account", "passwd", "nurse@localhost", input="n:2\n")
    assert attempt(t, "nurse", "n:1") == "not-authorized"
    assert attempt(t, "nurse", "n:2") == "success"
    code, out, err = t.ctl("account", "passwd", "nurse@localhost", input="a bad one\n", code=None)
    assert code == 1 and "refuses" in err, err
    code, out, err = t.ctl("account", "passwd", "juliet@other.example", input="x\n", code=None)
    assert code == 1 and "refuses" in err, err      # a checkpassword program changes nothing
    s = t.stream()
    s.secured()
    assert s.auth_plain("nurse", "n:2")[0] == "success"
    s.bind("r")
    query = "<query xmlns='jabber:iq:register'><username>nurse</username><password>%s</password></query>"
    assert s.iq("localhost", query % "n:3", "set").get("type") == "result"
    e = s.iq("localhost", query % "bad", "set")
    assert e.find("{%s}error/{urn:ietf:params:xml:ns:xmpp-stanzas}not-allowed" % CLIENT) is not None
    s.close()
    assert attempt(t, "nurse", "n:3") == "success"
    t.ctl("account", "del", "nurse@localhost")
    until("the program knows it", lambda: "removeuser nurse localhost" in open(t.dir + "/seen by it").read())
    assert "nurse" not in t.ctl("account", "list")


@check
def right_passwords_are_known(t):
    def asked():
        try:
            with open(t.dir + "/seen of cached") as f:
                return len(f.read().splitlines())
        except FileNotFoundError:
            return 0

    def seen(password, result, more):
        before = asked()
        assert attempt(t, "anna", password, "cached.example") == result
        assert asked() == before + more, (password, asked() - before)

    first = "p:ä anna"
    seen("wrong", "not-authorized", 1)
    seen("wrong", "not-authorized", 1)
    seen(first, "success", 1)
    seen(first, "success", 0)
    seen("wrong", "not-authorized", 1)      # and the right one stays known
    seen(first, "success", 0)
    t.ctl("account", "passwd", "anna@cached.example", input="new\n")
    seen(first, "not-authorized", 1)
    seen("new", "success", 1)
    with open(t.dir + "/seen of cached.d/anna", "w") as f:
        f.write("outside")
    seen("outside", "success", 1)
    seen("outside", "success", 0)
    assert "extauthd\tknown\t3" in t.ctl("stats", "extauthd", records=True), t.ctl("stats", "extauthd", records=True)
    t.write_config(t.config().replace("extauth_cache: 3600", "extauth_cache: false"))
    t.ctl("reload")
    seen("outside", "success", 1)
    seen("outside", "success", 1)


def error(s, user):
    """The condition of the next error that comes from this user."""
    got = s.expect(lambda e: e.get("type") == "error" and e.get("from") == user + "@localhost")
    return got.find("{%s}error" % CLIENT)[0].tag.split("}")[1]


def asks_for(s, user):
    """Say whether the roster of s has a request that the user has not answered yet."""
    roster = s.iq(None, "<query xmlns='jabber:iq:roster'/>")
    return {e.get("jid"): e.get("ask") for e in roster[0]}[user + "@localhost"] == "subscribe"


def text_to(s, user, body):
    s.message(user + "@localhost", body)


@check
def programs_are_killed_while_a_name_is_asked_for(t):
    """The killed program, started anew, asks or is asked again: no message is lost or bounced."""
    go = t.dir + "/seen by it.go"

    def asked(user):
        with open(t.dir + "/seen by it") as f:
            return "isuser %s " % user in f.read()

    s = t.stream()
    s.secured()
    assert s.auth_plain("romeo", "p:ä romeo")[0] == "success"
    s.bind("r")
    for d in ("routed", "authd", "extauthd"):
        user = "slow-" + d
        text_to(s, user, "to " + user)
        until("the question", lambda: asked(user))
        t.kill(d)
        open(go, "w").close()
        until("the account", lambda: user + "@localhost" in t.ctl("account", "list", code=None)[1])
        os.unlink(go)
        until("an answer", lambda: attempt(t, user, "p:ä " + user) == "success")
        b = t.stream()
        b.secured()
        assert b.auth_plain(user, "p:ä " + user)[0] == "success"
        b.bind("b")
        b.send("<presence/>")
        b.expect_bodies(["to " + user])
        b.close()
    s.close()


@check
def accounts_that_never_logged_in(t):
    s = t.stream()
    s.secured()
    assert s.auth_plain("romeo", "p:ä romeo")[0] == "success"
    s.bind("r")
    s.send("<presence/>")
    text_to(s, "benvolio", "the first")
    s.send("<presence type='subscribe' to='benvolio@localhost'/>")
    text_to(s, "benvolio", "the second")
    until("he is an account", lambda: "benvolio@localhost" in t.ctl("account", "list"))
    text_to(s, "nobody", "x")
    assert error(s, "nobody") == "service-unavailable"
    text_to(s, "nobody", "x")
    assert error(s, "nobody") == "service-unavailable"
    s.send("<presence type='subscribe' to='nobody2@localhost'/>")
    until("no such account", lambda: not asks_for(s, "nobody2"))
    assert asks_for(s, "benvolio")
    with open(t.dir + "/seen by it") as f:
        asked = [line.split()[1:3] for line in f]
    assert asked.count(["isuser", "benvolio"]) == 1, asked
    assert asked.count(["isuser", "nobody"]) == 1, asked
    assert "nobody" not in t.ctl("account", "list")
    b = t.stream()
    b.secured()
    assert b.auth_plain("benvolio", "p:ä benvolio")[0] == "success"
    b.bind("b")
    b.send("<iq type='get' id='ro'><query xmlns='jabber:iq:roster'/></iq><presence/>")
    b.expect_bodies(["the first", "the second"])
    b.close()
    # The program hangs: the sender is told, and its other messages are not held up for long.
    begin = time.monotonic()
    text_to(s, "sleeps", "x")
    early = [ET.tostring(e) for _ in range(5) for e in s.messages_until_ping()]
    assert not early and time.monotonic() - begin < 4.5, early   # others are acknowledged meanwhile
    traced = {"routed": "", "authd": "data"}
    for d, data in traced.items():
        t.ctl("trace", d, "on", "%s/%s" % (t.dir, d), *data.split())
    assert error(s, "sleeps") == "internal-server-error"
    assert 4 < time.monotonic() - begin < 9 * SLOW
    text_to(s, "valentine", "x")
    assert error(s, "valentine") == "internal-server-error"     # the program is spared for a while
    text_to(s, "benvolio", "the third")
    s.close()
    for d in traced:
        t.ctl("trace", d, "off")
    same(t, "routed", t.state + "/settings")
    shutil.copytree(t.state + "/settings", t.dir + "/settings of before")
    with open(t.dir + "/settings of before/xmpp-authd", "a") as f:
        f.write("data\t*\t%s/authd.data\n" % t.dir)
    with open(t.dir + "/authd.out", "rb") as f:
        assert replay(t, "authd", t.dir + "/settings of before") == f.read()


@check
def extauthd_is_killed(t):
    t.kill("extauthd")
    until("an answer", lambda: attempt(t, "romeo", "p:ä romeo") == "success")


main(External(hosts=("localhost", "other.example", "cached.example"), modules=MODULES + "\nmod_register: {}"))
