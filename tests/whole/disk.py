"""A disk that can be filled."""
import ctypes
import os
import shutil
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)


def small_disk(t, size, store="users"):
    """DATA/STORE on a tmpfs of its own. None: that is not allowed."""
    folder = "%s/data/%s" % (t.state, store)
    os.makedirs(folder, exist_ok=True)
    at = os.stat(t.state + "/data")
    options = "size=%s,mode=0700,uid=%d,gid=%d" % (size, at.st_uid, at.st_gid)
    if LIBC.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, options.encode()):
        return None
    return folder


def fill(folder):
    with open(folder + "/filler", "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass


def on_small_disk(t, play, size, store):
    """Start the server of the tree t with DATA/STORE on such a disk, and play(t, folder)."""
    t.make_folder()
    subprocess.run([t.bin + "/xmpp-up", "--dev", "--prepare", "-c", t.conf, "-s", t.state],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = small_disk(t, size, store)
    if not folder:
        shutil.rmtree(t.dir, ignore_errors=True)
        return
    try:
        with t:
            play(t, folder)
    finally:
        LIBC.umount2(folder.encode(), 2)
        shutil.rmtree(t.dir, ignore_errors=True)
