#!/usr/bin/python3
"""A push service (XEP-0357) at another server, prosody with a component: phones of ours are away, are
woken, and come back; the service goes away and comes back."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lab import *
from pushservice import Phone, Service

CONFIG = """
daemonize = false
run_as_root = true
pidfile = "%(dir)s/pid"
data_path = "%(dir)s"
plugin_paths = {}
modules_enabled = { "saslauth", "tls", "dialback", "disco", "iq" }
log = { debug = "%(dir)s/log" }
interfaces = { "%(ip)s" }
c2s_interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
component_interfaces = { "127.0.0.1" }
component_ports = { %(component)d }
s2s_require_encryption = true
s2s_secure_auth = true
authentication = "internal_plain"
ssl = { certificate = "%(crt)s", key = "%(key)s", cafile = "%(ca)s" }
VirtualHost "other.%(domain)s"
Component "%(domain)s"
  component_secret = "secret"
  ssl = { certificate = "%(crt)s", key = "%(key)s", cafile = "%(ca)s" }
"""
PUSHED = MODULES + """
mod_s2s_dialback: {}
mod_push:
  notify_on: messages"""


class Prosody(Peer):
    def configure(self):
        self.conf = self.dir + "/conf.lua"
        self.component = free_port()
        with open(self.conf, "w") as f:
            f.write(CONFIG % dict(self.words, component=self.component))

    def command(self):
        return ["prosody", "--root", "--config", self.conf]

    def log(self):
        with open(self.dir + "/log") as f:
            return f.read()

    def is_ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.component)).close()
        except OSError:
            return False
        return super().is_ready()


@check
def a_phone_is_woken_over_another_server():
    with Lab(Prosody, modules=PUSHED) as lab:
        t, domain = lab.t, lab.peer.domain
        service = Service(lab.peer.component, domain, "secret")
        t.add("anna@" + t.domain)
        p, a = Phone(t, "alice", domain, "n1"), t.login("anna")
        p.cut()
        a.message("alice@" + t.domain, "one")
        node, summary, options = service.next()
        assert (node, summary["message-count"], options["secret"]) == ("n1", "1", "sesame")
        assert service.froms == {t.domain}, service.froms
        assert p.resume() == ["one"]
        until("the answer", lambda: t.stat("pushd", "results") == 1)
        # Without its component prosody answers with an error of the type wait: the registration stays.
        service.end()
        until("the end of the component",
              lambda: "component disconnected: " + domain in lab.peer.log())
        p.cut()
        a.message("alice@" + t.domain, "two")
        until("the error", lambda: t.stat("pushd", "errors") + t.stat("pushd", "timeouts") == 1)
        assert len(t.ctl("push", "list", "alice@" + t.domain).splitlines()) == 1
        assert p.resume() == ["two"]
        p.s.close()
        a.close()


with Network():
    main()
