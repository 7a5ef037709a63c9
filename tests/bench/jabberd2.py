"""jabberd2 under test: router, sm and c2s with Debian's configuration, sqlite, without limits. It
has no archive, and lets an account in only by an active row of its own."""
import contextlib, gzip, sqlite3, time
import xml.etree.ElementTree as ET

from server import DOMAIN, FILES_MOST, PASSWORD, USER, Server, certificate
from tree import free_port

FROM = "/etc/jabberd2/"
SCHEMA = "/usr/share/doc/jabberd2/db-setup.sqlite.gz"
MECHANISMS = ("plain", "scram-sha-1", "scram-sha-256")


def put(root, path, text):
    """Set the text of an element, which is made when it lacks."""
    e = root
    for name in path.split("/"):
        child = e.find(name)
        e = ET.SubElement(e, name) if child is None else child
    e.text = str(text)
    return e


class Jabberd2(Server):
    name, packages, account = "jabberd2", ("jabberd2", "libgsasl18"), "jabber"
    # An account that comes back at once is refused with internal-server-error sometimes.
    has_archive, logs_in_again = False, False

    def configure(self):
        self.router = free_port()
        for part in ("router", "sm", "c2s"):
            root = ET.parse(FROM + part + ".xml").getroot()
            self.common(root, part)
            getattr(self, part + "_part")(root)
            ET.ElementTree(root).write("%s/%s.xml" % (self.dir, part))
        with gzip.open(SCHEMA, "rt") as f, self.database() as db:
            db.executescript(f.read())

    def common(self, root, part):
        put(root, "pidfile", "%s/%s.pid" % (self.dir, part))
        put(root, "log/file", "%s/%s.log" % (self.dir, part))
        if part != "router":
            put(root, "router/ip", "127.0.0.1")
            put(root, "router/port", self.router)
            put(root, "router/user", "jabberd")
            put(root, "router/pass", "secret")
            put(root, "router/retry/init", 20)
            put(root, "router/retry/sleep", 1)

    def limits(self, root):
        put(root, "io/max_fds", FILES_MOST)
        for what in ("bytes", "stanzas", "connects", "stanzasize"):
            put(root, "io/limits/" + what, 0)

    def router_part(self, root):
        put(root, "local/ip", "127.0.0.1")
        put(root, "local/port", self.router)
        put(root, "local/users", FROM + "router-users.xml")
        self.limits(root)

    def sm_part(self, root):
        put(root, "local/id", DOMAIN)
        put(root, "storage/sqlite/dbname", self.data() + "/sqlite.db")

    def c2s_part(self, root):
        host = put(root, "local/id", DOMAIN)
        host.attrib = {"require-starttls": "mu", "pemfile": certificate() + "/both.pem"}
        put(root, "local/ip", "127.0.0.1")
        put(root, "local/port", self.port)
        put(root, "authreg/sqlite/dbname", self.data() + "/sqlite.db")
        for m in MECHANISMS:
            put(root, "authreg/ssl-mechanisms/sasl/" + m, "")
        self.limits(root)

    def database(self):
        return contextlib.closing(sqlite3.connect(self.data() + "/sqlite.db"))

    def add_users(self, first, last):
        jids = ["%s%d" % (USER, n) for n in range(first, last + 1)]
        with self.database() as db:
            db.executemany('INSERT INTO "authreg" ("username", "realm", "password") VALUES '
                           '(?, ?, ?)', [(j, DOMAIN, PASSWORD) for j in jids])
            db.executemany('INSERT INTO "active" ("collection-owner", "time") VALUES (?, ?)',
                           [("%s@%s" % (j, DOMAIN), int(time.time())) for j in jids])
            db.commit()

    def launch(self):
        for part in ("router", "sm", "c2s"):
            self.spawn(["/usr/sbin/jabberd2-" + part, "-c", "%s/%s.xml" % (self.dir, part)])
