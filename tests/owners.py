#!/usr/bin/python3
"""An option that works is read by each program that its row in xmpp-confgen's table names, and
a module that a program reads works, as its row says.

USAGE   tests/owners.py
READS   bin/xmpp-confgen/table.c, and the sources of the programs and of lib/
SAYS    each option with a program that does not read it; each module that is said to do
        nothing, with a program that does something for it
EXIT    0 there is none; 1 there are some

Options of which xmpp-confgen makes other rows (T_SPECIAL, CARRIED) are left out, as are programs
that are not built yet.
"""
import glob
import os
import re
import sys

ROW = re.compile(r'\{"([a-z_]*)", "([a-z_0-9*]+)", (T_\w+), [^,]*, ([A-Z0-9 |]+), WORKS,')
MODULE = re.compile(r'\{"(mod_[a-z0-9_]+)", (?:LATER|NOTHING),')
DEFINE = re.compile(r"#define (\w+)((?:.*\\\n)*.*)")
PROGRAMS = ("TLSD", "C2SD", "S2SD", "ROUTED", "AUTHD", "USERD", "HOSTD", "MAMD", "PUBSUBD", "MUCD",
            "UPLOADD", "WEBD", "CTL")
CARRIED = ("loglevel",)  # in the rows of instances, of which xmpp-up makes command lines


def text_of(paths):
    return "".join(open(p, encoding="utf-8").read() for p in sorted(paths))


def owners(words, defines):
    """The programs of an expression like EVERY | CTL."""
    out = set()
    for word in re.findall(r"[A-Z0-9]+", words):
        out |= {word} if word in PROGRAMS else owners(defines.get(word, ""), defines)
    return out


def main():
    table = text_of(["bin/xmpp-confgen/table.c"])
    defines = dict(DEFINE.findall(table + text_of(["bin/xmpp-confgen/confgen.h"])))
    common = text_of(glob.glob("lib/*/*.c"))
    bad = 0
    for section, name, kind, words in ROW.findall(table):
        key = section + "." + name if section not in ("", "listen") else name
        for program in sorted(owners(words, defines)):
            folder = "bin/xmpp-" + program.lower()
            if kind == "T_SPECIAL" or name in CARRIED or not os.path.isdir(folder):
                continue
            if '"%s"' % key not in text_of(glob.glob(folder + "/*.[ch]")) + common:
                print("owners: %s does not read %s" % (folder[4:], key))
                bad += 1
    for folder in sorted(glob.glob("bin/xmpp-*d")):
        text = text_of(glob.glob(folder + "/*.[ch]"))
        for module in MODULE.findall(table):
            if re.search('"%s[".]' % module, text):
                print("owners: %s has %s, which is said to do nothing" % (folder[4:], module))
                bad += 1
    sys.exit(1 if bad else 0)


main()
