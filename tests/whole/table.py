"""Features that a client's test has seen to work; tests/whole/run --clients makes a table of them."""
import atexit

# The columns of the table, in their order.
FEATURES = ("login", "contacts", "presence", "messages", "copies", "archive", "rooms", "nodes", "avatars",
            "omemo", "web")
_done = set()


def did(*features):
    """The client has just done this."""
    assert set(features) <= set(FEATURES), features
    _done.update(features)


atexit.register(lambda: _done and print("did: " + " ".join(f for f in FEATURES if f in _done)))
