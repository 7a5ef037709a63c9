#!/usr/bin/python3
"""The table of conf/federation.md says what the pipe tests of xmpp-s2sd show.

USAGE   tests/federation.py
READS   conf/federation.md; tests/pipe/xmpp-s2sd, tests/tls/dialing.py
SAYS    a line for each row whose tests show another error, another step, or none
EXIT    0 all is well; 1 a line does not hold
Each row has tests, found by the beginning of its first cell. The errors that messages get in a test
are the one that the row names, or none where senders get nothing; the text of the error, or the
line s2s-failed, names the step. What was in the middle of a request is the requests' matter.
"""
import os
import re
import sys

PIPE = "tests/pipe/xmpp-s2sd/"
TESTS = {
    "has no such name": ("out-fails-dns-nxdomain", "out-fails-dns-nodata", "out-fails-dns-dot"),
    "has a name server": ("out-fails-dns-servfail", "out-fails-dns-timeout"),
    "is down, and was never": ("out-fails-connect",),
    "is down for a minute": ("known-domain-waits",),
    "has an address that does not answer": ("dialing:the_next_address_has_its_chance_after_250_ms",
                                             "dialing:a_dead_family_does_not_matter"),
    "speaks no TLS": ("out-fails-tls-not-offered", "strict-required-trusted-out-plain"),
    "has an expired certificate": ("strict-required-trusted-out-invalid-expired",
                                   "strict-required-trusted-out-invalid-other-name"),
    "refuses our certificate": ("strict-external-refused",),
    "refuses our certificate by closing": ("out-external-closed",),
    "finds our dialback key wrong": ("dialback-originating-invalid",),
    "closes in the middle": ("stream-lost",),
    "is not allowed": ("access-out",),
    "takes no stanza": ("larger-than-the-peer-takes",),
    "ends its stream by an error": ("0198-out-refused-stanza", "0198-out-refused-large-stanza"),
    "takes nothing": ("returns-queue-full",),
}


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def rows():
    for line in read("conf/federation.md").splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and not cells[0].startswith(("---", "the other")):
            yield cells


def shown(test):
    """The errors that messages and presence get in a test, and the steps that are named."""
    out = read(PIPE + test + ".out")
    errors, steps = set(), set()
    for line in out.splitlines():
        f = line.split("\t")
        if f[:2] != ["routed", "stanza"] or f[5] != "error" or f[4] == "iq":
            continue
        errors.add(re.search(r"<error type='[a-z]+'><([a-z-]+)", line)[1])
        steps |= set(re.findall(r"'>([a-z]+): ", line))
    return errors, steps | set(re.findall(r"\bstep=([a-z]+)", read(PIPE + test + ".log")))


def complaints():
    left = dict(TESTS)
    for other, senders, step in rows():
        key = next((k for k in left if other.startswith(k)), None)
        if key is None:
            yield "no test for: " + other
            continue
        for test in left.pop(key):
            file, _, name = test.rpartition(":")
            if file:
                if "def %s(" % name not in read("tests/tls/%s.py" % file):
                    yield "%s: tests/tls/%s.py has no check %s" % (other, file, name)
                continue
            if not read(PIPE + test + ".in"):
                yield "%s: there is no test %s" % (other, test)
            errors, steps = shown(test)
            # "nothing where...; else remote-server-timeout": the tests are of the else.
            words = re.findall(r"[a-z]+(?:-[a-z]+)+|forbidden", senders)
            wanted = set(words[:1]) if words else set()
            if errors != wanted:
                yield "%s: %s shows %s, not %s" % (other, test, sorted(errors), sorted(wanted))
            if step and step not in steps:
                yield "%s: %s names the steps %s, not %s" % (other, test, sorted(steps), step)
    for key in left:
        yield "conf/federation.md has no row: " + key


bad = list(complaints())
print("\n".join(bad), end="\n" if bad else "")
sys.exit(1 if bad else 0)
