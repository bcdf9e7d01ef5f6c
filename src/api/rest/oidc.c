/* OpenID Connect issuers whose tokens a realm takes (AssumeRoleWithWebIdentity). */
#include "api/rest/rest_priv.h"

struct oidc_answer {
    struct iam_cx c;
    struct oidc_provider provider;
    struct oidc_provider *list;
};

static void texts_write(struct jsonw *w, const char *key, const char *const *list, size_t n)
{
    jsonw_key(w, key);
    jsonw_array(w);
    for (size_t i = 0; i < n; i++) {
        jsonw_cstr(w, list[i]);
    }
    jsonw_array_end(w);
}

static void provider_write(struct iam_cx *c, const struct oidc_provider *p, struct jsonw *w)
{
    jsonw_kv_cstr(w, "arn", iam_oidc_arn(c, p->url));
    texts_write(w, "clients", p->clients, p->client_count);
    rest_kv_time(w, "created", p->created_ms);
    texts_write(w, "thumbprints", p->thumbprints, p->thumbprint_count);
    jsonw_kv_cstr(w, "url", p->url);
}

static void oidc_write(void *arg, struct jsonw *w)
{
    struct oidc_answer *a = arg;
    provider_write(&a->c, &a->provider, w);
}

static void oidc_item(void *arg, size_t i, struct jsonw *w)
{
    struct oidc_answer *a = arg;
    provider_write(&a->c, &a->list[i], w);
}

/* The issuer as it is now. */
static RESULT oidc_reply(struct rest *r, struct oidc_answer *a, unsigned status, const char *url,
                         struct error *e)
{
    TRY(oidc_provider_get(r->l->api->directory, r->realm, bytes_str(url), r->arena, &a->provider,
                          e));
    return rest_reply(r, status, 0, oidc_write, a, e);
}

RESULT rest_oidc_list(struct rest *r, struct error *e)
{
    struct oidc_answer a = { 0 };
    size_t n = 0;
    TRY(rest_iam(r, &a.c, e));
    TRY(oidc_provider_list(r->l->api->directory, r->realm, r->arena, &a.list, &n, e));
    return rest_reply_list(r, n, oidc_item, &a, NULL, e);
}

RESULT rest_oidc_create(struct rest *r, struct error *e)
{
    struct oidc_answer a = { 0 };
    struct oidc_provider p = { 0 };
    TRY(rest_body_only(r, REST_ONLY("clients", "thumbprints", "url"), e));
    TRY(rest_body_need(r, "url", &p.url, e));
    TRY(rest_body_texts(r, "clients", OIDC_CLIENTS_MAX, &p.clients, &p.client_count, e));
    TRY(rest_body_texts(r, "thumbprints", OIDC_THUMBPRINTS_MAX, &p.thumbprints, &p.thumbprint_count,
                        e));
    TRY(rest_iam(r, &a.c, e));
    TRY(iam_oidc_create(&a.c, &p, e));
    return oidc_reply(r, &a, 201, p.url, e);
}

RESULT rest_oidc_show(struct rest *r, struct error *e)
{
    struct oidc_answer a = { 0 };
    TRY(rest_iam(r, &a.c, e));
    return oidc_reply(r, &a, 200, r->params[1], e);
}

RESULT rest_oidc_delete(struct rest *r, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_oidc_delete(&c, r->params[1], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

static RESULT client(struct rest *r, bool is_add, struct error *e)
{
    struct iam_cx c;
    TRY(rest_iam(r, &c, e));
    TRY(iam_oidc_client(&c, is_add, r->params[1], r->params[2], e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_oidc_client_add(struct rest *r, struct error *e)
{
    return client(r, true, e);
}

RESULT rest_oidc_client_remove(struct rest *r, struct error *e)
{
    return client(r, false, e);
}
