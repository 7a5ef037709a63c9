#!/usr/bin/python3
"""XEP-0160: who was away gets what waits, all of it and once, whatever the connection, the
session and xmpp-mamd went through; and a full disk loses nothing that was acknowledged."""
import ctypes

from disk import *
from tree import *

SM = "urn:xmpp:sm:3"


def take(s, n, seconds=None):
    """The bodies of the next n messages."""
    got = []
    for _ in range(n):
        e = s.expect(lambda e: e.find("{%s}body" % CLIENT) is not None, seconds)
        got.append(e.findtext("{%s}body" % CLIENT))
    return got


def enable(s, resume=True):
    s.send("<enable xmlns='%s'%s/>" % (SM, " resume='true'" if resume else ""))
    return s.expect_tag(SM, "enabled").get("id")


def waiting(t, jid):
    for line in t.ctl("archive", "stat", jid, records=True).splitlines():
        f = line.split("\t")
        if f[1] == "waiting":
            return int(f[2])
    raise AssertionError("no figure")


def cut(s):
    s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.abort()


@check
def the_rest_comes_after_a_session_timed_out(t):
    romeo = t.login("romeo")
    want = ["%d" % i for i in range(40)]
    for x in want:
        romeo.message("juliet@localhost", x)
    romeo.ping()
    s = t.login("juliet", available=False)
    enable(s)
    s.send("<presence/>")
    before, got = 0, []
    while len(got) < 40:
        e = s.recv()
        if e.tag == "{%s}message" % CLIENT:
            got.append(e.findtext("{%s}body" % CLIENT))
        elif e.tag.startswith("{%s}" % CLIENT) and not got:
            before += 1
    assert got == want, got
    s.send("<a xmlns='%s' h='%d'/>" % (SM, before + 25))
    until("the mark of 25", lambda: waiting(t, "juliet@localhost") == 15)
    cut(s)
    until("the end of the session", lambda: "juliet" not in t.ctl("sessions"))
    s = t.login("juliet", available=False)
    s.send("<presence/>")
    assert take(s, 15) == want[25:]
    more = s.messages_until_ping()
    assert not more, more
    until("nothing waits", lambda: waiting(t, "juliet@localhost") == 0)
    errors = [e for e in romeo.messages_until_ping() if e.get("type") == "error"]
    assert not errors, "the sender was told that they were lost: %s" % ET.tostring(errors[0])
    s.close()
    romeo.close()


def live_and_lost(t, s, romeo, name, texts):
    """Messages to s, who is there and then cut off for good, are under way to nobody."""
    enable(s)
    s.send("<presence/>")
    s.expect(lambda e: e.tag == "{%s}presence" % CLIENT)
    cut(s)
    for x in texts:
        romeo.message(name + "@localhost", x)
    romeo.ping()
    until("the end of the session", lambda: name not in t.ctl("sessions"))


@check
def lost_session_of_live_messages(t):
    """resend_on_timeout if_offline: what was under way to a session waits for the next."""
    romeo = t.login("romeo")
    s = t.login("nurse", available=False)
    texts = ["n%d" % i for i in range(5)]
    live_and_lost(t, s, romeo, "nurse", texts)
    s = t.login("nurse", available=False)
    s.send("<presence/>")
    assert take(s, 5) == texts
    assert not s.messages_until_ping()
    assert not romeo.messages_until_ping()
    s.close()
    romeo.close()


@check
def lost_session_of_messages_that_are_not_archived(t):
    """Messages wait for an account that has nothing archived (XEP-0441), too."""
    romeo = t.login("romeo")
    s = t.login("paris", available=False)
    e = s.iq(None, "<prefs xmlns='urn:xmpp:mam:2' default='never'/>", "set")
    assert e.get("type") == "result"
    e = romeo.iq(None, "<prefs xmlns='urn:xmpp:mam:2' default='never'/>", "set")
    assert e.get("type") == "result"
    texts = ["p%d" % i for i in range(3)]
    live_and_lost(t, s, romeo, "paris", texts)
    s = t.login("paris", available=False)
    s.send("<presence/>")
    assert take(s, 3, 10) == texts     # sooner than KEPT_ABSENT_US, fifteen seconds
    s.close()
    romeo.iq(None, "<prefs xmlns='urn:xmpp:mam:2' default='always'/>", "set")
    romeo.close()


@check
def mamd_and_routed_are_killed_with_messages_waiting(t):
    romeo = t.login("romeo")
    for i in range(10):
        romeo.message("tybalt@localhost", "t%d" % i)
    romeo.ping()
    until("ten wait", lambda: waiting(t, "tybalt@localhost") == 10)
    for name in ("mamd", "routed"):
        pid = t.pid(name)
        os.kill(pid, signal.SIGKILL)
        until("another " + name, lambda: t.pid(name) not in (-1, pid))
        t.wait_ready()
    s = t.login("tybalt", available=False)
    s.send("<presence/>")
    assert take(s, 10) == ["t%d" % i for i in range(10)]
    assert not s.messages_until_ping()
    s.close()
    romeo.abort()


# ---- no room


def remount(folder, read_only):
    flags = 32 | (1 if read_only else 0)  # MS_REMOUNT, MS_RDONLY
    if LIBC.mount(b"tmpfs", folder.encode(), b"tmpfs", flags, None):
        raise OSError(ctypes.get_errno(), "remount")


def on_full_archive(play, size="1m"):
    on_small_disk(Tree(accounts=["%s@localhost" % x for x in "abc"], modules=WITH), play, size, "archive")


def acked(s, seconds=0.2):
    """Ask for the count that the server has acknowledged; the last count when no new one comes in
    these seconds."""
    s.send("<r xmlns='%s'/>" % SM)
    try:
        s.h = int(s.expect_tag(SM, "a", seconds).get("h"))
    except AssertionError:
        pass
    return s.h


def exported(t, jid):
    """A turn that is lost ends the connection of whoever asks in it: that one asks again."""
    text = None

    def there():
        nonlocal text
        code, text, _ = t.ctl("archive", "export", jid, code=None)
        return code == 0

    until("an answer to archive export", there)
    return text


def purge_says_what_is_true(t):
    before = exported(t, "a@localhost")
    code, _, _ = t.ctl("archive", "purge", "a@localhost", code=None)
    after = exported(t, "a@localhost")
    assert (after == "") == (code == 0) and (code == 0 or after.startswith(before)), code


def until_acked(s, h):
    """The ids of the messages that came back as errors until h stanzas were acknowledged."""
    lost, end = [], time.monotonic() + 60 * SLOW
    while s.h < h:
        assert time.monotonic() < end, "%d of %d are acknowledged" % (s.h, h)
        s.send("<r xmlns='%s'/>" % SM)
        e = s.recv()
        while e.tag != "{%s}a" % SM:
            if e.get("type") == "error":
                assert e.find(".//{%s}resource-constraint" % STANZAS) is not None, ET.tostring(e)
                lost.append(e.get("id"))
            e = s.recv()
        s.h = int(e.get("h"))
        time.sleep(0.02)
    return lost


def play_full(t, folder):
    """Writers get an error, readers are served; messages that were not refused are not lost."""
    a = t.login("a")
    enable(a, False)
    a.h = 0
    text = "x" * 2000

    def send(numbers):
        for i in numbers:
            a.send("<message type='chat' to='b@localhost' id='%d'><body>%d %s</body></message>"
                   % (i, i, text))

    send(range(3))
    until_acked(a, 3)
    fill(folder)
    send(range(3, 30))
    t.wait_log("mamd", "event=store-full")
    lost = until_acked(a, 30)
    assert lost, "nothing was refused"
    page = a.iq("a@localhost", "<query xmlns='urn:xmpp:mam:2'/>", "set")
    assert page.get("type") == "result", ET.tostring(page)
    purge_says_what_is_true(t)
    os.unlink(folder + "/filler")
    t.wait_log("mamd", "event=store-has-room")
    send(range(30, 33))
    h = a.h
    lost += until_acked(a, h + 3)
    kept = ["%d" % i for i in range(33) if "%d" % i not in lost]
    assert kept[-3:] == ["30", "31", "32"] and kept[:3] == ["0", "1", "2"], kept
    b = t.login("b", available=False)
    b.send("<presence/>")
    got = [x.split()[0] for x in take(b, len(kept))]
    assert got == kept, got
    assert not b.messages_until_ping()
    a.close()
    b.close()


@check
def a_full_disk_loses_nothing_that_was_acknowledged(t):
    on_full_archive(play_full)


def play_flood(t, folder):
    """b comes while each turn of mamd's is lost: nothing that waits is skipped."""
    a, b, c = t.login("a"), t.login("b", available=False), t.login("c")
    for s in (a, b, c):
        enable(s, False)
        s.h = 0
    for i in range(900):
        a.message("b@localhost", "%d" % i)
    until("the acknowledgement of 900", lambda: acked(a) == 900)
    fill(folder)
    b.send("<presence/>")
    text = "x" * 3000
    for i in range(60):
        c.message("a@localhost", text)
    until("the acknowledgement of all of c, while the disk is full", lambda: acked(c) == 60)
    os.unlink(folder + "/filler")
    got = take(b, 900)
    assert got == ["%d" % i for i in range(900)], (len(set(got)), got[:3], got[-3:])
    for s in (a, b, c):
        s.abort()


@check
def a_full_disk_skips_nothing_that_waits(t):
    on_full_archive(play_flood, "3m")


def play_read_only(t, folder):
    a = t.login("a")
    enable(a, False)
    a.h = 0
    a.message("b@localhost", "0")
    until("the acknowledgement of one", lambda: acked(a) == 1)
    service = t.state + "/service/mamd"
    subprocess.run(["s6-svc", "-wd", "-d", service], check=True)
    remount(folder, True)
    subprocess.run(["s6-svc", "-u", service], check=True)
    a.message("b@localhost", "1")
    t.wait_log("mamd", "Read-only file system")
    assert acked(a, 0.5) == 1, a.h
    remount(folder, False)
    a.message("b@localhost", "2")
    until("the acknowledgement of all", lambda: acked(a) == 3)
    b = t.login("b", available=False)
    b.send("<presence/>")
    assert take(b, 3) == ["0", "1", "2"]
    assert not b.messages_until_ping()
    a.close()
    b.close()


@check
def a_store_that_is_read_only_takes_nothing(t):
    on_full_archive(play_read_only)


WITH = MODULES.replace("mod_stream_mgmt: {}", """mod_stream_mgmt:
  resume_timeout: 1
  resend_on_timeout: if_offline""")

main(Tree(modules=WITH, accounts=["%s@localhost" % x for x in
                                  "romeo juliet nurse paris tybalt".split()]))
