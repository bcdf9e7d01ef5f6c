/*
 * The epoch file: place (epoch % 2) of 4096 bytes holds
 *
 *   "TROTHEP1" epoch(4) secret(32) SHA-256 of what stands before(32) zeros
 *
 * and the other place is zeros. A change of epoch writes the new secret into the blank place, then
 * the keyring, then blanks the old place; a crash between leaves both, and the next start blanks
 * the one that the keyring does not name.
 */
#include "keys/keyring_priv.h"

#include "crypto/hash.h"

#define MAGIC   "TROTHEP1"
#define MAGIC_N 8
#define PLACE_N 4096
#define BODY_N  (MAGIC_N + 4 + KEY256_BYTES)

static uint64_t place_of(uint32_t epoch)
{
    return (uint64_t)(epoch % 2) * PLACE_N;
}

static void place_fill(uint8_t *dst, uint32_t epoch, const struct key256 *secret)
{
    memset(dst, 0, PLACE_N);
    memcpy(dst, MAGIC, MAGIC_N);
    put_be32(dst + MAGIC_N, epoch);
    memcpy(dst + MAGIC_N + 4, secret->b, KEY256_BYTES);
    sha256(bytes_of(dst, BODY_N), dst + BODY_N);
}

RESULT kr_epoch_create(const struct keyring_env *env, struct key256 *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(2 * PLACE_N);
    CLEANUP(key256_wipe) struct key256 secret;
    uint8_t *p = buf_reserve(&b, 2 * PLACE_N);

    if (p == NULL) {
        FAIL(e, ERRC_NOMEM, "epoch");
    }
    rng_fill(env->rng, secret.b, sizeof(secret.b));
    memset(p, 0, 2 * PLACE_N);
    place_fill(p, 0, &secret);
    buf_commit(&b, 2 * PLACE_N);
    TRY_MSG(fs_write_file(env->dir, KR_EPOCH_FILE, buf_bytes(&b), e), e, "epoch");
    *ret = secret;
    return RESULT_OK;
}

static struct result place_write(const struct keyring_env *env, uint32_t epoch, const uint8_t *p,
                                 struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;

    TRY_MSG(fs_open(env->dir, KR_EPOCH_FILE, FS_READ | FS_WRITE, &f, e), e, "epoch");
    TRY_MSG(fs_pwrite(f, p, PLACE_N, place_of(epoch), e), e, "epoch");
    TRY_MSG(fs_sync(f, e), e, "epoch");
    return RESULT_OK;
}

RESULT kr_epoch_prepare(const struct keyring_env *env, uint32_t epoch, struct key256 *ret,
                        struct error *e)
{
    uint8_t place[PLACE_N];

    rng_fill(env->rng, ret->b, sizeof(ret->b));
    place_fill(place, epoch, ret);
    struct result r = place_write(env, epoch, place, e);
    mem_wipe(place, sizeof(place));
    return r;
}

RESULT kr_epoch_erase(const struct keyring_env *env, uint32_t epoch, struct error *e)
{
    uint8_t place[PLACE_N];

    rng_fill(env->rng, place, sizeof(place));
    TRY_MSG(place_write(env, epoch, place, e), e, "erase");
    memset(place, 0, sizeof(place));
    TRY_MSG(place_write(env, epoch, place, e), e, "erase");
    return RESULT_OK;
}

static bool is_blank(const uint8_t *p, size_t n)
{
    uint8_t any = 0;

    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

RESULT kr_epoch_read(const struct keyring_env *env, uint32_t epoch, struct key256 *ret,
                     struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(2 * PLACE_N);
    uint8_t sum[SHA256_BYTES];

    TRY_MSG(fs_read_file(env->dir, KR_EPOCH_FILE, 2 * PLACE_N, &b, e), e, "epoch");
    if (b.n != 2 * PLACE_N) {
        FAIL(e, ERRC_INTEGRITY, "epoch: the file has %zu bytes, not %d", b.n, 2 * PLACE_N);
    }
    const uint8_t *p = b.p + place_of(epoch);
    sha256(bytes_of(p, BODY_N), sum);
    if (memcmp(p, MAGIC, MAGIC_N) != 0 || memcmp(p + BODY_N, sum, sizeof(sum)) != 0 ||
        !is_blank(p + BODY_N + sizeof(sum), PLACE_N - BODY_N - sizeof(sum)) ||
        get_be32(p + MAGIC_N) != epoch) {
        FAIL(e, ERRC_INTEGRITY,
             "epoch: the secret of epoch %u is damaged or gone: this keyring is older than the "
             "last destruction, "
             "or the file was changed",
             epoch);
    }
    memcpy(ret->b, p + MAGIC_N + 4, sizeof(ret->b));
    if (!is_blank(b.p + place_of(epoch + 1), PLACE_N)) {
        /* The keyring that names this epoch must be durable before the other epoch's secret goes:
         * its rename may be there only in memory. */
        TRY_MSG(fs_sync_dir(env->dir, "", e), e, "epoch");
        TRY(kr_epoch_erase(env, epoch + 1, e)); /* same place as epoch - 1 */
    }
    return RESULT_OK;
}
