#!/usr/bin/python3
"""Accounts that a real Prosody keeps in its internal storage, or in SQLite: people log in with their
passwords and find contacts, requests, vCard, private XML, block list, messages, archive and keys for OMEMO."""
import os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from moves import *

# The first host keeps keys, the other passwords.
CONFIG = """
daemonize = false
run_as_root = true
pidfile = "%(dir)s/pid"
data_path = "%(dir)s/data"
plugin_paths = {}
modules_enabled = { "roster", "saslauth", "disco", "ping", "presence", "message", "iq", "offline",
                    "private", "vcard", "blocklist", "pep", "mam" }
log = { debug = "%(dir)s/log" }
interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
s2s_ports = { }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
archive_expires_after = "never"
%(storage)s
VirtualHost "example.com"
  authentication = "internal_hashed"
VirtualHost "other.example"
  authentication = "internal_plain"
"""

DEVICES = "eu.siacs.conversations.axolotl.devicelist"


class Prosody:
    def __init__(self, people, storage):
        self.dir, self.port, self.hosts = tempfile.mkdtemp(prefix="moves-"), free_port(), HOSTS
        self.conf = self.dir + "/conf.lua"
        with open(self.conf, "w") as f:
            f.write(CONFIG % {"dir": self.dir, "port": self.port, "storage": storage})
        os.mkdir(self.dir + "/data")
        for jid in people:
            subprocess.run(["prosodyctl", "--root", "--config", self.conf, "register"] +
                           jid.split("@") + [PW], check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen(["prosody", "--root", "--config", self.conf],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        until("Prosody", lambda: is_ready(self, people[-1]), 60, 0.1)

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None


def fill_more(p):
    juliet = login_there(p, "juliet@example.com")
    result(juliet, None, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='%s'><item "
                         "id='current'><list xmlns='eu.siacs.conversations.axolotl'><device "
                         "id='42'/></list></item></publish><publish-options><x xmlns='jabber:x:data' "
                         "type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/"
                         "protocol/pubsub#publish-options</value></field><field var='pubsub#"
                         "access_model'><value>open</value></field></x></publish-options></pubsub>"
           % DEVICES, "set")
    juliet.close()


def archive(s):
    i = s.next_id()
    s.send("<iq type='set' id='%s'><query xmlns='urn:xmpp:mam:2'/></iq>" % i)
    got = []
    while True:
        e = s.recv()
        if e.get("id") == i:
            return got
        got += [b.text for b in e.iter("{%s}body" % CLIENT)]


def all_of_it_is_there(t, storage, again=0):
    p = Prosody(PEOPLE, storage)

    def export():
        romeo = login_there(p, "romeo@example.com")
        t.archive = archive(romeo)
        romeo.close()
        p.end()
        return p.dir + "/data"

    try:
        fill(p)
        fill_more(p)
        move(t, p, PEOPLE, export, "prosody", again=again)
    finally:
        p.end()
        shutil.rmtree(p.dir, ignore_errors=True)
    romeo = login_here(t, "romeo@example.com")
    assert t.archive and archive(romeo) == t.archive, (archive(romeo), t.archive)
    nodes = result(login_here(t, "paris@other.example"), "juliet@example.com", "<pubsub xmlns='http://"
                   "jabber.org/protocol/pubsub'><items node='%s'/></pubsub>" % DEVICES)
    assert nodes.find(".//{eu.siacs.conversations.axolotl}device").get("id") == "42"


def tree():
    return Tree(hosts=HOSTS, accounts=(),
                modules=MODULES + "\nmod_caps: {}\nmod_pubsub: {plugins: [pep]}")


@check
def files():
    with tree() as t:
        all_of_it_is_there(t, "")


@check
def a_database():
    with tree() as t:
        all_of_it_is_there(t, 'storage = "sql"')


@check
def accounts_in_files_and_the_rest_in_a_database():
    with tree() as t:
        all_of_it_is_there(t, 'default_storage = "sql"\nstorage = { accounts = "internal" }', len(PEOPLE))


main()
