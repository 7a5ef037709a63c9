#!/usr/bin/python3
"""The guide's server, where people make accounts: Gajim with a captcha, whose picture it shows, profanity at
the host whose captcha is off. A weak password is refused with words that they show, a strong one is taken,
and they log in. profanity 0.13 connects badly after a registration: it aborts, or it takes itself for logged
in before STARTTLS. So each step has a profanity of its own. Gajim's assistant is played by keys; each page
has its own title."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from desk import *

need("gajim", "profanity", "tmux")
from guide import *
from terminal import *

CAPTCHA, FREE = HOSTS
STRONG = "correct horse battery"
# The guide's module as it is, without its captcha.
WITHOUT_CAPTCHA = """append_host_config:
  %s:
    modules:
      mod_register:
        captcha_protected: false
""" % FREE

# The picture of tabber's own program, and beside it in a file what it asks for.
DRAWS = """#!/bin/sh
printf %%s "$1" > %s/captcha.text
exec %s/xmpp-captcha "$1"
"""
# Where the form of Gajim's assistant has the picture: x, y, width and height.
PICTURE = 476, 325, 172, 60
INSIDE = 450, 336       # a place in the assistant


class Server(Guide):
    """The guide's, at the port where clients look for a host, with a host whose captcha is off."""

    def __init__(self, certbot):
        super().__init__(certbot, options=WITHOUT_CAPTCHA + "registration_timeout: infinity\n")
        self.port = PORT

    def make_folder(self):
        super().make_folder()
        with open(self.dir + "/draws", "w") as f:
            f.write(DRAWS % (self.dir, self.bin))
        os.chmod(self.dir + "/draws", 0o755)

    def config(self):
        return super().config() + "captcha_cmd: %s/draws\n" % self.dir


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
def profanity_registers(t):
    with Terminal(t, "profanity", name="refused") as p:
        asks_for(p, t, "weak")
        p.see("The password is too weak")
        p.shot("registering-profanity-refused")
        assert not accounts(t, FREE)
    with Terminal(t, "profanity", name="made") as p:
        asks_for(p, t, STRONG)
        p.see("Registration successful")
        p.shot("registering-profanity")
        assert accounts(t, FREE) == ["romeo@" + FREE]
    with Terminal(t, "profanity", name="after") as p:
        p.see("Profanity")
        p.say("/connect romeo@%s port %d" % (FREE, t.port))
        p.see("Enter password")
        p.say(STRONG)
        p.see(r"romeo@%s\S* logged in successfully" % FREE)
        until("its session", lambda: "romeo@%s/profanity" % FREE in t.ctl("sessions"))
        did("login", "register", by=("profanity",))
        p.say("/quit")


class Assistant:
    """Gajim at its first start, which shows its assistant for accounts. There is no window manager: keys go to
    the window below the mouse."""

    def __init__(self, t, screen):
        self.t, self.screen = t, screen
        screen.run("gajim")
        self.has("Add Account", 60)
        screen.do("mousemove", *map(str, INSIDE))

    def window(self, title):
        return self.screen.ask("xdotool", "search", "--onlyvisible", "--name", "^%s$" % title)

    def has(self, title, seconds=20):
        until("a window " + title, lambda: self.window(title), seconds, 0.1)

    def press(self, key):
        self.screen.do("key", key)

    def type(self, text):
        self.screen.do("type", "--delay", "20", text)

    def asks_for_an_account(self):
        """Go from the first page to the one of the server, whose name is then typed."""
        for _ in range(3):      # by the password and the advanced settings
            self.press("Tab")
        self.press("Return")
        self.has("Create New Account")

    def asks_for_the_form(self):
        """Go on from the page of the server. The picture has more shades than any of Gajim's own parts."""
        self.press("Return")
        self.has("Create Account")

        def shades():
            p = self.screen.pixels(*PICTURE)
            return len({p[i:i + 3] for i in range(0, len(p), 4)})

        until("the picture", lambda: shades() > 50, 20, 0.1)

    def fills_in(self, user, password):
        with open(self.t.dir + "/captcha.text") as f:
            texts = user, password, f.read()
        for i, text in enumerate(texts):
            if i:
                self.press("Tab")
            self.type(text)

    def hands_in(self):
        """Leave the form. It takes no return until the last key is a fifth of a second ago."""
        def is_left():
            if not self.window("Create Account"):
                return True
            self.press("Return")

        until("an answer", is_left, 20, 1)

    def is_told_why(self):
        with open(self.t.dir + "/registerd.out") as f:
            return "The password is too weak" in f.read()


@check
def gajim_registers(t):
    t.ctl("trace", "registerd", "on", t.dir + "/registerd")
    with Screen(t, "registering") as screen:
        g = Assistant(t, screen)
        g.asks_for_an_account()
        g.type(CAPTCHA)
        g.asks_for_the_form()
        g.fills_in("juliet", "weak")
        screen.shot("registering-captcha")
        g.hands_in()
        g.has("Error")
        until("the words", g.is_told_why)
        screen.shot("registering-refused")
        assert not accounts(t, CAPTCHA)
        # The error has the name, and the stream's captcha is solved.
        g.press("Return")
        g.has("Create Account")
        screen.shot("registering-again")
        g.press("Tab")
        g.type(STRONG)
        g.hands_in()
        g.has("Account Added")
        screen.shot("registering-made")
        assert accounts(t, CAPTCHA) == ["juliet@" + CAPTCHA]
        g.press("Return")
        g.has("Password Required")      # there is no keyring
        g.type(STRONG)
        g.press("Return")
        until("Gajim's session", lambda: "juliet@%s/gajim" % CAPTCHA in t.ctl("sessions"))
        did("login", "register", by=("gajim",))
    t.ctl("trace", "registerd", "off")


certbot = Certbot(HOSTS)
try:
    with Place(certbot, HOSTS):
        main(Server(certbot))
finally:
    certbot.end()
