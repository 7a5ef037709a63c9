"""A tree with a listener for components, the two domains that components may have there, and a component."""
from tree import *

IRC, SMS = "irc.localhost", "sms.localhost"


class WithComponents(Tree):
    """A tree with a listener for components."""

    def __init__(self, **kw):
        super().__init__(**kw)
        self.comp_port = free_port()

    def config(self):
        listener = ["  -", "    port: %d" % self.comp_port, "    ip: \"127.0.0.1\"",
                    "    module: ejabberd_service", "    hosts:", "      %s:" % IRC,
                    "        password: secret", "      %s:" % SMS, "        password: other"]
        return super().config().replace("listen:\n", "listen:\n" + "\n".join(listener) + "\n", 1)


class ComponentStream:
    """The stream of a component (XEP-0114), as text."""

    def __init__(self, port, domain, secret):
        self.sock, self.text = socket.create_connection(("127.0.0.1", port), DEADLINE), b""
        self.send("<stream:stream xmlns='jabber:component:accept' xmlns:stream='%s' to='%s'>" % (STREAM, domain))
        ident = self.until(rb" id=['\"]([^'\"]+)['\"]")[1].decode()
        self.send("<handshake>%s</handshake>" % hashlib.sha1((ident + secret).encode()).hexdigest())
        self.until(rb"<handshake/>")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, text):
        self.sock.sendall(text.encode())

    def until(self, pattern):
        """The match of the pattern in all that has come, as soon as there is one."""
        while not re.search(pattern, self.text, re.S):
            data = self.sock.recv(4096)
            assert data, self.text
            self.text += data
        return re.search(pattern, self.text, re.S)
