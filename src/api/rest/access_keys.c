/* Access keys of a realm's users: listed with their last use, made, switched, deleted. */
#include "api/rest/rest_priv.h"

static void access_key_write(struct jsonw *w, const struct access_key *k)
{
    jsonw_kv_cstr(w, "access_key_id", k->id);
    rest_kv_time(w, "created", k->created_ms);
    jsonw_kv_bool(w, "enabled", k->is_enabled);
    jsonw_kv_cstr(w, "owner", k->user_name);
    rest_kv_time(w, "used", k->used_ms);
    jsonw_kv_cstr(w, "used_from", k->used_from);
    jsonw_kv_cstr(w, "used_service", k->used_service);
}

struct key_page {
    const char *after;
    size_t max, n;
    struct access_key *list; /* sorted by id; one more than max */
};

/* Keeps the first of those behind `after`, whatever order they come in. */
static RESULT key_add(void *arg, const struct access_key *k, struct error *e)
{
    struct key_page *p = arg;
    (void)e;
    if (strcmp(k->id, p->after) <= 0) {
        return RESULT_OK;
    }
    size_t at = p->n;
    while (at > 0 && strcmp(p->list[at - 1].id, k->id) > 0) {
        at--;
    }
    if (at > p->max) {
        return RESULT_OK;
    }
    size_t kept = MIN(p->n, p->max);
    memmove(&p->list[at + 1], &p->list[at], (kept - at) * sizeof(*p->list));
    p->list[at] = *k;
    p->n = kept + 1;
    return RESULT_OK;
}

static void key_item(void *arg, size_t i, struct jsonw *w)
{
    const struct key_page *p = arg;
    access_key_write(w, &p->list[i]);
}

static RESULT list(struct rest *r, const char *user_id, struct error *e)
{
    struct key_page p = { 0 };
    TRY(rest_page(r, &p.max, &p.after, e));
    p.list = arena_alloc(r->arena, (p.max + 2) * sizeof(*p.list));
    TRY(rest_note(r, "access-key.list", r->realm, NULL, e));
    TRY(directory_key_list(r->l->api->directory, r->realm, user_id, key_add, &p, e));
    size_t n = MIN(p.n, p.max);
    return rest_reply_list(r, n, key_item, &p, p.n > n ? p.list[n - 1].id : NULL, e);
}

RESULT rest_access_keys_list(struct rest *r, struct error *e)
{
    return list(r, NULL, e);
}

RESULT rest_user_keys_list(struct rest *r, struct error *e)
{
    struct iam_cx c;
    struct iam_subject s;
    TRY(rest_iam(r, &c, e));
    TRY(iam_find(&c, IAM_USER, r->params[1], &s, e));
    return list(r, s.id, e);
}

struct key_made {
    struct rest *r;
    struct access_key key;
    char secret[SECRET_KEY_BYTES];
};

static void made_reply(void *arg, struct jsonw *w)
{
    const struct key_made *m = arg;
    jsonw_kv_cstr(w, "access_key_id", m->key.id);
    jsonw_kv_cstr(w, "account", m->key.account);
    jsonw_kv_cstr(w, "owner", m->key.user_name);
    jsonw_kv_cstr(w, "region", m->r->settings->region);
    jsonw_kv_cstr(w, "secret_access_key", m->secret);
    jsonw_kv_cstr(w, "tenant", m->r->realm);
}

RESULT rest_user_keys_create(struct rest *r, struct error *e)
{
    struct key_made m = { .r = r };
    struct iam_cx c;
    TRY(rest_body_only(r, REST_ONLY("reason"), e));
    TRY(rest_iam(r, &c, e));
    struct result res = iam_key_create(&c, r->params[1], &m.key, m.secret, e);
    res = result_is_ok(res) ? rest_reply(r, 201, 0, made_reply, &m, e) : res;
    mem_wipe(m.secret, sizeof(m.secret));
    return res;
}

/* The key by its id, with its user's name. */
static RESULT key_of_path(struct rest *r, struct access_key *ret, struct error *e)
{
    TRY(directory_key_find(r->l->api->directory, bytes_str(r->params[1]), ret, e));
    if (strcmp(ret->tenant, r->realm) != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no access key '%.32s'", r->params[1]);
    }
    return RESULT_OK;
}

static void key_reply(void *arg, struct jsonw *w)
{
    access_key_write(w, arg);
}

RESULT rest_access_keys_change(struct rest *r, struct error *e)
{
    struct access_key k;
    struct iam_cx c;
    TRY(rest_body_only(r, REST_ONLY("enabled", "reason"), e));
    TRY(rest_iam(r, &c, e));
    TRY(key_of_path(r, &k, e));
    bool is_enabled = k.is_enabled;
    TRY(rest_body_bool(r, "enabled", k.is_enabled, &is_enabled, e));
    TRY(iam_key_enable(&c, k.user_name, k.id, is_enabled, e));
    k.is_enabled = is_enabled;
    return rest_reply(r, 200, 0, key_reply, &k, e);
}

RESULT rest_access_keys_delete(struct rest *r, struct error *e)
{
    struct access_key k;
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(key_of_path(r, &k, e));
    TRY(iam_key_delete(&c, k.user_name, k.id, e));
    rest_reply_empty(r);
    return RESULT_OK;
}
