"""Prosody under test: internal storage, but SQLite for the archive (its internal one is not on
disk when a message is acknowledged); its default modules without limits, epoll. config: names of
modules, without: those that are not loaded, options before the first host, components behind
it."""
import os

from server import ITERATIONS, USER, Server, certificate, scram_keys

# The modules that Debian's configuration enables for clients, but for limits.
MODULES = """disco roster saslauth tls blocklist bookmarks carbons pep private smacks vcard4
    vcard_legacy csi_simple ping time uptime version posix""".split()

CONFIG = """
run_as_root = false
data_path = "%(dir)s/data"
pidfile = "%(dir)s/prosody.pid"
log = { info = "%(dir)s/log" }
network_backend = "epoll"
modules_enabled = { %(modules)s }
modules_disabled = { %(without)s }
authentication = "internal_hashed"
password_hash = "SHA-256"
default_iteration_count = %(iterations)d
default_archive_policy = true
archive_expires_after = "never"
storage_archive_item_limit = 100000000
c2s_require_encryption = true
c2s_interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
c2s_direct_tls_ports = { }
http_ports = { }
https_ports = { }
VirtualHost "%(domain)s"
  ssl = { certificate = "%(cert)s/cert.pem", key = "%(cert)s/key.pem" }
"""

ARCHIVE = """
storage = { archive = "sql" }
sql = { driver = "SQLite3", database = "%(dir)s/data/archive.sqlite" }
"""


def encoded(name):
    """The name of a folder of a domain."""
    return "".join(c if c.isalnum() and c.isascii() else "%%%02x" % ord(c) for c in name)


# Keys as internal_hashed stores them: hexadecimal; the salt is text.
ACCOUNT = """return {
\t["iteration_count"] = %d;
\t["salt"] = "%s";
\t["stored_key"] = "%s";
\t["server_key"] = "%s";
};
"""


class Prosody(Server):
    name, packages, account = "prosody", ("prosody", "lua-dbi-sqlite3"), "prosody"

    def configure(self):
        modules = MODULES + (["mam"] if self.archive else []) + self.config.get("modules", [])
        options = (ARCHIVE if self.archive else "") + self.config.get("options", "")
        text = CONFIG.replace("VirtualHost", options + "VirtualHost")
        text += self.config.get("components", "")
        with open(self.dir + "/prosody.cfg.lua", "w") as f:
            f.write(text % dict(
                dir=self.dir, port=self.port, without=self.config.get("without", '"s2s", "limits"'),
                domain=self.domain, cert=certificate(),
                iterations=ITERATIONS, modules=" ".join('"%s";' % m for m in modules)))

    def add_users(self, first, last):
        salt, stored, of_server = scram_keys()
        text = ACCOUNT % (ITERATIONS, salt.decode(), stored.hex(), of_server.hex())
        d = self.data() + "/" + encoded(self.domain) + "/accounts"
        os.makedirs(d, exist_ok=True)
        for n in range(first, last + 1):
            with open("%s/%s%d.dat" % (d, USER, n), "w") as f:
                f.write(text)

    def launch(self):
        self.spawn(["/usr/bin/prosody", "-F", "--config", self.dir + "/prosody.cfg.lua"])
