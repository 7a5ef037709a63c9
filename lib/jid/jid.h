/* jid: addresses (RFC 7622), prepared with the stringprep profiles that all servers of the
 * network agree on (nodeprep, nameprep, resourceprep of RFC 6122). These know the characters of
 * Unicode 3.2; newer ones are taken as they are. */
#ifndef JID_H
#define JID_H

#include "base/base.h"

#include <skalibs/stralloc.h>

/* A prepared address. All parts are slices of one text, which full is; local and resource
 * are empty when absent. */
struct jid {
  struct slice local, domain, resource;
  struct slice bare; /* local@domain, or domain */
  struct slice full; /* bare/resource, or bare */
};

/* Read one JID from text (UTF-8, at most JID_MAX bytes) into *out, prepared. Parts point
 * into arena a (or into text when that is prepared already, which then must live as long).
 * true, or false with errno EINVAL (not a JID) or ENOMEM. */
bool jid_parse(struct arena *a, struct slice text, struct jid *out);

/* Cut an address that is prepared already: no check, no copy; parts point into it. */
struct jid jid_cut(struct slice prepared);

/* Prepare one part by itself: a localpart, a domain or a resource. s NULL with errno EINVAL (an
 * empty part, too) or ENOMEM. A-labels ("xn--...") of a domain become U-labels (RFC 7622
 * s3.2.1). */
struct slice jid_prep_local(struct arena *a, struct slice text);
struct slice jid_prep_domain(struct arena *a, struct slice text);
struct slice jid_prep_resource(struct arena *a, struct slice text);

/* Give the prepared domain with A-labels in place of U-labels, in arena a; s NULL: the domain
 * has no such form (a label is too long), or ENOMEM. An IPv6 address loses its brackets. */
struct slice jid_ascii_domain(struct arena *a, struct slice domain);

/* Give the name of the machine domain in A-labels, in arena a, with NUL behind it. s NULL: the DNS
 * has no machines of such a name (RFC 1123 s2.1: letters, digits and hyphens), or ENOMEM. */
struct slice jid_ascii_host(struct arena *a, struct slice domain);

/* Prepare the nickname of an occupant of a room: as a resource, but code points that Unicode 3.2
 * had not assigned are refused, emoji among them (RFC 6122 s2.4, RFC 3454 s7). s NULL with errno
 * EINVAL or ENOMEM. */
struct slice jid_prep_nick(struct arena *a, struct slice text);

/* Give the key of a prepared nick: two nicks with the same key differ in case or form alone. s NULL
 * with errno EINVAL or ENOMEM. */
struct slice jid_nick_key(struct arena *a, struct slice nick);

/* Say whether local, a prepared localpart, may be that of an account of ours: all of its
 * characters are in Unicode 3.2 (RFC 3454 s7), so that its preparation will never be
 * another one. */
bool jid_local_may_be_stored(struct slice local);

/* Prepare the name that somebody wants for a new account, in arena a: UsernameCaseMapped (RFC 8265
 * s3.3) and nodeprep must give the same, without unassigned code points, of at most
 * JID_USERNAME_MAX bytes. s NULL with errno EINVAL or ENOMEM. */
#define JID_USERNAME_MAX 255
struct slice jid_username(struct arena *a, struct slice text);

/* Make the JID of these prepared parts (local and resource may be empty), in arena a. false:
 * ENOMEM, or EINVAL when the JID is too long. */
bool jid_make(struct arena *a, struct slice local, struct slice domain,
              struct slice resource, struct jid *out);

/* ---- hosts that get another name ---- */

struct jid_hosts {
  struct slice from, to; /* prepared domains */
};

/* Give address with h->to in the place of its domain h->from, in buf; or address itself when its
 * domain is another. address may be escaped as XML and records escape. s NULL with errno
 * ENAMETOOLONG: the new one has more than size bytes. */
struct slice jid_rehost(struct jid_hosts const *h, struct slice address, char *buf,
                        size_t size);

/* Append xml, an element as text, to out, with the other host in the attributes from and to of its
 * start tag. false: ENOMEM. */
bool jid_rehost_tag(struct jid_hosts const *h, struct slice xml, stralloc *out);

/* ---- addresses on a list (XEP-0191 s5) ---- */

/* The forms in which a list may name an address: full, bare, domain/resource, domain. */
#define JID_FORMS 4

/* The forms of j, whose parts lie in its full as jid_cut leaves them; a form that j does not
 * have, or that repeats another, is empty. */
void jid_forms(struct jid const *j, struct slice forms[JID_FORMS]);

/* A set of prepared addresses, which it copies: one look-up for each form, however many there
 * are. All zero is empty. */
struct jid_set {
  struct table table;
};

/* jid_set_add adds address to set (true also when it is there already; false: ENOMEM); jid_set_del
 * deletes it; jid_set_wipe frees the set. */
bool jid_set_add(struct jid_set *set, struct slice address);
void jid_set_del(struct jid_set *set, struct slice address);
void jid_set_wipe(struct jid_set *set);

/* jid_set_has says whether set has this very address, jid_set_matches whether it has one of the
 * forms of j. */
bool jid_set_has(struct jid_set const *set, struct slice address);
bool jid_set_matches(struct jid_set const *set, struct jid const *j);

#endif
