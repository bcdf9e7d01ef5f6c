/* Packages: written, checked, and refused for every changed byte with the place named. */
#include "proof_kit.h"

struct found {
    char text[4096];
};

static void note_finding(void *arg, const struct package_finding *f)
{
    struct found *all = arg;
    size_t n = strlen(all->text);
    snprintf(all->text + n, sizeof(all->text) - n, "%s@%d ", package_finding_name(f->kind),
             f->index == UINT64_MAX ? -1 : (int)f->index);
}

/*= 2.1.7-5 test */
static void test_good(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    struct found found = { "" };
    CLEANUP(policy_free_p) struct policy *p = kit_policy(k, "group two 2 w1 w2 w3\nquorum two\n");
    struct package_options o = { .policy = p, .finding = note_finding, .arg = &found };
    struct package_report r;

    kit_fill(k, 50);
    assert_ok(kit_package(k, 0, &e), e);
    assert_ok(kit_verify(buf_bytes(&k->out), &o, &r, &e), e);
    assert_string_equal(found.text, "");
    assert_int_equal(r.entries, 50);
    assert_int_equal(r.erased, 2);
    assert_int_equal(r.heartbeats, 2);
    assert_int_equal(r.checkpoints, 8);
    assert_int_equal(r.lines, 50 + 8 + 2);
    assert_int_equal(r.bytes, k->out.n);
    assert_int_equal(r.witnessed_size, 50);
    assert_int_equal(r.last.cosignatures, 2);
    assert_true(r.is_key_trusted && r.is_sealer_trusted);
    assert_int_equal(r.source_count, 3);
    assert_int_equal(r.first_ms, KIT_TIME);
    assert_int_equal(r.longest_silence_ms, 250);

    /* By the key alone; by nothing: then it says that the key is the package's own. */
    o = (struct package_options){ .log_key = &k->log, .finding = note_finding, .arg = &found };
    assert_ok(kit_verify(buf_bytes(&k->out), &o, &r, &e), e);
    assert_true(r.is_key_trusted && !r.is_sealer_trusted);
    assert_string_equal(found.text, "sealer@-1 ");
    o.log_key = NULL;
    assert_ok(kit_verify(buf_bytes(&k->out), &o, &r, &e), e);
    assert_false(r.is_key_trusted);

    /* In crumbs. */
    struct kit_reader crumbs = { buf_bytes(&k->out), 13 };
    const struct package_input in = { kit_read, &crumbs };
    assert_ok(package_verify(&in, &o, &r, &e), e);
    kit_free(k);
}

static void test_wrong_keys(void **state)
{
    (void)state;
    struct kit *k = kit_new(), *other = kit_new();
    struct error e = { 0 };
    struct package_report r;

    kit_fill(k, 20);
    assert_ok(kit_package(k, 0, &e), e);
    struct note_key wrong;
    assert_ok(note_key_make(KIT_ORIGIN, NOTE_ED25519, sign_key_public(k->sealer_sk).p, &wrong, &e),
              e);
    struct package_options o = { .log_key = &wrong };
    assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), ERRC_INTEGRITY);
    assert_int_equal(r.line, 1);

    CLEANUP(policy_free_p) struct policy *unmet = kit_policy(k, "quorum w3\n");
    o = (struct package_options){ .policy = unmet };
    assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), ERRC_DENIED);
    assert_int_equal(r.line, 25);

    other->sealer = k->log; /* a policy with another statement key */
    CLEANUP(policy_free_p) struct policy *sealed = kit_policy(other, "quorum none\n");
    o = (struct package_options){ .policy = sealed };
    assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), ERRC_INTEGRITY);
    assert_non_null(strstr(e.msg, "sealer"));
    kit_free(k);
    kit_free(other);
}

/* Every byte of a package with several masks: refused, and the line named is the one that was
 * changed. */
/*= 2.1.5-3 test */
static void test_flips(void **state)
{
    (void)state;
    static const uint8_t masks[] = { 0x01, 0x20, 0x80 };
    struct kit *k = kit_new();
    struct error e = { 0 };
    CLEANUP(policy_free_p) struct policy *p = kit_policy(k, "quorum w1\n");
    struct package_options with = { .policy = p }, without = { .policy = NULL };
    struct package_report r;
    char want[64];

    k->cosigned = 3;
    kit_fill(k, 20);
    assert_ok(kit_package(k, 0, &e), e);
    uint64_t line = 1, index = 0;
    size_t begin = 0;
    for (size_t at = 0; at < k->out.n; at++) {
        bool is_entry = line > 1 && (line - 2) % 8 != 7 && index < 20 && line < 25;
        for (size_t m = 0; m < ARRAY_LEN(masks); m++) {
            uint8_t was = k->out.p[at];
            k->out.p[at] ^= masks[m];
            for (int pass = m == 0 ? 0 : 1; pass < 2; pass++) { /* with the policy once */
                struct result res =
                        kit_verify(buf_bytes(&k->out), pass == 0 ? &with : &without, &r, &e);
                if (result_is_ok(res)) {
                    fail_msg("byte %zu (line %d) ^ %02x was accepted", at, (int)line, masks[m]);
                }
                bool is_kind_known = at >= begin + strlen("{\"crc\":\"00000000\",\"entry\":");
                if (is_entry && is_kind_known) {
                    snprintf(want, sizeof(want), "line %d, entry %d: ", (int)line, (int)index);
                } else {
                    snprintf(want, sizeof(want), "line %d", (int)line);
                }
                if (strncmp(e.msg, want, strlen(want)) != 0) {
                    fail_msg("byte %zu ^ %02x: %s (expected %s)", at, masks[m], e.msg, want);
                }
            }
            k->out.p[at] = was;
        }
        if (k->out.p[at] == '\n') {
            index += is_entry;
            line++;
            begin = at + 1;
        }
    }
    assert_int_equal(line, 26); /* 1 + 20 + 3 + 1 lines */
    assert_int_equal(index, 20);
    kit_free(k);
}

static void test_cuts(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    struct package_options o = { .log_key = &k->log };
    struct package_report r;

    kit_fill(k, 20);
    assert_ok(kit_package(k, 0, &e), e);
    for (size_t n = 0; n < k->out.n; n++) {
        if (result_is_ok(kit_verify(bytes_of(k->out.p, n), &o, &r, &e))) {
            fail_msg("cut to %zu bytes it was accepted", n);
        }
        assert_int_equal(strncmp(e.msg, "line ", 5), 0);
    }
    for (unsigned c = 0; c < 256; c++) { /* and a byte behind it */
        CLEANUP(buf_done_p) struct buf more = BUF(1u << 20);
        buf_add(&more, buf_bytes(&k->out));
        buf_add_u8(&more, (uint8_t)c);
        assert_false(result_is_ok(kit_verify(buf_bytes(&more), &o, &r, &e)));
    }
    kit_free(k);
}

/* Lines left out, doubled, swapped; all with right CRCs. */
static void test_lines_moved(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    struct package_options o = { .log_key = &k->log };
    struct package_report r;
    struct bytes lines[32];
    size_t n = 0;

    kit_fill(k, 20);
    assert_ok(kit_package(k, 0, &e), e);
    for (struct bytes rest = buf_bytes(&k->out); rest.n > 0; n++) {
        lines[n] = bytes_slice(rest, 0, bytes_index(rest, '\n') + 1);
        rest = bytes_slice(rest, lines[n].n, rest.n);
    }
    assert_int_equal(n, 25);
    for (size_t at = 0; at < n; at++) {
        for (int how = 0; how < 3; how++) {
            CLEANUP(buf_done_p) struct buf out = BUF(1u << 20);
            for (size_t i = 0; i < n; i++) {
                size_t from = how == 2 && at + 1 < n ? (i == at       ? at + 1
                                                        : i == at + 1 ? at
                                                                      : i)
                                                     : i;
                if (how == 0 && i == at) {
                    continue;
                }
                buf_add(&out, lines[from]);
                if (how == 1 && i == at) {
                    buf_add(&out, lines[from]);
                }
            }
            if (how == 2 && at + 1 == n) {
                continue;
            }
            if (result_is_ok(kit_verify(buf_bytes(&out), &o, &r, &e))) {
                fail_msg("line %zu, way %d was accepted", at + 1, how);
            }
        }
    }
    kit_free(k);
}

/* What the log's own owner could forge is found by the story that the entries tell. */
static void expect_story(struct kit *k, uint64_t from, enum errc code, const char *findings,
                         const char *words)
{
    struct error e = { 0 };
    struct found found = { "" };
    struct package_options o = { .log_key = &k->log, .finding = note_finding, .arg = &found };
    struct package_report r;

    assert_ok(kit_package(k, from, &e), e);
    assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), code);
    if (code != ERRC_OK) {
        assert_non_null(strstr(e.msg, words));
    }
    assert_string_equal(found.text, findings);
    kit_free(k);
}

static void test_story(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    kit_fill(k, 9);
    k->counters[0]++; /* one event is missing */
    kit_fill(k, 12);
    expect_story(k, 0, ERRC_INTEGRITY, "sealer@-1 ", "entry 9: counter: 9 of edge where 8 follows");

    k = kit_new();
    kit_fill(k, 9);
    k->counters[0]--; /* one number twice */
    kit_fill(k, 12);
    expect_story(k, 0, ERRC_INTEGRITY, "sealer@-1 ", "entry 9: counter");

    k = kit_new();
    kit_fill(k, 9);
    (void)kit_add(k, 2, "heartbeat", "{\"counters\":{\"edge\":8,\"keeper\":2}}");
    expect_story(k, 0, ERRC_INTEGRITY, "sealer@-1 ", "entry 9: heartbeat: says 8 for edge");

    k = kit_new();
    kit_fill(k, 9);
    (void)kit_add(k, 2, "heartbeat", "{\"counters\":{\"edge\":7}}");
    expect_story(k, 0, ERRC_INTEGRITY, "sealer@-1 ", "does not name every source");

    k = kit_new();
    kit_fill(k, 3);
    (void)kit_add(k, 1, "key.destroy", "{\"phase\":\"intent\"}");
    (void)kit_add(k, 1, "key.destroy", "{\"phase\":\"intent\"}");
    (void)kit_add(k, 1, "key.rotate", "{\"intent\":4,\"phase\":\"outcome\",\"result\":\"ok\"}");
    k->now_ms -= 10000;
    (void)kit_add(k, 0, "void", "{\"index\":3}");
    expect_story(k, 0, ERRC_OK, "sealer@-1 outcome@5 time@6 intent@4 ", "");
}

/* From the middle: the tree goes on, counters begin where they are met. */
static void test_from(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct error e = { 0 };
    struct found found = { "" };
    struct package_report r;

    kit_fill(k, 60);
    for (uint64_t from = 1; from < 60; from++) {
        struct package_options o = { .log_key = &k->log, .finding = note_finding, .arg = &found };
        found.text[0] = 0;
        assert_ok(kit_package(k, from, &e), e);
        struct tree_frontier f = kit_frontier(k, from);
        o.has_trusted = true;
        o.trusted_size = from;
        o.trusted_root = tree_frontier_root(&f);
        assert_ok(kit_verify(buf_bytes(&k->out), &o, &r, &e), e);
        assert_string_equal(found.text, "sealer@-1 ");
        assert_int_equal(r.entries, 60 - from);
        o.trusted_root.b[5] ^= 1;
        assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), ERRC_INTEGRITY);
        o.trusted_size = 60;
        o.trusted_root = r.root;
        assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), ERRC_INTEGRITY);
        f = kit_frontier(k, 60);
        o.trusted_root = tree_frontier_root(&f);
        assert_ok(kit_verify(buf_bytes(&k->out), &o, &r, &e), e);
        o.trusted_size = from - 1;
        assert_code(kit_verify(buf_bytes(&k->out), &o, &r, &e), ERRC_RANGE);
    }
    kit_free(k);
}

/* A forger who rewrites history, CRCs and the trailer has no signature of the log. */
static void test_rewritten(void **state)
{
    (void)state;
    struct kit *k = kit_new(), *forger = kit_new();
    struct error e = { 0 };
    struct package_options o = { .log_key = &k->log };
    struct package_report r;

    kit_fill(k, 20);
    kit_fill(forger, 20);
    sign_key_free(forger->log_sk);
    forger->log_sk = kit_seed_key(77);
    assert_code(kit_package(forger, 0, &e), ERRC_INTEGRITY); /* the writer looks too */
    assert_ok(note_key_make(KIT_ORIGIN, NOTE_ED25519, sign_key_public(forger->log_sk).p,
                            &forger->log, &e),
              e);
    assert_ok(kit_package(forger, 0, &e), e);
    assert_code(kit_verify(buf_bytes(&forger->out), &o, &r, &e), ERRC_INTEGRITY);
    assert_non_null(strstr(e.msg, "line 1: vkey"));

    /* an entry exchanged under the right key's checkpoints */
    struct kit_entry *x = &forger->entries[3];
    x->payload.n--;
    assert_code(kit_package(forger, 0, &e), ERRC_INTEGRITY);
    x->payload.n++;
    kit_free(k);
    kit_free(forger);
}

static void test_long_line(void **state)
{
    (void)state;
    struct error e = { 0 };
    struct package_options o = { .log_key = NULL };
    struct package_report r;
    CLEANUP(buf_done_p) struct buf b = BUF(4u << 20);

    for (size_t n = PACKAGE_LINE_MAX - 1; n < PACKAGE_LINE_MAX + 2; n++) {
        buf_reset(&b);
        for (size_t i = 0; i < n; i++) {
            buf_add_u8(&b, 'x');
        }
        buf_add_u8(&b, '\n');
        assert_code(kit_verify(buf_bytes(&b), &o, &r, &e),
                    n < PACKAGE_LINE_MAX ? ERRC_FORMAT : ERRC_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_flips),       cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_lines_moved), cmocka_unit_test(test_story),
        cmocka_unit_test(test_from),        cmocka_unit_test(test_rewritten),
        cmocka_unit_test(test_long_line),
    };
    return cmocka_run_group_tests_name("ledger/package", tests, NULL, NULL);
}
