// A client of gloox for clients/gloox.py: answers messages with "re: " before their text; "join ROOM/NICK" has it
// enter a room.
//
// USAGE  gloox JID PASSWORD ADDRESS PORT
#include <cstdio>
#include <cstdlib>
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/disco.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/mucroom.h>
#include <gloox/presence.h>
#include <gloox/subscription.h>
#include <gloox/subscriptionhandler.h>

using namespace gloox;

class Answerer : public ConnectionListener, MessageHandler, SubscriptionHandler {
public:
  Answerer(JID const &jid, std::string const &password, std::string const &address, int port)
      : client(jid, password)
  {
    client.setServer(address);
    client.setPort(port);
    client.setTls(TLSRequired);
    client.registerConnectionListener(this);
    client.registerMessageHandler(this);
    client.registerSubscriptionHandler(this);
  }

  bool
  run()
  {
    return client.connect(true);
  }

private:
  Client client;

  void
  enter(std::string const &place)
  {
    Presence p(Presence::Available, JID(place));

    p.addExtension(new MUCRoom::MUC("", MUCRoom::HistoryUnknown, "", 0));
    client.send(p);
  }

  void
  onConnect() override
  {
    client.send(Subscription(Subscription::Subscribe, JID("b@localhost")));
  }

  void
  onDisconnect(ConnectionError e) override
  {
    std::fprintf(stderr, "disconnected: %d, login %d\n", e, client.authError());
  }

  bool
  onTLSConnect(CertInfo const &) override
  {
    return true; // the test's certificate is of its own making
  }

  void
  handleSubscription(Subscription const &s) override
  {
    if (s.subtype() == Subscription::Subscribe)
      client.send(Subscription(Subscription::Subscribed, s.from().bareJID()));
  }

  void
  handleMessage(Message const &m, MessageSession *) override
  {
    bool room = m.subtype() == Message::Groupchat;

    if (m.body().empty() || (room && !m.body().compare(0, 4, "re: "))) return;
    if (m.body() == "quit")
      client.disconnect();
    else if (!m.body().compare(0, 5, "join "))
      enter(m.body().substr(5));
    else
      client.send(Message(m.subtype(), room ? m.from().bareJID() : m.from(), "re: " + m.body()));
  }
};

int
main(int argc, char **argv)
{
  if (argc != 5) return 100;
  return Answerer(JID(argv[1]), argv[2], argv[3], std::atoi(argv[4])).run() ? 0 : 111;
}
