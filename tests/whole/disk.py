"""A disk that can be filled."""
import ctypes
import os

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
