/*
 * What the primitives cost on this machine: ns a byte, or microseconds a call. Each line is the
 * best of several runs, because others use the machine too. `bench_crypto tls` measures TLS over a
 * socket pair, `bench_crypto memory` idle connections.
 */
#include "base/clock.h"
#include "crypto/box.h"
#include "crypto/crc.h"
#include "crypto/hmac.h"
#include "crypto/password.h"
#include "crypto/selftest.h"
#include "crypto/sign.h"
#include "crypto/stream.h"
#include "crypto/tls.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 5

static uint8_t in[STREAM_CHUNK], out[STREAM_CHUNK + 256], tag[SUITE_TAG_MAX];
static volatile uint64_t sink;

static void must(struct result r)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "failed: %s\n", errc_name(r.code));
        exit(1);
    }
}

/* Nanoseconds of one call, the best of ROUNDS runs of about 20 ms. */
static double best_ns(void (*fn)(void *arg), void *arg)
{
    uint64_t n = 1;
    double best = 1e18;
    for (int64_t took = 0; took < 5000000; n *= 2) {
        int64_t t = clock_mono_ns();
        for (uint64_t i = 0; i < n; i++) {
            fn(arg);
        }
        took = clock_mono_ns() - t;
    }
    for (int r = 0; r < ROUNDS; r++) {
        int64_t t = clock_mono_ns();
        for (uint64_t i = 0; i < n; i++) {
            fn(arg);
        }
        double ns = (double)(clock_mono_ns() - t) / (double)n;
        best = ns < best ? ns : best;
    }
    return best;
}

static void report(const char *what, double ns, size_t bytes)
{
    if (bytes >= STREAM_CHUNK) {
        printf("%-34s %8.3f ns/B  %8.0f MB/s\n", what, ns / (double)bytes,
               (double)bytes * 1e3 / ns);
    } else if (ns < 10000) {
        printf("%-34s %8.0f ns\n", what, ns);
    } else {
        printf("%-34s %8.1f us\n", what, ns / 1e3);
    }
}

struct box_arg {
    struct box_key *k;
    size_t n;
};

static void box_seal_fn(void *arg)
{
    struct box_arg *a = arg;
    must(box_key_seal_at(a->k, BYTES_LIT("page 12345678"), bytes_of(in, a->n), &rng_system, out));
}

static void box_open_fn(void *arg)
{
    struct box_arg *a = arg;
    must(box_key_open_at(a->k, BYTES_LIT("page 12345678"),
                         bytes_of(out, a->n + box_overhead(box_key_suite(a->k))), in));
}

static void bench_box(enum crypto_suite s, size_t n)
{
    struct key256 key = { { 1 } };
    struct box_arg a = { .n = n };
    char text[64];
    must(box_key_new(s, &key, &a.k));
    (void)snprintf(text, sizeof(text), "box seal %zu B %s", n, suite_name(s));
    report(text, best_ns(box_seal_fn, &a), 1);
    (void)snprintf(text, sizeof(text), "box open %zu B %s", n, suite_name(s));
    report(text, best_ns(box_open_fn, &a), 1);
    box_key_free(a.k);
}

struct stream_arg {
    enum crypto_suite suite;
    struct stream_sealer *w;
    struct stream_opener *r;
};

static void stream_seal_fn(void *arg)
{
    struct stream_arg *a = arg;
    must(stream_seal_chunk(a->w, false, BYTES_LIT("head"), BYTES_OF(in), out, tag));
}

static void stream_open_fn(void *arg)
{
    struct stream_arg *a = arg;
    must(stream_open_chunk(a->r, 0, false, BYTES_LIT("head"), bytes_of(out, STREAM_CHUNK), tag,
                           in));
}

static void bench_stream(enum crypto_suite s)
{
    struct key256 key = { { 1 } };
    uint8_t prefix[STREAM_PREFIX] = { 0 };
    struct stream_arg a = { .suite = s };
    struct stream_sealer *first = NULL;
    char text[64];
    must(stream_sealer_new(s, &key, prefix, &a.w));
    must(stream_opener_new(s, &key, prefix, &a.r));
    (void)snprintf(text, sizeof(text), "stream seal %s", suite_name(s));
    report(text, best_ns(stream_seal_fn, &a), STREAM_CHUNK);
    must(stream_sealer_new(s, &key, prefix, &first));
    must(stream_seal_chunk(first, false, BYTES_LIT("head"), BYTES_OF(in), out, tag));
    (void)snprintf(text, sizeof(text), "stream open %s", suite_name(s));
    report(text, best_ns(stream_open_fn, &a), STREAM_CHUNK);
    stream_sealer_free(first);
    stream_sealer_free(a.w);
    stream_opener_free(a.r);
}

static void sha256_fn(void *arg)
{
    sha256(*(struct bytes *)arg, out);
}

static void hmac_fn(void *arg)
{
    hmac_sha256(bytes_of(out, 32), *(struct bytes *)arg, tag);
}

static void md5_fn(void *arg)
{
    hash_once(HASH_MD5, *(struct bytes *)arg, out);
}

static void sm3_fn(void *arg)
{
    sm3(*(struct bytes *)arg, out);
}

static void crc32_fn(void *arg)
{
    sink += crc32_update(0, *(struct bytes *)arg);
}

static void crc32c_fn(void *arg)
{
    sink += crc32c_update(0, *(struct bytes *)arg);
}

static void crc64_fn(void *arg)
{
    sink += crc64nvme_update(0, *(struct bytes *)arg);
}

struct sign_arg {
    struct sign_key *k;
    struct verify_key *v;
    uint8_t sig[SIGN_MAX];
    size_t n;
};

static void sign_fn(void *arg)
{
    struct sign_arg *a = arg;
    must(sign_bytes(a->k, bytes_of(in, 200), a->sig, &a->n));
}

static void verify_fn(void *arg)
{
    struct sign_arg *a = arg;
    must(verify_bytes(a->v, bytes_of(in, 200), bytes_of(a->sig, a->n)));
}

static void bench_sign(enum sign_alg alg)
{
    struct sign_arg a = { 0 };
    char text[64];
    must(sign_key_generate(alg, &rng_system, &a.k));
    must(verify_key_new(alg, sign_key_public(a.k), &a.v));
    (void)snprintf(text, sizeof(text), "sign %s", sign_alg_name(alg));
    report(text, best_ns(sign_fn, &a), 1);
    (void)snprintf(text, sizeof(text), "verify %s", sign_alg_name(alg));
    report(text, best_ns(verify_fn, &a), 1);
    sign_key_free(a.k);
    verify_key_free(a.v);
}

static void self_test_fn(void *arg)
{
    (void)arg;
    must(crypto_self_test(NULL));
}

static void password_fn(void *arg)
{
    (void)arg;
    must(password_derive(&password_params_default, BYTES_LIT("password"), BYTES_LIT("somesalt"),
                         BYTES_NONE, out, 32));
}

static void bench_primitives(void)
{
    struct bytes small = bytes_of(in, 64), record = bytes_of(in, 300), chunk = BYTES_OF(in);
    bench_stream(SUITE_AES256_GCM);
    bench_stream(SUITE_SM4_CTR_HMAC_SM3);
    bench_box(SUITE_AES256_GCM, 300);
    bench_box(SUITE_AES256_GCM, 4096);
    bench_box(SUITE_SM4_CTR_HMAC_SM3, 300);
    bench_box(SUITE_SM4_CTR_HMAC_SM3, 4096);
    report("SHA-256 64 B", best_ns(sha256_fn, &small), 64);
    report("SHA-256 300 B", best_ns(sha256_fn, &record), 300);
    report("SHA-256", best_ns(sha256_fn, &chunk), chunk.n);
    report("HMAC-SHA-256 64 B", best_ns(hmac_fn, &small), 64);
    report("MD5", best_ns(md5_fn, &chunk), chunk.n);
    report("SM3", best_ns(sm3_fn, &chunk), chunk.n);
    report("CRC32", best_ns(crc32_fn, &chunk), chunk.n);
    report("CRC32C", best_ns(crc32c_fn, &chunk), chunk.n);
    report("CRC64NVME", best_ns(crc64_fn, &chunk), chunk.n);
    bench_sign(SIGN_ED25519);
    bench_sign(SIGN_ECDSA_P256);
    report("self-test", best_ns(self_test_fn, NULL), 1);
    report("Argon2id 64 MiB, 3 passes", best_ns(password_fn, NULL), 1);
}

/* --- TLS --- */

static struct tls_ctx *server_ctx, *client_ctx;

static void make_contexts(void)
{
    static const char *const names[] = { "localhost" };
    struct x509_pair ca, server;
    int64_t now = clock_wall_ms(&clock_system);
    must(x509_ca_new("bench", now, &ca, NULL));
    must(x509_leaf_new(&ca, X509_SERVER, "bench", names, 1, now, &server, NULL));
    must(tls_server_ctx_new(buf_bytes(&server.cert_pem), buf_bytes(&server.key_pem), BYTES_NONE,
                            TLS_CLIENT_NONE, &server_ctx, NULL));
    must(tls_client_ctx_new(buf_bytes(&ca.cert_pem), BYTES_NONE, BYTES_NONE, &client_ctx, NULL));
    x509_pair_done(&ca);
    x509_pair_done(&server);
}

static double thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define BULK ((size_t)1 << 29)

/* True when the call is to be made again, which then makes sense. */
static bool is_again(struct tls_conn *t, int fd, struct result r)
{
    if (r.code != ERRC_AGAIN) {
        must(r);
        return false;
    }
    unsigned wants = tls_wants(t);
    struct pollfd p = { .fd = fd,
                        .events = (short)(((wants & TLS_WANT_READ) != 0 ? POLLIN : 0) |
                                          ((wants & TLS_WANT_WRITE) != 0 ? POLLOUT : 0)) };
    poll(&p, 1, -1);
    return true;
}

struct end {
    int fd;
    size_t piece;
    double cpu_ns;
};

static void *receive(void *arg)
{
    struct end *end = arg;
    struct tls_pool *p = tls_pool_new();
    struct tls_conn *t = NULL;
    uint8_t *dst = mem_alloc(end->piece);
    must(tls_conn_new_client(client_ctx, p, end->fd, "localhost", &t, NULL));
    while (is_again(t, end->fd, tls_handshake(t, NULL))) {
    }
    double from = thread_cpu_ns();
    for (size_t got = 0, n = 0; got < BULK; got += n) {
        while (is_again(t, end->fd, tls_read(t, dst, end->piece, &n, NULL))) {
        }
    }
    end->cpu_ns = thread_cpu_ns() - from;
    tls_conn_free(t);
    tls_pool_free(p);
    mem_free(dst);
    return NULL;
}

static void bench_bulk(size_t piece)
{
    int fds[2];
    pthread_t thread;
    struct tls_pool *p = tls_pool_new();
    uint8_t *src = mem_zalloc(piece);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) {
        exit(1);
    }
    struct end end = { .fd = fds[1], .piece = piece };
    struct tls_conn *t = tls_conn_new_server(server_ctx, p, fds[0]);
    pthread_create(&thread, NULL, receive, &end);
    while (is_again(t, fds[0], tls_handshake(t, NULL))) {
    }
    double from = thread_cpu_ns();
    int64_t wall = clock_mono_ns();
    for (size_t sent = 0, n = 0; sent < BULK; sent += n) {
        while (is_again(t, fds[0],
                        tls_write(t, bytes_of(src, MIN(piece, BULK - sent)), &n, NULL))) {
        }
    }
    while (is_again(t, fds[0], tls_flush(t, NULL))) {
    }
    double cpu = thread_cpu_ns() - from;
    pthread_join(thread, NULL);
    printf("TLS bulk, pieces of %4zu KiB: send %.3f, receive %.3f ns/B of CPU; %.0f MB/s\n",
           piece >> 10, cpu / (double)BULK, end.cpu_ns / (double)BULK,
           (double)BULK * 1e3 / (double)(clock_mono_ns() - wall));
    tls_conn_free(t);
    tls_pool_free(p);
    mem_free(src);
    close(fds[0]);
    close(fds[1]);
}

struct pair {
    int fds[2];
    struct tls_conn *s, *c;
};

static void pair_open(struct pair *p, struct tls_pool *pool, double *server_ns)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds) != 0) {
        exit(1);
    }
    struct result rs = result_of(ERRC_AGAIN), rc = result_of(ERRC_AGAIN);
    double from = thread_cpu_ns();
    p->s = tls_conn_new_server(server_ctx, pool, p->fds[0]);
    *server_ns += thread_cpu_ns() - from;
    must(tls_conn_new_client(client_ctx, pool, p->fds[1], "localhost", &p->c, NULL));
    while (rs.code == ERRC_AGAIN || rc.code == ERRC_AGAIN) {
        rc = tls_handshake(p->c, NULL);
        from = thread_cpu_ns();
        rs = tls_handshake(p->s, NULL);
        *server_ns += thread_cpu_ns() - from;
    }
    must(rs);
    must(rc);
}

static void pair_close(struct pair *p)
{
    tls_conn_free(p->s);
    tls_conn_free(p->c);
    close(p->fds[0]);
    close(p->fds[1]);
}

static void bench_handshakes(void)
{
    struct tls_pool *pool = tls_pool_new();
    double ns = 0;
    for (int i = 0; i < 500; i++) {
        struct pair p;
        pair_open(&p, pool, &ns);
        pair_close(&p);
    }
    printf("TLS handshake: %.0f us of server CPU\n", ns / 500 / 1e3);
    tls_pool_free(pool);
}

static size_t resident_kib(void)
{
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*s %zu", &pages) != 1) {
        exit(1);
    }
    fclose(f);
    return pages * 4;
}

/* Both ends of each connection, idle after one request and answer each. */
static void bench_memory(void)
{
    enum { COUNT = 200 };
    static struct pair pairs[COUNT];
    struct tls_pool *pool = tls_pool_new();
    double ns = 0;
    char text[100];
    pair_open(&pairs[0], pool, &ns);
    size_t before = resident_kib(), n = 0;
    for (int i = 1; i < COUNT; i++) {
        pair_open(&pairs[i], pool, &ns);
        must(tls_write(pairs[i].c, BYTES_LIT("request"), &n, NULL));
        must(tls_flush(pairs[i].c, NULL));
        must(tls_read(pairs[i].s, text, sizeof(text), &n, NULL));
        must(tls_write(pairs[i].s, BYTES_LIT("answer"), &n, NULL));
        must(tls_flush(pairs[i].s, NULL));
        must(tls_read(pairs[i].c, text, sizeof(text), &n, NULL));
        result_ignore(tls_read(pairs[i].s, text, sizeof(text), &n, NULL));
        result_ignore(tls_read(pairs[i].c, text, sizeof(text), &n, NULL));
    }
    printf("TLS memory: %zu KiB an idle end\n", (resident_kib() - before) / (2 * (COUNT - 1)));
    for (int i = 0; i < COUNT; i++) {
        pair_close(&pairs[i]);
    }
    tls_pool_free(pool);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all";
    bool is_all = strcmp(what, "all") == 0;
    if (is_all || strcmp(what, "primitives") == 0) {
        bench_primitives();
    }
    make_contexts();
    if (is_all || strcmp(what, "memory") == 0) {
        bench_memory();
    }
    if (is_all || strcmp(what, "tls") == 0) {
        bench_handshakes();
        for (size_t piece = 16 << 10; piece <= 1 << 20; piece *= 4) {
            bench_bulk(piece);
        }
    }
    tls_ctx_unref(server_ctx);
    tls_ctx_unref(client_ctx);
    return 0;
}
