/*
 * Power cuts at any point, on a file system that loses what was not synced, tears writes and keeps
 * some of the rest. Promised and held against each seed:
 *   - no acknowledged entry is lost or changed; no index of one is given to another
 *   - what is published is consistent with everything published or signed before (the fake keeper
 * refuses else)
 *   - what is on the disk afterwards passes the check
 */
#include "testkit.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "fake_keys.h"
#include "ledger/engine.h"
#include "ledger/log_check.h"
#include "sys/fault.h"

#define DEPLOYMENT "troth.test"
#define LOGS       3
#define MOST       4000

static const char *const names[LOGS] = { "alpha", "beta", "gamma" };

struct acknowledged {
    struct tree_hash leaves[MOST];
    bool is_there[MOST];
    uint64_t n; /* all below are acknowledged */
    bool exists;
};

struct world {
    struct fs *fs;
    struct fake_keys keys;
    struct clock_fake clock;
    struct rng_test rng, product_rng;
    struct ledger_config config;
    struct engine *en;
    struct acknowledged acks[LOGS];
};

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->fs = fs_fake_new((uint64_t)1 << 30);
    fake_keys_init(&w->keys);
    clock_fake_init(&w->clock, 1795340476000);
    rng_test_init(&w->rng, seed);
    rng_test_init(&w->product_rng, ~seed);
    ledger_config_default(&w->config);
    w->config.deployment = DEPLOYMENT;
    w->config.clock = &w->clock.base;
    w->config.rng = &w->product_rng.base;
    w->config.keys = w->keys.face;
    w->config.low_water_bytes = w->config.reserve_bytes = 64 * 1024;
    w->config.journal = (struct journal_config){ 64 * 1024, 1, 6 };
    w->config.is_inline = true;
}

static struct result compare(void *arg, uint64_t index, struct bytes leaf, struct bytes frame,
                             struct error *e)
{
    struct acknowledged *a = arg;

    (void)frame;
    (void)e;
    struct tree_hash h = tree_leaf_hash(leaf);
    if (index < a->n) {
        assert_true(tree_hash_equal(&h, &a->leaves[index]));
    } else {
        a->leaves[index] = h; /* not acknowledged, but there: it stays */
    }
    return RESULT_OK;
}

static void verify(struct world *w, uint64_t seed)
{
    struct error e = { 0 };

    for (size_t i = 0; i < LOGS; i++) {
        struct log *l;
        struct result r = engine_log(w->en, names[i], &l, &e);
        if (!result_is_ok(r)) {
            if (w->acks[i].exists) {
                fail_msg("seed %llu: log %s is gone", (unsigned long long)seed, names[i]);
            }
            continue;
        }
        if (l->durable < w->acks[i].n) {
            fail_msg("seed %llu: log %s: %llu of %llu entries", (unsigned long long)seed, names[i],
                     (unsigned long long)l->durable, (unsigned long long)w->acks[i].n);
        }
        assert_ok(log_read(l, 0, l->durable, compare, &w->acks[i], &e), e);
        w->acks[i].n = l->durable;
        w->acks[i].exists = true;
    }
}

/* Some work; ends at the first failure, as the process would. */
static void work(struct world *w)
{
    struct error e = { 0 };
    struct ledger_position pos[8];
    size_t of[8], staged = 0;

    for (size_t i = 0; i < LOGS; i++) {
        if (w->acks[i].exists) {
            continue;
        }
        struct result r = engine_create_log(w->en, names[i], &e);
        if (!result_is_ok(r)) {
            return;
        }
        w->acks[i].exists = true;
    }
    for (uint64_t steps = rng_below(&w->rng.base, 120); steps > 0; steps--) {
        for (staged = 0; staged < 1 + rng_below(&w->rng.base, 7); staged++) {
            char payload[512];
            of[staged] = (size_t)rng_below(&w->rng.base, LOGS);
            snprintf(payload, sizeof(payload), "{\"n\":%d,\"x\":\"%0*d\"}", (int)steps,
                     (int)rng_below(&w->rng.base, 400) + 1, 0);
            const struct ledger_item it = { names[of[staged]], "object.put", bytes_str(payload) };
            if (!result_is_ok(engine_append(w->en, ROLE_EDGE, &it, 1, &pos[staged], &e))) {
                return;
            }
        }
        if (!result_is_ok(engine_commit(w->en, &e))) {
            return;
        }
        for (size_t i = 0; i < staged; i++) { /* told to the caller: from here on it counts */
            struct acknowledged *a = &w->acks[of[i]];
            assert_true(pos[i].index < MOST);
            assert_false(a->is_there[pos[i].index]);
            a->is_there[pos[i].index] = true;
            a->leaves[pos[i].index] = pos[i].leaf;
            a->n = MAX(a->n, pos[i].index + 1);
        }
        if (rng_below(&w->rng.base, 4) == 0) {
            struct log *l;
            CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
            assert_ok(engine_log(w->en, names[0], &l, &e), e);
            if (!result_is_ok(engine_sign(w->en, l, &note, &e))) { /* a receipt's checkpoint */
                return;
            }
        }
        clock_fake_advance(&w->clock, (int64_t)rng_below(&w->rng.base, 400));
        engine_tick(w->en);
        if (engine_is_broken(w->en)) {
            return;
        }
    }
}

static void check_all(struct world *w, uint64_t seed)
{
    struct error e = { 0 };

    for (size_t i = 0; i < LOGS; i++) {
        char origin[64];
        struct note_key key;
        struct log_check_report report;
        if (!w->acks[i].exists) {
            continue;
        }
        snprintf(origin, sizeof(origin), DEPLOYMENT "/%s", names[i]);
        fake_note_key(&w->keys, origin, &key);
        const struct log_check_options o = {
            .origin = origin, .key = &key, .keys = &w->keys.face, .clock = &w->clock.base
        };
        struct result r = log_check(w->fs, names[i], &o, &report, &e);
        if (!result_is_ok(r)) {
            fail_msg("seed %llu: %s", (unsigned long long)seed, e.msg);
        }
        assert_int_equal(report.size, w->acks[i].n);
    }
}

static void one_seed(struct world *w, uint64_t seed, const char *point)
{
    struct error e = { 0 };

    world_init(w, seed);
    for (int life = 0; life < 4; life++) {
        if (life > 0 || point == NULL) {
            fault_disarm_all();
        }
        struct result r = engine_open(w->fs, &w->config, &w->en, &e);
        if (!result_is_ok(
                    r)) { /* nothing may be refused but in the very first life, under a fault */
            fail_msg("seed %llu, life %d: %s", (unsigned long long)seed, life, e.msg);
        }
        verify(w, seed);
        if (point != NULL) { /* somewhere in this life the device fails, and goes on failing */
            fault_arm(point, FAULT_EIO, (unsigned)rng_below(&w->rng.base, 300), 1000000);
        }
        work(w);
        fault_disarm_all();
        engine_abandon(w->en);
        fs_fake_power_loss(w->fs, rng_u64(&w->rng.base));
    }
    struct result r = engine_open(w->fs, &w->config, &w->en, &e);
    if (!result_is_ok(r)) {
        fail_msg("seed %llu: %s", (unsigned long long)seed, e.msg);
    }
    verify(w, seed);
    engine_close(w->en);
    check_all(w, seed);
    fs_free(w->fs);
    fake_keys_done(&w->keys);
}

static unsigned seeds(unsigned otherwise)
{
    const char *s = getenv("TROTH_SEEDS");
    return s == NULL ? otherwise : (unsigned)strtoul(s, NULL, 10);
}

/*= 2.1.5-3 test */
static void test_power_cuts(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof(*w));

    for (uint64_t seed = 1; seed <= seeds(60); seed++) {
        one_seed(w, seed, NULL);
    }
    free(w);
}

static void test_device_fails(void **state)
{
    (void)state;
    static const char *const points[] = { "fs.write", "fs.sync" };
    struct world *w = malloc(sizeof(*w));

    for (uint64_t seed = 1; seed <= seeds(60); seed++) {
        one_seed(w, 1000000 + seed, points[seed % 2]);
    }
    free(w);
}

int main(void)
{
    log_init("test", LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cuts),
        cmocka_unit_test(test_device_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
