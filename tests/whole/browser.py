"""Debian's Chromium without a screen, driven over WebDriver (W3C) by chromedriver; skipped where the two are not."""
import base64, http.client, json

from terminal import skip
from tree import *

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--ignore-certificate-errors"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"     # the key of a reference to an element (WebDriver s12.1)
DESKTOP, PHONE = (1280, 800), (390, 844)            # sizes of windows, in pixels of CSS


def need_browser():
    for x in ("chromium", "chromedriver"):
        if not shutil.which(x):
            skip("there is no %s (Debian: chromium, chromium-driver)" % x)


class Failed(Exception):
    """A refusal of chromedriver: its word for it."""


class Browser:
    """A browser with a profile of its own, which goes with it; pictures are put into folder. As a context it ends with
    the test; one that has failed leaves a picture of what was on the page."""

    def __init__(self, folder, size=DESKTOP):
        self.folder, self.port, self.home = folder, free_port(), tempfile.mkdtemp(prefix="chromium-")
        env = dict(os.environ, HOME=self.home, XDG_CONFIG_HOME=self.home, XDG_CACHE_HOME=self.home)
        self.driver = subprocess.Popen(["chromedriver", "--port=%d" % self.port], stdin=subprocess.DEVNULL, env=env,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.session = None
        try:
            until("chromedriver", self.is_ready)
            flags = FLAGS + ["--user-data-dir=" + self.home + "/profile",
                             "--window-size=%d,%d" % size]
            self.session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "acceptInsecureCerts": True, "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"args": flags, "binary": shutil.which("chromium")}}}})["sessionId"]
            self.resize(*size)
        except BaseException:
            self.end()
            raise

    def ask(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE * 2)
        c.request(method, path, json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json"})
        r = c.getresponse()
        got = json.loads(r.read())["value"]
        c.close()
        if r.status != 200:
            raise Failed("%s: %s" % (got["error"], got["message"].split("\n")[0]))
        return got

    def say(self, method, path, body=None):
        return self.ask(method, "/session/%s%s" % (self.session, path), body)

    def is_ready(self):
        try:
            return self.ask("GET", "/status")["ready"]
        except OSError:
            return False

    def resize(self, width, height):
        """The page is so many pixels of CSS wide and high; a headless window has no frame of its own to speak of."""
        self.say("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}})

    def open(self, url):
        self.say("POST", "/url", {"url": url})

    def run(self, script, *args):
        return self.say("POST", "/execute/sync", {"script": script, "args": list(args)})

    def find(self, css):
        """An element, when it is on the page and can be seen; or None."""
        for e in self.say("POST", "/elements", {"using": "css selector", "value": css}):
            try:
                if self.say("GET", "/element/%s/displayed" % e[ELEMENT]):
                    return e[ELEMENT]
            except Failed:      # the element has left the page meanwhile
                pass
        return None

    def see(self, css):
        return until("on the page: " + css, lambda: self.find(css), 30, 0.1)

    def reads(self, text, css="body"):
        """The words are on the page, and can be seen."""
        until("on the page: " + text, lambda: text in self.run(
            "const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", css), 30, 0.1)

    def click(self, css):
        self.acts(css, "click", {})

    def type(self, css, text):
        self.acts(css, "value", {"text": text})

    def fill(self, css, path):
        """Give a file to an input for files, which pages hide behind a button."""
        e = until(css, lambda: self.say("POST", "/elements", {"using": "css selector", "value": css}), 30, 0.1)[-1]
        self.say("POST", "/element/%s/value" % e[ELEMENT], {"text": path})

    def acts(self, css, what, body):
        def done():
            try:
                e = self.find(css)
                return e and (self.say("POST", "/element/%s/%s" % (e, what), body), True)[1]
            except Failed as f:         # another element is above it for the moment, or it has been drawn anew
                assert "no such window" not in str(f), f
                return False
        until("%s of %s" % (what, css), done, 30, 0.1)

    def fits(self):
        """Nothing of the page is wider than its window."""
        return self.run("const e = document.documentElement; return e.scrollWidth <= e.clientWidth")

    def picture(self, name):
        path = "%s/%s.png" % (self.folder, name)
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.say("GET", "/screenshot")))
        return path

    def log(self):
        return [x["message"] for x in self.say("POST", "/se/log", {"type": "browser"})]

    def end(self):
        try:
            if self.session:
                self.ask("DELETE", "/session/" + self.session)
        except (OSError, Failed):
            pass
        try:
            os.killpg(self.driver.pid, signal.SIGKILL)      # and what is left of its Chromium
        except ProcessLookupError:
            pass
        self.driver.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind:
            try:
                print("picture:", self.picture("failed"))
                print("\n".join(self.log()[-20:]))
            except (OSError, Failed):
                pass
        self.end()
