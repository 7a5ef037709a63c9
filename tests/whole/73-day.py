#!/usr/bin/python3
"""A day of an administrator, while two clients talk without a pause: install, start, renew a
certificate, remove a host, fill the disk, upgrade, back up, restore elsewhere. Nothing is lost, and
status and logs say what has happened at each step."""
import os

os.environ.setdefault("WHOLE_PAIRS", "1")
from installed import *
from authority import *
from disk import *
from talkers import *

ROSTER = "jabber:iq:roster"
MAM = "urn:xmpp:mam:2"


class Day:
    def __init__(self):
        self.ca = Authority({"localhost": "DNS:localhost,DNS:two.example"})
        self.t = Tree(bin=PREFIX + "/sbin", hosts=("localhost", "two.example"),
                      accounts=ACCOUNTS + ["admin@localhost", "guest@two.example"],
                      options="certfiles: [%s]\n" % self.ca.path("localhost.pem"))
        self.t.make_folder()
        subprocess.run([self.t.bin + "/xmpp-up", "--prepare", "-c", self.t.conf, "-s",
                        self.t.state], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.disk = small_disk(self.t, "2m")

    def start(self):
        self.t.__enter__()
        self.talkers, _ = pairs(self.t, ("plain",))
        for x in self.talkers:
            x.start()
        assert "all is well" in self.status(0), self.status(None)

    def status(self, code):
        got, out, err = self.t.ctl("status", code=None)
        assert code in (got, None), (got, out, err)
        return out

    def shown(self):
        """The serial number of the certificate that clients see."""
        s = Stream(self.t, direct=True)
        der = s.sock.getpeercert(True)
        s.abort()
        pem = ssl.DER_cert_to_PEM_cert(der)
        return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, text=True,
                              stdout=subprocess.PIPE).stdout.strip().split("=")[1]

    def goes_on(self):
        """Messages of both are acknowledged from now on."""
        before = [len(x.acked) for x in self.talkers]
        until("more messages", lambda: all(len(x.acked) > n + 5 for x, n in zip(
            self.talkers, before)), 30)

    def renew(self):
        old = self.shown()
        self.ca.sign("localhost", "DNS:localhost,DNS:two.example")
        self.t.ctl("reload")
        until("the new certificate", lambda: self.shown() != old)
        self.t.wait_log("tlsd", "event=certificate name=localhost serial=0*" + self.shown().lstrip("0"))
        assert re.search(r"localhost .*expires in (29|30) days", self.status(0)), self.status(0)

    def remove_host(self):
        guest = self.t.login("guest", host="two.example")
        self.t.hosts = ("localhost",)
        self.t.write_config()
        self.t.ctl("reload")
        assert guest.stream_error() == "host-gone"
        assert self.t.ctl("account", "list", "two.example").split() == ["guest@two.example"]
        assert not re.search("^two.example", self.status(0), re.M), self.status(0)

    def fill(self):
        s = self.t.login("admin")

        def contact(n):
            e = s.iq(None, "<query xmlns='%s'><item jid='u%d@far.example'><group>%s</group></item>"
                     "</query>" % (ROSTER, n, "g" * 900), "set")
            return e.get("type") != "error"

        fill(self.disk)
        n = next(n for n in range(1000) if not contact(n))
        self.t.wait_log("userd", "event=store-full")
        assert "the disk of its store users has no room" in self.status(2), self.status(None)
        os.unlink(self.disk + "/filler")
        until("room", lambda: contact(n))
        self.t.wait_log("userd", "event=store-has-room")
        s.close()

    def upgrade(self):
        pids = {d: self.t.pid(d) for d in DAEMONS}
        for d in DAEMONS:
            new_version("xmpp-" + d)
        make("install")
        code, out, err = self.t.ctl("upgrade", code=None)
        assert code == 0 and not err, (code, out, err)
        assert sorted(x.split(":")[0] for x in out.splitlines()) == sorted(DAEMONS), out
        assert all(self.t.pid(d) != pids[d] for d in DAEMONS)

    def back_up(self):
        """The numbers that were acknowledged before it."""
        acked = {x.user: set(x.acked) for x in self.talkers}
        self.t.ctl("backup", self.t.dir + "/saved")
        return acked

    def restore(self, acked):
        other = Tree(bin=PREFIX + "/sbin", accounts=())
        other.make_folder()
        try:
            out = other.ctl("restore", self.t.dir + "/saved")
            assert "restored as of 20" in out and "certificates, not in the backup" in out, out
            with other:
                other.ctl("status")
                assert "guest@two.example" in other.ctl("account", "list").split()
                for user, numbers in acked.items():
                    text = other.ctl("archive", "export", user + "@localhost")
                    there = {int(n) for n in re.findall("<body>([0-9]+)</body>", text)}
                    assert numbers <= there, "%s: %s" % (user, sorted(numbers - there)[:10])
        finally:
            shutil.rmtree(other.dir or "/nowhere", ignore_errors=True)

    def play(self):
        self.start()
        for step in (self.renew, self.remove_host, self.fill, self.upgrade):
            if step != self.fill or self.disk:
                step()
                self.goes_on()
        acked = self.back_up()
        self.goes_on()
        stop(self.talkers)
        doubled = all_has_come(self.talkers, [])
        tell({}, self.talkers, [], doubled)
        assert "all is well" in self.status(None) or self.disk, self.status(None)
        self.restore(acked)

    def end(self):
        if self.t.process:
            self.t.__exit__(None, None, None)
        if self.disk:
            LIBC.umount2(self.disk.encode(), 2)
        shutil.rmtree(self.t.dir, ignore_errors=True)
        self.ca.end()


@check
def nothing_is_lost_in_a_day():
    day = Day()
    try:
        day.play()
    finally:
        day.end()


try:
    make_build()
    make("install")
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
