/* The hash table: SipHash's own vectors, and random operations against a plain array. */
#include "testkit.h"

#include "base/map.h"
#include "base/rng.h"

static void test_siphash_vectors(void **state)
{
    (void)state;
    /* From the reference implementation: key 00..0f, input 00..n-1 for n = 0, 1, 7, 8, 15. */
    static const struct {
        size_t n;
        uint64_t want;
    } cases[] = { { 0, 0x726fdb47dd0e0e31ULL },
                  { 1, 0x74f839c593dc67fdULL },
                  { 7, 0xab0200f58b01d137ULL },
                  { 8, 0x93f5f5799a932462ULL },
                  { 15, 0xa129ca6149be45e5ULL } };
    uint8_t key[SIPHASH_KEY_BYTES], in[16];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = in[i] = i;
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(siphash24(key, bytes_of(in, cases[i].n)) == cases[i].want);
    }
}

#define KEYS 300

static struct bytes key_of(size_t i, char *room)
{
    return bytes_of(room,
                    (size_t)snprintf(room, 32, "%s%zu", i % 2 == 0 ? "" : "a longer key ", i));
}

static void check_all(const struct map *m, void *const *model, size_t count)
{
    bool seen[KEYS] = { false };
    size_t it = 0, n = 0;
    struct bytes key;
    void *value;
    while (map_next(m, &it, &key, &value)) {
        size_t i = (size_t)(uintptr_t)value % KEYS;
        char room[32];
        assert_bytes(key, key_of(i, room));
        assert_ptr_equal(value, model[i]);
        assert_false(seen[i]);
        seen[i] = true;
        n++;
    }
    assert_int_equal(n, count);
    assert_int_equal(map_count(m), count);
}

static void test_model(void **state)
{
    (void)state;
    void *model[KEYS] = { NULL };
    size_t count = 0;
    struct rng_test rng;
    rng_test_init(&rng, 42);
    struct map *m = map_new();
    for (int step = 0; step < 200000; step++) {
        size_t i = (size_t)rng_below(&rng.base, KEYS);
        char room[32];
        struct bytes key = key_of(i, room);
        switch (rng_below(&rng.base, 5)) {
        case 0:
        case 1: {
            void *value = (void *)(uintptr_t)(KEYS * (1 + rng_below(&rng.base, 1000)) + i);
            assert_ptr_equal(map_set(m, key, value), model[i]);
            count += model[i] == NULL;
            model[i] = value;
            break;
        }
        case 2:
        case 3:
            assert_ptr_equal(map_del(m, key), model[i]);
            count -= model[i] != NULL;
            model[i] = NULL;
            break;
        default:
            assert_ptr_equal(map_get(m, key), model[i]);
        }
        if (step % 10000 == 0) {
            check_all(m, model, count);
        }
    }
    check_all(m, model, count);
    map_free(m, NULL);
}

static void test_free_values(void **state)
{
    (void)state;
    struct map *m = map_new();
    for (int i = 0; i < 100; i++) {
        char *text = mem_printf("%d", i);
        assert_null(map_set(m, bytes_str(text), mem_strdup(text)));
        mem_free(text);
    }
    assert_null(map_set(m, BYTES_NONE, mem_strdup("the empty key")));
    assert_string_equal(map_get(m, BYTES_LIT("")), "the empty key");
    map_free(m, mem_free); /* leaks are seen by the sanitizer */
    map_free(NULL, mem_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_free_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
