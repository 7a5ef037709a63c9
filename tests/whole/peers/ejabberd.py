#!/usr/bin/python3
"""ejabberd as another server: contacts, messages and presence both ways, by certificates and by
dialback, over IPv4, IPv6, direct TLS to it; refused where only certificates count. It runs without
a name, so that no daemon of Erlang's is started."""
import glob, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lab import *

CONFIG = """hosts: [%(domain)s]
loglevel: info
certfiles: ["%(pem)s"]
auth_method: internal
s2s_use_starttls: required
s2s_cafile: "%(ca)s"
outgoing_s2s_families: [ipv4, ipv6]
listen:
  -
    port: %(port)d
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls_required: true
  -
    port: 5269
    ip: "%(ip)s"
    module: ejabberd_s2s_in
  -
    port: 5270
    ip: "%(ip)s"
    module: ejabberd_s2s_in
    tls: true
modules:
  mod_disco: {}
  mod_ping: {}
  mod_roster: {}
  mod_s2s_dialback: {}
"""

MAKE = """ok = ejabberd_auth:try_register(<<"bob">>, <<"%(domain)s">>, <<"%(password)s">>)."""


class Ejabberd(Peer):
    def configure(self):
        with open(self.dir + "/ejabberd.yml", "w") as f:
            f.write(CONFIG % dict(self.words, ca=self.words["ca"] if self.words["secure"]
                                  else self.words["crt"]))

    def command(self):
        return ["/usr/bin/erl", "-noinput", "-mnesia", "dir", '"%s/data"' % self.dir, "-s",
                "ejabberd", "-eval", MAKE % dict(self.words, password=PW)]

    def environment(self):
        return dict(os.environ, EJABBERD_CONFIG_PATH=self.dir + "/ejabberd.yml",
                    EJABBERD_LOG_PATH=self.dir + "/ejabberd.log", HOME=self.dir,
                    ERL_CRASH_DUMP_BYTES="0",
                    ERL_LIBS=os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*/ebin")[0][:-5]))


@check
def by_certificates():
    assert {tuple(f[5:7]) for f in play(Ejabberd)} == {("external", "pkix")}


@check
def in_a_room():
    meet_in_a_room(Ejabberd)


@check
def by_dialback():
    assert {f[5] for f in play(Ejabberd, trusts=False) if f[1] == "in"} == {"dialback"}


@check
def over_ipv6():
    rows = play(Ejabberd, way="ipv6")
    assert {f[8] for f in rows if f[1] == "out"} == {"fd00::2"}, rows


@check
def by_direct_tls():
    rows = play(Ejabberd, way="direct")
    assert {tuple(f[5:7]) for f in rows} == {("external", "pkix")}, rows


@check
def required_trusted():
    is_refused(Ejabberd, "certificate")


with Network():
    main()
