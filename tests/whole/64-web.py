#!/usr/bin/python3
"""xmpp-webd with the shell's web service: requests over plain TCP, TLS and behind a proxy."""
import http.client

from tree import *

CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf")
SCRIPT = "/tmp/whole-web-service-%d.sh" % os.getpid()
plain, tls, proxied, slow = free_port(), free_port(), free_port(), free_port()
LISTEN = "listen:\n" + "".join("""  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    %s
    request_handlers: {/hook: "service:hook", /files: mod_http_fileserver, /metrics: tabber_metrics}
""" % x for x in ((plain, "tls: false"), (tls, "tls: true"),
                  (proxied, "use_proxy_protocol: true"), (slow, "shaper: {slow: all}"))) + "shaper: {slow: 40000}\n"


def ask(c, method, path, body=None, **headers):
    c.request(method, path, body, headers)
    r = c.getresponse()
    return r.status, r.read().decode(), r


def client(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)


def mounted(t):
    """The service is there: what is asked before may wait for it 3 seconds, and get a 503."""
    until("an answer of the service", lambda: ask(client(plain), "GET", "/hook")[0] == 200)


@check
def requests_on_one_connection(t):
    mounted(t)
    c = client(plain)
    for path in ("/hook", "/hook/a%20b?q"):
        status, text, r = ask(c, "GET", path)
        assert (status, text) == (200, "You are 127.0.0.1, and asked for %s.\n" %
                                  path.split("?")[0]), text
        assert r.getheader("Content-Length") == str(len(text)) and not r.will_close
    status, text, r = ask(c, "HEAD", "/hook")
    assert status == 200 and text == "" and int(r.getheader("Content-Length")) > 10
    assert ask(c, "DELETE", "/hook")[0] == 405
    assert ask(c, "GET", "/hooks")[0] == 404
    t.wait_log("webd", r"event=request conn=tlsd:\d+ ip=127\.0\.0\.1 host=localhost "
               "handler=service:hook base=/hook status=200 ")


@check
def a_body_and_curl_s_expectation(t):
    c = client(plain)
    assert ask(c, "POST", "/hook", "first\nsecond \\ \0")[1] == "FIRST\nSECOND \\ \0"
    assert ask(c, "POST", "/hook", "x" * 5000)[1] == "X" * 5000
    with socket.create_connection(("127.0.0.1", plain), DEADLINE) as s:
        s.sendall(b"POST /hook HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                  b"Content-Length: 5\r\n\r\n")
        f = s.makefile("rb")
        assert f.readline() == b"HTTP/1.1 100 Continue\r\n" and f.readline() == b"\r\n"
        s.sendall(b"hello")
        assert f.readline() == b"HTTP/1.1 200 OK\r\n"


@check
def over_tls(t):
    """RFC 7301: http/1.1 is picked; a client that names others only is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    c = http.client.HTTPSConnection("127.0.0.1", tls, timeout=DEADLINE, context=context)
    assert ask(c, "GET", "/hook")[0] == 200
    assert c.sock.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["xmpp-client"])
    try:
        ask(http.client.HTTPSConnection("127.0.0.1", tls, timeout=DEADLINE, context=context),
            "GET", "/hook")
        assert False, "another protocol was taken"
    except ssl.SSLError:
        pass
    with socket.create_connection(("127.0.0.1", plain), DEADLINE) as s:
        try:
            context.wrap_socket(s)
            assert False, "TLS at a listener without TLS"
        except (OSError, ssl.SSLError):
            pass


@check
def behind_a_proxy(t):
    with socket.create_connection(("127.0.0.1", proxied), DEADLINE) as s:
        s.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\nGET /hook HTTP/1.1\r\n"
                  b"Host: a\r\nConnection: close\r\n\r\n")
        assert b"You are 192.0.2.7," in s.makefile("rb").read()


@check
def the_service_is_killed(t):
    t.kill("hook")
    assert ask(client(plain), "GET", "/hook")[0] in (200, 503)
    mounted(t)


@check
def webd_is_killed(t):
    t.kill("webd")

    def answers():
        try:
            return ask(client(plain), "GET", "/hook")[0] == 200
        except (OSError, http.client.HTTPException):
            return False
    until("an answer after the restart", answers)


def posted(port, size):
    """Seconds that a body takes whose sender has waited for 100 Continue: the shaper is set by then."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as c:
        c.sendall(b"POST /hook HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % size)
        f = c.makefile("rb")
        assert b" 100 " in f.readline() and f.readline() == b"\r\n"
        began = time.monotonic()
        c.sendall(b"x" * size)
        assert b" 200 " in f.readline()
        return time.monotonic() - began


@check
def a_shaper_slows_a_body(t):
    """100 KB at 40 KB a second, of which a second's worth may come at once."""
    mounted(t)
    took = posted(slow, 100000)
    assert took >= 1.2, took
    if SLOW <= 1:
        until("a body that is not slowed", lambda: posted(plain, 100000) < 1)


@check
def pipelined(t):
    with socket.create_connection(("127.0.0.1", plain), DEADLINE) as s:
        s.sendall(b"".join(b"GET /hook/%d HTTP/1.1\r\nHost: a\r\n%s\r\n" % (
            i, b"Connection: close\r\n" if i == 99 else b"") for i in range(100)))
        got = s.makefile("rb").read().decode()
        assert re.findall(r"for /hook/(\d+)\.", got) == [str(i) for i in range(100)]


def file(name, content):
    os.makedirs(os.path.dirname(FILES + "/" + name), exist_ok=True)
    with open(FILES + "/" + name, "wb") as f:
        f.write(content)


@check
def files(t):
    big = os.urandom(3 << 20)
    file("index.html", b"<p>hello</p>")
    file("sub dir/big.bin", big)
    file("note.odd", b"0123456789")
    file(".hidden", b"x")
    file("../secret", b"x")
    os.symlink("/etc/passwd", FILES + "/link")
    c = client(plain)
    status, text, r = ask(c, "GET", "/files/")
    assert (status, text) == (200, "<p>hello</p>")
    assert r.getheader("Content-Type") == "text/html" and r.getheader("X-Mine") == "yes"
    for path in ("/files/sub%20dir/big.bin", "/files//sub%20dir//big.bin"):
        c.request("GET", path)
        r = c.getresponse()
        assert r.read() == big and r.getheader("Content-Type") == "application/octet-stream"
    status, text, r = ask(c, "GET", "/files/note.odd")
    tag, date = r.getheader("ETag"), r.getheader("Last-Modified")
    assert r.getheader("Content-Type") == "text/odd" and text == "0123456789"
    assert ask(c, "GET", "/files/note.odd", **{"If-None-Match": tag})[0] == 304
    assert ask(c, "GET", "/files/note.odd", **{"If-Modified-Since": date})[0] == 304
    assert ask(c, "GET", "/files/note.odd", Range="bytes=2-4")[:2] == (206, "234")
    assert ask(c, "GET", "/files/note.odd", Range="bytes=-3")[:2] == (206, "789")
    assert ask(c, "GET", "/files/note.odd", Range="bytes=2-4",
               **{"If-Range": '"other"'})[:2] == (200, "0123456789")
    for field, value in (("If-Match", '"other"'), ("If-Unmodified-Since", "Sun Nov  6 08:49:37 1994")):
        assert ask(c, "GET", "/files/note.odd", **{field: value})[0] == 412, field
    assert ask(c, "GET", "/files/note.odd", **{"If-Match": tag})[0] == 200
    assert ask(c, "HEAD", "/files/note.odd", Range="bytes=2-4")[0] == 200
    status, _, r = ask(c, "GET", "/files/note.odd", Range="bytes=10-")
    assert status == 416 and r.getheader("Content-Range") == "bytes */10"
    status, text, r = ask(c, "HEAD", "/files/note.odd")
    assert (status, text, r.getheader("Content-Length")) == (200, "", "10")
    for path in (".hidden", "link", "sub%20dir", "nothing", "%2e%2e%2fsecret", "..%2fsecret",
                 "sub%20dir%2fbig.bin", "note.odd/x"):
        assert ask(client(plain), "GET", "/files/" + path)[0] in (400, 404), path
    assert ask(c, "PUT", "/files/note.odd", "x")[0] == 405


@check
def a_slow_reader_holds_no_memory(t):
    """A file waits on the disk, and not in webd."""
    with open(FILES + "/huge.bin", "wb") as f:
        f.truncate(64 << 20)
    pid = t.pid("webd")
    before = memory_kib(pid)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(DEADLINE)
        s.connect(("127.0.0.1", plain))
        s.sendall(b"GET /files/huge.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")
        assert ask(client(plain), "GET", "/files/note.odd")[0] == 200
        assert memory_kib(pid) - before < 10000 or SLOW > 1  # a sanitizer's build is not measured
        left = 64 << 20
        while True:
            more = s.recv(1 << 20)
            if not more:
                break
            left -= len(more)
        assert left <= 0


def peeks(t, service, socket_name, words):
    """The answer that a process of this service's user gets at a control socket; None: it is not let in."""
    with open("%s/service/%s/env" % (t.state, service)) as f:
        user = re.search("AS='(.*)'", f.read()).group(1).split()
    code = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(10)\ns.connect(sys.argv[1])\n"
            "s.sendall(sys.argv[2].encode())\ns.shutdown(1)\nprint(s.recv(65536).decode())")
    r = subprocess.run(user + ["/usr/bin/python3", "-c", code, "%s/run/%s" % (t.state, socket_name), words],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return r.stdout.strip() or None if not r.returncode else None


def families(text):
    return set(re.findall(r"^# TYPE (\S+)", text, re.M))


@check
def the_page_of_figures_is_that_of_all_programs(t):
    mounted(t)
    status, text, r = ask(client(plain), "GET", "/metrics")
    assert status == 200 and r.getheader("Content-Type").startswith("text/plain; version=0.0.4"), (status, text)
    printed = t.ctl("metrics")
    assert families(text) == families(printed), families(text) ^ families(printed)
    for d in DAEMONS + ["webd", "hook", "metrics"]:
        assert 'tabber_up{instance="%s"} 1\n' % d in text, (d, text)
    assert 'tabber_webd_answers_by_handler_total{instance="webd",handler="service:hook",status="200"}' in text
    assert re.search("handler=service:hook status=200", t.ctl("stats", "webd"))
    # xmpp-webd is let in nowhere; the service's user reads figures alone.
    if os.geteuid() == 0:
        assert "sessions" in peeks(t, "metrics", "routed/figures", "stats\n")
        assert peeks(t, "metrics", "routed/figures", "end\ta@localhost\tconflict\n") is None
        assert peeks(t, "metrics", "routed/control", "stats\n") is None
        assert peeks(t, "webd", "routed/figures", "stats\n") is None
    # A killed service is there again, and so is the page.
    os.kill(t.pid("metrics"), signal.SIGKILL)
    until("the page again", lambda: ask(client(plain), "GET", "/metrics")[0] == 200)


FILES = tempfile.mkdtemp(prefix="whole-files-") + "/root"
shutil.copy(CONF + "/web-service.sh", SCRIPT)
os.chmod(SCRIPT, 0o755)
os.chmod(os.path.dirname(FILES), 0o755)
os.umask(0o022)
try:
    main(Tree(options=LISTEN, modules=MODULES + """
mod_http_fileserver:
  docroot: %s
  directory_indices: [index.html]
  content_types: {.odd: text/odd}
  custom_headers: {X-Mine: "yes"}""" % FILES, tabber="""services:
  hook:
    run: [%s]
    role: web""" % SCRIPT))
finally:
    os.unlink(SCRIPT)
    shutil.rmtree(os.path.dirname(FILES))
