#!/usr/bin/python3
"""prosody as another server: contacts, messages and presence both ways, by certificates and by
dialback, over IPv4, IPv6, direct TLS, past a dead address; refused where only certificates count."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from prosodyserver import *

@check
def by_certificates():
    assert {tuple(f[5:7]) for f in play(Prosody)} == {("external", "pkix")}


@check
def in_a_room():
    meet_in_a_room(Prosody)


@check
def by_dialback():
    assert {f[5] for f in play(Prosody, trusts=False) if f[1] == "in"} == {"dialback"}


@check
def over_ipv6():
    rows = play(Prosody, way="ipv6")
    assert {f[8] for f in rows if f[1] == "out"} == {"fd00::2"}, rows
    assert {f[5] for f in rows} == {"external"}, rows


@check
def by_direct_tls():
    rows = play(Prosody, way="direct")
    assert {tuple(f[5:7]) for f in rows} == {("external", "pkix")}, rows


@check
def past_a_dead_address():
    rows = play(Prosody, way="dead6")
    assert {f[8] for f in rows if f[1] == "out"} == {"127.0.2.1"}, rows


@check
def with_the_options_of_the_guide():
    """The TLS options and modules of conf/guide.yml, without dialback: certificates alone count. The
    contacts that play() makes need mod_roster, which the guide leaves to the reader."""
    from guide import DHPARAM, GUIDE
    with open(GUIDE) as f, tempfile.NamedTemporaryFile("w", suffix=".pem") as dh:
        text = f.read()
        dh.write(DHPARAM)
        dh.flush()
        os.chmod(dh.name, 0o644)
        macros, s2s = text.index("define_macro:"), text.index("s2s_use_starttls")
        options = text[macros:text.index("listen:")] + text[s2s:text.index("modules:")]
        modules = text[text.index("  mod_mam"):].replace("\n  ", "\n").strip()
        rows = play(Prosody, options=options.replace("/etc/tabber/dhparam.pem", dh.name),
                    modules=modules + "\nmod_caps: {}\nmod_ping: {}\nmod_roster: {}")
    assert {tuple(f[5:7]) for f in rows} == {("external", "pkix")}, rows


@check
def required_trusted():
    is_refused(Prosody, "certificate")


with Network():
    main()
