#!/usr/bin/python3
"""The events of the log: every warning says why, and xmpp-log(7) has them all.

USAGE   tests/events.py [ --list ]
READS   bin/*/*.c, lib/*/*.c: the calls of log_event; lib/base/man/events: the meanings of
        events, of words, and of keys; build/man/xmpp-log.7
SAYS    with --list a line for each call: EVENT LEVEL KEYS FILE:LINE, separated by TABs;
        else each fatal or warning line that has no why, each event, key or word of one of the
        three that another lacks, and each call whose level or event is not written in it
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
                for event in re.findall(r'"([a-z0-9-]+)"', args[1]):
                    yield event, args[0], keys, "%s:%d" % (name, text.count("\n", 0, m.start()) + 1)


MEANINGS = "lib/base/man/events"
PAGE = "build/man/xmpp-log.7"
# The words that a key of an event may have, as its source has them.
WORDS = (("auth-failed", "bin/xmpp-c2sd/logins.c", r'\{"([a-z-]+)", +"logins_failed_'),
         ("stanza-refused", "lib/stanza/refused.c", r'\{"([a-z-]+)", +"refused_'))


def meanings():
    """The events, with the words below each, and the keys that the table explains."""
    events, keys, last = {}, [], None
    with open(MEANINGS, encoding="utf-8") as f:
        for line in f.read().splitlines():
            first, _, rest = line.partition("\t")
            if first.startswith("="):
                keys.append(first[1:])
            elif first == "":
                events[last].append(rest.partition("\t")[0])
            elif not first.startswith("#"):
                last = first
                events[last] = []
    return events, keys


def differences(what, source, table, order=True):
    for x in sorted(set(source) - set(table)):
        yield "%s lacks the %s %s" % (MEANINGS, what, x)
    for x in sorted(set(table) - set(source)):
        yield "the sources lack the %s %s, which %s has" % (what, x, MEANINGS)
    if order and sorted(table) != table:
        yield "%s does not have each %s in alphabetical order" % (MEANINGS, what)


def opaque():
    """The calls whose level or event is a variable: neither this file nor the page sees them."""
    for name in sorted(glob.glob("bin/*/*.c") + glob.glob("lib/*/*.c")):
        with open(name, encoding="utf-8") as f:
            text = f.read()
        for m in re.finditer(r"^ .*\blog_event\(([^,]*),([^,]*),", text, re.M):
            if "LOG_" not in m[1] or '"' not in m[2]:
                yield "%s: the level and the event are not in the call %s" % (
                    name, m[0].strip())


def strange(events):
    """The words of events that no source has as a string."""
    sources = ""
    for name in glob.glob("bin/*/*.c") + glob.glob("lib/*/*.c"):
        with open(name, encoding="utf-8") as f:
            sources += f.read()
    for event, words in events.items():
        for word in words:
            if '"%s"' % word not in sources:
                yield "the sources lack the word \"%s\" of %s, which %s has" % (word, event, MEANINGS)


def complaints():
    found = list(calls())
    events, keys = meanings()
    yield from opaque()
    yield from strange(events)
    yield from differences("event", [c[0] for c in found], list(events))
    yield from differences("key", [k for c in found for k in c[2]], keys)
    for event, name, pattern in WORDS:
        with open(name, encoding="utf-8") as f:
            yield from differences("word of " + event, re.findall(pattern, f.read()),
                                   events[event], False)
    with open(PAGE, encoding="utf-8") as f:
        shown = re.findall(r"^\.It Cm ([a-z0-9_-]+)$", f.read(), re.M)
    if shown != list(events) + keys:
        yield "%s lacks %s" % (PAGE, sorted(set(list(events) + keys) - set(shown)))
    for event, level, has, where in sorted(found):
        if ("LOG_WARN" in level or "LOG_FATAL" in level) and "why" not in has:
            yield "%s: %s does not say why" % (where, event)


def main():
    if sys.argv[1:] == ["--list"]:
        for event, level, keys, where in sorted(calls()):
            print("\t".join((event, level, " ".join(keys), where)))
        return
    bad = list(complaints())
    print("\n".join(bad), end="\n" if bad else "")
    sys.exit(1 if bad else 0)


main()
