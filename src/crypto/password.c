/*
 * Argon2id by libargon2. Through its context interface, because the simple one starts a thread per
 * lane, which a sandboxed role may not do; the result depends on the lanes only. The PHC string is
 * written and read here, strictly and within bounds, so that a stored string can't ask for 4 TiB.
 */
#include "crypto/password.h"

#include "base/text.h"

#include <argon2.h>

#define SALT_BYTES 16
#define HASH_BYTES 32
#define M_MAX_KIB  (1u << 20)

const struct password_params password_params_default = { .m_kib = 65536, .passes = 3, .lanes = 4 };

static RESULT params_check(const struct password_params *p)
{
    bool is_fine = p->lanes >= 1 && p->lanes <= 16 && p->passes >= 1 && p->passes <= 64 &&
                   p->m_kib >= 8 * p->lanes && p->m_kib <= M_MAX_KIB;

    return is_fine ? RESULT_OK : result_of(ERRC_RANGE);
}

RESULT password_derive(const struct password_params *p, struct bytes password, struct bytes salt,
                       struct bytes aad, uint8_t *ret, size_t n)
{
    TRY(params_check(p));
    if (password.n > PASSWORD_MAX || salt.n < 8 || salt.n > 64 || aad.n > 1024 || n < 16 ||
        n > 64) {
        return result_of(ERRC_RANGE);
    }
    /* Its pointers are not const, but without the flags that ask for wiping it only reads. */
    argon2_context c = {
        .out = ret,
        .outlen = (uint32_t)n,
        .pwd = (uint8_t *)(uintptr_t)password.p,
        .pwdlen = (uint32_t)password.n,
        .salt = (uint8_t *)(uintptr_t)salt.p,
        .saltlen = (uint32_t)salt.n,
        .ad = (uint8_t *)(uintptr_t)aad.p,
        .adlen = (uint32_t)aad.n,
        .t_cost = p->passes,
        .m_cost = p->m_kib,
        .lanes = p->lanes,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .flags = ARGON2_DEFAULT_FLAGS,
    };
    int rc = argon2id_ctx(&c);
    return rc == ARGON2_OK                        ? RESULT_OK
           : rc == ARGON2_MEMORY_ALLOCATION_ERROR ? result_of(ERRC_NOMEM)
                                                  : result_of(ERRC_BUG);
}

/* Base64 without padding, as PHC strings have it. */
static void add_b64(struct buf *b, struct bytes v)
{
    buf_add_base64(b, v);
    while (b->n > 0 && b->p[b->n - 1] == '=') {
        b->n--;
    }
}

static RESULT take_b64(struct bytes in, uint8_t *ret, size_t n)
{
    static const char *const pads[] = { "", "==", "=" };
    CLEANUP(buf_done_p) struct buf padded = BUF(128), out = BUF(128);

    buf_add(&padded, in);
    buf_add_str(&padded, pads[n % 3]);
    TRY(buf_result(&padded));
    TRY(base64_decode(buf_bytes(&padded), &out));
    if (out.n != n) {
        return result_of(ERRC_FORMAT);
    }
    memcpy(ret, out.p, n);
    return RESULT_OK;
}

RESULT password_hash(const struct password_params *p, struct bytes password, const struct rng *rng,
                     char ret[PASSWORD_PHC_MAX])
{
    uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
    CLEANUP(buf_done_p) struct buf b = BUF(PASSWORD_PHC_MAX - 1);

    rng_fill(rng, salt, sizeof(salt));
    TRY(password_derive(p, password, BYTES_OF(salt), BYTES_NONE, hash, sizeof(hash)));
    buf_addf(&b, "$argon2id$v=19$m=%u,t=%u,p=%u$", p->m_kib, p->passes, p->lanes);
    add_b64(&b, BYTES_OF(salt));
    buf_add_u8(&b, '$');
    add_b64(&b, BYTES_OF(hash));
    mem_wipe(hash, sizeof(hash));
    TRY(buf_result(&b));
    memcpy(ret, b.p, b.n);
    ret[b.n] = '\0';
    return RESULT_OK;
}

struct phc {
    struct password_params params;
    uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
};

/* "m=65536" with the given letter, up to the separator. */
static RESULT take_param(struct bytes *in, uint8_t end, const char *head, uint32_t *ret)
{
    struct bytes part;
    uint64_t v = 0;

    if (!bytes_split(in, end, &part) || !bytes_has_prefix(part, bytes_str(head))) {
        return result_of(ERRC_FORMAT);
    }
    part = bytes_slice(part, 2, part.n);
    if (part.n == 0 || part.p[0] == '0') {
        return result_of(ERRC_FORMAT);
    }
    TRY(num_u64(part, 1, UINT32_MAX, &v));
    *ret = (uint32_t)v;
    return RESULT_OK;
}

static RESULT phc_parse(struct bytes in, struct phc *ret)
{
    struct bytes head = BYTES_LIT("$argon2id$v=19$"), salt;

    if (in.n >= PASSWORD_PHC_MAX || !bytes_has_prefix(in, head)) {
        return result_of(ERRC_FORMAT);
    }
    in = bytes_slice(in, head.n, in.n);
    TRY(take_param(&in, ',', "m=", &ret->params.m_kib));
    TRY(take_param(&in, ',', "t=", &ret->params.passes));
    TRY(take_param(&in, '$', "p=", &ret->params.lanes));
    if (!bytes_split(&in, '$', &salt)) {
        return result_of(ERRC_FORMAT);
    }
    TRY(take_b64(salt, ret->salt, sizeof(ret->salt)));
    TRY(take_b64(in, ret->hash, sizeof(ret->hash)));
    return params_check(&ret->params);
}

RESULT password_check(struct bytes phc, struct bytes password)
{
    struct phc want;
    uint8_t got[HASH_BYTES];

    TRY(phc_parse(phc, &want));
    TRY(password_derive(&want.params, password, BYTES_OF(want.salt), BYTES_NONE, got, sizeof(got)));
    bool is_same = mem_equal_ct(got, want.hash, sizeof(got));
    mem_wipe(got, sizeof(got));
    return is_same ? RESULT_OK : result_of(ERRC_DENIED);
}

bool password_is_outdated(struct bytes phc, const struct password_params *p)
{
    struct phc have;

    return !result_is_ok(phc_parse(phc, &have)) || have.params.m_kib != p->m_kib ||
           have.params.passes != p->passes || have.params.lanes != p->lanes;
}
