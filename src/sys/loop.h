/*
 * An event loop: one thread, one epoll set, timers, a queue of ready coroutines, a mailbox for
 * other threads. Everything here is called on the loop's own thread unless marked "any thread".
 */
#ifndef TROTH_SYS_LOOP_H
#define TROTH_SYS_LOOP_H

#include "base/list.h"

#include <stdint.h>

struct loop;

RESULT loop_new(struct loop **ret, struct error *e);
void loop_free(struct loop *l); /* no coroutine may be left */
DEFINE_CLEANUP(loop_free, struct loop *)
RESULT loop_run(struct loop *l, struct error *e); /* until loop_stop */
void loop_stop(struct loop *l);                   /* any thread */
struct loop *loop_current(void);           /* of this thread while loop_run runs; else NULL */
int64_t loop_now_ms(const struct loop *l); /* monotonic, taken once per wake-up */

/* Runs fn(arg) on the loop. Any thread. The item is the caller's until it has run. */
struct loop_task {
    struct loop_task *next;
    void (*fn)(void *arg);
    void *arg;
};
void loop_post(struct loop *l, struct loop_task *t);
/*
 * Runs it at the end of this turn, after all that is ready has run: the place for coalesced writes.
 * Own thread.
 */
void loop_at_turn_end(struct loop *l, struct loop_task *t);

/* Descriptor events, edge-triggered: fn is called with EPOLL* bits. Embedded in its owner. */
struct loop_fd {
    int fd;
    void (*fn)(struct loop_fd *f, uint32_t events);
};
RESULT loop_fd_add(struct loop *l, struct loop_fd *f, uint32_t events, struct error *e);
/* Other events from now on; reports again what is the case already. */
RESULT loop_fd_mod(struct loop *l, struct loop_fd *f, uint32_t events, struct error *e);
void loop_fd_del(struct loop *l, struct loop_fd *f); /* before close; safe within callbacks */
/* Level-triggered with EPOLLEXCLUSIVE: for sockets that several loops accept from. */
RESULT loop_fd_add_listener(struct loop *l, struct loop_fd *f, struct error *e);

/* Timers, millisecond resolution. Embedded; zeroed before first use. */
struct loop_timer {
    int64_t at_ms;
    void (*fn)(struct loop_timer *t);
    size_t slot; /* 0: not armed */
};
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms); /* re-arms */
void loop_timer_cancel(struct loop *l, struct loop_timer *t);             /* idempotent */

#endif
