/* event: one epoll loop, timers, signals. A callback is called only from event_run; what was
 * cancelled is never called again. One turn of the loop: wait, read the clock once
 * (door_tick), fire timers, call what is readable or writable, then the hooks of event_after.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_READ 1u
#define EVENT_WRITE 4u
#define EVENT_GONE 16u

/* A callback, which event_run calls with what is possible now: EVENT_READ, EVENT_WRITE. When the peer is
 * gone for both directions, or there is an error, EVENT_READ and EVENT_GONE come even unwanted. The
 * callback may start and cancel anything, its own watch included. */
typedef void event_io_fn(void *cookie, uint32_t what);

/* A watched fd, in the memory of whoever watches; fd -1 (EVENT_IO_ZERO) when it is not.
 */
struct event_io {
  event_io_fn *fn;
  void *cookie;
  int fd;
  uint32_t want;
};

#define EVENT_IO_ZERO                                                                    \
  {                                                                                      \
    0, 0, -1, 0                                                                          \
  }

typedef void event_timer_fn(void *cookie);

/* A deadline, in the memory of whoever waits for it. All zero is not started. */
struct event_timer {
  struct event_timer *next, *prev;
  uint64_t at_ms;
  event_timer_fn *fn;
  void *cookie;
};

/* Make the loop. false: no epoll (EMFILE, ENOMEM). */
bool event_init(void);

/* Watch fd for want. false: ENOMEM, EPERM (a plain file cannot be watched). */
bool event_io_start(struct event_io *io, int fd, uint32_t want, event_io_fn *fn,
                    void *cookie);

/* Change what is waited for; 0 waits for errors only. No system call when nothing
 * changes. */
void event_io_want(struct event_io *io, uint32_t want);

/* Stop watching. The fd is not closed. */
void event_io_cancel(struct event_io *io);

/* Call fn once at at_us (as door_now counts, rounded up to a millisecond), or at the
 * next turn when that is past. Starting a started timer moves it. Constant time. */
void event_timer_start(struct event_timer *t, uint64_t at_us, event_timer_fn *fn,
                       void *cookie);
void event_timer_cancel(struct event_timer *t);

/* Say whether the timer is waiting. */
bool event_timer_on(struct event_timer const *t);

/* Call fn(cookie, t) for all timers that wait, in the order in which they will fire. fn
 * may start and cancel none. */
typedef void event_timers_fn(void *cookie, struct event_timer *t);
void event_timers_each(event_timers_fn *fn, void *cookie);

/* Fire all timers that are due at door_now(). The loop does this; so does a driver that
 * moves the clock by hand. */
void event_timers_run(void);

/* Call fn(cookie) at the start of each turn of the loop, when the clock was read. */
void event_before(event_timer_fn *fn, void *cookie);

/* Call fn(cookie) at the end of each turn, in the order of registration (at most 4). */
void event_after(event_timer_fn *fn, void *cookie);

/* Run those hooks now: the end of a turn for drivers without a loop. */
void event_turn_end(void);

/* Do not wait at the next turn: work was left over for it. */
void event_again(void);

/* SIGTERM, SIGHUP and SIGINT reach fn through the loop. false: no signalfd. */
typedef void event_signal_fn(int sig);
bool event_signals(event_signal_fn *fn);

/* Turn the loop until event_stop. false when epoll_wait fails. */
bool event_run(void);
void event_stop(void);

#endif
