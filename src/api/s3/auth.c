/*
 * Who asks: SigV4 against the directory, the tenant's state, and the entry for what is refused.
 *
 * What who is known may do is decided in access.c; nobody sees anything outside the realm they act
 * in: bucket names live within a tenant. What is refused becomes an entry (api_refused).
 */
#include "api/s3/request.h"
#include "base/text.h"

void s3_refusal_log(struct s3_request *r, enum s3_error err)
{
    bool is_known = r->is_authentic || r->is_anonymous;
    struct bytes agent = s3_header(r, "User-Agent");
    struct api_refusal refusal = {
        .kind = is_known ? "access.denied" : "auth.failed",
        .realm = r->p != NULL ? r->p->realm : NULL,
        .error = s3_error_info(err)->code,
        .action = r->denied_action,
        .method = r->http->method,
        .path = r->http->path,
        .access_key = r->claim.access_key,
        .actor = is_known ? r->p->actor : NULL,
        .ip = r->http->peer_host,
        .agent = arena_str(r->arena, bytes_slice(agent, 0, 256)),
        .request_id = r->id,
        .status = s3_error_info(err)->status,
    };
    api_refused(r->l, &refusal);
}

/* A malformed claim says nothing about itself. */
static bool is_presigned(const struct s3_request *r)
{
    struct bytes v;
    return s3_header(r, "Authorization").p == NULL && s3_param(r, "X-Amz-Algorithm", &v);
}

static enum s3_error error_of_refusal(const struct s3_request *r, enum sigv4_refusal refusal)
{
    switch (refusal) {
    case SIGV4_OK:
        return S3_OK;
    case SIGV4_MALFORMED:
        return is_presigned(r) ? S3_AUTHORIZATION_QUERY_PARAMETERS_ERROR
                               : S3_AUTHORIZATION_HEADER_MALFORMED;
    case SIGV4_SKEWED:
        return S3_REQUEST_TIME_TOO_SKEWED;
    case SIGV4_MISMATCH:
        return S3_SIGNATURE_DOES_NOT_MATCH;
    case SIGV4_ANONYMOUS:
    case SIGV4_EXPIRED:
    case SIGV4_UNSIGNED_HEADER:
        break;
    }
    return S3_ACCESS_DENIED;
}

static enum s3_error scope_check(struct s3_request *r, struct error *e)
{
    const struct sigv4_claim *c = &r->claim;
    if (!bytes_equal_str(c->service, "s3")) {
        result_ignore(error_set(e, ERRC_UNSUPPORTED, "The service '%.*s' is not implemented here.",
                                BYTES_FMT(bytes_slice(c->service, 0, 32))));
        return S3_NOT_IMPLEMENTED;
    }
    if (!bytes_equal_str(c->region, r->settings->region)) {
        result_ignore(error_set(e, ERRC_FORMAT, "The region '%.*s' is wrong; expecting '%s'",
                                BYTES_FMT(bytes_slice(c->region, 0, 64)), r->settings->region));
        return S3_AUTHORIZATION_HEADER_MALFORMED;
    }
    return S3_OK;
}

void s3_principal_keep(struct s3_request *r, const struct principal *now)
{
    if (r->first == NULL) {
        r->first = now;
    } else if (r->p != r->first) {
        principal_unref(r->p);
    }
    r->p = now;
}

void s3_principals_done(struct s3_request *r)
{
    if (r->p != r->first) {
        principal_unref(r->p);
    }
    principal_unref(r->first);
    r->p = r->first = NULL;
}

static enum s3_error error_of_principal(const struct s3_request *r, struct result res,
                                        struct error *e)
{
    enum s3_error err = s3_error_of(res.code, S3_INVALID_ACCESS_KEY_ID);
    bool has_token = r->claim.session_token.n > 0;
    if (res.code == ERRC_EXPIRED) {
        err = S3_EXPIRED_TOKEN;
    } else if (res.code == ERRC_DENIED) { /* of a disabled key AWS says the same as of none */
        err = has_token ? S3_INVALID_TOKEN : S3_INVALID_ACCESS_KEY_ID;
    }
    if (err != S3_INTERNAL_ERROR && err != S3_SERVICE_UNAVAILABLE) {
        result_ignore(error_set(e, res.code, "%s%s", s3_error_info(err)->message,
                                err == S3_INVALID_ACCESS_KEY_ID && has_token
                                        ? " Temporary keys end with their time, their grant, or "
                                          "their user's freeze."
                                        : ""));
    }
    return err;
}

static enum s3_error key_check(struct s3_request *r, const struct sigv4_request *signed_rq,
                               struct error *e)
{
    const struct principal *p = NULL;
    struct result res = principal_of_key(r->l->api->directory, r->claim.access_key,
                                         r->claim.session_token, &p, e);
    if (!result_is_ok(res)) {
        return error_of_principal(r, res, e);
    }
    s3_principal_keep(r, p);
    res = directory_signing_key(r->l->api->directory, r->l->keeper, p->realm, p->access_key,
                                r->claim.date, r->claim.region, r->claim.service, &r->signing_key,
                                e);
    if (!result_is_ok(res)) {
        return s3_error_of(res.code, S3_INVALID_ACCESS_KEY_ID);
    }
    enum sigv4_refusal refusal = sigv4_verify(signed_rq, &r->claim, &r->signing_key, e);
    if (refusal != SIGV4_OK) {
        result_ignore(error_set(e, ERRC_DENIED, "%s",
                                s3_error_info(error_of_refusal(r, refusal))->message));
        return error_of_refusal(r, refusal);
    }
    r->is_authentic = true;
    if (p->is_frozen) {
        result_ignore(error_set(e, ERRC_DENIED, "Access Denied: %s.", p->why_frozen));
        return S3_ACCESS_DENIED;
    }
    return S3_OK;
}

/* Without credentials there are public buckets alone. Their names are unique in the deployment. */
static enum s3_error anonymous(struct s3_request *r, struct error *e)
{
    char realm[TENANT_NAME_BYTES];
    const struct principal *p = NULL;
    struct directory *d = r->l->api->directory;
    result_ignore(error_set(e, ERRC_DENIED, "Access Denied"));
    if (r->bucket_name.p == NULL ||
        !result_is_ok(bucket_public_find(d, r->bucket_name, realm, NULL)) ||
        !result_is_ok(principal_anonymous(d, realm, &p, NULL))) {
        return S3_ACCESS_DENIED;
    }
    s3_principal_keep(r, p);
    r->is_anonymous = true;
    return p->is_frozen ? S3_ACCESS_DENIED : S3_OK;
}

/* Signature version 2 is HMAC-SHA-1 over a part of the request: known, and refused with the reason.
 */
static bool is_version_2(const struct s3_request *r)
{
    struct bytes v;
    return bytes_has_prefix(s3_header(r, "Authorization"), BYTES_LIT("AWS ")) ||
           (s3_param(r, "AWSAccessKeyId", &v) && s3_param(r, "Signature", &v));
}

static enum s3_error check(struct s3_request *r, struct error *e)
{
    if (is_version_2(r)) {
        result_ignore(error_set(e, ERRC_UNSUPPORTED,
                                "The authorization mechanism you have provided is not supported. "
                                "Please use AWS4-HMAC-SHA256."));
        return S3_INVALID_REQUEST;
    }
    struct sigv4_request rq = {
        .method = r->http->method,
        .path = r->http->path,
        .query = r->http->query,
        .headers = (const struct sigv4_header *)r->http->headers,
        .header_count = r->http->header_count,
    };
    int64_t now = clock_wall_ms(r->l->api->clock);
    enum sigv4_refusal refusal = sigv4_claim_parse(&rq, now, r->arena, &r->claim, e);
    if (refusal != SIGV4_OK) {
        return refusal == SIGV4_ANONYMOUS ? anonymous(r, e) : error_of_refusal(r, refusal);
    }
    enum s3_error err = scope_check(r, e);
    return err != S3_OK ? err : key_check(r, &rq, e);
}

_Static_assert(sizeof(struct sigv4_header) == sizeof(struct http_header), "the same shape");

enum s3_error s3_authenticate(struct s3_request *r, struct error *e)
{
    enum s3_error err = check(r, e);
    if (err == S3_OK) {
        api_vault_ctx(r->l, r->x, r->p->realm, r->p->actor, r->p->access_key, r->id, &r->cx);
        r->cx.grant = r->p->grant;
    } else if (err != S3_SERVICE_UNAVAILABLE && err != S3_NOT_IMPLEMENTED) {
        s3_refusal_log(r, err);
    }
    return err;
}
