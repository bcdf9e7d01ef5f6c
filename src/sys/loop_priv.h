/* Inside of the loop, shared with the coroutines. */
#ifndef TROTH_SYS_LOOP_PRIV_H
#define TROTH_SYS_LOOP_PRIV_H

#include "sys/loop.h"

#include <stdatomic.h>
#include <sys/epoll.h>

#define LOOP_BATCH 256

struct co;
struct co_switch_state {
    void *sp;         /* saved stack pointer of the loop while a coroutine runs */
    void *fake_stack; /* ASan */
    const void *stack_bottom;
    size_t stack_bytes;
    void *tsan_fiber;
};

struct loop {
    int epoll_fd;
    int wake_fd; /* eventfd, edge-triggered, never read */
    int64_t now_ms;
    _Atomic(struct loop_task *) mailbox; /* newest first */
    _Atomic bool is_asleep;              /* a poster has to write wake_fd */
    _Atomic bool is_stopping;
    _Atomic unsigned posters; /* threads within loop_post */

    struct loop_task *local_first, **local_last; /* posted by the loop's own thread */
    struct loop_task *end_first, **end_last;     /* for the end of the turn */

    struct loop_timer **heap; /* [1..heap_n], earliest first */
    size_t heap_n, heap_cap;

    struct epoll_event events[LOOP_BATCH];
    int event_at, event_n; /* the batch being dispatched */

    /* coroutines (co.c) */
    struct list ready;
    struct list idle_stacks;
    size_t idle_count, co_count, co_max;
    struct co *running;
    struct co_switch_state main;
};

/* Runs what was ready when called; co.c. */
void co_run_ready(struct loop *l);
void co_loop_init(struct loop *l);
void co_loop_done(struct loop *l);

#endif
