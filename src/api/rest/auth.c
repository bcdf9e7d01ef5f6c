/*
 * Who asks: a session by Bearer token or cookie, an access key by SigV4 with the service "troth",
 * on the management socket without either the local operator.
 *
 * Against requests that another site makes a browser send (CSRF), for what the browser adds by
 * itself, the cookie, and for signing in: the Origin must be our own; with a cookie the session's
 * own text must come back in X-Troth-CSRF; the body is JSON, which a form can't send.
 */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "identity/counter.h"
#include "identity/sigv4.h"

#include <unistd.h>

#define AGENT_MAX 256

void rest_client(struct rest *r, struct session_client *ret)
{
    struct bytes agent = BYTES_NONE;
    (void)http_find(r->x, "User-Agent", &agent);
    *ret = (struct session_client){ .ip = r->http->peer_host,
                                    .agent = arena_str(r->arena, bytes_slice(agent, 0, AGENT_MAX)),
                                    .has_certificate = r->http->client_certificate != NULL,
                                    .ret_is_lockout = &r->is_lockout,
                                    .ret_outside = &r->outside };
}

void rest_refusal_log(struct rest *r, const char *realm, const char *who, const char *why)
{
    struct api_refusal refusal = { .kind = "auth.failed",
                                   .realm = realm,
                                   .error = why,
                                   .method = r->http->method,
                                   .path = r->http->path,
                                   .actor = who,
                                   .ip = r->who.ip,
                                   .agent = r->who.agent,
                                   .request_id = r->request_id };
    api_refused(r->l, &refusal);
    r->is_recorded = true;
}

static bool is_unsafe(const struct rest *r)
{
    return !bytes_equal_str(r->http->method, "GET") && !bytes_equal_str(r->http->method, "HEAD");
}

/* --- sessions --- */

unsigned rest_cookie(struct bytes header, struct bytes *ret)
{
    struct bytes one, name;
    unsigned n = 0;
    for (bool more = header.n > 0; more;) {
        more = bytes_split(&header, ';', &one);
        struct bytes value = bytes_trim(one, " ");
        if (bytes_split(&value, '=', &name) && bytes_equal_str(name, REST_COOKIE)) {
            *ret = value;
            n++;
        }
    }
    return n;
}

static RESULT session_take(struct rest *r, struct bytes token, struct error *e)
{
    struct session_client client;
    struct directory *d = r->l->api->directory;
    rest_client(r, &client);
    struct result res = session_find(d, token, &client, &r->session, e);
    if (res.code == ERRC_DENIED || res.code == ERRC_EXPIRED || res.code == ERRC_NOT_FOUND) {
        r->status = 401;
    }
    TRY(res);
    r->has_session = true;
    r->who.mfa_ms = r->session.mfa_ms;
    bool has_mfa = r->session.stage == SESSION_FULL && r->session.mfa_ms != 0;
    res = principal_of_user(d, r->session.user_id, has_mfa, &r->who.p, e);
    if (res.code == ERRC_NOT_FOUND) {
        return rest_refuse(r, 401, e, ERRC_DENIED, "the account is no more");
    }
    return res;
}

/* --- SigV4 --- */

_Static_assert(sizeof(struct sigv4_header) == sizeof(struct http_header), "the same shape");

static const char *refusal_text(enum sigv4_refusal refusal)
{
    switch (refusal) {
    case SIGV4_SKEWED:
        return "the signature's time is too far from the server's";
    case SIGV4_EXPIRED:
        return "the signature has expired";
    case SIGV4_UNSIGNED_HEADER:
        return "a header that must be signed is not";
    case SIGV4_MISMATCH:
        return "the signature does not match";
    case SIGV4_OK:
    case SIGV4_ANONYMOUS:
    case SIGV4_MALFORMED:
        break;
    }
    return "the Authorization header is malformed";
}

/* The digest of the body as it was read stands in what is signed, whatever was said of it. */
static RESULT digest_check(struct rest *r, struct sigv4_claim *claim, struct error *e)
{
    uint8_t digest[SHA256_BYTES];
    TRY(rest_body_read(r, e));
    sha256(buf_bytes(&r->body), digest);
    if (claim->payload_text.n == 0) {
        sigv4_claim_set_digest(claim, r->arena, digest);
    } else if (claim->payload != SIGV4_PAYLOAD_SHA256 ||
               !mem_equal_ct(digest, claim->payload_sha256, sizeof(digest))) {
        return rest_refuse(r, 401, e, ERRC_DENIED, "the body is not what was signed");
    }
    return RESULT_OK;
}

static RESULT signature_check(struct rest *r, const struct sigv4_request *rq,
                              struct sigv4_claim *claim, struct error *e)
{
    struct directory *d = r->l->api->directory;
    CLEANUP(key256_wipe) struct key256 signing = { { 0 } };
    struct result res = principal_of_key(d, claim->access_key, claim->session_token, &r->who.p, e);
    if (res.code == ERRC_NOT_FOUND || res.code == ERRC_DENIED || res.code == ERRC_EXPIRED) {
        r->status = 401;
    }
    TRY(res);
    TRY(directory_signing_key(d, r->l->keeper, r->who.p->realm, r->who.p->access_key, claim->date,
                              claim->region, claim->service, &signing, e));
    enum sigv4_refusal refusal = sigv4_verify(rq, claim, &signing, e);
    if (refusal != SIGV4_OK) {
        return rest_refuse(r, 401, e, ERRC_DENIED, "%s", refusal_text(refusal));
    }
    r->who.mfa_ms = r->who.p->token_mfa_ms;
    access_key_touch(d, r->who.p, r->who.ip, "troth");
    return RESULT_OK;
}

static RESULT sigv4_take(struct rest *r, struct error *e)
{
    struct sigv4_request rq = {
        .method = r->http->method,
        .path = r->http->path,
        .query = r->http->query,
        .headers = (const struct sigv4_header *)r->http->headers,
        .header_count = r->http->header_count,
    };
    struct sigv4_claim claim = { 0 };
    enum sigv4_refusal refusal =
            sigv4_claim_parse(&rq, clock_wall_ms(r->l->api->clock), r->arena, &claim, e);
    if (refusal != SIGV4_OK) {
        return rest_refuse(r, 401, e, ERRC_DENIED, "%s", refusal_text(refusal));
    }
    if (claim.is_presigned || !bytes_equal_str(claim.service, "troth") ||
        !bytes_equal_str(claim.region, r->settings->region)) {
        return rest_refuse(r, 401, e, ERRC_DENIED,
                           "a signature here is of the service 'troth' and the region '%s'",
                           r->settings->region);
    }
    TRY(digest_check(r, &claim, e));
    return signature_check(r, &rq, &claim, e);
}

/* --- all of it --- */

static RESULT operator_take(struct rest *r, bool *ret, struct error *e)
{
    uid_t uid = r->http->unix_peer.uid;
    if (uid != 0 && uid != geteuid()) {
        *ret = false;
        return RESULT_OK;
    }
    *ret = true;
    return principal_operator(r->l->api->directory, (unsigned)uid, &r->who.p, e);
}

RESULT rest_authenticate(struct rest *r, bool *ret, struct error *e)
{
    struct bytes v, scheme;
    unsigned cookies = 0;
    *ret = true;
    if (http_count(r->x, "Authorization") > 1 || http_count(r->x, "Cookie") > 1) {
        return rest_refuse(r, 400, e, ERRC_FORMAT, "credentials were sent twice");
    }
    if (http_find(r->x, "Authorization", &v)) {
        struct bytes rest = v;
        (void)bytes_split(&rest, ' ', &scheme);
        if (bytes_equal_str_nocase(scheme, "Bearer")) {
            return session_take(r, bytes_trim(rest, " "), e);
        }
        if (bytes_equal_str(scheme, "AWS4-HMAC-SHA256")) {
            return sigv4_take(r, e);
        }
        return rest_refuse(r, 401, e, ERRC_DENIED,
                           "Authorization: Bearer, or AWS4-HMAC-SHA256 for the service 'troth'");
    }
    struct bytes cookie = BYTES_NONE;
    if (http_find(r->x, "Cookie", &v)) {
        cookies = rest_cookie(v, &cookie);
    }
    if (cookies > 1) {
        return rest_refuse(r, 400, e, ERRC_FORMAT, "the cookie was sent twice");
    }
    if (cookies == 1) {
        r->is_cookie = true;
        return session_take(r, cookie, e);
    }
    if (r->is_management) {
        return operator_take(r, ret, e);
    }
    *ret = false;
    return RESULT_OK;
}

/* The signature was good when the request began: its time does not count now. */
RESULT rest_authenticate_again(struct rest *r, struct error *e)
{
    const struct principal *before = r->who.p;
    bool is_known = true;
    struct result res;
    r->who.p = NULL;
    if (before->access_key[0] != '\0') {
        struct bytes token = BYTES_NONE;
        (void)http_find(r->x, "X-Amz-Security-Token", &token);
        res = principal_of_key(r->l->api->directory, bytes_str(before->access_key), token,
                               &r->who.p, e);
    } else {
        r->has_session = false;
        res = rest_authenticate(r, &is_known, e);
    }
    if (!result_is_ok(res) || !is_known) {
        principal_unref(r->who.p);
        r->who.p = before;
        return result_is_ok(res) ? error_set(e, ERRC_DENIED, "nobody is known any more") : res;
    }
    principal_unref(before);
    return RESULT_OK;
}

/* --- other sites --- */

static bool is_own_origin(const struct rest *r, struct bytes origin)
{
    struct bytes scheme = BYTES_LIT("https://");
    if (r->settings->rp_origin[0] != '\0' && bytes_equal_str(origin, r->settings->rp_origin)) {
        return true;
    }
    return bytes_has_prefix(origin, scheme) &&
           bytes_equal_nocase(bytes_slice(origin, scheme.n, origin.n), r->http->host);
}

static bool csrf_fits(const struct rest *r)
{
    struct bytes v;
    CLEANUP(buf_done_p) struct buf got = BUF_SECRET(64);
    return http_count(r->x, "X-Troth-CSRF") == 1 && http_find(r->x, "X-Troth-CSRF", &v) &&
           v.n < 64 && result_is_ok(base64url_decode(v, &got)) &&
           got.n == sizeof(r->session.csrf) &&
           mem_equal_ct(got.p, r->session.csrf, sizeof(r->session.csrf));
}

RESULT rest_same_site(struct rest *r, struct error *e)
{
    struct bytes origin;
    bool is_browsers = r->is_cookie || r->route->realm == REST_OPEN;
    const char *why = NULL;
    if (!is_unsafe(r) || !is_browsers) {
        return RESULT_OK;
    }
    bool has_origin = http_find(r->x, "Origin", &origin);
    if (has_origin && !is_own_origin(r, origin)) {
        why = "the request comes from another site";
    } else if (r->is_cookie && !has_origin) {
        why = "with a cookie a change needs an Origin";
    } else if (r->is_cookie && !csrf_fits(r)) {
        why = "X-Troth-CSRF is missing or not the session's";
    }
    if (why == NULL) {
        return RESULT_OK;
    }
    rest_refusal_log(r, r->who.p != NULL ? r->who.p->home : NULL,
                     r->who.p != NULL ? r->who.p->actor : NULL, why);
    return rest_refuse(r, 403, e, ERRC_DENIED, "%s", why);
}
