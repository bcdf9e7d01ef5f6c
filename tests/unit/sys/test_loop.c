/* The loop: order of a turn, timers, descriptors, posts from other threads. */
#include "base/clock.h"
#include "base/rng.h"
#include "sys/loop.h"
#include "testkit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop_make(void)
{
    struct loop *l = NULL;
    struct error e;
    assert_ok(loop_new(&l, &e), e);
    return l;
}

static void loop_do(struct loop *l)
{
    struct error e;
    assert_ok(loop_run(l, &e), e);
}

/* --- timers ----------------------------------------------------------------------------------- */

struct timer_case {
    struct loop_timer timer;
    struct loop *l;
    int64_t *last;
    unsigned *left;
};

static void on_timer(struct loop_timer *t)
{
    struct timer_case *c = CONTAINER_OF(t, struct timer_case, timer);
    assert_true(loop_now_ms(c->l) >= t->at_ms);
    assert_true(*c->last <= t->at_ms); /* in order */
    *c->last = t->at_ms;
    if (--*c->left == 0) {
        loop_stop(c->l);
    }
}

/* Random sets, re-arms and cancels; what is left fires in order. */
static void test_timers_fire_in_order(void **state)
{
    (void)state;
    struct rng_test rng;
    rng_test_init(&rng, 7);
    struct loop *l = loop_make();
    enum { COUNT = 500 };
    static struct timer_case cases[COUNT];
    int64_t last = 0, now = clock_mono_ms(&clock_system);
    unsigned left = 0;
    for (size_t i = 0; i < COUNT; i++) {
        cases[i] =
                (struct timer_case){ .timer.fn = on_timer, .l = l, .last = &last, .left = &left };
    }
    for (size_t n = 0; n < 5 * COUNT; n++) {
        struct loop_timer *t = &cases[rng_below(&rng.base, COUNT)].timer;
        if (rng_below(&rng.base, 4) == 0) {
            loop_timer_cancel(l, t);
            loop_timer_cancel(l, t);
        } else {
            loop_timer_set(l, t, now + (int64_t)rng_below(&rng.base, 40));
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        left += cases[i].timer.slot != 0;
    }
    assert_true(left > COUNT / 2);
    loop_do(l);
    assert_int_equal(left, 0);
    loop_free(l);
}

/* --- descriptors ------------------------------------------------------------------------------ */

struct pair_case {
    struct loop_fd fds[2];
    struct loop *l;
    unsigned calls;
};

/* Whoever comes first removes both: the other's event of the same batch must not be delivered. */
static void on_fd_remove_both(struct loop_fd *f, uint32_t events)
{
    struct pair_case *c = NULL;
    (void)events;
    c = f[0].fd % 2 == 0 ? CONTAINER_OF(f, struct pair_case, fds[0])
                         : CONTAINER_OF(f, struct pair_case, fds[1]);
    c->calls++;
    loop_fd_del(c->l, &c->fds[0]);
    loop_fd_del(c->l, &c->fds[1]);
    loop_stop(c->l);
}

static void test_removed_descriptor_stays_silent(void **state)
{
    (void)state;
    struct loop *l = loop_make();
    int a[2], b[2];
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    /* an even and an odd number tell the two apart */
    int even = dup2(a[0], 100), odd = dup2(b[0], 101);
    assert_int_equal(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
    struct pair_case c = { .l = l,
                           .fds = { { .fd = even, .fn = on_fd_remove_both },
                                    { .fd = odd, .fn = on_fd_remove_both } } };
    struct error e;
    assert_ok(loop_fd_add(l, &c.fds[0], EPOLLIN, &e), e);
    assert_ok(loop_fd_add(l, &c.fds[1], EPOLLIN, &e), e);
    assert_code(loop_fd_add(l, &c.fds[1], EPOLLIN, &e), errc_of_errno(17 /* EEXIST */));
    loop_do(l);
    assert_int_equal(c.calls, 1);
    int all[] = { a[0], a[1], b[0], b[1], even, odd };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        close(all[i]);
    }
    loop_free(l);
}

/* --- tasks ------------------------------------------------------------------------------------ */

enum { THREADS = 4, POSTS = 5000 };

struct post_case {
    struct loop *l;
    atomic_uint sent;
    unsigned got; /* on the loop's thread only */
};
struct posted {
    struct loop_task task;
    struct post_case *c;
};

static void on_post(void *arg)
{
    struct posted *p = arg;
    assert_ptr_equal(loop_current(), p->c->l);
    if (++p->c->got == THREADS * POSTS) {
        loop_stop(p->c->l);
    }
    free(p);
}

static void *poster(void *arg)
{
    struct post_case *c = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        struct posted *p = malloc(sizeof(*p));
        *p = (struct posted){ .task = { .fn = on_post, .arg = p }, .c = c };
        loop_post(c->l, &p->task);
    }
    return NULL;
}

/* A timer may delete a descriptor whose event came in the same turn. */
struct timer_del_case {
    struct loop *l;
    struct loop_fd fd;
    struct loop_timer timer, end;
    unsigned calls;
};

static void on_deleted_fd(struct loop_fd *f, uint32_t events)
{
    (void)events;
    CONTAINER_OF(f, struct timer_del_case, fd)->calls++;
}

static void on_del_timer(struct loop_timer *t)
{
    struct timer_del_case *c = CONTAINER_OF(t, struct timer_del_case, timer);
    loop_fd_del(c->l, &c->fd);
}

static void on_end_timer(struct loop_timer *t)
{
    loop_stop(CONTAINER_OF(t, struct timer_del_case, end)->l);
}

static void test_descriptor_deleted_by_a_timer_stays_silent(void **state)
{
    (void)state;
    struct error e;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct timer_del_case c = { .l = loop_make() };
    c.fd = (struct loop_fd){ .fd = pair[0], .fn = on_deleted_fd };
    c.timer.fn = on_del_timer;
    c.end.fn = on_end_timer;
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_ok(loop_fd_add(c.l, &c.fd, EPOLLIN, &e), e);
    /* both are due in the first turn */
    loop_timer_set(c.l, &c.timer, 0);
    loop_timer_set(c.l, &c.end, 1);
    loop_do(c.l);
    assert_int_equal(c.calls, 0);
    loop_free(c.l);
    close(pair[0]);
    close(pair[1]);
}

static void test_posts_from_threads_all_arrive(void **state)
{
    (void)state;
    struct post_case c = { .l = loop_make() };
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&t[i], NULL, poster, &c);
    }
    loop_do(c.l);
    assert_int_equal(c.got, THREADS * POSTS);
    loop_free(c.l); /* while a poster may still be on its way out of loop_post */
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
    }
}

static void *stopper(void *arg)
{
    usleep(2000);
    loop_stop(arg);
    return NULL;
}

static void test_stop_from_a_thread(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct loop *l = loop_make();
        pthread_t t;
        pthread_create(&t, NULL, stopper, l);
        loop_do(l);
        loop_free(l);
        pthread_join(t, NULL);
    }
    assert_null(loop_current());
}

struct order_case {
    struct loop *l;
    struct loop_task posted, at_end, last;
    char text[8];
    size_t n;
};

static void order_posted(void *arg)
{
    struct order_case *c = arg;
    c->text[c->n++] = 'p';
}
static void order_last(void *arg)
{
    struct order_case *c = arg;
    c->text[c->n++] = 'l';
    loop_stop(c->l);
}
static void order_end(void *arg)
{
    struct order_case *c = arg;
    c->text[c->n++] = 'e';
    loop_at_turn_end(c->l, &c->last);
}

static void test_end_of_turn_comes_after_posts(void **state)
{
    (void)state;
    struct order_case c = { .l = loop_make() };
    c.posted = (struct loop_task){ .fn = order_posted, .arg = &c };
    c.at_end = (struct loop_task){ .fn = order_end, .arg = &c };
    c.last = (struct loop_task){ .fn = order_last, .arg = &c };
    loop_at_turn_end(c.l, &c.at_end);
    loop_post(c.l, &c.posted);
    loop_do(c.l);
    assert_string_equal(c.text, "pel");
    loop_free(c.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order),
        cmocka_unit_test(test_removed_descriptor_stays_silent),
        cmocka_unit_test(test_descriptor_deleted_by_a_timer_stays_silent),
        cmocka_unit_test(test_posts_from_threads_all_arrive),
        cmocka_unit_test(test_stop_from_a_thread),
        cmocka_unit_test(test_end_of_turn_comes_after_posts),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
