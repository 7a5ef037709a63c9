#!/usr/bin/python3
"""Registration (XEP-0077) by clients without an account, changes of password, removal."""
from slix import *

REGISTER = "jabber:iq:register"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


def ask(s, inside, type="set", id="r"):
    """The answer to a request before the login: result, or the condition, the type, the text."""
    s.send("<iq type='%s' id='%s'><query xmlns='%s'>%s</query></iq>" % (type, id, REGISTER, inside))
    iq = s.expect(lambda e: e.tag.endswith("}iq") and e.get("id") == id)
    if iq.get("type") == "result":
        return iq.find("{%s}query" % REGISTER) if type == "get" else "result"
    e = iq.find("{jabber:client}error")
    text = e.find("{%s}text" % STANZAS)
    return e[0].tag.split("}")[1], e.get("type"), text.text if text is not None else ""


def fields(user, password=PW):
    return "<username>%s</username><password>%s</password>" % (user, password)


def logs_in(t, user, password=PW):
    s = t.stream()
    s.secured()
    ok = s.auth_scram(user, password)[0] == "success"
    s.abort()
    return ok


def has_feature(t):
    s = t.stream()
    found = s.secured().find("{http://jabber.org/features/iq-register}register") is not None
    s.abort()
    return found


@check
def registers_and_logs_in_on_the_same_stream(t):
    s = t.stream()
    features = s.secured()
    assert features.find("{http://jabber.org/features/iq-register}register") is not None
    q = ask(s, "", "get")
    assert [e.tag.split("}")[1] for e in q] == ["instructions", "username", "password", "x"]
    assert ask(s, fields("Romeo", "weak")) == ("not-acceptable", "modify", "The password is too weak")
    assert ask(s, fields("Romeo")) == "result"
    assert ask(s, fields("other"))[:2] == ("not-allowed", "cancel")
    assert s.auth_scram("romeo", PW)[0] == "success"
    s.bind("x")
    s.available()
    s.expect(lambda e: e.tag.endswith("}message") and "Welcome" in e.findtext("{jabber:client}body", ""))
    s.close()


@check
def names_that_are_taken(t):
    s = t.stream()
    s.secured()
    assert ask(s, fields("Romeo"))[:2] == ("conflict", "cancel")
    assert ask(s, fields("postmaster"))[:2] == ("not-acceptable", "modify")
    s.close()


@check
def registerd_is_killed(t):
    """A request gets its answer, the login goes on, and registration is back behind the restart."""
    s = t.stream()
    s.secured()
    t.kill("registerd")
    t.wait_ready()
    assert ask(s, fields("paris")) in ("result", ("service-unavailable", "wait", ""))
    s.abort()
    until("the feature", lambda: has_feature(t))


@check
def password_changes(t):
    """Other sessions end with reset, the asking one goes on; the old password is over."""
    t.add("juliet@localhost")
    one, two = t.login("juliet", "one"), t.login("juliet", "two")
    answer = one.iq("localhost", "<query xmlns='%s'>%s</query>" % (REGISTER, fields("juliet", "new password")), "set")
    assert answer.get("type") == "result", answer
    assert two.stream_error() == "reset"
    one.ping()
    assert logs_in(t, "juliet", "new password") and not logs_in(t, "juliet")
    one.close()


@check
def account_is_removed(t):
    one, two = t.login("juliet", "one", password="new password"), t.login("juliet", "two", password="new password")
    one.send("<iq type='set' id='x' to='juliet@localhost/one'><query xmlns='%s'><remove/></query></iq>" % REGISTER)
    assert one.expect(lambda e: e.get("id") == "x").get("type") == "result"
    assert one.stream_error() == "not-authorized" and two.stream_error() == "not-authorized"
    assert not logs_in(t, "juliet", "new password")


@check
def slixmpp_registers(t):
    """slixmpp's plugin registers by fields before the login, and changes the password inside."""
    c = slixmpp.ClientXMPP("sam@localhost", PW)
    for x in ("xep_0004", "xep_0030", "xep_0066", "xep_0077"):
        c.register_plugin(x)
    c._always_send_everything = True  # slixmpp 1.8 would keep its request until the session begins
    done = c.loop.create_future()

    async def register(_):
        iq = c.Iq()
        iq["type"] = "set"
        iq["register"]["username"], iq["register"]["password"] = "sam", PW
        await iq.send()

    async def start(_):
        try:
            await c["xep_0077"].change_password("another password")
            done.set_result(True)
        except Exception as e:
            done.set_exception(e)

    c.add_event_handler("register", register)
    c.add_event_handler("session_start", start)
    connect(c, t)
    c.loop.run_until_complete(asyncio.wait_for(done, 2 * DEADLINE))
    c.disconnect()
    c.loop.run_until_complete(asyncio.wait_for(c.disconnected, DEADLINE))
    assert logs_in(t, "sam", "another password")


@check
def no_password_is_in_a_log_or_a_trace(t):
    t.ctl("trace", "registerd", "on", t.dir + "/r")
    t.ctl("trace", "authd", "on", t.dir + "/a")
    s = t.stream()
    s.secured()
    assert ask(s, fields("tybalt", "very secret words")) == "result"
    assert ask(s, "<x xmlns='jabber:x:data' type='submit'><field var='username'><value>b</value></field>"
               "<field var='password'><value><![CDATA[very secret words]]></value></field></x>")[0] == "not-allowed"
    s.close()
    t.ctl("trace", "registerd", "off")
    t.ctl("trace", "authd", "off")
    for name in ("r.in", "r.out", "a.in", "a.out"):
        with open(t.dir + "/" + name, "rb") as f:
            text = f.read()
        assert b"very secret" not in text and (b"tybalt" in text or name in ("r.in", "a.out")), name
    for name in ("registerd", "authd", "c2sd", "routed"):
        assert "very secret" not in t.log(name), name


@check
def a_trace_from_the_middle_is_replayed(t):
    """A stream that has made an account is in the snapshot; the stars of passwords are passwords,
    those of names are names."""
    made = t.stream()
    made.secured()
    assert ask(made, fields("benvolio", "something long")) == "result"
    t.ctl("trace", "registerd", "on", t.dir + "/m")
    assert ask(made, fields("mercutio", "something long"))[0] == "not-allowed"
    other = t.stream()
    other.secured()
    assert ask(other, fields("mercutio", "something long")) == "result"
    assert ask(other, "<remove/>", "get").find("{%s}username" % REGISTER) is not None
    made.close()
    other.close()
    t.ctl("trace", "registerd", "off")
    with open(t.dir + "/m.in", "rb") as f, open(t.dir + "/m.out", "rb") as out:
        text, want = f.read(), out.read().replace(b"mercutio", b"*" * 8)
    r = subprocess.run([BIN + "/xmpp-registerd", "-p", t.state + "/settings"], input=text,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE)
    assert r.returncode == 0 and r.stdout == want, (r.stdout, want, r.stderr)


main(Tree(options="registration_timeout: infinity", modules=MODULES + """
mod_register:
  password_strength: 28
  welcome_message:
    subject: Hello
    body: Welcome to this server
"""))
