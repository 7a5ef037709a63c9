/* Domains: those that the server serves, and those of others that were authenticated lately. */
#ifndef S2SD_DOMAINS_H
#define S2SD_DOMAINS_H

#include "link/snapshot.h"

/* The handlers of routed's records served, and forget, behind which all are said anew. */
void domains_on_served(struct link *l, struct record *r);
void domains_on_forget(struct link *l, struct record *r);

/* Say whether the prepared domain is served here. */
bool domain_is_served(struct slice domain);

/* Say whether a service may have the domain, for a host has one above it, and xmpp-routed has not
 * said yet what services have. */
bool domain_may_be_served(struct slice domain);

/* domain_note notes that a domain of others was authenticated now; domain_known_us says when a
 * domain was; 0: not lately. */
void domain_note(struct slice domain);
uint64_t domain_known_us(struct slice domain);

/* Note that a domain was authenticated for which only the DNS vouches. true once in S2S_DNS_LOG_US:
 * the log is to say so. */
bool domain_dns_is_news(struct slice domain);

void domains_snapshot(struct snapshot *k);

#endif
