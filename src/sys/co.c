/*
 * Coroutines: a stack each, switched between the loop and one of them at a time.
 *
 * A stack is one mapping: guard page, stack, `struct co` at the top. Ended coroutines leave theirs
 * to the next one. AddressSanitizer, ThreadSanitizer and valgrind are told of every stack and
 * switch.
 */
#include "sys/co.h"

#include "base/clock.h"
#include "sys/co_priv.h"
#include "sys/loop_priv.h"
#include "sys/sanitize_priv.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#if SANITIZE_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if SANITIZE_THREAD
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_STACK_REGISTER(from, to) 0u
#define VALGRIND_STACK_DEREGISTER(id)     ((void)(id))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)0)
#endif

#define GUARD_BYTES     4096u
#define IDLE_STACKS_MAX 256u
/* Sanitizers make frames several times as large. */
#define STACK_BYTES                                                                                \
    (SANITIZE_ADDRESS || SANITIZE_THREAD ? 8u * CO_STACK_BYTES : 1u * CO_STACK_BYTES)

struct co {
    struct list item; /* in ready or idle_stacks */
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
    bool is_done;
    struct co_switch_state state;
    uint8_t *map;
    unsigned valgrind_id;
};

/* --- the switch ------------------------------------------------------------------------------- */

#if (defined(__x86_64__) || defined(__aarch64__)) &&                                               \
        !defined(CO_UCONTEXT) /* -DCO_UCONTEXT: to test the other way */

void co_switch(void **save_sp, void *to_sp); /* co_switch.S */

static void context_prepare(struct co_switch_state *s, void (*entry)(void))
{
    void **top = (void **)((uintptr_t)((const uint8_t *)s->stack_bottom + s->stack_bytes) &
                           ~(uintptr_t)15);
#if defined(__x86_64__)
    top -= 8; /* r15 r14 r13 r12 rbx rbp, where to return to, and no caller */
    memset(top, 0, 8 * sizeof(*top));
    top[6] = (void *)(uintptr_t)entry;
#else
    top -= 20;
    memset(top, 0, 20 * sizeof(*top));
    top[11] = (void *)(uintptr_t)entry; /* x30 */
#endif
    s->sp = top;
}

static void context_switch(struct co_switch_state *from, struct co_switch_state *to)
{
    co_switch(&from->sp, to->sp);
}

static void context_done(struct co_switch_state *s)
{
    s->sp = NULL;
}

#else /* other machines: two system calls a switch */

#include <ucontext.h>

static void context_prepare(struct co_switch_state *s, void (*entry)(void))
{
    ucontext_t *u = s->sp == NULL ? mem_zalloc(sizeof(*u)) : s->sp;
    s->sp = u;
    getcontext(u);
    u->uc_stack.ss_sp = (void *)(uintptr_t)s->stack_bottom;
    u->uc_stack.ss_size = s->stack_bytes;
    makecontext(u, entry, 0);
}

static void context_switch(struct co_switch_state *from, struct co_switch_state *to)
{
    if (from->sp == NULL) {
        from->sp = mem_zalloc(sizeof(ucontext_t));
    }
    swapcontext(from->sp, to->sp);
}

static void context_done(struct co_switch_state *s)
{
    mem_free(s->sp);
    s->sp = NULL;
}

#endif

/* Leaves `from` for `to`; `is_last` when `from` will never run again. */
static void state_switch(struct co_switch_state *from, struct co_switch_state *to, bool is_last)
{
#if SANITIZE_ADDRESS
    __sanitizer_start_switch_fiber(is_last ? NULL : &from->fake_stack, to->stack_bottom,
                                   to->stack_bytes);
#endif
#if SANITIZE_THREAD
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
    (void)is_last;
    context_switch(from, to);
#if SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

/* --- stacks ----------------------------------------------------------------------------------- */

static struct co *stack_new(void)
{
    size_t bytes = GUARD_BYTES + STACK_BYTES;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    if (mprotect(map, GUARD_BYTES, PROT_NONE) != 0) {
        (void)munmap(map, bytes);
        return NULL;
    }
    size_t at = (bytes - sizeof(struct co)) & ~(size_t)63;
    struct co *c = (struct co *)(void *)((uint8_t *)map + at);
    c->map = map;
    c->state.stack_bottom = c->map + GUARD_BYTES;
    c->state.stack_bytes = at - GUARD_BYTES;
    c->valgrind_id = VALGRIND_STACK_REGISTER(c->map + GUARD_BYTES, c->map + at);
#if SANITIZE_THREAD
    c->state.tsan_fiber = __tsan_create_fiber(0);
#endif
    list_init(&c->item);
    return c;
}

static void stack_free(struct co *c)
{
#if SANITIZE_THREAD
    __tsan_destroy_fiber(c->state.tsan_fiber);
#endif
    VALGRIND_STACK_DEREGISTER(c->valgrind_id);
    context_done(&c->state);
    (void)munmap(c->map, GUARD_BYTES + STACK_BYTES);
}

/* What the last coroutine left poisoned is fresh again. */
static void stack_renew(struct co *c)
{
#if SANITIZE_ADDRESS
    __asan_unpoison_memory_region(c->state.stack_bottom, c->state.stack_bytes);
#endif
    VALGRIND_MAKE_MEM_UNDEFINED(c->state.stack_bottom, c->state.stack_bytes);
}

void co_loop_init(struct loop *l)
{
    list_init(&l->ready);
    list_init(&l->idle_stacks);
    l->co_max = 65536;
}

void co_loop_done(struct loop *l)
{
    assert(l->co_count == 0);
    for (struct list *item; (item = list_pop_front(&l->idle_stacks)) != NULL;) {
        stack_free(LIST_ITEM(item, struct co, item));
    }
    context_done(&l->main);
}

/* --- running ---------------------------------------------------------------------------------- */

static void co_main(void)
{
    struct loop *l = loop_current();
    struct co *c = l->running;
#if SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(NULL, &l->main.stack_bottom, &l->main.stack_bytes);
#endif
    c->fn(c->arg);
    c->is_done = true;
    state_switch(&c->state, &l->main, true);
    abort(); /* never reached: it is not resumed */
}

struct result co_spawn(struct loop *l, void (*fn)(void *arg), void *arg, struct error *e)
{
    if (l->co_count >= l->co_max) {
        FAIL(e, ERRC_LIMIT, "%zu coroutines are running", l->co_count);
    }
    struct list *idle = list_pop_front(&l->idle_stacks);
    struct co *c;
    if (idle != NULL) {
        c = LIST_ITEM(idle, struct co, item);
        l->idle_count--;
        stack_renew(c);
    } else if ((c = stack_new()) == NULL) {
        FAIL(e, ERRC_LIMIT, "no memory for the stack of a coroutine");
    }
    c->loop = l;
    c->fn = fn;
    c->arg = arg;
    c->is_done = false;
    context_prepare(&c->state, co_main);
    l->co_count++;
    list_push_back(&l->ready, &c->item);
    return RESULT_OK;
}

void co_set_limit(struct loop *l, size_t max_coroutines)
{
    l->co_max = max_coroutines;
}

static void co_resume(struct loop *l, struct co *c)
{
    l->running = c;
    state_switch(&l->main, &c->state, false);
    l->running = NULL;
    if (!c->is_done) {
        return;
    }
    l->co_count--;
    if (l->idle_count < IDLE_STACKS_MAX) {
        list_push_front(&l->idle_stacks, &c->item);
        l->idle_count++;
    } else {
        stack_free(c);
    }
}

void co_run_ready(struct loop *l)
{
#if SANITIZE_THREAD
    l->main.tsan_fiber = __tsan_get_current_fiber();
#endif
    struct list batch;
    list_init(&batch);
    list_splice(&batch, &l->ready);
    for (struct list *item; (item = list_pop_front(&batch)) != NULL;) {
        co_resume(l, LIST_ITEM(item, struct co, item));
    }
}

struct co *co_current(void)
{
    struct loop *l = loop_current();
    return l == NULL ? NULL : l->running;
}

bool co_is_inside(void)
{
    return co_current() != NULL;
}

struct loop *co_loop(struct co *c)
{
    return c->loop;
}

void co_suspend(void)
{
    struct co *c = co_current();
    assert(c != NULL);
    state_switch(&c->state, &c->loop->main, false);
}

void co_wake(struct co *c)
{
    assert(list_is_empty(&c->item)); /* woken once for each time it was suspended */
    list_push_back(&c->loop->ready, &c->item);
}

void co_yield (void)
{
    struct co *c = co_current();
    if (c == NULL) {
        sched_yield();
        return;
    }
    co_wake(c);
    co_suspend();
}

/* --- waiting for time and descriptors --------------------------------------------------------- */

struct sleeper {
    struct loop_timer timer;
    struct loop_fd fd;
    struct co *co;
    bool is_awake;
    bool has_timed_out;
};

static void sleeper_wake(struct sleeper *s, bool has_timed_out)
{
    if (!s->is_awake) {
        s->is_awake = true;
        s->has_timed_out = has_timed_out;
        co_wake(s->co);
    }
}

static void sleeper_on_timer(struct loop_timer *t)
{
    sleeper_wake(CONTAINER_OF(t, struct sleeper, timer), true);
}

static void sleeper_on_fd(struct loop_fd *f, uint32_t events)
{
    (void)events;
    sleeper_wake(CONTAINER_OF(f, struct sleeper, fd), false);
}

void co_sleep_ms(int64_t ms)
{
    struct co *c = co_current();
    if (c == NULL) {
        struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
        while (nanosleep(&ts, &ts) != 0 && errno == EINTR) {
        }
        return;
    }
    struct sleeper s = { .co = c, .timer.fn = sleeper_on_timer };
    loop_timer_set(c->loop, &s.timer, clock_mono_ms(&clock_system) + ms);
    co_suspend();
}

static struct result fd_wait_blocking(int fd, uint32_t events, int64_t deadline_ms)
{
    struct pollfd p = { .fd = fd,
                        .events = (short)events }; /* EPOLLIN and EPOLLOUT are POLLIN and POLLOUT */
    for (;;) {
        int64_t left = -1;
        if (deadline_ms != INT64_MAX) {
            left = MIN(MAX(deadline_ms - clock_mono_ms(&clock_system), 0), INT32_MAX);
        }
        int n = poll(&p, 1, (int)left);
        if (n > 0) {
            return RESULT_OK;
        }
        if (n < 0 && errno != EINTR) {
            return result_of(ERRC_IO);
        }
        if (n == 0 && clock_mono_ms(&clock_system) >= deadline_ms) {
            return result_of(ERRC_TIMEOUT);
        }
    }
}

struct result co_fd_wait(int fd, uint32_t events, int64_t deadline_ms)
{
    struct co *c = co_current();
    if (c == NULL) {
        return fd_wait_blocking(fd, events, deadline_ms);
    }
    struct sleeper s = { .co = c,
                         .timer.fn = sleeper_on_timer,
                         .fd = { .fd = fd, .fn = sleeper_on_fd } };
    TRY(loop_fd_add(c->loop, &s.fd, events, NULL));
    if (deadline_ms != INT64_MAX) {
        loop_timer_set(c->loop, &s.timer, deadline_ms);
    }
    co_suspend();
    loop_timer_cancel(c->loop, &s.timer);
    loop_fd_del(c->loop, &s.fd);
    return result_of(s.has_timed_out ? ERRC_TIMEOUT : ERRC_OK);
}
