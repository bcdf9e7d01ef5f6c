/*
 * The answering end: one thread, one epoll set. A turn: wait; read and run the requests of all
 * peers that have some; batch_end; send what was answered.
 *
 * Bounds. A peer whose unsent answers or held requests pass a mark is neither read nor served until
 * they are below it again (its unread requests wait in its socket); so memory per peer is at most
 * INPUT_MAX + OUT_MARK_BYTES + the answers to HELD_MARK held requests.
 */
#include "sys/rpc.h"

#include "base/clock.h"
#include "base/log.h"
#include "sys/rpc_priv.h"
#include "sys/sock.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX     64
#define INPUT_MAX      (RPC_FRAME_MAX + RPC_READ_BYTES)
#define OUT_MARK_BYTES (8u * 1024 * 1024)
#define HELD_MARK      4096u
#define OUTPUT_MAX     (1024u * 1024 * 1024)
#define TURN_BYTES     (1024u * 1024) /* read from one peer in one turn */

struct source {
    struct list item;
    int fd;
    void (*fn)(void *arg); /* watched descriptor; NULL: a peer */
    void *arg;
};

struct peer {
    struct source source;
    struct rpc_server *server;
    enum role role;
    uint32_t channel;
    struct buf in, out;
    size_t out_at;
    size_t need;
    struct list held; /* struct rpc_request */
    size_t held_count;
    struct list due; /* in server->due: has something to send, or to run */
    unsigned refusals;
    uint32_t events; /* watched */
    bool is_broken;
};

struct rpc_request {
    struct list item; /* in peer->held, server->orphans, or server->free_requests */
    struct rpc_server *server;
    struct peer *peer; /* NULL: gone */
    uint64_t id;
    uint16_t op;
    bool is_held;
    enum role role;
    uint32_t channel;
};

struct rpc_server {
    const struct rpc_op **ops; /* by number */
    size_t op_count;
    struct rpc_server_hooks hooks;
    void *ctx;
    int epoll_fd;
    bool is_stopping;
    size_t run_count; /* requests run in this turn */
    struct list peers, watches, due, orphans, free_requests;
    struct buf reply;
};

static void peer_break(struct peer *p);

struct result rpc_server_new(const struct rpc_op *ops, const struct rpc_server_hooks *hooks,
                             void *ctx, struct rpc_server **ret, struct error *e)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        FAIL_SYS(e, "rpc server");
    }
    struct rpc_server *s = mem_zalloc(sizeof(*s));
    s->epoll_fd = fd;
    s->ctx = ctx;
    if (hooks != NULL) {
        s->hooks = *hooks;
    }
    for (const struct rpc_op *op = ops; op->op != 0; op++) {
        s->op_count = MAX(s->op_count, (size_t)op->op + 1);
    }
    s->ops = mem_calloc(s->op_count, sizeof(const struct rpc_op *));
    for (const struct rpc_op *op = ops; op->op != 0; op++) {
        assert(s->ops[op->op] == NULL);
        s->ops[op->op] = op;
    }
    list_init(&s->peers);
    list_init(&s->watches);
    list_init(&s->due);
    list_init(&s->orphans);
    list_init(&s->free_requests);
    s->reply = BUF_SECRET(RPC_BODY_MAX);
    *ret = s;
    return RESULT_OK;
}

/* --- peers ------------------------------------------------------------------------------------ */

static void source_add(struct rpc_server *s, struct source *source, struct list *where)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = source };
    list_push_back(where, &source->item);
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, source->fd, &ev) != 0) {
        log_error("rpc server: watch descriptor %d: errno %d", source->fd, errno);
    }
}

void rpc_server_add_peer(struct rpc_server *s, int fd, enum role peer, uint32_t channel)
{
    struct peer *p = mem_zalloc(sizeof(*p));
    p->source.fd = fd;
    p->server = s;
    p->role = peer;
    p->channel = channel;
    p->in = BUF_SECRET(INPUT_MAX);
    p->out = BUF_SECRET(OUTPUT_MAX);
    p->events = EPOLLIN;
    list_init(&p->held);
    list_init(&p->due);
    source_add(s, &p->source, &s->peers);
}

void rpc_server_watch(struct rpc_server *s, int fd, void (*fn)(void *arg), void *arg)
{
    struct source *source = mem_zalloc(sizeof(*source));
    *source = (struct source){ .fd = fd, .fn = fn, .arg = arg };
    source_add(s, source, &s->watches);
}

static void peer_free(struct peer *p)
{
    LIST_EACH(item, &p->held)
    {
        LIST_ITEM(item, struct rpc_request, item)->peer = NULL;
    }
    list_splice(&p->server->orphans, &p->held);
    list_remove(&p->source.item);
    list_remove(&p->due);
    close(p->source.fd);
    buf_done(&p->in);
    buf_done(&p->out);
    mem_free(p);
}

static void peer_mark_due(struct peer *p)
{
    list_remove(&p->due);
    list_push_back(&p->server->due, &p->due);
}

/* Freed at the end of the turn: events and lists may still name it. */
static void peer_break(struct peer *p)
{
    p->is_broken = true;
    peer_mark_due(p);
}

static bool peer_is_full(const struct peer *p)
{
    return p->out.n - p->out_at >= OUT_MARK_BYTES || p->held_count >= HELD_MARK;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct rpc_request *request_new(struct peer *p, const struct rpc_frame *f)
{
    struct list *item = list_pop_front(&p->server->free_requests);
    struct rpc_request *rq =
            item != NULL ? LIST_ITEM(item, struct rpc_request, item) : mem_alloc(sizeof(*rq));
    *rq = (struct rpc_request){ .server = p->server,
                                .peer = p,
                                .id = f->id,
                                .op = f->op,
                                .role = p->role,
                                .channel = p->channel };
    list_init(&rq->item);
    return rq;
}

static void request_done(struct rpc_request *rq)
{
    list_remove(&rq->item);
    list_push_front(&rq->server->free_requests, &rq->item);
}

enum role rpc_peer(const struct rpc_request *rq)
{
    return rq->role;
}

uint32_t rpc_channel(const struct rpc_request *rq)
{
    return rq->channel;
}

void rpc_hold(struct rpc_request *rq)
{
    assert(!rq->is_held);
    rq->is_held = true;
    list_push_back(&rq->peer->held, &rq->item);
    rq->peer->held_count++;
}

static void peer_answer(struct peer *p, uint64_t id, uint16_t op, struct result r,
                        struct bytes body, const struct error *e)
{
    if (!result_is_ok(r)) {
        bool has_message = e != NULL && e->code != ERRC_OK;
        body = bytes_str(has_message ? e->msg : errc_name(r.code));
    }
    if (result_is_ok(r) && body.n > RPC_BODY_MAX) {
        r = result_of(ERRC_LIMIT);
        body = BYTES_LIT("the answer is too long");
    }
    rpc_frame_add(&p->out, id, op, (uint16_t)r.code, body);
    if (!result_is_ok(buf_result(&p->out))) {
        log_error("no memory for answers to the %s", role_name(p->role));
        peer_break(p);
    }
    peer_mark_due(p);
}

void rpc_finish(struct rpc_request *rq, struct result r, struct bytes body, const struct error *e)
{
    assert(rq->is_held);
    struct peer *p = rq->peer;
    if (p != NULL) {
        p->held_count--;
        if (!p->is_broken) {
            peer_answer(p, rq->id, rq->op, r, body, e);
        }
    }
    request_done(rq);
}

/* Whether the table allows it; says why not. */
static struct result request_check(struct peer *p, const struct rpc_frame *f,
                                   const struct rpc_op **ret, struct error *e)
{
    struct rpc_server *s = p->server;
    const struct rpc_op *op = f->op < s->op_count ? s->ops[f->op] : NULL;
    if (op == NULL) {
        FAIL(e, ERRC_DENIED, "the %s asked for the unknown operation %u", role_name(p->role),
             f->op);
    }
    if ((op->callers & 1u << p->role) == 0) {
        FAIL(e, ERRC_DENIED, "the %s may not ask for %s", role_name(p->role), op->name);
    }
    if (f->body.n > op->max_request) {
        FAIL(e, ERRC_LIMIT, "%s: a request of %zu bytes, at most %u are allowed", op->name,
             f->body.n, op->max_request);
    }
    *ret = op;
    return RESULT_OK;
}

static void request_refuse(struct peer *p, const struct rpc_frame *f, struct result r,
                           const struct error *e)
{
    p->refusals++;
    if ((p->refusals & (p->refusals - 1)) ==
        0) { /* the 1st, 2nd, 4th, 8th ...: no flood by a broken role */
        log_warn("rpc: refused: %s (%u so far)", e->msg, p->refusals);
    }
    peer_answer(p, f->id, f->op, r, BYTES_NONE, e);
}

static void request_run(struct peer *p, const struct rpc_frame *f)
{
    struct rpc_server *s = p->server;
    const struct rpc_op *op = NULL;
    struct error e;
    e.code = ERRC_OK;
    e.msg[0] = 0;
    struct result r = request_check(p, f, &op, &e);
    if (!result_is_ok(r)) {
        request_refuse(p, f, r, &e);
        return;
    }
    struct rpc_request *rq = request_new(p, f);
    s->run_count++;
    buf_reset(&s->reply);
    r = op->run(s->ctx, rq, f->body, &s->reply, &e);
    if (rq->is_held) {
        assert(result_is_ok(r));
        return;
    }
    if (result_is_ok(r)) {
        r = buf_result(&s->reply);
    }
    peer_answer(p, f->id, f->op, r, buf_bytes(&s->reply), &e);
    request_done(rq);
}

/* Runs what is in the input buffer, until it ends or the peer is full. */
static void peer_run(struct peer *p)
{
    struct bytes rest = buf_bytes(&p->in);
    while (!p->is_broken && !peer_is_full(p)) {
        struct rpc_frame f;
        struct result r = rpc_frame_take(&rest, &f, &p->need);
        if (r.code == ERRC_AGAIN) {
            break;
        }
        if (!result_is_ok(r) || f.status != 0) {
            log_warn("rpc: malformed frame from the %s; connection closed", role_name(p->role));
            peer_break(p);
            return;
        }
        request_run(p, &f);
    }
    rpc_input_trim(&p->in, rest);
}

static void peer_read(struct peer *p)
{
    bool is_short = false;
    for (size_t sum = 0; sum < TURN_BYTES && !is_short && !p->is_broken && !peer_is_full(p);) {
        size_t n = 0;
        enum rpc_io io = rpc_receive(p->source.fd, &p->in, p->need, &n, &is_short);
        if (io == RPC_IO_BLOCKED) {
            return;
        }
        if (io == RPC_IO_BROKEN) {
            peer_break(p);
            return;
        }
        sum += n;
        peer_run(p);
    }
}

/* --- turns ------------------------------------------------------------------------------------ */

static void peer_set_events(struct peer *p)
{
    uint32_t events =
            (peer_is_full(p) ? 0u : (uint32_t)EPOLLIN) | (p->out.n > 0 ? (uint32_t)EPOLLOUT : 0u);
    if (events == p->events) {
        return;
    }
    struct epoll_event ev = { .events = events, .data.ptr = &p->source };
    if (epoll_ctl(p->server->epoll_fd, EPOLL_CTL_MOD, p->source.fd, &ev) != 0) {
        peer_break(p);
        return;
    }
    p->events = events;
}

/* Sends; frees the broken. A peer that was full runs on in the next turn, with what it has already
 * sent. */
static void server_send(struct rpc_server *s)
{
    struct list due;
    list_init(&due);
    list_splice(&due, &s->due);
    for (struct list *item; (item = list_pop_front(&due)) != NULL;) {
        struct peer *p = LIST_ITEM(item, struct peer, due);
        if (!p->is_broken && rpc_send(p->source.fd, &p->out, &p->out_at) == RPC_IO_BROKEN) {
            p->is_broken = true;
        }
        if (!p->is_broken) {
            peer_set_events(p);
        }
        if (p->is_broken) {
            peer_free(p);
        }
    }
}

/* Whether a whole frame waits in the input buffer of a peer that may be served again. */
static bool peer_has_more(struct peer *p)
{
    struct bytes in = buf_bytes(&p->in);
    struct rpc_frame f;
    size_t need = 0;
    return !peer_is_full(p) && rpc_frame_take(&in, &f, &need).code != ERRC_AGAIN;
}

static bool server_has_more(struct rpc_server *s)
{
    LIST_EACH(item, &s->peers)
    {
        if (peer_has_more(LIST_ITEM(item, struct peer, source.item))) {
            return true;
        }
    }
    return false;
}

static int64_t server_wake_at(struct rpc_server *s)
{
    return s->hooks.next_wake_ms == NULL ? INT64_MAX : s->hooks.next_wake_ms(s->ctx);
}

static int server_wait_ms(struct rpc_server *s, int timeout_ms)
{
    int64_t wake_at = server_wake_at(s);
    if (server_has_more(s)) {
        return 0;
    }
    if (wake_at == INT64_MAX) {
        return timeout_ms;
    }
    int64_t left = MIN(MAX(wake_at - clock_mono_ms(&clock_system), 0), INT_MAX);
    return timeout_ms < 0 ? (int)left : MIN((int)left, timeout_ms);
}

static void server_dispatch(const struct epoll_event *ev)
{
    struct source *source = ev->data.ptr;
    if (source->fn != NULL) {
        source->fn(source->arg);
        return;
    }
    struct peer *p = CONTAINER_OF(source, struct peer, source);
    if ((ev->events & EPOLLOUT) != 0) {
        peer_mark_due(p);
    }
    if ((ev->events & EPOLLIN) != 0) {
        peer_read(p);
        if (peer_is_full(p)) {
            peer_mark_due(p); /* to be watched no more */
        }
    } else if ((ev->events & (EPOLLHUP | EPOLLERR)) != 0) {
        peer_break(p);
    }
}

struct result rpc_server_turn(struct rpc_server *s, int timeout_ms, struct error *e)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, server_wait_ms(s, timeout_ms));
    if (n < 0 && errno != EINTR) {
        FAIL_SYS(e, "rpc server: wait");
    }
    s->run_count = 0;
    LIST_EACH(item, &s->peers)
    { /* what stayed behind when a peer was full */
        struct peer *p = LIST_ITEM(item, struct peer, source.item);
        if (peer_has_more(p)) {
            peer_run(p);
            peer_mark_due(p);
        }
    }
    for (int i = 0; i < n; i++) {
        server_dispatch(&events[i]);
    }
    bool is_woken = clock_mono_ms(&clock_system) >= server_wake_at(s);
    if ((s->run_count > 0 || is_woken) && s->hooks.batch_end != NULL) {
        s->hooks.batch_end(s->ctx);
    }
    server_send(s);
    return RESULT_OK;
}

struct result rpc_server_run(struct rpc_server *s, struct error *e)
{
    while (!s->is_stopping) {
        TRY(rpc_server_turn(s, -1, e));
    }
    s->is_stopping = false;
    return RESULT_OK;
}

void rpc_server_stop(struct rpc_server *s)
{
    s->is_stopping = true;
}

void rpc_server_free(struct rpc_server *s)
{
    if (s == NULL) {
        return;
    }
    LIST_EACH(item, &s->peers)
    {
        peer_free(LIST_ITEM(item, struct peer, source.item));
    }
    for (struct list *item; (item = list_pop_front(&s->watches)) != NULL;) {
        mem_free(LIST_ITEM(item, struct source, item));
    }
    list_splice(&s->free_requests, &s->orphans);
    for (struct list *item; (item = list_pop_front(&s->free_requests)) != NULL;) {
        mem_free(LIST_ITEM(item, struct rpc_request, item));
    }
    close(s->epoll_fd);
    buf_done(&s->reply);
    mem_free(s->ops);
    mem_free(s);
}
