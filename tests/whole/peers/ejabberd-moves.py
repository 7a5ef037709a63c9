#!/usr/bin/python3
"""Accounts that a real ejabberd exports (export_piefxis): people log in with their passwords and find
contacts, requests, vCard, private XML, block list and messages; a second import changes nothing."""
import glob, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tree import *

HOSTS = ("example.com", "other.example")
PEOPLE = ["juliet@example.com", "romeo@example.com", "nurse@example.com", "paris@other.example"]
N = int(os.environ.get("MOVES", "50"))      # further accounts

# One host keeps keys, the other passwords.
CONFIG = """hosts: [example.com, other.example]
loglevel: info
auth_method: internal
auth_password_format: plain
auth_scram_hash: sha
host_config:
  example.com:
    auth_password_format: scram
listen:
  - {port: %(port)d, ip: "127.0.0.1", module: ejabberd_c2s}
modules:
  mod_blocking: {}
  mod_disco: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_private: {}
  mod_roster: {}
  mod_vcard: {}
"""

# The export begins when the file go is there, and has ended when done is.
EVAL = """
[ok = ejabberd_auth:try_register(list_to_binary(U), list_to_binary(H), <<"%(password)s">>)
 || {U, H} <- [%(people)s]],
F = fun(G) -> case filelib:is_regular("%(dir)s/go") of
  true -> R = ejabberd_piefxis:export_server("%(dir)s/out"),
          file:write_file("%(dir)s/done", io_lib:format("~p", [R]));
  false -> timer:sleep(50), G(G) end end,
spawn(fun() -> F(F) end)."""


class Ejabberd:
    def __init__(self, people):
        self.dir, self.port, self.hosts = tempfile.mkdtemp(prefix="moves-"), free_port(), HOSTS
        with open(self.dir + "/ejabberd.yml", "w") as f:
            f.write(CONFIG % {"port": self.port})
        os.mkdir(self.dir + "/out")
        words = {"dir": self.dir, "password": PW,
                 "people": ",".join('{"%s", "%s"}' % tuple(p.split("@")) for p in people)}
        self.process = subprocess.Popen(
            ["/usr/bin/erl", "-noinput", "-mnesia", "dir", '"%s/data"' % self.dir, "-s", "ejabberd",
             "-eval", EVAL % words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, EJABBERD_CONFIG_PATH=self.dir + "/ejabberd.yml", HOME=self.dir,
                     EJABBERD_LOG_PATH=self.dir + "/ejabberd.log", ERL_CRASH_DUMP_BYTES="0",
                     ERL_LIBS=os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*/ebin")[0][:-5])))
        until("ejabberd", self.is_ready, 60, 0.1)

    def is_ready(self):
        try:
            self.login(people[-1]).close()
        except (OSError, AssertionError, Gone):
            return False
        return True

    def login(self, jid, available=False):
        s = Stream(self, host=jid.split("@")[1], secure=False)
        s.open()
        assert s.auth_plain(jid.split("@")[0], PW)[0] == "success"
        s.bind("r")
        if available:
            s.available()
        return s

    def export(self):
        open(self.dir + "/go", "w").close()
        until("the export", lambda: os.path.exists(self.dir + "/done"), 60, 0.1)
        with open(self.dir + "/done") as f:
            assert f.read() == "ok"
        return self.dir + "/out"

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)


def login(t, jid, available=False):
    s = t.stream(host=jid.split("@")[1])
    s.secured()
    assert s.auth_plain(jid.split("@")[0], PW)[0] == "success", jid
    s.bind("r")
    if available:
        s.available()
    return s


def result(s, to, payload, type="get"):
    e = s.iq(to, payload, type)
    assert e.get("type") == "result", ET.tostring(e)
    return e[0] if len(e) else None


def befriend(a, b):
    x, y = a.jid.split("/")[0], b.jid.split("/")[0]
    for one, other, its, others in ((a, b, x, y), (b, a, y, x)):
        one.send("<presence type='subscribe' to='%s'/>" % others)
        other.expect(lambda e: e.get("type") == "subscribe" and e.get("from") == its)
        other.send("<presence type='subscribed' to='%s'/>" % its)
        one.expect(lambda e: e.get("type") == "subscribed" and e.get("from") == others)


def fill(e):
    juliet, romeo = e.login("juliet@example.com", True), e.login("romeo@example.com", True)
    paris = e.login("paris@other.example", True)
    befriend(juliet, romeo)
    befriend(romeo, paris)
    result(juliet, None, "<query xmlns='jabber:iq:roster'><item jid='romeo@example.com' name='R &amp; "
                         "\u00fc'><group>Friends</group><group>A'b</group></item></query>", "set")
    result(juliet, None, "<vCard xmlns='vcard-temp'><FN>Juliet \u4e2d</FN><DESC>a&lt;b\n c</DESC>"
                         "</vCard>", "set")
    result(juliet, None, "<query xmlns='jabber:iq:private'><x xmlns='urn:my' a=\"'\">p</x></query>",
           "set")
    result(juliet, None, "<block xmlns='urn:xmpp:blocking'><item jid='spam@example.net'/></block>",
           "set")
    juliet.close()
    paris.send("<presence type='subscribe' to='juliet@example.com'/>")
    romeo.message("juliet@example.com", "it waits & <waits>".replace("&", "&amp;").replace("<", "&lt;"))
    paris.message("juliet@example.com", "from the other host")
    nurse = e.login("nurse@example.com")
    nurse.send("<presence type='subscribe' to='away@example.net'/>")
    for s in (nurse, romeo, paris):
        s.ping()
        s.close()


def roster(s):
    return {i.get("jid"): (i.get("name") or None, i.get("subscription"), i.get("ask"),
                           sorted(g.text for g in i))
            for i in result(s, None, "<query xmlns='jabber:iq:roster'/>")}


def seen(server, login):
    """What juliet's clients see of her data, and the rosters of all."""
    out = {}
    for jid in PEOPLE:
        s = login(server, jid)
        out[jid] = roster(s)
        if jid.startswith("juliet"):
            for q in ("<vCard xmlns='vcard-temp'/>",
                      "<query xmlns='jabber:iq:private'><x xmlns='urn:my'/></query>",
                      "<blocklist xmlns='urn:xmpp:blocking'/>"):
                out[q] = ET.canonicalize(ET.tostring(result(s, None, q)))
        s.close()
    return out


@check
def all_of_it_is_there(t):
    global people
    people = PEOPLE + ["u%d@%s" % (i, HOSTS[i % 2]) for i in range(N)]
    e = Ejabberd(people)
    try:
        fill(e)
        before = seen(e, lambda e, jid: e.login(jid))
        shutil.copytree(e.export(), t.dir + "/exported")
    finally:
        e.end()
    t.terminate()
    code, out, err = t.ctl("import", "piefxis", t.dir + "/exported", code=None)
    assert code == 0 and out.startswith("%d accounts made, 0 were there, " % len(people)), (out, err)
    out = t.ctl("import", "piefxis", t.dir + "/exported")
    assert out == "0 accounts made, %d were there, 0 items, 0 messages, 0 refused\n" % len(people), out
    t.start()
    after = seen(t, login)
    assert after == before, "\n%r\n%r" % (before, after)
    s = login(t, "juliet@example.com")
    s.send("<presence/>")
    got = set()
    while len(got) < 3:
        e = s.recv()
        if e.get("type") == "subscribe":
            got.add(e.get("from"))
        elif e.findtext("{%s}body" % CLIENT):
            assert e.find("{urn:xmpp:delay}delay") is not None
            got.add(e.findtext("{%s}body" % CLIENT))
    assert got == {"paris@other.example", "it waits & <waits>", "from the other host"}, got
    s.close()
    for jid in people[len(PEOPLE):len(PEOPLE) + 4]:
        login(t, jid).close()


main(Tree(hosts=HOSTS, accounts=()))
