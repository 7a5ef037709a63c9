"""A listener and a module for uploads (XEP-0363) without TLS, as keywords of Tree; and a client's part beside XMPP."""
import os
import urllib.request

from tree import DEADLINE, MODULES, free_port

_port = free_port()
UPLOADS = {
    "modules": MODULES + """
mod_http_upload:
  access: all
  put_url: "http://localhost:%d"
  max_size: 100000""" % _port,
    "options": """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: false
    request_handlers: {"": mod_http_upload}
""" % _port,
}


NOTE = "what is in the file"


def note(folder, name="note.txt"):
    """Make a file for a client to send, which has NOTE; its path."""
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(NOTE)
    return path


def goes_up(put, get, data):
    """The data goes to the one address, and comes from the other."""
    urllib.request.urlopen(urllib.request.Request(put, data, method="PUT"), timeout=DEADLINE)
    assert urllib.request.urlopen(get, timeout=DEADLINE).read() == data, get
