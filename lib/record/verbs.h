/* The verbs of all links: one row each. Checks, and the tables of xmpp-records(7), are made
 * from it. */
#ifndef RECORD_VERBS_H
#define RECORD_VERBS_H

#include "record/programs.h"

/* Both ends of a conduit. */
#define CONDUIT_ROLES (ROLE_FRONT | ROLE_EDGE | ROLE_WEB)

/* V(name in code, verb, fields, fields that must be there, roles that send it, roles that get it,
 * what it promises) */
/* clang-format off */
#define VERB_TABLE(V)                                                                         \
V(HELLO, "hello", "PROGRAM VERSION INSTANCE EPOCH", 4, ROLES_ALL, ROLES_ALL,                  \
  "First record on every link, both ways. EPOCH is new for each run: the second in which the process started, times 2^32, plus a random number. An EPOCH below 2^32 has no meaning.") \
V(ACK, "ack", "N", 1, ROLES_ALL, ROLES_ALL,                                                   \
  "The sender is responsible for the first N kept records that the peer has put on this link.") \
V(BYE, "bye", "", 0, ROLES_ALL, ROLES_ALL,                                                    \
  "In traces and under -p only: the link of this name is gone.")                              \
V(OPEN, "open", "ID LISTENER IP PORT FRAMING", 3, ROLE_FRONT | ROLE_WEB, ROLE_EDGE | ROLE_WEB,      \
  "A byte stream has arrived on LISTENER from IP. ID is unique on this link while it lasts. FRAMING is element when each data is one element that stands alone (RFC 7395).") \
V(DATA, "data", "ID BYTES", 1, CONDUIT_ROLES, CONDUIT_ROLES, \
  "Bytes of conduit ID, in order.")                                                           \
V(CLOSE, "close", "ID REASON", 1, CONDUIT_ROLES, CONDUIT_ROLES, \
  "Conduit ID ends. Data that was sent before is still written. ID may be used again.")      \
V(STOP, "stop", "ID", 1, CONDUIT_ROLES | ROLE_SERVICE, CONDUIT_ROLES | ROLE_SERVICE, \
  "Send no more data for ID until go: the other side does not read. Between webd and a web service ID is a request, and body waits.")                      \
V(GO, "go", "ID", 1, CONDUIT_ROLES | ROLE_SERVICE, CONDUIT_ROLES | ROLE_SERVICE, \
  "Data (body) for ID may be sent again.")                                                           \
V(STARTTLS, "starttls", "ID NAME BYTES", 2, ROLE_EDGE, ROLE_FRONT,                            \
  "Write BYTES as they are, then begin TLS with the certificate for NAME. The edge discards all data up to secured.") \
V(SECURED, "secured", "ID VERSION CIPHER SNI BINDINGS NAMES VERDICT", 3, ROLE_FRONT | ROLE_WEB, ROLE_EDGE | ROLE_WEB, \
  "TLS is up on ID. BINDINGS: words type=base64, with - in front when clients are not told. For s2sd, NAMES and VERDICT say of the peer's certificate: words dns:NAME, srv:NAME (of _xmpp-server), xmpp:ADDRESS, ip:ADDRESS; and none, valid, dane (a TLSA record has it), expired, not-yet, self-signed, unknown-issuer, purpose, dane-mismatch or invalid, then leaf=SHA256 key=SHA256 until=SECONDS use=all, server, client or both with a comma, or other (the extended key usage), issuer=NAME. Bytes up to the blank, DEL and % are %xx there.") \
V(CONNECT, "connect", "REQUEST HOST SNI TARGETS SHOWS", 4, ROLE_EDGE, ROLE_FRONT,                     \
  "Open a connection in the name of HOST, whose certificate is shown; SHOWS is none when no certificate is to be shown. TARGETS, a line each, are tried in order: HOW PORT NAME ADDRESSES TLSA, with blanks between them. HOW is tls (from the first byte, with ALPN xmpp-server) or plain; ADDRESSES have commas between them; TLSA rows too, each USAGE:SELECTOR:MATCHING:HEX, or - for none. REQUEST is a number that is unique on this link while it lasts. connected answers, or unconnected behind failed records.") \
V(CONNECTED, "connected", "REQUEST ID INDEX IP PORT", 5, ROLE_FRONT, ROLE_EDGE,               \
  "Conduit ID is the connection that REQUEST has opened, to an address of the target INDEX (0 for the first). If the target is tls, secured is the next record of ID.") \
V(FAILED, "failed", "REQUEST INDEX IP STEP WHY", 5, ROLE_FRONT, ROLE_EDGE,                    \
  "An address of the target INDEX did not answer. STEP is connect or tls; WHY is in words.")  \
V(UNCONNECTED, "unconnected", "REQUEST", 1, ROLE_FRONT, ROLE_EDGE,                            \
  "REQUEST is over: no target is left.")                                                      \
V(ABANDON, "abandon", "REQUEST", 1, ROLE_EDGE, ROLE_FRONT,                                    \
  "The sender wants the connection of REQUEST no more. A connected that has crossed this record is closed by the sender.") \
V(WRITTEN, "written", "ID N", 2, ROLE_FRONT, ROLE_EDGE,                                       \
  "N bytes of the data of conduit ID have entered the socket, in all, counted before TLS. Said of conduits of s2sd alone, at most once a turn.") \
V(RESOLVE, "resolve", "ID DOMAIN HOST", 3, ROLE_EDGE | ROLE_CONTROL, ROLE_NAMES,              \
  "Look up where the streams of DOMAIN go, under the options of HOST. target records and then resolved answer.") \
V(TARGET, "target", "ID HOW PORT NAME ADDRESSES TLSA SECURE", 5, ROLE_NAMES, ROLE_EDGE | ROLE_CONTROL, \
  "A target of DOMAIN, in the order in which the targets are to be tried; fields as in connect. SECURE has words for what the DNS has signed: srv, address.") \
V(RESOLVED, "resolved", "ID WHY", 1, ROLE_NAMES, ROLE_EDGE | ROLE_CONTROL,                    \
  "All targets of DOMAIN were said. WHY says why there are none: nxdomain, nodata, dot (the domain offers no streams), servfail, timeout, bogus, name (no name for the DNS).") \
V(FOUND, "found", "NUMBER NAME TYPE STATUS SECURE RECORDS", 5, ROLE_NAMES, ROLE_NAMES,      \
  "In traces and under -p only, in the name of a link dns: what the DNS has said to the question NUMBER of xmpp-dnsd (its first is 1), for records TYPE of NAME. STATUS is data, nodata, nxdomain, servfail or bogus; SECURE is 1 when all is signed. RECORDS have blanks between them, each in wire form, in hex.") \
V(SERVED, "served", "DOMAIN HOW", 2, ROLE_ROUTER, ROLE_SERVICE,                               \
  "For those who watch domains: DOMAIN is served here. HOW is host, service, or gone when it is served no more. All are said behind forget domains.") \
V(SETTLED, "settled", "FROM TO N", 3, ROLE_EDGE, ROLE_ROUTER,                                 \
  "All stanzas from the domain FROM to the domain TO whose tag pair= is N or less are done: the peer has them, or they were written, or their senders were told.") \
V(UNSETTLED, "unsettled", "TO FROM KIND TYPE ID TAGS ORIGIN XML", 8, ROLE_EDGE, ROLE_ROUTER,        \
  "Behind serve *, to an xmpp-routed that was restarted: the stanza waits, and an earlier run of xmpp-routed knew of it; keep it, in front of those of this run, until it is settled. The tag pair= counts from 1 on for each pair of domains, in the order of their stanzas.") \
V(EARLIER, "earlier", "EPOCH N", 1, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE,             \
  "An edge asks about its earlier run with this EPOCH. The router answers when others have taken over all stanzas of that run that came: they are those up to the number N of ORIGIN. 0: none, or no such run is known.") \
V(SHAPE, "shape", "ID RATE BURST", 3, ROLE_EDGE | ROLE_WEB, ROLE_FRONT | ROLE_WEB,                  \
  "Read conduit ID no faster than RATE bytes a second, BURST at once; 0 is no limit.")        \
V(MECHANISMS, "mechanisms", "HOST NAMES FAST UPGRADES", 1, ROLE_AUTHORITY, ROLE_EDGE,         \
  "The SASL mechanisms that accounts of HOST may use, strongest first; the record replaces earlier ones. FAST: those for tokens (XEP-0484). UPGRADES: tasks that some account of HOST has yet to do (XEP-0480).") \
V(AUTH, "auth", "ID HOST MECHANISM INITIAL IP SECURE BINDINGS AGENT ASKS DEVICE UPGRADES FROM", 3, ROLE_EDGE | ROLE_OWN, ROLE_AUTHORITY, \
  "Begin SASL. INITIAL is the client's base64, = when empty, absent when there was none; SECURE is 1 under TLS. By XEP-0388 alone: AGENT, the SHA-256 of the id of its user-agent, in hexadecimal, if that is a UUID; ASKS, the word sasl2 and further ones: fast, count=N, invalidate, request=MECHANISM (XEP-0484); DEVICE, the client's own words for itself; UPGRADES, the tasks that the client would do; FROM, the bare JID of the header of the stream, which nobody else may authenticate as.") \
V(RESPONSE, "response", "ID DATA", 1, ROLE_EDGE, ROLE_AUTHORITY,                              \
  "The client's answer to a challenge, base64.")                                              \
V(ABORT, "abort", "ID", 1, ROLE_EDGE, ROLE_AUTHORITY | ROLE_OWN,                              \
  "The exchange ID is over, or what the stream ID has asked by register; no answer is expected.")                                          \
V(CHALLENGE, "challenge", "ID DATA", 1, ROLE_AUTHORITY, ROLE_EDGE,                            \
  "Base64 for the client; a response or abort follows.")                                      \
V(SUCCESS, "success", "ID DATA JID TOKEN EXPIRY RESOURCE", 3, ROLE_AUTHORITY, ROLE_EDGE | ROLE_OWN,      \
  "The client has proven to be JID (bare). DATA: the mechanism's last data for the client. TOKEN, which EXPIRY is the end of, is new (XEP-0484); traces mask it. RESOURCE names the client of AGENT at this account (XEP-0386).") \
V(CONTINUE, "continue", "ID DATA TASK", 3, ROLE_AUTHORITY, ROLE_EDGE,                         \
  "The client has proven its password, DATA being the mechanism's last data for it, and is to do TASK (XEP-0480). next or abort follows.") \
V(NEXT, "next", "ID TASK", 2, ROLE_EDGE, ROLE_AUTHORITY,                                      \
  "The client begins the task. task answers.")                                                \
V(TASK, "task", "ID DATA ITERATIONS", 2, ROLE_AUTHORITY | ROLE_EDGE, ROLE_EDGE | ROLE_AUTHORITY, \
  "From authd: DATA is the salt with which the client is to derive its keys, in base64. From c2sd: what it has derived, its SaltedPassword; masked in traces. continue, success or failure answers.") \
V(FAILURE, "failure", "ID CONDITION TEXT FREE JID WHY", 2, ROLE_AUTHORITY, ROLE_EDGE | ROLE_OWN,         \
  "The exchange failed with a condition of RFC 6120 s6.5. FREE is 1 when no secret was tried: the failure does not count. JID, the address that the client meant, and WHY, a word of the event auth-failed in xmpp-log(7), are for the log.") \
V(REGISTER, "register", "STREAM HOST IP SECURE LANG XML", 6, ROLE_EDGE, ROLE_OWN,             \
  "A request (iq) of a stream before its login, for jabber:iq:register; XML is the whole iq. SECURE is 1 under TLS; LANG is the language of the stream. registered answers, before the stream asks again. In traces the texts of XML are masked.") \
V(REGISTERED, "registered", "STREAM XML WORD VALUE", 1, ROLE_OWN, ROLE_EDGE,                  \
  "XML, the answer, is for the client of the stream. WORD captcha: the client has a captcha to look at, and gets more time, once; made: the account VALUE is there now; end: the stream ends with the stream error VALUE.") \
V(INVITE, "invite", "WORD HOST A B C D E F G", 2, ROLE_CONTROL | ROLE_OWN, ROLE_OWN,           \
  "Invitations. contact HOST INVITER, and account HOST INVITER NAME ROSTER (1: the two become contacts), of xmpp-hostd for the account INVITER: a row URI, UNTIL PAGE answers, then done: UNTIL is a second since 1970, PAGE behind a blank the address of the page, or empty. redeem HOST INVITER TOKEN FROM, of xmpp-userd: done when FROM, who asks for a subscription and shows TOKEN, was invited by INVITER; the use is counted. Control: see xmpp-ctl(8).") \
V(BEFRIEND, "befriend", "ID A B GROUPS", 3, ROLE_OWN, ROLE_OWN,                               \
  "From xmpp-registerd to xmpp-userd: the accounts A and B become contacts, each subscribed to the other, and B is in these groups of A's roster, a line each. befriended answers; the record is said again until then.") \
V(BEFRIENDED, "befriended", "ID", 1, ROLE_OWN, ROLE_OWN,                                      \
  "The contacts of befriend ID are on the disk, or one of the accounts is there no more.")    \
V(BAN, "ban", "ADDRESS UNTIL", 2, ROLE_AUTHORITY | ROLE_EDGE, ROLE_EDGE | ROLE_FRONT | ROLE_WEB, \
  "Clients of ADDRESS, an address or ADDRESS/BITS, are refused up to the second UNTIL since 1970; 0: no longer. Streams of other servers are not. From xmpp-compd: components of ADDRESS are, and clients are not.") \
V(BANS, "bans", "list|add|del ADDRESS MINUTES", 1, ROLE_CONTROL, ROLE_AUTHORITY,              \
  "Control: see xmpp-ctl(8).")                                                                \
V(GUESSED, "guessed", "HOST IP", 2, ROLE_OWN, ROLE_AUTHORITY,                                \
  "From xmpp-registerd: the client at IP has shown a token of an invitation to HOST that is none. It counts as a failed login of that address.") \
V(VERIFY, "verify", "ID HOST USER PASSWORD WORD", 4, ROLE_AUTHORITY, ROLE_CHECKER,            \
  "Ask the administrator's program of HOST whether USER, a localpart, has this password. WORD set: give USER this password; make: make an account of USER with it; remove: end the account, and exists: say whether there is one, PASSWORD being empty. verified answers.") \
V(VERIFIED, "verified", "ID RESULT", 2, ROLE_CHECKER, ROLE_AUTHORITY,                         \
  "RESULT is yes, no, or failed: the program did not answer. The answer to a WORD is no where the program cannot do that.")                                \
V(EXISTS, "exists", "ID JID", 2, ROLE_ROUTER, ROLE_AUTHORITY,                                  \
  "Say whether the bare JID, of a host whose accounts a program of the administrator has, is an account. known answers, in any order.") \
V(KNOWN, "known", "ID RESULT", 2, ROLE_AUTHORITY, ROLE_ROUTER,                                \
  "The answer to exists. yes: the account has a number, and was made if it had none. no. failed: the program does not answer.") \
V(BIND, "bind", "SID JID RESOURCE IP CLIENT WANTS", 3, ROLE_EDGE, ROLE_ROUTER,                \
  "Stream SID asks to become the session JID/RESOURCE. bound or refused answers. CLIENT: the AGENT of its login; an older session of that client ends. WANTS as in wants; and metadata=ID: a request with this id, in the name of the session, asks mamd at that moment for the metadata of the archive (XEP-0386).") \
V(SESSION, "session", "SID JID IP PRIORITY WANTS NUMBER CAPS CLIENT NEWEST OWN", 2, ROLE_EDGE, ROLE_ROUTER,   \
  "After a reconnect: SID is the session of full JID; PRIORITY when it is available; WANTS as in wants; NUMBER as bound gave it; CAPS, the value of the tag caps of its presence; CLIENT as in bind; NEWEST, the highest id that has come for the session; what has ids above OWN, up to NEWEST, is in buffers for a client without stream management.") \
V(HOLDS, "holds", "SID TO FROM KIND TYPE ID TAGS ORIGIN XML", 9, ROLE_EDGE, ROLE_ROUTER,      \
  "After a reconnect: a stanza tagged kept that the client of session SID has not acknowledged.") \
V(WANTS, "wants", "SESSION WORDS", 1, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE,    \
  "The wishes of the client of a session: carbons, roster, blocklist. The record replaces earlier ones. SESSION is its SID for routed, its full JID for a service.") \
V(UNBIND, "unbind", "SID DIRECTED UPTO", 1, ROLE_EDGE, ROLE_ROUTER,                           \
  "Session SID is over. DIRECTED: the addresses that have directed presence of it, a line each. The client has each stanza that was given to the session up to the id UPTO, or the stanza was returned.") \
V(GONE, "gone", "JID DIRECTED WORD", 1, ROLE_ROUTER, ROLE_SERVICE,                            \
  "The session of full JID, which had shown presence or said wants, has ended. WORD replaced: the same client has bound the same resource again.") \
V(DIRECTED, "directed", "FROM TO TYPE", 2, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "The session FROM has sent presence to TO, available or of TYPE unavailable.")              \
V(SHOWN, "shown", "SESSION INSTANCE XML WORD", 3, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "After a restart: the last presence of the session, which was broadcast before the restart. SESSION is its SID for routed, its full JID for a service. WORD hidden: contacts were told since, by presence with the tag contacts, that the session is unavailable.") \
V(RECALL, "recall", "ROUND", 1, ROLE_ROUTER, ROLE_EDGE,                                       \
  "Repeat wants, shown and directed of each session; then say recalled.") \
V(RECALLED, "recalled", "INSTANCE ROUND", 1, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "The facts about all sessions of the c2sd INSTANCE have been said, after its link came up or after the recall of this ROUND.") \
V(ONLINE, "online", "JID PRIORITY WORD SESSION", 1, ROLE_ROUTER, ROLE_SERVICE,                \
  "For those who watch sessions: the session of full JID has become available, or the sign of its PRIORITY has changed: one of negative priority takes nothing that waits. WORD again: it has been so for some time, and may have been told before. SESSION is its number: no other session, earlier or later, has it.") \
V(OFFLINE, "offline", "JID HOW SESSION UPTO", 3, ROLE_ROUTER, ROLE_SERVICE,                   \
  "For those who watch sessions: the session of full JID is available no more. HOW is away: it is still there; over: it has ended, and all up to the id UPTO its client has, or it was returned; lost: it ended with its c2sd; missed, to xmpp-mamd alone: a stanza of xmpp-mamd did not reach it, and it may have ended. SESSION is its number. The session may be unknown to the receiver: the end of one without an account (XEP-0175) is told also if it was never available.") \
V(MARK, "mark", "SESSION LIVE WAITED PAGE NUMBER", 2, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "For those who watch marks: the client of a session has all messages up to id LIVE, of offers of what had waited all up to the number WAITED, of results of the archive all up to the number PAGE. SESSION is its SID for routed, its full JID for a service, and NUMBER then its number.") \
V(NEWEST, "newest", "ID FULL", 1, ROLE_OWN, ROLE_ROUTER,                                      \
  "The newest id in the archive: routed gives only ids above it, whatever the clock says. FULL is 1 while nothing can be stored: routed then sends no message to mamd.") \
V(AWAY, "away", "SID COUNT ID FROM XML", 1, ROLE_EDGE, ROLE_ROUTER,                            \
  "The client of session SID is gone, and may resume it. COUNT important messages are not acknowledged; ID, FROM and XML are of the newest. Said of hosts with mod_push, and again after a reconnect. noted answers.") \
V(NOTED, "noted", "SID", 1, ROLE_ROUTER, ROLE_EDGE,                                           \
  "routed has read away of session SID: what it delivers to the session from now on wakes the client. What the session got in between may not have done so: if important messages are among it, the edge says away again, with the COUNT of these.") \
V(BACK, "back", "SID", 1, ROLE_EDGE, ROLE_ROUTER,                                             \
  "The client of session SID, which was away, is there.")                                     \
V(PUSHES, "pushes", "ACCOUNT CLIENTS WORDS", 1, ROLE_OWN, ROLE_ROUTER,                        \
  "These clients of ACCOUNT, a line each, have push notifications (XEP-0357): # and the value of the tag client, or / and the resource. The record replaces earlier ones; without CLIENTS there are none. WORDS all: stanzas that are no messages wake them too; text: messages are told with their XML. client answers for each client that has a session.") \
V(CLIENT, "client", "ACCOUNT CLIENT STATE SESSION", 3, ROLE_ROUTER, ROLE_SERVICE,             \
  "A client that pushes has named: STATE live: a session of it is there; away: its session SESSION, a number, may be resumed; none: there is none.") \
V(NOTIFY, "notify", "ACCOUNT CLIENTS CLASS ID COUNT FROM XML", 3, ROLE_ROUTER, ROLE_SERVICE,  \
  "Something has come for these clients, of those that pushes has named, and none of them is there. CLASS: call; important, COUNT messages (1); subscription, a request that waits; other; none, of earlier versions: nobody is woken. ID is that of the message, or of the newest.") \
V(KEEP, "keep", "SESSION US ACCOUNT", 2, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE,     \
  "The session, which is away, may be away for US microseconds from now on, and for as long as its client was granted. SESSION is its number for routed, its SID for an edge.") \
V(ARCHIVES, "archives", "ACCOUNT POLICY", 1, ROLE_OWN, ROLE_ROUTER,                           \
  "The default of the account's archive: always, never, roster; empty: the default of the host.")     \
V(END, "end", "JID CONDITION BUT", 1, ROLE_OWN | ROLE_CONTROL, ROLE_ROUTER,                       \
  "End the session of a full JID, or all of a bare one but the full JID BUT, with a stream error.")                \
V(RESUME, "resume", "SID TOKEN JID H", 4, ROLE_EDGE, ROLE_ROUTER,                             \
  "Stream SID, authenticated as bare JID, wants the session that TOKEN names (RANDOM.RESOURCE), of which its client has H stanzas.") \
V(YIELD, "yield", "OLD TOKEN JID H INSTANCE SID", 6, ROLE_ROUTER, ROLE_EDGE,                  \
  "Stream SID of the c2sd INSTANCE wants session OLD, whose token this must be: yielded or unyielded answers, unless INSTANCE is where the session is.") \
V(YIELDED, "yielded", "INSTANCE SID OLD", 3, ROLE_EDGE, ROLE_ROUTER,                          \
  "Session OLD of the sender may become SID of INSTANCE. leave answers.")       \
V(LEAVE, "leave", "OLD", 1, ROLE_ROUTER, ROLE_EDGE,                                           \
  "Session OLD gets nothing more here: hand over what it has by queued records, then handed.") \
V(QUEUED, "queued", "INSTANCE SID TO FROM KIND TYPE ID TAGS ORIGIN XML", 10, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE, \
  "A stanza that the client of a session being handed over has not acknowledged.")            \
V(HANDED, "handed", "INSTANCE SID OLD TOKEN JID IN OUT WANTS PRIORITY PRESENCE DIRECTED MAX NUMBER CAPS CLIENT PICTURE", 7, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE, \
  "The session of full JID, that was OLD, is stream SID of INSTANCE: IN stanzas of its client were handled, OUT acknowledged by it; it may be away for MAX microseconds; NUMBER as bound gave it, CLIENT as in bind, PICTURE the HASH of picture.") \
V(UNYIELDED, "unyielded", "INSTANCE SID CONDITION H", 3, ROLE_EDGE | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE, \
  "The session cannot be handed over. H: the number of handled stanzas, if known.") \
V(FANOUT, "fanout", "TOS FROM KIND TYPE ID TAGS ORIGIN XML", 8, ROLE_SERVICE, ROLE_ROUTER,    \
  "The same stanza to several addresses, a line each: to all available sessions of an account, to a session, or to a domain. XML has no to, each copy gets its own. A message to an account goes as one of its own would. An address that has blocked FROM, or that FROM has blocked, gets nothing, and FROM no error.") \
V(BLOCKS, "blocks", "ACCOUNT JIDS CHANGE", 1, ROLE_OWN, ROLE_ROUTER,                          \
  "The block list of an account, an address a line; the record replaces earlier ones. CHANGE add or remove: only JIDS are put on it or taken off.") \
V(CAPS, "caps", "HOST NODE VER", 3, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE,          \
  "The entity capabilities of HOST (XEP-0115).")                                 \
V(SEEN, "seen", "FROM TO CAPS WORD", 1, ROLE_ROUTER, ROLE_SERVICE,                            \
  "For those who watch caps: the full JID FROM shows these capabilities, the value of the tag caps, to the account TO (empty: to all who see its presence); without CAPS it is seen no more. WORD as in online.") \
V(WAITING, "waiting", "ACCOUNT ID", 2, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE,    \
  "For those who watch waiting: the message ID of the log, which wakes clients (XEP-0357), waits for the account, which has no session that has it.") \
V(ROSTER, "roster", "ACCOUNT CONTACT BEFORE NOW", 0, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "For those who watch roster: in the roster of ACCOUNT the subscription of CONTACT has changed, or its groups have (then NOW is BEFORE); none, to, from or both. Without fields: any may have changed, for somebody begins to watch, or was not told for a while.") \
V(AVATAR, "avatar", "ACCOUNT ID", 1, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE,        \
  "For those who watch avatars: the picture of ACCOUNT that anybody may see has the SHA-1 ID, in hexadecimal; without ID there is none. It may be the one that was there before.") \
V(PICTURE, "picture", "SESSION HASH", 1, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_EDGE,        \
  "The picture of the session's account has the SHA-1 HASH, in hexadecimal; without HASH there is none any more. The edge puts it into directed presence (XEP-0398 s4). SESSION is its full JID for routed, its SID for an edge.") \
V(MADE, "made", "NUMBER JID", 2, ROLE_AUTHORITY | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE,    \
  "For those who watch accounts: there is an account of this NUMBER, which no account had before.") \
V(ENDING, "ending", "NUMBER JID ERASED", 2, ROLE_AUTHORITY | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "For those who watch accounts: the account of this NUMBER has ended. routed ends its sessions. The program that writes a store with data of the account erases them there and says erased; ERASED are the stores of which this was said. It is said again to whoever begins to watch, until no store on disk is left; until then the name is taken.") \
V(ERASED, "erased", "NUMBER STORE", 2, ROLE_OWN | ROLE_ROUTER, ROLE_ROUTER | ROLE_AUTHORITY,  \
  "STORE, a folder of the data folder, has nothing of the account of this NUMBER any more, on disk.") \
V(SHUT, "shut", "JID OPEN", 1, ROLE_AUTHORITY, ROLE_ROUTER,                                   \
  "The owner of the account JID (bare) has removed it, and it may yet be restored: routed ends its sessions. OPEN 1: it is restored.") \
V(BOUND, "bound", "SID JID NUMBER", 2, ROLE_ROUTER, ROLE_EDGE,                                \
  "SID is now the session of full JID. NUMBER is the session's number; no other session, earlier or later, has that number.") \
V(REFUSED, "refused", "SID CONDITION", 2, ROLE_ROUTER, ROLE_EDGE,                             \
  "SID may not bind; a stanza error condition.")                                              \
V(KICK, "kick", "SID CONDITION", 2, ROLE_ROUTER | ROLE_CONTROL, ROLE_EDGE,                    \
  "End the stream of session SID with this stream error.")                                    \
V(STANZA, "stanza", "TO FROM KIND TYPE ID TAGS ORIGIN XML", 8, ROLE_EDGE | ROLE_SERVICE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "A stanza to be delivered. KIND is message, presence or iq; TAGS are words made by the edge; ORIGIN is INSTANCE:NUMBER as its source says it, INSTANCE:EPOCH:NUMBER as routed passes it on.") \
V(DELIVER, "deliver", "SIDS TO FROM KIND TYPE ID TAGS ORIGIN XML", 9, ROLE_ROUTER, ROLE_EDGE, \
  "The stanza goes out on each session of SIDS (numbers separated by blanks). TO may be an address for each of SIDS, a line each: then XML has no to, and each session gets its own.") \
V(SERVE, "serve", "DOMAIN", 1, ROLE_SERVICE, ROLE_ROUTER,                                     \
  "All stanzas to DOMAIN are for the sender; *, which xmpp-s2sd says, are all domains that nobody serves.")                                                \
V(HANDLE, "handle", "SCOPE NAMESPACE HOST", 2, ROLE_SERVICE, ROLE_ROUTER,                          \
  "SCOPE host or account: requests (iq) whose payload is in NAMESPACE, to hosts or to accounts, are for the sender. SCOPE resource: presence, messages and answers (iq) to HOST/NAMESPACE and HOST/NAMESPACE/... are. SCOPE answers, NAMESPACE account or host: answers to the bare address of an account, or to a host, are, for the sender asks in the name of accounts or hosts. Of HOST alone, if HOST is there, else of all hosts.") \
V(FEATURE, "feature", "SCOPE VAR HOST", 2, ROLE_SERVICE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "A feature for disco#info of SCOPE; of HOST, or of all hosts.")                                                       \
V(IDENTITY, "identity", "SCOPE CATEGORY TYPE NAME HOST", 3, ROLE_SERVICE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "An identity for disco#info of SCOPE; of HOST, or of all hosts.")                                                     \
V(ITEM, "item", "SCOPE JID NAME NODE HOST", 2, ROLE_SERVICE | ROLE_ROUTER, ROLE_ROUTER | ROLE_SERVICE, \
  "An entry for disco#items of SCOPE; of HOST, or of all hosts.")                                                       \
V(WATCH, "watch", "WHAT", 1, ROLE_SERVICE | ROLE_ROUTER, ROLE_ROUTER | ROLE_AUTHORITY | ROLE_OWN,                                       \
  "Tell the sender about WHAT, a word of this table: features (feature, identity, item), sessions (online, offline), marks (mark), caps (seen), accounts (made, ending), waiting (waiting), roster (roster), avatars (avatar), domains (served), presence (what a session shows to its contacts: stanza without TO, gone, and after a restart shown, wants, directed, recalled). What holds now is told at once, and again when it is asked again. Any number of services watch a word. The router says it on: accounts to the authority, waiting to mamd, roster to userd, avatars to pubsubd, which say nothing of these before.")            \
V(FORGET, "forget", "WHAT", 1, ROLE_ROUTER | ROLE_SERVICE, ROLE_ROUTER | ROLE_SERVICE,          \
  "The records about WHAT no longer hold, and follow anew. A service that announces anew says announced before and old behind: what it has not said again ends.")                                  \
V(MOUNT, "mount", "NAME HOSTS", 1, ROLE_SERVICE, ROLE_WEB,                                    \
  "Requests for the handler NAME of the settings (request_handlers), for HOSTS (blanks between them; empty: all hosts), are for the sender. A NAME that another link has for the same host is answered by error, and stays with the other.") \
V(REQUEST, "request", "ID NAME METHOD HOST BASE PATH QUERY SCHEME IP LENGTH HEADERS", 9, ROLE_WEB, ROLE_SERVICE, \
  "A web request. ID is a number that is unique on this link while the request lasts. HOST is in lower case and without port, as hosts_alias says. BASE is the part of the path that has chosen the handler, without a slash at its end; PATH the rest, empty or beginning with a slash, and QUERY, as they were sent. SCHEME, http or https, and IP are those of the client, in front of trusted proxies. LENGTH is that of the body in bytes; empty: there is none. HEADERS, a line each, are NAME: VALUE with the name in lower case, without those of the connection, host, content-length and expect. accept or answer is awaited.") \
V(ACCEPT, "accept", "ID", 1, ROLE_SERVICE, ROLE_WEB,                                          \
  "Let the body of request ID come: body as often as needed, then ended. Before accept no body is sent.") \
V(BODY, "body", "ID BYTES", 2, ROLE_WEB | ROLE_SERVICE, ROLE_WEB | ROLE_SERVICE,              \
  "Bytes of the body of request ID, or of its answer, in order; 32768 at most.")              \
V(ENDED, "ended", "ID", 1, ROLE_WEB | ROLE_SERVICE, ROLE_WEB | ROLE_SERVICE,                  \
  "The body that request ID has was sent whole; or the answer to ID is complete, and ID may be used again.") \
V(ANSWER, "answer", "ID STATUS LENGTH HEADERS", 2, ROLE_SERVICE, ROLE_WEB,                    \
  "The answer to request ID begins: STATUS is 200 to 599, LENGTH the bytes of its body, which follows as body records; empty: not known yet. HEADERS, a line each, are NAME: VALUE; webd alone says Date, Connection, Keep-Alive, Content-Length, Transfer-Encoding. ended closes each answer. When the answer comes before the end of the request's body, no more of that body is sent.") \
V(CANCEL, "cancel", "ID WHY", 1, ROLE_WEB | ROLE_SERVICE, ROLE_WEB | ROLE_SERVICE,            \
  "Nothing more is said about request ID: the client is gone, the time is over; or the service cannot go on, and the client gets the status 500, or, when the answer has begun, the end of its connection.") \
V(DIVERT, "divert", "ID LENGTH OFFSET", 2, ROLE_FRONT | ROLE_WEB | ROLE_SERVICE, ROLE_FRONT | ROLE_WEB | ROLE_SERVICE, \
  "A big body as a descriptor, which goes along with the record when it has OFFSET (SCM_RIGHTS). Without OFFSET: from a service, in the place of accept, the body of request ID may come as a descriptor; from webd to tlsd, the bytes of conduit ID up to its byte LENGTH, counted from its beginning, may go into a pipe. With OFFSET: from tlsd, the next LENGTH bytes of conduit ID are in this pipe; from webd to a service, the next LENGTH bytes of the body are; from a service, and on to tlsd, the next LENGTH bytes of the answer are those of this file from OFFSET on. when they have been sent, tlsd says divert with LENGTH 0. Bytes that are not diverted come as body and data records.") \
V(TAKEN, "taken", "ID N", 2, ROLE_WEB, ROLE_EDGE,                                             \
  "The client of conduit ID has the first N data records of the conduit. A webd that says open with FRAMING element for BOSH says so, for nothing else tells what a client has fetched.") \
V(STATS, "stats", "", 0, ROLE_CONTROL | ROLE_MONITOR, ROLES_ALL,                                             \
  "Control: answer stat records, then done.")                                                 \
V(STAT, "stat", "NAME VALUE LABEL TEXT ...", 2, ROLES_ALL, ROLE_CONTROL | ROLE_MONITOR,                                    \
  "One figure; a name may have several, of which each LABEL has another TEXT.")                                                                              \
V(RELOAD, "reload", "", 0, ROLE_CONTROL, ROLES_ALL,                                           \
  "Control: read the settings again, and take them: done, or error with the row that was refused; then the settings are as before.")                                                        \
V(CHECK, "check", "FOLDER", 1, ROLE_CONTROL, ROLES_ALL,                                       \
  "Control: answer done when the settings in FOLDER could be taken, else error with the row that could not. Nothing changes.") \
V(TRACE, "trace", "on|off FILE DATA", 1, ROLE_CONTROL, ROLES_ALL,                             \
  "Control: write FILE.in and FILE.out, what -p reads and writes, until off. DATA is data: and copy what is stored to the folder FILE.data.") \
V(HOLD, "hold", "over", 0, ROLE_CONTROL, ROLES_ALL,                                           \
  "Control: end the turn, commit all that is written, answer done, and do nothing, HOLD_US at most, until the sender says hold over, which is answered done, or error when the time was over before. Meanwhile the administrator copies the stores of several programs as they are at one moment.") \
V(LINKS, "links", "", 0, ROLE_CONTROL | ROLE_MONITOR, ROLES_ALL,                                             \
  "Control: answer a row INSTANCE up|down for each neighbour, then done.")                    \
V(READY, "ready", "", 0, ROLE_CONTROL | ROLE_MONITOR, ROLES_ALL,                                             \
  "Control: answer done when the program is ready, from when on stanzas are answered; error before.") \
V(STATUS, "status", "", 0, ROLE_CONTROL | ROLE_MONITOR, ROLES_ALL,                                           \
  "Control: answer rows, then done. error SECOND TEXT: the last warning of the log, which a monitor is not told; awaits TEXT: the program is not ready, or not whole; listener NAME open|closed WHY; full STORE: a disk has no room, and writes are refused.") \
V(CERTIFICATE, "certificate", "HOST", 1, ROLE_CONTROL | ROLE_MONITOR, ROLE_FRONT,                            \
  "Control: answer a row FILE NAMES FROM UNTIL fits|other, then done: the certificate that is shown for HOST, and whether it has that name.") \
V(SESSIONS, "sessions", "", 0, ROLE_CONTROL | ROLE_OWN, ROLE_ROUTER,                          \
  "Control: answer row records, then done.")                                                  \
V(S2S, "s2s", "list|try|close|forget DOMAIN FROM", 1, ROLE_CONTROL, ROLE_EDGE,                \
  "Control: see xmpp-ctl(8). row records answer, then done or error.")                        \
V(ACCOUNT, "account", "WHAT JID PASSWORD TOKEN", 1, ROLE_CONTROL | ROLE_OWN, ROLE_AUTHORITY, \
  "Control: see xmpp-ctl(8). WHAT is add, passwd, del, remove, restore, list, weak, ending, removed, keys, used or settle. weak is as list, of accounts that have keys for some hashes alone: a third field has the others. ending lists accounts that are ending, all or JID, with the stores that have them still. remove, of the owner of the account, does what del does, or after tabber.removal_grace; until then restore takes it back, and removed lists such accounts, all or JID, with the moments of their ends. keys makes an account as add does, of the keys for SCRAM in the place of a password: for SHA-1, SHA-256 and SHA-512, or some of them, a word HASH:ITERATIONS:SALT:STORED:SERVER, the last three in base64. A TOKEN of an invitation makes one account: a second add with it is answered by error with the condition gone. used TOKEN answers a row with the account that it has made, settle TOKEN forgets it: the sender knows.") \
V(TOKEN, "token", "list|revoke JID DEVICE", 2, ROLE_CONTROL | ROLE_OWN, ROLE_AUTHORITY,       \
  "Tokens of the account JID (XEP-0484). list answers a row DEVICE, USED NAME, MECHANISM, ISSUED, EXPIRY for each device that has one, then done; revoke ends those of DEVICE, or all. Control: see xmpp-ctl(8).") \
V(ARCHIVE, "archive", "stat|export|purge JID BEFORE", 2, ROLE_CONTROL, ROLE_OWN,              \
  "Control: see xmpp-ctl(8).")                                                                \
V(UPLOAD, "upload", "sweep|slot|drop HOST FILE", 1, ROLE_CONTROL, ROLE_OWN,                        \
  "Control: see xmpp-ctl(8). row records answer, then done or error.")                        \
V(ROOM, "room", "WORD ROOM A B", 1, ROLE_CONTROL, ROLE_OWN,                                   \
  "Control: see xmpp-ctl(8). WORD is list, create, destroy, forget, config, affiliation, occupants, archive, history, invite, of or nick. For of, ROOM is the address of a person; for nick, that of a service. A is a number of days for list, of messages for history.") \
V(CONTACT, "contact", "add JID CONTACT", 3, ROLE_CONTROL, ROLE_OWN,                           \
  "Control: JID asks for the presence of CONTACT and approves a request of CONTACT in advance (RFC 6121 s3.4); if CONTACT is an account of this server, CONTACT does the same. done, or error.") \
V(PUSH, "push", "list|drop JID", 2, ROLE_CONTROL, ROLE_OWN,                                   \
  "Control: see xmpp-ctl(8).")                                                                \
V(PUBSUB, "pubsub", "nodes|items|du|delete JID NODE", 2, ROLE_CONTROL, ROLE_OWN,              \
  "Control: see xmpp-ctl(8).")                                                                \
V(ROW, "row", "VALUE ...", 1, ROLES_ALL, ROLE_CONTROL | ROLE_OWN | ROLE_MONITOR,                             \
  "One line of a list.")                                                                      \
V(DONE, "done", "", 0, ROLES_ALL, ROLE_CONTROL | ROLE_OWN | ROLE_MONITOR,                                    \
  "The end of an answer.")                                                                    \
V(ERROR, "error", "TEXT CONDITION KEY SCOPE", 1, ROLES_ALL, ROLE_CONTROL | ROLE_OWN | ROLE_SERVICE | ROLE_MONITOR,        \
  "The request was not done; TEXT is the reason. KEY SCOPE: the row of the settings that was refused.")

/* clang-format on */

enum verb {

#define V(code, word, fields, least, from, to, text) VERB_##code,
  VERB_TABLE(V)
#undef V
    VERBS_N
};

struct verb_row {
  char const *word, *fields;
  unsigned int least; /* fields behind the verb that must be there */
  unsigned int from, to;
  char const *text;
};

extern struct verb_row const verb_rows[VERBS_N];

/* The verb that a record begins with, or VERBS_N. */
enum verb verb_find(struct slice word);

/* Say whether a service acknowledges records of this verb to routed, which keeps each until
 * then: stanzas, and what is told of sessions once. */
bool verb_is_kept(enum verb v);

/* Say whether records of this verb may have an ORIGIN of their link, which keeps them until the
 * peer has acknowledged that number. */
bool verb_is_numbered(enum verb v);

#endif
