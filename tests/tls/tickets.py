"""TLS sessions that are resumed by tickets: by whom, where, and for how long."""
import fcntl

from tlsd import *

one = {"one": "".join(make("one", certs.dns("one.example", "two.example")))}
HOUR_US = 3600 * 1000000


class Shared(Tlsd):
    """An instance whose keys of tickets are in a file of others."""
    file = None

    @property
    def rows(self):
        return "tickets\t*\t%s\n" % self.file


class Client:
    """A client that keeps its session. name is the stream's (None: direct TLS)."""

    def __init__(self, version=V13, name="one.example", sni="one.example"):
        self.ctx, self.name, self.sni = context(version), name, sni
        self.session = None

    def come(self, t, name=None, sni=None):
        """Come to t, by the session of the last time; whether that was resumed."""
        if self.name:
            s, n = t.open()
            t.say("starttls", n, name or self.name, "<proceed/>")
            assert s.recv(10) == b"<proceed/>"
        else:
            s = t.socket(t.direct)
        tls = self.ctx.wrap_socket(s, server_hostname=sni or self.sni, session=self.session,
                                   suppress_ragged_eofs=False)
        t.socks.append(tls)
        if not self.name:
            n = t.hear()[1]
        assert t.hear()[0] == "secured"
        t.say("data", n, "x")
        assert tls.recv(1) == b"x"  # and the ticket before
        self.session, reused = tls.session, tls.session_reused
        tls.close()
        t.hear()
        t.say("close", n)
        return reused


def clock(t, us):
    t.line("clock\t%d\t%d" % (START_US + us, START_US + us))
    t.settle()


@check
def a_client_comes_back_by_a_ticket():
    t = Tlsd(one)
    for version in (V12, V13):
        for name in ("one.example", None):
            c = Client(version, name)
            assert [c.come(t) for _ in range(3)] == [False, True, True], (version, name)


@check
def clients_are_told_sixteen_hours():
    t = Tlsd(one)
    for version in (V12, V13):
        c = Client(version)
        c.come(t)
        assert c.session.has_ticket and c.session.ticket_lifetime_hint == 57600, version


@check
def a_ticket_is_of_one_name():
    """RFC 6066 s3: neither the stream's name nor the client's may be another."""
    t = Tlsd(one, hosts=("one.example", "two.example"))
    for version in (V12, V13):
        c = Client(version)
        c.come(t)
        assert not c.come(t, name="two.example")
        c = Client(version)
        c.come(t)
        assert not c.come(t, sni="two.example")
        c = Client(version, name=None)
        c.come(t)
        assert not c.come(t, sni="two.example")


@check
def a_ticket_is_of_one_certificate():
    t = Tlsd(one)
    c = Client()
    c.come(t)
    t.put({"one": "".join(make("new", certs.dns("one.example")))})
    assert t.reload()
    assert not c.come(t)


@check
def a_reload_keeps_the_keys():
    t = Tlsd(one)
    c = Client()
    c.come(t)
    assert t.reload()
    assert c.come(t)


@check
def keys_are_of_all_instances():
    Shared.file = tempfile.mkdtemp(dir=TMP) + "/tickets"
    t, u = Shared(one), Shared(one)
    for version in (V12, V13):
        c = Client(version)
        assert [c.come(t), c.come(u), c.come(t)] == [False, True, True], version
    assert os.stat(Shared.file).st_mode & 0o777 == 0o600
    assert not Client().come(Shared(one))
    t.kill()
    assert c.come(Shared(one)), "an instance that started again"


@check
def instances_find_a_key_that_another_has_made():
    Shared.file = tempfile.mkdtemp(dir=TMP) + "/tickets"
    t, u = Shared(one), Shared(one)
    clock(t, 9 * HOUR_US)
    c = Client()
    assert [c.come(t), c.come(u)] == [False, True]
    clock(u, 9 * HOUR_US)
    assert [c.come(u), c.come(t)] == [True, True]


@check
def an_instance_waits_for_one_that_makes_a_key():
    Shared.file = tempfile.mkdtemp(dir=TMP) + "/tickets"
    t = Shared(one)
    c = Client()
    c.come(t)
    with open(Shared.file + ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        clock(t, 9 * HOUR_US)
        assert c.come(t)
        with open(Shared.file, "rb") as f:
            before = f.read()
    clock(t, 9 * HOUR_US + 1000000)
    with open(Shared.file, "rb") as f:
        assert f.read()[-len(before):] == before != b""
        assert f.tell() == 2 * len(before)
    assert c.come(t)


@check
def a_key_is_forgotten_after_a_day():
    for version in (V12, V13):
        t = Tlsd(one)
        c = Client(version)
        c.come(t)
        kept = c.session
        clock(t, 23 * HOUR_US)
        assert c.come(t), version
        c.session = kept
        clock(t, 24 * HOUR_US + 1)
        assert not c.come(t), version


@check
def each_session_of_tls_1_3_brings_another_ticket():
    """RFC 8446 C.4. In TLS 1.2 only a ticket of an old key is replaced."""
    t = Tlsd(one)
    for version, brings in ((V13, True), (V12, False)):
        c = Client(version)
        c.come(t)
        first = c.session
        assert c.come(t)
        assert (c.session != first) == brings, version


@check
def no_early_data_is_taken():
    t = Tlsd(one)
    s = subprocess.run(["openssl", "s_client", "-unix", t.direct, "-servername", "one.example"],
                       input=b"", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       timeout=PATIENCE).stdout.decode()
    assert "Max Early Data: 0" in s or "Early data was not sent" in s, s


@check
def a_file_that_is_damaged_is_made_anew():
    folder = tempfile.mkdtemp(dir=TMP)
    Shared.file = folder + "/tickets"
    for text in (b"", b"x", b"\xff" * 87, b"\0" * 1000):
        with open(Shared.file, "wb") as f:
            f.write(text)
        t = Shared(one)
        c = Client()
        assert [c.come(t), c.come(t)] == [False, True], text
        t.kill()


@check
def without_a_place_for_the_file_keys_are_its_own():
    Shared.file = "/nonexistent/tickets"
    t = Shared(one)
    c = Client()
    assert [c.come(t), c.come(t)] == [False, True]
    t.logged("event=tickets-not-kept")
