/* Settings: every type and bound, what is refused and with which line, the dump that reads back. */
#include "testkit.h"

#include "daemon/config_table.h"

static struct result parse(const char *text, struct config *ret, struct error *e)
{
    return config_parse(bytes_str(text), ret, e);
}

static void assert_refused(const char *text, enum errc code, const char *words)
{
    struct config c;
    struct error e = { 0 };
    assert_code(parse(text, &c, &e), code);
    if (strstr(e.msg, words) == NULL) {
        fail_msg("'%s': '%s' has no '%s'", text, e.msg, words);
    }
}

static void assert_same(const struct config *a, const struct config *b)
{
    CLEANUP(buf_done_p) struct buf x = BUF(256 * 1024);
    CLEANUP(buf_done_p) struct buf y = BUF(256 * 1024);
    config_dump(a, false, &x);
    config_dump(b, false, &y);
    assert_string_equal(buf_cstr(&x), buf_cstr(&y));
}

static void test_defaults(void **state)
{
    struct config c, d;
    struct error e = { 0 };
    (void)state;
    config_defaults(&d);
    assert_ok(parse("", &c, &e), e);
    assert_same(&c, &d);
    assert_ok(parse("# nothing\n", &c, &e), e);
    assert_same(&c, &d);
    assert_string_equal(c.origin, "troth.local");
    assert_string_equal(c.listen, "127.0.0.1:8443");
    assert_string_equal(c.tls_client_auth, "none");
    assert_string_equal(c.root_form, "file");
    assert_string_equal(c.key_suite, "AES-256-GCM");
    assert_int_equal(c.drain_ms, 30000);
    assert_int_equal(c.key_destroy_wait_ms, 7ll * 24 * 3600 * 1000);
    assert_int_equal(c.key_rotation_days, 365);
    assert_int_equal(c.vault_buffer_bytes, 128 << 20);
    assert_int_equal(c.http_head_bytes, 16 << 10);
    assert_int_equal(c.ledger_checkpoint_ms, 1000);
    assert_true(c.ledger_public);
    assert_false(c.log_json);
    assert_int_equal(c.metrics_allow_count, 2);
    assert_string_equal(c.metrics_allow[1], "::1");
    assert_int_equal(c.witness_count, 0);
}

static void test_every_type(void **state)
{
    struct config c;
    struct error e = { 0 };
    (void)state;
    assert_ok(parse("origin: logs.example.org/eu\n"
                    "listen: '[::]:443'\n"
                    "loops: 4\n"
                    "log: {level: debug, json: true}\n"
                    "http:\n  head: 8KiB\n  idle_timeout: 2m\n"
                    "metrics:\n  allow: []\n"
                    "s3:\n  domain: s3.example.org\n"
                    "keys:\n  contact: \"\xe5\xbc\xa0\xe4\xb8\x89 <ops@example.org>\"\n"
                    "ledger:\n  public: false\n  witnesses:\n"
                    "    - vkey: w1+c0ffee00+AAAA\n      url: https://w1.example.org\n"
                    "    - {vkey: w2, ca: /etc/w2.pem}\n",
                    &c, &e),
              e);
    assert_string_equal(c.origin, "logs.example.org/eu");
    assert_string_equal(c.listen, "[::]:443");
    assert_int_equal(c.loops, 4);
    assert_string_equal(c.log_level, "debug");
    assert_true(c.log_json);
    assert_int_equal(c.http_head_bytes, 8192);
    assert_int_equal(c.http_idle_ms, 120000);
    assert_int_equal(c.metrics_allow_count, 0);
    assert_string_equal(c.s3_domain, "s3.example.org");
    assert_string_equal(c.key_contact, "\xe5\xbc\xa0\xe4\xb8\x89 <ops@example.org>");
    assert_false(c.ledger_public);
    assert_int_equal(c.witness_count, 2);
    assert_string_equal(c.witnesses[0].url, "https://w1.example.org");
    assert_string_equal(c.witnesses[0].ca, "");
    assert_string_equal(c.witnesses[1].ca, "/etc/w2.pem");
    assert_int_equal(c.drain_ms, 30000); /* what is not named keeps its default */
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("region: x\n\nnonsense: 1\n", ERRC_NOT_FOUND,
                   "line 3: unknown setting 'nonsense'");
    assert_refused("tls:\n  certificate: a\n  colour: red\n", ERRC_NOT_FOUND,
                   "line 3: unknown setting 'tls.colour'");
    assert_refused("tls.key: a\n", ERRC_NOT_FOUND, "line 1: unknown setting 'tls.key'");
    assert_refused("tls: {key: {certificate: x}}\n", ERRC_FORMAT, "line 1: tls.key: one value");
    assert_refused("http: 7\n", ERRC_NOT_FOUND, "line 1: unknown setting 'http'");
    assert_refused("region: a\nregion: b\n", ERRC_FORMAT, "line 2");
    assert_refused("tls:\n  key: a\ntls:\n  key: b\n", ERRC_FORMAT, "line 3");
    assert_refused("region: a\n---\nregion: b\n", ERRC_FORMAT, "");
    assert_refused("- region\n", ERRC_FORMAT, "line 1: settings are a mapping");
    assert_refused("region: [a]\n", ERRC_FORMAT, "line 1: region: one value");
    assert_refused("region: &x a\nlisten: *x\n", ERRC_FORMAT, "line");
    assert_refused("log: {json: yes}\n", ERRC_FORMAT, "log.json: true or false");
    assert_refused("log: {level: loud}\n", ERRC_RANGE, "one of error|warn|info|debug");
    assert_refused("origin: a b\n", ERRC_RANGE, "origin");
    assert_refused("origin: a+b\n", ERRC_RANGE, "origin");
    assert_refused("origin: /a\n", ERRC_RANGE, "origin");
    assert_refused("region: \"\"\n", ERRC_RANGE, "region");
    assert_refused("keys: {contact: \"a\\nb\"}\n", ERRC_RANGE, "keys.contact");
    assert_refused("metrics:\n  allow: 127.0.0.1\n", ERRC_FORMAT, "line 2: metrics.allow: a list");
    assert_refused("metrics:\n  allow:\n    - a\n    - [b]\n", ERRC_FORMAT, "line 4");
    assert_refused("metrics:\n  allow:\n    - a\n    - \"\"\n", ERRC_RANGE, "line 4");
    assert_refused("ledger:\n  witnesses:\n    - w1\n", ERRC_FORMAT, "line 3");
    assert_refused("ledger:\n  witnesses:\n    - {url: x}\n", ERRC_FORMAT, "vkey is missing");
    assert_refused("ledger:\n  witnesses:\n    - {vkey: x, key: y}\n", ERRC_NOT_FOUND,
                   "unknown key 'key'");
    assert_refused("drain: 10\n", ERRC_FORMAT, "drain: a duration");
    assert_refused("vault: {buffers: lots}\n", ERRC_FORMAT, "vault.buffers: a size");
    assert_refused("loops: four\n", ERRC_FORMAT, "loops: a number");
    assert_refused("loops: -1\n", ERRC_FORMAT, "loops: a number");
}

/* One setting at `value`. */
static struct result set(const struct setting *s, const char *value)
{
    struct config c;
    struct error e;
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    const char *dot = strchr(s->key, '.');
    if (dot == NULL) {
        buf_addf(&text, "%s: %s\n", s->key, value);
    } else {
        buf_addf(&text, "%.*s:\n  %s: %s\n", (int)(dot - s->key), s->key, dot + 1, value);
    }
    return config_parse(buf_bytes(&text), &c, &e);
}

static const char *of_length(size_t n, char *dst)
{
    memset(dst, 'a', n);
    dst[n] = '\0';
    return dst;
}

static void text_bounds(const struct setting *s)
{
    char text[CONFIG_TEXT_MAX + 16];
    if (s->choices != NULL) {
        assert_code(set(s, "nothing-of-that"), ERRC_RANGE);
        return;
    }
    assert_code(set(s, of_length(s->max, text)), ERRC_OK);
    assert_code(set(s, of_length(s->max + 1, text)), ERRC_RANGE);
    if (s->min > 0) {
        assert_code(set(s, "\"\""), ERRC_RANGE);
    } else {
        assert_code(set(s, "\"\""), ERRC_OK);
    }
}

static void number_bounds(const struct setting *s)
{
    const char *unit = s->type == SETTING_DURATION ? "ms" : "";
    char text[64];
    snprintf(text, sizeof(text), "%llu%s", (unsigned long long)s->min, unit);
    assert_code(set(s, text), ERRC_OK);
    snprintf(text, sizeof(text), "%llu%s", (unsigned long long)s->max, unit);
    assert_code(set(s, text), ERRC_OK);
    snprintf(text, sizeof(text), "%llu%s", (unsigned long long)s->max + 1, unit);
    assert_code(set(s, text), ERRC_RANGE);
    if (s->min > 0) {
        snprintf(text, sizeof(text), "%llu%s", (unsigned long long)s->min - 1, unit);
        assert_code(set(s, text), ERRC_RANGE);
    }
    assert_code(set(s, "99999999999999999999999"),
                s->type == SETTING_DURATION ? ERRC_FORMAT : ERRC_RANGE);
}

static void test_bounds(void **state)
{
    (void)state;
    assert_true(config_setting_count > 30);
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *s = &config_settings[i];
        assert_true(s->en[0] != '\0' && s->zh[0] != '\0');
        switch (s->type) {
        case SETTING_TEXT:
        case SETTING_NAME:
            assert_true(s->max < CONFIG_TEXT_MAX);
            text_bounds(s);
            break;
        case SETTING_COUNT:
        case SETTING_SIZE:
        case SETTING_DURATION:
            number_bounds(s);
            break;
        case SETTING_BOOL:
            assert_code(set(s, "true"), ERRC_OK);
            assert_code(set(s, "false"), ERRC_OK);
            assert_code(set(s, "1"), ERRC_FORMAT);
            break;
        case SETTING_LIST:
        case SETTING_WITNESSES:
            assert_code(set(s, "[]"), ERRC_OK);
            assert_code(set(s, "x"), ERRC_FORMAT);
            break;
        }
    }
}

static void test_lists_are_bounded(void **state)
{
    struct config c;
    struct error e;
    CLEANUP(buf_done_p) struct buf text = BUF(64 * 1024);
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        buf_reset(&text);
        buf_add_str(&text, "metrics:\n  allow:\n");
        for (int i = 0; i < CONFIG_ADDRESSES_MAX + pass; i++) {
            buf_addf(&text, "    - 10.0.0.%d\n", i);
        }
        assert_code(config_parse(buf_bytes(&text), &c, &e), pass == 0 ? ERRC_OK : ERRC_LIMIT);
        buf_reset(&text);
        buf_add_str(&text, "ledger:\n  witnesses:\n");
        for (int i = 0; i < CONFIG_WITNESSES_MAX + pass; i++) {
            buf_addf(&text, "    - vkey: w%d\n", i);
        }
        assert_code(config_parse(buf_bytes(&text), &c, &e), pass == 0 ? ERRC_OK : ERRC_LIMIT);
    }
}

/* Nothing is written to the result of a refused text. */
static void test_all_or_nothing(void **state)
{
    struct config c;
    struct error e;
    (void)state;
    config_defaults(&c);
    assert_code(parse("region: elsewhere\nnonsense: 1\n", &c, &e), ERRC_NOT_FOUND);
    assert_string_equal(c.region, "us-east-1");
}

static void test_dump_reads_back(void **state)
{
    struct config c, again;
    struct error e = { 0 };
    (void)state;
    assert_ok(parse("origin: o.example\nloops: 3\ndrain: 1500ms\n"
                    "tls: {certificate: 'a \"b\" \\c', client_auth: required}\n"
                    "vault: {buffers: 33MiB, reserve: 1048577}\n"
                    "metrics: {allow: ['192.0.2.1']}\n"
                    "keys: {contact: '\xe6\x9d\x8e # : [x'}\n"
                    "ledger: {witnesses: [{vkey: 'a+b', url: 'u', ca: ''}, {vkey: c}]}\n",
                    &c, &e),
              e);
    for (int zh = 0; zh < 2; zh++) {
        CLEANUP(buf_done_p) struct buf text = BUF(256 * 1024);
        config_dump(&c, zh != 0, &text);
        assert_ok(config_parse(buf_bytes(&text), &again, &e), e);
        assert_same(&c, &again);
        assert_string_equal(again.tls_certificate, "a \"b\" \\c");
        assert_int_equal(again.vault_reserve_bytes, 1048577);
    }
}

/* The documented settings are under version control: a change of them shows. After an intended one:
 * troth config --dump --lang en > tests/snapshots/config.en.yaml, and zh. */
static void test_snapshot(void **state)
{
    static const char *const langs[] = { "en", "zh" };
    const char *root = getenv("TROTH_SOURCE");
    struct config c;
    (void)state;
    config_defaults(&c);
    for (int zh = 0; zh < 2; zh++) {
        char path[4096];
        static char want[256 * 1024];
        CLEANUP(buf_done_p) struct buf text = BUF(256 * 1024);
        snprintf(path, sizeof(path), "%s/tests/snapshots/config.%s.yaml", root == NULL ? "." : root,
                 langs[zh]);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        size_t n = fread(want, 1, sizeof(want) - 1, f);
        fclose(f);
        want[n] = '\0';
        config_dump(&c, zh != 0, &text);
        assert_string_equal(buf_cstr(&text), want);
    }
}

/* No prefix of a good text does anything but parse or be refused. */
static void test_truncated(void **state)
{
    struct config c, again;
    struct error e;
    CLEANUP(buf_done_p) struct buf text = BUF(256 * 1024);
    (void)state;
    config_defaults(&c);
    config_dump(&c, false, &text);
    for (size_t n = 0; n < text.n; n += 7) {
        result_ignore(config_parse(bytes_of(text.p, n), &again, &e));
    }
    assert_code(config_parse(bytes_of("\xff\xfe", 2), &again, &e), ERRC_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),          cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_refusals),          cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_lists_are_bounded), cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_dump_reads_back),   cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
