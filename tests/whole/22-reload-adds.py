#!/usr/bin/python3
"""A reload that brings more than the server has: a program, a service of the administrator's, and a
listener whose port another program has; under s6 and under runsvdir."""
from tree import *

SCRIPT = os.path.join(tempfile.mkdtemp(prefix="reload-adds-"), "echo-service.sh")
CONF = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf"))


def reload(t, options="", modules="", tabber=""):
    t.options, t.modules, t.tabber = options, MODULES + modules, tabber
    t.write_config()
    t.ctl("reload")


def items(s):
    e = s.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#items'/>")
    return [i.get("jid") for i in e.iter() if i.get("jid")]


@check
def a_program(t):
    """mod_muc needs xmpp-mucd, which the configuration did not have: rooms are there, and no other
    program was touched. The next reload finds nothing that is new."""
    s = t.login("anna")
    before = {d: t.pid(d) for d in DAEMONS}
    assert items(s) == [], items(s)
    reload(t, modules="\nmod_muc: {}")
    t.wait_ready()
    until("rooms", lambda: items(s) == ["conference.localhost"])
    pid = t.pid("mucd")
    t.ctl("reload")
    assert {d: t.pid(d) for d in DAEMONS} == before and t.pid("mucd") == pid
    assert t.ctl("status", code=None)[0] == 0, t.ctl("status", code=None)[1]
    reload(t)
    until("no rooms", lambda: items(s) == [])
    s.close()


@check
def a_program_under_runsvdir(_):
    with Tree(accounts=("anna@localhost",), runit=True) as t:
        a_program(t)


@check
def a_service_of_the_administrator_s(t):
    s = t.login("anna")
    reload(t, tabber="services:\n  echo: {run: [%s, echo.localhost], role: service}" % SCRIPT)
    until("the service", lambda: s.iq("echo.localhost", "<ping xmlns='%s'/>" % PING).get("type") == "result")
    s.close()


@check
def a_port_that_is_taken(t):
    """The reload is refused with the line of the listener, and nothing changes, on disk too. Once the
    port is free the same reload opens it."""
    free = free_port()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", free_port()))
        other.listen()
        port = other.getsockname()[1]
        s, pid = t.login("anna"), t.pid("tlsd")
        t.options = "listen:\n" + "".join("  -\n    port: %d\n    ip: 127.0.0.1\n    module: ejabberd_c2s\n"
                                          "    tls: true\n" % p for p in (port, free))
        t.write_config()
        code, _, said = t.ctl("reload", code=None)
        line = t.config().splitlines().index("    port: %d" % port) + 1
        assert code == 1 and re.search(r"tlsd: .*conf.yml:%d:\d+: listener: unable to listen: Address already "
                                       "in use" % line, said) and "nothing has changed" in said, (line, said)
        for p in (free, t.port, t.tls_port):
            try:
                socket.create_connection(("127.0.0.1", p), 1).close()
                assert p != free, "half a reload"
            except OSError:
                assert p == free
        assert t.ctl("status", code=None)[0] == 0 and str(free) not in open(t.state + "/settings/xmpp-tlsd").read()
    t.ctl("reload")
    for p in (port, free):
        t.stream(port=p, direct=True).abort()
    s.ping()
    assert t.pid("tlsd") == pid
    s.close()


os.chmod(os.path.dirname(SCRIPT), 0o755)
shutil.copy(CONF + "/echo-service.sh", SCRIPT)
os.chmod(SCRIPT, 0o755)
try:
    main(Tree(accounts=("anna@localhost",)))
finally:
    shutil.rmtree(os.path.dirname(SCRIPT))
