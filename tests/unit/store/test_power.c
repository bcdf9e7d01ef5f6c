/*
 * Power loss on the fake file system: what was not synced is gone or torn. Whatever was
 * acknowledged is there, the database opens, and every page and SQLite's own check are fine.
 * Checked for many moments, with checkpoints between.
 */
#include "storekit.h"

#include "sys/fault.h"

#include <pthread.h>
#include <stdatomic.h>

#define WRITERS 4
#define SEEDS   60

struct run {
    struct db *db;
    uint64_t seed;
    _Atomic bool is_off;
    _Atomic int acknowledged[WRITERS]; /* so many of each writer's items are durable */
};

struct writer_arg {
    struct run *run;
    int id;
};

static void *write_items(void *arg)
{
    struct writer_arg *w = arg;
    static const uint8_t body[700] = "some content";
    char name[32];

    for (int i = atomic_load(&w->run->acknowledged[w->id]); !atomic_load(&w->run->is_off); i++) {
        snprintf(name, sizeof(name), "w%d item %06d", w->id, i);
        struct error e = { 0 };
        struct result r = kit_put(w->run->db, name, BYTES_OF(body), &e);
        /* An item of before the power loss may have become durable without its acknowledgement. */
        if (!result_is_ok(r) && r.code != ERRC_EXISTS) {
            break;
        }
        atomic_store(&w->run->acknowledged[w->id], i + 1);
    }
    return NULL;
}

static void check_acknowledged(struct run *run)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 16);
    struct db_conn *c = NULL;
    struct error e = { 0 };
    char name[32];

    assert_ok(db_read_begin(run->db, &c, &e), e);
    for (int w = 0; w < WRITERS; w++) {
        for (int i = 0; i < atomic_load(&run->acknowledged[w]); i++) {
            snprintf(name, sizeof(name), "w%d item %06d", w, i);
            assert_ok(kit_get(c, name, &out, &e), e);
        }
    }
    db_read_end(c);
}

/*
 * The power fails within a sync: it never returns well, and what it should have made durable is
 * torn. Truncating must fail too, else the failed group would be cut off.
 */
static void arm_loss_in_sync(const struct rng *rng)
{
    fault_arm("fs.sync", FAULT_EIO, (unsigned)rng_below(rng, 40), UINT32_MAX);
    fault_arm("fs.truncate", FAULT_EIO, 0, UINT32_MAX);
}

static void one_loss(struct fs *fs, struct run *run, const struct rng *rng)
{
    pthread_t threads[WRITERS];
    struct writer_arg args[WRITERS];
    struct error e = { 0 };

    atomic_store(&run->is_off, false);
    if (rng_below(rng, 3) != 0) {
        arm_loss_in_sync(rng);
    }
    for (int i = 0; i < WRITERS; i++) {
        args[i] = (struct writer_arg){ run, i };
        assert_int_equal(pthread_create(&threads[i], NULL, write_items, &args[i]), 0);
    }
    struct timespec ts = { 0, (long)rng_below(rng, 8000000) };
    nanosleep(&ts, NULL);
    if (rng_below(rng, 2) == 0) {
        result_ignore(db_check(run->db, NULL, NULL, &e)); /* checkpoints */
        ts.tv_nsec = (long)rng_below(rng, 3000000);
        nanosleep(&ts, NULL);
    }
    fs_fake_power_loss(fs, rng_u64(rng));
    atomic_store(&run->is_off, true);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    fault_disarm_all();
    db_close(run->db);
    run->db = NULL;
}

static void test_power_loss(void **state)
{
    struct rng_test rng;
    uint64_t seed = kit_seed();
    int total = 0;

    (void)state;
    for (uint64_t s = 0; s < SEEDS; s++) {
        struct fs *fs = fs_fake_new(KIT_CAPACITY);
        struct run run = { .seed = seed + s };
        struct error e = { 0 };
        rng_test_init(&rng, seed + s);
        for (int losses = 0; losses < 4; losses++) {
            assert_ok(kit_open(fs, &run.db, &e), e);
            assert_ok(db_check(run.db, NULL, NULL, &e), e);
            check_acknowledged(&run);
            one_loss(fs, &run, &rng.base);
        }
        assert_ok(kit_open(fs, &run.db, &e), e);
        assert_ok(db_check(run.db, NULL, NULL, &e), e);
        check_acknowledged(&run);
        for (int w = 0; w < WRITERS; w++) {
            total += atomic_load(&run.acknowledged[w]);
        }
        db_close(run.db);
        fs_free(fs);
    }
    print_message("# %d power losses, %d acknowledged writes, none missing\n", SEEDS * 4, total);
    assert_true(total > 0);
}

/* The creation itself interrupted: afterwards it opens (anew or as it was). */
static void test_power_loss_while_creating(void **state)
{
    (void)state;
    for (uint64_t s = 0; s < 40; s++) {
        struct fs *fs = fs_fake_new(KIT_CAPACITY);
        struct db *db = NULL;
        struct error e = { 0 };
        assert_ok(kit_open(fs, &db, &e), e);
        fs_fake_power_loss(fs, s);
        db_close(db);
        assert_ok(kit_open(fs, &db, &e), e);
        assert_int_equal(kit_count(db), 0);
        assert_ok(db_check(db, NULL, NULL, &e), e);
        db_close(db);
        fs_free(fs);
    }
}

/* The power fails within each sync of creating, migrating and closing, in turn. */
static void test_power_loss_at_each_sync(void **state)
{
    static const char *const points[] = { "fs.sync", "fs.sync_dir", "fs.rename" };
    unsigned failed = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * 16; i++) {
        struct fs *fs = fs_fake_new(KIT_CAPACITY);
        struct db *db = NULL;
        struct error e = { 0 };
        fault_arm(points[i % 3], FAULT_EIO, i / 3, UINT32_MAX);
        fault_arm("fs.truncate", FAULT_EIO, 0, UINT32_MAX);
        struct result r = kit_open(fs, &db, &e);
        failed += !result_is_ok(r);
        fs_fake_power_loss(fs, i);
        if (result_is_ok(r)) {
            db_close(db);
        }
        fault_disarm_all();
        assert_ok(kit_open(fs, &db, &e), e);
        assert_int_equal(kit_count(db), 0);
        assert_ok(kit_put(db, "a", BYTES_LIT("x"), &e), e);
        assert_ok(db_check(db, NULL, NULL, &e), e);
        db_close(db);
        fs_free(fs);
    }
    assert_true(failed > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_power_loss_while_creating),
        cmocka_unit_test(test_power_loss_at_each_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
