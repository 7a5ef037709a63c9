#!/usr/bin/python3
"""Without an archive, too, nothing that was acknowledged is lost when any one daemon is killed, with
messages that may wait and without.

WHOLE_SECONDS: how long (10); WHOLE_PAIRS: how many (6); WHOLE_SEED: of what is chosen by chance."""
from talkers import *


def play(t):
    talkers, seconds = pairs(t)
    for x in talkers + seconds:
        x.start()
    kills = kill_by_chance(t, random.Random(SEED), SECONDS / 2)
    stop(talkers + seconds)
    tell(kills, talkers, seconds, all_has_come(t, talkers, seconds))


def modules(*without):
    return "\n".join(m for m in MODULES.split("\n") if not m.strip().startswith(without))


@check
def what_may_wait():
    with Tree(accounts=ACCOUNTS, modules=modules("mod_mam")) as t:
        play(t)


@check
def what_may_not_wait():
    with Tree(accounts=ACCOUNTS, modules=modules("mod_mam", "mod_offline", "access_max")) as t:
        play(t)


print("seed " + SEED)
main()
