/* A request's life: from its head to its end, in its coroutine; reading its body. */
#include "net/http_priv.h"

#include "base/log.h"

#define ARENA_BYTES 8192

/* --- start and end --- */

static struct http_exchange *exchange_take(struct http_server *s)
{
    struct list *it = list_pop_front(&s->free_exchanges);
    if (it != NULL) {
        s->free_count--;
        return LIST_ITEM(it, struct http_exchange, item);
    }
    struct http_exchange *x = mem_zalloc(sizeof(*x));
    x->arena = arena_new(ARENA_BYTES, true);
    x->out = BUF_SECRET(2 * OUT_BYTES + HEADERS_OUT_MAX);
    list_init(&x->item);
    return x;
}

void exchange_free(struct http_exchange *x)
{
    arena_free(x->arena);
    buf_done(&x->out);
    mem_free(x);
}

static void exchange_give_back(struct http_exchange *x, struct http_server *s)
{
    if (s->free_count >= EXCHANGES_KEPT) {
        exchange_free(x);
        return;
    }
    struct arena *arena = x->arena;
    struct buf out = x->out;
    arena_reset(arena);
    buf_reset(&out);
    *x = (struct http_exchange){ .arena = arena, .out = out };
    list_push_front(&s->free_exchanges, &x->item);
    s->free_count++;
}

static void rebase(struct bytes *v, const uint8_t *from, size_t n, const uint8_t *to)
{
    uintptr_t at = (uintptr_t)v->p - (uintptr_t)from;
    if (v->p != NULL && at <= n) {
        v->p = to + at;
    }
}

/* The head moves to the request's own memory. */
static void request_take(struct http_exchange *x, const struct http_request *parsed,
                         struct bytes head)
{
    struct http_request *r = &x->request;
    *r = *parsed;
    struct bytes own = arena_bytes(x->arena, head);
    struct http_header *h = arena_alloc(x->arena, sizeof(*h) * parsed->header_count);
    for (size_t i = 0; i < parsed->header_count; i++) {
        h[i] = parsed->headers[i];
        rebase(&h[i].name, head.p, head.n, own.p);
        rebase(&h[i].value, head.p, head.n, own.p);
    }
    struct bytes *parts[] = { &r->method, &r->target, &r->path, &r->query, &r->host };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        rebase(parts[i], head.p, head.n, own.p);
    }
    r->headers = h;
    r->arena = x->arena;
}

static void request_note_peer(struct http_exchange *x, const struct conn *c)
{
    struct http_request *r = &x->request;
    r->is_tls = c->tls != NULL;
    r->is_unix = c->is_unix;
    r->peer_host = c->peer_host;
    r->peer_full = c->peer_full;
    r->client_certificate = c->fingerprint[0] == '\0' ? NULL : c->fingerprint;
    struct error e = { 0 };
    if (c->is_unix && !result_is_ok(sock_peer_credentials(c->fd.fd, &r->unix_peer, &e))) {
        r->unix_peer = (struct sock_peer){ .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
    }
}

static bool list_has(struct bytes list, const char *token)
{
    bool more = true;
    while (more) {
        struct bytes item;
        more = bytes_split(&list, ',', &item);
        if (bytes_equal_str_nocase(bytes_trim(item, " \t"), token)) {
            return true;
        }
    }
    return false;
}

/* Connection and Expect. False: an expectation that can't be met. */
static bool request_note_wishes(struct http_exchange *x)
{
    for (size_t i = 0; i < x->request.header_count; i++) {
        const struct http_header *h = &x->request.headers[i];
        if (bytes_equal_str_nocase(h->name, "connection")) {
            x->closes = x->closes || list_has(h->value, "close");
        } else if (bytes_equal_str_nocase(h->name, "expect")) {
            if (!bytes_equal_str_nocase(h->value, "100-continue")) {
                return false;
            }
            x->wants_continue = true;
        }
    }
    return true;
}

/* The answer is out, as far as it goes: false when the connection can't carry another request. */
static bool exchange_finish(struct http_exchange *x)
{
    struct error e = { 0 };
    if (!x->is_begun) {
        http_reset_headers(x);
        x->is_misused = false;
        http_close_after(x);
        result_ignore(http_respond(x, 500, "text/plain", BYTES_LIT("no answer\n"), &e));
    } else if (!x->is_ended) {
        /* Cut short, the answer must not look whole: no last chunk, no orderly end. */
        if (x->sends_body && (x->is_chunked || x->left != 0)) {
            x->conn->is_dead = true;
        } else {
            result_ignore(http_end(x, &e));
        }
    }
    return !x->conn->is_dead && !x->closes && exchange_drain(x);
}

static void exchange_run(void *arg)
{
    struct http_exchange *x = arg;
    struct conn *c = x->conn;
    struct http_server *s = c->server;
    s->handler(s->ctx, x);
    bool may_go_on = exchange_finish(x);
    s->active--;
    s->shared->counts.active--;
    exchange_give_back(x, s);
    if (may_go_on && !s->is_draining) {
        conn_next(c);
    } else {
        conn_end(c);
    }
}

void exchange_start(struct conn *c, const struct http_request *parsed, size_t head_n,
                    struct bytes all)
{
    struct http_server *s = c->server;
    struct error e = { 0 };
    struct http_exchange *x = exchange_take(s);
    x->conn = c;
    request_take(x, parsed, bytes_slice(all, 0, head_n));
    request_note_peer(x, c);
    if (all.p == c->in.p) {
        buf_consume(&c->in, head_n);
    } else {
        buf_add(&c->in, bytes_slice(all, head_n, all.n));
    }
    x->body_left = parsed->length;
    x->is_body_done = !parsed->is_chunked && parsed->length == 0;
    http_chunked_init(&x->chunked);
    unsigned refusal = !request_note_wishes(x)                                 ? 417
                       : !result_is_ok(co_spawn(s->loop, exchange_run, x, &e)) ? 503
                                                                               : 0;
    if (refusal != 0) {
        exchange_give_back(x, s);
        conn_refuse(c, refusal,
                    refusal == 417 ? "expectation not known" : "too many requests at once");
        return;
    }
    s->active++;
    s->shared->counts.active++;
    s->shared->counts.requests++;
}

/* --- the request --- */

const struct http_request *http_request(const struct http_exchange *x)
{
    return &x->request;
}

bool http_find(const struct http_exchange *x, const char *name, struct bytes *ret)
{
    for (size_t i = 0; i < x->request.header_count; i++) {
        if (bytes_equal_str_nocase(x->request.headers[i].name, name)) {
            *ret = x->request.headers[i].value;
            return true;
        }
    }
    return false;
}

size_t http_count(const struct http_exchange *x, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < x->request.header_count; i++) {
        n += bytes_equal_str_nocase(x->request.headers[i].name, name);
    }
    return n;
}

void exchange_work(struct http_exchange *x, size_t n)
{
    x->work += n;
    if (x->work >= WORK_BYTES) {
        x->work = 0;
        co_yield ();
    }
}

/* --- its body --- */

/*
 * Waits for body bytes. Only time spent here counts against the least rate, so that a handler that
 * is busy elsewhere does not make its client look slow.
 */
static RESULT body_wait(struct http_exchange *x, struct error *e)
{
    struct conn *c = x->conn;
    struct loop *loop = c->server->loop;
    const struct http_limits *l = &c->server->limits;
    int64_t from = loop_now_ms(loop);
    struct result r = conn_wait(c, TLS_WANT_READ, l->stall_ms);
    if (r.code == ERRC_CLOSED) {
        FAIL(e, ERRC_CLOSED, "request body: the connection ended");
    }
    x->waited_ms += loop_now_ms(loop) - from;
    if (x->waited_ms >= l->stall_ms) {
        uint64_t least = l->body_bytes_per_s * (uint64_t)x->waited_ms / 1000;
        bool is_slow = r.code == ERRC_TIMEOUT || x->window_bytes < least;
        x->waited_ms = 0;
        x->window_bytes = 0;
        r = result_of(is_slow ? ERRC_TIMEOUT : ERRC_OK);
    }
    if (r.code == ERRC_TIMEOUT) {
        c->server->shared->counts.timeouts++;
        FAIL(e, ERRC_TIMEOUT, "request body: too slow");
    }
    return r;
}

/* 1..cap bytes from the connection, waiting for them. */
static RESULT raw_read(struct http_exchange *x, void *dst, size_t cap, size_t *ret_n,
                       struct error *e)
{
    for (;;) {
        struct result r =
                x->conn->is_dead ? result_of(ERRC_CLOSED) : conn_read(x->conn, dst, cap, ret_n, e);
        if (r.code == ERRC_OK) {
            x->window_bytes += *ret_n;
            return r;
        }
        if (r.code != ERRC_AGAIN) {
            x->conn->is_dead = true;
            FAIL(e, ERRC_CLOSED, "request body: the connection ended");
        }
        TRY(body_wait(x, e));
    }
}

static RESULT plain_read(struct http_exchange *x, void *dst, size_t cap, size_t *ret_n,
                         struct error *e)
{
    struct buf *in = &x->conn->in;
    size_t most = (size_t)MIN((uint64_t)MIN(cap, (size_t)WORK_BYTES), x->body_left);
    size_t n = MIN(in->n, most);
    if (n != 0) {
        memcpy(dst, in->p, n);
        buf_consume(in, n);
    } else {
        TRY(raw_read(x, dst, most, &n, e));
    }
    x->body_left -= n;
    x->is_body_done = x->body_left == 0;
    *ret_n = n;
    return RESULT_OK;
}

/*
 * 0 bytes only at the end. Reads into the server's scratch, which is its own until the next wait;
 * only what dst has no room for is kept.
 */
static RESULT chunked_read(struct http_exchange *x, void *dst, size_t cap, size_t *ret_n,
                           struct error *e)
{
    struct buf *in = &x->conn->in;
    uint8_t *scratch = x->conn->server->scratch;
    for (;;) {
        struct bytes from = buf_bytes(in);
        size_t used = 0, n = 0;
        if (in->n == 0) {
            TRY(raw_read(x, scratch, SCRATCH_BYTES, &n, e));
            from = bytes_of(scratch, n);
        }
        TRY(http_chunked_decode(&x->chunked, from, dst, cap, &used, &n, &x->is_body_done, e));
        if (from.p == scratch) {
            buf_add(in, bytes_slice(from, used, from.n));
            TRY_MSG(buf_result(in), e, "request body");
        } else {
            buf_consume(in, used);
        }
        if (n != 0 || x->is_body_done) {
            *ret_n = n;
            return RESULT_OK;
        }
    }
}

static RESULT continue_send(struct http_exchange *x, struct error *e)
{
    if (!x->wants_continue || x->is_begun) {
        return RESULT_OK;
    }
    x->wants_continue = false;
    if (x->conn->in.n != 0) {
        return RESULT_OK; /* it did not wait */
    }
    TRY(exchange_send(x, BYTES_LIT("HTTP/1.1 100 Continue\r\n\r\n"), e));
    return exchange_flush(x, e);
}

RESULT http_read_body(struct http_exchange *x, void *dst, size_t cap, size_t *ret_n,
                      struct error *e)
{
    if (x->is_body_broken) {
        FAIL(e, ERRC_CLOSED, "request body: broken before");
    }
    if (x->is_body_done || cap == 0) {
        *ret_n = 0;
        return RESULT_OK;
    }
    size_t n = 0;
    struct result r = continue_send(x, e);
    if (result_is_ok(r)) {
        r = x->request.is_chunked ? chunked_read(x, dst, cap, &n, e)
                                  : plain_read(x, dst, cap, &n, e);
    }
    if (!result_is_ok(r)) {
        x->is_body_broken = true;
        x->closes = true;
        return r;
    }
    exchange_work(x, n);
    *ret_n = n;
    return RESULT_OK;
}

RESULT http_read_all(struct http_exchange *x, struct buf *out, struct error *e)
{
    if (x->request.has_length && x->body_left > out->max - out->n) {
        FAIL(e, ERRC_LIMIT, "request body: more than %zu bytes", out->max);
    }
    while (!x->is_body_done) {
        uint8_t byte;
        size_t room = MIN(out->max - out->n, (size_t)OUT_BYTES);
        size_t n = 0;
        uint8_t *p = room == 0 ? &byte : buf_reserve(out, room);
        if (p == NULL) {
            FAIL(e, ERRC_NOMEM, "request body");
        }
        TRY(http_read_body(x, p, MAX(room, 1), &n, e));
        if (room == 0 && n != 0) {
            FAIL(e, ERRC_LIMIT, "request body: more than %zu bytes", out->max);
        }
        if (room != 0) {
            buf_commit(out, n);
        }
    }
    return buf_result(out);
}

bool exchange_drain(struct http_exchange *x)
{
    uint8_t scrap[4096];
    struct error e = { 0 };
    uint64_t drained = 0;
    while (!x->is_body_done) {
        size_t n = 0;
        if (x->wants_continue || drained > DRAIN_BYTES ||
            (!x->request.is_chunked && x->body_left > DRAIN_BYTES) ||
            !result_is_ok(http_read_body(x, scrap, sizeof(scrap), &n, &e))) {
            return false;
        }
        drained += n;
    }
    return true;
}
