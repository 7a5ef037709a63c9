#!/usr/bin/python3
"""Rooms that call each other in a circle: the files of a program that nobody can read, or change, alone.

USAGE   tests/circles.py OBJECTS
READS   OBJECTS/PROGRAM/*.o, by nm: the functions that each file has and calls. The file that has the
        program's name is left out: it holds the tables of events by which lower rooms tell higher ones.
SAYS    each program with more files in circles than MOST has, and their names; each with fewer,
        so that MOST falls too
EXIT    0 there is none; 1 there are some
"""
import glob
import os
import subprocess
import sys

# Files in circles; a program that is not here has none. The numbers only fall.
MOST = {"xmpp-authd": 13, "xmpp-c2sd": 15, "xmpp-compd": 2, "xmpp-confgen": 19, "xmpp-ctl": 10,
        "xmpp-hostd": 13, "xmpp-load": 3, "xmpp-mucd": 35, "xmpp-pubsubd": 25,
        "xmpp-pushd": 7, "xmpp-registerd": 18, "xmpp-s2sd": 14, "xmpp-tlsd": 13, "xmpp-uploadd": 4,
        "xmpp-userd": 19, "xmpp-webd": 15}


def calls(folder, program):
    """{file: files whose functions it calls} of a program."""
    has, wants = {}, {}
    for path in glob.glob("%s/%s/*.o" % (folder, program)):
        name = os.path.basename(path)[:-2]
        if name == program or not os.path.exists("bin/%s/%s.c" % (program, name)):
            continue
        has[name], wants[name] = set(), set()
        out = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        for words in map(str.split, out.splitlines()):
            if len(words) == 3 and words[1] == "T":
                has[name].add(words[2])
            elif len(words) == 2 and words[0] == "U":
                wants[name].add(words[1])
    owner = {symbol: name for name in has for symbol in has[name]}
    return {name: {owner[s] for s in wants[name] if s in owner} - {name} for name in has}


def reached(arrows, start):
    """The files that calls lead to from start."""
    seen, ahead = set(), [start]
    while ahead:
        for to in arrows[ahead.pop()] - seen:
            seen.add(to)
            ahead.append(to)
    return seen


def fault_of(program, arrows):
    """The words for a program whose number is not that of MOST, or None."""
    circle = sorted(name for name in arrows if name in reached(arrows, name))
    most = MOST.get(program, 0)
    if len(circle) > most:
        return "%d files in circles, %d are allowed: %s" % (len(circle), most, " ".join(circle))
    if len(circle) < most:
        return "%d files in circles, and MOST has %d: lower it" % (len(circle), most)
    return None


def main():
    if len(sys.argv) != 2:
        print("usage: tests/circles.py OBJECTS", file=sys.stderr)
        sys.exit(100)
    bad = 0
    for program in sorted(os.listdir("bin")):
        if not os.path.isdir("bin/" + program):
            continue
        arrows = calls(sys.argv[1], program)
        fault = fault_of(program, arrows) if arrows else "no objects in " + sys.argv[1]
        if fault:
            print("circles: %s has %s" % (program, fault))
            bad = 1
    sys.exit(bad)


main()
