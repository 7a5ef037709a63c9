"""A chart: one bar a server, as an SVG picture that reads on white and on black."""
from xml.sax.saxutils import escape

WIDTH, NAME, VALUE = 640, 90, 110
BAR, GAP, HEAD = 18, 8, 34
OURS, OTHERS, TEXT = "#2f6fb3", "#9aa5b1", "#7d8590"


def bars(title, unit, rows):
    """The picture of rows (name, value, value as text); the first is ours. Lengths are in
    proportion, from zero."""
    most = max(v for _, v, _ in rows) or 1
    room = WIDTH - NAME - VALUE
    parts = ["<text x='0' y='16' font-size='14'>%s, %s</text>" % (escape(title), escape(unit))]
    for i, (name, value, text) in enumerate(rows):
        y = HEAD + i * (BAR + GAP)
        long = max(1, room * value / most)
        parts += ["<text x='0' y='%d'>%s</text>" % (y + 13, escape(name)),
                  "<rect x='%d' y='%d' width='%.1f' height='%d' rx='2' fill='%s'/>" % (
                      NAME, y, long, BAR, OTHERS if i else OURS),
                  "<text x='%.1f' y='%d'>%s</text>" % (NAME + long + 6, y + 13, escape(text))]
    high = HEAD + len(rows) * (BAR + GAP)
    return ("<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
            "font-family='sans-serif' font-size='12' fill='%s' role='img'>\n<title>%s</title>\n"
            "%s\n</svg>\n" % (WIDTH, high, WIDTH, high, TEXT, escape(title), "\n".join(parts)))
