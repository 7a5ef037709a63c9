/* Captchas (XEP-0158): a challenge is a picture of a text, or a question, that a program made; its
 * answer lets one stream register. */
#ifndef REGISTERD_CAPTCHA_H
#define REGISTERD_CAPTCHA_H

#include "registerd.h"
#include "spawn.h"

#define CHALLENGE_ID 32 /* characters: 128 bits */

struct share;

struct challenge {
  struct challenge *next, *prev; /* in the order of their ends */
  struct stream *stream;         /* NULL: a page has it */
  char id[CHALLENGE_ID + 1], site[SITE_SIZE];
  struct share *share; /* of its site */
  uint64_t until_us;
  char *answers;       /* a line each, in capitals, without blanks */
  unsigned char good;  /* solved: how many registrations it is still good for */
  bool given;          /* the client has more time for it */
  char *question;      /* NULL: a picture */
  unsigned char drawn; /* how often a page had its picture drawn */
};

/* Make a challenge for the stream of q, in the place of the one that it has, and answer q with the form;
 * now or later. */
void captcha_ask(struct request const *q, struct host const *h);

/* Say whether the stream of q has solved its challenge, with w or before. A wrong answer ends the
 * challenge. */
bool captcha_holds(struct request const *q, struct wanted const *w);

/* The registration for which captcha_holds was true has failed by no fault of the client. */
void captcha_give_back(struct request const *q);

/* The challenge of a stream that is over. */
void captcha_drop(struct challenge *c);

/* ---- pages ---- */

/* The challenge of an id, or NULL; one for a page, without a question yet if the program asks questions
 * (NULL: the site had too many, or memory is short). */
struct challenge *captcha_find(struct slice id);
struct challenge *captcha_of_page(struct slice ip);

/* Say whether the challenge is solved, by this answer or before; a wrong answer ends it. That of a page is
 * good for CAPTCHA_GOOD_FOR more calls. */
bool captcha_solves(struct slice id, struct slice answer);

/* Take the question, and its answers, that the program has said. The type of a picture, empty: it is none.
 * Log that the program has failed. */
struct captcha_content;
bool captcha_question(struct challenge *c, struct slice out, struct captcha_content *x);
struct slice captcha_type(struct slice bytes);
void captcha_failed(struct slice host, struct spawned const *s, char const *why);

/* Try the program in the background (at the start). */
void captcha_try(void);

void captcha_snapshot(struct snapshot *k);

/* Append the query of the form (xep0158_captcha.c): of a picture, which has a type of media and bytes; or
 * of a question. false: ENOMEM. */
struct captcha_content {
  struct slice type, bytes; /* of the picture */
  struct slice question;    /* empty: a picture */
};

bool captcha_cat_form(stralloc *out, struct request const *q, struct challenge const *c,
                      struct captcha_content const *content);

#endif
