/* Tenant keys: shown, made, rotated, disabled, destroyed; the statement about them. */
#include "api/admin/admin.h"

#include "base/text.h"

void admin_write_key(struct jsonw *w, struct admin *a, const struct key_info *k,
                     const char *account)
{
    char date[TIME_TEXT_MAX];
    jsonw_kv_cstr(w, "arn",
                  arena_printf(a->arena, "arn:aws:kms:%s:%s:key/%s", a->settings->region, account,
                               k->id));
    jsonw_kv_cstr(w, "created", time_rfc3339(k->created_ms, date));
    jsonw_kv_cstr(w, "custodian", k->custodian);
    jsonw_kv_bool(w, "default", k->is_default);
    jsonw_kv_cstr(w, "description", k->description);
    jsonw_key(w, "destroy_at");
    if (k->destroy_at_ms != 0) {
        jsonw_cstr(w, time_rfc3339(k->destroy_at_ms, date));
    } else {
        jsonw_null(w);
    }
    jsonw_kv_cstr(w, "key_id", k->id);
    jsonw_kv_cstr(w, "rotated", time_rfc3339(k->rotated_ms, date));
    jsonw_kv_bool(w, "rotation_due", k->rotation_due);
    jsonw_kv_cstr(w, "state", key_state_name(k->state));
    jsonw_kv_cstr(w, "suite", suite_name(k->suite));
    jsonw_kv_cstr(w, "tenant", k->tenant);
    jsonw_kv_u64(w, "version", k->version);
    jsonw_kv_u64(w, "wraps", k->wraps);
}

struct key_reply {
    struct admin *a;
    struct tenant tenant;
    struct key_info key;
    struct jsonw *w;
    const char *description, *custodian;
    enum crypto_suite suite;
    int64_t wait_ms;
};

static void key_reply(void *arg, struct jsonw *w)
{
    struct key_reply *r = arg;
    admin_write_key(w, r->a, &r->key, r->tenant.account);
}

static RESULT key_add(void *arg, const struct key_info *k, struct error *e)
{
    struct key_reply *r = arg;
    (void)e;
    jsonw_object(r->w);
    admin_write_key(r->w, r->a, k, r->tenant.account);
    jsonw_object_end(r->w);
    return RESULT_OK;
}

RESULT admin_keys_list(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    CLEANUP(buf_done_p) struct buf out = BUF(16u * 1024 * 1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    r.w = &w;
    jsonw_object(&w);
    jsonw_key(&w, "keys");
    jsonw_array(&w);
    TRY(keys_list(a->l->keeper, r.tenant.name, key_add, &r, e));
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    api_respond_json(a->x, 200, &out);
    return RESULT_OK;
}

RESULT admin_keys_show(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    TRY(keys_show(a->l->keeper, r.tenant.name, a->params[1], &r.key, e));
    return admin_reply(a, key_reply, &r, e);
}

static RESULT do_create(struct admin *a, void *arg, struct error *e)
{
    struct key_reply *r = arg;
    return keys_create(a->l->keeper, r->tenant.name, r->suite, r->description, r->custodian,
                       &r->key, e);
}

static RESULT do_rotate(struct admin *a, void *arg, struct error *e)
{
    struct key_reply *r = arg;
    return keys_rotate(a->l->keeper, r->tenant.name, a->params[1], &r->key, e);
}

static RESULT do_enable(struct admin *a, void *arg, struct error *e)
{
    struct key_reply *r = arg;
    return keys_set_enabled(a->l->keeper, r->tenant.name, a->params[1], true, &r->key, e);
}

static RESULT do_disable(struct admin *a, void *arg, struct error *e)
{
    struct key_reply *r = arg;
    return keys_set_enabled(a->l->keeper, r->tenant.name, a->params[1], false, &r->key, e);
}

static RESULT do_schedule(struct admin *a, void *arg, struct error *e)
{
    struct key_reply *r = arg;
    return keys_schedule_destroy(a->l->keeper, r->tenant.name, a->params[1], r->wait_ms, a->actor,
                                 &r->key, e);
}

static RESULT do_cancel(struct admin *a, void *arg, struct error *e)
{
    struct key_reply *r = arg;
    return keys_cancel_destroy(a->l->keeper, r->tenant.name, a->params[1], &r->key, e);
}

static RESULT act_on_key(struct admin *a, const char *kind, struct key_reply *r,
                         RESULT (*fn)(struct admin *a, void *arg, struct error *e), struct error *e)
{
    struct admin_act act = {
        .kind = kind, .log = r->tenant.name, .tenant = r->tenant.name, .key = a->params[1]
    };
    TRY(admin_run(a, &act, fn, r, e));
    return admin_reply(a, key_reply, r, e);
}

/*= 2.1.3-4 "the customer chooses the algorithm and who holds the key" */
RESULT admin_keys_create(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    const char *suite = NULL;
    TRY(admin_tenant(a, &r.tenant, e));
    TRY(admin_body_text(a, "suite", suite_name(r.tenant.suite), &suite, e));
    TRY(admin_body_text(a, "description", "", &r.description, e));
    TRY(admin_body_text(a, "custodian", "provider", &r.custodian, e));
    if (!result_is_ok(suite_by_name(bytes_str(suite), &r.suite))) {
        FAIL(e, ERRC_FORMAT, "suite: AES-256-GCM or SM4-CTR-HMAC-SM3");
    }
    return act_on_key(a, "key.create", &r, do_create, e);
}

/*= 2.1.3-7 "rotation, disabling and destruction, each with intent and outcome in the customer's
 * log" */
RESULT admin_keys_rotate(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    return act_on_key(a, "key.rotate", &r, do_rotate, e);
}

RESULT admin_keys_enable(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    return act_on_key(a, "key.enable", &r, do_enable, e);
}

RESULT admin_keys_disable(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    return act_on_key(a, "key.disable", &r, do_disable, e);
}

RESULT admin_keys_schedule(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    r.wait_ms = a->settings->destroy_wait_ms;
    return act_on_key(a, "key.destroy.schedule", &r, do_schedule, e);
}

RESULT admin_keys_cancel(struct admin *a, struct error *e)
{
    struct key_reply r = { .a = a };
    TRY(admin_tenant(a, &r.tenant, e));
    return act_on_key(a, "key.destroy.cancel", &r, do_cancel, e);
}

/* --- re-wrapping --- */

#define REWRAP_STEP 1000

struct rewrap {
    const struct tenant *t;
    uint64_t done;
};

static RESULT do_rewrap(struct admin *a, void *arg, struct error *e)
{
    struct rewrap *r = arg;
    struct vault_ctx cx;
    api_vault_ctx(a->l, a->x, r->t->name, a->actor, "", a->request_id, &cx);
    for (size_t n = 1; n > 0;) {
        TRY(vault_rewrap(&cx, a->params[1], REWRAP_STEP, &n, e));
        r->done += n;
    }
    return RESULT_OK;
}

static void rewrap_reply(void *arg, struct jsonw *w)
{
    const struct rewrap *r = arg;
    jsonw_kv_u64(w, "rewrapped", r->done);
}

/*= 2.1.3-7 "after a rotation the data keys can follow to the newest version" */
RESULT admin_keys_rewrap(struct admin *a, struct error *e)
{
    struct tenant t;
    TRY(admin_tenant(a, &t, e));
    struct rewrap r = { .t = &t };
    struct admin_act act = {
        .kind = "key.rewrap", .log = t.name, .tenant = t.name, .key = a->params[1]
    };
    TRY(admin_run(a, &act, do_rewrap, &r, e));
    return admin_reply(a, rewrap_reply, &r, e);
}

/* --- the end of a key --- */

static void certificate_reply(void *arg, struct jsonw *w)
{
    jsonw_kv_str(w, "certificate", buf_bytes(arg));
}

static RESULT do_destroy(struct admin *a, void *arg, struct error *e)
{
    struct tenant t;
    TRY(admin_tenant(a, &t, e));
    return keys_destroy(a->l->keeper, t.name, a->params[1], a->actor, false, arg, e);
}

static RESULT live_count(void *arg, const struct key_info *k, struct error *e)
{
    (void)e;
    *(size_t *)arg += k->state != KEY_DESTROYED;
    return RESULT_OK;
}

static RESULT do_close(struct admin *a, void *arg, struct error *e)
{
    struct tenant *t = arg;
    CLEANUP(buf_done_p) struct buf certificate = BUF(64 * 1024);
    TRY(keys_tenant_close(a->l->keeper, t->name, a->actor, &certificate, e));
    return directory_tenant_set_state(a->l->api->directory, t->name, TENANT_CLOSED, e);
}

/*
 * With its last key a tenant ends: the keys of its log's payloads go as well, so that nothing of it
 * can be read any more while all proofs still verify. The act stands in the platform log.
 */
static RESULT close_when_empty(struct admin *a, struct tenant *t, struct error *e)
{
    size_t live = 0;
    TRY(keys_list(a->l->keeper, t->name, live_count, &live, e));
    if (live > 0) {
        return RESULT_OK;
    }
    struct admin_act act = { .kind = "tenant.close",
                             .log = LEDGER_PLATFORM,
                             .tenant = t->name,
                             .detail = "last key destroyed" };
    return admin_run(a, &act, do_close, t, e);
}

/*= 2.1.3-10 "destroyed is destroyed, and there is a certificate" */
RESULT admin_keys_destroy(struct admin *a, struct error *e)
{
    struct tenant t;
    CLEANUP(buf_done_p) struct buf certificate = BUF(64 * 1024);
    TRY(admin_tenant(a, &t, e));
    struct admin_act act = {
        .kind = "key.destroy", .log = t.name, .tenant = t.name, .key = a->params[1]
    };
    TRY(admin_run(a, &act, do_destroy, &certificate, e));
    TRY(close_when_empty(a, &t, e));
    return admin_reply(a, certificate_reply, &certificate, e);
}
