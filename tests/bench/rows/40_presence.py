"""Presence to many contacts."""
from loads import Row, cpu_per_unit

ROWS = [
    Row("presence", "presence to 100 contacts, CPU a delivery", "µs", cpu_per_unit,
        ["-l", "presence", "-n", "101", "-f", "100", "-w", "4"], sessions=101, reach="7",
        fresh=True),
]
