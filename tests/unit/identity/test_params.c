/* Contract parameters: the table holds together; realms set their own within the floors. */
#include "people_kit.h"

#include "base/text.h"
#include "identity/param.h"
#include "identity/sql_priv.h"

static void test_table(void **state)
{
    (void)state;
    for (enum param_id i = 0; i < PARAM_COUNT; i++) {
        const struct param *p = &params[i];
        struct error e;
        uint64_t v = 0;
        assert_true(p->id[0] != '\0' && p->source[0] != '\0' && p->en[0] != '\0');
        assert_true(text_is_printable(bytes_str(p->zh)) && (uint8_t)p->zh[0] >= 0xe0);
        if (param_is_networks(p)) {
            assert_ok(origin_networks_check(bytes_str(p->fallback), &e), e);
        } else if (p->choices == NULL) {
            assert_int_equal(num_u64(bytes_str(p->fallback), p->min, p->max, &v).code, ERRC_OK);
        } else {
            assert_string_equal(p->fallback, p->choices[0]);
        }
        for (enum param_id j = 0; j < i; j++) {
            assert_string_not_equal(p->id, params[j].id);
        }
    }
}

/*= 2.1.4-7 test */
static void test_set(void **state)
{
    struct people *p = *state;
    int64_t since = -1;
    char text[PARAM_TEXT_BYTES];
    assert_int_equal(param_u64(p->w->d, "acme", PARAM_IDLE), 15);
    assert_ok(param_since(p->w->d, "acme", PARAM_IDLE, &since, &p->e), p->e);
    assert_int_equal(since, 0);
    clock_fake_advance(&p->w->clock, 5000);
    assert_ok(param_set(p->w->d, "acme", "P-IAM-1", "10", &p->e), p->e);
    assert_int_equal(param_u64(p->w->d, "acme", PARAM_IDLE), 10);
    assert_int_equal(param_u64(p->w->d, "beta", PARAM_IDLE), 15);
    assert_int_equal(param_u64(p->w->d, "", PARAM_IDLE), 15);
    assert_ok(param_since(p->w->d, "acme", PARAM_IDLE, &since, &p->e), p->e);
    assert_int_equal(since, T0 + 5000);
    assert_ok(param_set(p->w->d, "acme", "P-AUTH-1", "mlps-3", &p->e), p->e);
    assert_ok(param_set(p->w->d, IDENTITY_PLATFORM, "P-PAM-2", "4", &p->e), p->e);
    reopen(p->w);
    param_text(p->w->d, "acme", PARAM_PROFILE, text);
    assert_string_equal(text, "mlps-3");
    assert_int_equal(param_u64(p->w->d, "acme", PARAM_PROFILE), 1);
    param_text(p->w->d, "beta", PARAM_PROFILE, text);
    assert_string_equal(text, "nist-800-63b-4");
    param_text(p->w->d, IDENTITY_PLATFORM, PARAM_GRANT, text);
    assert_string_equal(text, "4");
}

static void test_floors(void **state)
{
    static const struct {
        const char *id, *value;
        enum errc want;
    } refused[] = {
        { "P-IAM-1", "9", ERRC_RANGE },      { "P-IAM-1", "31", ERRC_RANGE },
        { "P-IAM-1", "", ERRC_RANGE },       { "P-IAM-1", "15m", ERRC_RANGE },
        { "P-IAM-1", "-15", ERRC_RANGE },    { "P-IAM-1", "18446744073709551626", ERRC_RANGE },
        { "P-IAM-3", "91", ERRC_RANGE },     { "P-PAM-2", "9", ERRC_RANGE },
        { "P-PAM-1", "3", ERRC_RANGE },      { "P-AUTH-1", "none", ERRC_RANGE },
        { "P-AUTH-1", "", ERRC_RANGE },      { "P-AUTH-2", "1", ERRC_RANGE },
        { "P-IAM-9", "1", ERRC_NOT_FOUND },  { "", "1", ERRC_NOT_FOUND },
        { "p-iam-1", "15", ERRC_NOT_FOUND },
    };
    struct people *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_code(param_set(p->w->d, "acme", refused[i].id, refused[i].value, &p->e),
                    refused[i].want);
    }
    assert_code(param_set(p->w->d, "acme", "P-IAM-1", "31", &p->e), ERRC_RANGE);
    assert_non_null(strstr(p->e.msg, "10 to 30 min"));
    assert_non_null(strstr(p->e.msg, "GB/T 22239"));
    assert_code(param_set(p->w->d, "gamma", "P-IAM-1", "15", &p->e), ERRC_NOT_FOUND);
    assert_int_equal(param_u64(p->w->d, "acme", PARAM_IDLE), 15);
}

/*= 2.1.4-9 test */
static void test_networks(void **state)
{
    struct people *p = *state;
    char text[PARAM_TEXT_BYTES], full[PARAM_TEXT_BYTES + 1];
    static const char list[] = "10.0.0.0/8, 192.0.2.7,2001:db8::/32";
    param_text(p->w->d, "acme", PARAM_NETWORKS, text);
    assert_string_equal(text, "");
    assert_ok(param_set(p->w->d, "acme", "P-IAM-6", list, &p->e), p->e);
    assert_code(param_set(p->w->d, "acme", "P-IAM-6", "10.0.0.0/8,", &p->e), ERRC_RANGE);
    assert_non_null(strstr(p->e.msg, "10.0.0.0/8,2001:db8::/32"));
    assert_non_null(strstr(p->e.msg, "8.1.4.4 c"));
    assert_code(param_set(p->w->d, "acme", "P-IAM-6", "the office", &p->e), ERRC_RANGE);
    assert_non_null(strstr(p->e.msg, "'the office' is no network"));
    reopen(p->w);
    param_text(p->w->d, "acme", PARAM_NETWORKS, text);
    assert_string_equal(text, list);
    param_text(p->w->d, "beta", PARAM_NETWORKS, text);
    assert_string_equal(text, "");
    assert_int_equal(param_u64(p->w->d, "acme", PARAM_NETWORKS), 0);
    /* as long as may be, and one more */
    memset(full, '0', sizeof(full));
    memcpy(full, "10.0.0.1/", 9);
    for (size_t i = 9; i + 8 <= ORIGIN_NETWORKS_MAX; i += 8) {
        memcpy(full + i - 1, ",1.1.1.1", 8);
    }
    full[ORIGIN_NETWORKS_MAX - 1] = ' ';
    full[ORIGIN_NETWORKS_MAX] = '\0';
    for (size_t i = strlen("10.0.0.1"); i < ORIGIN_NETWORKS_MAX; i++) {
        full[i] = full[i] == '0' ? ' ' : full[i];
    }
    assert_ok(param_set(p->w->d, "acme", "P-IAM-6", full, &p->e), p->e);
    param_text(p->w->d, "acme", PARAM_NETWORKS, text);
    assert_string_equal(text, full);
    memcpy(full + ORIGIN_NETWORKS_MAX, " ", 2);
    assert_code(param_set(p->w->d, "acme", "P-IAM-6", full, &p->e), ERRC_RANGE);
    assert_ok(param_set(p->w->d, "acme", "P-IAM-6", "", &p->e), p->e);
    param_text(p->w->d, "acme", PARAM_NETWORKS, text);
    assert_string_equal(text, "");
}

static RESULT old_value(struct db_conn *c, void *arg, struct error *e)
{
    (void)arg;
    return sql_run(c,
                   "INSERT INTO params(realm, id, value, since_ms) VALUES"
                   " ('acme', 'P-IAM-1', '60', 5), ('acme', 'P-GONE', 'x', 5)",
                   (struct sql_in){ NULL, 0 }, e);
}

/* A value from before the floor was drawn, and a parameter that is no more. */
static void test_old_values(void **state)
{
    struct people *p = *state;
    int64_t since = -1;
    assert_ok(db_write(p->w->d->db, old_value, NULL, &p->e), p->e);
    assert_int_equal(param_u64(p->w->d, "acme", PARAM_IDLE), 15);
    assert_ok(param_since(p->w->d, "acme", PARAM_IDLE, &since, &p->e), p->e);
    assert_int_equal(since, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), PEOPLE(test_set),        PEOPLE(test_floors),
        PEOPLE(test_networks),        PEOPLE(test_old_values),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
