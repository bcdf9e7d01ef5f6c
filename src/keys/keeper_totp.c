/* Time-based one-time passwords (RFC 6238): checked here, so that seeds never leave the keeper. */
#include "crypto/otp.h"
#include "keys/keeper_priv.h"

struct totp_args {
    char tenant[64];
    struct bytes aad, sealed, code;
    uint8_t alg, count;
    uint64_t first;
};

static bool code_is_valid(struct bytes code)
{
    if (code.n < OTP_DIGITS_MIN || code.n > OTP_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < code.n; i++) {
        if (code.p[i] < '0' || code.p[i] > '9') {
            return false;
        }
    }
    return true;
}

static struct result take_totp(struct bytes body, struct totp_args *ret, struct error *e)
{
    uint64_t last;

    BODY(wire_take_str(&body, ret->tenant, sizeof(ret->tenant)), "tenant");
    BODY(bytes_take_be16_prefixed(&body, &ret->aad), "associated data");
    BODY(bytes_take_be16_prefixed(&body, &ret->sealed), "sealed seed");
    BODY(bytes_take_u8(&body, &ret->alg), "algorithm");
    BODY(bytes_take_be64(&body, &ret->first), "first step");
    BODY(bytes_take_u8(&body, &ret->count), "steps");
    BODY(bytes_take_be16_prefixed(&body, &ret->code), "code");
    TRY(keeper_body_end(body, e));
    if (ret->alg != HASH_SHA1 && ret->alg != HASH_SHA256 && ret->alg != HASH_SHA512) {
        FAIL(e, ERRC_FORMAT, "request: no algorithm of one-time passwords");
    }
    if (ret->count == 0 || ret->count > KEY_TOTP_STEPS_MAX ||
        __builtin_add_overflow(ret->first, (uint64_t)ret->count, &last)) {
        FAIL(e, ERRC_FORMAT, "request: 1 to %d steps", KEY_TOTP_STEPS_MAX);
    }
    if (!code_is_valid(ret->code)) {
        FAIL(e, ERRC_FORMAT, "request: a code has %d to %d digits", OTP_DIGITS_MIN, OTP_DIGITS_MAX);
    }
    return RESULT_OK;
}

/* Every step is computed and compared, whichever fits: the time tells nothing. */
/*= 2.1.4-7 "codes are compared where the seed is kept, in constant time" */
static struct result totp_match(struct bytes seed, const struct totp_args *a, uint64_t *ret,
                                struct error *e)
{
    char want[OTP_DIGITS_MAX + 1];
    bool has_match = false;
    uint64_t step = 0;

    for (unsigned i = a->count; i > 0; i--) {
        otp_hotp((enum hash_alg)a->alg, seed, a->first + i - 1, (unsigned)a->code.n, want);
        bool is_same = mem_equal_ct(want, a->code.p, a->code.n);
        has_match |= is_same;
        step = is_same ? a->first + i - 1 : step;
    }
    mem_wipe(want, sizeof(want));
    if (!has_match) {
        FAIL(e, ERRC_DENIED, "the code does not fit");
    }
    *ret = step;
    return RESULT_OK;
}

RESULT keeper_totp(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                   struct error *e)
{
    struct keeper *k = ctx;
    CLEANUP(buf_done_p) struct buf seed = BUF_SECRET(KEY_SECRET_MAX);
    struct totp_args a;
    uint64_t step;

    (void)rq;
    TRY(take_totp(body, &a, e));
    TRY(keyring_open_secret(k->ring, a.tenant, a.aad, a.sealed, &seed, e));
    TRY(totp_match(buf_bytes(&seed), &a, &step, e));
    buf_add_be64(reply, step);
    return buf_result(reply);
}
