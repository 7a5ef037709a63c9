"""A browser without scripts: forms are filled in by their fields and sent."""
import html.parser, http.client, urllib.parse
from tree import *


class Form(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.action, self.values, self.scripts = None, {}, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            assert a["method"] == "post"
            self.action = a["action"]
        if tag == "input":
            self.values[a["name"]] = a.get("value", "")
        self.scripts += tag == "script" or any(k.startswith("on") for k in a)


class Browser:
    """port: that of localhost, with TLS or without."""

    def __init__(self, port, tls=True):
        self.port, self.tls, self.cookie = port, tls, None

    def connection(self):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=context)

    def ask(self, method, path, body=None, **headers):
        c = self.connection()
        headers = dict(headers, Host="localhost")
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        c.request(method, path, body, headers)
        r = c.getresponse()
        self.headers, text = r.headers, r.read()
        if r.getheader("Set-Cookie"):
            assert "SameSite=Strict" in r.getheader("Set-Cookie")
            assert ("Secure" in r.getheader("Set-Cookie")) == self.tls, r.getheader("Set-Cookie")
            self.cookie = r.getheader("Set-Cookie").split(";")[0]
        c.close()
        if "text/html" in (r.getheader("Content-Type") or ""):
            assert Form(text.decode()).scripts == 0 and "default-src 'none'" in r.getheader("Content-Security-Policy")
            text = text.decode()
        return r.status, text

    def fill(self, path, **values):
        """Load the page, fill its form in, send it."""
        status, text = self.ask("GET", path)
        assert status == 200, (status, text)
        f = Form(text)
        assert set(values) <= set(f.values), f.values
        return self.ask("POST", f.action, urllib.parse.urlencode(dict(f.values, **values)))
