#!/usr/bin/python3
"""go-sendxmpp: logs in, sends to a contact, hears it; a second device has the copies. A file goes up,
and the contact gets its address, from which the file comes down. It sends to a room."""
import os, select, sys, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *
from uploads import NOTE, UPLOADS, note


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
    did("login")
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
        did("presence", "messages", "copies")
    finally:
        p.kill()
        p.wait()
    f.b.expect(presence(jid, "unavailable"))
    f.end()


@check
def go_sendxmpp_uploads(t):
    b, path = t.login("b"), note(t.dir, "a note.txt")
    r = subprocess.run(command(t, "-h", path, "b@localhost"), stdin=subprocess.DEVNULL, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=2 * DEADLINE, env=dict(os.environ, HOME=t.dir))
    assert r.returncode == 0, r.stdout
    m = b.expect(lambda e: e.findtext("{%s}body" % CLIENT))
    url = m.findtext("{%s}body" % CLIENT).strip()
    assert m.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == url, ET.tostring(m)
    assert urllib.request.urlopen(url, timeout=DEADLINE).read().decode() == NOTE, url
    did("uploads")
    b.close()


@check
def go_sendxmpp_sends_to_a_room(t):
    b, room = t.login("b"), "den@conference.localhost"
    new_room(b, room)
    r = subprocess.run(command(t, "-c", "-a", "guest", room), input="to all\n", text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=2 * DEADLINE, env=dict(os.environ, HOME=t.dir))
    assert r.returncode == 0, r.stdout
    m = b.expect(lambda e: (e.findtext("{%s}body" % CLIENT) or "").strip() == "to all")
    assert m.get("from") == room + "/guest" and m.get("type") == "groupchat", m.attrib
    did("rooms")
    b.close()


main(Tree(accounts=ACCOUNTS, **dict(UPLOADS, modules=UPLOADS["modules"] + "\nmod_muc: {}")))
