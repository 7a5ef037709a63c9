#!/usr/bin/python3
"""A boot of the machine: when the server was shut down before, occupants of other servers are still in their
rooms, and those of this server have left; when it was not, nobody is in a room, whatever is on the disk."""
from roomservers import *

BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Machine(Home):
    """The boot id of the machine is that of a file."""

    def make_folder(self):
        super().make_folder()
        self.boot("first")
        self.wrap = ["unshare", "-m", "sh", "-c", "mount --bind '%s' %s && exec \"$@\"" % (
            self.dir + "/boot", BOOT_ID), "sh"]

    def boot(self, name):
        with open(self.dir + "/boot", "w") as f:
            f.write(name + "\n")
        os.chmod(self.dir + "/boot", 0o644)


def occupants(t):
    return sorted(x.split()[0] for x in t.ctl("room", "occupants", ROOM).splitlines())


def answer(s):
    """The room's answer to a message; nothing while the server that was booted does not know yet that it
    has rooms, and says so to the other."""
    s.send("<message to='%s' type='groupchat' id='out'><body>still here</body></message>" % ROOM)
    e = s.expect(lambda e: e.get("id") == "out")
    return None if "remote-server" in ET.tostring(e).decode() else e


@check
def who_is_elsewhere_stays():
    if subprocess.run(["unshare", "-m", "mount", "--bind", "/dev/null", BOOT_ID],
                      stderr=subprocess.DEVNULL).returncode:
        print("not allowed to have a boot id of our own")
        return
    with Machine("{persistent: true}") as t, Server(B, "s2s_use_starttls: required\n", users=("b",)) as u:
        a, b = t.login("a"), u.login("b")
        enter(a, "Anna")
        open_room(a)
        enter(b, "Bert")
        assert occupants(t) == ["Anna", "Bert"]
        assert not t.terminate()
        t.boot("second")
        t.start()
        a = t.login("a")
        enter(a, "Anna")
        assert occupants(t) == ["Anna", "Bert"]
        b.send("<message to='%s' type='groupchat'><body>still here</body></message>" % ROOM)
        for s in (a, b):
            s.expect_body("still here")

        vanish(t)
        t.boot("third")
        t.start()
        assert occupants(t) == []
        e = until("an answer of the room", lambda: answer(b))
        assert e.find("{%s}error" % CLIENT)[0].tag.endswith("}not-acceptable"), ET.tostring(e)


main()
