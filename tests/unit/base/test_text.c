/* Text: UTF-8, escapes, hex, base64, percent-encoding, numbers; naughty strings through all of it.
 */
#include "testkit.h"

#include "base/json.h"
#include "base/text.h"

#define B(s) BYTES_LIT(s)

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        struct bytes in;
        bool is_valid;
    } cases[] = {
        { { (const uint8_t *)"", 0 }, true },
        { { (const uint8_t *)"\0", 1 }, true },
        { { (const uint8_t *)"\xC2\x80", 2 }, true },
        { { (const uint8_t *)"\xDF\xBF", 2 }, true },
        { { (const uint8_t *)"\xE0\xA0\x80", 3 }, true },
        { { (const uint8_t *)"\xED\x9F\xBF", 3 }, true },
        { { (const uint8_t *)"\xEE\x80\x80", 3 }, true },
        { { (const uint8_t *)"\xEF\xBF\xBF", 3 }, true },
        { { (const uint8_t *)"\xF0\x90\x80\x80", 4 }, true },
        { { (const uint8_t *)"\xF4\x8F\xBF\xBF", 4 }, true },
        { { (const uint8_t *)"0123456\xE4\xB8\xAD"
                             "89abcdefgh",
            20 },
          true },
        { { (const uint8_t *)"\x80", 1 }, false },
        { { (const uint8_t *)"\xC0\x80", 2 }, false }, /* overlong */
        { { (const uint8_t *)"\xC1\xBF", 2 }, false },
        { { (const uint8_t *)"\xE0\x9F\xBF", 3 }, false },
        { { (const uint8_t *)"\xF0\x8F\xBF\xBF", 4 }, false },
        { { (const uint8_t *)"\xED\xA0\x80", 3 }, false }, /* surrogates */
        { { (const uint8_t *)"\xED\xBF\xBF", 3 }, false },
        { { (const uint8_t *)"\xF4\x90\x80\x80", 4 }, false }, /* past U+10FFFF */
        { { (const uint8_t *)"\xF5\x80\x80\x80", 4 }, false },
        { { (const uint8_t *)"\xFF", 1 }, false },
        { { (const uint8_t *)"\xE4\xB8", 2 }, false }, /* cut */
        { { (const uint8_t *)"\xE4\xB8"
                             "a",
            3 },
          false },
        { { (const uint8_t *)"01234567\xE4\xB8", 10 }, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (utf8_is_valid(cases[i].in) != cases[i].is_valid) {
            fail_msg("case %zu", i);
        }
    }
}

/* Every code point, written by the book: valid but for surrogates, and read back as itself. */
static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t v = 0; v <= 0x10FFFF; v++) {
        uint8_t raw[4];
        size_t n = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
        static const uint8_t leads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
        raw[0] = (uint8_t)(leads[n] | v >> 6 * (n - 1));
        for (size_t i = 1; i < n; i++) {
            raw[i] = (uint8_t)(0x80 | (v >> 6 * (n - 1 - i) & 0x3F));
        }
        uint32_t got = UINT32_MAX;
        size_t length = utf8_next(bytes_of(raw, n), &got);
        bool is_surrogate = v >= 0xD800 && v < 0xE000;
        if (length != (is_surrogate ? 0 : n) || (!is_surrogate && got != v)) {
            fail_msg("U+%04X", v);
        }
    }
}

static void test_printable(void **state)
{
    (void)state;
    assert_true(text_is_printable(B("a \xE4\xB8\xAD")));
    assert_false(text_is_printable(B("a\n")));
    assert_false(text_is_printable(B("a\x7F")));
    assert_false(text_is_printable(B("a\xC2\x9B")));
    assert_false(text_is_printable(B("a\xFF")));
}

static void check_escaped(struct bytes in, size_t max, const char *want)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1000);
    text_add_escaped(&out, in, max);
    assert_string_equal(buf_cstr(&out), want);
}

static void test_escaped(void **state)
{
    (void)state;
    check_escaped(B("a\nb\xFF\xE4\xB8\xAD\0"), 100, "a\\x0ab\\xff\xE4\xB8\xAD\\x00");
    check_escaped(B("\x1B[31m"), 100, "\\x1b[31m");
    check_escaped(B("\xC2\x9B"), 100, "\\xc2\\x9b");
    check_escaped(B("\xE2\x80\xAE"
                    "abc"),
                  100, "\\xe2\\x80\\xaeabc");
    check_escaped(B("abcdef"), 3, "abc...");
    check_escaped(B("abc"), 3, "abc");
    check_escaped(B("ab\xE4\xB8\xAD"), 4, "ab...");
}

static void test_hex(void **state)
{
    (void)state;
    char text[9];
    uint8_t raw[4];
    hex_encode(B("\xDE\xAD\xBE\xEF"), text);
    assert_string_equal(text, "deadbeef");
    assert_code(hex_decode(B("DeadBEEF"), raw, 4), ERRC_OK);
    assert_memory_equal(raw, "\xDE\xAD\xBE\xEF", 4);
    assert_code(hex_decode(B("deadbee"), raw, 4), ERRC_FORMAT);
    assert_code(hex_decode(B("deadbeef0"), raw, 4), ERRC_FORMAT);
    assert_code(hex_decode(B("deadbeef"), raw, 3), ERRC_FORMAT);
    for (unsigned c = 0; c < 256; c++) {
        uint8_t in[2] = { '0', (uint8_t)c };
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        assert_code(hex_decode(BYTES_OF(in), raw, 1), is_digit ? ERRC_OK : ERRC_FORMAT);
    }
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" } }; /* RFC 4648 10 */
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        CLEANUP(buf_done_p) struct buf out = BUF(100), back = BUF(strlen(pairs[i][0]));
        buf_add_base64(&out, bytes_str(pairs[i][0]));
        assert_string_equal(buf_cstr(&out), pairs[i][1]);
        assert_code(base64_decode(buf_bytes(&out), &back), ERRC_OK);
        assert_bytes(buf_bytes(&back), bytes_str(pairs[i][0]));
    }
    static const char *const bad[] = { "Z",      "Zg",    "Zg=",      "Zh==", "Zm9=",
                                       "Zg==\n", "Zg== ", "=Zg=",     "Z===", "====",
                                       "Zm-_",   "Zm9v=", "Zg==Zg==", "Z g=", "\xFFm8=" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(buf_done_p) struct buf out = BUF(100);
        if (base64_decode(bytes_str(bad[i]), &out).code != ERRC_FORMAT) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_int_equal(out.n, 0);
    }
}

static void test_base64url(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf out = BUF(100), back = BUF(100);
    buf_add_base64url(&out, B("\xFB\xFF\xFE\xFF"));
    assert_string_equal(buf_cstr(&out), "-__-_w");
    assert_code(base64url_decode(buf_bytes(&out), &back), ERRC_OK);
    assert_bytes(buf_bytes(&back), B("\xFB\xFF\xFE\xFF"));
    static const char *const bad[] = { "-", "-_/-", "-__-_w==", "-__-_x" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(base64url_decode(bytes_str(bad[i]), &back), ERRC_FORMAT);
    }
    CLEANUP(buf_done_p) struct buf small = BUF(3);
    assert_code(base64url_decode(B("-__-_w"), &small), ERRC_LIMIT);
}

static void check_percent(const char *in, bool plus, const char *want)
{
    CLEANUP(buf_done_p) struct buf out = BUF(100);
    struct result r = percent_decode(bytes_str(in), plus, &out);
    assert_code(r, want == NULL ? ERRC_FORMAT : ERRC_OK);
    if (want != NULL) {
        assert_string_equal(buf_cstr(&out), want);
    }
}

static void test_percent(void **state)
{
    (void)state;
    check_percent("a%20b%2Fc%e4%b8%ad", false, "a b/c\xE4\xB8\xAD");
    check_percent("a+b", false, "a+b");
    check_percent("a+b%2B", true, "a b+");
    check_percent("%", false, NULL);
    check_percent("%4", false, NULL);
    check_percent("%4x", false, NULL);
    check_percent("%%41", false, NULL);
    check_percent("", false, "");
    CLEANUP(buf_done_p) struct buf out = BUF(100), all = BUF(1000), back = BUF(256);
    buf_add_percent(&out, B("a/b c~-._\xE4*"), true);
    assert_string_equal(buf_cstr(&out), "a/b%20c~-._%E4%2A");
    buf_reset(&out);
    buf_add_percent(&out, B("a/b"), false);
    assert_string_equal(buf_cstr(&out), "a%2Fb");
    uint8_t every[256];
    for (unsigned i = 0; i < 256; i++) {
        every[i] = (uint8_t)i;
    }
    buf_add_percent(&all, BYTES_OF(every), false);
    assert_code(percent_decode(buf_bytes(&all), true, &back), ERRC_OK);
    assert_bytes(buf_bytes(&back), BYTES_OF(every));
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_code(num_u64(B("18446744073709551615"), 0, UINT64_MAX, &u), ERRC_OK);
    assert_true(u == UINT64_MAX);
    assert_code(num_u64(B("18446744073709551616"), 0, UINT64_MAX, &u), ERRC_RANGE);
    assert_code(num_u64(B("99999999999999999999999999"), 0, UINT64_MAX, &u), ERRC_RANGE);
    assert_code(num_u64(B("5"), 6, 9, &u), ERRC_RANGE);
    assert_code(num_u64(B("10"), 6, 9, &u), ERRC_RANGE);
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "\xD9\xA1"
    };
    for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
        assert_code(num_u64(bytes_str(bad[k]), 0, UINT64_MAX, &u), ERRC_FORMAT);
    }
    assert_code(num_i64(B("-9223372036854775808"), INT64_MIN, INT64_MAX, &i), ERRC_OK);
    assert_true(i == INT64_MIN);
    assert_code(num_i64(B("9223372036854775807"), INT64_MIN, INT64_MAX, &i), ERRC_OK);
    assert_true(i == INT64_MAX);
    assert_code(num_i64(B("9223372036854775808"), INT64_MIN, INT64_MAX, &i), ERRC_RANGE);
    assert_code(num_i64(B("-9223372036854775809"), INT64_MIN, INT64_MAX, &i), ERRC_RANGE);
    assert_code(num_i64(B("-"), INT64_MIN, INT64_MAX, &i), ERRC_FORMAT);
    assert_code(num_i64(B("--1"), INT64_MIN, INT64_MAX, &i), ERRC_FORMAT);
    assert_code(num_hex64(B("fFfFfFfFfFfFfFfF"), UINT64_MAX, &u), ERRC_OK);
    assert_true(u == UINT64_MAX);
    assert_code(num_hex64(B("10000000000000000"), UINT64_MAX, &u), ERRC_RANGE);
    assert_code(num_hex64(B("11"), 16, &u), ERRC_RANGE);
    assert_code(num_hex64(B("1g"), 16, &u), ERRC_FORMAT);
    assert_code(num_hex64(B(""), 16, &u), ERRC_FORMAT);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        uint64_t want;
    } good[] = { { "0", 0 },
                 { "64", 64 },
                 { "64B", 64 },
                 { "64k", 65536 },
                 { "64K", 65536 },
                 { "64KiB", 65536 },
                 { "1 MiB", 1 << 20 },
                 { "2G", 2ULL << 30 },
                 { "5TiB", 5ULL << 40 },
                 { "16383PiB", 16383ULL << 50 } };
    uint64_t u;
    for (size_t k = 0; k < ARRAY_LEN(good); k++) {
        assert_code(num_size(bytes_str(good[k].in), 0, UINT64_MAX, &u), ERRC_OK);
        assert_true(u == good[k].want);
    }
    static const char *const bad[] = { "",   "k",     "1kB", "1 ",   "1  k", "1kb",
                                       "1x", "1kiB ", "-1k", "1.5k", "1BB",  "1Ki" };
    for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
        if (num_size(bytes_str(bad[k]), 0, UINT64_MAX, &u).code != ERRC_FORMAT) {
            fail_msg("accepted: %s", bad[k]);
        }
    }
    assert_code(num_size(B("16384PiB"), 0, UINT64_MAX, &u), ERRC_RANGE);
    assert_code(num_size(B("2k"), 0, 2047, &u), ERRC_RANGE);
    assert_code(num_duration_ms(B("250ms"), 0, UINT64_MAX, &u), ERRC_OK);
    assert_int_equal(u, 250);
    assert_code(num_duration_ms(B("30d"), 0, UINT64_MAX, &u), ERRC_OK);
    assert_true(u == 2592000000ULL);
    assert_code(num_duration_ms(B("10"), 0, UINT64_MAX, &u), ERRC_FORMAT);
    assert_code(num_duration_ms(B("s"), 0, UINT64_MAX, &u), ERRC_FORMAT);
    assert_code(num_duration_ms(B("10s "), 0, UINT64_MAX, &u), ERRC_FORMAT);
    assert_code(num_duration_ms(B("213503982335d"), 0, UINT64_MAX, &u), ERRC_RANGE);
    assert_code(num_duration_ms(B("5m"), 0, 299999, &u), ERRC_RANGE);
    static const struct {
        uint64_t n;
        const char *want;
    } shown[] = { { 0, "0 B" },
                  { 1023, "1023 B" },
                  { 1024, "1 KiB" },
                  { 1536, "1.5 KiB" },
                  { 1048575, "1023.9 KiB" },
                  { 1572864, "1.5 MiB" },
                  { UINT64_MAX, "15.9 EiB" } };
    for (size_t k = 0; k < ARRAY_LEN(shown); k++) {
        CLEANUP(buf_done_p) struct buf out = BUF(32);
        buf_add_size(&out, shown[k].n);
        assert_string_equal(buf_cstr(&out), shown[k].want);
    }
}

/* One naughty string through what shows, writes and reads text. */
static void one_naughty(struct bytes in)
{
    CLEANUP(buf_done_p)
    struct buf shown = BUF(1 << 16), json = BUF(1 << 16), coded = BUF(1 << 16), back = BUF(1 << 16);
    text_add_escaped(&shown, in, SIZE_MAX);
    assert_true(text_is_printable(buf_bytes(&shown)));

    struct jsonw w;
    struct error e = { 0 };
    struct bytes got;
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    jsonw_init(&w, &json);
    jsonw_str(&w, in);
    assert_ok(json_parse(buf_bytes(&json), 1 << 16, &d, &e), e);
    assert_code(json_str(json_root(d), &got), ERRC_OK);
    assert_bytes(got, in);

    buf_add_percent(&coded, in, false);
    assert_code(percent_decode(buf_bytes(&coded), true, &back), ERRC_OK);
    assert_bytes(buf_bytes(&back), in);
    buf_reset(&coded);
    buf_reset(&back);
    buf_add_base64(&coded, in);
    assert_code(base64_decode(buf_bytes(&coded), &back), ERRC_OK);
    assert_bytes(buf_bytes(&back), in);
}

static void test_naughty_strings(void **state)
{
    (void)state;
    struct bytes file = vectors_read("naughty-strings/blns.json"), text;
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    assert_ok(json_parse(file, 1 << 20, &d, &e), e);
    struct json_iter it = { 0 };
    struct json v;
    size_t n = 0;
    for (; json_next(json_root(d), &it, &v); n++) {
        assert_code(json_str(v, &text), ERRC_OK);
        one_naughty(text);
    }
    assert_true(n > 500);
    free((void *)(uintptr_t)file.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_escaped),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_naughty_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
