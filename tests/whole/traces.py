"""Traces of live daemons, played again through their -p."""
from tree import *


def replay(t, d, settings, trace=None):
    with open("%s/%s.in" % (t.dir, trace or d), "rb") as f:
        r = subprocess.run([t.bin + "/xmpp-" + d, "-p", settings], stdin=f,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=3 * DEADLINE)
    assert r.returncode == 0, "exit %d: %s" % (r.returncode, r.stderr.decode()[-2000:])
    assert b"trace-incomplete" not in r.stderr, r.stderr.decode()[-2000:]
    return r.stdout


def first_difference(a, b):
    """The first line in which two outputs differ, for people."""
    a, b = a.split(b"\n"), b.split(b"\n")
    for i in range(max(len(a), len(b))):
        x, y = (v[i] if i < len(v) else b"(end)" for v in (a, b))
        if x != y:
            return "line %d of %d:\n  live   %r\n  replay %r" % (i + 1, len(a), x[:300], y[:300])
    return None


def same(t, d, settings, trace=None, but=None):
    """but: a pattern of what a replay cannot know, for the secret that it came of is in no trace."""
    with open("%s/%s.out" % (t.dir, trace or d), "rb") as f:
        live = f.read()
    again = replay(t, d, settings, trace)
    if but:
        live, again = (re.sub(but, b"", x) for x in (live, again))
    assert live == again, first_difference(live, again)
    assert live.count(b"\n") > 5, live
