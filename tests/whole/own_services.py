"""Checks of the services of the administrator's own: the example of conf/, under its own name and
user, for the supervisor that the test takes."""
from tree import *

CONF = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf"))
DIR = tempfile.mkdtemp(prefix="services-")
SCRIPT = DIR + "/echo-service.sh"
MESSAGES = 300
# Says argv[2] to the socket argv[1]. Exits with 0 when the link is ended: unheard, when argv[2] is
# empty.
SAY = """import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode())
    while s.recv(4096):
        if not sys.argv[2]:
            sys.exit(1)
except ConnectionError:
    pass
"""


def install():
    os.chmod(DIR, 0o755)
    shutil.copy(CONF + "/echo-service.sh", SCRIPT)
    os.chmod(SCRIPT, 0o755)


def services(more=""):
    return "services:\n  echo: {run: [%s, echo.localhost], role: service}\n%s" % (SCRIPT, more)


def as_echo(t):
    """The words that make a command run as the service does."""
    with open(t.state + "/service/echo/env") as f:
        return re.search("AS='(.*)'", f.read()).group(1).split()


def user_of(t, instance):
    try:
        return os.stat("/proc/%d" % t.pid(instance)).st_uid
    except FileNotFoundError:  # down just then
        return None


@check
def it_echoes(t):
    s = t.login("a")
    s.send("<message to='echo.localhost' id='m' type='chat'><body>x &lt; y\n&amp;c</body></message>")
    e = s.expect_tag(CLIENT, "message")
    assert e.get("id") == "m" and e.get("from") == "echo.localhost", ET.tostring(e)
    assert e.findtext("{%s}body" % CLIENT) == "x < y\n&c", ET.tostring(e)
    s.close()


@check
def it_answers_requests(t):
    s = t.login("a")
    assert s.iq("echo.localhost", "<ping xmlns='%s'/>" % PING).get("type") == "result"
    e = s.iq("localhost", "<load xmlns='urn:example:load'/>")
    assert re.match(r"\d+\.\d+ ", e[0].text), ET.tostring(e)
    e = s.iq("echo.localhost", "<query xmlns='jabber:iq:version'/>")
    assert e.find(".//{%s}service-unavailable" % STANZAS) is not None, ET.tostring(e)
    s.close()


@check
def the_server_offers_it(t):
    s = t.login("a")
    q = s.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#items'/>")[0]
    assert "echo.localhost" in [i.get("jid") for i in q], ET.tostring(q)
    q = s.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>")[0]
    assert "urn:example:load" in [f.get("var") for f in q], ET.tostring(q)
    s.close()


@check
def it_runs_as_a_user_of_its_own(t):
    if os.geteuid():
        return
    uid, others = user_of(t, "echo"), {user_of(t, d) for d in DAEMONS}
    assert uid and uid not in others, (uid, others)
    words = as_echo(t)
    for path in ("data/users/data.mdb", "data/secrets/data.mdb", "settings/xmpp-authd"):
        assert subprocess.run(words + ["test", "-r", t.state + "/" + path]).returncode, path
    r = subprocess.run(words + ["/usr/bin/python3", "-c", SAY, t.state + "/run/authd/link", ""], timeout=DEADLINE)
    assert r.returncode == 0, "authd speaks with a service"


def answered(s, want):
    """The bodies that came, some perhaps twice, until all of want were there."""
    got = []
    while not want <= set(got):
        try:
            e = s.expect_tag(CLIENT, "message")
        except AssertionError:
            raise AssertionError("never came: %s" % sorted(want - set(got)))
        assert e.get("type") != "error", ET.tostring(e)
        got.append(e.findtext("{%s}body" % CLIENT))
    return got


@check
def it_is_killed_and_nothing_is_lost(t):
    s = t.login("a")
    want = set()
    for i in range(MESSAGES):
        want.add(str(i))
        s.message("echo.localhost", str(i))
        if i % 100 == 50:
            t.kill("echo")
    got = answered(s, want)
    order = [x for i, x in enumerate(got) if x in want and x not in got[:i]]
    assert order == [str(i) for i in range(MESSAGES)], order
    s.close()


@check
def routed_is_killed_and_nothing_is_lost(t):
    s = t.login("a")
    s.message("echo.localhost", "before")
    answered(s, {"before"})
    t.kill("routed")
    for i in range(MESSAGES):
        s.message("echo.localhost", str(i))
    answered(s, {str(i) for i in range(MESSAGES)})
    s.close()


@check
def ctl_waits_for_it(t):
    subprocess.run(["sv", "down", t.state + "/service/echo"] if t.runit else
                   ["s6-svc", "-wD", "-d", t.state + "/service/echo"], check=True, stdout=subprocess.DEVNULL)
    until("echo is down", lambda: t.pid("echo") == -1)
    code, _, err = t.ctl("wait", "1", code=None)
    assert code == 1 and "echo" in err, (code, err)
    subprocess.run(["sv", "up", t.state + "/service/echo"] if t.runit else
                   ["s6-svc", "-u", t.state + "/service/echo"], check=True, stdout=subprocess.DEVNULL)
    t.wait_ready()


@check
def a_stranger_is_refused_with_a_reason(t):
    """Somebody who runs as the service: another name, the name of another's program."""
    for hello, why in (("hello\tstranger\t1\tstranger\t1\n", "no program of this name"),
                       ("hello\techo\t1\tmamd\t1\n", "not called after its program"),
                       ("hello\ttlsd\t1\ttlsd\t1\n", "no role that connects here"),
                       ("hello\tmamd\t1\tmamd\t1\n", "not the user" if not os.geteuid() else None),
                       ("serve\tx\n", "no hello")):
        if not why:
            continue
        subprocess.run(as_echo(t) + ["/usr/bin/python3", "-c", SAY, t.state + "/run/routed/link", hello],
                       check=True, timeout=DEADLINE)
        t.wait_log("routed", "event=bad-hello.*" + why)


@check
def a_second_service_takes_another_number(t):
    """The first service keeps its number, whatever comes before it."""
    if os.geteuid():
        return
    old = user_of(t, "echo")
    left = t.terminate()
    assert not left, left
    t.tabber = services("  aaa: {run: [sleep, infinity]}\n")
    t.write_config()
    t.start(wait=False)
    until("settings of aaa", lambda: os.path.exists(t.state + "/settings/xmpp-aaa"))
    t.ctl("wait", "1", code=1)
    until("the old user of echo", lambda: user_of(t, "echo") == old)
    until("a new user of aaa", lambda: user_of(t, "aaa") == old + 1)


def play(runit):
    install()
    try:
        main(Tree(accounts=["a@localhost"], tabber=services(), runit=runit))
    finally:
        shutil.rmtree(DIR)
