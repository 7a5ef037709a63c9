#!/usr/bin/python3
"""An account ends while the programs that erase it are killed: its name is taken meanwhile, and then
no store has anything of it. One that its owner removes can be restored before it ends."""
import random
import re

from tree import *

SEED = int(os.environ.get("ENDS_SEED", "7"))

def fill(t, name):
    """An account with something in each store."""
    s = t.login(name)
    for i in range(40):
        item = "<item jid='c%d@far.example' name='Markword'/>" % i
        s.send("<iq type='set' id='r%d'><query xmlns='jabber:iq:roster'>%s</query></iq>" % (i, item))
    for payload in ("<vCard xmlns='vcard-temp'><FN>Markword</FN></vCard>",
                    "<query xmlns='jabber:iq:private'><x xmlns='urn:x'>Markword</x></query>",
                    "<block xmlns='urn:xmpp:blocking'><item jid='x@far.example'/></block>"):
        assert s.iq(None, payload, "set").get("type") == "result", payload
    for i in range(300):
        s.message("bob@localhost", "Markword %d" % i)
    s.ping()
    s.close()
    b = t.login("bob", resource="late")
    b.message(name + "@localhost", "Markword waits")
    b.ping()
    b.close()


def announce(t):
    boss = t.login("admin")
    boss.send("<message to='localhost/announce/motd'><body>Hear</body></message>")
    boss.ping()
    boss.close()


def left(t, name):
    code, out, _ = t.ctl("account", "erase", name + "@localhost", "--prove", code=None)
    return code, dict(re.findall(r"^(\w+) keys-left (\d+)$", out, re.M))


@check
def nothing_is_left_after_kills(t):
    chance = random.Random(SEED)
    announce(t)
    for turn in range(6):
        name = "romeo%d" % turn
        t.add(name + "@localhost")
        fill(t, name)
        r = subprocess.Popen([t.bin + "/xmpp-ctl", "-s", t.state, "account", "erase",
                              name + "@localhost", "--prove"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)
        for _ in range(4):
            time.sleep(chance.random() * 0.5)
            t.kill(chance.choice(("userd", "mamd", "routed", "hostd", "authd")))
        out = r.communicate(timeout=130 * SLOW)[0]    # longer than ERASE_WAIT_S
        t.wait_ready()
        until("the end of " + name, lambda: left(t, name)[0] == 0, 30)
        code, stores = left(t, name)
        assert set(stores) >= {"accounts", "secrets", "archive", "users", "motd"}, stores
        assert set(stores.values()) == {"0"}, (SEED, stores, out)
        t.add(name + "@localhost")
        n = t.login(name, resource="new")
        assert len(n.iq(None, "<query xmlns='jabber:iq:roster'/>")[0]) == 0
        n.close()


@check
def name_is_taken_while_a_program_is_off(t):
    t.add("nurse@localhost")
    fill(t, "nurse")
    subprocess.run(["s6-svc", "-wd", "-d", t.state + "/service/mamd"], check=True)
    s = t.login("nurse")
    t.ctl("account", "del", "nurse@localhost")
    assert s.stream_error() == "not-authorized"
    s.abort()
    assert "nurse@localhost" in t.ctl("account", "list", "--ending")
    code, _, err = t.ctl("account", "add", "nurse@localhost", input="x\n", code=None)
    assert code == 1 and "is ending" in err, (code, err)
    subprocess.run(["s6-svc", "-wu", "-u", t.state + "/service/mamd"], check=True)
    until("the end", lambda: not t.ctl("account", "list", "--ending"))
    t.add("nurse@localhost")


def may_log_in(t, name):
    s = t.stream()
    s.secured()
    what = s.auth_plain(name, PW)[0]
    s.abort()
    return what == "success"


@check
def its_owner_removes_it_and_it_is_restored(t):
    t.add("paris@localhost")
    fill(t, "paris")
    one, two = t.login("paris", "one"), t.login("paris", "two")
    one.send("<iq type='set' id='x'><query xmlns='jabber:iq:register'><remove/></query></iq>")
    assert one.expect(lambda e: e.get("id") == "x").get("type") == "result"
    assert one.stream_error() == "not-authorized" and two.stream_error() == "not-authorized"
    assert not may_log_in(t, "paris")
    for program in "authd", "routed":
        t.kill(program)
        t.wait_ready()
    assert not may_log_in(t, "paris")
    b = t.login("bob")
    b.message("paris@localhost", "Are you there?")
    b.ping()
    b.close()
    code, _, err = t.ctl("account", "add", "paris@localhost", input="x\n", code=None)
    assert code == 1 and "already" in err, (code, err)
    assert re.match(r"paris@localhost \(\d+\): until \d{4}-", t.ctl("account", "list", "--removed"))
    assert not t.ctl("account", "list", "--ending")
    t.ctl("account", "restore", "paris@localhost")
    assert not t.ctl("account", "list", "--removed")
    s = t.login("paris", "three")
    s.expect(lambda e: e.findtext("{jabber:client}body") == "Are you there?")
    assert len(s.iq(None, "<query xmlns='jabber:iq:roster'/>")[0]) == 40
    # The administrator's end does not wait.
    s.send("<iq type='set' id='x'><query xmlns='jabber:iq:register'><remove/></query></iq>")
    assert s.expect(lambda e: e.get("id") == "x").get("type") == "result"
    assert s.stream_error() == "not-authorized"
    s.abort()
    code, stores = left(t, "paris")
    assert code == 0 and set(stores.values()) == {"0"}, (code, stores)
    t.add("paris@localhost")


main(Tree(accounts=["admin@localhost", "bob@localhost"], tabber="removal_grace: 2",
          modules=MODULES + "\nmod_register: {}"))
