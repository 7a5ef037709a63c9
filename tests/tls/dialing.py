"""Connections to other servers: which address is tried when, which one wins, and what is said."""
from peers import *


def failed(index, ip="127.0.0.1", why="connection refused", step="connect", request=1):
    return ["failed", str(request), str(index), ip, step, why]


@check
def a_plain_target_is_connected_and_carries_bytes():
    t = Servers()
    p = Peer(t)
    s, n = t.dial(p)
    t.say("data", n, "<stream>")
    assert s.recv(100) == b"<stream>"
    t.hears("written", n, 8)
    s.send(b"<answer>")
    t.hears("data", n, "<answer>")


@check
def an_address_that_refuses_lets_the_next_go_first():
    """Attempts are at least 10 ms apart."""
    t = Servers()
    p = Peer(t)
    t.connect(refusing(), p.target())
    assert t.hear() == failed(0)
    assert t.settle() == []
    t.clock(9000)
    assert t.settle() == []
    t.clock(11000)
    p.accept()
    t.connected(p, index=1)


@check
def the_next_address_has_its_chance_after_250_ms():
    """The first does not answer, and is no failure: its attempt is given up without a word."""
    t = Servers()
    first = Peer(t, "127.0.0.3", deaf=True)
    p = Peer(t, port=first.port)
    t.connect(p.target(addresses="127.0.0.3,127.0.0.1"))
    t.clock(249000)
    assert t.settle() == []
    t.clock(251000)
    s = p.accept()
    n = t.connected(p)
    t.clock(60000000)
    assert t.settle() == []
    assert t.figure("connections") == 1
    s.send(b"on")
    t.hears("data", n, "on")


@check
def a_dead_family_does_not_matter():
    """IPv6 first, as the records have it: it refuses, and IPv4 is connected; and the other way round."""
    t = Servers()
    for request, (dead, alive) in enumerate((("::1", "127.0.0.1"), ("127.0.0.1", "::1")), 1):
        p = Peer(t, alive)
        t.connect(p.target(addresses=dead + "," + alive), request=request)
        assert t.hear() == failed(0, dead, request=request)
        t.clock(request * 1000000)
        p.accept()
        t.connected(p, request, ip=alive)


@check
def a_backup_target_waits_two_seconds():
    """Another address of the same target is tried after 250 ms: a main server that is far away is
    still first."""
    t = Servers()
    main = Peer(t, "127.0.0.3", deaf=True)
    second = Peer(t, "127.0.0.4", port=main.port, deaf=True)
    backup = Peer(t)
    t.connect(main.target(addresses="127.0.0.3,127.0.0.4"), backup.target())
    t.clock(251000)
    t.clock(2249000)
    assert t.settle() == []
    assert t.figure("connections") == 2
    t.clock(2253000)
    backup.accept()
    t.connected(backup, index=1)


@check
def a_backup_follows_at_once_when_all_of_a_target_have_failed():
    t = Servers()
    port = free_port()
    main = Peer(t, "127.0.0.3", port=port, deaf=True)
    p = Peer(t)
    t.connect(main.target(addresses="127.0.0.3,127.0.0.4"), p.target())
    t.clock(251000)
    assert t.hear() == failed(0, "127.0.0.4")
    t.clock(500000)
    assert t.settle() == []  # the first may still answer
    t.clock(2252000)
    p.accept()
    t.connected(p, index=1)


@check
def targets_without_addresses_are_skipped():
    t = Servers()
    p = Peer(t)
    t.connect("tls 5270 a.example  -", "plain 5269 b.example - -", p.target())
    p.accept()
    t.connected(p, index=2)


@check
def a_request_whose_targets_have_all_failed_is_over():
    t = Servers()
    t.connect(refusing(), refusing())
    assert t.hear() == failed(0)
    t.clock(11000)
    assert t.hear() == failed(1)
    t.hears("unconnected", 1)
    assert t.settle() == []


@check
def a_request_that_is_over_has_no_time_left():
    """The time for the next target would come two seconds later."""
    t = Servers()
    for n in range(1, 20):
        t.connect(refusing(), request=n)
        assert t.hear() == failed(0, request=n)
        t.hears("unconnected", n)
    t.clock(3000000)
    assert t.settle() == []
    p = Peer(t)
    t.dial(p)


@check
def no_target_is_unconnected():
    t = Servers()
    t.connect("plain 5269 b.example - -")
    t.hears("unconnected", 1)
    t.connect(request=2)
    t.hears("unconnected", 2)


@check
def what_is_no_target_is_unconnected():
    t = Servers()
    for bad in ("http 80 a.example 127.0.0.1 -", "plain 0 a.example 127.0.0.1 -",
                "plain 5269 a.example 127.0.0.1.2 -", "tls 5270 a.example 127.0.0.1 3:1:1:0g"):
        t.connect(bad)
        t.hears("unconnected", 1)
    t.logged("event=connect-refused")


@check
def an_address_has_outgoing_s2s_timeout():
    """The option of the host that wants the connection limits each attempt, from the attempt's own
    start on."""
    t = Servers(hosts=("one.example", "two.example"),
                top="host_config: {two.example: {outgoing_s2s_timeout: 3}}\n")
    p = Peer(t, deaf=True)
    t.connect(p.target())
    t.connect(p.target(), request=2, host="two.example")
    t.connect(p.target(), request=3, host="rooms.two.example")
    assert t.settle() == []
    t.clock(2999000)
    assert t.settle() == []
    t.clock(3001000)
    for n in (2, 3):
        assert t.hear() == failed(0, why="timeout", request=n)
        t.hears("unconnected", n)
    t.clock(9999000)
    assert t.settle() == []
    t.clock(10001000)
    assert t.hear() == failed(0, why="timeout")
    t.hears("unconnected", 1)


@check
def some_addresses_are_never_dialed():
    t = Servers(local=False)
    never = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "169.254.169.254", "224.0.0.1",
             "255.255.255.255", "::", "::1", "fe80::1", "ff02::1", "::ffff:169.254.169.254",
             "::ffff:127.0.0.1"]
    t.connect("plain 5269 a.example %s -" % ",".join(never))
    for ip in never:
        assert t.hear() == failed(0, ip, "denied address"), ip
    t.hears("unconnected", 1)


@check
def an_administrator_allows_addresses_of_this_machine():
    """Addresses of s2s_allow_addresses are tried, and none that s2s_deny_addresses has too."""
    t = Servers(local=False, top="tabber: {s2s_allow_addresses: [127.0.0.128/25, '::1'], "
                                 "s2s_deny_addresses: [127.0.0.129]}\n")
    p = Peer(t, "127.0.0.128")
    t.connect(p.target(addresses="127.0.0.127,127.0.0.129,169.254.1.1,127.0.0.128"))
    for ip in ("127.0.0.127", "127.0.0.129", "169.254.1.1"):
        assert t.hear() == failed(0, ip, "denied address"), ip
    p.accept()
    t.connected(p, ip="127.0.0.128")
    p = Peer(t, "::1")
    t.connect(p.target(), request=2)
    p.accept()
    t.connected(p, request=2, ip="::1")


@check
def an_administrator_denies_more_addresses():
    t = Servers(top="tabber: {s2s_deny_addresses: [127.0.0.0/25, 127.1.2.3, '::1/128']}\n")
    p = Peer(t, "127.0.0.128")
    t.connect(p.target(addresses="127.0.0.1,127.0.0.127,127.1.2.3,::1,127.0.0.128"))
    for ip in ("127.0.0.1", "127.0.0.127", "127.1.2.3", "::1"):
        assert t.hear() == failed(0, ip, "denied address"), ip
    p.accept()
    t.connected(p, ip="127.0.0.128")


@check
def a_range_that_is_none_is_refused():
    t = Servers()
    t.rows = "s2s_deny_addresses\t*\t127.0.0.0/33\n"
    t.compile("settings")
    assert not t.reload()
    t.logged("key=s2s_deny_addresses")


@check
def a_host_has_its_own_source_address():
    t = Servers(hosts=("one.example", "two.example"),
                top="outgoing_s2s_ipv4_address: 127.0.0.2\n"
                    "host_config: {two.example: {outgoing_s2s_ipv4_address: 127.0.0.3}}\n")
    p = Peer(t)
    for request, host, source in ((1, "one.example", "127.0.0.2"), (2, "two.example", "127.0.0.3")):
        t.connect(p.target(), request=request, host=host)
        p.accept()
        t.connected(p, request)
        assert p.by[0] == source, p.by


@check
def a_service_of_another_name_has_the_options_of_its_host():
    t = Servers(hosts=("one.example", "two.example"),
                top="outgoing_s2s_ipv4_address: 127.0.0.2\n"
                    "host_config: {two.example: {outgoing_s2s_ipv4_address: 127.0.0.3}}\n"
                    "append_host_config: {two.example: {modules: {mod_muc: {host: b\u00fccher.other}}}}\n")
    p = Peer(t)
    for request, name in ((1, "b\u00fccher.other"), (2, "xn--bcher-kva.other")):
        t.connect(p.target(), request=request, host=name)
        p.accept()
        t.connected(p, request)
        assert p.by[0] == "127.0.0.3", p.by


@check
def a_source_address_that_is_not_ours_is_a_failure():
    t = Servers(top="outgoing_s2s_ipv6_address: '2001:db8::1'\n")
    p = Peer(t)
    t.connect(p.target(addresses="::1,127.0.0.1"))
    assert t.hear() == failed(0, "::1", "source address")
    p.accept()
    t.connected(p)


@check
def abandon_ends_a_request_without_an_answer():
    t = Servers()
    p = Peer(t, deaf=True)
    t.connect(p.target())
    assert t.settle() == [] and t.figure("connections") == 1
    t.say("abandon", 1)
    t.say("abandon", 2)
    assert t.settle() == [] and t.figure("connections") == 0
    t.clock(60000000)
    assert t.settle() == []


@check
def sixty_four_requests_race_and_the_others_wait():
    t = Servers()
    deaf, p = Peer(t, deaf=True), Peer(t)
    for i in range(64):
        t.connect(deaf.target(), request=i + 1)
    t.connect(p.target(), request=65)
    t.connect(p.target(), request=66)
    assert t.settle() == []
    assert (t.figure("dials"), t.figure("dials_waiting")) == (64, 2)
    t.say("abandon", 66)
    t.say("abandon", 7)
    p.accept()
    t.connected(p, 65)
    assert (t.figure("dials"), t.figure("dials_waiting")) == (63, 0)


@check
def a_waiting_requests_time_begins_when_it_is_tried():
    t = Servers()
    deaf = Peer(t, deaf=True)
    for i in range(65):
        t.connect(deaf.target(), request=i + 1)
    t.clock(10001000)
    for i in range(64):
        assert t.hear() == failed(0, why="timeout", request=i + 1)
        t.hears("unconnected", i + 1)
    assert t.settle() == []
    t.clock(20000000)
    assert t.settle() == []
    t.clock(20003000)
    assert t.hear() == failed(0, why="timeout", request=65)


@check
def more_than_a_thousand_do_not_wait():
    t = Servers()
    deaf = Peer(t, deaf=True)
    for i in range(64 + 1024):
        t.connect(deaf.target(), request=i + 1)
    assert t.settle() == []
    t.connect(deaf.target(), request=2000)
    t.hears("unconnected", 2000)
    t.logged('why="too many requests"')


@check
def all_ends_with_the_neighbour():
    """Connections, attempts and requests that wait."""
    t = Servers()
    p, deaf = Peer(t), Peer(t, deaf=True)
    s, _ = t.dial(p)
    for i in range(70):
        t.connect(deaf.target(), request=i + 2)
    assert t.settle() == []
    t.line("s2sd\tbye")
    assert s.recv(100) == b""
    t.line("ctl\tstats")
    assert [t.figure(x) for x in ("connections", "dials", "dials_waiting")] == [0, 0, 0]
    t.clock(60000000)
    assert t.settle() == []


@check
def either_side_closes():
    t = Servers()
    p = Peer(t)
    s, n = t.dial(p)
    t.say("data", n, "</stream>")
    t.say("close", n)
    t.hears("written", n, 9)
    t.hears("close", n, "closed")
    assert s.recv(100) == b"</stream>" and s.recv(100) == b""
    s, n = t.dial(p)
    s.close()
    t.hears("close", n, "closed by the peer")
    t.say("close", n)
    assert t.settle() == []


@check
def a_peer_that_does_not_read_stops_its_feeder():
    """written counts what the kernel has taken, and goes on when the peer reads."""
    t = Servers()
    p = Peer(t)
    s, n = t.dial(p)
    given = told = 0
    while True:
        t.say("data", n, "x" * 65536)
        given += 65536
        met = t.settle()
        told = max([told] + [int(r[2]) for r in met if r[0] == "written"])
        if ["stop", n] in met:
            break
        assert given < 40 << 20, "it is never told to stop"
    assert told <= given - 65536, (told, given)
    left = given
    while left:
        left -= len(s.recv(65536))
    while told < given:
        r = t.hear()
        if r[0] == "written":
            assert int(r[2]) > told, (r, told)
            told = int(r[2])
        else:
            assert r == ["go", n], r
    assert told == given


@check
def a_peer_that_takes_nothing_is_cut_after_a_minute():
    for _ in range(10):
        t = Servers()
        p = Peer(t)
        s, n = t.dial(p)
        while not ["stop", n] in t.settle():
            t.say("data", n, "x" * 65536)
        t.clock(59999000)
        met = t.settle()
        if not met:
            break
        # The kernel took more after the stop, and the minute began anew then: dial again.
        assert all(r[:2] == ["written", n] for r in met), met
    t.clock(60001000)
    t.hears("close", n, "slow reader: nothing taken in time")


@check
def a_shaped_peer_is_read_no_faster():
    t = Servers()
    p = Peer(t)
    s, n = t.dial(p)
    t.say("shape", n, 1000, 1000)
    assert t.settle() == []
    s.send(b"x" * 2000)
    t.hears("data", n, "x" * 2000)
    assert t.settle() == []
    s.send(b"y")
    assert t.settle() == []
    t.clock(1100000)
    t.hears("data", n, "y")
