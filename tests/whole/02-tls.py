#!/usr/bin/python3
"""Direct TLS and STARTTLS: versions, ALPN, and certificates by name."""
from tree import *

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
OPEN = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='one.example' "
        "version='1.0' xmlns:stream='%s'>" % STREAM)


def s_client(t, *words, say=OPEN, wait=b"</stream:features>"):
    """The words that openssl s_client prints until wait was there, and its exit code when it
    ended."""
    p = subprocess.Popen(["openssl", "s_client", "-quiet", "-connect",
                          "127.0.0.1:%d" % t.tls_port, *words], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        os.set_blocking(p.stdout.fileno(), False)
        p.stdin.write(say.encode())
        p.stdin.flush()
        got = b""

        def more():
            nonlocal got
            got += p.stdout.read() or b""
            return wait in got or p.poll() is not None

        until("s_client: " + wait.decode(), more)
        return got.decode(errors="replace"), p.poll()
    finally:
        p.kill()
        p.wait()
        for f in (p.stdin, p.stdout):
            try:
                f.close()
            except OSError:
                pass


def names(s):
    """The names of the certificate that a stream was shown."""
    pem = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
    r = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=pem,
                       text=True, stdout=subprocess.PIPE, check=True)
    return re.findall(r"DNS:(\S+?)(?:,|\s|$)", r.stdout)


@check
def s_client_with_our_alpn(t):
    out, code = s_client(t, "-alpn", "xmpp-client", "-servername", "one.example")
    assert "<mechanism>" in out and code is None, out


@check
def s_client_without_alpn(t):
    out, code = s_client(t, "-servername", "one.example")
    assert "<mechanism>" in out and code is None, out


@check
def a_foreign_alpn_is_refused(t):
    """RFC 7301 s3.2: no_application_protocol, and no stream."""
    out, code = s_client(t, "-alpn", "http/1.1", wait=b"alert")
    assert "no application protocol" in out and "<stream:features" not in out, out


@check
def one_of_several_alpn_is_taken(t):
    s = t.stream(direct=True, alpn=["h2", "xmpp-client"])
    assert s.sock.selected_alpn_protocol() == "xmpp-client"
    s.open()
    s.close()


@check
def both_versions_of_tls(t):
    for v, name in ((V12, "TLSv1.2"), (V13, "TLSv1.3")):
        for direct in (False, True):
            s = t.login("a", version=(v, v), direct=direct)
            assert s.sock.version() == name, s.sock.version()
            s.ping()
            s.close()


@check
def nothing_under_tls_1_2(t):
    """The refusal is the server's own: s_client is told to offer 1.1 at the lowest security
    level."""
    out, code = s_client(t, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0", wait=b"alert")
    assert "protocol version" in out and "<stream:features" not in out, out


@check
def certificate_by_stream_name(t):
    """STARTTLS: the name that the stream gave, when the client gives no SNI."""
    for host in ("one.example", "two.example"):
        s = t.stream(host=host)
        s.open()
        s.send("<starttls xmlns='%s'/>" % TLS)
        s.expect_tag(TLS, "proceed")
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        s.sock = ctx.wrap_socket(s.sock)
        assert host in names(s), (host, names(s))
        s.abort()


@check
def certificate_by_sni(t):
    """Direct TLS: there is no other name yet when the certificate must be shown."""
    for host in ("one.example", "two.example", "a.two.example"):
        s = t.stream(host="one.example", sni=host, direct=True)
        assert any(host == n or "*." + host.partition(".")[2] == n for n in names(s)), (
            host, names(s))
        s.open("one.example")
        s.close()


@check
def an_unknown_sni_gets_some_certificate(t):
    s = t.stream(host="one.example", sni="nobody.example", direct=True)
    assert names(s)
    s.open()
    s.close()


@check
def both_hosts_are_served(t):
    a, b = t.login("a"), t.login("b", host="two.example", direct=True)
    a.message("b@two.example", "across hosts")
    m = b.expect_body("across hosts")
    assert m.get("from") == "a@one.example/r", m.get("from")
    a.close(), b.close()


@check
def many_small_records_and_a_large_one(t):
    """A stream is the same in pieces of any size."""
    a, b = t.login("a"), t.login("b", host="two.example")
    text = "x" * 100000
    stanza = "<message to='b@two.example'><body>%s</body></message>" % text
    a.send(stanza)
    b.expect_body(text)
    for c in "<message to='b@two.example'><body>crumbs</body></message>":
        a.send(c)
    b.expect_body("crumbs")
    a.close(), b.close()


@check
def a_session_is_resumed_by_ticket(t):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    session = None
    for again in (False, True):
        raw = socket.create_connection(("127.0.0.1", t.tls_port), DEADLINE)
        s = ctx.wrap_socket(raw, server_hostname="one.example", session=session)
        s.sendall(OPEN.encode())
        got = b""
        while b"</stream:features>" not in got:
            got += s.recv(65536)
        if again:
            assert s.session_reused, "the ticket was not taken"
        session = s.session
        s.close()


main(Tree(hosts=("one.example", "two.example"), accounts=["a@one.example", "b@two.example"]))
