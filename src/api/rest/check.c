/*
 * The check of everything that is kept: metadata page by page, logs entry by entry, objects chunk
 * by chunk. The answer is JSON lines: findings, then a summary.
 */
#include "api/rest/rest_priv.h"

#include "ledger/log_check.h"

#define FINDINGS_MAX 10000

struct check {
    struct rest *r;
    const char *tenant;
    uint64_t findings, objects, bytes, entries;
};

static void line_write(struct check *c, const char *place, const char *what)
{
    CLEANUP(buf_done_p) struct buf out = BUF(64 * 1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "place", place);
    jsonw_kv_cstr(&w, "tenant", c->tenant);
    jsonw_kv_cstr(&w, "what", what);
    jsonw_object_end(&w);
    buf_add_u8(&out, '\n');
    result_ignore(http_write(c->r->x, buf_bytes(&out), NULL));
}

static void found(void *arg, const char *place, const char *what)
{
    struct check *c = arg;
    if (++c->findings <= FINDINGS_MAX) {
        line_write(c, place, what);
    }
}

/* --- what blocks runs in the pool --- */

struct job {
    struct check *c;
    RESULT (*run)(struct job *j);
    const char *log;
    struct note_key key;
    struct log_check_report report;
    struct result result;
    struct error error;
};

static RESULT metadata_run(struct job *j)
{
    return db_check(j->c->r->l->api->metadata, NULL, NULL, &j->error);
}

static RESULT directory_run(struct job *j)
{
    return directory_check(j->c->r->l->api->directory, &j->error);
}

static RESULT log_run(struct job *j)
{
    const struct api *api = j->c->r->l->api;
    struct log_check_options o = {
        .origin = j->key.name, .key = &j->key, .clock = api->clock, .is_live = true
    };
    return log_check(api->ledger, j->log, &o, &j->report, &j->error);
}

static void job_run(void *arg)
{
    struct job *j = arg;
    j->result = j->run(j);
}

static void pooled(struct job *j, const char *place)
{
    co_call(j->c->r->l->api->pool, job_run, j);
    if (!result_is_ok(j->result)) {
        found(j->c, place, j->error.msg);
    }
    j->c->entries += j->report.size;
}

/*= 2.1.5-3 "records are kept so that alteration is detectable" */
static void log_examine(struct check *c, const char *log)
{
    struct rest *r = c->r;
    struct job j = { .c = c, .run = log_run, .log = log };
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    const char *origin = arena_printf(r->arena, "%s/%s", r->settings->origin, log);
    struct error e;
    struct result res = keys_log_vkey(r->l->keeper, log, origin, &vkey, &e);
    if (result_is_ok(res)) {
        res = note_key_parse(buf_bytes(&vkey), &j.key, &e);
    }
    if (!result_is_ok(res)) {
        found(c, "ledger", e.msg);
        return;
    }
    pooled(&j, "ledger");
}

static RESULT tenant_examine(void *arg, const struct tenant *t, struct error *e)
{
    struct check *c = arg;
    struct vault_ctx cx;
    uint64_t objects = 0, bytes = 0;
    TRY(rest_still(c->r, e));
    c->tenant = arena_str(c->r->arena, bytes_str(t->name));
    log_examine(c, c->tenant);
    api_vault_ctx(c->r->l, c->r->x, c->tenant, c->r->who.p->actor, "", c->r->request_id, &cx);
    struct result res = vault_check(&cx, found, c, &objects, &bytes, e);
    if (!result_is_ok(res)) {
        found(c, "vault", e->msg);
    }
    c->objects += objects;
    c->bytes += bytes;
    return RESULT_OK;
}

static void summary_write(struct check *c)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_u64(&w, "bytes", c->bytes);
    jsonw_kv_u64(&w, "entries", c->entries);
    jsonw_kv_u64(&w, "findings", c->findings);
    jsonw_kv_u64(&w, "objects", c->objects);
    jsonw_object_end(&w);
    buf_add_u8(&out, '\n');
    result_ignore(http_write(c->r->x, buf_bytes(&out), NULL));
}

/*= 2.1.3-6 "what is stored is compared with what is stated, byte for byte, at any time" */
RESULT rest_check(struct rest *r, struct error *e)
{
    struct check c = { .r = r, .tenant = "" };
    struct job metadata = { .c = &c, .run = metadata_run },
               directory = { .c = &c, .run = directory_run };
    TRY(rest_note(r, "check", NULL, NULL, e)); /* findings name objects */
    rest_headers(r);
    http_set_header_str(r->x, "Content-Type", "application/jsonl");
    TRY(http_begin(r->x, 200, -1, e));
    pooled(&metadata, "vault/meta.db");
    pooled(&directory, "identity/identity.db");
    log_examine(&c, LEDGER_PLATFORM);
    struct result res = directory_tenant_list(r->l->api->directory, tenant_examine, &c, e);
    c.tenant = "";
    if (!result_is_ok(res)) {
        found(&c, "identity", e->msg);
    }
    summary_write(&c);
    result_ignore(http_end(r->x, e));
    return RESULT_OK;
}
