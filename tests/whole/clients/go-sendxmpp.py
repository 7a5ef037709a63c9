#!/usr/bin/python3
"""go-sendxmpp: logs in, sends to a contact, hears it; a second device has the copies."""
import os, select, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *


def command(t, *words):
    return ["go-sendxmpp", "-n", "-u", "a@localhost", "-p", PW, "-j", "localhost:%d" % t.port,
            *words]


@check
def go_sendxmpp_talks(t):
    f = Friends(t)
    f.second.send("<presence to='b@localhost' type='subscribe'/>")     # go-sendxmpp cannot ask by itself
    f.is_asked()
    f.agrees_and_asks()
    f.second.expect(presence("b@localhost", "subscribe"))
    f.second.send("<presence to='b@localhost' type='subscribed'/>")
    f.b.expect(presence("a@localhost", "subscribed"))
    f.b.expect(presence("a@localhost/second"))
    r = subprocess.run(command(t, "b@localhost"), input="hello from a pipe\n", text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=2 * DEADLINE, env=dict(os.environ, HOME=t.dir))
    assert r.returncode == 0, r.stdout
    m = f.b.expect(lambda e: (e.findtext("{%s}body" % CLIENT) or "").strip() ==
                   "hello from a pipe")
    assert m.get("from").startswith("a@localhost/"), m.get("from")
    f.second.expect(copy_of("hello from a pipe"))
    p = subprocess.Popen(command(t, "-l"), text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=dict(os.environ, HOME=t.dir))
    try:
        jid = f.b.expect(lambda e: presence("a@localhost/")(e) and
                         e.get("from") != m.get("from")).get("from")
        f.b.message("a@localhost", "and back to it")
        assert select.select([p.stdout], [], [], DEADLINE)[0], "it says nothing"
        line = p.stdout.readline()
        assert "b@localhost" in line and "and back to it" in line, line
        f.second.expect(copy_of("and back to it"))
    finally:
        p.kill()
        p.wait()
    f.b.expect(presence(jid, "unavailable"))
    f.end()


main(Tree(accounts=ACCOUNTS))
