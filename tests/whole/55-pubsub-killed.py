#!/usr/bin/python3
"""xmpp-pubsubd is killed by chance while an account publishes: each item whose result came is kept
once, and its subscriber has heard of it; a node that was deleted stays so.

WHOLE_SECONDS: how long (8); WHOLE_SEED: of what is chosen by chance."""
from tree import *

SECONDS = float(os.environ.get("WHOLE_SECONDS", "8"))
SEED = os.environ.get("WHOLE_SEED") or str(random.randrange(1 << 32))
SERVICE = "pubsub.localhost"
PUBSUB = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>%s</pubsub>"
ITEM = "{http://jabber.org/protocol/pubsub}item"


def ask(s, inside, type="set"):
    return s.iq(SERVICE, PUBSUB % inside, type)


def publish(s, n):
    """The id that the service gave."""
    got = ask(s, "<publish node='news'><item><e xmlns='urn:x'>%d</e></item></publish>" % n)
    return [i.get("id") for i in got.iter(ITEM)][0]


def killer(t, stopping, kills, sent):
    """Kills counts items, not time: a fast server would publish all of them between two kills."""
    rnd = random.Random(SEED)
    while not stopping.is_set():
        after = len(sent) + rnd.randrange(5, 120)
        while len(sent) < after and not stopping.is_set():
            time.sleep(rnd.uniform(0.0005, 0.003))
        pid = t.pid("pubsubd")
        if pid > 0:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # ended since
                continue
            kills.append(pid)


@check
def nothing_is_lost_or_doubled(t):
    a, b = t.login("a"), t.login("b")
    ask(a, "<create node='news'/>")
    ask(b, "<subscribe node='news' jid='b@localhost'/>")
    stopping, kills, sent = threading.Event(), [], {}
    thread = threading.Thread(target=killer, args=(t, stopping, kills, sent))
    thread.start()
    try:
        end = time.monotonic() + SECONDS
        late = end + 60 * SLOW  # a slow disk takes few items a second
        while len(sent) < 900 and time.monotonic() < (
                end if len(kills) > 3 and len(sent) > 20 else late):
            sent[publish(a, len(sent))] = len(sent)
            if len(sent) % 10 == 0:
                name = "n%d" % len(sent)
                ask(a, "<create node='%s'/>" % name)
                a.iq(SERVICE, "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
                     "<delete node='%s'/></pubsub>" % name, "set")
    finally:
        stopping.set()
        thread.join()
    t.wait_ready()
    kept = [(i.get("id"), int(i[0].text))
            for i in ask(a, "<items node='news'/>", "get").iter(ITEM)]
    assert kept == list(sent.items()), "kept %d of %d" % (len(kept), len(sent))
    heard = set()
    until_all(b, heard, set(sent))
    assert t.ctl("pubsub", "nodes", SERVICE).startswith("news\tflat\t%d\t" % len(sent))
    assert len(t.ctl("pubsub", "nodes", SERVICE).splitlines()) == 1
    print("%d items, %d kills" % (len(sent), len(kills)))
    assert len(kills) > 3 and len(sent) > 20
    a.close(), b.close()


def until_all(s, heard, wanted):
    s.send("<iq type='get' id='last' to='localhost'><ping xmlns='%s'/></iq>" % PING)
    while not wanted <= heard:
        e = s.recv()
        heard |= {i.get("id") for i in e.iter("{http://jabber.org/protocol/pubsub#event}item")}


print("seed " + SEED)
main(Tree(accounts=["a@localhost", "b@localhost"],
          modules=MODULES + "\nmod_caps: {}\nmod_pubsub: {plugins: [flat, pep]}"))
