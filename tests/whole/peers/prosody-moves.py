#!/usr/bin/python3
"""Accounts that a real Prosody keeps in its internal storage, or in SQLite: people log in with their
passwords and find contacts, requests, vCard, private XML, block list, messages, archive and keys for OMEMO;
nodes of accounts and of a service have their items, configuration and people.

MOVES=1000 moves so many further accounts (50) from files, and compares each with what its clients saw
before, its keys and archive too."""
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
                    "private", "vcard", "blocklist", "pep", "mam", "register" }
allow_registration = true
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
Component "pubsub.example.com" "pubsub"
  admins = { "juliet@example.com" }
"""

DEVICES = "eu.siacs.conversations.axolotl.devicelist"
PUBSUB = "http://jabber.org/protocol/pubsub"
SERVICE = "pubsub.example.com"
NODES = ("list", "urn:odd/n@me?x %")


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


def register(p, jid):
    """In-band: prosodyctl takes a fifth of a second for each."""
    user, host = jid.split("@")
    s = Stream(p, host=host, secure=False)
    s.open()
    result(s, None, "<query xmlns='jabber:iq:register'><username>%s</username><password>%s</password>"
                    "</query>" % (user, PW), "set")
    s.send("</stream:stream>")
    s.abort()


class Keys(More):
    """The account's devices for OMEMO, and its archive."""
    queries = ("<pubsub xmlns='%s'><items node='%s'/></pubsub>" % (PUBSUB, DEVICES),)

    def sets(self, i):
        return ("<pubsub xmlns='%s'><publish node='%s'><item id='current'><list xmlns='eu.siacs."
                "conversations.axolotl'><device id='%d'/></list></item></publish></pubsub>"
                % (PUBSUB, DEVICES, i + 1),)

    def see(self, s, i, n):
        said = {"from %d" % i, "from %d" % ((i - 1) % n)}
        assert set(archive(s)) == said, (i, archive(s))


def form(kind, **fields):
    return ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>%s#%s"
            "</value></field>%s</x>" % (PUBSUB, kind, "".join(
                "<field var='pubsub#%s'><value>%s</value></field>" % f for f in fields.items())))


def pubsub(s, to, what, owner=False, type="set"):
    return result(s, to, "<pubsub xmlns='%s%s'>%s</pubsub>" % (PUBSUB, owner * "#owner", what), type)


def fill_nodes(p):
    """Nodes with all that they may have, of juliet's account and of the service."""
    juliet, romeo = login_there(p, "juliet@example.com"), login_there(p, "romeo@example.com")
    for to in (None, SERVICE):
        pubsub(juliet, to, "<create node='%s'/><configure>%s</configure>" % (NODES[0], form(
            "node_config", title="a &amp; b", max_items=5, access_model="whitelist")))
        pubsub(juliet, to, "<create node='%s'/>" % NODES[1])
        for i in range(3):
            pubsub(juliet, to, "<publish node='%s'><item id='i%d'><e xmlns='urn:e'>%d &lt;</e></item>"
                               "</publish>" % (NODES[0], 2 - i, i))
        pubsub(juliet, to, "<publish node='%s'><item id='z'><e xmlns='urn:e'/></item></publish>" % NODES[1])
        pubsub(juliet, to, "<affiliations node='%s'><affiliation jid='romeo@example.com' affiliation="
                           "'member'/><affiliation jid='paris@other.example' affiliation='outcast'/>"
                           "</affiliations>" % NODES[0], True)
        pubsub(romeo, to or "juliet@example.com", "<subscribe node='%s' jid='romeo@example.com'/>" % NODES[0])
    juliet.close()
    romeo.close()


def nodes(server, login):
    """The nodes as their owner sees them, and romeo's subscription."""
    juliet, romeo = login(server, "juliet@example.com"), login(server, "romeo@example.com")
    out = {}
    for to in (None, SERVICE):
        for node in NODES:
            items = [(i.get("id"), ET.canonicalize(ET.tostring(i[0]))) for i in pubsub(juliet, to, "<items node='%s'/>" % node, type="get")[0]]
            affs = {e.get("jid"): e.get("affiliation") for e in pubsub(
                juliet, to, "<affiliations node='%s'/>" % node, True, "get")[0]}
            fields = {f.get("var"): f.findtext("{jabber:x:data}value") for f in pubsub(
                juliet, to, "<configure node='%s'/>" % node, True, "get").iter("{jabber:x:data}field")}
            out[to, node] = items, affs, [fields["pubsub#" + f] or None for f in (
                "title", "max_items", "access_model", "publish_model", "persist_items",
                "send_last_published_item")]
        out[to] = [(e.get("node"), e.get("jid"), e.get("subscription")) for e in pubsub(
            romeo, to or "juliet@example.com", "<subscriptions/>", type="get")[0]]
    juliet.close()
    romeo.close()
    return out


def archive(s):
    i = s.next_id()
    s.send("<iq type='set' id='%s'><query xmlns='urn:xmpp:mam:2'/></iq>" % i)
    got = []
    while True:
        e = s.recv()
        if e.get("id") == i:
            return got
        got += [b.text for b in e.iter("{%s}body" % CLIENT)]


def all_of_it_is_there(t, storage, again=0, others=()):
    p = Prosody(PEOPLE, storage)

    def export():
        t.nodes = nodes(p, login_there)
        romeo = login_there(p, "romeo@example.com")
        t.archive = archive(romeo)
        romeo.close()
        p.end()
        return p.dir + "/data"

    try:
        fill(p)
        fill_more(p)
        fill_nodes(p)
        for jid in others:
            register(p, jid)
        move(t, p, PEOPLE + list(others), export, "prosody", again=again, more=Keys())
    finally:
        p.end()
        shutil.rmtree(p.dir, ignore_errors=True)
    here = nodes(t, login_here)
    assert here == t.nodes, "\n%r\n%r" % (here, t.nodes)
    romeo = login_here(t, "romeo@example.com")
    assert t.archive and archive(romeo) == t.archive, (archive(romeo), t.archive)
    devices = result(login_here(t, "paris@other.example"), "juliet@example.com", "<pubsub xmlns='http://"
                   "jabber.org/protocol/pubsub'><items node='%s'/></pubsub>" % DEVICES)
    assert devices.find(".//{eu.siacs.conversations.axolotl}device").get("id") == "42"


def tree():
    return Tree(hosts=HOSTS, accounts=(),
                modules=MODULES + "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}")


@check
def files():
    with tree() as t:
        all_of_it_is_there(t, "", others=["u%d@%s" % (i, HOSTS[i % 2]) for i in range(N)])


@check
def a_database():
    with tree() as t:
        all_of_it_is_there(t, 'storage = "sql"')


@check
def accounts_in_files_and_the_rest_in_a_database():
    with tree() as t:
        all_of_it_is_there(t, 'default_storage = "sql"\nstorage = { accounts = "internal" }', len(PEOPLE))


main()
