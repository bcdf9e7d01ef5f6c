/* Every flipped byte of every file of a log is found and named; a tiles client sees exactly what is
 * published. */
#include "testkit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "crypto/hash.h"
#include "fake_keys.h"
#include "ledger/engine.h"
#include "ledger/log_check.h"

#define DEPLOYMENT "troth.test"
#define ENTRIES    600
#define FEW        300 /* enough for a full tile; sweeps check the log thousands of times */

struct world {
    struct fs *fs;
    struct fake_keys keys;
    struct clock_fake clock;
    struct rng_test rng;
    struct engine *en;
    struct note_key key, witness;
    struct sign_key *witness_key;
    struct tree_hash leaves[ENTRIES];
    struct log_check_options options;
};

static void add_cosignature(struct world *w, struct log *l)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    CLEANUP(buf_done_p) struct buf msg = BUF(NOTE_MAX);
    CLEANUP(buf_done_p) struct buf line = BUF(NOTE_MAX);
    struct note *n = malloc(sizeof(*n));
    uint8_t sig[SIGN_MAX];
    size_t sig_n;
    struct error e = { 0 };

    assert_ok(engine_checkpoint(l, &note, &e), e);
    assert_ok(note_parse(buf_bytes(&note), n, &e), e);
    assert_ok(note_message(NOTE_COSIGNATURE_V1, n->text, 1700000000, &msg), e);
    assert_ok(sign_bytes(w->witness_key, buf_bytes(&msg), sig, &sig_n), e);
    note_add_signature(&line, &w->witness, 1700000000, sig);
    assert_ok(engine_cosign(w->en, l, l->published.size, buf_bytes(&line), &e), e);
    free(n);
}

static void world_init(struct world *w, int entries)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = { 7 };
    struct ledger_config c;
    struct error e = { 0 };
    struct log *l;

    *w = (struct world){ .fs = fs_fake_new((uint64_t)1 << 30) };
    fake_keys_init(&w->keys);
    clock_fake_init(&w->clock, 1795340476000);
    rng_test_init(&w->rng, 1);
    assert_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &w->witness_key), e);
    assert_ok(note_key_make("witness.test", NOTE_COSIGNATURE_V1, sign_key_public(w->witness_key).p,
                            &w->witness, &e),
              e);
    ledger_config_default(&c);
    c.deployment = DEPLOYMENT;
    c.clock = &w->clock.base;
    c.rng = &w->rng.base;
    c.keys = w->keys.face;
    c.witnesses = &w->witness;
    c.witness_count = 1;
    c.low_water_bytes = c.reserve_bytes = 1 << 20;
    c.journal = (struct journal_config){ 256 * 1024, 2, 8 };
    c.is_inline = true;
    assert_ok(engine_open(w->fs, &c, &w->en, &e), e);
    assert_ok(engine_create_log(w->en, "acme", &e), e);
    assert_ok(engine_log(w->en, "acme", &l, &e), e);
    for (int i = 0; i < entries; i++) {
        struct ledger_position pos;
        const struct ledger_item it = { "acme", "object.put", BYTES_LIT("{\"key\":\"value\"}") };
        clock_fake_advance(&w->clock, 3600 * 1000); /* over several months */
        assert_ok(engine_append(w->en, i % 3 == 0 ? ROLE_SUPERVISOR : ROLE_EDGE, &it, 1, &pos, &e),
                  e);
        w->leaves[i] = pos.leaf;
        if (i % 100 == 99) {
            assert_ok(engine_commit(w->en, &e), e);
            assert_ok(engine_publish_all(w->en, &e), e);
            add_cosignature(w, l);
        }
    }
    assert_ok(engine_timestamp(l, 300, BYTES_LIT("a token"), &e), e);
    fake_note_key(&w->keys, DEPLOYMENT "/acme", &w->key);
    w->options = (struct log_check_options){ .origin = DEPLOYMENT "/acme",
                                             .key = &w->key,
                                             .keys = &w->keys.face,
                                             .clock = &w->clock.base,
                                             .witnesses = &w->witness,
                                             .witness_count = 1 };
}

static void world_done(struct world *w)
{
    engine_close(w->en);
    fs_free(w->fs);
    fake_keys_done(&w->keys);
    sign_key_free(w->witness_key);
}

static struct result check(struct world *w, struct log_check_report *report, struct error *e)
{
    return log_check(w->fs, "acme", &w->options, report, e);
}

static void test_sound(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct log_check_report r;

    world_init(&w, ENTRIES);
    assert_ok(check(&w, &r, &e), e);
    assert_int_equal(r.size, ENTRIES);
    assert_int_equal(r.checkpoints, 1 + ENTRIES / 100);
    assert_int_equal(r.erased, 0);
    snprintf(w.keys.destroyed, sizeof(w.keys.destroyed), "acme");
    assert_ok(check(&w, &r, &e), e);
    assert_int_equal(r.erased, ENTRIES);
    w.keys.destroyed[0] = 0;
    w.options.keys = NULL;
    assert_ok(check(&w, &r, &e), e);
    w.options.origin = DEPLOYMENT "/other";
    assert_code(check(&w, &r, &e), ERRC_INTEGRITY);
    world_done(&w);
}

static void flip_file(struct world *w, const char *name, uint64_t step)
{
    char path[128];
    struct error e = { 0 };
    struct fs_stat st;
    struct log_check_report r;

    snprintf(path, sizeof(path), "logs/acme/%s", name);
    assert_ok(fs_stat(w->fs, path, &st, &e), e);
    assert_true(st.size > 0);
    for (uint64_t at = 0; at < st.size; at += step) {
        uint8_t mask = (uint8_t)(1U << at % 8);
        assert_ok(fs_fake_flip(w->fs, path, at, mask), e);
        struct result x = check(w, &r, &e);
        if (result_is_ok(x)) {
            fail_msg("%s: byte %llu changed unnoticed", path, (unsigned long long)at);
        }
        assert_non_null(strstr(e.msg, "log acme: "));
        assert_ok(fs_fake_flip(w->fs, path, at, mask), e);
    }
    assert_ok(check(w, &r, &e), e);
}

/*= 2.1.5-3 test */
static void test_every_byte(void **state)
{
    (void)state;
    struct world w;

    world_init(&w, FEW);
    w.options.witness_count = 1;
    flip_file(&w, "checkpoints", 1);
    flip_file(&w, "cosignatures", 1);
    flip_file(&w, "timestamps/0000000000000300", 1);
    flip_file(&w, "hashes.1", 1);
    flip_file(&w, "hashes.0", 37);
    flip_file(&w, "offsets", 13);
    flip_file(&w, "payload-offsets", 13);
    flip_file(&w, "entries", 211);
    flip_file(&w, "payloads", 211);
    snprintf(w.keys.destroyed, sizeof(w.keys.destroyed),
             "acme"); /* even what can't be opened any more */
    flip_file(&w, "payloads", 409);
    w.keys.destroyed[0] = 0;
    world_done(&w);
}

/* Bytes cut off and bytes added. */
static void test_lengths(void **state)
{
    (void)state;
    static const char *const names[] = { "checkpoints",     "hashes.0", "hashes.1", "offsets",
                                         "payload-offsets", "entries",  "payloads" };
    struct world w;
    struct error e = { 0 };
    struct log_check_report r;

    world_init(&w, ENTRIES);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(fs_close_p) struct fs_file *f = NULL;
        char path[128];
        uint64_t size = 0;
        uint8_t tail[512];

        snprintf(path, sizeof(path), "logs/acme/%s", names[i]);
        assert_ok(fs_open(w.fs, path, FS_READ | FS_WRITE, &f, &e), e);
        assert_ok(fs_size(f, &size, &e), e);
        size_t n = i == 0 ? 512 : 1;
        assert_ok(fs_pread(f, tail, n, size - n, NULL, &e), e);
        assert_ok(fs_pwrite(f, "x", 1, size, &e), e);
        assert_code(check(&w, &r, &e), ERRC_INTEGRITY);
        w.options.is_live = true; /* then it may be the scribe's */
        assert_ok(check(&w, &r, &e), e);
        w.options.is_live = false;
        assert_ok(fs_truncate(f, size - 1, &e), e);
        assert_false(result_is_ok(check(&w, &r, &e)));
        assert_ok(fs_pwrite(f, tail, n, size - n, &e), e);
        assert_ok(check(&w, &r, &e), e);
    }
    world_done(&w);
}

/* --- tiles --- */

static struct result get(struct ledger_tiles *t, const char *path, struct buf *out, bool *immutable)
{
    struct error e;
    const char *type;

    buf_reset(out);
    return ledger_tiles_get(t, bytes_str(path), out, &type, immutable, &e);
}

static void test_tiles(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_tiles *t;
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 24);
    bool immutable = true;
    struct note *n = malloc(sizeof(*n));
    struct checkpoint c;
    uint64_t when;

    world_init(&w, ENTRIES);
    assert_ok(ledger_tiles_open(w.fs, DEPLOYMENT, &t, &e), e);
    assert_ok(get(t, DEPLOYMENT "/acme/checkpoint", &out, &immutable), e);
    assert_false(immutable);
    assert_ok(note_parse(buf_bytes(&out), n, &e), e);
    assert_ok(note_verify(n, &w.key, &when, &e), e);
    assert_ok(note_verify(n, &w.witness, &when, &e), e);
    assert_ok(checkpoint_parse(n->text, &c, &e), e);
    assert_int_equal(c.size, ENTRIES);

    /* From the tiles alone the root comes out again. */
    struct tree_frontier from_hashes = { 0 }, from_entries = { 0 };
    static const char *const hashes[] = { "0/000", "0/001", "0/002.p/88" };
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof(path), DEPLOYMENT "/acme/tile/%s", hashes[i]);
        assert_ok(get(t, path, &out, &immutable), e);
        assert_true(immutable);
        for (size_t k = 0; k < out.n; k += 32) {
            struct tree_hash h;
            memcpy(h.b, out.p + k, 32);
            assert_true(tree_hash_equal(&h, &w.leaves[from_hashes.size]));
            tree_frontier_add(&from_hashes, &h);
        }
        snprintf(path, sizeof(path), DEPLOYMENT "/acme/tile/entries%s", hashes[i] + 1);
        assert_ok(get(t, path, &out, &immutable), e);
        for (struct bytes in = buf_bytes(&out), leaf; in.n > 0;) {
            assert_ok(bytes_take_be16_prefixed(&in, &leaf), e);
            struct tree_hash h = tree_leaf_hash(leaf);
            tree_frontier_add(&from_entries, &h);
        }
    }
    struct tree_hash a = tree_frontier_root(&from_hashes), b = tree_frontier_root(&from_entries);
    assert_int_equal(from_hashes.size, ENTRIES);
    assert_true(tree_hash_equal(&a, &c.root));
    assert_true(tree_hash_equal(&b, &c.root));
    assert_ok(get(t, DEPLOYMENT "/acme/tile/1/000.p/2", &out, &immutable), e);
    assert_int_equal(out.n, 64);
    assert_ok(get(t, DEPLOYMENT "/acme/tile/0/002.p/1", &out, &immutable), e);
    assert_int_equal(out.n, 32);

    static const char *const none[] = {
        "",
        "troth.test",
        "troth.test/",
        "troth.test/acme",
        "troth.test/acme/",
        "troth.test/nobody/checkpoint",
        "troth.other/acme/checkpoint",
        "troth.test/../checkpoint",
        "troth.test/acme/tile/0/002",
        "troth.test/acme/tile/0/002.p/89",
        "troth.test/acme/tile/0/002.p/0",
        "troth.test/acme/tile/0/002.p/256",
        "troth.test/acme/tile/0/002.p/088",
        "troth.test/acme/tile/0/003.p/1",
        "troth.test/acme/tile/1/000",
        "troth.test/acme/tile/1/000.p/3",
        "troth.test/acme/tile/2/000.p/1",
        "troth.test/acme/tile/6/000",
        "troth.test/acme/tile/00/000",
        "troth.test/acme/tile/0/000/",
        "troth.test/acme/tile/0/00",
        "troth.test/acme/tile/0/x000/000",
        "troth.test/acme/tile/0/x001/000",
        "troth.test/acme/tile/0/x999/x999/x999/x999/x999/x999/999",
        "troth.test/acme/tile/entries/003.p/1",
        "troth.test/acme/entries",
        "troth.test/acme/checkpoints",
    };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_code(get(t, none[i], &out, &immutable), ERRC_NOT_FOUND);
    }
    ledger_tiles_close(t);
    free(n);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
