#!/usr/bin/python3
"""biboumi, a gateway to IRC, as a component, and ngircd behind it: join a channel, talk, leave."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from components import *

USER = "http://jabber.org/protocol/muc#user"
MUC = "http://jabber.org/protocol/muc"

NGIRCD = """[Global]
Name = irc.test.example
Info = test
Listen = 127.0.0.1
Ports = %d
AdminInfo1 = test
[Options]
PAM = no
Ident = no
DNS = no
[Limits]
ConnectRetry = 60
MaxConnectionsIP = 0
"""

BIBOUMI = """hostname=%s
password=secret
xmpp_server_ip=127.0.0.1
port=%d
db_name=%s/biboumi.sqlite
log_file=%s/biboumi.log
log_level=1
persistent_by_default=false
realname_customization=true
"""


class Peers:
    """ngircd and biboumi beside the tree t."""

    def __init__(self, t):
        self.irc_port = free_port()
        self.all = []
        conf = t.dir + "/ngircd.conf"
        with open(conf, "w") as f:
            f.write(NGIRCD % self.irc_port)
        os.chmod(conf, 0o644)
        self.run(t, "ngircd", ["/usr/sbin/ngircd", "-n", "-f", conf])
        until("ngircd listens", self.listens)
        conf = t.dir + "/biboumi.cfg"
        with open(conf, "w") as f:
            f.write(BIBOUMI % (IRC, t.comp_port, t.dir, t.dir))
        self.run(t, "biboumi", ["biboumi", conf])

    def run(self, t, name, words):
        out = open(t.dir + "/" + name + ".out", "wb")
        self.all.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out))

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.irc_port), 1).close()
            return True
        except OSError:
            return False

    def end(self):
        for p in self.all:
            p.terminate()
        for p in self.all:
            p.wait()


def prepare(s, p):
    """Tell biboumi the port of the server, which is not TLS's."""
    answer = s.iq("127.0.0.1@" + IRC, "<command xmlns='http://jabber.org/protocol/commands' "
                  "node='configure' action='execute'/>", "set")
    assert answer.get("type") == "result", ET.tostring(answer)
    sid = answer[0].get("sessionid")
    answer = s.iq("127.0.0.1@" + IRC, "<command xmlns='http://jabber.org/protocol/commands' "
                  "node='configure' sessionid='%s' action='next'><x xmlns='jabber:x:data' "
                  "type='submit'><field var='ports'><value>%d</value></field><field "
                  "var='tls_ports'><value></value></field></x></command>" % (sid, p.irc_port),
                  "set")
    assert answer.get("type") == "result", ET.tostring(answer)


def room_of(nick=""):
    return "#tabber%127.0.0.1@" + IRC + ("/" + nick if nick else "")


def join(s, nick):
    s.send("<presence to='%s'><x xmlns='%s'/></presence>" % (room_of(nick), MUC))
    s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and
             any(x.get("code") == "110" for x in e.iter("{%s}status" % USER)))


@check
def join_talk_leave(t):
    p = Peers(t)
    try:
        until("biboumi is connected", lambda: t.stat("compd", "components") == 1)
        a, b = t.login("juliet"), t.login("romeo")
        for s, nick in ((a, "juliet"), (b, "romeo")):
            prepare(s, p)
            join(s, nick)
        a.send("<message to='%s' type='groupchat'><body>Wherefore?</body></message>" % room_of())
        e = b.expect(lambda e: e.findtext("{%s}body" % CLIENT) == "Wherefore?")
        assert e.get("from") == room_of("juliet"), e.attrib
        b.send("<presence type='unavailable' to='%s'/>" % room_of("romeo"))
        e = a.expect(lambda e: e.tag == "{%s}presence" % CLIENT and
                     e.get("type") == "unavailable")
        assert e.get("from") == room_of("romeo"), e.attrib
        a.close()
        b.close()
    finally:
        p.end()


if not (shutil.which("biboumi") and os.path.exists("/usr/sbin/ngircd")):
    print("biboumi or ngircd is not installed")
    sys.exit(77)
main(WithComponents(accounts=("juliet@localhost", "romeo@localhost")))
