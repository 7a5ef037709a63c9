#!/usr/bin/python3
"""Pages of xmpp-registerd: registration, passwords, the end of an account, invitations, captchas."""
import re, urllib.parse
from forms import *
from slix import *

REGISTER = "jabber:iq:register"
port = free_port()
ASKS = "/tmp/whole-captcha-%d.sh" % os.getpid()
with open(ASKS, "w") as f:
    f.write("#!/bin/sh\nprintf 'Two and two?\\n4\\n'\n")
os.chmod(ASKS, 0o755)
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/register: mod_register_web, /invite: mod_invites, /captcha: ejabberd_captcha}
""" % port


def logs_in(t, user, password=PW):
    s = t.stream()
    s.secured()
    ok = s.auth_scram(user, password)[0] == "success"
    s.abort()
    return ok


@check
def a_new_account(t):
    b = Browser(port)
    until("the mount", lambda: b.ask("GET", "/register")[0] == 200)
    status, text = b.fill("/register/new", username="Romeo", password=PW, ocr="5")
    assert status == 400 and "not solved" in text
    assert b.fill("/register/new", username="Romeo", password="weak", ocr="4")[0] == 400
    assert b.fill("/register/new", username="postmaster", password=PW, ocr="4")[0] == 400
    status, text = b.fill("/register/new", username="Romeo", password=PW, ocr="4")
    assert status == 200 and "romeo@localhost" in text and PW not in text, text
    assert logs_in(t, "romeo")
    assert b.fill("/register/new", username="romeo", password=PW, ocr="4")[0] == 409


@check
def forms_of_others_are_not_taken(t):
    b, other = Browser(port), Browser(port)
    f = Form(b.ask("GET", "/register/password")[1])
    body = urllib.parse.urlencode(dict(f.values, username="romeo", old=PW, password="another word"))
    assert other.ask("POST", "/register/password", body)[0] == 403
    assert other.ask("POST", "/register/password", body)[0] == 403, "with a cookie of its own"
    assert b.ask("POST", "/register/password", body.replace("token=", "token=0"))[0] == 403
    assert logs_in(t, "romeo")


@check
def another_password_and_the_end(t):
    """A wrong password is a login that has failed; sessions end."""
    s, b = t.login("romeo", "x"), Browser(port)
    assert b.fill("/register/password", username="romeo", old="wrong", password="another word")[0] == 403
    t.wait_log("registerd", "event=auth-failed .*why=wrong-password")
    assert b.fill("/register/password", username="romeo", old=PW, password="another word")[0] == 200
    assert s.stream_error() == "reset" and logs_in(t, "romeo", "another word") and not logs_in(t, "romeo")
    assert b.fill("/register/remove", username="romeo@localhost", old="another word")[0] == 200
    until("the end", lambda: not logs_in(t, "romeo", "another word"))


@check
def an_invitation(t):
    """To look uses nothing up; the address of the program stands in the page, in a picture, and in a header."""
    t.add("juliet@localhost")
    out = t.ctl("invite", "create", "localhost", "--by", "juliet@localhost")
    page = re.search(r"https://localhost:%d(/invite/\S+)" % port, out).group(1)
    b = Browser(port)
    for _ in range(3):
        status, text = b.ask("GET", page, **{"Accept-Language": "zh-CN,zh;q=0.9"})
        assert status == 200 and "juliet@localhost" in text and "<svg" in text and 'lang="zh"' in text
        assert b.headers["Link"].startswith("<xmpp:localhost?register;preauth=")
        assert b.headers["Referrer-Policy"] == "no-referrer" and b.headers["Cache-Control"] == "no-store"
    status, text = b.fill(page, username="nurse", password=PW)
    assert status == 200 and "nurse@localhost" in text
    assert b.ask("GET", page)[0] == 404
    s = t.login("nurse", "x")
    until("the contact", lambda: "juliet@localhost" in ET.tostring(
        s.iq(None, "<query xmlns='jabber:iq:roster'/>", "get")).decode())
    s.close()


@check
def a_link_for_a_new_password(t):
    out = t.ctl("invite", "reset", "juliet@localhost")
    page = re.search(r"https://localhost:%d(/invite/\S+)" % port, out).group(1)
    b = Browser(port)
    assert b.fill(page, password="weak")[0] == 400
    assert b.fill(page, password="a third word")[0] == 200
    assert logs_in(t, "juliet", "a third word") and b.ask("GET", page)[0] == 404


@check
def guessed_tokens(t):
    """Thirty a minute; a minute may end between them."""
    b, codes = Browser(port), []
    while 429 not in codes and len(codes) < 200:
        codes.append(b.ask("GET", "/invite/" + "a" * 24)[0])
    assert set(codes) == {404, 429} and len(codes) <= 61, codes


@check
def the_page_of_a_captcha(t):
    """The form of a client names the page; solved there, the client registers without an answer."""
    s, b = t.stream(), Browser(port)
    s.secured()
    s.send("<iq type='get' id='g'><query xmlns='%s'/></iq>" % REGISTER)
    iq = s.expect(lambda e: e.get("id") == "g")
    page = [f.findtext("{jabber:x:data}value") for f in iq.iter("{jabber:x:data}field")
            if f.get("var") == "captcha-fallback-url"][0]
    path = page.replace("https://localhost:%d" % port, "")
    assert path.startswith("/captcha/"), page
    assert b.fill(path, ocr="4")[0] == 200
    assert b.ask("GET", path)[0] == 404
    s.send("<iq type='set' id='r'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'><field var='username'>"
           "<value>paris</value></field><field var='password'><value>%s</value></field></x></query></iq>" % (REGISTER, PW))
    assert s.expect(lambda e: e.get("id") == "r").get("type") == "result"
    s.close()


@check
def hostile_forms(t):
    b = Browser(port)
    assert b.ask("POST", "/register/new", "x" * 20000)[0] == 413
    assert b.ask("GET", "/register/%2e%2e/new")[0] in (400, 404)
    f = Form(b.ask("GET", "/register/password")[1])
    for name in ("a\0b", "<script>", "x" * 3000, "%", "a@b@c", "\xff"):
        body = urllib.parse.urlencode(dict(f.values, username=name, old="x", password="another word"))
        status, text = b.ask("POST", "/register/password", body)
        assert status in (400, 403) and "<script" not in text, (name, status)


try:
    main(Tree(options=LISTEN + "registration_timeout: infinity\ncaptcha_cmd: %s\n" % ASKS, tabber="captcha: question",
              modules=MODULES + """
mod_register:
  password_strength: 28
  captcha_protected: true
mod_invites:
  access_create_account: all
  landing_page: auto
"""))
finally:
    os.remove(ASKS)
