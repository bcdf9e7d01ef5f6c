/* The ledger as the operator and the tools see it: checkpoint, entries, receipts. */
#include "api/rest/rest_priv.h"

#define ENTRIES_MAX 1000

static struct result text_reply(struct rest *r, struct buf *text)
{
    rest_headers(r);
    result_ignore(http_respond(r->x, 200, "text/plain; charset=utf-8", buf_bytes(text), NULL));
    return RESULT_OK;
}

RESULT rest_log_checkpoint(struct rest *r, struct error *e)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    TRY(ledger_checkpoint(r->l->scribe, r->params[0], &note, e));
    return text_reply(r, &note);
}

/* A policy file (docs/formats/policy.md) with the keys of today: what the parties sign and keep. */
RESULT rest_log_policy(struct rest *r, struct error *e)
{
    const struct api_settings *s = r->settings;
    CLEANUP(buf_done_p) struct buf key = BUF(1024);
    CLEANUP(buf_done_p) struct buf out = BUF(64 * 1024);
    const char *origin = arena_printf(r->arena, "%s/%s", s->origin, r->params[0]);
    TRY(keys_log_vkey(r->l->keeper, r->params[0], origin, &key, e));
    buf_addf(&out, "log %s\n", buf_cstr(&key));
    buf_reset(&key);
    TRY(keys_statement_vkey(r->l->keeper, &key, e));
    buf_addf(&out, "statement %s\n", buf_cstr(&key));
    for (size_t i = 0; i < s->witness_count; i++) {
        buf_addf(&out, "witness w%zu %s\n", i + 1, s->witnesses[i]);
    }
    if (s->witness_count > 0) {
        buf_add_str(&out, "group witnesses all");
        for (size_t i = 0; i < s->witness_count; i++) {
            buf_addf(&out, " w%zu", i + 1);
        }
    }
    buf_addf(&out, "%squorum %s\n", s->witness_count > 0 ? "\n" : "",
             s->witness_count > 0 ? "witnesses" : "none");
    TRY_MSG(buf_result(&out), e, "policy");
    return text_reply(r, &out);
}

static RESULT entry_add(void *arg, const struct ledger_record *rec, struct error *e)
{
    struct jsonw *w = arg;
    (void)e;
    jsonw_object(w);
    jsonw_key(w, "entry");
    jsonw_raw(w, rec->leaf);
    jsonw_kv_bool(w, "erased", rec->is_erased);
    jsonw_kv_u64(w, "index", rec->index);
    jsonw_key(w, "payload");
    if (rec->is_erased || rec->payload.n == 0) {
        jsonw_null(w);
    } else {
        jsonw_raw(w, rec->payload);
    }
    jsonw_object_end(w);
    return RESULT_OK;
}

RESULT rest_log_entries(struct rest *r, struct error *e)
{
    uint64_t from = 0, count = 0;
    struct ledger_status status;
    TRY(rest_query_u64(r, "from", UINT64_MAX, 0, &from, e));
    TRY(rest_query_u64(r, "count", ENTRIES_MAX, 100, &count, e));
    TRY(rest_note(r, "log.read", r->params[0],
                  arena_printf(r->arena, "%llu entries from %llu", (unsigned long long)count,
                               (unsigned long long)from),
                  e));
    TRY(ledger_get_status(r->l->scribe, r->params[0], &status, e));
    CLEANUP(buf_done_p) struct buf out = BUF(ENTRIES_MAX * (2u * LEDGER_PAYLOAD_MAX));
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "items");
    jsonw_array(&w);
    if (from < status.size) {
        TRY(ledger_read(r->l->scribe, r->params[0], from, count, entry_add, &w, e));
    }
    jsonw_array_end(&w);
    jsonw_kv_u64(&w, "size", status.size);
    jsonw_object_end(&w);
    return rest_reply_json(r, 200, 0, &out, e);
}

/* The entry that an object's present version came by. */
static RESULT index_of_object(struct rest *r, const char *bucket, const char *key, uint64_t *ret,
                              struct error *e)
{
    struct vault_ctx cx;
    struct vault_bucket b;
    struct vault_object o;
    api_vault_ctx(r->l, r->x, r->params[0], r->who.p->actor, "", r->request_id, &cx);
    TRY(vault_bucket_get(&cx, bytes_str(bucket), &b, e));
    TRY(vault_head(&cx, &b, bytes_str(key), "", true, &o, e));
    *ret = o.log_index;
    return RESULT_OK;
}

#define PUBLISHED_STEP_MS 50
#define PUBLISHED_STEPS   100

RESULT rest_log_published(struct rest *r, const char *log, struct ledger_status *ret,
                          struct error *e)
{
    struct ledger_status now;
    TRY(ledger_get_status(r->l->scribe, log, &now, e));
    uint64_t wanted = now.size;
    for (int i = 0; now.published_size < wanted; i++) {
        if (i == PUBLISHED_STEPS) {
            FAIL(e, ERRC_AGAIN, "log %s: no checkpoint covers entry %llu yet", log,
                 (unsigned long long)wanted - 1);
        }
        co_sleep_ms(PUBLISHED_STEP_MS);
        TRY(ledger_get_status(r->l->scribe, log, &now, e));
    }
    *ret = now;
    return RESULT_OK;
}

/*= 2.1.3-5 "the receipt of any object can be fetched again, as a file that verifies offline" */
RESULT rest_log_prove(struct rest *r, struct error *e)
{
    const char *bucket = rest_query(r, "bucket"), *key = rest_query(r, "key");
    uint64_t index = 0;
    if (bucket != NULL && key != NULL) {
        TRY(index_of_object(r, bucket, key, &index, e));
    } else {
        TRY(rest_query_u64(r, "index", UINT64_MAX, UINT64_MAX, &index, e));
        if (index == UINT64_MAX) {
            FAIL(e, ERRC_FORMAT, "name an index, or a bucket and a key");
        }
    }
    TRY(rest_note(r, "log.prove", r->params[0],
                  arena_printf(r->arena, "entry %llu", (unsigned long long)index), e));
    CLEANUP(buf_done_p) struct buf receipt = BUF(256 * 1024);
    struct ledger_status status;
    TRY(rest_log_published(r, r->params[0], &status, e));
    TRY(ledger_prove(r->l->scribe, r->params[0], index, &receipt, e));
    return rest_reply_json(r, 200, 0, &receipt, e);
}
