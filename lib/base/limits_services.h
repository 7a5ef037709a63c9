/* Limits of the services: messages, searches, rooms, registration, the web, uploads, nodes, push.
 * Programs include limits.h, which includes this file. */
#ifndef BASE_LIMITS_SERVICES_H
#define BASE_LIMITS_SERVICES_H

/* ---- xmpp-mamd: waiting messages, queries ---- */

/* Window of a session for messages that waited, and another for results of its archive:
 * the bytes, each message counting PACE_MESSAGE_BYTES more than its XML has, and the
 * messages that are under way before the mark of the session moves... */
#define PACE_BYTES (256u << 10)
#define PACE_MESSAGE_BYTES 200u
#define PACE_MESSAGES 1024u
/* ...and the bytes for all sessions in a turn of mamd. */
#define PACE_TURN_BYTES (1u << 20)
/* Queries of its archive that a session may have under way; mamd answers them one by
 * one. */
#define QUERIES_MAX 8u
/* Messages whose envelopes mamd looks at in a turn for a session that was lost; in all
 * for one query or retraction; in a turn for all of these, and in a step of one... */
#define LOST_STEP 500u
#define QUERY_SCAN_MAX 500u
#define RETRACT_SCAN_MAX 1000u
#define SCAN_TURN 1000u
#define SCAN_STEP 250u
/* ...queries and retractions that are under way in all, and of one account. */
#define SCANS_MAX 4096u
#define SCANS_OF_ONE_MAX 64u

/* ---- xmpp-userd: searches ---- */

/* Bounds of a search of vCards (XEP-0055): entries of the directory that it looks at;
 * matches, when mod_vcard.matches is "infinity"; bytes of the answer... */
#define SEARCH_SCANNED_MAX 100000u
#define SEARCH_MATCHES_MAX 1000u
#define SEARCH_BYTES_MAX (512u << 10)
/* ...entries that xmpp-userd looks at in a turn for all searches, and in a step of one
 * search; an entry takes 0.1 microseconds, so that a turn takes one millisecond... */
#define SEARCH_TURN 10000u
#define SEARCH_STEP 2000u
/* ...searches that are under way in all, and of one account; pause (microseconds) before
 * they go on while routed takes no answers. */
#define SEARCHES_MAX 128u
#define SEARCHES_OF_ONE_MAX 4u
#define SEARCH_FULL_US 10000

/* ---- xmpp-mucd: rooms ---- */

/* Bytes of the title, the description, the subject of a room. */
#define MUC_TEXT_MAX 4096
/* Bytes of messages that a room holds because they came too early. */
#define MUC_HELD_MAX 65536
/* Persons whose last messages slow mode remembers, of all rooms. */
#define MUC_SLOW_MAX 50000
/* Bytes of addresses in one record for the sessions of a room. */
#define MUC_FANOUT_MAX (1u << 20)
/* Sessions of one nick in a room, of all of a room; addresses with an affiliation in a room. */
#define MUC_SESSIONS_MAX 16
#define MUC_ROOM_SESSIONS_MAX 10000
#define MUC_AFFILIATIONS_MAX 100000
/* Roles and affiliations that one request changes; addresses in a list of a form. */
#define MUC_ITEMS_MAX 1000
/* Persons with a nick who are not in a room and are shown to who enters it. */
#define MUC_ABSENT_MAX 1000
/* Bytes of history for who enters a room, the newest message apart: a short presence asks for them. */
#define MUC_HISTORY_BYTES (1u << 20)
/* The map of DATA/occupants. */
#define MUC_PRESENT_BYTES (4ull << 30)
/* Bytes of a reason; invitations in one message. */
#define MUC_REASON_MAX 1024
#define MUC_INVITES_MAX 50
/* Entries of a list of those who may not enter the rooms of a service (mod_muc_rtbl). */
#define MUC_RTBL_MAX 100000

/* ---- xmpp-registerd: registration, invitations, captchas ---- */

/* xmpp-registerd: streams that it knows, questions to xmpp-authd, sites that have to wait until they may
 * register again, lines of one message to watchers; the bytes of a new account's address, which is
 * a key of stores. */
#define REGISTER_STREAMS_MAX 4096u
#define REGISTER_ATTEMPTS_MAX 256u
#define REGISTER_SLOTS_MAX 65536u
#define WATCHERS_LINES_MAX 20u
/* Invitations: how many there are; requests for a subscription that wait for an answer about theirs; bad
 * tokens of one stream; tokens that a site looks up in a minute, and
 * sites for which that is counted. */
#define INVITES_MAX 1000000u
#define INVITED_WAITS_MAX 1000u
#define INVITE_BAD_TOKENS_MAX 3u
#define INVITE_LOOKUPS_MAX 30u
#define INVITE_SITES_MAX 65536u
/* Pages of xmpp-registerd: requests that have no answer yet, and the bytes of a form. */
#define WEB_VISITS_MAX 256u
#define WEB_FORM_MAX 8192u
/* Captchas of xmpp-registerd: how long one lives (microseconds), how many there are, on one stream, and
 * streams of one site that get more time for it; registrations for which a right answer is good after the
 * first; sites that are counted for captcha_limit. */
#define CAPTCHA_US 600000000u
#define CHALLENGES_MAX 1000u
#define CAPTCHA_FORMS_A_STREAM 5u
#define CAPTCHA_FORMS_A_SITE 10u
#define CAPTCHA_GOOD_FOR 3u
#define CAPTCHA_SITES_MAX 65536u
/* The program that makes them: bytes of a picture, of answers to a question, of one answer; seconds that it
 * has; how many run, and wait to. */
#define CAPTCHA_BYTES_MAX 65536u
#define CAPTCHA_ANSWERS_MAX 1024u
#define CAPTCHA_ANSWER_MAX 256u
#define SPAWN_S 5u
#define SPAWNERS 2u
#define SPAWNS_WAITING_MAX 32u
#define REGISTER_ADDRESS_MAX 500u

/* ---- HTTP (lib/http, xmpp-webd) ----
 *
 * Bytes of a request's head, of its first line; its fields; empty lines in front of it; bytes of a
 * host; addresses of proxies that are looked at. */
#define HTTP_HEAD_MAX (16 << 10)
#define HTTP_LINE_MAX (8 << 10)
#define HTTP_FIELDS_MAX 64
#define HTTP_BLANKS_MAX 2
#define HTTP_HOST_MAX 255
#define HTTP_HOPS_MAX 64u
/* xmpp-webd: times (microseconds) for a whole head, the first one from the connection's beginning
 * on; between requests (above the 60 s of proxies); without a byte of a body. */
#define WEB_HEAD_US 30000000u
#define WEB_IDLE_US 75000000u
#define WEB_BODY_US 60000000u
/* A body has WEB_BODY_US and a second more for so many bytes (of its length). */
#define WEB_BODY_RATE 1024u
/* No body has more seconds: ten days. */
#define WEB_BODY_MAX_S 864000u
/* xmpp-webd: times (microseconds) in which a web service that is away comes back (a restart); in
 * which a service says nothing. */
#define WEB_MOUNT_US 3000000u
#define WEB_SILENCE_US 60000000u
/* Bytes behind a request that is not answered; of a body on its way to a service, or to a client; of
 * a record body. */
#define WEB_AHEAD_MAX (16u << 10)
#define WEB_BODY_HIGH (256u << 10)
#define WEB_BODY_PIECE (32u << 10)
/* A body is passed on as a descriptor if so many bytes of it are still to come. */
#define WEB_DIVERT_MIN (256u << 10)
/* Bytes of a body that is thrown away behind an early answer, and the time for that. */
#define WEB_DRAIN_MAX (16u << 20)
#define WEB_DRAIN_US 10000000u
/* Open requests of a web service, and of all. */
#define WEB_REQUESTS_MAX 1024u
#define WEB_REQUESTS_ALL_MAX 10000u
/* Names that web services may mount. */
#define WEB_MOUNTS_MAX 256u
/* WebSocket: the time for the other side's <close/>, and for its frame Close (microseconds); room
 * for a frame's head. */
#define WS_CLOSE_US 5000000u
#define WS_HEAD_MAX 14u
/* BOSH (XEP-0124): characters of a session's name, and of a key; the largest rid (s14.1);
 * seconds of wait, below the 60 s of proxies; requests that are held; requests of a session
 * without an answer: those that are held, one more, and one to pause or to end. */
#define BOSH_SID_LEN 32u
#define BOSH_KEY_LEN 40u
#define BOSH_RID_MAX ((UINT64_C(1) << 53) - 1)
#define BOSH_WAIT_MAX 55u
#define BOSH_HOLD_MAX 1u
#define BOSH_ASKED_MAX (BOSH_HOLD_MAX + 2)
/* Answers that are kept for a repeated request, and their bytes; bytes of payload in an
 * answer; of payload that waits for requests, behind which xmpp-c2sd rests; of a request
 * beside its payload. */
#define BOSH_TOLD_MAX 8u
#define BOSH_TOLD_BYTES (256u << 10)
#define BOSH_ANSWER_MAX (128u << 10)
#define BOSH_OUT_MAX (256u << 10)
#define BOSH_BODY_EXTRA 4096u
/* Times (microseconds): between two empty requests; more without a request for clients that
 * poll; for the features of a stream that begins; since an answer that its client seems to
 * lack. Repeats of a request within a time. */
#define BOSH_POLLING_US 2000000u
#define BOSH_POLLING_MORE_US 60000000u
#define BOSH_FIRST_US 1000000u
#define BOSH_REPORT_US 1000000u
#define BOSH_REPEATS_MAX 5u
#define BOSH_REPEATS_US 10000000u
/* Pairs of a handler and a status that xmpp-webd counts; bytes of a handler's word there. */
#define METRICS_COUNTS_MAX 128u
#define METRICS_HANDLER_MAX 63u

/* ---- xmpp-uploadd: uploads ---- */

/* Uploads: slots of an account that are open, and that it is given in a second; how long a slot
 * waits for its PUT (microseconds); bytes of the name of a file, and of the address of an owner, which
 * is a key of LMDB; the part of the disk that stays free when slots are given; requests with bodies
 * at once; bytes of a body record; entries of
 * folders that are looked at in a turn when files are counted or deleted; bytes of one of a quota. */
#define UPLOAD_OPEN_MAX 20u
#define UPLOAD_SLOTS_A_SECOND 10u
#define UPLOAD_LIFETIME_US 18000000000u
#define UPLOAD_NAME_MAX 200u
#define UPLOAD_OWNER_MAX 511u
#define UPLOAD_FREE_PERCENT 5u
#define UPLOAD_TRANSFERS_MAX 1024u
#define UPLOAD_PIECE 32768u
/* A body of so many bytes comes and goes as a descriptor; so much of a pipe is read in a turn. A
 * pipe in which nothing comes for UPLOAD_SILENCE_US is given up (microseconds); webd hears every
 * UPLOAD_LIFE_US that the body is still coming. */
#define UPLOAD_DIVERT_MIN (256u << 10)
#define UPLOAD_PIPE_TURN (1u << 20)
#define UPLOAD_SILENCE_US 60000000u
#define UPLOAD_LIFE_US 15000000u
#define UPLOAD_WALK_STEP 1000u
#define UPLOAD_QUOTA_UNIT (1u << 20)

/* ---- xmpp-pubsubd: nodes and items ----
 *
 * The bytes of a payload; the items of a node, and the least cap of a node of an account; the bytes
 * of a value in the configuration of a node. */
#define PUBSUB_PAYLOAD_MAX 250000u
#define PUBSUB_ITEMS_MAX 100000u
#define PUBSUB_PEP_ITEMS_NODE 10000u
#define PUBSUB_CONFIG_VALUE_MAX 8192u
/* The bytes of all values that the owner of a node has set: 10000 nodes may have one creator. */
#define PUBSUB_CONFIG_MAX 16384u
/* The nodes that an address has created at a service, and that an account has; the items of an account,
 * and their bytes: of ids, publishers and payloads. */
#define PUBSUB_SERVICE_NODES 10000u
#define PUBSUB_PEP_NODES 1000u
#define PUBSUB_ACCOUNT_ITEMS 50000u
#define PUBSUB_ACCOUNT_BYTES (64ull << 20)
/* The items of all nodes that an address has created at a service, and their bytes; their bytes when an
 * administrator or the service itself has created the nodes. */
#define PUBSUB_CREATOR_ITEMS 100000u
#define PUBSUB_CREATOR_BYTES (64ull << 20)
#define PUBSUB_ADMINISTRATOR_BYTES (4ull << 30)
/* The nodes of a service, and the bytes of their items, above which creators without an account here
 * make no more. */
#define PUBSUB_STRANGERS_NODES 100000u
#define PUBSUB_STRANGERS_BYTES (4ull << 30)
/* The affiliations and subscriptions of a node. */
#define PUBSUB_AFFILIATIONS_MAX 10000u
#define PUBSUB_SUBSCRIPTIONS_MAX 100000u
/* Of those, how many an account may have, by its resources; and how many are looked at in a step when
 * those that are over are deleted. */
#define PUBSUB_SUBSCRIPTIONS_OF_ONE 64u
#define PUBSUB_SUBSCRIPTIONS_STEP 500u
/* The nodes of all services and accounts with which an address has to do, above which it subscribes to no
 * more, and above which owners of nodes give it no more; and the bytes of last items that a client gets
 * when it comes, for its subscriptions. */
#define PUBSUB_NODES_OF_ONE 10000u
#define PUBSUB_NODES_GIVEN 2000u
#define PUBSUB_LAST_BYTES (4u << 20)
/* The owners of a node that are told of a subscriber, or asked about one, and that meta-data names: no
 * request of a stranger is to become messages to thousands. */
#define PUBSUB_OWNERS_TOLD 100u
/* The subscriptions that are counted one by one for meta-data, the nodes that are looked at for a page of
 * disco#items. */
#define PUBSUB_SUBSCRIBERS_COUNTED 1000u
#define PUBSUB_NODES_LOOKED_AT 1000u
/* The bytes of an answer, and of one to another server, whose limit of a stanza is not known; the
 * items of an answer; the items that one request retracts. */
#define PUBSUB_ANSWER_BYTES (1u << 20)
#define PUBSUB_ANSWER_BYTES_ABROAD (256u << 10)
#define PUBSUB_ANSWER_ITEMS 1000u
#define PUBSUB_RETRACT_MAX 256u
/* The items that a turn deletes when a node is emptied or may have fewer from now on, and that it looks at
 * when publishers have gone whose items go with them; the others follow in steps. A node has up to
 * PUBSUB_ITEMS_MAX. */
#define PUBSUB_PURGE_STEP 256u
/* The subscriptions that the command get-pending looks at, and the forms that it sends. */
#define PUBSUB_PENDING_LOOKED_AT 100000u
#define PUBSUB_PENDING_FORMS 256u
/* Events in a row that come back from an address and end its subscriptions; addresses of which they
 * are counted. */
#define PUBSUB_RETURNS_MAX 50u
#define PUBSUB_RETURNS_COUNTED 512u
/* The deleted nodes of an owner whose successors are told of. */
#define PUBSUB_MOVED_NODES 1000u

/* ---- xmpp-pushd: push notifications ----
 *
 * The registrations of an account; the bytes of a node, the bytes and fields of publish options, the
 * bytes of a summary, the characters of a body in it. */
#define PUSH_SERVICES_MAX 20u
#define PUSH_NODE_MAX 1023u
#define PUSH_FORM_MAX 4096u
#define PUSH_FIELDS_MAX 32u
#define PUSH_SUMMARY_MAX 4000u
#define PUSH_BODY_MAX 255u
/* Requests to a domain that are not answered, and how long an answer is waited for; the refusals in
 * a row, and the time in which a service is not found, that end a registration. */
#define PUSH_PENDING_MAX 100u
#define PUSH_ANSWER_US 60000000u
#define PUSH_FAILURES_MAX 3u
#define PUSH_LOST_US 604800000000u
/* The pause between two notifications of a client, and between those of two calls; how many without
 * an important message an hour has; the age of an event that is not told any more. */
#define PUSH_PAUSE_US 20000000u
#define PUSH_CALL_US 1000000u
#define PUSH_OTHERS_AN_HOUR 64u
#define PUSH_OLD_US 600000000u
/* A session that is kept (mod_push_keepalive) wakes its client so long before its end; clients that
 * are woken in a second after a start of the server. */
#define PUSH_WAKE_US 60000000u
#define PUSH_STARTS_A_SECOND 50u

/* The contacts of a session that its client has replaced by another of the same name see its last
 * presence for so long, unless the other shows presence before. */
#define REPLACED_US 10000000u

#endif
