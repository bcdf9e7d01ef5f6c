/* Shamir's secret sharing. Layout in shamir.h. The arithmetic touches every bit alike, whatever the
 * secret. */
#include "crypto/shamir.h"

#include "crypto/hash.h"

#define VERSION   1
#define HEAD      14
#define SET_BYTES 8
#define DIGEST    8
#define CHECKSUM  4
#define BODY_MAX  (SHAMIR_SECRET_MAX + DIGEST)

/* Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
    unsigned x = a, y = b, r = 0;

    for (int i = 0; i < 8; i++) {
        r ^= x & (0u - (y & 1));
        x = (x << 1) ^ (0x11bu & (0u - (x >> 7 & 1)));
        y >>= 1;
    }
    return (uint8_t)r;
}

/* a^254, which is 1/a for a != 0. */
static uint8_t gf_inverse(uint8_t a)
{
    uint8_t r = 1;

    for (int i = 0; i < 7; i++) {
        a = gf_mul(a, a);
        r = gf_mul(r, a);
    }
    return r;
}

static void digest_of(struct bytes secret, uint8_t ret[DIGEST])
{
    uint8_t full[SHA256_BYTES];
    struct bytes parts[] = { BYTES_LIT("troth shamir"), secret };

    sha256_parts(parts, 2, full);
    memcpy(ret, full, DIGEST);
    mem_wipe(full, sizeof(full));
}

static void checksum_of(struct bytes head_and_body, uint8_t ret[CHECKSUM])
{
    uint8_t full[SHA256_BYTES];

    sha256(head_and_body, full);
    memcpy(ret, full, CHECKSUM);
}

/* Horner's rule from the highest coefficient; coef[0] is the shared byte. */
static uint8_t poly_at(const uint8_t *coef, unsigned k, uint8_t x)
{
    uint8_t y = 0;

    for (unsigned i = k; i-- > 0;) {
        y = gf_mul(y, x) ^ coef[i];
    }
    return y;
}

RESULT shamir_split(struct bytes secret, unsigned k, unsigned n, const struct rng *rng,
                    struct shamir_share *ret)
{
    uint8_t body[BODY_MAX], coef[255], set[SET_BYTES];
    size_t body_n = secret.n + DIGEST;

    if (k < 1 || k > n || n > 255 || secret.n < 1 || secret.n > SHAMIR_SECRET_MAX) {
        return result_of(ERRC_RANGE);
    }
    memcpy(body, secret.p, secret.n);
    digest_of(secret, body + secret.n);
    rng_fill(rng, set, sizeof(set));
    for (unsigned i = 0; i < n; i++) {
        uint8_t head[HEAD] = { 'T', 'S', VERSION, (uint8_t)k, (uint8_t)n, (uint8_t)(i + 1) };
        memcpy(head + HEAD - SET_BYTES, set, SET_BYTES);
        memcpy(ret[i].b, head, HEAD);
        ret[i].n = HEAD + body_n + CHECKSUM;
    }
    for (size_t at = 0; at < body_n; at++) {
        coef[0] = body[at];
        rng_fill(rng, coef + 1, k - 1);
        for (unsigned i = 0; i < n; i++) {
            ret[i].b[HEAD + at] = poly_at(coef, k, (uint8_t)(i + 1));
        }
    }
    for (unsigned i = 0; i < n; i++) {
        checksum_of(bytes_of(ret[i].b, HEAD + body_n), ret[i].b + HEAD + body_n);
    }
    mem_wipe(body, sizeof(body));
    mem_wipe(coef, sizeof(coef));
    return RESULT_OK;
}

RESULT shamir_share_info(struct bytes share, struct shamir_info *ret, struct error *e)
{
    uint8_t sum[CHECKSUM];

    if (share.n < HEAD + 1 + DIGEST + CHECKSUM || share.n > SHAMIR_SHARE_MAX ||
        memcmp(share.p, "TS", 2) != 0) {
        FAIL(e, ERRC_FORMAT, "not a key share");
    }
    if (share.p[2] != VERSION) {
        FAIL(e, ERRC_FORMAT, "a key share of unknown version %u", share.p[2]);
    }
    checksum_of(bytes_of(share.p, share.n - CHECKSUM), sum);
    if (memcmp(sum, share.p + share.n - CHECKSUM, CHECKSUM) != 0) {
        FAIL(e, ERRC_FORMAT, "the checksum of the key share is wrong");
    }
    struct shamir_info out = { .k = share.p[3],
                               .n = share.p[4],
                               .x = share.p[5],
                               .secret_bytes = share.n - HEAD - DIGEST - CHECKSUM };
    memcpy(out.set, share.p + HEAD - SET_BYTES, SET_BYTES);
    if (out.k < 1 || out.k > out.n || out.x < 1 || out.x > out.n) {
        FAIL(e, ERRC_FORMAT, "a key share with impossible numbers");
    }
    *ret = out;
    return RESULT_OK;
}

/* All shares are of one set and each is there once. */
static RESULT shares_check(const struct bytes *shares, size_t count, struct shamir_info *ret,
                           struct error *e)
{
    bool seen[256] = { false };

    if (count == 0) {
        FAIL(e, ERRC_RANGE, "no key shares");
    }
    TRY(shamir_share_info(shares[0], ret, e));
    for (size_t i = 0; i < count; i++) {
        struct shamir_info info;
        TRY_MSG(shamir_share_info(shares[i], &info, e), e, "share %zu", i + 1);
        if (info.k != ret->k || info.n != ret->n || info.secret_bytes != ret->secret_bytes ||
            memcmp(info.set, ret->set, SET_BYTES) != 0) {
            FAIL(e, ERRC_CONFLICT, "key share %zu is of another set", i + 1);
        }
        if (seen[info.x]) {
            FAIL(e, ERRC_CONFLICT, "key share number %u is given twice", info.x);
        }
        seen[info.x] = true;
    }
    if (count < ret->k) {
        FAIL(e, ERRC_RANGE, "%zu key shares given, %u are needed", count, ret->k);
    }
    return RESULT_OK;
}

/* Lagrange's interpolation of the first k shares at x = at. */
static void interpolate(const struct bytes *shares, unsigned k, uint8_t at, uint8_t *ret, size_t n)
{
    memset(ret, 0, n);
    for (unsigned i = 0; i < k; i++) {
        uint8_t xi = shares[i].p[5], num = 1, den = 1;
        for (unsigned j = 0; j < k; j++) {
            if (j != i) {
                uint8_t xj = shares[j].p[5];
                num = gf_mul(num, at ^ xj);
                den = gf_mul(den, xi ^ xj);
            }
        }
        uint8_t weight = gf_mul(num, gf_inverse(den));
        for (size_t b = 0; b < n; b++) {
            ret[b] ^= gf_mul(weight, shares[i].p[HEAD + b]);
        }
    }
}

RESULT shamir_combine(const struct bytes *shares, size_t count, struct secret **ret,
                      struct error *e)
{
    uint8_t body[BODY_MAX], digest[DIGEST];
    struct shamir_info info;
    bool does_fit = true;

    TRY(shares_check(shares, count, &info, e));
    size_t body_n = info.secret_bytes + DIGEST;
    for (size_t i = info.k; i < count; i++) {
        interpolate(shares, info.k, shares[i].p[5], body, body_n);
        does_fit = does_fit && mem_equal_ct(body, shares[i].p + HEAD, body_n);
    }
    interpolate(shares, info.k, 0, body, body_n);
    digest_of(bytes_of(body, info.secret_bytes), digest);
    does_fit = does_fit && mem_equal_ct(digest, body + info.secret_bytes, DIGEST);
    struct result r = does_fit ? secret_of(bytes_of(body, info.secret_bytes), ret)
                               : error_set(e, ERRC_INTEGRITY, "the key shares don't fit together");
    mem_wipe(body, sizeof(body));
    mem_wipe(digest, sizeof(digest));
    return r;
}
