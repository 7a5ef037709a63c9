#!/usr/bin/python3
"""The pages of registration, passwords and invitations in Chromium, as wide as a phone and as a desk: a person fills the
forms in, nothing is wider than the window, and no script runs. WHOLE_PICTURES: the folder where pictures of the pages
are left."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from browser import *
from table import did

port = free_port()
BASE = "https://localhost:%d" % port
LISTEN = """listen:
  -
    port: %d
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/register: mod_register_web, /invite: mod_invites, /captcha: ejabberd_captcha}
""" % port
ASKS = "/tmp/whole-captcha-%d.sh" % os.getpid()
with open(ASKS, "w") as f:
    f.write("#!/bin/sh\nprintf 'Two and two?\\n4\\n'\n")
os.chmod(ASKS, 0o755)
FOLDER = os.environ.get("WHOLE_PICTURES") or tempfile.mkdtemp(prefix="pictures-")
GOOD = "a long and good word"


def looks(page, path, name, words):
    """The page at a path fits into both windows."""
    page.open(BASE + path)
    for size, kind in ((PHONE, "phone"), (DESKTOP, "desk")):
        page.resize(*size)
        page.reads(words)
        assert page.fits(), (path, kind)
        page.picture("%s-%s" % (name, kind))
    small = page.run("return [...document.querySelectorAll('input:not([type=hidden]), button')].filter("
                     "e => e.getBoundingClientRect().height < 24).length")
    assert not small, (path, "too small for a finger", small)


def logs_in(t, user, password):
    s = t.stream()
    s.secured()
    ok = s.auth_scram(user, password)[0] == "success"
    s.abort()
    return ok


@check
def an_account_is_made_and_gets_another_password(t):
    with Browser(FOLDER, PHONE) as page:
        page.open(BASE + "/register")
        page.reads("localhost")
        looks(page, "/register", "register", "localhost")
        looks(page, "/register/new", "new", "New account")
        page.type("input[name=username]", "romeo")
        page.type("input[name=password]", "weak")
        page.type("input[name=ocr]", "4\ue007")
        page.reads("password")
        page.picture("refused")
        page.open(BASE + "/register/new")
        page.type("input[name=username]", "romeo")
        page.type("input[name=password]", GOOD)
        page.type("input[name=ocr]", "4\ue007")
        page.reads("romeo@localhost")
        page.picture("made")
        assert logs_in(t, "romeo", GOOD)
        looks(page, "/register/password", "password", "assword")
        page.type("input[name=username]", "romeo")
        page.type("input[name=old]", GOOD)
        page.type("input[name=password]", GOOD + " too\ue007")
        until("the new password", lambda: logs_in(t, "romeo", GOOD + " too"))
        looks(page, "/register/remove", "remove", "assword")


@check
def an_invitation_is_taken(t):
    out = t.ctl("invite", "create", "localhost", "--by", "romeo@localhost")
    path = re.search(r"https://localhost:%d(/invite/\S+)" % port, out).group(1)
    with Browser(FOLDER, PHONE) as page:
        looks(page, path, "invitation", "romeo@localhost")
        page.type("input[name=username]", "juliet")
        page.type("input[name=password]", GOOD + "\ue007")
        page.reads("juliet@localhost")
        assert logs_in(t, "juliet", GOOD)
        looks(page, path, "used", "")
        assert not page.run("return document.scripts.length")


need_browser()
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
    if not os.environ.get("WHOLE_PICTURES"):
        shutil.rmtree(FOLDER)
