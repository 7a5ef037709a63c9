#!/usr/bin/python3
"""Nothing that was acknowledged is lost between two servers: clients with stream management talk in
pairs from one to the other, and every 300 ms a program of either, chosen by chance, is killed.
Afterwards each message that a server has acknowledged has reached its recipient or come back as an
error, in its order; and once, where no xmpp-c2sd is killed, which forces its clients to begin anew.

What xmpp-s2sd has of its own is lost when xmpp-routed and xmpp-s2sd of a server are killed together
(xmpp-restarts(7)): two seconds lie between them, and the first is back.

WHOLE_SECONDS: how long (5); WHOLE_PAIRS: how many (6); WHOLE_SEED: of what is chosen by chance."""
import contextlib, os

os.environ.setdefault("WHOLE_SECONDS", "5")
from servers import *
from talkers import *

# xmpp-mamd waits with what is for nobody: the links between servers are the subject here.
KILLED = ("s2sd", "tlsd", "routed", "dnsd", "c2sd")

# Streams are resumed when these are killed, and repeats of xmpp-routed are recognized.
ONCE = ("s2sd", "tlsd", "routed", "dnsd")


def talkers_of(t, u):
    talkers = []
    for i in range(PAIRS):
        talkers += pair(Talker(t, "a%d" % i, "plain"), Talker(u, "b%d" % i, KINDS[i % 2 * 3]))
    return talkers


def is_back(s, d, pid):
    """The program d of server s is ready again, as another process than pid."""
    r = subprocess.run(["s6-svstat", "-o", "ready,pid", "%s/service/%s" % (s.state, d)],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return r.stdout.startswith("true") and r.stdout.split() != ["true", str(pid)]


def kill(servers, rnd, seconds, killed, how):
    """The times of the kills of each program, and the seconds that the slowest took until it was back."""
    kills, last, away, longest = {}, {}, {}, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.3)
        longest = max([longest] + [time.monotonic() - since for _, since in away.values()])
        away = {x: was for x, was in away.items() if not is_back(*x, was[0])}
        s, d = rnd.choice(servers), rnd.choice(killed)
        other = {"routed": "s2sd", "s2sd": "routed"}.get(d)
        if time.monotonic() < last.get((s, other), 0) + 2 * SLOW:
            continue
        if last.pop((s, other), 0):
            s.wait_ready()
        pid = s.pid(d)
        if pid > 0 and kill_if_there(pid, how):
            last[s, d] = time.monotonic()
            kills.setdefault(d, []).append(last[s, d])
            away[s, d] = pid, away.get((s, d), (pid, last[s, d]))[1]
    for s in servers:
        s.wait_ready()
    return kills, max([longest] + [time.monotonic() - since for _, since in away.values()])


@contextlib.contextmanager
def servers(modules):
    ca = Authority({A: "IP:%s,DNS:%s" % (A, A), B: "IP:%s,DNS:%s" % (B, B)})
    options = "s2s_use_starttls: required\nmax_fsm_queue: 10000\n"
    try:
        with Server(A, options + ca.options(A), modules, ["a%d" % i for i in range(PAIRS)]) as t, \
                Server(B, options + ca.options(B), modules, ["b%d" % i for i in range(PAIRS)]) as u:
            yield t, u
    finally:
        ca.end()


def play(modules, killed=KILLED, how=signal.SIGKILL):
    with servers(modules) as (t, u):
        talkers = talkers_of(t, u)
        for x in talkers:
            x.start()
        kills, away = kill((t, u), random.Random(SEED), SECONDS, killed, how)
        stop(talkers)
        doubled = all_has_come(talkers, [])
        tell(kills, talkers, [], doubled)
        # The other server waits S2S_RESUME_WAIT_US, eight seconds, for a stream to be resumed.
        assert killed is KILLED or away > 6 or not doubled, "%d came twice" % doubled
        returned = sum(len(x.returned) for x in talkers)
        # On a busy machine a server stands still for longer than the other one waits.
        assert returned < sum(len(x.acked) for x in talkers) * 0.97, "nearly all came back"


@check
def nothing_is_lost():
    play(MORE)


@check
def nothing_is_lost_on_streams_for_one_direction():
    play(MORE.replace("mod_s2s_bidi: {}", ""))


@check
def nothing_comes_twice():
    play(MORE, ONCE)
    play(MORE.replace("mod_s2s_bidi: {}", ""), ONCE)


@check
def nothing_comes_twice_when_a_program_is_restarted():
    """xmpp-s2sd ends as it does for an upgrade: behind the last acknowledgements."""
    play(MORE, ("s2sd",), signal.SIGTERM)


@check
def nothing_is_lost_when_one_is_killed_and_then_the_other():
    """The other server is away, so what xmpp-s2sd holds from an xmpp-routed that was killed stays there
    until xmpp-s2sd is killed too."""
    with servers(MORE) as (t, u):
        talkers = talkers_of(t, u)
        for x in talkers:
            x.start()
        until("messages on both sides", lambda: all(x.got for x in talkers))
        subprocess.run(["s6-svc", "-wD", "-d", u.state + "/service/tlsd"], check=True)
        for x in talkers[::2]:
            x.stopping = True
        until("a queue that is full", lambda: t.stat("routed", "s2s_queued") >= PAIRS)
        restart(t, "routed")
        assert t.stat("s2sd", "queued") >= PAIRS, "the stanzas are gone already"
        restart(t, "s2sd")
        subprocess.run(["s6-svc", "-wU", "-u", u.state + "/service/tlsd"], check=True)
        stop(talkers)
        all_has_come(talkers, [])


print("seed " + SEED)
main()
