/* Programs that watch: each is told facts of the words that it has said to watch. A word is a
 * row of watch_rows; any number of services watch it. Facts that are told once wait in the
 * posts of services that are away (watch_say); facts that are told again after a restart go to
 * the links of those that are there (watch_link). */
#ifndef ROUTED_WATCH_H
#define ROUTED_WATCH_H

#include "routed.h"

enum watch {
  WATCH_FEATURES, /* the features that disco shows (features.c) */
  WATCH_SESSIONS, /* online, offline */
  WATCH_MARKS,    /* mark */
  WATCH_CAPS,     /* seen */
  WATCH_ACCOUNTS, /* made, ending: what authd says */
  WATCH_WAITING,  /* waiting: what mamd says */
  WATCH_ROSTER,   /* roster: what userd says */
  WATCH_AVATARS,  /* avatar: what pubsubd says */
  WATCH_DOMAINS,  /* served (domains.c) */
  WATCH_PRESENCE, /* a session's own presence, gone; shown, wants, directed, recalled */
  WATCH_WORDS
};

#define WATCH_BIT(w) (1u << (w))

/* The words, which xmpp-routed.c has. begin, if there is one, tells the post of a service that
 * begins to watch, or asks again, what holds now. */
struct watch_row {
  char const *word;
  void (*begin)(struct post *p);
  enum verb passed[2]; /* neighbours' records that are passed to watchers; 0: none */
  enum program source; /* says these as long as somebody watches; 0: none */
};

extern struct watch_row const watch_rows[WATCH_WORDS];

/* The record watch. */
void watch_record(struct link *l, struct record *r);

/* Give the post behind p (NULL: the first) of a service that watches w, perhaps away. NULL: no
 * more. */
struct post *watch_next(enum watch w, struct post const *p);

/* Give the link of p if its service is there and has said that it watches w; else NULL. */
struct link *watch_link(enum watch w, struct post const *p);

/* Put a record of a kept verb into the post of each service that watches w; its fields stand in
 * one text, escaped. Gives the number of posts. */
unsigned int watch_say(enum watch w, enum verb v, struct slice fields);

/* The service of p is up, and says again what it watches; gives true if it had watched
 * something. What it has not said until watch_settled it watches no more. */
bool watch_begins(struct post *p);
void watch_settled(struct post *p);

/* Say on source, the link of the neighbour whose records about w are passed on (NULL: it is
 * away), that w is watched. */
void watch_ask(struct link *source, enum watch w);

/* Say on the link l, which has come up, each word that is watched and whose records come from
 * there. */
void watch_up(struct link *l);

/* A record of a verb that a row passes: put it into the post of each service that watches. */
void watch_pass(struct link *l, struct record *r);

#endif
