/*
 * Idempotency-Key on creates. What is kept of an answer lies in the sealed directory for a day; an
 * answer with a secret is not kept: secrets are shown once and exist nowhere else but sealed by the
 * keeper, so that a repetition is told that the thing was made, and no more.
 */
#include "api/rest/rest_priv.h"

#include "crypto/hash.h"

static void describe(struct rest *r, struct idempotency *ret)
{
    static const struct bytes nul = { (const uint8_t *)"", 1 };
    const struct principal *p = r->who.p;
    *ret = (struct idempotency){ .realm = p->home,
                                 .principal = p->unique_id[0] != '\0' ? p->unique_id : p->actor,
                                 .key = r->idempotency_key };
    struct bytes parts[] = { r->http->method, nul, r->http->target, nul, buf_bytes(&r->body) };
    sha256_parts(parts, ARRAY_LEN(parts), ret->digest);
}

RESULT rest_idempotent_begin(struct rest *r, bool *ret_is_answered, struct error *e)
{
    struct bytes key;
    *ret_is_answered = false;
    if ((r->route->flags & REST_CREATES) == 0 || !http_find(r->x, "Idempotency-Key", &key)) {
        return RESULT_OK;
    }
    struct idempotency i;
    unsigned status = 0;
    bool is_secret = false;
    CLEANUP(buf_done_p) struct buf body = BUF(IDEMPOTENCY_BODY_MAX);
    r->idempotency_key = arena_str(r->arena, key);
    describe(r, &i);
    TRY(idempotency_begin(r->l->api->directory, &i, &status, &is_secret, &body, e));
    if (status == 0) {
        r->is_kept = true;
        return RESULT_OK;
    }
    if (is_secret) {
        FAIL(e, ERRC_CONFLICT,
             "this was done already under this Idempotency-Key; its answer held a secret, which is "
             "shown once and kept nowhere");
    }
    *ret_is_answered = true;
    rest_headers(r);
    http_set_header_str(r->x, "Idempotency-Replayed", "true");
    result_ignore(http_respond(r->x, status, body.n > 0 ? "application/json" : NULL,
                               buf_bytes(&body), NULL));
    return RESULT_OK;
}

void rest_idempotent_end(struct rest *r, unsigned status, struct bytes body)
{
    struct idempotency i;
    if (!r->is_kept) {
        return;
    }
    r->is_kept = false;
    describe(r, &i);
    /* When this fails the key stays taken: a repetition is refused, nothing is made twice. */
    result_ignore(idempotency_end(r->l->api->directory, &i, status,
                                  (r->route->flags & REST_SECRET) != 0, body, NULL));
}

void rest_idempotent_drop(struct rest *r)
{
    struct idempotency i;
    if (!r->is_kept) {
        return;
    }
    r->is_kept = false;
    describe(r, &i);
    result_ignore(idempotency_drop(r->l->api->directory, &i, NULL));
}
