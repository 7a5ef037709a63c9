"""A connection in plain text as a conduit: bytes, stop and go, and how it ends."""
import socket

from tlsd import *

one = {"one": "".join(make("one", certs.dns("one.example")))}


@check
def bytes_go_both_ways():
    t = Tlsd(one)
    s, n = t.open()
    s.send(b"<a b='\t'>\n")
    t.hears("data", n, "<a b='\\t'>\\n")
    t.say("data", n, "<c\\t/>\\n")
    assert s.recv(100) == b"<c\t/>\n"


@check
def two_connections_are_two_conduits():
    t = Tlsd(one)
    (a, m), (b, n) = t.open(), t.open()
    assert m != n
    b.send(b"b")
    t.hears("data", n, "b")
    t.say("data", m, "a")
    assert a.recv(10) == b"a"


@check
def a_client_that_ends_is_told_of_once():
    """The neighbour hears that the client has ended, and hears so no second time when the
    neighbour has closed too."""
    t = Tlsd(one)
    s, n = t.open()
    s.shutdown(socket.SHUT_WR)
    t.hears("close", n, "closed by the client")
    t.say("data", n, "</stream>")
    t.say("close", n)
    assert s.recv(100) == b"</stream>" and s.recv(100) == b""
    assert t.settle() == []
    assert t.end() == []


@check
def a_neighbour_that_closes_is_answered_once():
    t = Tlsd(one)
    s, n = t.open()
    t.say("data", n, "</stream>")
    t.say("close", n)
    t.hears("close", n, "closed")
    assert s.recv(100) == b"</stream>" and s.recv(100) == b""
    s.close()
    assert t.settle() == []
    assert t.end() == []


@check
def what_comes_behind_close_is_thrown_away():
    """Data of either side is not carried: the conduit is no more."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("close", n)
    t.say("data", n, "late")
    t.hears("close", n, "closed")
    s.send(b"late")
    assert s.recv(100) == b""
    assert t.settle() == []


@check
def a_stopped_client_is_not_read():
    t = Tlsd(one)
    s, n = t.open()
    t.say("stop", n)
    assert t.settle() == []
    s.send(b"<a/>")
    assert t.settle() == []
    t.say("go", n)
    t.hears("data", n, "<a/>")


@check
def a_client_that_does_not_read_stops_its_feeder():
    """Twice 64 KiB: more than CONN_HIGH_WATER waits. go comes when half of that is left."""
    t = Tlsd(one)
    s, n = t.open()
    most = 0
    while True:
        t.say("data", n, "x" * 65536)
        most += 65536
        met = t.settle()
        if met:
            break
        assert most < 10 << 20, "it is never told to stop"
    assert met == [["stop", n]], met
    t.say("data", n, "x" * 65536)  # was on its way
    most += 65536
    assert t.settle() == []
    while most:
        most -= len(s.recv(65536))
    t.hears("go", n)
    assert t.settle() == []


@check
def a_client_that_takes_nothing_is_cut_after_send_timeout():
    t = Tlsd(one)
    s, n = t.open()
    while not t.settle():
        t.say("data", n, "x" * 65536)
    t.clock(14999000)
    assert t.settle() == []
    t.clock(15001000)
    t.hears("close", n, "slow reader: nothing taken in time")
    assert t.settle() == []


@check
def the_connections_of_a_neighbour_that_goes_end():
    t = Tlsd(one)
    s, n = t.open()
    t.line("c2sd\tbye")
    assert s.recv(100) == b""


@check
def a_shaped_client_is_read_no_faster():
    """1000 bytes a second: the second thousand is read when its second is over."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("shape", n, 1000, 1000)
    assert t.settle() == []
    s.send(b"a" * 2000)
    t.hears("data", n, "a" * 2000)
    s.send(b"b")
    assert t.settle() == []
    t.clock(900000)
    assert t.settle() == []
    t.clock(1100000)
    t.hears("data", n, "b")


@check
def a_client_that_resets_is_told_of_once():
    t = Tlsd(one)
    s, n = t.open()
    t.say("data", n, "unread")
    assert t.settle() == []
    s.close()  # with bytes unread: a reset
    t.hears("close", n, "Connection reset by peer")
    t.say("close", n)
    t.say("data", n, "late")
    assert t.settle() == []
    assert t.end() == []


@check
def a_client_that_stays_after_close_is_left_after_its_time():
    """CONN_LINGER_US after the neighbour's close nobody waits for the client's end."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("close", n)
    t.hears("close", n, "closed")
    assert s.recv(1) == b""
    s.send(b"thrown away")
    t.clock(60000000)
    assert t.settle() == []
    t.logged("why=closed")


@check
def a_slow_client_gets_all_behind_a_close():
    """The connection stays as long as the client takes something within send_timeout, though the
    neighbour has closed."""
    t = Tlsd(one)
    s, n = t.open()
    most = 0
    while not t.settle():
        t.say("data", n, "x" * 65536)
        most += 65536
    t.say("close", n)
    now = got = 0
    while got < most:
        now += 10000000
        t.clock(now)
        for _ in range(8):
            got += len(s.recv(65536))
        t.settle()
    assert s.recv(1) == b""


@check
def an_answer_reaches_a_client_that_has_shut_its_side():
    """CONN_HALF_US, for the neighbour knows no client that only listens."""
    t = Tlsd(one)
    s, n = t.open()
    s.sendall(b"question")
    s.shutdown(socket.SHUT_WR)
    t.hears("data", n, "question")
    t.hears("close", n, "closed by the client")
    t.clock(50000000)
    t.settle()
    t.say("data", n, "answer")
    t.say("close", n)
    assert s.recv(65536) == b"answer"
    assert s.recv(1) == b""


@check
def an_interval_between_connections():
    """accept_interval: a listener leaves the next connection to the kernel, whatever else happens, until
    the time is over or new settings have none."""
    t = Tlsd(one, options=", accept_interval: 500")
    t.open()
    t.socket(t.plain)
    t.say("bye")
    t.say("hello", "xmpp-c2sd", "0.1", 1, 2)
    assert t.settle() == []
    t.clock(499000)
    assert t.settle() == []
    t.clock(500000)
    assert t.hear()[0] == "open"
    t.socket(t.plain)
    assert t.settle() == []
    t.compile("settings")
    assert t.reload()
    assert t.hear()[0] == "open"
    t.open()
