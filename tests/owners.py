#!/usr/bin/python3
"""An option that works is read by each program that its row in xmpp-confgen's table names, and by no
other; one with a default stands in the list of what the program needs, and in no other list. A
module that a program reads works, as its row says.

USAGE   tests/owners.py
READS   bin/xmpp-confgen/table.c and table_modules.c, PROGRAM_TABLE of lib/record/programs.h, and
        the sources of the programs and of lib/
SAYS    each option with a program that does not read it, reads it and does not get it, or needs it
        otherwise than the table has it; each module that is said to do nothing, with a program
        that does something for it; each row of the table that this script does not understand
EXIT    0 there is none; 1 there are some

Options of which xmpp-confgen makes other rows (T_SPECIAL, CARRIED) are left out.
"""
import glob
import re
import sys

ROW = re.compile(r'\{"([a-z_0-9.]*)", "([a-z_0-9*]+)", (T_\w+), ([A-Z_]+|"[^"]*"), ([A-Z0-9 |]+), (\w+),')
ANY_ROW = re.compile(r'^ *(\{"[^"]*", "[^"]*", T_.*)', re.M)
MODULE = re.compile(r'\{"(mod_[a-z0-9_]+)", (?:LATER|NOTHING),')
HANDLER = re.compile(r'\{"(\w+)", +(?:WORKS|LATER|NOTHING) *\}')
NEEDS = re.compile(r"_needs\[\] = \{([^}]*)\}")
STRING = re.compile(r'"([^"]*)"')
READER = re.compile(r'settings_(?:get|u64|us|bool)\(\s*[^,()]+(?:\(\))?,\s*"([^"]+)"')
# lib/settings reads host and hosts of the module.
DOMAINS = re.compile(r'settings_(?:domains|each_domain|domain_host)\(\s*[^,()]+,\s*"(mod_\w+)"')
DEFINE = re.compile(r"#define (\w+)((?:.*\\\n)*.*)")
# Name in code, and when it runs.
PROGRAM = re.compile(r'^P\((\w+), +"\w+", +\d+, +[A-Z_ |]+, +(\w+),', re.M)
# loglevel has other rows; service/daemon/log/run reads the rest.
CARRIED = ("loglevel", "log_rotate_size", "log_rotate_count", "log")


def text_of(paths):
    return "".join(open(p, encoding="utf-8").read() for p in sorted(paths))


PROGRAMS = dict(PROGRAM.findall(text_of(["lib/record/programs.h"])))
DAEMONS = " ".join(p for p, runs in PROGRAMS.items() if runs != "RUNS_NOT")


def owners(words, defines):
    """The programs of an expression like EVERY | CTL."""
    out = set()
    for word in re.findall(r"[A-Z0-9]+", words):
        out |= {word} if word in PROGRAMS else owners(defines.get(word, ""), defines)
    return out


def table_rows(table, defines):
    """Key, has a default for all, programs and effect of each option that has a row of its own."""
    for section, name, kind, dflt, words, effect in ROW.findall(table):
        if kind == "T_SPECIAL" or name in CARRIED or "." in section.replace("tabber.", ""):
            continue
        whole = section in ("", "listen", "tabber") or section.startswith("ejabberd_")
        key = name if whole else section.replace("tabber.", "") + "." + name
        yield key, dflt != "NULL" and "@HOST@" not in dflt, owners(words, defines), effect


def read_by(folder):
    text = text_of(glob.glob(folder + "/*.[ch]"))
    return text + "".join('"%s.host" "%s.hosts"' % (m, m) for m in DOMAINS.findall(text))


def needs_of(folder):
    """The keys that a daemon says it needs; None: the program is no daemon."""
    found = NEEDS.search(read_by(folder))
    return set(STRING.findall(found.group(1))) if found else None


def faults_of(program, folder, rows, common):
    """The faults of a program: a line each."""
    text, needs = read_by(folder), needs_of(folder)
    mine = [(key, dflt, effect) for key, dflt, programs, effect in rows if program in programs]
    for key, dflt, effect in mine:
        if effect == "WORKS" and '"%s"' % key not in text + common:
            yield "does not read " + key
        elif effect == "WORKS" and dflt and needs is not None and key not in needs \
                and '"%s"' % key in text:
            yield "does not need %s, which has a default" % key
    for key in sorted((needs or set()) - {key for key, dflt, _ in mine if dflt}):
        yield "needs %s, which has no default" % key
    for key in sorted(set(READER.findall(text)) & {row[0] for row in rows}):
        if key not in [row[0] for row in mine]:
            yield "reads %s, and its settings do not have it" % key


def main():
    table = text_of(["bin/xmpp-confgen/table.c", "bin/xmpp-confgen/table_modules.c"])
    defines = dict(DEFINE.findall(table + text_of(["bin/xmpp-confgen/confgen.h"])), DAEMONS=DAEMONS)
    common = text_of(glob.glob("lib/*/*.c"))
    rows = list(table_rows(table, defines))
    bad = 0
    for row in ANY_ROW.findall(table):
        if not ROW.match(row):
            print("owners: not understood: " + row)
            bad += 1
    for program in PROGRAMS:
        folder = "bin/xmpp-" + program.lower()
        for fault in faults_of(program, folder, rows, common):
            print("owners: %s %s" % (folder[4:], fault))
            bad += 1
    # A word that is the name of a web handler too stands for the handler there.
    web = set(HANDLER.findall(text_of(["bin/xmpp-confgen/web.c"])))
    for folder in sorted(glob.glob("bin/xmpp-*d")):
        for module in MODULE.findall(table):
            if module not in web and re.search('"%s[".]' % module, read_by(folder)):
                print("owners: %s has %s, which is said to do nothing" % (folder[4:], module))
                bad += 1
    sys.exit(1 if bad else 0)


main()
