#!/usr/bin/python3
"""Without an archive, too, nothing that was acknowledged is lost when any one daemon is killed, with
messages that may wait and without.

WHOLE_SECONDS: how long (10); WHOLE_PAIRS: how many (6); WHOLE_SEED: of what is chosen by chance."""
from talkers import *


def play(t, more=()):
    talkers, seconds = pairs(t)
    for x in talkers + seconds:
        x.start()
    kills = kill_by_chance(t, random.Random(SEED), SECONDS / 3, 2, more)
    stop(talkers + seconds)
    tell(kills, talkers, seconds, all_has_come(talkers, seconds))


def modules(*without):
    return "\n".join(m for m in MODULES.split("\n") if not m.strip().startswith(without))


def has_all(m, texts):
    """A new session of m, which plain clients without acknowledgements would have as well."""
    s = m.tree.login(m.user)
    s.expect_bodies(texts)
    return s


def kill_all(t, *daemons):
    for pid in [t.pid(d) for d in daemons]:
        kill_if_there(pid, signal.SIGKILL)


@check
def c2sd_and_routed_together():
    """c2sd and routed are killed, which alone hold the messages; then routed is killed again, which
    alone holds them until the account is back."""
    with Tree(accounts=["a@localhost", "b@localhost"], modules=modules("mod_mam", "mod_offline", "access_max")) as t:
        a, b = Managed(t, "a"), Managed(t, "b")
        a.s.ping()
        for _ in range(50):
            b.message(a.jid)
        b.settle(0)
        kill_all(t, "c2sd", "routed")
        t.wait_ready()
        for _ in range(3):
            old = t.pid("routed")
            t.kill("routed")
            until("a new routed", lambda: t.pid("routed") not in (old, -1))
            t.wait_ready()
        has_all(a, [str(i + 1) for i in range(50)]).close()


@check
def what_may_wait():
    with Tree(accounts=ACCOUNTS, modules=modules("mod_mam")) as t:
        play(t)


@check
def what_may_not_wait():
    with Tree(accounts=ACCOUNTS, modules=modules("mod_mam", "mod_offline", "access_max")) as t:
        play(t)


@check
def two_instances():
    """Sessions move between them, and either may be killed while it has a part of one."""
    with Tree(accounts=ACCOUNTS, modules=modules("mod_mam", "mod_offline", "access_max"),
              tabber="instances: {c2sd: 2}") as t:
        play(t, ["c2sd-2"])


print("seed " + SEED)
main()
