#!/usr/bin/python3
"""Options that every program has, and the state folder that is meant when none is named."""
from tree import *

PROGRAMS = sorted(p for p in os.listdir(BIN) if p.startswith("xmpp-"))


def run(program, *words, stdout=subprocess.PIPE, **env):
    everything = {k: v for k, v in os.environ.items() if k != "TABBER_STATE"}
    r = subprocess.run([BIN + "/" + program, *words], stdin=subprocess.DEVNULL, stdout=stdout,
                       stderr=subprocess.PIPE, text=True, timeout=30 * SLOW,
                       env={**everything, **env})
    return r.returncode, r.stdout, r.stderr


@check
def help_and_version():
    """On standard output, wherever they stand, and without a state folder."""
    assert len(PROGRAMS) >= 12, PROGRAMS
    versions = set()
    for p in PROGRAMS:
        for words in (("--help",), ("-v", "--help")):
            code, out, err = run(p, *words)
            assert code == 0 and not err and out.startswith("usage: " + p + " "), (p, code, out, err)
            assert "man " + p in out, out
        code, out, err = run(p, "--version")
        assert code == 0 and not err, (p, code, err)
        versions.add(re.fullmatch(p + r" \(tabber\) ([0-9][^ ]*)\n", out).group(1))
    assert len(versions) == 1, versions


@check
def usage_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        code, _, err = run("xmpp-ctl", "--help", stdout=full)
    assert code == 111 and err, (code, err)


@check
def words_for_every_option():
    """tabber-ejabberd.yml(5) says of each option that works what it does."""
    with open(os.path.dirname(os.path.abspath(__file__)) + "/../../conf/man.options") as f:
        rows = [x.rstrip("\n").split("\t") for x in f]
    assert all(len(r) == 2 and r[1].endswith(".") for r in rows), [r for r in rows if len(r) != 2]
    code, out, err = run("xmpp-confgen", "list")
    assert {x.split("\t")[1] for x in out.splitlines()} == {"works", "no effect"}, out
    works = {x.split("\t")[0] for x in out.splitlines() if x.split("\t")[1] == "works"}
    assert {r[0] for r in rows} == works, {r[0] for r in rows} ^ works


@check
def state_folder_that_is_meant():
    """The option goes before the variable, and the variable before the default."""
    for words, env, want in (((), {}, "/var/lib/tabber/"), ((), {"TABBER_STATE": ""}, "/var/lib/tabber/"),
                             ((), {"TABBER_STATE": "/nowhere/a"}, "/nowhere/a/"),
                             (("-s", "/nowhere/b"), {"TABBER_STATE": "/nowhere/a"}, "/nowhere/b/")):
        if want == "/var/lib/tabber/" and os.path.exists(want):
            continue
        code, out, err = run("xmpp-ctl", *words, "sessions", **env)
        assert code == 111 and want + "settings" in err, (words, env, code, err)
    with tempfile.TemporaryDirectory() as d:
        with open(d + "/c.yml", "w") as f:
            f.write("hosts: [localhost]\n")
        os.chmod(d, 0o755)
        code, out, err = run("xmpp-up", "--prepare", "--uids", "0", "-c", d + "/c.yml",
                             TABBER_STATE=d + "/state")
        assert code == 0 and os.path.isdir(d + "/state/service/c2sd"), (code, err)


main()
