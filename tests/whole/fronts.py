"""The web servers in front of the server: installed ones, or those that tests/unpack.sh has put
into build/debian."""
import os, shutil

DEBIAN = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../build/debian"))


def front(name):
    """The path of a web server's program and that of the folder with its etc; or None twice, and
    the test says what it leaves out."""
    path = shutil.which(name, path=":".join(
        [os.environ["PATH"], "/usr/sbin", DEBIAN + "/usr/bin", DEBIAN + "/usr/sbin"]))
    if not path:
        print("skipped: there is no %s, installed or in build/debian (make check)" % name)
        return None, None
    return path, path[:path.index("/usr/")]
