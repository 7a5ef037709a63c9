#!/usr/bin/python3
"""A trace of a live daemon, played again through its -p, gives the same output byte for byte."""
from tree import *

TRACED = ("c2sd", "routed", "hostd", "authd", "userd")


def replay(t, d, settings, trace=None):
    with open("%s/%s.in" % (t.dir, trace or d), "rb") as f:
        r = subprocess.run([t.bin + "/xmpp-" + d, "-p", settings], stdin=f,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=3 * DEADLINE)
    assert r.returncode == 0, "exit %d: %s" % (r.returncode, r.stderr.decode()[-2000:])
    return r.stdout


def first_difference(a, b):
    """The first line in which two outputs differ, for people."""
    a, b = a.split(b"\n"), b.split(b"\n")
    for i in range(max(len(a), len(b))):
        x, y = (v[i] if i < len(v) else b"(end)" for v in (a, b))
        if x != y:
            return "line %d of %d:\n  live   %r\n  replay %r" % (i + 1, len(a), x[:300], y[:300])
    return None


def play(t):
    """A short conversation of many kinds."""
    a, b = t.login("a"), t.login("b", direct=True)
    c = t.stream()
    c.secured()
    c.auth_plain("a", "wrong")
    c.auth_scram("nobody", "x", "sha1")
    assert c.auth_plain("a", PW)[0] == "success"
    c.bind()
    c.send("<presence><priority>5</priority></presence>")
    a.message("b@localhost", "hi \\ \t \n &amp; grüße")
    b.expect(lambda e: e.tag.endswith("}message"))
    b.message("a@localhost", "back")
    c.expect_body("back")
    a.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    a.iq("localhost", "<time xmlns='urn:xmpp:time'/>")
    a.iq("b@localhost", "<x xmlns='y'/>")
    a.send("<message to='@' id='x'/>")
    a.ping()
    d = t.login("b", "r")  # conflict with b
    b.stream_error()
    bad = t.stream()
    bad.open()
    bad.send("<!-- -->")
    bad.stream_error()
    for s in (a, c, d):
        s.close()


def copy_data(t, to):
    """A copy of settings and data, for programs that read what they have stored."""
    shutil.copytree(t.state + "/settings", to + "/settings")
    shutil.copytree(t.state + "/data", to + "/data")
    for name in glob.glob(to + "/settings/xmpp-*"):  # the settings name the data by its path
        with open(name) as f:
            text = f.read()
        with open(name, "w") as f:
            f.write(text.replace(t.state + "/data", to + "/data"))


@check
def traces_of_a_conversation(t):
    copy_data(t, t.dir + "/copy")
    for d in TRACED:
        t.ctl("trace", d, "on", t.dir + "/" + d)
    t.wait_ready()
    play(t)
    until("the streams end", lambda: t.stat("c2sd", "streams") == 0)
    for d in TRACED:
        t.ctl("trace", d, "off")
    for d in TRACED:
        assert os.path.getsize("%s/%s.in" % (t.dir, d)) > 100, d + ": nothing was traced"


def same(t, d, settings, trace=None):
    with open("%s/%s.out" % (t.dir, trace or d), "rb") as f:
        live = f.read()
    again = replay(t, d, settings, trace)
    assert live == again, first_difference(live, again)
    assert live.count(b"\n") > 5, live


@check
def c2sd_says_the_same(t):
    same(t, "c2sd", t.state + "/settings")


@check
def routed_says_the_same(t):
    same(t, "routed", t.state + "/settings")


@check
def hostd_says_the_same(t):
    same(t, "hostd", t.state + "/settings")


@check
def authd_says_the_same(t):
    same(t, "authd", t.dir + "/copy/settings")


@check
def userd_says_the_same(t):
    same(t, "userd", t.dir + "/copy/settings")


@check
def traces_that_begin_after_a_conversation(t):
    """Stanzas are counted on, and what lasts is in them once. Not c2sd and routed: they have
    given numbers to streams and letters that the trace does not know."""
    traced = ("hostd", "authd", "userd")
    copy_data(t, t.dir + "/later")
    for d in traced:
        t.ctl("trace", d, "on", t.dir + "/later-" + d)
    play(t)
    until("the streams end", lambda: t.stat("c2sd", "streams") == 0)
    for d in traced:
        t.ctl("trace", d, "off")
    for d in traced:
        same(t, d, t.dir + "/later/settings", "later-" + d)
    with open(t.dir + "/later-userd.in", "rb") as f:
        head = f.read().split(b"quiet\toff\n")[0]
    assert head.count(b"routed\trecalled\tc2sd\n") == 1, head


@check
def traces_through_the_end_of_all_neighbours(t):
    """Each daemon in turn is traced while the programs around it are killed and come back."""
    for d in TRACED:
        with Tree(accounts=["a@localhost", "b@localhost"]) as u:
            around = [x for x in DAEMONS if x != d]
            copy_data(u, u.dir + "/copy")
            u.ctl("trace", d, "on", u.dir + "/" + d)
            u.wait_ready()
            pids = {x: u.pid(x) for x in around}
            for x in around:
                os.kill(pids[x], signal.SIGKILL)
            until("new ones", lambda: all(u.pid(x) not in (-1, pids[x]) for x in around))
            u.wait_ready()
            play(u)
            until("the streams end", lambda: u.stat("c2sd", "streams") == 0)
            u.ctl("trace", d, "off")
            same(u, d, u.dir + "/copy/settings")


@check
def a_trace_holds_no_more_than_its_owner_may_read(t):
    """Passwords of PLAIN are in it."""
    mode = os.stat(t.dir + "/authd.in").st_mode & 0o777
    assert mode & 0o077 == 0, "mode %o" % mode


@check
def after_a_trace_chance_is_the_kernels_again(t):
    """Whoever has the trace knows its seed; ids of streams after it must not follow from it."""
    def stream_id():
        s = t.stream(secure=False)
        s.open()
        s.send("</stream:stream>")
        s.abort()
        return s.root.get("id")

    t.ctl("trace", "c2sd", "on", t.dir + "/short")
    t.wait_ready()
    first = stream_id()
    until("it ends", lambda: t.stat("c2sd", "streams") == 0)
    t.ctl("trace", "c2sd", "off")
    second = stream_id()
    with open(t.dir + "/short.in", "rb") as f:
        lines = f.read().split(b"\n")
    # The same events once more, behind those of the trace: what its chance would say next.
    opened = [x for x in lines if b"\topen\t" in x][0].split(b"\t")
    said = [x for x in lines if b"\tdata\t" in x][0].split(b"\t")
    opened[2] = said[2] = b"99"
    with open(t.dir + "/more.in", "wb") as f:
        f.write(b"\n".join([x for x in lines if x] + [b"\t".join(opened), b"\t".join(said)])
                + b"\n")
    out = replay(t, "c2sd", t.state + "/settings", "more").decode()
    assert first in out, "the trace does not replay"
    assert second not in out, "an id after the trace follows from its seed"


main(Tree(accounts=["a@localhost", "b@localhost"]))
