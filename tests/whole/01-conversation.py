#!/usr/bin/python3
"""go-sendxmpp sends, slixmpp receives; nobody logs in without TLS."""
from slix import *


class Receiver(slixmpp.ClientXMPP):
    def __init__(self, tree, user):
        super().__init__(user + "@localhost", PW)
        self.tree, self.got, self.here = tree, [], threading.Event()
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", lambda m: self.got.append((m["from"].bare, m["body"])))

    async def on_start(self, _):
        self.send_presence()
        self.here.set()

    def talk(self, done):
        """Run until done() or the deadline."""
        connect(self, self.tree)
        end = time.monotonic() + 2 * DEADLINE

        async def wait():
            while not done() and time.monotonic() < end:
                await asyncio.sleep(0.01)
            self.disconnect()
            await asyncio.wait_for(self.disconnected, DEADLINE)

        self.loop.run_until_complete(wait())
        assert done(), "not done in time: %r" % self.got


def send(t, text, *options, password=PW, port=None):
    """go-sendxmpp says text from a to b; its exit code and what it printed."""
    r = subprocess.run(["go-sendxmpp", "-n", *options, "-u", "a@localhost", "-p", password, "-j",
                        "localhost:%d" % (port or t.port), "b@localhost"], input=text + "\n",
                       text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=2 * DEADLINE, env=dict(os.environ, HOME=t.dir))
    return r.returncode, r.stdout


@check
def go_sendxmpp_to_slixmpp(t):
    errors = []
    b = Receiver(t, "b")

    def play():
        try:
            assert b.here.wait(DEADLINE), "b did not log in"
            until("b's presence", lambda: re.search(r"b@localhost/\S+\s+\S+\s+0",
                                                    t.ctl("sessions")))
            code, out = send(t, "hi there")
            assert code == 0, "go-sendxmpp: " + out
        except Exception as e:
            errors.append(e)

    th = threading.Thread(target=play, daemon=True)
    th.start()
    b.talk(lambda: b.got or errors)
    th.join(DEADLINE)
    if errors:
        raise errors[0]
    assert b.got[0][0] == "a@localhost" and b.got[0][1].strip() == "hi there", b.got


@check
def go_sendxmpp_over_direct_tls(t):
    b = t.login("b", "raw")
    code, out = send(t, "direct", "-t", port=t.tls_port)
    assert code == 0, "go-sendxmpp: " + out
    m = b.expect(lambda e: e.tag.endswith("}message"))
    assert m.findtext("{%s}body" % CLIENT).strip() == "direct", ET.tostring(m)
    b.close()


@check
def slixmpp_binds_the_channel(t):
    """slixmpp knows tls-unique: it uses a -PLUS mechanism, which holds at the first try."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        if binds_channels(version):
            binds_the_channel(t, version)


def binds_the_channel(t, version):
    a = Receiver(t, "a")
    a.ssl_context.maximum_version = version
    trace = t.dir + "/authd"
    t.ctl("trace", "authd", "on", trace)
    a.talk(a.here.is_set)
    t.ctl("trace", "authd", "off")
    with open(trace + ".in", errors="replace") as f:
        asked = re.findall(r"\tauth\t.*", f.read())
    assert len(asked) == 1, asked
    assert re.search(r"\tSCRAM-SHA-\d+-PLUS\t", asked[0]), asked
    with open(trace + ".out", errors="replace") as f:
        assert re.search(r"\tsuccess\t", f.read()), "no success"


@check
def slixmpp_talks_to_slixmpp(t):
    a, b = Receiver(t, "a"), Receiver(t, "b")
    a.loop = b.loop
    said = []

    def poll():
        if a.here.is_set() and b.here.is_set() and not said:
            if t.ctl("sessions").count("@localhost/") >= 2:
                said.append(1)
                a.send_message("b@localhost", "grüße ☃ <&>\"'", mtype="chat")
        return ("a@localhost", "grüße ☃ <&>\"'") in b.got

    connect(a, t)
    b.talk(poll)
    a.disconnect()
    a.loop.run_until_complete(asyncio.wait_for(a.disconnected, DEADLINE))


@check
def a_client_that_logs_in_has_not_failed(t):
    """slixmpp tries mechanisms that do not fit the stream first (fail2ban reads these lines)."""
    until("a login", lambda: "event=authenticated" in t.log("c2sd"))
    failed = [x for x in t.log("c2sd").splitlines() if "event=auth-failed" in x]
    assert not failed and not t.stat("c2sd", "logins_failed"), failed


@check
def no_login_before_tls(t):
    s = t.stream(secure=False)
    f = s.open()
    assert f.find("{%s}starttls/{%s}required" % (TLS, TLS)) is not None, "STARTTLS not required"
    assert s.mechanisms() == [], s.mechanisms()
    what, why = s.auth_plain("a", PW)
    assert (what, why) == ("failure", "encryption-required"), (what, why)
    what, why, _ = s.auth_scram("a", PW)
    assert (what, why) == ("failure", "encryption-required"), (what, why)
    s.send("<message to='b@localhost'><body>x</body></message>")
    assert s.stream_error() == "policy-violation"


@check
def go_sendxmpp_is_refused_with_a_wrong_password(t):
    code, out = send(t, "x", password="wrong")
    assert code != 0, out


main(Tree(accounts=["a@localhost", "b@localhost"]))
