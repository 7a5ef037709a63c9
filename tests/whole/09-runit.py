#!/usr/bin/python3
"""The same service directories under runsvdir."""
from tree import *


@check
def a_conversation(t):
    a, b = t.login("a"), t.login("b", direct=True)
    a.message("b@localhost", "under runit")
    b.expect_body("under runit")
    a.close(), b.close()


@check
def a_daemon_that_is_killed_comes_back(t):
    for d in DAEMONS:
        old = t.pid(d)
        os.kill(old, signal.SIGKILL)
        until("a new " + d, lambda: t.pid(d) not in (-1, old))
        t.wait_ready()
    a_conversation(t)


@check
def there_are_logs(t):
    for d in DAEMONS:
        t.wait_log(d, "event=ready")


@check
def sv_stops_and_starts_one(t):
    path = t.state + "/service/hostd"
    subprocess.run(["sv", "down", path], check=True, stdout=subprocess.DEVNULL)
    try:
        until("hostd is down", lambda: t.pid("hostd") == -1)
        assert t.ctl("wait", "1", code=None)[0] == 1
    finally:
        subprocess.run(["sv", "up", path], check=True, stdout=subprocess.DEVNULL)
    t.wait_ready()


@check
def it_ends_whole(t):
    s = t.login("a")
    left = t.terminate()
    assert not left, left
    assert s.stream_error() == "system-shutdown"


main(Tree(runit=True, accounts=["a@localhost", "b@localhost"]))
