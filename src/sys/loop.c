/*
 * The event loop. A turn: wait, timers, descriptor events, posted tasks, ready coroutines,
 * end-of-turn tasks.
 *
 * Waking from another thread: the poster pushes its task and then looks at is_asleep; the loop sets
 * is_asleep and then looks at the mailbox before it waits. Both orders are sequentially consistent,
 * so at least one sees the other.
 */
#include "sys/loop.h"

#include "base/clock.h"
#include "sys/loop_priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

static _Thread_local struct loop *current_loop;

struct result loop_new(struct loop **ret, struct error *e)
{
    struct loop *l = mem_zalloc(sizeof(*l));
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->local_last = &l->local_first;
    l->end_last = &l->end_first;
    l->now_ms = clock_mono_ms(&clock_system);
    co_loop_init(l);
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = NULL };
    if (l->epoll_fd < 0 || l->wake_fd < 0 ||
        epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) != 0) {
        struct result r = error_set_sys(e, errno, "event loop");
        loop_free(l);
        return r;
    }
    *ret = l;
    return RESULT_OK;
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    while (atomic_load(&l->posters) != 0) {
        sched_yield();
    }
    co_loop_done(l);
    if (l->epoll_fd >= 0) {
        close(l->epoll_fd);
    }
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    mem_free(l->heap);
    mem_free(l);
}

struct loop *loop_current(void)
{
    return current_loop;
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

static void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void loop_stop(struct loop *l)
{
    atomic_fetch_add(&l->posters, 1);
    atomic_store(&l->is_stopping, true);
    if (atomic_exchange(&l->is_asleep, false)) {
        loop_wake(l);
    }
    atomic_fetch_sub(&l->posters, 1);
}

/* --- tasks ------------------------------------------------------------------------------------ */

static void task_append(struct loop_task ***last, struct loop_task *t)
{
    t->next = NULL;
    **last = t;
    *last = &t->next;
}

void loop_post(struct loop *l, struct loop_task *t)
{
    if (l == current_loop) {
        task_append(&l->local_last, t);
        return;
    }
    /* Once pushed, the task may run and its owner be gone, and with it the loop's last work:
     * posters holds the loop. */
    atomic_fetch_add(&l->posters, 1);
    struct loop_task *head = atomic_load_explicit(&l->mailbox, memory_order_relaxed);
    do {
        t->next = head;
    } while (!atomic_compare_exchange_weak(&l->mailbox, &head, t));
    if (atomic_exchange(&l->is_asleep, false)) {
        loop_wake(l);
    }
    atomic_fetch_sub(&l->posters, 1);
}

void loop_at_turn_end(struct loop *l, struct loop_task *t)
{
    task_append(&l->end_last, t);
}

static void tasks_run(struct loop_task *t)
{
    while (t != NULL) {
        struct loop_task *next = t->next;
        t->fn(t->arg);
        t = next;
    }
}

static struct loop_task *tasks_take(struct loop_task **first, struct loop_task ***last)
{
    struct loop_task *t = *first;
    *first = NULL;
    *last = first;
    return t;
}

static void mailbox_run(struct loop *l)
{
    struct loop_task *newest = NULL;
    if (atomic_load_explicit(&l->mailbox, memory_order_relaxed) != NULL) {
        newest = atomic_exchange(&l->mailbox, NULL);
    }
    struct loop_task *oldest = NULL;
    while (newest != NULL) {
        struct loop_task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    tasks_run(oldest);
}

/* --- timers: a binary heap, slots from 1 ------------------------------------------------------ */

static void heap_put(struct loop *l, size_t slot, struct loop_timer *t)
{
    l->heap[slot] = t;
    t->slot = slot;
}

static void heap_up(struct loop *l, size_t slot, struct loop_timer *t)
{
    while (slot > 1 && l->heap[slot / 2]->at_ms > t->at_ms) {
        heap_put(l, slot, l->heap[slot / 2]);
        slot /= 2;
    }
    heap_put(l, slot, t);
}

static void heap_down(struct loop *l, size_t slot, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * slot;
        if (child > l->heap_n) {
            break;
        }
        if (child < l->heap_n && l->heap[child + 1]->at_ms < l->heap[child]->at_ms) {
            child++;
        }
        if (l->heap[child]->at_ms >= t->at_ms) {
            break;
        }
        heap_put(l, slot, l->heap[child]);
        slot = child;
    }
    heap_put(l, slot, t);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
    size_t slot = t->slot;
    if (slot == 0) {
        return;
    }
    assert(slot <= l->heap_n && l->heap[slot] == t);
    t->slot = 0;
    struct loop_timer *last = l->heap[l->heap_n--];
    if (last == t) {
        return;
    }
    if (slot > 1 && l->heap[slot / 2]->at_ms > last->at_ms) {
        heap_up(l, slot, last);
    } else {
        heap_down(l, slot, last);
    }
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms)
{
    loop_timer_cancel(l, t);
    t->at_ms = at_ms;
    if (l->heap_n + 2 > l->heap_cap) {
        l->heap_cap = l->heap_cap == 0 ? 64 : 2 * l->heap_cap;
        l->heap = mem_realloc(l->heap, l->heap_cap * sizeof(*l->heap));
    }
    heap_up(l, ++l->heap_n, t);
}

static void timers_run(struct loop *l)
{
    while (l->heap_n != 0 && l->heap[1]->at_ms <= l->now_ms) {
        struct loop_timer *t = l->heap[1];
        loop_timer_cancel(l, t);
        t->fn(t);
    }
}

/* --- descriptors ------------------------------------------------------------------------------ */

static struct result fd_control(struct loop *l, struct loop_fd *f, int how, uint32_t events,
                                struct error *e)
{
    struct epoll_event ev = { .events = events, .data.ptr = f };
    if (epoll_ctl(l->epoll_fd, how, f->fd, &ev) != 0) {
        FAIL_SYS(e, "watch descriptor %d", f->fd);
    }
    return RESULT_OK;
}

struct result loop_fd_add(struct loop *l, struct loop_fd *f, uint32_t events, struct error *e)
{
    return fd_control(l, f, EPOLL_CTL_ADD, events | EPOLLET, e);
}

struct result loop_fd_mod(struct loop *l, struct loop_fd *f, uint32_t events, struct error *e)
{
    return fd_control(l, f, EPOLL_CTL_MOD, events | EPOLLET, e);
}

struct result loop_fd_add_listener(struct loop *l, struct loop_fd *f, struct error *e)
{
    return fd_control(l, f, EPOLL_CTL_ADD, EPOLLIN | EPOLLEXCLUSIVE, e);
}

void loop_fd_del(struct loop *l, struct loop_fd *f)
{
    if (f->fd >= 0) {
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
    }
    for (int i = l->event_at; i < l->event_n; i++) {
        if (l->events[i].data.ptr == f) {
            l->events[i].data.ptr = NULL;
        }
    }
}

/* --- running ---------------------------------------------------------------------------------- */

static int wait_ms(struct loop *l)
{
    if (l->local_first != NULL || l->end_first != NULL || !list_is_empty(&l->ready)) {
        return 0;
    }
    int64_t ms = -1;
    if (l->heap_n != 0) {
        ms = MAX(l->heap[1]->at_ms - clock_mono_ms(&clock_system), 0);
        ms = MIN(ms, INT_MAX);
    }
    atomic_store(&l->is_asleep, true);
    if (atomic_load(&l->mailbox) != NULL || atomic_load(&l->is_stopping)) {
        ms = 0;
    }
    return (int)ms;
}

static struct result loop_turn(struct loop *l, struct error *e)
{
    int n = epoll_wait(l->epoll_fd, l->events, LOOP_BATCH, wait_ms(l));
    int err = errno;
    atomic_store_explicit(&l->is_asleep, false, memory_order_relaxed);
    if (n < 0 && err != EINTR) {
        return error_set_sys(e, err, "wait for events");
    }
    l->now_ms = clock_mono_ms(&clock_system);
    l->event_at = 0;
    l->event_n = MAX(n, 0); /* before any callback: each may delete descriptors with events here */
    timers_run(l);
    while (l->event_at < l->event_n) {
        struct epoll_event *ev = &l->events[l->event_at++];
        struct loop_fd *f = ev->data.ptr;
        if (f != NULL) {
            f->fn(f, ev->events);
        }
    }
    l->event_n = 0;
    mailbox_run(l);
    tasks_run(tasks_take(&l->local_first, &l->local_last));
    co_run_ready(l);
    tasks_run(tasks_take(&l->end_first, &l->end_last));
    return RESULT_OK;
}

struct result loop_run(struct loop *l, struct error *e)
{
    assert(current_loop == NULL);
    current_loop = l;
    struct result r = RESULT_OK;
    while (result_is_ok(r) && !atomic_load(&l->is_stopping)) {
        r = loop_turn(l, e);
    }
    atomic_store(&l->is_stopping, false);
    current_loop = NULL;
    return r;
}
