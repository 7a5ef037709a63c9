#!/usr/bin/python3
"""A session that shows megabytes of presence, and has sent presence to a thousand long addresses, is
more than one record takes. xmpp-c2sd -p plays its life: it is not handed to another instance, and not
lost; its end is told."""
from tree import *

CONF = """hosts: [localhost]
listen:
  -
    port: 5222
    ip: "::"
    module: ejabberd_c2s
    max_stanza_size: infinity
modules: {mod_stream_mgmt: {}}
"""
HEAD = ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "to='localhost' version='1.0'>")
JID = "juliet@localhost/r"
DIR = tempfile.mkdtemp(prefix="long-")


def data(xml):
    return "tlsd\tdata\t1\t" + xml.replace("\\", "\\\\")


def c2sd(lines):
    r = subprocess.run([BIN + "/xmpp-c2sd", "-p", DIR + "/settings"], input="\n".join(lines) + "\n",
                       capture_output=True, text=True, timeout=60 * SLOW)
    assert r.returncode == 0, r.stderr[-500:]
    return r.stdout.splitlines(), r.stderr


def session(status, addresses, backslashes=0):
    """Up to the presence that it shows, and that it directs. XML has each backslash doubled."""
    lines = ["routed\thello\txmpp-routed\t0.1\trouted\t1", "authd\tmechanisms\tlocalhost\tPLAIN",
             "tlsd\topen\t1\t[::]:5222\t192.0.2.1\t4000", "tlsd\tsecured\t1\tTLSv1.3\tX\tlocalhost",
             data(HEAD + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AA==</auth>"),
             "authd\tsuccess\t1048576\t\tjuliet@localhost", data(HEAD),
             data("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  "<resource>r</resource></bind></iq>"),
             "routed\tbound\t1048576\t" + JID, data("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"),
             data("<presence><status>%s</status></presence>" % ("\\" * status))]
    domain = ".".join(["d" * 60] * 16)
    for i in range(addresses):
        local = ("u%d" % i + "x" * 1000)[:1000 - backslashes] + "\\" * backslashes
        lines.append(data("<presence to='%s@%s/%s'/>" % (local, domain, "\\" * backslashes + "r" * (1000 - backslashes))))
    token = next(m.group(1) for m in (re.search("<enabled[^>]*id='([^']*)'", x) for x in c2sd(lines[:10])[0]) if m)
    return lines, token


def names(lines):
    return [x.split("\t")[1] for x in lines if x.startswith("routed\t")]


@check
def a_session_that_is_too_long_stays():
    lines, token = session(2050000, 400, backslashes=990)
    lines += ["routed\tyield\t1048576\t%s\tjuliet@localhost\t0\tc2sd-2\t77" % token,
              "routed\tdeliver\t1048576\t%s\tv@h/x\tmessage\tchat\tm\tbody\trouted:1\t<message from='v@h/x' id='m'/>" % JID,
              data("<message to='v@h/x'/>")]
    out, err = c2sd(lines)
    assert "routed\tunyielded\tc2sd-2\t77\titem-not-found" in out, names(out)[-4:]
    assert names(out)[-1] == "stanza", names(out)[-4:]
    assert any("<message from='v@h/x' id='m'/>" in x for x in out if x.startswith("tlsd\tdata")), err
    assert "record-not-sent" not in err, err


@check
def one_that_is_just_long_is_handed_over_whole():
    lines, token = session(1000000, 400)
    out, err = c2sd(lines + ["routed\tyield\t1048576\t%s\tjuliet@localhost\t0\tc2sd-2\t77" % token,
                             "routed\tleave\t1048576"])
    assert names(out)[-1] == "handed", (names(out)[-4:], err)
    handed = out[-1].split("\t")
    assert len(handed[11]) > 2000000 and handed[12].count("\\n") > 50, [len(x) for x in handed]


@check
def its_end_is_told_whatever_it_has_directed():
    lines, _ = session(10, 1024, backslashes=990)
    out, err = c2sd(lines + ["ctl\tkick\t1048576\tconflict"])
    assert [x for x in out if x.startswith("routed\tunbind\t1048576")], (names(out)[-4:], err[-400:])
    assert "record-not-sent" not in err, err


try:
    with open(DIR + "/conf.yml", "w") as f:
        f.write(CONF)
    subprocess.run([BIN + "/xmpp-confgen", "compile", "--no-files", "--quiet", "-o", DIR + "/settings",
                    DIR + "/conf.yml"], check=True)
    main()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
