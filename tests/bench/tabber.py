"""tabber under test: the tree of the whole tests, with accounts imported. config: lines of
modules and of listen (indented), options at the top."""
import os, subprocess

from server import PASSWORD, USER, Server, certificate
import tree

# The modules of the whole tests, but for the archive.
MODULES = "\n".join(x for x in tree.MODULES.splitlines() if not x.startswith("mod_mam"))


class Listening(tree.Tree):
    """A tree with more listeners."""

    def __init__(self, more, **kw):
        super().__init__(**kw)
        self.more = more

    def config(self):
        return super().config().replace("loglevel: info", self.more + "loglevel: info", 1)


class Tabber(Server):
    name = "tabber"

    def configure(self):
        modules = MODULES
        if self.archive:
            modules += "\nmod_mam: {default: always}"
        modules += self.config.get("modules", "")
        more = self.config.get("tabber", "")
        several = "instances: {tlsd: %d, c2sd: %d}" % (self.instances, self.instances)
        self.tree = Listening(self.config.get("listen", ""), hosts=(self.domain,), modules=modules, bin=self.bindir, options=self.options(),
                              tabber=more + (several if self.instances > 1 else ""))
        self.tree.make_folder()
        os.rmdir(self.dir + "/data")
        os.rmdir(self.dir)
        self.dir, self.port = self.tree.dir, self.tree.port

    def options(self):
        both = certificate() + "/both.pem"
        return "certfiles:\n  - \"%s\"\n" % both + self.config.get("options", "")

    def data(self):
        return self.tree.state + "/data"

    def add_users(self, first, last):
        self.tree.start()
        lines = "".join("%s%d@%s\t%s\n" % (USER, n, self.domain, PASSWORD)
                        for n in range(first, last + 1))
        r = subprocess.run([self.bindir + "/xmpp-ctl", "-s", self.tree.state, "account",
                            "import", "-"], input=lines, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        self.stop()
        if r.returncode:
            raise RuntimeError("xmpp-ctl account import: " + r.stdout[-2000:])

    def give(self, path):
        pass  # xmpp-up gives each program its own

    def launch(self):
        self.tree.start()
        self.processes = [self.tree.process]

    def pids(self):
        return set(self.tree.pids()) | {p.pid for p in self.processes}

    def stop(self):
        left = self.tree.terminate()
        self.processes = []
        if left:
            raise RuntimeError("still there after the end: %s" % left)

    def remove(self):
        if self.dir:
            self.tree.clean()
            self.dir, self.processes = None, []
