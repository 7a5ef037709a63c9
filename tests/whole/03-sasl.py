#!/usr/bin/python3
"""SASL over the wire: every mechanism, and what is said to those who are not let in."""
from tree import *

HASHES = ("sha1", "sha256", "sha512")
V12 = (ssl.TLSVersion.TLSv1_2,) * 2
V13 = (ssl.TLSVersion.TLSv1_3,) * 2


def secured(t, **kw):
    s = t.stream(**kw)
    s.secured()
    return s


def is_in(s, answer):
    assert answer[0] == "success", answer
    assert s.bind().startswith("a@localhost/")
    s.close()


@check
def what_is_offered(t):
    s = secured(t)
    m = s.mechanisms()
    for h in ("SHA-1", "SHA-256", "SHA-512"):
        assert "SCRAM-" + h in m and "SCRAM-%s-PLUS" % h in m, m
    assert "PLAIN" in m, m
    types = [e.get("type") for e in s.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]
    assert "tls-exporter" in types and "tls-server-end-point" in types, types
    assert "tls-unique" not in types, "tls-unique is not defined for TLS 1.3"
    s.close()
    s = secured(t, version=V12)
    types = [e.get("type") for e in s.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]
    assert "tls-unique" in types, types
    s.close()


@check
def scram_with_every_hash(t):
    for h in HASHES:
        s = secured(t)
        is_in(s, s.auth_scram("a", PW, h))


@check
def scram_plus_with_every_hash_and_binding(t):
    for h in HASHES:
        for version, kind in ((V13, "tls-exporter"), (V13, "tls-server-end-point"),
                              (V13, "tls-unique"), (V12, "tls-unique"),
                              (V12, "tls-server-end-point")):
            s = secured(t, version=version)
            is_in(s, s.auth_scram("a", PW, h, kind))


@check
def plus_over_direct_tls(t):
    s = secured(t, direct=True)
    is_in(s, s.auth_scram("a", PW, "sha256", "tls-exporter"))


@check
def plain(t):
    s = secured(t)
    is_in(s, s.auth_plain("a", PW))
    s = secured(t)
    is_in(s, s.auth_plain("a", PW, "a@localhost"))
    s = secured(t)
    assert s.auth_plain("a", PW, "b@localhost") == ("failure", "invalid-authzid")
    s.close()


@check
def a_wrong_channel_binding_is_refused(t):
    s = secured(t)
    assert s.auth_scram("a", PW, "sha256", "tls-exporter", break_it=True)[:2] == (
        "failure", "not-authorized")
    s.close()


@check
def tls_unique_on_tls_1_3_is_that_of_the_connection(t):
    """Clients that know no other type take it there too, so it is checked like all others."""
    s = secured(t, version=V13)
    assert s.auth_scram("a", PW, "sha256", "tls-unique", break_it=True)[:2] == (
        "failure", "not-authorized")
    s.close()


@check
def a_type_that_the_stream_has_not_is_refused(t):
    s = secured(t, version=V13)
    s.auth_say("auth", b"p=tls-other,,n=a,r=abcdef", "SCRAM-SHA-256-PLUS")
    assert s.auth_answer() == ("failure", "not-authorized")
    s.close()


@check
def a_downgrade_is_refused(t):
    """RFC 5802 s6: a client that says the server offered no binding was lied to."""
    s = secured(t)
    answer = s.auth_scram("a", PW, flag="y,,")
    assert answer[0] == "failure", answer
    s.close()


@check
def wrong_password_by_every_mechanism(t):
    for h in HASHES:
        s = secured(t)
        assert s.auth_scram("a", "wrong", h)[:2] == ("failure", "not-authorized")
        s.close()
    s = secured(t)
    assert s.auth_plain("a", "wrong") == ("failure", "not-authorized")
    is_in(s, s.auth_scram("a", PW))  # and the stream may try again


def params(first):
    return dict(x.split("=", 1) for x in first.split(","))


@check
def an_unknown_user_looks_like_a_wrong_password(t):
    """Same answers byte for byte, the same form of challenge, a salt that stays the same."""
    seen = {}
    for user in ("a", "nobody"):
        salts = set()
        for h in HASHES * 2:
            s = secured(t)
            mark = len(s.raw)
            what, why, first = s.auth_scram(user, "wrong", h)
            assert (what, why) == ("failure", "not-authorized")
            p = params(first)
            salts.add((h, p["s"]))
            failure = s.raw[s.raw.index(b"<failure"):]
            seen.setdefault(h, set()).add((failure, p["i"], len(p["s"]), len(p["r"])))
            s.close()
        assert len(salts) == len(HASHES), "a salt changed between two tries of " + user
        s = secured(t)
        s.auth_plain(user, "wrong")
        seen.setdefault("plain", set()).add(s.raw[s.raw.index(b"<failure"):])
        s.close()
    for h in seen:
        assert len(seen[h]) == 1, "told apart: %s %r" % (h, seen[h])
    assert params_of(t, "nobody") != params_of(t, "nobody2"), "two unknown users share a salt"


def params_of(t, user):
    s = secured(t)
    p = params(s.auth_scram(user, "wrong")[2])
    s.close()
    return p["s"]


def usual_times(t, users):
    """First quartiles of PLAIN, taken in turn. What else the machine does makes some of them longer,
    and none shorter."""
    times = {u: [] for u in users}
    for _ in range(6):
        s = {u: secured(t) for u in times}
        for _ in range(4):
            for u in times:
                began = time.perf_counter()
                assert s[u].auth_plain(u, "wrong") == ("failure", "not-authorized")
                times[u].append(time.perf_counter() - began)
        for u in s:
            s[u].abort()
    return sorted(sorted(v)[len(v) // 4] for v in times.values())


@check
def an_unknown_user_takes_as_long(t):
    """No more than half apart. A machine that is busy for a while may make it otherwise, but not
    always; a server that looks for the account first does."""
    tries = []
    while len(tries) < 5:
        tries.append(usual_times(t, ("a", "nobody")))
        if tries[-1][1] < 1.5 * tries[-1][0]:
            return
    raise AssertionError(tries)


@check
def retries_end_the_stream(t):
    """RFC 6120 s6.4.5: two to five tries, then policy-violation."""
    s = secured(t)
    tries = 0
    while tries < 10:
        what, why = s.auth_plain("a", "wrong")
        assert (what, why) == ("failure", "not-authorized"), (tries, what, why)
        tries += 1
        try:
            e = s.recv(0.3 / SLOW)
            assert e.tag == "{%s}error" % STREAM and e[0].tag.endswith("policy-violation")
            break
        except AssertionError as a:
            if "in time" not in str(a):
                raise
    assert 2 <= tries <= 5, tries
    try:
        s.recv()
        assert False, "the stream goes on"
    except Gone:
        s.abort()


@check
def what_is_wrong_is_said(t):
    s = secured(t)
    for mech, text, why in (("CRAM-MD5", "", "invalid-mechanism"),
                            ("", "", "invalid-mechanism"),
                            ("PLAIN", "!!!", "incorrect-encoding"),
                            ("PLAIN", "YQ==", "malformed-request")):
        s.send("<auth xmlns='%s' mechanism='%s'>%s</auth>" % (SASL, mech, text))
        assert s.auth_answer() == ("failure", why), (mech, text)
    s.close()
    s = secured(t)
    s.send("<auth xmlns='%s' mechanism='SCRAM-SHA-256'>biwsbj1hLHI9YWJj</auth>" % SASL)
    assert s.auth_answer()[0] == "challenge"
    s.send("<abort xmlns='%s'/>" % SASL)
    assert s.auth_answer() == ("failure", "aborted")
    is_in(s, s.auth_scram("a", PW))


@check
def without_an_initial_response(t):
    """RFC 6120 s6.4.2: the client may wait to be asked."""
    s = secured(t)
    s.auth_say("auth", None, "PLAIN")
    assert s.auth_answer() == ("challenge", b"")
    s.auth_say("response", b"\0a\0" + PW.encode())
    is_in(s, s.auth_answer())


@check
def names_and_passwords_are_prepared(t):
    t.add("jörg@localhost", "pass wörd")
    s = secured(t)
    assert s.auth_scram("jörg", "pass wörd")[0] == "success"
    assert s.bind("x") == "jörg@localhost/x"
    s.close()
    s = secured(t)
    is_in(s, s.auth_plain("A", PW))  # nodeprep folds case


@check
def one_account_does_not_lock_out_another(t):
    """Half-done exchanges of one stream do not reach those of another."""
    half = []
    for i in range(20):
        s = secured(t)
        s.auth_say("auth", b"n,,n=a,r=%d" % i, "SCRAM-SHA-1")
        assert s.auth_answer()[0] == "challenge"
        half.append(s)
    s = secured(t)
    is_in(s, s.auth_scram("a", PW))
    for s in half:
        s.abort()


def lines(t, instance, *parts):
    return [x for x in t.log(instance).splitlines() if all(p in x for p in parts)]


@check
def a_failed_login_is_one_line(t):
    """Failures that look alike on the wire are told apart in the log, in one line of one
    program."""
    for user, why in (("b", "wrong-password"), ("nobody-here", "unknown-account")):
        s = secured(t)
        assert s.auth_scram(user, "wrong")[:2] == ("failure", "not-authorized")
        s.close()
        said = "jid=%s@localhost mechanism=SCRAM-SHA-256 why=%s" % (user, why)
        t.wait_log("c2sd", said)
        assert len(lines(t, "c2sd", "auth-failed", said)) == 1
        assert not lines(t, "authd", user + "@localhost")


@check
def one_connection_has_one_name_in_every_log(t):
    s = secured(t)
    assert s.auth_scram("b", PW)[0] == "success"
    s.bind()
    s.close()
    t.wait_log("c2sd", "event=authenticated .*jid=b@localhost")
    conn = re.search(r"conn=\S+", lines(t, "c2sd", "authenticated", "jid=b@localhost")[-1])[0]
    for instance, event in (("tlsd", "accepted"), ("tlsd", "secured"), ("c2sd", "bound"),
                            ("c2sd", "stream-ended"), ("tlsd", "connection-ended")):
        t.wait_log(instance, "event=%s %s ip=127.0.0.1 " % (event, conn))


main(Tree(accounts=["a@localhost", "b@localhost"]))
