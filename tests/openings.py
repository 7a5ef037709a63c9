#!/usr/bin/python3
"""How comments begin: a sentence has a subject, and the reader is told what the subject is.

USAGE   tests/openings.py FILE...
SAYS    each comment that begins with a word which stands for another (what, who, it, one...),
        with its file and line, and last their number
EXIT    0 they are less than 3 of 100; 1 they are more
Comments of up to 20 characters are left out.
"""
import re
import sys

EMPTY = re.compile(r"(what|who|whose|whether|it|its|one|ones|that|those|there|which)\b", re.I)
MOST = 3  # of 100
SHORT = 20


def comments(text):
    """(line, words) of each comment of C."""
    for m in re.finditer(r"/\*(.*?)\*/", text, re.S):
        yield text.count("\n", 0, m.start()) + 1, re.sub(r"\s*\n\s*\*?\s*", " ",
                                                         m.group(1)).strip(" *-\n")


def main():
    n, bad = 0, 0
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as f:
            for line, words in comments(f.read()):
                if len(words) <= SHORT:
                    continue
                n += 1
                if EMPTY.match(words):
                    bad += 1
                    print("%s:%d: %s" % (name, line, words[:60]))
    print("%d of %d comments begin with a word that stands for another" % (bad, n))
    sys.exit(1 if bad * 100 >= n * MOST else 0)


main()
