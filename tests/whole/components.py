"""A tree with a listener for components, and the two domains that components may have there."""
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
