"""Two servers of this kind, whose domains are addresses, so that no name is looked up."""
from authority import *

PORT = free_port()
A, B = "127.0.0.1", "127.0.0.2"
MORE = MODULES + "\nmod_s2s_dialback: {}\nmod_s2s_bidi: {}"


class Server(Tree):
    def __init__(self, ip, options, modules=MORE, users=("a",)):
        self.ip = ip
        super().__init__(hosts=(ip,), accounts=[x + "@" + ip for x in users], modules=modules,
                         tabber="s2s_allow_addresses: [127.0.0.0/8]",
                         options="outgoing_s2s_port: %d\n" % PORT + options)

    def config(self):
        listener = ["  -", "    port: %d" % PORT, "    ip: \"%s\"" % self.ip,
                    "    module: ejabberd_s2s_in", "loglevel: info"]
        return super().config().replace("loglevel: info", "\n".join(listener), 1)


def rows(t):
    """The open streams of a server: direction, proof, trust."""
    return sorted(tuple(f[i] for i in (1, 5, 6)) for f in (
        x.split("\t") for x in t.ctl("s2s", records=True).splitlines()) if f[4] == "open")
