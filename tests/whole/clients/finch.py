#!/usr/bin/python3
"""finch, which is Pidgin in a terminal: logs in over STARTTLS, shows a message, answers it. Its accounts
and its contacts are those of libpurple's files."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from terminal import *

ACCOUNT = """<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
 <account>
  <protocol>prpl-jabber</protocol>
  <name>a@localhost/finch</name>
  <password>%s</password>
  <settings>
   <setting name='connect_server' type='string'>127.0.0.1</setting>
   <setting name='port' type='int'>%d</setting>
   <setting name='connection_security' type='string'>require_tls</setting>
  </settings>
  <settings ui='gnt-purple'>
   <setting name='auto-login' type='bool'>1</setting>
  </settings>
 </account>
</account>
"""


@check
def finch_talks(t):
    if not shutil.which("finch"):
        skip("there is no finch")
    f, home = Friends(t), t.dir + "/.purple"
    peers = home + "/certificates/x509/tls_peers"      # of those that the user has accepted
    os.makedirs(peers)
    s = t.stream(direct=True)
    certificate = ssl.DER_cert_to_PEM_cert(s.sock.getpeercert(True))
    s.abort()
    for path, text in ((home + "/accounts.xml", ACCOUNT % (PW, t.port)), (peers + "/127.0.0.1", certificate)):
        with open(path, "w") as c:
            c.write(text)
    f.second.send("<presence to='b@localhost' type='subscribe'/>")      # finch has a contact from then on
    f.is_asked()
    f.agrees_and_asks()
    f.second.expect(presence("b@localhost", "subscribe"))
    f.second.send("<presence to='b@localhost' type='subscribed'/>")
    f.b.expect(presence("a@localhost", "subscribed"))
    term = Terminal(t, "finch -c " + home)
    try:
        jid = f.b.expect(presence("a@localhost/finch")).get("from")
        did("login", "presence")
        term.see(r"b@localhost")
        did("contacts")
        f.b.message(jid, "shown in a window")
        term.see(r"shown in a window")
        term.tmux("send-keys", "M-n")           # the window of the conversation
        term.say("hello from a terminal")
        m = f.b.expect(lambda e: (e.findtext("{%s}body" % CLIENT) or "") == "hello from a terminal")
        assert m.get("from") == jid
        did("messages")
    finally:
        term.end()
        f.end()


main(Tree(accounts=ACCOUNTS))
