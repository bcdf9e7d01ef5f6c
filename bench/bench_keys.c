/*
 * Data keys and unwraps a second through rpc, against a keeper in a process of its own (file system
 * in memory).
 *
 *   bench_keys [suite 1|2] [requests] [at once]
 *
 * "at once" coroutines on one loop ask together, as the edge does. CPU of the keeper is measured by
 * getrusage of that process.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "keys/client.h"
#include "keys/keeper.h"
#include "keys/root.h"
#include "sys/co.h"
#include "sys/sock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(struct result r, const struct error *e)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "bench_keys: %s: %s\n", errc_name(r.code), e->msg);
        exit(1);
    }
}

struct run {
    struct rpc_client *keeper;
    struct data_key sample;
    long left, running;
    bool is_unwrap;
};

static const struct bytes aad =
        BYTES_LIT("contracts/2026/11/report.csv 0123456789abcdef0123456789abcdef");

static void asker(void *arg)
{
    struct run *r = arg;
    struct error e;
    struct data_key d;
    struct key256 key;

    while (r->left > 0) {
        r->left--;
        if (r->is_unwrap) {
            must(keys_unwrap(r->keeper, "acme", &r->sample.ref, aad,
                             bytes_of(r->sample.wrapped, r->sample.wrapped_n), &key, &e),
                 &e);
        } else {
            must(keys_data_key(r->keeper, "acme", "", aad, &d, &e), &e);
        }
    }
    if (--r->running == 0) {
        loop_stop(loop_current());
    }
}

static double cpu_s(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void keeper_main(int fd)
{
    struct error e;
    struct secret *root;
    struct keeper *k;
    const struct keeper_options o = { .dir = fs_fake_new(64 << 20),
                                      .clock = &clock_system,
                                      .rng = &rng_system };

    e.msg[0] = 0;
    must(root_generate(&rng_system, &root), &e);
    must(keeper_init(&o, root, "bench", &e), &e);
    must(keeper_new(&o, root, &k, &e), &e);
    keeper_add_peer(k, fd, ROLE_EDGE, 0);
    must(keeper_run(k, &e), &e);
}

/* One run of n requests; the keeper's CPU is told by the child at its end, so each run has a keeper
 * of its own. */
static void bench(const char *name, enum crypto_suite suite, long n, long at_once, bool is_unwrap)
{
    struct error e;
    struct loop *l;
    struct rpc_client *setup;
    struct key_info info;
    struct run r = { .left = n, .running = at_once, .is_unwrap = is_unwrap };
    struct rusage usage;
    int fds[2];

    must(sock_pair(fds, &e), &e);
    pid_t pid = fork();
    if (pid == 0) {
        sock_close(fds[0]);
        keeper_main(fds[1]);
        _exit(0);
    }
    sock_close(fds[1]);
    int again = dup(fds[0]); /* set up by a blocking client, run by the loop's */
    must(rpc_client_new(NULL, "keeper", &setup, &e), &e);
    rpc_client_attach(setup, fds[0]);
    must(keys_tenant_create(setup, "acme", suite, &info, &e), &e);
    must(keys_data_key(setup, "acme", "", aad, &r.sample, &e), &e);
    must(loop_new(&l, &e), &e);
    must(rpc_client_new(l, "keeper", &r.keeper, &e), &e);
    must(sock_set_nonblocking(again, true, &e), &e);
    rpc_client_attach(r.keeper, again);
    int64_t from = clock_mono_ns();
    for (long i = 0; i < at_once; i++) {
        must(co_spawn(l, asker, &r, &e), &e);
    }
    must(loop_run(l, &e), &e);
    double s = (double)(clock_mono_ns() - from) / 1e9;
    kill(pid, SIGTERM);
    wait4(pid, NULL, 0, &usage);
    printf("%-8s %-18s at once %4ld: %9.0f/s, keeper %5.2f us CPU each\n", name, suite_name(suite),
           at_once, (double)n / s, cpu_s(&usage) * 1e6 / (double)n);
    rpc_client_free(r.keeper);
    rpc_client_free(setup);
    loop_free(l);
}

int main(int argc, char **argv)
{
    uint64_t suite = SUITE_AES256_GCM, n = 200000, at_once = 0;

    if ((argc > 1 && !result_is_ok(num_u64(bytes_str(argv[1]), 1, 2, &suite))) ||
        (argc > 2 && !result_is_ok(num_u64(bytes_str(argv[2]), 1, 100000000, &n))) ||
        (argc > 3 && !result_is_ok(num_u64(bytes_str(argv[3]), 1, 10000, &at_once)))) {
        fprintf(stderr, "usage: bench_keys [suite 1|2] [requests] [at once]\n");
        return 2;
    }
    static const long levels[] = { 1, 16, 64, 256 };
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        long level = at_once != 0 ? (long)at_once : levels[i];
        bench("data_key", (enum crypto_suite)suite, (long)n, level, false);
        bench("unwrap", (enum crypto_suite)suite, (long)n, level, true);
        if (at_once != 0) {
            break;
        }
    }
    return 0;
}
