#!/usr/bin/python3
"""Converse.js in Chromium, through mod_conversejs and WebSocket, and over BOSH: a person opens the page, logs in with a
password, reads what was said before, sees a contact's presence and avatar, talks with the contact, who has another
client, sends a file, and enters a room; another makes an account. npm installs Converse.js into a folder that goes with
the test. WHOLE_PICTURES: the folder where pictures of the pages are left."""
import os, sys, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from browser import *
from terminal import AVATARS, CARBONS, PNG, copy_of, presence, shows_picture
from table import did
from uploads import NOTE, note

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def of_quickstart():
    """The version of Converse.js whose script and style the page of make run loads."""
    with open(ROOT + "/conf/quickstart.yml") as f:
        named = re.findall(r"conversejs_\w+: \"https://cdn\.conversejs\.org/([\d.]+)/dist/converse\.min\.(js|css)\"", f.read())
    assert {kind for _, kind in named} == {"js", "css"} and len({v for v, _ in named}) == 1, named
    return named[0][0]


# The new one is a module of ECMAScript; the old one is a script.
NEW, OLD = "converse.js@" + of_quickstart(), "converse.js@12"
new, old = free_port(), free_port()
LISTEN = "listen:\n" + "".join("""  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {%s, /chat: mod_conversejs, /upload: mod_http_upload}
""" % x for x in ((new, "/ws: ejabberd_http_ws"), (old, "/bosh: mod_bosh")))
NS = "{jabber:client}"
PICTURES = os.environ.get("WHOLE_PICTURES")


def installed(package):
    """The folder with the files of a Converse.js, in a folder of its own that goes with the test."""
    folder = tempfile.mkdtemp(prefix="npm-", dir=FOLDER)
    r = subprocess.run(["npm", "install", "--silent", "--no-audit", "--ignore-scripts", "--no-save", "--prefix", folder,
                        package], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    dist = folder + "/node_modules/converse.js/dist"
    if r.returncode or not os.path.exists(dist + "/converse.min.js"):
        shutil.rmtree(FOLDER)
        skip("npm installs no " + package)
    for x in (folder, folder + "/node_modules", folder + "/node_modules/converse.js", dist):
        os.chmod(x, 0o755)
    return dist


def contacts(t):
    """alice and bob are in each other's list, and have talked."""
    a, b = t.login("alice"), t.login("bob")
    for s in (a, b):
        s.iq(None, "<query xmlns='jabber:iq:roster'/>")     # a session that asked hears of changes
        s.send("<presence/>")
    for s, other in ((a, b), (b, a)):
        s.send("<presence to='%s' type='subscribe'/>" % bare(other))
        other.expect(lambda e: e.get("type") == "subscribe")
        other.send("<presence to='%s' type='subscribed'/>" % bare(s))
        s.expect(lambda e: e.get("type") == "subscribed")
    for s, other, text in ((a, b, "what alice said before"), (b, a, "what bob said before")):
        s.message(other.jid, text)
        other.expect_body(text)
    shows_picture(b)
    a.close()
    b.close()


def bare(s):
    return s.jid.split("/")[0]


def logs_in(page, port):
    page.open("https://localhost:%d/chat" % port)
    page.type("input[name=jid]", "alice@localhost")
    page.type("input[name=password]", PW)
    page.click("[type=submit]")


def talks(page, b, second, way):
    """The page shows what both have said before, and with a copy what alice says elsewhere."""
    page.click("converse-roster .open-chat[data-jid='bob@localhost'], converse-roster a[title*='bob@localhost']")
    page.reads("what alice said before")
    page.reads("what bob said before")
    did("contacts", "archive")
    page.type("textarea.chat-textarea", "Hello <b>&</b> from %s \u2603\ue007" % way)
    got = b.expect(lambda e: e.tag == NS + "message" and e.find(NS + "body") is not None)
    assert got.find(NS + "body").text == "Hello <b>&</b> from %s \u2603" % way, ET.tostring(got)
    assert got.get("from").startswith("alice@localhost/"), ET.tostring(got)
    second.expect(copy_of("Hello <b>&</b> from %s \u2603" % way))
    b.message(got.get("from"), "Here is bob, over %s" % way)
    page.reads("Here is bob, over " + way)
    second.message("bob@localhost", "alice elsewhere, over " + way)
    page.reads("alice elsewhere, over " + way)
    did("messages", "copies", "web")
    page.picture(way)


def sends_a_file(page, b):
    page.fill("input.fileupload", note(FOLDER))
    url = b.expect(lambda e: "/upload/" in (e.findtext(NS + "body") or "")).findtext(NS + "body")
    with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=DEADLINE) as f:
        assert f.read().decode() == NOTE, url
    did("uploads")


def is_in_a_room(page, b, room):
    page.click("converse-rooms-list .dropdown-toggle")
    page.click(".show-add-muc-modal")
    page.type("form.add-chatroom input[name=chatroom]", room)
    page.type("form.add-chatroom input[name=nickname]", "alice\ue007")
    page.type("converse-muc textarea.chat-textarea", "")       # it is there when the page has entered
    b.send("<presence to='%s/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % room)
    b.expect(presence(room + "/alice"))
    page.type("converse-muc textarea.chat-textarea", "to all\ue007")
    assert b.expect_body("to all").get("from") == room + "/alice"
    b.send("<message to='%s' type='groupchat'><body>to the room</body></message>" % room)
    page.reads("to the room", "converse-muc")
    did("rooms")


def plays(t, port, way):
    b, second = t.login("bob"), t.login("alice", "second", available=False)
    second.iq(None, "<enable xmlns='%s'/>" % CARBONS, "set")
    b.send("<presence/>")
    with Browser(PICTURES or FOLDER) as page:
        logs_in(page, port)
        b.expect(presence("alice@localhost/"))
        did("login")
        b.send("<presence><show>dnd</show></presence>")
        page.see("converse-roster [data-status=dnd] a[title*='bob@localhost']")
        did("presence")
        page.see("converse-roster converse-avatar [href^='data:image/png;base64,%s']" % base64.b64encode(PNG).decode())
        did("avatars")
        talks(page, b, second, way)
        sends_a_file(page, b)
        is_in_a_room(page, b, way.lower() + "@conference.localhost")
        page.picture(way + "-room")
        bad = [x for x in page.log() if "//localhost" in x and re.search("status of [45]|Content Security Policy", x)]
        assert not bad, bad
    b.close()
    second.close()


@check
def over_websocket(t):
    contacts(t)
    plays(t, new, "WebSocket")


@check
def an_account_is_made(t):
    with Browser(PICTURES or FOLDER) as page:
        page.open("https://localhost:%d/chat" % new)
        page.click("a.register-account")
        page.click(".manual-registration-domain a.url")
        page.type("#converse-register input[name=domain]", "localhost\ue007")
        page.type("#converse-register input[name=username]", "romeo")
        page.type("#converse-register input[name=password]", PW + "\ue007")
        until("romeo's session", lambda: "romeo@localhost/" in t.ctl("sessions"))
        page.see("converse-roster")
        did("register")
        page.picture("registered")


@check
def over_bosh(t):
    """The old script, on a page that offers BOSH alone."""
    t.write_config(open(t.conf).read().replace(NEW_FILES, installed(OLD) + "\n    websocket_url: undefined"))
    t.ctl("reload")
    plays(t, old, "BOSH")


need_browser()
if not shutil.which("npm"):
    skip("there is no npm")
FOLDER = tempfile.mkdtemp(prefix="converse-")
os.chmod(FOLDER, 0o755)
try:
    NEW_FILES = installed(NEW)
    main(Tree(accounts=["alice@localhost", "bob@localhost"], options=LISTEN + "registration_timeout: infinity\n",
              modules=MODULES + AVATARS + """
mod_bosh: {}
mod_muc: {}
mod_register: {ip_access: all}
mod_http_upload:
  access: all
  put_url: "https://localhost:%d/upload"
mod_conversejs:
  conversejs_resources: %s""" % (new, NEW_FILES)))
finally:
    shutil.rmtree(FOLDER)
