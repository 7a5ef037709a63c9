"""make install into a folder of the test, from a build folder whose programs it may change."""
from tree import *

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIR = tempfile.mkdtemp(prefix="install-")
BUILD, PREFIX = DIR + "/build", DIR + "/usr"


def make_build():
    """A build folder of the programs that are tested, whose files a test may change."""
    os.chmod(DIR, 0o755)
    os.makedirs(BUILD + "/man")
    shutil.copytree(BIN, BUILD + "/bin")
    with open(ROOT + "/Makefile") as f:
        made = set(re.findall(r"\$\(B\)/man/([a-z.-]+\.[1-8])\b", f.read()))
    for page in made:
        with open(BUILD + "/man/" + page, "w") as f:
            f.write(".Dd today\n")


def make(*words):
    """make with that build folder, which is taken as it is."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    r = subprocess.run(["make", "-s", "-C", ROOT, "-o", "all", "B=" + BUILD, "PREFIX=" + PREFIX,
                        "DESTDIR=", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, env=env, timeout=120 * SLOW)
    assert r.returncode == 0 and not r.stdout, (words, r.returncode, r.stdout)


def files():
    return {os.path.relpath(d + "/" + f, PREFIX) for d, _, names in os.walk(PREFIX) for f in names}


def new_version(program):
    """The same program in another file."""
    with open(BUILD + "/bin/" + program, "ab") as f:
        f.write(b"\0")
