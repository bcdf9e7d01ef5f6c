/* What the clock does by itself, with a double of the scribe in place of ledger/client.c: entries
 * before and after each change of access, crashes between them, clocks that leap. */
#include "grant_kit.h"

#include "base/text.h"
#include "identity/house.h"
#include "identity/tally.h"
#include "ledger/client.h"

/* --- the scribe --- */

struct kept {
    char log[64], kind[64];
    char *payload;
};
static struct kept *log_;
static size_t log_n;
static struct {
    const char *phase; /* NULL: any */
    enum errc code;
    bool is_kept; /* the entry is there, its answer is lost */
    size_t times;
} failing;

static unsigned doubts;
static char doubted[64];

static void doubt(void *arg, const char *realm)
{
    (void)arg;
    doubts++;
    snprintf(doubted, sizeof(doubted), "%s", realm);
}

static void scribe_reset(void)
{
    doubts = 0;
    for (size_t i = 0; i < log_n; i++) {
        mem_free(log_[i].payload);
    }
    mem_free(log_);
    log_ = NULL;
    log_n = 0;
    memset(&failing, 0, sizeof(failing));
}

static void fail_next(const char *phase, enum errc code, bool is_kept, size_t times)
{
    failing.phase = phase;
    failing.code = code;
    failing.is_kept = is_kept;
    failing.times = times;
}

static struct bytes member(struct bytes payload, const char *key)
{
    static char text[8][512];
    static size_t turn;
    struct error e;
    struct json_doc *doc = NULL;
    struct bytes v = BYTES_NONE;
    char *at = text[turn++ % 8];
    CLEANUP(buf_done_p) struct buf canonical = BUF(LEDGER_PAYLOAD_MAX);
    assert_ok(json_parse(payload, LEDGER_PAYLOAD_MAX, &doc, &e), e);
    assert_ok(json_canonical(json_root(doc), &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), payload);
    at[0] = '\0';
    if (result_is_ok(json_get_str(json_root(doc), key, &v, NULL))) {
        snprintf(at, sizeof(text[0]), "%.*s", BYTES_FMT(v));
    }
    json_doc_free(doc);
    return bytes_str(at);
}

struct result ledger_append(struct rpc_client *scribe, const char *log, const char *kind,
                            struct bytes payload, struct ledger_position *ret, struct error *e)
{
    (void)scribe;
    struct bytes phase = member(payload, "phase");
    bool fails =
            failing.times > 0 && (failing.phase == NULL || bytes_equal_str(phase, failing.phase));
    if (!fails || failing.is_kept) {
        log_ = mem_realloc(log_, (log_n + 1) * sizeof(*log_));
        struct kept *k = &log_[log_n++];
        snprintf(k->log, sizeof(k->log), "%s", log);
        snprintf(k->kind, sizeof(k->kind), "%s", kind);
        k->payload = mem_printf("%.*s", BYTES_FMT(payload));
    }
    if (fails) {
        failing.times--;
        FAIL(e, failing.code, "scribe: %s", errc_name(failing.code));
    }
    *ret = (struct ledger_position){ .index = log_n - 1 };
    return RESULT_OK;
}

static void assert_entry(size_t i, const char *log, const char *kind, const char *phase,
                         const char *result)
{
    assert_true(i < log_n);
    struct bytes p = bytes_str(log_[i].payload);
    assert_string_equal(log_[i].log, log);
    assert_string_equal(log_[i].kind, kind);
    assert_bytes(member(p, "phase"), bytes_str(phase));
    assert_bytes(member(p, "result"), bytes_str(result));
    assert_non_null(strstr(log_[i].payload, "\"actor\":{\"id\":\"clock\"}"));
}

/* Intent at i, outcome "ok" that names it at i + 1. */
static void assert_act(size_t i, const char *log, const char *kind)
{
    char intent[32];
    assert_entry(i, log, kind, "intent", "");
    assert_entry(i + 1, log, kind, "outcome", "ok");
    snprintf(intent, sizeof(intent), "\"intent\":%zu,", i);
    assert_non_null(strstr(log_[i + 1].payload, intent));
}

/* --- turns --- */

static void turn(struct world *w)
{
    struct error e;
    assert_ok(identity_house(w->d, NULL, doubt, w, &e), e);
}

/* Ten seconds and a turn: the slow scans too. */
static void slow_turn(struct world *w)
{
    advance(w, 10 * SECOND);
    turn(w);
}

static int start(void **state)
{
    scribe_reset();
    return setup(state);
}

static int finish(void **state)
{
    scribe_reset();
    return teardown(state);
}

static struct user leaver(struct world *w, const char *realm, const char *name, int64_t ends_ms)
{
    struct user u = person(w, realm, name);
    sql(w, "UPDATE users SET ends_ms = ?2 WHERE id = ?1", SQL_IN(SQL_STR(u.id), SQL_INT(ends_ms)));
    return u;
}

static uint64_t sum(struct world *w, const char *realm, const char *name)
{
    struct error e;
    uint64_t n = 0;
    assert_ok(counter_sum(w->d, realm, name, 0, now(w) + DAY, &n, &e), e);
    return n;
}

/*= 2.1.4-3 test */
static void test_grants(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct error e;
    struct grant g = asked(w, &wang, "acme", "support-data-reader"), h, ret;
    g = approved(w, &g, &lin);
    h = asked(w, &wang, "beta", "support-data-reader");
    turn(w);
    assert_int_equal(log_n, 0);
    advance(w, HOUR - 1);
    turn(w);
    assert_int_equal(log_n, 0);
    advance(w, 1);
    turn(w);
    assert_int_equal(log_n, 2);
    assert_act(0, "acme", "grant.past");
    assert_bytes(member(bytes_str(log_[0].payload), "grant"), bytes_str(g.id));
    assert_non_null(strstr(log_[0].payload, "\"state\":\"approved\""));
    assert_non_null(strstr(log_[1].payload, "\"after\":{\"state\":\"past\"}"));
    assert_ok(grant_get(w->d, g.id, w->arena, &ret, &e), e);
    assert_int_equal(ret.state, GRANT_PAST);
    assert_int_equal(sum(w, "acme", "grant.seconds"), 3600);
    advance(w, DAY);
    turn(w);
    assert_int_equal(log_n, 4);
    assert_act(2, "beta", "grant.past");
    assert_ok(grant_get(w->d, h.id, w->arena, &ret, &e), e);
    assert_int_equal(ret.state, GRANT_LAPSED);
    turn(w);
    assert_int_equal(log_n, 4);
}

/*= 2.1.4-4 test */
static void test_leavers(void **state)
{
    struct world *w = *state;
    struct user mei = leaver(w, "acme", "mei", now(w) + HOUR);
    (void)person(w, "acme", "lin");
    turn(w);
    advance(w, HOUR - 1);
    turn(w);
    assert_int_equal(log_n, 0);
    assert_int_equal(again(w, &mei).state, USER_ACTIVE);
    slow_turn(w);
    assert_int_equal(log_n, 2);
    assert_act(0, "acme", "user.end");
    assert_non_null(strstr(log_[0].payload, ":user/mei\""));
    assert_int_equal(again(w, &mei).state, USER_ENDED);
    assert_int_equal(sum(w, "acme", "leaver.late"), 0);
    (void)leaver(w, IDENTITY_PLATFORM, "late", now(w) - 24 * HOUR);
    slow_turn(w);
    assert_int_equal(log_n, 4);
    assert_act(2, IDENTITY_PLATFORM, "user.end");
    assert_int_equal(sum(w, IDENTITY_PLATFORM, "leaver.late"), 1);
    slow_turn(w);
    assert_int_equal(log_n, 4);
}

/*= 2.1.4-4 test */
static void test_dormant(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user idle = person(w, "acme", "idle"), busy = person(w, "acme", "busy"),
                keyed = person(w, "acme", "keyed"), strict = person(w, "beta", "strict");
    access_key(w, &keyed, "AKKEYED");
    assert_ok(param_set(w->d, "beta", "P-IAM-3", "30", &e), e);
    turn(w);
    advance(w, 30 * DAY - 10 * SECOND);
    slow_turn(w);
    assert_act(0, "beta", "user.suspend");
    assert_int_equal(log_n, 2);
    assert_int_equal(again(w, &strict).state, USER_SUSPENDED);
    advance(w, 59 * DAY);
    sql(w, "UPDATE access_keys SET used_ms = ?1", SQL_IN(SQL_INT(now(w))));
    advance(w, DAY - 11 * SECOND);
    slow_turn(w);
    assert_int_equal(log_n, 2);
    user_touch(w->d, busy.id); /* in memory only */
    slow_turn(w);
    assert_int_equal(log_n, 4);
    assert_act(2, "acme", "user.suspend");
    assert_int_equal(again(w, &idle).state, USER_SUSPENDED);
    assert_int_equal(again(w, &busy).state, USER_ACTIVE);
    assert_int_equal(again(w, &keyed).state, USER_ACTIVE);
    assert_int_equal(number(w, "SELECT count(*) FROM users WHERE kind = 3 AND state = 0",
                            (struct sql_in){ 0 }),
                     2);
    assert_ok(user_set_state(w->d, idle.id, USER_ACTIVE, &e), e); /* resumed: a new term */
    slow_turn(w);
    assert_int_equal(again(w, &idle).state, USER_ACTIVE);
}

/*= 2.2.2-2 test */
static void test_old_keys(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), bob = person(w, "beta", "bob");
    access_key(w, &lin, "AKLIN");
    access_key(w, &bob, "AKBOB");
    assert_ok(param_set(w->d, "beta", "P-IAM-4", "10", &e), e);
    assert_ok(param_set(w->d, IDENTITY_PLATFORM, "P-IAM-4", "1", &e), e); /* another realm's */
    turn(w);
    advance(w, 10 * DAY);
    turn(w);
    assert_int_equal(log_n, 2);
    assert_act(0, "beta", "access-key.expire");
    assert_bytes(member(bytes_str(log_[0].payload), "target"), BYTES_LIT("AKBOB"));
    sql(w, "UPDATE users SET active_ms = ?1", SQL_IN(SQL_INT(now(w) + 170 * DAY)));
    advance(w, 170 * DAY - 1);
    turn(w);
    assert_int_equal(log_n, 2);
    slow_turn(w);
    assert_int_equal(log_n, 4);
    assert_act(2, "acme", "access-key.expire");
    assert_int_equal(number(w, "SELECT count(*) FROM access_keys WHERE is_enabled <> 0",
                            (struct sql_in){ 0 }),
                     0);
}

/*= 2.1.4-6 test */
static void test_reviews(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), mei = person(w, "acme", "mei");
    struct review strict, mild;
    const char **roles;
    size_t n = 0;
    assign(w, &mei, "storage-reader");
    assign(w, &mei, "storage-writer");
    assert_ok(review_create(w->d, "acme", "q4", lin.id, false, true, now(w) + DAY, w->arena,
                            &strict, &e),
              e);
    assert_ok(review_create(w->d, "acme", "mild", lin.id, false, false, now(w) + DAY, w->arena,
                            &mild, &e),
              e);
    assert_ok(review_decide(w->d, strict.id, mei.id, "role/storage-reader", REVIEW_KEEP, lin.id,
                            "acme/user/lin", NULL, &e),
              e);
    turn(w);
    advance(w, DAY);
    turn(w);
    assert_int_equal(log_n, 2);
    assert_act(0, "acme", "review.decide");
    assert_ok(role_assigned(w->d, mei.id, w->arena, &roles, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(roles[0], "storage-reader");
    assert_ok(review_get(w->d, strict.id, w->arena, &strict, &e), e);
    assert_int_equal(strict.closed_ms, now(w));
    assert_ok(review_get(w->d, mild.id, w->arena, &mild, &e), e);
    assert_int_equal(mild.closed_ms, 0);
    assert_int_equal(mild.decided, 0);
    slow_turn(w);
    assert_int_equal(log_n, 2);
}

static void test_closed(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct user mei = leaver(w, "acme", "mei", now(w) + 1);
    struct error e;
    struct review r;
    struct grant g = asked(w, &wang, "acme", "support-data-reader");
    g = approved(w, &g, &lin);
    access_key(w, &lin, "AKLIN");
    assign(w, &lin, "storage-reader");
    assert_ok(
            review_create(w->d, "acme", "q4", mei.id, false, true, now(w) + DAY, w->arena, &r, &e),
            e);
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_CLOSED, &e), e);
    advance(w, 80 * DAY);
    turn(w);
    assert_int_equal(log_n, 0);
    /* closed while the house was at it: the log says so, and nothing is owed */
    struct user bob = leaver(w, "beta", "bob", now(w));
    fail_next(NULL, ERRC_EXPIRED, false, 1);
    slow_turn(w);
    assert_int_equal(log_n, 0);
    assert_int_equal(again(w, &bob).state, USER_ACTIVE);
}

/* --- what fails --- */

/*= 2.1.5-3 test */
static void test_no_entry_no_change(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user mei = leaver(w, "acme", "mei", now(w));
    fail_next("intent", ERRC_AGAIN, false, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_code(identity_house(w->d, NULL, doubt, w, &e), ERRC_AGAIN);
        assert_int_equal(again(w, &mei).state, USER_ACTIVE);
        advance(w, SECOND);
    }
    turn(w); /* it is tried each time, without waiting for the next scan */
    assert_int_equal(log_n, 2);
    assert_act(0, "acme", "user.end");
    assert_int_equal(again(w, &mei).state, USER_ENDED);
}

static void test_full(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user mei = leaver(w, "acme", "mei", now(w));
    fail_next("intent", ERRC_FULL, false, 1);
    assert_code(identity_house(w->d, NULL, doubt, w, &e), ERRC_FULL);
    advance(w, 59 * SECOND);
    turn(w); /* pauses for a minute */
    assert_int_equal(log_n, 0);
    advance(w, SECOND);
    turn(w);
    assert_int_equal(again(w, &mei).state, USER_ENDED);
}

/* What fails for one realm holds up no other. */
static void test_one_realm(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user mei = leaver(w, "acme", "mei", now(w)), bob = leaver(w, "beta", "bob", now(w));
    fail_next("intent", ERRC_INTEGRITY, false, 1);
    assert_code(identity_house(w->d, NULL, doubt, w, &e), ERRC_INTEGRITY);
    assert_int_equal(log_n, 2);
    assert_true((again(w, &mei).state == USER_ENDED) != (again(w, &bob).state == USER_ENDED));
    advance(w, MINUTE);
    turn(w);
    assert_int_equal(log_n, 4);
}

/* The outcome can't be written: what is done stays done, and the log's doubts are told. */
static void test_no_outcome(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user mei = leaver(w, "acme", "mei", now(w));
    fail_next("outcome", ERRC_AGAIN, false, 1);
    assert_code(identity_house(w->d, NULL, doubt, w, &e), ERRC_AGAIN);
    assert_int_equal(doubts, 1);
    assert_string_equal(doubted, "acme");
    assert_int_equal(log_n, 1);
    assert_int_equal(again(w, &mei).state, USER_ENDED);
    struct user bob = leaver(w, "beta", "bob", now(w));
    turn(w);
    assert_int_equal(log_n, 3);
    assert_act(1, "beta", "user.end");
    assert_int_equal(again(w, &bob).state, USER_ENDED);
    assert_int_equal(doubts, 1);
}

/* A crash between the intent and the act, and one between the act and its outcome. What was cut off
 * gets its outcome "unknown" at the start of the edge (vault/recover.c). */
static void test_crashes(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user mei = leaver(w, "acme", "mei", now(w));
    fail_next("intent", ERRC_AGAIN, true, 1);
    assert_code(identity_house(w->d, NULL, doubt, w, &e), ERRC_AGAIN);
    assert_int_equal(log_n, 1);
    assert_int_equal(doubts, 1);
    assert_int_equal(again(w, &mei).state, USER_ACTIVE);
    directory_close(w->d);
    world_open(w);
    turn(w);
    assert_int_equal(log_n, 3);
    assert_entry(0, "acme", "user.end", "intent", "");
    assert_act(1, "acme", "user.end");

    struct user bob = leaver(w, "beta", "bob", now(w));
    fail_next("outcome", ERRC_AGAIN, false, 1);
    advance(w, 10 * SECOND);
    assert_code(identity_house(w->d, NULL, doubt, w, &e), ERRC_AGAIN);
    directory_close(w->d);
    world_open(w);
    assert_int_equal(again(w, &bob).state, USER_ENDED);
    slow_turn(w);
    assert_int_equal(log_n, 4); /* done once: nothing is repeated */
    assert_entry(3, "beta", "user.end", "intent", "");
}

/* --- clocks --- */

static void test_leap(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct user mei = leaver(w, "acme", "mei", now(w) + 30 * DAY);
    struct grant g = asked(w, &wang, "acme", "support-data-reader");
    g = approved(w, &g, &lin);
    turn(w);
    w->clock.wall += 365 * DAY;
    slow_turn(w); /* the grant is over at once, the rest waits */
    assert_int_equal(log_n, 2);
    assert_act(0, "acme", "grant.past");
    w->clock.wall -= 365 * DAY; /* set right in time */
    advance(w, 10 * MINUTE);
    slow_turn(w);
    assert_int_equal(log_n, 2);
    assert_int_equal(again(w, &mei).state, USER_ACTIVE);
    w->clock.wall += 31 * DAY; /* stays there: the time has come */
    slow_turn(w);
    assert_int_equal(again(w, &mei).state, USER_ACTIVE);
    advance(w, 10 * MINUTE);
    slow_turn(w);
    assert_int_equal(again(w, &mei).state, USER_ENDED);
    w->clock.wall -= 400 * DAY;
    slow_turn(w); /* back: nothing comes alive again */
    assert_int_equal(again(w, &mei).state, USER_ENDED);
    assert_int_equal(running(w, &wang, NULL), 0);
}

static void test_pace(void **state)
{
    struct world *w = *state;
    turn(w);
    struct user mei = leaver(w, "acme", "mei", now(w));
    advance(w, 9 * SECOND);
    turn(w);
    assert_int_equal(again(w, &mei).state, USER_ACTIVE);
    advance(w, SECOND);
    turn(w);
    assert_int_equal(again(w, &mei).state, USER_ENDED);
    sql(w,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)"
        " INSERT INTO users SELECT 'AIDAMANY' || i, 'acme', 'many' || i, '/', 1, 'x', '', '', 0,"
        " ?1, ?1, ?1, ?1, 0, '', '{}', 1 FROM n",
        SQL_IN(SQL_INT(now(w))));
    scribe_reset();
    slow_turn(w);
    assert_int_equal(log_n, 200);
    advance(w, SECOND);
    turn(w); /* more were due: no pause */
    assert_int_equal(log_n, 300);
}

static void test_clean(void **state)
{
    struct world *w = *state;
    struct user lin = person(w, "acme", "lin");
    const int64_t t = now(w);
    for (int i = 0; i < 2; i++) { /* over at t + 1 min, and two days later */
        struct sql_in in = SQL_IN(SQL_INT(i), SQL_INT(t + MINUTE + i * 2 * DAY), SQL_STR(lin.id));
        sql(w,
            "INSERT INTO tokens VALUES('AS' || ?1, x'00', 'acme', 'acme', ?3, '', '', '', x'00', "
            "'',"
            " '{}', 0, '', 0, ?2)",
            in);
        sql(w,
            "INSERT INTO sessions VALUES(CAST(?1 AS BLOB), 's' || ?1, ?3, 'acme', 4, 0, ?2, ?2, '',"
            " x'', 0, 0, x'', NULL)",
            in);
        sql(w, "INSERT INTO enrolments VALUES(CAST(?1 AS BLOB), ?3, 0, ?2)", in);
        sql(w,
            "INSERT INTO idempotency VALUES('acme', ?3, 'k' || ?1, x'', 200, x'',"
            " ?2 - 86400000)",
            in);
        sql(w, "INSERT INTO lockouts VALUES('s' || ?1, 1, ?2 - 86400000, ?2 + 0 * ?3)", in);
    }
    static const char all[] =
            "SELECT (SELECT count(*) FROM tokens) * 10000 + (SELECT count(*) FROM sessions) * 1000"
            " + (SELECT count(*) FROM enrolments) * 100 + (SELECT count(*) FROM idempotency) * 10"
            " + (SELECT count(*) FROM lockouts)";
    turn(w);
    assert_int_equal(number(w, all, (struct sql_in){ 0 }), 22222);
    advance(w, MINUTE);
    turn(w);
    assert_int_equal(number(w, all, (struct sql_in){ 0 }), 11111);
    assert_int_equal(log_n, 0);
}

static void test_flush(void **state)
{
    struct world *w = *state;
    struct user lin = person(w, "acme", "lin");
    turn(w);
    advance(w, 30 * SECOND);
    user_touch(w->d, lin.id);
    counter_add(w->d, "acme", "login", 2);
    turn(w);
    assert_int_equal(again(w, &lin).active_ms, T0);
    advance(w, 30 * SECOND);
    turn(w);
    assert_int_equal(again(w, &lin).active_ms, T0 + 30 * SECOND);
    assert_int_equal(number(w, "SELECT n FROM counters WHERE realm = 'acme' AND name = 'login'",
                            (struct sql_in){ 0 }),
                     2);
}

#define HOUSE(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE(test_grants),
        HOUSE(test_leavers),
        HOUSE(test_dormant),
        HOUSE(test_old_keys),
        HOUSE(test_reviews),
        HOUSE(test_closed),
        HOUSE(test_no_entry_no_change),
        HOUSE(test_full),
        HOUSE(test_one_realm),
        HOUSE(test_no_outcome),
        HOUSE(test_crashes),
        HOUSE(test_leap),
        HOUSE(test_pace),
        HOUSE(test_clean),
        HOUSE(test_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
