// A client of QXmpp for clients/qxmpp.py: answers messages with "re: " before their text; "join ROOM/NICK" has it
// enter a room, and "archive" ask the archive.
//
// USAGE  qxmpp JID PASSWORD ADDRESS PORT
#include <QCoreApplication>
#include <QTimer>
#include <QXmppCarbonManager.h>
#include <QXmppClient.h>
#include <QXmppConfiguration.h>
#include <QXmppMamManager.h>
#include <QXmppMessage.h>
#include <QXmppMucManager.h>
#include <QXmppRosterManager.h>
#include <cstdio>
#include <memory>

int
main(int argc, char **argv)
{
  QCoreApplication app(argc, argv);
  QStringList args = app.arguments();
  QXmppConfiguration conf;
  QXmppClient client;
  auto *rooms = new QXmppMucManager;
  auto *archive = new QXmppMamManager;
  auto *copies = new QXmppCarbonManager;
  QXmppMucRoom *room = nullptr;

  conf.setJid(args[1]);
  conf.setPassword(args[2]);
  conf.setHost(args[3]);
  conf.setPort(args[4].toInt());
  conf.setStreamSecurityMode(QXmppConfiguration::TLSRequired);
  conf.setIgnoreSslErrors(true); // the test's certificate is of its own making
  client.addExtension(rooms);
  client.addExtension(archive);
  client.addExtension(copies);

  auto enter = [&](QString const &place) {
    room = rooms->addRoom(place.section('/', 0, 0));
    room->setNickName(place.section('/', 1));
    room->join();
  };
  auto *roster = client.findExtension<QXmppRosterManager>();
  QObject::connect(&client, &QXmppClient::connected, [&] {
    roster->subscribe("b@localhost");
    copies->setCarbonsEnabled(true);
  });
  QObject::connect(roster, &QXmppRosterManager::subscriptionReceived,
                   [&](QString const &jid) { roster->acceptSubscription(jid); });
  QObject::connect(archive, &QXmppMamManager::resultsRecieved,
                   [&](QString const &, QXmppResultSetReply const &set, bool complete) {
                     client.sendMessage("b@localhost", QString("archive: %1 %2").arg(set.count()).arg(complete));
                   });
  QObject::connect(&client, &QXmppClient::messageReceived, [&](QXmppMessage const &m) {
    bool inRoom = m.type() == QXmppMessage::GroupChat;

    if (m.body().isEmpty() || (inRoom && m.body().startsWith("re: "))) return;
    if (m.body() == "quit")
      client.disconnectFromServer();
    else if (m.body().startsWith("join "))
      enter(m.body().mid(5));
    else if (inRoom)
      room->sendMessage("re: " + m.body());
    else if (m.body() == "archive")
      archive->retrieveArchivedMessages();
    else
      client.sendMessage(m.from(), "re: " + m.body());
  });
  QObject::connect(&client, &QXmppClient::disconnected, &app, &QCoreApplication::quit);
  QObject::connect(&client, &QXmppClient::error,
                   [](QXmppClient::Error e) { std::fprintf(stderr, "error %d\n", (int)e); });
  client.connectToServer(conf);
  return app.exec();
}
