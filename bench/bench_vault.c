/*
 * The vault without HTTP, on a real disk: loops with coroutines as in the edge, keeper and scribe
 * as doubles (their cost is measured in bench_keys and bench_ledger). CPU is of the whole process:
 * loops, pack writer, metadata writer, pool.
 *
 *   bench_vault DIR [loops] [seconds]
 *
 * DIR must be empty, on the disk to be measured.
 */
#include "base/clock.h"
#include "sys/proc.h"
#include "vault/pack.h"
#include "vault/vault.h"

#include "../tests/unit/vault/fakes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOOPS_MAX   8
#define LARGE_BYTES (64ull << 20)
#define SMALL_BYTES 4096
#define KEYS        20000

static struct vault *vault;
static struct vault_bucket bucket;
static struct rpc_client *nobody;
static double seconds = 3;

struct load {
    void (*act)(struct vault_ctx *cx, unsigned worker, uint64_t i);
    unsigned workers; /* in all */
    uint64_t acts;    /* to do in all; 0: until the time is over */
    bool is_timed;
};

struct loop_run {
    const struct load *load;
    struct loop *loop;
    unsigned number, loops, running;
};

struct worker {
    struct loop_run *run;
    unsigned number;
};

static _Atomic uint64_t done_count, next_act;
static int64_t end_ns;

static void must(struct result r, const struct error *e, const char *what)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "%s: %s: %s\n", what, errc_name(r.code), e->msg);
        exit(1);
    }
}

static void put_object(struct vault_ctx *cx, const char *key, uint64_t n)
{
    struct error e = { 0 };
    struct vault_writer *w = NULL;
    struct vault_object o;
    struct vault_put put = {
        .bucket = &bucket, .key = bytes_str(key), .has_size = true, .size = n
    };
    must(vault_put_begin(cx, &put, &w, &e), &e, "begin");
    for (uint64_t at = 0, turn = 0; at < n; turn++) {
        uint8_t *p = NULL;
        size_t room = 0;
        must(vault_put_space(w, &p, &room, &e), &e, "space");
        p[0] = (uint8_t)turn; /* the rest is whatever was there: a copy would be measured too */
        must(vault_put_wrote(w, room, &e), &e, "wrote");
        at += room;
        if (turn % 4 == 3) {
            co_yield ();
        }
    }
    must(vault_put_commit(w, &o, NULL, &e), &e, "commit");
}

static void get_object(struct vault_ctx *cx, const char *key)
{
    struct error e = { 0 };
    struct vault_object o;
    struct vault_reader *r = NULL;
    struct bytes data;
    must(vault_head(cx, &bucket, bytes_str(key), "", false, &o, &e), &e, "head");
    must(vault_get_open(cx, &bucket, &o, 0, o.size, &r, &e), &e, "open");
    do {
        must(vault_get_read(r, &data, &e), &e, "read");
        if (o.size > SMALL_BYTES) {
            co_yield ();
        }
    } while (data.n > 0);
    vault_get_close(r);
}

static void act_put_small(struct vault_ctx *cx, unsigned worker, uint64_t i)
{
    char key[40];
    (void)worker;
    snprintf(key, sizeof(key), "small/%08llx", (unsigned long long)(i * 2654435761u % KEYS));
    put_object(cx, key, SMALL_BYTES);
}

static void act_get_small(struct vault_ctx *cx, unsigned worker, uint64_t i)
{
    char key[40];
    (void)worker;
    snprintf(key, sizeof(key), "small/%08llx", (unsigned long long)(i * 2654435761u % KEYS));
    get_object(cx, key);
}

static void act_put_large(struct vault_ctx *cx, unsigned worker, uint64_t i)
{
    char key[40];
    (void)i;
    snprintf(key, sizeof(key), "large/%u", worker);
    put_object(cx, key, LARGE_BYTES);
}

/* Each of the 200 objects once: nothing of them is in memory. */
static void act_get_cold(struct vault_ctx *cx, unsigned worker, uint64_t i)
{
    char key[40];
    (void)worker;
    snprintf(key, sizeof(key), "large/%u", (unsigned)i);
    get_object(cx, key);
}

static void act_get_large(struct vault_ctx *cx, unsigned worker, uint64_t i)
{
    char key[40];
    (void)i;
    snprintf(key, sizeof(key), "large/%u", worker);
    get_object(cx, key);
}

/* Only the packs: sealed records become durable, no rows. */
static struct packs *packs;

static void act_append(struct vault_ctx *cx, unsigned worker, uint64_t i)
{
    struct error e = { 0 };
    struct pack_place place;
    uint8_t *record = arena_alloc(cx->arena, SMALL_BYTES + 256);
    (void)worker, (void)i;
    record_seal(record, SMALL_BYTES + 256);
    must(packs_append(packs, bytes_of(record, SMALL_BYTES + 256), &place, &e), &e, "append");
    packs_drop(packs, &place);
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    const struct load *load = w->run->load;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(16384, false);
    struct vault_ctx cx = { .vault = vault,
                            .keeper = nobody,
                            .scribe = nobody,
                            .arena = arena,
                            .tenant = "acme",
                            .actor = "tenant/acme",
                            .access_key = "AKTEST",
                            .ip = "127.0.0.1",
                            .agent = "bench",
                            .request_id = "0123456789abcdef" };
    for (;;) {
        uint64_t i = atomic_fetch_add(&next_act, 1);
        if (load->is_timed ? clock_mono_ns() >= end_ns : i >= load->acts) {
            break;
        }
        load->act(&cx, w->number, i);
        atomic_fetch_add(&done_count, 1);
        arena_reset(arena);
    }
    if (--w->run->running == 0) {
        loop_stop(w->run->loop);
    }
}

static void *loop_main(void *arg)
{
    struct loop_run *run = arg;
    struct error e = { 0 };
    struct worker *workers = mem_calloc(run->load->workers, sizeof(*workers));
    must(loop_new(&run->loop, &e), &e, "loop");
    for (unsigned i = run->number; i < run->load->workers; i += run->loops) {
        workers[i] = (struct worker){ run, i };
        run->running++;
        must(co_spawn(run->loop, worker_main, &workers[i], &e), &e, "spawn");
    }
    if (run->running > 0) {
        must(loop_run(run->loop, &e), &e, "run");
    }
    loop_free(run->loop);
    mem_free(workers);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void run(const char *name, const struct load *load, unsigned loops, uint64_t bytes)
{
    pthread_t threads[LOOPS_MAX];
    struct loop_run runs[LOOPS_MAX] = { 0 };
    atomic_store(&done_count, 0);
    atomic_store(&next_act, 0);
    double cpu = cpu_seconds();
    int64_t start = clock_mono_ns();
    end_ns = start + (int64_t)(seconds * 1e9);
    for (unsigned i = 0; i < loops; i++) {
        runs[i] = (struct loop_run){ .load = load, .number = i, .loops = loops };
        pthread_create(&threads[i], NULL, loop_main, &runs[i]);
    }
    for (unsigned i = 0; i < loops; i++) {
        pthread_join(threads[i], NULL);
    }
    double wall = (double)(clock_mono_ns() - start) / 1e9, n = (double)atomic_load(&done_count);
    cpu = cpu_seconds() - cpu;
    printf("%-24s %9.0f /s  %7.1f us CPU each", name, n / wall, cpu * 1e6 / n);
    if (bytes > SMALL_BYTES) {
        printf("  %7.2f GB/s  %5.2f ns/B", n * (double)bytes / wall / 1e9,
               cpu * 1e9 / (n * (double)bytes));
    }
    printf("  RSS %llu MiB\n", (unsigned long long)proc_rss_bytes(getpid()) >> 20);
    fflush(stdout);
}

static void bench_packs(struct fs *fs, struct db *db, unsigned loops)
{
    struct error e = { 0 };
    struct fs *own = NULL;
    const struct load load = { act_append, 64, 40000, false };
    bool more = true;
    must(fs_mkdir(fs, "only-packs", &e), &e, "mkdir");
    must(fs_sub(fs, "only-packs", &own, &e), &e, "sub");
    must(packs_open(own, db, 64 << 20, &packs, &e), &e, "packs");
    run("records x64, fresh", &load, loops, SMALL_BYTES);
    for (unsigned i = 0; i < 100 && more; i++) {
        must(packs_upkeep(packs, true, &more, &e), &e, "upkeep");
    }
    run("records x64, recycled", &load, loops, SMALL_BYTES);
    packs_close(packs);
    fs_free(own);
}

static void housekeep(void)
{
    struct error e = { 0 };
    bool more = true;
    for (unsigned i = 0; i < 400 && more; i++) {
        must(vault_housekeep(vault, nobody, &more, &e), &e, "housekeep");
    }
}

int main(int argc, char **argv)
{
    struct error e = { 0 };
    static const struct key256 key = { { 1 } };
    struct fs *fs = NULL;
    struct db *db = NULL;
    struct pool *pool = NULL;
    if (argc < 2) {
        fprintf(stderr, "bench_vault DIR [loops] [seconds]\n");
        return 2;
    }
    unsigned loops = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2;
    loops = loops < 1 || loops > LOOPS_MAX ? 2 : loops;
    seconds = argc > 3 ? strtod(argv[3], NULL) : 3;
    fakes_reset(&clock_system);
    must(fs_open_dir(argv[1], &fs, &e), &e, "dir");
    must(db_open(fs, "meta.db", &key, vault_migrations, vault_migration_count, &db, &e), &e, "db");
    must(pool_new(4, &pool, &e), &e, "pool");
    must(rpc_client_new(NULL, "nobody", &nobody, &e), &e, "client");
    struct vault_config config = {
        .fs = fs, .db = db, .pool = pool, .clock = &clock_system, .rng = &rng_system
    };
    must(vault_open(&config, &vault, &e), &e, "vault");
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct vault_ctx cx = {
        .vault = vault, .keeper = nobody, .scribe = nobody, .arena = arena, .tenant = "acme"
    };
    must(vault_bucket_create(&cx, BYTES_LIT("bench"), &bucket, &e), &e, "bucket");
    bucket.digest = VAULT_DIGEST_CLIENT;
    bench_packs(fs, db, loops);
    must(vault_recover(vault, nobody, "acme", &e), &e, "recover");
    housekeep();
    const struct load fill = { act_put_small, 64, KEYS, false };
    const struct load put_small[] = { { act_put_small, 1, 0, true },
                                      { act_put_small, 64, 0, true } };
    const struct load get_small[] = { { act_get_small, 1, 0, true },
                                      { act_get_small, 64, 0, true } };
    const struct load put_large = { act_put_large, 4, 0, true },
                      get_large = { act_get_large, 4, 0, true };
    const struct load cold = { act_get_cold, 4, 200, false };
    const struct load many = { act_put_large, 200, 200, false };
    run("put 4 KiB, fresh", &fill, loops, SMALL_BYTES);
    run("put 4 KiB x1", &put_small[0], loops, SMALL_BYTES);
    run("put 4 KiB x64", &put_small[1], loops, SMALL_BYTES);
    housekeep();
    run("get 4 KiB x1", &get_small[0], loops, SMALL_BYTES);
    run("get 4 KiB x64", &get_small[1], loops, SMALL_BYTES);
    run("put 64 MiB x4", &put_large, loops, LARGE_BYTES);
    run("get 64 MiB x4", &get_large, loops, LARGE_BYTES);
    bucket.digest = VAULT_DIGEST_ALWAYS;
    run("put 64 MiB x4, SHA-256", &put_large, loops, LARGE_BYTES);
    bucket.digest = VAULT_DIGEST_CLIENT;
    run("put 64 MiB x200 at once", &many, loops, LARGE_BYTES);
    run("get 64 MiB x4, cold", &cold, loops, LARGE_BYTES);
    vault_close(vault);
    db_close(db);
    pool_free(pool);
    rpc_client_free(nobody);
    fs_free(fs);
    return 0;
}
