"""Makes certificates of every kind with openssl, as fixtures of tests/tls/run."""
import os
import subprocess

XMPP_ADDR, SRV = "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7"


def openssl(*words, cwd=None):
    subprocess.run(["openssl", *words], check=True, cwd=cwd, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read(path):
    with open(path) as f:
        return f.read()


def write(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def dns(*names):
    return ["DNS:" + n for n in names]


def srv(*names):
    """SRV-IDs (RFC 4985 s2), such as _xmpp-client.one.example."""
    return ["otherName:%s;IA5STRING:%s" % (SRV, n) for n in names]


def xmpp_addr(*names):
    return ["otherName:%s;FORMAT:UTF8,UTF8:%s" % (XMPP_ADDR, n) for n in names]


class Maker:
    """Makes certificates in the folder work; each is (certificate, key), as PEM texts."""

    def __init__(self, work):
        self.work, self.n = work, 0

    def make(self, cn, alt=(), rsa=False, ca=None, is_ca=False, valid=None, purposes=None):
        """A certificate whose subject is CN=cn, with alternative names alt; ca signs, a pair,
        or its own key does. valid: (first, last), each YYYYMMDDHHMMSSZ; else 30 days from now.
        purposes: words of extendedKeyUsage."""
        self.n += 1
        at = "%s/%d" % (self.work, self.n)
        os.mkdir(at)
        lines = ["[req]", "distinguished_name=dn", "[dn]", "[x]"]
        if is_ca:
            lines.append("basicConstraints=critical,CA:TRUE")
        if purposes:
            lines.append("extendedKeyUsage=" + purposes)
        if alt:
            lines += ["subjectAltName=@a", "[a]"]
            for i, name in enumerate(alt):
                kind, _, value = name.partition(":")
                lines.append("%s.%d=%s" % (kind, i, value))
        lines += ["[ca]", "default_ca=d", "[d]", "database=index", "serial=serial",
                  "new_certs_dir=.", "default_md=sha256", "policy=p", "x509_extensions=x",
                  "[p]", "commonName=supplied"]
        write(at + "/conf", "\n".join(lines) + "\n")
        write(at + "/index", "")
        write(at + "/serial", "%02X\n" % (0x10 + self.n))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-utf8", "-subj", "/CN=" + cn,
                "-config", "conf", "-keyout", "key", "-out", "csr", cwd=at)
        if ca:
            write(at + "/ca.crt", ca[0])
            write(at + "/ca.key", ca[1])
            signer = ["-cert", "ca.crt", "-keyfile", "ca.key"]
        else:
            signer = ["-selfsign", "-keyfile", "key"]
        when = ["-startdate", valid[0], "-enddate", valid[1]] if valid else ["-days", "30"]
        openssl("ca", "-batch", "-notext", "-utf8", "-config", "conf", *signer, *when, "-in",
                "csr", "-out", "crt", cwd=at)
        return read(at + "/crt"), read(at + "/key")
