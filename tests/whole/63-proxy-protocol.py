#!/usr/bin/python3
"""Listeners behind a proxy (use_proxy_protocol): whose connection it is, and what is refused."""
from tree import *

OPEN = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='localhost' "
        "version='1.0' xmlns:stream='%s'>" % STREAM).encode()
V2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f" + socket.inet_aton("203.0.113.9") +
      socket.inet_aton("203.0.113.1") + b"\x27\x10\x14\x66" + b"\4\0\0")
plain, tls, others = free_port(), free_port(), free_port()
LISTEN = "listen:\n" + "".join("""  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_c2s
    use_proxy_protocol: true
    proxy_from: %s
    %s: true
""" % x for x in ((plain, "[127.0.0.0/8]", "starttls"), (tls, "127.0.0.1", "tls"),
                  (others, "192.0.2.0/24", "starttls")))


def connect(port):
    return socket.create_connection(("127.0.0.1", port), DEADLINE)


def talk(s, until_=b"</stream:features>"):
    got = b""
    while until_ not in got:
        more = s.recv(4096)
        if not more:
            raise Gone(got)
        got += more
    return got


def ends(s):
    """The bytes that come until the end of the connection."""
    got = b""
    try:
        while True:
            more = s.recv(4096)
            if not more:
                return got
            got += more
    except ConnectionResetError:
        return got


@check
def version_1_with_the_first_bytes_of_the_stream(t):
    with connect(plain) as s:
        s.sendall(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 5222\r\n" + OPEN)
        talk(s)
        t.wait_log("tlsd", r"event=proxied conn=\S+ ip=192\.0\.2\.7 by=127\.0\.0\.1")


@check
def version_2_byte_by_byte(t):
    with connect(plain) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(V2)):
            s.sendall(V2[i:i + 1])
        s.sendall(OPEN)
        talk(s)
        t.wait_log("tlsd", r"event=proxied conn=\S+ ip=203\.0\.113\.9 ")


@check
def the_clients_address_is_that_of_the_stream(t):
    """The log of c2sd has it: access rules see it too."""
    with connect(plain) as s:
        s.sendall(b"PROXY TCP6 2001:db8::7 ::1 4711 5222\r\n" + OPEN)
        talk(s)
        s.sendall(b"<nonsense xmlns='a'/>")
        ends(s)
    t.wait_log("c2sd", r"ip=2001:db8::7 ")


@check
def tls_follows_the_header(t):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(tls) as s:
        s.sendall(b"PROXY TCP4 192.0.2.8 198.51.100.1 4711 5223\r\n")
        with context.wrap_socket(s, server_hostname="localhost") as w:
            w.sendall(OPEN)
            talk(w)
    t.wait_log("tlsd", r"event=proxied conn=\S+ ip=192\.0\.2\.8 ")


@check
def local_keeps_the_peer(t):
    with connect(plain) as s:
        s.sendall(b"PROXY UNKNOWN\r\n" + OPEN)
        talk(s)


@check
def a_connection_without_a_header_is_cut(t):
    with connect(plain) as s:
        s.sendall(OPEN)
        assert ends(s) == b""
    t.wait_log("tlsd", "why=\"not a header of the PROXY protocol\"")


@check
def another_peer_is_refused_before_a_byte(t):
    with connect(others) as s:
        assert ends(s) == b""
    t.wait_log("tlsd", "event=connection-refused .*why=\"not one of proxy_from\"")


@check
def silence_is_cut(t):
    with connect(plain) as s:
        s.sendall(b"PROXY TCP4 192.0.2.7")
        began = time.monotonic()
        assert ends(s) == b""
        assert time.monotonic() - began < 10 * SLOW


main(Tree(options=LISTEN))
