/* Every flipped byte of what lies on the disk is found, and the object named; blobs can't be put in
 * each other's place. */
#include "kit.h"

#include "vault/record.h"

static char first_name[64];

static struct result keep_name(void *arg, const char *name)
{
    snprintf(first_name, sizeof(first_name), "%.20s/%.40s", (const char *)arg, name);
    return result_of(ERRC_EXISTS); /* ends the listing */
}

/* Path of the first file in a folder, or below blobs. */
static void find_file(struct kit *k, const char *folder)
{
    char path[32];
    first_name[0] = 0;
    snprintf(path, sizeof(path), "%s", folder);
    for (unsigned i = 0; i < 256 && first_name[0] == 0; i++) {
        if (strcmp(folder, "blobs") == 0) {
            snprintf(path, sizeof(path), "blobs/%02x", i);
        }
        result_ignore(fs_list(k->fs, path, keep_name, path, NULL));
    }
    assert_true(first_name[0] != 0);
}

static void check_refused(struct kit *k, const char *key, uint64_t at)
{
    struct error e = { 0 };
    uint8_t *got = NULL;
    size_t n = 0;
    struct result r = kit_get(k, key, &got, &n, &e);
    if (r.code != ERRC_INTEGRITY && r.code != ERRC_UNSUPPORTED) {
        fail_msg("byte %llu: %s", (unsigned long long)at, errc_name(r.code));
    }
    assert_non_null(strstr(e.msg, key));
}

static void test_pack(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    uint8_t data[700], *got = NULL;
    size_t n = 0;
    (void)state;
    kit_open(&k, 1u << 28);
    for (unsigned suite = 1; suite <= 2; suite++) {
        char key[16];
        fake_keeper_suite((enum crypto_suite)suite);
        fake_keeper_rotate();
        snprintf(key, sizeof(key), "mine%u", suite);
        kit_fill(data, sizeof(data), suite, 0);
        assert_ok(kit_put(&k, key, BYTES_OF(data), &e), e);
        find_file(&k, "packs");
        struct buf pack = BUF(1 << 21);
        assert_ok(fs_read_file(k.fs, first_name, 1 << 21, &pack, &e), e);
        size_t end = pack.n, begin = 0;
        while (end > 0 && pack.p[end - 1] == 0) {
            end--;
        }
        for (size_t at = 0; at + 4 <= end; at++) {
            begin = memcmp(pack.p + at, "TRPR", 4) == 0 ? at : begin; /* the newest record */
        }
        buf_done(&pack);
        assert_true(end - begin > sizeof(data));
        for (size_t at = begin; at < end; at++) {
            assert_ok(fs_fake_flip(k.fs, first_name, at, (uint8_t)(1u << at % 8)), e);
            check_refused(&k, key, at);
            assert_ok(fs_fake_flip(k.fs, first_name, at, (uint8_t)(1u << at % 8)), e);
        }
        assert_ok(kit_get(&k, key, &got, &n, &e), e);
        mem_free(got);
    }
    kit_close(&k);
}

static void test_file(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    size_t n = 140000, got_n = 0;
    uint8_t *data = mem_alloc(n), *got = NULL;
    (void)state;
    kit_open(&k, 1u << 28);
    kit_fill(data, n, 3, 0);
    assert_ok(kit_put(&k, "large", bytes_of(data, n), &e), e);
    find_file(&k, "blobs");
    uint64_t size = 512 + n + 3 * 16;
    struct fs_stat st;
    assert_ok(fs_stat(k.fs, first_name, &st, &e), e);
    assert_int_equal(st.size, size);
    for (uint64_t at = 0; at < size; at += at < 600 || at > size - 20 ? 1 : 997) {
        assert_ok(fs_fake_flip(k.fs, first_name, at, 0x40), e);
        check_refused(&k, "large", at);
        assert_ok(fs_fake_flip(k.fs, first_name, at, 0x40), e);
    }
    assert_ok(kit_get(&k, "large", &got, &got_n, &e), e);
    mem_free(got);
    struct fs_file *f = NULL;
    for (uint64_t cut = 0; cut < size; cut = cut < size - 3 && cut > 600 ? size - 3 : cut + 97) {
        struct buf whole = BUF(1 << 20);
        assert_ok(fs_read_file(k.fs, first_name, 1 << 20, &whole, &e), e);
        assert_ok(fs_open(k.fs, first_name, FS_WRITE, &f, &e), e);
        assert_ok(fs_truncate(f, cut, &e), e);
        check_refused(&k, "large", cut);
        assert_ok(fs_pwrite(f, whole.p, whole.n, 0, &e), e);
        fs_close(f);
        buf_done(&whole);
    }
    assert_ok(fs_unlink(k.fs, first_name, &e), e);
    check_refused(&k, "large", 0);
    mem_free(data);
    kit_close(&k);
}

/* The whole file of one object in the place of another's, of the same size and tenant. */
static void test_swap(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    size_t n = 200000;
    uint8_t *data = mem_alloc(n);
    char other[sizeof(first_name)];
    (void)state;
    kit_open(&k, 1u << 28);
    kit_fill(data, n, 3, 0);
    assert_ok(kit_put(&k, "one", bytes_of(data, n), &e), e);
    find_file(&k, "blobs");
    memcpy(other, first_name, sizeof(other));
    struct buf whole = BUF(1 << 20);
    assert_ok(fs_read_file(k.fs, other, 1 << 20, &whole, &e), e);
    assert_ok(kit_delete(&k, "one", &e), e);
    kit_housekeep(&k);
    assert_ok(kit_put(&k, "two", bytes_of(data, n), &e), e);
    find_file(&k, "blobs");
    struct fs_file *f = NULL;
    assert_ok(fs_open(k.fs, first_name, FS_WRITE, &f, &e), e);
    assert_ok(fs_pwrite(f, whole.p, whole.n, 0, &e), e);
    fs_close(f);
    buf_done(&whole);
    check_refused(&k, "two", 0);
    mem_free(data);
    kit_close(&k);
}

static unsigned found_count;
static char found_place[64];

static void on_found(void *arg, const char *place, const char *what)
{
    (void)arg, (void)what;
    found_count++;
    snprintf(found_place, sizeof(found_place), "%s", place);
}

static void test_check(void **state)
{
    struct kit k = { 0 };
    struct error e = { 0 };
    uint64_t objects = 0, bytes = 0;
    uint8_t *data = mem_zalloc(300000);
    (void)state;
    kit_open(&k, 1u << 28);
    for (unsigned i = 0; i < 150; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%03u", i);
        assert_ok(kit_put(&k, key, bytes_of(data, i == 100 ? 300000 : i), &e), e);
    }
    assert_ok(vault_check(&k.cx, on_found, NULL, &objects, &bytes, &e), e);
    assert_int_equal(objects, 150);
    assert_int_equal(bytes, 149 * 150 / 2 - 100 + 300000);
    assert_int_equal(found_count, 0);
    find_file(&k, "blobs");
    assert_ok(fs_fake_flip(k.fs, first_name, 250000, 1), e);
    assert_ok(vault_check(&k.cx, on_found, NULL, &objects, &bytes, &e), e);
    assert_int_equal(found_count, 1);
    assert_string_equal(found_place, "data/k100");
    mem_free(data);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pack), cmocka_unit_test(test_file),
                                        cmocka_unit_test(test_swap), cmocka_unit_test(test_check) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
