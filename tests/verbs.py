#!/usr/bin/python3
"""The verbs of tests/verbs.txt are in lib/record/verbs.h with the same roles and fields, so that programs
of two versions understand each other (conf/upgrade.md): a reader ignores a verb and a last field that it
does not know, and cuts the link when a verb that it knows comes from a neighbour who may not say it.

USAGE   tests/verbs.py          compares
        tests/verbs.py --add    gives each verb that has no row a row, for a release
SAYS    each verb that is gone, or has other roles, other fields or another number of fields that must be
        there; a word of a field, and a field behind the others, may be new
EXIT    0 there is none; 1 there are some
"""
import re
import sys

HEADER = "lib/record/verbs.h"
LIST = "tests/verbs.txt"
ROW = re.compile(r'V\(\w+, "([^"]*)", "([^"]*)", (\d+),([^,]*),([^,]*),\s*"')
DEFINE = re.compile(r"#define (\w+_ROLES) \(([^)]*)\)")
NAMES = ("verb", "fields that must be there", "from", "to", "fields")


def roles(words, defines):
    """The roles of an expression in C like ROLE_EDGE | ROLE_ROUTER, in the order of the alphabet."""
    out = set()
    for word in words.replace(" ", "").split("|"):
        if word in defines:
            out |= set(roles(defines[word], defines).split())
        else:
            out.add(word.partition("_")[2].lower())
    return " ".join(sorted(out))


def verbs():
    """The rows of the table: name, number of fields that must be there, roles, roles, fields."""
    with open(HEADER, encoding="utf-8") as f:
        text = f.read()
    defines = dict(DEFINE.findall(text))
    text = text[text.index("#define VERB_TABLE"):text.index("enum verb {")].replace("\\\n", " ")
    rows = {}
    for verb, fields, least, sends, gets in ROW.findall(text):
        rows[verb] = (verb, least, roles(sends, defines), roles(gets, defines), fields)
    if len(rows) != len(re.findall(r"\bV\(\w+, ", text)):
        sys.exit("verbs: a row of %s cannot be read" % HEADER)
    return rows


def listed():
    with open(LIST, encoding="utf-8") as f:
        return [tuple(line.rstrip("\n").split("\t")) for line in f if not line.startswith("#")]


def has_fields(new, old):
    """Each old field stands in its place; a field that is a list of words may have more of them."""
    new, old = new.split(), old.split()
    return len(new) >= len(old) and all(
        set(o.split("|")) <= set(n.split("|")) for o, n in zip(old, new))


def faults(row, rows):
    new = rows.get(row[0])
    if not new:
        yield "is gone"
        return
    for i in (1, 2, 3):
        if new[i] != row[i]:
            yield "%s: %s, was %s" % (NAMES[i], new[i], row[i])
    if not has_fields(new[4], row[4]):
        yield "fields: %s, were %s" % (new[4], row[4])


def main():
    rows, old = verbs(), listed()
    bad = 0
    for row in old:
        for fault in faults(row, rows):
            print("verbs: %s %s" % (row[0], fault))
            bad = 1
    if "--add" in sys.argv[1:]:
        known = {row[0] for row in old}
        with open(LIST, "a", encoding="utf-8") as f:
            f.writelines("\t".join(rows[v]) + "\n" for v in rows if v not in known)
    return bad


if __name__ == "__main__":
    sys.exit(main())
