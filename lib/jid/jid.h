/* jid: addresses (RFC 7622), prepared with the stringprep profiles that all servers of the
 * network agree on (nodeprep, nameprep, resourceprep of RFC 6122). These know the characters of
 * Unicode 3.2; newer ones are taken as they are. */
#ifndef JID_H
#define JID_H

#include "base/base.h"

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

/* Prepare one part by itself: a localpart, a domain, a resource. s NULL with errno EINVAL
 * or ENOMEM. An empty part is refused. */
struct slice jid_prep_local(struct arena *a, struct slice text);
struct slice jid_prep_domain(struct arena *a, struct slice text);
struct slice jid_prep_resource(struct arena *a, struct slice text);

/* Whether local, a prepared localpart, may be that of an account of ours: all of its characters
 * are in Unicode 3.2 (RFC 3454 s7), so that its preparation will never be another one. */
bool jid_local_may_be_stored(struct slice local);

/* The JID of these prepared parts (local and resource may be empty), in arena a. false:
 * ENOMEM, or EINVAL when it is too long. */
bool jid_make(struct arena *a, struct slice local, struct slice domain,
              struct slice resource, struct jid *out);

#endif
