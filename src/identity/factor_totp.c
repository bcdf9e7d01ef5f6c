/*
 * TOTP (RFC 6238): SHA-1, 20 bytes, 6 digits, 30 s, as every authenticator has it. A row of
 * `factors` holds the sealed seed, bound to its id, and the last step that was used: a code of that
 * step or an older one is refused, and of two at once one.
 */
#include "base/text.h"
#include "crypto/otp.h"
#include "identity/factor_priv.h"
#include "identity/qr.h"
#include "identity/user_priv.h"

#define SEED_BYTES     20
#define DIGITS         6
#define DEVICES_MAX    1000 /* of a realm that nobody has enabled */
#define CONFIRM_BEFORE 2    /* the first of two codes may be this many steps old */

static void seal_aad(struct buf *out, const char *id)
{
    buf_addf(out, "totp/%s", id);
}

/* RFC 4648; 20 bytes are 32 characters without padding. */
static void base32(const uint8_t in[SEED_BYTES], char ret[33])
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for (size_t group = 0; group < SEED_BYTES / 5; group++) {
        uint64_t v = 0;
        for (size_t i = 0; i < 5; i++) {
            v = v << 8 | in[group * 5 + i];
        }
        for (size_t i = 0; i < 8; i++) {
            ret[group * 8 + i] = signs[v >> (35 - 5 * i) & 31];
        }
    }
    ret[32] = '\0';
}

/* "otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=ISSUER", as authenticators read it. */
static RESULT uri_make(const char *issuer, const char *account, const char *seed,
                       struct arena *arena, const char **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF_SECRET(1000);
    buf_add_str(&b, "otpauth://totp/");
    buf_add_percent(&b, bytes_str(issuer), false);
    buf_add_str(&b, ":");
    buf_add_percent(&b, bytes_str(account), false);
    buf_addf(&b, "?secret=%s&issuer=", seed);
    buf_add_percent(&b, bytes_str(issuer), false);
    buf_addf(&b, "&algorithm=SHA1&digits=%d&period=%d", DIGITS, TOTP_STEP_S);
    TRY_MSG(buf_result(&b), e, "names of an authenticator");
    *ret = arena_str(arena, buf_bytes(&b));
    return RESULT_OK;
}

struct begin {
    const char *id, *realm, *user_id, *name;
    struct bytes sealed;
    int64_t now_ms;
};

/* A device without a user: its name is its own in the realm. */
static RESULT device_check(struct db_conn *c, const struct begin *b, struct error *e)
{
    int64_t n = 0;
    TRY(sql_i64(c, "SELECT count(*) FROM factors WHERE realm = ?1 AND kind = ?2 AND name = ?3",
                SQL_IN(SQL_STR(b->realm), SQL_INT(FACTOR_TOTP), SQL_STR(b->name)), &n, e));
    if (n != 0) {
        FAIL(e, ERRC_EXISTS, "a device '%s' exists already", b->name);
    }
    TRY(sql_i64(c, "SELECT count(*) FROM factors WHERE realm = ?1 AND user = ''",
                SQL_IN(SQL_STR(b->realm)), &n, e));
    if (n >= DEVICES_MAX) {
        FAIL(e, ERRC_LIMIT, "%d devices wait to be enabled already", DEVICES_MAX);
    }
    return RESULT_OK;
}

static RESULT totp_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct begin *b = arg;
    if (b->user_id[0] == '\0') {
        TRY(device_check(c, b, e));
    } else {
        TRY(sql_run(c, "DELETE FROM factors WHERE user = ?1 AND kind = ?2 AND is_active = 0",
                    SQL_IN(SQL_STR(b->user_id), SQL_INT(FACTOR_TOTP)), e));
        TRY(factor_room_check(c, b->user_id, e));
    }
    return sql_run(
            c,
            "INSERT INTO factors(id, realm, user, kind, name, is_active, created_ms, used_ms,"
            " step, sealed, algorithm, sign_count, is_backed_up)"
            " VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, 0, 0, ?7, 0, 0, 0)",
            SQL_IN(SQL_STR(b->id), SQL_STR(b->realm), SQL_STR(b->user_id), SQL_INT(FACTOR_TOTP),
                   SQL_STR(b->name), SQL_INT(b->now_ms), SQL_BLOB(b->sealed)),
            e);
}

/* The name that the authenticator shows: the user's, or the device's. */
static RESULT account_name(struct directory *d, const char *realm, const char *user_id,
                           const char *name, struct arena *arena, const char **ret, struct error *e)
{
    struct user u;
    if (user_id[0] == '\0') {
        *ret = arena_printf(arena, "%s@%s", name, realm);
        return RESULT_OK;
    }
    TRY(user_get_by_id(d, bytes_str(user_id), arena, &u, e));
    if (strcmp(u.realm, realm) != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no user '%.32s' in %.64s", user_id, realm);
    }
    *ret = arena_printf(arena, "%s@%s", u.name, realm);
    return RESULT_OK;
}

static RESULT seed_store(struct directory *d, struct rpc_client *keeper, struct begin *b,
                         struct bytes seed, struct error *e)
{
    CLEANUP(buf_done_p) struct buf aad = BUF(128);
    CLEANUP(buf_done_p) struct buf sealed = BUF(1024);
    seal_aad(&aad, b->id);
    TRY(keys_seal_secret(keeper, b->realm, buf_bytes(&aad), seed, &sealed, e));
    b->sealed = buf_bytes(&sealed);
    return directory_change(d, totp_insert, b, e);
}

/*= 2.1.4-1 "a second factor is enrolled; its seed is shown once" */
RESULT factor_totp_begin(struct directory *d, struct rpc_client *keeper, const char *realm,
                         const char *user_id, const char *name, const char *issuer,
                         struct arena *arena, struct totp_enrolment *ret, struct error *e)
{
    struct totp_enrolment out = { 0 };
    struct begin b = { .id = out.id, .realm = realm, .user_id = user_id, .name = name };
    uint8_t seed[SEED_BYTES];
    const char *account = NULL;

    TRY(factor_name_check(name, e));
    TRY(account_name(d, realm, user_id, name, arena, &account, e));
    b.now_ms = clock_wall_ms(d->clock);
    factor_id_new(d, out.id);
    rng_fill(d->rng, seed, sizeof(seed));
    base32(seed, out.seed_base32);
    struct result r = uri_make(issuer, account, out.seed_base32, arena, &out.uri, e);
    r = result_is_ok(r) ? qr_png(out.uri, arena, &out.png, e) : r;
    r = result_is_ok(r) ? seed_store(d, keeper, &b, BYTES_OF(seed), e) : r;
    mem_wipe(seed, sizeof(seed));
    if (result_is_ok(r)) {
        *ret = out;
    }
    mem_wipe(out.seed_base32, sizeof(out.seed_base32));
    return r;
}

/* --- checking --- */

struct totp {
    char id[FACTOR_ID_BYTES], realm[TENANT_NAME_BYTES];
    char user_id[IDENTITY_ID_BYTES];
    bool is_active;
    int64_t step;
    struct bytes sealed;
};
#define TOTP_COLUMNS "id, realm, user, is_active, step, sealed FROM factors WHERE kind = 1"
_Static_assert(FACTOR_TOTP == 1, "the kind in TOTP_COLUMNS");

static void totp_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct totp *t = item;
    directory_col_text(s, 0, t->id, sizeof(t->id));
    directory_col_text(s, 1, t->realm, sizeof(t->realm));
    directory_col_text(s, 2, t->user_id, sizeof(t->user_id));
    t->is_active = db_col_i64(s, 3) != 0;
    t->step = db_col_i64(s, 4);
    t->sealed = arena_bytes(arena, db_col_bytes(s, 5));
}

static bool is_code(const char *code)
{
    return strlen(code) == DIGITS && strspn(code, "0123456789") == DIGITS;
}

static int64_t step_now(struct directory *d)
{
    return clock_wall_ms(d->clock) / 1000 / TOTP_STEP_S;
}

/* Which step of from..to the code is of; ERRC_DENIED. */
static RESULT code_step(struct rpc_client *keeper, const struct totp *t, const char *code,
                        int64_t from, int64_t to, int64_t *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf aad = BUF(128);
    uint64_t step = 0;

    from = MAX(from, 0);
    if (from > to) {
        FAIL(e, ERRC_DENIED, "the code does not fit");
    }
    seal_aad(&aad, t->id);
    TRY(keys_totp_check(keeper, t->realm, buf_bytes(&aad), t->sealed, HASH_SHA1, (uint64_t)from,
                        (unsigned)(to - from + 1), bytes_str(code), &step, e));
    *ret = (int64_t)step;
    return RESULT_OK;
}

struct use {
    const struct totp *t;
    const char *user_id;
    int64_t step, now_ms;
};

/* The step grows with every use: of two tries with one code one finds it used. */
/*= 2.1.4-1 "a code is good once" */
static RESULT step_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct use *u = arg;
    TRY(sql_run(
            c,
            "UPDATE factors SET step = ?2, used_ms = ?3"
            " WHERE id = ?1 AND step < ?2 AND is_active = 1 AND user = ?4",
            SQL_IN(SQL_STR(u->t->id), SQL_INT(u->step), SQL_INT(u->now_ms), SQL_STR(u->user_id)),
            e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_DENIED, "the code was used already");
    }
    return RESULT_OK;
}

static RESULT totp_use(struct directory *d, struct rpc_client *keeper, const struct totp *t,
                       const char *code, struct error *e)
{
    struct use u = { .t = t, .user_id = t->user_id, .now_ms = clock_wall_ms(d->clock) };
    int64_t now = step_now(d);
    TRY(code_step(keeper, t, code, MAX(now - TOTP_WINDOW, t->step + 1), now + TOTP_WINDOW, &u.step,
                  e));
    return db_write(d->db, step_write, &u, e);
}

RESULT factor_totp_check(struct directory *d, struct rpc_client *keeper, const char *user_id,
                         const char *factor_id, const char *code, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct sql_rows rows;

    TRY(directory_rows(d,
                       "SELECT " TOTP_COLUMNS " AND user = ?1 AND user <> '' AND is_active = 1"
                       " ORDER BY used_ms DESC",
                       SQL_IN(SQL_STR(user_id)), sizeof(struct totp), totp_of_row, arena, &rows,
                       e));
    const struct totp *all = rows.p;
    for (size_t i = 0; i < rows.n && is_code(code); i++) {
        if (factor_id != NULL && strcmp(factor_id, all[i].id) != 0) {
            continue;
        }
        struct result r = totp_use(d, keeper, &all[i], code, e);
        if (r.code != ERRC_DENIED) {
            return r;
        }
    }
    FAIL(e, ERRC_DENIED, "the code does not fit");
}

/* --- confirming --- */

static RESULT activate(struct db_conn *c, void *arg, struct error *e)
{
    const struct use *u = arg;
    if (u->t->user_id[0] == '\0') {
        TRY(factor_room_check(c, u->user_id, e));
    }
    TRY(sql_run(c,
                "UPDATE factors SET is_active = 1, user = ?2, step = ?3, used_ms = ?4"
                " WHERE id = ?1 AND is_active = 0 AND user = ?5",
                SQL_IN(SQL_STR(u->t->id), SQL_STR(u->user_id), SQL_INT(u->step), SQL_INT(u->now_ms),
                       SQL_STR(u->t->user_id)),
                e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_CONFLICT, "the factor was confirmed or taken away meanwhile");
    }
    return RESULT_OK;
}

static RESULT totp_pending(struct directory *d, const char *user_id, const char *factor_id,
                           struct arena *arena, struct totp *ret, struct error *e)
{
    struct user u;
    TRY(user_get_by_id(d, bytes_str(user_id), arena, &u, e));
    TRY(directory_one(d, "factor", "SELECT " TOTP_COLUMNS " AND id = ?1",
                      SQL_IN(SQL_STR(factor_id)), totp_of_row, arena, ret, e));
    bool is_free = ret->user_id[0] == '\0' && strcmp(ret->realm, u.realm) == 0;
    if (!is_free && strcmp(ret->user_id, user_id) != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no factor '%.32s'", factor_id);
    }
    if (ret->is_active) {
        FAIL(e, ERRC_CONFLICT, "the factor is active already");
    }
    return RESULT_OK;
}

RESULT factor_totp_confirm(struct directory *d, struct rpc_client *keeper, const char *user_id,
                           const char *factor_id, const char *code, const char *code2,
                           struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct totp t;
    struct use u = { .t = &t, .user_id = user_id, .now_ms = clock_wall_ms(d->clock) };
    int64_t now = step_now(d);

    TRY(totp_pending(d, user_id, factor_id, arena, &t, e));
    if (!is_code(code) || (code2 != NULL && !is_code(code2))) {
        FAIL(e, ERRC_DENIED, "the code does not fit");
    }
    int64_t before = code2 == NULL ? TOTP_WINDOW : CONFIRM_BEFORE;
    /* a device that was taken off remembers its last code */
    TRY(code_step(keeper, &t, code, MAX(now - before, t.step + 1), now + TOTP_WINDOW, &u.step, e));
    if (code2 != NULL) {
        TRY(code_step(keeper, &t, code2, u.step + 1, u.step + 1, &u.step, e));
    }
    TRY(directory_change(d, activate, &u, e));
    return factor_claim_realm(d, user_id, e);
}
