"""ejabberd under test: mnesia, Debian's options of the virtual machine, no shapers. It runs in
the foreground and without a name, so that nothing is started outside of it. config: lines of
modules and of listen (indented), options at the top."""
import glob, os

from server import ITERATIONS, USER, Server, base64_text, certificate, scram_keys

CONFIG = """hosts: [%(domain)s]
loglevel: info
certfiles: ["%(cert)s/cert.pem", "%(cert)s/key.pem"]
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
listen:
  -
    port: %(port)d
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls_required: true
    max_stanza_size: 262144
    backlog: 1024
%(listen)smodules:
  mod_adhoc: {}
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_last: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_private: {}
  mod_roster: {versioning: true}
  mod_stream_mgmt: {resend_on_timeout: if_offline}
  mod_time: {}
  mod_vcard: {}
  mod_vcard_xupdate: {}
  mod_version: {}
%(more)s"""

ARCHIVE = "  mod_mam: {default: always, compress_xml: false}\n"

# Accounts are written as the server itself would write them, in one go.
MAKE = """
Key = {scram, <<"%(stored)s">>, <<"%(of_server)s">>, <<"%(salt)s">>, sha256, %(iterations)d},
Make = fun(N) ->
  User = <<"%(user)s", (integer_to_binary(N))/binary>>,
  mnesia:dirty_write({passwd, {User, <<"%(domain)s">>}, Key})
end,
lists:foreach(Make, lists:seq(%(first)d, %(last)d)),
mnesia:sync_log(), mnesia:dump_log(), init:stop().
"""

MAKE_SECONDS = 300

# The limits that ejabberdctl sets under Debian's configuration.
OPTIONS = ["+K", "true", "+P", "250000", "-noinput"]
ENVIRONMENT = {"ERL_MAX_PORTS": "32000", "ERL_MAX_ETS_TABLES": "1400",
               "ERL_CRASH_DUMP_BYTES": "0"}


class Ejabberd(Server):
    name, packages, account = "ejabberd", ("ejabberd",), "ejabberd"

    def configure(self):
        with open(self.dir + "/ejabberd.yml", "w") as f:
            f.write(CONFIG % dict(domain=self.domain, cert=certificate(), port=self.port,
                                  listen=self.config.get("listen", ""), more=(ARCHIVE if self.archive else "") + self.more()))

    def more(self):
        return self.config.get("modules", "") + self.config.get("options", "")

    def add_users(self, first, last):
        salt, stored, of_server = (base64_text(x) for x in scram_keys())
        text = MAKE % dict(stored=stored, of_server=of_server, salt=salt, user=USER,
                           iterations=ITERATIONS, domain=self.domain, first=first, last=last)
        self.give(self.dir)
        self.launch(["-eval", text])
        try:
            self.processes[0].wait(MAKE_SECONDS)
        finally:
            self.stop()

    def launch(self, more=()):
        env = dict(ENVIRONMENT, EJABBERD_CONFIG_PATH=self.dir + "/ejabberd.yml",
                   EJABBERD_LOG_PATH=self.dir + "/ejabberd.log",
                   ERL_CRASH_DUMP=self.dir + "/crash", HOME=self.dir,
                   ERL_LIBS=os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*/ebin")[0][:-5]))
        self.spawn(["/usr/bin/erl"] + OPTIONS + [
            "-mnesia", "dir", '"%s"' % self.data(), "-s", "ejabberd"] + list(more), env)
