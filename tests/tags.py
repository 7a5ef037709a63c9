#!/usr/bin/python3
"""Each tag that a program asks a stanza for is a row of lib/record/tags.h.

USAGE   tests/tags.py
SAYS    a line for each word that has no row
EXIT    0 all is well; 1 not
"""
import glob
import re
import sys

ROW = re.compile(r'^T\(\w+, "([a-z=-]+)"', re.M)
ASKED = (re.compile(r'slice_has_word\([^;]*[Tt][Aa][Gg][Ss][^;]*SLICE\("([a-z-]+)"\)'),
         re.compile(r'stanza_tag\([^;"]*[Tt][Aa][Gg][Ss][^;"]*"([a-z-]+)"\)'))


def main():
    with open("lib/record/tags.h") as f:
        rows = set(ROW.findall(f.read()))
    bad = 0
    for path in sorted(glob.glob("bin/*/*.c") + glob.glob("lib/*/*.c")):
        with open(path) as f:
            text = f.read()
        for word in ASKED[0].findall(text):
            if word not in rows:
                print(f"tags: {path} asks for {word}, which has no row")
                bad = 1
        for word in ASKED[1].findall(text):
            if word + "=" not in rows:
                print(f"tags: {path} asks for {word}=, which has no row")
                bad = 1
    return bad


sys.exit(main())
