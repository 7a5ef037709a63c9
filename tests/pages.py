#!/usr/bin/python3
"""Manual pages: the same headings in the same order, no warning of groff, examples that are true,
references, in pages, documents and sources, to pages that there are, and folders that systemd's
unit can write.

USAGE   tests/pages.py PAGE...
SAYS    a line for each page and what it lacks
EXIT    0 nothing; 1 something
A heading may stand between two of HEADINGS; the page of a program has all of those in NEEDED.
A daemon's EXAMPLES are compared with its pipe test example-of-the-manual-page: lines after
"> " with the .in, lines after "< " with the .out; "..." stands for any text.
"""
import glob
import os
import re
import subprocess
import sys

HEADINGS = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "LINKS", "FILES", "EXIT STATUS",
            "EXAMPLES", "BUGS", "SEE ALSO")
NEEDED = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "BUGS",
          "SEE ALSO")
# Pages of others that ours name.
FOREIGN = {"sd_notify(3)"}
# Texts that name pages as xmpp-ctl(8).
TEXTS = ("*.md", "*/*.md", "*/*.service", "bin/*/*.[ch]", "lib/*/*.[ch]", "lib/*/*/*.[ch]", "conf/*/*.[ch]")
EXAMPLE = "tests/pipe/%s/example-of-the-manual-page"


def headings(name, text):
    found = re.findall(r"^\.Sh (.*)", text, re.M)
    known = [h for h in found if h in HEADINGS]
    if known != [h for h in HEADINGS if h in known]:
        yield "its headings are out of order: " + ", ".join(known)
    for h in NEEDED if re.search(r"\.[18]$", name) else ("NAME", "DESCRIPTION", "SEE ALSO"):
        if h not in found:
            yield "has no " + h


def references(text, ours):
    """The pages that a page or a text names and that there are not."""
    named = re.findall(r"^\.Xr (\S+) (\d)", text, re.M)
    named += re.findall(r"\b((?:xmpp|tabber)-[a-z.-]+|ejabberd\.yml)\((\d)\)", text)
    for name in sorted({"%s(%s)" % n for n in named} - ours - FOREIGN):
        yield "names %s, which there is not" % name


def folders(text):
    """The docroots that the unit, which writes to its state folder alone, cannot write by what the text says."""
    written = re.findall(r"\bReadWritePaths=(/[\w/.-]*\w)", text)
    for root in re.findall(r"^ *docroot: \"?(/[^\s\"]*)", text, re.M):
        if not any((root + "/").startswith(w + "/") for w in written):
            yield "names the docroot %s, and no ReadWritePaths= with it" % root


def warnings(name):
    r = subprocess.run(["groff", "-ww", "-mandoc", "-Tutf8", name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, check=False)
    yield from r.stderr.decode(errors="replace").splitlines()


def shown(text, mark):
    """The lines of the example that begin with the mark, as the terminal shows them."""
    for line in re.findall("^" + mark + " (.*)", text, re.M):
        yield line.replace("\\(aq", "'").replace("\\-", "-").replace("\\e", "\\")


def said(test):
    """The lines of a pipe test's .in that are not quiet, and of its .out."""
    quiet, lines = False, []
    with open(test + ".in", encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith("quiet\t"):
                quiet = line.endswith("\ton")
            elif not quiet and not re.match(r"#|(include|settings|turn|clock)\t", line):
                lines.append(line)
    with open(test + ".out", encoding="utf-8") as f:
        return lines, f.read().splitlines()


def examples(text, test):
    for mark, want in zip("><", said(test)):
        got = list(shown(text, mark))
        for g, w in zip(got, want):
            if not re.fullmatch(".*".join(re.escape(p) for p in g.split("...")), w):
                yield "shows %s\n  and %s.* has %s" % (g, test, w)
        if len(got) != len(want):
            yield "shows %d lines after %s, and %s.* has %d" % (len(got), mark, test, len(want))


def main():
    bad = 0
    ours = {"%s(%s)" % tuple(os.path.basename(p).rsplit(".", 1)) for p in sys.argv[1:]}
    for name in sorted(n for pattern in TEXTS for n in glob.glob(pattern)):
        with open(name, encoding="utf-8") as f:
            text = f.read()
        for fault in [*references(text, ours), *(folders(text) if name.endswith(".md") else ())]:
            bad += 1
            print("%s: %s" % (name, fault))
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as f:
            text = f.read()
        faults = [*headings(name, text), *references(text, ours), *folders(text), *warnings(name)]
        test = EXAMPLE % os.path.basename(name).rpartition(".")[0]
        if os.path.exists(test + ".in"):
            faults += examples(text, test)
        for fault in faults:
            bad += 1
            print("%s: %s" % (name, fault))
    sys.exit(1 if bad else 0)


main()
