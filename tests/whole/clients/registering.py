#!/usr/bin/python3
"""The guide's server, where people make accounts: profanity at the host whose captcha is off. A weak
password is refused with words that it shows, a strong one is taken, and profanity logs in. profanity 0.13
aborts at a connection behind one for registration, so each step has a profanity of its own."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from desk import *

need("profanity", "tmux")
from guide import *
from terminal import *

FREE = HOSTS[1]
STRONG = "correct horse battery"
# The guide's module as it is, without its captcha.
WITHOUT_CAPTCHA = """append_host_config:
  %s:
    modules:
      mod_register:
        captcha_protected: false
""" % FREE


def asks_for(p, t, password):
    p.see("Profanity")
    p.say("/register romeo %s port %d" % (FREE, t.port))
    p.see("Enter password")
    p.say(password)
    p.see("Confirm password")
    p.say(password)


def accounts(t, host):
    return [x for x in t.ctl("account", "list").split() if x.endswith("@" + host)]


@check
def profanity_registers():
    certbot = Certbot(HOSTS)
    with Place(certbot, HOSTS), Guide(certbot, options=WITHOUT_CAPTCHA) as t:
        with Terminal(t, "profanity") as p:
            asks_for(p, t, "weak")
            p.see("The password is too weak")
            p.shot("registering-weak")
            assert not accounts(t, FREE)
        with Terminal(t, "profanity") as p:
            asks_for(p, t, STRONG)
            p.see("Registration successful")
            p.shot("registering-strong")
            assert accounts(t, FREE) == ["romeo@" + FREE]
        with Terminal(t, "profanity") as p:
            p.see("Profanity")
            p.say("/connect romeo@%s port %d" % (FREE, t.port))
            p.see("Enter password")
            p.say(STRONG)
            p.see(r"romeo@%s\S* logged in successfully" % FREE)
            until("its session", lambda: "romeo@%s/profanity" % FREE in t.ctl("sessions"))
            did("login", by=("profanity",))
            p.say("/quit")
    certbot.end()


main()
