/*
 * Client connections: a state machine on the thread's loop, no allocation for a request. A small
 * request leaves in one TLS record; answers are read into one buffer of the thread.
 */
#include "base/clock.h"
#include "base/text.h"
#include "load.h"
#include "sys/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SINK_BYTES  (256 * 1024)
#define PIECE_BYTES (256 * 1024)
#define SMALL_BYTES (12 * 1024) /* head and body in one record */

enum conn_state {
    CONN_CONNECT,
    CONN_SHAKE,
    CONN_READY,
    CONN_SEND,
    CONN_HEAD,
    CONN_BODY,
    CONN_OVER
};

struct load_conn {
    struct loop_fd f; /* fd -1: none */
    struct load_thread *t;
    struct tls_conn *tls;
    enum conn_state state;
    bool has_been_ready, must_close;
    int64_t began_ns;
    uint64_t body_sent, body_got, body_len;
    size_t head_len, head_sent, answer_len;
    unsigned status;
    char head[LOAD_HEAD_MAX + SMALL_BYTES];
    char answer[4096];
};

void load_fail(struct load *l, const char *fmt, ...)
{
    va_list ap;
    if (atomic_fetch_add(&l->errors, 1) == 0) {
        pthread_mutex_lock(&l->lock);
        va_start(ap, fmt);
        (void)vsnprintf(l->why, sizeof(l->why), fmt, ap);
        va_end(ap);
        pthread_mutex_unlock(&l->lock);
    }
}

/* --- a connection's life --- */

static void step(struct load_conn *c);

static void on_events(struct loop_fd *f, uint32_t events)
{
    (void)events;
    step((struct load_conn *)((char *)f - offsetof(struct load_conn, f)));
}

static void conn_drop(struct load_conn *c)
{
    if (c->f.fd >= 0) {
        loop_fd_del(c->t->loop, &c->f);
        tls_conn_free(c->tls);
        c->tls = NULL;
        sock_close(c->f.fd);
        c->f.fd = -1;
    }
}

static bool conn_open(struct load_conn *c)
{
    const struct load_options *o = &c->t->l->o;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(o->port) };
    struct error e;
    int on = 1;

    c->state = CONN_CONNECT;
    c->must_close = false;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || inet_pton(AF_INET, o->host, &a.sin_addr) != 1 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 && errno != EINPROGRESS)) {
        load_fail(c->t->l, "connect: %s", strerror(errno));
        sock_close(fd);
        return false;
    }
    c->f = (struct loop_fd){ .fd = fd, .fn = on_events };
    struct result r = tls_conn_new_client(c->t->l->tls, c->t->pool, fd, o->host, &c->tls, &e);
    if (result_is_ok(r)) {
        r = loop_fd_add(c->t->loop, &c->f, EPOLLIN | EPOLLOUT, &e);
    }
    if (!result_is_ok(r)) {
        load_fail(c->t->l, "connection: %s", e.msg);
        tls_conn_free(c->tls);
        sock_close(fd);
        c->f.fd = -1;
        return false;
    }
    return true;
}

static void conn_over(struct load_conn *c)
{
    struct load_thread *t = c->t;

    conn_drop(c);
    c->state = CONN_OVER;
    if (++t->finished == t->conn_count) {
        loop_stop(t->loop);
    }
}

static void all_ready(struct load_thread *t)
{
    pthread_mutex_lock(&t->l->lock);
    t->l->ready_threads++;
    pthread_cond_broadcast(&t->l->changed);
    pthread_mutex_unlock(&t->l->lock);
}

static void conn_ready(struct load_conn *c)
{
    c->state = CONN_READY;
    if (!c->has_been_ready) {
        c->has_been_ready = true;
        if (++c->t->ready == c->t->conn_count) {
            all_ready(c->t);
        }
    }
}

/* --- requests --- */

static void latency_add(struct load_thread *t, int64_t ns)
{
    if (t->latency_count == t->latency_cap) {
        t->latency_cap = t->latency_cap == 0 ? 65536 : t->latency_cap * 2;
        t->latency_us = mem_realloc(t->latency_us, t->latency_cap * sizeof(*t->latency_us));
    }
    t->latency_us[t->latency_count++] = (uint32_t)MIN(ns / 1000, (int64_t)UINT32_MAX);
}

/* False: none is left. */
static bool ticket_take(struct load *l, uint64_t *ret)
{
    if (atomic_load_explicit(&l->is_over, memory_order_relaxed) ||
        atomic_load_explicit(&l->errors, memory_order_relaxed) >= LOAD_FEW_ERRORS) {
        return false;
    }
    *ret = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
    return l->o.count == 0 || *ret < l->o.count;
}

static bool request_begin(struct load_conn *c)
{
    const struct load_options *o = &c->t->l->o;
    uint64_t ticket;

    if (!ticket_take(c->t->l, &ticket)) {
        return false;
    }
    c->began_ns = clock_mono_ns();
    c->body_sent = c->body_got = 0;
    c->head_sent = c->answer_len = 0;
    c->state = CONN_SEND;
    if (o->mode == LOAD_HANDSHAKE) {
        conn_drop(c);
        return conn_open(c);
    }
    c->head_len = load_head(&c->t->signer, ticket, c->head);
    if (o->mode == LOAD_PUT && o->size > 0 && o->size <= SMALL_BYTES) {
        memcpy(c->head + c->head_len, c->t->l->pattern, (size_t)o->size);
        c->head_len += (size_t)o->size;
        c->body_sent = o->size;
    }
    return true;
}

static void request_done(struct load_conn *c)
{
    struct load_thread *t = c->t;
    const struct load_options *o = &t->l->o;

    if (c->status / 100 != 2) {
        load_fail(t->l, "status %u: %.*s", c->status, (int)MIN(c->answer_len, 200u), c->answer);
    } else if (o->mode == LOAD_GET && c->body_len != o->size) {
        load_fail(t->l, "%llu bytes came instead of %llu", (unsigned long long)c->body_len,
                  (unsigned long long)o->size);
    } else {
        latency_add(t, clock_mono_ns() - c->began_ns);
        atomic_fetch_add_explicit(&t->ops, 1, memory_order_relaxed);
    }
    c->state = CONN_READY;
    if (c->must_close || !o->has_session) {
        conn_drop(c);
        if (!conn_open(c)) {
            conn_over(c);
        }
    }
}

static void bytes_count(struct load_thread *t, size_t n)
{
    atomic_fetch_add_explicit(&t->bytes, n, memory_order_relaxed);
}

static RESULT send_step(struct load_conn *c, struct error *e)
{
    const struct load_options *o = &c->t->l->o;
    uint64_t total = o->mode == LOAD_PUT ? o->size : 0;
    size_t n;

    while (c->head_sent < c->head_len) {
        TRY(tls_write(c->tls, bytes_of(c->head + c->head_sent, c->head_len - c->head_sent), &n, e));
        c->head_sent += n;
    }
    while (c->body_sent < total) {
        size_t at = (size_t)(c->body_sent % LOAD_PATTERN);
        size_t want = (size_t)MIN(MIN(total - c->body_sent, PIECE_BYTES), LOAD_PATTERN - at);
        TRY(tls_write(c->tls, bytes_of(c->t->l->pattern + at, want), &n, e));
        c->body_sent += n;
        bytes_count(c->t, n);
    }
    TRY(tls_flush(c->tls, e));
    if (total > 0 && total <= SMALL_BYTES) {
        bytes_count(c->t, (size_t)total);
    }
    c->state = CONN_HEAD;
    if (o->is_raw && o->mode == LOAD_GET) {
        c->status = 200;
        c->body_len = o->size;
        c->state = CONN_BODY;
    }
    return RESULT_OK;
}

/* A header's value in the answer's head, or empty. */
static struct bytes header_find(struct bytes head, const char *name)
{
    struct bytes line, key;
    while (bytes_split(&head, '\n', &line)) {
        if (bytes_split(&line, ':', &key) && bytes_equal_str_nocase(key, name)) {
            return bytes_trim(line, " \r");
        }
    }
    return BYTES_NONE;
}

static RESULT answer_parse(struct load_conn *c, size_t head_len, struct error *e)
{
    struct bytes head = bytes_of(c->answer, head_len);
    uint64_t status = 0;

    if (head_len < 12 || !result_is_ok(num_u64(bytes_slice(head, 9, 12), 100, 599, &status))) {
        FAIL(e, ERRC_FORMAT, "no HTTP answer");
    }
    c->status = (unsigned)status;
    struct bytes length = header_find(head, "content-length");
    c->body_len = 0;
    if (length.n > 0) {
        TRY_MSG(num_u64(length, 0, UINT64_MAX, &c->body_len), e, "content-length");
    } else if (status != 204) {
        FAIL(e, ERRC_FORMAT, "status %u without a length", c->status);
    }
    c->must_close = bytes_equal_str_nocase(header_find(head, "connection"), "close");
    return RESULT_OK;
}

static void body_take(struct load_conn *c, struct bytes part)
{
    struct load *l = c->t->l;

    if (c->status / 100 == 2 && l->o.mode == LOAD_GET) {
        bytes_count(c->t, part.n);
        uint64_t at = c->body_got;
        for (struct bytes p = part; l->o.is_content_checked && p.n > 0;) {
            size_t from = (size_t)(at % LOAD_PATTERN), n = MIN(p.n, LOAD_PATTERN - from);
            if (memcmp(p.p, l->pattern + from, n) != 0) {
                load_fail(l, "content differs near byte %llu", (unsigned long long)at);
                break;
            }
            at += n;
            p = bytes_slice(p, n, p.n);
        }
    } else if (c->answer_len + part.n <= sizeof(c->answer)) { /* an error's text */
        memcpy(c->answer + c->answer_len, part.p, part.n);
        c->answer_len += part.n;
    }
    c->body_got += part.n;
}

/* Takes what came; true when the answer is whole. */
static RESULT receive_step(struct load_conn *c, bool *ret_whole, struct error *e)
{
    size_t n;

    *ret_whole = false;
    if (c->state == CONN_BODY && c->body_got == c->body_len) {
        *ret_whole = true;
        return RESULT_OK;
    }
    TRY(tls_read(c->tls, c->t->sink, SINK_BYTES, &n, e));
    struct bytes part = bytes_of(c->t->sink, n);
    if (c->state == CONN_HEAD && c->t->l->o.is_raw) {
        c->status = 200;
        c->body_len = c->body_got = 0;
        *ret_whole = true;
        return RESULT_OK;
    }
    if (c->state == CONN_HEAD) {
        size_t take = MIN(part.n, sizeof(c->answer) - c->answer_len), before = c->answer_len;
        memcpy(c->answer + before, part.p, take);
        c->answer_len += take;
        size_t end = bytes_find(bytes_of(c->answer, c->answer_len), BYTES_LIT("\r\n\r\n"));
        if (end == c->answer_len) {
            return take == part.n ? RESULT_OK : error_set(e, ERRC_LIMIT, "head too long");
        }
        TRY(answer_parse(c, end + 4, e));
        part = bytes_slice(part, end + 4 - before, part.n);
        c->answer_len = c->status / 100 == 2 ? 0 : end;
        c->state = CONN_BODY;
    }
    body_take(c, part);
    if (c->body_got > c->body_len) {
        FAIL(e, ERRC_FORMAT, "more bytes than announced");
    }
    *ret_whole = c->body_got == c->body_len;
    return RESULT_OK;
}

/* --- the machine --- */

static RESULT shake_step(struct load_conn *c, struct error *e)
{
    TRY(tls_handshake(c->tls, e));
    bool is_counted = c->has_been_ready && c->t->l->o.mode == LOAD_HANDSHAKE;
    conn_ready(c);
    if (is_counted) {
        latency_add(c->t, clock_mono_ns() - c->began_ns);
        atomic_fetch_add_explicit(&c->t->ops, 1, memory_order_relaxed);
    }
    return RESULT_OK;
}

/* One transition; *ret_wait: nothing to do before the start is given. */
static RESULT advance(struct load_conn *c, bool *ret_wait, struct error *e)
{
    bool is_whole;

    switch (c->state) {
    case CONN_CONNECT:
        c->state = CONN_SHAKE;
        return RESULT_OK;
    case CONN_SHAKE:
        return shake_step(c, e);
    case CONN_READY:
        *ret_wait = !c->t->is_started;
        if (!*ret_wait && !request_begin(c)) {
            conn_over(c);
        }
        return RESULT_OK;
    case CONN_SEND: {
        struct result r = send_step(c, e);
        if (r.code != ERRC_AGAIN && !result_is_ok(r)) { /* an early answer says why */
            bool ignored;
            c->state = CONN_HEAD;
            result_ignore(receive_step(c, &ignored, NULL));
            error_prefix(e, "sending (answer: %.*s)", (int)MIN(c->answer_len, 120u), c->answer);
        }
        return r;
    }
    case CONN_HEAD:
    case CONN_BODY:
        TRY(receive_step(c, &is_whole, e));
        if (is_whole) {
            request_done(c);
        }
        return RESULT_OK;
    case CONN_OVER:
        break;
    }
    *ret_wait = true;
    return RESULT_OK;
}

static void step(struct load_conn *c)
{
    struct error e = { 0 };
    bool must_wait = false;

    while (!must_wait && c->state != CONN_OVER) {
        struct result r = advance(c, &must_wait, &e);
        if (r.code == ERRC_AGAIN) {
            return;
        }
        if (!result_is_ok(r)) {
            if (!atomic_load(&c->t->l->is_over)) {
                load_fail(c->t->l, "connection: %s", e.msg);
            }
            bool was_ready = c->has_been_ready;
            conn_drop(c);
            if (!was_ready || atomic_load(&c->t->l->errors) >= LOAD_FEW_ERRORS || !conn_open(c)) {
                conn_ready(c); /* whoever waits for all of them must not wait for this one */
                conn_over(c);
            }
            return;
        }
    }
}

/* --- threads --- */

static void on_start(void *arg)
{
    struct load_thread *t = arg;
    t->is_started = true;
    for (size_t i = 0; i < t->conn_count; i++) {
        if (t->conns[i]->state == CONN_READY) {
            step(t->conns[i]);
        }
    }
}

void load_thread_start(struct load_thread *t)
{
    t->start = (struct loop_task){ .fn = on_start, .arg = t };
    loop_post(t->loop, &t->start);
}

static void conns_open(void *arg)
{
    struct load_thread *t = arg;
    for (size_t i = 0; i < t->conn_count; i++) {
        t->conns[i] = mem_zalloc(sizeof(*t->conns[i]));
        t->conns[i]->t = t;
        t->conns[i]->f.fd = -1;
        if (!conn_open(t->conns[i])) {
            conn_ready(t->conns[i]);
            conn_over(t->conns[i]);
        }
    }
}

void *load_thread_main(void *arg)
{
    struct load_thread *t = arg;
    struct error e;
    struct loop_task open = { .fn = conns_open, .arg = t };

    t->pool = tls_pool_new();
    t->conns = mem_calloc(t->conn_count, sizeof(*t->conns));
    t->sink = mem_alloc(SINK_BYTES);
    load_signer_init(&t->signer, t->l);
    loop_post(t->loop, &open);
    if (!result_is_ok(loop_run(t->loop, &e))) {
        load_fail(t->l, "loop: %s", e.msg);
    }
    for (size_t i = 0; i < t->conn_count; i++) {
        conn_drop(t->conns[i]);
        mem_free(t->conns[i]);
    }
    tls_pool_free(t->pool);
    mem_free(t->conns);
    mem_free(t->sink);
    return NULL;
}
