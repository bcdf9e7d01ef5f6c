/*
 * Coroutines of a loop: plain sequential code where every wait yields to the loop. Stacks are
 * guarded and pooled; a coroutine never leaves its loop's thread.
 *
 * The waiting functions also work outside a coroutine: then they block the calling thread. So the
 * same code runs in the daemon, in the tools and in tests.
 */
#ifndef TROTH_SYS_CO_H
#define TROTH_SYS_CO_H

#include "sys/loop.h"

#define CO_STACK_BYTES (128 * 1024)

struct co;

/*
 * Starts fn(arg) on loop l (the current thread's); it runs when the loop next turns. ERRC_LIMIT
 * past the loop's bound, or when the system gives no stack (Linux's default of 65,530 mappings a
 * process is enough for about 32,000 coroutines).
 */
RESULT co_spawn(struct loop *l, void (*fn)(void *arg), void *arg, struct error *e);
void co_set_limit(struct loop *l, size_t max_coroutines); /* default 65,536 */
bool co_is_inside(void);
void co_yield (void); /* lets others run; comes back by itself */
void co_sleep_ms(int64_t ms);

/*
 * A one-shot event. Waited for by one coroutine or thread, set from any thread, once or more.
 * deadline_ms is monotonic; INT64_MAX for none. ERRC_TIMEOUT when it passed first (the event may
 * still be set later: it must outlive that).
 */
struct co_event {
    struct loop_task task_;
    struct loop *loop_;
    struct co *co_;
    struct loop_timer timer_;
    _Atomic uint32_t state_;
};
void co_event_init(struct co_event *ev);
void co_event_set(struct co_event *ev); /* any thread */
RESULT co_event_wait(struct co_event *ev, int64_t deadline_ms);

/*
 * Waits until fd is readable or writable (EPOLLIN / EPOLLOUT). For descriptors not otherwise in the
 * loop.
 */
RESULT co_fd_wait(int fd, uint32_t events, int64_t deadline_ms);

/* Worker threads for calls that may block. */
struct pool;
RESULT pool_new(unsigned threads, struct pool **ret, struct error *e);
void pool_free(struct pool *p); /* waits for running work */
DEFINE_CLEANUP(pool_free, struct pool *)

/*
 * Runs fn(arg) in the pool and waits for it. Outside a coroutine, or with p NULL: runs it right
 * here.
 */
void co_call(struct pool *p, void (*fn)(void *arg), void *arg);
/* Starts it without waiting; ev is set when it is done. */
struct pool_job {
    struct list item_;
    void (*fn)(void *arg);
    void *arg;
    struct co_event done;
};
void pool_submit(struct pool *p, struct pool_job *job);

/* A lock for coroutines of one loop and threads alike: waits yield. */
struct co_mutex {
    struct list waiters_;
    int lock_;
    bool is_held_;
};
void co_mutex_init(struct co_mutex *m);
void co_mutex_lock(struct co_mutex *m);
void co_mutex_unlock(struct co_mutex *m);

#endif
