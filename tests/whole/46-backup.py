#!/usr/bin/python3
"""xmpp-ctl backup copies all stores as they are at one moment, while the server works; restore
puts them in place."""
import fcntl

from managed import *

ROSTER = "jabber:iq:roster"
PUBSUB = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>"


def backup(t, name, code=0, **kw):
    return t.ctl("backup", t.dir + "/" + name, code=code, **kw)


def restored(t, name, **kw):
    """Another server with what was saved."""
    other = Tree(**kw)
    other.make_folder()
    try:
        out = other.ctl("restore", t.dir + "/" + name)
        assert "restored as of 20" in out and "conf.yml" in out, out
        other.start()
        # Nor has a program that reads a store of another failed, whichever of them was the first.
        for log in glob.glob(other.state + "/log/*/current"):
            with open(log) as f:
                assert "event=store-failed" not in f.read(), log
    except BaseException:
        other.clean()
        raise
    return other


def roster(s):
    return {i.get("jid") for i in s.iq(None, "<query xmlns='%s'/>" % ROSTER)[0]}


def put_contact(s, jid):
    s.iq(None, "<query xmlns='%s'><item jid='%s'/></query>" % (ROSTER, jid), "set")


def bodies(t, jid):
    return set(re.findall("<body>(.*?)</body>", t.ctl("archive", "export", jid)))


class Load(threading.Thread):
    """Messages to somebody who is away, acknowledged; new accounts, contacts, messages to them."""

    def __init__(self, t):
        super().__init__(daemon=True)
        self.t, self.over, self.failure = t, False, None
        self.sent, self.made, self.listed = 0, [], []
        self.romeo = Managed(t, "romeo")
        self.tybalt = t.login("tybalt")

    def acked(self):
        return {str(i) for i in range(1, self.sent + 1)}

    def step(self, n):
        for _ in range(20):
            self.romeo.message("juliet@localhost")
        self.romeo.say("<message type='chat' to='n%d@localhost'><body>hi %d</body></message>" % (
            n - 1, n))
        self.romeo.s.send("<r xmlns='%s'/>" % SM)
        jid = "n%d@localhost" % n
        self.t.add(jid)
        self.made.append(jid)
        put_contact(self.tybalt, jid)
        self.listed.append(jid)
        self.romeo.pump(0.01)
        waits = sum("juliet" in x for x in self.romeo.unacked)
        self.sent = self.romeo.sent - waits

    def run(self):
        n = 0
        try:
            while not self.over:
                n += 1
                self.step(n)
        except BaseException as e:
            self.failure = e

    def stop(self):
        self.over = True
        self.join()
        assert not self.failure, self.failure
        self.romeo.cut()
        self.tybalt.close()


def check_copy(t, name, acked, made, listed):
    other = restored(t, name)
    try:
        there = set(other.ctl("account", "list").split())
        assert set(made) <= there, "accounts are missing: %s" % (set(made) - there)
        for jid in ("juliet@localhost", "romeo@localhost"):
            lost = acked - bodies(other, jid)
            assert not lost, "of %s: %s" % (jid, sorted(lost)[:10])
        if made:
            other.login(made[-1].split("@")[0]).close()
        s = other.login("tybalt")
        assert set(listed) <= roster(s), set(listed) - roster(s)
        s.close()
        # Numbers go on: a new account has nothing of another.
        other.add("new@localhost")
        assert not bodies(other, "new@localhost")
        s = other.login("new")
        assert not roster(s)
        s.close()
    finally:
        other.clean()


@check
def what_was_acknowledged_is_in_it(t):
    load, saved = Load(t), []
    load.start()
    for i in range(3):
        until("work is done", lambda: load.sent >= 60 * (i + 1) and len(load.made) > 2 * (i + 1))
        before = load.acked(), list(load.made), list(load.listed)
        began = time.monotonic()
        # On a busy machine the programs may not hold still all at once; the folder is gone then.
        out = until("a backup", lambda: (lambda r: r[0] == 0 and r[1])(backup(t, "b%d" % i, code=None)))
        said = re.fullmatch(r"\d+ stores, (\d+) bytes; the programs waited (\d+) ms\n", out)
        assert int(said.group(2)) < 1000 and int(said.group(1)) > 100000, said.group(0)
        print("  backup of %d messages, %d accounts: %.2f s; %s" % (
            len(before[0]), len(before[1]), time.monotonic() - began, said.group(0).strip()))
        saved.append(before)
    load.stop()
    for i, before in enumerate(saved):
        check_copy(t, "b%d" % i, *before)


@check
def a_folder_has_all_of_it(t):
    with open(t.dir + "/more.yml", "w") as f:
        f.write("language: de\n")
    t.write_config(t.config() + "include_config_file: more.yml\n")
    t.ctl("reload")
    backup(t, "whole")
    names = sorted(os.listdir(t.dir + "/whole"))
    assert names == ["conf.yml", "data", "included-1-more.yml", "manifest"], names
    with open(t.dir + "/whole/included-1-more.yml") as f:
        assert f.read() == "language: de\n"
    with open(t.dir + "/whole/manifest") as f:
        text = f.read()
    assert text.startswith("tabber-backup\t1\nversion\t"), text
    for store in ("accounts", "secrets", "users", "archive", "motd"):
        assert re.search(r"^store\t%s\t\d+$" % store, text, re.M), text
    assert re.search(r"^certificate\t.*/dev/", text, re.M), text
    assert "included\tincluded-1-more.yml\t%s/more.yml\n" % t.dir in text, text
    mode = os.stat(t.dir + "/whole").st_mode & 0o777
    assert mode == 0o700, oct(mode)
    with open(t.dir + "/whole/conf.yml") as a, open(t.conf) as b:
        assert a.read() == b.read()


@check
def a_backup_that_cannot_be(t):
    code, out, err = backup(t, "whole", code=None)
    assert code == 1 and "is not empty" in err, (code, err)
    code, out, err = t.ctl("backup", "/nowhere/at/all", code=None)
    assert code == 111 and "/nowhere/at/all" in err, (code, err)
    # No room for more than 8 KB.
    r = subprocess.run([t.bin + "/xmpp-ctl", "-s", t.state, "backup", t.dir + "/full"],
                       stderr=subprocess.PIPE, text=True, restore_signals=False, preexec_fn=lambda:
                       resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
    assert r.returncode == 111 and "unable to write" in r.stderr, (r.returncode, r.stderr)
    assert not os.path.exists(t.dir + "/full"), "a part is left"
    # A store that cannot be read.
    os.rename(t.state + "/data/motd/data.mdb", t.dir + "/motd")
    with open(t.state + "/data/motd/data.mdb", "w") as f:
        f.write("x" * 10000)
    code, out, err = backup(t, "broken", code=None)
    assert code == 111 and "unable to open the stores" in err and "motd" in err, (code, err)
    assert not os.path.exists(t.dir + "/broken"), "a part is left"
    os.rename(t.dir + "/motd", t.state + "/data/motd/data.mdb")
    subprocess.run(["s6-svc", "-wd", "-d", t.state + "/service/mamd"], check=True)
    code, out, err = backup(t, "down", code=None)
    assert code == 111 and "does not run: mamd" in err, (code, err)
    assert not os.path.exists(t.dir + "/down"), "a part is left"
    subprocess.run(["s6-svc", "-u", t.state + "/service/mamd"], check=True)
    t.wait_ready()


def control(t, instance):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE)
    s.connect("%s/run/%s/control" % (t.state, instance))
    return s


@check
def a_program_that_is_not_told_goes_on(t):
    """Within HOLD_US, and it says so to whoever ends the hold then."""
    for over in (True, False):
        s = control(t, "userd")
        s.sendall(b"hold\n")
        assert s.recv(100) == b"done\n"
        x = t.login("tybalt")
        roster(x)
        if over:
            s.sendall(b"hold\tover\n")
            assert s.recv(100).startswith(b"error\tthe program went on"), over
        s.close()
        roster(x)
        x.close()


@check
def a_restore_that_cannot_be(t):
    def fails(folder, *why, words=(), state=t):
        code, out, err = state.ctl("restore", *words, folder, code=None)
        assert code in (1, 111) and all(w in err for w in why), (code, err)

    fails(t.dir + "/whole", "the server runs")
    fails(t.dir, "unable to find a whole backup")
    other = Tree()
    other.make_folder()
    bad = t.dir + "/bad"
    shutil.copytree(t.dir + "/whole", bad)
    os.truncate(bad + "/data/archive/data.mdb", 8192)
    fails(bad, "has not the length", state=other)
    assert not os.path.exists(other.state + "/data") and not os.path.exists(
        other.state + "/data.restoring")
    # Accounts of before: the archive knows more.
    for name in ("b0", "whole"):
        shutil.copytree(t.dir + "/" + name, t.dir + "/mixed", dirs_exist_ok=True)
        if name == "b0":
            shutil.rmtree(t.dir + "/mixed/data/archive")
    shutil.copy(t.dir + "/b0/data/accounts/data.mdb", t.dir + "/mixed/data/accounts/data.mdb")
    size = os.stat(t.dir + "/mixed/data/accounts/data.mdb").st_size
    path = t.dir + "/mixed/manifest"
    with open(path) as f:
        text = re.sub(r"store\taccounts\t\d+", "store\taccounts\t%d" % size, f.read())
    with open(path, "w") as f:
        f.write(text)
    fails(t.dir + "/mixed", "do not agree", state=other)
    shutil.rmtree(other.dir)


@check
def nobody_writes_beside_a_command(t):
    """STATE/lock: a command of the administrator alone, or the start and the programs of a server."""
    other = Tree()
    other.make_folder()
    folder = t.dir + "/whole"
    os.mkdir(other.state)
    with open(other.state + "/lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)        # as a program that has not ended yet
        began = time.monotonic()
        code, out, err = other.ctl("restore", folder, code=None)
        assert code == 1 and "/lock is held: a program" in err, (code, err)
        assert time.monotonic() - began > 4 and os.listdir(other.state) == ["lock"]
        p = subprocess.Popen([t.bin + "/xmpp-ctl", "-s", other.state, "restore", folder],
                             stdout=subprocess.PIPE, text=True)
        until("restore waits", lambda: os.path.exists(other.state + "/lock") and p.poll() is None)
        fcntl.flock(held, fcntl.LOCK_UN)
        assert "restored as of" in p.communicate()[0] and p.returncode == 0
        fcntl.flock(held, fcntl.LOCK_EX)        # as restore
        up = subprocess.run([t.bin + "/xmpp-up", "--dev", "-s", other.state, "-c", other.conf],
                            stderr=subprocess.PIPE, text=True)
        assert up.returncode == 111 and "/lock is held: xmpp-ctl" in up.stderr, up.stderr
        assert not os.path.exists(other.state + "/settings")
        fcntl.flock(held, fcntl.LOCK_UN)
        other.start()
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert False, "no program holds the lock"
        except BlockingIOError:
            pass
        # A program that starts meanwhile writes nothing, and is started again.
        other.terminate()
        fcntl.flock(held, fcntl.LOCK_EX)
        d = subprocess.run([t.bin + "/xmpp-userd", "settings"], cwd=other.state,
                           stderr=subprocess.PIPE, text=True)
        assert d.returncode == 111 and "./lock is held: xmpp-ctl" in d.stderr, d
    other.clean()


@check
def a_stopped_server_is_saved_and_set_aside(t):
    tea, s = "tea@conference.localhost", t.login("romeo")
    t.ctl("room", "create", tea, "romeo@localhost")
    t.ctl("room", "config", tea, "title", "Tea")
    s.send("<presence to='%s/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
           "<message to='%s' type='groupchat'><body>cup</body></message>" % (tea, tea))
    s.expect(lambda e: e.findtext("{%s}body" % CLIENT) == "cup")
    assert s.iq(None, PUBSUB % "<publish node='urn:x'><item id='1'><e xmlns='urn:x'>node</e></item>"
                "</publish>", "set") is not None
    s.close()
    t.terminate()
    out, err = backup(t, "stopped", code=None)[1:]
    assert "the server is stopped" in err, err
    code, out, err = t.ctl("restore", t.dir + "/b0", code=None)
    assert code == 1 and "--force" in err, (code, err)
    taken = [t.state + "/data.%d" % (time.time() + i) for i in range(60)]
    for path in taken:      # nothing can be set aside
        os.makedirs(path + "/x")
    before = os.listdir(t.state + "/data")
    code, out, err = t.ctl("restore", "--force", t.dir + "/stopped", code=None)
    assert code == 111 and os.listdir(t.state + "/data") == before, (code, err)
    for path in taken:
        shutil.rmtree(path)
    assert not os.path.exists(t.state + "/data.restoring")
    code, out, err = t.ctl("restore", "/" + 401 * "x", code=None)
    assert code == 100 and "too long" in err, err
    t.ctl("restore", "--force", t.dir + "/stopped")
    assert len([x for x in os.listdir(t.state) if re.fullmatch(r"data\.\d+", x)]) == 1
    t.start()
    t.login("tybalt").close()
    assert "1" in bodies(t, "juliet@localhost")
    s = t.login("romeo")
    assert b"node" in ET.tostring(s.iq(None, PUBSUB % "<items node='urn:x'/>"))
    s.close()
    # Rooms come with what was said and who owns them; nobody is in them.
    row = next(x.split("\t") for x in t.ctl("rooms", records=True).splitlines() if x.startswith(tea))
    assert (row[1], row[2], row[5]) == ("0", "persistent", "Tea"), row
    assert "romeo@localhost\towner" in t.ctl("room", "affiliation", tea, records=True)
    assert "messages\t1" in t.ctl("room", "archive", tea, records=True)


main(Tree(accounts=("romeo@localhost", "juliet@localhost", "tybalt@localhost"),
          modules=MODULES + "\nmod_muc: {}\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}"))
