#!/usr/bin/python3
"""Every program has a user of its own and reads the stores that it must read, no other; a state
folder of numbers that were others goes on with all that is in it."""
from tree import *

OLD = 52200     # the first number of an older version: its programs were in this order,
PLACES = ["tlsd", "c2sd", "s2sd", "routed", "authd", "userd", "hostd", "mamd"]
OLD_GROUP = 52214                           # and all had this group
WRITERS = {"accounts": "authd", "secrets": "authd", "archive": "mamd", "users": "userd", "motd": "hostd"}
READERS = {"accounts": {"authd", "userd", "mamd", "hostd"}, "secrets": {"authd"},
           "archive": {"mamd"}, "users": {"userd", "mamd", "hostd"}, "motd": {"hostd"}}


def as_user(t, daemon):
    """The words that make a command run as this daemon does."""
    with open("%s/service/%s/env" % (t.state, daemon)) as f:
        return re.search("AS='(.*)'", f.read()).group(1).split()


def may(t, daemon, test, path):
    return not subprocess.run(as_user(t, daemon) + ["test", test, t.state + "/" + path]).returncode


@check
def a_store_is_read_by_those_who_must(t):
    for store, readers in READERS.items():
        for d in DAEMONS:
            assert may(t, d, "-r", "data/%s/data.mdb" % store) == (d in readers), (d, store)
            assert may(t, d, "-w", "data/%s/data.mdb" % store) == (d == WRITERS[store]), (d, store)
            assert may(t, d, "-w", "data/%s/lock.mdb" % store) == (d in readers), (d, store)


@check
def sockets_are_reached_by_all_and_logs_by_one(t):
    for d in DAEMONS:
        assert may(t, d, "-x", "run/routed"), d
        for other in DAEMONS:
            assert may(t, d, "-x", "log/" + other) == (d == other), (d, other)


@check
def no_number_is_of_an_ordinary_user(t):
    for d in DAEMONS:
        uid = os.stat("/proc/%d" % t.pid(d)).st_uid
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


@check
def the_administrator_chooses_the_numbers(t):
    stop(t)
    t.tabber = "uids: 81000"
    t.write_config()
    t.start()
    assert os.stat("/proc/%d" % t.pid("tlsd")).st_uid == 81000
    look(t, 2)
    a_store_is_read_by_those_who_must(t)


if os.geteuid():
    print("skipped: only root gives programs users of their own")
else:
    main(Tree(accounts=["a@localhost", "b@localhost"]))
