/* Random acts against a simple model. SEED=n runs that one. */
#include "kit.h"

#include <time.h>

#define KEYS 40
#define ACTS 1500

struct object {
    bool exists;
    uint64_t seed;
    size_t n;
};

static struct object model[KEYS];

/* Keys with common prefixes and odd bytes; in byte order. */
static void key_of(size_t i, char ret[32])
{
    static const char *const heads[] = { "", "a/", "a/b/", "b\t/", "z//" };
    snprintf(ret, 32, "%s%02zu", heads[i % 5], i);
}

static size_t random_size(const struct rng *rng)
{
    uint64_t kind = rng_below(rng, 10);
    return rng_below(rng, kind < 6 ? 5000 : kind < 8 ? 140000 : kind < 9 ? 1200000 : 66000);
}

static void act_put(struct kit *k, const struct rng *rng, size_t i)
{
    struct error e = { 0 };
    char key[32];
    key_of(i, key);
    model[i] = (struct object){ .exists = true, .seed = rng_u64(rng), .n = random_size(rng) };
    uint8_t *data = mem_alloc(model[i].n + 1);
    kit_fill(data, model[i].n, model[i].seed, 0);
    struct bytes v = bytes_of(data, model[i].n);
    assert_ok(rng_below(rng, 2) == 0 ? kit_put(k, key, v, &e) : kit_put_unknown(k, key, v, &e), e);
    mem_free(data);
}

static void act_upload(struct kit *k, const struct rng *rng, size_t i)
{
    struct error e = { 0 };
    char key[32];
    struct vault_upload u;
    struct vault_object o;
    struct vault_part parts[2] = { { .number = 3 }, { .number = 7 } };
    size_t sizes[2] = { VAULT_PART_MIN, rng_below(rng, 200000) };
    uint64_t seed = rng_u64(rng), at = 0;
    key_of(i, key);
    struct vault_put put = { .bucket = &k->bucket, .key = bytes_str(key) };
    assert_ok(vault_upload_create(&k->cx, &put, &u, &e), e);
    put.upload_id = u.id;
    for (unsigned p = 0; p < 2; p++) {
        struct vault_writer *w = NULL;
        uint8_t *data = mem_alloc(sizes[p] + 1);
        kit_fill(data, sizes[p], seed, at);
        at += sizes[p];
        put.part_number = parts[p].number;
        assert_ok(vault_put_begin(&k->cx, &put, &w, &e), e);
        assert_ok(vault_put_write(w, bytes_of(data, sizes[p]), &e), e);
        assert_ok(vault_put_commit(w, &o, NULL, &e), e);
        memcpy(parts[p].etag, o.etag, sizeof(o.etag));
        mem_free(data);
    }
    if (rng_below(rng, 3) == 0) {
        assert_ok(vault_upload_abort(&k->cx, &k->bucket, put.key, u.id, &e), e);
        return;
    }
    assert_ok(
            vault_upload_complete(&k->cx, &k->bucket, put.key, u.id, parts, 2, NULL, &o, NULL, &e),
            e);
    model[i] = (struct object){ .exists = true, .seed = seed, .n = at };
}

static void act_get(struct kit *k, const struct rng *rng, size_t i)
{
    struct error e = { 0 };
    char key[32];
    uint8_t *got = NULL;
    size_t n = 0;
    key_of(i, key);
    uint64_t from = model[i].n == 0 ? 0 : rng_below(rng, model[i].n);
    uint64_t length = model[i].n == from ? 0 : rng_below(rng, model[i].n - from + 1);
    struct result r = kit_get_range(k, key, from, length, &got, &n, &e);
    if (!model[i].exists) {
        assert_int_equal(r.code, ERRC_NOT_FOUND);
        return;
    }
    assert_ok(r, e);
    uint8_t *want = mem_alloc(length + 1);
    kit_fill(want, length, model[i].seed, from);
    assert_memory_equal(got, want, length);
    mem_free(want);
    mem_free(got);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What a listing with this prefix and "/" must give, as text. */
static void expect(const char *prefix, bool delimited, struct buf *out)
{
    char names[KEYS][32];
    size_t n = 0;
    for (size_t i = 0; i < KEYS; i++) {
        char key[32];
        key_of(i, key);
        if (!model[i].exists || strncmp(key, prefix, strlen(prefix)) != 0) {
            continue;
        }
        char *slash = delimited ? strchr(key + strlen(prefix), '/') : NULL;
        if (slash != NULL) {
            slash[1] = 0;
        }
        memcpy(names[n++], key, 32);
    }
    qsort(names, n, sizeof(names[0]), by_bytes);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) {
            buf_addf(out, "%s ", names[i]);
        }
    }
}

static void act_list(struct kit *k, const struct rng *rng)
{
    static const char *const prefixes[] = { "", "a", "a/", "a/b/", "b", "z/", "q" };
    struct error e = { 0 };
    struct buf want = BUF(4096), got = BUF(4096);
    const char *prefix = prefixes[rng_below(rng, ARRAY_LEN(prefixes))];
    bool delimited = rng_below(rng, 2) == 0;
    struct vault_list q = { .bucket = &k->bucket,
                            .prefix = bytes_str(prefix),
                            .max_keys = 1 + rng_below(rng, 12),
                            .delimiter = delimited ? BYTES_LIT("/") : BYTES_NONE };
    struct vault_listing page;
    expect(prefix, delimited, &want);
    do {
        assert_ok(vault_list_objects(&k->cx, &q, &page, &e), e);
        for (size_t o = 0, p = 0; o < page.object_count || p < page.prefix_count;) {
            bool is_object = p == page.prefix_count ||
                             (o < page.object_count &&
                              bytes_compare(page.objects[o].key, page.prefixes[p]) < 0);
            buf_add(&got, is_object ? page.objects[o++].key : page.prefixes[p++]);
            buf_add_str(&got, " ");
        }
        q.after = page.next;
    } while (page.is_truncated);
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
    buf_done(&got);
    buf_done(&want);
}

static void check_stats(struct kit *k)
{
    struct vault_stats st;
    uint64_t objects = 0, bytes = 0;
    for (size_t i = 0; i < KEYS; i++) {
        objects += model[i].exists;
        bytes += model[i].exists ? model[i].n : 0;
    }
    vault_get_stats(k->vault, &st);
    assert_int_equal(st.objects, objects);
    assert_int_equal(st.bytes, bytes);
    assert_int_equal(st.buffers_in_use, 0);
}

static void act(struct kit *k, const struct rng *rng)
{
    struct error e = { 0 };
    char key[32];
    size_t i = rng_below(rng, KEYS);
    uint64_t kind = rng_below(rng, 100);
    if (kind < 40) {
        act_put(k, rng, i);
    } else if (kind < 42) {
        act_upload(k, rng, i);
    } else if (kind < 55) {
        key_of(i, key);
        assert_ok(kit_delete(k, key, &e), e);
        model[i] = (struct object){ 0 };
    } else if (kind < 85) {
        act_get(k, rng, i);
    } else if (kind < 95) {
        act_list(k, rng);
    } else if (kind < 98) {
        kit_housekeep(k);
        check_stats(k);
    } else {
        kit_stop(k);
        kit_start(k);
    }
    arena_reset(k->arena);
}

static void test_model(void **state)
{
    struct kit k = { 0 };
    struct rng_test rng;
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    (void)state;
    print_message("# seed %llu\n", (unsigned long long)seed);
    rng_test_init(&rng, seed);
    kit_open(&k, 1u << 30);
    for (unsigned i = 0; i < ACTS; i++) {
        act(&k, &rng.base);
    }
    for (size_t i = 0; i < KEYS; i++) {
        act_get(&k, &rng.base, i);
    }
    assert_int_equal(fake_scribe_count("acme", "void"), 0);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
