#!/usr/bin/python3
"""Uploads (XEP-0363) over xmpp-tlsd, xmpp-webd and xmpp-uploadd: slots, files, restarts, curl."""
import hashlib, http.client, ssl, urllib.parse

from tree import *

UPLOAD = "urn:xmpp:http:upload:0"
web, tls = free_port(), free_port()
LISTEN = "".join("""  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: %s
    request_handlers: {%s: mod_http_upload}
""" % x for x in ((web, "false", "/put"), (tls, "true", "/up")))
# WHOLE_GIB=1: the file of memory_is_flat has 1 GiB, and what it costs is said.
GIB = bool(os.environ.get("WHOLE_GIB"))
UPLOADS = """
mod_http_upload:
  access: all
  put_url: "http://localhost:%d/put"
mod_http_upload_quota:
  max_days: 7""" % web
if GIB:
    UPLOADS = UPLOADS.replace("  access: all", "  access: all\n  max_size: 2147483648")


def request(s, name, size, kind=None):
    return s.iq("upload.localhost", "<request xmlns='%s' filename='%s' size='%d'%s/>" % (
        UPLOAD, name, size, " content-type='%s'" % kind if kind else ""))


def slot(s, name, size):
    e = request(s, name, size)
    got = e.find("{%s}slot" % UPLOAD) if e.tag.endswith("iq") else e
    if got is None:
        got = next(e.iter("{%s}slot" % UPLOAD))
    return tuple(got.find("{%s}%s" % (UPLOAD, w)).get("url") for w in ("put", "get"))


def ask(method, url, body=None, **headers):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection("127.0.0.1", u.port, timeout=DEADLINE)
    c.request(method, u.path, body, {"Host": u.netloc, **headers})
    r = c.getresponse()
    return r.status, r.read(), r


def files(t):
    return sorted(x for x in glob.glob(t.state + "/upload/**", recursive=True, include_hidden=True)
                  if os.path.isfile(x)) if os.path.isdir(t.state + "/upload") else []


def temporary(t):
    return os.listdir(t.state + "/upload/.tmp") if os.path.isdir(t.state + "/upload/.tmp") else []


def ready(t):
    until("webd has uploads", lambda: ask("OPTIONS", "http://localhost:%d/put/x" % web)[0] == 200)


@check
def the_service_is_found(t):
    s = t.login("anna")
    items = s.iq("localhost", "<query xmlns='http://jabber.org/protocol/disco#items'/>")
    assert "upload.localhost" in [i.get("jid") for i in items.iter() if i.get("jid")]
    info = s.iq("upload.localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    assert GIB or "104857600" in ET.tostring(info).decode()
    s.close()


@check
def a_picture_goes_up_and_down(t):
    ready(t)
    s = t.login("anna")
    body = os.urandom(300000)
    put, get = slot(s, "très cool.png", len(body))
    status, text, r = ask("PUT", put, body)
    assert status == 201, (status, text)
    status, text, r = ask("GET", get)
    assert status == 200 and text == body and r.getheader("Content-Type") == "image/png"
    assert r.getheader("X-Content-Type-Options") == "nosniff"
    status, text, r = ask("HEAD", get)
    assert status == 200 and r.getheader("Content-Length") == "300000" and text == b""
    status, text, r = ask("GET", get, Range="bytes=100-199")
    assert status == 206 and text == body[100:200]
    path = files(t)[0]
    assert os.stat(path).st_mode & 0o777 == 0o640, oct(os.stat(path).st_mode)
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o750
    assert ask("PUT", put, body)[0] == 403
    assert ask("GET", get)[1] == body
    assert int(t.ctl("du", "anna@localhost").split("\n")[7].split("\t")[0]) == 300000
    s.close()


@check
def what_is_refused(t):
    s = t.login("anna")
    put, get = slot(s, "a.html", 5)
    assert ask("PUT", put, b"123456")[0] == 413
    assert ask("PUT", put[:-1], b"12345")[0] == 403
    assert ask("PUT", put.rsplit("/", 1)[0] + "/..%2fx", b"12345")[0] in (400, 404)
    assert ask("POST", put, b"12345")[0] == 405
    with socket.create_connection(("127.0.0.1", web), DEADLINE) as c:
        c.sendall(b"PUT %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"5\r\n12345\r\n0\r\n\r\n" % urllib.parse.urlsplit(put).path.encode())
        assert b" 411 " in c.makefile("rb").readline()
    assert ask("PUT", put, b"12345")[0] == 201
    r = ask("GET", get)[2]
    printed = t.ctl("metrics")
    assert re.search(r'^tabber_uploadd_puts_refused_total\{instance="uploadd",reason="wrong-size"\} 1$', printed, re.M)
    assert 'refused_by_rule_total{instance="uploadd"' not in printed
    assert r.getheader("Content-Type") == "application/octet-stream"
    assert r.getheader("Content-Disposition").startswith("attachment")
    assert "sandbox" in r.getheader("Content-Security-Policy")
    s.close()


@check
def a_lost_connection_leaves_the_slot_open(t):
    s = t.login("anna")
    put, get = slot(s, "b.bin", 1000000)
    before = files(t)
    with socket.create_connection(("127.0.0.1", web), DEADLINE) as c:
        c.sendall(b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" %
                  urllib.parse.urlsplit(put).path.encode() + b"x" * 500000)
        until("a part of the file", lambda: temporary(t))
    until("no part of the file", lambda: not temporary(t))
    assert ask("GET", get)[0] == 404 and files(t) == before
    assert ask("PUT", put, b"y" * 1000000)[0] == 201
    assert ask("GET", get)[1] == b"y" * 1000000
    s.close()


@check
def killed_in_the_middle(t):
    """SIGKILL to each of the programs: no half file, and the slot is open still."""
    for name in ("uploadd", "webd", "tlsd", "routed"):
        ready(t)
        s = t.login("anna")
        put, get = slot(s, name + ".bin", 1000000)
        s.abort()
        before = files(t)
        with socket.create_connection(("127.0.0.1", web), DEADLINE) as c:
            c.sendall(b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" %
                      urllib.parse.urlsplit(put).path.encode() + b"x" * 500000)
            until("a part of the file", lambda: temporary(t))
            t.kill(name)
            if name == "routed":
                c.sendall(b"x" * 500000)
                assert b" 201 " in c.makefile("rb").readline()
        t.wait_ready()
        until("no part of the file", lambda: not temporary(t))
        ready(t)
        if name != "routed":
            assert files(t) == before, (name, files(t))
            until("the file goes up", lambda: ask("PUT", put, b"y" * 1000000)[0] == 201)
            assert ask("GET", get)[1] == b"y" * 1000000
    assert ask("GET", get)[1] == b"x" * 1000000


def begins(get, over_tls, part):
    """A client that has a part of a file, and takes nothing more for now: its socket, the length that the answer
    says, and what came."""
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.settimeout(DEADLINE)
    c.connect(("127.0.0.1", tls if over_tls else web))
    path = urllib.parse.urlsplit(get).path
    if over_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c = context.wrap_socket(c)
        path = path.replace("/put/", "/up/")
    c.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
    data = b""
    while b"\r\n\r\n" not in data or len(data) < part:
        more = c.recv(65536)
        assert more, "the end before anything was killed"
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 "), head
    return c, int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head).group(1)), body


def ends(c, body, length):
    """The bytes that came when the connection ends, or when the body is whole."""
    body = bytearray(body)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    try:
        while len(body) < length:
            more = c.recv(1 << 20)
            if not more:
                break
            body += more
    except (ConnectionError, ssl.SSLError):
        pass
    c.close()
    return body


@check
def killed_in_the_middle_of_a_download(t):
    """SIGKILL to each of the programs while a client reads: it gets the whole file, or sees that a part is missing;
    never other bytes. The next GET works. Bodies pass as descriptors, and as records while the program writes a
    trace. A descriptor at xmpp-tlsd does not need xmpp-uploadd any more."""
    ready(t)
    s = t.login("anna")
    file = os.urandom(32 << 20)  # more than all buffers on the way hold
    put, get = slot(s, "down.bin", len(file))
    s.close()
    assert ask("PUT", put, file)[0] == 201
    for name, trace, over_tls in (("uploadd", False, False), ("uploadd", True, False), ("webd", False, False),
                                  ("webd", True, True), ("tlsd", False, False), ("tlsd", False, True)):
        ready(t)
        if trace:
            t.ctl("trace", name, "on", "%s/%s.trace" % (t.dir, name))
        c, length, body = begins(get, over_tls, 100000)
        assert length == len(file)
        t.kill(name)
        body = ends(c, body, length)
        assert body == file[:len(body)], (name, trace, "other bytes", len(body))
        assert len(body) < length or (name, trace) == ("uploadd", False), (name, trace, "nobody was in the middle")
        t.wait_ready()
        ready(t)
        until("the whole file", lambda: ask("GET", get)[:2] == (200, file))


@check
def a_body_waits_in_the_pipe(t):
    """xmpp-uploadd stands still for longer than a client may be silent, and the client sends meanwhile: the bytes
    in the pipe count as come. Low limits, in the compiled settings, show this within seconds."""
    path, most = t.state + "/settings/xmpp-uploadd", 4 * SLOW
    with open(path) as f:
        before = f.read()
    with open(path, "w") as f:
        f.write(before + "upload_silence_us\t*\t%d\nupload_life_us\t*\t200000\n" % (most * 1000000))
    try:
        t.kill("uploadd")
        t.wait_ready()
        ready(t)
        s = t.login("anna")
        put, get = slot(s, "held.bin", 500000)
        s.close()
        pid = t.pid("uploadd")
        with socket.create_connection(("127.0.0.1", web), DEADLINE) as c:
            c.sendall(b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n" %
                      urllib.parse.urlsplit(put).path.encode() + b"x" * 450000)
            until("a part of the file", lambda: sum(
                os.stat(t.state + "/upload/.tmp/" + x).st_size for x in temporary(t)) == 450000)
            os.kill(pid, signal.SIGSTOP)
            try:
                c.sendall(b"x" * 50000)
                time.sleep(most + 0.5)
            finally:
                os.kill(pid, signal.SIGCONT)
            assert b" 201 " in c.makefile("rb").readline()
        assert ask("GET", get)[1] == b"x" * 500000
    finally:
        with open(path, "w") as f:
            f.write(before)
        t.kill("uploadd")
        t.wait_ready()
        ready(t)


@check
def curl_over_tls(t):
    if not shutil.which("curl"):
        return
    s = t.login("anna")
    put, get = slot(s, "c.bin", 5 << 20)
    s.close()
    path = t.dir + "/up.bin"
    with open(path, "wb") as f:
        f.write(os.urandom(5 << 20))
    put, get = (x.replace("http://localhost:%d/put" % web, "https://127.0.0.1:%d/up" % tls)
                for x in (put, get))
    out = subprocess.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-T", path, put],
                         stdout=subprocess.PIPE, timeout=DEADLINE, check=True).stdout
    assert out == b"201", out
    got = subprocess.run(["curl", "-sk", get], stdout=subprocess.PIPE, timeout=DEADLINE,
                         check=True).stdout
    with open(path, "rb") as f:
        assert got == f.read()


@check
def slixmpp_asks(t):
    """slixmpp's upload_file fails in Python 3.11 before it asks, so its parts are called."""
    from slix import session

    async def work(c):
        r = await c["xep_0363"].request_slot(c.boundjid.__class__("upload.localhost"), "x.jpg", 7,
                                             "image/jpeg")
        return r["http_upload_slot"]["put"]["url"], r["http_upload_slot"]["get"]["url"]
    put, get = session(t, work, "anna@localhost", ["xep_0030", "xep_0363"])
    assert ask("PUT", put, b"picture")[0] == 201
    status, text, r = ask("GET", get)
    assert text == b"picture" and r.getheader("Content-Type") == "image/jpeg"


def cpu_ms(t):
    """CPU that the three programs have used, in milliseconds."""
    tick = 1000 // os.sysconf("SC_CLK_TCK")
    total = 0
    for x in ("tlsd", "webd", "uploadd"):
        with open("/proc/%d/stat" % t.pid(x)) as f:
            total += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) * tick
    return total


@check
def memory_is_flat(t):
    """64 MiB up and down over TLS: the body is a descriptor, and no program holds more than some
    pieces of it."""
    s = t.login("anna")
    size = 1 << 30 if GIB else 64 << 20
    put, get = slot(s, "big.bin", size)
    s.close()
    before = {x: memory_kib(t.pid(x), "RssAnon") for x in ("tlsd", "webd", "uploadd")}
    most = dict(before)
    total = [0]
    path = urllib.parse.urlsplit(put).path.replace("/put/", "/up/").encode()
    piece = os.urandom(1 << 20)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def connect():
        return context.wrap_socket(socket.create_connection(("127.0.0.1", tls), DEADLINE))

    def look():
        for x in most:
            most[x] = max(most[x], memory_kib(t.pid(x), "RssAnon"))
        total[0] = max(total[0], sum(memory_kib(t.pid(x), "VmRSS") for x in most))
    cpu = [cpu_ms(t)]
    with connect() as c:
        c.sendall(b"PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" %
                  (path, size))
        for i in range(size >> 20):
            c.sendall(piece)
            if i % 16 == 0:
                look()
        c.settimeout(4 * DEADLINE)  # the whole file goes to the disk before the answer
        assert b" 201 " in c.makefile("rb").readline()
    cpu.append(cpu_ms(t))
    got, sums = 0, [hashlib.sha256(), hashlib.sha256()]
    with connect() as c:
        c.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
        f = c.makefile("rb")
        while f.readline() != b"\r\n":
            pass
        while True:
            b = f.read(1 << 20)
            if not b:
                break
            got += len(b)
            sums[0].update(b)
            sums[1].update(piece)
            if got >> 20 & 15 == 0:
                look()
    cpu.append(cpu_ms(t))
    assert got == size and sums[0].digest() == sums[1].digest()
    if GIB:
        mib = size >> 20
        print("up %.2f ms of CPU a MiB, down %.2f; %d KiB in all, %s more than before" % (
            (cpu[1] - cpu[0]) / mib, (cpu[2] - cpu[1]) / mib, total[0],
            {x: most[x] - before[x] for x in most}))
        assert SLOW > 1 or total[0] < 32 << 10, total
    assert SLOW > 1 or all(most[x] - before[x] < 2048 for x in most), (before, most)


@check
def check_says_which_hop_fails(t):
    assert "a file went up and down" in t.ctl("upload", "check", "localhost")
    assert not glob.glob(t.state + "/upload/check*"), "the file of the check is there still"
    dead = free_port()
    text = open(t.conf).read()

    def failing(url):
        t.write_config(text.replace("http://localhost:%d/put" % web, url))
        t.ctl("reload")
        code, out, err = t.ctl("upload", "check", "localhost", code=None, records=True)
        assert code == 1, (url, out, err)
        return out.rstrip("\n").split("\t")
    try:
        assert failing("http://localhost:%d/put" % dead)[3] == "connect"
        assert failing("http://nobody.invalid/put")[3] == "dns"
        assert failing("https://localhost:%d/up" % tls)[3] == "tls"
        got = failing("http://localhost:%d/other" % web)
        assert got[1] == "PUT" and got[3] == "http" and "another server or path" in got[4], got
    finally:
        t.write_config(text)
        t.ctl("reload")
    code, out, err = t.ctl("upload", "check", "example.net", code=None)
    assert code == 1 and "has no mod_http_upload" in err, (out, err)


@check
def old_files_are_swept(t):
    for f in files(t)[1:]:
        os.utime(f, (time.time() - 8 * 86400,) * 2)
    out = t.ctl("upload", "sweep", records=True).split("\t")
    assert int(out[1]) > 3 and len(files(t)) == 1, (out, files(t))


@check
def files_go_with_the_account(t):
    t.ctl("account", "del", "anna@localhost")
    until("no file is left", lambda: not files(t))


main(Tree(accounts=("anna@localhost",), modules=MODULES + UPLOADS,
          options="listen:\n" + LISTEN))
