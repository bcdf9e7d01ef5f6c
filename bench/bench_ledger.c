/*
 * Durable appends a second: in the process and through messages, beside a plain file with append
 * and fdatasync, in the same run on the same disk. Payloads of 300 bytes, 64 in flight.
 *
 * DIR must be empty, on the disk to be measured.
 *
 *   bench_ledger DIR [seconds] [entries for the large log, e.g. 10000000]
 *
 * With a third argument: a log of that many entries, then proofs and the check of it.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ledger/client.h"
#include "ledger/log_check.h"
#include "ledger/scribe.h"
#include "sys/co.h"
#include "sys/sock.h"

#include "../tests/unit/ledger/fake_keys.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FLIGHT     64
#define SAMPLES    (4u * 1024 * 1024)
#define DEPLOYMENT "troth.bench"

static char payload[301];
static double seconds = 3;

static void must(struct result r, const struct error *e, const char *what)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "%s: %s: %s\n", what, errc_name(r.code), e->msg);
        exit(1);
    }
}

static void payload_make(void)
{
    memset(payload, 'x', 300);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + 298, "\"}", 2);
}

/* --- latencies --- */

static int64_t *samples;
static size_t sample_count;

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void sample(int64_t ns)
{
    if (sample_count < SAMPLES) {
        samples[sample_count++] = ns;
    }
}

/* CPU time of this process since the last line, user and system. */
static double cpu_ns(void)
{
    static double last;
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    double now = ((double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec) * 1e9 +
                 ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) * 1e3;
    double used = now - last;
    last = now;
    return used;
}

static void print_line(const char *what, uint64_t n, int64_t ns)
{
    printf("%-44s %9.0f /s %6.1f us CPU", what, (double)n * 1e9 / (double)ns,
           cpu_ns() / (double)n / 1e3);
    if (sample_count > 0) {
        qsort(samples, sample_count, sizeof(samples[0]), by_value);
        printf("   p50 %6.2f ms  p99 %6.2f ms  max %7.2f ms",
               (double)samples[sample_count / 2] / 1e6,
               (double)samples[sample_count * 99 / 100] / 1e6,
               (double)samples[sample_count - 1] / 1e6);
    }
    printf("\n");
    fflush(stdout);
    sample_count = 0;
}

/* --- yardstick --- */

static void bench_file(const char *dir, bool is_preallocated)
{
    char path[512], record[300 * FLIGHT];
    struct error e;
    struct fs *fs;
    struct fs_file *f;
    uint64_t n = 0, at = 0;

    snprintf(path, sizeof(path), "%s", dir);
    must(fs_open_dir(path, &fs, &e), &e, "dir");
    must(fs_open(fs, "plain", FS_WRITE | FS_CREATE | FS_TRUNCATE, &f, &e), &e, "plain");
    if (is_preallocated) {
        must(fs_preallocate(f, 256u * 1024 * 1024, &e), &e, "preallocate");
        must(fs_sync(f, &e), &e, "sync");
    }
    memset(record, 'x', sizeof(record));
    int64_t start = clock_mono_ns(), now = start;
    while ((double)(now - start) < seconds * 1e9) {
        must(fs_pwrite(f, record, sizeof(record), at, &e), &e, "write");
        must(fs_datasync(f, &e), &e, "sync");
        at = is_preallocated ? (at + sizeof(record)) % (255u * 1024 * 1024) : at + sizeof(record);
        int64_t then = now;
        now = clock_mono_ns();
        sample(now - then);
        n += FLIGHT;
    }
    print_line(is_preallocated ? "plain file, preallocated, 64 a fdatasync"
                               : "plain file, growing, 64 a fdatasync",
               n, now - start);
    fs_close(f);
    result_ignore(fs_unlink(fs, "plain", &e));
    fs_free(fs);
}

/* --- the engine --- */

static struct fake_keys keys;

static struct fs *ledger_fs(const char *dir, const char *name)
{
    char path[600];
    struct error e;
    struct fs *top, *fs;

    snprintf(path, sizeof(path), "%s", dir);
    must(fs_open_dir(path, &top, &e), &e, "dir");
    must(fs_mkdir(top, name, &e), &e, "mkdir");
    must(fs_sub(top, name, &fs, &e), &e, "sub");
    fs_free(top);
    return fs;
}

static void keys_again(void)
{
    fake_keys_done(&keys);
    fake_keys_init(&keys);
}

static struct engine *engine_start(struct fs *fs)
{
    struct ledger_config c;
    struct error e;
    struct engine *en;

    ledger_config_default(&c);
    c.deployment = DEPLOYMENT;
    c.keys = keys.face;
    must(engine_open(fs, &c, &en, &e), &e, "open");
    struct result r = engine_create_log(en, "acme", &e);
    if (r.code != ERRC_EXISTS) {
        must(r, &e, "create");
    }
    return en;
}

static void bench_engine(const char *dir, size_t group)
{
    char name[40];
    keys_again();
    snprintf(name, sizeof(name), "engine-%zu", group);
    struct fs *fs = ledger_fs(dir, name);
    struct engine *en = engine_start(fs);
    struct ledger_item it[FLIGHT];
    struct ledger_position pos[FLIGHT];
    struct error e;
    uint64_t n = 0;
    char what[80];

    for (size_t i = 0; i < FLIGHT; i++) {
        it[i] = (struct ledger_item){ "acme", "object.put", bytes_of(payload, 300) };
    }
    int64_t start = clock_mono_ns(), now = start;
    while ((double)(now - start) < seconds * 1e9) {
        for (size_t i = 0; i < group; i++) {
            must(engine_append(en, ROLE_EDGE, &it[i], 1, &pos[i], &e), &e, "append");
        }
        must(engine_commit(en, &e), &e, "commit");
        engine_tick(en);
        int64_t then = now;
        now = clock_mono_ns();
        sample(now - then);
        n += group;
    }
    snprintf(what, sizeof(what), "ledger, in the process, %zu a group", group);
    print_line(what, n, now - start);
    engine_close(en);
    fs_free(fs);
}

/* --- through messages --- */

static void *scribe_main(void *arg)
{
    struct error e;
    must(scribe_run(arg, &e), &e, "scribe");
    return NULL;
}

struct load {
    struct rpc_client *client;
    struct loop *loop;
    int64_t end_ns;
    unsigned running;
    uint64_t n;
    bool wants_receipt;
};

static void load_main(void *arg)
{
    struct load *l = arg;
    struct error e;
    struct ledger_position pos;
    struct buf receipt = BUF(1 << 18);

    for (int64_t at = clock_mono_ns(); at < l->end_ns;) {
        if (l->wants_receipt) {
            buf_reset(&receipt);
            must(ledger_append_receipt(l->client, "acme", "object.put", bytes_of(payload, 300),
                                       &pos, &receipt, &e),
                 &e, "append");
        } else {
            must(ledger_append(l->client, "acme", "object.put", bytes_of(payload, 300), &pos, &e),
                 &e, "append");
        }
        int64_t now = clock_mono_ns();
        sample(now - at);
        at = now;
        l->n++;
    }
    buf_done(&receipt);
    if (--l->running == 0) {
        loop_stop(l->loop);
    }
}

static void bench_rpc(const char *dir, unsigned flight, bool wants_receipt)
{
    char name[40];
    keys_again();
    snprintf(name, sizeof(name), "rpc-%u-%d", flight, wants_receipt ? 1 : 0);
    struct fs *fs = ledger_fs(dir, name);
    struct scribe *s;
    struct error e;
    struct load l = { .wants_receipt = wants_receipt };
    pthread_t thread;
    int fds[2];
    char what[80];

    must(scribe_new(engine_start(fs), &s, &e), &e, "scribe");
    must(sock_pair(fds, &e), &e, "pair");
    rpc_server_add_peer(scribe_server(s), fds[0], ROLE_EDGE, 0);
    pthread_create(&thread, NULL, scribe_main, s);
    must(loop_new(&l.loop, &e), &e, "loop");
    must(rpc_client_new(l.loop, "scribe", &l.client, &e), &e, "client");
    rpc_client_attach(l.client, fds[1]);
    int64_t start = clock_mono_ns();
    l.end_ns = start + (int64_t)(seconds * 1e9);
    for (l.running = 0; l.running < flight; l.running++) {
        must(co_spawn(l.loop, load_main, &l, &e), &e, "spawn");
    }
    must(loop_run(l.loop, &e), &e, "loop");
    snprintf(what, sizeof(what), "ledger, through messages, %u in flight%s", flight,
             wants_receipt ? ", receipts" : "");
    print_line(what, l.n, clock_mono_ns() - start);
    rpc_server_stop(scribe_server(s));
    rpc_client_free(l.client);
    pthread_join(thread, NULL);
    loop_free(l.loop);
    scribe_free(s);
    fs_free(fs);
}

/* --- a large log --- */

static double rss_mib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static void large_fill(struct engine *en, uint64_t entries)
{
    struct ledger_item it = { "acme", "object.put", bytes_of(payload, 300) };
    struct ledger_position pos;
    struct error e;
    struct log *l;

    must(engine_log(en, "acme", &l, &e), &e, "log");
    int64_t start = clock_mono_ns();
    uint64_t first = l->size;
    while (l->size < entries) {
        for (int i = 0; i < 512; i++) {
            must(engine_append(en, ROLE_EDGE, &it, 1, &pos, &e), &e, "append");
        }
        must(engine_commit(en, &e), &e, "commit");
        engine_tick(en);
    }
    must(engine_publish_all(en, &e), &e, "publish");
    print_line("large log, filled, 512 a group", l->size - first, clock_mono_ns() - start);
}

static void bench_large(const char *dir, uint64_t entries)
{
    struct fs *fs = ledger_fs(dir, "large");
    struct engine *en = engine_start(fs);
    struct error e;
    struct log *l;
    struct tree_proof proof;
    struct buf receipt = BUF(1 << 18);

    large_fill(en, entries);
    must(engine_log(en, "acme", &l, &e), &e, "log");
    int64_t start = clock_mono_ns(), now = start;
    for (int i = 0; i < 10000; i++) {
        must(tree_inclusion_prove(&l->source.source, rng_below(&rng_system, l->size), l->size,
                                  &proof, &e),
             &e, "prove");
        int64_t then = now;
        now = clock_mono_ns();
        sample(now - then);
    }
    print_line("inclusion proofs, any entry", 10000, now - start);
    start = now = clock_mono_ns();
    for (int i = 0; i < 2000; i++) {
        buf_reset(&receipt);
        must(engine_prove(en, l, rng_below(&rng_system, l->size), &receipt, &e), &e, "prove");
        int64_t then = now;
        now = clock_mono_ns();
        sample(now - then);
    }
    print_line("receipts, any entry", 2000, now - start);
    double before = rss_mib();
    engine_close(en);
    struct note_key key;
    fake_note_key(&keys, DEPLOYMENT "/acme", &key);
    const struct log_check_options o = {
        .origin = DEPLOYMENT "/acme", .key = &key, .keys = &keys.face, .clock = &clock_system
    };
    struct log_check_report report;
    start = clock_mono_ns();
    must(log_check(fs, "acme", &o, &report, &e), &e, "check");
    print_line("check, entries", report.size, clock_mono_ns() - start);
    start = clock_mono_ns();
    en = engine_start(fs);
    printf("open again: %.0f ms; memory at most %.0f MiB, %.0f MiB before the check\n",
           (double)(clock_mono_ns() - start) / 1e6, rss_mib(), before);
    engine_close(en);
    buf_done(&receipt);
    fs_free(fs);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_ledger DIR [seconds] [entries of the large log]\n");
        return 2;
    }
    log_init("bench", LOG_WARN, false);
    seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    samples = malloc(SAMPLES * sizeof(samples[0]));
    payload_make();
    fake_keys_init(&keys);
    if (argc > 3) {
        bench_large(argv[1], strtoull(argv[3], NULL, 10));
    } else {
        bench_file(argv[1], false);
        bench_file(argv[1], true);
        bench_engine(argv[1], 1);
        bench_engine(argv[1], 64);
        bench_rpc(argv[1], 1, false);
        bench_rpc(argv[1], 64, false);
        bench_rpc(argv[1], 64, true);
        bench_file(argv[1], true);
    }
    fake_keys_done(&keys);
    free(samples);
    return 0;
}
