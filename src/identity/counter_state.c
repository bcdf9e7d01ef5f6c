/* The state of a realm's accounts, counted when asked, for evidence. */
#include "identity/counter.h"
#include "identity/grant_priv.h"
#include "identity/house_priv.h"
#include "identity/policy/admins.h"
#include "identity/principal.h"
#include "identity/review_priv.h"
#include "identity/sql_priv.h"

#define RECENT_MS ((int64_t)90 * 24 * 60 * 60 * 1000)

/* ?1 realm, ?2 now, ?3 the beginning of what is recent; columns in the order of state_of_row. */
static const char figures[] =
        "SELECT"
        " (SELECT count(*) FROM users WHERE realm = ?1 AND kind = 1 AND state = 0),"
        " (SELECT count(*) FROM users WHERE realm = ?1 AND kind = 2 AND state = 0),"
        " (SELECT count(*) FROM users u WHERE realm = ?1 AND kind = 1 AND state = 0"
        "   AND EXISTS (SELECT 1 FROM factors f WHERE f.user = u.id AND f.is_active <> 0"
        "   AND f.kind IN (1, 2))),"
        " (SELECT count(*) FROM users u WHERE realm = ?1 AND state <> 2 AND (owner = ''"
        "   OR (kind = 2 AND NOT EXISTS (SELECT 1 FROM users o WHERE o.realm = u.realm"
        "   AND o.name = u.owner AND o.kind IN (1, 3) AND o.state <> 2)))),"
        " (SELECT count(*) FROM users u WHERE realm = ?1 AND kind <> 1 AND state <> 2"
        "   AND (EXISTS (SELECT 1 FROM sessions s WHERE s.user = u.id)"
        "   OR EXISTS (SELECT 1 FROM passwords p WHERE p.user = u.id))),"
        " (SELECT count(*) FROM users u WHERE realm = ?1 AND state <> 2 AND ends_ms <> 0"
        "   AND ends_ms <= ?2),"
        " (SELECT count(*) FROM users u JOIN attachments a ON a.subject = u.id"
        "   WHERE u.realm = ?1 AND u.kind = 1 AND u.state <> 2)"
        "  + (SELECT count(*) FROM users u JOIN inlines i ON i.subject = u.id"
        "   WHERE u.realm = ?1 AND u.kind = 1 AND u.state <> 2),"
        " (SELECT count(*) FROM access_keys WHERE tenant = ?1 AND is_enabled <> 0),"
        " (SELECT coalesce(min(created_ms), 0) FROM access_keys"
        "   WHERE tenant = ?1 AND is_enabled <> 0),"
        " (SELECT count(*) FROM grants WHERE realm = ?1 AND state = 2 AND from_ms <= ?2"
        "   AND (until_ms = 0 OR until_ms > ?2)),"
        " (SELECT count(*) FROM grants WHERE realm = ?1 AND state = 2 AND kind = 3),"
        " (SELECT coalesce(max(iif(ended_ms <> 0, ended_ms, until_ms) - from_ms), 0) FROM grants"
        "   WHERE realm = ?1 AND kind <> 3 AND state IN (2, 5, 6) AND from_ms >= ?3),"
        " (SELECT count(*) FROM grants WHERE realm = ?1 AND kind = 2 AND asked_ms >= ?3),"
        " (SELECT count(*) FROM reviews WHERE realm = ?1 AND closed_ms = 0),"
        " (SELECT count(*) FROM reviews WHERE realm = ?1 AND closed_ms = 0 AND due_ms <= ?2),"
        " (SELECT coalesce(max(closed_ms), 0) FROM reviews WHERE realm = ?1 AND is_privileged <> "
        "0),"
        " (SELECT count(*) FROM users WHERE realm = ?1 AND frozen_ms <> 0 AND state <> 2),"
        " (SELECT count(*) FROM users WHERE realm = ?1 AND state = 1),"
        " (SELECT count(*) FROM users WHERE realm = ?1 AND state = 2)";

static void state_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct identity_state *st = item;
    uint64_t *const numbers[] = { &st->persons,
                                  &st->services,
                                  &st->persons_with_mfa,
                                  &st->without_owner,
                                  &st->shared,
                                  &st->leavers_open,
                                  &st->direct_policies,
                                  &st->access_keys,
                                  (uint64_t *)&st->oldest_key_ms,
                                  &st->grants_running,
                                  &st->grants_standing,
                                  (uint64_t *)&st->longest_grant_ms,
                                  &st->break_glass,
                                  &st->reviews_open,
                                  &st->reviews_overdue,
                                  (uint64_t *)&st->last_review_ms,
                                  &st->frozen,
                                  &st->suspended,
                                  &st->ended };
    (void)arena;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        *numbers[i] = (uint64_t)db_col_i64(s, (int)i);
    }
}

/* --- administrators --- */

struct person {
    char id[IDENTITY_ID_BYTES];
    bool has_mfa, is_administrator;
};

static void person_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct person *p = item;
    (void)arena;
    *p = (struct person){ 0 };
    directory_col_text(s, 0, p->id, sizeof(p->id));
    p->has_mfa = db_col_i64(s, 1) != 0;
}

static RESULT persons_mark(struct directory *d, const char *realm, struct arena *arena,
                           struct map *by_id, struct error *e)
{
    struct review_item *items = NULL;
    size_t n = 0;
    TRY(review_collect(d, realm, true, arena, &items, &n, e));
    for (size_t i = 0; i < n; i++) {
        struct person *p = map_get(by_id, bytes_str(items[i].subject));
        if (p != NULL) {
            p->is_administrator = true;
        }
    }
    return RESULT_OK;
}

/*= 2.1.4-2 "persons with two of the three roles" */
static RESULT two_of_three(struct directory *d, const char *user_id, bool *ret, struct error *e)
{
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    TRY(principal_of_user(d, user_id, true, &p, e));
    *ret = admins_are_two(p->admins);
    return RESULT_OK;
}

static RESULT administrators(struct directory *d, const char *realm, struct arena *arena,
                             struct map *by_id, struct identity_state *st, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT id, EXISTS (SELECT 1 FROM factors f WHERE f.user = u.id"
                       " AND f.is_active <> 0 AND f.kind IN (1, 2)) FROM users u"
                       " WHERE realm = ?1 AND kind = 1 AND state = 0",
                       SQL_IN(SQL_STR(realm)), sizeof(struct person), person_of_row, arena, &rows,
                       e));
    struct person *all = rows.p;
    for (size_t i = 0; i < rows.n; i++) {
        (void)map_set(by_id, bytes_str(all[i].id), &all[i]);
    }
    TRY(persons_mark(d, realm, arena, by_id, e));
    for (size_t i = 0; i < rows.n; i++) {
        bool has_two = false;
        if (all[i].is_administrator) {
            TRY(two_of_three(d, all[i].id, &has_two, e));
            st->administrators++;
            st->administrators_with_mfa += all[i].has_mfa;
            st->two_administrators += has_two;
        }
    }
    return RESULT_OK;
}

/*= 2.1.4-1 "privileged accounts with a second factor, of all privileged accounts" */
/*= 2.2.2-4 "a tenant's administrators with a second factor" */
RESULT identity_state(struct directory *d, const char *realm, struct identity_state *ret,
                      struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(16384, false);
    struct identity_state st = { 0 };
    int64_t now = clock_wall_ms(d->clock);
    TRY(realm_is_claimed(d, realm, &st.is_claimed, e));
    TRY(realm_is_frozen(d, realm, &st.is_frozen, e));
    TRY(directory_one(d, "figures", figures,
                      SQL_IN(SQL_STR(realm), SQL_INT(now), SQL_INT(now - RECENT_MS)), state_of_row,
                      NULL, &st, e));
    TRY(house_due_count(d, HOUSE_DORMANT, realm, &st.dormant, e));
    TRY(house_due_count(d, HOUSE_OLD_KEYS, realm, &st.access_keys_old, e));
    struct map *by_id = map_new();
    struct result r = administrators(d, realm, arena, by_id, &st, e);
    map_free(by_id, NULL);
    TRY(r);
    *ret = st;
    return RESULT_OK;
}

void identity_state_json(struct jsonw *w, const struct identity_state *s)
{
    jsonw_kv_u64(w, "access_keys", s->access_keys);
    jsonw_kv_u64(w, "access_keys_old", s->access_keys_old);
    jsonw_kv_u64(w, "administrators", s->administrators);
    jsonw_kv_u64(w, "administrators_with_mfa", s->administrators_with_mfa);
    jsonw_kv_u64(w, "break_glass", s->break_glass);
    jsonw_kv_bool(w, "claimed", s->is_claimed);
    jsonw_kv_u64(w, "direct_policies", s->direct_policies);
    jsonw_kv_u64(w, "dormant", s->dormant);
    jsonw_kv_u64(w, "ended", s->ended);
    jsonw_kv_u64(w, "frozen", s->frozen);
    jsonw_kv_u64(w, "grants_running", s->grants_running);
    jsonw_kv_u64(w, "grants_standing", s->grants_standing);
    identity_time_json(w, "last_review", s->last_review_ms);
    jsonw_kv_u64(w, "leavers_open", s->leavers_open);
    jsonw_kv_u64(w, "longest_grant_s", (uint64_t)s->longest_grant_ms / 1000);
    identity_time_json(w, "oldest_key", s->oldest_key_ms);
    jsonw_kv_u64(w, "persons", s->persons);
    jsonw_kv_u64(w, "persons_with_mfa", s->persons_with_mfa);
    jsonw_kv_bool(w, "realm_frozen", s->is_frozen);
    jsonw_kv_u64(w, "reviews_open", s->reviews_open);
    jsonw_kv_u64(w, "reviews_overdue", s->reviews_overdue);
    jsonw_kv_u64(w, "services", s->services);
    jsonw_kv_u64(w, "shared", s->shared);
    jsonw_kv_u64(w, "suspended", s->suspended);
    jsonw_kv_u64(w, "two_administrators", s->two_administrators);
    jsonw_kv_u64(w, "without_owner", s->without_owner);
}
