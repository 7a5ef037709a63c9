#!/usr/bin/python3
"""xmpp-confgen: list, explain, why, diff, compile; and input that nobody should write."""
import fnmatch

from tree import *

HERE = os.path.dirname(os.path.abspath(__file__))
GUIDE = os.path.abspath(HERE + "/../../conf/guide.yml")
KNOWN = HERE + "/../pipe/xmpp-confgen/known-options.txt"
HEAD = ("hosts:\n  - example.com\nlisten:\n  -\n    port: 5222\n    module: ejabberd_c2s\n")
HOSTS = HEAD.replace("  - example.com\n", "  - example.com\n  - example.org\n")
DIR = tempfile.mkdtemp(prefix="confgen-")


def confgen(*words, code=0, wrap=(), cwd=None):
    """(stdout, stderr); by no signal, whatever was asked."""
    r = subprocess.run([*wrap, BIN + "/xmpp-confgen", *words], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=30 * SLOW, cwd=cwd)
    out, err = (x.decode(errors="replace") for x in (r.stdout, r.stderr))
    assert r.returncode >= 0 and "Sanitizer" not in err, "%s: %d\n%s" % (words, r.returncode, err)
    assert code is None or r.returncode == code, "%s: exit %d, not %s\n%s%s" % (
        words, r.returncode, code, out, err[:2000])
    return out, err


def file(text, name="x.yml"):
    with open(DIR + "/" + name, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return DIR + "/" + name


def compiled(text, name="out"):
    """{program: [fields of a row]} of a configuration."""
    confgen("compile", "--no-files", "--quiet", "-o", DIR + "/" + name, file(text))
    return rows(name)


def rows(name):
    found = {}
    for p in os.listdir(DIR + "/" + name):
        with open(DIR + "/" + name + "/" + p) as f:
            found[p] = [x.split("\t") for x in f.read().splitlines()]
    return found


def whole(name):
    found = {}
    for p in sorted(os.listdir(DIR + "/" + name)):
        with open(DIR + "/" + name + "/" + p, "rb") as f:
            found[p] = f.read()
    return found


def why(text, jid, rule, ip="192.0.2.1", code=None):
    return confgen("why", "--no-files", jid, ip, rule, file(text), code=code)[0]


def allows(text, jid, rule, ip="192.0.2.1"):
    out = why(text, jid, rule, ip)
    assert ": allow" in out or ": deny" in out, out
    return ": allow" in out


@check
def a_quota_is_a_number_or_a_rule():
    """The setting has the rule's name, or the rule in the place of the name; the default is a name
    that no rule need have."""
    def quota(value):
        found = compiled(HEAD + "modules:\n  mod_http_upload:\n    access: all\n  mod_http_upload_quota:\n"
                         "    access_hard_quota: " + value + "\nshaper_rules: {own: 7}\n")["xmpp-uploadd"]
        key = "mod_http_upload_quota.access_"
        assert [key + "soft_quota", "*", "soft_upload_quota"] in found, found
        name = [x[2] for x in found if x[:2] == [key + "hard_quota", "example.com"]]
        return name[0], [x[3:6] for x in found if x[0] == "rule" and x[2] == name[0]]
    assert quota("1000") == ("1000", [])
    assert quota("own") == ("own", [["1", "7", "all"]])
    assert quota("missing") == ("missing", [])
    name, rule = quota("[{1000: all}]")
    assert name.startswith("#") and rule == [["1", "1000", "all"]], (name, rule)


# ---- ports of the machine


@check
def ports_that_only_root_opens_are_told():
    text = HEAD.replace("5222", "443")
    at = ["unshare", "-n", "sh", "-c",
          "echo $0 > /proc/sys/net/ipv4/ip_unprivileged_port_start && exec \"$@\""]
    err = confgen("check", file(text), wrap=at + ["444"])[1]
    assert "x.yml:5:11: warning: listen.port: ports below 444 are root's" in err, err
    assert "set net.ipv4.ip_unprivileged_port_start=443 in /etc/sysctl.d" in err, err
    assert "listen.port" not in confgen("check", file(text), wrap=at + ["443"])[1]
    assert "listen.port" not in confgen("check", "--no-files", file(text), wrap=at + ["444"])[1]
    # Without users of their own the programs of root are root's.
    words = ("compile", "-o", DIR + "/ports", file(text))
    assert "listen.port" not in confgen(*words, wrap=at + ["444"])[1]
    assert "listen.port" in confgen("--uids", "70000", *words, wrap=at + ["444"])[1]


# ---- list


@check
def push_has_the_defaults_of_the_version_of_the_file():
    modules = "modules:\n  mod_push: {}\n  mod_push_keepalive: {}\n  mod_stream_mgmt: {}\n"
    for more, body, away in (("", "New message", "259200000"), ("  mod_irc: {}\n", "false", "86400000")):
        found = {r[0]: r[2] for r in compiled(HEAD + modules + more)["xmpp-pushd"]}
        assert found["mod_push.include_body"] == body, found
        assert found["mod_push_keepalive.resume_timeout"] == away, found
    found = compiled(HEAD + modules.replace("mod_push: {}", "mod_push: {include_body: true}") + "  mod_irc: {}\n")
    assert ["mod_push.include_body", "example.com", "true"] in found["xmpp-pushd"], found["xmpp-pushd"]


@check
def list_has_every_known_option():
    names = [x.split("\t")[0] for x in confgen("list")[0].splitlines()]
    missing = []
    with open(KNOWN) as f:
        for want in f.read().split():
            inside, name = want.split(".", 1)
            also = [want.lstrip("."), "%s.*" % inside]
            if inside.startswith("ejabberd_") or inside == "mod_mqtt_listener":
                also.append("listen." + name)
            elif inside.startswith("mod_"):
                also.append("module." + name)
            if inside == "":
                also = [name]
            if not any(fnmatch.fnmatchcase(a, n) or fnmatch.fnmatchcase(n, a) for n in names
                       for a in also[:1] + also[2:]) and "%s.*" % inside not in names:
                missing.append(want)
    assert not missing, "not in the list: " + " ".join(missing)


@check
def list_says_each_once():
    names = [x.split("\t")[0] for x in confgen("list")[0].splitlines()]
    twice = sorted({n for n in names if names.count(n) > 1})
    assert not twice, twice


# ---- explain


@check
def explain_the_guide():
    def says(path):
        return confgen("explain", "--no-files", path, GUIDE)[0]

    out = says("listen.1.ciphers")
    assert "ECDHE+CHACHA20" in out and "macro CIPHERS" in out and "guide.yml:" in out, out
    assert "hometree" in says("modules.mod_pubsub.plugins")
    assert "65536" in says("listen.1.max_stanza_size")
    assert "guide.yml:47:19" in says("s2s_use_starttls")
    out = says("modules.mod_mam.default")
    assert "never" in out and "default" in out, out
    out = says("negotiation_timeout")
    assert "30" in out and "default" in out, out
    confgen("explain", "--no-files", "quux", GUIDE, code=100)
    confgen("explain", "--no-files", "modules.mod_quux.x", GUIDE, code=100)


@check
def explain_says_what_hosts_have():
    text = HOSTS + ("language: de\nhost_config:\n  example.com:\n    language: fr\n"
                    "append_host_config:\n  example.org:\n    language: it\n")
    out = confgen("explain", "--no-files", "language", file(text))[0]
    assert "de" in out and "x.yml:8:11" in out, out
    assert "example.com: fr" in out and "x.yml:11:15" in out, out
    assert "example.org: it" in out and "x.yml:14:15" in out, out


# ---- why


@check
def why_in_the_guide():
    out, _ = confgen("why", "--no-files", "a@cnjabber.net", "127.0.0.1", "c2s", GUIDE)
    assert "allow" in out, out
    assert "allow" in confgen("why", "--no-files", "a@wehack.space", "::1", "local", GUIDE)[0]
    out = confgen("why", "--no-files", "a@far.example", "::1", "local", GUIDE, code=1)[0]
    assert "deny" in out, out
    out = confgen("why", "--no-files", "a@cnjabber.net", "::1", "quux", GUIDE, code=1)[0]
    assert "deny" in out and "no such rule" in out, out
    confgen("why", "--no-files", "a@@b", "::1", "c2s", GUIDE, code=100)


@check
def explain_what_is_not_there():
    def says(path, code=0):
        return confgen("explain", "--no-files", path, file(HEAD), code=code)[0]

    assert says("listen.1.tls_verify").startswith("listen.1.tls_verify: not set\n  no effect: clients are not"), \
        says("listen.1.tls_verify")
    assert says("ca_path") == "ca_path: not set\n  no effect: ca_file takes its place\n", says("ca_path")
    for path in ("acl.admin", "modules.mod_mam", "certfiles", "shaper_rules.c2s_shaper"):
        assert says(path) == path + ": not set\n", says(path)
    says("modules.mod_quux", 100)
    says("acls.admin", 100)


@check
def why_wants_an_address():
    text = HEAD + "shaper: {slow: 1000}\n"
    for ip in ("1.2.3", "1.2.3.4/8", "here"):
        _, err = confgen("why", "--no-files", "a@example.com", ip, "all", file(text), code=100)
        assert ip + ": not an IP address" in err, err
    assert "this is a shaper" in why(text, "a@example.com", "slow", code=1)


@check
def why_names_the_line():
    text = HEAD + ("acl:\n  bad: {user: b@example.com}\n  near: {ip: 10.0.0.0/8}\n"
                   "access_rules:\n  r:\n    - deny: bad\n    - allow: near\n    - deny: all\n")
    assert "x.yml:12:7" in why(text, "b@example.com", "r", code=1)
    assert "x.yml:13:7" in why(text, "a@example.com", "r", "::ffff:10.9.8.7", code=0)
    assert "x.yml:14:7" in why(text, "a@example.com", "r", code=1)


@check
def why_of_a_shaper_rule():
    text = HEAD + ("acl: {admin: {user: a@example.com}}\nshaper_rules:\n  max_user_sessions:\n"
                   "    - 20: admin\n    - 10\n")
    assert ": 20" in why(text, "a@example.com", "max_user_sessions", code=0)
    assert ": 10" in why(text, "b@example.com", "max_user_sessions", code=0)


@check
def why_of_a_limit_that_nothing_sets():
    """A rule that limits, and is not there or has no condition that holds, limits nothing."""
    text = HEAD + ("acl: {admin: {user: a@example.com}}\nshaper: {slow: 1000}\n"
                   "shaper_rules: {s: [{slow: admin}]}\n")
    for rule in ("max_user_sessions", "soft_upload_quota", "s2s_shaper"):
        out = why(text, "b@example.com", rule, code=0)
        assert ": no limit\n  there is no such rule\n" in out, out
    assert ": slow" in why(text, "a@example.com", "s", code=0)
    out = why(text, "b@example.com", "s", code=0)
    assert ": no limit\n  no condition of the rule holds\n" in out, out


@check
def host_keyword_at_the_top_is_each_host():
    text = HOSTS + ("certfiles:\n  - /etc/@HOST@/*.pem\ncaptcha_url: https://@HOST@/captcha\n"
                    "captcha_host: c.example.com\n")
    ctl = compiled(text)["xmpp-ctl"]
    registerd = compiled(text)["xmpp-registerd"]
    assert [r[2] for r in ctl if r[0] == "certfile"] == \
        ["/etc/example.com/*.pem", "/etc/example.org/*.pem"], ctl
    assert [r[1:] for r in registerd if r[0] == "captcha_url"] == \
        [["example.com", "https://example.com/captcha"],
         ["example.org", "https://example.org/captcha"]], registerd


@check
def relative_sockets_are_under_the_database():
    text = HEAD.replace("5222", '"unix:../run/x"')
    confgen("compile", "--no-files", "--database-path", "/srv/t/data", "-o", DIR + "/u", file(text))
    assert ["listener", "unix:/srv/t/run/x", "unix:/srv/t/run/x", "0", "c2s"] in \
        rows("u")["xmpp-tlsd"], rows("u")["xmpp-tlsd"]


@check
def conditions_are_lists_of_pairs():
    """A key may repeat: in a condition all must hold, in a rule each is an entry of its own."""
    text = HEAD + ("acl:\n  near: {ip: 10.0.0.0/8}\n  staff: {user: a, user: b}\n"
                   "access_rules:\n  both:\n    allow: {acl: near, acl: staff}\n"
                   "shaper_rules:\n  max_user_sessions: {20: near, 5: all, 20: staff}\n")
    assert allows(text, "a@example.com", "both", "10.1.1.1")
    assert allows(text, "b@example.com", "both", "10.1.1.1")
    assert not allows(text, "a@example.com", "both", "192.0.2.1")
    assert not allows(text, "c@example.com", "both", "10.1.1.1")
    assert ": 20" in why(text, "c@example.com", "max_user_sessions", "10.1.1.1", code=0)
    assert ": 5" in why(text, "a@example.com", "max_user_sessions", "192.0.2.1", code=0)


@check
def old_rules_give_shapers_and_numbers():
    text = HEAD + ("acl: {admin: {user: a}}\nshaper: {normal: \"maxrate: 1000\"}\naccess:\n"
                   "  max_user_sessions: {admin: 20, all: 10}\n"
                   "  c2s_shaper: [{admin: none}, {all: normal}]\n  local: {admin: allow}\n")
    assert ": 20" in why(text, "a@example.com", "max_user_sessions", code=0)
    out = why(text, "b@example.com", "max_user_sessions", code=0)
    assert ": 10" in out and "x.yml:10:34" in out, out
    assert ": normal" in why(text, "b@example.com", "c2s_shaper", code=0)
    assert allows(text, "a@example.com", "local") and not allows(text, "b@example.com", "local")
    assert ["speed", "*", "normal", "1000", "1000"] in compiled(text)["xmpp-c2sd"]


@check
def acl_values_are_prepared():
    """The address that asks is prepared; so must be the value of the acl."""
    for acl in ("user: Admin@Example.COM", "user: {Admin: Example.COM}", "server: EXAMPLE.com"):
        text = HEAD + "acl: {l: {%s}}\naccess_rules: {r: {allow: l}}\n" % acl
        assert allows(text, "admin@example.com", "r"), acl


@check
def acl_pairs():
    for acl, jid, want in (
            ("user: a", "a@example.com", True), ("user: a", "a@far.example", False),
            ("user: {a: far.example}", "a@far.example", True),
            ("user_regexp: \"^a@far.example\"", "abc@far.example", True),
            ("user_regexp: \"^a@far.example\"", "abc@example.com", False),
            ("user_glob: \"a*@far.example\"", "abc@far.example", True),
            ("node_regexp: {\"^a\": \"[.]example$\"}", "ab@far.example", True),
            ("node_glob: {\"a*\": \"*.example\"}", "ab@far.example", True),
            ("node_glob: {\"a*\": \"*.example\"}", "ab@far.test", False),
            ("user_regexp: '^[\\d.]+$'", "1.2@example.com", True),
            ("user_regexp: '^[\\d.]+$'", "a@example.com", False),
            ("user_regexp: '^[\\w-]+$'", "a-b@example.com", True),
            ("user_regexp: '^\\w\\d$'", "a1@example.com", True),
            ("resource: r", "a@example.com/r", True), ("resource: r", "a@example.com/s", False),
            ("user: \"\"", "a@example.com", False),
            ("user_regexp: \"\"", "a@example.com", True)):
        text = HEAD + "acl: {l: {%s}}\naccess_rules: {r: {allow: l}}\n" % acl
        assert allows(text, jid, "r") == want, (acl, jid, want)


@check
def both_forms_of_rules():
    new = HEAD + "acl: {l: {user: a}}\naccess_rules: {r: [{deny: l}, {allow: all}]}\n"
    old = HEAD + "acl: {l: {user: a}}\naccess: {r: {l: deny, all: allow}}\n"
    mapping = HEAD + "acl: {l: {user: a}}\naccess_rules: {r: {deny: l, allow: all}}\n"
    for text in (new, old, mapping):
        assert not allows(text, "a@example.com", "r") and allows(text, "b@example.com", "r"), text
    both = HEAD + "access_rules: {r: {allow: {user: a, ip: 10.0.0.0/8}}}\n"
    assert allows(both, "a@example.com", "r", "10.1.1.1")
    assert not allows(both, "a@example.com", "r", "11.1.1.1")
    assert not allows(both, "b@example.com", "r", "10.1.1.1")


@check
def undefined_acls_match_nobody():
    text = HEAD + "access_rules:\n  r: [{deny: blocked}, {allow: all}]\n  s: [{allow: admin}]\n"
    assert allows(text, "a@example.com", "r") and not allows(text, "a@example.com", "s")


@check
def host_config_replaces_and_append_adds():
    text = HOSTS + ("access_rules:\n  r: {allow: all}\n  s: {allow: all}\n")
    own = "%s:\n  example.org:\n    access_rules:\n      r: {deny: all}\n"
    over, more = text + own % "host_config", text + own % "append_host_config"
    for t in (over, more):
        assert allows(t, "a@example.com", "r") and allows(t, "a@example.com", "s")
        assert not allows(t, "a@example.org", "r")
    assert not allows(over, "a@example.org", "s"), "the whole set is replaced"
    assert allows(more, "a@example.org", "s"), "other rules stay"


@check
def rules_of_the_sample_are_there_for_hosts_of_their_own_mind():
    """The rule c2s is not defined; a host with rules of its own gets the sample's too."""
    text = (HOSTS + "host_config:\n  example.org:\n    access_rules:\n      mine: {allow: all}\n"
            ).replace("ejabberd_c2s\n", "ejabberd_c2s\n    access: c2s\n")
    assert allows(text, "a@example.com", "c2s")
    assert allows(text, "a@example.org", "c2s"), "nobody of example.org can log in"
    text = (HOSTS + "modules: {mod_http_upload: {}}\nhost_config:\n  example.org:\n"
            "    acl: {mine: {user: x}}\n")
    assert allows(text, "a@example.org", "local"), "the sample's acl is not there"


@check
def inline_rules_are_there_for_hosts_of_their_own_mind():
    text = (HOSTS + "host_config:\n  example.org:\n    access_rules:\n      mine: {allow: all}\n"
            ).replace("ejabberd_c2s\n", "ejabberd_c2s\n    access: {allow: all}\n")
    c2sd = compiled(text)["xmpp-c2sd"]
    name = [r[2] for r in c2sd if r[0] == "access"][0]
    scopes = {r[1] for r in c2sd if r[0] == "rule" and r[2] == name}
    assert "example.org" in scopes, "the listener's rule denies all of example.org"


# ---- what is compiled


@check
def timeouts():
    for text, ms in (("30", 30000), ("30 s", 30000), ("5 m", 300000), ("5min", 300000),
                     ("1 day", 86400000), ("1 d", 86400000), ("1hour", 3600000),
                     ("2000 ms", 2000), ("1500 milliseconds", 1500), ("2 hours", 7200000)):
        c2sd = compiled(HEAD + "negotiation_timeout: %s\n" % text)["xmpp-c2sd"]
        assert ["negotiation_timeout", "*", str(ms)] in c2sd, (text, ms)


@check
def macros():
    text = ("define_macro:\n  OUTER: [INNER, scram-sha-1]\n  INNER: plain\n  LANG: de\n" + HEAD +
            "language: \"LANG\"\ndisable_sasl_mechanisms: OUTER\n")
    made = compiled(text)
    assert ["language", "*", "de"] in made["xmpp-c2sd"], made["xmpp-c2sd"]
    got = [r[2] for r in made["xmpp-authd"] if r[0] == "disable_sasl_mechanisms"]
    assert got == ["plain scram-sha-1"], got
    made = compiled("define_macro:\n  LANG: de\n" + HEAD + "language: xLANG\n")
    assert ["language", "*", "xLANG"] in made["xmpp-c2sd"], "a part of a string was replaced"


def module_value(made, module, option, host):
    for rows in made.values():
        for r in rows:
            if r[:2] == ["%s.%s" % (module, option), host]:
                return r[2]


@check
def keywords():
    head = HOSTS.replace("example.org", "b\u00fccher.example")
    text = head + ("modules:\n  mod_http_upload:\n    access: all\n    host: \"file.@HOST@\"\n"
                   "    docroot: \"@HOME@/@HOST@/@HOST@/@VERSION@/@QUUX@\"\n"
                   "    put_url: \"https://file.@HOST@/put\"\n    name: \"@CONFIG_PATH@\"\n")
    confgen("compile", "--no-files", "--home", "/h", "-o", DIR + "/kw", file(text))
    made = rows("kw")
    get = lambda o, h: module_value(made, "mod_http_upload", o, h)
    assert get("host", "example.com") == "file.example.com"
    assert get("host", "b\u00fccher.example") == "file.b\u00fccher.example"
    docroot = get("docroot", "example.com").split("/")
    assert docroot[:4] == ["", "h", "example.com", "example.com"], docroot
    assert re.fullmatch(r"[0-9.]+", docroot[4]) and docroot[5] == "@QUUX@", docroot
    assert get("put_url", "b\u00fccher.example") == "https://file.xn--bcher-kva.example/put"
    assert get("name", "example.com") == DIR


@check
def keywords_of_later_versions():
    text = (HEAD.replace("example.com", "b\u00fccher.example") +
            "modules:\n  mod_disco:\n    name: \"@HOST_URL_ENCODE@\"\n")
    made = compiled(text)
    assert module_value(made, "mod_disco", "name", "b\u00fccher.example") == "b%C3%BCcher.example"
    made = compiled("define_keyword:\n  TOWN: Ulm\n" + HEAD +
                    "modules:\n  mod_disco:\n    name: \"in @TOWN@\"\n")
    assert module_value(made, "mod_disco", "name", "example.com") == "in Ulm"


@check
def keywords_in_paths():
    confgen("compile", "--no-files", "--home", "/h", "-o", DIR + "/kp",
            file(HEAD + "certfiles:\n  - \"@HOME@/*.pem\"\n"))
    assert ["certfile", "*", "/h/*.pem"] in rows("kp")["xmpp-tlsd"], rows("kp")["xmpp-tlsd"]


@check
def appended_lists_add_up():
    made = compiled(HOSTS + "disable_sasl_mechanisms: [plain]\nappend_host_config:\n"
                    "  example.org:\n    disable_sasl_mechanisms: [scram-sha-1]\n")
    got = [r[2] for r in made["xmpp-authd"] if r[:2] == ["disable_sasl_mechanisms", "example.org"]]
    assert got and set(got[0].split()) == {"plain", "scram-sha-1"}, got


@check
def modules_of_hosts():
    """host_config replaces the whole list, append_host_config adds to it."""
    text = HOSTS + "modules:\n  mod_last: {}\n%s:\n  example.org:\n    modules:\n      mod_roster: {}\n"

    def of(section, host):
        made = compiled(text % section)
        return {r[2] for rr in made.values() for r in rr if r[:2] == ["module", host]}

    assert of("host_config", "example.com") == {"mod_last"}
    assert of("host_config", "example.org") == {"mod_roster"}
    assert of("append_host_config", "example.com") == {"mod_last"}
    assert of("append_host_config", "example.org") == {"mod_last", "mod_roster"}


@check
def global_tls_options_go_before_the_listeners():
    text = HEAD + ("    ciphers: LOW\n    protocol_options: [no_tlsv1]\nc2s_ciphers: HIGH\n"
                   "c2s_protocol_options: [no_tlsv1_1]\nc2s_dhfile: /dh.pem\n")
    tlsd = compiled(text)["xmpp-tlsd"]
    get = lambda key: [r[2] for r in tlsd if r[0] == key and r[1] != "*"]
    assert get("ciphers") == ["HIGH"] and get("protocol_options") == ["no_tlsv1_1"], tlsd
    assert get("dhfile") == ["/dh.pem"], "c2s_dhfile does not reach a listener without dhfile"


@check
def compile_is_deterministic():
    a, b = DIR + "/d1", DIR + "/d2"
    for out in (a, b, a):
        confgen("compile", "--no-files", "--quiet", "-o", out, GUIDE)
    assert whole("d1") == whole("d2") and whole("d1")


@check
def a_bad_file_changes_nothing():
    out = DIR + "/keep"
    confgen("compile", "--no-files", "--quiet", "-o", out, GUIDE)
    before, inode = whole("keep"), os.stat(out).st_ino
    for bad in (HEAD + "langauge: en\n", HEAD + "x: [\n", "", b"\0\1\2"):
        confgen("compile", "--no-files", "-o", out, file(bad), code=100)
        assert whole("keep") == before and os.stat(out).st_ino == inode
    confgen("compile", "--no-files", "-o", out, DIR + "/nowhere.yml", code=111)
    assert whole("keep") == before
    assert not [x for x in os.listdir(DIR) if ".new" in x], os.listdir(DIR)
    confgen("compile", "--no-files", "--quiet", "-o", DIR + "/no/where", GUIDE, code=111)


@check
def options_that_are_lists():
    """A row an entry; what an entry does not say follows from what it says."""
    hostd = compiled(HEAD + (
        "modules:\n  mod_disco:\n    extra_domains: [Users.example.org, far.example]\n"
        "    server_info:\n      - {name: abuse-addresses, urls: [\"mailto:a@@HOST@\", \"xmpp:a@b\"]}\n"
        "      - {modules: [mod_muc, mod_disco], name: admin-addresses, urls: https://h.example/}\n"
        "  mod_stun_disco:\n    services:\n"
        "      - {host: 203.0.113.3, port: 3479, type: stun, transport: udp, restricted: true}\n"
        "      - {host: \"2001:db8::3\", type: turn}\n"
        "      - {host: t.example, type: turns, transport: tcp}\n"
        "      - {host: s.example, type: stuns}\n"))["xmpp-hostd"]
    get = lambda key: [r[2:] for r in hostd if r[:2] == [key, "example.com"]]
    assert get("mod_disco.extra_domains") == [["users.example.org"], ["far.example"]], hostd
    assert get("mod_disco.server_info") == [
        ["abuse-addresses", "all", "mailto:a@example.com"], ["abuse-addresses", "all", "xmpp:a@b"],
        ["admin-addresses", "mod_muc mod_disco", "https://h.example/"]], hostd
    assert get("mod_stun_disco.service") == [
        ["stun", "203.0.113.3", "3479", "udp", "true"],
        ["turn", "2001:db8::3", "3478", "udp", "true"],
        ["turns", "t.example", "5349", "tcp", "true"],
        ["stuns", "s.example", "5349", "udp", "false"]], hostd


@check
def modules_reach_the_programs_that_obey_them():
    made = compiled(HEAD + (
        "modules:\n" + "".join("  %s: {}\n" % m for m in (
            "mod_adhoc mod_announce mod_blocking mod_carboncopy mod_client_state mod_configure "
            "mod_disco mod_last mod_mam mod_offline mod_ping mod_pres_counter mod_privacy mod_private mod_roster "
            "mod_stream_mgmt mod_time mod_vcard mod_vcard_xupdate mod_version").split())))
    for program, names in (
            ("c2sd", "carboncopy client_state mam ping roster stream_mgmt"),
            ("routed", "blocking carboncopy mam offline stream_mgmt"),
            ("mamd", "mam offline"),
            ("userd", "blocking last pres_counter private roster vcard vcard_xupdate"),
            ("hostd", "adhoc announce configure disco last ping roster time version")):
        got = {r[2] for r in made["xmpp-" + program] if r[:2] == ["module", "example.com"]}
        assert got == {"mod_" + x for x in names.split()}, (program, got)
    for program, row in (("routed", "mod_stream_mgmt.resend_on_timeout * if_offline"),
                         ("c2sd", "mod_roster.versioning * false"),
                         ("c2sd", "mod_ping.send_pings * false"),
                         ("userd", "mod_roster.access * all"),
                         ("userd", "mod_vcard.matches * 30"),
                         ("hostd", "mod_configure.access * configure"),
                         ("mamd", "mod_mam.default * never"),
                         ("mamd", "mod_offline.access_max_user_messages * "
                          "max_user_offline_messages"),
                         ("mamd", "rule * max_user_offline_messages 2 100 all"),
                         ("mamd", "connect * routed"), ("mamd", "host * example.com"),
                         ("userd", "connect * routed"), ("userd", "host * example.com")):
        assert row.split() in [r[:len(row.split())] for r in made["xmpp-" + program]], (program, row)
    assert not [r for r in made["xmpp-hostd"] if r[0] == "mod_disco.name"], "a name nobody gave"


@check
def how_long_messages_are_kept():
    """A host's own option replaces the whole; what is appended replaces a part. 0: no limit."""
    def kept(text):
        made = compiled(HOSTS + "tabber: {archive: {max_age: 90 days, max_messages: 5}}\n" + text)
        return {(r[0][8:], r[1]): r[2] for r in made["xmpp-mamd"] if r[0].startswith("archive.")}

    common = {("max_age", "*"): "7776000", ("max_messages", "*"): "5"}
    own = "%s: {example.org: {tabber: {archive: {max_age: %s}}}}\n"
    assert kept("") == common
    assert kept(own % ("append_host_config", "1 day")) == {
        **common, ("max_age", "example.org"): "86400"}
    assert kept(own % ("host_config", "infinity")) == {
        **common, ("max_age", "example.org"): "0", ("max_messages", "example.org"): "0"}
    assert {tuple(r[:3]) for r in compiled(HOSTS)["xmpp-mamd"] if r[0].startswith("archive.")} == {
        ("archive.max_age", "*", "0"), ("archive.max_messages", "*", "0")}


@check
def defaults_are_put_out_once_for_all():
    """Modules that no host has get their defaults, too; a default with the host's name in it has a
    row for each host."""
    text = HOSTS + ("modules: {mod_ping: {}, mod_vcard: {}}\nhost_config:\n  example.org:\n"
                    "    modules: {mod_ping: {ping_interval: 5}}\n")
    made = compiled(text)
    def found(program, key):
        return [r[1:] for r in made["xmpp-" + program] if r[0] == key]
    assert sorted(found("c2sd", "mod_ping.ping_interval")) == [["*", "60000"], ["example.org", "5000"]]
    assert found("c2sd", "mod_ping.ping_ack_timeout") == [["*", "32000"]]
    assert found("c2sd", "mod_stream_mgmt.cache_size") == [["*", "4096"]]
    assert found("c2sd", "mod_stream_mgmt.cache_life_time") == [["*", "172800000"]]
    assert found("authd", "scram_iterations") == [["*", "10000"]]
    assert found("tlsd", "backlog") == [["*", "128"]]
    assert found("userd", "mod_vcard.host") == [["example.com", "vjud.example.com"]]
    out = confgen("explain", "modules.mod_ping.ping_ack_timeout", file(text))[0]
    assert out == "modules.mod_ping.ping_ack_timeout: 32\n  the default\n", out
    out = confgen("explain", "tabber.archive.max_age", file(text))[0]
    assert out == "tabber.archive.max_age: infinity\n  the default\n", out


@check
def hostd_reaches_the_accounts():
    hostd = compiled(HEAD)["xmpp-hostd"]
    assert [r[2] for r in hostd if r[0] == "connect"] == ["routed", "authd"], hostd


# ---- web


@check
def web_servers_in_front():
    for server, lines in (("nginx", ("server_name file.wehack.space;", "location /put/ {",
                                     "client_max_body_size 104857600;",
                                     "proxy_pass http://127.0.0.1:5444;",
                                     "root /srv/http/sites/jabber-file/wehack.space;",
                                     "location ~* \\.(html|htm|shtml|xhtml|xhtm|xht|xml|xsl|xslt|rss|")),
                          ("caddy", ("file.wehack.space {", "handle /put/* {",
                                     "reverse_proxy 127.0.0.1:5444",
                                     "root * /srv/http/sites/jabber-file/wehack.space",
                                     "@active path *.html *.htm *.shtml *.xhtml *.xhtm *.xht *.xml"))):
        out = confgen("web", "--no-files", server, GUIDE)[0]
        for line in lines:
            assert line in out, (line, out)
    confgen("web", "--no-files", "apache", GUIDE, code=100)
    assert "no listener" in confgen("web", "--no-files", "caddy", file(HEAD), code=None)[1]


# ---- diff


@check
def diff_of_the_guide():
    with open(GUIDE) as f:
        text = f.read()
    old, same = file(text, "old.yml"), file(text, "same.yml")
    assert confgen("diff", "--no-files", old, same)[0] == ""
    new = file(text.replace("max_stanza_size: 65536", "max_stanza_size: 70000"), "new.yml")
    out = confgen("diff", "--no-files", old, new, code=1)[0]
    assert "xmpp-c2sd - " in out and "65536" in out and "70000" in out, out
    assert "xmpp-c2sd: reload" in out and "xmpp-authd" not in out, out
    new = file(text + "tabber: {instances: {c2sd: 2}}\n", "new.yml")
    out = confgen("diff", "--no-files", old, new, code=1)[0]
    assert "xmpp-tlsd: restart" in out, out
    confgen("diff", "--no-files", old, file(text + "quux: 1\n", "new.yml"), code=100)


@check
def diff_of_a_file_with_itself_is_empty():
    text = HOSTS + ("    access: {allow: {ip: 10.0.0.0/8}}\n    shaper: [{none: all}]\nmodules:\n"
                    "  mod_announce: {access: {allow: {user: a}}}\n"
                    "  mod_configure: {access: {allow: {user: a}}}\n  mod_adhoc: {}\n")
    names = [os.path.basename(p) for p in sorted(glob.glob(HERE + "/../pipe/xmpp-confgen/*.yml"))
             if p.split("/")[-1].startswith(("default-", "Y9-", "access-inline", "shaper-rule-inl"))]
    for path in [file(text)] + [HERE + "/../pipe/xmpp-confgen/" + n for n in names]:
        if confgen("check", "--no-files", path, code=None)[1].find(": error: ") < 0:
            assert confgen("diff", "--no-files", path, path, code=0)[0] == "", path
    # A rule that is said twice is one rule; a change within a rule is shown alone.
    new = text.replace("10.0.0.0/8", "10.0.0.0/9")
    out = confgen("diff", "--no-files", file(text, "old.yml"), file(new, "new.yml"), code=1)[0]
    assert not [x for x in out.splitlines() if "\tuser\ta\t" in x], out
    assert "10.0.0.0/9" in out and "10.0.0.0/8" in out, out
    confgen("diff", file(text, "old.yml"), DIR + "/nowhere.yml", code=111)


# ---- exit codes and files


@check
def strict():
    path = file(HEAD + "zlib: x\n".replace("zlib", "s2s_zlib"))
    confgen("check", path, code=0)
    confgen("check", "--strict", path, code=1)
    confgen("check", "--strict", file(HEAD), code=None)
    confgen("check", "--strict", "--no-files", file(HEAD), code=0)
    # A rule that only the sample has is an error then.
    path = file(HEAD + "    access: c2s\n")
    confgen("check", "--no-files", path, code=0)
    _, err = confgen("check", "--no-files", "--strict", path, code=100)
    assert ": error: listen.access: the rule c2s is not defined" in err, err


@check
def files_are_looked_at_unless_told_not_to():
    _, err = confgen("check", "--all", file(HEAD + "c2s_cafile: %s/no.pem\n" % DIR), code=0)
    assert "no.pem" not in err and "c2s_cafile: this option has no effect here; clients" in err, err
    for option, code, what in (("c2s_dhfile", 100, "read"), ("captcha_cmd", 0, "run")):
        path = file(HEAD + option + ": " + DIR + "/no.pem\n")
        _, err = confgen("check", "--all", path, code=code)
        assert "cannot %s %s/no.pem" % (what, DIR) in err and "x.yml:7:" in err, err
        _, err = confgen("check", "--all", "--no-files", path, code=0)
        assert "no.pem" not in err, err
    path = file(HEAD + "certfiles: [%s/*.pem]\n" % DIR)
    _, err = confgen("check", path, code=0)
    assert "no file matches" in err and "no certificate for example.com" in err, err
    assert "warning" not in confgen("check", "--all", "--no-files", path)[1]


@check
def certificates_of_services_are_missed_too():
    path = file(HEAD + "certfiles: [%s/*.pem]\nmodules:\n  mod_pubsub: {plugins: [flat]}\n" % DIR)
    _, err = confgen("check", path, code=0)
    assert "no certificate for pubsub.example.com" in err, err


@check
def certificates_are_looked_at():
    sys.path.insert(0, HERE + "/../tls")
    import certs
    work = tempfile.mkdtemp(dir=DIR)
    make = certs.Maker(work).make
    day = lambda n: time.strftime("%Y%m%d000000Z", time.gmtime(time.time() + n * 86400))
    alt = certs.dns("example.com")
    ended = day(-9)
    good, past = make("good", alt), make("past", alt, valid=(day(-40), ended))
    soon, other = make("soon", alt, valid=(day(-40), day(6))), make("other", alt)

    def says(*parts, code=0, head=HEAD):
        certs.write(work + "/a.pem", "".join(parts))
        text = head + "certfiles: [%s/*.pem]\n" % work
        return confgen("check", file(text), code=code)[1].replace(work + "/", "")

    assert says(*good) == "", says(*good)
    assert says(*past, *good) == "", "one that lives is enough"
    out = says(*past)
    assert "certificate for example.com in a.pem expired on %s-%s-%s" % (
        ended[:4], ended[4:6], ended[6:8]) in out, out
    out = says(*soon)
    assert re.search("for example.com in a.pem expires in [456] days, on 20.*: renew it now", out), out
    out = says(*make("later", alt, valid=(day(-40), day(17))))
    assert re.search("in a.pem expires in 1[567] days, on 20[-0-9]*\n", out), out
    early = make("early", alt, valid=(day(2), day(90)))
    assert "in a.pem is not valid before 20" in says(*early), says(*early)
    assert says(*early, *good) == "", "one that is valid is enough"
    out = says(good[0], other[1])
    assert "the key of the certificate for example.com in a.pem is in none of the files" in out, out
    r = subprocess.run(["openssl", "pkey", "-aes128", "-passout", "pass:x"], input=good[1], text=True,
                       stdout=subprocess.PIPE, check=True)
    out = says(good[0], r.stdout)
    assert "a.pem has a key with a passphrase, which nobody can type" in out, out
    out = says(good[0], "-----BEGIN PRIVATE KEY-----\nMIG", code=100)
    assert "x.yml:7:13: error: certfiles: a.pem is not whole PEM" in out, out
    # TLS is demanded, and nobody can have it.
    for option in ("starttls_required", "tls"):
        head = HEAD + "    %s: true\n" % option
        assert says(*good, head=head) == ""
        out = says(good[0], other[1], code=100, head=head)
        assert "x.yml:7:" in out and "no client can connect" in out, out
        confgen("check", file(head), code=100)
        confgen("check", "--dev-certs", work, file(head), code=0)
    # xmpp-up --dev makes those that are missing.
    certs.write(work + "/a.pem", "".join(make("elsewhere", certs.dns("elsewhere.example"))))
    text = HEAD + "certfiles: [%s/*.pem]\n" % work
    assert "no certificate for example.com" in confgen("check", file(text))[1]
    assert not confgen("check", "--dev-certs", work, file(text))[1]
    os.unlink(work + "/a.pem")
    _, err = confgen("check", file(head + "certfiles: [%s/*.pem]\n" % work), code=100)
    assert "no file matches" in err and "no client can connect" in err, err
    # Root reads what its programs may read, another need not.
    certs.write(work + "/a.pem", "".join(good))
    os.chmod(work + "/a.pem", 0)
    if os.getuid():
        _, err = confgen("check", file(head + "certfiles: [%s/*.pem]\n" % work), code=0)
        assert "cannot read" in err, err


@check
def a_file_without_dh_parameters():
    pem = file("-----BEGIN DH PARAMETERS-----\nnonsense\n-----END DH PARAMETERS-----\n", "dh.pem")
    _, err = confgen("check", file(HEAD + "c2s_dhfile: %s\n" % pem), code=100)
    assert "c2s_dhfile" in err, err


@check
def dh_parameters_that_openssl_refuses():
    r = subprocess.run(["openssl", "dhparam", "-out", DIR + "/dh.pem", "512"],
                       stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stderr
    _, err = confgen("check", file(HEAD + "    dhfile: %s/dh.pem\n" % DIR), code=100)
    assert "x.yml:7:13: error: listen.dhfile: OpenSSL refuses" in err and "512 bits" in err, err


@check
def large_files():
    path = file(HEAD + "#" * (4 << 20) + "\n")
    assert "error" in confgen("check", "--no-files", path, code=100)[1]
    path = file(HEAD + "acme: [" + "a, " * 60000 + "a]\n" + "# " + "x" * 3900000 + "\n")
    confgen("check", "--no-files", path, code=0)
    path = file(HEAD + "acme: [" + "a, " * 100001 + "a]\n")
    assert "too many" in confgen("check", "--no-files", path, code=100)[1]
    path = file(HEAD + "language: " + "x" * (3 << 20) + "\n")
    confgen("check", "--no-files", path, code=None)
    path = file(HEAD + "x" * (1 << 20) + ": 1\n")
    confgen("check", "--no-files", path, code=100)


@check
def deep_files():
    for n in (62, 63, 64, 65, 1000, 100000):
        text = HEAD + "acme: " + "[" * n + "]" * n + "\n"
        _, err = confgen("check", "--no-files", file(text), code=0 if n < 63 else None)
        assert n < 65 or "too deep" in err, (n, err[:200])
    text = HEAD + "acme:\n" + "".join(" " * (i + 1) + "a:\n" for i in range(200))
    assert "too deep" in confgen("check", "--no-files", file(text), code=100)[1]


@check
def bombs():
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for i in range(1, 20):
        text += "%s: &%s [%s]\n" % ("abcdefghijklmnopqrstu"[i], "abcdefghijklmnopqrstu"[i],
                                    ",".join(["*" + "abcdefghijklmnopqrstu"[i - 1]] * 10))
    assert "too many" in confgen("check", "--no-files", file(text), code=100)[1]
    confgen("check", "--no-files", file("a: &a [*a]\n" + HEAD), code=100)
    text = "define_macro:\n  M0: [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        "  M%d: [%s]\n" % (i, ", ".join(["M%d" % (i - 1)] * 10)) for i in range(1, 20))
    assert "error" in confgen("check", "--no-files", file(text + HEAD + "acme: M19\n"), code=100)[1]


@check
def garbage():
    rnd = random.Random(7)
    seeds = [HEAD.encode(), open(GUIDE, "rb").read()]
    for i in range(150):
        if i % 3 == 0:
            data = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 3000)))
        else:
            data = bytearray(rnd.choice(seeds))
            for _ in range(rnd.randrange(1, 12)):
                at = rnd.randrange(len(data))
                if rnd.random() < 0.5:
                    data[at] = rnd.choice(b"\n :-[]{}&*#?|\"'%@,!<>ax0\xff\x00")
                else:
                    del data[at:at + rnd.randrange(1, 30)]
            data = bytes(data)
        _, err = confgen("check", "--no-files", file(data), code=None)
        assert "(null)" not in err and ":0:0:" not in err, (data, err)


def of_a_wrong_kind(where, options, value):
    """A file in which all these options of one place are value."""
    if where == "":
        head = "" if options[0] in ("hosts", "listen", "modules") else HEAD
        return head + "".join("%s: %s\n" % (o, value) for o in options)
    inside = ", ".join("%s: %s" % (o, value) for o in options)
    if where == "modules":
        return HEAD + "modules: {%s}\n" % inside
    if where.startswith("mod_") and where != "mod_mqtt_listener":
        return HEAD + "modules: {%s: {%s}}\n" % (where, inside)
    return HEAD + "".join("    %s: %s\n" % (o, value) for o in options)


@check
def every_section_of_a_wrong_kind():
    """A scalar, a list and a mapping in the place of anything: a message, never a crash. The
    options of a place are in one file, but for those without which no other is looked at."""
    places, bad = {}, []
    for name in [x.split("\t")[0] for x in confgen("list")[0].splitlines()]:
        where, _, option = name.rpartition(".")
        alone = option if name in ("hosts", "listen", "modules") else ""
        places.setdefault((where, alone), []).append(option.replace("*", "x"))
    for (where, _), options in places.items():
        for value in ("x", "[x, [y], {z: w}]", "{x: y, z: {a: [b]}}", "[]", "{}", "''"):
            text = of_a_wrong_kind(where, options, value)
            _, err = confgen("check", "--no-files", file(text), code=None)
            if "(null)" in err or ":0:0:" in err:
                bad.append("%s: %s -> %s" % (where, value, err.splitlines()[0].split("/")[-1]))
    assert not bad, "%d times: %s" % (len(bad), "; ".join(bad[:12]))


@check
def things_that_are_no_files():
    assert "error" in confgen("check", DIR, code=111)[1]
    assert "error" in confgen("check", DIR + "/nowhere.yml", code=111)[1]
    confgen("check", "/dev/null", code=100)
    for words in ((), ("check",), ("quux", GUIDE), ("compile", GUIDE), ("check", GUIDE, GUIDE),
                  ("check", "--quux", GUIDE), ("why", GUIDE), ("diff", GUIDE)):
        _, err = confgen(*words, code=100)
        assert "usage" in err, (words, err)


@check
def an_unreadable_file():
    path = file(HEAD, "secret.yml")
    os.chmod(path, 0)
    os.chmod(DIR, 0o755)
    wrap = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    if wrap:
        copy = DIR + "/bin"
        os.mkdir(copy)
        shutil.copy(BIN + "/xmpp-confgen", copy)
        wrap.append(copy + "/xmpp-confgen")
        r = subprocess.run(wrap + ["check", path], stderr=subprocess.PIPE, text=True)
        code, err = r.returncode, r.stderr
        out = subprocess.run(wrap + ["compile", "--no-files", "-o", DIR + "/denied", file(HEAD)],
                             stderr=subprocess.PIPE, text=True)
        assert out.returncode == 111 and out.stderr, (out.returncode, out.stderr)
    else:
        _, err = confgen("check", path, code=111)
        code = 111
    assert code == 111 and "Permission denied" in err and "secret.yml" in err, (code, err)


@check
def includes():
    file("language: en\n", "inc.yml")
    clash = HEAD + "include_config_file: inc.yml\nlanguage: de\n"
    _, err = confgen("check", "--no-files", file(clash), code=100)
    assert "inc.yml:1:" in err and "x.yml" in err and "line 8" in err, err
    # Relative to the including file, wherever it is read from.
    confgen("check", "--no-files", file(HEAD + "include_config_file: inc.yml\n"), cwd="/")
    made = compiled(HEAD + "include_config_file: inc.yml\n")
    assert ["language", "*", "en"] in made["xmpp-c2sd"]


@check
def the_old_way_of_includes():
    """--lenient: the included file wins, as it did in 18.04."""
    file("language: fr\n", "inc.yml")
    path = file(HEAD + "include_config_file: inc.yml\nlanguage: de\n")
    confgen("compile", "--no-files", "--lenient", "--quiet", "-o", DIR + "/len", path)
    assert ["language", "*", "fr"] in rows("len")["xmpp-c2sd"]


try:
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
