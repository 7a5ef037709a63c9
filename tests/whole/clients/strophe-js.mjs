// A client of strophe.js for clients/strophe-js.py: answers messages with "re: " before their text;
// "join ROOM/NICK" has it enter a room.
//
// USAGE  node strophe-js.mjs SERVICE JID PASSWORD
import { createRequire } from "node:module";
const need = createRequire(process.env.NODE_FOLDER + "/x.js");
globalThis.XMLHttpRequest = need("xhr2");
const { Strophe, $pres, $msg, $iq } = need("strophe.js");

const [service, jid, password] = process.argv.slice(2);
const c = new Strophe.Connection(service);

c.addHandler(
  (stanza) => {
    if (stanza.getAttribute("type") === "subscribe")
      c.send($pres({ to: stanza.getAttribute("from"), type: "subscribed" }));
    return true;
  },
  null,
  "presence",
);
c.addHandler(
  (stanza) => {
    const body = stanza.getElementsByTagName("body")[0];
    const [from, type] = ["from", "type"].map((x) => stanza.getAttribute(x));
    const text = body?.textContent, room = type === "groupchat";
    if (!text || (room && text.startsWith("re: "))) return true;
    if (text === "quit") c.disconnect();
    else if (text.startsWith("join ")) c.send($pres({ to: text.slice(5) }).c("x", { xmlns: Strophe.NS.MUC }));
    else c.send($msg({ to: room ? Strophe.getBareJidFromJid(from) : from, type }).c("body").t("re: " + text));
    return true;
  },
  null,
  "message",
);
c.connect(jid, password, (status, why) => {
  if (status === Strophe.Status.CONNECTED) {
    c.sendIQ($iq({ type: "get" }).c("query", { xmlns: "jabber:iq:roster" }), () => {
      c.send($pres());
      c.send($pres({ to: "b@localhost", type: "subscribe" }));
    });
  } else if (status === Strophe.Status.DISCONNECTED) process.exit(0);
  else if (why) console.error(status, why);
});
