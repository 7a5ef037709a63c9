"""Debian's Prosody as the other server of a test in lab.py; a subclass names more modules."""
from lab import *

CONFIG = """
daemonize = false
run_as_root = true
pidfile = "%(dir)s/pid"
data_path = "%(dir)s"
plugin_paths = {}
modules_enabled = { %(modules)s }
log = { debug = "%(dir)s/log" }
interfaces = { "%(ip)s" }
s2s_ports = { %(s2s)d }
c2s_interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
s2s_direct_tls_ports = { 5270 }
s2s_secure_auth = %(secure)s
s2s_require_encryption = true
authentication = "internal_plain"
ssl = { certificate = "%(crt)s", key = "%(key)s", cafile = "%(ca)s" }
VirtualHost "%(domain)s"
  ssl = { certificate = "%(crt)s", key = "%(key)s", cafile = "%(ca)s" }
"""


class Prosody(Peer):
    modules = ("roster", "saslauth", "tls", "dialback", "disco", "ping", "presence", "message", "iq")

    def configure(self):
        self.conf = self.dir + "/conf.lua"
        with open(self.conf, "w") as f:
            f.write(CONFIG % dict(self.words, secure="true" if self.words["secure"] else "false",
                                  modules=", ".join('"%s"' % m for m in self.modules)))
        subprocess.run(["prosodyctl", "--root", "--config", self.conf, "register", "bob",
                        self.domain, PW], check=True, stdout=subprocess.DEVNULL)

    def command(self):
        return ["prosody", "--root", "--config", self.conf]
