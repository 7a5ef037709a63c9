"""Certificates of every kind: which one is shown for a name, and what is said of bad ones."""
from tlsd import *

FIRST = "".join(make("first", certs.dns("first.example")))


def pool(**more):
    """A pool in which the first certificate, shown where no other fits, has none of the names."""
    return dict({"0": FIRST}, **{k: "".join(v) for k, v in more.items()})


def shows(t, want, *names):
    """Each name, of the stream or by SNI, is shown the certificate."""
    for name in names:
        assert t.shown(name) == want, "stream " + name
        assert t.shown(sni=name) == want, "SNI " + name


@check
def names_of_the_alternative_names():
    t = Tlsd(pool(several=make("x", certs.dns("a.example", "b.example")),
                  star=make("star", certs.dns("*.c.example"))))
    shows(t, "x", "a.example", "b.example", "B.Example")
    shows(t, "star", "d.c.example")
    shows(t, "first", "c.example", "e.d.c.example", "x", "star", "z.example")


@check
def the_common_name_counts_without_alternative_names():
    """RFC 6125 s6.4.4."""
    t = Tlsd(pool(cn=make("cn.example"), both=make("not.example", certs.dns("is.example"))))
    shows(t, "cn.example", "cn.example")
    shows(t, "not.example", "is.example")
    shows(t, "first", "not.example")


@check
def an_srv_id_of_xmpp_names_its_host():
    """RFC 4985 s2, RFC 6120 s13.7.1.2."""
    t = Tlsd(pool(srv=make("srv", certs.srv("_xmpp-client.a.example", "_xmpp-server.b.example"))))
    shows(t, "srv", "a.example", "b.example")


@check
def an_srv_id_of_another_service_names_nobody():
    """RFC 6120 s13.7.1.2: a service of another name, be it as long as ours."""
    t = Tlsd(pool(srv=make("srv", certs.srv("_imap.a.example", "_imap-client.b.example",
                                            "_xmpp-clients.c.example"))))
    shows(t, "first", "a.example", "b.example", "c.example", "_imap.a.example")


@check
def an_xmpp_address_names_its_host():
    t = Tlsd(pool(addr=make("addr", certs.xmpp_addr("a.example"))))
    shows(t, "addr", "a.example")


@check
def an_internationalized_host_has_either_name():
    """A-labels in a dNSName, U-labels in an xmppAddr (RFC 6120 s13.7.1.2)."""
    hosts = ["b\u00fccher.example", "z\u00fcrich.example"]
    t = Tlsd(pool(a=make("a", certs.dns("xn--bcher-kva.example")),
                  u=make("u", certs.xmpp_addr("z\u00fcrich.example"))), hosts)
    for cn, names in (("a", (hosts[0], "xn--bcher-kva.example")),
                      ("u", (hosts[1], "xn--zrich-kva.example"))):
        for name in names:
            assert t.shown(name) == cn, name
        assert t.shown(sni=names[1]) == cn


@check
def the_streams_name_comes_before_the_sni():
    t = Tlsd(pool(a=make("a", certs.dns("a.example")), b=make("b", certs.dns("b.example"))))
    assert t.shown("a.example", sni="b.example") == "a"
    assert t.shown("b.example", sni=None) == "b"


@check
def an_exact_name_comes_before_a_wildcard():
    t = Tlsd(pool(star=make("star", certs.dns("*.a.example")),
                  exact=make("exact", certs.dns("b.a.example"),
                             valid=("20200101000000Z", "20400101000000Z"))))
    shows(t, "exact", "b.a.example")
    shows(t, "star", "c.a.example")


@check
def the_newest_of_one_name_is_shown():
    """RSA and ECDSA of one host: the one that began later, in whatever file it is."""
    old, new = ("20200101000000Z", "20400101000000Z"), ("20210101000000Z", "20400101000000Z")
    for a, b in ((old, new), (new, old)):
        t = Tlsd(pool(a=make("rsa", certs.dns("a.example"), rsa=True, valid=a),
                      b=make("ecdsa", certs.dns("a.example"), valid=b)))
        shows(t, "rsa" if a == new else "ecdsa", "a.example")


# The clock of a filter stands at 2001-09-09.
VALID, GONE = ("20010101000000Z", "20020101000000Z"), ("20010801000000Z", "20010901000000Z")


@check
def a_valid_certificate_comes_before_others_of_the_name():
    """A newer one that is not valid yet, or expired, is not shown, be it the exact one."""
    later = ("20020101000000Z", "20300101000000Z")
    t = Tlsd(pool(a=make("valid", certs.dns("a.example", "*.c.example"), valid=VALID),
                  b=make("later", certs.dns("a.example", "b.c.example"), valid=later),
                  c=make("gone", certs.dns("a.example"), valid=GONE)))
    shows(t, "valid", "a.example", "b.c.example")


@check
def the_log_names_certificates_to_renew_and_their_files():
    """Of those that are shown; again each day."""
    soon, now = ("20010101000000Z", "20010920000000Z"), ("20010101000000Z", "20010911000000Z")
    t = Tlsd(pool(a=make("a", certs.dns("a.example"), valid=GONE),
                  b=make("b", certs.dns("b.example"), valid=soon),
                  c=make("c", certs.dns("c.example"), valid=now),
                  d=make("d", certs.dns("d.example"), valid=VALID),
                  e=make("e", certs.dns("d.example"), valid=GONE)))
    t.logged("event=certificate-to-renew name=c.example file=%s/c.pem why=\"expires in 1 day, on "
             "2001-09-11: renew it now\"" % t.certs)
    for name, why in (("first", "is not valid before 20"), ("a", "expired on 2001-09-01"),
                      ("b", "expires in 10 days, on 2001-09-20\"")):
        assert re.search("name=%s.example file=%s/.*.pem why=\"%s" % (name, t.certs, why), t.log), t.log
    assert t.log.count("certificate-to-renew") == 4, t.log
    t.clock(86400 * 10 ** 6)
    t.logged("expires in 9 days")
    t.logged("expires in 0 days")


@check
def control_says_which_certificate_is_shown():
    t = Tlsd(pool(a=make("a", certs.dns("a.example", "*.b.example"), valid=VALID)))

    def ask(*words):
        t.line("\t".join(("ctl",) + words))
        got = []
        while not got or got[-1][0] not in ("done", "error"):
            got.append(t.records.get(timeout=PATIENCE)[1:])
        return got

    row = [t.certs + "/a.pem", "a.example *.b.example", "978307200", "1009843200", "fits"]
    for host in ("a.example", "c.b.example"):
        assert ask("certificate", host) == [["row"] + row, ["done"]], ask("certificate", host)
    other = ask("certificate", "z.example")
    assert other[0][1::4] == [t.certs + "/0.pem", "other"], other
    rows = ask("status")
    assert [r[1:] for r in rows if r[1:2] == ["listener"]] == [
        ["listener", "unix:" + x, "open"] for x in (t.plain, t.direct)], rows
    for f in ("0", "a"):
        os.unlink("%s/%s.pem" % (t.certs, f))
    assert t.reload() and ask("certificate", "a.example") == [["error", "there is no certificate"]]


@check
def an_expired_certificate_is_shown_where_there_is_no_other():
    """The client says what it thinks of that."""
    t = Tlsd(pool(past=make("past", certs.dns("a.example", "b.example"),
                            valid=("20200101000000Z", "20200201000000Z")),
                  now=make("now", certs.dns("b.example"))))
    shows(t, "past", "a.example")
    shows(t, "now", "b.example")


@check
def a_certificate_that_is_not_valid_yet_is_shown_where_there_is_no_other():
    t = Tlsd(pool(a=make("future", certs.dns("a.example"),
                         valid=("20900101000000Z", "20910101000000Z"))))
    shows(t, "future", "a.example")


@check
def the_intermediate_is_sent_and_the_root_is_not():
    """The order of certificates in the file does not matter."""
    root = make("root", is_ca=True)
    middle = make("middle", is_ca=True, ca=root)
    leaf = make("leaf", certs.dns("a.example"), ca=middle)
    t = Tlsd(pool(chain=(root[0], middle[0], leaf[1], leaf[0])))
    r = subprocess.run(["openssl", "s_client", "-unix", t.direct, "-servername", "a.example",
                        "-showcerts"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=PATIENCE)
    sent = re.findall(r"^ *\d s:.*?CN ?= ?(\S+)", r.stdout.decode(), re.M)
    assert sent == ["leaf", "middle"], sent


@check
def key_and_certificate_may_be_in_files_of_their_own():
    crt, key = make("a", certs.dns("a.example"))
    t = Tlsd(pool(crt=(crt,), key=(key,)))
    shows(t, "a", "a.example")


@check
def a_certificate_with_the_key_of_another_is_left_out():
    crt, _ = make("a", certs.dns("a.example"))
    _, key = make("b", certs.dns("b.example"))
    t = Tlsd(pool(a=(crt, key)))
    t.logged("event=certificate-without-key subject=/CN=a file=")
    shows(t, "first", "a.example")


def is_refused(text, why):
    """A reload with the file is refused, and the log names it; what was shown is still shown."""
    t = Tlsd(pool(a=make("a", certs.dns("a.example"))))
    t.put({"z": text})
    assert not t.reload()
    t.logged('event=settings-refused key=certfile scope=%s/*.pem why="%s/z.pem: %s"'
             % (t.certs, t.certs, why))
    t.logged("event=reload-failed")
    shows(t, "a", "a.example")


@check
def a_file_that_is_not_whole_pem_is_refused():
    crt, key = make("a", certs.dns("a.example"))
    is_refused(key + crt[:len(crt) // 2], "not whole PEM, or a key with a passphrase")


@check
def a_key_with_a_passphrase_is_no_key():
    """A key with a passphrase has nobody there to type it: the certificate is left out by name."""
    crt, key = make("a", certs.dns("a.example"))
    r = subprocess.run(["openssl", "pkey", "-aes128", "-passout", "pass:x"], input=key, text=True,
                       stdout=subprocess.PIPE, check=True)
    t = Tlsd(pool(a=(crt, r.stdout)))
    t.logged("event=certificate-without-key subject=/CN=a file=")
    shows(t, "first", "a.example")


@check
def the_file_of_a_listener_has_its_mode():
    """unix_socket; a reload changes it."""
    t = Tlsd(pool(), options=', unix_socket: {mode: "0662"}')
    def modes():
        return [os.stat(x).st_mode & 0o777 for x in (t.plain, t.direct)]
    assert modes() == [0o662, 0o662], modes()
    t.compile("settings", options=', unix_socket: {mode: "0600"}')
    assert t.reload() and modes() == [0o600, 0o600], modes()


@check
def a_reload_shows_the_changed_certificate():
    t = Tlsd(pool(a=make("old", certs.dns("a.example"))))
    shows(t, "old", "a.example")
    s, n = t.open()
    tls = t.secure(s, n, "a.example")
    t.hear()
    t.put({"a": "".join(make("new", certs.dns("a.example")))})
    assert t.reload()
    shows(t, "new", "a.example")
    tls.send(b"on")
    t.hears("data", n, "on")


@check
def half_a_renewal_changes_nothing():
    """A new certificate whose key has not come yet does not displace the old one."""
    t = Tlsd(pool(a=make("old", certs.dns("a.example"))))
    t.put({"a": make("new", certs.dns("a.example"))[0]})
    assert not t.reload()
    t.logged("/a.pem: the key of this certificate is not there")
    shows(t, "old", "a.example")


@check
def a_check_says_what_is_refused_and_changes_nothing():
    t = Tlsd(pool(a=make("old", certs.dns("a.example"))))
    new, other = (make(n, certs.dns("a.example")) for n in ("new", "other"))
    t.put({"a": new[0] + other[1]})  # the key of another
    pattern = t.certs + "/*.pem"
    why = "%s/a.pem: the key of this certificate is not there" % t.certs
    assert t.check(".") == ["error", why, "", "certfile", pattern]
    shows(t, "old", "a.example")
    t.put({"a": "".join(new)})
    assert t.check(".") == ["done"]
    shows(t, "old", "a.example")
    assert t.reload()
    shows(t, "new", "a.example")


@check
def a_check_tries_ciphers_and_ports():
    t = Tlsd(pool(a=make("a", certs.dns("a.example"))))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        t.compile("next", more="  - {port: %d, ip: '127.0.0.1', module: ejabberd_c2s}\n" % port)
        name = "127.0.0.1:%d" % port
        why = "unable to listen: Address already in use"
        assert t.check("../next") == ["error", why, "", "listener", name]
    assert t.check("../next") == ["done"]
    # xmpp-confgen refuses such ciphers too, with the OpenSSL of its day.
    t.compile("next", options=", ciphers: HIGH")
    path = t.dir + "/next/xmpp-tlsd"
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("\tHIGH\n", "\tFOO\n"))
    assert t.check("../next")[3:] == ["ciphers", "unix:" + t.plain]
    shows(t, "a", "a.example")
