#!/usr/bin/python3
"""Nothing that was acknowledged is lost: clients with stream management talk in pairs, in a room and
with a component, and every 300 ms one to three programs of all that a server has, chosen by chance, are
killed. Afterwards each message that the server acknowledged is in both archives once, in order, and has
reached its recipient or come back. Some recipients have two sessions, some a negative priority, some no
presence at all; some talk over WebSocket, and some have accounts of which a program outside knows the
passwords.

WHOLE_SECONDS: how long (10); WHOLE_PAIRS: how many (6); WHOLE_SEED: of what is chosen by chance."""
from answerers import *
from checkers import *
from occupants import *
from websocket import *

# The programs that run beside those of every server.
OTHERS = ("pubsubd", "mucd", "pushd", "uploadd", "webd", "registerd", "compd", "s2sd", "dnsd", "extauthd")
OUTSIDE, BOT, ROOM = "outside.example", "bot.localhost", "room@conference.localhost"
# For each six pairs there are one more over WebSocket, one outside, an occupant, and two who ask the component.
SOME = PAIRS // 6 + 1
WEB, COMPONENTS = free_port(), free_port()
SERVICES = """
mod_caps: {}
mod_pubsub: {plugins: [flat, pep]}
mod_muc: {default_room_options: {mam: true}}
mod_push: {}
mod_register: {}
mod_http_upload: {access: all, put_url: "https://localhost/put"}"""
OPTIONS = """
listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/put: mod_http_upload, /ws: ejabberd_http_ws}
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {%s: {password: secret}}
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_s2s_in
host_config:
  %s:
    auth_method: external
    extauth_program: '"DIR/checker" "DIR/asked"'
    extauth_pool_size: 2
""" % (WEB, COMPONENTS, BOT, free_port(), OUTSIDE)


class Whole(Tree):
    """A server with all that there is."""

    def make_folder(self):
        super().make_folder()
        put(self.dir + "/checker", EXTAUTH)
        self.options = OPTIONS.replace("DIR", self.dir)
        self.write_config()


class WebTalker(Talker):
    def stream(self):
        return WebStream(self.tree, WEB, host=self.host, tls=True)


def web_pairs(t):
    return sum((pair(WebTalker(t, "wa%d" % i, KINDS[i % 4]), Talker(t, "wb%d" % i, KINDS[(i + 1) % 4]))
                for i in range(SOME)), [])


def outside_pairs(t):
    """None of these has an account before its login, and each is written to at once."""
    def talker(user, kind):
        return Talker(t, user, kind, host=OUTSIDE, password=password_of(user))

    return sum((pair(talker("oa%d" % i, KINDS[i % 4]), talker("ob%d" % i, KINDS[(i + 1) % 4]))
                for i in range(SOME)), [])


def archived(x):
    """(from me, number) of each message in the archive of x with its peer, in order."""
    s = x.log_in()
    s.bind("reader")
    peer = x.peer.user if isinstance(x, Asker) else "%s@%s" % (x.peer.user, x.peer.host)
    got = [(m.get("from").startswith(x.user + "@"), int(body)) for m, body in (
        (m, m.findtext("{%s}body" % CLIENT)) for _, m in archive(s, form=WITH % peer)) if body]
    s.close()
    return got


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


def check_component(component, askers):
    """What was acknowledged has come to the component, or was lost with a connection. How many were."""
    assert not component.failed, component.failed
    try:
        until("all at the component", lambda: not any(component.lost(x)[0] for x in askers), 60)
    except AssertionError as e:
        raise AssertionError("%s; %s" % (e, [component.tell(x) for x in askers if component.lost(x)[0]]))
    return sum(len(component.lost(x)[1]) for x in askers)


@check
def nothing_is_lost(t):
    assert {os.path.basename(x) for x in glob.glob(t.state + "/service/*")} == {*DAEMONS, *OTHERS}
    talkers, _ = pairs(t)
    talkers += web_pairs(t) + outside_pairs(t)
    seconds = seconds_of(talkers)
    t.ctl("room", "create", ROOM, "r0@localhost")
    occupants = [Occupant(t, "r%d" % i, ROOM, 0.05) for i in range(SOME + 2)]
    component, kills = Answerer(t, COMPONENTS, BOT, "secret"), {}
    askers = [Asker(t, "q%d" % i, "plain", component, kills) for i in range(2 * SOME)]
    everybody = talkers + seconds + occupants + askers
    component.start()
    for x in everybody:
        x.start()
    kill_by_chance(t, random.Random(SEED), SECONDS, together=3, more=OTHERS, kills=kills)
    stop(everybody)
    said = check_room(t, ROOM, occupants)
    broken = check_component(component, askers)
    doubled = all_has_come(talkers + askers, seconds)
    for x in talkers:
        got = archived(x)
        check_archive(got, True, x, x.user)
        check_archive(got, False, x.peer, x.user)
    for x in askers:
        check_archive(archived(x), True, x, x.user)
    component.stopping = True
    tell(kills, talkers + askers, seconds, doubled)
    print("in the room %d, in %d stays; %d connections of the component, and %d messages lost with them" % (
        said, sum(len(x.stays) for x in occupants), len(component.connections), broken))


MORE_ACCOUNTS = ["%s%d@localhost" % (c, i) for c, n in (("wa", SOME), ("wb", SOME), ("r", SOME + 2), ("q", 2 * SOME))
                 for i in range(n)]
print("seed " + SEED)
main(Whole(hosts=("localhost", OUTSIDE), accounts=ACCOUNTS + MORE_ACCOUNTS, modules=MODULES + SERVICES))
