#!/usr/bin/python3
"""The column links of bin/README.md, and the stores under FILES of xmpp-up(8), are those of the tables in
lib/record/programs.h.

USAGE   tests/programs.py
SAYS    a line for each program whose links, and for each store whose name, stand otherwise
EXIT    0 all is well; 1 not
"""
import re
import sys

TABLES = "lib/record/programs.h"
MAP = "bin/README.md"
PAGE = "bin/xmpp-up/xmpp-up.8"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def neighbours(text):
    """By the word of each program that a supervisor runs, those to which it has a link, whichever of the
    two connects."""
    rows = re.findall(r'^P\(\w+, +"(\w+)", +\d+, .*(RUNS_\w+), +"([^"]*)"\)', text, re.M)
    links = {word: set(to.split()) for word, runs, to in rows if runs != "RUNS_NOT"}
    for word in links:
        for other in links[word]:
            links[other].add(word)
    return links


def shown(cell, words):
    """The words in a cell of the column links; "all but" those that follow."""
    named = words & set(re.findall(r"\w+", cell))
    return words - named if cell.startswith("all but ") else named


def faults_of_links(tables):
    links = neighbours(tables)
    rows = dict(re.findall(r"^\| \[xmpp-(\w+)\]\(\S+\) \|[^|]*\| ([^|]*) \|$", read(MAP), re.M))
    for word, wanted in links.items():
        if word not in rows:
            yield "%s has no row xmpp-%s" % (MAP, word)
            continue
        got = shown(rows[word], set(links) - {word})
        if got != wanted:
            yield "%s, xmpp-%s: lacks %s, has besides %s" % (
                MAP, word, sorted(wanted - got) or "nothing", sorted(got - wanted) or "nothing")


def faults_of_stores(tables):
    wanted = re.findall(r'^S\(\w+, +"(\w+)"', tables, re.M)
    m = re.search(r"^The stores: ([^.]*)\.$", read(PAGE), re.M)
    got = m[1].split(", ") if m else []
    if got != wanted:
        yield "%s: the stores are %s" % (PAGE, ", ".join(wanted))


def main():
    tables = read(TABLES)
    faults = [*faults_of_links(tables), *faults_of_stores(tables)]
    for fault in faults:
        print("programs: " + fault)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
