#!/usr/bin/python3
"""Every program has a user of its own and reads the stores that it must read, no other; a state
folder of numbers that were others goes on with all that is in it."""
from tree import *

OLD = 52200     # the first number of an older version: its programs were in this order,
PLACES = ["tlsd", "c2sd", "s2sd", "routed", "authd", "userd", "hostd", "mamd"]
OLD_GROUP = 52214                           # and all had this group

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib/record/programs.h")
with open(HEADER) as f:
    TABLES = f.read()
# The programs that run, by their names in code: (word, number).
PROGRAMS = {m[0]: (m[1], int(m[2])) for m in re.findall(
    r'^P\((\w+), +"(\w+)", +(\d+), +[A-Z_ |]+, +(\w+),', TABLES, re.M) if m[3] != "RUNS_NOT"}
NUMBERS = dict(PROGRAMS.values())
# Folder, number, the word of the program that writes it, those of all that read it.
STORES = [(folder, int(number), PROGRAMS[writer][0], {PROGRAMS[w][0] for w in re.findall(r"[A-Z]\w*", readers)})
          for folder, number, writer, readers in re.findall(
              r'^S\(\w+, +"(\w+)", +(\d+), +(\w+), +([A-Z0-9 |]+)\)', TABLES, re.M)]
WRITERS = {folder: writer for folder, _, writer, _ in STORES}
GROUPS = int(re.search(r"#define USERS_STORES (\d+)", TABLES)[1])

# With these every program runs.
ALL_MODULES = MODULES + """
mod_caps: {}
mod_http_upload: {access: all, put_url: "http://localhost:%(web)d/put"}
mod_muc: {}
mod_pubsub: {plugins: [flat, pep]}
mod_push: {}
mod_register: {}"""
OPTIONS = """listen:
  -
    port: %(web)d
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/put: mod_http_upload}
  -
    port: %(servers)d
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
  -
    port: %(components)d
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {bot.localhost: {password: secret}}
host_config:
  "outside.example": {auth_method: external, extauth_program: /bin/false}"""
PORTS = {name: free_port() for name in ("web", "servers", "components")}


def allowed(t, daemon, names):
    """The user of this daemon may do with these files of the state: "r NAME", "w NAME", "x NAME"."""
    with open("%s/service/%s/env" % (t.state, daemon)) as f:
        words = re.search("AS='(.*)'", f.read()).group(1).split()
    script = 'cd "$0"; for f; do for x in r w x; do if test -$x "$f"; then echo "$x $f"; fi; done; done'
    return set(subprocess.run(words + ["sh", "-c", script, t.state, *names], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.splitlines())


@check
def every_program_runs_as_a_user_of_its_own(t):
    services = {x for x in os.listdir(t.state + "/service") if not x.startswith(".")}
    assert services == set(NUMBERS), services ^ set(NUMBERS)
    users = {d: os.stat("/proc/%d" % pid_of(t, d)).st_uid for d in NUMBERS}
    assert users == {d: users["tlsd"] + n for d, n in NUMBERS.items()}, users


@check
def a_store_is_read_by_those_who_must(t):
    files = ["data/%s/%s.mdb" % (store[0], f) for store in STORES for f in ("data", "lock")]
    for d in NUMBERS:
        may = {x for x in allowed(t, d, files) if not x.startswith("x ")}
        must = {x % folder for folder, _, writer, readers in STORES if d in readers | {writer}
                for x in ("r data/%s/data.mdb", "r data/%s/lock.mdb", "w data/%s/lock.mdb")}
        must |= {"w data/%s/data.mdb" % folder for folder, writer in WRITERS.items() if d == writer}
        assert may == must, (d, may ^ must)


@check
def a_store_has_a_group_of_readers(t):
    """The folder of a store that others read gives its group to new files; nobody else is in it."""
    first = os.stat("/proc/%d" % pid_of(t, "tlsd")).st_uid
    for folder, number, writer, readers in STORES:
        path = "%s/data/%s" % (t.state, folder)
        shared, st = bool(readers), os.stat(path)
        mode = 0o2751 if shared else 0o700 if writer == "authd" else 0o711
        assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (
            first + NUMBERS[writer], first + GROUPS + number, mode), (folder, st)
        for name, mode in (("data.mdb", 0o640), ("lock.mdb", 0o660)):
            st = os.stat(path + "/" + name)
            assert st.st_mode & 0o7777 == (mode if shared else 0o600), (folder, name, oct(st.st_mode))
            assert st.st_uid == first + NUMBERS[writer], (folder, name, st.st_uid)
            assert not shared or st.st_gid == first + GROUPS + number, (folder, name, st.st_gid)


@check
def sockets_are_reached_by_all_and_logs_by_one(t):
    folders = ["run/routed"] + ["log/" + d for d in NUMBERS]
    for d in NUMBERS:
        may = {x for x in allowed(t, d, folders) if x.startswith("x ")}
        assert may == {"x run/routed", "x log/" + d}, (d, may)


@check
def no_number_is_of_an_ordinary_user(t):
    for d in NUMBERS:
        uid = os.stat("/proc/%d" % pid_of(t, d)).st_uid
        assert 65536 <= uid < 100000, (d, uid)


def talk(t, n):
    a, b = t.login("a"), t.login("b")
    a.iq(None, "<query xmlns='jabber:iq:roster'><item jid='b@localhost' name='Bee'/></query>", "set")
    a.message("b@localhost", "message %d" % n)
    b.expect_body("message %d" % n)
    a.close(), b.close()


def look(t, n):
    a = t.login("a")
    items = a.iq(None, "<query xmlns='jabber:iq:roster'/>")[0]
    assert [i.get("name") for i in items] == ["Bee"]
    a.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
    bodies = [a.expect_tag(CLIENT, "message").findtext(".//{%s}body" % CLIENT) for _ in range(n)]
    assert bodies == ["message %d" % i for i in range(n)], bodies
    a.close()


def stop(t):
    left = t.terminate()
    assert not left, left


def give_to_old(t):
    """Set the owners of all files as the older version did."""
    for top in ("data", "run", "log"):
        for path, dirs, files in os.walk(t.state + "/" + top):
            for name in [path] + [path + "/" + f for f in files]:
                rest = name[len(t.state) + 1:].split("/")
                owner = WRITERS.get(rest[1], rest[1]) if len(rest) > 1 else None
                if owner in PLACES:
                    os.chown(name, OLD + PLACES.index(owner), OLD_GROUP)
    os.chown(t.state + "/run", 0, OLD_GROUP)
    for d in DAEMONS:
        os.remove("%s/service/%s/.xmpp-up" % (t.state, d))


@check
def an_older_state_folder_goes_on(t):
    talk(t, 0)
    stop(t)
    give_to_old(t)
    t.start()
    look(t, 1)
    talk(t, 1)
    a_store_is_read_by_those_who_must(t)
    a_store_has_a_group_of_readers(t)


@check
def the_administrator_chooses_the_numbers(t):
    stop(t)
    t.tabber = "uids: 81000"
    t.write_config()
    t.start()
    assert os.stat("/proc/%d" % t.pid("tlsd")).st_uid == 81000
    look(t, 2)
    every_program_runs_as_a_user_of_its_own(t)
    a_store_is_read_by_those_who_must(t)
    a_store_has_a_group_of_readers(t)


if os.geteuid():
    print("skipped: only root gives programs users of their own")
else:
    main(Tree(hosts=("localhost", "outside.example"), accounts=["a@localhost", "b@localhost"],
              modules=ALL_MODULES % PORTS, options=OPTIONS % PORTS))
