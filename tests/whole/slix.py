"""slixmpp, of 1.8 and of 1.10; one client for one coroutine."""
import asyncio, inspect, logging

from tree import *

logging.disable(logging.CRITICAL)
import slixmpp


def is_old():
    """slixmpp 1.8, not 1.10."""
    return "address" in inspect.signature(slixmpp.ClientXMPP.connect).parameters


def binds_channels(version):
    """Whether -PLUS mechanisms work for slixmpp. 1.8 uses tls-unique always; 1.10 wants tls-exporter
    under TLS 1.3, and without it in Python breaks RFC 5802 s6: it takes such a mechanism, and says
    in it that it has no channel bindings."""
    return (version < ssl.TLSVersion.TLSv1_3 or "tls-exporter" in ssl.CHANNEL_BINDING_TYPES
            or is_old())


def connect(client, t):
    """Connect to the tree over STARTTLS, whatever its certificate is."""
    client.ssl_context.check_hostname, client.ssl_context.verify_mode = False, ssl.CERT_NONE
    dial(client, t)


def dial(client, t):
    """slixmpp 1.10 takes the address as two arguments (a pair is a host to it, which it looks up), and
    tries direct TLS first unless told otherwise."""
    client.enable_direct_tls = False
    if is_old():
        client.connect(("127.0.0.1", t.port))
    else:
        client.connect("127.0.0.1", t.port)


async def enter(client, room, nick):
    """join_muc_wait. That of 1.10 waits in vain for presence to the address that its own has as from,
    and takes the empty address for one."""
    options = {} if is_old() else {"presence_options": {"pfrom": client.boundjid}}
    return await client["xep_0045"].join_muc_wait(slixmpp.JID(room), nick, timeout=DEADLINE, **options)


def session(t, work, jid, plugins):
    """Log in and run the coroutine function work(client); its result."""
    c = slixmpp.ClientXMPP(jid, PW)
    for x in plugins:
        c.register_plugin(x)
    done = c.loop.create_future()

    async def start(_):
        try:
            done.set_result(await work(c))
        except Exception as e:
            done.set_exception(e)

    c.add_event_handler("session_start", start)
    connect(c, t)

    async def wait():
        try:
            return await asyncio.wait_for(done, 2 * DEADLINE)
        finally:
            c.disconnect()
            await asyncio.wait_for(c.disconnected, DEADLINE)

    try:
        return c.loop.run_until_complete(wait())
    finally:
        for task in asyncio.all_tasks(c.loop):
            task.cancel()
        c.loop.run_until_complete(asyncio.sleep(0))
