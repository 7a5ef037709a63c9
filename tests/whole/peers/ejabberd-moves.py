#!/usr/bin/python3
"""Accounts that a real ejabberd exports (export_piefxis): people log in with their passwords and find
contacts, requests, vCard, private XML, block list and messages; a second import changes nothing.

MOVES=1000 moves so many further accounts (50), and compares each with what its clients saw before."""
import glob, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from moves import *

# The first host keeps keys, the other passwords.
CONFIG = """hosts: [example.com, other.example]
loglevel: info
auth_method: internal
auth_password_format: plain
auth_scram_hash: sha
host_config:
  example.com:
    auth_password_format: scram
listen:
  - {port: %(port)d, ip: "127.0.0.1", module: ejabberd_c2s}
modules:
  mod_blocking: {}
  mod_disco: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_private: {}
  mod_roster: {}
  mod_vcard: {}
"""

# The export begins when the file go is there, and has ended when done is.
EVAL = """
[ok = ejabberd_auth:try_register(list_to_binary(U), list_to_binary(H), <<"%(password)s">>)
 || {U, H} <- [%(people)s]],
F = fun(G) -> case filelib:is_regular("%(dir)s/go") of
  true -> R = ejabberd_piefxis:export_server("%(dir)s/out"),
          file:write_file("%(dir)s/done", io_lib:format("~p", [R]));
  false -> timer:sleep(50), G(G) end end,
spawn(fun() -> F(F) end)."""


class Ejabberd:
    def __init__(self, people):
        self.dir, self.port, self.hosts = tempfile.mkdtemp(prefix="moves-"), free_port(), HOSTS
        with open(self.dir + "/ejabberd.yml", "w") as f:
            f.write(CONFIG % {"port": self.port})
        os.mkdir(self.dir + "/out")
        words = {"dir": self.dir, "password": PW,
                 "people": ",".join('{"%s", "%s"}' % tuple(p.split("@")) for p in people)}
        self.process = subprocess.Popen(
            ["/usr/bin/erl", "-noinput", "-mnesia", "dir", '"%s/data"' % self.dir, "-s", "ejabberd",
             "-eval", EVAL % words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, EJABBERD_CONFIG_PATH=self.dir + "/ejabberd.yml", HOME=self.dir,
                     EJABBERD_LOG_PATH=self.dir + "/ejabberd.log", ERL_CRASH_DUMP_BYTES="0",
                     ERL_LIBS=os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*/ebin")[0][:-5])))
        until("ejabberd", lambda: is_ready(self, people[-1]), 60, 0.1)

    def export(self):
        open(self.dir + "/go", "w").close()
        until("the export", lambda: os.path.exists(self.dir + "/done"), 60, 0.1)
        with open(self.dir + "/done") as f:
            assert f.read() == "ok"
        return self.dir + "/out"

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


@check
def all_of_it_is_there(t):
    people = PEOPLE + ["u%d@%s" % (i, HOSTS[i % 2]) for i in range(N)]
    e = Ejabberd(people)

    def export():
        shutil.copytree(e.export(), t.dir + "/exported")
        e.end()
        return t.dir + "/exported"

    try:
        fill(e)
        move(t, e, people, export, "piefxis")
    finally:
        e.end()


main(Tree(hosts=HOSTS, accounts=()))
