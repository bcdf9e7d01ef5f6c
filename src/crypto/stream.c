/* The chunked seal. Format in stream.h. Contexts keep their key schedule; a chunk only brings its
 * nonce. */
#include "crypto/stream.h"

#include "crypto/aead_priv.h"
#include "crypto/gcm_wide.h"

#define AAD_MAX    ((size_t)1 << 20)
#define CHUNKS_MAX UINT32_MAX

/* What sealers and openers share. */
struct stream {
    enum crypto_suite suite;
    uint8_t prefix[STREAM_PREFIX];
    struct gcm_wide *wide; /* AES where offered; then there is no cipher */
    EVP_CIPHER_CTX *cipher;
    struct hmac mac; /* SM only */
};

struct stream_sealer {
    struct stream s;
    uint64_t next;
    bool is_ended;
};

struct stream_opener {
    struct stream s;
};

uint64_t stream_chunk_count(uint64_t plain_bytes)
{
    return plain_bytes == 0 ? 1 : (plain_bytes - 1) / STREAM_CHUNK + 1;
}

RESULT stream_sealed_len(enum crypto_suite s, uint64_t plain_bytes, uint64_t *ret)
{
    uint64_t chunks = stream_chunk_count(plain_bytes);

    if (chunks > CHUNKS_MAX) {
        return result_of(ERRC_LIMIT);
    }
    *ret = plain_bytes + chunks * suite_tag_len(s);
    return RESULT_OK;
}

static bool has_shape(uint64_t index, bool is_last, size_t n)
{
    return is_last ? n <= STREAM_CHUNK && (n > 0 || index == 0) : n == STREAM_CHUNK;
}

static void stream_done(struct stream *s)
{
    gcm_wide_free(s->wide);
    EVP_CIPHER_CTX_free(s->cipher);
    hmac_done(&s->mac);
    mem_wipe(s, sizeof(*s));
}

static RESULT stream_init(struct stream *s, enum crypto_suite suite, const struct key256 *key,
                          const uint8_t prefix[STREAM_PREFIX])
{
    if (suite_name(suite) == NULL) {
        return result_of(ERRC_UNSUPPORTED);
    }
    s->suite = suite;
    memcpy(s->prefix, prefix, STREAM_PREFIX);
    if (suite == SUITE_AES256_GCM) {
        s->wide = gcm_wide_new(key->b);
        if (s->wide != NULL) {
            return RESULT_OK;
        }
        s->cipher = gcm_new();
        crypto_must(EVP_CipherInit_ex2(s->cipher, NULL, key->b, NULL, 1, NULL) == 1, "AES-GCM key");
        return RESULT_OK;
    }
    uint8_t keys[SM4_KEY + SM3_BYTES];
    struct result r = hkdf(HASH_SM3, key256_bytes(key), bytes_of(prefix, STREAM_PREFIX),
                           BYTES_LIT("troth stream SM4-CTR-HMAC-SM3 v1"), keys, sizeof(keys));
    s->cipher = sm4_new();
    crypto_must(result_is_ok(r) && EVP_EncryptInit_ex2(s->cipher, NULL, keys, NULL, NULL) == 1,
                "SM4-CTR key");
    hmac_init(&s->mac, HASH_SM3, bytes_of(keys + SM4_KEY, SM3_BYTES));
    mem_wipe(keys, sizeof(keys));
    return RESULT_OK;
}

static void nonce_of(const struct stream *s, uint32_t index, bool is_last, uint8_t ret[GCM_NONCE])
{
    memcpy(ret, s->prefix, STREAM_PREFIX);
    put_be32(ret + STREAM_PREFIX, index);
    ret[GCM_NONCE - 1] = is_last ? 1 : 0;
}

static void aes_seal(struct stream *s, const uint8_t *nonce, struct bytes aad, struct bytes in,
                     uint8_t *out, uint8_t *tag)
{
    if (s->wide != NULL) {
        gcm_wide_seal(s->wide, nonce, aad, in, out, tag);
        return;
    }
    gcm_seal(s->cipher, NULL, nonce, aad, in, out, tag);
}

static bool aes_open(struct stream *s, const uint8_t *nonce, struct bytes aad, struct bytes in,
                     const uint8_t *tag, uint8_t *out)
{
    return s->wide != NULL ? gcm_wide_open(s->wide, nonce, aad, in, tag, out)
                           : gcm_open(s->cipher, NULL, nonce, aad, in, tag, out);
}

static void sm_crypt(struct stream *s, const uint8_t *nonce, struct bytes in, uint8_t *out)
{
    uint8_t counter[SM4_COUNTER] = { 0 };

    memcpy(counter, nonce, GCM_NONCE);
    sm4_ctr(s->cipher, NULL, counter, in, out);
}

static void sm_seal(struct stream *s, const uint8_t *nonce, struct bytes aad, struct bytes in,
                    uint8_t *out, uint8_t *tag)
{
    sm_crypt(s, nonce, in, out);
    sm3_tag(&s->mac, bytes_of(nonce, GCM_NONCE), aad, bytes_of(out, in.n), tag);
}

static bool sm_open(struct stream *s, const uint8_t *nonce, struct bytes aad, struct bytes in,
                    const uint8_t *tag, uint8_t *out)
{
    uint8_t want[SM_TAG];

    sm3_tag(&s->mac, bytes_of(nonce, GCM_NONCE), aad, in, want);
    if (!mem_equal_ct(want, tag, sizeof(want))) {
        return false;
    }
    sm_crypt(s, nonce, in, out);
    return true;
}

/* --- both --------------------------------------------------------------------------------- */

static const struct {
    void (*seal)(struct stream *s, const uint8_t *nonce, struct bytes aad, struct bytes in,
                 uint8_t *out, uint8_t *tag);
    bool (*open)(struct stream *s, const uint8_t *nonce, struct bytes aad, struct bytes in,
                 const uint8_t *tag, uint8_t *out);
} kinds[] = {
    [SUITE_AES256_GCM] = { aes_seal, aes_open },
    [SUITE_SM4_CTR_HMAC_SM3] = { sm_seal, sm_open },
};

RESULT stream_sealer_new(enum crypto_suite s, const struct key256 *key,
                         const uint8_t prefix[STREAM_PREFIX], struct stream_sealer **ret)
{
    CLEANUP(stream_sealer_free_p) struct stream_sealer *out = mem_zalloc(sizeof(*out));

    TRY(stream_init(&out->s, s, key, prefix));
    *ret = TAKE(out);
    return RESULT_OK;
}

void stream_sealer_free(struct stream_sealer *s)
{
    if (s != NULL) {
        stream_done(&s->s);
        mem_free(s);
    }
}

uint32_t stream_sealer_index(const struct stream_sealer *s)
{
    return (uint32_t)s->next;
}

RESULT stream_seal_chunk(struct stream_sealer *s, bool is_last, struct bytes aad, struct bytes in,
                         uint8_t *out, uint8_t *tag)
{
    uint8_t nonce[GCM_NONCE];

    if (s->is_ended) {
        return result_of(ERRC_CONFLICT);
    }
    if (s->next >= CHUNKS_MAX || aad.n > AAD_MAX) {
        return result_of(ERRC_LIMIT);
    }
    if (!has_shape(s->next, is_last, in.n)) {
        return result_of(ERRC_RANGE);
    }
    nonce_of(&s->s, (uint32_t)s->next, is_last, nonce);
    s->next++;
    s->is_ended = is_last;
    kinds[s->s.suite].seal(&s->s, nonce, aad, in, out, tag);
    return RESULT_OK;
}

RESULT stream_opener_new(enum crypto_suite s, const struct key256 *key,
                         const uint8_t prefix[STREAM_PREFIX], struct stream_opener **ret)
{
    CLEANUP(stream_opener_free_p) struct stream_opener *out = mem_zalloc(sizeof(*out));

    TRY(stream_init(&out->s, s, key, prefix));
    *ret = TAKE(out);
    return RESULT_OK;
}

void stream_opener_free(struct stream_opener *s)
{
    if (s != NULL) {
        stream_done(&s->s);
        mem_free(s);
    }
}

RESULT stream_open_chunk(struct stream_opener *s, uint32_t index, bool is_last, struct bytes aad,
                         struct bytes in, const uint8_t *tag, uint8_t *out)
{
    uint8_t nonce[GCM_NONCE];

    if (index >= CHUNKS_MAX || aad.n > AAD_MAX || !has_shape(index, is_last, in.n)) {
        mem_wipe(out, in.n);
        return result_of(ERRC_INTEGRITY);
    }
    nonce_of(&s->s, index, is_last, nonce);
    if (!kinds[s->s.suite].open(&s->s, nonce, aad, in, tag, out)) {
        mem_wipe(out, in.n);
        return result_of(ERRC_INTEGRITY);
    }
    return RESULT_OK;
}
