"""STARTTLS and direct TLS: the switch, versions, ciphers, ALPN, and handshakes that fail."""
import re, socket, subprocess

from tlsd import *

one = {"one": "".join(make("one", certs.dns("one.example")))}
rsa = {"rsa": "".join(make("rsa", certs.dns("one.example"), rsa=True))}


def is_secured(t, n, version, sni="one.example"):
    r = t.hear()
    assert r[:3] == ["secured", n, version] and r[4] == sni, r
    return r


@check
def starttls_secures_the_conduit():
    t = Tlsd(one)
    s, n = t.open()
    tls = t.secure(s, n, version=V13)
    r = is_secured(t, n, "TLSv1.3")
    assert r[3] == tls.cipher()[0]
    assert "tls-exporter=" in r[5] and "tls-server-end-point=" in r[5], r
    tls.send(b"<a/>")
    t.hears("data", n, "<a/>")
    t.say("data", n, "<b/>")
    assert tls.recv(100) == b"<b/>"


@check
def tls_unique_is_of_tls_1_2():
    t = Tlsd(one)
    s, n = t.open()
    tls = t.secure(s, n, version=V12)
    r = is_secured(t, n, "TLSv1.2")
    assert "tls-unique=" in r[5], r


@check
def what_comes_between_the_switch_and_tls_is_thrown_away():
    """RFC 6120 s5.4.3.3: the neighbour's data before secured is not sent, in plain or in TLS."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("starttls", n, "one.example", "<proceed/>")
    t.say("data", n, "early")
    assert t.settle() == []
    assert s.recv(100) == b"<proceed/>"
    tls = wrap(s, "one.example")
    is_secured(t, n, "TLSv1.3")
    t.say("data", n, "late")
    assert tls.recv(100) == b"late"


@check
def plain_text_in_place_of_a_handshake_ends_it():
    t = Tlsd(one)
    s, n = t.open()
    t.say("starttls", n, "one.example", "<proceed/>")
    assert s.recv(10) == b"<proceed/>"
    s.send(b"<stream:stream to='one.example'>")
    t.hears("close", n, "TLS handshake failed")
    assert t.settle() == []
    t.logged("event=handshake-failed")


@check
def a_second_starttls_is_nothing():
    t = Tlsd(one)
    s, n = t.open()
    tls = t.secure(s, n)
    is_secured(t, n, "TLSv1.3")
    t.say("starttls", n, "one.example", "<proceed/>")
    t.say("data", n, "on")
    assert tls.recv(100) == b"on"


@check
def direct_tls_opens_when_it_is_secured():
    t = Tlsd(one)
    s = t.socket(t.direct)
    assert t.settle() == []
    tls = wrap(s, "one.example", alpn=["h2", "xmpp-client"])
    assert tls.selected_alpn_protocol() == "xmpp-client"
    r = t.hear()
    assert r[0] == "open" and r[2:] == ["unix:" + t.direct, "127.0.0.1", "0"], r
    is_secured(t, r[1], "TLSv1.3")


@check
def a_foreign_alpn_is_refused_and_no_conduit_opens():
    """RFC 7301 s3.2."""
    t = Tlsd(one)
    why = refused(wrap, t.socket(t.direct), "one.example", alpn=["h2"])
    assert "no application protocol" in why, why
    assert t.settle() == []


@check
def versions_that_are_not_spoken_are_refused():
    t = Tlsd(one, options=", protocol_options: [no_tlsv1_2]")
    why = refused(wrap, t.socket(t.direct), "one.example", version=V12)
    assert "protocol version" in why, why
    assert t.settle() == []
    wrap(t.socket(t.direct), "one.example", version=V13)


@check
def ciphers_that_are_not_spoken_are_refused():
    t = Tlsd(rsa, options=", ciphers: ECDHE-RSA-AES256-GCM-SHA384")
    why = refused(wrap, t.socket(t.direct), "one.example", version=V12,
                  ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    assert "handshake failure" in why, why
    assert t.settle() == []
    s = wrap(t.socket(t.direct), "one.example", version=V12)
    assert s.cipher()[0] == "ECDHE-RSA-AES256-GCM-SHA384"


def spoken(t, *words):
    """The suite that s_client, with these words, gets of TLS 1.3."""
    r = subprocess.run(["openssl", "s_client", "-unix", t.direct, "-servername", "one.example",
                        "-tls1_3", "-brief", *words], stdin=subprocess.DEVNULL, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    return re.search("Ciphersuite: (\\S+)", r.stdout).group(1)


@check
def the_cheapest_suite_of_tls_1_3_goes_first():
    """OpenSSL's clients name AES-256 first; whoever knows nothing else gets that."""
    t = Tlsd(one)
    assert spoken(t) == "TLS_AES_128_GCM_SHA256"
    for suite in ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        assert spoken(t, "-ciphersuites", suite) == suite


@check
def a_handshake_has_fifteen_seconds():
    """A client under direct TLS that says nothing is never a conduit."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("starttls", n, "one.example", "<proceed/>")
    silent = t.socket(t.direct)
    assert t.settle() == []
    t.clock(14999999)
    assert t.settle() == []
    t.clock(15000001)
    t.hears("close", n, "no TLS handshake in time")
    assert silent.recv(1) == b""
    assert t.settle() == []


@check
def close_notify_ends_the_conduit_once():
    t = Tlsd(one)
    s, n = t.open()
    tls = t.secure(s, n)
    is_secured(t, n, "TLSv1.3")
    tls.settimeout(0.0)
    try:
        tls.unwrap()  # sends close_notify, and does not wait for the answer
    except ssl.SSLError:
        pass
    t.hears("close", n, "closed by the client")
    t.say("close", n)
    assert t.settle() == []
    assert t.end() == []


@check
def the_neighbours_close_sends_close_notify_behind_the_last_bytes():
    """A client that checks for truncation finds none (RFC 8446 s6.1)."""
    t = Tlsd(one)
    s, n = t.open()
    tls = t.secure(s, n)
    is_secured(t, n, "TLSv1.3")
    t.say("data", n, "</stream>")
    t.say("close", n)
    assert tls.recv(100) == b"</stream>"
    try:
        assert tls.recv(100) == b""
    except ssl.SSLZeroReturnError:
        pass
    t.hears("close", n, "closed")
    tls.close()
    assert t.settle() == []


@check
def a_handshake_that_is_read_late_is_given_fifteen_seconds_more_once():
    """stop: the bytes lie unread when the time is over, and the client is not to blame for that."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("stop", n)
    t.say("starttls", n, "one.example", "<proceed/>")
    assert s.recv(10) == b"<proceed/>"
    s.send(b"\x16\x03\x01")
    t.clock(15001000)
    assert t.settle() == []
    t.clock(30003000)
    t.hears("close", n, "no TLS handshake in time")


@check
def a_handshake_without_end_is_cut():
    """A ClientHello of 64 KiB is announced; TLS_HELLO_MAX is 32 KiB."""
    t = Tlsd(one)
    s, n = t.open()
    t.say("starttls", n, "one.example", "<proceed/>")
    assert s.recv(10) == b"<proceed/>"
    hello = b"\x01\x00\xff\xff" + bytes(0xffff)
    try:
        for i in range(0, len(hello), 16384):
            part = hello[i:i + 16384]
            s.send(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part)
    except OSError:
        pass
    t.hears("close", n, "TLS handshake too long")
    assert t.settle() == []
