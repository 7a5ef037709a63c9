"""Sessions that do nothing."""
from loads import IDLE, Row, memory

ROWS = [
    Row("idle", "idle session of 10 000", "KiB", memory, IDLE + ["10000"], sessions=10000,
        once=True, reach="17"),
]
