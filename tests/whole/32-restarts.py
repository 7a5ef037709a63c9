#!/usr/bin/python3
"""xmpp-userd, xmpp-hostd and xmpp-routed are restarted while clients are there: nobody notices,
and afterwards everybody sees what is. Then what the end of an xmpp-c2sd does.

WHOLE_ROUNDS: how often each is restarted in each check (1); WHOLE_SEED: of the random moments."""
import itertools

from people import *

ROUNDS = int(os.environ.get("WHOLE_ROUNDS", "1"))
# By turns; routed is seldom asked to end, for as long as c2sds are there that takes seconds.
KILL = signal.SIGKILL
ways = {"userd": itertools.cycle(("s6", KILL)), "hostd": itertools.cycle((KILL, "s6")),
        "routed": itertools.cycle((KILL, "s6", KILL, KILL, KILL, "s6"))}
SEED = os.environ.get("WHOLE_SEED") or str(random.SystemRandom().randrange(1 << 32))
rnd = random.Random(SEED)
R, J, N, F = "romeo@localhost", "juliet@example.org", "nurse@localhost", "friar@example.org"
S = "stranger@localhost"
people = []     # romeo and juliet, each other's contacts, with two devices each
shown = {}      # the presence that each person shows


def show(p, status):
    shown[p.jid] = status
    p.presence(status=status)


def strike(t, d, how):
    """End a daemon by the signal how, or by s6-svc; its pid."""
    pid = pid_of(t, d)
    if how == "s6":
        subprocess.run(["s6-svc", "-r", "%s/service/%s" % (t.state, d)], check=True)
    else:
        os.kill(pid, how)
    return pid


def back(t, d, pid):
    wait("a new " + d, lambda: t.pid(d) not in (pid, -1), step=0.02)
    t.wait_ready()


def strikes():
    """Restart each daemon in its turn, in each way by turns."""
    for i in range(ROUNDS):
        for d in ("userd", "routed", "hostd"):
            yield d, next(ways[d])


def views():
    """Everybody's view is the truth."""
    for p in people:
        assert not p.gone, p.jid + " is disconnected"
        assert p.others == shown, "%s sees %s, not %s" % (p.jid, p.others, shown)


def a_moment():
    LOOP.run_until_complete(asyncio.sleep(rnd.choice((0, 0, 0.002, 0.01, 0.03))))


@check
def they_meet(t):
    people[:] = [Person(t, x) for x in (R + "/1", R + "/2", J + "/1", J + "/2")]
    for a, b in ((people[0], people[2]), (people[2], people[0])):
        a.presence(b.bare, "subscribe")
        settle(*people)
        b.presence(a.bare, "subscribed")
        settle(*people)
    for p in people:
        show(p, "here")
    forget(*people)
    views()


@check
def idle(t):
    """Nobody gets anything, and everybody is still there."""
    for d, how in strikes():
        back(t, d, strike(t, d, how))
        told({p: [] for p in people})
        views()


@check
def presence_changes(t):
    """Each change reaches everybody, once and in order."""
    n = 0
    for d, how in strikes():
        said = []

        def all_say():
            nonlocal n
            for p in people:
                n += 1
                show(p, "s%d" % n)
                said.append((p, "s%d" % n))

        all_say()
        a_moment()
        pid = strike(t, d, how)
        all_say()
        a_moment()
        all_say()
        back(t, d, pid)
        all_say()
        settle(*people)
        views()
        for p in people:
            got = p.news()
            for other in people:
                mine = [x for x in got if x.startswith("presence %s " % other.jid)]
                assert mine == ["presence %s %s" % (o.jid, s) for o, s in said if o is other], (
                    d, p.jid, mine)
            assert len(got) == len(said), (d, p.jid, got)


@check
def requests(t):
    """Each request is answered, once, and rosters are whole."""
    info = "<query xmlns='%s'/>" % INFO
    roster = {p: p.roster_get() for p in people}
    for d, how in strikes():
        answers = []

        def all_ask():
            for p in people:
                for type, to, xml in (
                        ("get", None, "<query xmlns='%s'/>" % ROSTER),
                        ("get", p.boundjid.host, "<ping xmlns='%s'/>" % PING),
                        ("get", p.boundjid.host, info), ("get", p.bare, info),
                        ("get", people[3].bare, "<query xmlns='%s'/>" % LAST),
                        ("set", None, "<query xmlns='%s'><a xmlns='urn:test'>%s</a></query>" % (
                            PRIVATE, d))):
                    answers.append((p, xml, p.ask_later(type, to, xml)))

        all_ask()
        a_moment()
        pid = strike(t, d, how)
        all_ask()
        a_moment()
        all_ask()
        for p, xml, answer in answers:
            e = answer()
            assert e.get("type") == "result", (d, p.jid, xml, ET.tostring(e))
            if ROSTER in xml:
                assert sorted(item(i) for i in e[0]) == roster[p], ET.tostring(e)
        back(t, d, pid)
        told({p: [] for p in people})


@check
def subscriptions(t):
    """Asked, approved and taken back while userd or routed is away: nothing is lost."""
    n, f = Person(t, N + "/r"), Person(t, F + "/r")
    forget(n, f)
    for d, how in strikes():
        if d == "hostd":
            continue
        pid = strike(t, d, how)
        n.presence(F, "subscribe")
        told({n: ["iq push %s none ask=subscribe" % F], f: ["presence %s subscribe" % N]})
        back(t, d, pid)
        f.presence(N, "subscribed")
        a_moment()
        pid = strike(t, d, how)
        settle(n, f)
        told({f: ["iq push %s from" % N],
              n: ["presence %s subscribed" % F, "iq push %s to" % F, "presence " + f.jid]},
             repeats=("iq ", "presence "))
        back(t, d, pid)
        pid = strike(t, d, KILL)
        f.presence(N, "unsubscribed")
        n.roster_set(F, subscription="remove")
        back(t, d, pid)
        settle(n, f)
        got = f.news()
        assert "iq push %s none" % N in got, (d, f.jid, got)
        got = n.news()
        assert "iq push %s remove" % F in got, (d, n.jid, got)
        assert "presence %s unavailable" % f.jid in got, (d, n.jid, got)
        f.roster_set(N, subscription="remove")
        forget(n, f)
    away(n, f)


@check
def logins_and_logouts(t):
    """A device that comes or goes meanwhile is seen to, once."""
    for d, how in strikes():
        pid = strike(t, d, how)
        p = Person(t, R + "/new")
        back(t, d, pid)
        told({x: ["presence " + p.jid] for x in people})
        assert p.others == dict(shown, **{p.jid: ""}), p.others
        pid = strike(t, d, how)
        p.leave()
        back(t, d, pid)
        told({x: ["presence %s unavailable" % p.jid] for x in people})
        views()


@check
def messages(t):
    """All arrive, once and in order."""
    n = 0
    for d, how in strikes():
        said = []

        def some():
            nonlocal n
            for _ in range(10):
                n += 1
                people[0].say(people[2].jid, "m%d" % n)
                people[2].say(people[0].jid, "m%d" % n)
                said.append("m%d" % n)

        some()
        a_moment()
        pid = strike(t, d, how)
        some()
        back(t, d, pid)
        some()
        told({people[0]: ["message %s chat %s" % (people[2].jid, x) for x in said],
              people[2]: ["message %s chat %s" % (people[0].jid, x) for x in said]})


def where(t, p):
    """The xmpp-c2sd of a session whose address was never used before."""
    return wait("the log of " + p.jid, lambda: next((
        d for d in ("c2sd", "c2sd-2") if " jid=%s " % p.jid in t.log(d)), None), step=0.02)


@check
def c2sd_is_killed(t):
    """RFC 6121 s4.5: its sessions are over; contacts are told, also when userd is away at the
    time, and who had directed presence."""
    for n, with_userd in enumerate((False, True)):
        s = Person(t, "%s/r%d" % (S, n))
        there = [p for p in people if not p.gone]
        while not [p for p in there if where(t, p) != where(t, s)]:
            there.append(Person(t, "%s/x%d" % (R, len(people))))
            people.append(there[-1])
        doomed = [p for p in there if where(t, p) != where(t, s)]
        stay = [p for p in there if p not in doomed]
        for p in doomed:
            p.presence(s.jid)
        forget(s, *there)
        pids = [(d, strike(t, d, KILL)) for d in (["userd"] if with_userd else []) +
                [where(t, doomed[0])]]
        wait("their ends", lambda: all(p.gone for p in doomed))
        for d, pid in pids:
            back(t, d, pid)
        # userd and the c2sd know the receivers of directed presence; here both programs are dead.
        told({p: ["presence %s unavailable" % x.jid for x in doomed]
              for p in stay + ([] if with_userd else [s])})
        s.leave()


print("seed " + SEED)
main(Tree(hosts=("localhost", "example.org"), accounts=(R, J, N, F, S),
          tabber="instances: {c2sd: 2}"))
