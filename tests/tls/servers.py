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
    t = Servers(hosts=("one.example", "two.example"),
                options=", ciphers: ECDHE-ECDSA-AES128-GCM-SHA256",
                top="host_config: {two.example: {s2s_ciphers: ECDHE-ECDSA-CHACHA20-POLY1305}}\n")
    t.today()
    for host, want in (("one.example", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                       ("two.example", "ECDHE-ECDSA-CHACHA20-POLY1305"),
                       ("rooms.two.example", "ECDHE-ECDSA-CHACHA20-POLY1305")):
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
def many_certificates_fit_in_a_handshake():
    """More than a client may send; but no more than 100 KiB."""
    t = Servers(trusted=TRUSTED)
    t.today()
    names = certs.dns(*["name-%d-of-many.example" % i for i in range(1000)])
    _, n = secure_in(t, client(make("many", names, ca=CA)))
    said, verdict = secured(t, n)
    assert said.count("dns:") == 1000 and verdict.startswith("valid ")
    assert t.settle() == []
