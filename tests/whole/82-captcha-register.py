#!/usr/bin/python3
"""Registration with captchas: the options of the guide, the program of tabber, and programs of the
administrator that are slow, large, or leave processes behind."""
from tree import *

REGISTER, FORM, BOB = "jabber:iq:register", "jabber:x:data", "urn:xmpp:bob"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
MEDIA = "urn:xmpp:media-element"

# A program of captcha_cmd: what it does stands in a file beside it.
PROGRAM = """#!/bin/sh
. "%s/do"
printf '\\211PNG%%s' "$1"
"""


def request(s, inside, type="set"):
    s.send("<iq type='%s' id='r'><query xmlns='%s'>%s</query></iq>" % (type, REGISTER, inside))
    return s.expect(lambda e: e.tag.endswith("}iq") and e.get("id") == "r")


def condition(iq):
    e = iq.find("{jabber:client}error")
    return e[0].tag.split("}")[1] if e is not None else "result"


def picture(s):
    """The bytes that the form refers to, and the fields' values."""
    iq = request(s, "", "get")
    assert iq.get("type") == "result", ET.tostring(iq)
    form = iq.find(".//{%s}x" % FORM)
    uri = form.find(".//{%s}uri" % MEDIA)
    data = iq.find(".//{%s}data" % BOB)
    assert uri.text == "cid:" + data.get("cid") and uri.get("type") == data.get("type")
    raw = base64.b64decode(data.text)
    assert data.get("cid") == "sha1+%s@bob.xmpp.org" % hashlib.sha1(raw).hexdigest()
    return raw, {f.get("var"): f.findtext("{%s}value" % FORM) for f in form.iter("{%s}field" % FORM)}


def submit(s, **fields):
    return condition(request(s, "<x xmlns='%s' type='submit'>%s</x>" % (FORM, "".join(
        "<field var='%s'><value>%s</value></field>" % (k, v) for k, v in fields.items()))))


def opened(t):
    s = t.stream()
    s.secured()
    return s


def children(t):
    return [int(x) for x in subprocess.run(["pgrep", "-P", str(t.pid("registerd"))],
                                           stdout=subprocess.PIPE).stdout.split()]


def has_ended(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return " Z " in f.read()
    except OSError:
        return True


def do(t, text):
    with open(t.dir + "/do", "w") as f:
        f.write(text + "\n")


@check
def the_guide_s_file_works_as_it_is(t):
    """captcha_protected without captcha_cmd: pictures of xmpp-captcha; a wrong answer lets nobody in."""
    s = opened(t)
    raw, fields = picture(s)
    assert raw.startswith(b"\x89PNG\r\n\x1a\n") and len(raw) <= 6144, len(raw)
    assert submit(s, username="nobody", password="long enough", ocr="ABC") == "not-acceptable"
    assert condition(request(s, "<username>nobody</username><password>long enough</password>")) == "not-acceptable"
    assert "nobody" not in t.ctl("account", "list")
    s.close()


@check
def a_program_of_the_administrator(t):
    with open(t.dir + "/captcha", "w") as f:
        f.write(PROGRAM % t.dir)
    os.chmod(t.dir + "/captcha", 0o755)
    # The program may enter the folder of the sockets only if it is of the group of all.
    do(t, "env > %s/env; ls /proc/self/fd > %s/fds; (id -u; id -G; ls %s/run/routed; kill -0 %d) > %s/id "
          "2>&1" % (t.dir, t.dir, t.state, t.pid("registerd"), t.dir))
    t.write_config(t.config() + "captcha_cmd: %s/captcha\n" % t.dir)
    t.ctl("reload")
    s = opened(t)
    raw, fields = picture(s)
    text = raw[4:].decode()
    assert re.fullmatch("[0-9]{6}", text), raw
    assert submit(s, username="romeo", password="weak", ocr=text) == "not-acceptable"
    assert submit(s, username="romeo", password="long enough", ocr="") == "result"
    assert s.auth_scram("romeo", "long enough")[0] == "success"
    s.abort()
    env = {x.split("=")[0] for x in open(t.dir + "/env").read().split("\n") if "=" in x}
    assert env - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LANG", "HOME", "TMPDIR"}, env
    assert len(open(t.dir + "/fds").read().split()) <= 4
    with open(t.dir + "/id") as f:
        seen = f.read().splitlines()
    if os.geteuid():
        assert seen[0] == str(os.geteuid()), seen
    else:
        assert seen[:2] == ["70099", "70099"], seen
        assert "Permission denied" in seen[2] and "not permitted" in seen[3].lower(), seen
        assert {os.stat("/proc/%s" % x).st_uid for x in children(t)} == {70099}


@check
def a_slow_program_is_ended_with_its_children(t):
    do(t, "sleep 1000 & echo $! > %s/child; sleep 1000" % t.dir)
    s = opened(t)
    began = time.monotonic()
    assert condition(request(s, "", "get")) == "internal-server-error"
    assert 4.5 < time.monotonic() - began < 10 * SLOW
    child = int(open(t.dir + "/child").read())
    until("the end of the child", lambda: has_ended(child))
    t.wait_log("registerd", "captcha-failed .*the program takes too long")
    s.close()


def seconds_beside_slow_programs(t, user):
    """How long user takes to register and to log in, with a picture from before."""
    do(t, "")
    s = opened(t)
    raw, _ = picture(s)
    do(t, "sleep 1000")
    slow = [opened(t) for _ in range(3)]
    for x in slow:
        x.send("<iq type='get' id='r'><query xmlns='%s'/></iq>" % REGISTER)
    began = time.monotonic()
    assert submit(s, username=user, password="long enough", ocr=raw[4:].decode()) == "result"
    assert s.auth_scram(user, "long enough")[0] == "success"
    took = time.monotonic() - began
    for x in (s, *slow):
        x.abort()
    return took


@check
def others_register_meanwhile(t):
    """A slow program holds up nobody who has a picture already, nor a login. The machine may, so the
    best of three tries counts."""
    users = ("paris", "tybalt", "rosaline")
    assert any(seconds_beside_slow_programs(t, user) < 3 * SLOW for user in users)


@check
def the_spawner_is_killed(t):
    do(t, "")
    for pid in children(t):
        os.kill(pid, signal.SIGKILL)
    def has_picture():
        s = opened(t)
        try:
            return condition(request(s, "", "get")) == "result"
        finally:
            s.abort()
    until("a picture", has_picture, step=0.5)


@check
def a_path_that_is_not_there(t):
    """A script of ejabberd's that this machine does not have: xmpp-captcha draws, and confgen warns."""
    t.write_config(t.config() + "captcha_cmd: /opt/ejabberd/captcha.sh\n")
    t.ctl("reload")
    s = opened(t)
    assert picture(s)[0].startswith(b"\x89PNG\r\n")
    s.close()


main(Tree(options="registration_timeout: infinity", modules=MODULES + """
mod_register:
  captcha_protected: true
  password_strength: 32
  access_from: deny
  access: all
"""))
