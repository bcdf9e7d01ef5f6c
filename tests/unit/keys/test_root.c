/* The root key file: its three forms, refusals, every flipped byte and truncation. */
#include "keys_testkit.h"

#include <sys/stat.h>
#include <unistd.h>

static const struct password_params weak = { .m_kib = 64, .passes = 1, .lanes = 1 };
#define PASSPHRASE BYTES_LIT("correct horse battery")

static bool opens_to(struct kit *k, const struct root_opening *with)
{
    struct error e;
    struct secret *got = NULL;
    bool is_same = root_open(k->fs, "root.key", with, &got, &e).code == ERRC_OK &&
                   secret_equal(got, secret_bytes(k->root));
    secret_free(got);
    return is_same;
}

static void file_form(void **state)
{
    struct kit k;
    struct error e;
    struct root_info info;
    struct root_opening none = { 0 };
    struct secret *got;

    (void)state;
    kit_init(&k, 1);
    assert_code(root_open(k.fs, "root.key", &none, &got, &e), ERRC_NOT_FOUND);
    assert_non_null(strstr(e.msg, "troth init"));
    assert_ok(root_seal_file(k.fs, "root.key", k.root, false, &e), e);
    assert_code(root_seal_file(k.fs, "root.key", k.root, false, &e), ERRC_EXISTS);
    assert_true(opens_to(&k, &none));
    assert_ok(root_inspect(k.fs, "root.key", &info, &e), e);
    assert_int_equal(info.form, ROOT_IN_FILE);
    kit_done(&k);
}

static void passphrase_form(void **state)
{
    struct kit k;
    struct error e;
    struct root_info info;
    struct root_opening with = { .passphrase = PASSPHRASE };
    struct secret *got;

    (void)state;
    kit_init(&k, 2);
    assert_code(root_seal_passphrase(k.fs, "root.key", k.root, BYTES_LIT("short"), &weak,
                                     &k.rng.base, false, &e),
                ERRC_RANGE);
    assert_ok(root_seal_passphrase(k.fs, "root.key", k.root, PASSPHRASE, &weak, &k.rng.base, false,
                                   &e),
              e);
    assert_true(opens_to(&k, &with));
    assert_ok(root_inspect(k.fs, "root.key", &info, &e), e);
    assert_int_equal(info.form, ROOT_BY_PASSPHRASE);
    assert_int_equal(info.params.m_kib, 64);
    with.passphrase = BYTES_LIT("correct horse batterz");
    assert_code(root_open(k.fs, "root.key", &with, &got, &e), ERRC_DENIED);
    /* the same root in another form */
    assert_ok(root_seal_file(k.fs, "root.key", k.root, true, &e), e);
    assert_true(opens_to(&k, &with));
    kit_done(&k);
}

static void shares_form(void **state)
{
    struct kit k;
    struct error e;
    struct shamir_share shares[5];
    struct bytes given[5];
    struct root_info info;
    struct secret *got, *other;

    (void)state;
    kit_init(&k, 3);
    assert_code(root_seal_shares(k.fs, "root.key", k.root, 1, 3, &k.rng.base, false, shares, &e),
                ERRC_RANGE);
    assert_ok(root_seal_shares(k.fs, "root.key", k.root, 3, 5, &k.rng.base, false, shares, &e), e);
    assert_ok(root_inspect(k.fs, "root.key", &info, &e), e);
    assert_int_equal(info.form, ROOT_BY_SHARES);
    assert_int_equal(info.k, 3);
    assert_int_equal(info.n, 5);
    for (unsigned first = 0; first < 3; first++) {
        for (unsigned i = 0; i < 3; i++) {
            given[i] = bytes_of(shares[first + i].b, shares[first + i].n);
        }
        struct root_opening with = { .shares = given, .share_count = 3 };
        assert_true(opens_to(&k, &with));
        with.share_count = 2;
        assert_code(root_open(k.fs, "root.key", &with, &got, &e), ERRC_RANGE);
        given[2] = given[1];
        with.share_count = 3;
        assert_code(root_open(k.fs, "root.key", &with, &got, &e), ERRC_CONFLICT);
    }
    /* shares of another root */
    assert_int_equal(root_generate(&k.rng.base, &other).code, ERRC_OK);
    assert_ok(root_seal_shares(k.fs, "other.key", other, 2, 3, &k.rng.base, false, shares, &e), e);
    given[0] = bytes_of(shares[0].b, shares[0].n);
    given[1] = bytes_of(shares[1].b, shares[1].n);
    struct root_opening with = { .shares = given, .share_count = 2 };
    assert_code(root_open(k.fs, "root.key", &with, &got, &e), ERRC_DENIED);
    secret_free(other);
    kit_done(&k);
}

static void flips_and_truncations(void **state)
{
    struct kit k;
    struct error e;
    struct root_opening with = { .passphrase = PASSPHRASE };

    (void)state;
    kit_init(&k, 4);
    for (int form = 0; form < 2; form++) {
        CLEANUP(buf_done_p) struct buf good = BUF(1024);
        if (form == 0) {
            assert_ok(root_seal_file(k.fs, "root.key", k.root, true, &e), e);
        } else {
            assert_ok(root_seal_passphrase(k.fs, "root.key", k.root, PASSPHRASE, &weak, &k.rng.base,
                                           true, &e),
                      e);
        }
        assert_ok(fs_read_file(k.fs, "root.key", 1024, &good, &e), e);
        for (size_t i = 0; i < good.n; i++) {
            for (int bit = 0; bit < 8; bit++) {
                good.p[i] ^= (uint8_t)(1 << bit);
                assert_ok(fs_write_file(k.fs, "root.key", buf_bytes(&good), &e), e);
                assert_false(opens_to(&k, &with));
                good.p[i] ^= (uint8_t)(1 << bit);
            }
            assert_ok(fs_write_file(k.fs, "root.key", bytes_of(good.p, i), &e), e);
            assert_false(opens_to(&k, &with));
        }
        assert_ok(fs_write_file(k.fs, "root.key", buf_bytes(&good), &e), e);
        assert_true(opens_to(&k, &with));
    }
    kit_done(&k);
}

/* On real files: mode and owner. */
static void modes(void **state)
{
    struct kit k;
    struct error e;
    struct root_opening none = { 0 };
    struct secret *got = NULL;
    struct fs *real;
    char dir[] = "/tmp/troth-root-XXXXXX", path[64];

    (void)state;
    kit_init(&k, 5);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/root.key", dir);
    assert_ok(fs_open_dir(dir, &real, &e), e);
    assert_ok(root_seal_file(real, "root.key", k.root, false, &e), e);
    assert_ok(root_open(real, "root.key", &none, &got, &e), e);
    secret_free(got);
    static const mode_t bad[] = { 0640, 0604, 0660, 0644, 0610, 0601, 0620 };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(chmod(path, bad[i]), 0);
        assert_code(root_open(real, "root.key", &none, &got, &e), ERRC_DENIED);
        assert_non_null(strstr(e.msg, "chmod 600"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_ok(root_open(real, "root.key", &none, &got, &e), e);
    secret_free(got);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_code(root_open(real, "root.key", &none, &got, &e), ERRC_DENIED);
        assert_non_null(strstr(e.msg, "chown"));
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    fs_free(real);
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_form),   cmocka_unit_test(passphrase_form),
        cmocka_unit_test(shares_form), cmocka_unit_test(flips_and_truncations),
        cmocka_unit_test(modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
