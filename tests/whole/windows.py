"""Clients with windows, what each has shown as its own database tells, and whom they know."""
import base64
import json
import sqlite3
import urllib.request

from desk import *
from terminal import AVATARS, CARBONS, PNG, copy_of, did, presence, shows_picture, skip
from uploads import NOTE, note

ALICE, BOB = "alice@" + HOST, "bob@" + HOST
ROOM, GROUP = "den@conference." + HOST, "group@conference." + HOST
OMEMO = 2           # in Dino's database, of messages and of conversations
CHAT, GROUPCHAT = 1, 2
WINDOWS = MODULES + AVATARS + """
mod_muc: {default_room_options: {mam: true}}"""
# Files, over TLS, for Dino takes no others.
FILES_PORT = 5443
FILES = {
    "modules": WINDOWS + """
mod_http_upload:
  access: all
  put_url: "https://@HOST@:%d/upload\"""" % FILES_PORT,
    "options": """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/upload: mod_http_upload}
""" % FILES_PORT,
}


class Dino:
    """Dino on the screen. Dino makes its database itself, and then knows alice's account and the
    conversations with bob and the group, which are encrypted (that with bob as encryption says)."""

    def __init__(self, screen, bob=BOB, encryption=OMEMO):
        self.screen, self.data = screen, screen.home + "/.local/share/dino/"
        first = screen.run("dino-im")
        until("Dino's database", lambda: self.rows("select count(*) from conversation"), 30)
        screen.stop(first)
        with sqlite3.connect(self.data + "dino.db") as db:
            db.execute("insert into account (id, bare_jid, resourcepart, password, alias, enabled, roster_version)"
                       " values (1, ?, 'dino', ?, '', 1, '')", (ALICE, PW))
            db.executemany("insert into jid (id, bare_jid) values (?, ?)", ((1, bob), (2, GROUP)))
            db.executemany("insert into conversation (account_id, jid_id, active, last_active, type, encryption,"
                           " notification, send_typing, send_marker) values (1, ?, 1, ?, ?, ?, 0, 0, 0)",
                           ((1, 2, 0, encryption), (2, 1, 1, OMEMO)))
        screen.run("dino-im")

    def rows(self, question, *values, db="dino.db"):
        """The rows of an answer; none while Dino is busy with the database, or has made no
        table."""
        try:
            with sqlite3.connect("file:%s%s?mode=ro" % (self.data, db), uri=True) as db:
                return db.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def has(self, text, type):
        """The encryption of a message that Dino shows."""
        return until("Dino has " + text, lambda: self.rows(
            "select encryption from message where body = ? and type = ?", text, type), 30)[0][0]

    def say(self, text):
        """Write to bob: the conversation that was there first is open, and its messages are
        read."""
        until("an open conversation", lambda: self.rows(
            "select 1 from conversation where id = 1 and read_up_to_item > 0"), 20)
        self.screen.write(600, 350, text)

    def say_here(self, text):
        """Write in the conversation that is open."""
        self.screen.write(600, 662, text)

    def send_file(self, path):
        """Send a file in the conversation with bob, which is open and has few messages."""
        dialog = "xdotool", "search", "--onlyvisible", "--name", "Select file"

        def asks():
            if not self.screen.ask(*dialog):
                self.screen.do("mousemove", "338", "351", "click", "1")
            return self.screen.ask(*dialog)

        def sends():
            self.screen.do("mousemove", "536", "274", "click", "1")
            return self.rows("select 1 from file_transfer")

        self.screen.do("windowfocus", "--sync", until("Dino's dialog for a file", asks, 20, 1).split()[0])
        self.screen.do("type", "--delay", "20", path)
        self.screen.do("key", "Return")
        until("the file in Dino's dialog", lambda: not self.screen.ask(*dialog), 20)
        until("Dino sends it", sends, 20, 1)

    def open(self, jid):
        """Click on the row of the conversation in Dino's list until Dino has read its last message."""
        def is_read():
            last = self.rows("select max(c.id) <= v.read_up_to_item from content_item c, conversation v, jid j where"
                             " v.jid_id = j.id and c.conversation_id = v.id and j.bare_jid = ?", jid)
            return last and last[0][0]

        def click():
            order = [r[0] for r in self.rows("select j.bare_jid from conversation v, jid j where v.jid_id = j.id"
                                             " and v.active order by v.last_active desc")]
            if jid in order:
                self.screen.do("mousemove", "150", str(82 + 58 * order.index(jid)), "click", "1")
            return is_read()

        until("Dino reads " + jid, click, 20, 1)


def secrets_in_the_group(gajim, dino):
    """Gajim writes to the group, with OMEMO."""
    gajim.say_to_all(GROUP, "secret to the group")
    assert dino.has("secret to the group", GROUPCHAT) == OMEMO


def form(type, *fields):
    return "<x xmlns='jabber:x:data' type='submit'>%s</x>" % "".join(
        "<field var='%s'><value>%s</value></field>" % x for x in (("FORM_TYPE", type),) + fields)


def friends(t):
    """alice and bob know each other, and have bookmarks of two rooms, in which bob is; one is a group of
    members who see each other's addresses. bob has an avatar."""
    a, b = (t.login(u, "raw", available=False) for u in ("alice", "bob"))
    for s in (a, b):
        s.iq(None, "<query xmlns='jabber:iq:roster'/>")
        s.send("<presence><priority>-1</priority></presence>")
    for s, peer in ((a, BOB), (b, ALICE)):
        s.send("<presence to='%s' type='subscribe'/>" % peer)
        s.send("<presence to='%s' type='subscribed'/>" % peer)
    for s, peer in ((a, BOB), (b, ALICE)):
        s.expect(presence(peer, "subscribed"))
    for s, nick in ((a, "alice"), (b, "bob-at-home")):
        for room in (ROOM, GROUP):
            s.iq(None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:bookmarks:1'><item"
                 " id='%s'><conference xmlns='urn:xmpp:bookmarks:1' autojoin='true'><nick>%s</nick></conference></item>"
                 "</publish><publish-options>%s</publish-options></pubsub>" % (room, nick, form(
                     "http://jabber.org/protocol/pubsub#publish-options", ("pubsub#persist_items", "true"),
                     ("pubsub#max_items", "max"), ("pubsub#send_last_published_item", "never"),
                     ("pubsub#access_model", "whitelist"))), "set")
    shows_picture(b)
    make_room(b, ROOM)
    make_room(b, GROUP, ("muc#roomconfig_membersonly", "1"), ("muc#roomconfig_whois", "anyone"))
    b.iq(GROUP, "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='%s'/></query>"
         % ALICE, "set")
    a.close()
    return b


def other_device(t, user):
    """Another device of this account, which has copies."""
    s = t.login(user, "other", available=False)
    s.iq(None, "<enable xmlns='%s'/>" % CARBONS, "set")
    s.send("<presence><priority>-1</priority></presence>")
    s.ping()
    return s


def fetched(s):
    """The file whose address the stream gets in a message."""
    url = s.expect(lambda e: "/upload/" in (e.findtext("{%s}body" % CLIENT) or "")).findtext("{%s}body" % CLIENT)
    with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=DEADLINE) as f:
        return f.read().decode()


def make_room(s, room, *fields):
    s.send("<presence to='%s/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % room)
    s.expect(lambda e: e.tag == "{%s}presence" % CLIENT and e.get("from") == room + "/bob")
    s.iq(room, "<query xmlns='http://jabber.org/protocol/muc#owner'>%s</query>" % form(
        "http://jabber.org/protocol/muc#roomconfig", *fields), "set")


class Profanity:
    """profanity in the Terminal p, as jid at the server of port of this machine, with keys for OMEMO. pubsub: the
    server's service; profanity makes its keys when it knows what that can do. Otherwise they may be there for
    those only who see its presence."""

    def __init__(self, p, jid, port, pubsub=""):
        self.p, self.jid = p, jid
        p.see(r"Profanity")
        p.say("/omemo trustmode blind")
        p.say("/connect %s server 127.0.0.1 port %d tls trust" % (jid, port))
        p.see(r"[Ee]nter password")
        p.say(PW)
        p.see(r"logged in successfully")
        if pubsub:      # profanity asks the server first, then its services
            p.say("/disco info " + jid.split("@")[1])
            p.see("urn:xmpp:blocking")
            p.say("/disco info " + pubsub)
            p.see("pubsub#subscription-options")
        p.say("/omemo gen")
        p.see(r"materials generated")

    def encrypt_to(self, other):
        """Open a chat with OMEMO. profanity says that there is one before it has the other's keys."""
        self.p.say("/msg " + other)
        self.p.say("/omemo start")
        self.p.see(r"\[OMEMO\]")
        self.has_keys_of(other)

    def has_keys_of(self, other):
        """Wait until profanity has a session of OMEMO with a device of the other."""
        path = "%s/.local/profanity/omemo/%s/sessions.txt" % (self.p.home, self.jid.replace("@", "_at_"))

        def is_there():
            if not os.path.exists(path):
                return False
            with open(path) as f:
                return "[%s]" % other in f.read()

        until("profanity's session with " + other, is_there)

    def enter(self, room, nick):
        self.p.say("/join %s nick %s" % (room, nick))
        self.p.see("You have joined the room as " + nick)

    def say(self, text):
        """Write, and see the mark of OMEMO before the text."""
        self.p.say(text)
        self.p.see(r"~ me: " + text)

    def has(self, other, text):
        """The other's message is shown as one of OMEMO."""
        self.p.see(r"~ %s\S*: %s" % (other.split("@")[0], text))


class Gajim:
    """Gajim of bob, with its plugin for OMEMO, which writes to alice with this encryption; commands come by the bus."""

    WINDOW = "xdotool", "search", "--onlyvisible", "--class", "gajim"

    def __init__(self, screen, encryption="OMEMO"):
        self.screen, self.x = screen, 0
        self.config = screen.home + "/.config/gajim/settings.sqlite"
        self.logs = screen.home + "/.local/share/gajim/logs.db"
        first = screen.run("gajim")
        until("Gajim's settings", lambda: self.rows(self.config, "select settings from account_settings"
                                                    " union select '' from settings"), 60)
        until("Gajim's first start", lambda: os.path.exists(self.logs), 60)
        screen.stop(first)
        with sqlite3.connect(self.config) as db:
            def change(name, **settings):
                old = json.loads(db.execute("select settings from settings where name = ?", (name,)).fetchone()[0])
                db.execute("update settings set settings = ? where name = ?", (json.dumps(dict(old, **settings)), name))

            change("app", use_keyring=False, remote_control=True, check_for_update=False)
            change("plugins", omemo={"active": True})
            db.execute("insert into account_settings (account, settings) values ('bob', ?)", (json.dumps({
                "account": {"active": True, "address": BOB, "name": "bob", "hostname": HOST, "password": PW, "savepass": True,
                            "autoconnect": True, "resource": "gajim", "account_label": "bob"},
                "contact": {ALICE: {"encryption": encryption}}, "group_chat": {GROUP: {"encryption": "OMEMO"}}}),))
        screen.run("gajim")

    def rows(self, path, question, *values):
        try:
            with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as db:
                return db.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def has(self, text):
        """Gajim's row of a message that it shows."""
        return until("Gajim has " + text, lambda: self.rows(
            self.logs, "select additional_data from logs where message = ?", text), 30)[0][0]

    def say(self, text):
        self.remote("send_chat_message", ALICE, text)

    def say_to_all(self, room, text):
        self.remote("send_groupchat_message", room, text)

    def act(self, action, argument, window=None):
        """Do an action of Gajim's menus, with its argument as gdbus writes it."""
        self.screen.ask("gdbus", "call", "--session", "--dest", "org.gajim.Gajim", "--object-path",
                        "/org/gajim/Gajim" + ("/window/%d" % window if window else ""),
                        "--method", "org.gtk.Actions.Activate", action, "[%s]" % argument, "{}")

    def move(self, x):
        """Put the window beside another."""
        until("Gajim's window", lambda: self.screen.ask(*self.WINDOW))
        self.screen.do(*self.WINDOW[1:], "windowmove", str(x), "0")
        self.x = x

    def open(self, jid):
        """Open the conversation, until its head is on the screen."""
        head = self.x + 480, 35, 200, 40
        before = self.screen.pixels(*head)
        self.act("open-chat", "<['bob', '%s']>" % jid)
        until("the head of " + jid, lambda: self.screen.pixels(*head) != before and not self.screen.is_white(head),
              20, 0.1)

    def send_file(self, jid, path):
        """Send a file in the conversation, which is there already."""
        def sends():
            self.screen.do("mousemove", "910", "520", "click", "1")
            return self.rows(self.logs, "select 1 from logs where message like '%/upload/%'")

        self.open(jid)
        self.act("send-file", "<['file://%s']>" % path, 1)
        until("Gajim sends " + path, sends, 30, 1)

    def ban(self, jid):
        """Ban an account from the room that is open."""
        self.act("muc-change-affiliation", "<['%s', 'outcast']>" % jid, 1)

    def retract(self, room, text):
        """Take another's message back, as a moderator, with the reason that Gajim proposes."""
        id = self.rows(self.logs, "select stanza_id from logs where message = ?", text)[0][0]
        self.act("retract-message", "<{'account': <'bob'>, 'jid': <'%s'>, 'stanza_id': <'%s'>}>" % (room, id), 1)
        question = "search", "--onlyvisible", "--name", "Retract Message"
        until("Gajim's question", lambda: self.screen.ask("xdotool", *question))
        self.screen.do(*question, "mousemove", "--window", "%1", "258", "166", "click", "1")
        until("Gajim's row of the retraction", lambda: "retracted" in (self.rows(
            self.logs, "select additional_data from logs where stanza_id = ?", id)[0][0] or ""))

    def remote(self, command, jid, text):
        """False is its answer until it is there, and joined."""
        until("Gajim does " + command, lambda: "True" in self.screen.ask(
            "gajim-remote", command, jid, text, "bob"), 30, 0.5)
