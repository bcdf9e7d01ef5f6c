/* Trust policies: the grammar of C2SP tlog-policy, each refusal with its line, quorums. */
#include "proof_kit.h"

static struct result parse(const char *text, struct policy **ret, struct error *e)
{
    return policy_parse(bytes_str(text), ret, e);
}

static void test_quorums(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        uint32_t met_by; /* a bit for each set of the three witnesses that meets it */
    } cases[] = {
        { "quorum none\n", 0xff },
        { "quorum w1\n", 0xaa },
        { "group g all w1 w2 w3\nquorum g\n", 0x80 },
        { "group g any w1 w2 w3\nquorum g\n", 0xfe },
        { "group g 2 w1 w2 w3\nquorum g\n", 0xe8 },
        { "group a any w1 w2\ngroup b all a w3\nquorum b\n", 0xe0 },
        { "group a all w1 w2\ngroup b 1 a w3\nquorum b\n", 0xf8 },
        { "# a comment\n\n \t group\tg  1 \t w2\n  quorum   g  \n", 0xcc },
    };
    struct kit *k = kit_new();
    struct note *n = mem_alloc(sizeof(*n));
    struct error e = { 0 };

    kit_fill(k, 5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(policy_free_p) struct policy *p = kit_policy(k, cases[i].more);
        for (unsigned set = 0; set < 8; set++) {
            CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
            CLEANUP(buf_done_p) struct buf text = BUF(1024);
            struct tree_frontier f = kit_frontier(k, 5);
            struct tree_hash root = tree_frontier_root(&f);
            struct policy_result r;
            checkpoint_text(&text, KIT_ORIGIN, 5, &root);
            kit_note_of(k, 5, &root, 0, &note);
            for (unsigned w = 0; w < 3; w++) {
                if ((set >> w & 1) != 0) {
                    kit_sign(k->witness_sk[w], &k->witness[w], buf_bytes(&text), 1795340480 + w,
                             &note);
                }
            }
            assert_ok(note_parse(buf_bytes(&note), n, &e), e);
            assert_ok(policy_cosignatures(p, n, &r, &e), e);
            assert_int_equal(r.witnesses, set);
            assert_int_equal(r.cosignatures, __builtin_popcount(set));
            assert_int_equal(r.is_met, cases[i].met_by >> set & 1);
        }
    }
    mem_free(n);
    kit_free(k);
}

static void test_lookup(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    CLEANUP(policy_free_p) struct policy *p = kit_policy(k, "tsa ca.pem\nquorum none\n");

    assert_memory_equal(policy_log(p, bytes_str(KIT_ORIGIN)), &k->log, sizeof(k->log));
    assert_null(policy_log(p, BYTES_LIT("troth.test/acm")));
    assert_memory_equal(policy_statement(p), &k->sealer, sizeof(k->sealer));
    assert_string_equal(policy_tsa(p), "ca.pem");
    assert_int_equal(policy_witness_count(p), 3);
    assert_false(policy_has_quorum(p));
    kit_free(k);
}

/* Behind the three witnesses of the kit (lines 1 to 5): the line that is named and the code. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        unsigned line;
        enum errc code;
    } cases[] = {
        { "", 6, ERRC_FORMAT },
        { "quorum w4\n", 6, ERRC_NOT_FOUND },
        { "quorum none\nquorum none\n", 7, ERRC_EXISTS },
        { "quorum\n", 6, ERRC_FORMAT },
        { "quorum none w1\n", 6, ERRC_FORMAT },
        { "quorum none", 6, ERRC_FORMAT },
        { "quorum none\r\n", 6, ERRC_FORMAT },
        { "quorum none\n# \x01\n", 7, ERRC_FORMAT },
        { "group g 0 w1\nquorum g\n", 6, ERRC_FORMAT },
        { "group g 2 w1\nquorum g\n", 6, ERRC_FORMAT },
        { "group g 01 w1\nquorum g\n", 6, ERRC_FORMAT },
        { "group g some w1\nquorum g\n", 6, ERRC_FORMAT },
        { "group g any\nquorum g\n", 6, ERRC_FORMAT },
        { "group w1 any w2\nquorum w1\n", 6, ERRC_EXISTS },
        { "group none any w2\nquorum none\n", 6, ERRC_FORMAT },
        { "group g any none\nquorum g\n", 6, ERRC_NOT_FOUND },
        { "group g any g\nquorum g\n", 6, ERRC_NOT_FOUND },
        { "group g any h\ngroup h any w1\nquorum g\n", 6, ERRC_NOT_FOUND },
        { "group g any w1 w1\nquorum g\n", 6, ERRC_EXISTS },
        { "group g any w1\ngroup h any w1\nquorum g\n", 7, ERRC_EXISTS },
        { "tsa\nquorum none\n", 6, ERRC_FORMAT },
        { "tsa a\ntsa b\nquorum none\n", 7, ERRC_EXISTS },
        { "witnesses w9\nquorum none\n", 6, ERRC_FORMAT },
        { "Quorum none\n", 6, ERRC_FORMAT },
    };
    struct kit *k = kit_new();
    struct error e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done_p) struct buf text = BUF(POLICY_MAX_BYTES);
        struct policy *p = NULL;
        char want[32];
        kit_policy_text(k, cases[i].more, &text);
        struct result r = policy_parse(buf_bytes(&text), &p, &e);
        if (r.code != cases[i].code) {
            fail_msg("%s: %s (%s)", cases[i].more, errc_name(r.code), e.msg);
        }
        snprintf(want, sizeof(want), "line %u: ", cases[i].line);
        if (strncmp(e.msg, want, strlen(want)) != 0) {
            fail_msg("%s: %s, expected %s", cases[i].more, e.msg, want);
        }
    }
    kit_free(k);
}

static void test_keys(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    CLEANUP(buf_done_p) struct buf log = BUF(1024);
    CLEANUP(buf_done_p) struct buf witness = BUF(1024);
    struct policy *p = NULL;
    char text[4096];

    note_key_text(&k->log, &log);
    note_key_text(&k->witness[0], &witness);
    const char *l = buf_cstr(&log), *w = buf_cstr(&witness);
    snprintf(text, sizeof(text), "log %s\nlog %s\nquorum none\n", l, l);
    assert_code(parse(text, &p, &e), ERRC_EXISTS);
    snprintf(text, sizeof(text), "log %s\nquorum none\n", w);
    assert_code(parse(text, &p, &e), ERRC_FORMAT); /* a witness's key */
    snprintf(text, sizeof(text), "witness a %s\nquorum none\n", l);
    assert_code(parse(text, &p, &e), ERRC_FORMAT);
    snprintf(text, sizeof(text), "witness a %s\nwitness b %s\nquorum a\n", w, w);
    assert_code(parse(text, &p, &e), ERRC_EXISTS);
    snprintf(text, sizeof(text),
             "log %s https://log.example/\nwitness a %s https://w.example\nquorum a\n", l, w);
    assert_ok(parse(text, &p, &e), e);
    policy_free(p);

    /* every byte of the keys: refused with its line */
    snprintf(text, sizeof(text), "log %s\nwitness a %s\nquorum a\n", l, w);
    size_t n = strlen(text);
    unsigned line = 1;
    for (size_t at = 0; at < n; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            char want[32];
            text[at] = (char)(text[at] ^ (1 << bit));
            p = NULL;
            struct result r = policy_parse(bytes_of(text, n), &p, &e);
            policy_free(p);
            if (result_is_ok(r)) {
                fail_msg("byte %zu (line %u), bit %u was accepted: %s", at, line, bit, text);
            }
            snprintf(want, sizeof(want), "line ");
            assert_int_equal(strncmp(e.msg, want, strlen(want)), 0);
            text[at] = (char)(text[at] ^ (1 << bit));
        }
        line += text[at] == '\n';
    }
    kit_free(k);
}

static void test_limits(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf text = BUF(1u << 20);
    struct policy *p = NULL;
    struct error e = { 0 };

    for (unsigned i = 0; i < POLICY_ITEMS_MAX + 1; i++) {
        struct note_key key;
        struct sign_key *sk = kit_seed_key((uint8_t)(100 + i));
        assert_ok(note_key_make("w", NOTE_COSIGNATURE_V1, sign_key_public(sk).p, &key, &e), e);
        sign_key_free(sk);
        buf_addf(&text, "witness n%u ", i);
        note_key_text(&key, &text);
        buf_add_str(&text, "\n");
    }
    assert_code(policy_parse(buf_bytes(&text), &p, &e), ERRC_LIMIT);
    assert_int_equal(strncmp(e.msg, "line 33: ", 9), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quorums),  cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("ledger/policy", tests, NULL, NULL);
}
