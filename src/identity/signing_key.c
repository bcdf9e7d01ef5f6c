/*
 * SigV4 signing keys of access keys and tokens: the keeper derives them from the sealed secret, for
 * one day and service; kept for as long as nothing changes.
 */
#include "identity/directory_priv.h"

#include "base/text.h"

#include <stdio.h>

void directory_credential_make(struct directory *d, const char *prefix,
                               char ret_id[ACCESS_KEY_BYTES], char ret_secret[SECRET_KEY_BYTES])
{
    static const char secret[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memcpy(ret_id, prefix, 2);
    directory_random_text(d, DIRECTORY_ID_ALPHABET, ret_id + 2, ACCESS_KEY_BYTES - 3);
    directory_random_text(d, secret, ret_secret, SECRET_KEY_BYTES - 1);
}

void directory_credential_aad(struct buf *out, const char *realm, const char *id)
{
    buf_addf(out, "%s/%s/%s", directory_is_token(id) ? "token" : "access-key", realm, id);
}

static RESULT sealed_load(struct directory *d, const char *id, struct buf *out, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    TRY(db_read_begin(d->db, &c, e));
    struct db_stmt *s = NULL;
    if (directory_is_token(id)) {
        TRY(db_prepare(c, "SELECT sealed FROM tokens WHERE id = ?1", &s, e));
    } else {
        TRY(db_prepare(c, "SELECT sealed FROM access_keys WHERE id = ?1", &s, e));
    }
    db_bind_text(s, 1, bytes_str(id));
    bool has_row = false;
    TRY(db_step(s, &has_row, e));
    if (!has_row) {
        db_reset(s);
        FAIL(e, ERRC_NOT_FOUND, "no such access key");
    }
    buf_add(out, db_col_bytes(s, 0));
    db_reset(s);
    return buf_result(out);
}

struct scope {
    struct bytes date, region, service;
};

static RESULT signing_key_derive(struct directory *d, struct rpc_client *keeper, const char *realm,
                                 const char *id, const struct scope *at, struct key256 *ret,
                                 struct error *e)
{
    CLEANUP(buf_done_p) struct buf aad = BUF(256);
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    CLEANUP(buf_done_p) struct buf scope = BUF(512);
    directory_credential_aad(&aad, realm, id);
    TRY(sealed_load(d, id, &sealed, e));
    buf_addf(&scope, "%.*s%c%.*s%c%.*s", BYTES_FMT(at->date), 0, BYTES_FMT(at->region), 0,
             BYTES_FMT(at->service));
    const char *date = buf_cstr(&scope);
    if (date == NULL) {
        FAIL(e, ERRC_LIMIT, "credential scope is too long");
    }
    const char *region = date + at->date.n + 1, *service = region + at->region.n + 1;
    return keys_sigv4_key(keeper, realm, buf_bytes(&aad), buf_bytes(&sealed), date, region, service,
                          ret, e);
}

RESULT directory_signing_key(struct directory *d, struct rpc_client *keeper, const char *realm,
                             const char *id, struct bytes date, struct bytes region,
                             struct bytes service, struct key256 *ret, struct error *e)
{
    char name[256];
    int n = snprintf(name, sizeof(name), "%s/%.*s/%.*s/%.*s", id, BYTES_FMT(date),
                     BYTES_FMT(region), BYTES_FMT(service));
    if (n < 0 || (size_t)n >= sizeof(name)) {
        FAIL(e, ERRC_LIMIT, "credential scope is too long");
    }
    struct bytes cached = bytes_of(name, (size_t)n);
    uint64_t generation = 0;
    if (directory_cache_get(d, DIRECTORY_CACHE_SIGNING, cached, ret, sizeof(*ret), &generation)) {
        return RESULT_OK;
    }
    struct scope at = { date, region, service };
    TRY(signing_key_derive(d, keeper, realm, id, &at, ret, e));
    directory_cache_put(d, DIRECTORY_CACHE_SIGNING, cached, ret, sizeof(*ret), generation);
    return RESULT_OK;
}
