/* A connection: its handshake, the heads of its requests, its end. States: see http_priv.h. */
#include "net/http_priv.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* --- reading and writing --- */

static RESULT plain_result(ssize_t n, size_t *ret_n, struct error *e)
{
    if (n > 0) {
        *ret_n = (size_t)n;
        return RESULT_OK;
    }
    if (n == 0) {
        return result_of(ERRC_CLOSED);
    }
    if (errno == EAGAIN || errno == EINTR) {
        return result_of(ERRC_AGAIN);
    }
    FAIL_SYS(e, "connection");
}

RESULT conn_read(struct conn *c, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    if (c->tls != NULL) {
        return tls_read(c->tls, dst, cap, ret_n, e);
    }
    return plain_result(recv(c->fd.fd, dst, cap, 0), ret_n, e);
}

RESULT conn_write(struct conn *c, struct bytes v, size_t *ret_n, struct error *e)
{
    if (c->tls != NULL) {
        return tls_write(c->tls, v, ret_n, e);
    }
    return plain_result(send(c->fd.fd, v.p, v.n, MSG_NOSIGNAL), ret_n, e);
}

RESULT conn_flush(struct conn *c, struct error *e)
{
    return c->tls == NULL ? RESULT_OK : tls_flush(c->tls, e);
}

/* Bytes of ours that the other end has not taken. */
static size_t conn_owed(const struct conn *c)
{
    int queued = 0;
    if (ioctl(c->fd.fd, SIOCOUTQ, &queued) != 0 || queued < 0) {
        queued = 0;
    }
    return (size_t)queued + (c->tls == NULL ? 0 : tls_unsent(c->tls));
}

static RESULT wait_once(struct conn *c, unsigned wants, int64_t deadline_ms)
{
    struct co_event ev;
    co_event_init(&ev);
    c->waits = wants;
    c->waiter = &ev;
    struct result r = c->is_dead ? RESULT_OK : co_event_wait(&ev, deadline_ms);
    c->waiter = NULL;
    return c->is_dead ? result_of(ERRC_CLOSED) : r;
}

/*
 * A writer's descriptor becomes writable only when much of its queue is free, so while it is not,
 * what counts is that the other end takes bytes at all, and not slower than the least rate.
 */
RESULT conn_wait(struct conn *c, unsigned wants, int64_t timeout_ms)
{
    const struct http_limits *l = &c->server->limits;
    if ((wants & TLS_WANT_WRITE) == 0) {
        return wait_once(c, wants, loop_now_ms(c->server->loop) + timeout_ms);
    }
    for (;;) {
        size_t owed = conn_owed(c);
        struct result r = wait_once(c, wants, loop_now_ms(c->server->loop) + timeout_ms);
        if (r.code != ERRC_TIMEOUT) {
            return r;
        }
        size_t still = conn_owed(c);
        uint64_t least = l->body_bytes_per_s * (uint64_t)timeout_ms / 1000;
        if (still >= owed || owed - still < least) {
            return r;
        }
    }
}

/* --- ending --- */

void conn_close(struct conn *c)
{
    struct http_server *s = c->server;
    loop_timer_cancel(s->loop, &c->timer);
    loop_fd_del(s->loop, &c->fd);
    tls_conn_free(c->tls);
    sock_close(c->fd.fd);
    http_shared_leave(s->shared, &c->key);
    if (!c->is_unix) {
        atomic_fetch_sub_explicit(&s->load, 1, memory_order_relaxed);
    }
    buf_done(&c->in);
    list_remove(&c->item);
    mem_free(c);
}

void conn_abort(struct conn *c)
{
    if (c->state != CONN_RUNNING) {
        conn_close(c);
        return;
    }
    c->is_dead = true;
    (void)shutdown(c->fd.fd, SHUT_RDWR);
    if (c->waiter != NULL) {
        co_event_set(c->waiter);
    }
}

/*
 * Closing a socket with unread input resets the connection and may destroy the answer on its way:
 * so our side is ended first, and theirs is read and dropped for a while.
 */
static void linger_read(struct conn *c)
{
    struct error e = { 0 };
    uint8_t *scratch = c->server->scratch;
    if (c->tls != NULL && tls_unsent(c->tls) != 0) {
        struct result r = tls_flush(c->tls, &e);
        if (r.code == ERRC_OK) {
            (void)shutdown(c->fd.fd, SHUT_WR);
        } else if (r.code != ERRC_AGAIN) {
            conn_close(c);
            return;
        }
    }
    for (size_t turn = 0; turn < WORK_BYTES; turn += SCRATCH_BYTES) {
        ssize_t n = recv(c->fd.fd, scratch, SCRATCH_BYTES, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        c->lingered += n > 0 ? (uint64_t)n : 0;
        if (n <= 0 || c->lingered > LINGER_BYTES) {
            conn_close(c);
            return;
        }
    }
    /* More may be there, of which no further event tells. */
    loop_timer_set(c->server->loop, &c->timer, loop_now_ms(c->server->loop) + 1);
}

void conn_end(struct conn *c)
{
    struct error e = { 0 };
    if (c->is_dead || c->state == CONN_HANDSHAKE) {
        conn_close(c);
        return;
    }
    c->state = CONN_LINGER;
    buf_done(&c->in);
    struct result r = c->tls == NULL ? RESULT_OK : tls_shutdown(c->tls, &e);
    if (r.code == ERRC_OK) {
        (void)shutdown(c->fd.fd, SHUT_WR);
    } else if (r.code != ERRC_AGAIN) {
        conn_close(c);
        return;
    }
    c->linger_until_ms = loop_now_ms(c->server->loop) + LINGER_MS;
    loop_timer_set(c->server->loop, &c->timer, c->linger_until_ms);
    linger_read(c);
}

void conn_refuse(struct conn *c, unsigned status, const char *why)
{
    struct error e = { 0 };
    char text[512];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: troth\r\nContent-Type: text/plain\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                     status, http_reason(status), http_server_date(c->server), strlen(why) + 1,
                     why);
    size_t sent = 0;
    if (status == 408) {
        c->server->shared->counts.timeouts++;
    } else {
        c->server->shared->counts.bad_requests++;
    }
    if (n > 0 && (size_t)n < sizeof(text)) {
        /* A socket too full for this has a reader that will not miss it. */
        result_ignore(conn_write(c, bytes_of(text, (size_t)n), &sent, &e));
    }
    conn_end(c);
}

/* --- heads --- */

static void arm_idle(struct conn *c)
{
    struct http_server *s = c->server;
    c->is_head_open = false;
    loop_timer_set(s->loop, &c->timer, loop_now_ms(s->loop) + s->limits.idle_ms);
}

/* A part of a head is here: its time runs from its first byte. */
static void arm_head(struct conn *c)
{
    struct http_server *s = c->server;
    if (!c->is_head_open) {
        c->is_head_open = true;
        loop_timer_set(s->loop, &c->timer, loop_now_ms(s->loop) + s->limits.head_ms);
    }
}

/* Only a line's end, or too much without one, can change what the parser says. */
static bool may_parse(const struct conn *c, struct bytes all, size_t fresh_n)
{
    struct bytes fresh = bytes_slice(all, all.n - fresh_n, all.n);
    return bytes_index(fresh, '\n') != fresh.n || bytes_index(fresh, '\r') != fresh.n ||
           all.n >= c->server->limits.request_line_bytes;
}

/* True: the state is still HEAD and more bytes are wanted. `all` is c->in or the server's scratch.
 */
static bool head_try(struct conn *c, struct bytes all, size_t fresh_n)
{
    struct http_server *s = c->server;
    struct error e = { 0 };
    struct http_request request;
    size_t head_n = 0;
    unsigned status = 0;
    if (!may_parse(c, all, fresh_n)) {
        return true;
    }
    struct result r = http_head_parse(all, &s->limits, s->headers, &request, &head_n, &status, &e);
    if (r.code == ERRC_AGAIN) {
        return true;
    }
    if (r.code != ERRC_OK) {
        conn_refuse(c, status, e.msg);
        return false;
    }
    c->state = CONN_RUNNING;
    loop_timer_cancel(s->loop, &c->timer);
    exchange_start(c, &request, head_n, all);
    return false;
}

static void head_read(struct conn *c)
{
    struct http_server *s = c->server;
    for (;;) {
        struct error e = { 0 };
        size_t n = 0;
        struct result r = conn_read(c, s->scratch, sizeof(s->scratch), &n, &e);
        if (r.code == ERRC_AGAIN) {
            break;
        }
        if (r.code != ERRC_OK) {
            conn_close(c);
            return;
        }
        struct bytes all = bytes_of(s->scratch, n);
        if (c->in.n != 0) {
            buf_add(&c->in, all);
            all = buf_bytes(&c->in);
        }
        if (!head_try(c, all, n)) {
            return;
        }
        if (c->in.n == 0) {
            buf_add(&c->in, all);
        }
        if (!result_is_ok(buf_result(&c->in))) {
            conn_refuse(c, 431, "headers too long");
            return;
        }
        arm_head(c);
    }
    if (c->in.n == 0) {
        buf_done(&c->in);
    }
}

void conn_next(struct conn *c)
{
    c->state = CONN_HEAD;
    c->is_head_open = false;
    if (c->in.n != 0) {
        if (!head_try(c, buf_bytes(&c->in), c->in.n)) {
            return;
        }
        arm_head(c);
    } else {
        arm_idle(c);
    }
    head_read(c);
}

/* --- events --- */

static void note_peer(struct conn *c)
{
    struct tls_facts facts;
    tls_conn_facts(c->tls, &facts);
    if (facts.has_peer) {
        hex_encode(bytes_of(facts.peer.fingerprint, sizeof(facts.peer.fingerprint)),
                   c->fingerprint);
    }
}

static void handshake_step(struct conn *c)
{
    struct error e = { 0 };
    struct result r = tls_handshake(c->tls, &e);
    if (r.code == ERRC_AGAIN) {
        return;
    }
    if (r.code != ERRC_OK) {
        c->server->shared->counts.handshake_failures++;
        log_debug("%s: handshake: %s", c->peer_full, e.msg);
        conn_close(c);
        return;
    }
    note_peer(c);
    conn_next(c);
}

static void on_event(struct loop_fd *f, uint32_t events)
{
    struct conn *c = CONTAINER_OF(f, struct conn, fd);
    bool is_readable = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool is_writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    switch (c->state) {
    case CONN_HANDSHAKE:
        handshake_step(c);
        break;
    case CONN_HEAD:
        if (is_readable || (c->tls != NULL && tls_unsent(c->tls) != 0)) {
            head_read(c);
        }
        break;
    case CONN_RUNNING:
        if (c->waiter != NULL && ((is_readable && (c->waits & TLS_WANT_READ) != 0) ||
                                  (is_writable && (c->waits & TLS_WANT_WRITE) != 0))) {
            co_event_set(c->waiter);
        }
        break;
    case CONN_LINGER:
        linger_read(c);
        break;
    }
}

static void on_timer(struct loop_timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, timer);
    struct http_server *s = c->server;
    switch (c->state) {
    case CONN_HANDSHAKE:
        s->shared->counts.timeouts++;
        conn_close(c);
        break;
    case CONN_HEAD:
        if (c->is_head_open) {
            conn_refuse(c, 408, "the request's head did not come in time");
        } else {
            conn_end(c);
        }
        break;
    case CONN_LINGER:
        if (loop_now_ms(s->loop) >= c->linger_until_ms) {
            conn_close(c);
        } else {
            loop_timer_set(s->loop, t, c->linger_until_ms);
            linger_read(c);
        }
        break;
    case CONN_RUNNING:
        break;
    }
}

void conn_start(struct http_server *s, int fd, struct tls_ctx *tls, const struct address_key *key)
{
    struct error e = { 0 };
    struct conn *c = mem_zalloc(sizeof(*c));
    c->server = s;
    c->fd = (struct loop_fd){ .fd = fd, .fn = on_event };
    c->timer.fn = on_timer;
    c->key = *key;
    c->in = BUF_SECRET(s->limits.head_bytes + SCRATCH_BYTES);
    c->is_unix = key->n == 0;
    sock_peer_text(fd, c->peer_host, c->peer_full);
    list_push_back(&s->conns, &c->item);
    if (!result_is_ok(loop_fd_add(s->loop, &c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, &e))) {
        log_warn("connection: %s", e.msg);
        conn_close(c);
        return;
    }
    if (tls == NULL) {
        conn_next(c);
        return;
    }
    c->tls = tls_conn_new_server(tls, s->pool, fd);
    c->state = CONN_HANDSHAKE;
    loop_timer_set(s->loop, &c->timer, loop_now_ms(s->loop) + s->limits.handshake_ms);
    handshake_step(c);
}
