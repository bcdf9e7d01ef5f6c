/* The root key file: its three forms. Format: docs/formats/keyring.md. */
#include "keys/root.h"

#include "crypto/box.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      "TROTHRK1"
#define MAGIC_N    8
#define HEAD_N     (MAGIC_N + 1 + ROOT_ID_BYTES)
#define FILE_MAX   512
#define SALT_BYTES 16
#define SHARES_MAX 16

const char *root_form_name(enum root_form f)
{
    switch (f) {
    case ROOT_IN_FILE:
        return "file";
    case ROOT_BY_PASSPHRASE:
        return "passphrase";
    case ROOT_BY_SHARES:
        return "shares";
    }
    return NULL;
}

void root_id(const struct secret *root, uint8_t ret[ROOT_ID_BYTES])
{
    uint8_t mac[SHA256_BYTES];

    hmac_sha256(secret_bytes(root), BYTES_LIT("troth root id v1"), mac);
    memcpy(ret, mac, ROOT_ID_BYTES);
    mem_wipe(mac, sizeof(mac));
}

RESULT root_generate(const struct rng *rng, struct secret **ret)
{
    CLEANUP(secret_free_p) struct secret *root = NULL;

    TRY(secret_new(KEY256_BYTES, &root));
    rng_fill(rng, secret_data(root), KEY256_BYTES);
    *ret = TAKE(root);
    return RESULT_OK;
}

static void add_head(struct buf *out, enum root_form form, const struct secret *root)
{
    uint8_t id[ROOT_ID_BYTES];

    root_id(root, id);
    buf_add_mem(out, MAGIC, MAGIC_N);
    buf_add_u8(out, (uint8_t)form);
    buf_add(out, BYTES_OF(id));
}

static struct result write_out(struct fs *dir, const char *name, struct buf *b, bool may_replace,
                               struct error *e)
{
    struct fs_stat st;
    uint8_t sum[SHA256_BYTES];

    if (!may_replace && result_is_ok(fs_stat(dir, name, &st, NULL))) {
        FAIL(e, ERRC_EXISTS, "root key: %s is there already", name);
    }
    sha256(buf_bytes(b), sum);
    buf_add(b, BYTES_OF(sum));
    TRY_MSG(buf_result(b), e, "root key");
    TRY_MSG(fs_write_file(dir, name, buf_bytes(b), e), e, "root key");
    return RESULT_OK;
}

RESULT root_seal_file(struct fs *dir, const char *name, const struct secret *root, bool may_replace,
                      struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(FILE_MAX);

    add_head(&b, ROOT_IN_FILE, root);
    buf_add(&b, secret_bytes(root));
    return write_out(dir, name, &b, may_replace, e);
}

static struct result passphrase_key(const struct password_params *params, struct bytes passphrase,
                                    struct bytes salt, struct key256 *ret, struct error *e)
{
    TRY_MSG(password_derive(params, passphrase, salt, BYTES_LIT("troth root passphrase v1"), ret->b,
                            sizeof(ret->b)),
            e, "root key: Argon2id");
    return RESULT_OK;
}

RESULT root_seal_passphrase(struct fs *dir, const char *name, const struct secret *root,
                            struct bytes passphrase, const struct password_params *params,
                            const struct rng *rng, bool may_replace, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(FILE_MAX);
    CLEANUP(buf_done_p) struct buf box = BUF_SECRET(FILE_MAX);
    CLEANUP(key256_wipe) struct key256 key;
    uint8_t salt[SALT_BYTES];

    if (passphrase.n < ROOT_PASSPHRASE_MIN || passphrase.n > PASSWORD_MAX) {
        FAIL(e, ERRC_RANGE, "root key: a passphrase has %d to %d bytes", ROOT_PASSPHRASE_MIN,
             PASSWORD_MAX);
    }
    rng_fill(rng, salt, sizeof(salt));
    add_head(&b, ROOT_BY_PASSPHRASE, root);
    buf_add_be32(&b, params->m_kib);
    buf_add_be32(&b, params->passes);
    buf_add_be32(&b, params->lanes);
    buf_add(&b, BYTES_OF(salt));
    TRY(passphrase_key(params, passphrase, BYTES_OF(salt), &key, e));
    TRY_MSG(box_seal(SUITE_AES256_GCM, &key, buf_bytes(&b), secret_bytes(root), rng, &box), e,
            "root key: seal");
    buf_add_be16_prefixed(&b, buf_bytes(&box));
    return write_out(dir, name, &b, may_replace, e);
}

RESULT root_seal_shares(struct fs *dir, const char *name, const struct secret *root, unsigned k,
                        unsigned n, const struct rng *rng, bool may_replace,
                        struct shamir_share *ret_shares, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(FILE_MAX);
    struct shamir_info info;

    if (k < 2 || k > n || n > SHARES_MAX) {
        FAIL(e, ERRC_RANGE, "root key: shares: 2 <= k <= n <= %d", SHARES_MAX);
    }
    TRY_MSG(shamir_split(secret_bytes(root), k, n, rng, ret_shares), e, "root key: split");
    TRY(shamir_share_info(bytes_of(ret_shares[0].b, ret_shares[0].n), &info, e));
    add_head(&b, ROOT_BY_SHARES, root);
    buf_add_u8(&b, (uint8_t)k);
    buf_add_u8(&b, (uint8_t)n);
    buf_add(&b, BYTES_OF(info.set));
    return write_out(dir, name, &b, may_replace, e);
}

RESULT root_parse(struct bytes in, struct root_info *ret, struct bytes *ret_body, struct error *e)
{
    struct root_info info = { 0 };
    uint8_t sum[SHA256_BYTES], form, k, n;

    if (in.n < HEAD_N + sizeof(sum) || memcmp(in.p, MAGIC, MAGIC_N) != 0) {
        FAIL(e, ERRC_FORMAT, "it is not a root key file of this version");
    }
    sha256(bytes_slice(in, 0, in.n - sizeof(sum)), sum);
    if (memcmp(sum, in.p + in.n - sizeof(sum), sizeof(sum)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "it is damaged (checksum): put it back from its copy");
    }
    struct bytes body = bytes_slice(in, MAGIC_N, in.n - sizeof(sum));
    TRY_MSG(bytes_take_u8(&body, &form), e, "form");
    TRY_MSG(bytes_take_copy(&body, info.id, sizeof(info.id)), e, "id");
    info.form = (enum root_form)form;
    struct bytes rest = body;
    struct bytes skipped;
    switch (info.form) {
    case ROOT_IN_FILE:
        TRY_MSG(bytes_take(&rest, KEY256_BYTES, &skipped), e, "key");
        break;
    case ROOT_BY_PASSPHRASE:
        TRY_MSG(bytes_take_be32(&rest, &info.params.m_kib), e, "memory");
        TRY_MSG(bytes_take_be32(&rest, &info.params.passes), e, "passes");
        TRY_MSG(bytes_take_be32(&rest, &info.params.lanes), e, "lanes");
        TRY_MSG(bytes_take(&rest, SALT_BYTES, &skipped), e, "salt");
        TRY_MSG(bytes_take_be16_prefixed(&rest, &skipped), e, "box");
        break;
    case ROOT_BY_SHARES:
        TRY_MSG(bytes_take_u8(&rest, &k), e, "k");
        TRY_MSG(bytes_take_u8(&rest, &n), e, "n");
        TRY_MSG(bytes_take(&rest, 8, &skipped), e, "set");
        info.k = k;
        info.n = n;
        break;
    default:
        FAIL(e, ERRC_UNSUPPORTED, "form %u is not known to this version", form);
    }
    TRY_MSG(bytes_take_end(rest), e, "end");
    *ret = info;
    *ret_body = body;
    return RESULT_OK;
}

/* Mode and owner of the file that is open, not of what the name means by then. */
static struct result check_access(struct fs *dir, const char *name, struct fs_file *f,
                                  struct error *e)
{
    struct stat st;
    struct fs_stat named;
    uint32_t mode;

    if (fs_fd(f) >= 0) {
        if (fstat(fs_fd(f), &st) != 0) {
            FAIL_SYS(e, "%s", name);
        }
        if (st.st_uid != geteuid() && st.st_uid != 0) {
            FAIL(e, ERRC_DENIED, "%s belongs to user %u, not to the user of the server: chown it",
                 name, (unsigned)st.st_uid);
        }
        mode = (uint32_t)st.st_mode;
    } else {
        TRY(fs_stat(dir, name, &named, e));
        mode = named.mode;
    }
    if ((mode & 0077) != 0) {
        FAIL(e, ERRC_DENIED, "%s may be read by others (mode %04o): chmod 600 %s", name,
             (unsigned)(mode & 07777), name);
    }
    return RESULT_OK;
}

static struct result read_in(struct fs *dir, const char *name, struct buf *out, struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    uint64_t size;
    struct result r = fs_open(dir, name, FS_READ, &f, e);

    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_NOT_FOUND,
             "%s is not there: make it with `troth init`, or put it back from its copy", name);
    }
    TRY(r);
    TRY(check_access(dir, name, f, e));
    TRY(fs_size(f, &size, e));
    if (size > FILE_MAX) {
        FAIL(e, ERRC_FORMAT, "%s is not a root key file: it has %llu bytes", name,
             (unsigned long long)size);
    }
    uint8_t *dst = buf_reserve(out, (size_t)size);
    if (dst == NULL) {
        FAIL(e, ERRC_NOMEM, "%s", name);
    }
    TRY(fs_pread(f, dst, (size_t)size, 0, NULL, e));
    buf_commit(out, (size_t)size);
    return RESULT_OK;
}

RESULT root_inspect(struct fs *dir, const char *name, struct root_info *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf file = BUF_SECRET(FILE_MAX);
    struct bytes body;

    TRY_MSG(read_in(dir, name, &file, e), e, "root key");
    TRY_MSG(root_parse(buf_bytes(&file), ret, &body, e), e, "root key: %s", name);
    return RESULT_OK;
}

static struct result open_passphrase(const struct root_info *info, struct bytes file,
                                     struct bytes body, struct bytes passphrase,
                                     struct secret **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf plain = BUF_SECRET(KEY256_BYTES);
    CLEANUP(key256_wipe) struct key256 key;
    struct bytes params, salt, box;

    TRY_MSG(bytes_take(&body, 12, &params), e, "parameters");
    TRY_MSG(bytes_take(&body, SALT_BYTES, &salt), e, "salt");
    TRY_MSG(bytes_take_be16_prefixed(&body, &box), e, "box");
    TRY(passphrase_key(&info->params, passphrase, salt, &key, e));
    if (!result_is_ok(box_open(SUITE_AES256_GCM, &key,
                               bytes_slice(file, 0, HEAD_N + 12 + SALT_BYTES), box, &plain))) {
        FAIL(e, ERRC_DENIED, "root key: the passphrase is wrong");
    }
    TRY_MSG(secret_of(buf_bytes(&plain), ret), e, "root key");
    return RESULT_OK;
}

RESULT root_open(struct fs *dir, const char *name, const struct root_opening *with,
                 struct secret **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf file = BUF_SECRET(FILE_MAX);
    CLEANUP(secret_free_p) struct secret *root = NULL;
    struct root_info info;
    struct bytes body;
    uint8_t id[ROOT_ID_BYTES];

    TRY_MSG(read_in(dir, name, &file, e), e, "root key");
    TRY_MSG(root_parse(buf_bytes(&file), &info, &body, e), e, "root key: %s", name);
    switch (info.form) {
    case ROOT_IN_FILE:
        TRY_MSG(secret_of(body, &root), e, "root key");
        break;
    case ROOT_BY_PASSPHRASE:
        TRY(open_passphrase(&info, buf_bytes(&file), body, with->passphrase, &root, e));
        break;
    case ROOT_BY_SHARES:
        TRY_MSG(shamir_combine(with->shares, with->share_count, &root, e), e, "root key: shares");
        break;
    }
    if (secret_len(root) != KEY256_BYTES) {
        FAIL(e, ERRC_DENIED, "root key: these shares are not of a root key");
    }
    root_id(root, id);
    if (memcmp(id, info.id, sizeof(id)) != 0) {
        FAIL(e, ERRC_DENIED, "root key: this is another root key than the one of %s", name);
    }
    *ret = TAKE(root);
    return RESULT_OK;
}
