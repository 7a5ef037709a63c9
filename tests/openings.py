#!/usr/bin/python3
"""How sentences begin: a sentence has a subject, and the reader is told what the subject is.

USAGE   tests/openings.py FILE...
READS   comments of C (.c, .h), manual pages (.1 .5 .7 .8), READMEs (.md); scripts: comments of
        shell (.sh), comments and docstrings of Python (.py); of a file without an ending, the
        first line names the language
SAYS    each comment, and each sentence of a page, that begins with a word which stands for
        another (what, who, it, they...), with its file and line, and last their numbers
EXIT    0 they are less than 3 of 100 of each kind; 1 they are more
Comments and sentences of up to 20 characters are left out, and questions.
"""
import ast
import io
import re
import sys
import tokenize

EMPTY = re.compile(r"(what|who|whose|whoever|whatever|whether|it|its|one|ones|that|those|there|"
                   r"they|their|which)\b", re.I)
MOST = 3  # of 100
SHORT = 20


def comments(text):
    """(line, words) of each comment of C."""
    for m in re.finditer(r"/\*(.*?)\*/", text, re.S):
        yield text.count("\n", 0, m.start()) + 1, re.sub(r"\s*\n\s*\*?\s*", " ",
                                                         m.group(1)).strip(" *-\n")


def sentences(line, words):
    """(line, sentence) of each sentence of a paragraph, which begins at that line."""
    for part in re.split(r"(?<=[.!?:;])\s+", words):
        yield line, part


def joined(lines):
    """(line, words) of the comments among (line, column or None, words): lines that follow each
    other in one column are one comment, and a comment behind code, with column None, is its own."""
    last = None
    for n, column, words in lines:
        if last and column is not None and (last[1], last[2]) == (column, n - 1):
            last[2:] = [n, last[3] + " " + words]
            continue
        if last:
            yield last[0], last[3]
        last = [n, column, n, words]
    if last:
        yield last[0], last[3]


def shell(text):
    """(line, words) of each comment of a shell script that stands on lines of its own."""
    yield from joined((n, line.index("#"), line.strip(" #"))
                      for n, line in enumerate(text.splitlines(), 1)
                      if re.match(r"\s*#(?!!)", line))


def python(text):
    """(line, words) of each docstring and of each comment of Python."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            words = ast.get_docstring(node)
            if words:
                yield node.body[0].lineno, " ".join(words.split())
    yield from joined((t.start[0], None if t.line[:t.start[1]].strip() else t.start[1],
                       t.string.strip("# "))
                      for t in tokenize.generate_tokens(io.StringIO(text).readline)
                      if t.type == tokenize.COMMENT and not t.string.startswith("#!"))


def markdown(text):
    """(line, sentence) of a README: of its paragraphs and of the cells of its tables."""
    first, paragraph, is_code = 1, "", False
    for n, line in enumerate(text.splitlines() + [""], 1):
        is_code ^= line.startswith("```")
        if line.startswith("|"):
            for cell in line.strip("|").split("|"):
                yield from sentences(n, cell.strip())
        elif is_code or not line.strip() or line.startswith(("#", "    ", "!", "```")):
            yield from sentences(first, paragraph)
            paragraph = ""
        else:
            if not paragraph:
                first = n
            paragraph = (paragraph + " " + line).strip(" *-")


def mdoc(text):
    """(line, sentence) of a manual page: a sentence begins a line, and ends one."""
    words, first, is_display = "", 1, False
    for n, line in enumerate(text.splitlines() + [".Pp"], 1):
        macro = re.match(r"\.(\w+) ?(.*)", line)
        if macro and macro.group(1) in ("Bd", "Ed"):
            is_display = macro.group(1) == "Bd"
        is_break = macro and macro.group(1) in ("Pp", "Sh", "Ss", "It", "Bl", "El", "Bd", "Ed",
                                                "Dl", "Nd", "br", "Dd")
        if is_break or words.endswith((".", ":", ";")):
            yield first, words
            words = ""
        if macro and macro.group(1) == "Nd":
            yield n, macro.group(2)
        elif not is_break and not is_display:
            first = first if words else n
            words = (words + " " + (macro.group(2) or "X" if macro else line)).strip()


def script(text):
    """(line, words) of a script, whose language its first line or its form tells."""
    first = text.partition("\n")[0]
    yield from (shell if re.match(r"#!.*(sh|execlineb)\b", first) else python)(text)


READERS = {"c": comments, "h": comments, "md": markdown}
PAGE = re.compile(r"\.[1-8]$")


def count(kind, files, read):
    """Print the bad ones of files; their number must be small."""
    n, bad = 0, 0
    for name in files:
        with open(name, encoding="utf-8") as f:
            for line, words in read(f.read()):
                if len(words) <= SHORT or words.endswith("?"):
                    continue
                n += 1
                if EMPTY.match(words):
                    bad += 1
                    print("%s:%d: %s" % (name, line, words[:60]))
    print("%d of %d %s begin with a word that stands for another" % (bad, n, kind))
    return bad * 100 < n * MOST or not n


def main():
    kinds = {}
    for name in sys.argv[1:]:
        read = READERS.get(name.rpartition(".")[2], mdoc if PAGE.search(name) else script)
        kinds.setdefault(read, []).append(name)
    words = {comments: "comments of C", script: "comments of scripts", markdown: "sentences of READMEs",
             mdoc: "sentences of manual pages"}
    good = [count(words[read], files, read) for read, files in kinds.items()]
    sys.exit(0 if all(good) else 1)


main()
