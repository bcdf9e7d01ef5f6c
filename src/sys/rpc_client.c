/*
 * The asking end.
 *
 * With a loop: calls put their frame into one buffer, which is sent at the end of the loop's turn;
 * replies wake the coroutine that waits for them. A call has a slot while it waits; the slot stands
 * in the low bits of the id, the rest is a count, so that a reply that comes after its call gave up
 * meets nobody.
 *
 * Without: one call at a time behind `call_lock`; `state_lock` guards what rpc_client_attach
 * changes meanwhile.
 */
#include "sys/rpc.h"

#include "base/clock.h"
#include "base/log.h"
#include "sys/co.h"
#include "sys/rpc_priv.h"
#include "sys/sock.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SLOT_BITS    20u
#define SLOT_MASK    ((1u << SLOT_BITS) - 1)
#define UNSENT_BYTES (32u * 1024 * 1024) /* calls past this are refused */
#define INPUT_MAX    (RPC_FRAME_MAX + RPC_READ_BYTES)
#define OUTPUT_MAX   (UNSENT_BYTES + RPC_FRAME_MAX)

struct call {
    uint64_t id;
    uint32_t next_free; /* of its slot, while free */
    uint16_t op;
    struct buf *reply;
    struct error *e;
    struct result result;
    struct co_event done;
};

struct rpc_client {
    struct loop *loop; /* NULL: blocking */
    char *peer_name;
    uint64_t count;
    struct buf in, out;
    size_t out_at;
    size_t need; /* bytes of the frame that is coming in */
    atomic_bool is_up;

    /* with a loop */
    struct loop_fd fd; /* .fd: -1 when down */
    struct loop_task flush;
    bool is_flush_due, is_blocked;
    struct call **slots;
    uint32_t *free_slots;
    uint32_t slot_count, free_count;

    /* without */
    struct co_mutex call_lock;
    pthread_mutex_t state_lock;
    int next_fd; /* attached, not yet taken up; -1: none */
    bool has_next;
};

static void client_on_fd(struct loop_fd *f, uint32_t events);
static void client_on_flush(void *arg);

struct result rpc_client_new(struct loop *l, const char *peer_name, struct rpc_client **ret,
                             struct error *e)
{
    (void)e;
    struct rpc_client *c = mem_zalloc(sizeof(*c));
    c->loop = l;
    c->peer_name = mem_strdup(peer_name);
    c->in = BUF_SECRET(INPUT_MAX);
    c->out = BUF_SECRET(OUTPUT_MAX);
    c->fd = (struct loop_fd){ .fd = -1, .fn = client_on_fd };
    c->flush = (struct loop_task){ .fn = client_on_flush, .arg = c };
    c->next_fd = -1;
    co_mutex_init(&c->call_lock);
    pthread_mutex_init(&c->state_lock, NULL);
    *ret = c;
    return RESULT_OK;
}

bool rpc_client_is_up(const struct rpc_client *c)
{
    return atomic_load(&c->is_up);
}

static struct result fail_away(struct rpc_client *c, struct error *e)
{
    FAIL(e, ERRC_AGAIN, "%s is away", c->peer_name);
}

/* What the reply says, into the caller's hands. */
static struct result reply_take(const struct rpc_frame *f, struct buf *reply, struct error *e)
{
    if (f->status != ERRC_OK) {
        enum errc code = f->status < ERRC_COUNT_ ? (enum errc)f->status : ERRC_BUG;
        FAIL(e, code, "%.*s", (int)MIN(f->body.n, (size_t)ERROR_MAX), (const char *)f->body.p);
    }
    buf_reset(reply);
    buf_add(reply, f->body);
    if (!result_is_ok(buf_result(reply))) {
        FAIL(e, buf_result(reply).code, "reply of %zu bytes", f->body.n);
    }
    return RESULT_OK;
}

/* Starts over on an empty stream. */
static void client_reset_buffers(struct rpc_client *c)
{
    buf_reset(&c->in);
    buf_reset(&c->out);
    c->out_at = 0;
    c->need = 0;
    c->is_blocked = false;
}

/* --- with a loop ------------------------------------------------------------------------------ */

static void slot_put(struct rpc_client *c, struct call *call)
{
    if (c->free_count == 0) {
        uint32_t count = c->slot_count == 0 ? 64 : 2 * c->slot_count;
        assert(count <= SLOT_MASK);
        c->slots = mem_realloc(c->slots, count * sizeof(struct call *));
        c->free_slots = mem_realloc(c->free_slots, count * sizeof(c->free_slots[0]));
        for (uint32_t i = count; i > c->slot_count; i--) {
            c->slots[i - 1] = NULL;
            c->free_slots[c->free_count++] = i - 1;
        }
        c->slot_count = count;
    }
    uint32_t slot = c->free_slots[--c->free_count];
    c->slots[slot] = call;
    call->id = ++c->count << SLOT_BITS | slot;
}

/* The call that waits under id, which waits no longer; NULL: none. */
static struct call *slot_take(struct rpc_client *c, uint64_t id)
{
    uint32_t slot = (uint32_t)id & SLOT_MASK;
    if (slot >= c->slot_count || c->slots[slot] == NULL || c->slots[slot]->id != id) {
        return NULL;
    }
    struct call *call = c->slots[slot];
    c->slots[slot] = NULL;
    c->free_slots[c->free_count++] = slot;
    return call;
}

static void client_disconnect(struct rpc_client *c)
{
    if (c->fd.fd < 0) {
        return;
    }
    loop_fd_del(c->loop, &c->fd);
    sock_close(c->fd.fd);
    c->fd.fd = -1;
    atomic_store(&c->is_up, false);
    client_reset_buffers(c);
    for (uint32_t i = 0; i < c->slot_count; i++) {
        struct call *call = c->slots[i] == NULL ? NULL : slot_take(c, c->slots[i]->id);
        if (call != NULL) {
            call->result = fail_away(c, call->e);
            co_event_set(&call->done);
        }
    }
}

/* EPOLLOUT is watched only while the socket is full: it would tell of every read at the other end.
 */
static void client_flush(struct rpc_client *c)
{
    if (c->fd.fd < 0) {
        return;
    }
    enum rpc_io io = rpc_send(c->fd.fd, &c->out, &c->out_at);
    bool is_blocked = io == RPC_IO_BLOCKED;
    if (io != RPC_IO_BROKEN && is_blocked != c->is_blocked) {
        uint32_t events = EPOLLIN | EPOLLRDHUP | (is_blocked ? (uint32_t)EPOLLOUT : 0u);
        c->is_blocked = is_blocked;
        io = result_is_ok(loop_fd_mod(c->loop, &c->fd, events, NULL)) ? io : RPC_IO_BROKEN;
    }
    if (io == RPC_IO_BROKEN) {
        client_disconnect(c);
    }
}

static void client_on_flush(void *arg)
{
    struct rpc_client *c = arg;
    c->is_flush_due = false;
    client_flush(c);
}

static void client_read_frames(struct rpc_client *c)
{
    struct bytes rest = buf_bytes(&c->in);
    struct rpc_frame f;
    struct result r;
    while (result_is_ok(r = rpc_frame_take(&rest, &f, &c->need))) {
        struct call *call = slot_take(c, f.id);
        if (call != NULL) {
            call->result = f.op == call->op
                                   ? reply_take(&f, call->reply, call->e)
                                   : error_set(call->e, ERRC_BUG, "reply to another request");
            co_event_set(&call->done);
        }
    }
    if (r.code == ERRC_AGAIN) {
        rpc_input_trim(&c->in, rest);
    } else {
        log_warn("malformed frame from the %s", c->peer_name);
        client_disconnect(c);
    }
}

static void client_on_fd(struct loop_fd *f, uint32_t events)
{
    struct rpc_client *c = CONTAINER_OF(f, struct rpc_client, fd);
    if ((events & EPOLLOUT) != 0 && c->out.n > 0) {
        client_flush(c);
    }
    bool is_ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool is_short = false;
    while (c->fd.fd >= 0 && (!is_short || is_ending)) {
        size_t n = 0;
        enum rpc_io io = rpc_receive(c->fd.fd, &c->in, c->need, &n, &is_short);
        if (io == RPC_IO_BLOCKED) {
            break;
        }
        if (io == RPC_IO_BROKEN) {
            client_disconnect(c);
        } else {
            client_read_frames(c);
        }
    }
}

static void client_attach_loop(struct rpc_client *c, int fd)
{
    client_disconnect(c);
    if (fd < 0) {
        return;
    }
    c->fd.fd = fd;
    struct error e;
    if (!result_is_ok(loop_fd_add(c->loop, &c->fd, EPOLLIN | EPOLLRDHUP, &e))) {
        log_error("connection to the %s: %s", c->peer_name, e.msg);
        sock_close(fd);
        c->fd.fd = -1;
        return;
    }
    atomic_store(&c->is_up, true);
}

static struct result call_loop(struct rpc_client *c, uint16_t op, struct bytes body,
                               struct buf *reply, int64_t deadline_ms, struct error *e)
{
    assert(co_is_inside());
    if (c->fd.fd < 0) {
        return fail_away(c, e);
    }
    if (c->out.n - c->out_at + body.n > UNSENT_BYTES ||
        c->slot_count - c->free_count >= SLOT_MASK / 2) {
        FAIL(e, ERRC_AGAIN, "%s has too much to do", c->peer_name);
    }
    if (c->out_at > 0 && c->out.n + RPC_HEAD_BYTES + body.n > OUTPUT_MAX) {
        buf_consume(&c->out, c->out_at);
        c->out_at = 0;
    }
    struct call call = { .op = op, .reply = reply, .e = e };
    co_event_init(&call.done);
    slot_put(c, &call);
    rpc_frame_add(&c->out, call.id, op, 0, body);
    if (!result_is_ok(buf_result(&c->out))) { /* no memory: what others had put there is lost */
        client_disconnect(c);
        return fail_away(c, e);
    }
    if (!c->is_flush_due) {
        c->is_flush_due = true;
        loop_at_turn_end(c->loop, &c->flush);
    }
    if (!result_is_ok(co_event_wait(&call.done, deadline_ms))) {
        (void)slot_take(c, call.id);
        FAIL(e, ERRC_TIMEOUT, "%s did not answer in time", c->peer_name);
    }
    return call.result;
}

/* --- without ---------------------------------------------------------------------------------- */

/* Takes up what was attached. Under call_lock. */
static void client_take_up(struct rpc_client *c)
{
    pthread_mutex_lock(&c->state_lock);
    if (c->has_next) {
        sock_close(c->fd.fd);
        c->fd.fd = c->next_fd;
        c->next_fd = -1;
        c->has_next = false;
        client_reset_buffers(c);
    }
    pthread_mutex_unlock(&c->state_lock);
}

static void client_drop(struct rpc_client *c)
{
    pthread_mutex_lock(&c->state_lock);
    sock_close(c->fd.fd);
    c->fd.fd = -1;
    if (!c->has_next) {
        atomic_store(&c->is_up, false);
    }
    pthread_mutex_unlock(&c->state_lock);
    client_reset_buffers(c);
}

static void client_attach_blocking(struct rpc_client *c, int fd)
{
    pthread_mutex_lock(&c->state_lock);
    if (c->has_next) {
        sock_close(c->next_fd);
    }
    if (c->fd.fd >= 0) { /* a call under way sees the end of its stream */
        (void)shutdown(c->fd.fd, SHUT_RDWR);
    }
    c->next_fd = fd;
    c->has_next = true;
    atomic_store(&c->is_up, fd >= 0);
    pthread_mutex_unlock(&c->state_lock);
}

static struct result exchange(struct rpc_client *c, uint64_t id, uint16_t op, struct buf *reply,
                              int64_t deadline_ms, struct error *e)
{
    enum rpc_io io;
    while ((io = rpc_send(c->fd.fd, &c->out, &c->out_at)) == RPC_IO_BLOCKED) {
        if (!result_is_ok(co_fd_wait(c->fd.fd, EPOLLOUT, deadline_ms))) {
            client_drop(c); /* half a frame is out */
            FAIL(e, ERRC_TIMEOUT, "%s did not answer in time", c->peer_name);
        }
    }
    while (io != RPC_IO_BROKEN) {
        struct bytes rest = buf_bytes(&c->in);
        struct rpc_frame f;
        struct result r = rpc_frame_take(&rest, &f, &c->need);
        if (result_is_ok(r) && f.id == id && f.op == op) {
            struct result answer = reply_take(&f, reply, e);
            rpc_input_trim(&c->in, rest);
            return answer;
        }
        rpc_input_trim(&c->in, rest); /* a reply that came too late for its call, if any */
        if (r.code == ERRC_FORMAT) {
            log_warn("malformed frame from the %s", c->peer_name);
            break;
        }
        size_t n = 0;
        bool is_short = false;
        io = result_is_ok(r) ? RPC_IO_OK : rpc_receive(c->fd.fd, &c->in, c->need, &n, &is_short);
        if (io == RPC_IO_BLOCKED && !result_is_ok(co_fd_wait(c->fd.fd, EPOLLIN, deadline_ms))) {
            FAIL(e, ERRC_TIMEOUT, "%s did not answer in time", c->peer_name);
        }
    }
    client_drop(c);
    return fail_away(c, e);
}

static struct result call_blocking(struct rpc_client *c, uint16_t op, struct bytes body,
                                   struct buf *reply, int64_t deadline_ms, struct error *e)
{
    client_take_up(c);
    if (c->fd.fd < 0) {
        return fail_away(c, e);
    }
    uint64_t id = ++c->count;
    rpc_frame_add(&c->out, id, op, 0, body);
    if (!result_is_ok(buf_result(&c->out))) {
        buf_reset(&c->out);
        FAIL(e, ERRC_NOMEM, "no memory for a request to the %s", c->peer_name);
    }
    return exchange(c, id, op, reply, deadline_ms, e);
}

/* --- both ------------------------------------------------------------------------------------- */

void rpc_client_attach(struct rpc_client *c, int fd)
{
    if (c->loop != NULL) {
        client_attach_loop(c, fd);
    } else {
        client_attach_blocking(c, fd);
    }
}

struct result rpc_call(struct rpc_client *c, uint16_t op, struct bytes body, struct buf *reply,
                       int64_t timeout_ms, struct error *e)
{
    if (body.n > RPC_BODY_MAX) {
        FAIL(e, ERRC_LIMIT, "request of %zu bytes to the %s", body.n, c->peer_name);
    }
    int64_t now = clock_mono_ms(&clock_system);
    int64_t deadline_ms = timeout_ms > INT64_MAX - now ? INT64_MAX : now + timeout_ms;
    buf_reset(reply);
    if (c->loop != NULL) {
        return call_loop(c, op, body, reply, deadline_ms, e);
    }
    co_mutex_lock(&c->call_lock);
    struct result r = call_blocking(c, op, body, reply, deadline_ms, e);
    co_mutex_unlock(&c->call_lock);
    return r;
}

void rpc_client_free(struct rpc_client *c)
{
    if (c == NULL) {
        return;
    }
    if (c->loop != NULL) {
        client_disconnect(c);
    } else {
        client_take_up(c);
        sock_close(c->fd.fd);
    }
    assert(!c->is_flush_due && c->free_count == c->slot_count);
    pthread_mutex_destroy(&c->state_lock);
    buf_done(&c->in);
    buf_done(&c->out);
    mem_free(c->slots);
    mem_free(c->free_slots);
    mem_free(c->peer_name);
    mem_free(c);
}
