"""Clients with a screen, in tmux: what is awaited is looked for on the screen until a deadline.
And whom they talk to: b, a contact to be, and a second device of the client's own account."""
from table import did
from tree import *

CARBONS = "urn:xmpp:carbons:2"
MUC = "http://jabber.org/protocol/muc"
# A picture of one pixel, and the modules by which the picture of a card is an avatar (XEP-0084), too.
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
                       "RU5ErkJggg==")
AVATARS = """
mod_caps: {}
mod_avatar: {}
mod_pubsub: {plugins: [flat, pep]}"""


class Terminal:
    """A program in a tmux of its own; its home is the tree's folder, or with a name a folder in it. nobody:
    not as root. As a context it ends with the test, and one that has failed leaves what was on it."""

    def __init__(self, t, command, nobody=False, name=""):
        self.home = os.path.join(t.dir, name).rstrip("/")
        self.socket = self.home + "/tmux"
        os.makedirs(self.home, exist_ok=True)
        env = dict(os.environ, HOME=self.home, XDG_CONFIG_HOME=self.home + "/.config",
                   XDG_DATA_HOME=self.home + "/.local", XDG_CACHE_HOME=self.home + "/.cache",
                   LANG="C.UTF-8", TERM="xterm")
        env.pop("TMUX", None)
        other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        self.user = other if nobody and not os.geteuid() else []
        if name and self.user:
            os.chown(self.home, 65534, 65534)
        subprocess.run(self.user + ["tmux", "-S", self.socket, "-f", "/dev/null", "new-session",
                                    "-d", "-x", "160", "-y", "50", command], env=env, check=True,
                       stdin=subprocess.DEVNULL)
        self.pid = int(self.tmux("display-message", "-p", "#{pid}"))

    def tmux(self, *words):
        return subprocess.run(self.user + ["tmux", "-S", self.socket, *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def say(self, line, echo=False):
        """echo: return is pressed when the line is seen; some take it for pasted before."""
        self.tmux("send-keys", "-l", line)
        if echo:
            self.see(re.escape(line))
        self.tmux("send-keys", "Enter")

    def see(self, pattern, seconds=15):
        try:
            return until("on the screen: " + pattern,
                         lambda: re.search(pattern, self.screen()), seconds, 0.05)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.screen().rstrip()))

    def shot(self, name):
        """Leave what is on it in the folder WHOLE_SHOTS."""
        folder = os.environ.get("WHOLE_SHOTS")
        if folder:
            with open("%s/%s.txt" % (folder, name), "w") as f:
                f.write(self.screen())

    def end(self):
        self.tmux("kill-server")
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind:
            print(self.screen().rstrip())
        self.end()


POEZIO = """[Poezio]
jid = %s/poezio
password = %s
custom_host = 127.0.0.1
custom_port = %d
ca_cert_path = %s
rooms =
"""


class Poezio(Terminal):
    """poezio of the account jid, which trusts the authority of the file ca; not for root."""

    def __init__(self, t, jid, ca, name=""):
        self.file = t.dir + "/poezio.cfg"
        with open(self.file, "w") as f:
            f.write(POEZIO % (jid, PW, t.port, ca))
        os.chmod(self.file, 0o666)
        super().__init__(t, "poezio -f " + self.file, True, name)
        try:
            until("poezio's session", lambda: jid + "/poezio" in t.ctl("sessions"), 30)
            self.see("Your JID is " + jid)
        except BaseException:
            self.__exit__(True)
            raise

    def command(self, line):
        """On the roster a slash opens the line for commands; poezio takes keys that come at once for
        no slash."""
        self.tmux("send-keys", "-l", "/")
        until("the line for commands", lambda: "Enter commands with" not in self.screen())
        self.say(line[1:], True)


def presence(of, type=None):
    """A test for Stream.expect: presence of this account or session."""
    return lambda e: (e.tag == "{%s}presence" % CLIENT and e.get("type") == type and
                      e.get("from").startswith(of))


def copy_of(text):
    """A carbon of a message with this body."""
    def test(e):
        m = e.find(".//{%s}message" % CLIENT)
        return (m is not None and (m.findtext("{%s}body" % CLIENT) or "").strip() == text and
                any(c.tag.startswith("{%s}" % CARBONS) for c in e))
    return test


def shows_picture(s, png=PNG):
    """The account of this stream has the picture in its card."""
    s.iq(None, "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>%s</BINVAL></PHOTO></vCard>"
         % base64.b64encode(png).decode(), "set")


def new_room(s, room, nick="b"):
    """The room is there, with this stream in it."""
    s.send("<presence to='%s/%s'><x xmlns='%s'/></presence>" % (room, nick, MUC))
    s.expect(lambda e: e.find(".//{%s#user}status[@code='110']" % MUC) is not None)
    s.iq(room, "<query xmlns='%s#owner'><x xmlns='jabber:x:data' type='submit'/></query>" % MUC, "set")


class Friends:
    """b@localhost, and second, another device of a@localhost that has carbons."""

    def __init__(self, t):
        self.b = t.login("b", "raw", available=False)
        self.b.iq(None, "<query xmlns='jabber:iq:roster'/>")    # b wants to know of subscriptions
        self.b.available()
        self.second = t.login("a", "second", available=False)
        self.second.iq(None, "<enable xmlns='%s'/>" % CARBONS, "set")
        self.second.send("<presence><priority>-1</priority></presence>")
        self.second.ping()

    def is_asked(self):
        self.b.expect(presence("a@localhost", "subscribe"))

    def agrees_and_asks(self):
        self.b.send("<presence to='a@localhost' type='subscribed'/>"
                    "<presence to='a@localhost' type='subscribe'/>")

    def sees(self, resource):
        """The client's presence; its full address."""
        self.b.expect(presence("a@localhost", "subscribed"))
        jid = self.b.expect(presence("a@localhost/" + resource)).get("from")
        did("login", "contacts", "presence")
        return jid

    def shows(self, show, status):
        self.b.send("<presence><show>%s</show><status>%s</status></presence>" % (show, status))

    def gets(self, text):
        """A message of the client, and its copy on the second device; from whom."""
        m = self.b.expect_body(text)
        did("messages")
        self.second.expect(copy_of(text))
        did("copies")
        return m.get("from")

    def end(self):
        self.b.abort()
        self.second.abort()


ROOMS = MODULES + "\nmod_muc: {}"


def answers(t, command, resource, env=None):
    """A program of a client library, which logs in as a@localhost/resource, asks b for its presence and
    grants its own, and answers each message with "re: " before its text, until the text is quit. With the text
    "join" and an address it enters a room, where it does the same, but not to its own answers."""
    f = Friends(t)
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=dict(os.environ, **(env or {})))
    try:
        f.is_asked()
        f.agrees_and_asks()
        jid = f.sees(resource)
        f.b.message(jid, "hello &lt;you&gt; ☺")
        assert f.gets("re: hello <you> ☺") == jid
        room = "hall@conference.localhost"
        new_room(f.b, room)
        f.b.message(jid, "join %s/guest" % room)
        f.b.expect(presence(room + "/guest"))
        f.b.send("<message to='%s' type='groupchat'><body>all of you</body></message>" % room)
        assert f.b.expect_body("re: all of you").get("from") == room + "/guest"
        did("rooms")
        f.b.message(jid, "quit")
        f.b.expect(presence(jid, "unavailable"))
        p.wait(DEADLINE)
    except BaseException:
        p.kill()
        print(p.stdout.read().decode(errors="replace")[-2000:])
        raise
    finally:
        p.kill()
        p.wait()
        f.end()


def skip(why):
    """This machine cannot have the client."""
    print(why)
    sys.stdout.flush()
    os._exit(77)


def compiled(source, package, compiler="cc", more=()):
    """The path of a program made of a source beside the tests; skipped without the library. more: packages
    that this one does not name itself."""
    names = [package, *more]
    if not shutil.which("pkg-config") or subprocess.run(["pkg-config", "--exists", *names]).returncode:
        skip("there is no " + package)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", *names], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.split()
    folder = tempfile.mkdtemp(prefix="client-")
    path = folder + "/" + package
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", source)
    subprocess.run([compiler, "-O1", "-fPIC", "-o", path, here] + flags, check=True)
    return path


ACCOUNTS = ["a@localhost", "b@localhost"]
