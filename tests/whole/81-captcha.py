#!/usr/bin/python3
"""xmpp-captcha alone: what it draws and asks, how large, how fast, how different."""
import struct
import zlib

from tree import *

LETTERS = "ACDEFHJKMNPRTUVWXY3479"


def run(*words):
    return subprocess.run([BIN + "/xmpp-captcha"] + list(words), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=DEADLINE)


def picture(text):
    r = run(text)
    assert r.returncode == 0 and not r.stderr, r
    return r.stdout


def shades(png):
    """The points of a picture, as rows of numbers of the palette; filters are undone."""
    at, data, size = 8, b"", None
    while at < len(png):
        n, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + n]
        if kind == b"IHDR":
            size = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            data += body
        at += 12 + n
    assert size == (200, 70, 8, 3), size
    raw, rows, last = zlib.decompress(data), [], bytes(200)
    for y in range(70):
        how, row = raw[y * 201], bytearray(raw[y * 201 + 1:(y + 1) * 201])
        assert how in (0, 2)
        if how == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, last))
        rows.append(bytes(row))
        last = rows[-1]
    return rows


def cpu(work):
    """The seconds of CPU that the children of this process have for work."""
    def used():
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.ru_utime + r.ru_stime
    began = used()
    work()
    return used() - began


@check
def size_and_time():
    pictures = [picture("".join(random.choice(LETTERS) for _ in range(6))) for _ in range(40)]
    texts = [x * 6 for x in LETTERS + "0123456789"]
    start = cpu(lambda: [run("--version") for _ in texts])
    used = (cpu(lambda: pictures.extend(map(picture, texts))) - start) / len(texts)
    print("  %d to %d bytes, %.1f ms" % (min(map(len, pictures)), max(map(len, pictures)), used * 1000))
    assert all(x.startswith(b"\x89PNG\r\n\x1a\n") and 800 < len(x) <= 6144 for x in pictures)
    assert used < 0.010 * SLOW, used


@check
def no_two_alike():
    """Of one text, no picture is another's, and most of the ink lies elsewhere."""
    many = [picture("ACDEFH") for _ in range(20)]
    assert len(set(many)) == 20
    inks = [{(x, y) for y, row in enumerate(shades(p)) for x, c in enumerate(row) if c > 3} for p in many]
    assert all(1500 < len(i) < 8000 for i in inks), [len(i) for i in inks]
    common = [len(a & b) / len(a | b) for n, a in enumerate(inks) for b in inks[:n]]
    print("  %.2f of the ink is common at most" % max(common))
    assert max(common) < 0.6


@check
def ink_is_in_the_picture():
    """The edges have noise alone, 33 points of 540 on average: no character is cut off."""
    edges = []
    for _ in range(20):
        rows = shades(picture("MMMMMM"))
        edges.append(sum(c > 3 for row in rows for c in (row[0], row[-1])) +
                     sum(c > 3 for c in rows[0] + rows[-1]))
    assert sorted(edges)[10] < 50 and max(edges) < 120, edges


@check
def questions():
    for lang, word in (("en", "What"), ("de-AT", "Wie viel"), ("zh", "等于"), ("fr", "What")):
        question, number, name = run("--question", lang).stdout.decode().splitlines()
        assert word in question and number.isdigit() and name, question
    assert len({run("--question").stdout for _ in range(40)}) > 5


@check
def what_is_wrong():
    for words in ((), ("abc",), ("",), ("A" * 13,), ("A", "B"), ("-f", "x"), ("--question", "a", "b")):
        assert run(*words).returncode == 100, words
    r = run("-f", "/nonexistent", "ABC")
    assert r.returncode == 111 and b"font" in r.stderr and not r.stdout
    r = subprocess.run("%s/xmpp-captcha ABC > /dev/full" % BIN, shell=True, stderr=subprocess.PIPE)
    assert r.returncode == 111 and r.stderr


main()
