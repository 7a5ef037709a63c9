#!/usr/bin/python3
"""Push notifications (XEP-0357): a push service as a component, and phones that are away."""
from pushservice import *

INFO = "http://jabber.org/protocol/disco#info"
# The session of a client that push does not reach ends after these seconds. Programs that were killed
# are back before, and xmpp-pushd keeps the sessions of others.
USUAL = 6 * SLOW
MODULES_HERE = MODULES.replace("mod_stream_mgmt: {}", """mod_stream_mgmt:
  resume_timeout: %d s
  ack_timeout: 2 s
mod_push:
  notify_on: messages
mod_push_keepalive: {}
mod_muc: {}""" % USUAL)


def features(s, to):
    e = s.iq(to, "<query xmlns='%s'/>" % INFO)
    return [f.get("var") for f in e.iter("{%s}feature" % INFO)]


def count_of(note):
    return int(note[1]["message-count"])


@check
def a_phone_that_is_away_is_woken(t):
    a = t.login("anna")
    assert PUSH in features(a, "localhost") and PUSH in features(a, "anna@localhost")
    p = Phone(t, "romeo", SERVICE, "n1")
    a.message("romeo@localhost", "zero")
    until("the message", lambda: p.bodies() == ["zero"])
    t.service.none()
    p.cut()
    a.message("romeo@localhost", "one")
    node, summary, options = t.service.next()
    assert node == "n1" and options["secret"] == "sesame", (node, options)
    assert summary["message-count"] == "1" and summary["last-message-body"] == "New message", summary
    assert t.service.froms == {"localhost"}, t.service.froms
    # A second message within twenty seconds is told with the next.
    a.message("romeo@localhost", "two")
    a.ping()
    assert p.resume() == ["one", "two"]
    assert p.bodies() == []
    t.service.none()
    # All begins anew when the phone was there.
    p.cut()
    a.message("romeo@localhost", "three")
    assert count_of(t.service.next()) == 1
    assert p.resume() == ["three"]
    p.s.close()
    a.close()


@check
def a_phone_without_a_session_is_woken(t):
    p = Phone(t, "romeo", SERVICE, "n1")
    p.s.close()
    until("the end of the session", lambda: "romeo@" not in t.ctl("sessions"))
    a = t.login("anna")
    a.message("romeo@localhost", "one")
    assert count_of(t.service.next()) == 1
    # A chat state, and what a blocked sender says, wake nobody.
    a.send("<message to='romeo@localhost' type='chat'><composing "
           "xmlns='http://jabber.org/protocol/chatstates'/></message>")
    a.ping()
    p.login()
    got = p.first
    until("the message", lambda: got.extend(p.bodies()) or got == ["one"])
    t.service.none()
    p.s.close()
    a.close()


@check
def messages_that_are_not_acknowledged_wake(t):
    p = Phone(t, "romeo", SERVICE, "n1")
    a = t.login("anna")
    # The phone's connection is there, and dead.
    a.message("romeo@localhost", "one")
    t.service.none()
    assert count_of(t.service.next()) == 1
    assert p.resume() == ["one"]
    p.s.close()
    a.close()


@check
def a_message_of_a_room_wakes(t):
    room, enter = "tea@conference.localhost", "<x xmlns='http://jabber.org/protocol/muc'/>"
    a, p = t.login("anna"), Phone(t, "romeo", SERVICE, "n1")
    a.send("<presence to='%s/Anna'>%s</presence>" % (room, enter))
    a.expect(lambda e: e.get("from") == room + "/Anna")
    a.iq(room, "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='%s' type='submit'/>"
         "</query>" % DATA, "set")
    p.s.send("<presence to='%s/Romeo'>%s</presence>" % (room, enter))
    a.expect(lambda e: e.get("from") == room + "/Romeo")
    p.bodies()
    p.cut()
    a.send("<message to='%s' type='groupchat'><body>one</body></message>" % room)
    assert count_of(t.service.next()) == 1
    assert [b for b in p.resume() if b] == ["one"]
    p.s.close()
    a.close()


@check
def a_session_is_kept(t):
    p = Phone(t, "romeo", SERVICE, "n1")
    p.cut()
    end = time.monotonic() + USUAL + 1
    until("the time in which an ordinary session ends", lambda: time.monotonic() > end)
    assert p.resume() == []
    p.s.close()


@check
def a_thousand_messages_are_few_notifications(t):
    p = Phone(t, "romeo", SERVICE, "n1")
    p.cut()
    a = t.login("anna")
    for i in range(1000):
        a.message("romeo@localhost", "m%d" % i)
    a.ping()
    assert count_of(t.service.next()) == 1
    until("all were told of", lambda: t.stat("pushd", "events") >= 1000)
    t.service.none()
    # A call is told at once, with the sum.
    a.send("<message to='romeo@localhost' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' "
           "id='c'/><store xmlns='urn:xmpp:hints'/></message>")
    assert count_of(t.service.next()) == 1001
    bodies = p.resume()
    assert [b for b in bodies if b] == ["m%d" % i for i in range(1000)], len(bodies)
    p.s.close()
    a.close()


@check
def pushd_and_routed_are_killed(t):
    p = Phone(t, "romeo", SERVICE, "n1")
    a = t.login("anna")
    for victim in ("pushd", "routed", "pushd"):
        p.cut()
        t.kill(victim)
        a.message("romeo@localhost", victim)
        assert count_of(t.service.next()) == 1
        t.wait_ready()
        assert p.resume() == [victim]
        until("pushd knows that the phone is back", lambda: t.stat("pushd", "unanswered") == 0)
        a.ping()
        while not t.service.notes.empty():  # one may be doubled
            assert count_of(t.service.next()) == 1
    p.s.close()
    a.close()


@check
def what_is_due_outlives_a_kill_of_pushd(t):
    """The service wants no more for now, and pushd, which was to try again, is killed."""
    p = Phone(t, "romeo", SERVICE, "n1")
    a = t.login("anna")
    p.cut()
    t.service.answer = ("wait", "resource-constraint")
    a.message("romeo@localhost", "one")
    assert count_of(t.service.next()) == 1
    until("the answer", lambda: t.stat("pushd", "errors") >= 1)
    t.service.answer = None
    t.kill("pushd")
    assert count_of(t.service.next()) == 1
    t.wait_ready()
    until("the answer", lambda: t.stat("pushd", "results") == 1)
    # The service has had it.
    t.kill("pushd")
    t.wait_ready()
    a.message("romeo@localhost", "two")
    assert count_of(t.service.next()) == 1
    assert p.resume() == ["one", "two"]
    t.service.none()
    p.s.close()
    a.close()


MARKER = "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/><store xmlns='urn:xmpp:hints'/>"


@check
def what_c2sd_had_in_its_queues_wakes_if_it_is_important(t):
    def lost(inside):
        p, a = Phone(t, "romeo", SERVICE, "n1"), t.login("anna")
        a.send("<message to='%s' type='chat' id='m'>%s</message>" % (p.s.jid, inside))
        p.s.expect(lambda e: e.get("id") == "m")
        n = t.log("mamd").count("messages-not-taken")
        t.kill("c2sd")
        until("the message waits", lambda: t.log("mamd").count("messages-not-taken") > n)
        t.wait_ready()

    lost(MARKER)
    t.stat("pushd", "events")
    t.service.none()
    lost("<body>hello</body>")
    assert count_of(t.service.next()) == 1
    p = Phone(t, "romeo", SERVICE, "n1")
    got = p.first
    until("the message", lambda: got.extend(p.bodies()) or "hello" in got)
    p.s.close()


@check
def an_inactive_client_is_there(t):
    """XEP-0352: the connection is alive, and gets its messages."""
    p = Phone(t, "romeo", SERVICE, "n1")
    a = t.login("anna")
    p.s.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    a.message("romeo@localhost", "one")
    got = p.first
    until("the message", lambda: got.extend(p.bodies()) or "one" in got)
    a.ping()
    t.stat("pushd", "events")
    t.service.none()
    p.s.close()
    a.close()


@check
def a_new_password_ends_no_registration(t):
    t.add("changes@localhost")
    p = Phone(t, "changes", SERVICE, "n8")
    p.cut()
    t.ctl("account", "passwd", "changes@localhost", input="other\n")
    assert len(t.ctl("push", "list", "changes@localhost").splitlines()) == 1
    a = t.login("anna")
    a.message("changes@localhost", "one")
    assert t.service.next()[0] == "n8"
    t.ctl("account", "passwd", "changes@localhost", input=PW + "\n")
    assert p.resume() == ["one"]
    p.s.close()
    a.close()


@check
def a_service_that_refuses_is_forgotten(t):
    p = Phone(t, "romeo", SERVICE, "n1")
    a = t.login("anna")
    t.service.answer = ("auth", "forbidden")
    for i in range(3):
        assert t.ctl("push", "list", "romeo@localhost").split("\t")[4].strip() == str(i)
        p.cut()
        a.message("romeo@localhost", "m%d" % i)
        t.service.next()
        until("the answer", lambda: t.stat("pushd", "unanswered") == 0)
        assert p.resume() == ["m%d" % i]
    assert t.ctl("push", "list", "romeo@localhost") == ""
    # A registration whose service does not know the node ends at once.
    p.s.close()
    p.login()
    t.service.answer = ("cancel", "item-not-found")
    p.cut()
    a.message("romeo@localhost", "last")
    t.service.next()
    until("the end", lambda: t.ctl("push", "list", "romeo@localhost") == "")
    t.service.answer = None
    p.s.sock.close()
    a.close()


@check
def registrations_end_with_the_account(t):
    t.add("gone@localhost")
    p = Phone(t, "gone", SERVICE, "n9")
    assert len(t.ctl("push", "list", "gone@localhost").splitlines()) == 1
    rows = [x.split("\t") for x in t.ctl("du", "gone@localhost").splitlines()]
    assert [int(r[0]) > 0 for r in rows if r[1] == "push"] == [True], rows
    p.s.close()
    t.ctl("account", "erase", "gone@localhost", "--prove")
    assert t.ctl("push", "list", "gone@localhost") == ""


main(WithService(accounts=["romeo@localhost", "anna@localhost"], modules=MODULES_HERE))
