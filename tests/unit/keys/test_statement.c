/* The responsibility statement: contents in both languages, equality with the measured state, age.
 */
#include "keys_testkit.h"

#include "base/json.h"
#include "keys/statement.h"

static struct statement_facts facts(void)
{
    return (struct statement_facts){
        .deployment = DEPLOYMENT,
        .service = "object storage",
        .tenant = "acme",
        .contact = "keys@troth.test",
        .is_default = true,
        .duties = { "provider", "shared", "provider", "provider", "customer", "shared" },
        .root = { .form = ROOT_BY_SHARES, .k = 3, .n = 5 },
        .root_custodian = "customer",
        .rotation_days = 365,
        .wait_days = 7,
        .now_ms = T0,
    };
}

static struct key_info key_of(const char *id, enum crypto_suite suite, enum key_state state)
{
    struct key_info k = {
        .state = state, .suite = suite, .version = 3, .created_ms = T0, .rotated_ms = T0
    };
    snprintf(k.id, sizeof(k.id), "%s", id);
    snprintf(k.custodian, sizeof(k.custodian), "customer");
    return k;
}

static bool has(const struct buf *b, const char *words)
{
    return bytes_find(buf_bytes(b), bytes_str(words)) != b->n;
}

/*= 2.1.3-5 test */
static void contents(void **state)
{
    struct error e;
    struct statement_facts f = facts();
    struct key_info keys[] = {
        key_of("11111111-1111-4111-8111-111111111111", SUITE_AES256_GCM, KEY_ENABLED),
        key_of("22222222-2222-4222-8222-222222222222", SUITE_SM4_CTR_HMAC_SM3, KEY_DESTROYED),
    };
    CLEANUP(buf_done_p) struct buf text = BUF(KEY_STATEMENT_MAX);
    static const char *const wanted[] = {
        "密钥管理责任说明",
        "Key management responsibility statement",
        "AES-256-GCM",
        "256 bit",
        "SM4-CTR + HMAC-SM3",
        "软件实现",
        "software implementation",
        "默认启用",
        "on by default",
        "分为 5 份，任意 3 份可恢复",
        "3 of 5 shares",
        "恢复 甲方",
        "recovery customer",
        "保管 共担",
        "365",
        "keys@troth.test",
        "启用 1，停用 0，待销毁 0，已销毁 1",
        "11111111-1111-4111-8111-111111111111",
        "永久不可读",
        "服务停止后不能",
        "state-sha256: ",
        "密钥所在",
        "至少等待 7 天",
    };

    (void)state;
    assert_ok(statement_text(&f, keys, 2, &text, &e), e);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (!has(&text, wanted[i])) {
            fail_msg("\"%s\" is missing in\n%s", wanted[i], buf_cstr(&text));
        }
    }
    /* strangers' words can't make markup */
    snprintf(keys[0].custodian, sizeof(keys[0].custodian), "<b>|evil|\n# x");
    buf_reset(&text);
    assert_ok(statement_text(&f, keys, 2, &text, &e), e);
    assert_false(has(&text, "<b>"));
    assert_false(has(&text, "\n# x"));
}

/*= 2.1.3-6 test */
static void equals_the_measured_state(void **state)
{
    struct error e;
    struct statement_facts f = facts();
    struct key_info k =
            key_of("11111111-1111-4111-8111-111111111111", SUITE_AES256_GCM, KEY_ENABLED);
    CLEANUP(buf_done_p) struct buf text = BUF(KEY_STATEMENT_MAX);

    (void)state;
    assert_ok(statement_text(&f, &k, 1, &text, &e), e);
    assert_ok(statement_check(buf_bytes(&text), &f, &k, 1, &e), e);
    f.now_ms = T0 + 366 * DAY;
    assert_ok(statement_check(buf_bytes(&text), &f, &k, 1, &e), e);
    f.now_ms = T0 + 367 * DAY;
    assert_code(statement_check(buf_bytes(&text), &f, &k, 1, &e), ERRC_EXPIRED);
    f.now_ms = T0;
    k.state = KEY_DISABLED;
    assert_code(statement_check(buf_bytes(&text), &f, &k, 1, &e), ERRC_CONFLICT);
    k.state = KEY_ENABLED;
    assert_code(statement_check(buf_bytes(&text), &f, &k, 0, &e), ERRC_CONFLICT);
    f.root.form = ROOT_IN_FILE;
    assert_code(statement_check(buf_bytes(&text), &f, &k, 1, &e), ERRC_CONFLICT);
    assert_code(statement_check(BYTES_LIT("hello\n"), &f, &k, 1, &e), ERRC_FORMAT);
}

static void json_is_canonical_and_long_lists_fit(void **state)
{
    struct error e;
    struct statement_facts f = facts();
    struct json_doc *doc;
    CLEANUP(buf_done_p) struct buf json = BUF(8 << 20);
    CLEANUP(buf_done_p) struct buf again = BUF(8 << 20);
    CLEANUP(buf_done_p) struct buf text = BUF(KEY_STATEMENT_MAX);
    struct key_info *many = calloc(1000, sizeof(*many));

    (void)state;
    assert_non_null(many);
    for (size_t i = 0; i < 1000; i++) {
        many[i] = key_of("11111111-1111-4111-8111-111111111111", SUITE_SM4_CTR_HMAC_SM3,
                         KEY_PENDING_DESTRUCTION);
    }
    assert_ok(statement_json(&f, many, 1000, &json, &e), e);
    assert_ok(json_parse(buf_bytes(&json), 8 << 20, &doc, &e), e);
    assert_ok(json_canonical(json_root(doc), &again, &e), e);
    assert_bytes(buf_bytes(&again), buf_bytes(&json));
    json_doc_free(doc);
    assert_ok(statement_text(&f, many, 1000, &text, &e), e);
    assert_true(has(&text, "900 more"));
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents),
        cmocka_unit_test(equals_the_measured_state),
        cmocka_unit_test(json_is_canonical_and_long_lists_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
