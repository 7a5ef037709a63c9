#!/usr/bin/python3
"""A trace has no password, token or key, whatever the clients do while it is written: logins by PLAIN
and by tokens, registration in the stream and by web pages, invitations, push services, WebSocket."""
import http.client, urllib.parse
from devices import *
from pushservice import DATA, PUSH, PUBSUB
from websocket import WebStream

TRACED = ("tlsd", "c2sd", "webd", "authd", "registerd", "routed", "hostd", "userd", "pushd")
REGISTER, COMMANDS = "jabber:iq:register", "http://jabber.org/protocol/commands"
NODE, SESAME = "node-of-a-phone", "a long secret of a phone"
FIRST, NEXT, OTHER, ROOT, SOLVED = "first pass word", "second-pass-word", "third-pass-word", "fourth pass word", "answerofthecaptcha"
port = free_port()
ASKS = "/tmp/whole-trace-%d.sh" % os.getpid()
with open(ASKS, "w") as f:
    f.write("#!/bin/sh\nprintf 'Which word?\\n%s\\n'\n" % SOLVED)
os.chmod(ASKS, 0o755)
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/register: mod_register_web, /invite: mod_invites, /ws: ejabberd_http_ws}
""" % port


def text_of(data):
    """The data, with the text of all base64 in it behind it."""
    found = [data]
    for word in re.findall(rb"[A-Za-z0-9+/]{12,}={0,2}", data):
        try:
            found.append(base64.b64decode(word[:len(word) // 4 * 4]))
        except ValueError:
            pass
    return b"\n".join(found)


def form(path):
    """The values that a page's form was filled in with, and the cookie."""
    status, text, cookie = ask("GET", path)
    assert status == 200, (status, text)
    return dict(re.findall('name="(token|challenge)" value="([^"]+)"', text)), cookie


def ask(method, path, body=None, cookie=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    c = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=context)
    headers = {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded"}
    if cookie:
        headers["Cookie"] = cookie
    c.request(method, path, body, headers)
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    return r.status, text, (r.getheader("Set-Cookie") or "").split(";")[0]


def post(path, **values):
    filled, cookie = form(path)
    return ask("POST", path, urllib.parse.urlencode(dict(values, **filled)), cookie)


def plain(user, password):
    return b64(("\0%s\0%s" % (user, password)).encode())


class Played:
    """secrets: what must be in no trace; begun: streams in the middle of something."""

    def __init__(self, t):
        self.t, self.secrets, self.begun = t, {FIRST, NEXT, OTHER, ROOT, SOLVED, NODE, SESAME}, []

    def devices(self):
        for how in ("EXPR", "NONE"):
            d = Device(self.t, "a", how)
            d.connect()
            d.open(d.by_password(FIRST))
            d.s.expect_tag(STREAM, "features")
            self.secrets.add(d.token)
            d.cut()
            proof = hmac.digest(d.token.encode(), b"Initiator", "sha256")
            if how == "NONE":
                self.secrets |= {proof, hmac.digest(d.token.encode(), b"Responder", "sha256")}
            returned(d)
            d.s.close()

    def bytewise(self):
        """A login, each byte of which is a record."""
        s = self.t.stream()
        s.secured()
        for c in "<auth xmlns='%s' mechanism='PLAIN'>%s</auth>" % (SASL, plain("b", FIRST)):
            s.send(c)
        assert s.auth_answer()[0] == "success"
        s.abort()

    def registers(self):
        s = self.t.stream()
        s.secured()
        for body in ("<username>c</username><password>%s</password>" % OTHER,
                     "<x xmlns='%s' type='submit'><field var='username'><value>c</value></field>"
                     "<field var='password'><value>%s</value></field></x>" % (DATA, OTHER)):
            s.send("<iq type='set' id='r'><query xmlns='%s'>%s</query></iq>" % (REGISTER, body))
            s.expect(lambda e: e.get("id") == "r")
        s.abort()
        s = self.t.login("b", password=FIRST)
        s.iq("localhost", "<query xmlns='%s'><username>b</username><password>%s</password></query>"
             % (REGISTER, NEXT), "set")
        s.iq("localhost", "<query xmlns='%s'><username>b</username><password>%s</password></query>"
             % (REGISTER, FIRST), "set")
        s.close()

    def pages(self):
        until("the mount", lambda: ask("GET", "/register")[0] == 200)
        name = "w%d" % len(self.secrets)
        for path, values in (("new", {"password": OTHER, "ocr": SOLVED}), ("password", {"old": OTHER, "password": NEXT}),
                             ("remove", {"old": NEXT})):
            status, text, _ = post("/register/" + path, username=name, **values)
            assert status == 200, (path, text)

    def invites(self):
        s = self.t.login("admin", password=ROOT)
        iq = s.iq("localhost", "<command xmlns='%s' node='urn:xmpp:invite#create-account'/>" % COMMANDS, "set")
        iq = s.iq("localhost", "<command xmlns='%s' node='urn:xmpp:invite#create-account' sessionid='%s' "
                  "action='complete'><x xmlns='%s' type='submit'/></command>"
                  % (COMMANDS, iq[0].get("sessionid"), DATA), "set")
        token = re.search("preauth=([a-z2-7]{24})", ET.tostring(iq).decode()).group(1)
        self.secrets.add(token)
        assert ask("GET", "/invite/" + token)[0] == 200
        s.iq("localhost", "<command xmlns='%s' node='http://jabber.org/protocol/admin#change-user-password'/>"
             % COMMANDS, "set")
        s.close()
        s = self.t.stream()
        s.secured()
        s.send("<iq type='set' id='p'><preauth xmlns='urn:xmpp:pars:0' token='%s'/></iq>" % token)
        assert s.expect(lambda e: e.get("id") == "p").get("type") == "result"
        s.abort()

    def pushes(self):
        s = self.t.login("a", "phone", password=FIRST)
        e = s.iq(None, "<enable xmlns='%s' jid='push.example.org' node='%s'><x xmlns='%s' type='submit'>"
                 "<field var='FORM_TYPE'><value>%s#publish-options</value></field><field var='secret'>"
                 "<value>%s</value></field></x></enable>" % (PUSH, NODE, DATA, PUBSUB, SESAME), "set")
        assert e.get("type") == "result", ET.tostring(e)
        s.close()
        a = self.t.login("b", password=FIRST)
        a.message("a@localhost", "wake up")
        a.ping()
        a.close()

    def websocket(self):
        s = WebStream(self.t, port, tls=True)
        s.open()
        s.auth_say("auth", ("\0b\0" + FIRST).encode(), "PLAIN")
        assert s.auth_answer()[0] == "success"
        s.abort()

    def begin(self):
        """Streams that stand between two halves of a secret."""
        auth = "<auth xmlns='%s' mechanism='PLAIN'>%s</auth>" % (SASL, plain("b", FIRST))
        query = ("<iq type='set' id='r'><query xmlns='%s'><username>b</username><password>%s</password>"
                 "</query></iq>" % (REGISTER, OTHER))
        for text, at in ((auth, len(auth) - 16), (query, query.index(OTHER) + 3)):
            s = self.t.stream()
            s.secured()
            s.send(text[:at])
            self.begun.append((s, text[at:]))
        self.t.login("b", password=FIRST).close()   # the bytes before are read

    def finish(self):
        for s, text in self.begun:
            s.send(text)
            s.recv()
            s.abort()
        self.begun = []

    def all(self):
        self.devices()
        self.bytewise()
        self.registers()
        self.pages()
        self.invites()
        self.pushes()
        self.websocket()


@check
def no_secret_is_in_a_trace(t):
    for user, password in (("a", FIRST), ("b", FIRST), ("admin", ROOT)):
        t.add(user + "@localhost", password)
    played = Played(t)
    played.all()                # a trace begins with the state that this leaves
    played.begin()
    for d in TRACED:
        t.ctl("trace", d, "on", t.dir + "/" + d)
    played.finish()
    played.all()
    played.begin()
    for d in TRACED:
        t.ctl("trace", d, "on", t.dir + "/again-" + d)
    played.finish()
    for d in TRACED:
        t.ctl("trace", d, "off")
    secrets = [s if isinstance(s, bytes) else s.encode() for s in played.secrets]
    secrets += [urllib.parse.quote_plus(s).encode() for s in (FIRST, OTHER, ROOT)]
    for name in [d + s for d in TRACED + tuple("again-" + d for d in TRACED) for s in (".in", ".out")]:
        with open("%s/%s" % (t.dir, name), "rb") as f:
            text = text_of(f.read())
        for s in secrets:
            assert s not in text, (name, s, [x[:300] for x in text.split(b"\n") if s in x][:1])


try:
    main(Tree(options=LISTEN + "registration_timeout: infinity\ncaptcha_cmd: %s\n" % ASKS,
              tabber="captcha: question", modules=MODULES + """
mod_auth_fast: {}
mod_push: {}
mod_register: {}
mod_invites:
  access_create_account: all
  landing_page: auto
"""))
finally:
    os.remove(ASKS)
