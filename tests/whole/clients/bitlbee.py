#!/usr/bin/python3
"""Bitlbee, a gateway from IRC: logs in over STARTTLS with a channel for its contacts, makes a contact, gets
and sends messages, has those of another device, joins a room. It is spoken to as IRC clients do, through its standard
input."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from desk import *      # in a network of its own: Bitlbee takes few ports but 5222
from terminal import *

CONTROL = "&bitlbee"


class Irc:
    """Bitlbee on one end of a pair of sockets, and the lines that it has said."""

    def __init__(self, t):
        conf = t.dir + "/bitlbee.conf"
        with open(conf, "w") as f:
            f.write("[settings]\nRunMode = Inetd\nConfigDir = %s\n" % t.dir)
        self.sock, other = socket.socketpair()
        self.log = open(t.dir + "/bitlbee.log", "ab")
        self.p = subprocess.Popen(["bitlbee", "-I", "-c", conf, "-d", t.dir], stdin=other, stdout=other,
                                  stderr=self.log)
        other.close()
        self.text, self.at = "", 0

    def say(self, line):
        self.sock.sendall(line.encode() + b"\r\n")

    def tell(self, where, text):
        self.say("PRIVMSG %s :%s" % (where, text))

    def see(self, pattern, seconds=20):
        """Wait for a line that matches, among the lines not looked at yet; all up to there count
        as looked at."""
        end = time.monotonic() + seconds
        while True:
            m = re.search(pattern, self.text[self.at:])
            if m:
                self.at += m.end()
                return m
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            try:
                got = self.sock.recv(4096)
            except OSError:
                got = b""
            if not got:
                raise AssertionError("in vain awaited: %s\n%s" % (pattern, self.text[-1500:]))
            self.text += got.decode(errors="replace")
            if got.startswith(b"PING"):
                self.say("PONG" + got.decode()[4:].strip())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.kill()
        self.p.wait()
        self.sock.close()
        self.log.close()


@check
def bitlbee_talks(t):
    if not shutil.which("bitlbee"):
        skip("there is no bitlbee")
    f = Friends(t)
    with Irc(t) as irc:
        irc.say("NICK a")
        irc.say("USER a 0 * :a")
        irc.see(r"JOIN :?" + CONTROL)
        irc.tell(CONTROL, "account add jabber a@localhost %s" % PW)
        irc.see(r"successfully added")
        for key, value in (("server", "127.0.0.1"), ("port", t.port), ("tls", "true"), ("tls_verify", "false"),
                           ("resource", "bitlbee")):
            irc.tell(CONTROL, "account jabber set %s %s" % (key, value))
            irc.see(r"%s" % key)
        irc.tell(CONTROL, "account jabber on")
        irc.see(r"Logged in")
        irc.tell(CONTROL, "add jabber b@localhost")
        f.is_asked()
        f.agrees_and_asks()
        irc.see(r"accept")          # it asks its user
        irc.tell(CONTROL, "yes")
        jid = f.sees("bitlbee")
        nick = irc.see(r":(\S+)!\S+ JOIN :?" + CONTROL).group(1)
        f.b.message(jid, "hello &lt;you&gt; ☺")
        irc.see(r":%s!\S+ PRIVMSG \S+ :.*hello <you> ☺" % re.escape(nick))
        irc.tell(nick, "from <IRC> ☺")
        assert f.gets("from <IRC> ☺") == jid
        f.second.message("b@localhost", "from my other device")
        irc.see(r"from my other device")
        new_room(f.b, "den@conference.localhost")
        irc.tell(CONTROL, "chat add jabber den@conference.localhost #den")
        irc.say("JOIN #den")
        irc.see(r"JOIN :?#den")
        irc.tell("#den", "in a room")
        f.b.expect(lambda e: e.get("type") == "groupchat" and e.findtext("{%s}body" % CLIENT) == "in a room")
        did("rooms")
        f.b.send("<message to='den@conference.localhost' type='groupchat'><body>to IRC</body></message>")
        irc.see(r"PRIVMSG #den :.*to IRC")
    f.end()


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
tree = Tree(accounts=ACCOUNTS, modules=MODULES + "\nmod_muc: {}")
tree.port, tree.tls_port = PORT, PORT + 1
main(tree)
