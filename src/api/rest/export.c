/* Evidence packages: a whole log, streamed. */
#include "api/rest/rest_priv.h"

#include "ledger/package.h"

#define LOOK_BACK_MAX (1024u * 1024)
#define NOTES_MAX     (4u * 1024 * 1024)

struct export
{
    struct rest *r;
    const char *log;
    struct buf notes;  /* a stretch of published checkpoints, separated by NUL */
    struct bytes rest; /* of it, not yet given out */
};

static RESULT entries(void *arg, uint64_t from, uint64_t count, package_record_fn fn, void *fn_arg,
                      struct error *e)
{
    struct export *x = arg;
    return ledger_read(x->r->l->scribe, x->log, from, count, fn, fn_arg, e);
}

static RESULT sign(void *arg, struct bytes statement, struct buf *ret_note, struct error *e)
{
    struct export *x = arg;
    return keys_sign_statement(x->r->l->keeper, "package", statement, ret_note, e);
}

static RESULT sink(void *arg, struct bytes part, struct error *e)
{
    struct export *x = arg;
    TRY(rest_still(x->r, e));
    return http_write(x->r->x, part, e);
}

/* The first note at hand with size >= least; false: none. */
static bool note_at_hand(struct export *x, uint64_t least, struct bytes *ret, uint64_t *ret_size)
{
    struct bytes one;
    while (x->rest.n > 0) {
        if (!bytes_split(&x->rest, 0, &one)) {
            x->rest = BYTES_NONE;
        }
        struct note n;
        struct checkpoint c;
        if (result_is_ok(note_parse(one, &n, NULL)) &&
            result_is_ok(checkpoint_parse(n.text, &c, NULL)) && c.size >= least) {
            *ret = one;
            *ret_size = c.size;
            return true;
        }
    }
    return false;
}

static RESULT checkpoint(void *arg, uint64_t least, struct buf *ret_note, struct buf *ret_token,
                         struct error *e)
{
    struct export *x = arg;
    struct bytes note;
    uint64_t size = 0;
    if (!note_at_hand(x, least, &note, &size)) {
        buf_reset(&x->notes);
        TRY(ledger_checkpoints(x->r->l->scribe, x->log, least - 1, &x->notes, e));
        x->rest = buf_bytes(&x->notes);
        if (!note_at_hand(x, least, &note, &size)) {
            FAIL(e, ERRC_NOT_FOUND, "log %s: no checkpoint from size %llu on", x->log,
                 (unsigned long long)least);
        }
    }
    buf_add(ret_note, note);
    struct result res = ledger_get_timestamp(x->r->l->scribe, x->log, size, ret_token, e);
    return res.code == ERRC_NOT_FOUND ? buf_result(ret_note) : res;
}

/*
 * The newest note with size > from that bears more than the log's own signature; *ret_size stays
 * where there is none.
 */
static RESULT cosigned_after(struct export *x, uint64_t from, uint64_t *ret_size, struct error *e)
{
    struct bytes one;
    for (uint64_t last = from; last < UINT64_MAX; from = last) {
        last = UINT64_MAX;
        buf_reset(&x->notes);
        TRY(ledger_checkpoints(x->r->l->scribe, x->log, from, &x->notes, e));
        for (struct bytes rest = buf_bytes(&x->notes); rest.n > 0;) {
            struct note n;
            struct checkpoint c;
            if (!bytes_split(&rest, 0, &one)) {
                rest = BYTES_NONE;
            }
            TRY(note_parse(one, &n, e));
            TRY(checkpoint_parse(n.text, &c, e));
            last = c.size;
            *ret_size = n.signature_count > 1 ? c.size : *ret_size;
        }
    }
    return RESULT_OK;
}

/*
 * Where the package ends: at the newest cosigned checkpoint, as a policy with a quorum wants it; a
 * busy log's newest one has no cosignature yet. Looks back further each time, but not for ever: a
 * log without witnesses ends at its newest.
 */
static RESULT size_choose(struct export *x, uint64_t published, uint64_t *ret, struct error *e)
{
    uint64_t size = 0;
    for (uint64_t span = 1024; size == 0 && span <= LOOK_BACK_MAX; span *= 32) {
        TRY(cosigned_after(x, published > span ? published - span : 0, &size, e));
        if (span >= published) {
            break;
        }
    }
    buf_reset(&x->notes);
    *ret = size == 0 ? published : size;
    return RESULT_OK;
}

/*= 2.1.7-5 "the customer and the auditor take the log with them and check it without us" */
RESULT rest_log_export(struct rest *r, struct error *e)
{
    struct export x = { .r = r, .log = r->params[0], .notes = BUF(NOTES_MAX) };
    struct ledger_status status;
    uint64_t size = 0;
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    CLEANUP(buf_done_p) struct buf sealer = BUF(1024);
    TRY(rest_note(r, "log.export", x.log, NULL, e));
    TRY(rest_log_published(r, x.log, &status, e));
    TRY(size_choose(&x, status.published_size, &size, e));
    const char *origin = arena_printf(r->arena, "%s/%s", r->settings->origin, x.log);
    TRY(keys_log_vkey(r->l->keeper, x.log, origin, &vkey, e));
    TRY(keys_statement_vkey(r->l->keeper, &sealer, e));
    struct package_writer w = {
        .origin = origin,
        .vkey = buf_bytes(&vkey),
        .sealer = buf_bytes(&sealer),
        .size = size,
        .created_ms = clock_wall_ms(r->l->api->clock),
        .arg = &x,
        .entries = entries,
        .checkpoint = checkpoint,
        .sign = sign,
        .sink = sink,
    };
    rest_headers(r);
    http_set_header_str(r->x, "Content-Type", "application/jsonl");
    TRY(http_begin(r->x, 200, -1, e));
    struct result res = package_write(&w, e);
    buf_done(&x.notes);
    if (!result_is_ok(res)) {
        http_close_after(r->x);
        return res;
    }
    return http_end(r->x, e);
}
