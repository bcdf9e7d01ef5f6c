/* The witness: the protocol, forks and rollbacks, power loss at any moment. */
#include "witness_kit.h"

struct alarm_file {
    struct fs *fs;
    char path[256];
    char dir[64];
    unsigned count;
};

static struct result alarm_find(void *arg, const char *name)
{
    struct alarm_file *a = arg;
    if (strncmp(name, "alarm-", 6) == 0 && strstr(name, ".tmp") == NULL) {
        snprintf(a->path, sizeof(a->path), "%s/%s", a->dir, name);
        a->count++;
    }
    return RESULT_OK;
}

static struct result dir_find(void *arg, const char *name)
{
    struct alarm_file *a = arg;
    snprintf(a->dir, sizeof(a->dir), "logs/%s", name);
    return RESULT_OK;
}

/* The one alarm of the one log. */
static unsigned alarm_read(struct fs *fs, struct buf *out)
{
    struct alarm_file a = { .fs = fs };
    struct error e = { 0 };

    assert_ok(fs_list(fs, "logs", dir_find, &a, &e), e);
    assert_ok(fs_list(fs, a.dir, alarm_find, &a, &e), e);
    if (a.count > 0) {
        assert_ok(fs_read_file(fs, a.path, ALARM_MAX, out, &e), e);
    }
    return a.count;
}

static void test_protocol(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct clock_fake clock;
    struct fs *fs = fs_fake_new(64u << 20);
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    struct error e = { 0 };
    const char *type = NULL;
    unsigned status = 0;

    clock_fake_init(&clock, KIT_TIME);
    kit_fill(k, 100);
    struct witness *w = kit_witness(fs, &clock.base, k);
    assert_int_equal(kit_submit(w, k, 0, 10, &out), 200);
    assert_int_equal(kit_status(w).size, 10);

    /* what it gave verifies as a cosignature */
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    struct note *n = mem_alloc(sizeof(*n));
    uint64_t time_s = 0;
    kit_note(k, 10, 0, &note);
    buf_add(&note, buf_bytes(&out));
    assert_ok(note_parse(buf_bytes(&note), n, &e), e);
    assert_ok(note_verify(n, witness_key(w), &time_s, &e), e);
    assert_int_equal(time_s, KIT_TIME / 1000);

    assert_int_equal(kit_submit(w, k, 10, 10, &out), 200); /* again */
    assert_int_equal(kit_submit(w, k, 10, 37, &out), 200);
    assert_int_equal(kit_submit(w, k, 10, 50, &out), 409);
    assert_bytes(buf_bytes(&out), BYTES_LIT("37\n"));
    assert_int_equal(kit_submit(w, k, 0, 50, &out), 409);
    assert_int_equal(kit_submit(w, k, 37, 20, &out), 400);
    assert_int_equal(kit_submit(w, k, 20, 20, &out), 409);
    buf_reset(&note);
    kit_note(k, 60, 3, &note); /* signatures of others do not matter */
    assert_int_equal(kit_submit_note(w, k, 37, 60, buf_bytes(&note), &out, &type), 200);
    assert_string_equal(type, "text/plain; charset=utf-8");
    assert_int_equal(kit_submit_note(w, k, 37, 60, buf_bytes(&note), &out, &type), 409);
    assert_string_equal(type, "text/x.tlog.size");

    /* not the log's signature; not a log we know */
    struct kit *other = kit_new();
    sign_key_free(other->log_sk);
    other->log_sk = kit_seed_key(99);
    kit_fill(other, 70);
    assert_int_equal(kit_submit(w, other, 60, 70, &out), 403);
    assert_ok(note_key_make("troth.test/other", NOTE_ED25519, sign_key_public(other->log_sk).p,
                            &other->log, &e),
              e);
    assert_int_equal(kit_submit(w, other, 60, 70, &out), 404);

    static const char *const bad[] = {
        "",           "old 60",           "old 60\n",   "old x\n\n",     "old 060\n\n",
        "old -1\n\n", "old 60\nAAAA\n\n", "new 60\n\n", "old 60\n\nnote"
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        buf_reset(&out);
        assert_ok(witness_add_checkpoint(w, bytes_str(bad[i]), &status, &type, &out, &e), e);
        assert_int_equal(status, 400);
    }
    CLEANUP(buf_done_p) struct buf none = BUF(ALARM_MAX);
    assert_int_equal(alarm_read(fs, &none), 0);
    assert_int_equal(kit_status(w).size, 60);
    witness_free(w);
    fs_free(fs);
    mem_free(n);
    kit_free(k);
    kit_free(other);
}

/* A second history of the same log, by the same key. */
static struct kit *fork_of(const struct kit *k, uint64_t at, uint64_t size)
{
    struct kit *f = kit_new();

    kit_fill(f, at);
    (void)kit_add(f, 0, "object.delete", "{\"key\":\"what-nobody-shall-see\"}");
    kit_fill(f, size);
    (void)k;
    return f;
}

/*
 * The file is a proof to whoever has the log's key, and refused for every changed byte that
 * matters.
 */
static void alarm_must_prove(struct fs *fs, const struct kit *k, enum alarm_kind kind)
{
    CLEANUP(buf_done_p) struct buf file = BUF(ALARM_MAX);
    CLEANUP(buf_done_p) struct buf store = BUF(2 * NOTE_MAX);
    struct alarm a;
    struct error e = { 0 };

    assert_int_equal(alarm_read(fs, &file), 1);
    assert_ok(alarm_parse(buf_bytes(&file), &store, &a, &e), e);
    assert_int_equal(a.kind, kind);
    assert_ok(alarm_verify(&a, &k->log, &e), e);
    assert_ok(alarm_verify(&a, NULL, &e), e);
    struct note_key wrong = k->sealer;
    assert_code(alarm_verify(&a, &wrong, &e), ERRC_INTEGRITY);
    unsigned accepted = 0;
    for (size_t at = 0; at < file.n; at++) {
        for (unsigned m = 0; m < 3; m++) {
            uint8_t was = file.p[at];
            file.p[at] ^= (uint8_t)(m == 0 ? 0x01 : m == 1 ? 0x20 : 0x80);
            buf_reset(&store);
            accepted += result_is_ok(alarm_parse(buf_bytes(&file), &store, &a, &e)) &&
                        result_is_ok(alarm_verify(&a, &k->log, &e));
            file.p[at] = was;
        }
    }
    /* only what nobody signed may change: the time, the witness's name, a cosignature */
    if (accepted > 3 * 400) {
        fail_msg("%u changed bytes were accepted", accepted);
    }
}

/*= 2.1.5-3 test */
static void test_fork(void **state)
{
    (void)state;
    static const uint64_t sizes[][2] = {
        { 50, 50 }, { 50, 77 }, { 37, 40 }, { 64, 90 }, { 51, 64 }
    };

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct kit *k = kit_new();
        struct kit *f = fork_of(k, 20, 100);
        struct clock_fake clock;
        struct fs *fs = fs_fake_new(64u << 20);
        CLEANUP(buf_done_p) struct buf out = BUF(4096);
        uint64_t known = sizes[i][0], shown = sizes[i][1];

        clock_fake_init(&clock, KIT_TIME);
        kit_fill(k, 100);
        struct witness *w = kit_witness(fs, &clock.base, k);
        assert_int_equal(kit_submit(w, k, 0, known, &out), 200);
        assert_int_equal(kit_submit(w, f, known, shown, &out), known == shown ? 409 : 422);
        assert_int_equal(kit_status(w).size, known);
        assert_int_equal(kit_status(w).alarms, 1);
        /*
         * a consistency proof from a power of two does not contain the old root: such a request
         * proves nothing
         */
        alarm_must_prove(fs, k, known == 64 ? ALARM_UNPROVED : ALARM_FORK);
        assert_int_equal(kit_submit(w, k, known, 95, &out), 200); /* the true log goes on */
        witness_free(w);
        fs_free(fs);
        kit_free(k);
        kit_free(f);
    }
}

static void test_pull(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct clock_fake clock;
    struct fs *fs = fs_fake_new(64u << 20);
    struct kit_remote r = { .kit = k };
    enum witness_pull_result got;
    struct error e = { 0 };
    uint64_t size = 0;

    clock_fake_init(&clock, KIT_TIME);
    kit_fill(k, 1500);
    struct witness *w = kit_witness(fs, &clock.base, k);
    static const uint64_t sizes[] = { 1, 2, 200, 256, 257, 300, 511, 512, 1025, 1026, 1500 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        r.size = sizes[i];
        assert_ok(kit_pull(w, &r, &got, &size, &e), e);
        assert_int_equal(got, WITNESS_ADVANCED);
        assert_int_equal(size, sizes[i]);
        assert_int_equal(strtoul(r.delivered, NULL, 10), sizes[i]);
        assert_int_equal(kit_status(w).size, sizes[i]);
        assert_int_equal(kit_status(w).copied, sizes[i]);
    }
    r.delivered[0] = '\0';
    assert_ok(kit_pull(w, &r, &got, &size, &e),
              e); /* the log has no cosignature yet: delivered again */
    assert_int_equal(got, WITNESS_UNCHANGED);
    assert_non_null(strstr(r.delivered, "witness.example"));

    /* the copy: bundle 0 in full */
    struct alarm_file a = { .fs = fs };
    CLEANUP(buf_done_p) struct buf want = BUF(TILE_BUNDLE_MAX);
    CLEANUP(buf_done_p) struct buf have = BUF(TILE_BUNDLE_MAX);
    char path[160];
    assert_ok(fs_list(fs, "logs", dir_find, &a, &e), e);
    snprintf(path, sizeof(path), "%s/copy/tile/entries/003", a.dir);
    assert_ok(fs_read_file(fs, path, TILE_BUNDLE_MAX, &have, &e), e);
    assert_ok(kit_fetch(&r, "tile/entries/003", &want, &e), e);
    assert_bytes(buf_bytes(&have), buf_bytes(&want));

    /* submitting and pulling mix */
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    kit_fill(k, 1600);
    assert_int_equal(kit_submit(w, k, 1500, 1550, &out), 200);
    r.size = 1600;
    assert_ok(kit_pull(w, &r, &got, &size, &e), e);
    assert_int_equal(kit_status(w).copied, 1600);
    assert_int_equal(kit_status(w).alarms, 0);
    witness_free(w);
    fs_free(fs);
    kit_free(k);
}

/* The log is away at each fetch in turn: nothing is lost, the next pull succeeds. */
static void test_pull_broken_off(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct clock_fake clock;
    enum witness_pull_result got;
    struct error e = { 0 };
    uint64_t size = 0;
    bool was_cut = true;

    clock_fake_init(&clock, KIT_TIME);
    kit_fill(k, 900);
    for (unsigned at = 1; was_cut; at++) {
        struct fs *fs = fs_fake_new(64u << 20);
        struct kit_remote r = { .kit = k, .size = 300 };
        struct witness *w = kit_witness(fs, &clock.base, k);
        assert_ok(kit_pull(w, &r, &got, &size, &e), e);
        r.size = 900;
        r.fetches = 0;
        r.fail_at = at;
        was_cut = !result_is_ok(kit_pull(w, &r, &got, &size, &e));
        r.fail_at = 0;
        assert_ok(kit_pull(w, &r, &got, &size, &e), e);
        assert_int_equal(kit_status(w).size, 900);
        assert_int_equal(kit_status(w).alarms, 0);
        witness_free(w);
        fs_free(fs);
    }
    kit_free(k);
}

static void test_pull_deceived(void **state)
{
    (void)state;
    static const struct {
        uint64_t known, shown;
        bool is_fork, spoils_entries, spoils_tiles;
        enum alarm_kind kind;
    } cases[] = {
        { 300, 300, true, false, false, ALARM_FORK },
        { 300, 700, true, false, false, ALARM_FORK },
        { 256, 700, true, false, false, ALARM_FORK },
        { 300, 200, false, false, false, ALARM_ROLLBACK },
        { 300, 700, false, true, false, ALARM_UNPROVED },
        { 300, 700, false, false, true, ALARM_UNPROVED },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit *k = kit_new();
        struct kit *f = fork_of(k, 100, 700);
        struct clock_fake clock;
        struct fs *fs = fs_fake_new(64u << 20);
        struct kit_remote r = { .kit = k, .size = cases[i].known };
        enum witness_pull_result got;
        struct error e = { 0 };
        uint64_t size = 0;

        clock_fake_init(&clock, KIT_TIME);
        kit_fill(k, 700);
        struct witness *w = kit_witness(fs, &clock.base, k);
        assert_ok(kit_pull(w, &r, &got, &size, &e), e);
        r.kit = cases[i].is_fork ? f : k;
        r.size = cases[i].shown;
        r.spoils_entries = cases[i].spoils_entries;
        r.spoils_tiles = cases[i].spoils_tiles;
        r.delivered[0] = '\0';
        assert_code(kit_pull(w, &r, &got, &size, &e), ERRC_INTEGRITY);
        assert_non_null(strstr(e.msg, "alarm-"));
        assert_string_equal(r.delivered, "");
        assert_int_equal(kit_status(w).size, cases[i].known);
        alarm_must_prove(fs, k, cases[i].kind);
        witness_free(w);
        fs_free(fs);
        kit_free(k);
        kit_free(f);
    }
}

/*
 * Power fails at any moment: whatever cosignature was given out before, the witness still knows
 * that size afterwards (or a later one), and refuses the fork of it.
 */
static void test_power_loss(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct kit *f = fork_of(k, 5, 60);
    struct clock_fake clock;

    clock_fake_init(&clock, KIT_TIME);
    kit_fill(k, 60);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct fs *fs = fs_fake_new(64u << 20);
        CLEANUP(buf_done_p) struct buf out = BUF(4096);
        struct error e = { 0 };
        uint64_t given = 0, until = 10 + seed % 40;
        struct witness *w = kit_witness(fs, &clock.base, k);

        for (uint64_t size = 6; size <= until; size += 1 + seed % 3) {
            assert_int_equal(kit_submit(w, k, given, size, &out), 200);
            given = size;
        }
        fs_fake_power_loss(fs, seed);
        witness_free(w);
        assert_ok(witness_open(fs, &clock.base, &w, &e), e);
        assert_int_equal(kit_status(w).size, given);
        assert_int_equal(kit_submit(w, f, given, 60, &out), 422);
        assert_int_equal(kit_submit(w, k, given, 60, &out), 200);
        witness_free(w);
        fs_free(fs);
    }
    kit_free(k);
    kit_free(f);
}

/* A damaged or missing state is never taken for a new log. */
static void test_damaged_state(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct clock_fake clock;
    struct fs *fs = fs_fake_new(64u << 20);
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    CLEANUP(buf_done_p) struct buf body = BUF(2 * NOTE_MAX);
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    struct tree_proof none = { .n = 0 };
    struct alarm_file a = { .fs = fs };
    struct error e = { 0 };
    const char *type;
    unsigned status;
    char path[128];

    clock_fake_init(&clock, KIT_TIME);
    kit_fill(k, 30);
    struct witness *w = kit_witness(fs, &clock.base, k);
    assert_int_equal(kit_submit(w, k, 0, 20, &out), 200);
    assert_ok(fs_list(fs, "logs", dir_find, &a, &e), e);
    snprintf(path, sizeof(path), "%s/state", a.dir);
    struct fs_stat st;
    assert_ok(fs_stat(fs, path, &st, &e), e);
    kit_note(k, 30, 0, &note);
    witness_request(buf_bytes(&note), 0, &none, &body);
    unsigned refused = 0;
    for (uint64_t at = 0; at < st.size; at++) {
        assert_ok(fs_fake_flip(fs, path, at, 0x04), e);
        buf_reset(&out);
        struct result r = witness_add_checkpoint(w, buf_bytes(&body), &status, &type, &out, &e);
        assert_true(!result_is_ok(r) || status == 409);
        refused += !result_is_ok(r);
        assert_ok(fs_fake_flip(fs, path, at, 0x04), e);
    }
    assert_true(refused + 2 >= st.size); /* but for the white space at its end */
    assert_ok(fs_unlink(fs, path, &e), e);
    buf_reset(&out);
    assert_code(witness_add_checkpoint(w, buf_bytes(&body), &status, &type, &out, &e),
                ERRC_INTEGRITY);
    witness_free(w);
    fs_free(fs);
    kit_free(k);
}

static void test_logs(void **state)
{
    (void)state;
    struct kit *k = kit_new();
    struct fs *fs = fs_fake_new(64u << 20);
    struct error e = { 0 };
    struct witness *w = kit_witness(fs, &clock_system, k);
    struct witness_log log = { .key = k->log, .url = "https://log.example/log/x" };

    assert_code(witness_init(fs, "again", &rng_system, &e), ERRC_EXISTS);
    assert_ok(witness_add_log(w, &log, &e), e);
    assert_string_equal(kit_status(w).log.url, "https://log.example/log/x");
    assert_ok(
            note_key_make(KIT_ORIGIN, NOTE_ED25519, sign_key_public(k->sealer_sk).p, &log.key, &e),
            e);
    assert_code(witness_add_log(w, &log, &e), ERRC_EXISTS);
    log.key = k->witness[0];
    assert_code(witness_add_log(w, &log, &e), ERRC_FORMAT);
    witness_free(w);
    fs_free(fs);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol),      cmocka_unit_test(test_fork),
        cmocka_unit_test(test_pull),          cmocka_unit_test(test_pull_broken_off),
        cmocka_unit_test(test_pull_deceived), cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_damaged_state), cmocka_unit_test(test_logs),
    };
    return cmocka_run_group_tests_name("ledger/witness", tests, NULL, NULL);
}
