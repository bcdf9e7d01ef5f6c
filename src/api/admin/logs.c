/* The ledger as the operator and the tools see it: checkpoint, entries, receipts. */
#include "api/admin/admin.h"

#define ENTRIES_MAX 1000

RESULT admin_log_checkpoint(struct admin *a, struct error *e)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    TRY(admin_log_name(a, a->params[0], e));
    TRY(ledger_checkpoint(a->l->scribe, a->params[0], &note, e));
    result_ignore(http_respond(a->x, 200, "text/plain; charset=utf-8", buf_bytes(&note), NULL));
    return RESULT_OK;
}

/* A policy file (docs/formats/policy.md) with the keys of today: what the parties sign and keep. */
RESULT admin_log_policy(struct admin *a, struct error *e)
{
    const struct api_settings *s = a->settings;
    CLEANUP(buf_done_p) struct buf key = BUF(1024);
    CLEANUP(buf_done_p) struct buf out = BUF(64 * 1024);
    const char *origin = arena_printf(a->arena, "%s/%s", s->origin, a->params[0]);
    TRY(admin_log_name(a, a->params[0], e));
    TRY(keys_log_vkey(a->l->keeper, a->params[0], origin, &key, e));
    buf_addf(&out, "log %s\n", buf_cstr(&key));
    buf_reset(&key);
    TRY(keys_statement_vkey(a->l->keeper, &key, e));
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
    result_ignore(http_respond(a->x, 200, "text/plain; charset=utf-8", buf_bytes(&out), NULL));
    return RESULT_OK;
}

static RESULT entry_add(void *arg, const struct ledger_record *r, struct error *e)
{
    struct jsonw *w = arg;
    (void)e;
    jsonw_object(w);
    jsonw_key(w, "entry");
    jsonw_raw(w, r->leaf);
    jsonw_kv_bool(w, "erased", r->is_erased);
    jsonw_kv_u64(w, "index", r->index);
    jsonw_key(w, "payload");
    if (r->is_erased || r->payload.n == 0) {
        jsonw_null(w);
    } else {
        jsonw_raw(w, r->payload);
    }
    jsonw_object_end(w);
    return RESULT_OK;
}

RESULT admin_log_entries(struct admin *a, struct error *e)
{
    uint64_t from = 0, count = 0;
    struct ledger_status status;
    TRY(admin_log_name(a, a->params[0], e));
    TRY(admin_query_u64(a, "from", UINT64_MAX, 0, &from, e));
    TRY(admin_query_u64(a, "count", ENTRIES_MAX, 100, &count, e));
    TRY(admin_note(a, "log.read", a->params[0],
                   arena_printf(a->arena, "%llu entries from %llu", (unsigned long long)count,
                                (unsigned long long)from),
                   e));
    TRY(ledger_get_status(a->l->scribe, a->params[0], &status, e));
    CLEANUP(buf_done_p) struct buf out = BUF(ENTRIES_MAX * (2u * LEDGER_PAYLOAD_MAX));
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "entries");
    jsonw_array(&w);
    if (from < status.size) {
        TRY(ledger_read(a->l->scribe, a->params[0], from, count, entry_add, &w, e));
    }
    jsonw_array_end(&w);
    jsonw_kv_u64(&w, "size", status.size);
    jsonw_object_end(&w);
    api_respond_json(a->x, 200, &out);
    return RESULT_OK;
}

/* The entry that an object's present version came by. */
static RESULT index_of_object(struct admin *a, const char *bucket, const char *key, uint64_t *ret,
                              struct error *e)
{
    struct vault_ctx cx;
    struct vault_bucket b;
    struct vault_object o;
    api_vault_ctx(a->l, a->x, a->params[0], a->actor, "", a->request_id, &cx);
    TRY(vault_bucket_get(&cx, bytes_str(bucket), &b, e));
    TRY(vault_head(&cx, &b, bytes_str(key), "", true, &o, e));
    *ret = o.log_index;
    return RESULT_OK;
}

#define PUBLISHED_STEP_MS 50
#define PUBLISHED_STEPS   100

RESULT admin_log_published(struct admin *a, const char *log, struct ledger_status *ret,
                           struct error *e)
{
    struct ledger_status now;
    TRY(ledger_get_status(a->l->scribe, log, &now, e));
    uint64_t wanted = now.size;
    for (int i = 0; now.published_size < wanted; i++) {
        if (i == PUBLISHED_STEPS) {
            FAIL(e, ERRC_AGAIN, "log %s: no checkpoint covers entry %llu yet", log,
                 (unsigned long long)wanted - 1);
        }
        co_sleep_ms(PUBLISHED_STEP_MS);
        TRY(ledger_get_status(a->l->scribe, log, &now, e));
    }
    *ret = now;
    return RESULT_OK;
}

/*= 2.1.3-5 "the receipt of any object can be fetched again, as a file that verifies offline" */
RESULT admin_log_prove(struct admin *a, struct error *e)
{
    const char *bucket = admin_query(a, "bucket"), *key = admin_query(a, "key");
    uint64_t index = 0;
    TRY(admin_log_name(a, a->params[0], e));
    if (bucket != NULL && key != NULL) {
        TRY(index_of_object(a, bucket, key, &index, e));
    } else {
        TRY(admin_query_u64(a, "index", UINT64_MAX, UINT64_MAX, &index, e));
        if (index == UINT64_MAX) {
            FAIL(e, ERRC_FORMAT, "name an index, or a bucket and a key");
        }
    }
    TRY(admin_note(a, "log.prove", a->params[0],
                   arena_printf(a->arena, "entry %llu", (unsigned long long)index), e));
    CLEANUP(buf_done_p) struct buf receipt = BUF(256 * 1024);
    struct ledger_status status;
    TRY(admin_log_published(a, a->params[0], &status, e));
    TRY(ledger_prove(a->l->scribe, a->params[0], index, &receipt, e));
    api_respond_json(a->x, 200, &receipt);
    return RESULT_OK;
}
