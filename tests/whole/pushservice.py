"""A push service as an external component (XEP-0114), and phones that register with it."""
import queue

from tree import *

PUSH = "urn:xmpp:push:0"
SM = "urn:xmpp:sm:3"
PUBSUB = "http://jabber.org/protocol/pubsub"
DATA = "jabber:x:data"
COMPONENT = "jabber:component:accept"
SERVICE = "push.localhost"


def fields(x):
    """The fields of a form."""
    return {f.get("var"): f.findtext("{%s}value" % DATA) for f in x.iter("{%s}field" % DATA)}


class Service:
    """The push service domain; what it got is in notes: (node, summary, options) each. answer: None
    for results, else (type, condition)."""

    def __init__(self, port, domain, secret):
        self.domain, self.answer, self.notes = domain, None, queue.Queue()
        self.froms = set()
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.sock.sendall(("<stream:stream xmlns='%s' xmlns:stream='%s' to='%s'>" % (
            COMPONENT, STREAM, domain)).encode())
        self.parser = ET.XMLPullParser(("start", "end"))
        self.depth, self.up, self.secret = 0, threading.Event(), secret
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.up.wait(DEADLINE), "the component is not let in"

    def run(self):
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    return
                self.parser.feed(data)
                for what, e in self.parser.read_events():
                    self.event(what, e)
        except OSError:
            pass

    def event(self, what, e):
        if what == "start":
            self.depth += 1
            if self.depth == 1:
                key = hashlib.sha1((e.get("id") + self.secret).encode()).hexdigest()
                self.sock.sendall(("<handshake>%s</handshake>" % key).encode())
            return
        self.depth -= 1
        if self.depth != 1:
            return
        if e.tag == "{%s}handshake" % COMPONENT:
            self.up.set()
        elif e.tag == "{%s}iq" % COMPONENT and e.get("type") == "set":
            self.note(e)

    def note(self, e):
        publish = e.find(".//{%s}publish" % PUBSUB)
        options = e.find(".//{%s}publish-options" % PUBSUB)
        self.froms.add(e.get("from"))
        inside = "" if not self.answer else (
            "<error type='%s'><%s xmlns='%s'/></error>" % (self.answer + (STANZAS,)))
        self.sock.sendall(("<iq from='%s' to='%s' id='%s' type='%s'>%s</iq>" % (
            e.get("to"), e.get("from"), e.get("id"), "error" if inside else "result",
            inside)).encode())
        self.notes.put((publish.get("node"), fields(publish),
                        {} if options is None else fields(options)))

    def next(self, seconds=None):
        return self.notes.get(timeout=DEADLINE if seconds is None else seconds * SLOW)

    def none(self):
        assert self.notes.empty(), list(self.notes.queue)

    def end(self):
        self.sock.shutdown(socket.SHUT_RDWR)  # the thread reads from it
        self.sock.close()


class Phone:
    """A client that registers node at service, with stream management. first: the bodies of what
    had waited for it."""

    def __init__(self, t, user, service, node, host=None):
        self.t, self.user, self.host = t, user, host or t.hosts[0]
        self.service, self.node = service, node
        self.login()

    def login(self):
        self.s = self.t.login(self.user, "phone", host=self.host, available=False)
        self.s.send("<enable xmlns='%s' resume='true'/>" % SM)
        self.token = self.s.expect_tag(SM, "enabled").get("id")
        self.h = 0
        e = self.s.iq(None, "<enable xmlns='%s' jid='%s' node='%s'><x xmlns='%s' type='submit'>"
                      "<field var='FORM_TYPE'><value>%s#publish-options</value></field>"
                      "<field var='secret'><value>sesame</value></field></x></enable>" % (
                          PUSH, self.service, self.node, DATA, PUBSUB), "set")
        assert e.get("type") == "result", ET.tostring(e)
        self.h += 1
        self.s.send("<presence/>")
        self.first = self.bodies()

    def cut(self):
        """The connection is gone, without a word."""
        away = len(re.findall("session-away", self.t.log("c2sd")))
        self.s.sock.close()
        until("the session is away",
              lambda: len(re.findall("session-away", self.t.log("c2sd"))) > away)

    def resume(self, most=None):
        """Come back; the bodies of the messages that were waiting. The session has had so many
        stanzas as were counted (h)."""
        self.s = Stream(self.t, host=self.host)
        self.s.secured()
        what, data, _ = self.s.auth_scram(self.user, PW)
        assert what == "success", (what, data)
        self.s.open()
        self.s.send("<resume xmlns='%s' h='%d' previd='%s'/>" % (SM, self.h, self.token))
        e = self.s.expect(lambda e: e.tag in ("{%s}resumed" % SM, "{%s}failed" % SM))
        assert e.tag == "{%s}resumed" % SM, ET.tostring(e)
        return self.bodies()

    def bodies(self):
        """The bodies of all that has come up to now, which are acknowledged."""
        got, i = [], self.s.next_id()
        self.s.send("<iq type='get' id='%s' to='%s'><ping xmlns='%s'/></iq>" % (i, self.host, PING))
        while True:
            e = self.s.recv()
            if e.tag.startswith("{%s}" % CLIENT):
                self.h += 1
                if e.tag == "{%s}message" % CLIENT:
                    got.append(e.findtext("{%s}body" % CLIENT))
            if e.get("id") == i:
                break
        self.s.send("<a xmlns='%s' h='%d'/>" % (SM, self.h))
        return got


class WithService(Tree):
    """A tree with a push service: the component SERVICE."""

    def config(self):
        self.comp_port = getattr(self, "comp_port", None) or free_port()
        listener = ["  -", "    port: %d" % self.comp_port, "    ip: \"127.0.0.1\"",
                    "    module: ejabberd_service", "    hosts:", "      %s:" % SERVICE,
                    "        password: secret"]
        return super().config().replace("listen:\n", "listen:\n" + "\n".join(listener) + "\n", 1)

    def __enter__(self):
        super().__enter__()
        self.service = Service(self.comp_port, SERVICE, "secret")
        return self
