#!/usr/bin/python3
"""Each file of a program stands in the map at the head of the file that has the program's name.

USAGE   tests/rooms.py
SAYS    a line for each file that has no place: in a map, x*.c means all that begin with x,
        xepNNNN_*.c one file for each extension
EXIT    0 all is well; 1 not
"""
import fnmatch
import glob
import os
import re
import sys

NAME = re.compile(r"[\w*-]+\.c\b")


def patterns(path):
    """The names of files in the first comment of this one, as patterns."""
    with open(path) as f:
        head = f.read().split("*/", 1)[0]
    return [n.replace("NNNN", "[0-9]" * 4) for n in NAME.findall(head)]


def main():
    bad = 0
    for folder in sorted(glob.glob("bin/*/")):
        program = os.path.basename(folder.rstrip("/")) + ".c"
        known = patterns(folder + program) + [program]
        for path in sorted(glob.glob(folder + "*.c")):
            name = os.path.basename(path)
            if not any(fnmatch.fnmatch(name, k) for k in known):
                print(f"rooms: {folder}{program} does not name {name}")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
