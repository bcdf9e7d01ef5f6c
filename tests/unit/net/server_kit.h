/* A server on a thread of its own, with one handler for all tests, and a blocking client. */
#ifndef TROTH_TESTS_SERVER_KIT_H
#define TROTH_TESTS_SERVER_KIT_H

#include "testkit.h"

#include "net/http.h"
#include "sys/co.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct kit {
    struct loop *loop;
    struct http_shared *shared;
    struct http_server *server;
    struct loop_task task;
    pthread_t thread;
    char dir[32], path[64];
    char addr[SOCK_ADDR_TEXT_MAX];
    int unix_fd, tcp_fd;
    _Atomic unsigned handler_errors[ERRC_COUNT_]; /* of http calls */
    _Atomic unsigned handled;
    _Atomic bool is_up;
};

static uint8_t pattern_at(uint64_t i)
{
    return (uint8_t)(i * 167 + (i >> 8) * 13 + (i >> 16));
}

static void note(struct kit *k, struct result r)
{
    k->handler_errors[r.code]++;
}

static void serve_big(struct kit *k, struct http_exchange *x, uint64_t n, bool is_chunked)
{
    struct error e = { 0 };
    enum { PIECE = 100000 };
    uint8_t *piece = mem_alloc(PIECE);
    struct result r = http_begin(x, 200, is_chunked ? -1 : (int64_t)n, &e);
    for (uint64_t at = 0; at < n && result_is_ok(r);) {
        size_t m = (size_t)MIN(n - at, (uint64_t)PIECE);
        for (size_t i = 0; i < m; i++) {
            piece[i] = pattern_at(at + i);
        }
        r = http_write(x, bytes_of(piece, m), &e);
        at += m;
    }
    if (result_is_ok(r)) {
        r = http_end(x, &e);
    }
    note(k, r);
    mem_free(piece);
}

/* Counts the body's bytes and those that differ from the pattern. */
static void serve_count(struct kit *k, struct http_exchange *x)
{
    struct error e = { 0 };
    enum { PIECE = 256 * 1024 };
    uint8_t *piece = mem_alloc(PIECE);
    uint64_t at = 0, wrong = 0;
    for (;;) {
        size_t n = 0;
        struct result r = http_read_body(x, piece, PIECE, &n, &e);
        note(k, r);
        if (!result_is_ok(r)) {
            note(k, http_respond(x, r.code == ERRC_TIMEOUT ? 408 : 400, NULL, BYTES_NONE, &e));
            break;
        }
        for (size_t i = 0; i < n; i++) {
            wrong += piece[i] != pattern_at(at + i);
        }
        at += n;
        if (n == 0) {
            char text[64];
            snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, at, wrong);
            note(k, http_respond(x, 200, "text/plain", bytes_str(text), &e));
            break;
        }
    }
    mem_free(piece);
}

static void serve_echo(struct kit *k, struct http_exchange *x)
{
    struct error e = { 0 };
    CLEANUP(buf_done) struct buf body = BUF(100000);
    struct result r = http_read_all(x, &body, &e);
    note(k, r);
    if (result_is_ok(r)) {
        note(k, http_respond(x, 200, NULL, buf_bytes(&body), &e));
    } else {
        unsigned status = r.code == ERRC_LIMIT ? 413 : r.code == ERRC_TIMEOUT ? 408 : 400;
        note(k, http_respond(x, status, NULL, BYTES_NONE, &e));
    }
}

static void serve_facts(struct kit *k, struct http_exchange *x)
{
    const struct http_request *r = http_request(x);
    struct error e = { 0 };
    struct bytes v = BYTES_NONE;
    bool has_x = http_find(x, "x-A", &v);
    char *text = arena_printf(r->arena, "%.*s|%.*s|%.*s|%s|%d|%s|%zu|%.*s", BYTES_FMT(r->method),
                              BYTES_FMT(r->path), BYTES_FMT(r->query), r->peer_host,
                              r->is_unix && r->unix_peer.uid == getuid(),
                              r->client_certificate == NULL ? "-" : r->client_certificate,
                              http_count(x, "X-a"), (int)(has_x ? v.n : 0), (const char *)v.p);
    note(k, http_respond(x, 200, "text/plain", bytes_str(text), &e));
}

/* Answers that break a rule, and what becomes of them. */
static void serve_odd(struct kit *k, struct http_exchange *x, struct bytes query)
{
    struct error e = { 0 };
    if (bytes_equal_str(query, "short")) {
        note(k, http_begin(x, 200, 10, &e));
        note(k, http_write(x, BYTES_LIT("12345"), &e));
        note(k, http_end(x, &e));
    } else if (bytes_equal_str(query, "long")) {
        note(k, http_begin(x, 200, 3, &e));
        note(k, http_write(x, BYTES_LIT("12345"), &e));
    } else if (bytes_equal_str(query, "cut")) {
        note(k, http_begin(x, 200, -1, &e));
        note(k, http_write(x, BYTES_LIT("12345"), &e));
        note(k, http_flush(x, &e));
    } else if (bytes_equal_str(query, "crlf")) {
        http_set_header_str(x, "X-A", "a\r\nX-B: b");
        note(k, http_respond(x, 200, NULL, BYTES_NONE, &e));
    } else if (bytes_equal_str(query, "own")) {
        http_set_header_str(x, "content-length", "7");
        note(k, http_respond(x, 200, NULL, BYTES_NONE, &e));
        http_reset_headers(x);
        http_set_header_str(x, "X-A", "1");
        http_set_header_str(x, "x-a", "2");
        note(k, http_respond(x, 200, NULL, BYTES_LIT("again"), &e));
    } else if (bytes_equal_str(query, "204")) {
        note(k, http_respond(x, 204, NULL, BYTES_NONE, &e));
    }
}

static void serve(void *ctx, struct http_exchange *x)
{
    struct kit *k = ctx;
    const struct http_request *r = http_request(x);
    struct error e = { 0 };
    uint64_t n = strtoull(arena_str(r->arena, r->query), NULL, 10);
    k->handled++;
    if (bytes_equal_str(r->path, "/echo")) {
        serve_echo(k, x);
    } else if (bytes_equal_str(r->path, "/count")) {
        serve_count(k, x);
    } else if (bytes_equal_str(r->path, "/facts")) {
        serve_facts(k, x);
    } else if (bytes_equal_str(r->path, "/big")) {
        serve_big(k, x, n, false);
    } else if (bytes_equal_str(r->path, "/chunked")) {
        serve_big(k, x, n, true);
    } else if (bytes_equal_str(r->path, "/odd")) {
        serve_odd(k, x, r->query);
    } else if (bytes_equal_str(r->path, "/sleep")) {
        co_sleep_ms((int64_t)n);
        note(k, http_respond(x, 200, NULL, BYTES_LIT("slept"), &e));
    } else {
        note(k, http_respond(x, 200, "text/plain", BYTES_LIT("hello"), &e));
    }
}

/* On the loop's thread, where cmocka's assertions can't report. */
static void must(struct result r, const struct error *e)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "server thread: %s\n", e->msg);
        abort();
    }
}

static void *kit_main(void *arg)
{
    struct kit *k = arg;
    struct error e = { 0 };
    k->is_up = true;
    must(loop_run(k->loop, &e), &e);
    return NULL;
}

/* tls NULL: the Unix socket alone. */
static __attribute__((unused)) void kit_start(struct kit *k, const struct http_limits *limits,
                                              struct tls_ctx *tls)
{
    struct error e = { 0 };
    *k = (struct kit){ .dir = "/tmp/troth-net-XXXXXX", .tcp_fd = -1 };
    assert_non_null(mkdtemp(k->dir));
    snprintf(k->path, sizeof(k->path), "%s/sock", k->dir);
    assert_ok(loop_new(&k->loop, &e), e);
    k->shared = http_shared_new(limits);
    assert_ok(http_server_new(k->loop, k->shared, serve, k, &k->server, &e), e);
    assert_ok(sock_listen_unix(k->path, &k->unix_fd, &e), e);
    assert_ok(http_server_listen(k->server, k->unix_fd, NULL, &e), e);
    if (tls != NULL) {
        assert_ok(sock_listen_tcp("127.0.0.1:0", 128, &k->tcp_fd, k->addr, &e), e);
        assert_ok(http_server_listen(k->server, k->tcp_fd, tls, &e), e);
    }
    assert_int_equal(pthread_create(&k->thread, NULL, kit_main, k), 0);
}

/* Runs fn on the loop's thread and waits for it. */
struct kit_call {
    struct loop_task task;
    void (*fn)(struct kit *k);
    struct kit *kit;
    struct co_event done;
};

static void kit_call_run(void *arg)
{
    struct kit_call *c = arg;
    c->fn(c->kit);
    co_event_set(&c->done);
}

static __attribute__((unused)) void kit_do(struct kit *k, void (*fn)(struct kit *k))
{
    struct kit_call c = { .task = { .fn = kit_call_run, .arg = &c }, .fn = fn, .kit = k };
    co_event_init(&c.done);
    loop_post(k->loop, &c.task);
    assert_int_equal(co_event_wait(&c.done, INT64_MAX).code, ERRC_OK);
}

static void kit_end(void *arg)
{
    struct kit *k = arg;
    http_server_close_all(k->server);
    while (http_server_active(k->server) != 0) {
        co_sleep_ms(1);
    }
    http_server_free(k->server);
    loop_stop(k->loop);
}

static void kit_spawn_end(void *arg)
{
    struct kit *k = arg;
    struct error e = { 0 };
    must(co_spawn(k->loop, kit_end, k, &e), &e);
}

static __attribute__((unused)) void kit_stop(struct kit *k)
{
    k->task = (struct loop_task){ .fn = kit_spawn_end, .arg = k };
    loop_post(k->loop, &k->task);
    assert_int_equal(pthread_join(k->thread, NULL), 0);
    struct http_stats stats;
    http_shared_stats(k->shared, &stats);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.active, 0);
    loop_free(k->loop);
    http_shared_free(k->shared);
    sock_close(k->unix_fd);
    sock_close(k->tcp_fd);
    (void)unlink(k->path);
    (void)rmdir(k->dir);
}

/* --- a plain, blocking client --- */

static __attribute__((unused)) int client_open(const struct kit *k)
{
    struct error e = { 0 };
    int fd = -1;
    assert_ok(sock_connect_unix(k->path, &fd, &e), e);
    assert_ok(sock_set_nonblocking(fd, false, &e), e);
    struct timeval tv = { .tv_sec = 30 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    return fd;
}

/* False: the other end is gone. */
static __attribute__((unused)) bool client_send(int fd, struct bytes v)
{
    while (v.n != 0) {
        ssize_t n = send(fd, v.p, v.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        v = bytes_slice(v, (size_t)n, v.n);
    }
    return true;
}

/* Returns once the server has read all that was sent. */
static __attribute__((unused)) void client_settle(int fd)
{
    int queued = 1;
    while (ioctl(fd, SIOCOUTQ, &queued) == 0 && queued != 0) {
        sched_yield();
    }
}

/* Reads until the end of the connection. */
static __attribute__((unused)) void client_read_end(int fd, struct buf *out)
{
    for (;;) {
        uint8_t *p = buf_reserve(out, 65536);
        assert_non_null(p);
        ssize_t n = recv(fd, p, 65536, 0);
        if (n < 0 && errno == EAGAIN) {
            fail_msg("no end within 30 s; got: %s", buf_cstr(out));
        }
        if (n <= 0) {
            return;
        }
        buf_commit(out, (size_t)n);
    }
}

/* Reads until `text` was seen. */
static __attribute__((unused)) void client_read_until(int fd, struct buf *out, const char *text)
{
    while (bytes_find(buf_bytes(out), bytes_str(text)) == out->n) {
        uint8_t *p = buf_reserve(out, 1);
        assert_non_null(p);
        ssize_t n = recv(fd, p, 1, 0);
        if (n <= 0) {
            fail_msg("ended without %s; got: %s", text, buf_cstr(out));
        }
        buf_commit(out, 1);
    }
}

/* "200,404": the statuses of all answers in what was read. */
static __attribute__((unused)) const char *statuses(struct bytes in)
{
    static char text[4096];
    size_t at = 0;
    text[0] = '\0';
    for (size_t i; (i = bytes_find(in, BYTES_LIT("HTTP/1.1 "))) != in.n;) {
        in = bytes_slice(in, i + 9, in.n);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.3s", at == 0 ? "" : ",",
                               (const char *)in.p);
    }
    return text;
}

#endif
