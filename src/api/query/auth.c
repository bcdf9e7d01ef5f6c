/* Who asks by the query protocol: SigV4 for the services iam and sts, by access key or token. */
#include "api/query/query_priv.h"

#include "crypto/hash.h"
#include "identity/counter.h"

#define GLOBAL_REGION                                                                              \
    "us-east-1" /* where clients think IAM and STS are, whatever the server's region */

static RESULT refuse(struct query *q, enum sigv4_refusal refusal, struct error *e)
{
    switch (refusal) {
    case SIGV4_MALFORMED:
        QUERY_FAIL(q, e, 400, "IncompleteSignature", ERRC_FORMAT, "The signature is not complete.");
    case SIGV4_ANONYMOUS:
        QUERY_FAIL(q, e, 403, "MissingAuthenticationToken", ERRC_DENIED,
                   "Request is missing Authentication Token");
    case SIGV4_EXPIRED:
        QUERY_FAIL(q, e, 400, "RequestExpired", ERRC_EXPIRED, "Request has expired.");
    case SIGV4_SKEWED:
        QUERY_FAIL(q, e, 403, "SignatureDoesNotMatch", ERRC_DENIED,
                   "Signature expired or not yet current: the request's time is too far from the "
                   "server's.");
    case SIGV4_UNSIGNED_HEADER:
    case SIGV4_MISMATCH:
    case SIGV4_OK:
        break;
    }
    QUERY_FAIL(q, e, 403, "SignatureDoesNotMatch", ERRC_DENIED,
               "The request signature we calculated does not match the signature you provided. "
               "Check your AWS Secret Access Key and signing method.");
}

static RESULT digest_check(struct query *q, struct bytes body, struct error *e)
{
    uint8_t digest[SHA256_BYTES];
    sha256(body, digest);
    if (q->claim.payload_text.n == 0) {
        sigv4_claim_set_digest(&q->claim, q->arena, digest);
    } else if (q->claim.payload != SIGV4_PAYLOAD_SHA256 ||
               memcmp(digest, q->claim.payload_sha256, sizeof(digest)) != 0) {
        return refuse(q, SIGV4_MISMATCH, e);
    }
    return RESULT_OK;
}

static RESULT scope_check(struct query *q, struct error *e)
{
    const struct sigv4_claim *c = &q->claim;
    if (bytes_equal_str(c->service, "iam")) {
        q->service = QUERY_IAM;
    } else if (!bytes_equal_str(c->service, "sts")) {
        return refuse(q, SIGV4_MISMATCH, e);
    }
    if (!bytes_equal_str(c->region, GLOBAL_REGION) &&
        !bytes_equal_str(c->region, api_settings(q->l)->region)) {
        QUERY_FAIL(q, e, 403, "SignatureDoesNotMatch", ERRC_DENIED,
                   "Credential should be scoped to a valid region: %s.",
                   api_settings(q->l)->region);
    }
    return RESULT_OK;
}

static RESULT principal_find(struct query *q, struct error *e)
{
    struct result r = principal_of_key(q->l->api->directory, q->claim.access_key,
                                       q->claim.session_token, &q->who.p, e);
    if (r.code == ERRC_NOT_FOUND || r.code == ERRC_DENIED) {
        QUERY_FAIL(q, e, 403, "InvalidClientTokenId", ERRC_DENIED,
                   "The security token included in the request is invalid.");
    }
    if (r.code == ERRC_EXPIRED) {
        QUERY_FAIL(q, e, 403, "ExpiredToken", ERRC_DENIED,
                   "The security token included in the request is expired");
    }
    return r;
}

static RESULT check(struct query *q, struct bytes body, struct error *e)
{
    struct sigv4_request rq = {
        .method = q->http->method,
        .path = q->http->path,
        .query = q->http->query,
        .headers = (const struct sigv4_header *)q->http->headers,
        .header_count = q->http->header_count,
    };
    int64_t now = clock_wall_ms(q->l->api->clock);
    enum sigv4_refusal refusal = sigv4_claim_parse(&rq, now, q->arena, &q->claim, e);
    if (refusal != SIGV4_OK) {
        return refuse(q, refusal, e);
    }
    TRY(scope_check(q, e));
    TRY(digest_check(q, body, e));
    TRY(principal_find(q, e));
    const struct principal *p = q->who.p;
    TRY(directory_signing_key(q->l->api->directory, q->l->keeper, p->realm, p->access_key,
                              q->claim.date, q->claim.region, q->claim.service, &q->signing_key,
                              e));
    refusal = sigv4_verify(&rq, &q->claim, &q->signing_key, e);
    return refusal == SIGV4_OK ? RESULT_OK : refuse(q, refusal, e);
}

/* The same failure comes from who guesses and from who is known: kind and log tell them apart. */
static void note(struct query *q, bool is_authentic, const struct error *e)
{
    const struct principal *p = q->who.p;
    struct api_refusal refusal = { .kind = is_authentic ? "access.denied" : "auth.failed",
                                   .realm = p != NULL ? p->realm : NULL,
                                   .error = e->msg,
                                   .method = q->http->method,
                                   .path = q->http->path,
                                   .access_key = q->claim.access_key,
                                   .actor = is_authentic ? p->actor : NULL,
                                   .ip = q->who.ip,
                                   .agent = q->who.agent,
                                   .request_id = q->id,
                                   .status = q->status };
    api_refused(q->l, &refusal);
}

RESULT query_authenticate(struct query *q, struct bytes body, struct error *e)
{
    struct result r = check(q, body, e);
    if (!result_is_ok(r)) {
        if (q->code != NULL) {
            note(q, false, e);
        }
        return r;
    }
    const struct principal *p = q->who.p;
    q->who.mfa_ms = p->token_mfa_ms;
    access_key_touch(q->l->api->directory, p, q->who.ip, q->service == QUERY_IAM ? "iam" : "sts");
    if (p->kind == PRINCIPAL_USER && !p->is_person &&
        strcmp(p->user_name, IDENTITY_ROOT_NAME) == 0) {
        counter_add(q->l->api->directory, p->realm, "root.use", 1);
    }
    if (p->is_frozen) {
        result_ignore(error_set(e, ERRC_DENIED, "%s", p->why_frozen));
        q->status = 403;
        q->code = "AccessDenied";
        note(q, true, e);
        return result_of(ERRC_DENIED);
    }
    return iam_init(&q->iam, q->l, &q->who, q->arena, p->realm, e);
}
