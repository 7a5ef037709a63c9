#!/usr/bin/python3
"""A client is shown the right certificate, by whatever form of its host's name it asks, and
resumes the TLS session of that certificate only."""
from tree import *

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BUECHER, MUENCHEN = "b\u00fccher.example", "m\u00fcnchen.example"
MIXED = "im.b\u00fccher.m\u00fcnchen.example"
STARRED = "chat.k\u00f6ln.example"
ADDRESSED = "z\u00fcrich.example"
PLAIN, OTHER, SHARED = "one.example", "two.example", "three.example"
HOSTS = (PLAIN, BUECHER, MUENCHEN, MIXED, STARRED, ADDRESSED, OTHER, SHARED)
# Folder of the certificates: the subject by which each is known, and its alternative names.
CERTS = {
    "plain": "DNS.1=one.example\nDNS.2=three.example",
    "buecher": "DNS=XN--BCHER-KVA.EXAMPLE",
    "muenchen": "DNS=xn--mnchen-3ya.example",
    "mixed": "DNS=im.xn--bcher-kva.xn--mnchen-3ya.example",
    "starred": "DNS=*.xn--kln-sna.example",
    "addressed": "otherName=1.3.6.1.5.5.7.8.5;FORMAT:UTF8,UTF8:" + ADDRESSED,
    "other": "DNS=two.example",
}
OWNER = {PLAIN: "plain", BUECHER: "buecher", MUENCHEN: "muenchen", MIXED: "mixed",
         STARRED: "starred", ADDRESSED: "addressed", OTHER: "other", SHARED: "plain"}
A_LABELS = {BUECHER: "xn--bcher-kva.example", MUENCHEN: "xn--mnchen-3ya.example",
            MIXED: "im.xn--bcher-kva.xn--mnchen-3ya.example",
            STARRED: "chat.xn--kln-sna.example", ADDRESSED: "xn--zrich-kva.example"}


def make(folder, name, alt, days=30):
    """A self-signed certificate and its key in one file, put in place by one rename."""
    at = folder + "/" + name
    conf = at + ".cnf"
    with open(conf, "w") as f:
        f.write("[req]\ndistinguished_name=dn\n[dn]\n[x]\nsubjectAltName=@a\n[a]\n" + alt)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-utf8", "-subj",
                    "/CN=" + name, "-config", conf, "-extensions", "x", "-keyout", at + ".key",
                    "-out", at + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(at + ".key") as k, open(at + ".crt") as c, open(at + ".tmp", "w") as out:
        out.write(k.read() + c.read())
    for end in (".cnf", ".key", ".crt"):
        os.unlink(at + end)
    os.rename(at + ".tmp", at + ".pem")


def shown(s):
    """The subject of the certificate that a stream was shown."""
    pem = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
    r = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True,
                       stdout=subprocess.PIPE, check=True)
    return r.stdout.strip().split("CN")[1].lstrip(" =")  # "CN = x", or "CN=x" from 3.2 on


def is_shown(t, want, **kw):
    s = t.stream(**kw)
    s.secured()
    got = shown(s)
    s.abort()
    assert got == want, "%s: %s, not %s" % (kw, got, want)


@check
def no_certificate_is_missed(t):
    with open(t.dir + "/out", errors="replace") as f:
        assert "no certificate for" not in f.read()
    assert not os.path.isdir(t.state + "/dev") or not os.listdir(t.state + "/dev")


@check
def starttls_shows_the_certificate_of_the_stream(t):
    """RFC 6120 s13.7.1.2: whatever form of the name the stream's header has (RFC 7622 s3.2.1)."""
    for host in HOSTS:
        ascii = A_LABELS.get(host, host)
        for name in (host, ascii, ascii.upper()):
            is_shown(t, OWNER[host], host=name, sni=ascii)


@check
def direct_tls_shows_the_certificate_of_the_sni(t):
    for host in HOSTS:
        ascii = A_LABELS.get(host, host)
        is_shown(t, OWNER[host], host=host, sni=ascii, direct=True)
    is_shown(t, OWNER[MUENCHEN], host=MUENCHEN, sni="XN--MNCHEN-3YA.Example", direct=True)


@check
def an_address_in_a_labels_is_the_account_itself(t):
    t.add("anna@" + MUENCHEN)
    a = t.login("anna", host="xn--mnchen-3ya.example", sni="xn--mnchen-3ya.example")
    assert a.jid == "anna@%s/r" % MUENCHEN, a.jid
    a.message("anna@xn--mnchen-3ya.example", "to myself")
    a.expect_body("to myself")
    a.close()


@check
def dns_knows_the_host_by_either_name(t):
    """xmpp-ctl dns."""
    for name in (MUENCHEN, "xn--mnchen-3ya.example"):
        assert "_xmpp-client._tcp.xn--mnchen-3ya.example." in t.ctl("dns", name)


# ---- resumption


def context(version):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.minimum_version = ctx.maximum_version = version
    return ctx


def visit(t, ctx, host, session=None, direct=True, sni=None):
    """(was the session resumed, the session that this connection leaves)."""
    s = Stream(t, host=host) if not direct else Stream(t, host=host, port=t.tls_port)
    if not direct:
        s.open()
        s.send("<starttls xmlns='%s'/>" % TLS)
        s.expect_tag(TLS, "proceed")
    s.sock = ctx.wrap_socket(s.sock, server_hostname=sni or host, session=session)
    s.open()  # the ticket of TLS 1.3 comes with the first data
    got = s.sock.session_reused, s.sock.session
    s.close()
    return got


@check
def a_session_is_resumed_for_its_own_host_alone(t):
    """RFC 6066 s3: not where the client names another, be it in the same certificate."""
    for version in (V12, V13):
        for direct in (True, False):
            ctx = context(version)
            fresh, session = visit(t, ctx, PLAIN, None, direct)
            assert not fresh
            for host, want in ((PLAIN, True), (OTHER, False), (SHARED, False), (PLAIN, True)):
                got, _ = visit(t, ctx, host, session, direct)
                assert got == want, "%s, direct %s: %s resumed %s" % (version, direct, host, got)


@check
def a_session_of_starttls_is_of_the_streams_host(t):
    """A name by SNI then has to be the same as before, and does not matter otherwise."""
    for version in (V12, V13):
        ctx = context(version)
        _, session = visit(t, ctx, PLAIN, None, False, sni=OTHER)
        assert visit(t, ctx, PLAIN, session, False, sni=OTHER)[0]
        assert not visit(t, ctx, SHARED, session, False, sni=OTHER)[0]
        assert not visit(t, ctx, PLAIN, session, False, sni=PLAIN)[0]


@check
def no_session_crosses_from_one_listener_to_another(t):
    for version in (V12, V13):
        ctx = context(version)
        _, session = visit(t, ctx, PLAIN, None, True)
        assert not visit(t, ctx, PLAIN, session, False)[0]


@check
def a_login_on_a_resumed_session_binds_to_its_channel(t):
    """The certificate of tls-server-end-point is the one that the client has seen."""
    t.add("bob@" + OTHER)
    for version in (V12, V13):
        ctx = context(version)
        _, session = visit(t, ctx, OTHER)
        s = Stream(t, host=OTHER, port=t.tls_port)
        s.sock = ctx.wrap_socket(s.sock, server_hostname=OTHER, session=session)
        s.is_tls = True
        s.begin()
        assert s.sock.session_reused
        s.open()
        verdict = s.auth_scram("bob", PW, binding="tls-server-end-point")
        assert verdict[0] == "success", verdict
        s.abort()


@check
def a_renewed_certificate_ends_the_sessions_of_the_old_one(t):
    """A client that resumed would bind to a certificate that nobody shows any more."""
    ctx = {v: context(v) for v in (V12, V13)}
    left = {v: visit(t, ctx[v], PLAIN)[1] for v in ctx}
    make(t.certs, "plain", CERTS["plain"], 31)
    t.ctl("reload")
    for v in ctx:
        got, session = visit(t, ctx[v], PLAIN, left[v])
        assert not got, "%s: the old session was resumed" % v
        assert visit(t, ctx[v], PLAIN, session)[0], "%s: no new one" % v


@check
def certificates_for_trying_have_a_labels(_):
    with Tree(hosts=(MUENCHEN, "localhost")) as t:
        s = t.stream(host=MUENCHEN, sni="xn--mnchen-3ya.example")
        s.secured()
        pem = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
        s.abort()
        r = subprocess.run(["openssl", "x509", "-noout", "-checkhost",
                            "xn--mnchen-3ya.example"], input=pem, text=True,
                           stdout=subprocess.PIPE)
        assert "does match" in r.stdout, r.stdout


tree = Tree(hosts=HOSTS)
tree.make_folder()
tree.certs = tree.dir + "/certs"
os.mkdir(tree.certs)
os.chmod(tree.certs, 0o755)
for cert, alt in CERTS.items():
    make(tree.certs, cert, alt)
tree.options = "certfiles:\n  - %s/*.pem" % tree.certs
tree.write_config()
main(tree)
