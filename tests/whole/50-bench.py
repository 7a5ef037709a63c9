#!/usr/bin/python3
"""make bench on tabber alone, in short: its records have what they are said to have, nothing was
lost while it measured, and the chart of several servers is a picture."""
from tree import *

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench")
sys.path.insert(0, BENCH)
ROWS = ["latency", "login"]
EXACT = ("failed", "broken", "lost", "doubled", "misordered")


def records(path):
    with open(path) as f:
        lines = [x.rstrip("\n").split("\t") for x in f]
    assert all(x[0] == "bench" for x in lines), lines
    return [dict(f.split("=", 1) for f in x[1:]) for x in lines]


@check
def two_rows():
    with tempfile.TemporaryDirectory(prefix="whole-bench-") as out:
        r = subprocess.run(["/usr/bin/python3", BENCH + "/run", "-r", "^(%s)$" % "|".join(ROWS),
                            "-n", "1", "-t", "1", "-f", "1", "-o", out, BIN],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=6 * DEADLINE)
        assert r.returncode == 0, "exit %d: %s" % (r.returncode, r.stderr)
        got = records(out + "/records")
        assert [g["row"] for g in got] == ROWS, got
        for g in got:
            assert g["server"] == "tabber" and g["round"] == "1" and float(g["figure"]) > 0, g
            assert float(g["logins"]) > 0 and float(g["cpu_s"]) > 0, g
            assert all(g[k] == "0" for k in EXACT), g
        with open(out + "/table") as f:
            table = f.read()
        assert table == r.stdout and all("| %s " % row in table for row in ROWS), table


@check
def a_chart():
    import chart
    two = [("tabber", 2.0, "2.0"), ("other", 4.0, "4.0")]
    root = ET.fromstring(chart.bars("a & b", "µs", two))
    wide = [float(e.get("width")) for e in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(wide) == 2 and abs(wide[1] - 2 * wide[0]) < 0.2, wide


main()
