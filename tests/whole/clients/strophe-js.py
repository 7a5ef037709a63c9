#!/usr/bin/python3
"""strophe.js in node, which npm installs into build/npm-strophe: over WebSocket and over BOSH."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.abspath(os.path.join(HERE, "..", "..", "..", "build", "npm-strophe"))
web = free_port()
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/ws: ejabberd_http_ws, /bosh: mod_bosh}
""" % web


def installed():
    if not shutil.which("npm"):
        skip("there is no npm")
    if not os.path.isdir(FOLDER + "/node_modules/strophe.js"):
        os.makedirs(FOLDER, exist_ok=True)
        r = subprocess.run(["npm", "install", "--silent", "--no-audit", "--prefix", FOLDER, "strophe.js@3", "ws@8",
                            "@xmldom/xmldom@0.8", "xhr2@0.2"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode:
            skip("npm installs no strophe.js")


def plays(t, service):
    answers(t, ["node", "--no-warnings", HERE + "/strophe-js.mjs", service % web, "a@localhost/strophe", PW],
            "strophe", {"NODE_FOLDER": FOLDER})
    did("web")


@check
def over_websocket(t):
    plays(t, "ws://127.0.0.1:%d/ws")


@check
def over_bosh(t):
    for user, other in (("a", "b"), ("b", "a")):    # the two are no contacts any more
        remove = "<query xmlns='jabber:iq:roster'><item jid='%s@localhost' subscription='remove'/></query>"
        s = t.login(user)
        s.iq(None, remove % other, "set")
        s.close()
    plays(t, "http://127.0.0.1:%d/bosh")


installed()
main(Tree(accounts=ACCOUNTS, options=LISTEN, modules=ROOMS + "\nmod_bosh: {}"))
