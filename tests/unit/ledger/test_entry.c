/* Entries: the exact text, what comes back, and refusal of everything else. */
#include "testkit.h"

#include "base/rng.h"
#include "crypto/hash.h"
#include "ledger/entry.h"

static struct entry sample(void)
{
    struct entry en = {
        .counter = 17, .time_ms = 1795340476123, .kind = "object.put", .source = "edge"
    };

    memset(en.commitment.b, 0xa5, sizeof(en.commitment.b));
    return en;
}

/*= 2.1.5-3 test */
static void test_text(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct entry en = sample(), back;
    CLEANUP(buf_done_p) struct buf b = BUF(1024);

    entry_encode(&en, &b);
    assert_bytes(buf_bytes(&b),
                 BYTES_LIT("{\"commitment\":\"paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\","
                           "\"counter\":17,\"kind\":\"object.put\",\"source\":\"edge\","
                           "\"time\":\"2026-11-22T09:41:16.123Z\",\"v\":1}"));
    assert_ok(entry_parse(buf_bytes(&b), &back, &e), e);
    assert_int_equal(back.counter, 17);
    assert_int_equal(back.time_ms, en.time_ms);
    assert_string_equal(back.kind, "object.put");
    assert_string_equal(back.source, "edge");
    assert_true(tree_hash_equal(&back.commitment, &en.commitment));
}

static void test_commitment(void **state)
{
    (void)state;
    uint8_t salt[LEDGER_SALT_BYTES], all[LEDGER_SALT_BYTES + 2], want[SHA256_BYTES];

    memset(salt, 7, sizeof(salt));
    memcpy(all, salt, sizeof(salt));
    memcpy(all + sizeof(salt), "{}", 2);
    sha256(BYTES_OF(all), want);
    struct tree_hash got = entry_commitment(salt, BYTES_LIT("{}"));
    assert_memory_equal(got.b, want, sizeof(want));
}

/* No truncation parses. A flipped byte parses only when the text is another entry in its own
 * canonical form. */
static void test_refusal_sweep(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct entry en = sample(), back;
    CLEANUP(buf_done_p) struct buf b = BUF(1024);
    CLEANUP(buf_done_p) struct buf again = BUF(1024);
    unsigned refused = 0;

    entry_encode(&en, &b);
    for (size_t n = 0; n < b.n; n++) {
        assert_code(entry_parse(bytes_slice(buf_bytes(&b), 0, n), &back, &e), ERRC_FORMAT);
    }
    for (size_t i = 0; i < b.n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b.p[i] ^= (uint8_t)(1U << bit);
            if (result_is_ok(entry_parse(buf_bytes(&b), &back, &e))) {
                buf_reset(&again);
                entry_encode(&back, &again);
                assert_bytes(buf_bytes(&again), buf_bytes(&b));
                assert_true(memcmp(&back.commitment, &en.commitment, 32) != 0 ||
                            back.counter != en.counter || back.time_ms != en.time_ms ||
                            strcmp(back.kind, en.kind) != 0 || strcmp(back.source, en.source) != 0);
            } else {
                refused++;
            }
            b.p[i] ^= (uint8_t)(1U << bit);
        }
    }
    assert_true(refused > b.n * 4);
}

static void test_refuses(void **state)
{
    (void)state;
#define C "{\"commitment\":\"paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\","
#define T "\"time\":\"2026-11-22T09:41:16.123Z\",\"v\":1}"
    static const char *const bad[] = {
        "",
        "{}",
        C "\"counter\":0,\"kind\":\"k\",\"source\":\"s\"," T,
        C "\"counter\":01,\"kind\":\"k\",\"source\":\"s\"," T,
        C "\"counter\":9007199254740992,\"kind\":\"k\",\"source\":\"s\"," T,
        C "\"counter\":1,\"kind\":\"K\",\"source\":\"s\"," T,
        C "\"counter\":1,\"kind\":\"\",\"source\":\"s\"," T,
        C "\"counter\":1,\"kind\":\"k\",\"source\":\"s\"," T " ",
        C "\"counter\":1,\"kind\":\"k\",\"source\":\"s\"," T "\n",
        C "\"counter\":1, \"kind\":\"k\",\"source\":\"s\"," T,
        C "\"counter\":1,\"source\":\"s\",\"kind\":\"k\"," T,
        C "\"counter\":1,\"kind\":\"k\",\"source\":\"s\",\"time\":\"2026-11-22T09:41:16.123Z\","
          "\"v\":2}",
        C
        "\"counter\":1,\"kind\":\"k\",\"source\":\"s\",\"time\":\"2026-11-22T09:41:16Z\",\"v\":1}",
        C "\"counter\":1,\"kind\":\"k\",\"source\":\"s\",\"time\":\"2026-11-22T17:41:16.123+08:"
          "00\",\"v\":1}",
        C "\"counter\":1,\"kind\":\"k\",\"source\":\"s\",\"time\":\"2026-02-30T09:41:16.123Z\","
          "\"v\":1}",
    };
    struct entry en;
    struct error e = { 0 };

    assert_ok(entry_parse(bytes_str(C "\"counter\":1,\"kind\":\"k\",\"source\":\"s\"," T), &en, &e),
              e);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(result_is_ok(entry_parse(bytes_str(bad[i]), &en, &e)));
    }
}

static void test_names(void **state)
{
    (void)state;
    char longest[LEDGER_NAME_MAX + 1];

    memset(longest, 'a', sizeof(longest));
    assert_true(entry_name_is_valid(BYTES_LIT("object.put")));
    assert_true(entry_name_is_valid(bytes_of(longest, 63)));
    assert_false(entry_name_is_valid(bytes_of(longest, 64)));
    assert_false(entry_name_is_valid(BYTES_NONE));
    assert_false(entry_name_is_valid(BYTES_LIT("Object")));
    assert_false(entry_name_is_valid(BYTES_LIT("a\"b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),          cmocka_unit_test(test_commitment),
        cmocka_unit_test(test_refusal_sweep), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
