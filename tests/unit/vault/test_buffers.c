/* Write buffers: one tenant never has them all. */
#include "testkit.h"

#include "vault/buffers.h"

#include <pthread.h>
#include <sched.h>

static void test_share(void **state)
{
    struct buffers *b = buffers_new(8ull * BUFFER_BYTES);
    struct buffers_share slow = { 0 }, other = { 0 };
    uint8_t *held[6], *p[2];
    uint64_t in_use = 0, all = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        assert_int_equal(buffers_take(b, &slow, &held[i]).code, ERRC_OK);
    }
    assert_null(buffers_take_spare(b, &slow)); /* three quarters */
    assert_int_equal(buffers_take(b, &other, &p[0]).code, ERRC_OK);
    p[1] = buffers_take_spare(b, &other);
    assert_non_null(p[1]);
    assert_null(buffers_take_spare(b, &other)); /* none is left */
    buffers_give(b, &slow, held[5]);
    held[5] = buffers_take_spare(b, &slow);
    assert_non_null(held[5]);
    assert_false(buffers_is_wanted(b));
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        buffers_give(b, &slow, held[i]);
    }
    buffers_give(b, &other, p[0]);
    buffers_give(b, &other, p[1]);
    buffers_give(b, &other, NULL);
    assert_int_equal(slow.held + other.held, 0);
    buffers_count(b, &in_use, &all);
    assert_int_equal(in_use, 0);
    assert_int_equal(all, 8);
    buffers_free(b);
}

/* One who waits within the limit goes before one who is at it. */
static void *waiting(void *arg)
{
    void **a = arg;
    uint8_t *p = NULL;
    assert_int_equal(buffers_take(a[0], a[1], &p).code, ERRC_OK);
    return p;
}

static void test_turn(void **state)
{
    struct buffers *b = buffers_new(4ull * BUFFER_BYTES);
    struct buffers_share slow = { 0 }, other = { 0 };
    uint8_t *held[3], *p;
    void *got[2], *of_slow[] = { b, &slow }, *of_other[] = { b, &other };
    pthread_t first, second;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        assert_int_equal(buffers_take(b, &slow, &held[i]).code, ERRC_OK);
    }
    assert_int_equal(buffers_take(b, &other, &p).code, ERRC_OK);
    assert_int_equal(pthread_create(&first, NULL, waiting, of_slow), 0);
    assert_int_equal(pthread_create(&second, NULL, waiting, of_other), 0);
    while (!buffers_is_wanted(b)) { /* the second waits; the first does or will */
        sched_yield();
    }
    buffers_give(b, &other, p); /* whoever waits: not the first, which is at its limit */
    assert_int_equal(pthread_join(second, &got[1]), 0);
    assert_int_equal(slow.held, 3);
    buffers_give(b, &slow, held[0]);
    assert_int_equal(pthread_join(first, &got[0]), 0);
    buffers_give(b, &slow, got[0]);
    buffers_give(b, &other, got[1]);
    buffers_give(b, &slow, held[1]);
    buffers_give(b, &slow, held[2]);
    buffers_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_share), cmocka_unit_test(test_turn) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
