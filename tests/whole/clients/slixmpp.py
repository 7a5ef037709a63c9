#!/usr/bin/python3
"""slixmpp, the library: contacts, messages with copies, the archive, a room, an avatar, a file that goes up. Each plugin's
own exchanges are in tests/whole/38-slixmpp.py, 54-rooms.py and 60-components.py."""
import hashlib, os, sys

# This file has the name of the library, which is not to be looked for beside it.
sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
import slix
from slix import asyncio
from terminal import *
from uploads import UPLOADS, goes_up

PLUGINS = ("xep_0030", "xep_0045", "xep_0084", "xep_0280", "xep_0313", "xep_0363")
ROOM = "room@conference.localhost"


def heard(fn, *args):
    """Wait in a thread: slixmpp goes on meanwhile."""
    return asyncio.get_event_loop().run_in_executor(None, fn, *args)


async def plays(c, f):
    await c.get_roster()
    c.send_presence()
    c.send_presence(pto="b@localhost", ptype="subscribe")
    await heard(f.is_asked)
    f.agrees_and_asks()
    jid = await heard(f.sees, c.boundjid.resource)
    c.send_message("b@localhost", "hello <you>", mtype="chat")
    assert await heard(f.gets, "hello <you>") == jid
    got = asyncio.ensure_future(c.wait_until("message", DEADLINE))
    await asyncio.sleep(0)
    f.b.message(jid, "and back")
    assert (await got)["body"] == "and back"
    texts = [r["mam_result"]["forwarded"]["message"]["body"] async for r in c["xep_0313"].iterate(None)]
    assert texts == ["hello <you>", "and back"], texts
    did("archive")
    await slix.enter(c, ROOM, "A")
    await c["xep_0045"].set_room_config(ROOM, await c["xep_0045"].get_room_config(ROOM))
    got = asyncio.ensure_future(c.wait_until("groupchat_message", DEADLINE))
    await asyncio.sleep(0)
    c.send_message(ROOM, "to all", mtype="groupchat")
    assert (await got)["body"] == "to all"
    did("rooms")
    await heard(shows_picture, f.b)
    got = await c["xep_0084"].retrieve_avatar("b@localhost", hashlib.sha1(PNG).hexdigest())
    assert got["pubsub"]["items"]["item"]["avatar_data"]["value"] == PNG
    did("avatars")
    # upload_file of 1.8 passes coroutines to asyncio.wait, which Python 3.11 forbids.
    slot = (await c["xep_0363"].request_slot(slix.slixmpp.JID("upload.localhost"), "note.txt", 4))["http_upload_slot"]
    await heard(goes_up, slot["put"]["url"], slot["get"]["url"], b"text")
    did("uploads")


@check
def slixmpp_does_all(t):
    f = Friends(t)
    slix.session(t, lambda c: plays(c, f), "a@localhost/slixmpp", PLUGINS)
    f.end()


main(Tree(accounts=ACCOUNTS, **dict(UPLOADS, modules=UPLOADS["modules"] + "\nmod_muc: {}" + AVATARS)))
