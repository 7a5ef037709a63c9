"""Features that a client's test has seen to work; tests/whole/run --clients makes a table of them."""
import atexit

# The columns of the table, in their order.
FEATURES = ("login", "contacts", "presence", "messages", "copies", "archive", "rooms", "uploads", "avatars",
            "omemo", "web", "register")
_done = {}


def did(*features, by=("",)):
    """The client has just done this, or with by those clients of a test that has several."""
    assert set(features) <= set(FEATURES), features
    for client in by:
        _done.setdefault(client, set()).update(features)


def _tell():
    for client, features in _done.items():
        print(" ".join(["did", client]).strip() + ": " + " ".join(f for f in FEATURES if f in features))


atexit.register(_tell)
