/* Every limit of the server that is not a setting, with its source. The limits of services are in
 * limits_services.h, which this file includes. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include "base/limits_services.h"

/* RFC 6120 s13.12: a server must take stanzas of 10000 bytes; so that is what a stream
 * may send before it has authenticated. */
#define STANZA_MAX_BEFORE_AUTH 10000
/* The most that pre_auth_max_stanza_size may make of it. */
#define STANZA_EARLY_MAX 65536
/* Bytes of a pair USER:PASSWORD of mod_http_fileserver.must_authenticate_with. */
#define WEB_PAIR_MAX 255
/* Meaning of "infinity" for max_stanza_size: no stanza is larger on any stream. */
#define STANZA_MAX (2u << 20)
/* The id of a stanza, and the namespace of a request: they are said again in envelopes and
 * answers, each byte as six at worst. */
#define STANZA_ID_MAX 1023
/* Elements inside elements, the stanza itself being 1; deeper is a policy-violation. */
#define XML_DEPTH_MAX 64
/* Attributes of one element, namespace declarations included. */
#define XML_ATTRS_MAX 64
/* Bytes of a tag, or of another token of XML that must be whole to be read; of the root's
 * tag; of the root's declarations as they are said to a parser that takes the root
 * over. */
#define XML_TAG_MAX (16 << 10)
#define XML_ROOT_MAX 4096
#define XML_ROOT_DECLS_MAX 512
/* Bytes of a namespace's name: expat writes the name again for each attribute with its
 * prefix. */
#define XML_NS_MAX 1023
/* Children of a stanza that is written anew lose their prefixes when the stanza has at
 * most so many. */
#define XML_PLAIN_MAX 8
/* Bytes that a parser is given at once; a longer tag is given whole. */
#define XML_CHUNK 4096
/* Expat parsers that stay with streams between two stanzas; the oldest is taken first. */
#define XML_PARSERS_KEPT 64
/* Bytes of memory above which a parser is freed behind its stanza, since a parser
 * remembers names. */
#define XML_PARSER_MEMORY (64 << 10)
/* Free parsers that the pool keeps for streams. */
#define XML_PARSERS_FREE 16
/* RFC 7622 s3.1: 1023 bytes for each of the three parts, and two separators. */
#define JID_PART_MAX 1023
#define JID_MAX 3071
/* A search for a regular expression in a part of a JID: steps back, steps inside each other,
 * KiB of memory (PCRE2). 50000 steps are half a millisecond. */
#define REGEXP_STEPS_MAX 50000
#define REGEXP_DEPTH_MAX 2000
#define REGEXP_HEAP_KIB 512
/* A record, newline included: a stanza of STANZA_MAX bytes of which each is escaped,
 * and its envelope. */
#define RECORD_MAX ((2 * STANZA_MAX) + 65536)
#define RECORD_FIELDS_MAX 24
/* Requests of clients that wait for xmpp-pubsubd in xmpp-userd, and their bytes. */
#define NODE_TASKS_MAX 512u
#define NODE_TASKS_BYTES (32u << 20)
/* Requests of disco that wait for xmpp-pubsubd in xmpp-hostd: their bytes, and how long. */
#define DISCO_WAITS_BYTES (4u << 20)
#define DISCO_WAIT_US 10000000u
/* Clients that are asked for the capabilities that a hash names, before it rests; sets of
 * capabilities that are asked for at a time; verified ones that are stored. */
#define CAPS_TRIES 3u
#define CAPS_ASKED_MAX 8192u
#define CAPS_HASHES_MAX 65536u
/* Clients of others that an account is known to be seen by, its own clients apart; accounts that
 * a client has sent directed presence to and may get events of (XEP-0060 s9.1.3). */
#define INTEREST_PAIRS_MAX 4096u
#define INTEREST_DIRECTED_MAX 32u
/* Services of the administrator (tabber.services). */
#define SERVICES_MAX 32

/* Named tables of an environment of LMDB. */
#define STORE_TABLES_MAX 32

/* Programs that may connect to one: tabber's own and the administrator's services. */
#define LINK_PEERS_MAX 64

/* A link that holds more output than this asks its program to stop feeding it... */
#define LINK_HIGH_WATER (4u << 20)
/* ...and goes on below this. */
#define LINK_LOW_WATER (1u << 20)
/* A link also stops its program when its neighbour has not acknowledged so many bytes,
 * and goes on below half of that; the limit grows by so much whenever no acknowledgement
 * comes for LINK_LATE_US (microseconds). A program that does not read from a link for
 * that reason reads ahead up to LINK_AHEAD_MAX, to find acknowledgements: the neighbour
 * puts them before its waiting output, so one record may be before them, and the content
 * of the socket. */
#define LINK_KEPT_MAX (16u << 20)
#define LINK_LATE_US 1000000
/* The lines of one link that are handled in a turn put less than this, or one line more, on
 * links; the others wait for the next turn. */
#define LINK_TURN_BYTES (1u << 20)
#define LINK_AHEAD_MAX (RECORD_MAX + (1u << 20))
/* A neighbour for which so many bytes more wait is cut off; records that it has not
 * acknowledged stay. */
#define LINK_OUTPUT_MAX (256u << 20)
/* xmpp-c2sd cuts off a front whose link stays above the low mark for so long
 * (microseconds): until then no other front's stanzas are read. */
#define LINK_STALL_US 10000000
/* A neighbour that has connected to us hangs when it takes nothing for so long
 * (microseconds) while more than LINK_HIGH_WATER waits for it: it is cut off, so that no
 * other neighbour waits for it. */
#define LINK_STUCK_US 10000000
/* Descriptors that wait on a link to be sent, and to be handled. */
#define LINK_FDS_MAX 64u
/* A neighbour says hello within LINK_HELLO_US (microseconds), in LINK_HELLO_MAX bytes. */
#define LINK_HELLO_US 5000000
#define LINK_HELLO_MAX 256
/* Connections of one user to one socket: those that have not said hello yet, and all.
 * Each program has a user of its own, so no program takes another's place. */
#define LINK_STRANGERS_MAX 32
#define LINK_PER_USER_MAX 128
/* New connections of a socket that are accepted in a turn. */
#define LINK_ACCEPTS_A_TURN 64
/* Pause between two log lines about refused connections to a socket (microseconds). */
#define LINK_REFUSED_LOG_US 1000000
/* Verbs that a program does not know are logged once each: the number of such verbs, and
 * their bytes in the log. */
#define LINK_UNKNOWN_MAX 64
#define LINK_UNKNOWN_BYTES 32
/* Reconnecting starts at this pause and doubles up to the other (microseconds). */
#define LINK_RETRY_MIN_US 10000
#define LINK_RETRY_MAX_US 1000000
/* A service that is away is waited for this long (microseconds), and stanzas for one, those
 * that it has not acknowledged among them, may be as many bytes as this. */
#define POST_GRACE_US 10000000
#define POST_MAX (64u << 20)
/* Bytes of room that an empty one keeps. */
#define POST_IDLE (64u << 10)
/* Contacts elsewhere whose presence stays behind what they say of subscriptions (xmpp-routed) share as many
 * numbers. */
#define BEHIND_BUCKETS 256
/* Edges whose sessions a program knows. */
#define ONLINE_INSTANCES_MAX 64
/* Questions of a program that wait for another program, or for clients, and how long. */
#define ASKS_MAX 1024u
#define ASK_US 30000000u
/* Neighbours whose requests a service knows again when they are repeated. */
#define HANDLE_SOURCES_MAX 128u
/* Bytes of stanzas that routed keeps for all sessions until their clients have them; and for the
 * sessions of one account while more than the half of that is kept. Above these a stanza is given
 * without a copy, and the log says so (stanza-not-kept):
 * restarts-an-account-has-a-share-of-what-is-kept. */
#define KEPT_MAX (256u << 20)
#define KEPT_ACCOUNT_MAX (1u << 20)
/* When a c2sd was killed, routed holds what cannot wait in mamd for so long (microseconds): the
 * clients of its sessions, senders among them, are coming back. */
#define KEPT_ABSENT_US 15000000u
/* Bytes of errors, about messages that were returned, that are held for an account without
 * sessions; above that they are dropped. Other servers make errors too, so none is held when so
 * many bytes are held for all accounts. */
#define HELD_ERRORS_MAX (256u << 10)
#define HELD_ERRORS_ALL_MAX (KEPT_MAX / 8)
/* A file of those copies has room for twice the live bytes and so many more; when no file can
 * be made, routed tries again in so long (microseconds). */
#define JOURNAL_SLACK (1u << 20)
#define JOURNAL_RETRY_US 1000000u
/* xmpp-dnsd: resolutions at once, and the time of each (microseconds); targets, addresses of all
 * targets, TLSA records of one and bytes of such a record that are used. */
#define RESOLUTIONS_MAX 4096
#define RESOLUTION_US 30000000u
/* When each target has addresses, xmpp-dnsd waits so long for those of the other family
 * (microseconds; RFC 8305 s3 has 50 ms, but its client goes on listening). */
#define RESOLUTION_LATE_US 500000u
#define TARGETS_MAX 16
#define ADDRESSES_MAX 32
#define TLSA_MAX 8
#define TLSA_BYTES_MAX 600
/* xmpp-dnsd asks for the keys of the root at its start and after so many bogus answers in a row, and
 * waits so long for them, twice (microseconds). */
#define PROBE_AFTER_BOGUS 3
#define PROBE_US 5000000u
/* Having gone on without signatures, xmpp-dnsd looks again after this (microseconds). */
#define PROBE_AGAIN_US 3600000000u
/* Bytes of stanzas from one domain to another that xmpp-s2sd has not settled; of one sender; and
 * of all such. While all together have more than the half, each pair of domains has an equal part
 * of the other half, and one part of S2S_SHARES of the whole at least. */
#define S2S_QUEUE_BYTES (4u << 20)
#define S2S_SENDER_BYTES (8u << 20)
#define S2S_SHARES 1024u
#define S2S_QUEUED (64u << 20)
/* A service that was restarted has said again what it is for after this (microseconds). */
#define SERVICE_SETTLE_US 2000000
/* After a start of routed what edges and services send waits so long for all who are expected
 * (microseconds). */
#define EXPECT_US 5000000
/* ...and for a service that has announced something, until it has been silent so long. */
#define EXPECT_MORE_US 100000
/* An archive id is the time in microseconds with so many bits of counting below it. */
#define ARCHIVE_ID_SHIFT 12
/* Bytes of an account in DATA/users. Its roster, counted as in the record that answers a
 * client (so that the answer always fits RECORD_MAX)... */
#define ACCOUNT_ROSTER_BYTES (1u << 20)
/* ...subscription requests that wait for its answer, with their addresses... */
#define ACCOUNT_REQUESTS_BYTES (512u << 10)
/* ...all its private XML. Beside these, each by its own limit: a block list of
 * ROSTER_BLOCKED_MAX addresses of ROSTER_JID_MAX bytes (500 KB), a vCard of PROFILE_VCARD_MAX.
 * Together 3 MB. */
#define ACCOUNT_PRIVATE_BYTES (1u << 20)
/* Pauses between two tries whether a full store has room again (microseconds): the first,
 * and the longest, up to which each pause doubles when the store is full again within a
 * minute; and the bytes that a try writes. */
#define STORE_PROBE_MIN_US 1000000
#define STORE_PROBE_MAX_US 60000000
#define STORE_PROBE_BYTES (64u << 10)
/* A map that is full is so much larger (bytes) for what is erased. */
#define STORE_RESERVE_BYTES ((size_t)64 << 20)
/* Subscription stanzas that wait until the store takes them, in bytes. */
#define SUBSCRIPTIONS_LATER_BYTES (256u << 10)
/* Ends of accounts that DATA/accounts remembers for stores that have not heard of them. */
#define ACCOUNTS_ENDED_MAX 1000
/* Accounts that are ending at a time, because a store has not said that it has erased them: no more
 * are deleted then. A program holds so many of them in memory; xmpp-authd waits so long
 * (microseconds) before it tells of an end, so that whoever deleted the account has answered
 * before the sessions of the account end, and tells so many ends at a time, with such pauses. */
#define ACCOUNTS_ENDING_MAX 1000000
#define ERASE_QUEUE_MAX 256
#define ENDING_GRACE_US 1000000
#define ENDINGS_A_TICK 256
#define ENDINGS_TICK_US 100000
/* Names of accounts that have ended in the last minutes (microseconds), whose clients xmpp-routed
 * lets bind no more. */
#define ENDED_NAMES_MAX 1024
#define ENDED_NAMES_US 300000000
/* Writes that need not be on disk at once wait so long for others that must
 * (microseconds). */
#define STORE_LATER_US 250000
/* Readers that have died are looked for each time so many turns were committed. */
#define STORE_READERS_EVERY 256u
/* So often (microseconds) it is looked whether memory that became free goes back to the
 * system: more than so many bytes. */
#define TRIM_US 10000000
#define TRIM_BYTES (256u << 10)
/* Allocations from this size on are maps of their own. */
#define MMAP_BYTES (128 << 10)
/* A program that holds still for a backup goes on after so long (microseconds); xmpp-ctl tries so
 * often to have all hold still at once, with pauses (milliseconds) between. */
#define HOLD_US 200000
#define HOLD_TRIES 10
#define HOLD_PAUSE_MS 200
/* SIGTERM: what is queued is written within this time (microseconds). */
#define SERVICE_STOP_US 5000000
/* Client streams (xmpp-c2sd). Input that waits for an answer of authd or routed; a client
 * has no need to send any before the answer. */
#define HELD_MAX 65536u
/* Requests of a session that routed has not acknowledged; and input that waits behind them:
 * more than the link of a front can have on its way when the front is told to stop. */
#define REQUESTS_MAX 2u
#define HELD_BEHIND_MAX (8u << 20)
/* Stanzas for a client that has just bound wait so long (microseconds) for it to enable stream
 * management. */
#define FRESH_US 2000000u
/* c2sd keeps copies of what it has handed to another c2sd so long (microseconds), of so many
 * bytes in all. */
#define LEFT_US 10000000u
#define LEFT_BYTES_MAX (16u << 20)
/* Requests of a session that c2sd remembers until a service answers them: queries of the
 * archive, searches. */
#define ASKED_MAX 12u
/* Requests of a session that routed remembers until a service answers them. */
#define ROUTED_ASKED_MAX 64u
/* First-level elements of one stream before it has bound a resource. */
#define UNBOUND_ELEMENTS_MAX 64
/* Requests of registration on one stream; the time of a client that has a captcha to look at, from
 * then on (microseconds). */
#define REGISTER_REQUESTS_MAX 20
#define REGISTER_FORM_US 600000000u
/* Output that waits for a client to read: before it has bound a resource, and afterwards. */
#define UNBOUND_BLOCKED_MAX 65536u
#define BLOCKED_MAX (8u << 20)
/* Bytes of stanzas that one client with stream management has not acknowledged, as they
 * stand in records; max_ack_queue, a setting, limits their number, of a client that is there behind
 * ack_timeout alone. */
#define SM_QUEUE_BYTES_MAX (16u << 20)
/* Stanzas that wait for an inactive client (mod_client_state), and their bytes. */
#define CSI_MAX 100
#define CSI_BYTES_MAX (1u << 20)
/* Addresses that have directed presence of one session, and their bytes. */
#define DIRECTED_MAX 1024
#define DIRECTED_BYTES_MAX (256u << 10)
/* Memory of all these and of the presence that sessions show, of all streams of one
 * xmpp-c2sd; above that the stream that keeps most ends. */
#define STREAMS_KEPT_MAX (1u << 30)
/* xmpp-c2sd holds at most, by these limits. Growing text takes at most an eighth more
 * than it has, a queue whose head is acknowledged twice its bytes.
 *   a connection  before it is bound: 64 elements, so 64 answers of some 100 bytes;
 *                 HELD_MAX and UNBOUND_BLOCKED_MAX, so 144 KiB
 *                                                   52-c2sd-bounds, unbound-client-...
 *   a session     bound, no stream management: HELD_BEHIND_MAX, BLOCKED_MAX,
 *                 CSI_BYTES_MAX and one stanza (twice that in presence that newer stands
 *                 for), DIRECTED_BYTES_MAX: 20 MiB
 *                 just bound (FRESH_US): half of SM_QUEUE_BYTES_MAX, once
 *                                                   0198-3-what-comes-before-...,
 *                                                   largest-keeper-counts-...
 *                 with stream management: SM_QUEUE_BYTES_MAX and one stanza, twice: 40
 *                 MiB more                          52-c2sd-bounds, 0198-6-too-many-...
 *                 its presence: max_stanza_size
 *   the program   STREAMS_KEPT_MAX, and the records of one turn
 *                                                   largest-keeper-ends-...
 *   work          a presence that is directed, or that an inactive client is spared,
 *                 costs the same however many there were before; a byte in or out
 *                 under 1 us; a record of the front with one byte under 10 us
 *                                                   52-c2sd-bounds */
/* xmpp-compd was restarted: what routed has for its components waits so long for them
 * (microseconds). */
#define COMPONENT_AWAIT_US 10000000
/* Wrong handshakes of components that an address may have within some time (microseconds) before it is
 * shut out for so long (seconds); addresses whose wrong handshakes are counted. */
#define COMPONENT_FAILURES 10u
#define COMPONENT_FAILURES_US 600000000u
#define COMPONENT_BAN_S 600u
#define COMPONENT_FAILED_MAX 256u
/* Domains of components that came with a password for any domain. */
#define COMPONENT_GUESTS_MAX 1024u
/* Streams of servers (xmpp-s2sd). Stanzas from one domain to another that wait for a stream or
 * for its peer's acknowledgement: S2S_QUEUE_BYTES as they stand in records (max_fsm_queue, a setting,
 * limits their number), S2S_QUEUED of all pairs of domains together, above which a pair with more
 * than its share takes no new one; how long the oldest waits (microseconds)... */
#define S2S_WAIT_US 60000000u
/* ...pairs that have something to remember; a pair without anything is forgotten after this. */
#define S2S_PAIRS 65536u
/* A stream that is lost may be resumed for so long (microseconds); of so many streams the part is
 * kept that this needs. A pair waits so long for a peer to resume the stream that it had opened. */
#define S2S_LEFT_US 300000000u
#define S2S_LEFT 4096u
#define S2S_RESUME_WAIT_US 8000000u
/* The file in which xmpp-s2sd keeps the counts of streams for its next run: so many streams; bytes of
 * each, names included; stanzas of all that are on their way. */
#define S2S_KEPT 1024u
#define S2S_KEPT_BYTES 512u
#define S2S_KEPT_NOTES 65536u
/* A new run waits so long for xmpp-routed to say which stanzas of the last one came (microseconds). */
#define S2S_EARLIER_US 10000000u
/* Stanzas wait so long for a peer that has opened a stream for both ways to ask for stream management; and
 * for a peer's answer when we ask for it. */
#define S2S_ENABLE_US 2000000u
#define S2S_PAIR_IDLE_US 60000000u
/* Incoming streams that have proven no domain, and those of one address (/64). */
#define S2S_BEFORE_AUTH 512u
#define S2S_PER_ADDRESS 16u
/* Of a stream: proven domains, open questions, bytes of a key (XEP-0185: 64), db:verify. */
#define S2S_PROOFS 64u
#define S2S_ASKED 8u
#define S2S_KEY_MAX 512u
#define S2S_VERIFIES 1000u
/* Connections that are being made at once (a half to domains that were not here lately, three quarters for
 * those and db:verify together, at most), and of these for db:verify alone; those that wait in line; new
 * domains a minute that strangers at one address make us connect to. */
#define S2S_DIALS 64u
#define S2S_VERIFY_DIALS 32u
#define S2S_DIALS_WAITING 65536u
#define S2S_STRANGER_DIALS 4u
#define S2S_STRANGERS 256u
/* Targets of a domain that are tried. */
#define S2S_TARGETS 16u
/* Time (microseconds) for names to be found; for a connection; for the answer to a
 * db:verify; for the peer's end tag; for the answer to an r (XEP-0198). */
#define S2S_RESOLVE_US 35000000u
#define S2S_CONNECT_US 120000000u
#define S2S_VERIFY_US 30000000u
#define S2S_CLOSE_US 5000000u
#define S2S_ACK_US 60000000u
/* A domain that was authenticated is known so long (microseconds), and so many are. */
#define S2S_KNOWN_US 86400000000u
#define S2S_KNOWN 65536u
/* The log says at most this often of a domain that only the DNS vouches for it (microseconds). */
#define S2S_DNS_LOG_US 86400000000u
/* A stream that ends before this with stanzas left is a failed attempt (microseconds). */
#define S2S_STEADY_US 10000000u
/* Streams that a peer ends by an error, one after the other, without having acknowledged anything: then
 * the stanza that it ends them for goes back. */
#define S2S_FAULTS 2u
/* White space keeps a connection from idling (microseconds). */
#define S2S_KEEPALIVE_US 300000000u
/* The same failure is logged once in this time (microseconds), of so many at once. */
#define S2S_FAILED_LOG_US 300000000u
#define S2S_FAILED_LOG 256u
/* Resumption (XEP-0198 s5): the time that we grant (seconds). */
#define S2S_RESUME_S 300u
/* Control connections a daemon serves at once, and how long one may stay silent. */
#define SERVICE_CONTROLS_MAX 32
#define SERVICE_CONTROL_US 30000000
/* SASL exchanges that wait for their clients at a time. The oldest exchange of the
 * address that has most makes room for another, which is logged at most once in
 * CROWDED_LOG_US (microseconds). */
#define EXCHANGES_MAX 20000u
#define CROWDED_LOG_US 10000000
/* Time after which an exchange is forgotten whose client does not go on
 * (microseconds). */
#define EXCHANGE_US 120000000u
/* Tokens of FAST (XEP-0484): devices of an account that have some, and with those that had some
 * within TOKENS_KNOWN_S (seconds); bytes of what a device calls itself; seconds for which a device
 * that asks again is given the same new token. */
#define DEVICES_MAX 20u
#define DEVICE_ROWS_MAX 40u
#define TOKENS_KNOWN_S 5184000u
#define DEVICE_NAME_MAX 128u
#define TOKEN_AGAIN_S 60u
/* Addresses that are shut out at a time, and networks; bans that last longer than so many seconds are
 * kept on disk. */
#define BANS_MAX 65536u
#define BAN_NETWORKS_MAX 256u
#define BAN_KEPT_S 600u
/* The longest that a session without an account may be away before it is resumed. */
#define ANONYMOUS_RESUME_US 60000000u
/* xmpp-extauthd: processes of a host, questions that wait for one; the time of an answer and the
 * longest pause before a process that has ended at once is started again (microseconds); the bytes
 * of a question; words of a command. */
#define EXTAUTH_WORKERS_MAX 64u
#define EXTAUTH_QUEUE_MAX 1000u
/* Of these, questions about names (isuser) that wait behind all others; their number in a program
 * is one less than there are processes. */
#define EXTAUTH_NAMES_MAX 1000u
#define EXTAUTH_ANSWER_US 10000000u
#define EXTAUTH_PAUSE_MAX_US 60000000u
#define EXTAUTH_QUESTION_MAX 65535u
#define EXTAUTH_WORDS_MAX 32u
#define EXTAUTH_CACHE_MAX                                                                \
  10000u /* passwords that are known to be right; 250 bytes each */
/* Names on hosts with extauth_program that nobody has logged in with: those that xmpp-routed asks for
 * at a time, in all and for one sender (another server, or an account); the bytes of stanzas that wait
 * for the answers, of all and of one name; answers that xmpp-routed knows; the life of an answer without
 * extauth_cache. xmpp-authd gives up a question after EXISTS_US, and asks nothing more of that host
 * for EXISTS_REST_US; xmpp-routed waits EXISTS_AUTHD_US for xmpp-authd (microseconds). A longer name is no
 * account (lib/accounts). */
#define EXISTS_JID_MAX 511u
#define EXISTS_ASKED_MAX 1024u
#define EXISTS_SENDER_MAX 256u
#define EXISTS_BYTES_MAX (8u << 20)
#define EXISTS_NAME_BYTES_MAX (256u << 10)
#define EXISTS_KNOWN_MAX 10000u
#define EXISTS_LIFE_US 60000000u
#define EXISTS_US 5000000u
#define EXISTS_REST_US 10000000u
#define EXISTS_AUTHD_US 7000000u
/* Failed logins are counted of so many addresses, and so many accounts, at a time: the one whose last
 * login is the longest ago makes room. Of one address the failures of so many accounts are told
 * apart; of an account so many addresses are known from which its owner has logged in, for so long
 * (microseconds). */
#define FAILURES_ADDRESSES_MAX 65536u
#define FAILURES_ACCOUNTS_MAX 32768u
#define FAILURES_APART_MAX 16u
#define FAILURES_KNOWN_MAX 16u
#define FAILURES_KNOWN_US 2592000000000ull
/* After so many failures of an account in an hour (microseconds) answers to unknown addresses are
 * delayed: 1 s, then twice as long each time, up to the longest; at most so many at a time. */
#define FAILURES_FREE 10u
#define FAILURES_LIFE_US 3600000000ull
#define FAILURES_DELAY_US 1000000u
#define FAILURES_DELAY_MAX_US 30000000u
#define FAILURES_DELAYED_MAX 100u
/* SASL failures of one stream for which no secret was tried, such as a channel binding that the
 * stream has not: as many as there are mechanisms, then policy-violation. */
#define SASL_UNTRIED_MAX 7
/* The setting scram_iterations (RFC 7677 s4 asks for 4096 at least). A check of a PLAIN
 * password hashes as often, 0.3 microseconds each; new keys of an account take three
 * times as many hashes. */
#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000
/* Bytes of the channel bindings of a stream in a record: three of 64 bytes in base64, and
 * room. */
#define BINDINGS_MAX 1024u
/* Bytes of each field that says what a client asks for beside its login (XEP-0388). */
#define LOGIN_ASKS_MAX 1024u

/* ---- xmpp-tlsd: per connection at most ----
 *
 *   in its handshake   SSL object, about 10 KiB; TLS_HELLO_MAX bytes of it; for
 *                      2 * TLS_HANDSHAKE_US
 *   bytes read         in xmpp-tlsd only a TLS record that is not whole (16 KiB); on the
 *                      link of its stream program at most CONN_AHEAD + CONN_READ, of all
 *                      connections together, and the bytes that the kernel and one
 *                      reading of that program (256 KiB) take in between
 *   bytes to be sent   CONN_HIGH_WATER + the output that its feeder had sent when it was
 *                      told to stop, CONN_OUTPUT_MAX at most (before TLS that is required
 *                      CONN_HIGH_WATER), for send_timeout without progress; all
 *                      connections together CONN_OUTPUT_ALL_MAX
 *
 * A byte costs at most 1 us of CPU, plus the costs that tests/whole/17-hostile-tls.py
 * measures: */
/* bytes that are read at once from one connection in one turn... */
#define CONN_READ 16384u
/* ...output that a client has not taken: above this its feeder is told to stop and the
 * client is not read, below the half both go on... */
#define CONN_HIGH_WATER 65536u
/* ...and above this the client is cut off: a whole queue of stream management that is
 * sent again at once, or BLOCKED_MAX of xmpp-c2sd, and output on its way. */
#define CONN_OUTPUT_MAX (32u << 20)
/* Output that waits for all clients: above this the client for which most waits is cut
 * off. */
#define CONN_OUTPUT_ALL_MAX (512u << 20)
/* Bodies of requests that go into pipes at once, the size of such a pipe (bytes), and what is
 * read at once of a file that is an answer. Other bodies are data records. */
#define CONN_PIPES_MAX 256u
#define CONN_PIPE_SIZE (256u << 10)
#define CONN_FILE_PIECE 65536u
/* Bytes that wait for a stream program: above this its connections are not read. */
#define CONN_AHEAD (256u << 10)
/* A closed connection may take this long to read its last bytes (microseconds). */
#define CONN_LINGER_US 5000000u
/* A client that has closed its side, and whose neighbour may still answer, has so long. */
#define CONN_HALF_US 60000000u
/* Time for a TLS handshake (microseconds), granted a second time when bytes of its client
 * have not been read yet; and the bytes that the client may send: a ClientHello with keys
 * of post-quantum size, certificates of a server. */
#define TLS_HANDSHAKE_US 15000000u
/* Keys of TLS tickets (seconds): the time for which a key makes tickets, and for which it takes them;
 * the life that clients are told, which no ticket falls short of; keys at a time. Times in which xmpp-tlsd
 * looks whether a key is due, and waits for another instance that makes one, or that makes the first
 * (microseconds). */
#define TICKET_KEY_S 28800u
#define TICKET_LIFE_S 86400u
#define TICKET_HINT_S 57600
#define TICKET_KEYS_MAX 4u
#define TICKET_LOOK_US 60000000u
#define TICKET_LOCK_US 1000000u
#define TICKET_FIRST_US 20000u
/* Listeners behind a proxy: bytes of the header that it sends first, and how long that is awaited
 * (microseconds). */
#define PROXY_HEADER_MAX 4096u
#define PROXY_HEADER_US 5000000u
#define TLS_HELLO_MAX (32u << 10)
/* The certificates of a peer: bytes of all, and how many issuers one above the other; bytes of its
 * handshake with them; of its names that are told, and of its issuer's name. */
#define TLS_CERTIFICATES_MAX (100u << 10)
#define TLS_CHAIN_MAX 10
#define TLS_PEER_HELLO_MAX (TLS_HELLO_MAX + TLS_CERTIFICATES_MAX)
#define TLS_NAMES_MAX (64u << 10)
#define TLS_ISSUER_MAX 256
/* After the handshake: messages without data (KeyUpdate, renegotiation, warnings) that may
 * come in this time (microseconds). */
#define TLS_CONTROL_MAX 16u
#define TLS_CONTROL_US 60000000u
/* ---- xmpp-tlsd: connections to other servers ----
 *
 * Requests that race at once, and those that wait behind them. */
#define DIALS_MAX 64u
#define DIALS_WAITING_MAX 1024u
/* RFC 8305 s5: the next address of a target is tried when the last was started so long ago;
 * attempts are never closer than this; and the next target (microseconds). */
#define DIAL_NEXT_ADDRESS_US 250000u
#define DIAL_APART_US 10000u
#define DIAL_NEXT_TARGET_US 2000000u
/* A peer that acknowledges nothing (a kernel's affair), or takes nothing, so long is gone
 * (microseconds); a peer that says nothing for DIAL_IDLE_S is asked every DIAL_PROBE_S
 * (seconds), and gone after DIAL_PROBES. */
#define DIAL_SILENCE_US 60000000u
#define DIAL_IDLE_S 60
#define DIAL_PROBE_S 15
#define DIAL_PROBES 4
/* Cost to all programs together of a client's input, which tests/hostile measures: for
 * each byte that the client sends or is sent in answer, in nanoseconds of CPU and bytes
 * of memory (an element of four bytes is a node of a tree, in each program that reads the
 * stanza: 18 were measured)... */
#define COST_BYTE_NS 1000
#define COST_BYTE_HELD 32
/* ...besides, in microseconds (NS: nanoseconds), for a connection, its handshake, each
 * read (a TLS record), a stanza, a check of a password, a captcha, a commit, a delivery to an entitled
 * session, an entry of a table without an index that a request has to look at (0.1
 * microseconds were measured for a vCard, 0.6 for an envelope of an archive)... */
#define COST_CONNECTION_US 500
/* (and for the timers of all programs while they are measured) */
#define COST_MEASURED_US 6000
#define COST_HANDSHAKE_US 2500
#define COST_READ_US 60
#define COST_STANZA_US 40
#define COST_PASSWORD_US 5000
#define COST_COMMIT_US 500
#define COST_CAPTCHA_US 40000
#define COST_DELIVERY_US 40
#define COST_ENTRY_NS 800
/* ...in bytes, for a connection, for a session that does not read, for all programs... */
#define COST_CONNECTION_HELD (64u << 10)
#define COST_UNREAD_HELD (16u << 20)
#define COST_PROGRAM_HELD (2u << 20)
/* ...and no other client waits longer meanwhile (milliseconds). */
#define COST_PING_MS 200

/* xmpp-ctl account import: processes that hash; passwords that one has got and not answered, few
 * enough for a pipe; requests to xmpp-authd that are not answered. */
#define IMPORT_WORKERS_MAX 16u
#define IMPORT_AHEAD_MAX 8u
#define IMPORT_REQUESTS_MAX 64u

/* xmpp-ctl import: nodes of an account, and of a service; includes inside includes; unknown
 * namespaces that are named at the end. */
#define IMPORT_NODES_MAX 2000u
#define IMPORT_SERVICE_NODES_MAX 100000u
#define IMPORT_INCLUDES_MAX 3u
#define IMPORT_UNKNOWN_MAX 32u
/* Lines of the log about refused stanzas of one sender in REFUSED_SECOND_US (microseconds), and how
 * many senders are counted apart. */
#define REFUSED_LINES 5u
#define REFUSED_SECOND_US 1000000
#define REFUSED_SENDERS 64u

#endif
