/* The engine on a file system in memory: model, restart, refusals, receipts, full disk, erased
 * payloads. */
#include "testkit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/text.h"
#include "fake_keys.h"
#include "ledger/engine.h"

#define DEPLOYMENT "troth.test"

struct world {
    struct fs *fs;
    struct fake_keys keys;
    struct clock_fake clock;
    struct rng_test rng;
    struct ledger_config config;
    struct engine *en;
    struct note_key witness;
    struct sign_key *witness_key;
};

static void world_open(struct world *w)
{
    struct error e = { 0 };
    assert_ok(engine_open(w->fs, &w->config, &w->en, &e), e);
}

static void world_init(struct world *w)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = { 7 };
    struct error e = { 0 };

    *w = (struct world){ .fs = fs_fake_new((uint64_t)1 << 30) };
    fake_keys_init(&w->keys);
    clock_fake_init(&w->clock, 1795340476000);
    rng_test_init(&w->rng, 1);
    assert_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &w->witness_key), e);
    assert_ok(note_key_make("witness.test", NOTE_COSIGNATURE_V1, sign_key_public(w->witness_key).p,
                            &w->witness, &e),
              e);
    ledger_config_default(&w->config);
    w->config.deployment = DEPLOYMENT;
    w->config.clock = &w->clock.base;
    w->config.rng = &w->rng.base;
    w->config.keys = w->keys.face;
    w->config.witnesses = &w->witness;
    w->config.witness_count = 1;
    w->config.low_water_bytes = 1 << 20;
    w->config.reserve_bytes = 1 << 20;
    w->config.journal = (struct journal_config){ 256 * 1024, 2, 8 };
    w->config.is_inline = true;
    world_open(w);
}

static void world_done(struct world *w)
{
    engine_close(w->en);
    fs_free(w->fs);
    fake_keys_done(&w->keys);
    sign_key_free(w->witness_key);
}

static struct log *the_log(struct world *w, const char *name)
{
    struct error e = { 0 };
    struct log *l = NULL;
    assert_ok(engine_log(w->en, name, &l, &e), e);
    return l;
}

static void put(struct world *w, const char *log, enum role source, const char *payload,
                struct ledger_position *ret)
{
    struct error e = { 0 };
    const struct ledger_item it = { log, "object.put", bytes_str(payload) };
    assert_ok(engine_append(w->en, source, &it, 1, ret, &e), e);
}

static void commit(struct world *w)
{
    struct error e = { 0 };
    assert_ok(engine_commit(w->en, &e), e);
}

static void publish(struct world *w)
{
    struct error e = { 0 };
    assert_ok(engine_publish_all(w->en, &e), e);
}

/* --- receipts, checked by hand from the format --- */

static void receipt_check(struct world *w, struct bytes text, uint64_t index, const char *payload,
                          bool is_cosigned)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf canonical = BUF(1 << 20);
    struct error e = { 0 };
    struct bytes note_text, leaf, origin, hash;
    struct json v, item;
    struct note *n = malloc(sizeof(*n));
    struct note_key k;
    struct checkpoint c;
    struct entry en;
    uint8_t salt[32];
    struct tree_hash proof[64];
    size_t proof_n = 0;
    uint64_t got = 0, t;

    assert_ok(json_parse(text, 1 << 20, &doc, &e), e);
    struct json root = json_root(doc);
    assert_ok(json_canonical(root, &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), text);
    assert_ok(json_get_str(root, "checkpoint", &note_text, &e), e);
    assert_ok(json_get_str(root, "entry", &leaf, &e), e);
    assert_ok(json_get_str(root, "log", &origin, &e), e);
    assert_ok(json_get_u64(root, "index", UINT64_MAX, &got, &e), e);
    assert_int_equal(got, index);
    assert_ok(json_get_base64_exact(root, "salt", salt, sizeof(salt), &e), e);
    assert_ok(note_parse(note_text, n, &e), e);
    assert_ok(checkpoint_parse(n->text, &c, &e), e);
    assert_bytes(c.origin, origin);
    char name[128];
    snprintf(name, sizeof(name), "%.*s", BYTES_FMT(origin));
    fake_note_key(&w->keys, name, &k);
    assert_ok(note_verify(n, &k, &t, &e), e);
    assert_int_equal(result_is_ok(note_verify(n, &w->witness, &t, &e)), is_cosigned);
    assert_ok(json_get(root, "proof", &v, &e), e);
    for (struct json_iter it = { 0 }; json_next(v, &it, &item);) {
        CLEANUP(buf_done_p) struct buf raw = BUF(32);
        assert_ok(json_str(item, &hash), e);
        assert_ok(base64_decode(hash, &raw), e);
        memcpy(proof[proof_n++].b, raw.p, 32);
    }
    struct tree_hash lh = tree_leaf_hash(leaf);
    assert_ok(tree_inclusion_verify(&lh, index, c.size, &c.root, proof, proof_n, &e), e);
    assert_ok(entry_parse(leaf, &en, &e), e);
    struct tree_hash commitment = entry_commitment(salt, bytes_str(payload));
    assert_true(tree_hash_equal(&commitment, &en.commitment));
    free(n);
}

/*= 2.1.5-3 test */
static void test_receipts(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos;
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);

    world_init(&w);
    assert_ok(engine_create_log(w.en, "acme", &e), e);
    assert_code(engine_create_log(w.en, "acme", &e), ERRC_EXISTS);
    for (int i = 0; i < 1000; i++) {
        char payload[64];
        snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
        put(&w, "acme", ROLE_EDGE, payload, &pos);
        assert_int_equal(pos.index, i);
        commit(&w);
        struct log *l = the_log(&w, "acme");
        if (i % 97 == 0) {
            buf_reset(&out);
            assert_ok(engine_sign(w.en, l, &note, &e), e);
            assert_ok(engine_receipt(w.en, l, pos.index, buf_bytes(&note), l->durable, &out, &e),
                      e);
            receipt_check(&w, buf_bytes(&out), (uint64_t)i, payload, false);
        }
        if (i % 300 == 299) {
            publish(&w);
        }
    }
    for (uint64_t i = 0; i < 1000; i += 37) { /* published and not */
        char payload[64];
        snprintf(payload, sizeof(payload), "{\"n\":%d}", (int)i);
        buf_reset(&out);
        assert_ok(engine_prove(w.en, the_log(&w, "acme"), i, &out, &e), e);
        receipt_check(&w, buf_bytes(&out), i, payload, false);
    }
    assert_code(engine_prove(w.en, the_log(&w, "acme"), 1000, &out, &e), ERRC_RANGE);
    world_done(&w);
}

static void cosign(struct world *w, struct log *l, uint64_t size, struct result *ret,
                   struct error *e)
{
    CLEANUP(buf_done_p) struct buf notes = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf msg = BUF(NOTE_MAX);
    CLEANUP(buf_done_p) struct buf line = BUF(NOTE_MAX);
    struct note *n = malloc(sizeof(*n));
    uint8_t sig[SIGN_MAX];
    size_t sig_n;

    assert_ok(engine_checkpoints(l, size - 1, 1, &notes, e), *e);
    assert_ok(note_parse(bytes_slice(buf_bytes(&notes), 0, notes.n - 1), n, e), *e);
    assert_ok(note_message(NOTE_COSIGNATURE_V1, n->text, 1700000000, &msg), *e);
    assert_ok(sign_bytes(w->witness_key, buf_bytes(&msg), sig, &sig_n), *e);
    note_add_signature(&line, &w->witness, 1700000000, sig);
    *ret = engine_cosign(w->en, l, size, buf_bytes(&line), e);
    line.p[line.n - 3] ^= 1;
    assert_false(result_is_ok(engine_cosign(w->en, l, size, buf_bytes(&line), e)));
    free(n);
}

static void test_cosignatures(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos;
    struct result r;
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);

    world_init(&w);
    assert_ok(engine_create_log(w.en, "acme", &e), e);
    for (int i = 0; i < 10; i++) {
        put(&w, "acme", ROLE_EDGE, "{}", &pos);
        commit(&w);
        publish(&w);
    }
    struct log *l = the_log(&w, "acme");
    cosign(&w, l, 5, &r, &e);
    assert_ok(r, e);
    cosign(&w, l, 5, &r, &e); /* once more: kept once */
    assert_ok(r, e);
    assert_code(engine_cosign(w.en, l, 11, BYTES_LIT("x\n"), &e), ERRC_NOT_FOUND);
    assert_ok(engine_prove(w.en, l, 4, &out, &e), e);
    receipt_check(&w, buf_bytes(&out), 4, "{}", true);
    buf_reset(&out);
    assert_ok(engine_prove(w.en, l, 5, &out, &e), e); /* not covered by it */
    receipt_check(&w, buf_bytes(&out), 5, "{}", false);
    assert_code(engine_timestamp(l, 11, BYTES_LIT("token"), &e), ERRC_NOT_FOUND);
    assert_ok(engine_timestamp(l, 5, BYTES_LIT("token"), &e), e);
    buf_reset(&out);
    assert_ok(log_timestamp_get(&l->files, 5, &out, &e), e);
    assert_bytes(buf_bytes(&out), BYTES_LIT("token"));
    world_done(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos[2];
    static const char *const bad[] = { "",    "[]",          "{\"b\":1,\"a\":2}",
                                       "{ }", "{\"a\":1.5}", "{\"a\":1}x",
                                       "null" };

    world_init(&w);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct ledger_item it = { "platform", "object.put", bytes_str(bad[i]) };
        assert_code(engine_append(w.en, ROLE_EDGE, &it, 1, pos, &e), ERRC_FORMAT);
    }
    const struct ledger_item own = { "platform", "heartbeat", BYTES_LIT("{}") };
    assert_code(engine_append(w.en, ROLE_EDGE, &own, 1, pos, &e), ERRC_DENIED);
    const struct ledger_item kind = { "platform", "Object", BYTES_LIT("{}") };
    assert_code(engine_append(w.en, ROLE_EDGE, &kind, 1, pos, &e), ERRC_FORMAT);
    const struct ledger_item both[2] = { { "platform", "a", BYTES_LIT("{}") },
                                         { "nobody", "a", BYTES_LIT("{}") } };
    uint64_t before = the_log(&w, "platform")->size;
    assert_code(engine_append(w.en, ROLE_EDGE, both, 2, pos, &e), ERRC_NOT_FOUND);
    assert_int_equal(the_log(&w, "platform")->size, before);
    assert_code(engine_create_log(w.en, "../x", &e), ERRC_FORMAT);
    assert_code(engine_create_log(w.en, "A", &e), ERRC_FORMAT);
    world_done(&w);
}

/*
 * --- a model: what was appended, per log; compared after any mixture of commits, publications and
 * restarts ---
 */

#define MODEL_LOGS 3
struct model_entry {
    char payload[48];
    enum role source;
    uint64_t counter;
    struct tree_hash leaf;
};
struct model_log {
    struct model_entry *entries;
    uint64_t n;
    uint64_t counters[ROLE_COUNT_];
    uint64_t checked;
    struct tree_frontier frontier;
};

struct compare {
    struct world *w;
    struct log *l;
    struct model_log *m;
};

static struct result compare_entry(void *arg, uint64_t index, struct bytes leaf, struct bytes frame,
                                   struct error *e)
{
    struct compare *c = arg;
    struct payload_frame f;
    struct entry en;
    CLEANUP(buf_done_p) struct buf plain = BUF(1 << 16);
    const struct model_entry *m = &c->m->entries[index];

    assert_ok(entry_parse(leaf, &en, e), *e);
    assert_string_equal(en.source, role_name(m->source));
    assert_int_equal(en.counter, m->counter);
    struct tree_hash h = tree_leaf_hash(leaf);
    assert_true(tree_hash_equal(&h, &m->leaf));
    assert_ok(payload_frame_parse(frame, &f, e), *e);
    assert_ok(payload_open(&c->l->payload_keys, &f, c->l->origin, index, &plain, e), *e);
    assert_bytes(bytes_slice(buf_bytes(&plain), 32, plain.n), bytes_str(m->payload));
    return RESULT_OK;
}

static void model_compare(struct world *w, const char *name, struct model_log *m)
{
    struct error e = { 0 };
    struct log *l = the_log(w, name);
    struct compare c = { w, l, m };
    struct tree_hash a = tree_frontier_root(&m->frontier), b = tree_frontier_root(&l->recent.head),
                     root;

    assert_int_equal(l->size, m->n);
    assert_true(tree_hash_equal(&a, &b));
    assert_ok(tree_root(&l->source.source, m->n, &root, &e), e);
    assert_true(tree_hash_equal(&a, &root));
    assert_ok(log_read(l, 0, m->n, compare_entry, &c, &e), e);
    assert_memory_equal(l->counters, m->counters, sizeof(m->counters));
}

static void test_model(void **state)
{
    (void)state;
    static const char *const names[MODEL_LOGS] = { "alpha", "beta", "gamma" };
    struct model_log m[MODEL_LOGS] = { 0 };
    struct rng_test rng;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos;

    world_init(&w);
    rng_test_init(&rng, 20261122);
    for (size_t i = 0; i < MODEL_LOGS; i++) {
        m[i].entries = calloc(6000, sizeof(m[i].entries[0]));
        assert_ok(engine_create_log(w.en, names[i], &e), e);
    }
    for (int step = 0; step < 6000; step++) {
        uint64_t dice = rng_below(&rng.base, 1000);
        size_t i = (size_t)rng_below(&rng.base, MODEL_LOGS);
        if (dice < 800) {
            struct model_entry *en = &m[i].entries[m[i].n++];
            snprintf(en->payload, sizeof(en->payload), "{\"step\":%d}", step);
            en->source = dice % 2 == 0 ? ROLE_EDGE : ROLE_SUPERVISOR;
            en->counter = ++m[i].counters[en->source];
            put(&w, names[i], en->source, en->payload, &pos);
            assert_int_equal(pos.index, m[i].n - 1);
            en->leaf = pos.leaf;
            tree_frontier_add(&m[i].frontier, &pos.leaf);
        } else if (dice < 960) {
            commit(&w);
        } else if (dice < 990) {
            clock_fake_advance(&w.clock, (int64_t)rng_below(&rng.base, 700));
            commit(&w);
            engine_tick(w.en);
        } else {
            if (dice < 995) {
                engine_close(w.en);
            } else {
                commit(&w); /* durable, not published */
                engine_abandon(w.en);
            }
            world_open(&w);
            for (size_t k = 0; k < MODEL_LOGS; k++) {
                model_compare(&w, names[k], &m[k]);
            }
        }
    }
    commit(&w);
    publish(&w);
    for (size_t k = 0; k < MODEL_LOGS; k++) {
        model_compare(&w, names[k], &m[k]);
        free(m[k].entries);
    }
    world_done(&w);
}

/* --- heartbeats, checkpoints of tenants, full disk, erased payloads --- */

struct kinds {
    unsigned heartbeats, checkpoints, full, starts;
};

static struct result count_kind(void *arg, uint64_t index, struct bytes leaf, struct bytes frame,
                                struct error *e)
{
    struct kinds *k = arg;
    struct entry en;

    (void)index;
    (void)frame;
    assert_ok(entry_parse(leaf, &en, e), *e);
    k->heartbeats += strcmp(en.kind, "heartbeat") == 0 ? 1U : 0;
    k->checkpoints += strcmp(en.kind, "log.checkpoint") == 0 ? 1U : 0;
    k->full += strcmp(en.kind, "log.full") == 0 ? 1U : 0;
    k->starts += strcmp(en.kind, "log.start") == 0 ? 1U : 0;
    return RESULT_OK;
}

static struct kinds kinds_of(struct world *w, const char *name)
{
    struct error e = { 0 };
    struct kinds k = { 0 };
    struct log *l = the_log(w, name);

    assert_ok(log_read(l, 0, l->durable, count_kind, &k, &e), e);
    return k;
}

static void test_clockwork(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos;

    world_init(&w);
    assert_ok(engine_create_log(w.en, "acme", &e), e);
    put(&w, "acme", ROLE_EDGE, "{}", &pos);
    commit(&w);
    engine_tick(w.en);
    assert_int_equal(the_log(&w, "acme")->published.size, 0);
    clock_fake_advance(&w.clock, 500);
    assert_true(engine_wake_ms(w.en) <= clock_mono_ms(&w.clock.base));
    engine_tick(w.en); /* starts it */
    engine_tick(w.en); /* takes it */
    assert_int_equal(the_log(&w, "acme")->published.size, 1);
    assert_int_equal(kinds_of(&w, "platform").checkpoints, 1);
    assert_int_equal(kinds_of(&w, "platform").starts, 1);
    assert_int_equal(kinds_of(&w, "acme").heartbeats, 0);
    clock_fake_advance(&w.clock, 60000);
    engine_tick(w.en);
    assert_int_equal(kinds_of(&w, "acme").heartbeats, 1);
    assert_int_equal(kinds_of(&w, "platform").heartbeats, 1);
    clock_fake_advance(&w.clock, (int64_t)25 * 3600 * 1000);
    engine_tick(w.en);
    assert_int_equal(kinds_of(&w, "acme").heartbeats, 1); /* nothing happens there any more */
    assert_int_equal(kinds_of(&w, "platform").heartbeats, 2);
    world_done(&w);
}

static struct result try_put(struct world *w, const char *kind, const char *payload)
{
    struct error e = { 0 };
    struct ledger_position pos;
    const struct ledger_item it = { "acme", kind, bytes_str(payload) };
    struct result r = engine_append(w->en, ROLE_EDGE, &it, 1, &pos, &e);
    if (result_is_ok(r)) {
        commit(w);
    }
    return r;
}

static void test_full_disk(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    uint64_t free_bytes, total;

    world_init(&w);
    assert_ok(engine_create_log(w.en, "acme", &e), e);
    assert_ok(try_put(&w, "object.put", "{}"), e);
    assert_ok(fs_space(w.fs, &free_bytes, &total, &e), e);
    fs_fake_set_capacity(w.fs, total - free_bytes + 900 * 1024); /* under the mark */
    clock_fake_advance(&w.clock, 1000);
    engine_tick(w.en);
    assert_true(engine_is_full(w.en));
    assert_code(try_put(&w, "object.put", "{}"), ERRC_FULL);
    assert_code(try_put(&w, "key.destroy", "{\"phase\":\"intent\"}"), ERRC_FULL);
    assert_ok(try_put(&w, "object.get", "{}"), e);
    assert_ok(try_put(&w, "access.denied", "{}"), e);
    assert_ok(try_put(&w, "key.destroy", "{\"phase\":\"outcome\"}"), e);
    assert_int_equal(kinds_of(&w, "platform").full, 1);
    for (int i = 0; i < 500; i++) { /* reads go on, the reserve is given up when it must be */
        clock_fake_advance(&w.clock, 1000);
        assert_ok(try_put(&w, "object.get", "{\"some\":\"text so that it takes room\"}"), e);
        engine_tick(w.en);
    }
    fs_fake_set_capacity(w.fs, (uint64_t)1 << 30);
    clock_fake_advance(&w.clock, 2000);
    engine_tick(w.en);
    assert_false(engine_is_full(w.en));
    assert_ok(try_put(&w, "object.put", "{}"), e);
    assert_int_equal(kinds_of(&w, "platform").full, 2);
    world_done(&w);
}

static void test_erased(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);

    world_init(&w);
    assert_ok(engine_create_log(w.en, "acme", &e), e);
    assert_ok(try_put(&w, "object.put", "{}"), e);
    publish(&w);
    snprintf(w.keys.destroyed, sizeof(w.keys.destroyed), "acme");
    clock_fake_advance(&w.clock, PAYLOAD_KEY_KEEP_MS + 1);
    assert_code(engine_prove(w.en, the_log(&w, "acme"), 0, &out, &e), ERRC_EXPIRED);
    assert_code(try_put(&w, "object.put", "{}"), ERRC_EXPIRED);
    assert_int_equal(the_log(&w, "acme")->size, 1);
    world_done(&w);
}

/* A keeper that is away: appends go on, publication waits and comes after. */
static void test_keeper_away(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };

    world_init(&w);
    assert_ok(engine_create_log(w.en, "acme", &e), e);
    w.keys.is_away = true;
    assert_ok(try_put(&w, "object.put", "{}"), e);
    assert_code(engine_publish_all(w.en, &e), ERRC_AGAIN);
    assert_ok(try_put(&w, "object.put", "{}"), e);
    assert_int_equal(the_log(&w, "acme")->published.size, 0);
    w.keys.is_away = false;
    clock_fake_advance(&w.clock, 2000);
    for (int i = 0; i < 4; i++) {
        engine_tick(w.en);
        clock_fake_advance(&w.clock, 600);
    }
    assert_int_equal(the_log(&w, "acme")->published.size, 2);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receipts),  cmocka_unit_test(test_cosignatures),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_model),
        cmocka_unit_test(test_clockwork), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_erased),    cmocka_unit_test(test_keeper_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
