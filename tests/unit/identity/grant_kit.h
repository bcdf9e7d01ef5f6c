/* What the tests of grants, reviews, counters and the house share: a directory on a fake file
 * system with a settable clock, the provider and the tenants acme and beta, both claimed. No
 * keeper. */
#ifndef TROTH_TESTS_GRANT_KIT_H
#define TROTH_TESTS_GRANT_KIT_H

#include "testkit.h"

#include "identity/counter.h"
#include "identity/grant_priv.h"
#include "identity/managed.h"
#include "identity/param.h"
#include "identity/principal.h"
#include "identity/review.h"
#include "identity/role.h"
#include "identity/sql_priv.h"

#define T0     1795340476000 /* 2026-11-22T09:41:16Z */
#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct world {
    struct fs *fs;
    struct clock_fake clock;
    struct rng_test rng;
    struct directory *d;
    struct arena *arena;
};

static const struct key256 database_key = { { 5 } };

static inline __attribute__((unused)) int64_t now(const struct world *w)
{
    return w->clock.wall;
}

static inline __attribute__((unused)) void advance(struct world *w, int64_t ms)
{
    clock_fake_advance(&w->clock, ms);
}

static inline __attribute__((unused)) struct user person_of(struct world *w, const char *realm,
                                                            const char *name, enum user_kind kind,
                                                            const char *owner)
{
    struct error e;
    struct user u;
    struct user_new n = { .name = name, .owner = owner, .kind = kind };
    assert_ok(user_create(w->d, realm, &n, w->arena, &u, &e), e);
    return u;
}

static inline __attribute__((unused)) struct user person(struct world *w, const char *realm,
                                                         const char *name)
{
    return person_of(w, realm, name, USER_PERSON, "Full Name");
}

/* The user as it is now. */
static inline __attribute__((unused)) struct user again(struct world *w, const struct user *u)
{
    struct error e;
    struct user v;
    assert_ok(user_get_by_id(w->d, bytes_str(u->id), w->arena, &v, &e), e);
    return v;
}

static inline __attribute__((unused)) void assign(struct world *w, const struct user *u,
                                                  const char *role)
{
    struct error e;
    assert_ok(role_assign(w->d, u->realm, u->id, bytes_str(role), &e), e);
}

struct statement {
    const char *sql;
    struct sql_in in;
};
static inline struct result statement_run(struct db_conn *c, void *arg, struct error *e)
{
    const struct statement *s = arg;
    return sql_run(c, s->sql, s->in, e);
}
static inline __attribute__((unused)) void sql(struct world *w, const char *text, struct sql_in in)
{
    struct error e;
    struct statement s = { text, in };
    assert_ok(directory_change(w->d, statement_run, &s, &e), e);
}
static inline __attribute__((unused)) int64_t number(struct world *w, const char *text,
                                                     struct sql_in in)
{
    struct error e;
    struct db_conn *c = NULL;
    int64_t v = 0;
    assert_ok(db_read_begin(w->d->db, &c, &e), e);
    assert_ok(sql_i64(c, text, in, &v, &e), e);
    db_read_end(c);
    return v;
}

static inline __attribute__((unused)) void factor(struct world *w, const struct user *u)
{
    sql(w,
        "INSERT INTO factors VALUES('f-' || ?1, ?2, ?1, 1, 'phone', 1, ?3, 0, 0, NULL, NULL, NULL,"
        " 0, 0, NULL, 0)",
        SQL_IN(SQL_STR(u->id), SQL_STR(u->realm), SQL_INT(now(w))));
}

static inline __attribute__((unused)) void access_key(struct world *w, const struct user *u,
                                                      const char *id)
{
    sql(w,
        "INSERT INTO access_keys(id, tenant, owner, is_enabled, created_ms, sealed)"
        " VALUES(?1, ?2, ?3, 1, ?4, x'00')",
        SQL_IN(SQL_STR(id), SQL_STR(u->realm), SQL_STR(u->id), SQL_INT(now(w))));
}

static inline __attribute__((unused)) void world_open(struct world *w)
{
    struct error e;
    assert_ok(directory_open(w->fs, &database_key, &w->clock.base, &w->rng.base, &w->d, &e), e);
}

static inline __attribute__((unused)) int setup(void **state)
{
    static const char *const realms[] = { IDENTITY_PLATFORM, "acme", "beta" };
    struct world *w = calloc(1, sizeof(*w));
    struct error e;
    struct tenant t;
    w->fs = fs_fake_new((uint64_t)64 << 20);
    w->arena = arena_new(4096, false);
    clock_fake_init(&w->clock, T0);
    rng_test_init(&w->rng, 2);
    world_open(w);
    for (size_t i = 0; i < ARRAY_LEN(realms); i++) {
        if (i > 0) {
            assert_ok(directory_tenant_create(w->d, realms[i], SUITE_AES256_GCM, &t, &e), e);
        }
        assert_ok(realm_claim(w->d, realms[i], &e), e);
    }
    *state = w;
    return 0;
}

static inline __attribute__((unused)) int teardown(void **state)
{
    struct world *w = *state;
    directory_close(w->d);
    arena_free(w->arena);
    fs_free(w->fs);
    free(w);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- grants --- */

static inline __attribute__((unused)) struct grant_ask ask_of(const struct user *u,
                                                              const char *realm, const char *role)
{
    return (struct grant_ask){ .realm = realm,
                               .home = u->realm,
                               .user_id = u->id,
                               .user_name = u->name,
                               .role = role,
                               .reason = "bucket contracts is not readable",
                               .ticket = "T-17",
                               .kind = GRANT_ORDINARY,
                               .length_ms = HOUR };
}

static inline __attribute__((unused)) struct grant asked(struct world *w, const struct user *u,
                                                         const char *realm, const char *role)
{
    struct error e;
    struct grant g;
    struct grant_ask ask = ask_of(u, realm, role);
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    return g;
}

static inline __attribute__((unused)) struct grant approved(struct world *w, const struct grant *g,
                                                            const struct user *by)
{
    struct error e;
    struct grant ret;
    assert_ok(grant_approve(w->d, g->id, by, now(w) - MINUTE, 0, "", w->arena, &ret, &e), e);
    return ret;
}

static inline __attribute__((unused)) size_t running(struct world *w, const struct user *u,
                                                     int64_t *ret_next_ms)
{
    struct error e;
    struct grant *list;
    size_t n = 0;
    int64_t next = 0;
    assert_ok(grants_running(w->d, u->id, now(w), w->arena, &list, &n, &next, &e), e);
    if (ret_next_ms != NULL) {
        *ret_next_ms = next;
    }
    return n;
}

#endif
