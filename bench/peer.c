/*
 * bench_peer: what the daemon is measured against, with the same loops and the same client.
 *   raw    TLS 1.3 alone: the protocol of load.h; bodies are dropped, answers come from memory.
 *   null   the HTTP server of net/ with a handler that drops a PUT's body and answers a GET with
 *          --size bytes from memory: what HTTP costs, without a store, keys or a log.
 * Prints "ready 127.0.0.1:PORT" and serves until it is ended. --ca FILE gets its authority.
 */
#include "base/clock.h"
#include "base/text.h"
#include "crypto/tls.h"
#include "load.h"
#include "net/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PIECE (256 * 1024)

struct peer_loop {
    struct loop *loop;
    struct tls_pool *pool;
    pthread_t id;
    uint8_t *sink;
};

static struct peer_loop loops[LOAD_THREADS];
static size_t loop_count = 2;
static struct tls_ctx *tls;
static uint8_t *memory; /* LOAD_PATTERN bytes */
static uint64_t answer_bytes;

static void must(struct result r, const struct error *e, const char *what)
{
    if (!result_is_ok(r)) {
        (void)fprintf(stderr, "%s: %s\n", what, e->msg);
        exit(1);
    }
}

/* --- raw --- */

enum raw_state { RAW_SHAKE, RAW_HEAD, RAW_UP, RAW_DOWN, RAW_FLUSH };

struct raw {
    struct loop_fd f;
    struct peer_loop *l;
    struct tls_conn *tls;
    enum raw_state state;
    uint64_t left;
    size_t head_n;
    uint8_t head[LOAD_RAW_HEAD];
    struct loop_task start;
};

static RESULT raw_head(struct raw *r, struct error *e)
{
    size_t n;
    TRY(tls_read(r->tls, r->head + r->head_n, sizeof(r->head) - r->head_n, &n, e));
    r->head_n += n;
    if (r->head_n == sizeof(r->head)) {
        r->head_n = 0;
        r->left = get_be64(r->head + 8);
        r->state = r->head[0] == 'U' ? RAW_UP : RAW_DOWN;
    }
    return RESULT_OK;
}

static RESULT raw_step(struct raw *r, struct error *e)
{
    size_t n;
    switch (r->state) {
    case RAW_SHAKE:
        TRY(tls_handshake(r->tls, e));
        r->state = RAW_HEAD;
        return RESULT_OK;
    case RAW_HEAD:
        return raw_head(r, e);
    case RAW_UP:
        if (r->left > 0) {
            TRY(tls_read(r->tls, r->l->sink, (size_t)MIN(r->left, PIECE), &n, e));
            r->left -= n;
            return RESULT_OK;
        }
        TRY(tls_write(r->tls, BYTES_LIT("."), &n, e));
        r->state = RAW_FLUSH;
        return RESULT_OK;
    case RAW_DOWN:
        if (r->left > 0) {
            TRY(tls_write(r->tls, bytes_of(memory, (size_t)MIN(r->left, PIECE)), &n, e));
            r->left -= n;
            return RESULT_OK;
        }
        r->state = RAW_FLUSH;
        return RESULT_OK;
    case RAW_FLUSH:
        TRY(tls_flush(r->tls, e));
        r->state = RAW_HEAD;
        return RESULT_OK;
    }
    return result_of(ERRC_BUG);
}

static void raw_event(struct loop_fd *f, uint32_t events)
{
    struct raw *r = (struct raw *)((char *)f - offsetof(struct raw, f));
    struct error e;
    struct result res;
    (void)events;
    while (result_is_ok(res = raw_step(r, &e))) {
    }
    if (res.code != ERRC_AGAIN) {
        loop_fd_del(r->l->loop, &r->f);
        tls_conn_free(r->tls);
        sock_close(r->f.fd);
        mem_free(r);
    }
}

static void raw_start(void *arg)
{
    struct raw *r = arg;
    struct error e;
    r->tls = tls_conn_new_server(tls, r->l->pool, r->f.fd);
    must(loop_fd_add(r->l->loop, &r->f, EPOLLIN | EPOLLOUT, &e), &e, "connection");
}

/* Connections go to the loops in turn. */
static void raw_accept(int listener)
{
    struct pollfd p = { .fd = listener, .events = POLLIN };
    for (size_t turn = 0;; turn++) {
        int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            (void)poll(&p, 1, -1);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct raw *r = mem_zalloc(sizeof(*r));
        r->l = &loops[turn % loop_count];
        r->f = (struct loop_fd){ .fd = fd, .fn = raw_event };
        r->start = (struct loop_task){ .fn = raw_start, .arg = r };
        loop_post(r->l->loop, &r->start);
    }
}

/* --- null --- */

static RESULT null_put(struct peer_loop *l, struct http_exchange *x, struct error *e)
{
    size_t n = 1;
    while (n != 0) {
        TRY(http_read_body(x, l->sink, PIECE, &n, e));
    }
    http_set_header_str(x, "ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
    return http_respond(x, 200, NULL, BYTES_NONE, e);
}

static RESULT null_get(struct http_exchange *x, struct error *e)
{
    http_set_header_str(x, "ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
    TRY(http_begin(x, 200, (int64_t)answer_bytes, e));
    for (uint64_t at = 0; at < answer_bytes; at += PIECE) {
        TRY(http_write(x, bytes_of(memory, (size_t)MIN(answer_bytes - at, PIECE)), e));
    }
    return http_end(x, e);
}

static void null_serve(void *ctx, struct http_exchange *x)
{
    struct error e;
    const struct http_request *r = http_request(x);
    result_ignore(bytes_equal_str(r->method, "PUT") ? null_put(ctx, x, &e) : null_get(x, &e));
}

static void null_listen(int listener)
{
    struct error e;
    struct http_shared *shared = http_shared_new(&http_limits_default);
    for (size_t i = 0; i < loop_count; i++) {
        struct http_server *s;
        must(http_server_new(loops[i].loop, shared, null_serve, &loops[i], &s, &e), &e, "server");
        must(http_server_listen(s, listener, tls, &e), &e, "listen");
    }
}

/* --- both --- */

static void *loop_main(void *arg)
{
    struct peer_loop *l = arg;
    struct error e;
    must(loop_run(l->loop, &e), &e, "loop");
    return NULL;
}

static void tls_make(const char *ca_file)
{
    struct error e;
    const char *name = "127.0.0.1";
    int64_t now = clock_wall_ms(&clock_system);
    CLEANUP(x509_pair_done_p) struct x509_pair ca = { 0 }, leaf = { 0 };
    must(x509_ca_new("bench", now, &ca, &e), &e, "CA");
    must(x509_leaf_new(&ca, X509_SERVER, "bench", &name, 1, now, &leaf, &e), &e, "certificate");
    must(tls_server_ctx_new(buf_bytes(&leaf.cert_pem), buf_bytes(&leaf.key_pem), BYTES_NONE,
                            TLS_CLIENT_NONE, &tls, &e),
         &e, "TLS");
    FILE *f = fopen(ca_file, "w");
    if (f == NULL || fwrite(ca.cert_pem.p, 1, ca.cert_pem.n, f) != ca.cert_pem.n ||
        fclose(f) != 0) {
        (void)fprintf(stderr, "%s: cannot be written\n", ca_file);
        exit(1);
    }
}

static int usage(void)
{
    (void)fputs("bench_peer raw|null CA_FILE THREADS [SIZE]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct error e;
    char addr[SOCK_ADDR_TEXT_MAX];
    int listener;
    uint64_t n = 0;
    if (argc < 4 || (strcmp(argv[1], "raw") != 0 && strcmp(argv[1], "null") != 0) ||
        !result_is_ok(num_u64(bytes_str(argv[3]), 1, LOAD_THREADS, &n)) ||
        (argc > 4 && !result_is_ok(num_size(bytes_str(argv[4]), 0, 1ull << 40, &answer_bytes)))) {
        return usage();
    }
    bool is_raw = strcmp(argv[1], "raw") == 0;
    loop_count = (size_t)n;
    (void)signal(SIGPIPE, SIG_IGN);
    tls_make(argv[2]);
    memory = mem_zalloc(LOAD_PATTERN);
    must(sock_listen_tcp("127.0.0.1:0", 1024, &listener, addr, &e), &e, "listen");
    for (size_t i = 0; i < loop_count; i++) {
        must(loop_new(&loops[i].loop, &e), &e, "loop");
        loops[i].pool = tls_pool_new();
        loops[i].sink = mem_alloc(PIECE);
    }
    if (!is_raw) {
        null_listen(listener);
    }
    for (size_t i = 0; i < loop_count; i++) {
        if (pthread_create(&loops[i].id, NULL, loop_main, &loops[i]) != 0) {
            return 1;
        }
    }
    (void)printf("ready %s\n", addr);
    (void)fflush(stdout);
    if (is_raw) {
        raw_accept(listener);
    }
    for (size_t i = 0; i < loop_count; i++) {
        (void)pthread_join(loops[i].id, NULL);
    }
    return 0;
}
