/* Buckets as the operator sees them: settings that S3 has no call for. */
#include "api/admin/admin.h"

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

static void buckets_reply(void *arg, struct jsonw *w)
{
    const struct buckets *b = arg;
    jsonw_key(w, "buckets");
    jsonw_array(w);
    for (size_t i = 0; i < b->n; i++) {
        jsonw_object(w);
        bucket_write(w, &b->list[i]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static RESULT context(struct admin *a, struct vault_ctx *ret, struct error *e)
{
    struct tenant *t = arena_alloc(a->arena, sizeof(*t));
    TRY(admin_tenant(a, t, e));
    api_vault_ctx(a->l, a->x, t->name, a->actor, "", a->request_id, ret);
    return RESULT_OK;
}

RESULT admin_buckets_list(struct admin *a, struct error *e)
{
    struct vault_ctx cx;
    struct buckets b = { 0 };
    TRY(context(a, &cx, e));
    TRY(vault_bucket_list(&cx, &b.list, &b.n, e));
    return admin_reply(a, buckets_reply, &b, e);
}

static void bucket_reply(void *arg, struct jsonw *w)
{
    bucket_write(w, arg);
}

/*= 2.1.3-4 "encryption and digest are settings of a bucket; none of them is 'off'" */
RESULT admin_buckets_set(struct admin *a, struct error *e)
{
    struct vault_ctx cx;
    struct vault_bucket b;
    const char *digest = NULL, *sse = NULL, *key = NULL;
    TRY(context(a, &cx, e));
    TRY(vault_bucket_get(&cx, bytes_str(a->params[1]), &b, e));
    TRY(admin_body_text(a, "digest", b.digest == VAULT_DIGEST_CLIENT ? "client" : "always", &digest,
                        e));
    TRY(admin_body_text(a, "sse", b.sse == VAULT_SSE_AES256 ? "AES256" : "aws:kms", &sse, e));
    TRY(admin_body_text(a, "key_id", b.key_id, &key, e));
    bool is_client = strcmp(digest, "client") == 0, is_aes = strcmp(sse, "AES256") == 0;
    if ((!is_client && strcmp(digest, "always") != 0) || (!is_aes && strcmp(sse, "aws:kms") != 0)) {
        FAIL(e, ERRC_FORMAT, "digest is always or client; sse is aws:kms or AES256");
    }
    b.digest = is_client ? VAULT_DIGEST_CLIENT : VAULT_DIGEST_ALWAYS;
    b.sse = is_aes ? VAULT_SSE_AES256 : VAULT_SSE_KMS;
    if (key[0] != '\0') {
        struct key_info info;
        TRY(keys_show(a->l->keeper, cx.tenant, key, &info, e));
        memcpy(b.key_id, info.id, sizeof(b.key_id));
    } else {
        b.key_id[0] = '\0';
    }
    TRY(vault_bucket_set(&cx, &b, e));
    return admin_reply(a, bucket_reply, &b, e);
}
