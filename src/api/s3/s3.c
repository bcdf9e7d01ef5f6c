/* The way of an S3 request: target, signature, operation, answer, count. */
#include "api/s3/s3.h"

#include "api/s3/access.h"
#include "base/text.h"

bool s3_is_signed(const struct http_exchange *x)
{
    struct bytes v;
    if (http_find(x, "Authorization", &v)) {
        return true;
    }
    struct bytes query = http_request(x)->query;
    return bytes_find(query, BYTES_LIT("X-Amz-Signature=")) < query.n;
}

static void run(struct s3_request *r)
{
    struct error e = { 0 };
    enum s3_error err = s3_target_parse(r, &e);
    if (err == S3_OK) {
        err = s3_authenticate(r, &e);
    }
    if (err != S3_OK) {
        s3_fail(r, err, err == S3_INTERNAL_ERROR ? NULL : e.msg);
        return;
    }
    err = s3_route(r);
    if (err != S3_OK) {
        s3_fail(r, err, NULL);
        return;
    }
    if (!s3_owner_is_expected(r, "x-amz-expected-bucket-owner")) {
        return;
    }
    struct result res =
            r->op->needs_bucket ? s3_bucket_load(r, r->bucket_name, &r->bucket, &e) : RESULT_OK;
    if (!result_is_ok(res) && res.code != ERRC_NOT_FOUND) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    if (!s3_allow_op(r, r->op->needs_bucket && result_is_ok(res))) {
        return;
    }
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    r->op->run(r);
}

void s3_handle(struct api_loop *l, struct http_exchange *x)
{
    int64_t started = clock_mono_ns();
    const struct http_request *http = http_request(x);
    struct s3_request *r = arena_zalloc(http->arena, sizeof(*r));
    r->l = l;
    r->x = x;
    r->http = http;
    r->arena = http->arena;
    r->settings = api_settings(l);
    api_request_id(l, r->id);
    run(r);
    if (r->is_authentic) {
        access_key_touch(l->api->directory, r->p, http->peer_host, "s3");
    }
    s3_principals_done(r);
    key256_wipe(&r->signing_key);
    metrics_request(l->api->metrics, r->op != NULL ? r->op->name : "refused", http_status(x),
                    r->bytes_in, r->bytes_out, (clock_mono_ns() - started) / 1000);
}
