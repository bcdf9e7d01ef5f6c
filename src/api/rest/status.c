/* How things stand, and the check of everything that is kept. */
#include "api/rest/rest_priv.h"

struct status {
    struct rest *r;
    struct jsonw *w;
};

static void log_write(struct rest *r, struct jsonw *w, const char *name)
{
    struct ledger_status s;
    char date[TIME_TEXT_MAX];
    jsonw_object(w);
    jsonw_kv_cstr(w, "log", name);
    if (result_is_ok(ledger_get_status(r->l->scribe, name, &s, NULL))) {
        jsonw_kv_bool(w, "full", s.is_full);
        jsonw_kv_cstr(w, "published", time_rfc3339(s.published_ms, date));
        jsonw_kv_u64(w, "published_size", s.published_size);
        jsonw_kv_u64(w, "size", s.size);
    }
    jsonw_object_end(w);
}

static RESULT log_add(void *arg, const struct tenant *t, struct error *e)
{
    struct status *s = arg;
    (void)e;
    log_write(s->r, s->w, t->name);
    return RESULT_OK;
}

RESULT rest_status(struct rest *r, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(16u * 1024 * 1024);
    struct jsonw w;
    struct vault_stats v;
    vault_get_stats(r->l->api->vault, &v);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_bool(&w, "keeper", rpc_client_is_up(r->l->keeper));
    jsonw_key(&w, "logs");
    jsonw_array(&w);
    log_write(r, &w, LEDGER_PLATFORM);
    struct status s = { r, &w };
    TRY(directory_tenant_list(r->l->api->directory, log_add, &s, e));
    jsonw_array_end(&w);
    jsonw_kv_cstr(&w, "origin", r->settings->origin);
    jsonw_kv_cstr(&w, "region", r->settings->region);
    jsonw_kv_bool(&w, "scribe", rpc_client_is_up(r->l->scribe));
    jsonw_key(&w, "vault");
    jsonw_object(&w);
    jsonw_kv_u64(&w, "blobs_pending_delete", v.blobs_pending_delete);
    jsonw_kv_u64(&w, "buffers", v.buffers);
    jsonw_kv_u64(&w, "buffers_in_use", v.buffers_in_use);
    jsonw_kv_u64(&w, "bytes", v.bytes);
    jsonw_kv_u64(&w, "objects", v.objects);
    jsonw_kv_u64(&w, "pack_bytes_free", v.pack_bytes_free);
    jsonw_kv_u64(&w, "packs", v.packs);
    jsonw_object_end(&w);
    jsonw_kv_cstr(&w, "version", TROTH_VERSION);
    jsonw_object_end(&w);
    return rest_reply_json(r, 200, 0, &out, e);
}

/* docs/api/openapi.json, as the build took it in. */
extern const unsigned char rest_openapi_json[];
extern const size_t rest_openapi_json_n;

RESULT rest_openapi(struct rest *r, struct error *e)
{
    (void)e;
    rest_headers(r);
    result_ignore(http_respond(r->x, 200, "application/json",
                               bytes_of(rest_openapi_json, rest_openapi_json_n), NULL));
    return RESULT_OK;
}
