#!/usr/bin/python3
"""Converse.js in Chromium, through mod_conversejs and WebSocket, and over BOSH: a person opens the page, logs in with a
password, and talks with a contact, who has another client. npm installs Converse.js into a folder that goes with the
test. WHOLE_PICTURES: the folder where pictures of the pages are left."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from browser import *
from table import did

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
    request_handlers: {%s, /chat: mod_conversejs}
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
    """alice and bob are in each other's list."""
    a, b = t.login("alice"), t.login("bob")
    for s in (a, b):
        s.iq(None, "<query xmlns='jabber:iq:roster'/>")     # a session that asked hears of changes
        s.send("<presence/>")
    for s, other in ((a, b), (b, a)):
        s.send("<presence to='%s' type='subscribe'/>" % bare(other))
        other.expect(lambda e: e.get("type") == "subscribe")
        other.send("<presence to='%s' type='subscribed'/>" % bare(s))
        s.expect(lambda e: e.get("type") == "subscribed")
    a.close()
    b.close()


def bare(s):
    return s.jid.split("/")[0]


def talks(t, port, way):
    b = t.login("bob")
    b.send("<presence/>")
    with Browser(PICTURES or FOLDER) as page:
        page.open("https://localhost:%d/chat" % port)
        page.type("input[name=jid]", "alice@localhost")
        page.type("input[name=password]", PW)
        page.click("[type=submit]")
        page.click("converse-roster .open-chat[data-jid='bob@localhost'], converse-roster a[title*='bob@localhost']")
        page.type("textarea.chat-textarea", "Hello <b>&</b> from %s \u2603\ue007" % way)
        got = b.expect(lambda e: e.tag == NS + "message" and e.find(NS + "body") is not None)
        assert got.find(NS + "body").text == "Hello <b>&</b> from %s \u2603" % way, ET.tostring(got)
        assert got.get("from").startswith("alice@localhost/"), ET.tostring(got)
        b.message(got.get("from"), "Here is bob, over %s" % way)
        page.reads("Here is bob, over " + way)
        page.picture(way)
        bad = [x for x in page.log() if "//localhost" in x and re.search("status of [45]|Content Security Policy", x)]
        assert not bad, bad
    b.close()
    did("login", "contacts", "messages", "web")


@check
def over_websocket(t):
    contacts(t)
    talks(t, new, "WebSocket")


@check
def over_bosh(t):
    """The old script, on a page that offers BOSH alone."""
    t.write_config(open(t.conf).read().replace(NEW_FILES, installed(OLD) + "\n    websocket_url: undefined"))
    t.ctl("reload")
    talks(t, old, "BOSH")


need_browser()
if not shutil.which("npm"):
    skip("there is no npm")
FOLDER = tempfile.mkdtemp(prefix="converse-")
os.chmod(FOLDER, 0o755)
try:
    NEW_FILES = installed(NEW)
    main(Tree(accounts=["alice@localhost", "bob@localhost"], options=LISTEN, modules=MODULES + """
mod_bosh: {}
mod_conversejs:
  conversejs_resources: %s""" % NEW_FILES))
finally:
    shutil.rmtree(FOLDER)
