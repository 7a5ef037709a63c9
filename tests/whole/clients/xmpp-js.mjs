// A client of xmpp.js for clients/xmpp-js.py: answers messages with "re: " before their text; "join
// ROOM/NICK" has it enter a room.
//
// USAGE  node xmpp-js.mjs SERVICE USER PASSWORD RESOURCE
const modules = process.env.NODE_FOLDER + "/node_modules/";
globalThis.WebSocket ??= (await import(modules + "ws/wrapper.mjs")).default;
const { client, xml } = await import(modules + "@xmpp/client/index.js");

const [service, username, password, resource] = process.argv.slice(2);
const xmpp = client({ service, domain: "localhost", username, password, resource });

xmpp.on("error", (e) => console.error(String(e)));
xmpp.on("online", async () => {
  await xmpp.send(xml("presence"));
  await xmpp.send(xml("presence", { to: "b@localhost", type: "subscribe" }));
});
xmpp.on("stanza", async (stanza) => {
  const { from, type } = stanza.attrs;
  if (stanza.is("presence") && type === "subscribe")
    await xmpp.send(xml("presence", { to: from, type: "subscribed" }));
  const body = stanza.is("message") && stanza.getChildText("body");
  const room = type === "groupchat";
  if (!body || (room && body.startsWith("re: "))) return;
  if (body === "quit") {
    await xmpp.stop();
    process.exit(0);
  }
  if (body.startsWith("join "))
    await xmpp.send(xml("presence", { to: body.slice(5) }, xml("x", "http://jabber.org/protocol/muc")));
  else
    await xmpp.send(xml("message", { to: room ? from.split("/")[0] : from, type }, xml("body", {}, "re: " + body)));
});
xmpp.start().catch((e) => console.error(String(e)));
