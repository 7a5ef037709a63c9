#!/usr/bin/python3
"""Uploads behind Caddy and nginx, as xmpp-confgen web prints them and the guide has them: PUT goes
through the web server, which serves the files itself."""
import http.client, urllib.parse

from fronts import front as server_in_front
from tree import *

UPLOAD = "urn:xmpp:http:upload:0"
web, front = free_port(), free_port()
HOST = "file.localhost"
DOCROOT = tempfile.mkdtemp(prefix="whole-docroot-")
UPLOADS = """
mod_http_upload:
  access: all
  host: "%s"
  docroot: "%s/@HOST@"
  put_url: "http://%s:%d/put"
  get_url: "http://%s:%d"
  max_size: 3000000""" % (HOST, DOCROOT, HOST, front, HOST, front)
LISTEN = """  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: false
    request_handlers: {"": mod_http_upload}
""" % web
NGINX = """daemon off;
pid %(dir)s/nginx.pid;
error_log %(dir)s/nginx.log;
events { }
http {
    include %(etc)s/etc/nginx/mime.types;
    access_log off;
    client_body_temp_path %(dir)s/body;
    proxy_temp_path %(dir)s/proxy;
    fastcgi_temp_path %(dir)s/fastcgi;
    uwsgi_temp_path %(dir)s/uwsgi;
    scgi_temp_path %(dir)s/scgi;
    %(part)s
}
"""


def slot(s, name, size):
    e = s.iq(HOST, "<request xmlns='%s' filename='%s' size='%d'/>" % (UPLOAD, name, size))
    got = next(e.iter("{%s}slot" % UPLOAD))
    return tuple(got.find("{%s}%s" % (UPLOAD, w)).get("url") for w in ("put", "get"))


def ask(method, url, body=None, **headers):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection("127.0.0.1", u.port, timeout=DEADLINE)
    c.request(method, u.path, body, {"Host": u.netloc, **headers})
    r = c.getresponse()
    return r.status, r.read(), r


def part(t, server):
    r = subprocess.run([t.bin + "/xmpp-confgen", "web", "--no-files", server, t.conf],
                       stdout=subprocess.PIPE, timeout=DEADLINE, check=True, text=True)
    return r.stdout


def opened():
    try:
        socket.create_connection(("127.0.0.1", front), 1).close()
        return True
    except OSError:
        return False


def play(t):
    """What both must do."""
    s = t.login("anna")
    body = os.urandom(2500000)
    put, get = slot(s, "très cool.png", len(body))
    assert "/put/" in put and "/put/" not in get
    status, text, r = ask("PUT", put, body)
    assert status == 201, (status, text[:200])
    status, text, r = ask("GET", get)
    assert status == 200 and text == body and r.getheader("Content-Type") == "image/png"
    assert r.getheader("X-Content-Type-Options") == "nosniff"
    assert "default-src 'none'" in r.getheader("Content-Security-Policy")
    assert ask("PUT", put, body)[0] == 403
    for name in ("page.shtml", "page.rss", "page.html"):
        put, get = slot(s, name, 4)
        assert ask("PUT", put, b"<a/>")[0] == 201
        status, text, r = ask("GET", get)
        assert status == 200 and text == b"<a/>"
        assert r.getheader("Content-Type") == "application/octet-stream", (name, r.getheader("Content-Type"))
        assert r.getheader("Content-Disposition") == "attachment"
        assert "sandbox" in r.getheader("Content-Security-Policy")
    assert ask("GET", "http://%s:%d/.tmp/" % (HOST, front))[0] in (403, 404)
    assert ask("GET", "http://%s:%d/" % (HOST, front))[0] in (403, 404)
    path = DOCROOT + "/localhost" + urllib.parse.urlsplit(get).path
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o755
    t.wait_log("uploadd", "event=uploaded .*name=page.html")
    s.close()


def behind(t, command):
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=t.out, stderr=t.out,
                         env=dict(os.environ, HOME=t.dir, XDG_DATA_HOME=t.dir))
    try:
        until("the web server", opened)
        until("webd has uploads", lambda: ask("OPTIONS", "http://%s:%d/put/x" % (
            HOST, front))[0] == 200)
        play(t)
    finally:
        p.terminate()
        p.wait()


@check
def behind_caddy(t):
    caddy, _ = server_in_front("caddy")
    if not caddy:
        return
    with open(t.dir + "/Caddyfile", "w") as f:
        f.write("{\n    admin off\n    auto_https off\n}\n" + part(t, "caddy"))
    behind(t, [caddy, "run", "--config", t.dir + "/Caddyfile", "--adapter", "caddyfile"])


@check
def behind_nginx(t):
    nginx, etc = server_in_front("nginx")
    if not nginx:
        return
    with open(t.dir + "/nginx.conf", "w") as f:
        f.write(NGINX % {"dir": t.dir, "etc": etc, "part": part(t, "nginx")})
    behind(t, [nginx, "-p", t.dir, "-c", t.dir + "/nginx.conf", "-e", t.dir + "/nginx.log"])


os.chmod(DOCROOT, 0o777)
try:
    main(Tree(accounts=("anna@localhost",), modules=MODULES + UPLOADS, options="listen:\n" + LISTEN))
finally:
    shutil.rmtree(DOCROOT, ignore_errors=True)
