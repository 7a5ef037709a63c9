// A client of strophe.js for clients/strophe-js.py: answers messages with "re: " before their text.
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
    if (!body) return true;
    if (body.textContent === "quit") c.disconnect();
    else c.send($msg({ to: stanza.getAttribute("from"), type: "chat" }).c("body").t("re: " + body.textContent));
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
