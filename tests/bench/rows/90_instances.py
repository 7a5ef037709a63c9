"""How much two instances of a program bring."""
from loads import PAIRS, Row, rate

ROWS = [
    Row("rate", "messages, one tlsd and one c2sd", "a second", rate, PAIRS + ["-j", "2"],
        alone=True, less=False),
    Row("rate-two", "messages, two of each", "a second", rate, PAIRS + ["-j", "2"],
        alone=True, less=False, instances=2, over="rate"),
]
