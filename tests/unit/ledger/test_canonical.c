/* canonical_is_object agrees with the reader and writer of base/json on everything. */
#include "testkit.h"

#include "base/json.h"
#include "base/rng.h"
#include "ledger/canonical.h"

static bool by_reader(struct bytes in)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf again = BUF(1u << 20);

    return result_is_ok(json_parse(in, 1u << 20, &doc, NULL)) &&
           json_type(json_root(doc)) == JSON_OBJECT &&
           result_is_ok(json_canonical(json_root(doc), &again, NULL)) &&
           bytes_equal(buf_bytes(&again), in);
}

static void agree(struct bytes in)
{
    uint8_t *copy = mem_dup(in.p, in.n); /* so that a sanitizer sees a byte too many */
    bool a = canonical_is_object(bytes_of(copy, in.n)), b = by_reader(in);

    if (a != b) {
        fail_msg("%.*s: %d, the reader says %d", BYTES_FMT(in), a, b);
    }
    mem_free(copy);
}

static void agree_with_file(const char *name, struct bytes in)
{
    (void)name;
    agree(in);
}

static const char *const texts[] = {
    "{}",
    "{\"a\":1,\"b\":[true,false,null,-5,0,\"x\"],\"c\":{\"\":{}}}",
    "{\"b\":1,\"a\":1}",
    "{\"a\":1,\"a\":1}",
    "{\"\\u0001\":1,\"\\b\":2,\"\\t\":3,\"\\n\":4,\"\\f\":5,\"\\r\":6,\"\\u001f\":7}",
    "{\"\\u000a\":1}",
    "{\"\\u001F\":1}",
    "{\"\\/\":1}",
    "{\"a\\\"\":1,\"a\\\\\":2}",
    "{\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":3}", /* the sorting example of RFC
                                                                         8785 */
    "{\"\xe2\x82\xac\":1,\"\xef\xac\xb3\":3,\"\xf0\x9f\x98\x80\":2}",
    "{\"\xf0\x9f\x98\x80\":1,\"\xf0\x9f\x98\x81\":2}",
    "{\"\x7f\":\"\x7f\"}",
    "{\"a\":9007199254740991,\"b\":-9007199254740991}",
    "{\"a\":9007199254740992}",
    "{\"a\":-9007199254740992}",
    "{\"a\":99999999999999999999}",
    "{\"a\":-0}",
    "{\"a\":01}",
    "{\"a\":1.0}",
    "{\"a\":1e3}",
    "{\"a\":-}",
    "{\"a\":[1,]}",
    "{\"a\":1,}",
    "{\"a\" :1}",
    "[1]",
    "1",
    "",
    "{\"a\":\"\xff\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"actor\":{\"id\":\"\xe7\x94\xb2\"},\"key\":\"\\\"a\\\\7\",\"size\":700,\"tags\":[[],[{}],"
    "\"\\u0000\"]}",
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        agree(bytes_str(texts[i]));
    }
    assert_true(canonical_is_object(bytes_str(texts[1])));
    assert_false(canonical_is_object(bytes_str(texts[2])));
}

static void test_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bytes in = bytes_str(texts[i]);
        uint8_t *copy = mem_dup(in.p, in.n);
        for (size_t at = 0; at < in.n; at++) {
            agree(bytes_slice(in, 0, at));
            for (unsigned c = 0; c < 256; c++) {
                copy[at] = (uint8_t)c;
                agree(bytes_of(copy, in.n));
            }
            copy[at] = in.p[at];
        }
        mem_free(copy);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (unsigned depth = 60; depth < 70; depth++) {
        CLEANUP(buf_done_p) struct buf b = BUF(4096);
        buf_add_str(&b, "{\"a\":");
        for (unsigned i = 1; i < depth; i++) {
            buf_add_u8(&b, '[');
        }
        for (unsigned i = 1; i < depth; i++) {
            buf_add_u8(&b, ']');
        }
        buf_add_u8(&b, '}');
        agree(buf_bytes(&b));
        assert_int_equal(canonical_is_object(buf_bytes(&b)), depth <= JSON_DEPTH_MAX);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    assert_true(vectors_each("json-parsing", agree_with_file) > 0);
}

/* Random small objects of awkward keys: sorted by the writer, then two keys swapped. */
static void test_random(void **state)
{
    (void)state;
    static const char *const keys[] = { "",
                                        "a",
                                        "A",
                                        "aa",
                                        "\x01",
                                        "\t",
                                        "\"",
                                        "\\",
                                        "\x7f",
                                        "\xc2\x80",
                                        "\xe2\x82\xac",
                                        "\xef\xac\xb3",
                                        "\xf0\x9f\x98\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "/" };
    struct rng_test r;

    rng_test_init(&r, 7);
    for (int round = 0; round < 20000; round++) {
        CLEANUP(buf_done_p) struct buf b = BUF(4096);
        struct jsonw w;
        jsonw_init(&w, &b);
        jsonw_object(&w);
        for (uint64_t n = rng_below(&r.base, 4); n > 0; n--) {
            const char *k = keys[rng_below(&r.base, ARRAY_LEN(keys))];
            const char *k2 = keys[rng_below(&r.base, ARRAY_LEN(keys))];
            char both[32];
            snprintf(both, sizeof(both), "%s%s", k, k2);
            jsonw_kv_u64(&w, both, n);
        }
        jsonw_object_end(&w);
        agree(buf_bytes(&b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),  cmocka_unit_test(test_changed),
        cmocka_unit_test(test_depth),  cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests_name("ledger/canonical", tests, NULL, NULL);
}
