#!/usr/bin/python3
"""The guide from its first line to its last: two domains, certbot's certificates, uploads behind
Caddy, an archive, OMEMO, registration with a captcha; then rooms and what any client expects."""
import http.client

from fronts import front as server_in_front
from guide import *
import slix
from slix import asyncio, slixmpp

UPLOAD, REGISTER, FORM = "urn:xmpp:http:upload:0", "jabber:iq:register", "jabber:x:data"
PUBSUB, MAM = "http://jabber.org/protocol/pubsub", "urn:xmpp:mam:2"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
front = free_port()
ALICE, BOB = "alice@cnjabber.net", "bob@wehack.space"
# Features that a client finds when it asks the host, the account and the services of the guide's
# server.
FOUND = {"cnjabber.net": {"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/caps", REGISTER},
         ALICE: {MAM, PUBSUB, PUBSUB + "#publish", PUBSUB + "#publish-options", "urn:xmpp:mam:2#extended"},
         "file.cnjabber.net": {UPLOAD},
         "pubsub.cnjabber.net": {PUBSUB, PUBSUB + "#publish", PUBSUB + "#subscribe"}}
# Features that a client finds when the lines of conf/guide.md are added.
ADDED = {"cnjabber.net": {"urn:xmpp:carbons:2", "urn:xmpp:blocking", "urn:xmpp:ping", "urn:xmpp:time",
                          "jabber:iq:last", "vcard-temp", "msgoffline", "http://jabber.org/protocol/commands"},
         ALICE: {"urn:xmpp:blocking", "jabber:iq:roster", "urn:xmpp:bookmarks:1#compat",
                 "urn:xmpp:pep-vcard-conversion:0"},
         "conference.cnjabber.net": {"http://jabber.org/protocol/muc"}}


def played(t, work, jid=ALICE):
    """slixmpp logs in over STARTTLS, checks the certificate, and plays work(client)."""
    c = slixmpp.ClientXMPP(jid, PW)
    c.ca_certs, c.ssl_context.check_hostname = t.certbot.path("ca.pem"), True
    for x in ("xep_0030", "xep_0045", "xep_0060", "xep_0313"):
        c.register_plugin(x)

    async def play():
        started = asyncio.ensure_future(c.wait_until("session_start", DEADLINE))
        await asyncio.sleep(0)
        slix.dial(c, t)
        await started
        c.send_presence()
        try:
            return await asyncio.wait_for(work(c), DEADLINE)
        finally:
            c.disconnect()
            await asyncio.wait_for(c.disconnected, DEADLINE)
    return c.loop.run_until_complete(play())


def login(t, user, host=0):
    """An available session; the guide's server answers no ping."""
    s = t.login(user, host=HOSTS[host], available=False)
    s.send("<presence/>")
    s.iq(HOSTS[host], "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    return s


def found(t, wanted):
    """Fail unless a client finds the features wanted of each address."""
    async def look(c):
        items = await c["xep_0030"].get_items(jid="cnjabber.net")
        listed = {i[0] for i in items["disco_items"]["items"]}
        for jid, features in wanted.items():
            assert "@" in jid or jid == "cnjabber.net" or jid in listed, (jid, listed)
            info = await c["xep_0030"].get_info(jid=jid, cached=False)
            missing = features - set(info["disco_info"]["features"])
            assert not missing, (jid, missing)
    played(t, look)


@check
def the_page_shows_lines_of_the_file(t):
    with open(GUIDE) as f:
        lines = set(f.read().splitlines())
    for section, begins in ((1, "hosts:"), (2, "define_macro:"), (3, "listen:"), (5, "listen:")):
        other = set(block(section, begins).splitlines()) - lines
        assert not other, (section, other)


@check
def as_printed_it_is_refused(t):
    """The guide's second listing of listeners has its keys beside the dash; the page has the words."""
    printed = re.sub("    (port: %d|ip: \"::\"|module: ejabberd_c2s)\n" % t.port, r"  \1\n", t.config())
    code, said = t.check(printed)
    words = block(3, "ejabberd.yml:").split(":", 2)[2]
    assert words.startswith("3: error: ") and words.endswith("hint: indent the keys under the dash\n"), words
    assert code == 100 and re.match(r"checked.yml:\d+:" + re.escape(words), said), said


@check
def repaired_it_is_accepted(t):
    code, said = t.check(t.config())
    assert code == 0 and " error: " not in said, said
    for words in ("mod_mam: the default policy is never", "only servers with valid certificates federate",
                  "the rule c2s is not defined; taken as the sample"):
        assert words in said, (words, said)
    assert "no certificate" not in said and "dhfile" not in said, said


@check
def each_domain_has_its_certificate(t):
    """The host is named by the stream's to and by SNI; TLS 1.1 and streams without TLS come to
    nothing."""
    for host in HOSTS:
        s = t.stream(host=host)
        s.open()
        assert s.features.find("{%s}starttls/{%s}required" % (TLS, TLS)) is not None
        s.send("<starttls xmlns='%s'/>" % TLS)
        s.expect_tag(TLS, "proceed")
        ctx = ssl.create_default_context(cafile=t.certbot.path("ca.pem"))
        s.sock = ctx.wrap_socket(s.sock, server_hostname=host)
        assert s.sock.version() == "TLSv1.3"
        names = {v for _, v in s.sock.getpeercert()["subjectAltName"]}
        assert "file." + host in names, names
        s.abort()
    s = t.stream(host=HOSTS[0], version=(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1))
    s.open()
    try:
        s.starttls()
        raise AssertionError("TLS 1.1")
    except (ssl.SSLError, OSError, Gone):
        s.abort()


def request(s, inside, type="set"):
    s.send("<iq type='%s' id='r'><query xmlns='%s'>%s</query></iq>" % (type, REGISTER, inside))
    return s.expect(lambda e: e.tag.endswith("}iq") and e.get("id") == "r")


def submit(s, **fields):
    """The condition of the error, or None."""
    iq = request(s, "<x xmlns='%s' type='submit'>%s</x>" % (FORM, "".join(
        "<field var='%s'><value>%s</value></field>" % x for x in fields.items())))
    e = iq.find("{jabber:client}error")
    return None if e is None else e[0].tag.split("}")[1]


@check
def registration_asks_for_the_captcha(t):
    """xmpp-captcha draws as in the guide; then a program that writes the text in clear lets the
    test in. password_strength is asked, and access_from lets no account make another."""
    s = t.stream(host=HOSTS[0])
    s.secured()
    iq = request(s, "", "get")
    data = iq.find(".//{urn:xmpp:bob}data")
    assert base64.b64decode(data.text).startswith(b"\x89PNG"), data.text[:20]
    assert submit(s, username="eve", password="long enough", ocr="ABC") == "not-acceptable"
    s.abort()
    with open(t.dir + "/captcha", "w") as f:
        f.write("#!/bin/sh\nprintf '\\211PNG%s' \"$1\"\n")
    os.chmod(t.dir + "/captcha", 0o755)
    t.options = "captcha_cmd: %s/captcha\nregistration_timeout: infinity\n" % t.dir
    t.write_config()
    t.ctl("reload")
    for jid in (ALICE, BOB):
        user, host = jid.split("@")
        s = t.stream(host=host)
        s.secured()
        text = base64.b64decode(request(s, "", "get").find(".//{urn:xmpp:bob}data").text)[4:].decode()
        assert submit(s, username=user, password="secret", ocr=text) == "not-acceptable"
        assert submit(s, username=user, password=PW + "1", ocr="") is None
        s.abort()
        t.ctl("account", "passwd", jid, input=PW + "\n")
    s = login(t, "alice")
    e = s.iq(HOSTS[0], "<query xmlns='%s'><username>mallory</username><password>long enough</password>"
             "</query>" % REGISTER, "set")
    assert e.get("type") == "error", ET.tostring(e)
    s.close()


@check
def a_client_finds_what_the_guide_has(t):
    found(t, FOUND)


@check
def omemo_keys_are_for_everybody(t):
    """A device list that alice publishes for all is read by bob of the other domain."""
    async def publish(c):
        form = c["xep_0004"].make_form(ftype="submit")
        form.add_field("FORM_TYPE", "hidden", value=PUBSUB + "#publish-options")
        form.add_field("pubsub#access_model", value="open")
        await c["xep_0060"].publish(None, DEVICES, "current", ET.fromstring(
            "<list xmlns='eu.siacs.conversations.axolotl'><device id='7'/></list>"), form)

    async def read(c):
        got = await c["xep_0060"].get_items(ALICE, DEVICES)
        return [ET.tostring(i["payload"]).decode() for i in got["pubsub"]["items"]]
    played(t, publish)
    items = played(t, read, BOB)
    assert len(items) == 1 and "id=\"7\"" in items[0], items


@check
def the_archive_keeps_what_a_client_asks_for(t):
    """mod_mam: {} archives nothing until the account says always."""
    async def talk(c):
        m = c.make_message(BOB, "before", mtype="chat")
        m.send()
        iq = c.make_iq_set()
        iq.append(ET.fromstring("<prefs xmlns='%s' default='always'><always/><never/></prefs>" % MAM))
        await iq.send()
        c.make_message(BOB, "after", mtype="chat").send()
        return [r["mam_result"]["forwarded"]["message"]["body"] async for r in
                c["xep_0313"].iterate(None)]
    b = login(t, "bob", 1)
    assert played(t, talk) == ["after"]
    b.expect_body("after")
    b.close()


@check
def the_proxy_names_the_client(t):
    """With the page's line the log has the addresses of clients, before that of the web server in front."""
    def asks(client):
        c = http.client.HTTPConnection("127.0.0.1", t.web, timeout=DEADLINE)
        c.request("OPTIONS", "/put/x", headers={"Host": "file.cnjabber.net", "X-Forwarded-For": client})
        c.getresponse().read()
        c.close()
    asks("192.0.2.1")
    t.wait_log("webd", r"event=proxy-not-trusted .*ip=127\.0\.0\.1")
    t.options += block(5, "trusted_proxies:")
    t.write_config()
    t.ctl("reload")
    t.wait_ready()
    asks("192.0.2.2")
    t.wait_log("webd", r"event=request .*ip=192\.0\.2\.2 ")
    assert "192.0.2.1" not in t.log("webd"), t.log("webd")


def caddy(t, program):
    """The words of xmpp-confgen for Caddy, with the line of the guide that names the
    certificate."""
    text = t.confgen("web", "caddy", t.conf).stdout
    for h in HOSTS:
        live = t.certbot.path("live/" + h)
        text = text.replace("file.%s {\n" % h, "file.%s {\n    tls %s/fullchain.pem %s/privkey.pem\n" % (
            h, live, live), 1)
    path = t.dir + "/Caddyfile"
    with open(path, "w") as f:
        f.write("{\n    admin off\n    auto_https disable_redirects\n    https_port %d\n}\n%s" % (front, text))
    return subprocess.Popen([program, "run", "--config", path, "--adapter", "caddyfile"],
                            stdin=subprocess.DEVNULL, stdout=t.out, stderr=t.out,
                            env=dict(os.environ, HOME=t.dir, XDG_DATA_HOME=t.dir))


def ask(t, method, url, body=None):
    """An HTTPS request to the web server in front, with its certificate checked."""
    host, path = url[len("https://"):].split("/", 1)
    ctx = ssl.create_default_context(cafile=t.certbot.path("ca.pem"))
    c = http.client.HTTPSConnection(host, front, timeout=DEADLINE, context=ctx)
    c.sock = ctx.wrap_socket(socket.create_connection(("127.0.0.1", front), DEADLINE), server_hostname=host)
    c.request(method, "/" + path, body, {"Host": host})
    r = c.getresponse()
    return r.status, r.read(), r


@check
def a_picture_goes_through_caddy(t):
    program, _ = server_in_front("caddy")
    if not program:
        return
    p = caddy(t, program)
    try:
        def is_up():
            try:
                return ask(t, "OPTIONS", "https://file.cnjabber.net/put/x")[0] == 200
            except OSError:
                return False
        until("Caddy", is_up)
        s = login(t, "alice")
        body = os.urandom(200000)
        e = s.iq("file.cnjabber.net", "<request xmlns='%s' filename='a.png' size='%d'/>" % (UPLOAD, len(body)))
        put, get = (e.find(".//{%s}%s" % (UPLOAD, w)).get("url") for w in ("put", "get"))
        s.close()
        assert put.startswith("https://file.cnjabber.net/put/") and get.startswith("https://file.cnjabber.net/")
        assert ask(t, "PUT", put, body)[0] == 201
        status, text, r = ask(t, "GET", get)
        assert status == 200 and text == body and r.getheader("Content-Type") == "image/png"
        path = t.uploads + "/cnjabber.net" + get[len("https://file.cnjabber.net"):]
        os.utime(path, (time.time() - 6 * 86400,) * 2)
        t.ctl("upload", "sweep")
        assert ask(t, "GET", get)[0] == 200
        os.utime(path, (time.time() - 8 * 86400,) * 2)
        t.ctl("upload", "sweep")
        assert ask(t, "GET", get)[0] == 404
    finally:
        p.terminate()
        p.wait()


@check
def a_stream_comes_back(t):
    """mod_stream_mgmt: the session of a connection that broke is there again, with what came."""
    SM = "urn:xmpp:sm:3"
    a, b = login(t, "alice"), login(t, "bob", 1)
    a.send("<enable xmlns='%s' resume='true'/>" % SM)
    ident = a.expect_tag(SM, "enabled").get("id")
    jid = a.jid
    a.abort()
    b.message(jid, "meanwhile")
    b.iq(HOSTS[1], "<query xmlns='http://jabber.org/protocol/disco#info'/>")    # it was handled
    a = t.stream(host=HOSTS[0])
    a.secured()
    assert a.auth_scram("alice", PW)[0] == "success"
    a.open()
    a.send("<resume xmlns='%s' h='0' previd='%s'/>" % (SM, ident))
    a.expect_tag(SM, "resumed")
    a.expect_body("meanwhile")
    a.close()
    b.close()


@check
def rooms_and_the_rest_are_added(t):
    """conf/guide.md adds lines under modules, and a reload offers them; nobody loses a session."""
    b = login(t, "bob", 1)
    t.options += block(4, "modules:")
    t.write_config()
    code, said = t.check(t.config())
    assert code == 0 and "federate" not in said, said
    t.ctl("reload")
    t.wait_ready()
    b.ping()
    b.close()
    s = t.stream(host=HOSTS[0])
    s.secured()
    assert s.features.find(".//{urn:xmpp:fast:0}fast") is not None, ET.tostring(s.features)
    s.abort()
    found(t, {jid: FOUND.get(jid, set()) | ADDED.get(jid, set()) for jid in {**FOUND, **ADDED}})

    async def enter(c):
        room = slixmpp.JID("room@conference.cnjabber.net")
        await slix.enter(c, room, "Alice")
        return (await c["xep_0030"].get_info(jid=room, cached=False))["disco_info"]["features"]
    assert MAM in played(t, enter)
    s = login(t, "alice")
    assert s.features.find("{urn:xmpp:features:rosterver}ver") is not None, ET.tostring(s.features)
    s.close()


if __name__ == "__main__":
    certbot = Certbot(HOSTS)
    try:
        main(Guide(certbot))
    finally:
        certbot.end()
