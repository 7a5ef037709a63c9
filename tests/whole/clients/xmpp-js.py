#!/usr/bin/python3
"""xmpp.js in node, which npm installs into build/npm: over STARTTLS and over WebSocket."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.abspath(os.path.join(HERE, "..", "..", "..", "build", "npm"))
web = free_port()
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/ws: ejabberd_http_ws}
""" % web


def installed():
    if not shutil.which("npm"):
        skip("there is no npm")
    if not os.path.isdir(FOLDER + "/node_modules/@xmpp/client"):
        os.makedirs(FOLDER, exist_ok=True)
        r = subprocess.run(["npm", "install", "--silent", "--no-audit", "--prefix", FOLDER, "@xmpp/client@0.14", "ws@8"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode:
            skip("npm installs no @xmpp/client")


def plays(t, service, resource):
    answers(t, ["node", "--no-warnings", HERE + "/xmpp-js.mjs", service, "a", PW, resource], resource,
            {"NODE_FOLDER": FOLDER, "NODE_TLS_REJECT_UNAUTHORIZED": "0"})


@check
def over_starttls(t):
    plays(t, "xmpp://127.0.0.1:%d" % t.port, "js")


@check
def over_websocket(_):
    with Tree(accounts=ACCOUNTS, options=LISTEN, modules=ROOMS) as t:
        plays(t, "ws://127.0.0.1:%d/ws" % web, "web")
        did("web")


installed()
main(Tree(accounts=ACCOUNTS, modules=ROOMS))
