#!/usr/bin/python3
"""Contacts and presence as clients live it (RFC 6121 s2 to s4): two hosts, several devices."""
from people import *

R, J, N, F = "romeo@localhost", "juliet@example.org", "nurse@localhost", "friar@example.org"
romeo, juliet = [], []      # two sessions each


def both():
    return romeo + juliet


@check
def first_a_request(t):
    """RFC 6121 s3.1.1 to s3.1.3: the contact with its name and groups, then the request."""
    romeo[:] = Person(t, R + "/orchard"), Person(t, R + "/garden")
    juliet[:] = Person(t, J + "/balcony"), Person(t, J + "/chamber")
    forget(*both())
    romeo[0].roster_set(J, "Juliet", ("Verona", "Capulets"))
    line = "iq push %s none name=Juliet [Capulets] [Verona]" % J
    told({romeo[0]: [line], romeo[1]: [line], juliet[0]: [], juliet[1]: []})
    romeo[0].presence(J, "subscribe")
    line = "iq push %s none ask=subscribe name=Juliet [Capulets] [Verona]" % J
    request = "presence %s subscribe" % R
    told({romeo[0]: [line], romeo[1]: [line], juliet[0]: [request], juliet[1]: [request]})


@check
def then_the_approval(t):
    """s3.1.5, s3.1.6: pushes on both sides, then presence of all devices."""
    juliet[0].presence(R, "subscribed")
    hers = ["iq push %s from" % R]
    his = ["presence %s subscribed" % J, "iq push %s to name=Juliet [Capulets] [Verona]" % J,
           "presence %s" % juliet[0].jid, "presence %s" % juliet[1].jid]
    told({romeo[0]: his, romeo[1]: his, juliet[0]: hers, juliet[1]: hers})


@check
def and_the_same_back(t):
    juliet[1].presence(R, "subscribe")
    settle(*both())
    for r in romeo:
        assert r.news() == ["presence %s subscribe" % J], r.jid
    for j in juliet:
        assert j.news() == ["iq push %s from ask=subscribe" % R], j.jid
    romeo[1].presence(J, "subscribed")
    settle(*both())
    for r in romeo:
        assert r.news() == ["iq push %s both name=Juliet [Capulets] [Verona]" % J], r.jid
    for j in juliet:
        got = j.news()
        assert sorted(got) == sorted(["presence %s subscribed" % R, "iq push %s both" % R] + [
            "presence " + r.jid for r in romeo]), (j.jid, got)
        assert j.roster_get() == [R + " both"]
        assert j.client_roster[R]["subscription"] == "both"


@check
def show_status_priority(t):
    """s4.4: each change, once, to the contact's devices and to one's own (s4.2.2)."""
    for show, status, priority in (("away", "at the window", 5), ("dnd", None, -1),
                                   (None, "grüße ☃ &lt;&amp;&gt;", None), ("xa", "", 127),
                                   ("chat", None, 0), (None, None, None)):
        juliet[0].presence(show=show, status=status, priority=priority)
        words = [show, status and status.replace("&lt;&amp;&gt;", "<&>"), priority]
        line = " ".join(["presence", juliet[0].jid] + [str(w) for w in words if w not in
                                                       (None, "")])
        told({p: [line] for p in both()})


@check
def one_device_goes_and_comes_back(t):
    """s4.5: its unavailable presence, with its status, reaches all, itself too (s4.5.2); those of
    the others not it."""
    juliet[1].presence(type="unavailable", status="to church")
    line = "presence %s unavailable to church" % juliet[1].jid
    told({p: [line] for p in both()})
    romeo[0].presence(show="away")
    line = "presence %s away" % romeo[0].jid
    told({romeo[0]: [line], romeo[1]: [line], juliet[0]: [line], juliet[1]: []})
    juliet[1].presence()
    line = "presence %s" % juliet[1].jid
    told({romeo[0]: [line], romeo[1]: [line], juliet[0]: [line],
          juliet[1]: [line, "presence " + juliet[0].jid, "presence %s away" % romeo[0].jid,
                      "presence " + romeo[1].jid]})
    romeo[0].presence()
    forget(*both())


@check
def a_device_that_breaks_off(t):
    """s4.5.1: the server says unavailable for a connection that is cut."""
    third = Person(t, J + "/vault")
    forget(third, *both())
    third.abort()
    line = "presence %s unavailable" % third.jid
    for p in both():
        p.see(line)
    told({p: [] for p in both()})


@check
def names_and_groups_change(t):
    """RFC 6121 s2.1.6: pushes go to sessions that asked for the roster, and to no other."""
    third = Person(t, R + "/mantua", available=False)
    third.presence()
    forget(third, *both())
    romeo[1].roster_set(J, "Giulietta", ("Verona",))
    line = "iq push %s both name=Giulietta [Verona]" % J
    told({romeo[0]: [line], romeo[1]: [line], third: [], juliet[0]: [], juliet[1]: []})
    assert romeo[0].client_roster[J]["name"] == "Giulietta"
    third.contacts = third.roster_get()
    assert third.contacts == [J + " both name=Giulietta [Verona]"], third.contacts
    romeo[1].roster_set(J)
    told({p: ["iq push %s both" % J] for p in romeo + [third]})
    romeo[0].roster_set("x@y@z", fails=("modify", "jid-malformed"))
    third.leave()
    forget(*both())


@check
def versions_hold_over_a_restart(t):
    """s2.6: a version that is current gets an empty result, an old one what is new."""
    romeo[0].roster_set(F, "Lorenzo")
    romeo[0].roster_get()
    ver = romeo[0].ver
    assert ver, "no version"
    restart(t, "userd")
    assert romeo[0].roster_get(ver) is None, "the version is not known any more"
    romeo[0].roster_set(F, "Frate")
    full = romeo[0].roster_get("")
    assert full == ["%s none name=Frate" % F, J + " both"], full
    again = Person(t, R + "/again", available=False)
    forget(again)
    new = again.roster_get(ver)
    if new is None:         # then what changed comes as pushes, the newest version last
        settle(again)
        assert again.news() == ["iq push %s none name=Frate" % F]
    else:
        assert new == full, new
    again.leave()
    romeo[0].roster_set(F, subscription="remove")
    forget(*both())


@check
def removed(t):
    """s2.5: one side removes; both subscriptions end, and both sides see the other go."""
    romeo[0].roster_set(J, subscription="remove")
    his = ["iq push %s remove" % J] + ["presence %s unavailable" % j.jid for j in juliet]
    hers = ["presence %s unsubscribe" % R, "presence %s unsubscribed" % R,
            "iq push %s to" % R, "iq push %s none" % R] + [
            "presence %s unavailable" % r.jid for r in romeo]
    told({romeo[0]: his, romeo[1]: his, juliet[0]: hers, juliet[1]: hers})
    romeo[1].presence(show="dnd")
    juliet[1].presence(show="dnd")
    told({p: ["presence %s dnd" % one.jid] for one, all in ((romeo[1], romeo),
                                                          (juliet[1], juliet)) for p in all})
    assert juliet[0].roster_get() == [R + " none"]
    romeo[0].roster_set(J, subscription="remove", fails=("cancel", "item-not-found"))
    away(*both())


@check
def approved_before_it_was_asked_for(t):
    """s3.4: the request never shows, the answer is there at once."""
    n, f = Person(t, N + "/r"), Person(t, F + "/cell")
    forget(n, f)
    assert "preapproval" in f.features, f.features
    f.presence(N, "subscribed")
    told({n: [], f: ["iq push %s none approved=true" % N]})
    n.presence(F, "subscribe")
    told({n: ["iq push %s none ask=subscribe" % F, "presence %s subscribed" % F,
              "iq push %s to" % F, "presence " + f.jid],
          f: ["iq push %s from" % N]})
    away(n, f)


@check
def a_request_waits(t):
    """s3.1.3: kept until it is answered, also over a restart; with the presence it came with."""
    r = Person(t, R + "/r")
    r.presence(F, "subscribe", status="let me in")
    settle(r)
    restart(t, "userd")
    for n in range(2):
        f = Person(t, F + "/cell%d" % n)
        f.see("presence %s subscribe let me in" % R)
        settle(f)
        if not n:
            f.leave()
    forget(r, f)
    f.presence(R, "subscribed")
    told({f: ["iq push %s from" % R],
          r: ["presence %s subscribed" % F, "iq push %s to" % F, "presence " + f.jid]})
    f.leave()
    f = Person(t, F + "/cell")
    told({f: ["presence " + f.jid], r: ["presence %s unavailable" % (F + "/cell1"),
                                        "presence " + f.jid]})
    f.presence(R, "unsubscribed")
    told({f: ["iq push %s none" % R],
          r: ["presence %s unsubscribed" % F, "iq push %s none" % F,
              "presence %s unavailable" % f.jid]})
    away(r, f)


@check
def directed_presence(t):
    """s4.6: to a stranger, who is told of its end, whatever ends it."""
    for how in ("unavailable", "close", "abort"):
        r, f = Person(t, R + "/r"), Person(t, F + "/cell")
        forget(r, f)
        r.presence(f.jid, show="chat")
        told({r: [], f: ["presence %s chat" % r.jid]})
        r.presence(show="away")     # broadcast is not for strangers
        told({r: ["presence %s away" % r.jid], f: []})
        if how == "unavailable":
            r.presence(type=how)
        elif how == "close":
            r.leave()
        else:
            r.abort()
        f.see("presence %s unavailable" % (R + "/r"))
        told({f: []})
        if how == "unavailable":
            r.leave()
        f.leave()


main(Tree(hosts=("localhost", "example.org"), accounts=(R, J, N, F)))
