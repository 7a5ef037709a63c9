#!/usr/bin/python3
"""xmpp-ctl import: accounts of other servers log in with their passwords and find their data."""
import base64
import difflib
import hashlib
import hmac
import json
import resource
import shutil
import sqlite3
import subprocess

from tree import *

HOST = "example.com"
MAM = "urn:xmpp:mam:2"
PIE = "<?xml version='1.0' encoding='UTF-8'?>\n<%s xmlns='urn:xmpp:pie:0' " \
      "xmlns:xi='http://www.w3.org/2001/XInclude'%s>%s</%s>"


def keys(password, salt, count, hash):
    salted = hashlib.pbkdf2_hmac(hash, password.encode(), salt, count)
    client = hmac.new(salted, b"Client Key", hash).digest()
    return hashlib.new(hash, client).digest(), hmac.new(salted, b"Server Key", hash).digest()


def b64(x):
    return base64.b64encode(x).decode()


def scram(password, salt, count, hash, name, twice=False):
    stored, server = keys(password, salt, count, hash)
    if twice:       # as ejabberd 23.01 writes them
        salt, stored, server = (b64(x).encode() for x in (salt, stored, server))
    return ("<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-%s'><iter-count>%d"
            "</iter-count><salt>%s</salt><server-key>%s</server-key><stored-key>%s</stored-key>"
            "</scram-credentials>" % (name, count, b64(salt), b64(server), b64(stored)))


def old_scram(password, salt, count):
    stored, server = keys(password, salt, count, "sha1")
    return "scram:%s,%s,%s,%d" % (b64(stored), b64(server), b64(salt), count)


def message(n, frm, to, inside=""):
    return ("<message xmlns='jabber:client' from='%s' to='%s' type='chat' id='m%d'><body>text %d"
            "</body>%s</message>" % (frm, to, n, n, inside))


def result(n, frm, to):
    return ("<result xmlns='%s' id='%d'><forwarded xmlns='urn:xmpp:forward:0'><delay "
            "xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:%02dZ'/>%s</forwarded></result>"
            % (MAM, n, n, message(n, frm, to)))


JULIET = """
%s
<query xmlns='jabber:iq:roster'><item jid='romeo@example.com' name='R&amp;&#9;o' subscription='both'>
<group>Friends</group></item><item jid='nurse@example.net' subscription='none' ask='subscribe'/>
<item jid='' subscription='both'/></query>
<presence xmlns='jabber:client' type='subscribe' from='paris@example.net'/>
<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>
<query xmlns='jabber:iq:private'><x xmlns='urn:my' a='1'>priv</x></query>
<query xmlns='jabber:iq:privacy'><default name='d'/><list name='d'><item type='jid'
value='spam@example.net' action='deny' order='1'/><item action='allow' order='2'/></list></query>
<offline-messages>%s</offline-messages>
<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>
<configure node='eu.siacs.conversations.axolotl.devicelist'><x xmlns='jabber:x:data' type='form'>
<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value></field>
<field var='pubsub#access_model'><value>open</value></field></x></configure></pubsub>
<pubsub xmlns='http://jabber.org/protocol/pubsub'>
<items node='eu.siacs.conversations.axolotl.devicelist'><item id='current'>
<list xmlns='eu.siacs.conversations.axolotl'><device id='42'/></list></item></items></pubsub>
<archive xmlns='urn:xmpp:pie:0#mam'>%s</archive>
<odd xmlns='urn:odd'/>
"""


def export(folder):
    """A file like those of ejabberdctl export_piefxis, with more in it."""
    a, b = "juliet@example.com/balcony", "romeo@example.com/orchard"
    juliet = JULIET % (
        scram("secret", b"Q" * 100, 5000, "sha1", "SHA-1", True),
        message(7, b, a, "<delay xmlns='urn:xmpp:delay' from='example.com' "
                         "stamp='2020-01-01T00:00:07Z'/>"),
        result(1, b, a) + result(2, a, b))
    users = ("<user name='juliet'>%s</user><user name='romeo' password='%s'><archive "
             "xmlns='urn:xmpp:pie:0#mam'>%s</archive></user><user name='plain' password='sesame'/>"
             "<user name='none'/><xi:include href='../away.xml'/>" % (
                 juliet, old_scram("rome", b"salt", 4096), result(1, b, a) + result(2, a, b)))
    os.makedirs(folder)
    with open(folder + "/1.xml", "w") as f:
        f.write(PIE % ("server-data", "", "<xi:include href='1_example_com.xml'/><host "
                       "jid='other.example'><user name='a' password='b'/></host>", "server-data"))
    with open(folder + "/1_example_com.xml", "w") as f:
        f.write(PIE % ("host", " jid='example.com'", users, "host"))


def lua_message(n, frm, to, when):
    return ('item({\n\t["name"] = "message";\n\t["attr"] = { ["type"] = "chat"; ["id"] = "p%d"; '
            '["to"] = "%s"; ["from"] = "%s"; %s };\n\t["__array"] = true; [1] = { ["name"] = '
            '"body"; ["attr"] = {}; [1] = "text %d & \\195\\164\\"\\\n" };\n%s});\n' % (
                n, to, frm, '["stamp"] = "2021-01-01T00:00:%02dZ"' % n if not when else "", n,
                '\t["when"] = %s.5; ["with"] = "romeo@example.com"; ["key"] = "k%d";\n' % (when, n)
                if when else ""))


def prosody(folder):
    """A folder like Prosody's internal storage."""
    stored, server = keys("nina", b"s" * 36, 10000, "sha256")
    node = "urn%3axmpp%3abookmarks%3a1"
    files = {
        "accounts/nina%2ec.dat": 'return {\n\t["iteration_count"] = 10000.0;\n\t["salt"] = "%s";\n'
                                 '\t["stored_key"] = "%s"; server_key = "%s";\n};\n' % (
                                     "\\115" * 36, stored.hex(), server.hex()),
        "accounts/otto.dat": '-- Prosody\nreturn { ["password"] = "o\\\\t\\"to" };',
        # The account away may not log in; the vCard of otto has a byte that no document has.
        "accounts/away.dat": 'return { ["password"] = "away"; ["disabled"] = true };',
        "vcard/otto.dat": 'return { ["name"] = "vCard"; ["attr"] = { ["xmlns"] = "vcard-temp" }; '
                          '[1] = "\\1\\255" };',
        "accounts/bad.dat": 'return { ["password"] = os.execute("true") };',
        "roster/nina%2ec.dat": 'return { ["romeo@example.com"] = { ["subscription"] = "both"; '
                               '["groups"] = { ["G"] = true }; ["name"] = "R" }; [false] = { '
                               '["version"] = 3; ["pending"] = { ["p@example.net"] = true } } };',
        "vcard/nina%2ec.dat": 'return { ["name"] = "vCard"; ["attr"] = { ["xmlns"] = "vcard-temp" }; '
                              '[1] = { ["name"] = "FN"; ["attr"] = {}; [1] = "Nina" } };',
        "private/nina%2ec.dat": 'return { ["x:urn:my"] = { ["name"] = "x"; ["attr"] = { ["xmlns"] = '
                                '"urn:my"; ["urn:z\\1y"] = "1\\n2" }; [1] = "pp" } };',
        "blocklist/nina%2ec.dat": 'return { ["bad@example.net"] = true; [false] = { ["v"] = 1 } };',
        "archive/nina%2ec.list": lua_message(1, "romeo@example.com/o", "nina.c@example.com", 1577836801),
        "offline/nina%2ec.list": lua_message(2, "romeo@example.com/o", "nina.c@example.com", 0),
        "pep/nina%2ec.dat": 'return { ["urn:xmpp:bookmarks:1"] = { ["name"] = "urn:xmpp:bookmarks:1"; '
                            '["config"] = { ["access_model"] = "whitelist"; ["max_items"] = "max"; '
                            '["persist_items"] = true }; ["affiliations"] = { ["a@b.c"] = "member" }; '
                            '["subscribers"] = { ["a@b.c/r"] = true; ["d@e.f"] = false } }};',
        "pep_%s/nina%%2ec.list" % node: 'item({ ["name"] = "item"; ["attr"] = { ["id"] = "r@c.d"; '
                                        '["xmlns"] = "http://jabber.org/protocol/pubsub" }; [1] = { '
                                        '["name"] = "conference"; ["attr"] = { ["xmlns"] = '
                                        '"urn:xmpp:bookmarks:1" } }; ["key"] = "r@c.d" });\n'}
    for service in ("pubsub%2eexample%2ecom", "gone%2eexample%2ecom"):
        files["../%s/pubsub_nodes/a%%2fb.dat" % service] = (
            'return { ["name"] = "a/b"; ["config"] = { ["title"] = "T" }; ["affiliations"] = { '
            '["romeo@example.com"] = "owner"; ["otto@example.com"] = "publisher" }; ["subscribers"] = { '
            '["otto@example.com"] = { ["pubsub#deliver"] = true } } };')
        files["../%s/pubsub_a%%2fb.list" % service] = "".join(
            'item({ ["name"] = "e"; ["attr"] = { ["xmlns"] = "urn:e"; ["stamp"] = '
            '"2020-01-01T00:00:0%dZ" }; ["key"] = "i%d"; ["when"] = 157783680%d; ["with"] = '
            '"otto@example.com" });\n' % (n, n, n) for n in (2, 1))
    for name, text in files.items():
        path = folder + "/example%2ecom/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)


SCHEMA = """
CREATE TABLE prosody (host TEXT NOT NULL, user TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL,
 type TEXT NOT NULL, value MEDIUMTEXT NOT NULL);
CREATE UNIQUE INDEX prosody_unique_index ON prosody (host, user, store, key);
CREATE TABLE prosodyarchive (sort_id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, user TEXT
 NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, "when" INTEGER NOT NULL, "with" TEXT NOT NULL, type TEXT
 NOT NULL, value MEDIUMTEXT NOT NULL);
CREATE UNIQUE INDEX prosodyarchive_index ON prosodyarchive (host, user, store, key);
"""


def element(name, ns=None, *children, **attrs):
    """A stanza as Prosody keeps it within tables, in JSON."""
    if ns:
        attrs["xmlns"] = ns
    return {"name": name, "attr": attrs, "__array": list(children)}


def pairs(table):
    """A table as storage_sql has it: (key, type, value) of each pair whose key is text."""
    for key, value in table.items():
        kind = {str: "string", bool: "boolean", int: "number", float: "number"}.get(type(value), "json")
        yield key, kind, (value if kind == "string" else json.dumps(value, ensure_ascii=False))


def host_of(store):
    return "pubsub." * store.startswith("pubsub_") + HOST


def prosody_sql(path):
    """A database like Prosody's storage_sql: nina.c of the folder again, and sara."""
    stored, server = keys("nina", b"s" * 36, 10000, "sha256")
    message = '<message type="chat" id="p%d" to="nina.c@example.com" from="romeo@example.com/o"%s><body>' \
              'text %d &amp; \u00e4"\n</body></message>'
    sara = "<message xmlns='jabber:client' to='sara@example.com' from='romeo@example.com/o'><body>%s" \
           "</body><x:e xmlns:x='urn:x' x:a='1'><f xmlns=''/></x:e></message>"
    tables = {
        ("nina.c", "accounts"): {"iteration_count": 10000, "salt": "s" * 36, "stored_key": stored.hex(),
                                 "server_key": server.hex()},
        ("nina.c", "roster"): {"romeo@example.com": {"subscription": "both", "groups": {"G": True},
                                                     "name": "R"},
                               "": {"__hash": [False, {"version": 3, "pending": {"p@example.net": True}}]}},
        ("nina.c", "vcard"): {"name": "vCard", "attr": {"xmlns": "vcard-temp"},
                              "": [element("FN", None, "Nina")]},
        ("nina.c", "private"): {"x:urn:my": element("x", "urn:my", "pp", **{"urn:z\1y": "1\n2"})},
        ("nina.c", "blocklist"): {"bad@example.net": True, "": {"__hash": [False, {"v": 1}]}},
        ("nina.c", "pep"): {"urn:xmpp:bookmarks:1": {
            "name": "urn:xmpp:bookmarks:1", "config": {"access_model": "whitelist", "max_items": "max",
                                                       "persist_items": True},
            "affiliations": {"a@b.c": "member"}, "subscribers": {"a@b.c/r": True}}},
        ("sara", "accounts"): {"password": "s\u00e4ra"},
        ("sara", "roster"): {"nina.c@example.com": {"subscription": "both", "name": "N \U0001f600 '"}},
        ("sara", "vcard"): {"name": "vCard", "attr": {"xmlns": "vcard-temp"},
                            "": [element("FN", None, "a & b"), element("N", None, element("GIVEN"))]},
        ("bad", "accounts"): {"password": "bad"},
        ("bad", "roster"): {"x@example.com": ()},
        ("lost", "accounts"): {"": {"__hash": [False, True]}},
        ("room", "config"): {"password": "of a room"},
        ("", "accounts"): {"password": "nobody's"},
        ("a/b", "pubsub_nodes"): {"name": "a/b", "config": {"title": "T"}, "affiliations": {
            "romeo@example.com": "owner", "otto@example.com": "publisher"},
            "subscribers": {"otto@example.com": True}},
    }
    lists = [
        ("nina.c", "archive", "k1", 1577836801, message % (1, "", 1)),
        ("nina.c", "offline", "o1", 0, message % (2, ' stamp="2021-01-01T00:00:02Z"', 2)),
        ("nina.c", "pep_urn:xmpp:bookmarks:1", "r@c.d", 5,
         "<item id='r@c.d' xmlns='http://jabber.org/protocol/pubsub'><conference "
         "xmlns='urn:xmpp:bookmarks:1'/></item>"),
        ("sara", "archive", "2", 1577836805, sara % "second"),
        ("sara", "archive", "1", 1577836804, sara % "first"),
        ("sara", "archive", "3", 1577836806, "<message>"),
        ("", "pubsub_a/b", "i2", 1577836802, "<e xmlns='urn:e'/>"),
        ("", "pubsub_a/b", "i3", 1577836803, "<e xmlns='urn:e'/>"),
        ("room", "muc_log", "1", 1577836804, sara % "in a room"),
    ]
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        for (user, store), table in tables.items():
            db.executemany("INSERT INTO prosody VALUES (?,?,?,?,?,?)", [
                (host_of(store), user, store) + row for row in pairs(table)])
        db.executemany('INSERT INTO prosodyarchive (host, user, store, key, "when", "with", type, value) '
                       "VALUES (?,?,?,?,?,'romeo@example.com','xml',?)",
                       [(host_of(row[1]),) + row for row in lists])
        db.execute("UPDATE prosody SET value = '{\"subscription\": nil}' WHERE user = 'bad' AND store = "
                   "'roster'")
    db.close()


def bodies(s):
    i = s.next_id()
    s.send("<iq type='set' id='%s'><query xmlns='%s'/></iq>" % (i, MAM))
    got = []
    while True:
        e = s.recv()
        if e.get("id") == i:
            return got
        got += [b.text for b in e.iter("{%s}body" % CLIENT)]


def text_of(s, payload, to=None):
    return ET.tostring(s.iq(to, payload)).decode()


@check
def all_of_it_is_there(t):
    folder = t.state + "/export"
    export(folder)
    code, out, err = t.ctl("import", "piefxis", folder, code=None)
    assert code == 1 and "the server runs" in err, (code, err)
    assert not t.terminate()
    code, out, err = t.ctl("import", "piefxis", folder, code=None)
    assert code == 1 and out == ("4 accounts made, 0 were there, 7 items, 3 messages, 4 refused\n"
                                 ), (out, err)
    for why in ("a@other.example: account: the host is not served", "none@example.com: password: ",
                "juliet@example.com: roster: a contact has no usable address", "../away.xml",
                "not known here: urn:odd: 1",
                "example.com: 2 accounts have no keys for SCRAM-SHA-512, which is not offered"):
        assert why in err, (why, err)
    assert "sesame" not in err
    before = os.listdir(t.state + "/data")
    code, out, err = t.ctl("import", folder + "/1.xml", code=None)
    assert out == "0 accounts made, 4 were there, 0 items, 0 messages, 4 refused\n", (out, err)
    assert os.listdir(t.state + "/data") == before and not os.path.exists(
        t.state + "/data.importing")
    prosody(t.state + "/prosody")
    code, out, err = t.ctl("import", "prosody", t.state + "/prosody", code=None)
    assert code == 1 and out == "3 accounts made, 0 were there, 13 items, 2 messages, 3 refused\n", (
        out, err)
    assert "gone.example.com: service: no mod_pubsub serves" in err, err
    assert "bad.dat: it is no table" in err and "execute" not in err, err
    assert "vcard/otto.dat: a table is not" in err and "away@example.com: password: there is none" in err
    code, out, err = t.ctl("import", "prosody", t.state + "/prosody", code=None)
    assert out == "0 accounts made, 3 were there, 0 items, 0 messages, 3 refused\n", (out, err)
    code, out, err = t.ctl("import", "prosody", t.state + "/prosody/example%2ecom", code=None)
    assert code == 1 and "no folder in it has accounts" in err, (code, err)
    from_sqlite(t)
    bombs(t)
    exported_and_back(t)
    os.unlink(t.state + "/sql/prosody.sqlite")
    prosody_sql(t.state + "/sql/prosody.sqlite")
    for name, items in (("prosody", 5), ("sql", 1)):    # of the service, whose nodes no export has
        code, out, err = t.ctl("import", "prosody", "%s/%s" % (t.state, name), code=None)
        assert " 0 accounts" not in out and ", %d items, 0 messages" % items in out, (name, out, err)
    t.start()
    check_accounts(t)
    check_prosody(t)


def from_sqlite(t):
    """The database of Prosody says the same of nina.c as its files, and more; it stands alone or in a
    folder."""
    os.mkdir(t.state + "/sql")
    path = t.state + "/sql/prosody.sqlite"
    prosody_sql(path)
    before = open(path, "rb").read()
    nina = t.ctl("export", "nina.c@" + HOST)
    code, out, err = t.ctl("import", "prosody", path, code=None)
    assert (code, out) == (1, "3 accounts made, 1 were there, 3 items, 2 messages, 2 refused\n"), (out, err)
    assert "roster of bad@example.com: a value is not as" in err, err
    assert "archive of sara@example.com: an item is not as" in err, err
    assert "lost@example.com: password: there is none" in err and "s\u00e4ra" not in err, err
    assert t.ctl("export", "nina.c@" + HOST) == nina
    sara = t.ctl("export", "sara@" + HOST)
    assert 0 < sara.index("first") < sara.index("second") and "a &amp; b" in sara, sara
    for text in ("N \U0001f600 &apos;", "<GIVEN", "urn:x", "<f xmlns=''/>"):
        assert text in sara, (text, sara)
    assert "room" not in t.ctl("export", HOST)
    code, out, err = t.ctl("import", "prosody", t.state + "/sql", code=None)
    assert out == "0 accounts made, 4 were there, 0 items, 0 messages, 2 refused\n", (out, err)
    assert open(path, "rb").read() == before and os.listdir(t.state + "/sql") == ["prosody.sqlite"]
    with open(path, "r+b") as f:
        f.truncate(len(before) // 2)
    for text in ("disk image is malformed", "not a database", "no such table"):
        code, out, err = t.ctl("import", "prosody", path, code=None)
        assert code == 1 and text in err, (code, out, err)
        if text.startswith("disk"):
            with open(path, "wb") as f:
                f.write(b"x" * 5000)
        else:
            os.unlink(path)
            sqlite3.connect(path).executescript("CREATE TABLE x (y)")


def bombs(t):
    """Input that no document has is refused before it fills the memory."""
    def limit():
        if SLOW == 1:       # a sanitizer's shadow is larger
            resource.setrlimit(resource.RLIMIT_DATA, (96 << 20, 96 << 20))

    user = "<user name='otto'><vCard xmlns='vcard-temp'>"
    for head, more, words in (
            (PIE[:PIE.index("<%s")] + "<server-data x='", "y", "too long"),
            (PIE[:PIE.index("<%s")] + "<!--", "y", "too long"),
            ("<!DOCTYPE x [<!ENTITY a 'b'>", "<!ENTITY c '&a;&a;&a;'>", "DTD"),
            (PIE % ("server-data", "", "<host jid='example.com'>" + user, "x"),
             "<a>", "too deep")):
        head = head.replace("</x>", "")
        p = subprocess.Popen([t.bin + "/xmpp-ctl", "-s", t.state, "import", "-"], text=True,
                             stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, preexec_fn=limit)
        try:
            p.stdin.write(head)
            for _ in range(200):
                p.stdin.write((1 << 20) // len(more) * more)
            p.stdin.close()
        except BrokenPipeError:
            pass
        err = p.stderr.read()
        assert p.wait() == 1 and words in err, (p.returncode, head[-60:], err[:1000])


def exported_and_back(t):
    """The export has all that was imported: here it adds nothing, and on a new server all of it is
    there again."""
    out = t.ctl("export", HOST, t.state + "/out")
    assert out == "10 accounts\n" and os.stat(t.state + "/out/%s.xml" % HOST).st_mode & 0o77 == 0
    whole = t.ctl("export", HOST)
    assert "sesame" not in whole and "text 7" in whole
    one = t.ctl("export", "juliet@" + HOST)
    assert "name='juliet'" in one and "romeo'" not in re.sub("<item.*?>", "", one)
    t.ctl("import", t.state + "/out", code=1)      # the one without a password
    assert t.ctl("export", HOST) == whole
    shutil.move(t.state + "/data", t.state + "/data.away")
    shutil.copytree(t.state + "/data.away", t.state + "/data", ignore=lambda d, names: [
        n for n in names if n.endswith(".mdb")])
    code, out, err = t.ctl("import", "piefxis", t.state + "/out", code=None)
    assert out.startswith("10 accounts made, 0 were there, ") and out.endswith("3 refused\n"), out
    again = t.ctl("export", HOST)
    assert sorted(again.splitlines()) == sorted(whole.splitlines()), "\n".join(
        difflib.unified_diff(sorted(whole.splitlines()), sorted(again.splitlines())))


def login(t, user, password, available=True):
    """Some accounts have keys for SHA-1 alone, one for SHA-256: PLAIN is left to all."""
    s = t.stream(host=HOST)
    s.secured()
    answer = s.auth_plain(user, password)
    assert answer[0] == "success", (user, answer)
    s.bind("r")
    if available:
        s.available()
    return s


def check_accounts(t):
    s = login(t, "juliet", "secret", False)
    roster = text_of(s, "<query xmlns='jabber:iq:roster'/>")
    assert all(x in roster for x in ("R&amp;&#09;o", "Friends", '"both"', 'ask="subscribe"')), roster
    assert "priv" in text_of(s, "<query xmlns='jabber:iq:private'><x xmlns='urn:my'/></query>")
    assert "spam@example.net" in text_of(s, "<blocklist xmlns='urn:xmpp:blocking'/>")
    assert bodies(s) == ["text 1", "text 2"], bodies(s)
    s.send("<presence/>")
    seen = set()
    while len(seen) < 2:
        e = s.recv()
        if e.get("type") == "subscribe" and e.get("from") == "paris@example.net":
            seen.add("request")
        if e.findtext("{%s}body" % CLIENT) == "text 7":
            delay = e.findall("{urn:xmpp:delay}delay")
            assert [d.get("stamp")[:19] for d in delay] == ["2020-01-01T00:00:07"], ET.tostring(e)
            seen.add("message")
    r = login(t, "romeo", "rome")
    assert "Juliet" in text_of(r, "<vCard xmlns='vcard-temp'/>", "juliet@example.com")
    assert bodies(r) == ["text 1", "text 2"]
    # nina.c has keys for SHA-256 alone, and those who have logged in by PLAIN lack none any more.
    until("romeo has all keys", lambda: "romeo" not in t.ctl("account", "list", "--weak"))
    assert "nina.c@example.com lacks SHA-1 SHA-512\n" in t.ctl("account", "list", "--weak")
    devices = text_of(r, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='eu.siacs."
                         "conversations.axolotl.devicelist'/></pubsub>", "juliet@example.com")
    assert 'id="42"' in devices and "current" in devices, devices
    p = login(t, "plain", "sesame")
    s.message("plain@example.com", "and it goes on")
    p.expect_body("and it goes on")
    until("it is archived", lambda: bodies(s)[-1] == "and it goes on")
    for x in (s, r, p):
        x.close()
    t.ctl("account", "erase", "juliet@example.com", "--prove")


def check_prosody(t):
    s = login(t, "nina.c", "nina", False)
    assert bodies(s) == ["text 1 & \u00e4\"\n"], bodies(s)
    roster = text_of(s, "<query xmlns='jabber:iq:roster'/>")
    assert 'name="R"' in roster and ">G<" in roster and '"both"' in roster, roster
    assert "Nina" in text_of(s, "<vCard xmlns='vcard-temp'/>")
    private = text_of(s, "<query xmlns='jabber:iq:private'><x xmlns='urn:my'/></query>")
    assert "pp" in private and "urn:z" in private and '"1&#10;2"' in private, private
    assert "bad@example.net" in text_of(s, "<blocklist xmlns='urn:xmpp:blocking'/>")
    assert "r@c.d" in text_of(s, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items "
                                 "node='urn:xmpp:bookmarks:1'/></pubsub>")
    assert "whitelist" in text_of(s, "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
                                     "<configure node='urn:xmpp:bookmarks:1'/></pubsub>")
    s.send("<presence/>")
    e = s.expect(lambda e: e.findtext("{%s}body" % CLIENT))
    assert e.find("{urn:xmpp:delay}delay").get("stamp").startswith("2021-01-01T00:00:02"), e
    s.close()
    otto = login(t, "otto", "o\\t\"to")
    items = otto.iq("pubsub." + HOST, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='a/b'/>"
                                      "</pubsub>")
    assert [i.get("id") for i in items[0][0]] == ["i2", "i1", "i3"], ET.tostring(items)
    subs = text_of(otto, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>",
                   "pubsub." + HOST)
    assert subs.count("jid=") == 1 and 'jid="otto@example.com"' in subs, subs
    otto.close()
    rows = t.ctl("pubsub", "items", "pubsub." + HOST, "a/b", records=True)
    assert "i1\t2020-01-01T00:00:01.000000Z\totto@example.com\t" in rows, rows
    assert "romeo@example.com" in t.ctl("pubsub", "nodes", "pubsub." + HOST), rows


@check
def tried_and_replaced(t):
    """First on copies, beside the server; then keys alone, then the rest."""
    path = t.state + "/new.xml"
    with open(path, "w") as f:
        f.write(PIE % ("server-data", "", "<host jid='example.com'><user name='romeo'>%s<vCard "
                       "xmlns='vcard-temp'><FN>Old</FN></vCard></user><user name='late' "
                       "password='l'><archive xmlns='urn:xmpp:pie:0#mam'>%s</archive></user></host>"
                       % (scram("new", b"other", 4096, "sha256", "SHA-256"),
                          result(9, "late@example.com/x", "romeo@example.com")), "server-data"))
    r = login(t, "romeo", "rome")
    assert r.iq(None, "<vCard xmlns='vcard-temp'><FN>New</FN></vCard>", "set").get("type") == "result"
    r.close()
    # A login by PLAIN has the keys of the other hashes derived, behind its answer.
    until("all keys", lambda: "SHA-512" in t.ctl("export", "romeo@" + HOST))
    before = t.ctl("export", HOST)
    for words, items in (((), 0), (("--replace", "keys"), 0), (("--replace", "all"), 1)):
        code, out, err = t.ctl("import", "--dry", *words, path, code=None)
        assert (code, out) == (0, "1 accounts made, 1 were there, %d items, 1 messages, 0 refused\n"
                               % items), (code, out, err)
        assert "nothing is written" in err, err
    assert t.ctl("export", HOST) == before and not os.path.exists(t.state + "/data.importing")
    login(t, "romeo", "rome").close()
    t.terminate()
    t.ctl("import", path)
    t.ctl("import", "--replace", "keys", path)
    assert "Old" not in t.ctl("export", "romeo@" + HOST)
    assert "1 items" in t.ctl("import", "--replace", "all", path)
    assert "0 items" in t.ctl("import", "--replace", "all", path)
    assert "Old" in t.ctl("export", "romeo@" + HOST)
    code, out, err = t.ctl("import", "--replace", path, code=None)
    assert code == 100, code
    t.start()
    login(t, "romeo", "new").close()
    s = t.stream(host=HOST)
    s.secured()
    assert s.auth_plain("romeo", "rome")[0] == "failure"


main(Tree(hosts=(HOST,), accounts=(),
          modules=MODULES + "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}"))
