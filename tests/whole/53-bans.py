#!/usr/bin/python3
"""Addresses that guess are shut out, and others are not; no address takes all connections. The test has
a network of its own, in which 192.0.2.0/24 is this machine (root; else it is skipped)."""
import socket
import time

from tree import *

MODULES_HERE = MODULES + "\nmod_fail2ban: {c2s_max_auth_failures: 20}"


def own_network():
    """Go on in a network namespace of our own; False: this user may not."""
    if os.environ.get("BANS_NETWORK"):
        for words in (("link", "set", "lo", "up"), ("addr", "add", "192.0.2.1/24", "dev", "lo"),
                      ("addr", "add", "2001:db8::1/128", "dev", "lo")):
            subprocess.run(["ip", *words], check=True)
        return True
    if os.geteuid() or subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode:
        return False
    os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv],
               dict(os.environ, BANS_NETWORK="1"))


class Everywhere(Tree):
    def config(self):
        return super().config().replace('"127.0.0.1"', '"0.0.0.0"')


def client(t, ip):
    return Stream(t, to="192.0.2.1", source=ip)


def reach(t, ip):
    return socket.create_connection(("192.0.2.1", t.port), DEADLINE, (ip, 0))


@check
def the_twentieth_guess_is_the_last(t):
    s = None
    for i in range(20):
        if i % 4 == 0:
            if s:
                s.abort()
            s = client(t, "192.0.2.66")
            s.secured()
        assert s.auth_plain("juliet%d" % (i % 3), "wrong") == ("failure", "not-authorized")
    e = s.recv()
    assert e.tag == "{%s}error" % STREAM and e[0].tag.endswith("policy-violation"), ET.tostring(e)
    assert "try again after" in e[1].text, e[1].text
    s.abort()
    assert "192.0.2.66" in t.ctl("ban", "list")
    before = t.stat("tlsd", "refused_banned")
    for _ in range(480):
        c = reach(t, "192.0.2.66")
        try:
            assert c.recv(1) == b""
        except ConnectionError:
            pass
        c.close()
    assert t.stat("tlsd", "refused_banned") - before == 480
    begin = time.monotonic()
    s = client(t, "192.0.2.67")
    s.login("juliet", PW, "r")
    assert time.monotonic() - begin < 20 * SLOW, "others are delayed"
    s.close()
    t.wait_log("authd", "event=banned ip=192.0.2.66")


@check
def bans_outlive_restarts_and_are_lifted(t):
    t.kill("tlsd")
    t.kill("c2sd")
    t.kill("authd")
    t.wait_ready()
    until("the ban", lambda: socket_ends(t, "192.0.2.66"))
    t.ctl("ban", "del", "192.0.2.66")
    until("its end", lambda: not socket_ends(t, "192.0.2.66"))
    t.ctl("ban", "add", "192.0.2.64/27", "1")
    until("the ban", lambda: socket_ends(t, "192.0.2.66"))
    assert not socket_ends(t, "192.0.2.99")
    t.ctl("ban", "del", "all")
    until("its end", lambda: not socket_ends(t, "192.0.2.66"))
    assert t.ctl("ban", "list") == ""


def socket_ends(t, ip):
    """Does a connection from ip end at once?"""
    with reach(t, ip) as c:
        c.settimeout(0.3 * SLOW)
        try:
            return c.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


@check
def wrong_mechanisms_are_no_guesses(t):
    """Six mechanisms with a binding that the stream has not before each login, thirty times: some
    clients look for one that fits."""
    for _ in range(30):
        s = client(t, "192.0.2.70")
        s.secured()
        for i in range(6):
            hash = ("SHA-1", "SHA-256", "SHA-512")[i % 3]
            s.auth_say("auth", b"p=tls-none,,n=juliet,r=abcdefgh%d" % i, "SCRAM-%s-PLUS" % hash)
            assert s.auth_answer() == ("failure", "not-authorized")
        assert s.auth_scram("juliet", PW)[0] == "success"
        s.bind()
        s.close()
    assert t.ctl("ban", "list") == ""


@check
def one_address_does_not_take_all(t):
    held = []
    try:
        for _ in range(30):
            held.append(reach(t, "192.0.2.80"))
        until("refusals", lambda: t.stat("tlsd", "refused_crowded") == 10)
        s = client(t, "192.0.2.81")
        s.login("juliet", PW, "r")
        s.close()
        t.wait_log("tlsd", "event=address-full ip=192.0.2.80 limit=20")
    finally:
        for c in held:
            c.close()
    until("room", lambda: not socket_ends(t, "192.0.2.80"))


if own_network():
    main(Everywhere(accounts=["juliet@localhost"], modules=MODULES_HERE,
              tabber="connections_per_address: 20"))
else:
    print("skipped: only root has a network of its own")
    sys.exit(77)
