/* The JSON emitter. */
#include "testkit.h"

#include "base/json.h"
#include "base/rng.h"

static void test_forms(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf out = BUF(1000);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_str(&w, "s", BYTES_LIT("x"));
    jsonw_kv_cstr(&w, "c", "");
    jsonw_kv_u64(&w, "u", UINT64_MAX);
    jsonw_kv_bool(&w, "t", true);
    jsonw_kv_bool(&w, "f", false);
    jsonw_kv_base64(&w, "b", BYTES_LIT("foob"));
    jsonw_kv_hex(&w, "h", BYTES_LIT("\xAB"));
    jsonw_key(&w, "a");
    jsonw_array(&w);
    jsonw_i64(&w, INT64_MIN);
    jsonw_i64(&w, 0);
    jsonw_null(&w);
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_object(&w);
    jsonw_object_end(&w);
    jsonw_raw(&w, BYTES_LIT("[7]"));
    jsonw_array_end(&w);
    jsonw_key_bytes(&w, BYTES_LIT("\"k\""));
    jsonw_u64(&w, 0);
    jsonw_object_end(&w);
    assert_string_equal(buf_cstr(&out),
                        "{\"s\":\"x\",\"c\":\"\",\"u\":18446744073709551615,\"t\":true,\"f\":false,"
                        "\"b\":\"Zm9vYg==\",\"h\":\"ab\","
                        "\"a\":[-9223372036854775808,0,null,[],{},[7]],\"\\\"k\\\"\":0}");
}

static void check_string(struct bytes in, const char *want)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1000);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_str(&w, in);
    assert_string_equal(buf_cstr(&out), want);
}

static void test_escapes(void **state)
{
    (void)state;
    check_string(BYTES_LIT("\b\t\n\f\r\"\\/"), "\"\\b\\t\\n\\f\\r\\\"\\\\/\"");
    check_string(BYTES_LIT("\0\x1F\x7F"), "\"\\u0000\\u001f\x7F\"");
    check_string(BYTES_LIT("\xE4\xB8\xAD\xF0\x9F\x98\x80"), "\"\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
    check_string(BYTES_LIT("a\xFF"
                           "b\xE4\xB8"),
                 "\"a\xEF\xBF\xBD"
                 "b\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_string(BYTES_LIT("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* Each byte at each place of a word: the scan by words must see it. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    for (size_t place = 0; place < 24; place++) {
        for (unsigned c = 0; c < 128; c++) {
            char in[25] = "abcdefghijklmnopqrstuvwx";
            in[place] = (char)c;
            CLEANUP(buf_done_p) struct buf out = BUF(100);
            struct jsonw w;
            jsonw_init(&w, &out);
            jsonw_str(&w, bytes_of(in, 24));
            bool is_plain = c >= 0x20 && c != '"' && c != '\\';
            if ((out.n == 26) != is_plain) {
                fail_msg("byte %u at %zu", c, place);
            }
            struct error e = { 0 };
            struct bytes got;
            CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
            assert_ok(json_parse(buf_bytes(&out), 100, &d, &e), e);
            assert_code(json_str(json_root(d), &got), ERRC_OK);
            assert_bytes(got, bytes_of(in, 24));
        }
    }
}

/* Random bytes always come out as JSON that reads back, and a small buffer is refused at every size
 * below. */
static void test_random_bytes(void **state)
{
    (void)state;
    struct rng_test rng;
    rng_test_init(&rng, 3);
    for (int round = 0; round < 2000; round++) {
        uint8_t in[40];
        size_t n = (size_t)rng_below(&rng.base, sizeof(in) + 1);
        rng_fill(&rng.base, in, n);
        CLEANUP(buf_done_p) struct buf out = BUF(1000);
        struct jsonw w;
        jsonw_init(&w, &out);
        jsonw_str(&w, bytes_of(in, n));
        struct error e = { 0 };
        CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
        assert_ok(json_parse(buf_bytes(&out), 1000, &d, &e), e);
        for (size_t max = 0; max <= out.n; max++) {
            CLEANUP(buf_done_p) struct buf small = BUF(max);
            jsonw_init(&w, &small);
            jsonw_str(&w, bytes_of(in, n));
            assert_code(buf_result(&small), max < out.n ? ERRC_LIMIT : ERRC_OK);
        }
    }
}

static void test_depth(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf out = BUF(1000);
    struct jsonw w;
    jsonw_init(&w, &out);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        jsonw_array(&w);
        jsonw_u64(&w, 1);
    }
    jsonw_u64(&w, 2);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        jsonw_array_end(&w);
    }
    assert_int_equal(out.n, 2 * JSON_DEPTH_MAX + JSON_DEPTH_MAX + (JSON_DEPTH_MAX - 1) + 2);
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    assert_ok(json_parse(buf_bytes(&out), 1000, &d, &e), e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
