"""TLS with other servers: which certificates are shown, and what is said of theirs."""
import hashlib

from peers import *

TRUSTED = CA[0]
PEER = make("peer.example", certs.dns("peer.example"), ca=CA)
LONG_AGO = ("20200101000000Z", "20200201000000Z")


def sha256(der):
    return hashlib.sha256(der).hexdigest()


def der_of(pem):
    return ssl.PEM_cert_to_DER_cert(pem)


def key_of(pem):
    """The SubjectPublicKeyInfo."""
    r = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=pem, text=True, check=True,
                       stdout=subprocess.PIPE)
    r = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=r.stdout.encode(),
                       check=True, stdout=subprocess.PIPE)
    return r.stdout


def secured(t, n):
    """The names and the verdict that are said of the peer of a conduit."""
    r = t.hear()
    assert r[:2] == ["secured", n], r
    return r[6] if len(r) > 6 else "", r[7]


def secure_out(t, p, pair, name="one.example", sni="peer.example", tlsa="-", **kw):
    """Dial a peer, and ask for TLS on the conduit: the peer's socket, and the conduit."""
    t.connect(p.target(tlsa=tlsa), sni=sni)
    s = p.accept()
    n = t.connected(p)
    t.say("starttls", n, name, "")
    return serve_tls(t, s, pair, **kw), n


def verdict_of(pair, **kw):
    """The words that are said of the certificate that a peer shows."""
    t = Servers(trusted=kw.pop("trusted", TRUSTED))
    t.today()
    _, n = secure_out(t, Peer(t), pair, **kw)
    return secured(t, n)[1].split(" ")


def shown_by(tls):
    """The CN of the certificate that tlsd has shown; None: none."""
    cert = tls.getpeercert()
    return dict(x[0] for x in cert["subject"])["commonName"] if cert else None


# ---- as the client ----

@check
def starttls_on_a_connection_of_ours_makes_us_the_client():
    t = Servers(trusted=TRUSTED)
    t.today()
    tls, n = secure_out(t, Peer(t), PEER, version=V13)
    assert t.sni == "peer.example"
    r = t.hear()
    assert r[:5] == ["secured", n, "TLSv1.3", tls.cipher()[0], "peer.example"], r
    tls.send(b"<a/>")
    t.hears("data", n, "<a/>")
    t.say("data", n, "<b/>")
    assert tls.recv(100) == b"<b/>"
    t.hears("written", n, 4)


@check
def all_facts_of_a_certificate_are_said():
    alt = (certs.dns("peer.example", "*.peer.example") + ["IP:192.0.2.1", "IP:2001:db8::1"]
           + certs.srv("_xmpp-server.srv.example", "_xmpp-client.no.example", "_XMPP-Server.SRV.example")
           + certs.xmpp_addr("b\u00fccher.example", "a b%c.example"))
    pair = make("peer", alt, ca=CA, valid=("20200101000000Z", "20400101000000Z"))
    t = Servers(trusted=TRUSTED)
    t.today()
    _, n = secure_out(t, Peer(t), pair)
    names, verdict = secured(t, n)
    assert names == ("dns:peer.example dns:*.peer.example ip:192.0.2.1 ip:2001:db8::1 "
                     "srv:srv.example srv:SRV.example xmpp:b\u00fccher.example "
                     "xmpp:a%20b%25c.example"), names
    assert verdict == "valid leaf=%s key=%s until=2208988800 use=all issuer=CN=ca" % (
        sha256(der_of(pair[0])), sha256(key_of(pair[0]))), verdict


@check
def a_certificate_without_names_has_none():
    """The common name does not count."""
    t = Servers(trusted=TRUSTED)
    t.today()
    _, n = secure_out(t, Peer(t), make("peer.example", ca=CA))
    names, verdict = secured(t, n)
    assert names == "" and verdict.startswith("valid "), (names, verdict)


@check
def what_is_wrong_with_a_certificate_is_said_and_ends_nothing():
    other = make("other", is_ca=True)
    for want, pair in (
            ("expired", make("a", certs.dns("peer.example"), ca=CA, valid=LONG_AGO)),
            ("not-yet", make("a", ca=CA, valid=("20900101000000Z", "20910101000000Z"))),
            ("self-signed", make("a", certs.dns("peer.example"))),
            ("unknown-issuer", make("a", certs.dns("peer.example"), ca=other)),
            ("purpose", make("a", ca=CA, purposes="codeSigning,emailProtection"))):
        verdict = verdict_of(pair)
        assert verdict[0] == want and verdict[1].startswith("leaf="), verdict
        assert ("use=other" in verdict) == (want == "purpose"), verdict


@check
def a_certificate_is_good_for_servers_in_both_roles():
    for purposes, use in (("serverAuth", "server"), ("clientAuth", "client"), ("anyExtendedKeyUsage", "all"),
                          ("codeSigning,serverAuth", "server"), ("clientAuth,serverAuth", "server,client")):
        verdict = verdict_of(make("a", certs.dns("peer.example"), ca=CA, purposes=purposes))
        assert verdict[0] == "valid" and "use=" + use in verdict, (purposes, verdict)


@check
def a_chain_may_have_issuers_between():
    middle = make("middle", is_ca=True, ca=CA)
    leaf = make("leaf", certs.dns("peer.example"), ca=middle)
    assert verdict_of((leaf[0] + middle[0], leaf[1]))[0] == "valid"
    assert verdict_of(leaf)[0] == "unknown-issuer"
    no_ca = make("no", ca=CA)
    leaf = make("leaf", certs.dns("peer.example"), ca=no_ca)
    assert verdict_of((leaf[0] + no_ca[0], leaf[1]))[0] == "invalid"


@check
def a_self_signed_certificate_may_be_trusted():
    pair = make("a", certs.dns("peer.example"))
    assert verdict_of(pair, trusted=pair[0])[0] == "valid"


@check
def s2s_cafile_goes_before_ca_file():
    other = make("other", is_ca=True)
    signed = make("a", certs.dns("peer.example"), ca=other)
    path = tempfile.mktemp(dir=TMP_NOW())
    certs.write(path, other[0])
    for trusted, want in ((None, "valid"), (TRUSTED, "unknown-issuer")):
        t = Servers(top="ca_file: '%s'\n" % path, trusted=trusted)
        t.today()
        _, n = secure_out(t, Peer(t), signed)
        assert secured(t, n)[1].startswith(want + " ")


@check
def a_host_may_trust_others():
    other = make("other", is_ca=True)
    path = tempfile.mktemp(dir=TMP_NOW())
    certs.write(path, other[0])
    t = Servers(hosts=("one.example", "two.example"), trusted=TRUSTED,
                top="host_config: {two.example: {s2s_cafile: '%s'}}\n" % path)
    t.today()
    signed = make("a", certs.dns("peer.example"), ca=other)
    p = Peer(t)
    for host, want in (("one.example", "unknown-issuer"), ("two.example", "valid")):
        _, n = secure_out(t, p, signed, name=host)
        assert secured(t, n)[1].startswith(want + " ")


@check
def a_cafile_without_certificates_is_refused():
    t = Servers()
    t.top = "s2s_cafile: '%s'\n" % (t.dir + "/tabber.yml")
    t.compile("settings")
    assert not t.reload()
    t.logged("key=s2s_cafile")


@check
def the_certificate_of_the_host_is_shown_or_none():
    """The certificate of another host would name the wrong server."""
    two = make("two", certs.dns("*.two.example"), ca=CA)
    t = Servers({"one": "".join(OURS), "two": "".join(two)})
    t.today()
    p = Peer(t)
    for host, want in (("one.example", "one.example"), ("rooms.two.example", "two"),
                       ("two.example", None), ("three.example", None)):
        tls, n = secure_out(t, p, PEER, name=host, ask=True)
        secured(t, n)
        tls.send(b"x")
        t.hears("data", n, "x")
        assert shown_by(tls) == want, host


@check
def a_reload_leaves_connections_alone():
    """Handshakes after the reload use the new settings."""
    t = Servers()
    t.today()
    p = Peer(t)
    s, n = t.dial(p)
    t.connect(p.target("tls"), request=2)
    direct = p.accept()
    t.put({"one": "".join(make("new", certs.dns("one.example"), ca=CA))})
    assert t.reload()
    tls = serve_tls(t, direct, PEER)
    secured(t, t.connected(p, 2))
    t.say("starttls", n, "one.example", "")
    tls = serve_tls(t, s, PEER, ask=True)
    secured(t, n)
    tls.send(b"x")
    t.hears("data", n, "x")
    assert shown_by(tls) == "new"


@check
def an_address_is_no_sni():
    t = Servers()
    t.today()
    p = Peer(t)
    for sni, said in (("192.0.2.1", None), ("2001:db8::1", None), ("peer.example.", "peer.example")):
        _, n = secure_out(t, p, PEER, sni=sni)
        secured(t, n)
        assert t.sni == said, (sni, t.sni)


@check
def a_handshake_that_fails_is_told_with_its_reason():
    t = Servers()
    p = Peer(t)
    s, n = t.dial(p)
    t.say("starttls", n, "one.example", "")
    s.recv(1000)
    s.send(b"<stream:error>")
    t.hears("close", n, "TLS handshake failed: wrong version number")
    s, n = t.dial(p)
    t.say("starttls", n, "one.example", "")
    s.close()
    assert t.hear()[:2] == ["close", n]
    s, n = t.dial(p)
    t.say("starttls", n, "one.example", "")
    assert t.settle() == []
    t.clock(15001000)
    t.hears("close", n, "no TLS handshake in time")


@check
def a_request_may_hide_our_certificate():
    """The alert comes from a peer that has refused our certificate, by STARTTLS and by direct
    TLS."""
    t = Servers()
    t.today()
    p = Peer(t)
    for request, how in ((1, "plain"), (2, "tls")):
        t.say("connect", request, "one.example", "peer.example", p.target(how), "none")
        s = p.accept()
        if how == "plain":
            n = t.connected(p, request)
            t.say("starttls", n, "one.example", "")
        tls = serve_tls(t, s, PEER, ask=True)
        if how == "tls":
            n = t.connected(p, request)
        secured(t, n)
        tls.send(b"x")
        t.hears("data", n, "x")
        assert shown_by(tls) is None, how


@check
def a_refusal_of_our_certificate_is_told():
    """In TLS 1.3 the alert comes when our handshake is done."""
    t = Servers({"two": "".join(make("two", certs.dns("two.example")))})
    t.today()
    p = Peer(t)
    s, n = t.dial(p)
    t.say("starttls", n, "one.example", "")
    ctx = server_context(PEER, ask=True)
    ctx.verify_mode = ssl.CERT_REQUIRED
    refused(ctx.wrap_socket, s, server_side=True)
    secured(t, n)
    r = t.hear()
    assert r[:2] == ["close", n] and r[2].startswith("TLS failed: "), r
    assert "certificate required" in r[2], r


@check
def options_of_streams_between_servers_are_obeyed():
    t = Servers(top="s2s_protocol_options: [no_tlsv1_2, no_tlsv1_3]\n")
    t.today()
    p = Peer(t)
    s, n = t.dial(p)
    t.say("starttls", n, "one.example", "")
    why = refused(serve_tls, t, s, PEER, version=V12)
    assert "version" in why or "protocol" in why, why
    assert t.hear()[:2] == ["close", n]
    tls, n = secure_out(t, p, PEER)  # TLS 1.3 always stays
    secured(t, n)
    assert tls.version() == "TLSv1.3"


@check
def ciphers_of_streams_between_servers_are_obeyed():
    t = Servers(top="s2s_ciphers: ECDHE-ECDSA-AES256-GCM-SHA384\n")
    t.today()
    tls, n = secure_out(t, Peer(t), PEER, version=V12)
    secured(t, n)
    assert tls.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"


# ---- direct TLS ----

@check
def a_target_of_direct_tls_is_connected_when_it_is_secured():
    t = Servers(trusted=TRUSTED)
    t.today()
    p = Peer(t)
    t.connect(p.target("tls"))
    s = p.accept()
    assert t.settle() == []
    tls = serve_tls(t, s, PEER, alpn=["h2", "xmpp-server"])
    assert tls.selected_alpn_protocol() == "xmpp-server" and t.sni == "peer.example"
    n = t.connected(p)
    assert secured(t, n)[1].startswith("valid ")
    tls.send(b"<a/>")
    t.hears("data", n, "<a/>")


@check
def a_server_without_alpn_will_do():
    t = Servers()
    t.today()
    p = Peer(t)
    t.connect(p.target("tls"))
    p.accept_tls(PEER)
    secured(t, t.connected(p))


def fails_at_tls(t, p, why):
    r = t.hear()
    assert r[:3] == ["failed", "1", "0"] and r[4] == "tls" and why in r[5], r
    t.clock(1000000)
    backup = p.accept()
    t.connected(p, index=1)
    return backup


@check
def a_plain_server_at_a_port_of_direct_tls_is_a_failure():
    t = Servers()
    p, backup = Peer(t), Peer(t)
    t.connect(p.target("tls"), backup.target())
    s = p.accept()
    s.recv(1000)
    s.send(b"<?xml version='1.0'?><stream:stream>")
    fails_at_tls(t, backup, "wrong version number")


@check
def a_server_that_closes_in_the_handshake_is_a_failure():
    t = Servers()
    p, backup = Peer(t), Peer(t)
    t.connect(p.target("tls"), backup.target())
    s = p.accept()
    s.recv(65536)
    s.close()
    fails_at_tls(t, backup, "closed")


@check
def a_server_that_says_nothing_is_overtaken():
    """After two seconds the next target is tried; its plain connection wins."""
    t = Servers()
    p, backup = Peer(t), Peer(t)
    t.connect(p.target("tls"), backup.target())
    s = p.accept()
    assert t.settle() == []
    t.clock(2001000)
    backup.accept()
    t.connected(backup, index=1)
    assert s.recv(65536) and s.recv(1000) == b""


@check
def a_server_that_says_nothing_has_outgoing_s2s_timeout():
    t = Servers()
    p = Peer(t)
    t.connect(p.target("tls"))
    p.accept()
    assert t.settle() == []
    t.clock(9999000)
    assert t.settle() == []
    t.clock(10001000)
    t.hears("failed", 1, 0, "127.0.0.1", "tls", "timeout")
    t.hears("unconnected", 1)


@check
def without_a_time_limit_a_handshake_still_has_fifteen_seconds():
    t = Servers(top="outgoing_s2s_timeout: infinity\n")
    p = Peer(t)
    t.connect(p.target("tls"))
    p.accept()
    assert t.settle() == []
    t.clock(14999000)
    assert t.settle() == []
    t.clock(15001000)
    t.hears("failed", 1, 0, "127.0.0.1", "tls", "timeout")


@check
def another_protocol_is_a_failure():
    """The server chooses what was not offered; its own library lets it do that."""
    import ctypes
    ctx = server_context(PEER)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p),
                            ctypes.POINTER(ctypes.c_ubyte), ctypes.c_void_p, ctypes.c_uint,
                            ctypes.c_void_p)

    @kind
    def choose(_ssl, out, length, _in, _len, _cookie):
        out[0], length[0] = b"http/1.1", 8
        return 0
    ssl_ctx = ctypes.c_void_p.from_address(id(ctx) + 2 * ctypes.sizeof(ctypes.c_void_p))
    ctypes.CDLL("libssl.so.3").SSL_CTX_set_alpn_select_cb(ssl_ctx, choose, None)
    t = Servers()
    p, backup = Peer(t), Peer(t)
    t.connect(p.target("tls"), backup.target())
    try:
        t.socks.append(ctx.wrap_socket(p.accept(), server_side=True))
    except OSError:
        pass
    fails_at_tls(t, backup, "bad extension")


@check
def a_server_that_wants_another_protocol_is_a_failure():
    t = Servers()
    pem = tempfile.mktemp(dir=TMP_NOW())
    certs.write(pem, "".join(PEER))
    port = free_port()
    child = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-cert", pem,
                              "-key", pem, "-alpn", "h2", "-quiet"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port), PATIENCE).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        backup = Peer(t)
        t.connect("tls %d a.example 127.0.0.1 -" % port, backup.target())
        fails_at_tls(t, backup, "no application protocol")
    finally:
        child.kill()
        child.wait()
        child.stdin.close()


# ---- DANE ----

def tlsa(usage, selector, data):
    return "%d:%d:1:%s" % (usage, selector, sha256(data))


@check
def a_key_of_a_tlsa_record_needs_no_name_date_or_issuer():
    """RFC 7671 s5.1."""
    pair = make("other.example", certs.dns("other.example"), valid=LONG_AGO)
    for selector, data in ((1, key_of(pair[0])), (0, der_of(pair[0]))):
        assert verdict_of(pair, tlsa=tlsa(3, selector, data))[0] == "dane"


@check
def where_no_tlsa_record_matches_nothing_else_is_trusted():
    """RFC 7672 s2.2. One of several will do; records that nobody can use are as if not there."""
    bad, good = tlsa(3, 1, b"x"), tlsa(3, 1, key_of(PEER[0]))
    assert verdict_of(PEER, tlsa=bad)[0] == "dane-mismatch"
    assert verdict_of(PEER, tlsa=bad + "," + good)[0] == "dane"
    assert verdict_of(PEER, tlsa="3:1:9:00")[0] == "valid"
    assert verdict_of(PEER)[0] == "valid"


@check
def an_issuer_of_a_tlsa_record_needs_the_name():
    """The domain, or the target (RFC 7673 s4.1). Without them the chain is right, and no more:
    xmpp-s2sd looks at the other names."""
    root = make("root", is_ca=True)
    record = tlsa(2, 0, der_of(root[0]))
    for name, want in (("peer.example", "dane"), ("xmpp.peer.example", "dane"),
                       ("other.example", "valid")):
        leaf = make("leaf", certs.dns(name), ca=root)
        chain = (leaf[0] + root[0], leaf[1])
        assert verdict_of(chain, tlsa=record)[0] == want, name
        assert verdict_of(chain)[0] == "unknown-issuer"
    leaf = make("leaf", certs.dns("peer.example"), ca=root, valid=LONG_AGO)
    assert verdict_of((leaf[0] + root[0], leaf[1]), tlsa=record)[0] == "expired"
    assert verdict_of(PEER, tlsa=record)[0] == "dane-mismatch"


@check
def an_issuer_that_is_trusted_may_be_narrowed():
    """Usages 0 and 1: the system's trust and the record too."""
    assert verdict_of(PEER, tlsa=tlsa(1, 1, key_of(PEER[0])))[0] == "dane"
    assert verdict_of(PEER, tlsa=tlsa(1, 1, b"x"))[0] == "dane-mismatch"
    other = make("peer.example", certs.dns("peer.example"))
    assert verdict_of(other, tlsa=tlsa(1, 1, key_of(other[0])))[0] == "dane-mismatch"


# ---- as the server ----

def client(pair=None, **kw):
    ctx = context(**kw)
    if pair:
        path = tempfile.mktemp(dir=TMP_NOW())
        certs.write(path, "".join(pair))
        ctx.load_cert_chain(path)
    return ctx


def secure_in(t, ctx, name="one.example", sni="one.example"):
    s, n = t.open()
    t.say("starttls", n, name, "<proceed/>")
    assert s.recv(10) == b"<proceed/>"
    tls = ctx.wrap_socket(s, server_hostname=sni, suppress_ragged_eofs=False)
    t.socks.append(tls)
    return tls, n


@check
def a_listener_of_servers_asks_for_a_certificate():
    t = Servers(trusted=TRUSTED)
    t.today()
    for version in (V12, V13):
        _, n = secure_in(t, client(PEER, version=version))
        names, verdict = secured(t, n)
        assert names == "dns:peer.example" and verdict.startswith("valid leaf="), verdict
        _, n = secure_in(t, client(version=version))
        assert secured(t, n) == ("", "none")


@check
def a_peers_certificate_ends_no_handshake():
    t = Servers(trusted=TRUSTED)
    t.today()
    for want, pair in (("self-signed", make("a")), ("expired", make("a", ca=CA, valid=LONG_AGO)),
                       ("valid", make("a", ca=CA, purposes="serverAuth")),
                       ("purpose", make("a", ca=CA, purposes="codeSigning"))):
        tls, n = secure_in(t, client(pair))
        verdict = secured(t, n)[1]
        assert verdict.split(" ")[0] == want, verdict
        tls.send(b"x")
        t.hears("data", n, "x")


@check
def no_issuers_are_named_and_no_tickets_given():
    """Java's peers show nothing where no issuer of theirs is named; a session that is resumed has no
    certificate."""
    t = Servers(trusted=TRUSTED)
    t.today()
    for version in ("-tls1_2", "-tls1_3"):
        r = subprocess.run(["openssl", "s_client", "-unix", t.direct, version], timeout=PATIENCE,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out = r.stdout.decode()
        assert "No client certificate CA names sent" in out, out
        assert "TLS session ticket:" not in out, out
        t.hear()


@check
def alpn_of_servers_is_chosen_where_it_is_offered():
    t = Servers()
    t.today()
    for alpn, want in ((["h2", "xmpp-server"], "xmpp-server"), (["h2"], None), (None, None)):
        tls, n = secure_in(t, client(alpn=alpn))
        secured(t, n)
        assert tls.selected_alpn_protocol() == want
        tls = client(alpn=alpn).wrap_socket(t.socket(t.direct), server_hostname="one.example")
        t.socks.append(tls)
        r = t.hear()
        assert r[0] == "open", r
        secured(t, r[1])
        assert tls.selected_alpn_protocol() == want


@check
def options_of_servers_go_before_the_listeners():
    own = "ECDHE-ECDSA-CHACHA20-POLY1305"
    t = Servers(hosts=("one.example", "b\u00fccher.example"),
                options=", ciphers: ECDHE-ECDSA-AES128-GCM-SHA256",
                top="host_config: {b\u00fccher.example: {s2s_ciphers: %s}}\n" % own)
    t.today()
    for host, want in (("one.example", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                       ("xn--bcher-kva.example", own), ("rooms.xn--bcher-kva.example", own)):
        tls, n = secure_in(t, client(version=V12), name=host)
        secured(t, n)
        assert tls.cipher()[0] == want, host
        tls = client(version=V12).wrap_socket(t.socket(t.direct), server_hostname=host)
        t.socks.append(tls)
        secured(t, t.hear()[1])
        assert tls.cipher()[0] == want, host
    t.top = "s2s_protocol_options: [no_tlsv1_2]\n"
    t.compile("settings")
    assert t.reload()
    why = refused(secure_in, t, client(version=V12))
    assert "version" in why, why


@check
def a_listener_of_servers_has_nothing_of_clients():
    t = Servers(top="c2s_ciphers: ECDHE-ECDSA-AES128-GCM-SHA256\n")
    tls, n = secure_in(t, client(version=V12, ciphers="ECDHE-ECDSA-CHACHA20-POLY1305"))
    secured(t, n)
    assert tls.cipher()[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"


@check
def a_listener_may_trust_others():
    """Where no s2s_cafile says otherwise; connections of ours have no listener."""
    path = tempfile.mktemp(dir=TMP_NOW())
    certs.write(path, TRUSTED)
    for trusted, want in ((None, "valid"), (make("other", is_ca=True)[0], "unknown-issuer")):
        t = Servers(options=", cafile: '%s'" % path, trusted=trusted)
        t.today()
        _, n = secure_in(t, client(PEER))
        assert secured(t, n)[1].startswith(want + " ")
        _, n = secure_out(t, Peer(t), PEER)
        assert secured(t, n)[1].startswith("unknown-issuer ")


@check
def many_certificates_fit_in_a_handshake():
    """More than a client may send; but no more than 100 KiB."""
    t = Servers(trusted=TRUSTED)
    t.today()
    names = certs.dns(*["name-%d-of-many.example" % i for i in range(1000)])
    _, n = secure_in(t, client(make("many", names, ca=CA)))
    said, verdict = secured(t, n)
    assert said.count("dns:") == 1000 and verdict.startswith("valid ")
    assert t.settle() == []


@check
def written_counts_what_was_given_before_tls():
    """The record written comes before the end."""
    t = Servers()
    t.today()
    tls, n = secure_in(t, client())
    secured(t, n)
    t.say("data", n, "x" * 40000)
    t.hears("written", n, 40000)
    left = 40000
    while left:
        left -= len(tls.recv(left))
    t.say("data", n, "</stream>")
    t.say("close", n)
    t.hears("written", n, 40009)
    t.hears("close", n, "closed")


@check
def written_is_what_a_peer_can_read():
    """The record written leaves out bytes that wait in xmpp-tlsd, and a TLS record of which only a
    part has left."""
    t = Servers()
    t.today()
    tls, n = secure_out(t, Peer(t), PEER)
    secured(t, n)
    told = given = 0
    while True:
        t.say("data", n, "x" * 65536)
        given += 65536
        met = t.settle()
        told = max([told] + [int(r[2]) for r in met if r[0] == "written"])
        if ["stop", n] in met:
            break
        assert given < 40 << 20, "it is never told to stop"
    t.child.kill()
    got = 0
    try:
        while part := tls.recv(65536):
            got += len(part)
    except OSError:  # the peer sends no close_notify
        pass
    # The kernel may take more behind the last question.
    assert 0 < told <= got < given, (told, got, given)
