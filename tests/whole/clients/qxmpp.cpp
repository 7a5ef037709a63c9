// A client of QXmpp for clients/qxmpp.py: answers messages with "re: " before their text. With a room as
// further argument it enters the room, and says there what it is told by "room TEXT".
//
// USAGE  qxmpp JID PASSWORD ADDRESS PORT [ROOM]
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

  auto *roster = client.findExtension<QXmppRosterManager>();
  QObject::connect(&client, &QXmppClient::connected, [&] {
    roster->subscribe("b@localhost");
    copies->setCarbonsEnabled(true);
    if (args.size() < 6) return;
    room = rooms->addRoom(args[5]);
    room->setNickName("qxmpp");
    QObject::connect(room, &QXmppMucRoom::joined, [&] { room->sendMessage("entered"); });
    room->join();
  });
  QObject::connect(roster, &QXmppRosterManager::subscriptionReceived,
                   [&](QString const &jid) { roster->acceptSubscription(jid); });
  QObject::connect(archive, &QXmppMamManager::resultsRecieved,
                   [&](QString const &, QXmppResultSetReply const &set, bool complete) {
                     client.sendMessage("b@localhost", QString("archive: %1 %2").arg(set.count()).arg(complete));
                   });
  QObject::connect(&client, &QXmppClient::messageReceived, [&](QXmppMessage const &m) {
    if (m.body().isEmpty() || m.type() == QXmppMessage::GroupChat) return;
    if (m.body() == "quit")
      client.disconnectFromServer();
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
