"""Clients that come and go."""
from loads import LOGIN, Row, login

RUSH = ["-l", "login", "-n", "100", "-P", "100", "-j", "2"]

ROWS = [
    Row("login", "login, SCRAM-SHA-256, STARTTLS, CPU", "ms", login, LOGIN, sessions=10,
        reach="0.7"),
    Row("login-rush", "the same when 100 come at a time, CPU", "ms", login, RUSH, sessions=100,
        reach="0.7"),
]
