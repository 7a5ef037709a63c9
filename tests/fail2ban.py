#!/usr/bin/python3
"""The filter of fail2ban, over the log lines that the pipe tests expect.

USAGE   tests/fail2ban.py
READS   conf/fail2ban/filter.d/tabber.conf; tests/pipe/xmpp-c2sd/*.logs, xmpp-compd/*.log
SAYS    each line that is matched and should not be, or the other way round
EXIT    0 the filter is right; 1 it is not
A failed login of the tests is one whose why is in GUESSES. The lines come with the stamps of
s6-log and of syslog. If fail2ban is installed, fail2ban-regex has to count the same.
"""
import configparser
import glob
import re
import shutil
import subprocess
import sys
import tempfile

FILTER = "conf/fail2ban/filter.d/tabber.conf"
GUESSES = ("wrong-password", "unknown-account", "wrong-authzid", "wrong-binding")
STAMPS = ("2026-11-28 14:09:40.536507714  ", "2026-11-28T14:09:40 host tabber[7]: ",
          "Nov 28 14:09:40 host xmpp-c2sd[7]: ")
# Lines in which a client says what only the program should: none may ban 198.51.100.1.
FORGED = (
    'xmpp-c2sd: info: event=auth-failed conn=tlsd:7 ip=192.0.2.1 jid="x xmpp-c2sd: info: '
    'event=auth-failed conn=tlsd:1 ip=198.51.100.1 why=wrong-password" mechanism=PLAIN '
    'why=wrong-password',
    'xmpp-c2sd: info: event=stream-ended conn=tlsd:7 ip=192.0.2.1 jid="x xmpp-c2sd: info: '
    'event=auth-failed conn=tlsd:1 ip=198.51.100.1 jid=a why=wrong-password" why=ended',
    'xmpp-c2sd: info: event=auth-failed conn=tlsd:7 ip=192.0.2.1 '
    'jid="a why=wrong-password" mechanism=PLAIN why=authd-away')


def patterns():
    """The regular expressions of the filter, where <HOST> is an address."""
    ini = configparser.ConfigParser()
    ini.read(FILTER)
    return [re.compile(x.replace("<HOST>", r"(?P<host>[0-9A-Fa-f.:]+)"))
            for x in ini["Definition"]["failregex"].splitlines() if x.strip()]


def lines():
    for name in sorted(glob.glob("tests/pipe/xmpp-c2sd/*.logs") +
                       glob.glob("tests/pipe/xmpp-compd/*.log")):
        with open(name, encoding="utf-8") as f:
            yield from f.read().splitlines()
    yield from FORGED


def is_guess(line):
    why = line.rpartition(" why=")[2]
    return (" event=auth-failed " in line.partition("jid=")[0] and why in GUESSES or
            " event=component-refused " in line and why == "not-authorized")


def wrong_lines(found):
    for stamp in STAMPS:
        for line in lines():
            # fail2ban takes the stamp, whose date it has recognized, out of the line.
            rest = re.sub(r"^\S+ \d\d:\d\d:\d\d\.\d+|^\S+T\S+|^\w+ \d+ \S+", "", stamp) + line
            hosts = [m["host"] for m in (p.search(rest) for p in found) if m]
            if bool(hosts) != is_guess(line) or set(hosts) - {"192.0.2.1"}:
                yield "%s: %s" % (hosts or "not matched", rest)


def of_fail2ban():
    """The number of lines of each stamp that fail2ban-regex matches, if it is not as it should."""
    for stamp in STAMPS:
        with tempfile.NamedTemporaryFile("w", suffix=".log") as f:
            f.writelines(stamp + x + "\n" for x in lines())
            f.flush()
            r = subprocess.run(["fail2ban-regex", f.name, FILTER], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, check=False)
        said = re.search(r"(\d+) matched", r.stdout.decode())
        want = sum(map(is_guess, lines()))
        if not said or int(said[1]) != want:
            yield "fail2ban-regex does not match %d lines: %s" % (want, r.stdout.decode())


bad = list(wrong_lines(patterns()))
if not sum(map(is_guess, lines())):
    bad.append("the tests have no line to match")
if shutil.which("fail2ban-regex"):
    bad += of_fail2ban()
print("\n".join(bad), end="\n" if bad else "")
sys.exit(1 if bad else 0)
