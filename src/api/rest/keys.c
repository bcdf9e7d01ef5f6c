/* Tenant keys: shown, made, rotated, disabled, destroyed. */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "identity/two_person.h"

static void key_write(struct jsonw *w, struct rest *r, const struct key_info *k,
                      const char *account)
{
    char date[TIME_TEXT_MAX];
    jsonw_kv_cstr(w, "arn",
                  arena_printf(r->arena, "arn:aws:kms:%s:%s:key/%s", r->settings->region, account,
                               k->id));
    jsonw_kv_cstr(w, "created", time_rfc3339(k->created_ms, date));
    jsonw_kv_cstr(w, "custodian", k->custodian);
    jsonw_kv_bool(w, "default", k->is_default);
    jsonw_kv_cstr(w, "description", k->description);
    rest_kv_time(w, "destroy_at", k->destroy_at_ms);
    jsonw_kv_cstr(w, "key_id", k->id);
    jsonw_kv_cstr(w, "rotated", time_rfc3339(k->rotated_ms, date));
    jsonw_kv_bool(w, "rotation_due", k->rotation_due);
    jsonw_kv_cstr(w, "state", key_state_name(k->state));
    jsonw_kv_cstr(w, "suite", suite_name(k->suite));
    jsonw_kv_cstr(w, "tenant", k->tenant);
    jsonw_kv_u64(w, "version", k->version);
    jsonw_kv_u64(w, "wraps", k->wraps);
}

/* An act on a key, and what it needs. */
struct key_act {
    struct rest *r;
    struct tenant tenant;
    const char *id; /* of the path; NULL: a new one */
    struct key_info key;
    const char *description, *custodian;
    enum crypto_suite suite;
};

static void key_reply(void *arg, struct jsonw *w)
{
    struct key_act *k = arg;
    key_write(w, k->r, &k->key, k->tenant.account);
}

static RESULT act_init(struct rest *r, struct key_act *k, struct error *e)
{
    *k = (struct key_act){ .r = r, .id = r->params[1] };
    return rest_tenant(r, &k->tenant, e);
}

/* --- reading --- */

struct key_list {
    struct key_act act;
    struct key_info *keys;
    size_t n, room;
};

static RESULT key_count(void *arg, const struct key_info *k, struct error *e)
{
    struct key_list *l = arg;
    (void)k;
    (void)e;
    l->room++;
    return RESULT_OK;
}

static RESULT key_add(void *arg, const struct key_info *k, struct error *e)
{
    struct key_list *l = arg;
    (void)e;
    if (l->n < l->room) { /* one was made just now: the next look shows it */
        l->keys[l->n++] = *k;
    }
    return RESULT_OK;
}

static void key_item(void *arg, size_t i, struct jsonw *w)
{
    struct key_list *l = arg;
    key_write(w, l->act.r, &l->keys[i], l->act.tenant.account);
}

RESULT rest_keys_list(struct rest *r, struct error *e)
{
    struct key_list l = { 0 };
    TRY(act_init(r, &l.act, e));
    TRY(keys_list(r->l->keeper, l.act.tenant.name, key_count, &l, e));
    l.keys = arena_alloc(r->arena, (l.room + 1) * sizeof(*l.keys));
    TRY(keys_list(r->l->keeper, l.act.tenant.name, key_add, &l, e));
    return rest_reply_list(r, l.n, key_item, &l, NULL, e);
}

RESULT rest_keys_show(struct rest *r, struct error *e)
{
    struct key_act k;
    TRY(act_init(r, &k, e));
    TRY(keys_show(r->l->keeper, k.tenant.name, k.id, &k.key, e));
    return rest_reply(r, 200, 0, key_reply, &k, e);
}

/* --- changing --- */

static RESULT after(const struct key_act *k, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "key_id", k->key.id);
    jsonw_kv_cstr(&w, "state", key_state_name(k->key.state));
    jsonw_kv_u64(&w, "version", k->key.version);
    jsonw_object_end(&w);
    return RESULT_OK;
}

static RESULT do_create(void *arg, struct buf *out, struct error *e)
{
    struct key_act *k = arg;
    TRY(keys_create(k->r->l->keeper, k->tenant.name, k->suite, k->description, k->custodian,
                    &k->key, e));
    return after(k, out);
}

static RESULT do_rotate(void *arg, struct buf *out, struct error *e)
{
    struct key_act *k = arg;
    TRY(keys_rotate(k->r->l->keeper, k->tenant.name, k->id, &k->key, e));
    return after(k, out);
}

static RESULT do_enable(void *arg, struct buf *out, struct error *e)
{
    struct key_act *k = arg;
    TRY(keys_set_enabled(k->r->l->keeper, k->tenant.name, k->id, true, &k->key, e));
    return after(k, out);
}

static RESULT do_disable(void *arg, struct buf *out, struct error *e)
{
    struct key_act *k = arg;
    TRY(keys_set_enabled(k->r->l->keeper, k->tenant.name, k->id, false, &k->key, e));
    return after(k, out);
}

static RESULT do_schedule(void *arg, struct buf *out, struct error *e)
{
    struct key_act *k = arg;
    TRY(keys_schedule_destroy(k->r->l->keeper, k->tenant.name, k->id,
                              k->r->settings->destroy_wait_ms,
                              two_person_name(k->r->who.p, k->r->arena), &k->key, e));
    return after(k, out);
}

static RESULT do_cancel(void *arg, struct buf *out, struct error *e)
{
    struct key_act *k = arg;
    TRY(keys_cancel_destroy(k->r->l->keeper, k->tenant.name, k->id, &k->key, e));
    return after(k, out);
}

static RESULT act_on_key(struct key_act *k, const char *kind, unsigned status,
                         RESULT (*fn)(void *arg, struct buf *out, struct error *e), struct error *e)
{
    struct api_act act = { .kind = kind, .tenant = k->tenant.name, .key = k->id };
    TRY(rest_run(k->r, &act, fn, k, e));
    return rest_reply(k->r, status, 0, key_reply, k, e);
}

/*= 2.1.3-4 "the customer chooses the algorithm and who holds the key" */
RESULT rest_keys_create(struct rest *r, struct error *e)
{
    struct key_act k;
    const char *suite = NULL;
    TRY(act_init(r, &k, e));
    TRY(rest_body_only(r, REST_ONLY("custodian", "description", "suite"), e));
    TRY(rest_body_text(r, "suite", suite_name(k.tenant.suite), &suite, e));
    TRY(rest_body_text(r, "description", "", &k.description, e));
    TRY(rest_body_text(r, "custodian", "provider", &k.custodian, e));
    if (!result_is_ok(suite_by_name(bytes_str(suite), &k.suite))) {
        FAIL(e, ERRC_FORMAT, "suite: AES-256-GCM or SM4-CTR-HMAC-SM3");
    }
    return act_on_key(&k, "key.create", 201, do_create, e);
}

/*= 2.1.3-7 "rotation, disabling and destruction, each with intent and outcome in the customer's
 * log" */
RESULT rest_keys_rotate(struct rest *r, struct error *e)
{
    struct key_act k;
    TRY(act_init(r, &k, e));
    return act_on_key(&k, "key.rotate", 200, do_rotate, e);
}

RESULT rest_keys_enable(struct rest *r, struct error *e)
{
    struct key_act k;
    TRY(act_init(r, &k, e));
    return act_on_key(&k, "key.enable", 200, do_enable, e);
}

RESULT rest_keys_disable(struct rest *r, struct error *e)
{
    struct key_act k;
    TRY(act_init(r, &k, e));
    return act_on_key(&k, "key.disable", 200, do_disable, e);
}

RESULT rest_keys_schedule(struct rest *r, struct error *e)
{
    struct key_act k;
    TRY(act_init(r, &k, e));
    return act_on_key(&k, "key.destroy.schedule", 200, do_schedule, e);
}

RESULT rest_keys_cancel(struct rest *r, struct error *e)
{
    struct key_act k;
    TRY(act_init(r, &k, e));
    return act_on_key(&k, "key.destroy.cancel", 200, do_cancel, e);
}

/* --- re-wrapping --- */

#define REWRAP_STEP 1000

struct rewrap {
    struct rest *r;
    const struct tenant *t;
    uint64_t done;
};

static void rewrap_reply(void *arg, struct jsonw *w)
{
    const struct rewrap *m = arg;
    jsonw_kv_u64(w, "rewrapped", m->done);
}

static RESULT do_rewrap(void *arg, struct buf *out, struct error *e)
{
    struct rewrap *m = arg;
    struct vault_ctx cx;
    struct jsonw w;
    for (size_t n = 1; n > 0;) {
        TRY(rest_still(m->r, e));
        api_vault_ctx(m->r->l, m->r->x, m->t->name, m->r->who.p->actor, "", m->r->request_id, &cx);
        TRY(vault_rewrap(&cx, m->r->params[1], REWRAP_STEP, &n, e));
        m->done += n;
    }
    jsonw_init(&w, out);
    jsonw_object(&w);
    rewrap_reply(m, &w);
    jsonw_object_end(&w);
    return RESULT_OK;
}

/*= 2.1.3-7 "after a rotation the data keys can follow to the newest version" */
RESULT rest_keys_rewrap(struct rest *r, struct error *e)
{
    struct tenant t;
    TRY(rest_tenant(r, &t, e));
    struct rewrap m = { .r = r, .t = &t };
    struct api_act act = { .kind = "key.rewrap", .tenant = t.name, .key = r->params[1] };
    TRY(rest_run(r, &act, do_rewrap, &m, e));
    return rest_reply(r, 200, 0, rewrap_reply, &m, e);
}

/* --- the end of a key --- */

struct ending {
    struct rest *r;
    struct tenant tenant;
    struct buf certificate;
};

static void certificate_reply(void *arg, struct jsonw *w)
{
    const struct ending *n = arg;
    jsonw_kv_str(w, "certificate", buf_bytes(&n->certificate));
}

/*= 2.1.4-2 "what one person scheduled another person confirms" */
static RESULT do_destroy(void *arg, struct buf *out, struct error *e)
{
    struct ending *n = arg;
    const struct principal *p = n->r->who.p;
    bool needs_two = true;
    (void)out;
    TRY(two_person_rule(n->r->l->api->directory, p, n->tenant.name, &needs_two, e));
    return keys_destroy(n->r->l->keeper, n->tenant.name, n->r->params[1],
                        two_person_name(p, n->r->arena), needs_two, &n->certificate, e);
}

static RESULT live_count(void *arg, const struct key_info *k, struct error *e)
{
    (void)e;
    *(size_t *)arg += k->state != KEY_DESTROYED;
    return RESULT_OK;
}

static RESULT do_close(void *arg, struct buf *out, struct error *e)
{
    struct ending *n = arg;
    CLEANUP(buf_done_p) struct buf certificate = BUF(64 * 1024);
    (void)out;
    TRY(keys_tenant_close(n->r->l->keeper, n->tenant.name, n->r->who.p->actor, &certificate, e));
    return directory_tenant_set_state(n->r->l->api->directory, n->tenant.name, TENANT_CLOSED, e);
}

/*
 * With its last key a tenant ends: the keys of its log's payloads go as well, so that nothing of it
 * can be read any more while all proofs still verify. The act stands in the platform log.
 */
static RESULT close_when_empty(struct ending *n, struct error *e)
{
    size_t live = 0;
    TRY(keys_list(n->r->l->keeper, n->tenant.name, live_count, &live, e));
    if (live > 0) {
        return RESULT_OK;
    }
    struct api_act act = { .kind = "tenant.close",
                           .realm = LEDGER_PLATFORM,
                           .tenant = n->tenant.name,
                           .detail = "last key destroyed" };
    return rest_run(n->r, &act, do_close, n, e);
}

static RESULT destroy(struct ending *n, struct error *e)
{
    TRY(rest_tenant(n->r, &n->tenant, e));
    struct api_act act = { .kind = "key.destroy",
                           .tenant = n->tenant.name,
                           .key = n->r->params[1] };
    TRY(rest_run(n->r, &act, do_destroy, n, e));
    TRY(close_when_empty(n, e));
    return rest_reply(n->r, 200, 0, certificate_reply, n, e);
}

/*= 2.1.3-10 "destroyed is destroyed, and there is a certificate" */
RESULT rest_keys_destroy(struct rest *r, struct error *e)
{
    struct ending n = { .r = r, .certificate = BUF(64 * 1024) };
    struct result res = destroy(&n, e);
    buf_done(&n.certificate);
    return res;
}
