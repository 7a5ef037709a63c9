"""Messages of pairs, with and without an archive."""
from loads import PAIRS, Row, cpu_per_unit, latency

ROWS = [
    Row("chat", "chat, no archive, CPU a message", "µs", cpu_per_unit, PAIRS,
        reach="12, a ninth"),
    Row("chat-archive", "chat, everything archived, CPU a message", "µs", cpu_per_unit, PAIRS,
        reach="24, a fiftieth", archive=True, fresh=True),
    Row("latency", "200 messages a second, 99 of 100 within", "ms", latency,
        ["-l", "chat", "-n", "100", "-r", "200", "-b", "100"], reach="2"),
    Row("latency-archive", "the same, everything archived", "ms", latency,
        ["-l", "chat", "-n", "100", "-r", "200", "-b", "100"], reach="2", archive=True,
        fresh=True),
]
