/* Tenants: made in one act with their key, their log and a first access key; suspended, closed. */
#include "api/rest/rest_priv.h"

RESULT rest_tenant(struct rest *r, struct tenant *ret, struct error *e)
{
    return directory_tenant_get(r->l->api->directory, r->params[0], ret, e);
}

static void tenant_write(struct jsonw *w, const struct tenant *t)
{
    char date[TIME_TEXT_MAX];
    jsonw_kv_cstr(w, "account", t->account);
    jsonw_kv_cstr(w, "created", time_rfc3339(t->created_ms, date));
    jsonw_kv_cstr(w, "state", tenant_state_name(t->state));
    jsonw_kv_cstr(w, "suite", suite_name(t->suite));
    jsonw_kv_cstr(w, "tenant", t->name);
}

struct page {
    const char *after;
    size_t max, n;
    struct tenant *list; /* one more than max: whether there is a next page */
};

static RESULT tenant_add(void *arg, const struct tenant *t, struct error *e)
{
    struct page *p = arg;
    (void)e;
    if (p->n <= p->max && strcmp(t->name, p->after) > 0) {
        p->list[p->n++] = *t;
    }
    return RESULT_OK;
}

static void tenant_item(void *arg, size_t i, struct jsonw *w)
{
    const struct page *p = arg;
    tenant_write(w, &p->list[i]);
}

RESULT rest_tenants_list(struct rest *r, struct error *e)
{
    struct page p = { 0 };
    TRY(rest_page(r, &p.max, &p.after, e));
    p.list = arena_alloc(r->arena, (p.max + 1) * sizeof(*p.list));
    TRY(directory_tenant_list(r->l->api->directory, tenant_add, &p, e));
    size_t n = MIN(p.n, p.max);
    return rest_reply_list(r, n, tenant_item, &p, p.n > n ? p.list[n - 1].name : NULL, e);
}

struct creation {
    struct rest *r;
    const char *name;
    enum crypto_suite suite;
    struct tenant tenant;
    struct access_key key;
    char secret[SECRET_KEY_BYTES];
};

/* What is there from a creation that broke off is taken up again. */
static RESULT is_done(struct result r)
{
    return r.code == ERRC_EXISTS ? RESULT_OK : r;
}

/* The first entry of the tenant's own log. */
static RESULT first_entry(const struct creation *c, struct error *e)
{
    struct ledger_position pos;
    CLEANUP(buf_done_p) struct buf payload = BUF(4096);
    struct jsonw w;
    jsonw_init(&w, &payload);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "account", c->tenant.account);
    jsonw_key(&w, "actor");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "id", c->r->who.p->actor);
    jsonw_object_end(&w);
    jsonw_kv_cstr(&w, "request", c->r->request_id);
    jsonw_kv_cstr(&w, "suite", suite_name(c->suite));
    jsonw_kv_cstr(&w, "tenant", c->name);
    jsonw_object_end(&w);
    return ledger_append(c->r->l->scribe, c->name, "tenant.create", buf_bytes(&payload), &pos, e);
}

static RESULT do_create(void *arg, struct buf *after, struct error *e)
{
    struct creation *c = arg;
    struct api_loop *l = c->r->l;
    struct key_info key;
    struct jsonw w;
    TRY_MSG(is_done(keys_tenant_create(l->keeper, c->name, c->suite, &key, e)), e, "keys");
    TRY_MSG(is_done(ledger_create(l->scribe, c->name, e)), e, "log");
    TRY(directory_tenant_create(l->api->directory, c->name, c->suite, &c->tenant, e));
    TRY(directory_key_create(l->api->directory, l->keeper, c->name, "", &c->key, c->secret, e));
    jsonw_init(&w, after);
    jsonw_object(&w);
    tenant_write(&w, &c->tenant);
    jsonw_object_end(&w);
    return first_entry(c, e);
}

static void creation_reply(void *arg, struct jsonw *w)
{
    const struct creation *c = arg;
    jsonw_kv_cstr(w, "access_key_id", c->key.id);
    jsonw_kv_cstr(w, "account", c->tenant.account);
    jsonw_kv_cstr(w, "region", c->r->settings->region);
    jsonw_kv_cstr(w, "secret_access_key", c->secret);
    jsonw_kv_cstr(w, "suite", suite_name(c->suite));
    jsonw_kv_cstr(w, "tenant", c->tenant.name);
}

RESULT rest_tenants_create(struct rest *r, struct error *e)
{
    struct creation c = { .r = r, .suite = r->settings->suite };
    const char *suite = NULL;
    struct tenant there;
    TRY(rest_body_only(r, REST_ONLY("name", "suite"), e));
    TRY(rest_body_need(r, "name", &c.name, e));
    TRY(rest_body_text(r, "suite", suite_name(c.suite), &suite, e));
    if (!result_is_ok(suite_by_name(bytes_str(suite), &c.suite))) {
        FAIL(e, ERRC_FORMAT, "suite: AES-256-GCM or SM4-CTR-HMAC-SM3");
    }
    if (!tenant_name_is_valid(bytes_str(c.name))) {
        FAIL(e, ERRC_FORMAT,
             "tenant name '%.64s': 2 to 63 of a-z, 0-9 and '-', not starting with '-', not "
             "'platform'",
             c.name);
    }
    if (result_is_ok(directory_tenant_get(r->l->api->directory, c.name, &there, e))) {
        FAIL(e, ERRC_EXISTS, "tenant %s exists already", c.name);
    }
    struct api_act act = { .kind = "tenant.create", .realm = LEDGER_PLATFORM, .tenant = c.name };
    struct result res = rest_run(r, &act, do_create, &c, e);
    if (result_is_ok(res)) {
        res = rest_reply(r, 201, 0, creation_reply, &c, e);
    }
    mem_wipe(c.secret, sizeof(c.secret));
    return res;
}

static void tenant_reply(void *arg, struct jsonw *w)
{
    tenant_write(w, arg);
}

RESULT rest_tenants_show(struct rest *r, struct error *e)
{
    struct tenant t;
    TRY(rest_tenant(r, &t, e));
    return rest_reply(r, 200, 0, tenant_reply, &t, e);
}

struct state_change {
    struct rest *r;
    struct tenant t;
    enum tenant_state state;
};

static RESULT do_state(void *arg, struct buf *after, struct error *e)
{
    struct state_change *c = arg;
    struct jsonw w;
    TRY(directory_tenant_set_state(c->r->l->api->directory, c->t.name, c->state, e));
    c->t.state = c->state;
    jsonw_init(&w, after);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "state", tenant_state_name(c->state));
    jsonw_object_end(&w);
    return RESULT_OK;
}

/* The act stands in the log that the customer watches. */
static RESULT state_change(struct rest *r, const char *kind, enum tenant_state state,
                           struct error *e)
{
    struct state_change c = { .r = r, .state = state };
    TRY(rest_tenant(r, &c.t, e));
    const char *before = arena_printf(r->arena, "{\"state\":\"%s\"}", tenant_state_name(c.t.state));
    struct api_act act = {
        .kind = kind, .realm = c.t.name, .tenant = c.t.name, .before = bytes_str(before)
    };
    TRY(rest_run(r, &act, do_state, &c, e));
    return rest_reply(r, 200, 0, tenant_reply, &c.t, e);
}

RESULT rest_tenants_suspend(struct rest *r, struct error *e)
{
    return state_change(r, "tenant.suspend", TENANT_SUSPENDED, e);
}

RESULT rest_tenants_resume(struct rest *r, struct error *e)
{
    return state_change(r, "tenant.resume", TENANT_ACTIVE, e);
}

RESULT rest_tenants_close(struct rest *r, struct error *e)
{
    return state_change(r, "tenant.close", TENANT_CLOSED, e);
}
