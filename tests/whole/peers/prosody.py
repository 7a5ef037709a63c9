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
def required_trusted():
    is_refused(Prosody, "certificate")


with Network():
    main()
