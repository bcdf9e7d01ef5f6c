/* Counters by realm, name and day, and the state of a realm's accounts. */
#include "grant_kit.h"

#include "identity/tally.h"

#include <pthread.h>

static uint64_t sum(struct world *w, const char *realm, const char *name, int64_t from,
                    int64_t until)
{
    struct error e;
    uint64_t n = 0;
    assert_ok(counter_sum(w->d, realm, name, from, until, &n, &e), e);
    return n;
}

static void test_sums(void **state)
{
    struct world *w = *state;
    const int64_t today = T0 / DAY * DAY;
    counter_add(w->d, "acme", "login", 1);
    counter_add(w->d, "acme", "login", 2);
    counter_add(w->d, "acme", "login.failed", 10);
    counter_add(w->d, "beta", "login", 100);
    assert_int_equal(sum(w, "acme", "login", today, today + DAY), 3);
    counter_add(w->d, "acme", "login", 4);
    advance(w, DAY);
    counter_add(w->d, "acme", "login", 8);
    assert_int_equal(sum(w, "acme", "login", today, today + DAY), 7);
    assert_int_equal(sum(w, "acme", "login", today, today + 2 * DAY), 15);
    assert_int_equal(sum(w, "acme", "login", today + DAY, today + 2 * DAY), 8);
    assert_int_equal(sum(w, "acme", "login", 0, today), 0);
    assert_int_equal(sum(w, "acme", "login.failed", 0, now(w)), 10);
    assert_int_equal(sum(w, "beta", "login", 0, now(w)), 100);
    assert_int_equal(sum(w, "gamma", "login", 0, now(w)), 0);
}

static void test_kept(void **state)
{
    struct world *w = *state;
    struct error e;
    counter_add(w->d, "acme", "login", 5);
    directory_close(w->d);
    world_open(w);
    assert_int_equal(sum(w, "acme", "login", 0, now(w) + 1), 5);
    assert_ok(tally_flush(w->d, &e), e); /* nothing waits */
    assert_int_equal(sum(w, "acme", "login", 0, now(w) + 1), 5);
}

/* What can't be written waits for the next time, and is counted once. */
static void test_write_fails(void **state)
{
    struct world *w = *state;
    struct error e;
    uint64_t n = 0;
    sql(w,
        "CREATE TRIGGER refuse BEFORE INSERT ON counters WHEN new.name = 'second'"
        " BEGIN SELECT raise(ABORT, 'no'); END",
        (struct sql_in){ 0 });
    counter_add(w->d, "acme", "first", 5);
    counter_add(w->d, "acme", "second", 7);
    struct result r = counter_sum(w->d, "acme", "first", 0, now(w) + 1, &n, &e);
    assert_int_not_equal(r.code, ERRC_OK);
    counter_add(w->d, "acme", "second", 1);
    sql(w, "DROP TRIGGER refuse", (struct sql_in){ 0 });
    assert_int_equal(sum(w, "acme", "first", 0, now(w) + 1), 5);
    assert_int_equal(sum(w, "acme", "second", 0, now(w) + 1), 8);
}

static void *adding(void *arg)
{
    struct world *w = arg;
    for (int i = 0; i < 5000; i++) {
        counter_add(w->d, "acme", "login", 1);
        if (i % 500 == 0) {
            (void)sum(w, "acme", "login", 0, T0 + DAY);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct world *w = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, adding, w), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(sum(w, "acme", "login", 0, T0 + DAY), 20000);
}

static void test_many(void **state)
{
    struct world *w = *state;
    char name[32];
    for (int i = 0; i < 21000; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        counter_add(w->d, "acme", name, 1);
    }
    assert_int_equal(sum(w, "acme", "name19999", 0, T0 + DAY), 1);
    assert_int_equal(sum(w, "acme", "name20000", 0, T0 + DAY), 0); /* past the bound: realm "" */
    assert_int_equal(sum(w, "", "name20000", 0, T0 + DAY), 1);
}

/* --- the state --- */

static struct identity_state state_of(struct world *w, const char *realm)
{
    struct error e;
    struct identity_state s;
    assert_ok(identity_state(w->d, realm, &s, &e), e);
    return s;
}

/*= 2.1.4-1 test */
/*= 2.1.4-2 test */
/*= 2.2.2-4 test */
static void test_administrators(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), mei = person(w, "acme", "mei"),
                gao = person(w, "acme", "gao");
    struct group g;
    assign(w, &lin, "security-administrator");
    assign(w, &mei, "storage-owner");
    assert_ok(group_create(w->d, "acme", "ops", NULL, w->arena, &g, &e), e);
    assert_ok(role_assign(w->d, "acme", g.id, BYTES_LIT("system-administrator"), &e), e);
    assert_ok(group_add(w->d, g.id, gao.id, &e), e);
    factor(w, &mei);
    struct identity_state s = state_of(w, "acme");
    assert_int_equal(s.persons, 3);
    assert_int_equal(s.persons_with_mfa, 1);
    assert_int_equal(s.administrators, 2);
    assert_int_equal(s.administrators_with_mfa, 0);
    assert_int_equal(s.two_administrators, 0);
    factor(w, &lin);
    s = state_of(w, "acme");
    assert_int_equal(s.administrators_with_mfa, 1);
    /* made behind the rules' back: it shows */
    sql(w, "INSERT INTO holders VALUES(?1, 'audit-administrator', 0)", SQL_IN(SQL_STR(lin.id)));
    assert_int_equal(state_of(w, "acme").two_administrators, 1);
    assert_int_equal(state_of(w, "beta").administrators, 0);
    /* who is suspended is in no denominator of those that are active */
    assert_ok(user_set_state(w->d, lin.id, USER_SUSPENDED, &e), e);
    s = state_of(w, "acme");
    assert_int_equal(s.persons, 2);
    assert_int_equal(s.administrators, 1);
    assert_int_equal(s.suspended, 1);
}

/*= 2.1.4-4 test */
/*= 2.2.2-1 test */
/*= 2.2.2-2 test */
static void test_accounts(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), mei = person(w, "acme", "mei");
    struct user robot = person_of(w, "acme", "robot", USER_SERVICE, "mei");
    struct identity_state s = state_of(w, "acme");
    assert_int_equal(s.services, 1);
    assert_int_equal(s.without_owner, 0);
    assert_int_equal(s.shared, 0);
    assert_int_equal(s.access_keys, 0);
    assert_int_equal(s.oldest_key_ms, 0);
    assert_true(s.is_claimed);
    assert_false(s.is_frozen);
    access_key(w, &robot, "AKONE");
    advance(w, 91 * DAY);
    access_key(w, &robot, "AKTWO");
    sql(w, "UPDATE access_keys SET used_ms = ?1 WHERE id = 'AKTWO'", SQL_IN(SQL_INT(now(w))));
    assert_ok(inline_put(w->d, lin.id, "own",
                         BYTES_LIT("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":"
                                   "\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}"),
                         &e),
              e);
    sql(w, "UPDATE users SET ends_ms = ?2 WHERE id = ?1", SQL_IN(SQL_STR(lin.id), SQL_INT(now(w))));
    sql(w, "INSERT INTO passwords VALUES(?1, 'x', 0, 0, '')", SQL_IN(SQL_STR(robot.id)));
    assert_ok(user_set_frozen(w->d, lin.id, true, &e), e);
    assert_ok(realm_set_frozen(w->d, "acme", true, &e), e);
    s = state_of(w, "acme");
    assert_int_equal(s.dormant, 2); /* lin and mei; the robot's key was used */
    assert_int_equal(s.leavers_open, 1);
    assert_int_equal(s.direct_policies, 1);
    assert_int_equal(s.access_keys, 2);
    assert_int_equal(s.access_keys_old, 0);
    assert_int_equal(s.oldest_key_ms, T0);
    assert_int_equal(s.shared, 1);
    assert_int_equal(s.frozen, 1);
    assert_true(s.is_frozen);
    advance(w, 89 * DAY);
    assert_int_equal(state_of(w, "acme").access_keys_old, 1);
    assert_ok(user_set_state(w->d, mei.id, USER_ENDED, &e), e);
    s = state_of(w, "acme");
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.without_owner, 1); /* the robot: who answered for it has left */
}

/*= 2.1.4-3 test */
/*= 2.1.4-6 test */
static void test_grants_and_reviews(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct user mei = person(w, "acme", "mei");
    struct grant_ask ask = ask_of(&wang, "acme", "support-data-reader");
    struct grant g, ret;
    struct review r;
    ask.length_ms = 4 * HOUR;
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    (void)approved(w, &g, &lin);
    ask.kind = GRANT_BREAK_GLASS;
    ask.length_ms = HOUR;
    assert_ok(grant_create(w->d, &ask, w->arena, &ret, &e), e);
    assign(w, &mei, "approver");
    assert_ok(
            review_create(w->d, "acme", "q4", lin.id, true, false, now(w) + DAY, w->arena, &r, &e),
            e);
    struct identity_state s = state_of(w, "acme");
    assert_int_equal(s.grants_running, 2);
    assert_int_equal(s.grants_standing, 0);
    assert_int_equal(s.longest_grant_ms, 4 * HOUR);
    assert_int_equal(s.break_glass, 1);
    assert_int_equal(s.reviews_open, 1);
    assert_int_equal(s.reviews_overdue, 0);
    assert_int_equal(s.last_review_ms, 0);
    advance(w, 2 * HOUR); /* ended early: as long as it was */
    assert_ok(grant_end(w->d, g.id, lin.id, "acme/user/lin", w->arena, &ret, &e), e);
    advance(w, DAY);
    s = state_of(w, "acme");
    assert_int_equal(s.grants_running, 0);
    assert_int_equal(s.longest_grant_ms, 2 * HOUR);
    assert_int_equal(s.reviews_overdue, 1);
    assert_ok(review_decide(w->d, r.id, mei.id, "role/approver", REVIEW_KEEP, lin.id,
                            "acme/user/lin", "", &e),
              e);
    s = state_of(w, "acme");
    assert_int_equal(s.reviews_open, 0);
    assert_int_equal(s.reviews_overdue, 0);
    assert_int_equal(s.last_review_ms, now(w));
    advance(w, 90 * DAY);
    s = state_of(w, "acme");
    assert_int_equal(s.break_glass, 0);
    assert_int_equal(s.longest_grant_ms, 0);
    assert_int_equal(sum(w, "acme", "grant.asked", 0, now(w)), 1);
    assert_int_equal(sum(w, "acme", "grant.approved", 0, now(w)), 1);
    assert_int_equal(sum(w, "acme", "grant.break-glass", 0, now(w)), 1);
}

static void test_state_json(void **state)
{
    struct world *w = *state;
    struct error e;
    struct identity_state s = state_of(w, IDENTITY_PLATFORM);
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    CLEANUP(buf_done_p) struct buf canonical = BUF(4096);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct jsonw j;
    jsonw_init(&j, &text);
    jsonw_object(&j);
    identity_state_json(&j, &s);
    jsonw_object_end(&j);
    assert_ok(json_parse(buf_bytes(&text), 4096, &doc, &e), e);
    assert_ok(json_canonical(json_root(doc), &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), buf_bytes(&text));
    struct identity_state none;
    assert_code(identity_state(w->d, "gamma", &none, &e), ERRC_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sums),        TEST(test_kept),
        TEST(test_write_fails), TEST(test_threads),
        TEST(test_many),        TEST(test_administrators),
        TEST(test_accounts),    TEST(test_grants_and_reviews),
        TEST(test_state_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
