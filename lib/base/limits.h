/* Every limit of the server that is not a setting, with where it comes from. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* RFC 6120 s13.12: a server must take stanzas of 10000 bytes; so that is what a stream
 * may send before it has authenticated. */
#define STANZA_MAX_BEFORE_AUTH 10000
/* What "infinity" means for max_stanza_size: no stanza is larger on any stream. */
#define STANZA_MAX (2u << 20)
/* The id of a stanza, and the namespace of a request: they are said again in envelopes and
 * answers, each byte as six at worst. */
#define STANZA_ID_MAX 1023
/* Elements inside elements, the stanza itself being 1; deeper is a policy-violation. */
#define XML_DEPTH_MAX 64
/* Attributes of one element, namespace declarations included. */
#define XML_ATTRS_MAX 64
/* One tag, or another token of XML that must be whole to be read; the root's tag; what must
 * be said of the root's declarations to a parser that is to stand behind it. */
#define XML_TAG_MAX (16 << 10)
#define XML_ROOT_MAX 4096
#define XML_ROOT_DECLS_MAX 512
/* The name of a namespace: expat writes it again for each attribute that has its prefix. */
#define XML_NS_MAX 1023
/* So many children of a stanza that is written anew have no prefix, whatever they came with. */
#define XML_PLAIN_MAX 8
/* Bytes that a parser is given at once, but for a tag that is longer. */
#define XML_CHUNK 4096
/* Expat parsers that stay with streams between two stanzas; the oldest is taken first. */
#define XML_PARSERS_KEPT 64
/* A parser remembers names: one that holds more memory than this (bytes) is freed behind the
 * stanza. */
#define XML_PARSER_MEMORY (64 << 10)
/* Parsers that are kept for who needs one. */
#define XML_PARSERS_FREE 16
/* RFC 7622 s3.1: 1023 bytes for each of the three parts, and two separators. */
#define JID_PART_MAX 1023
#define JID_MAX 3071
/* One record, newline included: a stanza of STANZA_MAX bytes of which each is escaped,
 * and its envelope. */
#define RECORD_MAX ((2 * STANZA_MAX) + 65536)
#define RECORD_FIELDS_MAX 24
/* A link that holds more output than this asks its program to stop feeding it... */
#define LINK_HIGH_WATER (4u << 20)
/* ...and goes on below this. */
#define LINK_LOW_WATER (1u << 20)
/* So does one whose neighbour has not acknowledged so many bytes, until half is left; so many
 * more whenever it has acknowledged nothing for LINK_LATE_US (microseconds). A program that
 * does not read for that reason reads ahead up to LINK_AHEAD_MAX, to find acknowledgements:
 * they come before what waits to be written to it, so one record may be before them, and what
 * is in the socket. */
#define LINK_KEPT_MAX (16u << 20)
#define LINK_LATE_US 1000000
#define LINK_AHEAD_MAX (RECORD_MAX + (1u << 20))
/* A neighbour that lets this much more pile up is cut off; what is not acknowledged stays. */
#define LINK_OUTPUT_MAX (256u << 20)
/* A front that takes so little for so long (microseconds) that its link stays above the low
 * mark is cut off by xmpp-c2sd: until then nobody else's stanzas are read. */
#define LINK_STALL_US 10000000
/* One that has connected to us, and takes nothing for so long (microseconds) while more than
 * LINK_HIGH_WATER waits for it, hangs: it is cut off, so that nobody else waits for it. */
#define LINK_STUCK_US 10000000
/* A neighbour says hello within this time (microseconds), in so many bytes. */
#define LINK_HELLO_US 5000000
#define LINK_HELLO_MAX 256
/* Connections to one socket that one user may have: that have not said hello yet, and in all.
 * Each program has a user of its own, so none takes another's place. */
#define LINK_STRANGERS_MAX 32
#define LINK_PER_USER_MAX 128
/* New connections of a socket that are looked at in a turn. */
#define LINK_ACCEPTS_A_TURN 64
/* The log names whom a socket refuses at most so often (microseconds). */
#define LINK_REFUSED_LOG_US 1000000
/* Verbs that a program does not know are in its log once each: so many, by so many bytes. */
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
/* What waits for an account, and results of its archive, go to a session no faster than the
 * client takes them: so many bytes, each message counting so many more than its XML has, or so
 * many messages, are under way before its mark moves... */
#define PACE_BYTES (256u << 10)
#define PACE_MESSAGE_BYTES 200u
#define PACE_MESSAGES 1024u
/* ...and so many bytes for all sessions in a turn of mamd. */
#define PACE_TURN_BYTES (1u << 20)
/* Queries of its archive that a session may have under way; one is answered at a time. */
#define QUERIES_MAX 8u
/* Messages whose envelopes a turn of mamd looks at for one session that was lost, and for one
 * query or retraction in all. */
#define LOST_STEP 500u
#define QUERY_SCAN_MAX 2000u
#define RETRACT_SCAN_MAX 1000u
/* A search of vCards (XEP-0055) looks at so many entries of the directory at most; "infinity"
 * means so many for mod_vcard.matches; nothing more is found behind so many bytes of answer... */
#define SEARCH_SCANNED_MAX 100000u
#define SEARCH_MATCHES_MAX 1000u
#define SEARCH_BYTES_MAX (512u << 10)
/* ...a turn of xmpp-userd looks at so many for all searches, a step of one at the smaller
 * number; an entry takes 0.1 microseconds, so that a turn takes one millisecond... */
#define SEARCH_TURN 10000u
#define SEARCH_STEP 2000u
/* ...so many searches are under way in all, and of one account; so long (microseconds) they wait
 * while routed takes no answers. */
#define SEARCHES_MAX 128u
#define SEARCHES_OF_ONE_MAX 4u
#define SEARCH_FULL_US 10000
/* Bytes of stanzas that routed keeps for all sessions until their clients have them; a sender
 * gets resource-constraint beyond. */
#define KEPT_MAX (256u << 20)
/* A service that was restarted has said again what it is for after this (microseconds). */
#define SERVICE_SETTLE_US 2000000
/* After a start of routed what edges and services send waits so long for all who are expected
 * (microseconds). */
#define EXPECT_US 5000000
/* An archive id is the time in microseconds with so many bits of counting below it. */
#define ARCHIVE_ID_SHIFT 12
/* What an account may store in DATA/users, in bytes. Its roster, reckoned as it stands in the
 * record that answers a client (so that the answer always fits RECORD_MAX)... */
#define ACCOUNT_ROSTER_BYTES (1u << 20)
/* ...subscription requests that wait for its answer, with their addresses... */
#define ACCOUNT_REQUESTS_BYTES (512u << 10)
/* ...all its private XML. Beside these, each by its own limit: a block list of
 * ROSTER_BLOCKED_MAX addresses of ROSTER_JID_MAX bytes (500 KB), a vCard of PROFILE_VCARD_MAX.
 * Together 3 MB. */
#define ACCOUNT_PRIVATE_BYTES (1u << 20)
/* A store that is full looks so often (microseconds) whether there is room again, less and
 * less often while it is full again within a minute; for so many bytes. */
#define STORE_PROBE_MIN_US 1000000
#define STORE_PROBE_MAX_US 60000000
#define STORE_PROBE_BYTES (64u << 10)
/* Subscription stanzas that wait until the store takes them, in bytes. */
#define SUBSCRIPTIONS_LATER_BYTES (256u << 10)
/* Ends of accounts that DATA/accounts remembers for stores that have not heard of them. */
#define ACCOUNTS_ENDED_MAX 1000
/* What need not be on disk at once waits so long for what does (microseconds). */
#define STORE_LATER_US 250000
/* So often (microseconds) it is looked whether memory that became free goes back to the
 * system: more than so many bytes. */
#define TRIM_US 10000000
#define TRIM_BYTES (256u << 10)
/* SIGTERM: what is queued is written within this time (microseconds). */
#define SERVICE_STOP_US 5000000
/* Client streams (xmpp-c2sd). Input that waits for an answer of authd or routed; a client has
 * no need to send any. */
#define HELD_MAX 65536u
/* First-level elements of one stream before it has bound a resource. */
#define UNBOUND_ELEMENTS_MAX 64
/* Output that waits for a client to read: before it has bound a resource, and afterwards. */
#define UNBOUND_BLOCKED_MAX 65536u
#define BLOCKED_MAX (8u << 20)
/* Stanzas that one client with stream management has not acknowledged, as they stand in
 * records; how many they may be is a setting (max_ack_queue). */
#define SM_QUEUE_BYTES_MAX (16u << 20)
/* Stanzas that wait for an inactive client (mod_client_state), and their bytes. */
#define CSI_MAX 100
#define CSI_BYTES_MAX (1u << 20)
/* Addresses that have directed presence of one session, and their bytes. */
#define DIRECTED_MAX 1024
#define DIRECTED_BYTES_MAX (256u << 10)
/* All of these and the presence that sessions show, of all streams of one xmpp-c2sd, as memory;
 * above it the stream that keeps most
 * ends. */
#define STREAMS_KEPT_MAX (1u << 30)
/* What these multiply to in xmpp-c2sd. Growing text takes at most an eighth more than it has, a
 * queue whose head is acknowledged twice its bytes.
 *   a connection  before it is bound: 64 elements, so 64 answers of some 100 bytes; HELD_MAX and
 *                 UNBOUND_BLOCKED_MAX, so 144 KiB   52-c2sd-bounds, unbound-client-...
 *   a session     bound, no stream management: HELD_MAX, BLOCKED_MAX, CSI_BYTES_MAX and one
 *                 stanza (twice that in presence that newer stands for), DIRECTED_BYTES_MAX: 12 MiB
 *                 with stream management: SM_QUEUE_BYTES_MAX and one stanza, twice: 40 MiB more
 *                                                   52-c2sd-bounds, 0198-6-too-many-...
 *                 its presence: max_stanza_size
 *   the program   STREAMS_KEPT_MAX, and what one turn brings
 *                                                   largest-keeper-ends-...
 *   work          a presence that is directed or that an inactive client is spared costs the same
 *                 however much there was before; a byte in or out under 1 us; a record
 *                 of the front that has one byte under 10 us   52-c2sd-bounds */
/* Control connections a daemon serves at once, and how long one may stay silent. */
#define SERVICE_CONTROLS_MAX 32
#define SERVICE_CONTROL_US 30000000
/* SASL exchanges that wait for their clients at a time; the oldest of the address that has the
 * most makes room for another, which is logged so often (microseconds). */
#define EXCHANGES_MAX 20000u
#define CROWDED_LOG_US 10000000
/* An exchange whose client does not go on is forgotten (microseconds). */
#define EXCHANGE_US 120000000u
/* SASL failures of one stream for which no secret was tried, such as a channel binding that the
 * stream has not: as many as there are mechanisms, then policy-violation. */
#define SASL_UNTRIED_MAX 7
/* The setting scram_iterations (RFC 7677 s4 asks for 4096 at least). A check of a PLAIN password
 * hashes as often, 0.3 microseconds each; new keys of an account three times so often. */
#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000
/* The channel bindings of a stream as c2sd says them: three of 64 bytes in base64, and room. */
#define BINDINGS_MAX 1024u

/* ---- xmpp-tlsd: per connection at most ----
 *
 *   in its handshake   SSL object, about 10 KiB; TLS_HELLO_MAX bytes of it; for
 *                      2 * TLS_HANDSHAKE_US
 *   bytes read         none are kept here but a TLS record that is not whole (16 KiB); on the
 *                      link of its stream program at most CONN_AHEAD + CONN_READ, of all
 *                      connections together, and what the kernel and that program's one
 *                      reading (256 KiB) take in between
 *   bytes to be sent   CONN_HIGH_WATER + what its feeder had said when it was told to stop,
 *                      CONN_OUTPUT_MAX at most (before TLS that is required CONN_HIGH_WATER),
 *                      for send_timeout without progress; all connections together
 *                      CONN_OUTPUT_ALL_MAX
 *
 * A byte costs at most 1 us of CPU, plus what tests/whole/17-hostile-tls.py has measured: */
/* bytes that are read at once from one connection in one turn... */
#define CONN_READ 16384u
/* ...output that a client has not taken: above this its feeder is told to stop and it is not
 * read, below the half both go on... */
#define CONN_HIGH_WATER 65536u
/* ...and above this it is cut off: a whole queue of stream management that is sent again at
 * once, or BLOCKED_MAX of xmpp-c2sd, and what is on its way. */
#define CONN_OUTPUT_MAX (32u << 20)
/* When more waits for all clients, the one for which most does is cut off. */
#define CONN_OUTPUT_ALL_MAX (512u << 20)
/* Bytes that wait for a stream program: above this its connections are not read. */
#define CONN_AHEAD (256u << 10)
/* A closed connection may take this long to read its last bytes (microseconds). */
#define CONN_LINGER_US 5000000u
/* A TLS handshake ends within this time (microseconds); once it gets as much again, when its
 * client has said something that was not read yet. Its client may say so many bytes: a
 * ClientHello with keys of post-quantum size, certificates of a server. */
#define TLS_HANDSHAKE_US 15000000u
#define TLS_HELLO_MAX (32u << 10)
/* After the handshake: messages without data (KeyUpdate, renegotiation, warnings) that may
 * come in this time (microseconds). */
#define TLS_CONTROL_MAX 16u
#define TLS_CONTROL_US 60000000u
/* What a client may make all programs do together, which tests/hostile measures: so much for a
 * byte that it sends or is sent in answer, in nanoseconds of CPU and bytes of memory... */
#define COST_BYTE_NS 1000
#define COST_BYTE_HELD 32
/* ...and besides, in microseconds, for a connection, its handshake, each read (a TLS record), a
 * stanza, a check of a password, a commit, a delivery to one who is entitled to it... */
#define COST_CONNECTION_US 500
#define COST_HANDSHAKE_US 2500
#define COST_READ_US 60
#define COST_STANZA_US 40
#define COST_PASSWORD_US 5000
#define COST_COMMIT_US 500
#define COST_DELIVERY_US 40
/* ...in bytes, for a connection, for a session that does not read, for all programs... */
#define COST_CONNECTION_HELD (64u << 10)
#define COST_UNREAD_HELD (16u << 20)
#define COST_PROGRAM_HELD (2u << 20)
/* ...while no other client waits longer (milliseconds). */
#define COST_PING_MS 200

#endif
