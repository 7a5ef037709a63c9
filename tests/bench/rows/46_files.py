"""Files that clients share (XEP-0363), with TLS of the server's own: up and down, small ones and a large
one. The client is Python, whose CPU does not count."""
import http.client, os, ssl, threading, time, types, urllib.parse

from loads import Row, with_figure
from server import PASSWORD, USER, certificate, cpu_seconds, pss_kib
from tree import CLIENT, Stream

PORT = 15444
UPLOAD = "urn:xmpp:http:upload:0"
SERVICE = "upload.localhost"
MIB = 1 << 20

LISTENER = """  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/upload: mod_http_upload}
""" % PORT
URL = "https://localhost:%d/upload" % PORT

PROSODY = """https_ports = { %d }
https_interfaces = { "127.0.0.1" }
https_ssl = { certificate = "%%s/cert.pem", key = "%%s/key.pem" }
http_default_host = "%s"
""" % (PORT, SERVICE)
COMPONENT = """Component "%s" "http_file_share"
  http_file_share_size_limit = 2147483648
  http_file_share_daily_quota = 1099511627776
  http_file_share_global_quota = 1099511627776
""" % SERVICE


class Files(Row):
    """The certificate is made when the row is measured."""

    def config(self, cls):
        return {
            "tabber": {"listen": LISTENER, "modules":
                       "\nmod_http_upload: {access: all, max_size: infinity, put_url: \"%s\"}" % URL},
            "ejabberd": {"listen": LISTENER, "modules":
                         "  mod_http_upload: {access: all, max_size: infinity, put_url: \"%s\","
                         " docroot: \"/var/lib/ejabberd/bench-upload\"}\n" % URL},
            "prosody": {"components": COMPONENT, "options": PROSODY % (certificate(), certificate())},
        }.get(cls.name, {})


class Client:
    """The first account's session, which asks for slots, and one connection for the files."""

    def __init__(self, server):
        self.s = Stream(types.SimpleNamespace(hosts=(server.domain,), port=server.port, tls_port=0))
        self.s.login(USER + "1", PASSWORD, "files")
        context = ssl.create_default_context(cafile=certificate() + "/cert.pem")
        context.check_hostname = False
        self.web = http.client.HTTPSConnection("127.0.0.1", PORT, timeout=120, context=context)

    def slot(self, n):
        """The paths of PUT and GET for a file of n bytes. The service may come after the server, and
        gives an account few slots a second."""
        end, e = time.monotonic() + 20, None
        while e is None or e.get("type") != "result":
            if time.monotonic() > end:
                raise RuntimeError("no slot")
            if e is not None:
                time.sleep(0.1)
            i = self.s.next_id()
            self.s.send("<iq type='get' id='%s' to='%s'><request xmlns='%s' filename='a.bin' size='%d'/></iq>"
                        % (i, SERVICE, UPLOAD, n))
            e = self.s.expect(lambda e: e.tag == "{%s}iq" % CLIENT and e.get("id") == i)
        urls = [urllib.parse.urlsplit(next(e.iter("{%s}%s" % (UPLOAD, x))).get("url")) for x in ("put", "get")]
        auth = next((h.text for h in e.iter("{%s}header" % UPLOAD) if h.get("name") == "Authorization"), None)
        self.headers = {"Host": urls[0].netloc, **({"Authorization": auth} if auth else {})}
        return [u.path + ("?" + u.query if u.query else "") for u in urls]

    def put(self, path, body, n):
        self.web.request("PUT", path, body, {"Content-Length": str(n), "Content-Type": "application/octet-stream",
                                             **self.headers})
        self.answer((200, 201))

    def get(self, path):
        self.web.request("GET", path, None, {"Host": self.headers["Host"]})
        return self.answer((200,))

    def answer(self, good):
        r = self.web.getresponse()
        n = 0
        while True:
            got = r.read(MIB)
            if not got:
                break
            n += len(got)
        if r.status not in good:
            raise RuntimeError("the answer was %d" % r.status)
        return n

    def end(self):
        self.web.close()
        self.s.abort()


class Peak(threading.Thread):
    """The most memory that the processes have at once, looked at ten times a second."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.most, self.over = pids, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            self.most = max(self.most, pss_kib(self.pids))

    def end(self):
        self.over.set()
        self.join()
        return self.most


def blocks(mib):
    """A body in parts; random bytes are made once."""
    block = os.urandom(MIB)
    return (block for _ in range(mib))


def moved(lab, row, server):
    """Milliseconds of CPU for each MiB that goes up, or down."""
    mib, down = row.more["mib"], row.more["down"]
    c = Client(server)
    try:
        pids = server.pids()
        body = os.urandom(MIB)
        if down:
            put, get = c.slot(mib * MIB)
            c.put(put, blocks(mib) if mib > 1 else body, mib * MIB)
            end = time.monotonic() + 1      # nothing of the upload is still at work
            while time.monotonic() < end:
                before = cpu_seconds(pids)
                time.sleep(0.1)
                if cpu_seconds(pids) - before < 0.005:
                    break
        peak, before, n = Peak(pids), cpu_seconds(pids), 0
        end = time.monotonic() + lab.seconds
        while not n or (mib == 1 and time.monotonic() < end):
            if down:
                n += c.get(get)
            else:
                put, _ = c.slot(mib * MIB)
                c.put(put, blocks(mib) if mib > 1 else body, mib * MIB)
                n += mib * MIB
        spent = cpu_seconds(pids) - before
        return with_figure({"bytes": n, "cpu_s": spent, "peak_kib": peak.end()}, spent * 1e3 * MIB / n)
    finally:
        c.end()


KINDS = {"config": {"tabber": {}, "ejabberd": {}, "prosody": {}}}


def row(name, title, mib, down, **more):
    return Files(name, title, "ms", moved, sessions=2, fresh=True, mib=mib, down=down, **KINDS, **more)


ROWS = [
    row("upload", "files of 1 MiB up, CPU a MiB, slots included", 1, False),
    row("upload-gib", "a file of 1 GiB up, CPU a MiB", 1024, False, once=True, reach="3"),
    row("download", "files of 1 MiB down, CPU a MiB", 1, True),
    row("download-gib", "a file of 1 GiB down, CPU a MiB", 1024, True, once=True, reach="3"),
]
