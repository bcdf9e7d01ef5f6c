/* Tenants and their access keys. */
#include "api/admin/admin.h"

static void tenant_write(struct jsonw *w, const struct tenant *t)
{
    char date[TIME_TEXT_MAX];
    jsonw_kv_cstr(w, "account", t->account);
    jsonw_kv_cstr(w, "created", time_rfc3339(t->created_ms, date));
    jsonw_kv_cstr(w, "state", tenant_state_name(t->state));
    jsonw_kv_cstr(w, "suite", suite_name(t->suite));
    jsonw_kv_cstr(w, "tenant", t->name);
}

static RESULT tenant_add(void *arg, const struct tenant *t, struct error *e)
{
    struct jsonw *w = arg;
    (void)e;
    jsonw_object(w);
    tenant_write(w, t);
    jsonw_object_end(w);
    return RESULT_OK;
}

RESULT admin_tenants_list(struct admin *a, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(16u * 1024 * 1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "tenants");
    jsonw_array(&w);
    TRY(directory_tenant_list(a->l->api->directory, tenant_add, &w, e));
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    api_respond_json(a->x, 200, &out);
    return RESULT_OK;
}

struct creation {
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

static RESULT tenant_create(struct admin *a, void *arg, struct error *e)
{
    struct creation *c = arg;
    struct key_info key;
    struct ledger_position pos;
    TRY_MSG(is_done(keys_tenant_create(a->l->keeper, c->name, c->suite, &key, e)), e, "keys");
    TRY_MSG(is_done(ledger_create(a->l->scribe, c->name, e)), e, "log");
    TRY(directory_tenant_create(a->l->api->directory, c->name, c->suite, &c->tenant, e));
    TRY(directory_key_create(a->l->api->directory, a->l->keeper, c->name, "", &c->key, c->secret,
                             e));
    CLEANUP(buf_done_p) struct buf payload = BUF(4096);
    struct jsonw w;
    jsonw_init(&w, &payload);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "account", c->tenant.account);
    jsonw_key(&w, "actor");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "id", a->actor);
    jsonw_object_end(&w);
    jsonw_kv_cstr(&w, "request", a->request_id);
    jsonw_kv_cstr(&w, "suite", suite_name(c->suite));
    jsonw_kv_cstr(&w, "tenant", c->name);
    jsonw_object_end(&w);
    return ledger_append(a->l->scribe, c->name, "tenant.create", buf_bytes(&payload), &pos, e);
}

static void creation_write(void *arg, struct jsonw *w)
{
    const struct creation *c = arg;
    jsonw_kv_cstr(w, "access_key_id", c->key.id);
    jsonw_kv_cstr(w, "account", c->tenant.account);
    jsonw_kv_cstr(w, "secret_access_key", c->secret);
    jsonw_kv_cstr(w, "suite", suite_name(c->suite));
    jsonw_kv_cstr(w, "tenant", c->tenant.name);
}

struct with_region {
    struct admin *a;
    struct creation *c;
};

static void creation_reply(void *arg, struct jsonw *w)
{
    struct with_region *r = arg;
    jsonw_kv_cstr(w, "region", r->a->settings->region);
    creation_write(r->c, w);
}

RESULT admin_tenants_create(struct admin *a, struct error *e)
{
    struct creation c = { .suite = a->settings->suite };
    const char *suite = NULL;
    struct tenant there;
    TRY(admin_body_text(a, "name", "", &c.name, e));
    TRY(admin_body_text(a, "suite", suite_name(c.suite), &suite, e));
    if (!result_is_ok(suite_by_name(bytes_str(suite), &c.suite))) {
        FAIL(e, ERRC_FORMAT, "suite: AES-256-GCM or SM4-CTR-HMAC-SM3");
    }
    if (!tenant_name_is_valid(bytes_str(c.name))) {
        FAIL(e, ERRC_FORMAT,
             "tenant name '%.64s': 2 to 63 of a-z, 0-9 and '-', not starting with '-', not "
             "'platform'",
             c.name);
    }
    if (result_is_ok(directory_tenant_get(a->l->api->directory, c.name, &there, e))) {
        FAIL(e, ERRC_EXISTS, "tenant %s exists already", c.name);
    }
    struct admin_act act = { .kind = "tenant.create", .log = LEDGER_PLATFORM, .tenant = c.name };
    struct with_region reply = { a, &c };
    struct result r = admin_run(a, &act, tenant_create, &c, e);
    if (result_is_ok(r)) {
        r = admin_reply(a, creation_reply, &reply, e);
    }
    mem_wipe(c.secret, sizeof(c.secret));
    return r;
}

static void tenant_reply(void *arg, struct jsonw *w)
{
    tenant_write(w, arg);
}

RESULT admin_tenants_show(struct admin *a, struct error *e)
{
    struct tenant t;
    TRY(admin_tenant(a, &t, e));
    return admin_reply(a, tenant_reply, &t, e);
}

struct state_change {
    struct tenant *t;
    enum tenant_state state;
};

static RESULT state_set(struct admin *a, void *arg, struct error *e)
{
    struct state_change *c = arg;
    TRY(directory_tenant_set_state(a->l->api->directory, c->t->name, c->state, e));
    c->t->state = c->state;
    return RESULT_OK;
}

/* The act stands in both logs: the provider's own, and the one the customer watches. */
static RESULT state_change(struct admin *a, const char *kind, enum tenant_state state,
                           struct error *e)
{
    struct tenant t;
    TRY(admin_tenant(a, &t, e));
    struct state_change c = { &t, state };
    struct admin_act act = { .kind = kind, .log = t.name, .tenant = t.name };
    TRY(admin_run(a, &act, state_set, &c, e));
    return admin_reply(a, tenant_reply, &t, e);
}

RESULT admin_tenants_suspend(struct admin *a, struct error *e)
{
    return state_change(a, "tenant.suspend", TENANT_SUSPENDED, e);
}

RESULT admin_tenants_resume(struct admin *a, struct error *e)
{
    return state_change(a, "tenant.resume", TENANT_ACTIVE, e);
}

RESULT admin_tenants_close(struct admin *a, struct error *e)
{
    return state_change(a, "tenant.close", TENANT_CLOSED, e);
}

/* --- access keys --- */

static RESULT access_key_add(void *arg, const struct access_key *k, struct error *e)
{
    struct jsonw *w = arg;
    char date[TIME_TEXT_MAX];
    (void)e;
    jsonw_object(w);
    jsonw_kv_cstr(w, "access_key_id", k->id);
    jsonw_kv_cstr(w, "created", time_rfc3339(k->created_ms, date));
    jsonw_kv_bool(w, "enabled", k->is_enabled);
    jsonw_kv_cstr(w, "owner", k->user_name);
    jsonw_object_end(w);
    return RESULT_OK;
}

RESULT admin_access_keys_list(struct admin *a, struct error *e)
{
    struct tenant t;
    TRY(admin_tenant(a, &t, e));
    TRY(admin_note(a, "access-key.list", t.name, NULL, e));
    CLEANUP(buf_done_p) struct buf out = BUF(16u * 1024 * 1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "access_keys");
    jsonw_array(&w);
    TRY(directory_key_list(a->l->api->directory, t.name, NULL, access_key_add, &w, e));
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    api_respond_json(a->x, 200, &out);
    return RESULT_OK;
}

static RESULT access_key_create(struct admin *a, void *arg, struct error *e)
{
    struct creation *c = arg;
    const char *user_id = strcmp(c->name, IDENTITY_ROOT_NAME) == 0 ? "" : c->name;
    return directory_key_create(a->l->api->directory, a->l->keeper, c->tenant.name, user_id,
                                &c->key, c->secret, e);
}

RESULT admin_access_keys_create(struct admin *a, struct error *e)
{
    struct creation c = { 0 };
    TRY(admin_tenant(a, &c.tenant, e));
    c.suite = c.tenant.suite;
    TRY(admin_body_text(a, "owner", IDENTITY_ROOT_NAME, &c.name, e)); /* or a user's id */
    struct admin_act act = {
        .kind = "access-key.create", .log = c.tenant.name, .tenant = c.tenant.name, .detail = c.name
    };
    struct with_region reply = { a, &c };
    struct result r = admin_run(a, &act, access_key_create, &c, e);
    if (result_is_ok(r)) {
        r = admin_reply(a, creation_reply, &reply, e);
    }
    mem_wipe(c.secret, sizeof(c.secret));
    return r;
}

static RESULT access_key_delete(struct admin *a, void *arg, struct error *e)
{
    return directory_key_delete(a->l->api->directory, arg, a->params[1], e);
}

static void nothing(void *arg, struct jsonw *w)
{
    (void)arg;
    (void)w;
}

RESULT admin_access_keys_delete(struct admin *a, struct error *e)
{
    struct tenant t;
    TRY(admin_tenant(a, &t, e));
    struct admin_act act = {
        .kind = "access-key.delete", .log = t.name, .tenant = t.name, .detail = a->params[1]
    };
    TRY(admin_run(a, &act, access_key_delete, t.name, e));
    return admin_reply(a, nothing, NULL, e);
}
