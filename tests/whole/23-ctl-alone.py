#!/usr/bin/python3
"""xmpp-ctl without a server: what it says to control sockets, and what it reads of settings."""
import json
import termios

from tree import *

DIR = tempfile.mkdtemp(prefix="ctl-")


class Control(threading.Thread):
    """The control socket of an instance that answers each request (a line), or none; answer may be
    a dict of answers by the second word, which are done without; heard: what it was told."""

    def __init__(self, state, instance, answer=""):
        super().__init__(daemon=True)
        os.makedirs(state + "/run/" + instance)
        self.answer = answer if isinstance(answer, dict) else answer.encode()
        self.heard = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind("%s/run/%s/control" % (state, instance))
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            while True:
                try:
                    data = s.recv(65536)
                except ConnectionResetError:  # xmpp-ctl ended before it had read all
                    break
                if not data:
                    break
                self.heard += data
                for line in data.splitlines(True):
                    what = self.answer.get(line.split(b"\t")[1], b"done\n") if isinstance(
                        self.answer, dict) else self.answer
                    try:
                        s.sendall(what)
                    except OSError:
                        pass  # xmpp-ctl had heard enough
            s.close()


def compiled(text):
    """A state folder with nothing in it but settings."""
    state = tempfile.mkdtemp(dir=DIR)
    with open(state + "/x.yml", "w") as f:
        f.write(text)
    subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o",
                    state + "/settings", state + "/x.yml"], check=True)
    return state


HEAD = "hosts:\n  - example.com\nlisten:\n  -\n    port: 5222\n    module: ejabberd_c2s\n"


def ctl(state, *words, code=0, input="", stdout=subprocess.PIPE):
    r = subprocess.run([BIN + "/xmpp-ctl", "-s", state, *words], stdout=stdout, input=input,
                       stderr=subprocess.PIPE, text=True, timeout=30 * SLOW)
    assert r.returncode == code, (words, r.returncode, r.stdout, r.stderr)
    return r.stdout, r.stderr


# ---- sessions


@check
def an_account_that_goes_takes_its_sessions_along():
    """xmpp-ctl awaits nothing of routed, which need not know the verb, and asks authd whether the
    account is ending still."""
    state = compiled(HEAD)
    authd, routed = Control(state, "authd", "done\n"), Control(state, "routed")
    ctl(state, "account", "del", "a@example.com")
    assert authd.heard == (b"account\tdel\ta@example.com\t\n"
                           b"account\tending\ta@example.com\n"), authd.heard
    until("routed hears", lambda: routed.heard == b"end\ta@example.com\tnot-authorized\n")


@check
def an_account_that_stays_keeps_its_sessions():
    state = compiled(HEAD)
    Control(state, "authd", "error\tno such account\n")
    routed = Control(state, "routed")
    ctl(state, "account", "del", "a@example.com", code=1)
    assert not routed.heard, routed.heard


@check
def without_routed_the_account_goes_all_the_same():
    state = compiled(HEAD)
    authd = Control(state, "authd", "done\n")
    _, err = ctl(state, "account", "del", "a@example.com", code=111)
    assert authd.heard and "routed" in err, err


@check
def session_end():
    state = compiled(HEAD)
    ctl(state, "session", "end", "a@example.com/r", code=111)
    routed = Control(state, "routed", "done\n")
    ctl(state, "session", "end", "a@example.com/with blank")
    assert routed.heard == b"end\ta@example.com/with blank\tpolicy-violation\n", routed.heard
    for words in ((), ("end",), ("quux", "a@b"), ("end", "a@b", "c")):
        assert "usage" in ctl(state, "session", *words, code=100)[1], words


@check
def session_end_of_nobody_is_refused():
    state = compiled(HEAD)
    Control(state, "routed", "error\tno session has that address\n")
    _, err = ctl(state, "session", "end", "nobody@example.com", code=1)
    assert err == "xmpp-ctl: nobody@example.com: no session has that address\n", err


@check
def words_that_nobody_asked_for_are_refused():
    """stop c2sd would stop everything, and a password behind an address would not be the one."""
    state = compiled(HEAD)
    Control(state, "authd", "done\n"), Control(state, "routed", "done\n")
    for words in (("stop", "c2sd"), ("reload", "c2sd"), ("sessions", "a@example.com"),
                  ("stats", "c2sd", "authd"), ("account", "add", "a@example.com", "Tr0ub4dor"),
                  ("account", "list", "example.com", "x"), ("archive", "stat", "a@example.com", "5"),
                  ("du", "a@example.com", "b@example.com"), ("wait", "soon"), ("wait", "-1"),
                  ("dns", "example.com", "example.org"), ("trace", "c2sd", "on", "/x", "y")):
        out, err = ctl(state, *words, code=100)
        assert "usage" in err and "Tr0ub4dor" not in err and not out, (words, out, err)
    ctl(state, "wait", "0", code=1)


@check
def output_that_cannot_be_written_is_no_success():
    state = compiled(HEAD)
    Control(state, "routed", "row\ta@example.com/r\t192.0.2.1\t\t1\ndone\n")
    with open("/dev/full", "w") as full:
        r = ctl(state, "sessions", code=111, stdout=full)
    assert "standard output" in r[1], r


# ---- passwords


SECRET = "Tr0ub4dor"


@check
def an_import_names_lines_and_prints_nothing_of_them():
    """Too long, without TAB, with NUL: each is one failure, and the next line is read."""
    state = compiled(HEAD)
    authd = Control(state, "authd", "done\n")
    lines = ["a@example.com\t" + SECRET, SECRET, "", "b@example.com\t" + SECRET * 2000,
             SECRET + "\0\tx", "c@example.com\t" + SECRET + "\t1", "x" * 8191 + SECRET + "\t" + SECRET]
    for end in ("\n", ""):
        authd.heard = b""
        out, err = ctl(state, "account", "import", "-", code=1,
                       input="\n".join(lines + ["d@example.com\t" + SECRET]) + end)
        assert out == "2 added, 5 failed\n", out
        assert sorted(err.splitlines()) == ["xmpp-ctl: import: line %d: %s" % x for x in (
            (2, "the line has no TAB"), (4, "the line is too long"),
            (5, "the line has a NUL byte"),
            (6, "that password is empty, too long, or has characters that no password may have"),
            (7, "the line is too long"))], err
        heard = [x.split("\t") for x in authd.heard.decode().splitlines()]
        assert [x[1:3] for x in heard] == [["list", ""]] + [
            ["keys", x + "@example.com"] for x in "ad"], heard
        # Each has a salt of its own, and authd does not hear the password.
        assert SECRET.encode() not in authd.heard and heard[1][3] != heard[2][3]
        assert all(re.fullmatch("SHA-1:10000:[^ ]* SHA-256:10000:[^ ]* SHA-512:10000:[^ ]*", x[3])
                   for x in heard[1:]), heard


@check
def an_import_names_the_line_that_was_refused():
    state = compiled(HEAD)
    Control(state, "authd", {b"keys": b"error\tthat account exists already\n"})
    out, err = ctl(state, "account", "import", "-", input="\na@example.com\t" + SECRET, code=1)
    assert out == "0 added, 1 failed\n", out
    assert err == "xmpp-ctl: import: line 2: that account exists already\n", err


@check
def an_import_asks_nothing_for_accounts_that_are_there():
    state = compiled(HEAD)
    authd = Control(state, "authd", {b"list": b"row\ta@example.com\t1\ndone\n"})
    out, err = ctl(state, "account", "import", "-", input="A@example.com\tx\n", code=1)
    assert err == "xmpp-ctl: import: line 1: that account exists already\n", err
    assert authd.heard == b"account\tlist\t\n", authd.heard


@check
def a_password_is_a_whole_line():
    state = compiled(HEAD)
    authd = Control(state, "authd", "done\n")
    for text in ("", SECRET + "\0x\n", SECRET * 1000 + "\n"):
        _, err = ctl(state, "account", "add", "a@example.com", input=text, code=100)
        assert "no password" in err and SECRET not in err, err
    assert not authd.heard, authd.heard
    ctl(state, "account", "add", "a@example.com", input=SECRET)
    assert authd.heard == b"account\tadd\ta@example.com\t%s\n" % SECRET.encode(), authd.heard


@check
def a_terminal_does_not_show_a_password():
    state = compiled(HEAD)
    authd = Control(state, "authd", "done\n")
    ours, theirs = os.openpty()
    child = subprocess.Popen([BIN + "/xmpp-ctl", "-s", state, "account", "add", "a@example.com"],
                             stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    seen = b""
    while b"password for a@example.com: " not in seen:
        seen += os.read(ours, 1000)
    until("the terminal is told", lambda: not termios.tcgetattr(theirs)[3] & termios.ECHO)
    os.write(ours, SECRET.encode() + b"\n")
    assert child.wait(30 * SLOW) == 0
    assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.write(theirs, b"end")
    while b"end" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours), os.close(theirs)
    assert SECRET.encode() not in seen and SECRET.encode() in authd.heard, seen


@check
def a_terminal_is_as_it_was_when_the_question_is_broken_off():
    state = compiled(HEAD)
    Control(state, "authd", "done\n")
    ours, theirs = os.openpty()
    for sig in (signal.SIGINT, signal.SIGTERM):
        child = subprocess.Popen([BIN + "/xmpp-ctl", "-s", state, "account", "add", "a@example.com"],
                                 stdin=theirs, stdout=theirs, stderr=theirs)
        until("the terminal is told", lambda: not termios.tcgetattr(theirs)[3] & termios.ECHO)
        child.send_signal(sig)
        assert child.wait(30 * SLOW) == -sig
        assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(ours), os.close(theirs)


# ---- dns


def records(out):
    """The fields of the lines that a name server would read: comments are left out."""
    return [x.split() for x in out.splitlines() if x and not x.startswith(";")]


def srv(service, host, priority, port):
    return ["%s._tcp.%s." % (service, host), "3600", "IN", "SRV", priority, "0", port, host + "."]


LISTENER = "  -\n    port: %s\n    ip: \"%s\"\n    module: %s\n%s"


def listeners(*rows, hosts=("example.com",)):
    text = "hosts:\n" + "".join("  - \"%s\"\n" % h for h in hosts) + "listen:\n"
    return compiled(text + "".join(LISTENER % (r + ("",))[:4] for r in rows))


@check
def records_of_client_listeners():
    """XEP-0368: direct TLS is a service of its own, and comes first."""
    state = listeners((5222, "::", "ejabberd_c2s", "    starttls_required: true\n"),
                      (5223, "::", "ejabberd_c2s", "    tls: true\n"))
    out, _ = ctl(state, "dns")
    assert records(out) == [srv("_xmpp-client", "example.com", "10", "5222"),
                            srv("_xmpps-client", "example.com", "5", "5223")], out
    for s in ("_xmpp-server", "_xmpps-server"):
        assert re.search("^; %s._tcp.example.com.: nobody listens" % s, out, re.M), out
    assert "; example.com. 3600 IN A " in out and "; example.com. 3600 IN AAAA " in out, out
    assert "host-meta" not in out, out


@check
def a_port_is_told_once():
    state = listeners((5222, "192.0.2.1", "ejabberd_c2s"), (5222, "2001:db8::1", "ejabberd_c2s"),
                      (5222, "127.0.0.1", "ejabberd_c2s"), (5322, "127.0.0.1", "ejabberd_c2s"),
                      ("unix:/tmp/x", "::", "ejabberd_c2s"))
    out, _ = ctl(state, "dns")
    assert records(out) == [srv("_xmpp-client", "example.com", "10", "5222"),
                            srv("_xmpp-client", "example.com", "10", "5322")], out
    assert "; port 5322 is open on 127.0.0.1 only" in out and "port 5222 is" not in out, out
    assert re.search("^; _xmpps-client._tcp.example.com.: nobody listens", out, re.M), out


@check
def records_of_listeners_for_servers():
    state = listeners((5269, "::", "ejabberd_s2s_in"), (5270, "::", "ejabberd_s2s_in", "    tls: true\n"))
    out, _ = ctl(state, "dns")
    assert sorted(records(out)) == [srv("_xmpp-server", "example.com", "10", "5269"),
                                    srv("_xmpps-server", "example.com", "5", "5270")], out


@check
def records_of_each_host():
    """A host has its name in the form of the DNS (RFC 3490); an address has no records."""
    state = listeners((5222, "::", "ejabberd_c2s"),
                      hosts=("example.com", "b\u00fccher.example", "192.0.2.7", "under_score.example"))
    out, _ = ctl(state, "dns")
    assert records(out) == [srv("_xmpp-client", "example.com", "10", "5222"),
                            srv("_xmpp-client", "xn--bcher-kva.example", "10", "5222")], out
    assert out.count("is no name that DNS could have") == 2, out
    assert records(ctl(state, "dns", "b\u00fccher.example")[0]) == records(out)[1:]
    assert "reach xmpp-dnsd" in ctl(state, "dns", "far.example", code=111)[1]


@check
def host_meta():
    """XEP-0156 s3: both forms, and no URL without TLS."""
    state = listeners(
        (5443, "::", "ejabberd_http", "    tls: true\n    request_handlers:\n      /bosh: mod_bosh\n"
         "      \"/w<s\": ejabberd_http_ws\n      /api: mod_http_api\n"),
        (5280, "127.0.0.1", "ejabberd_http", "    request_handlers: {ejabberd_http_ws: ws}\n"))
    out, _ = ctl(state, "dns")
    assert not records(out), out
    text = "\n".join(x[2:] for x in out.splitlines())
    xml = ET.fromstring(text[text.index("<XRD"):text.index("</XRD>") + 6])
    xrd = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
    want = [("urn:xmpp:alt-connections:xbosh", "https://example.com:5443/bosh"),
            ("urn:xmpp:alt-connections:websocket", "wss://example.com:5443/w%3Cs"),
            ("urn:xmpp:alt-connections:websocket", "wss://example.com/ws")]
    assert [(x.get("rel"), x.get("href")) for x in xml.findall(xrd + "Link")] == want, out
    links = json.loads(text[text.index("{\"links\""):text.index("]}") + 2])["links"]
    assert [(x["rel"], x["href"]) for x in links] == want, out


try:
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
