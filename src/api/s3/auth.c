/*
 * Who asks: SigV4 against the directory, the tenant's state, and the entry for what is refused.
 *
 * A tenant's access keys may do everything within the tenant and see nothing outside it: bucket
 * names live within a tenant. Refusals are entries of the tenant's log (of the platform log where
 * no tenant is known), at most REFUSALS_PER_S a second and loop; what is suppressed is counted in
 * the next one.
 */
#include "api/s3/request.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <stdio.h>

#define REFUSALS_PER_S 50

struct refusals {
    int64_t second;
    unsigned count;
    uint64_t suppressed;
};
static __thread struct refusals refusals;

static bool may_log_refusal(const struct s3_request *r)
{
    int64_t second = clock_mono_ms(r->l->api->clock) / 1000;
    if (second != refusals.second) {
        refusals.second = second;
        refusals.count = 0;
    }
    if (refusals.count >= REFUSALS_PER_S) {
        refusals.suppressed++;
        return false;
    }
    refusals.count++;
    return true;
}

/*= 2.1.5-3 "refused requests are records too, with who, whence and why" */
void s3_refusal_log(struct s3_request *r, enum s3_error err)
{
    if (!may_log_refusal(r)) {
        return;
    }
    bool has_log = r->access.tenant[0] != '\0' && r->access.tenant_state != TENANT_CLOSED;
    const char *kind = r->is_authentic ? "access.denied" : "auth.failed";
    const char *log = has_log ? r->access.tenant : LEDGER_PLATFORM;
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    struct bytes agent = s3_header(r, "User-Agent");
    struct jsonw w;
    jsonw_init(&w, &payload);
    jsonw_object(&w);
    jsonw_key(&w, "actor");
    jsonw_object(&w);
    jsonw_kv_str(&w, "access_key", bytes_slice(r->claim.access_key, 0, 64));
    jsonw_kv_str(&w, "agent", bytes_slice(agent, 0, 256));
    jsonw_kv_cstr(&w, "ip", r->http->peer_host);
    jsonw_object_end(&w);
    jsonw_kv_cstr(&w, "error", s3_error_info(err)->code);
    jsonw_kv_str(&w, "method", r->http->method);
    jsonw_kv_str(&w, "path", bytes_slice(r->http->path, 0, 2048));
    jsonw_kv_cstr(&w, "request", r->id);
    jsonw_kv_u64(&w, "status", s3_error_info(err)->status);
    jsonw_kv_u64(&w, "suppressed", refusals.suppressed);
    jsonw_object_end(&w);
    refusals.suppressed = 0;
    struct ledger_position pos;
    result_ignore(ledger_append(r->l->scribe, log, kind, buf_bytes(&payload), &pos, NULL));
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

static enum s3_error key_check(struct s3_request *r, const struct sigv4_request *signed_rq,
                               struct error *e)
{
    struct result res =
            directory_key_find(r->l->api->directory, r->claim.access_key, &r->access, e);
    if (!result_is_ok(res)) {
        if (res.code == ERRC_NOT_FOUND) {
            result_ignore(
                    error_set(e, res.code, "%s", s3_error_info(S3_INVALID_ACCESS_KEY_ID)->message));
        }
        return s3_error_of(res.code, S3_INVALID_ACCESS_KEY_ID);
    }
    if (r->claim.session_token.n > 0) {
        result_ignore(error_set(e, ERRC_DENIED,
                                "The provided token is not valid: this access key has none."));
        return S3_ACCESS_DENIED;
    }
    res = directory_signing_key(r->l->api->directory, r->l->keeper, r->access.tenant, r->access.id,
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
    if (!r->access.is_enabled) {
        result_ignore(error_set(e, ERRC_DENIED, "Access Denied: the access key is disabled."));
        return S3_ACCESS_DENIED;
    }
    if (r->access.tenant_state != TENANT_ACTIVE) {
        result_ignore(error_set(e, ERRC_DENIED, "Access Denied: the tenant is %s.",
                                tenant_state_name(r->access.tenant_state)));
        return S3_ACCESS_DENIED;
    }
    return S3_OK;
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
        enum s3_error err = error_of_refusal(r, refusal);
        if (refusal == SIGV4_ANONYMOUS) {
            result_ignore(error_set(e, ERRC_DENIED, "Access Denied"));
        }
        return err;
    }
    enum s3_error err = scope_check(r, e);
    return err != S3_OK ? err : key_check(r, &rq, e);
}

_Static_assert(sizeof(struct sigv4_header) == sizeof(struct http_header), "the same shape");

enum s3_error s3_authenticate(struct s3_request *r, struct error *e)
{
    enum s3_error err = check(r, e);
    if (err == S3_OK) {
        api_vault_ctx(r->l, r->x, r->access.tenant, r->access.user_name, r->access.id, r->id,
                      &r->cx);
    } else if (err != S3_SERVICE_UNAVAILABLE && err != S3_NOT_IMPLEMENTED) {
        s3_refusal_log(r, err);
    }
    return err;
}
