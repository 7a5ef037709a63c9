#!/usr/bin/python3
"""Nothing that was acknowledged is lost: pairs of clients with stream management talk, and every
300 ms one to three programs of all that a server has, chosen by chance, are killed. Afterwards each message that the server
acknowledged is in both archives once, in order, and has reached its recipient or come back. Some
recipients have two sessions, some a negative priority, some no presence at all.

WHOLE_SECONDS: how long (10); WHOLE_PAIRS: how many (6); WHOLE_SEED: of what is chosen by chance."""
from talkers import *

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
# Programs that no message here goes through: what they watch and answer is no reason to lose one.
BESIDE = ("pubsubd", "mucd", "pushd", "uploadd", "webd", "registerd", "compd", "s2sd", "dnsd")
SERVICES = """
mod_caps: {}
mod_pubsub: {plugins: [flat, pep]}
mod_muc: {}
mod_push: {}
mod_register: {}
mod_http_upload: {access: all, put_url: "http://localhost/put"}"""
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/put: mod_http_upload}
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {irc.localhost: {password: secret}}
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
""" % (free_port(), free_port(), free_port())


def archive(t, user, peer):
    """(from me, number) of each message in the archive of user with peer, in order."""
    s, after, got = t.login(user, "reader", available=False), "", []
    while True:
        i = s.next_id()
        s.send("<iq type='set' id='%s'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'>"
               "<field var='FORM_TYPE'><value>%s</value></field><field var='with'><value>"
               "%s@localhost</value></field></x><set xmlns='%s'><max>250</max>%s</set></query></iq>"
               % (i, MAM, MAM, peer, RSM, after and "<after>%s</after>" % after))
        while True:
            e = s.recv()
            if e.get("id") == i:
                break
            for m in e.iter("{%s}message" % CLIENT):
                body = m.findtext("{%s}body" % CLIENT)
                if body:
                    got.append((m.get("from").startswith(user + "@"), int(body)))
        assert e.get("type") == "result", ET.tostring(e)
        if e.find("{%s}fin" % MAM).get("complete") == "true":
            s.close()
            return got
        after = e.find(".//{%s}last" % RSM).text


def check_archive(got, mine, me, other):
    """The numbers of one direction in one archive."""
    numbers = [n for own, n in got if own == mine]
    twice = [n for n in set(numbers) if numbers.count(n) > 1]
    lost = sorted(set(me.acked) - me.returned - set(numbers))
    strange = set(numbers) - set(me.acked) - set(me.unsure)
    assert not lost, "%s: acknowledged but not archived for %s: %s of %d" % (
        me.user, other, lost[:10], len(me.acked))
    assert not twice, "%s: archived twice for %s: %s" % (me.user, other, sorted(twice)[:10])
    assert not strange, "%s: never sent: %s" % (me.user, strange)
    assert numbers == sorted(numbers), "%s: out of order for %s" % (me.user, other)


@check
def nothing_is_lost(t):
    talkers, seconds = pairs(t)
    for x in talkers + seconds:
        x.start()
    kills = kill_by_chance(t, random.Random(SEED), SECONDS, together=3, more=BESIDE)
    stop(talkers + seconds)
    doubled = all_has_come(talkers, seconds)
    for x in talkers:
        got = archive(t, x.user, x.peer.user)
        check_archive(got, True, x, x.user)
        check_archive(got, False, x.peer, x.user)
    tell(kills, talkers, seconds, doubled)


print("seed " + SEED)
main(Tree(accounts=ACCOUNTS, modules=MODULES + SERVICES, options=LISTEN))
