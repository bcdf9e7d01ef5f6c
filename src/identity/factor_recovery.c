/* Recovery codes: made ten at a time, each good once. */
#include "crypto/hmac.h"
#include "identity/factor_priv.h"
#include "identity/login_priv.h"

#define GROUPS     2
#define CODE_BYTES 12 /* "xxxxx-xxxxx" and NUL */

static void code_hash(struct directory *d, const char *user_id, const char *code,
                      uint8_t ret[SHA256_BYTES])
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(128);
    buf_addf(&b, "%s\n%s", user_id, code);
    hmac_sha256(key256_bytes(&d->login->recovery_key), buf_bytes(&b), ret);
}

struct fresh {
    const char *user_id;
    uint8_t hash[RECOVERY_CODES][SHA256_BYTES];
};

static RESULT codes_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct fresh *f = arg;
    TRY(sql_run(c, "DELETE FROM recovery_codes WHERE user = ?1", SQL_IN(SQL_STR(f->user_id)), e));
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        TRY(sql_run(c, "INSERT INTO recovery_codes(user, hash, used_ms) VALUES(?1, ?2, 0)",
                    SQL_IN(SQL_STR(f->user_id), SQL_BLOB(BYTES_OF(f->hash[i]))), e));
    }
    return RESULT_OK;
}

RESULT factor_recovery_new(struct directory *d, const char *user_id, struct arena *arena,
                           const char ***ret, struct error *e)
{
    const char **list = arena_alloc(arena, RECOVERY_CODES * sizeof(*list));
    struct fresh f = { .user_id = user_id };

    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        char *code = arena_alloc(arena, CODE_BYTES);
        code_make(d, GROUPS, code);
        code_hash(d, user_id, code, f.hash[i]);
        list[i] = code;
    }
    TRY(directory_write(d, codes_write, &f, e));
    *ret = list;
    return RESULT_OK;
}

struct use {
    const char *user_id;
    uint8_t hash[SHA256_BYTES];
    int64_t now_ms;
};

static RESULT code_use(struct db_conn *c, void *arg, struct error *e)
{
    const struct use *u = arg;
    TRY(sql_run(c,
                "UPDATE recovery_codes SET used_ms = ?3"
                " WHERE user = ?1 AND hash = ?2 AND used_ms = 0",
                SQL_IN(SQL_STR(u->user_id), SQL_BLOB(BYTES_OF(u->hash)), SQL_INT(u->now_ms)), e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_DENIED, "the recovery code does not fit, or was used");
    }
    return RESULT_OK;
}

/*= 2.1.4-1 "a recovery code is good once" */
RESULT factor_recovery_check(struct directory *d, const char *user_id, const char *code,
                             struct error *e)
{
    char typed[CODE_BYTES];
    struct use u = { .user_id = user_id, .now_ms = clock_wall_ms(d->clock) };

    TRY_MSG(code_normalise(bytes_str(code), GROUPS, typed), e, "recovery code");
    code_hash(d, user_id, typed, u.hash);
    mem_wipe(typed, sizeof(typed));
    return directory_write(d, code_use, &u, e);
}

RESULT factor_recovery_left(struct directory *d, const char *user_id, unsigned *ret,
                            struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    int64_t n = 0;
    TRY(db_read_begin(d->db, &c, e));
    TRY(sql_i64(c, "SELECT count(*) FROM recovery_codes WHERE user = ?1 AND used_ms = 0",
                SQL_IN(SQL_STR(user_id)), &n, e));
    *ret = (unsigned)n;
    return RESULT_OK;
}
