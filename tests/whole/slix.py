"""slixmpp, of 1.8 and of 1.10; one client for one coroutine."""
import asyncio, inspect, logging

from tree import *

logging.disable(logging.CRITICAL)
import slixmpp


def connect(client, t):
    """Connect to the tree over STARTTLS. slixmpp 1.10 takes the address as two arguments, and
    tries direct TLS first unless told otherwise."""
    client.ssl_context.check_hostname, client.ssl_context.verify_mode = False, ssl.CERT_NONE
    client.enable_direct_tls = False
    if "address" in inspect.signature(client.connect).parameters:
        client.connect(("127.0.0.1", t.port))
    else:
        client.connect("127.0.0.1", t.port)


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
