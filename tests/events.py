#!/usr/bin/python3
"""The events of the log, as the source has them: every warning says why.

USAGE   tests/events.py [ --list ]
READS   bin/*/*.c, lib/*/*.c: the calls of log_event
SAYS    with --list a line for each call: EVENT LEVEL KEYS FILE:LINE, separated by TABs;
        else each fatal or warning line that has no why
EXIT    0 all is well; 1 a line lacks something
"""
import glob
import re
import sys

CALL = re.compile(r"\blog_event\(((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)\)")


def arguments(text):
    """The arguments of a call, split at the commas outside brackets and strings."""
    return [a.strip() for a in re.findall(
        r'((?:"(?:[^"\\]|\\.)*"|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|[^,"()])+)', text)]


def calls():
    for name in sorted(glob.glob("bin/*/*.c") + glob.glob("lib/*/*.c")):
        with open(name, encoding="utf-8") as f:
            text = f.read()
        for m in CALL.finditer(text):
            args = arguments(" ".join(m.group(1).split()))
            if args[0].startswith("LOG_") or "LOG_" in args[0]:
                keys = [a.strip('"') for a in args[2::2] if a != "NULL"]
                for event in re.findall(r'"([a-z-]+)"', args[1]):
                    yield event, args[0], keys, "%s:%d" % (name, text.count("\n", 0, m.start()) + 1)


def main():
    bad = 0
    for event, level, keys, where in sorted(calls()):
        if sys.argv[1:] == ["--list"]:
            print("\t".join((event, level, " ".join(keys), where)))
        elif ("LOG_WARN" in level or "LOG_FATAL" in level) and "why" not in keys:
            bad += 1
            print("%s: %s does not say why" % (where, event))
    sys.exit(1 if bad else 0)


main()
