"""The server of conf/guide.md: the configuration of conf/guide.yml, certificates of a test CA in
certbot's layout, free ports, and folders of the test; and the blocks of the page, which are cut out of it."""
from authority import *

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUIDE = os.path.join(ROOT, "conf/guide.yml")
PAGE = os.path.join(ROOT, "conf/guide.md")
HOSTS = ("cnjabber.net", "wehack.space")


def block(section, begins):
    """The indented block of a section of conf/guide.md that begins with these words."""
    with open(PAGE) as f:
        text = re.search(r"^## %d\. .*?(?=^## )" % section, f.read(), re.M | re.S)[0]
    found = [re.sub("^    ", "", b, flags=re.M) for b in re.findall(r"^(?:    .*\n)(?:\n*    .*\n)*", text, re.M)]
    found = [b for b in found if b.startswith(begins)]
    assert len(found) == 1, (section, begins, found)
    return found[0]


def added():
    """The lines that the page adds to conf/guide.yml."""
    return block(4, "modules:") + block(5, "trusted_proxies:")


class Certbot(Authority):
    """A folder like /etc/letsencrypt: live/HOST has links to what archive/HOST has."""

    def __init__(self, hosts):
        super().__init__({h: ",".join("DNS:" + p + h for p in ("", "file.", "pubsub.", "conference."))
                          for h in hosts}, "serverAuth,clientAuth")
        for h in hosts:
            self.lay(h)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def lay(self, host):
        live, archive = self.path("live/" + host), self.path("archive/" + host)
        os.makedirs(live)
        os.makedirs(archive)
        parts = {"cert": self.read(host + ".crt"), "chain": self.read("ca.pem"),
                 "privkey": self.read(host + ".key")}
        parts["fullchain"] = parts["cert"] + parts["chain"]
        for name, text in parts.items():
            with open("%s/%s1.pem" % (archive, name), "w") as f:
                f.write(text)
            os.symlink("../../archive/%s/%s1.pem" % (host, name), "%s/%s.pem" % (live, name))
        os.chmod(archive + "/privkey1.pem", 0o600)
        with open(live + "/README", "w") as f:
            f.write("This directory contains your keys and certificates.\n")


class Guide(Tree):
    """options: lines at the end."""

    def __init__(self, certbot, options="", accounts=()):
        super().__init__(hosts=HOSTS, options=options, accounts=accounts)
        self.certbot, self.s2s_port, self.web = certbot, free_port(), free_port()

    def make_folder(self):
        super().make_folder()
        self.uploads = self.dir + "/jabber-file"
        with open(self.dir + "/dhparam.pem", "w") as f:
            f.write(DHPARAM)
        self.write_config()

    def here(self, text):
        """The text with the ports and folders of this test."""
        for old, new in (("port: 5222", "port: %d" % self.port), ("port: 5269", "port: %d" % self.s2s_port),
                         ("port: 5444", "port: %d" % self.web), ("/etc/letsencrypt", self.certbot.dir),
                         ("/etc/tabber", self.dir), ("/srv/http/sites/jabber-file", self.dir + "/jabber-file")):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def config(self):
        with open(GUIDE) as f:
            return self.here(f.read()) + self.options

    def confgen(self, *words):
        return subprocess.run([self.bin + "/xmpp-confgen"] + list(words), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE)

    def check(self, text):
        """Exit code and words of xmpp-confgen check."""
        path = self.dir + "/checked.yml"
        with open(path, "w") as f:
            f.write(text)
        r = self.confgen("check", path)
        return r.returncode, r.stdout.replace(self.dir + "/", "")


# RFC 7919 ffdhe3072; openssl dhparam takes minutes.
DHPARAM = subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                          "group:ffdhe3072"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=True, text=True).stdout
