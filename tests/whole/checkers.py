"""A program that checks passwords by ejabberd's protocol (extauth_program). The password of a user whom
it has not been told another one for is password_of(user)."""
from tree import *

EXTAUTH = r'''#!/usr/bin/python3
import os, struct, sys, time
passwords = sys.argv[1] + ".d/"
os.makedirs(passwords, exist_ok=True)
def read(user):
    try:
        return open(passwords + user).read()
    except OSError:
        return "p:ä " + user
def write(user, password):
    open(passwords + user, "w").write(password)
while True:
    head = sys.stdin.buffer.read(2)
    if len(head) < 2:
        break
    op, user, host, password = (
        sys.stdin.buffer.read(struct.unpack(">H", head)[0]).decode() + ":").split(":", 3)
    password = password[:-1]
    with open(sys.argv[1], "a") as f:
        f.write("%d %s %s %s\n" % (os.getpid(), op, user, host))
    if user == "dies":
        sys.exit(1)
    if user.startswith("slow") and op == "isuser":
        while not os.path.exists(sys.argv[1] + ".go"):
            time.sleep(0.01)
    if user == "hangs" or user == "sleeps":
        time.sleep(1000)
    if user == "babbles":
        sys.stdout.buffer.write(b"\0\2\0\7")
    else:
        good = op == "removeuser" or "bad" not in password
        if op == "isuser":
            good = "nobody" not in user and user != "nurse"
        if op == "removeuser":
            write(user, "gone")
        elif op not in ("auth", "isuser") and good:
            write(user, password)
        sys.stdout.buffer.write(struct.pack(
            ">HH", 2, password == read(user) if op == "auth" else good))
    sys.stdout.buffer.flush()
'''


def password_of(user):
    return "p:ä " + user


def put(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
