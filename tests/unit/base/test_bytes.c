/* Borrowed bytes: searching, splitting, taking. */
#include "testkit.h"

#define B(s) BYTES_LIT(s)

static void test_compare(void **state)
{
    (void)state;
    assert_true(bytes_equal(B("ab"), B("ab")));
    assert_false(bytes_equal(B("ab"), B("abc")));
    assert_true(bytes_equal(BYTES_NONE, B("")));
    assert_true(bytes_equal_nocase(B("Content-Length"), B("content-lENGTH")));
    assert_false(
            bytes_equal_nocase(B("a["), B("a{"))); /* 0x5B and 0x7B differ by the case bit only */
    assert_true(bytes_equal_str_nocase(B("GET"), "get"));
    assert_int_equal(bytes_compare(B("a"), B("b")), -1);
    assert_int_equal(bytes_compare(B("\xFF"), B("\x01")), 1);
    assert_int_equal(bytes_compare(B("a"), B("ab")), -1);
    assert_int_equal(bytes_compare(B("ab"), B("a")), 1);
    assert_int_equal(bytes_compare(BYTES_NONE, BYTES_NONE), 0);
}

static void test_search(void **state)
{
    (void)state;
    assert_true(bytes_has_prefix(B("abc"), B("ab")));
    assert_true(bytes_has_prefix(B("abc"), BYTES_NONE));
    assert_false(bytes_has_prefix(B("ab"), B("abc")));
    assert_true(bytes_has_suffix(B("abc"), B("bc")));
    assert_true(bytes_has_suffix(BYTES_NONE, BYTES_NONE));
    assert_false(bytes_has_suffix(B("bc"), B("abc")));
    assert_int_equal(bytes_index(B("abc"), 'c'), 2);
    assert_int_equal(bytes_index(B("abc"), 'x'), 3);
    assert_int_equal(bytes_index(BYTES_NONE, 'x'), 0);
    assert_int_equal(bytes_find(B("aabaab"), B("ab")), 1);
    assert_int_equal(bytes_find(B("aab"), B("ba")), 3);
    assert_int_equal(bytes_find(BYTES_NONE, B("x")), 0);
    assert_bytes(bytes_slice(B("abcd"), 1, 3), B("bc"));
    assert_bytes(bytes_slice(B("abcd"), 3, 1), B(""));
    assert_bytes(bytes_slice(B("abcd"), 2, 99), B("cd"));
    assert_bytes(bytes_slice(B("abcd"), 99, 99), B(""));
    assert_bytes(bytes_trim(B(" \t a b\t "), " \t"), B("a b"));
    assert_bytes(bytes_trim(B("   "), " "), B(""));
}

static void test_split(void **state)
{
    (void)state;
    struct bytes in = B("a=b=c"), head;
    assert_true(bytes_split(&in, '=', &head));
    assert_bytes(head, B("a"));
    assert_true(bytes_split(&in, '=', &head));
    assert_bytes(head, B("b"));
    assert_false(bytes_split(&in, '=', &head));
    assert_bytes(head, B("c"));
    assert_int_equal(in.n, 0);
    in = B("=");
    assert_true(bytes_split(&in, '=', &head));
    assert_int_equal(head.n, 0);
    assert_int_equal(in.n, 0);
    /* head and rest may be the same variable's parts: the text itself is never read twice */
    in = B("x,y");
    assert_true(bytes_split(&in, ',', &head));
    assert_bytes(in, B("y"));
}

static const uint8_t message[] = { 1, 0x12, 0x34, 0x12, 0x34, 0x56, 0x78, 1, 2, 3, 4, 5,
                                   6, 7,    8,    0,    2,    'h',  'i',  0, 0, 0, 1, '!' };

static RESULT take_message(struct bytes in)
{
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    struct bytes e, f;
    TRY(bytes_take_u8(&in, &a));
    TRY(bytes_take_be16(&in, &b));
    TRY(bytes_take_be32(&in, &c));
    TRY(bytes_take_be64(&in, &d));
    TRY(bytes_take_be16_prefixed(&in, &e));
    TRY(bytes_take_be32_prefixed(&in, &f));
    TRY(bytes_take_end(in));
    assert_int_equal(a, 1);
    assert_int_equal(b, 0x1234);
    assert_int_equal(c, 0x12345678);
    assert_true(d == 0x0102030405060708ULL);
    assert_bytes(e, B("hi"));
    assert_bytes(f, B("!"));
    return RESULT_OK;
}

static void test_take(void **state)
{
    (void)state;
    assert_code(take_message(BYTES_OF(message)), ERRC_OK);
    for (size_t cut = 0; cut < sizeof(message); cut++) {
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, message, cut);
        assert_code(take_message(bytes_of(part, cut)), ERRC_FORMAT);
        free(part);
    }
    uint8_t longer[sizeof(message) + 1] = { 0 };
    memcpy(longer, message, sizeof(message));
    assert_code(take_message(BYTES_OF(longer)), ERRC_FORMAT);
}

static void test_refused_take_leaves_input(void **state)
{
    (void)state;
    struct bytes in = B("\0\5abc"), got;
    assert_code(bytes_take_be16_prefixed(&in, &got), ERRC_FORMAT);
    assert_int_equal(in.n, 5);
    assert_code(bytes_take(&in, SIZE_MAX, &got), ERRC_FORMAT);
    assert_int_equal(in.n, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_refused_take_leaves_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
