"""The costs of many sessions beside the load, and of more and of fewer sessions."""
from loads import IDLE, LOGIN, PAIRS, Row, cpu_per_unit, login, memory

ROWS = [
    Row("chat-10000", "chat of 10 000 sessions, CPU a message", "µs", cpu_per_unit,
        ["-l", "chat", "-n", "10000", "-w", "4", "-b", "100", "-P", "50"], sessions=10000,
        alone=True, over="chat", reach="1.2 times"),
    Row("chat-beside", "chat beside 10 000 sessions, CPU a message", "µs", cpu_per_unit, PAIRS,
        sessions=10100, alone=True, others=10000, over="chat", reach="1.2 times"),
    Row("login-beside", "login beside 10 000 sessions, CPU", "ms", login, LOGIN, sessions=10010,
        alone=True, others=10000, over="login", reach="1.2 times"),
    Row("idle-1000", "idle session of 1000", "KiB", memory, IDLE + ["1000"], sessions=1000,
        alone=True, once=True, over="idle"),
    Row("idle-15000", "idle session of 15 000", "KiB", memory, IDLE + ["15000"],
        sessions=15000, alone=True, once=True, over="idle"),
]
