/* The buffer that defends itself, and the arena. */
#include "testkit.h"

#include "base/arena.h"
#include "base/rng.h"

static void test_limit_is_exact(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf b = BUF(5);
    buf_add_str(&b, "12345");
    assert_code(buf_result(&b), ERRC_OK);
    assert_string_equal(buf_cstr(&b), "12345"); /* the terminator is not counted */
    buf_add_u8(&b, '6');
    assert_code(buf_result(&b), ERRC_LIMIT);
    assert_int_equal(buf_bytes(&b).n, 0);
    assert_null(buf_cstr(&b));
    assert_null(buf_reserve(&b, 0));
    buf_add_str(&b, "x"); /* sticks */
    assert_code(buf_result(&b), ERRC_LIMIT);
    buf_reset(&b);
    buf_add_str(&b, "x");
    assert_string_equal(buf_cstr(&b), "x");
}

static void test_limits_of_each_append(void **state)
{
    (void)state;
    for (size_t max = 0; max < 60; max++) {
        CLEANUP(buf_done_p) struct buf b = BUF(max);
        buf_add_u8(&b, 1);
        buf_add_be16(&b, 2);
        buf_add_be32(&b, 3);
        buf_add_be64(&b, 4);
        buf_add_be16_prefixed(&b, BYTES_LIT("abc"));
        buf_add_be32_prefixed(&b, BYTES_LIT("de"));
        buf_add_u64_dec(&b, UINT64_MAX);
        buf_addf(&b, "%s-%d", "x", 7);
        assert_code(buf_result(&b), max < 49 ? ERRC_LIMIT : ERRC_OK);
        assert_int_equal(b.n, max < 49 ? 0 : 49);
    }
    CLEANUP(buf_done_p) struct buf b = BUF(SIZE_MAX);
    buf_add_be16_prefixed(&b, bytes_of(b.p, 65536));
    assert_code(buf_result(&b), ERRC_LIMIT);
    buf_reset(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(b.err == ERRC_NOMEM || b.err == ERRC_LIMIT);
}

static void test_contents(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf b = BUF(100);
    buf_add_be16(&b, 0x0102);
    buf_add_be32(&b, 0x03040506);
    buf_add_be64(&b, 0x0708090A0B0C0D0EULL);
    for (uint8_t i = 0; i < 14; i++) {
        assert_int_equal(b.p[i], i + 1);
    }
    buf_consume(&b, 10);
    assert_bytes(buf_bytes(&b), BYTES_LIT("\x0B\x0C\x0D\x0E"));
    buf_consume(&b, 4);
    assert_int_equal(b.n, 0);
    buf_add_u64_dec(&b, 0);
    buf_add_u64_dec(&b, 1234567890123456789ULL);
    assert_string_equal(buf_cstr(&b), "01234567890123456789");
}

static void test_model(void **state)
{
    (void)state;
    struct rng_test rng;
    rng_test_init(&rng, 7);
    for (int secret = 0; secret < 2; secret++) {
        struct buf b = secret == 1 ? BUF_SECRET(3000) : BUF(3000);
        uint8_t model[3000];
        size_t n = 0;
        for (int step = 0; step < 20000; step++) {
            uint8_t chunk[64];
            size_t take = (size_t)rng_below(&rng.base, sizeof(chunk) + 1);
            if (rng_below(&rng.base, 2) == 0 && n + take <= sizeof(model)) {
                rng_fill(&rng.base, chunk, take);
                buf_add_mem(&b, chunk, take);
                memcpy(model + n, chunk, take);
                n += take;
            } else if (take <= n) {
                buf_consume(&b, take);
                memmove(model, model + take, n - take);
                n -= take;
            }
            assert_bytes(buf_bytes(&b), bytes_of(model, n));
            assert_true(b.cap <= 3001);
        }
        buf_done(&b);
    }
}

static void test_secret_is_wiped(void **state)
{
    (void)state;
    struct buf b = BUF_SECRET(100);
    buf_add_str(&b, "secret");
    const uint8_t *p = b.p;
    buf_consume(&b, 2);
    assert_memory_equal(p + 4, "\0\0", 2);
    buf_reset(&b);
    assert_memory_equal(p, "\0\0\0\0\0\0", 6);
    buf_add_str(&b, "secret");
    buf_add_mem(&b, NULL, 0);
    assert_null(buf_reserve(&b, 200)); /* a failure wipes too */
    assert_memory_equal(p, "\0\0\0\0\0\0", 6);
    buf_done(&b);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b = BUF(10);
    char *text = NULL;
    size_t n = 1;
    assert_code(buf_take(&b, &text, &n), ERRC_OK);
    assert_string_equal(text, "");
    assert_int_equal(n, 0);
    mem_free(text);
    buf_add_str(&b, "0123456789");
    assert_code(buf_take(&b, &text, &n), ERRC_OK);
    assert_string_equal(text, "0123456789");
    assert_null(b.p);
    mem_free(text);
    buf_add_str(&b, "01234567890");
    assert_code(buf_take(&b, &text, &n), ERRC_LIMIT);
    buf_done(&b);
    buf_done(&b);
}

static void test_arena(void **state)
{
    (void)state;
    for (int secret = 0; secret < 2; secret++) {
        CLEANUP(arena_free_p) struct arena *a = arena_new(512, secret == 1);
        struct rng_test rng;
        rng_test_init(&rng, 11);
        for (int round = 0; round < 20; round++) {
            uint8_t *pieces[200];
            size_t sizes[200];
            for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                sizes[i] = (size_t)rng_below(&rng.base, i % 20 == 0 ? 5000 : 100);
                pieces[i] = arena_alloc(a, sizes[i]);
                assert_int_equal((uintptr_t)pieces[i] % 16, 0);
                memset(pieces[i], (int)i, sizes[i]);
            }
            for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                for (size_t k = 0; k < sizes[i]; k++) {
                    assert_int_equal(pieces[i][k], (uint8_t)i);
                }
            }
            assert_true(arena_used(a) > 5000);
            arena_reset(a);
            assert_int_equal(arena_used(a), 0);
        }
        assert_string_equal(arena_str(a, BYTES_LIT("abc")), "abc");
        assert_string_equal(arena_printf(a, "%d-%s", 5, "x"), "5-x");
        assert_bytes(arena_bytes(a, BYTES_LIT("abc")), BYTES_LIT("abc"));
        assert_bytes(arena_bytes(a, BYTES_NONE), BYTES_NONE);
        assert_memory_equal(arena_zalloc(a, 32), (uint8_t[32]){ 0 }, 32);
    }
    arena_free(NULL);
}

static void test_secret_arena_wipes(void **state)
{
    (void)state;
    CLEANUP(arena_free_p) struct arena *a = arena_new(512, true);
    char *s = arena_str(a, BYTES_LIT("secret"));
    arena_reset(a);
    assert_memory_equal(s, "\0\0\0\0\0\0", 6);
}

static void test_mem(void **state)
{
    (void)state;
    assert_true(mem_equal_ct("abc", "abc", 3));
    assert_false(mem_equal_ct("abc", "abd", 3));
    assert_false(mem_equal_ct("\x80", "\0", 1));
    assert_true(mem_equal_ct("a", "b", 0));
    void *p = NULL;
    assert_code(mem_try_alloc(SIZE_MAX / 2, &p), ERRC_NOMEM);
    assert_code(mem_try_aligned(4095, &p), ERRC_BUG);
    assert_code(mem_try_aligned(8192, &p), ERRC_OK);
    assert_int_equal((uintptr_t)p % 4096, 0);
    mem_free(p);
    char *s = mem_printf("%03d", 7);
    assert_string_equal(s, "007");
    mem_free(s);
    p = mem_calloc(0, 8);
    assert_non_null(p);
    p = mem_realloc(p, 0);
    mem_free(p);
    uint8_t key[4] = { 1, 2, 3, 4 };
    mem_wipe(key, sizeof(key));
    assert_memory_equal(key, "\0\0\0\0", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_is_exact),
        cmocka_unit_test(test_limits_of_each_append),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_secret_is_wiped),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_secret_arena_wipes),
        cmocka_unit_test(test_mem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
