/* Rules of passwords: each profile's, what is seen through, the list of breached ones on the
 * disk. */
#include "testkit.h"

#include "base/rng.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "identity/password_rules.h"

static const char *const words[] = { "lin", "Zhang Xiaolin", "acme-cloud", NULL };

static enum errc check(const char *profile, const struct block_list *list, const char *password)
{
    struct error e = { 0 };
    const struct password_profile *p = password_profile_find(bytes_str(profile));
    assert_non_null(p);
    enum errc code = password_rules_check(p, list, bytes_str(password), words, &e).code;
    if (code != ERRC_OK && strlen(password) > 3 && strcmp(password, "password") != 0) {
        assert_null(strstr(e.msg, password)); /* a message never repeats it */
    }
    return code;
}

static void assert_all(const char *profile, const char *const *list, enum errc want)
{
    for (; *list != NULL; list++) {
        if (check(profile, NULL, *list) != want) {
            fail_msg("%s: '%s' should be %s", profile, *list, errc_name(want));
        }
    }
}

/*= 2.1.4-7 test */
static void nist(void **state)
{
    static const char *const good[] = { "x7#kQ2pz",
                                        "vmtrkwob",
                                        "correct staple battery hoof",
                                        "tr0ub4dor&3",
                                        "\xe7\xb4\xab\xe6\xb0\x94\xe4\xb8\x9c\xe6\x9d\xa5\xe4\xb8"
                                        "\x89\xe4\xb8\x87\xe9\x87\x8c\xe8\xb7\xaf",
                                        "a b c x y q 7 w",
                                        "  spaces are kept  ",
                                        NULL };
    static const char *const bad[] = { "", "x7#kQ2p",
                                       /* eight bytes are no eight characters */
                                       "\xe7\xb4\xab\xe6\xb0\x94\xe4\xb8\x9c",
                                       "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7", NULL };
    char longest[PASSWORD_MAX + 2];
    struct rng_test rng;
    (void)state;
    rng_test_init(&rng, 1);
    assert_all("nist-800-63b-4", good, ERRC_OK);
    assert_all("nist-800-63b-4", bad, ERRC_RANGE);
    for (size_t i = 0; i < sizeof(longest); i++) {
        longest[i] = (char)('!' + rng_below(&rng.base, 94));
    }
    longest[PASSWORD_MAX] = '\0';
    assert_int_equal(check("nist-800-63b-4", NULL, longest), ERRC_OK);
    longest[PASSWORD_MAX] = 'x';
    longest[PASSWORD_MAX + 1] = '\0';
    assert_int_equal(check("nist-800-63b-4", NULL, longest), ERRC_RANGE);
    longest[64] = '\0';
    assert_int_equal(check("nist-800-63b-4", NULL, longest), ERRC_OK);
    assert_null(password_profile_find(BYTES_LIT("none")));
    const struct password_profile *p = password_profile_find(BYTES_LIT("nist-800-63b-4"));
    assert_int_equal(p->max_age_ms, 0);
    assert_int_equal(p->classes, 0);
}

/*= 2.1.4-7 test */
static void mlps(void **state)
{
    static const char *const good[] = { "x7#kq2pz", "Vmtrkw0b", "VMTR-kwob", "vmtr-8bw", NULL };
    static const char *const bad[] = { "vmtrkwob", "VMTRKWOB", "vmtRKWob", "vmtr-kwob",
                                       "8361-927", "x7#kq2p",  NULL };
    (void)state;
    assert_all("mlps-3", good, ERRC_OK);
    assert_all("mlps-3", bad, ERRC_RANGE);
    const struct password_profile *p = password_profile_find(BYTES_LIT("mlps-3"));
    assert_true(p->max_age_ms == (int64_t)90 * 24 * 3600 * 1000);
    assert_int_equal(p->history, 5);
}

/* Both profiles refuse these: they are guessed first. */
static void guessable(void **state)
{
    static const char *const bad[] = { "password",          "Password1!",
                                       "P@ssw0rd",          "p4$$w0rd123!",
                                       "PASSWORD2026",      "Pa55word!!",
                                       "12345678",          "123456789012345678",
                                       "87654321",          "abcdefghijkl",
                                       "aaaaaaaaaaaaaaa",   "aaaaaaaabbbbbbbb",
                                       "qwertyuiop",        "1qaz2wsx!QAZ@WSX",
                                       "asdfghjkl;'",       "!@#$%^&*()",
                                       "abcabcabcabc",      "lin1lin1lin1lin1",
                                       "xyxyxyxyxyxy",      "Summer2026!",
                                       "Winter.2025",       "Welcome123",
                                       "admin@123456",      "Admin!2345",
                                       "iloveyou2",         "dragonmonkey",
                                       "root1234Root",      "acme-cloud-2026",
                                       "AcmeCloud1234567",  "Lin!1234",
                                       "zhangxiaolin88",    "Zhang Xiaolin 1",
                                       "woaini1314520!!!!", "Huawei@123",
                                       "troth-Keeper-1",    "letmein!letmein",
                                       "L3tm31n!",          NULL };
    (void)state;
    assert_all("nist-800-63b-4", bad, ERRC_RANGE);
    assert_all("mlps-3", bad, ERRC_RANGE);
}

/* What a generator makes is not refused: 20,000 of eight characters, at most one in 200. */
static void random_ones_pass(void **state)
{
    struct rng_test rng;
    unsigned refused = 0;
    (void)state;
    rng_test_init(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        char p[9];
        for (int k = 0; k < 8; k++) {
            p[k] = (char)('!' + rng_below(&rng.base, 94));
        }
        p[8] = '\0';
        refused += check("nist-800-63b-4", NULL, p) != ERRC_OK;
    }
    assert_true(refused <= 100);
}

/* --- the file --- */

static int digest_order(const void *a, const void *b)
{
    return memcmp(a, b, SHA1_BYTES);
}

static void name_of(unsigned i, char ret[32])
{
    snprintf(ret, 32, "breached %u vmtrkwob", i);
}

/* n passwords, sorted; `form` 0: digits, 1: lower case, 2: with counts, 3: with counts and CR. */
static void list_text(unsigned n, int form, struct buf *out)
{
    uint8_t(*all)[SHA1_BYTES] = calloc(n, SHA1_BYTES);
    char name[32], hex[41];
    for (unsigned i = 0; i < n; i++) {
        name_of(i, name);
        hash_once(HASH_SHA1, bytes_str(name), all[i]);
    }
    qsort(all, n, SHA1_BYTES, digest_order);
    for (unsigned i = 0; i < n; i++) {
        hex_encode(BYTES_OF(all[i]), hex);
        for (char *c = hex; form != 1 && *c != '\0'; c++) {
            *c = (char)(*c >= 'a' ? *c - 32 : *c);
        }
        buf_add_str(out, hex);
        if (form >= 2) {
            buf_addf(out, ":%u", i % 7 == 0 ? i * 1000003u : i);
        }
        buf_add_str(out, form == 3 ? "\r\n" : "\n");
    }
    free(all);
}

static void lists(void **state)
{
    static const unsigned sizes[] = { 1, 2, 3, 10, 257, 1000 };
    char name[32];
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(sizes) * 8; k++) {
        unsigned n = sizes[k / 8];
        CLEANUP(fs_free_p) struct fs *fs = fs_fake_new(1 << 20);
        CLEANUP(buf_done_p) struct buf text = BUF(1 << 20);
        CLEANUP(block_list_close_p) struct block_list *list = NULL;
        struct error e;
        bool has = false;
        list_text(n, k % 4, &text);
        text.n -= k % 8 >= 4 ? (k % 4 == 3 ? 2 : 1) : 0; /* without the last line's end */
        assert_ok(fs_write_file(fs, "blocked", buf_bytes(&text), &e), e);
        if (block_list_open(fs, "blocked", &list, &e).code != ERRC_OK) {
            fail_msg("%zu: %s", k, e.msg);
        }
        for (unsigned i = 0; i < n + 50; i++) {
            name_of(i, name);
            assert_ok(block_list_has(list, bytes_str(name), &has, &e), e);
            assert_int_equal(has, i < n);
        }
        name_of(0, name);
        assert_int_equal(check("nist-800-63b-4", list, name), ERRC_RANGE);
        name_of(n, name);
        assert_int_equal(check("nist-800-63b-4", list, name), ERRC_OK);
    }
}

static void bad_lists(void **state)
{
    static const char *const bad[] = {
        "x\n",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD\n",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 3\n",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:\n",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:x\n",
        ("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3\n0000000000000000000000000000000000000000:1\n"
         "0000000000000000000000000000000000000000:1\n"),
        "password\nletmein\n",
    };
    CLEANUP(fs_free_p) struct fs *fs = fs_fake_new(1 << 20);
    struct block_list *list = NULL;
    struct error e;
    bool has = true;
    (void)state;
    assert_code(block_list_open(fs, "blocked", &list, &e), ERRC_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_ok(fs_write_file(fs, "blocked", bytes_str(bad[i]), &e), e);
        assert_code(block_list_open(fs, "blocked", &list, &e), ERRC_FORMAT);
        assert_null(list);
    }
    assert_ok(fs_write_file(fs, "blocked", BYTES_NONE, &e), e);
    assert_ok(block_list_open(fs, "blocked", &list, &e), e);
    assert_ok(block_list_has(list, BYTES_LIT("x"), &has, &e), e);
    assert_false(has);
    block_list_close(list);
    block_list_close(NULL);
}

/* A damaged line: an answer or an error that says so, never a crash. */
static void damaged_lists(void **state)
{
    CLEANUP(fs_free_p) struct fs *fs = fs_fake_new(1 << 20);
    CLEANUP(buf_done_p) struct buf text = BUF(1 << 20);
    CLEANUP(block_list_close_p) struct block_list *list = NULL;
    struct error e;
    char name[32];
    bool has;
    (void)state;
    list_text(20, 3, &text);
    assert_ok(fs_write_file(fs, "blocked", buf_bytes(&text), &e), e);
    assert_ok(block_list_open(fs, "blocked", &list, &e), e);
    for (size_t at = 0; at < text.n; at++) {
        assert_ok(fs_fake_flip(fs, "blocked", at, 0x55), e);
        for (unsigned i = 0; i < 4; i++) {
            name_of(i * 7, name);
            enum errc code = block_list_has(list, bytes_str(name), &has, &e).code;
            assert_true(code == ERRC_OK || code == ERRC_FORMAT);
        }
        assert_ok(fs_fake_flip(fs, "blocked", at, 0x55), e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nist),          cmocka_unit_test(mlps),
        cmocka_unit_test(guessable),     cmocka_unit_test(random_ones_pass),
        cmocka_unit_test(lists),         cmocka_unit_test(bad_lists),
        cmocka_unit_test(damaged_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
