/* The scribe's requests. Appends wait for the end of the batch; all else is answered at once, from
 * durable entries only. */
#include "ledger/scribe.h"

#include "base/log.h"
#include "ledger/wire.h"

#include <inttypes.h>

#define REQUEST_SMALL 256u

/* An append that waits for its group. */
struct waiter {
    struct rpc_request *rq;
    size_t at, n;    /* its positions in scribe.answers */
    struct log *log; /* of the receipt it wants; NULL: none */
    uint64_t index;
};

/* What was signed for receipts in this batch. */
struct signed_log {
    struct log *log;
    struct result result;
    struct error error;
    struct buf note;
};

struct scribe {
    struct engine *engine;
    struct rpc_server *server;
    struct waiter *waiters;
    size_t waiter_count, waiter_cap;
    struct buf answers;
    struct signed_log *signed_;
    size_t signed_count, signed_cap;
    struct buf receipt;
    struct ledger_item items[WIRE_ITEMS_MAX];
    char names[WIRE_ITEMS_MAX][2][WIRE_NAME_MAX];
    struct ledger_position positions[WIRE_ITEMS_MAX];
    struct result failure;
    struct error failure_error;
};

/* --- append --- */

static RESULT take_items(struct scribe *s, struct bytes body, uint8_t *ret_flags, size_t *ret_count)
{
    uint16_t count = 0;

    TRY(bytes_take_u8(&body, ret_flags));
    TRY(bytes_take_be16(&body, &count));
    if (count == 0 || count > WIRE_ITEMS_MAX || (*ret_flags & ~WIRE_FLAG_RECEIPT) != 0 ||
        (*ret_flags != 0 && count != 1)) {
        return result_of(ERRC_FORMAT);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(wire_take_text(&body, s->names[i][0]));
        TRY(wire_take_text(&body, s->names[i][1]));
        s->items[i].log = s->names[i][0];
        s->items[i].kind = s->names[i][1];
        TRY(bytes_take_be32_prefixed(&body, &s->items[i].payload));
    }
    *ret_count = count;
    return bytes_take_end(body);
}

static struct waiter *waiter_add(struct scribe *s)
{
    if (s->waiter_count == s->waiter_cap) {
        s->waiter_cap = s->waiter_cap == 0 ? 64 : 2 * s->waiter_cap;
        s->waiters = mem_realloc(s->waiters, s->waiter_cap * sizeof(s->waiters[0]));
    }
    return &s->waiters[s->waiter_count++];
}

static struct result on_append(void *ctx, struct rpc_request *rq, struct bytes body,
                               struct buf *reply, struct error *e)
{
    struct scribe *s = ctx;
    uint8_t flags = 0;
    size_t count = 0;
    struct log *l = NULL;

    (void)reply;
    TRY_MSG(take_items(s, body, &flags, &count), e, "append");
    TRY(engine_append(s->engine, rpc_peer(rq), s->items, count, s->positions, e));
    size_t at = s->answers.n;
    for (size_t i = 0; i < count; i++) {
        buf_add_be64(&s->answers, s->positions[i].index);
        buf_add_be64(&s->answers, (uint64_t)s->positions[i].time_ms);
        buf_add(&s->answers, BYTES_OF(s->positions[i].leaf.b));
    }
    if (flags != 0) {
        TRY(engine_log(s->engine, s->items[0].log, &l, e));
    }
    *waiter_add(s) = (struct waiter){
        .rq = rq, .at = at, .n = s->answers.n - at, .log = l, .index = s->positions[0].index
    };
    rpc_hold(rq);
    return RESULT_OK;
}

/* The checkpoint of this batch for a log: signed when the first receipt asks for it. */
static struct signed_log *sign_once(struct scribe *s, struct log *l)
{
    for (size_t i = 0; i < s->signed_count; i++) {
        if (s->signed_[i].log == l) {
            return &s->signed_[i];
        }
    }
    if (s->signed_count == s->signed_cap) {
        s->signed_cap = s->signed_cap == 0 ? 8 : 2 * s->signed_cap;
        s->signed_ = mem_realloc(s->signed_, s->signed_cap * sizeof(s->signed_[0]));
    }
    struct signed_log *g = &s->signed_[s->signed_count++];
    *g = (struct signed_log){ .log = l, .note = BUF(NOTE_MAX) };
    g->result = engine_sign(s->engine, l, &g->note, &g->error);
    return g;
}

static void answer_with_receipt(struct scribe *s, const struct waiter *w)
{
    struct signed_log *g = sign_once(s, w->log);
    struct result r = g->result;
    struct error e = g->error;
    struct buf *out = &s->receipt;

    buf_reset(out);
    buf_add(out, bytes_of(s->answers.p + w->at, w->n));
    buf_add_be32(out, 0);
    if (result_is_ok(r)) {
        r = engine_receipt(s->engine, w->log, w->index, buf_bytes(&g->note), w->log->durable, out,
                           &e);
    }
    if (result_is_ok(r)) {
        put_be32(out->p + w->n, (uint32_t)(out->n - w->n - 4));
    } else {
        error_prefix(&e, "entry %" PRIu64 " is durable, its receipt", w->index);
    }
    rpc_finish(w->rq, r, buf_bytes(out), &e);
}

static void answer_all(struct scribe *s, struct result r, const struct error *e)
{
    for (size_t i = 0; i < s->waiter_count; i++) {
        const struct waiter *w = &s->waiters[i];
        if (!result_is_ok(r)) {
            rpc_finish(w->rq, r, BYTES_NONE, e);
        } else if (w->log == NULL) {
            rpc_finish(w->rq, r, bytes_of(s->answers.p + w->at, w->n), NULL);
        } else {
            answer_with_receipt(s, w);
        }
    }
    for (size_t i = 0; i < s->signed_count; i++) {
        buf_done(&s->signed_[i].note);
    }
    s->waiter_count = s->signed_count = 0;
    buf_reset(&s->answers);
}

/*= 2.1.5-3 "no answer before the entry is on the disk" */
static void batch_end(void *ctx)
{
    struct scribe *s = ctx;
    struct error e;

    e.code = ERRC_OK;
    struct result r = engine_commit(s->engine, &e);
    answer_all(s, r, &e);
    engine_tick(s->engine);
    if (engine_is_broken(s->engine) && result_is_ok(s->failure)) {
        s->failure = result_is_ok(r)
                             ? error_set(&s->failure_error, ERRC_IO, "the ledger's journal failed")
                             : r;
        if (!result_is_ok(r)) {
            s->failure_error = e;
        }
        rpc_server_stop(s->server);
    }
}

static int64_t next_wake_ms(void *ctx)
{
    return engine_wake_ms(((struct scribe *)ctx)->engine);
}

/* --- all else --- */

struct asked {
    struct log *log;
    uint64_t numbers[2];
    struct bytes rest;
};

/* Log, then `count` numbers; the rest only where may_have_rest. */
static RESULT take_asked(struct scribe *s, struct bytes body, size_t count, bool may_have_rest,
                         struct asked *ret, struct error *e)
{
    char name[WIRE_NAME_MAX];

    TRY_MSG(wire_take_text(&body, name), e, "request");
    for (size_t i = 0; i < count; i++) {
        TRY_MSG(bytes_take_be64(&body, &ret->numbers[i]), e, "request");
    }
    if (!may_have_rest) {
        TRY_MSG(bytes_take_end(body), e, "request");
    }
    ret->rest = body;
    return engine_log(s->engine, name, &ret->log, e);
}

static struct result on_create(void *ctx, struct rpc_request *rq, struct bytes body,
                               struct buf *reply, struct error *e)
{
    struct scribe *s = ctx;
    char name[WIRE_NAME_MAX];

    (void)rq;
    (void)reply;
    TRY_MSG(wire_take_text(&body, name), e, "request");
    TRY_MSG(bytes_take_end(body), e, "request");
    return engine_create_log(s->engine, name, e);
}

struct reading {
    struct log *log;
    struct buf *reply;
};

static struct result read_entry(void *arg, uint64_t index, struct bytes leaf, struct bytes frame,
                                struct error *e)
{
    struct reading *rd = arg;
    CLEANUP(buf_done_p) struct buf plain = BUF_SECRET(LEDGER_SALT_BYTES + LEDGER_PAYLOAD_MAX);
    struct payload_frame f;

    if (rd->reply->n > WIRE_READ_BYTES) {
        return result_of(ERRC_CLOSED); /* the caller asks again from here */
    }
    TRY_MSG(payload_frame_parse(frame, &f, e), e, "log %s: entry %" PRIu64, rd->log->name, index);
    struct result r = payload_open(&rd->log->payload_keys, &f, rd->log->origin, index, &plain, e);
    if (!result_is_ok(r) && r.code != ERRC_EXPIRED) {
        error_prefix(e, "log %s: entry %" PRIu64, rd->log->name, index);
        return r;
    }
    buf_add_be64(rd->reply, index);
    buf_add_be16_prefixed(rd->reply, leaf);
    buf_add_u8(rd->reply, result_is_ok(r) ? 0 : 1);
    buf_add_be32_prefixed(rd->reply, buf_bytes(&plain));
    return buf_result(rd->reply);
}

static struct result on_read(void *ctx, struct rpc_request *rq, struct bytes body,
                             struct buf *reply, struct error *e)
{
    struct asked a = { 0 };

    (void)rq;
    TRY(take_asked(ctx, body, 2, false, &a, e));
    if (a.numbers[0] >= a.log->durable) {
        return RESULT_OK;
    }
    struct reading rd = { a.log, reply };
    uint64_t count = MIN(a.numbers[1], a.log->durable - a.numbers[0]);
    struct result r = log_read(a.log, a.numbers[0], count, read_entry, &rd, e);
    return r.code == ERRC_CLOSED ? RESULT_OK : r;
}

static struct result on_prove(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    struct scribe *s = ctx;
    struct asked a = { 0 };

    (void)rq;
    TRY(take_asked(s, body, 1, false, &a, e));
    if (a.numbers[0] >=
        a.log->published.size) { /* it may need a checkpoint over all that is durable */
        TRY(engine_commit(s->engine, e));
    }
    return engine_prove(s->engine, a.log, a.numbers[0], reply, e);
}

static struct result on_consistency(void *ctx, struct rpc_request *rq, struct bytes body,
                                    struct buf *reply, struct error *e)
{
    struct asked a = { 0 };
    struct tree_proof proof;

    (void)rq;
    TRY(take_asked(ctx, body, 2, false, &a, e));
    TRY(engine_consistency(a.log, a.numbers[0], a.numbers[1], &proof, e));
    buf_add_mem(reply, proof.hashes, proof.n * TREE_HASH_BYTES);
    return RESULT_OK;
}

static struct result on_checkpoint(void *ctx, struct rpc_request *rq, struct bytes body,
                                   struct buf *reply, struct error *e)
{
    struct asked a = { 0 };

    (void)rq;
    TRY(take_asked(ctx, body, 0, false, &a, e));
    return engine_checkpoint(a.log, reply, e);
}

static struct result on_checkpoints(void *ctx, struct rpc_request *rq, struct bytes body,
                                    struct buf *reply, struct error *e)
{
    struct asked a = { 0 };

    (void)rq;
    TRY(take_asked(ctx, body, 1, false, &a, e));
    return engine_checkpoints(a.log, a.numbers[0], WIRE_PAGE_NOTES, reply, e);
}

static struct result on_cosign(void *ctx, struct rpc_request *rq, struct bytes body,
                               struct buf *reply, struct error *e)
{
    struct scribe *s = ctx;
    struct asked a = { 0 };

    (void)rq;
    (void)reply;
    TRY(take_asked(s, body, 1, true, &a, e));
    return engine_cosign(s->engine, a.log, a.numbers[0], a.rest, e);
}

static struct result on_timestamp(void *ctx, struct rpc_request *rq, struct bytes body,
                                  struct buf *reply, struct error *e)
{
    struct asked a = { 0 };

    (void)rq;
    (void)reply;
    TRY(take_asked(ctx, body, 1, true, &a, e));
    return engine_timestamp(a.log, a.numbers[0], a.rest, e);
}

static struct result on_stamped(void *ctx, struct rpc_request *rq, struct bytes body,
                                struct buf *reply, struct error *e)
{
    struct asked a = { 0 };

    (void)rq;
    TRY(take_asked(ctx, body, 1, false, &a, e));
    return log_timestamp_get(&a.log->files, a.numbers[0], reply, e);
}

static struct result on_status(void *ctx, struct rpc_request *rq, struct bytes body,
                               struct buf *reply, struct error *e)
{
    struct scribe *s = ctx;
    struct asked a = { 0 };

    (void)rq;
    TRY(take_asked(s, body, 0, false, &a, e));
    buf_add_be64(reply, a.log->durable);
    buf_add_be64(reply, a.log->published.size);
    buf_add_be64(reply, (uint64_t)a.log->published.published_ms);
    buf_add_u8(reply, engine_is_full(s->engine) ? 1 : 0);
    return RESULT_OK;
}

#define CALLERS   (1u << ROLE_EDGE | 1u << ROLE_SUPERVISOR)
#define LARGE_MAX (RPC_FRAME_MAX - RPC_HEAD_BYTES)

static const struct rpc_op ops[] = {
    { WIRE_APPEND, "append", CALLERS, LARGE_MAX, on_append },
    { WIRE_CREATE, "create", CALLERS, REQUEST_SMALL, on_create },
    { WIRE_READ, "read", CALLERS, REQUEST_SMALL, on_read },
    { WIRE_PROVE, "prove", CALLERS, REQUEST_SMALL, on_prove },
    { WIRE_CONSISTENCY, "consistency", CALLERS, REQUEST_SMALL, on_consistency },
    { WIRE_CHECKPOINT, "checkpoint", CALLERS, REQUEST_SMALL, on_checkpoint },
    { WIRE_CHECKPOINTS, "checkpoints", CALLERS, REQUEST_SMALL, on_checkpoints },
    { WIRE_COSIGN, "cosign", CALLERS, NOTE_MAX + REQUEST_SMALL, on_cosign },
    { WIRE_TIMESTAMP, "timestamp", CALLERS, NOTE_MAX + REQUEST_SMALL, on_timestamp },
    { WIRE_STAMPED, "stamped", CALLERS, REQUEST_SMALL, on_stamped },
    { WIRE_STATUS, "status", CALLERS, REQUEST_SMALL, on_status },
    { 0, NULL, 0, 0, NULL },
};

static void on_publisher(void *arg)
{
    (void)arg; /* it is readable: the wait ended, and next_wake_ms says now */
}

RESULT scribe_new(struct engine *en, struct scribe **ret, struct error *e)
{
    static const struct rpc_server_hooks hooks = { batch_end, next_wake_ms };
    struct scribe *s = mem_zalloc(sizeof(*s));

    s->engine = en;
    s->answers = BUF((size_t)1 << 30);
    s->receipt = BUF(RPC_FRAME_MAX);
    struct result r = rpc_server_new(ops, &hooks, s, &s->server, e);
    if (!result_is_ok(r)) {
        scribe_free(s);
        return r;
    }
    if (engine_fd(en) >= 0) {
        rpc_server_watch(s->server, engine_fd(en), on_publisher, s);
    }
    *ret = s;
    return RESULT_OK;
}

void scribe_free(struct scribe *s)
{
    if (s == NULL) {
        return;
    }
    rpc_server_free(s->server);
    engine_close(s->engine);
    buf_done(&s->answers);
    buf_done(&s->receipt);
    mem_free(s->waiters);
    mem_free(s->signed_);
    mem_free(s);
}

struct rpc_server *scribe_server(struct scribe *s)
{
    return s->server;
}

struct engine *scribe_engine(struct scribe *s)
{
    return s->engine;
}

RESULT scribe_run(struct scribe *s, struct error *e)
{
    TRY(rpc_server_run(s->server, e));
    if (!result_is_ok(s->failure) && e != NULL) {
        *e = s->failure_error;
    }
    return s->failure;
}
