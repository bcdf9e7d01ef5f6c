/* Buckets as the operator sees them: settings that S3 has no call for. */
#include "api/rest/rest_priv.h"

struct buckets {
    struct vault_bucket *list;
    size_t n;
};

static void bucket_write(struct jsonw *w, const struct vault_bucket *b)
{
    char date[TIME_TEXT_MAX];
    jsonw_kv_cstr(w, "bucket", b->name);
    jsonw_kv_cstr(w, "created", time_rfc3339(b->created_ms, date));
    jsonw_kv_cstr(w, "digest", b->digest == VAULT_DIGEST_CLIENT ? "client" : "always");
    jsonw_kv_cstr(w, "key_id", b->key_id);
    jsonw_kv_cstr(w, "sse", b->sse == VAULT_SSE_AES256 ? "AES256" : "aws:kms");
}

static void bucket_item(void *arg, size_t i, struct jsonw *w)
{
    const struct buckets *b = arg;
    bucket_write(w, &b->list[i]);
}

static RESULT context(struct rest *r, struct vault_ctx *ret, struct error *e)
{
    struct tenant *t = arena_alloc(r->arena, sizeof(*t));
    TRY(rest_tenant(r, t, e));
    api_vault_ctx(r->l, r->x, t->name, r->who.p->actor, "", r->request_id, ret);
    return RESULT_OK;
}

RESULT rest_buckets_list(struct rest *r, struct error *e)
{
    struct vault_ctx cx;
    struct buckets b = { 0 };
    TRY(context(r, &cx, e));
    TRY(vault_bucket_list(&cx, &b.list, &b.n, e));
    return rest_reply_list(r, b.n, bucket_item, &b, NULL, e);
}

static void bucket_reply(void *arg, struct jsonw *w)
{
    bucket_write(w, arg);
}

/*= 2.1.3-4 "encryption and digest are settings of a bucket; none of them is 'off'" */
RESULT rest_buckets_set(struct rest *r, struct error *e)
{
    struct vault_ctx cx;
    struct vault_bucket b;
    const char *digest = NULL, *sse = NULL, *key = NULL;
    TRY(rest_body_only(r, REST_ONLY("digest", "key_id", "sse"), e));
    TRY(context(r, &cx, e));
    TRY(vault_bucket_get(&cx, bytes_str(r->params[1]), &b, e));
    TRY(rest_body_text(r, "digest", b.digest == VAULT_DIGEST_CLIENT ? "client" : "always", &digest,
                       e));
    TRY(rest_body_text(r, "sse", b.sse == VAULT_SSE_AES256 ? "AES256" : "aws:kms", &sse, e));
    TRY(rest_body_text(r, "key_id", b.key_id, &key, e));
    bool is_client = strcmp(digest, "client") == 0, is_aes = strcmp(sse, "AES256") == 0;
    if ((!is_client && strcmp(digest, "always") != 0) || (!is_aes && strcmp(sse, "aws:kms") != 0)) {
        FAIL(e, ERRC_FORMAT, "digest is always or client; sse is aws:kms or AES256");
    }
    b.digest = is_client ? VAULT_DIGEST_CLIENT : VAULT_DIGEST_ALWAYS;
    b.sse = is_aes ? VAULT_SSE_AES256 : VAULT_SSE_KMS;
    if (key[0] != '\0') {
        struct key_info info;
        TRY(keys_show(r->l->keeper, cx.tenant, key, &info, e));
        memcpy(b.key_id, info.id, sizeof(b.key_id));
    } else {
        b.key_id[0] = '\0';
    }
    TRY(vault_bucket_set(&cx, &b, e));
    return rest_reply(r, 200, 0, bucket_reply, &b, e);
}
