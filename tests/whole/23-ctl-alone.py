#!/usr/bin/python3
"""xmpp-ctl without a server: what it says to control sockets, and what it reads of settings."""
import json

from tree import *

DIR = tempfile.mkdtemp(prefix="ctl-")


class Control(threading.Thread):
    """The control socket of an instance that answers each request with a line, or not at all;
    heard: what it was told."""

    def __init__(self, state, instance, answer=""):
        super().__init__(daemon=True)
        os.makedirs(state + "/run/" + instance)
        self.answer, self.heard = answer.encode(), b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind("%s/run/%s/control" % (state, instance))
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            while True:
                data = s.recv(65536)
                if not data:
                    break
                self.heard += data
                if self.answer:
                    s.sendall(self.answer)
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


def ctl(state, *words, code=0):
    r = subprocess.run([BIN + "/xmpp-ctl", "-s", state, *words], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=30 * SLOW)
    assert r.returncode == code, (words, r.returncode, r.stdout, r.stderr)
    return r.stdout, r.stderr


# ---- sessions


@check
def an_account_that_goes_takes_its_sessions_along():
    """Nothing is awaited of routed, which need not know the verb."""
    state = compiled(HEAD)
    authd, routed = Control(state, "authd", "done\n"), Control(state, "routed")
    ctl(state, "account", "del", "a@example.com")
    assert authd.heard == b"account\tdel\ta@example.com\t\n", authd.heard
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
    routed = Control(state, "routed")
    ctl(state, "session", "end", "a@example.com/with blank")
    until("routed hears",
          lambda: routed.heard == b"end\ta@example.com/with blank\tpolicy-violation\n")
    for words in ((), ("end",), ("quux", "a@b"), ("end", "a@b", "c")):
        assert "usage" in ctl(state, "session", *words, code=100)[1], words


# ---- dns


def records(out):
    """What a name server would read: fields of the lines that are no comments."""
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
def records_of_what_does_not_exist_yet_are_comments():
    state = listeners((5269, "::", "ejabberd_s2s_in"), (5270, "::", "ejabberd_s2s_in", "    tls: true\n"))
    out, _ = ctl(state, "dns")
    assert not records(out), out
    assert "; " + " ".join(srv("_xmpp-server", "example.com", "10", "5269")) in out, out
    assert "; " + " ".join(srv("_xmpps-server", "example.com", "5", "5270")) in out, out


@check
def records_of_each_host():
    """What DNS knows a host as (RFC 3490); an address has no records."""
    state = listeners((5222, "::", "ejabberd_c2s"),
                      hosts=("example.com", "b\u00fccher.example", "192.0.2.7", "under_score.example"))
    out, _ = ctl(state, "dns")
    assert records(out) == [srv("_xmpp-client", "example.com", "10", "5222"),
                            srv("_xmpp-client", "xn--bcher-kva.example", "10", "5222")], out
    assert out.count("is no name that DNS could have") == 2, out
    assert records(ctl(state, "dns", "b\u00fccher.example")[0]) == records(out)[1:]
    ctl(state, "dns", "far.example", code=1)


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
