/* The keyring: life cycle, restarts, flips of every byte, loss of power, full disk, destruction
 * that old copies do not survive. */
#include "keys_testkit.h"

#include "crypto/box.h"
#include "keys/keyring_priv.h"
#include "sys/fault.h"

#include <unistd.h>

#define AAD BYTES_LIT("bucket/key")

static struct keyring *ring_make(struct kit *k)
{
    struct error e;
    struct keyring *kr;
    assert_ok(keyring_create(&k->env, k->root, DEPLOYMENT, &e), e);
    assert_ok(keyring_open(&k->env, k->root, &kr, &e), e);
    return kr;
}

static struct keyring *ring_again(struct kit *k, struct keyring *kr)
{
    struct error e;
    keyring_close(kr);
    assert_ok(keyring_open(&k->env, k->root, &kr, &e), e);
    return kr;
}

static void life_of_a_key(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct data_key d1, d2;
    struct key256 key;

    (void)state;
    kit_init(&k, 1);
    struct keyring *kr = ring_make(&k);
    assert_code(keyring_create(&k.env, k.root, DEPLOYMENT, &e), ERRC_EXISTS);
    assert_code(keyring_tenant_create(kr, "platform", SUITE_AES256_GCM, &info, &e), ERRC_RANGE);
    assert_code(keyring_tenant_create(kr, "Acme", SUITE_AES256_GCM, &info, &e), ERRC_RANGE);
    for (enum crypto_suite s = SUITE_AES256_GCM; s <= SUITE_SM4_CTR_HMAC_SM3; s++) {
        const char *t = s == SUITE_AES256_GCM ? "acme" : "guomi";
        assert_ok(keyring_tenant_create(kr, t, s, &info, &e), e);
        assert_code(keyring_tenant_create(kr, t, s, &info, &e), ERRC_EXISTS);
        assert_true(info.is_default);
        assert_int_equal(info.version, 1);
        assert_ok(keyring_data_key(kr, t, "", AAD, &d1, &e), e);
        assert_string_equal(d1.ref.id, info.id);
        assert_int_equal(d1.wrapped_n, 33 + box_overhead(s));
        assert_ok(keyring_rotate(kr, t, info.id, &info, &e), e);
        assert_int_equal(info.version, 2);
        assert_ok(keyring_data_key(kr, t, info.id, AAD, &d2, &e), e);
        assert_int_equal(d2.ref.version, 2);
        kr = ring_again(&k, kr);
        struct bytes w1 = bytes_of(d1.wrapped, d1.wrapped_n);
        assert_ok(keyring_unwrap(kr, t, &d1.ref, AAD, w1, &key, &e), e);
        assert_memory_equal(key.b, d1.key.b, 32);
        /* bound to the object, the version, the tenant */
        assert_code(keyring_unwrap(kr, t, &d1.ref, BYTES_LIT("bucket/kez"), w1, &key, &e),
                    ERRC_INTEGRITY);
        assert_code(keyring_unwrap(kr, t, &d2.ref, AAD, w1, &key, &e), ERRC_INTEGRITY);
        assert_code(keyring_unwrap(kr, "other", &d1.ref, AAD, w1, &key, &e), ERRC_NOT_FOUND);
        struct key_ref far = d1.ref;
        far.version = 3;
        assert_code(keyring_unwrap(kr, t, &far, AAD, w1, &key, &e), ERRC_NOT_FOUND);
        /* re-wrapped: same key, newest version */
        assert_ok(keyring_rewrap(kr, t, &d1.ref, AAD, w1, &d2, &e), e);
        assert_int_equal(d2.ref.version, 2);
        assert_ok(keyring_unwrap(kr, t, &d2.ref, AAD, bytes_of(d2.wrapped, d2.wrapped_n), &key, &e),
                  e);
        assert_memory_equal(key.b, d1.key.b, 32);
        for (size_t i = 0; i < d1.wrapped_n; i++) {
            d1.wrapped[i] ^= 1;
            assert_code(keyring_unwrap(kr, t, &d1.ref, AAD, w1, &key, &e), ERRC_INTEGRITY);
            d1.wrapped[i] ^= 1;
            assert_code(keyring_unwrap(kr, t, &d1.ref, AAD, bytes_of(d1.wrapped, i), &key, &e),
                        ERRC_INTEGRITY);
        }
        /* disabled: refused at once; enabled: works again */
        assert_ok(keyring_set_enabled(kr, t, info.id, false, &info, &e), e);
        assert_code(keyring_unwrap(kr, t, &d1.ref, AAD, w1, &key, &e), ERRC_DENIED);
        assert_code(keyring_data_key(kr, t, "", AAD, &d2, &e), ERRC_DENIED);
        assert_code(keyring_rewrap(kr, t, &d1.ref, AAD, w1, &d2, &e), ERRC_DENIED);
        assert_code(keyring_rotate(kr, t, info.id, &info, &e), ERRC_CONFLICT);
        kr = ring_again(&k, kr);
        assert_code(keyring_unwrap(kr, t, &d1.ref, AAD, w1, &key, &e), ERRC_DENIED);
        assert_ok(keyring_set_enabled(kr, t, info.id, true, &info, &e), e);
        assert_ok(keyring_unwrap(kr, t, &d1.ref, AAD, w1, &key, &e), e);
    }
    keyring_close(kr);
    kit_done(&k);
}

/*= 2.1.3-7 test */
static void destruction(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct data_key d;
    struct key256 key;
    struct key_destruction cert;
    CLEANUP(buf_done_p) struct buf before = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf now = BUF(1 << 20);

    (void)state;
    kit_init(&k, 2);
    struct keyring *kr = ring_make(&k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    assert_ok(keyring_rotate(kr, "acme", "", &info, &e), e);
    struct bytes w = bytes_of(d.wrapped, d.wrapped_n);
    assert_code(keyring_destroy(kr, "acme", info.id, "bob", true, &cert, &e), ERRC_CONFLICT);
    assert_ok(keyring_schedule_destroy(kr, "acme", info.id, 7 * DAY, "alice", &info, &e), e);
    assert_int_equal(info.state, KEY_PENDING_DESTRUCTION);
    assert_int_equal(info.destroy_at_ms, T0 + 7 * DAY);
    assert_code(keyring_schedule_destroy(kr, "acme", info.id, 7 * DAY, "alice", &info, &e),
                ERRC_CONFLICT);
    assert_code(keyring_set_enabled(kr, "acme", info.id, true, &info, &e), ERRC_CONFLICT);
    assert_code(keyring_unwrap(kr, "acme", &d.ref, AAD, w, &key, &e), ERRC_DENIED);
    assert_ok(keyring_cancel_destroy(kr, "acme", info.id, &info, &e), e);
    assert_int_equal(info.state, KEY_DISABLED);
    assert_ok(keyring_schedule_destroy(kr, "acme", info.id, 7 * DAY, "alice", &info, &e), e);
    clock_fake_advance(&k.clock, 7 * DAY - 1);
    assert_code(keyring_destroy(kr, "acme", info.id, "bob", true, &cert, &e), ERRC_CONFLICT);
    clock_fake_advance(&k.clock, 1);
    assert_code(keyring_destroy(kr, "acme", info.id, "alice", true, &cert, &e), ERRC_CONFLICT);
    kr = ring_again(&k, kr);
    assert_ok(fs_read_file(k.fs, "keyring", 1 << 20, &before, &e), e);
    CLEANUP(buf_done_p) struct buf epoch = BUF(8192);
    uint8_t old_secret[32];
    assert_ok(fs_read_file(k.fs, "epoch", 8192, &epoch, &e), e);
    memcpy(old_secret, epoch.p + 12, sizeof(old_secret)); /* epoch 0 stands in the first place */
    assert_ok(keyring_destroy(kr, "acme", info.id, "bob", true, &cert, &e), e);
    buf_reset(&epoch);
    assert_ok(fs_read_file(k.fs, "epoch", 8192, &epoch, &e), e);
    assert_int_equal(bytes_find(buf_bytes(&epoch), BYTES_OF(old_secret)), epoch.n); /* at once */
    assert_int_equal(cert.versions, 2);
    assert_string_equal(cert.requested_by, "alice");
    assert_string_equal(cert.confirmed_by, "bob");
    assert_memory_not_equal(cert.keyring_before, cert.keyring_after, 32);
    assert_code(keyring_unwrap(kr, "acme", &d.ref, AAD, w, &key, &e), ERRC_EXPIRED);
    assert_code(keyring_set_enabled(kr, "acme", info.id, true, &info, &e), ERRC_EXPIRED);
    assert_code(keyring_cancel_destroy(kr, "acme", info.id, &info, &e), ERRC_EXPIRED);
    assert_code(keyring_data_key(kr, "acme", "", AAD, &d, &e), ERRC_NOT_FOUND);
    kr = ring_again(&k, kr);
    assert_code(keyring_unwrap(kr, "acme", &d.ref, AAD, w, &key, &e), ERRC_EXPIRED);
    assert_ok(keyring_destroy(kr, "acme", info.id, "bob", true, &cert, &e),
              e); /* its certificate again */
    assert_int_equal(cert.destroyed_ms, T0 + 7 * DAY);
    /* an older copy of the keyring with the right root key gives nothing back */
    keyring_close(kr);
    assert_ok(fs_read_file(k.fs, "keyring", 1 << 20, &now, &e), e);
    assert_ok(fs_write_file(k.fs, "keyring", buf_bytes(&before), &e), e);
    assert_code(keyring_open(&k.env, k.root, &kr, &e), ERRC_INTEGRITY);
    assert_non_null(strstr(e.msg, "epoch"));
    assert_ok(fs_write_file(k.fs, "keyring", buf_bytes(&now), &e), e);
    assert_ok(keyring_open(&k.env, k.root, &kr, &e), e);
    /* the next key made is the default one */
    assert_ok(keyring_create_key(kr, "acme", SUITE_AES256_GCM, "", "customer", &info, &e), e);
    assert_true(info.is_default);
    assert_string_equal(info.custodian, "customer");
    keyring_close(kr);
    kit_done(&k);
}

static void tenant_close(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct key256 a, b;
    struct key_destruction cert;
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    CLEANUP(buf_done_p) struct buf opened = BUF_SECRET(8192);
    uint32_t slot;

    (void)state;
    kit_init(&k, 3);
    struct keyring *kr = ring_make(&k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_SM4_CTR_HMAC_SM3, &info, &e), e);
    assert_ok(keyring_payload_key(kr, "acme", "2026-11", &a, &e), e);
    kr = ring_again(&k, kr);
    assert_ok(keyring_payload_key(kr, "acme", "2026-11", &b, &e), e);
    assert_memory_equal(a.b, b.b, 32);
    assert_ok(keyring_payload_key(kr, "acme", "2026-12", &b, &e), e);
    assert_memory_not_equal(a.b, b.b, 32);
    assert_code(keyring_payload_key(kr, "nobody", "2026-11", &b, &e), ERRC_NOT_FOUND);
    static const char *const bad[] = { "2026-13", "2026-00", "2026-1", "2026-111",
                                       "202a-11", "",        "2026/11" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(keyring_payload_key(kr, "acme", bad[i], &b, &e), ERRC_RANGE);
    }
    assert_ok(keyring_seal_secret(kr, "acme", AAD, BYTES_LIT("hunter2"), &sealed, &e), e);
    assert_code(keyring_open_secret(kr, "acme", BYTES_LIT("x"), buf_bytes(&sealed), &opened, &e),
                ERRC_INTEGRITY);
    assert_code(keyring_open_secret(kr, "platform", AAD, buf_bytes(&sealed), &opened, &e),
                ERRC_INTEGRITY);
    assert_ok(keyring_open_secret(kr, "acme", AAD, buf_bytes(&sealed), &opened, &e), e);
    assert_bytes(buf_bytes(&opened), BYTES_LIT("hunter2"));
    assert_code(keyring_tenant_close(kr, "acme", "bob", &cert, &e), ERRC_CONFLICT);
    assert_ok(keyring_schedule_destroy(kr, "acme", info.id, 0, "alice", &info, &e), e);
    assert_ok(keyring_destroy(kr, "acme", info.id, "alice", false, &cert, &e), e);
    assert_ok(keyring_payload_key(kr, "acme", "2026-11", &b, &e),
              e); /* the outcome can still be logged */
    assert_memory_equal(a.b, b.b, 32);
    assert_ok(keyring_tenant_close(kr, "acme", "bob", &cert, &e), e);
    assert_int_equal(cert.versions, 2);
    for (int i = 0; i < 2; i++) {
        assert_code(keyring_payload_key(kr, "acme", "2026-11", &b, &e), ERRC_EXPIRED);
        assert_code(keyring_open_secret(kr, "acme", AAD, buf_bytes(&sealed), &opened, &e),
                    ERRC_EXPIRED);
        assert_code(keyring_create_key(kr, "acme", SUITE_AES256_GCM, "", "provider", &info, &e),
                    ERRC_EXPIRED);
        assert_code(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), ERRC_EXISTS);
        assert_ok(keyring_log_seed(kr, "acme", &b, &slot, &e), e);
        kr = ring_again(&k, kr);
    }
    assert_code(keyring_tenant_close(kr, "platform", "bob", &cert, &e), ERRC_NOT_FOUND);
    keyring_close(kr);
    kit_done(&k);
}

static void counts_survive(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct data_key d;

    (void)state;
    kit_init(&k, 4);
    struct keyring *kr = ring_make(&k), *crashed;
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), e);
    for (int i = 0; i < 10; i++) {
        assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    }
    assert_ok(keyring_show(kr, "acme", "", &info, &e), e);
    assert_int_equal(info.wraps, 10);
    /* a keeper that dies: never fewer than there were */
    assert_ok(keyring_open(&k.env, k.root, &crashed, &e), e);
    assert_ok(keyring_show(crashed, "acme", "", &info, &e), e);
    assert_true(info.wraps >= 10);
    keyring_close(crashed);
    /* one that ends: exact */
    kr = ring_again(&k, kr);
    assert_ok(keyring_show(kr, "acme", "", &info, &e), e);
    assert_int_equal(info.wraps, 10);
    for (int i = 0; i < 3000; i++) { /* over several reservations */
        assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    }
    kr = ring_again(&k, kr);
    assert_ok(keyring_show(kr, "acme", "", &info, &e), e);
    assert_int_equal(info.wraps, 3010);
    keyring_close(kr);
    kit_done(&k);
}

/* The bound of wraps: rotation is due before, then it is refused until the key is rotated. */
static void wraps_are_bounded(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct data_key d;

    (void)state;
    kit_init(&k, 10);
    struct keyring *kr = ring_make(&k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), e);
    struct kr_record *v = kr_find(kr, KR_VERSION, "acme", info.id, 1);
    assert_non_null(v);
    v->u.use.wraps = KEY_WRAPS_ROTATE - 1;
    assert_ok(keyring_show(kr, "acme", "", &info, &e), e);
    assert_false(info.rotation_due);
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    assert_ok(keyring_show(kr, "acme", "", &info, &e), e);
    assert_true(info.rotation_due);
    v->u.use.wraps = KEY_WRAPS_MAX - 1;
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    assert_code(keyring_data_key(kr, "acme", "", AAD, &d, &e), ERRC_LIMIT);
    kr = ring_again(&k, kr);
    assert_code(keyring_data_key(kr, "acme", "", AAD, &d, &e), ERRC_LIMIT);
    assert_ok(keyring_rotate(kr, "acme", "", &info, &e), e);
    assert_false(info.rotation_due);
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    keyring_close(kr);
    kit_done(&k);
}

static void change_of_root(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct data_key d;
    struct key256 key;
    struct secret *next;

    (void)state;
    kit_init(&k, 5);
    struct keyring *kr = ring_make(&k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_SM4_CTR_HMAC_SM3, &info, &e), e);
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    assert_int_equal(root_generate(&k.rng.base, &next).code, ERRC_OK);
    assert_ok(keyring_change_root(kr, next, &e), e);
    keyring_close(kr);
    assert_code(keyring_open(&k.env, k.root, &kr, &e), ERRC_DENIED);
    assert_ok(keyring_open(&k.env, next, &kr, &e), e);
    assert_ok(keyring_unwrap(kr, "acme", &d.ref, AAD, bytes_of(d.wrapped, d.wrapped_n), &key, &e),
              e);
    assert_memory_equal(key.b, d.key.b, 32);
    keyring_close(kr);
    secret_free(next);
    kit_done(&k);
}

static void make_some(struct kit *k)
{
    struct error e;
    struct key_info info;
    struct key256 key;
    struct keyring *kr = ring_make(k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(
            keyring_create_key(kr, "acme", SUITE_SM4_CTR_HMAC_SM3, "second", "customer", &info, &e),
            e);
    assert_ok(keyring_rotate(kr, "acme", "", &info, &e), e);
    assert_ok(keyring_payload_key(kr, "acme", "2026-11", &key, &e), e);
    keyring_close(kr);
}

/* "any flipped byte refused with the place named" */
static void flips(void **state)
{
    struct kit k;
    struct error e;
    struct fs_stat st;
    struct keyring *kr;

    (void)state;
    kit_init(&k, 6);
    make_some(&k);
    assert_ok(fs_stat(k.fs, "keyring", &st, &e), e);
    for (uint64_t i = 0; i < st.size; i++) {
        uint8_t mask = (uint8_t)(1 << (i % 8));
        assert_code(fs_fake_flip(k.fs, "keyring", i, mask), ERRC_OK);
        memset(&e, 0, sizeof(e));
        if (keyring_open(&k.env, k.root, &kr, &e).code == ERRC_OK) {
            fail_msg("flip at %llu was not seen", (unsigned long long)i);
        }
        bool has_place = strstr(e.msg, "header") != NULL || strstr(e.msg, "record ") != NULL ||
                         strstr(e.msg, "end") != NULL || strstr(e.msg, "epoch") != NULL;
        if (!has_place) {
            fail_msg("flip at %llu: no place named: %s", (unsigned long long)i, e.msg);
        }
        assert_code(fs_fake_flip(k.fs, "keyring", i, mask), ERRC_OK);
    }
    for (uint64_t i = 0; i < 76; i++) { /* the epoch's secret: place 0 */
        assert_code(fs_fake_flip(k.fs, "epoch", i, 0x10), ERRC_OK);
        assert_code(keyring_open(&k.env, k.root, &kr, &e), ERRC_INTEGRITY);
        assert_code(fs_fake_flip(k.fs, "epoch", i, 0x10), ERRC_OK);
    }
    assert_ok(keyring_open(&k.env, k.root, &kr, &e), e);
    keyring_close(kr);
    kit_done(&k);
}

static void truncations(void **state)
{
    struct kit k;
    struct error e;
    struct keyring *kr;
    CLEANUP(buf_done_p) struct buf good = BUF(1 << 20);

    (void)state;
    kit_init(&k, 7);
    make_some(&k);
    assert_ok(fs_read_file(k.fs, "keyring", 1 << 20, &good, &e), e);
    for (size_t i = 0; i < good.n; i++) {
        assert_ok(fs_write_file(k.fs, "keyring", bytes_of(good.p, i), &e), e);
        assert_true(keyring_open(&k.env, k.root, &kr, &e).code != ERRC_OK);
    }
    buf_add_u8(&good, 0);
    assert_ok(fs_write_file(k.fs, "keyring", buf_bytes(&good), &e), e);
    assert_code(keyring_open(&k.env, k.root, &kr, &e), ERRC_INTEGRITY);
    kit_done(&k);
}

static void foreign_root(void **state)
{
    struct kit k;
    struct error e;
    struct keyring *kr;

    (void)state;
    kit_init(&k, 8);
    make_some(&k);
    secret_data(k.root)[31] ^= 1;
    assert_code(keyring_open(&k.env, k.root, &kr, &e), ERRC_DENIED);
    kit_done(&k);
}

/* The power goes after each act: what was reported is there, and the file is whole. */
static void power_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct kit k;
        struct error e;
        struct key_info info;
        struct key_destruction cert;
        struct data_key d;
        struct key256 key;
        struct keyring *kr;
        kit_init(&k, 100 + seed);
        kr = ring_make(&k);
        assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), e);
        assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
        unsigned steps = (unsigned)(seed % 4);
        if (steps >= 1) {
            assert_ok(keyring_rotate(kr, "acme", "", &info, &e), e);
        }
        if (steps >= 2) {
            assert_ok(keyring_schedule_destroy(kr, "acme", info.id, 0, "alice", &info, &e), e);
        }
        if (steps >= 3) {
            assert_ok(keyring_destroy(kr, "acme", info.id, "bob", true, &cert, &e), e);
        }
        fs_fake_power_loss(k.fs, seed);
        keyring_close(kr); /* its writes at the end are lost or whole */
        fs_fake_power_loss(k.fs, seed + 1000);
        assert_ok(keyring_open(&k.env, k.root, &kr, &e), e);
        assert_ok(keyring_show(kr, "acme", d.ref.id, &info, &e), e);
        assert_int_equal(info.version, steps >= 1 ? 2 : 1);
        enum errc want = steps <= 1 ? ERRC_OK : steps == 2 ? ERRC_DENIED : ERRC_EXPIRED;
        assert_code(
                keyring_unwrap(kr, "acme", &d.ref, AAD, bytes_of(d.wrapped, d.wrapped_n), &key, &e),
                want);
        keyring_close(kr);
        kit_done(&k);
    }
}

/* A full disk: the change is refused and undone, the keyring goes on. */
static void full_disk(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info, before;
    struct data_key d;
    struct key256 key;

    (void)state;
    kit_init(&k, 9);
    struct keyring *kr = ring_make(&k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &before, &e), e);
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    fs_fake_set_capacity(k.fs, 1);
    assert_code(keyring_rotate(kr, "acme", "", &info, &e), ERRC_FULL);
    assert_code(keyring_set_enabled(kr, "acme", before.id, false, &info, &e), ERRC_FULL);
    assert_code(keyring_payload_key(kr, "acme", "2026-11", &key, &e), ERRC_FULL);
    assert_code(keyring_tenant_create(kr, "other", SUITE_AES256_GCM, &info, &e), ERRC_FULL);
    assert_ok(keyring_show(kr, "acme", "", &info, &e), e);
    assert_int_equal(info.version, 1);
    assert_int_equal(info.state, KEY_ENABLED);
    assert_ok(keyring_unwrap(kr, "acme", &d.ref, AAD, bytes_of(d.wrapped, d.wrapped_n), &key, &e),
              e);
    assert_code(keyring_show(kr, "other", "", &info, &e), ERRC_NOT_FOUND);
    fs_fake_set_capacity(k.fs, (uint64_t)64 << 20);
    assert_ok(keyring_rotate(kr, "acme", "", &info, &e), e);
    assert_int_equal(info.version, 2);
    keyring_close(kr);
    kit_done(&k);
}

/*
 * From the n-th call of one kind on nothing works any more; then the power goes. Whatever was
 * reported done is done, the keyring opens, and the key is there whole or destroyed whole.
 */
static void crash_at(const char *point, unsigned after, uint64_t seed, bool is_destroy)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct key_destruction cert;
    struct data_key d;
    struct key256 key;

    kit_init(&k, seed);
    struct keyring *kr = ring_make(&k);
    assert_ok(keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(keyring_data_key(kr, "acme", "", AAD, &d, &e), e);
    assert_ok(keyring_schedule_destroy(kr, "acme", info.id, 0, "alice", &info, &e), e);
    if (!is_destroy) {
        assert_ok(keyring_cancel_destroy(kr, "acme", info.id, &info, &e), e);
    }
    fault_arm(point, FAULT_EIO, after, 1000000);
    struct result r = is_destroy ? keyring_destroy(kr, "acme", d.ref.id, "bob", true, &cert, &e)
                                 : keyring_set_enabled(kr, "acme", d.ref.id, true, &info, &e);
    fault_disarm_all();
    fs_fake_power_loss(k.fs, seed);
    keyring_close(kr);
    fs_fake_power_loss(k.fs, seed + 1);
    assert_ok(keyring_open(&k.env, k.root, &kr, &e), e);
    assert_ok(keyring_show(kr, "acme", d.ref.id, &info, &e), e);
    struct bytes w = bytes_of(d.wrapped, d.wrapped_n);
    if (info.state == KEY_DESTROYED) {
        assert_code(keyring_unwrap(kr, "acme", &d.ref, AAD, w, &key, &e), ERRC_EXPIRED);
    } else {
        assert_true(r.code != ERRC_OK || !is_destroy);
        if (is_destroy) {
            assert_ok(keyring_cancel_destroy(kr, "acme", d.ref.id, &info, &e), e);
        } else {
            assert_true(r.code != ERRC_OK || info.state == KEY_ENABLED);
        }
        assert_ok(keyring_set_enabled(kr, "acme", d.ref.id, true, &info, &e), e);
        assert_ok(keyring_unwrap(kr, "acme", &d.ref, AAD, w, &key, &e), e);
        assert_memory_equal(key.b, d.key.b, 32);
    }
    keyring_close(kr);
    kit_done(&k);
}

static void crash_at_every_step(void **state)
{
    static const char *const points[] = { "fs.open", "fs.write", "fs.sync", "fs.rename",
                                          "fs.sync_dir" };

    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(points); p++) {
        for (unsigned after = 0; after < 7; after++) {
            for (uint64_t seed = 0; seed < 8; seed++) {
                crash_at(points[p], after, 500 + seed, true);
                crash_at(points[p], after, 500 + seed, false);
            }
        }
    }
}

static struct result unlink_it(void *arg, const char *name)
{
    return fs_unlink(arg, name, NULL);
}

/* The same on a real disk, by the keeper's own way in. */
static void real_files(void **state)
{
    struct kit k;
    struct error e;
    struct key_info info;
    struct key_destruction cert;
    struct keeper *keeper;
    struct keyring *kr;
    struct fs *fake;
    char dir[] = "/tmp/troth-keys-XXXXXX";

    (void)state;
    kit_init(&k, 12);
    assert_non_null(mkdtemp(dir));
    fake = k.fs;
    assert_ok(fs_open_dir(dir, &k.fs, &e), e);
    k.options.dir = k.env.dir = k.fs;
    assert_ok(keeper_init(&k.options, k.root, DEPLOYMENT, &e), e);
    assert_code(keeper_init(&k.options, k.root, DEPLOYMENT, &e), ERRC_EXISTS);
    assert_ok(keyring_open(&k.env, k.root, &kr, &e), e);
    for (int i = 0; i < 3; i++) { /* both places of the epoch by turns */
        assert_ok(i == 0 ? keyring_tenant_create(kr, "acme", SUITE_AES256_GCM, &info, &e)
                         : keyring_create_key(kr, "acme", SUITE_AES256_GCM, "", "provider", &info,
                                              &e),
                  e);
        assert_ok(keyring_schedule_destroy(kr, "acme", info.id, 0, "alice", &info, &e), e);
        assert_ok(keyring_destroy(kr, "acme", info.id, "bob", true, &cert, &e), e);
        kr = ring_again(&k, kr);
        assert_ok(keyring_show(kr, "acme", cert.key_id, &info, &e), e);
        assert_int_equal(info.state, KEY_DESTROYED);
    }
    keyring_close(kr);
    /* a tenant that the keeper did not make: no place in the checkpoints file */
    assert_code(keeper_new(&k.options, k.root, &keeper, &e), ERRC_CLOSED);
    assert_ok(fs_list(k.fs, "", unlink_it, k.fs, &e), e);
    assert_int_equal(rmdir(dir), 0);
    fs_free(k.fs);
    k.fs = fake;
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_key),
        cmocka_unit_test(destruction),
        cmocka_unit_test(tenant_close),
        cmocka_unit_test(counts_survive),
        cmocka_unit_test(wraps_are_bounded),
        cmocka_unit_test(change_of_root),
        cmocka_unit_test(flips),
        cmocka_unit_test(truncations),
        cmocka_unit_test(foreign_root),
        cmocka_unit_test(power_loss),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(crash_at_every_step),
        cmocka_unit_test(real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
