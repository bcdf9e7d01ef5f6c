/* Access reviews: campaigns, their lines, decisions. What a line may be: review_access.c. */
#include "identity/grant_priv.h"
#include "identity/review_priv.h"
#include "identity/role.h"
#include "identity/user_priv.h"

#define DAY_MS          ((int64_t)24 * 60 * 60 * 1000)
#define PRIVILEGED_DAYS 90
#define OTHERS_DAYS     180

const char *review_decision_name(enum review_decision d)
{
    static const char *const names[] = { "open", "keep", "revoke", "lapsed" };
    return (unsigned)d < ARRAY_LEN(names) ? names[d] : "unknown";
}

/* --- made --- */

struct create {
    const struct review *r;
    const struct review_item *items;
};

static RESULT create_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct create *in = arg;
    const struct review *r = in->r;
    TRY(realm_is_open(c, r->realm, e));
    TRY(sql_run(c, "INSERT INTO reviews VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                SQL_IN(SQL_STR(r->id), SQL_STR(r->realm), SQL_STR(r->name), SQL_STR(r->reviewer),
                       SQL_INT(r->is_privileged), SQL_INT(r->is_strict), SQL_INT(r->created_ms),
                       SQL_INT(r->due_ms), SQL_INT(r->closed_ms)),
                e));
    for (size_t i = 0; i < r->items; i++) {
        TRY(sql_run(c, "INSERT INTO review_items VALUES(?1, ?2, ?3, ?4, 0, 0, '', '')",
                    SQL_IN(SQL_STR(r->id), SQL_STR(in->items[i].subject),
                           SQL_STR(in->items[i].subject_name), SQL_STR(in->items[i].access)),
                    e));
    }
    return RESULT_OK;
}

static RESULT person_check(struct directory *d, const char *realm, const char *id, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct user u;
    TRY(user_get_by_id(d, bytes_str(id), arena, &u, e));
    if (strcmp(u.realm, realm) != 0 || u.kind != USER_PERSON || u.state != USER_ACTIVE) {
        FAIL(e, ERRC_DENIED, "a reviewer is a person of %s whose account is active", realm);
    }
    return RESULT_OK;
}

/*= 2.1.4-6 "access review campaigns: privileged access every 90 days, others every 180" */
RESULT review_create(struct directory *d, const char *realm, const char *name,
                     const char *reviewer_id, bool is_privileged, bool is_strict, int64_t due_ms,
                     struct arena *arena, struct review *ret, struct error *e)
{
    struct review r = { .is_privileged = is_privileged, .is_strict = is_strict, .due_ms = due_ms };
    struct review_item *items = NULL;
    int days = is_privileged ? PRIVILEGED_DAYS : OTHERS_DAYS;
    r.created_ms = clock_wall_ms(d->clock);
    TRY(grant_text_check("name", name, 1, 128, e));
    if (due_ms <= r.created_ms || due_ms > r.created_ms + days * DAY_MS) {
        FAIL(e, ERRC_RANGE, "due: within the next %d days", days);
    }
    TRY(person_check(d, realm, reviewer_id, e));
    grant_id_new(d, 'r', r.id);
    memcpy(r.realm, realm, strlen(realm) + 1);
    memcpy(r.reviewer, reviewer_id, strlen(reviewer_id) + 1);
    r.name = arena_str(arena, bytes_str(name));
    TRY(review_collect(d, realm, is_privileged, arena, &items, &r.items, e));
    if (r.items == 0) {
        r.closed_ms = r.created_ms; /* nothing to decide is a result too */
    }
    struct create in = { &r, items };
    TRY(directory_write(d, create_write, &in, e));
    *ret = r;
    return RESULT_OK;
}

/* --- read --- */

#define REVIEW_SELECT                                                                              \
    "SELECT r.id, r.realm, r.name, r.reviewer, r.is_privileged, r.is_strict, r.created_ms,"        \
    " r.due_ms, r.closed_ms, count(i.access), coalesce(sum(i.decision <> 0), 0)"                   \
    " FROM reviews r LEFT JOIN review_items i ON i.review = r.id"

static void review_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct review *r = item;
    *r = (struct review){ 0 };
    directory_col_text(s, 0, r->id, sizeof(r->id));
    directory_col_text(s, 1, r->realm, sizeof(r->realm));
    r->name = sql_str(s, 2, arena);
    directory_col_text(s, 3, r->reviewer, sizeof(r->reviewer));
    r->is_privileged = db_col_i64(s, 4) != 0;
    r->is_strict = db_col_i64(s, 5) != 0;
    r->created_ms = db_col_i64(s, 6);
    r->due_ms = db_col_i64(s, 7);
    r->closed_ms = db_col_i64(s, 8);
    r->items = (size_t)db_col_i64(s, 9);
    r->decided = (size_t)db_col_i64(s, 10);
}

RESULT review_get(struct directory *d, const char *id, struct arena *arena, struct review *ret,
                  struct error *e)
{
    return directory_one(d, "review", REVIEW_SELECT " WHERE r.id = ?1 GROUP BY r.id",
                         SQL_IN(SQL_STR(id)), review_of_row, arena, ret, e);
}

RESULT review_list(struct directory *d, const char *realm, const char *after, size_t max,
                   struct arena *arena, struct review **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       REVIEW_SELECT " WHERE r.realm = ?1 AND (?2 = '' OR (r.created_ms, r.id) <"
                                     " (SELECT created_ms, id FROM reviews WHERE id = ?2))"
                                     " GROUP BY r.id ORDER BY r.created_ms DESC, r.id DESC"
                                     " LIMIT ?3",
                       SQL_IN(SQL_STR(realm), SQL_STR(after == NULL ? "" : after),
                              SQL_INT((int64_t)MIN(max, (size_t)INT32_MAX))),
                       sizeof(struct review), review_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

#define ITEM_SELECT                                                                                \
    "SELECT subject, subject_name, access, decision, decided_ms, decided_by, note"                 \
    " FROM review_items WHERE review = ?1"

static void item_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct review_item *i = item;
    *i = (struct review_item){ 0 };
    directory_col_text(s, 0, i->subject, sizeof(i->subject));
    i->subject_name = sql_str(s, 1, arena);
    i->access = sql_str(s, 2, arena);
    i->decision = (enum review_decision)db_col_i64(s, 3);
    i->decided_ms = db_col_i64(s, 4);
    i->decided_by = sql_str(s, 5, arena);
    i->note = sql_str(s, 6, arena);
}

RESULT review_items(struct directory *d, const char *id, struct arena *arena,
                    struct review_item **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d, ITEM_SELECT " ORDER BY subject_name, subject, access",
                       SQL_IN(SQL_STR(id)), sizeof(struct review_item), item_of_row, arena, &rows,
                       e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

RESULT review_item_get(struct directory *d, const char *id, const char *subject, const char *access,
                       struct arena *arena, struct review_item *ret, struct error *e)
{
    return directory_one(
            d, "such line in the review:", ITEM_SELECT " AND subject = ?2 AND access = ?3",
            SQL_IN(SQL_STR(id), SQL_STR(subject), SQL_STR(access)), item_of_row, arena, ret, e);
}

/* --- decided --- */

struct decision {
    const char *id, *subject, *access, *by, *note;
    enum review_decision decision;
    int64_t now_ms;
};

static RESULT decide_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct decision *in = arg;
    TRY(sql_run(c,
                "UPDATE review_items SET decision = ?4, decided_ms = ?5, decided_by = ?6, note = ?7"
                " WHERE review = ?1 AND subject = ?2 AND access = ?3 AND decision = 0",
                SQL_IN(SQL_STR(in->id), SQL_STR(in->subject), SQL_STR(in->access),
                       SQL_INT(in->decision), SQL_INT(in->now_ms), SQL_STR(in->by),
                       SQL_STR(in->note)),
                e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_CONFLICT, "%s is decided already", in->access);
    }
    return sql_run(c,
                   "UPDATE reviews SET closed_ms = ?2 WHERE id = ?1 AND closed_ms = 0 AND NOT"
                   " EXISTS (SELECT 1 FROM review_items WHERE review = ?1 AND decision = 0)",
                   SQL_IN(SQL_STR(in->id), SQL_INT(in->now_ms)), e);
}

/* Own: one's own, or that of a group one is in. */
static RESULT may_decide(struct directory *d, const struct review *r, const char *subject,
                         const char *by_user_id, struct error *e)
{
    bool is_own = false, is_reviewers = false;
    TRY(rights_reach(d, by_user_id, subject, &is_own, e));
    TRY(rights_reach(d, r->reviewer, subject, &is_reviewers, e));
    if (is_own) {
        FAIL(e, ERRC_DENIED, "nobody reviews their own access: another person decides this line");
    }
    if (!is_reviewers && strcmp(by_user_id, r->reviewer) != 0) {
        FAIL(e, ERRC_DENIED, "review %s is decided by its reviewer", r->id);
    }
    return person_check(d, r->realm, by_user_id, e);
}

/*= 2.1.4-6 "who keeps what is decided line by line; what is revoked is gone at once" */
RESULT review_decide(struct directory *d, const char *id, const char *subject, const char *access,
                     enum review_decision decision, const char *by_user_id, const char *by_name,
                     const char *note, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct review r;
    struct review_item item;
    if (decision != REVIEW_KEEP && decision != REVIEW_REVOKE) {
        FAIL(e, ERRC_FORMAT, "decision: keep or revoke");
    }
    TRY(grant_text_check("note", note == NULL ? "" : note, 0, 1024, e));
    TRY(review_get(d, id, arena, &r, e));
    TRY(may_decide(d, &r, subject, by_user_id, e));
    TRY(review_item_get(d, id, subject, access, arena, &item, e));
    if (item.decision != REVIEW_OPEN) {
        FAIL(e, ERRC_CONFLICT, "%s is decided already", item.access);
    }
    if (decision == REVIEW_REVOKE) {
        TRY(review_revoke(d, r.realm, item.subject, item.access, by_user_id, by_name, e));
    }
    struct decision in = {
        id,       item.subject,           item.access, by_name, note == NULL ? "" : note,
        decision, clock_wall_ms(d->clock)
    };
    return directory_write(d, decide_write, &in, e);
}

/* --- by the clock --- */

static void late_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct review_late *l = item;
    *l = (struct review_late){ 0 };
    directory_col_text(s, 0, l->id, sizeof(l->id));
    directory_col_text(s, 1, l->realm, sizeof(l->realm));
    directory_col_text(s, 2, l->subject, sizeof(l->subject));
    l->subject_name = sql_str(s, 3, arena);
    l->access = sql_str(s, 4, arena);
}

RESULT reviews_late(struct directory *d, struct arena *arena, struct review_late **ret,
                    size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT r.id, r.realm, i.subject, i.subject_name, i.access FROM reviews r"
                       " JOIN review_items i ON i.review = r.id AND i.decision = 0"
                       " JOIN realms t ON t.name = r.realm AND t.state <> 2"
                       " WHERE r.is_strict = 1 AND r.closed_ms = 0 AND r.due_ms <= ?1 LIMIT 1000",
                       SQL_IN(SQL_INT(clock_wall_ms(d->clock))), sizeof(struct review_late),
                       late_of_row, arena, &rows, e));
    *ret = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

/*= 2.1.4-6 "overdue lines lose the access where the tenant chose so" */
RESULT review_lapse(struct directory *d, const struct review_late *l, struct error *e)
{
    TRY(review_revoke(d, l->realm, l->subject, l->access, "clock", "clock", e));
    struct decision in = { l->id,
                           l->subject,
                           l->access,
                           "clock",
                           "not decided in time",
                           REVIEW_LAPSED,
                           clock_wall_ms(d->clock) };
    return directory_write(d, decide_write, &in, e);
}

/* --- written --- */

RESULT review_statement(const struct review *r, const struct review_item *i, const char *factor,
                        int64_t mfa_ms, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "access", i->access);
    jsonw_kv_cstr(&w, "campaign", r->name);
    identity_time_json(&w, "decided", i->decided_ms);
    jsonw_kv_cstr(&w, "decided_by", i->decided_by);
    jsonw_kv_cstr(&w, "decision", review_decision_name(i->decision));
    jsonw_kv_cstr(&w, "factor", factor);
    identity_time_json(&w, "factor_given", mfa_ms);
    jsonw_kv_cstr(&w, "note", i->note);
    jsonw_kv_cstr(&w, "realm", r->realm);
    jsonw_kv_cstr(&w, "review", r->id);
    jsonw_kv_cstr(&w, "subject", i->subject);
    jsonw_kv_cstr(&w, "subject_name", i->subject_name);
    jsonw_object_end(&w);
    return buf_result(out);
}

void review_json(struct jsonw *w, const struct review *r)
{
    identity_time_json(w, "closed", r->closed_ms);
    identity_time_json(w, "created", r->created_ms);
    jsonw_kv_u64(w, "decided", r->decided);
    identity_time_json(w, "due", r->due_ms);
    jsonw_kv_cstr(w, "id", r->id);
    jsonw_kv_u64(w, "items", r->items);
    jsonw_kv_cstr(w, "name", r->name);
    jsonw_kv_bool(w, "privileged", r->is_privileged);
    jsonw_kv_cstr(w, "realm", r->realm);
    jsonw_kv_cstr(w, "reviewer", r->reviewer);
    jsonw_kv_bool(w, "strict", r->is_strict);
}

void review_item_json(struct jsonw *w, const struct review_item *i)
{
    jsonw_kv_cstr(w, "access", i->access);
    identity_time_json(w, "decided", i->decided_ms);
    jsonw_kv_cstr(w, "decided_by", i->decided_by);
    jsonw_kv_cstr(w, "decision", review_decision_name(i->decision));
    jsonw_kv_cstr(w, "note", i->note);
    jsonw_kv_cstr(w, "subject", i->subject);
    jsonw_kv_cstr(w, "subject_name", i->subject_name);
}
