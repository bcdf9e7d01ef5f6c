/* Proofs, receipts, checkpoints: what the engine tells about durable entries. */
#include "ledger/engine_priv.h"
#include "ledger/receipt_write.h"

#include <inttypes.h>

RESULT engine_sign(struct engine *en, struct log *l, struct buf *ret_note, struct error *e)
{
    struct tree_hash root;

    if (l->size != l->durable) {
        FAIL(e, ERRC_BUG, "log %s: a checkpoint over what is not durable", l->name);
    }
    root = tree_frontier_root(&l->recent.head);
    buf_reset(ret_note);
    return en->config.keys.sign_checkpoint(en->config.keys.ctx, l->name, l->origin, l->durable,
                                           &root, ret_note, e);
}

RESULT engine_receipt(struct engine *en, struct log *l, uint64_t index, struct bytes note,
                      uint64_t size, struct buf *out, struct error *e)
{
    CLEANUP(buf_done_p) struct buf leaf = BUF(LEDGER_ENTRY_MAX);
    CLEANUP(buf_done_p) struct buf plain = BUF(LEDGER_SALT_BYTES + LEDGER_PAYLOAD_MAX);
    struct tree_proof proof;

    (void)en;
    TRY(tree_inclusion_prove(&l->source.source, index, size, &proof, e));
    TRY(log_read_one(l, index, &leaf, &plain, e));
    const struct receipt_parts parts = { .checkpoint = note,
                                         .leaf = buf_bytes(&leaf),
                                         .index = index,
                                         .origin = l->origin,
                                         .plain = buf_bytes(&plain),
                                         .proof = &proof };
    receipt_write(&parts, out);
    TRY_MSG(buf_result(out), e, "receipt");
    return RESULT_OK;
}

static RESULT note_with_lines(struct log *l, const struct log_record *r, struct buf *out,
                              struct error *e)
{
    buf_add(out, bytes_of(r->note, r->note_n));
    TRY(log_cosign_lines(&l->files, r->size, out, e));
    TRY_MSG(buf_result(out), e, "checkpoint");
    return RESULT_OK;
}

/* The newest published one that a witness cosigned and that covers the entry. */
static bool find_cosigned(struct log *l, uint64_t index, struct log_record *ret)
{
    uint64_t size = 0, at = 0;

    return result_is_ok(log_cosign_newest(&l->files, &size, NULL)) && size > index &&
           result_is_ok(log_record_find(&l->files, l->record_count, size, &at, ret, NULL)) &&
           ret->size == size;
}

RESULT engine_prove(struct engine *en, struct log *l, uint64_t index, struct buf *out,
                    struct error *e)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    struct log_record r;

    if (index >= l->durable) {
        FAIL(e, ERRC_RANGE, "log %s: no entry %" PRIu64, l->name, index);
    }
    if (index >= l->published.size) {
        uint64_t size = l->durable;
        TRY(engine_sign(en, l, &note, e));
        return engine_receipt(en, l, index, buf_bytes(&note), size, out, e);
    }
    if (!find_cosigned(l, index, &r)) {
        r = l->published;
    }
    TRY(note_with_lines(l, &r, &note, e));
    return engine_receipt(en, l, index, buf_bytes(&note), r.size, out, e);
}

RESULT engine_consistency(struct log *l, uint64_t old_size, uint64_t size, struct tree_proof *ret,
                          struct error *e)
{
    if (size > l->durable) {
        FAIL(e, ERRC_RANGE, "log %s has %" PRIu64 " entries", l->name, l->durable);
    }
    return tree_consistency_prove(&l->source.source, old_size, size, ret, e);
}

RESULT engine_checkpoint(struct log *l, struct buf *ret_note, struct error *e)
{
    return note_with_lines(l, &l->published, ret_note, e);
}

RESULT engine_checkpoints(struct log *l, uint64_t from_size, size_t max, struct buf *ret,
                          struct error *e)
{
    struct log_record r;
    uint64_t at = 0;

    if (from_size >= l->published.size) {
        return RESULT_OK;
    }
    TRY(log_record_find(&l->files, l->record_count, from_size + 1, &at, &r, e));
    for (size_t i = 0; i < max && at + i < l->record_count; i++) {
        TRY(log_record_read(&l->files, at + i, &r, e));
        TRY(note_with_lines(l, &r, ret, e));
        buf_add_u8(ret, 0);
    }
    return buf_result(ret);
}

static RESULT published_record(struct log *l, uint64_t size, struct log_record *ret,
                               struct error *e)
{
    uint64_t at = 0;

    TRY(log_record_find(&l->files, l->record_count, size, &at, ret, e));
    if (ret->size != size) {
        FAIL(e, ERRC_NOT_FOUND, "log %s: no checkpoint of size %" PRIu64 " was published", l->name,
             size);
    }
    return RESULT_OK;
}

/* Of which configured witness the signature is, and that it verifies. */
static RESULT witness_of(const struct engine *en, const struct note *n, struct error *e)
{
    uint64_t time_s;

    for (size_t i = 0; i < en->config.witness_count; i++) {
        struct result r = note_verify(n, &en->config.witnesses[i], &time_s, e);
        if (r.code != ERRC_NOT_FOUND) {
            return r;
        }
    }
    FAIL(e, ERRC_DENIED, "a signature that is of no configured witness");
}

/*= 2.1.5-3 "protect: what a witness signed can't be changed unnoticed" */
RESULT engine_cosign(struct engine *en, struct log *l, uint64_t size, struct bytes lines,
                     struct error *e)
{
    struct log_record r;
    CLEANUP(buf_done_p) struct buf have = BUF(NOTE_MAX);
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));

    TRY(published_record(l, size, &r, e));
    TRY(log_cosign_lines(&l->files, size, &have, e));
    while (lines.n > 0) {
        CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
        struct bytes line = bytes_slice(lines, 0, bytes_index(lines, '\n') + 1);
        size_t text_n = bytes_find(bytes_of(r.note, r.note_n), BYTES_LIT("\n\n")) + 2;
        lines = bytes_slice(lines, line.n, lines.n);
        buf_add(&note, bytes_of(r.note, text_n));
        buf_add(&note, line);
        TRY_MSG(note_parse(buf_bytes(&note), n, e), e, "cosignature");
        TRY_MSG(witness_of(en, n, e), e, "cosignature");
        if (bytes_find(buf_bytes(&have), line) == have.n) {
            TRY(log_cosign_add(&l->files, size, l->published.size, line, e));
        }
    }
    return RESULT_OK;
}

RESULT engine_timestamp(struct log *l, uint64_t size, struct bytes token, struct error *e)
{
    struct log_record r;

    TRY(published_record(l, size, &r, e));
    return log_timestamp_add(&l->files, size, token, e);
}
