/* Reading JSON: the conformance files of nst/JSONTestSuite, what is stricter here, accessors,
 * canonical form. */
#include "testkit.h"

#include "base/json.h"
#include "base/json_priv.h"

#define MAX_BYTES (1 << 20)

static enum errc parse_code(struct bytes in, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    return json_parse(in, MAX_BYTES, &d, e).code;
}

static enum errc code_of(const char *text)
{
    struct error e = { 0 };
    return parse_code(bytes_str(text), &e);
}

static void one_conformance_file(const char *name, struct bytes in)
{
    struct error e = { 0 };
    enum errc code = parse_code(in, &e);
    bool is_duplicate =
            strncmp(name, "y_object_duplicated_key", 23) == 0; /* refused here on purpose */
    if (name[0] == 'y' && !is_duplicate) {
        if (code != ERRC_OK) {
            fail_msg("%s refused: %s", name, e.msg);
        }
    } else if (name[0] == 'n' || is_duplicate) {
        if (code != ERRC_FORMAT && code != ERRC_LIMIT) {
            fail_msg("%s: %s", name, errc_name(code));
        }
        assert_true(strlen(e.msg) > 0);
    }
}

static void test_conformance(void **state)
{
    (void)state;
    assert_true(vectors_each("json-parsing", one_conformance_file) > 300);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1) + 1];
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = 0;
        assert_int_equal(code_of(text), depth <= JSON_DEPTH_MAX ? ERRC_OK : ERRC_LIMIT);
    }
}

static void test_size_limit(void **state)
{
    (void)state;
    struct json_doc *d = NULL;
    assert_code(json_parse(BYTES_LIT("[1,2]"), 4, &d, NULL), ERRC_LIMIT);
    assert_code(json_parse(BYTES_LIT("[1,2]"), 5, &d, NULL), ERRC_OK);
    json_doc_free(d);
}

static void test_duplicates(void **state)
{
    (void)state;
    assert_int_equal(code_of("{\"a\":1,\"b\":2}"), ERRC_OK);
    assert_int_equal(code_of("{\"a\":1,\"a\":2}"), ERRC_FORMAT);
    assert_int_equal(code_of("{\"a\":1,\"\\u0061\":2}"), ERRC_FORMAT);
    assert_int_equal(code_of("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}"), ERRC_OK);
    assert_int_equal(code_of("[[{\"x\":{\"b\":1,\"c\":2,\"b\":1}}]]"), ERRC_FORMAT);
    CLEANUP(buf_done_p) struct buf text = BUF(MAX_BYTES);
    for (int i = 0; i < 5000; i++) {
        buf_addf(&text, "%s\"key%d\":%d", i == 0 ? "{" : ",", i, i);
    }
    size_t n = text.n;
    buf_add_str(&text, "}");
    struct error e = { 0 };
    assert_int_equal(parse_code(buf_bytes(&text), &e), ERRC_OK);
    text.n = n;
    buf_add_str(&text, ",\"key77\":0}");
    assert_int_equal(parse_code(buf_bytes(&text), &e), ERRC_FORMAT);
    assert_non_null(strstr(e.msg, "key77"));
}

static void test_half_surrogates(void **state)
{
    (void)state;
    assert_int_equal(code_of("\"\\ud83d\\ude00\""), ERRC_OK);
    assert_int_equal(code_of("\"\\ude00\""), ERRC_FORMAT);
    assert_int_equal(code_of("\"\\ud83d\""), ERRC_FORMAT);
    assert_int_equal(code_of("{\"\\udc00\":1}"), ERRC_FORMAT);
}

static void test_place_of_fault(void **state)
{
    (void)state;
    struct error e = { 0 };
    assert_int_equal(parse_code(BYTES_LIT("{\n  \"a\": 1\n  \"b\": 2\n}"), &e), ERRC_FORMAT);
    assert_string_equal(e.msg, "JSON: line 3, column 3: expected ',' or '}'");
    assert_int_equal(parse_code(BYTES_LIT(""), &e), ERRC_FORMAT);
    assert_string_equal(e.msg, "JSON: line 1, column 1: expected a value");
}

static const char sample[] =
        "{\"s\":\"x\\u0000\\u4e2d\",\"u\":18446744073709551615,\"i\":-9223372036854775808,"
        "\"b\":true,\"z\":null,\"d\":1.5,\"a\":[1,[2],{\"k\":3}],\"o\":{},"
        "\"64\":\"3q2+7w==\",\"hex\":\"DEADbeef\",\"n\":7}";

static void test_accessors(void **state)
{
    (void)state;
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    assert_ok(json_parse(bytes_str(sample), MAX_BYTES, &d, &e), e);
    struct json o = json_root(d), v;
    struct bytes s;
    uint64_t u;
    int64_t i;
    bool b;
    assert_int_equal(json_type(o), JSON_OBJECT);
    assert_int_equal(json_count(o), 11);
    assert_ok(json_get_str(o, "s", &s, &e), e);
    assert_bytes(s, bytes_of("x\0\xE4\xB8\xAD", 5));
    assert_ok(json_get_u64(o, "u", UINT64_MAX, &u, &e), e);
    assert_true(u == UINT64_MAX);
    assert_code(json_get_u64(o, "u", 10, &u, &e), ERRC_RANGE);
    assert_code(json_get_i64(o, "u", &i, &e), ERRC_RANGE);
    assert_ok(json_get_i64(o, "i", &i, &e), e);
    assert_true(i == INT64_MIN);
    assert_code(json_get_u64(o, "i", UINT64_MAX, &u, &e), ERRC_RANGE);
    assert_ok(json_get_bool(o, "b", &b, &e), e);
    assert_true(b);
    assert_ok(json_get(o, "z", &v, &e), e);
    assert_true(json_is_null(v));
    assert_ok(json_get(o, "d", &v, &e), e);
    assert_int_equal(json_type(v), JSON_DOUBLE);
    assert_code(json_get_u64(o, "d", 10, &u, &e), ERRC_FORMAT);
    assert_code(json_get_u64(o, "s", 10, &u, &e), ERRC_FORMAT);
    assert_string_equal(e.msg, "\"s\" is not a whole number");
    assert_code(json_get_str(o, "missing", &s, &e), ERRC_NOT_FOUND);
    assert_string_equal(e.msg, "\"missing\" is missing");
    assert_code(json_get_str(o, "n", &s, &e), ERRC_FORMAT);
    assert_true(json_has(o, "o"));
    assert_false(json_has(o, "k"));

    uint8_t raw[4];
    assert_ok(json_get_base64_exact(o, "64", raw, 4, &e), e);
    assert_memory_equal(raw, "\xDE\xAD\xBE\xEF", 4);
    assert_code(json_get_base64_exact(o, "64", raw, 3, &e), ERRC_FORMAT);
    assert_code(json_get_base64_exact(o, "64", raw, 5, &e), ERRC_FORMAT);
    assert_code(json_get_base64_exact(o, "s", raw, 4, &e), ERRC_FORMAT);
    CLEANUP(buf_done_p) struct buf out = BUF(3);
    assert_code(json_get_base64(o, "64", &out, &e), ERRC_LIMIT);
    assert_ok(json_get_hex_exact(o, "hex", raw, 4, &e), e);
    assert_memory_equal(raw, "\xDE\xAD\xBE\xEF", 4);
    assert_code(json_get_hex_exact(o, "hex", raw, 3, &e), ERRC_FORMAT);

    static const char *const all[] = { "s", "u", "i",  "b",   "z", "d",
                                       "a", "o", "64", "hex", "n", NULL };
    assert_ok(json_only_keys(o, all, &e), e);
    assert_code(json_only_keys(o, all + 1, &e), ERRC_FORMAT);
    assert_string_equal(e.msg, "unknown key \"s\"");
}

static void test_iteration(void **state)
{
    (void)state;
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    assert_ok(json_parse(BYTES_LIT("[{\"a\":[1,2],\"b\":{\"c\":3}},[],{},\"x\",4.5,-1]"), MAX_BYTES,
                         &d, &e),
              e);
    struct json_iter it = { 0 };
    struct json v, inner;
    static const enum json_type want[] = { JSON_OBJECT, JSON_ARRAY,  JSON_OBJECT,
                                           JSON_STRING, JSON_DOUBLE, JSON_INT };
    size_t n = 0;
    while (json_next(json_root(d), &it, &v)) {
        assert_int_equal(json_type(v), want[n++]);
        struct json_iter wrong = { 0 };
        struct bytes key;
        if (json_type(v) != JSON_OBJECT) {
            assert_false(json_next_member(v, &wrong, &key, &inner));
        } else {
            assert_false(json_next(v, &wrong, &inner));
        }
    }
    assert_int_equal(n, 6);
    assert_int_equal(json_count(json_root(d)), 6);
}

static void check_canonical(const char *in, const char *want)
{
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    CLEANUP(buf_done_p) struct buf out = BUF(MAX_BYTES);
    assert_ok(json_parse(bytes_str(in), MAX_BYTES, &d, &e), e);
    assert_ok(json_canonical(json_root(d), &out, &e), e);
    assert_string_equal(buf_cstr(&out), want);
}

static enum errc canonical_code(const char *in, size_t max)
{
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    CLEANUP(buf_done_p) struct buf out = BUF(max);
    assert_ok(json_parse(bytes_str(in), MAX_BYTES, &d, &e), e);
    return json_canonical(json_root(d), &out, &e).code;
}

static void test_canonical(void **state)
{
    (void)state;
    check_canonical(" { \"b\" : [ 1 , -2 , true , null ] , \"a\" : { } } ",
                    "{\"a\":{},\"b\":[1,-2,true,null]}");
    check_canonical("-0", "0");
    check_canonical("9007199254740991", "9007199254740991");
    /* RFC 8785 3.2.2.2 */
    check_canonical("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"",
                    "\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
    /* RFC 8785 3.2.3: the order is that of UTF-16 */
    check_canonical(
            "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter "
            "Dalet\","
            "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
            "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
            "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
            "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter "
            "Dalet\"}");
    assert_int_equal(canonical_code("9007199254740992", 100), ERRC_RANGE);
    assert_int_equal(canonical_code("-9007199254740992", 100), ERRC_RANGE);
    assert_int_equal(canonical_code("18446744073709551615", 100), ERRC_RANGE);
    assert_int_equal(canonical_code("[1.0]", 100), ERRC_FORMAT);
    assert_int_equal(canonical_code("[1,2]", 4), ERRC_LIMIT);
}

static void test_canonical_depth(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_MAX + 1];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = 0;
    check_canonical(text, text);
}

/* Whatever the bytes, the two readers agree on what is not JSON at all. */
static void check_agreement(struct bytes in)
{
    struct error e = { 0 };
    const char *what = NULL;
    bool is_accepted = parse_code(in, &e) == ERRC_OK, is_json = json_fault_at(in, &what) > in.n;
    if (is_accepted && !is_json) {
        fail_msg("accepted, though %s: %.*s", what, BYTES_FMT(in));
    }
}

static void test_refusal_sweep(void **state)
{
    (void)state;
    size_t n = strlen(sample);
    uint8_t *copy = malloc(n); /* exact: overreads are seen by the sanitizer */
    assert_non_null(copy);
    for (size_t cut = 0; cut < n; cut++) {
        struct error e = { 0 };
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, sample, cut);
        assert_int_equal(parse_code(bytes_of(part, cut), &e), ERRC_FORMAT);
        free(part);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        memcpy(copy, sample, n);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        check_agreement(bytes_of(copy, n));
    }
    free(copy);
}

static void test_large(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf text = BUF(MAX_BYTES);
    buf_add_u8(&text, '[');
    for (int i = 0; i < 100000; i++) {
        buf_addf(&text, "%s%d", i == 0 ? "" : ",", i);
    }
    buf_add_u8(&text, ']');
    struct error e = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    assert_ok(json_parse(buf_bytes(&text), MAX_BYTES, &d, &e), e);
    assert_int_equal(json_count(json_root(d)), 100000);
    struct json_iter it = { 0 };
    struct json v;
    uint64_t u, sum = 0;
    while (json_next(json_root(d), &it, &v)) {
        assert_code(json_u64(v, UINT64_MAX, &u), ERRC_OK);
        sum += u;
    }
    assert_true(sum == 4999950000ULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conformance),     cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size_limit),      cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_half_surrogates), cmocka_unit_test(test_place_of_fault),
        cmocka_unit_test(test_accessors),       cmocka_unit_test(test_iteration),
        cmocka_unit_test(test_canonical),       cmocka_unit_test(test_canonical_depth),
        cmocka_unit_test(test_refusal_sweep),   cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
