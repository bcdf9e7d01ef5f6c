/* Second factors of every kind: listed, taken away; what becomes of a realm when one is active. */
#include "identity/factor_priv.h"

#include "base/text.h"
#include "identity/principal.h"
#include "identity/user_priv.h"

#define FACTOR_COLUMNS                                                                             \
    "id, realm, user, kind, name, is_active, created_ms, used_ms, is_backed_up FROM factors"
#define NAME_CHARS_MAX 64

const char *factor_kind_name(enum factor_kind k)
{
    static const char *const names[] = { "none", "totp", "passkey", "recovery" };
    return (unsigned)k < ARRAY_LEN(names) ? names[k] : "unknown";
}

static void factor_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct factor *f = item;
    directory_col_text(s, 0, f->id, sizeof(f->id));
    directory_col_text(s, 1, f->realm, sizeof(f->realm));
    directory_col_text(s, 2, f->user_id, sizeof(f->user_id));
    f->kind = (enum factor_kind)db_col_i64(s, 3);
    f->name = sql_str(s, 4, arena);
    f->is_active = db_col_i64(s, 5) != 0;
    f->created_ms = db_col_i64(s, 6);
    f->used_ms = db_col_i64(s, 7);
    f->is_backed_up = db_col_i64(s, 8) != 0;
}

RESULT factor_list(struct directory *d, const char *user_id, struct arena *arena,
                   struct factor **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(
            d, "SELECT " FACTOR_COLUMNS " WHERE user = ?1 AND user <> '' ORDER BY created_ms, id",
            SQL_IN(SQL_STR(user_id)), sizeof(**ret), factor_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

struct which {
    const char *user_id, *id;
    bool is_own;
};

/*= 2.1.4-1 "nobody takes away their own last second factor" */
RESULT factor_other_check(struct db_conn *c, const char *user_id, const char *factor_id,
                          struct error *e)
{
    int64_t others = 0;
    TRY(sql_i64(c,
                "SELECT count(*) FROM factors WHERE user = ?1 AND id <> ?2 AND is_active = 1"
                " AND kind <> ?3",
                SQL_IN(SQL_STR(user_id), SQL_STR(factor_id), SQL_INT(FACTOR_RECOVERY)), &others,
                e));
    if (others == 0) {
        FAIL(e, ERRC_CONFLICT, "it is your last second factor: add another one first");
    }
    return RESULT_OK;
}

static RESULT factor_remove(struct db_conn *c, void *arg, struct error *e)
{
    const struct which *w = arg;
    if (w->is_own) {
        TRY(factor_other_check(c, w->user_id, w->id, e));
    }
    TRY(sql_run(c, "DELETE FROM factors WHERE id = ?1 AND user = ?2",
                SQL_IN(SQL_STR(w->id), SQL_STR(w->user_id)), e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no factor '%.32s' of this user", w->id);
    }
    return RESULT_OK;
}

RESULT factor_delete(struct directory *d, const char *user_id, const char *factor_id,
                     struct error *e)
{
    struct which w = { user_id, factor_id, false };
    return directory_change(d, factor_remove, &w, e);
}

RESULT factor_delete_own(struct directory *d, const char *user_id, const char *factor_id,
                         struct error *e)
{
    struct which w = { user_id, factor_id, true };
    return directory_change(d, factor_remove, &w, e);
}

RESULT factor_room_check(struct db_conn *c, const char *user_id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct user u;
    int64_t n = 0;

    TRY(user_of_id(c, user_id, arena, &u, e));
    if (u.kind == USER_ROOT || u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s %s: it gets no second factor", u.name,
             u.kind == USER_ROOT ? "owns the tenant's first keys and signs in nowhere"
                                 : "has ended");
    }
    TRY(sql_i64(c, "SELECT count(*) FROM factors WHERE user = ?1", SQL_IN(SQL_STR(user_id)), &n,
                e));
    if (n >= FACTORS_MAX) {
        FAIL(e, ERRC_LIMIT, "user %s has %d second factors already: take one away first", u.name,
             FACTORS_MAX);
    }
    return RESULT_OK;
}

void factor_id_new(struct directory *d, char ret[FACTOR_ID_BYTES])
{
    uint8_t raw[(FACTOR_ID_BYTES - 1) / 2];
    rng_fill(d->rng, raw, sizeof(raw));
    hex_encode(BYTES_OF(raw), ret);
}

RESULT factor_name_check(const char *name, struct error *e)
{
    size_t chars = 0;
    uint32_t c;
    struct bytes in = bytes_str(name);
    bool is_printable = text_is_printable(in);

    for (size_t n; (n = utf8_next(in, &c)) > 0; in = bytes_slice(in, n, in.n)) {
        chars++;
    }
    if (!is_printable || chars == 0 || chars > NAME_CHARS_MAX) {
        FAIL(e, ERRC_FORMAT, "name of a factor: 1 to %d printable characters", NAME_CHARS_MAX);
    }
    return RESULT_OK;
}

static bool may_approve(const struct principal *p)
{
    for (size_t i = 0; i < p->policy_count; i++) {
        if (p->policies[i].layer == POLICY_LAYER_IDENTITY &&
            policy_may_allow(p->policies[i].policy, BYTES_LIT("troth:ApproveGrant"))) {
            return true;
        }
    }
    return false;
}

/*= 2.1.4-1 "from the first approver with a second factor on, a realm answers for itself" */
RESULT factor_claim_realm(struct directory *d, const char *user_id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    struct factor *list = NULL;
    size_t n = 0;
    bool has_active = false;

    TRY(factor_list(d, user_id, arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        has_active = has_active || list[i].is_active;
    }
    if (!has_active) {
        return RESULT_OK;
    }
    TRY(principal_of_user(d, user_id, true, &p, e));
    return p->is_person && may_approve(p) ? realm_claim(d, p->home, e) : RESULT_OK;
}
