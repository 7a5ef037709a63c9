"""A certificate authority for tests with several servers."""
from tree import *


class Authority:
    """A folder with a CA, which has signed a certificate for each server of names, a mapping of
    servers to subjectAltName. usage: extendedKeyUsage."""

    def __init__(self, names, usage="serverAuth"):
        self.usage = usage
        self.dir = tempfile.mkdtemp(prefix="ca-")
        os.chmod(self.dir, 0o755)
        self.new("ca", "-x509", "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-out", self.path("ca.pem"))
        for server, alt in names.items():
            self.sign(server, alt)

    def path(self, name):
        return "%s/%s" % (self.dir, name)

    def tool(self, *words):
        subprocess.run(("openssl",) + words, check=True, stderr=subprocess.DEVNULL)

    def new(self, name, *words):
        self.tool("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                  "/CN=" + name, "-keyout", self.path(name + ".key"), *words)

    def sign(self, server, alt):
        self.new(server, "-out", self.path("csr"))
        with open(self.path("ext"), "w") as f:
            f.write("subjectAltName=%s\nextendedKeyUsage=%s\nauthorityKeyIdentifier=keyid\n"
                    "subjectKeyIdentifier=hash\n" % (alt, self.usage))
        self.tool("x509", "-req", "-in", self.path("csr"), "-CA", self.path("ca.pem"), "-CAkey",
                  self.path("ca.key"), "-CAcreateserial", "-days", "30", "-extfile",
                  self.path("ext"), "-out", self.path(server + ".crt"))
        with open(self.path(server + ".pem"), "w") as out:
            for part in (server + ".crt", server + ".key"):
                with open(self.path(part)) as f:
                    out.write(f.read())
        os.chmod(self.path(server + ".pem"), 0o644)

    def options(self, server):
        return "certfiles: [%s]\nca_file: %s\n" % (self.path(server + ".pem"), self.path("ca.pem"))

    def end(self):
        shutil.rmtree(self.dir, ignore_errors=True)
