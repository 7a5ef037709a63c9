"""Shapes that give work to xmpp-pushd: registrations, their forms, calls."""
from behind import *

PUSH = "urn:xmpp:push:0"
OPTIONS = "http://jabber.org/protocol/pubsub#publish-options"


def enable(node, inside=""):
    return iq("<enable xmlns='%s' jid='push.example' node='%s'>%s</enable>" % (PUSH, node, inside), "set")


def form(inside):
    return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>%s</value></field>" \
           "%s</x>" % (OPTIONS, inside)


def registrations(a, n):
    """A registration of another node, n times: each takes the place of an older one."""
    w = a.login()
    yield
    a.commits += n
    a.say(w, "".join(enable("n%d" % i) for i in range(n)), stanzas=n)


def publish_options_of_prefixes(a, n):
    """Publish options of n bytes whose prefixes shadow each other."""
    w = a.login()
    yield
    a.say(w, enable("n", form(bomb(n, levels=55))))


def publish_options(a, n):
    """Registrations with the largest publish options, n times."""
    w = a.login()
    yield
    a.commits += n
    a.say(w, "".join(enable("n%d" % (i % 20), form(
        "<field var='secret'><value>%s</value></field>" % ("x" * 3800))) for i in range(n)), stanzas=n)


def calls(a, n):
    """n proposals of calls to an account whose twenty clients are away."""
    v = a.tree.login("eve3")
    for i in range(20):
        v.send(enable("n%d" % i))
    v.ping()
    v.close()
    w = a.login()
    yield
    a.say(w, "<message to='eve3@localhost' type='chat'><propose "
             "xmlns='urn:xmpp:jingle-message:0' id='c'/></message>" * n, stanzas=n)


SHAPES = [
    ("pushd", registrations, 100, 2000),
    ("pushd", publish_options_of_prefixes, 60000, STANZA_MAX),
    ("pushd", publish_options, 50, 500),
    ("pushd", calls, 500, 10000),
]
