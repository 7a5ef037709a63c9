"""Addresses that are shut out."""
from tlsd import *

one = {"one": "".join(make("one", certs.dns("one.example")))}
FAR = str(1 << 33)


def is_refused(t):
    return t.socket(t.plain).recv(1) == b""


@check
def a_banned_address_is_refused_at_once():
    t = Tlsd(one)
    s, n = t.open()
    t.say("ban", "127.0.0.1", FAR)
    assert t.settle() == []
    assert is_refused(t)
    assert t.settle() == [], "the edge heard of it"
    s.send(b"x")
    t.hears("data", n, "x")
    t.say("ban", "127.0.0.0/8", FAR)
    t.say("ban", "127.0.0.1", "0")
    assert t.settle() == []
    assert is_refused(t)
    t.say("ban", "127.0.0.0/8", "0")
    assert t.settle() == []
    t.open()


@check
def a_ban_ends():
    t = Tlsd(one)
    t.say("ban", "127.0.0.1", "1")
    assert t.settle() == []
    t.open()


class Components(Tlsd):
    neighbour, module, later = "compd", "ejabberd_service", "check_from: true"


@check
def components_have_a_list_of_their_own():
    """Bans by xmpp-compd concern listeners for components alone, as long as xmpp-compd is there;
    bans by xmpp-c2sd do not concern those listeners."""
    t = Components(one, options=", password: secret")
    t.line("c2sd\thello\txmpp-c2sd\t0.1\tc2sd\t1")
    t.line("c2sd\tban\t127.0.0.1\t" + FAR)
    assert t.settle() == []
    t.open()
    t.say("ban", "127.0.0.1", FAR)
    assert t.settle() == []
    assert is_refused(t)
    t.say("bye")
    t.say("hello", "xmpp-compd", "0.1", 1, 2)
    t.settle()
    t.open()
