"""Push notifications (XEP-0357): calls for accounts each of whom has a device that is there, and as many
registrations as an account may have, of one that is not. The push service is a client of the same
server. The clients are Python, whose CPU does not count."""
import time, types

from loads import Row
from server import PASSWORD, USER, cpu_seconds
from tree import CLIENT, Stream

CONFIG = {"tabber": {"modules": "\nmod_push: {}"}}
PUSH = "urn:xmpp:push:0"
ACCOUNTS, NODES = 50, 20
PAUSE = 1.05  # seconds between two calls that one registration is told of
PROPOSE = ("<message to='%s' type='chat' id='c%d'><propose xmlns='urn:xmpp:jingle-message:0' id='c%d'>"
           "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")


class People:
    def __init__(self, server):
        self.tree = types.SimpleNamespace(hosts=(server.domain,), port=server.port, tls_port=0)
        self.bare = ["%s%d@%s" % (USER, n, server.domain) for n in range(1, ACCOUNTS + 1)]
        self.service = self.login(ACCOUNTS + 1, "push")
        self.caller = self.login(ACCOUNTS + 2, "caller")
        self.desks = []
        for n in range(1, ACCOUNTS + 1):
            self.desks.append(self.login(n, "desk"))
            self.desks[-1].available()
            self.register(n)

    def login(self, n, resource):
        s = Stream(self.tree)
        s.login(USER + str(n), PASSWORD, resource)
        return s

    def register(self, n):
        phone = self.login(n, "phone")
        for node in range(NODES):
            e = phone.iq(None, "<enable xmlns='%s' jid='%s' node='%d-%d'/>" % (
                PUSH, self.service.jid, n, node), "set")
            if e.get("type") != "result":
                raise RuntimeError("no registration")
        phone.close()

    def call_all(self, call):
        """Call all accounts; the service answers each notification. The number of notifications
        that the service got."""
        self.caller.send("".join(PROPOSE % (a, call, call) for a in self.bare))
        got = 0
        while got < ACCOUNTS * NODES:
            batch = [self.service.expect_tag(CLIENT, "iq")]
            while self.service.queue:
                batch.append(self.service.queue.pop(0))
            self.service.send("".join("<iq to='%s' id='%s' type='result'/>" % (e.get("from"), e.get("id"))
                                      for e in batch if e.get("type") == "set"))
            got += len(batch)
        del self.service.root[:]
        return got

    def close(self):
        for s in self.desks + [self.service, self.caller]:
            s.close()


def pushes(lab, row, server):
    """Microseconds of CPU a notification: the request, the answer, and its part of the call."""
    people = People(server)
    try:
        people.call_all(0)
        pids, began, n = server.pids(), time.monotonic(), 0
        before = cpu_seconds(pids)
        while time.monotonic() < began + lab.seconds:
            time.sleep(PAUSE)
            n += people.call_all(n + 1)
        used = cpu_seconds(pids) - before
    finally:
        people.close()
    return {"figure": used * 1e6 / n, "notifications": n, "cpu_s": used}


ROWS = [Row("push", "push notification, CPU", "µs", pushes, sessions=ACCOUNTS + 2, alone=True,
            config=CONFIG, reach="100")]
