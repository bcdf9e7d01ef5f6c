/* Requests to the scribe. */
#include "ledger/client.h"

#include "ledger/wire.h"

#define TIMEOUT_MS 30000
#define BODY_MAX   (RPC_FRAME_MAX - RPC_HEAD_BYTES)

static RESULT call(struct rpc_client *c, enum wire_op op, const struct buf *body, struct buf *reply,
                   struct error *e)
{
    TRY_MSG(buf_result(body), e, "ledger: request");
    return rpc_call(c, (uint16_t)op, buf_bytes(body), reply, TIMEOUT_MS, e);
}

static RESULT take_position(struct bytes *in, struct ledger_position *ret)
{
    uint64_t time = 0;

    TRY(bytes_take_be64(in, &ret->index));
    TRY(bytes_take_be64(in, &time));
    ret->time_ms = (int64_t)time;
    return bytes_take_copy(in, ret->leaf.b, sizeof(ret->leaf.b));
}

static RESULT append(struct rpc_client *scribe, uint8_t flags, const struct ledger_item *items,
                     size_t count, struct ledger_position *ret, struct buf *ret_receipt,
                     struct error *e)
{
    CLEANUP(buf_done_p) struct buf body = BUF(BODY_MAX);
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);

    if (count > WIRE_ITEMS_MAX) {
        FAIL(e, ERRC_LIMIT, "ledger: %zu entries in one message", count);
    }
    buf_add_u8(&body, flags);
    buf_add_be16(&body, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_add_text(&body, items[i].log);
        wire_add_text(&body, items[i].kind);
        buf_add_be32_prefixed(&body, items[i].payload);
    }
    TRY(call(scribe, WIRE_APPEND, &body, &reply, e));
    struct bytes in = buf_bytes(&reply);
    for (size_t i = 0; i < count; i++) {
        TRY_MSG(take_position(&in, &ret[i]), e, "ledger: answer");
    }
    if (ret_receipt != NULL) {
        struct bytes receipt;
        TRY_MSG(bytes_take_be32_prefixed(&in, &receipt), e, "ledger: answer");
        buf_add(ret_receipt, receipt);
        TRY_MSG(buf_result(ret_receipt), e, "ledger: receipt");
    }
    TRY_MSG(bytes_take_end(in), e, "ledger: answer");
    return RESULT_OK;
}

RESULT ledger_append(struct rpc_client *scribe, const char *log, const char *kind,
                     struct bytes payload, struct ledger_position *ret, struct error *e)
{
    const struct ledger_item it = { log, kind, payload };

    return append(scribe, 0, &it, 1, ret, NULL, e);
}

RESULT ledger_append_receipt(struct rpc_client *scribe, const char *log, const char *kind,
                             struct bytes payload, struct ledger_position *ret,
                             struct buf *ret_receipt, struct error *e)
{
    const struct ledger_item it = { log, kind, payload };

    return append(scribe, WIRE_FLAG_RECEIPT, &it, 1, ret, ret_receipt, e);
}

RESULT ledger_append_many(struct rpc_client *scribe, const struct ledger_item *items, size_t count,
                          struct ledger_position *ret, struct error *e)
{
    return count == 0 ? RESULT_OK : append(scribe, 0, items, count, ret, NULL, e);
}

/* A request of a log's name and up to two numbers; the answer into `reply`. */
static RESULT ask(struct rpc_client *scribe, enum wire_op op, const char *log,
                  const uint64_t *numbers, size_t count, struct bytes rest, struct buf *reply,
                  struct error *e)
{
    CLEANUP(buf_done_p) struct buf body = BUF(BODY_MAX);

    wire_add_text(&body, log);
    for (size_t i = 0; i < count; i++) {
        buf_add_be64(&body, numbers[i]);
    }
    buf_add(&body, rest);
    return call(scribe, op, &body, reply, e);
}

RESULT ledger_create(struct rpc_client *scribe, const char *log, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);

    return ask(scribe, WIRE_CREATE, log, NULL, 0, BYTES_NONE, &reply, e);
}

static RESULT take_record(struct bytes *in, struct ledger_record *ret)
{
    struct bytes plain;
    uint8_t erased = 0;

    TRY(bytes_take_be64(in, &ret->index));
    TRY(bytes_take_be16_prefixed(in, &ret->leaf));
    TRY(bytes_take_u8(in, &erased));
    TRY(bytes_take_be32_prefixed(in, &plain));
    ret->is_erased = erased != 0;
    if (ret->is_erased ? plain.n != 0 : plain.n < LEDGER_SALT_BYTES) {
        return result_of(ERRC_FORMAT);
    }
    ret->salt = ret->is_erased ? NULL : plain.p;
    ret->payload = bytes_slice(plain, LEDGER_SALT_BYTES, plain.n);
    return RESULT_OK;
}

RESULT ledger_read(struct rpc_client *scribe, const char *log, uint64_t from, uint64_t count,
                   struct result (*fn)(void *arg, const struct ledger_record *r, struct error *e),
                   void *arg, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);

    while (count > 0) {
        const uint64_t numbers[2] = { from, count };
        TRY(ask(scribe, WIRE_READ, log, numbers, 2, BYTES_NONE, &reply, e));
        struct bytes in = buf_bytes(&reply);
        if (in.n == 0) {
            return RESULT_OK; /* the end of the log */
        }
        while (in.n > 0) {
            struct ledger_record r;
            TRY_MSG(take_record(&in, &r), e, "ledger: answer");
            if (r.index != from || count == 0) {
                FAIL(e, ERRC_FORMAT, "ledger: answer: not the entries that were asked for");
            }
            TRY(fn(arg, &r, e));
            from++;
            count--;
        }
    }
    return RESULT_OK;
}

RESULT ledger_prove(struct rpc_client *scribe, const char *log, uint64_t index,
                    struct buf *ret_receipt, struct error *e)
{
    return ask(scribe, WIRE_PROVE, log, &index, 1, BYTES_NONE, ret_receipt, e);
}

RESULT ledger_consistency(struct rpc_client *scribe, const char *log, uint64_t old_size,
                          uint64_t size, struct tree_proof *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);
    const uint64_t numbers[2] = { old_size, size };

    TRY(ask(scribe, WIRE_CONSISTENCY, log, numbers, 2, BYTES_NONE, &reply, e));
    if (reply.n % TREE_HASH_BYTES != 0 || reply.n > sizeof(ret->hashes)) {
        FAIL(e, ERRC_FORMAT, "ledger: answer: a proof of %zu bytes", reply.n);
    }
    ret->n = reply.n / TREE_HASH_BYTES;
    if (reply.n > 0) {
        memcpy(ret->hashes, reply.p, reply.n);
    }
    return RESULT_OK;
}

RESULT ledger_checkpoint(struct rpc_client *scribe, const char *log, struct buf *ret_note,
                         struct error *e)
{
    return ask(scribe, WIRE_CHECKPOINT, log, NULL, 0, BYTES_NONE, ret_note, e);
}

/* Size in the last of some notes that end in NUL. */
static RESULT last_size(struct bytes notes, uint64_t *ret, struct error *e)
{
    struct bytes note = BYTES_NONE;
    struct checkpoint c;

    while (notes.n > 0) {
        (void)bytes_split(&notes, 0, &note);
    }
    size_t text_n = bytes_find(note, BYTES_LIT("\n\n"));
    TRY_MSG(checkpoint_parse(bytes_slice(note, 0, text_n + 1), &c, e), e, "ledger: answer");
    *ret = c.size;
    return RESULT_OK;
}

RESULT ledger_checkpoints(struct rpc_client *scribe, const char *log, uint64_t from_size,
                          struct buf *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf page = BUF(BODY_MAX);

    buf_reset(ret);
    for (;;) {
        TRY(ask(scribe, WIRE_CHECKPOINTS, log, &from_size, 1, BYTES_NONE, &page, e));
        if (page.n == 0) {
            break;
        }
        buf_add(ret, buf_bytes(&page));
        TRY_MSG(buf_result(ret), e, "ledger: checkpoints");
        uint64_t last = 0;
        TRY(last_size(buf_bytes(&page), &last, e));
        if (last <= from_size) {
            FAIL(e, ERRC_FORMAT, "ledger: answer: checkpoints out of order");
        }
        from_size = last;
    }
    if (ret->n > 0) {
        ret->n--; /* NUL separates, it does not end */
    }
    return RESULT_OK;
}

RESULT ledger_cosign(struct rpc_client *scribe, const char *log, uint64_t size,
                     struct bytes signature_lines, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);

    return ask(scribe, WIRE_COSIGN, log, &size, 1, signature_lines, &reply, e);
}

RESULT ledger_timestamp(struct rpc_client *scribe, const char *log, uint64_t size,
                        struct bytes token, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);

    return ask(scribe, WIRE_TIMESTAMP, log, &size, 1, token, &reply, e);
}

RESULT ledger_get_timestamp(struct rpc_client *scribe, const char *log, uint64_t size,
                            struct buf *ret_token, struct error *e)
{
    return ask(scribe, WIRE_STAMPED, log, &size, 1, BYTES_NONE, ret_token, e);
}

RESULT ledger_get_status(struct rpc_client *scribe, const char *log, struct ledger_status *ret,
                         struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(BODY_MAX);
    struct ledger_status st = { 0 };
    uint64_t ms = 0;
    uint8_t full = 0;

    TRY(ask(scribe, WIRE_STATUS, log, NULL, 0, BYTES_NONE, &reply, e));
    struct bytes in = buf_bytes(&reply);
    TRY_MSG(bytes_take_be64(&in, &st.size), e, "ledger: answer");
    TRY_MSG(bytes_take_be64(&in, &st.published_size), e, "ledger: answer");
    TRY_MSG(bytes_take_be64(&in, &ms), e, "ledger: answer");
    TRY_MSG(bytes_take_u8(&in, &full), e, "ledger: answer");
    st.published_ms = (int64_t)ms;
    st.is_full = full != 0;
    *ret = st;
    return RESULT_OK;
}
