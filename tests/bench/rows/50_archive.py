"""Paging through an archive, and what it took to fill it."""
from loads import CONTACTS, Row, append, filling, paging


def archive_rows(name, messages, said):
    """Pages of one account's archive of so many messages, and what it took to fill it."""
    more = dict(archive=True, sessions=CONTACTS + 1, fill=messages)
    titles = {"first": "from the oldest on", "last": "from the newest back",
              "time": "from some time on", "with": "with one contact"}
    words = ["-l", "archive", "-n", "1", "-g", "50", "-f", str(CONTACTS), "-q"]
    return [Row("page-%s-%s" % (name, q), "archive of %s %s, CPU a message" % (said, titles[q]),
                "µs", paging, words + [q], reach="6", **more) for q in titles] + [
        Row("inserts-" + name, "messages into an archive of " + said, "a second",
            filling("inserts"), less=False, once=True, **more),
        Row("disk-" + name, "disk of an archive of " + said, "bytes a message",
            filling("bytes"), once=True, **more)]


ROWS = archive_rows("million", 1000000, "1 000 000") + archive_rows("10000", 10000, "10 000") + [
    Row("append", "the archive alone, CPU to append a message", "µs", append, alone=True,
        bare=True, once=True),
]
