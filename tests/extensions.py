#!/usr/bin/python3
"""The extensions that documents list are those of the sources.

USAGE   tests/extensions.py [--write]
READS   lib/base/man/extensions, bin/*/*.[ch] lib/*/*.[ch], conf/extensions.md, README.md
SAYS    each row of the catalogue that no source supports, each handler, file, namespace and citation
        that has no row, each document that is not what the catalogue makes
EXIT    0 all is well; 1 a line does not hold
--write makes conf/extensions.md, and the table between the marks in README.md, anew.
A program, with the areas of lib that it links, supports a row by citing the number, by a file
xepNNNN_*, or by a namespace of the row. A namespace that a table of handlers shows, or a program announces as a feature, needs a row that names
the program.
"""
import glob
import os
import re
import sys

CATALOGUE, PAGE, README = "lib/base/man/extensions", "conf/extensions.md", "README.md"
BEGIN, END = "<!-- made by tests/extensions.py --write -->\n", "<!-- end -->\n"
HEAD = """# Extensions

The RFCs and XEPs that the programs implement. A host offers those whose modules its configuration
has: service discovery shows them. `tests/extensions.py --write` makes this page from
lib/base/man/extensions, and make check compares that with the sources.

| number | content | programs |
|---|---|---|
"""


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Row:
    def __init__(self, number, content, programs, spaces=""):
        self.number, self.content = number, content
        self.programs, self.spaces = programs.split(), spaces.split()

    def has(self, space):
        return any(space == s or (s.endswith("*") and space.startswith(s[:-1])) for s in self.spaces)


def catalogue():
    rows, others = [], set()
    for line in read(CATALOGUE).splitlines():
        cells = line.split("\t")
        if line.startswith("-"):
            others |= set(cells[1].split())
        elif not line.startswith("#"):
            rows.append(Row(*cells))
    return rows, others


def literals(text, macros):
    """The strings of a piece of C: macros are replaced, and what stands side by side is one string."""
    for token in re.findall(r'(?:(?:"(?:[^"\\]|\\.)*"|\b[A-Z][A-Z_0-9]+\b)\s*)+', text):
        whole = ""
        for quoted, name in re.findall(r'"((?:[^"\\]|\\.)*)"|\b([A-Z][A-Z_0-9]+)\b', token):
            whole += quoted if not name else macros.get(name, "\n")
        yield from whole.split("\n")


class Sources:
    def __init__(self):
        self.text = {p: read(p) for p in glob.glob("bin/*/*.[ch]") + glob.glob("lib/*/*.[ch]")}
        self.common = self.macros(p for p in self.text if p.startswith("lib/"))
        self.programs = sorted({p.split("/")[1] for p in self.text if p.startswith("bin/")})

    def macros(self, paths, known=None):
        found = dict(known or {})
        for p in paths:
            for name, value in re.findall(r"^#define ([A-Z_0-9]+) (.*\".*\".*)$", self.text[p], re.M):
                found[name] = "".join(literals(value, found))
        return found

    def of(self, program):
        return [p for p in self.text if p.startswith("bin/%s/" % program)]

    def linked(self, program):
        """The sources of a program, and those of the areas that it links."""
        areas = read("bin/%s/parts" % program).split()
        return self.of(program) + [p for p in self.text if p.startswith("lib/") and p.split("/")[1] in areas]

    def strings(self, program):
        paths = self.linked(program)
        macros = self.macros(paths, self.common)
        return {s for p in paths for s in literals(self.text[p], macros)}

    def cited(self, paths):
        numbers = {n for p in paths for n in re.findall(r"(?:XEP-\d{4}|RFC \d{4})", self.text[p])}
        return numbers | {"XEP-" + n for p in paths for n in re.findall(r"/xep(\d{4})_", p)}

    def shown(self, program):
        """The namespaces of a program's rows of handlers and of its lists of features."""
        macros = self.macros(self.of(program), self.common)
        for p in self.of(program):
            for body in re.findall(r"(?:handle_row const handlers|\*const (?:both|more|pubsub_features)|\} const features)\[\w*\] = "
                                   r"\{(.*?)\n\};", self.text[p], re.S):
                rows = re.findall(r"\{[^{}]*\}", body) or [body]
                for row in rows:
                    yield from (s for s in literals(re.sub(r"\bNULL\b", "", row), macros)
                                if re.search(r"[:#_]", s) and not s.startswith("mod_"))


def faults(rows, others):
    src = Sources()
    for row in rows:
        for program in row.programs:
            if program not in src.programs:
                yield "%s: there is no program %s" % (row.number, program)
            elif row.number not in src.cited(src.linked(program)) and not any(row.has(s) for s in src.strings(program)):
                yield "%s: %s neither cites it nor has one of its namespaces" % (row.number, program)
    named = {r.number: r for r in rows}
    for program in src.programs:
        for path in src.of(program):
            number = re.search(r"/xep(\d{4})_", path)
            row = named.get("XEP-" + number[1]) if number else None
            if number and (not row or program not in row.programs):
                yield "%s: no row of XEP-%s names %s" % (path, number[1], program)
        for number in sorted(n for n in src.cited(src.of(program)) if n.startswith("XEP")):
            if number not in named and number not in others:
                yield "%s cites %s, which has no row" % (program, number)
        for space in sorted(set(src.shown(program))):
            if not any(r.has(space) and program in r.programs for r in rows):
                yield "%s shows %s, of which no row names it" % (program, space)


def page(rows):
    return HEAD + "".join("| %s | %s | %s |\n" % (r.number, r.content, ", ".join(r.programs)) for r in rows)


def short(rows):
    """A row for each program, of the extensions that name this program first."""
    lines = {}
    for r in rows:
        lines.setdefault(r.programs[0], []).append(r.number.replace("XEP-", ""))
    return "| program | RFCs and XEPs |\n|---|---|\n" + "".join(
        "| %s | %s |\n" % (p, ", ".join(lines[p])) for p in lines)


def with_table(text, rows):
    before, rest = text.split(BEGIN)
    return before + BEGIN + short(rows) + END + rest.split(END)[1]


def main():
    rows, others = catalogue()
    made = {PAGE: page(rows), README: with_table(read(README), rows)}
    if sys.argv[1:] == ["--write"]:
        for path, text in made.items():
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    bad = list(faults(rows, others))
    bad += ["%s is not what %s makes: tests/extensions.py --write" % (p, CATALOGUE) for p, text in made.items()
            if not os.path.exists(p) or read(p) != text]
    for line in bad:
        print("extensions: " + line)
    sys.exit(1 if bad else 0)


main()
