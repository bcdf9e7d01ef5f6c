/* Reading entries: from memory where they are not published, else from the files in runs of
 * neighbours. */
#include "ledger/log.h"

#include <inttypes.h>

#define RUN_ENTRIES 256

struct reader {
    struct result (*fn)(void *arg, uint64_t index, struct bytes leaf, struct bytes frame,
                        struct error *e);
    void *arg;
};

/* Part `i` of what lies at `offsets` in `data`, which begins at `base`; the last one reaches to the
 * end. */
static RESULT part_of(struct bytes data, uint64_t base, struct bytes offsets, uint64_t i,
                      struct bytes *ret, struct error *e)
{
    uint64_t count = offsets.n / 8;
    uint64_t from = get_be64(offsets.p + 8 * i);
    uint64_t to = i + 1 < count ? get_be64(offsets.p + 8 * (i + 1)) : base + data.n;

    if (from < base || to < from || to - base > data.n) {
        FAIL(e, ERRC_INTEGRITY, "the offsets are damaged");
    }
    *ret = bytes_of(data.p + (from - base), (size_t)(to - from));
    return RESULT_OK;
}

static RESULT give(const struct log *l, const struct reader *rd, uint64_t index, struct bytes entry,
                   struct bytes frame, struct error *e)
{
    struct bytes leaf;

    if (!result_is_ok(bytes_take_be16_prefixed(&entry, &leaf)) || entry.n != 0) {
        FAIL(e, ERRC_INTEGRITY, "log %s: entry %" PRIu64 ": its length is damaged", l->name, index);
    }
    return rd->fn(rd->arg, index, leaf, frame, e);
}

static RESULT give_run(const struct log *l, const struct reader *rd, uint64_t first, uint64_t skip,
                       uint64_t count, const struct log_tail *run, struct error *e)
{
    for (uint64_t i = skip; i < skip + count; i++) {
        struct bytes entry, frame;
        TRY_MSG(part_of(buf_bytes(&run->entries), run->entries_at, buf_bytes(&run->offsets), i,
                        &entry, e),
                e, "log %s: entry %" PRIu64, l->name, first + i);
        TRY_MSG(part_of(buf_bytes(&run->payloads), run->payloads_at,
                        buf_bytes(&run->payload_offsets), i, &frame, e),
                e, "log %s: payload %" PRIu64, l->name, first + i);
        TRY(give(l, rd, first + i, entry, frame, e));
    }
    return RESULT_OK;
}

/* Offsets of count neighbours and the bytes they name. */
static RESULT load_part(struct log *l, unsigned offsets_id, unsigned data_id, uint64_t from,
                        uint64_t count, uint64_t data_end, struct buf *offsets, struct buf *data,
                        uint64_t *ret_at, struct error *e)
{
    bool is_last = from + count == l->published.size;
    size_t n = (size_t)(count + (is_last ? 0 : 1)) * 8;
    uint8_t *p = buf_reserve(offsets, n);

    TRY_MSG(buf_result(offsets), e, "log %s", l->name);
    TRY(log_files_read(&l->files, offsets_id, p, n, from * 8, e));
    buf_commit(offsets, (size_t)count * 8);
    uint64_t at = get_be64(p), end = is_last ? data_end : get_be64(p + 8 * count);
    if (at > end || end > data_end || end - at > data->max) {
        FAIL(e, ERRC_INTEGRITY, "log %s: %s: damaged at entry %" PRIu64, l->name,
             log_file_name(offsets_id), from);
    }
    p = buf_reserve(data, (size_t)(end - at));
    TRY_MSG(buf_result(data), e, "log %s", l->name);
    TRY(log_files_read(&l->files, data_id, p, (size_t)(end - at), at, e));
    buf_commit(data, (size_t)(end - at));
    *ret_at = at;
    return RESULT_OK;
}

static void run_done(struct log_tail *run)
{
    buf_done(&run->entries);
    buf_done(&run->offsets);
    buf_done(&run->payloads);
    buf_done(&run->payload_offsets);
}
DEFINE_CLEANUP_DONE(run_done, struct log_tail)

static RESULT read_files(struct log *l, const struct reader *rd, uint64_t from, uint64_t count,
                         struct error *e)
{
    CLEANUP(run_done_p)
    struct log_tail run = {
        .entries = BUF(RUN_ENTRIES * (LEDGER_ENTRY_MAX + 2)),
        .offsets = BUF((RUN_ENTRIES + 1) * 8),
        .payloads = BUF(RUN_ENTRIES * (size_t)PAYLOAD_FRAME_MAX),
        .payload_offsets = BUF((RUN_ENTRIES + 1) * 8),
    };

    TRY(load_part(l, LOG_OFFSETS, LOG_ENTRIES, from, count, l->published.entries_bytes,
                  &run.offsets, &run.entries, &run.entries_at, e));
    TRY(load_part(l, LOG_PAYLOAD_OFFSETS, LOG_PAYLOADS, from, count, l->published.payloads_bytes,
                  &run.payload_offsets, &run.payloads, &run.payloads_at, e));
    return give_run(l, rd, from, 0, count, &run, e);
}

RESULT log_read(struct log *l, uint64_t from, uint64_t count,
                struct result (*fn)(void *arg, uint64_t index, struct bytes leaf,
                                    struct bytes frame, struct error *e),
                void *arg, struct error *e)
{
    const struct reader rd = { fn, arg };

    if (from > l->durable || count > l->durable - from) {
        FAIL(e, ERRC_RANGE, "log %s: no entry %" PRIu64, l->name,
             from > l->durable ? from : l->durable);
    }
    while (count > 0) {
        const struct log_tail *t = from >= l->tail.first ? &l->tail : &l->publishing;
        uint64_t n;
        if (t->count > 0 && from >= t->first) {
            n = MIN(count, t->first + t->count - from);
            TRY(give_run(l, &rd, t->first, from - t->first, n, t, e));
        } else {
            n = MIN(MIN(count, l->published.size - from), RUN_ENTRIES);
            TRY(read_files(l, &rd, from, n, e));
        }
        from += n;
        count -= n;
    }
    return RESULT_OK;
}

struct one {
    struct log *l;
    struct buf *leaf, *plain;
};

static struct result read_one(void *arg, uint64_t index, struct bytes leaf, struct bytes frame,
                              struct error *e)
{
    struct one *o = arg;
    struct payload_frame f;

    buf_add(o->leaf, leaf);
    TRY(buf_result(o->leaf));
    TRY_MSG(payload_frame_parse(frame, &f, e), e, "log %s: entry %" PRIu64, o->l->name, index);
    TRY_MSG(payload_open(&o->l->payload_keys, &f, o->l->origin, index, o->plain, e), e,
            "log %s: entry %" PRIu64, o->l->name, index);
    return RESULT_OK;
}

RESULT log_read_one(struct log *l, uint64_t index, struct buf *leaf, struct buf *plain,
                    struct error *e)
{
    struct one o = { l, leaf, plain };

    return log_read(l, index, 1, read_one, &o, e);
}
