/* Housekeeping, recovery, re-wrapping, full disks, failing ones. */
#include "kit.h"

#include "sys/fault.h"

static void put_many(struct kit *k, unsigned from, unsigned to, size_t n)
{
    struct error e = { 0 };
    uint8_t *data = mem_alloc(n);
    for (unsigned i = from; i < to; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%05u", i);
        kit_fill(data, n, i, 0);
        assert_ok(kit_put(k, key, bytes_of(data, n), &e), e);
    }
    mem_free(data);
}

static void check_many(struct kit *k, unsigned from, unsigned to, size_t n)
{
    struct error e = { 0 };
    uint8_t *want = mem_alloc(n), *got = NULL;
    size_t got_n = 0;
    for (unsigned i = from; i < to; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%05u", i);
        kit_fill(want, n, i, 0);
        assert_ok(kit_get(k, key, &got, &got_n, &e), e);
        assert_int_equal(got_n, n);
        assert_memory_equal(got, want, n);
        mem_free(got);
    }
    mem_free(want);
    arena_reset(k->arena);
}

static void delete_many(struct kit *k, unsigned from, unsigned to, unsigned step)
{
    struct error e = { 0 };
    for (unsigned i = from; i < to; i += step) {
        char key[16];
        snprintf(key, sizeof(key), "k%05u", i);
        assert_ok(kit_delete(k, key, &e), e);
    }
}

/* Between look-up and opening the object may be moved, replaced, deleted. */
static void test_moved(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_object small, large;
    struct vault_reader *r = NULL;
    struct bytes data;
    uint8_t want[4096];
    (void)state;
    kit_open(&k, 1u << 28);
    put_many(&k, 0, 500, 4096);
    put_many(&k, 500, 501, 200000);
    assert_ok(vault_head(&k.cx, &k.bucket, BYTES_LIT("k00000"), "", false, &small, &e), e);
    assert_ok(vault_head(&k.cx, &k.bucket, BYTES_LIT("k00500"), "", false, &large, &e), e);
    delete_many(&k, 1, 500, 1);
    kit_housekeep(&k); /* k00000 has moved, its segment is another's now */
    put_many(&k, 501, 800, 4096);
    assert_ok(vault_get_open(&k.cx, &k.bucket, &small, 0, 4096, &r, &e), e);
    assert_ok(vault_get_read(r, &data, &e), e);
    kit_fill(want, sizeof(want), 0, 0);
    assert_bytes(data, BYTES_OF(want));
    vault_get_close(r);
    put_many(&k, 0, 1, 4096);
    put_many(&k, 500, 501, 200000);
    kit_housekeep(&k);
    assert_code(vault_get_open(&k.cx, &k.bucket, &small, 0, 4096, &r, &e), ERRC_AGAIN);
    assert_ok(vault_get_open(&k.cx, &k.bucket, &large, 0, 200000, &r, &e), e);
    assert_code(vault_get_read(r, &data, &e), ERRC_AGAIN);
    vault_get_close(r);
    kit_close(&k);
}

/*= 2.1.3-10 test */
static void test_recycling(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_stats st;
    (void)state;
    kit_open(&k, 1u << 28);
    put_many(&k, 0, 1000, 4096); /* about four segments */
    kit_housekeep(&k);
    vault_get_stats(k.vault, &st);
    uint64_t packs = st.packs;
    assert_in_range(packs, 5, 7);
    for (unsigned round = 0; round < 6; round++) { /* overwriting for ever takes no more room */
        put_many(&k, 0, 1000, 4096);
        kit_housekeep(&k);
    }
    vault_get_stats(k.vault, &st);
    assert_true(st.packs <= packs + 3);
    check_many(&k, 0, 1000, 4096);
    /* A few live records in each segment are moved together. */
    for (unsigned i = 0; i < 10; i++) {
        delete_many(&k, i * 100 + 1, i * 100 + 100, 1);
    }
    kit_housekeep(&k);
    vault_get_stats(k.vault, &st);
    assert_int_equal(st.objects, 10);
    assert_in_range(st.packs, 1, 4);
    for (unsigned i = 0; i < 10; i++) {
        check_many(&k, i * 100, i * 100 + 1, 4096);
    }
    kit_stop(&k);
    kit_start(&k);
    for (unsigned i = 0; i < 10; i++) {
        check_many(&k, i * 100, i * 100 + 1, 4096);
    }
    delete_many(&k, 0, 1000, 100);
    kit_housekeep(&k);
    vault_get_stats(k.vault, &st);
    assert_int_equal(st.objects, 0);
    (void)e;
    kit_close(&k);
}

/* Nothing of a record is left in a segment that is used again. */
static void test_zeroed(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    (void)state;
    kit_open(&k, 1u << 28);
    put_many(&k, 0, 600, 4096); /* fills two segments and a part of the third */
    delete_many(&k, 0, 600, 1);
    kit_housekeep(&k);
    size_t clean = 0;
    for (unsigned number = 1; number < 20; number++) {
        char path[32];
        struct buf whole = BUF(1 << 21);
        snprintf(path, sizeof(path), "packs/%016x", number);
        if (result_is_ok(fs_read_file(k.fs, path, 1 << 21, &whole, NULL))) {
            size_t set = 0;
            for (size_t i = 0; i < whole.n; i++) {
                set += whole.p[i] != 0;
            }
            clean += set == 0;
        }
        buf_done(&whole);
    }
    assert_in_range(clean, 1, 2);
    (void)e;
    kit_close(&k);
}

static void test_rewrap(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct vault_object o;
    size_t done = 0, all = 0;
    (void)state;
    kit_open(&k, 1u << 28);
    put_many(&k, 0, 50, 1000);
    put_many(&k, 50, 55, 200000);
    fake_keeper_rotate();
    do {
        assert_ok(vault_rewrap(&k.cx, DEFAULT_KEY, 1000, &done, &e), e);
        all += done;
        assert_true(all <= 55);
    } while (done > 0);
    assert_int_equal(all, 55);
    check_many(&k, 0, 50, 1000);
    check_many(&k, 50, 55, 200000);
    assert_ok(vault_head(&k.cx, &k.bucket, BYTES_LIT("k00007"), "", false, &o, &e), e);
    assert_int_equal(o.key_ref.version, 2);
    assert_ok(vault_head(&k.cx, &k.bucket, BYTES_LIT("k00052"), "", false, &o, &e), e);
    assert_int_equal(o.key_ref.version, 2);
    kit_stop(&k);
    kit_start(&k);
    kit_housekeep(&k);
    check_many(&k, 0, 50, 1000);
    kit_close(&k);
}

/* --- entries without effect ------------------------------------------------------------------ */

static void test_void_at_start(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    const char *kind = NULL;
    (void)state;
    kit_open(&k, 1u << 28);
    put_many(&k, 0, 5, 10);
    fake_scribe_lose_answers(true);
    fake_scribe_fail("object.put", ERRC_AGAIN, 0, 1);
    assert_code(kit_put(&k, "lost", BYTES_LIT("x"), &e), ERRC_AGAIN);
    fake_scribe_fail("bucket.delete", ERRC_AGAIN, 0, 1);
    assert_code(vault_bucket_delete(&k.cx, BYTES_LIT("data"), &e), ERRC_AGAIN);
    uint64_t before = fake_scribe_count("acme", NULL);
    kit_stop(&k);
    kit_start(&k);
    assert_int_equal(fake_scribe_count("acme", "void"), 1);
    struct bytes text = fake_scribe_payload("acme", before, &kind);
    bool is_void = strcmp(kind, "void") == 0;
    char want[64];
    snprintf(want, sizeof(want), "{\"index\":%llu}", (unsigned long long)before - 2);
    assert_bytes(is_void ? text : fake_scribe_payload("acme", before + 1, &kind), bytes_str(want));
    text = fake_scribe_payload("acme", is_void ? before + 1 : before, &kind);
    assert_string_equal(kind, "bucket.delete");
    assert_true(bytes_find(text, BYTES_LIT("\"result\":\"failed\"")) < text.n);
    kit_stop(&k);
    kit_start(&k); /* and not again */
    assert_int_equal(fake_scribe_count("acme", "void"), 1);
    assert_int_equal(fake_scribe_count("acme", "vault.settled"), 1);
    assert_int_equal(fake_scribe_count("acme", NULL), before + 3);
    check_many(&k, 0, 5, 10);
    kit_close(&k);
}

/* An older copy of the metadata is put back: what it lost was not void, and the log says so. */
static void test_rollback(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct buf old = BUF(1u << 24);
    (void)state;
    kit_open(&k, 1u << 28);
    put_many(&k, 0, 3, 10);
    kit_stop(&k);
    assert_ok(fs_read_file(k.fs, "meta.db", 1u << 24, &old, &e), e);
    kit_start(&k);
    put_many(&k, 3, 7, 10);
    kit_stop(&k);
    kit_start(&k);
    assert_int_equal(fake_scribe_count("acme", "vault.settled"), 2);
    assert_int_equal(fake_scribe_count("acme", "vault.rollback"), 0);
    kit_stop(&k);
    assert_ok(fs_write_file(k.fs, "meta.db", buf_bytes(&old), &e), e);
    kit_start(&k);
    assert_int_equal(fake_scribe_count("acme", "void"), 0);
    assert_int_equal(fake_scribe_count("acme", "vault.rollback"), 1);
    check_many(&k, 0, 3, 10);
    kit_stop(&k);
    kit_start(&k);
    assert_int_equal(fake_scribe_count("acme", "vault.rollback"), 1);
    kit_close(&k);
    buf_done(&old);
}

/* An operator's act that was cut off between its entries gets an outcome; one under way none. */
static void test_foreign_intents(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    struct ledger_position at;
    const char *kind = NULL;
    (void)state;
    kit_open(&k, 1u << 28);
    kit_housekeep(&k);
    unsigned generation = vault_act_begin(k.vault, "acme");
    assert_ok(ledger_append(k.scribe, "acme", "key.rotate", BYTES_LIT("{\"phase\":\"intent\"}"),
                            &at, &e),
              e);
    kit_housekeep(&k);
    assert_int_equal(fake_scribe_count("acme", "key.rotate"), 1);
    vault_act_end(k.vault, "acme", generation, true); /* its outcome could not be written */
    kit_housekeep(&k);
    assert_int_equal(fake_scribe_count("acme", "key.rotate"), 2);
    generation = vault_act_begin(k.vault, "acme");
    assert_ok(ledger_append(k.scribe, "acme", "tenant.suspend", BYTES_LIT("{\"phase\":\"intent\"}"),
                            &at, &e),
              e);
    (void)generation; /* cut off */
    kit_stop(&k);
    kit_start(&k);
    char want[128];
    snprintf(want, sizeof(want),
             "{\"intent\":%llu,\"phase\":\"outcome\",\"result\":\"unknown\",\"tenant\":\"acme\"}",
             (unsigned long long)at.index);
    assert_bytes(fake_scribe_payload("acme", at.index + 1, &kind), bytes_str(want));
    assert_string_equal(kind, "tenant.suspend");
    kit_stop(&k);
    kit_start(&k);
    assert_int_equal(fake_scribe_count("acme", "tenant.suspend"), 2);
    kit_close(&k);
}

static void test_void_while_running(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    (void)state;
    kit_open(&k, 1u << 28);
    kit_housekeep(&k);
    fake_scribe_lose_answers(true);
    fake_scribe_fail("object.put", ERRC_AGAIN, 0, 1);
    assert_code(kit_put(&k, "lost", BYTES_LIT("x"), &e), ERRC_AGAIN);
    put_many(&k, 0, 5, 10);
    kit_housekeep(&k);
    assert_int_equal(fake_scribe_count("acme", "void"), 1);
    kit_housekeep(&k);
    assert_int_equal(fake_scribe_count("acme", "void"), 1);
    kit_stop(&k);
    kit_start(&k);
    assert_int_equal(fake_scribe_count("acme", "void"), 1);
    kit_close(&k);
}

/*
 * The metadata can't be synced: whether it took effect shows at the next start, and the log says
 * so.
 */
static void test_metadata_fails(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    uint8_t *got = NULL;
    size_t n = 0;
    (void)state;
    kit_open(&k, 1u << 28);
    assert_ok(kit_put(&k, "a", BYTES_LIT("old"), &e), e);
    fault_arm("fs.sync", FAULT_EIO, 1, 1); /* the pack's is the first */
    struct result r = kit_put(&k, "a", BYTES_LIT("new"), &e);
    fault_disarm_all();
    assert_false(result_is_ok(r));
    assert_int_equal(fake_scribe_count("acme", "void"), 0);
    kit_stop(&k);
    kit_start(&k);
    assert_ok(kit_get(&k, "a", &got, &n, &e), e);
    assert_int_equal(n, 3);
    assert_int_equal(fake_scribe_count("acme", "void"), memcmp(got, "old", 3) == 0);
    mem_free(got);
    kit_close(&k);
}

/* What was acknowledged, by key; a fault may strike anything below. */
#define SWEPT 6

struct swept {
    bool exists, is_known; /* is_known: the last act on it was acknowledged */
    uint64_t seed;
    size_t n;
};

static void sweep_acts(struct kit *k, struct swept *objects, uint64_t round)
{
    static const size_t sizes[SWEPT] = { 10, 4096, 100000, 140000, 1300000, 0 };
    uint8_t *data = mem_alloc(1300000);
    for (size_t i = 0; i < SWEPT; i++) {
        struct error e = { 0 };
        char key[8];
        snprintf(key, sizeof(key), "o%zu", i);
        kit_fill(data, sizes[i], round, 0);
        struct bytes v = bytes_of(data, sizes[i]);
        bool removes = (i + round) % 3 == 0;
        struct result r = removes      ? kit_delete(k, key, &e)
                          : i % 2 == 0 ? kit_put(k, key, v, &e)
                                       : kit_put_unknown(k, key, v, &e);
        objects[i] = (struct swept){
            .exists = !removes, .is_known = result_is_ok(r), .seed = round, .n = sizes[i]
        };
    }
    bool more = false;
    struct error e = { 0 };
    clock_fake_advance(&k->clock, 5000);
    result_ignore(vault_housekeep(k->vault, k->scribe, &more, &e));
    mem_free(data);
}

static void sweep_check(struct kit *k, const struct swept *objects)
{
    for (size_t i = 0; i < SWEPT; i++) {
        struct error e = { 0 };
        char key[8];
        uint8_t *got = NULL;
        size_t n = 0;
        snprintf(key, sizeof(key), "o%zu", i);
        struct result r = kit_get(k, key, &got, &n, &e);
        if (r.code != ERRC_NOT_FOUND) {
            assert_ok(r, e);
        }
        if (objects[i].is_known) {
            uint8_t *want = mem_alloc(objects[i].n + 1);
            kit_fill(want, objects[i].n, objects[i].seed, 0);
            assert_int_equal(result_is_ok(r), objects[i].exists);
            if (objects[i].exists) {
                assert_int_equal(n, objects[i].n);
                assert_memory_equal(got, want, n);
            }
            mem_free(want);
        }
        mem_free(got);
    }
}

/* Each kind of call fails once, at each of its places in turn. */
static void test_fault_sweep(void **state)
{
    static const char *const names[] = { "fs.open",     "fs.write",  "fs.sync",
                                         "fs.truncate", "fs.unlink", "fs.sync_dir" };
    static const enum fault_kind kinds[] = { FAULT_EIO, FAULT_ENOSPC };
    struct swept objects[SWEPT] = { 0 };
    struct kit k = { 0 };
    uint64_t round = 0;
    (void)state;
    kit_open(&k, 1u << 30);
    for (size_t name = 0; name < ARRAY_LEN(names); name++) {
        for (unsigned after = 0; after < 24; after++, round++) {
            fault_arm(names[name], kinds[round % 2], after, 1);
            sweep_acts(&k, objects, round);
            fault_disarm_all();
            kit_stop(&k);
            kit_start(&k);
            sweep_check(&k, objects);
            arena_reset(k.arena);
        }
    }
    kit_close(&k);
}

/* --- full disks ------------------------------------------------------------------------------ */

static void test_reserve(void **state)
{
    struct kit k = { .reserve_bytes = 8u << 20 };
    struct error e = { 0 };
    struct vault_writer *w = NULL;
    (void)state;
    kit_open(&k, 32u << 20);
    struct vault_put put = {
        .bucket = &k.bucket, .key = BYTES_LIT("x"), .has_size = true, .size = 30u << 20
    };
    assert_code(vault_put_begin(&k.cx, &put, &w, &e), ERRC_FULL);
    put.size = 10u << 20;
    assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
    vault_put_abort(w);
    fs_fake_set_capacity(k.fs, 7u << 20);
    assert_code(kit_put(&k, "a", BYTES_LIT("1"), &e), ERRC_FULL);
    assert_int_equal(fake_scribe_count("acme", "object.put"), 0);
    kit_close(&k);
}

/* No space left in the middle: refused as full, nothing half-written, and all is well again
 * afterwards. */
static void test_full(void **state)
{
    struct kit k = { .reserve_bytes = 1 };
    struct error e = { 0 };
    size_t n = 6u << 20;
    uint8_t *data = mem_alloc(n);
    (void)state;
    kit_open(&k, 64u << 20);
    kit_fill(data, n, 1, 0);
    put_many(&k, 0, 10, 1000);
    uint64_t free_bytes = 0, total = 0;
    assert_ok(fs_space(k.fs, &free_bytes, &total, &e), e);
    for (uint64_t left = 100000; left < n; left += 1500000) {
        struct vault_put put = { .bucket = &k.bucket, .key = BYTES_LIT("x") };
        struct vault_writer *w = NULL;
        fs_fake_set_capacity(k.fs, total - free_bytes + left);
        assert_ok(vault_put_begin(&k.cx, &put, &w, &e), e);
        struct result r = vault_put_write(w, bytes_of(data, n), &e);
        if (result_is_ok(r)) {
            struct vault_object o;
            r = vault_put_commit(w, &o, NULL, &e);
        } else {
            vault_put_abort(w);
        }
        assert_int_equal(r.code, ERRC_FULL);
        assert_int_equal(kit_count_files(&k, "blobs"), 0);
        check_many(&k, 0, 10, 1000);
    }
    fs_fake_set_capacity(k.fs, total);
    assert_ok(kit_put(&k, "x", bytes_of(data, n), &e), e);
    check_many(&k, 0, 10, 1000);
    mem_free(data);
    kit_close(&k);
}

/* Small objects until nothing goes any more: each is there or was refused as full. */
static void test_full_packs(void **state)
{
    struct kit k = { .reserve_bytes = 1 };
    struct error e = { 0 };
    (void)state;
    kit_open(&k, 8u << 20);
    unsigned i = 0;
    struct result r = RESULT_OK;
    uint8_t data[4096];
    for (; i < 10000 && result_is_ok(r); i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%05u", i);
        kit_fill(data, sizeof(data), i, 0);
        r = kit_put(&k, key, BYTES_OF(data), &e);
    }
    assert_int_equal(r.code, ERRC_FULL);
    check_many(&k, 0, i - 1, 4096);
    kit_stop(&k);
    fs_fake_set_capacity(k.fs, 16u << 20);
    kit_start(&k);
    check_many(&k, 0, i - 1, 4096);
    put_many(&k, i, i + 10, 4096);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved),           cmocka_unit_test(test_recycling),
        cmocka_unit_test(test_zeroed),          cmocka_unit_test(test_rewrap),
        cmocka_unit_test(test_void_at_start),   cmocka_unit_test(test_void_while_running),
        cmocka_unit_test(test_foreign_intents), cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_metadata_fails),  cmocka_unit_test(test_fault_sweep),
        cmocka_unit_test(test_reserve),         cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
