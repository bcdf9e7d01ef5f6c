/* Coroutines, events, pool and lock; under ThreadSanitizer these are the tests of the hand-over
 * rules. */
#include "base/clock.h"
#include "sys/co.h"
#include "testkit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *the_loop;
static unsigned running;

static int make_loop(void **state)
{
    (void)state;
    running = 0;
    return result_is_ok(loop_new(&the_loop, NULL)) ? 0 : -1;
}

static int drop_loop(void **state)
{
    (void)state;
    loop_free(the_loop);
    the_loop = NULL;
    return 0;
}

static void spawn(void (*fn)(void *), void *arg)
{
    struct error e;
    assert_ok(co_spawn(the_loop, fn, arg, &e), e);
    running++;
}

/* Each coroutine of a test ends with this; the last stops the loop. */
static void finish(void)
{
    if (--running == 0) {
        loop_stop(the_loop);
    }
}

static void run(void)
{
    struct error e;
    assert_ok(loop_run(the_loop, &e), e);
}

/* --- scheduling ------------------------------------------------------------------------------- */

static char trace[64];
static size_t trace_n;

static char *letter(const char *s)
{
    static char letters[26];
    letters[s[0] - 'a'] = s[0];
    return &letters[s[0] - 'a'];
}

static void tracer(void *arg)
{
    for (unsigned i = 0; i < 3; i++) {
        trace[trace_n++] = *(const char *)arg;
        co_yield ();
    }
    finish();
}

static void test_yield_takes_turns(void **state)
{
    (void)state;
    assert_false(co_is_inside());
    trace_n = 0;
    memset(trace, 0, sizeof(trace));
    spawn(tracer, letter("a"));
    spawn(tracer, letter("b"));
    spawn(tracer, letter("c"));
    run();
    assert_string_equal(trace, "abcabcabc");
}

static unsigned deep(unsigned n)
{
    volatile uint8_t frame[1024];
    frame[n % sizeof(frame)] = (uint8_t)n;
    return n == 0 ? 0 : deep(n - 1) + frame[n % sizeof(frame)] / 256u + 1;
}

static void deep_one(void *arg)
{
    (void)arg;
    assert_true(co_is_inside());
    assert_int_equal(deep(60), 60); /* 60 KiB and more of the 128 */
    co_yield ();
    assert_int_equal(deep(60), 60);
    finish();
}

/* More than the idle pool keeps, several times: stacks are made, reused and given back. */
static void test_many_with_deep_stacks(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 400; i++) {
            spawn(deep_one, NULL);
        }
        run();
    }
}

static volatile unsigned sink;

/* Never comes back: the compiler can't know. */
static unsigned endless(unsigned n)
{
    volatile uint8_t frame[512];
    frame[n % sizeof(frame)] = (uint8_t)n;
    sink += frame[0];
    return sink == UINT32_MAX ? 0 : endless(n + 1) + frame[1];
}

static void endless_one(void *arg)
{
    (void)arg;
    sink = endless(0);
}

/* A stack that overflows hits its guard page, not the neighbour. */
static void test_overflow_is_caught(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = { 0 };
        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO);
        spawn(deep_one, NULL);
        spawn(endless_one, NULL);
        run();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    bool is_reported = WIFEXITED(status) && WEXITSTATUS(status) != 0; /* by a sanitizer */
    assert_true(is_reported || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

static void test_limit_of_coroutines(void **state)
{
    (void)state;
    co_set_limit(the_loop, 2);
    spawn(tracer, letter("x"));
    spawn(tracer, letter("y"));
    struct error e;
    assert_code(co_spawn(the_loop, tracer, letter("z"), &e), ERRC_LIMIT);
    run();
    spawn(tracer, letter("z"));
    run();
}

static void sleeper(void *arg)
{
    int64_t ms = *(int64_t *)arg, before = clock_mono_ms(&clock_system);
    co_sleep_ms(ms);
    assert_true(clock_mono_ms(&clock_system) >= before + ms);
    finish();
}

static void test_sleep(void **state)
{
    (void)state;
    int64_t ms[] = { 0, 1, 5, 10 };
    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        spawn(sleeper, &ms[i]);
    }
    run();
    running = 1;
    sleeper(&ms[1]); /* a plain thread */
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void fd_waiter(void *arg)
{
    int *fds = arg;
    int64_t now = clock_mono_ms(&clock_system);
    assert_code(co_fd_wait(fds[0], EPOLLIN, now + 5), ERRC_TIMEOUT);
    assert_code(co_fd_wait(fds[1], EPOLLOUT, INT64_MAX), ERRC_OK);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_code(co_fd_wait(fds[0], EPOLLIN, now + 60000), ERRC_OK);
    assert_code(co_fd_wait(-1, EPOLLIN, now + 5), co_is_inside() ? ERRC_IO : ERRC_TIMEOUT);
    finish();
}

static void test_fd_wait(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        if (i == 0) {
            spawn(fd_waiter, fds);
            run();
        } else {
            running = 1;
            fd_waiter(fds);
        }
        close(fds[0]);
        close(fds[1]);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

enum { SETS = 3000 };

/* Events on the heap, each freed by its waiter as soon as wait returns, set meanwhile by another
 * thread. */
struct relay {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct co_event *offered;
    bool is_over;
};

static void relay_offer(struct relay *r, struct co_event *ev)
{
    pthread_mutex_lock(&r->lock);
    while (r->offered != NULL) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    r->offered = ev;
    r->is_over = ev == NULL;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void *setter(void *arg)
{
    struct relay *r = arg;
    for (unsigned n = 0;; n++) {
        pthread_mutex_lock(&r->lock);
        while (r->offered == NULL && !r->is_over) {
            pthread_cond_wait(&r->changed, &r->lock);
        }
        struct co_event *ev = r->offered;
        r->offered = NULL;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
        if (ev == NULL) {
            return NULL;
        }
        if (n % 7 == 0) {
            usleep(50);
        }
        co_event_set(ev);
    }
}

static void waiter(void *arg)
{
    struct relay *r = arg;
    for (unsigned i = 0; i < SETS; i++) {
        struct co_event *ev = malloc(sizeof(*ev));
        co_event_init(ev);
        relay_offer(r, ev);
        int64_t deadline = i % 3 == 0 ? INT64_MAX : clock_mono_ms(&clock_system) + i % 2;
        while (!result_is_ok(co_event_wait(ev, deadline))) {
            deadline = INT64_MAX; /* timed out: it must be set still */
        }
        memset(ev, 0xa5, sizeof(*ev));
        free(ev);
    }
    finish();
}

static void event_storm(bool is_coroutine)
{
    struct relay r = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    pthread_t t;
    pthread_create(&t, NULL, setter, &r);
    if (is_coroutine) {
        spawn(waiter, &r);
        run();
    } else {
        running = 1;
        waiter(&r);
    }
    relay_offer(&r, NULL);
    pthread_join(t, NULL);
}

static void test_event_set_by_a_thread_for_a_coroutine(void **state)
{
    (void)state;
    event_storm(true);
}

static void test_event_set_by_a_thread_for_a_thread(void **state)
{
    (void)state;
    event_storm(false);
}

struct event_pair {
    struct co_event ev, timed_out;
};

static void event_pair_wait(void *arg)
{
    struct event_pair *p = arg;
    assert_code(co_event_wait(&p->ev, 0), ERRC_TIMEOUT);
    assert_code(co_event_wait(&p->ev, clock_mono_ms(&clock_system) + 2), ERRC_TIMEOUT);
    co_event_set(&p->timed_out);
    assert_code(co_event_wait(&p->ev, INT64_MAX), ERRC_OK);
    assert_code(co_event_wait(&p->ev, 0), ERRC_OK); /* stays set */
    finish();
}

static void event_pair_set(void *arg)
{
    struct event_pair *p = arg;
    assert_code(co_event_wait(&p->timed_out, INT64_MAX), ERRC_OK);
    co_event_set(&p->ev);
    co_event_set(&p->ev);
    finish();
}

static void test_event_between_coroutines(void **state)
{
    (void)state;
    struct event_pair p;
    co_event_init(&p.ev);
    co_event_init(&p.timed_out);
    spawn(event_pair_wait, &p);
    spawn(event_pair_set, &p);
    run();
}

static void late_wait(void *arg)
{
    assert_code(co_event_wait(arg, clock_mono_ms(&clock_system) + 2), ERRC_OK);
    co_sleep_ms(2); /* a second waking would end this early, or come after the end */
    finish();
}

static void *late_set(void *arg)
{
    co_event_set(arg);
    return NULL;
}

static void late_hold(void *arg)
{
    pthread_t t;
    pthread_create(&t, NULL, late_set, arg);
    pthread_join(t, NULL);
    usleep(5000); /* the loop stands still until the deadline is past */
    finish();
}

/* Set by a thread, and past its deadline before the loop looks: it is set, and wakes once. */
static void test_event_set_and_timed_out_in_one_turn(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        struct co_event ev;
        co_event_init(&ev);
        spawn(late_wait, &ev);
        spawn(late_hold, &ev);
        int64_t before = clock_mono_ms(&clock_system);
        run();
        assert_true(clock_mono_ms(&clock_system) >= before + 7);
    }
}

/* --- pool ------------------------------------------------------------------------------------- */

static struct pool *the_pool;

struct work {
    pthread_t where;
    unsigned value;
};

static void work_run(void *arg)
{
    struct work *w = arg;
    w->where = pthread_self();
    w->value++;
}

static void caller(void *arg)
{
    unsigned *sum = arg;
    for (unsigned i = 0; i < 200; i++) {
        struct work w = { .value = i };
        co_call(the_pool, work_run, &w);
        assert_int_equal(w.value, i + 1);
        assert_false(pthread_equal(w.where, pthread_self()));
        *sum += 1;
    }
    finish();
}

static void test_pool(void **state)
{
    (void)state;
    struct error e;
    assert_ok(pool_new(3, &the_pool, &e), e);
    unsigned sum = 0;
    for (unsigned i = 0; i < 20; i++) {
        spawn(caller, &sum);
    }
    run();
    assert_int_equal(sum, 20 * 200);

    struct work here = { .value = 0 };
    co_call(the_pool, work_run, &here); /* no coroutine: right here */
    assert_true(pthread_equal(here.where, pthread_self()));
    struct work far = { .value = 1 };
    struct pool_job job = { .fn = work_run, .arg = &far };
    pool_submit(the_pool, &job);
    assert_code(co_event_wait(&job.done, INT64_MAX), ERRC_OK);
    assert_int_equal(far.value, 2);

    struct work last = { .value = 1 };
    struct pool_job last_job = { .fn = work_run, .arg = &last };
    pool_submit(the_pool, &last_job);
    pool_free(the_pool); /* runs what was submitted */
    assert_int_equal(last.value, 2);
}

/* --- lock ------------------------------------------------------------------------------------- */

struct locked {
    struct co_mutex m;
    unsigned value, inside;
};

static void locker(struct locked *x, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        co_mutex_lock(&x->m);
        assert_int_equal(x->inside++, 0);
        x->value++;
        if (i % 16 == 0) {
            co_yield (); /* held across a wait */
        }
        x->inside--;
        co_mutex_unlock(&x->m);
        if (i % 5 == 0) {
            co_yield ();
        }
    }
}

static void locker_co(void *arg)
{
    locker(arg, 500);
    finish();
}

static void *locker_thread(void *arg)
{
    locker(arg, 500);
    return NULL;
}

static void test_mutex_of_coroutines_and_threads(void **state)
{
    (void)state;
    struct locked x = { .value = 0 };
    co_mutex_init(&x.m);
    pthread_t t[3];
    for (unsigned i = 0; i < 10; i++) {
        spawn(locker_co, &x);
    }
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        pthread_create(&t[i], NULL, locker_thread, &x);
    }
    run();
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        pthread_join(t[i], NULL);
    }
    assert_int_equal(x.value, 13 * 500);
}

#define CO_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_loop, drop_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CO_TEST(test_yield_takes_turns),
        CO_TEST(test_many_with_deep_stacks),
        CO_TEST(test_overflow_is_caught),
        CO_TEST(test_limit_of_coroutines),
        CO_TEST(test_sleep),
        CO_TEST(test_fd_wait),
        CO_TEST(test_event_set_by_a_thread_for_a_coroutine),
        CO_TEST(test_event_set_by_a_thread_for_a_thread),
        CO_TEST(test_event_between_coroutines),
        CO_TEST(test_event_set_and_timed_out_in_one_turn),
        CO_TEST(test_pool),
        CO_TEST(test_mutex_of_coroutines_and_threads),
    };
    return cmocka_run_group_tests_name("co", tests, NULL, NULL);
}
