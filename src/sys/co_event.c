/*
 * One-shot events and the lock built on them.
 *
 * state_: EMPTY -> WAIT_CO or WAIT_THREAD by the waiter, any -> SET by the setter, WAIT_* -> EMPTY
 * by a timeout. Who frees: the waiter, as soon as wait returns. So the setter touches the event
 * after its exchange only if
 *  - it found WAIT_CO: the coroutine can't run on before the setter has woken it, by the ready
 * queue when on the same thread, else by task_, which is the last of the event that loop_post
 * touches;
 *  - it found WAIT_THREAD: only the address goes to futex(2), which at worst wakes a stranger for
 * nothing. A timeout that meets SET leaves the waking to the setter.
 */
#include "sys/co.h"

#include "base/clock.h"
#include "sys/co_priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EVENT_EMPTY, EVENT_WAIT_CO, EVENT_WAIT_THREAD, EVENT_SET };

/* 0 or an errno. deadline_ms is monotonic. */
static int futex_wait(void *addr, uint32_t value, int64_t deadline_ms)
{
    struct timespec ts = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };
    long n = syscall(SYS_futex, addr, FUTEX_WAIT_BITSET_PRIVATE, value,
                     deadline_ms == INT64_MAX ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
    return n == 0 ? 0 : errno;
}

static void futex_wake_one(void *addr)
{
    (void)syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void co_event_init(struct co_event *ev)
{
    *ev = (struct co_event){ .state_ = EVENT_EMPTY };
}

static void event_on_task(void *arg)
{
    struct co_event *ev = arg;
    co_wake(ev->co_);
}

void co_event_set(struct co_event *ev)
{
    switch (atomic_exchange_explicit(&ev->state_, EVENT_SET, memory_order_acq_rel)) {
    case EVENT_WAIT_CO: {
        struct loop *l = ev->loop_;
        if (l == loop_current()) {
            co_wake(ev->co_);
        } else {
            loop_post(l, &ev->task_);
        }
        break;
    }
    case EVENT_WAIT_THREAD:
        futex_wake_one(&ev->state_);
        break;
    default:
        break;
    }
}

/* Whether the event went from `from` to `to`; false: it is set. */
static bool event_move(struct co_event *ev, uint32_t from, uint32_t to)
{
    uint32_t was = from;
    bool is_moved = atomic_compare_exchange_strong_explicit(
            &ev->state_, &was, to, memory_order_acq_rel, memory_order_acquire);
    assert(is_moved || was == EVENT_SET);
    return is_moved;
}

static void event_on_timer(struct loop_timer *t)
{
    struct co_event *ev = CONTAINER_OF(t, struct co_event, timer_);
    if (event_move(ev, EVENT_WAIT_CO, EVENT_EMPTY)) {
        co_wake(ev->co_);
    }
}

static struct result event_wait_thread(struct co_event *ev, int64_t deadline_ms)
{
    if (!event_move(ev, EVENT_EMPTY, EVENT_WAIT_THREAD)) {
        return RESULT_OK;
    }
    while (atomic_load_explicit(&ev->state_, memory_order_acquire) != EVENT_SET) {
        int err = futex_wait(&ev->state_, EVENT_WAIT_THREAD, deadline_ms);
        if (err == ETIMEDOUT && event_move(ev, EVENT_WAIT_THREAD, EVENT_EMPTY)) {
            return result_of(ERRC_TIMEOUT);
        }
    }
    return RESULT_OK;
}

struct result co_event_wait(struct co_event *ev, int64_t deadline_ms)
{
    if (atomic_load_explicit(&ev->state_, memory_order_acquire) == EVENT_SET) {
        return RESULT_OK;
    }
    struct co *c = co_current();
    if (c == NULL) {
        return event_wait_thread(ev, deadline_ms);
    }
    struct loop *l = co_loop(c);
    ev->loop_ = l;
    ev->co_ = c;
    ev->task_ = (struct loop_task){ .fn = event_on_task, .arg = ev };
    if (!event_move(ev, EVENT_EMPTY, EVENT_WAIT_CO)) {
        return RESULT_OK;
    }
    if (deadline_ms != INT64_MAX) {
        ev->timer_.fn = event_on_timer;
        loop_timer_set(l, &ev->timer_, deadline_ms);
    }
    co_suspend();
    loop_timer_cancel(l, &ev->timer_);
    bool is_set = atomic_load_explicit(&ev->state_, memory_order_acquire) == EVENT_SET;
    return result_of(is_set ? ERRC_OK : ERRC_TIMEOUT);
}

/* --- co_mutex --------------------------------------------------------------------------------- */

struct mutex_waiter {
    struct list item;
    struct co_event turn;
};

/* The inner lock: 0 free, 1 held, 2 held and waited for. Held for a few instructions. */
static void inner_lock(int *lock)
{
    int was = 0;
    if (__atomic_compare_exchange_n(lock, &was, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return;
    }
    while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE) != 0) {
        (void)futex_wait(lock, 2, INT64_MAX);
    }
}

static void inner_unlock(int *lock)
{
    if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2) {
        futex_wake_one(lock);
    }
}

void co_mutex_init(struct co_mutex *m)
{
    *m = (struct co_mutex){ .lock_ = 0 };
    list_init(&m->waiters_);
}

void co_mutex_lock(struct co_mutex *m)
{
    inner_lock(&m->lock_);
    if (!m->is_held_) {
        m->is_held_ = true;
        inner_unlock(&m->lock_);
        return;
    }
    struct mutex_waiter w;
    co_event_init(&w.turn);
    list_push_back(&m->waiters_, &w.item);
    inner_unlock(&m->lock_);
    result_ignore(co_event_wait(&w.turn, INT64_MAX)); /* without a deadline it can't fail */
}

void co_mutex_unlock(struct co_mutex *m)
{
    inner_lock(&m->lock_);
    assert(m->is_held_);
    struct list *item = list_pop_front(&m->waiters_);
    if (item == NULL) {
        m->is_held_ = false;
    }
    inner_unlock(&m->lock_);
    if (item != NULL) { /* handed over: first come, first served */
        co_event_set(&LIST_ITEM(item, struct mutex_waiter, item)->turn);
    }
}
