/* Privilege just in time: asked, approved by another person with a fresh second factor, running by
 * the clock, ended; what is refused, and by whom it can't be approved. */
#include "grant_kit.h"

#include "base/text.h"

#include <pthread.h>

static void assert_message(const struct error *e, const char *part)
{
    if (strstr(e->msg, part) == NULL) {
        fail_msg("'%s' does not say '%s'", e->msg, part);
    }
}

/*= 2.1.4-3 test */
/*= 2.1.3-9 test */
static void test_asked_approved_past(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    int64_t next = 0;
    struct grant g = asked(w, &wang, "acme", "support-data-reader");
    assert_int_equal(g.state, GRANT_ASKED);
    assert_int_equal(running(w, &wang, &next), 0);
    assert_int_equal(next, 0);
    advance(w, 3 * HOUR); /* the length runs from the approval */
    g = approved(w, &g, &lin);
    assert_int_equal(g.state, GRANT_APPROVED);
    assert_string_equal(g.decided_name, "lin");
    assert_int_equal(g.from_ms, now(w));
    assert_int_equal(g.until_ms, now(w) + HOUR);
    assert_int_equal(running(w, &wang, &next), 1);
    assert_int_equal(next, g.until_ms);
    advance(w, HOUR - 1);
    assert_int_equal(running(w, &wang, NULL), 1);
    advance(w, 1);
    assert_int_equal(running(w, &wang, &next), 0);
    assert_int_equal(next, 0);
}

static void test_later(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct grant_ask ask = ask_of(&wang, "acme", "support-data-reader");
    struct error e;
    struct grant g;
    int64_t next = 0;
    ask.from_ms = now(w) - 1;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_RANGE);
    ask.from_ms = now(w) + 31 * DAY;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_RANGE);
    ask.from_ms = now(w) + 2 * DAY;
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    g = approved(w, &g, &lin);
    assert_int_equal(g.from_ms, ask.from_ms);
    assert_int_equal(running(w, &wang, &next), 0);
    assert_int_equal(next, g.from_ms);
    advance(w, 2 * DAY);
    assert_int_equal(running(w, &wang, &next), 1);
    assert_int_equal(next, g.until_ms);
    w->clock.wall -= DAY; /* a clock that is put back does not let in before the time */
    assert_int_equal(running(w, &wang, NULL), 0);
}

static void test_who_approves(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"),
                wu = person(w, IDENTITY_PLATFORM, "wu");
    struct user lin = person(w, "acme", "lin"), bob = person(w, "beta", "bob");
    struct user robot = person_of(w, "acme", "robot", USER_SERVICE, "lin");
    struct error e;
    struct grant ret, g = asked(w, &wang, "acme", "support-data-reader");
    const struct user *const others[] = { &wang, &wu, &bob, &robot };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_code(grant_approve(w->d, g.id, others[i], now(w), 0, "", w->arena, &ret, &e),
                    ERRC_DENIED);
        assert_code(grant_refuse(w->d, g.id, others[i], "", w->arena, &ret, &e), ERRC_DENIED);
    }
    assert_ok(user_set_frozen(w->d, lin.id, true, &e), e);
    lin = again(w, &lin);
    assert_code(grant_approve(w->d, g.id, &lin, now(w), 0, "", w->arena, &ret, &e), ERRC_DENIED);
    assert_ok(user_set_frozen(w->d, lin.id, false, &e), e);
    lin = again(w, &lin);
    (void)approved(w, &g, &lin);

    struct grant own = asked(w, &wang, IDENTITY_PLATFORM, "system-administrator");
    assert_code(grant_approve(w->d, own.id, &wang, now(w), 0, "", w->arena, &ret, &e), ERRC_DENIED);
    assert_message(&e, "nobody decides what they asked for");
    (void)approved(w, &own, &wu);
}

static void test_fresh_factor(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct error e;
    struct grant ret, g = asked(w, &wang, "acme", "support-data-reader");
    const int64_t stale[] = { 0, now(w) - GRANT_FRESH_MFA_MS - 1, now(w) + 1 };
    for (size_t i = 0; i < ARRAY_LEN(stale); i++) {
        assert_code(grant_approve(w->d, g.id, &lin, stale[i], 0, "", w->arena, &ret, &e),
                    ERRC_DENIED);
        assert_message(&e, "second factor");
    }
    assert_ok(
            grant_approve(w->d, g.id, &lin, now(w) - GRANT_FRESH_MFA_MS, 0, "", w->arena, &ret, &e),
            e);
}

static void test_length(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct grant_ask ask = ask_of(&wang, "acme", "support-data-reader");
    struct error e;
    struct grant g, ret;
    ask.length_ms = 8 * HOUR + 1;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_RANGE);
    assert_message(&e, "P-PAM-2");
    ask.length_ms = MINUTE - 1;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_RANGE);
    ask.length_ms = 8 * HOUR;
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    struct user wu = person(w, IDENTITY_PLATFORM, "wu");
    struct grant hour = asked(w, &wu, "acme", "support-data-reader");
    assert_code(grant_approve(w->d, hour.id, &lin, now(w), HOUR + 1, "", w->arena, &ret, &e),
                ERRC_RANGE);
    assert_message(&e, "longer than was asked for");
    assert_ok(param_set(w->d, "acme", "P-PAM-2", "2", &e), e);
    assert_code(grant_approve(w->d, g.id, &lin, now(w), 0, "", w->arena, &ret, &e), ERRC_RANGE);
    assert_code(grant_approve(w->d, g.id, &lin, now(w), 9 * HOUR, "", w->arena, &ret, &e),
                ERRC_RANGE);
    assert_ok(grant_approve(w->d, g.id, &lin, now(w), 2 * HOUR, "only two", w->arena, &ret, &e), e);
    assert_int_equal(ret.until_ms, now(w) + 2 * HOUR);
    assert_string_equal(ret.note, "only two");
}

static void test_unclaimed(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang");
    struct grant_ask ask = ask_of(&wang, "gamma", "support-data-reader");
    struct error e;
    struct tenant t;
    struct grant g;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_NOT_FOUND);
    assert_ok(directory_tenant_create(w->d, "gamma", SUITE_AES256_GCM, &t, &e), e);
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_CONFLICT);
    assert_string_equal(e.msg, "tenant gamma has no approver yet");
    ask.kind = GRANT_BREAK_GLASS;
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    assert_ok(directory_tenant_set_state(w->d, "gamma", TENANT_CLOSED, &e), e);
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_CONFLICT);
}

static void test_roles_that_fit(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *home, *realm, *role;
        enum errc want;
    } cases[] = {
        { "platform", "acme", "support-keys", ERRC_OK },
        { "platform", "acme", "storage-owner", ERRC_NOT_FOUND },
        { "platform", "acme", "system-administrator", ERRC_NOT_FOUND },
        { "platform", "acme", "root", ERRC_NOT_FOUND },
        { "platform", "acme", "firefighter", ERRC_NOT_FOUND }, /* acme's own */
        { "platform", "acme", "", ERRC_FORMAT },
        { "platform", "platform", "audit-administrator", ERRC_OK },
        { "platform", "platform", "support-keys", ERRC_NOT_FOUND },
        { "platform", "platform", "staff", ERRC_CONFLICT },
        { "acme", "acme", "firefighter", ERRC_OK },
        { "acme", "acme", "plain", ERRC_CONFLICT },
        { "acme", "acme", "support-keys", ERRC_DENIED },
        { "acme", "acme", "system-administrator", ERRC_CONFLICT },
        { "acme", "beta", "support-keys", ERRC_DENIED },
        { "acme", "platform", "system-administrator", ERRC_DENIED },
        { "beta", "beta", "firefighter", ERRC_NOT_FOUND },
    };
    struct error e;
    struct access_role r;
    struct role_new fire = { .name = "firefighter", .is_privileged = true },
                    plain = { .name = "plain" };
    assert_ok(role_create(w->d, "acme", &fire, w->arena, &r, &e), e);
    assert_ok(role_create(w->d, "acme", &plain, w->arena, &r, &e), e);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[16];
        struct grant g;
        snprintf(name, sizeof(name), "person%zu", i);
        struct user u = person(w, cases[i].home, name);
        struct grant_ask ask = ask_of(&u, cases[i].realm, cases[i].role);
        struct result res = grant_create(w->d, &ask, w->arena, &g, &e);
        if (res.code != cases[i].want) {
            fail_msg("%s of %s over %s: %s", cases[i].role, cases[i].home, cases[i].realm,
                     errc_name(res.code));
        }
    }
}

static void test_of_others(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct user robot = person_of(w, IDENTITY_PLATFORM, "robot", USER_SERVICE, "wang");
    struct error e;
    struct grant g;
    struct grant_ask ask = ask_of(&lin, "acme", "support-data-reader");
    ask.home = IDENTITY_PLATFORM; /* a customer's person calls itself the provider's staff */
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
    ask = ask_of(&robot, "acme", "support-data-reader");
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
    ask = ask_of(&wang, "acme", "support-data-reader");
    ask.user_id = "AIDANOBODY";
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_NOT_FOUND);
    ask.user_id = "operator/0";
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
    ask = ask_of(&wang, "acme", "support-data-reader");
    assert_ok(user_set_frozen(w->d, wang.id, true, &e), e);
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
    assert_ok(user_set_frozen(w->d, wang.id, false, &e), e);
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_EXISTS);
    /* frozen between asking and approval */
    assert_ok(user_set_frozen(w->d, wang.id, true, &e), e);
    struct grant_filter f = { .user_id = wang.id };
    struct grant *list;
    size_t n;
    assert_ok(grant_list(w->d, &f, 10, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_code(grant_approve(w->d, list[0].id, &lin, now(w), 0, "", w->arena, &g, &e),
                ERRC_DENIED);
}

static void test_texts(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct grant_ask good = ask_of(&wang, "acme", "support-data-reader"), ask;
    static const char limits[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                 "\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}";
    char longest[1026];
    struct error e;
    struct grant g;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *const bad_reasons[] = { NULL, "", "a\nb", "\x80", longest };
    for (size_t i = 0; i < ARRAY_LEN(bad_reasons); i++) {
        ask = good;
        ask.reason = bad_reasons[i];
        assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_FORMAT);
    }
    ask = good;
    ask.policy = "{}";
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_FORMAT);
    assert_message(&e, "policy");
    ask.kind = (enum grant_kind)4;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_FORMAT);
    ask = good;
    ask.policy = limits;
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    assert_code(grant_approve(w->d, g.id, &lin, now(w), 0, "a\tb", w->arena, &g, &e), ERRC_FORMAT);
    (void)approved(w, &g, &lin);
    struct grant kept;
    assert_ok(grant_get(w->d, g.id, w->arena, &kept, &e), e);
    assert_string_equal(kept.policy, limits);
    assert_string_equal(kept.reason, good.reason);
    assert_string_equal(kept.ticket, "T-17");
    assert_code(grant_get(w->d, "g-nothing", w->arena, &kept, &e), ERRC_NOT_FOUND);
}

/*= 2.1.4-2 test */
static void test_two_administrators(void **state)
{
    struct world *w = *state;
    struct user chen = person(w, IDENTITY_PLATFORM, "chen"),
                wu = person(w, IDENTITY_PLATFORM, "wu");
    struct user lin = person(w, "acme", "lin");
    struct error e;
    struct grant g;
    assign(w, &chen, "auditor");
    static const char *const over_platform[] = { "system-administrator", "security-administrator" };
    static const char *const over_acme[] = { "support-keys", "support-accounts" };
    for (size_t i = 0; i < 2; i++) {
        struct grant_ask ask = ask_of(&chen, IDENTITY_PLATFORM, over_platform[i]);
        assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
        assert_message(&e, "two of the three administrators");
        ask = ask_of(&chen, "acme", over_acme[i]);
        assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
        ask.kind = GRANT_BREAK_GLASS;
        assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
    }
    (void)asked(w, &chen, IDENTITY_PLATFORM, "audit-administrator");
    (void)asked(w, &chen, "acme", "support-data-reader");
    (void)asked(w, &chen, "acme", "support-logs");

    /* Two asks at once: the second approval is refused while the first one runs or will. */
    struct user yang = person(w, IDENTITY_PLATFORM, "yang");
    struct grant system = asked(w, &yang, IDENTITY_PLATFORM, "system-administrator");
    struct grant security = asked(w, &yang, IDENTITY_PLATFORM, "security-administrator");
    struct grant logs = asked(w, &yang, "acme", "support-logs");
    system = approved(w, &system, &wu);
    assert_code(grant_approve(w->d, security.id, &wu, now(w), 0, "", w->arena, &g, &e),
                ERRC_DENIED);
    assert_code(grant_approve(w->d, logs.id, &lin, now(w), 0, "", w->arena, &g, &e), ERRC_DENIED);
    assert_ok(grant_end(w->d, system.id, yang.id, "platform/user/yang", w->arena, &g, &e), e);
    (void)approved(w, &security, &wu);
}

static void test_break_glass(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct grant_ask ask = ask_of(&wang, "acme", "support-data-reader");
    struct error e;
    struct grant g;
    struct notice *list;
    size_t n = 0;
    ask.kind = GRANT_BREAK_GLASS;
    ask.length_ms = HOUR + 1;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_RANGE);
    assert_message(&e, "P-PAM-3");
    ask.length_ms = HOUR;
    ask.from_ms = now(w) + HOUR;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_RANGE);
    ask.from_ms = 0;
    assert_ok(notice_list(w->d, "acme", true, NULL, 10, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 0);
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    assert_int_equal(g.state, GRANT_APPROVED);
    assert_int_equal(running(w, &wang, NULL), 1);
    assert_ok(notice_list(w->d, "acme", true, NULL, 10, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].kind, "break-glass");
    assert_string_equal(list[0].subject, g.id);
    assert_int_equal(list[0].due_ms, now(w) + DAY);
    assert_non_null(strstr(list[0].detail, "bucket contracts is not readable"));
    assert_code(notice_ack(w->d, "beta", list[0].id, "beta/user/bob", &e), ERRC_NOT_FOUND);
    assert_ok(notice_ack(w->d, "acme", list[0].id, "acme/user/lin", &e), e);
    assert_code(notice_ack(w->d, "acme", list[0].id, "acme/user/lin", &e), ERRC_CONFLICT);
    assert_ok(notice_list(w->d, "acme", true, NULL, 10, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 0);
    assert_ok(notice_list(w->d, "acme", false, NULL, 10, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].acked_by, "acme/user/lin");

    ask.user_id = "operator/0";
    ask.realm = IDENTITY_PLATFORM;
    ask.role = "security-administrator";
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    assert_string_equal(g.user_name, "operator/0");
    assert_ok(notice_list(w->d, IDENTITY_PLATFORM, true, NULL, 10, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);

    ask = ask_of(&lin, "acme", "support-data-reader"); /* customers have no glass to break */
    ask.kind = GRANT_BREAK_GLASS;
    assert_code(grant_create(w->d, &ask, w->arena, &g, &e), ERRC_DENIED);
}

static void test_standing(void **state)
{
    struct world *w = *state;
    struct user wu = person(w, IDENTITY_PLATFORM, "wu");
    struct grant g[4];
    struct error e;
    for (size_t i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof(name), "glass%zu", i);
        struct user u = person(w, IDENTITY_PLATFORM, name);
        struct grant_ask ask = ask_of(&u, IDENTITY_PLATFORM, "system-administrator");
        ask.kind = GRANT_STANDING;
        assert_code(grant_create(w->d, &ask, w->arena, &g[i], &e), ERRC_RANGE);
        ask.length_ms = 0;
        struct grant_ask over = ask;
        over.realm = "acme";
        over.role = "support-keys";
        assert_code(grant_create(w->d, &over, w->arena, &g[i], &e), ERRC_DENIED);
        struct result r = grant_create(w->d, &ask, w->arena, &g[i], &e);
        assert_int_equal(r.code, i < 2 ? ERRC_OK : ERRC_LIMIT);
    }
    g[0] = approved(w, &g[0], &wu);
    assert_int_equal(g[0].until_ms, 0);
    advance(w, 400 * DAY);
    struct grant *list;
    size_t n = 0;
    int64_t next = 0;
    assert_ok(grants_running(w->d, g[0].user_id, now(w), w->arena, &list, &n, &next, &e), e);
    assert_int_equal(n, 1);
    assert_int_equal(next, 0);
    assert_ok(param_set(w->d, IDENTITY_PLATFORM, "P-PAM-1", "0", &e), e);
    assert_code(grant_approve(w->d, g[1].id, &wu, now(w), 0, "", w->arena, &g[1], &e),
                ERRC_EXPIRED);
}

struct race {
    struct world *w;
    const char *id;
    const struct user *by;
    bool refuses;
    enum errc got;
    pthread_barrier_t *start;
};

static void *race_main(void *arg)
{
    struct race *r = arg;
    struct arena *arena = arena_new(4096, false);
    struct grant g;
    struct error e;
    pthread_barrier_wait(r->start);
    r->got = r->refuses
                     ? grant_refuse(r->w->d, r->id, r->by, "", arena, &g, &e).code
                     : grant_approve(r->w->d, r->id, r->by, now(r->w), 0, "", arena, &g, &e).code;
    arena_free(arena);
    return NULL;
}

static void test_races(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang");
    struct user lin = person(w, "acme", "lin"), mei = person(w, "acme", "mei");
    for (unsigned round = 0; round < 20; round++) {
        struct grant g = asked(w, &wang, "acme", "support-data-reader");
        pthread_barrier_t start;
        pthread_t threads[2];
        struct race races[2] = { { w, g.id, &lin, false, ERRC_OK, &start },
                                 { w, g.id, &mei, round % 2 == 1, ERRC_OK, &start } };
        pthread_barrier_init(&start, NULL, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, race_main, &races[i]), 0);
        }
        for (size_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
        }
        pthread_barrier_destroy(&start);
        assert_true((races[0].got == ERRC_OK) != (races[1].got == ERRC_OK));
        assert_true(races[0].got == ERRC_CONFLICT || races[1].got == ERRC_CONFLICT);
        struct grant kept;
        struct error e;
        bool first = races[0].got == ERRC_OK;
        assert_ok(grant_get(w->d, g.id, w->arena, &kept, &e), e);
        assert_string_equal(kept.decided_by, first ? lin.id : mei.id);
        assert_int_equal(kept.state, !first && races[1].refuses ? GRANT_REFUSED : GRANT_APPROVED);
    }
}

static void test_end(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"),
                wu = person(w, IDENTITY_PLATFORM, "wu");
    struct user lin = person(w, "acme", "lin"), bob = person(w, "beta", "bob");
    struct error e;
    struct grant ret, g = asked(w, &wang, "acme", "support-data-reader");
    assert_code(grant_end(w->d, g.id, bob.id, "beta/user/bob", w->arena, &ret, &e), ERRC_DENIED);
    assert_code(grant_end(w->d, g.id, "", "somebody", w->arena, &ret, &e), ERRC_NOT_FOUND);
    assert_ok(grant_end(w->d, g.id, wang.id, "platform/user/wang", w->arena, &ret, &e), e);
    assert_int_equal(ret.state, GRANT_WITHDRAWN);
    assert_code(grant_approve(w->d, g.id, &lin, now(w), 0, "", w->arena, &ret, &e), ERRC_CONFLICT);

    const struct user *const enders[] = { &wang, &wu, &lin };
    for (size_t i = 0; i < ARRAY_LEN(enders); i++) {
        g = asked(w, &wang, "acme", "support-data-reader");
        g = approved(w, &g, &lin);
        sql(w,
            "INSERT INTO tokens VALUES(?1, x'00', 'acme', 'platform', ?2, 'support-data-reader',"
            " 's', '', x'00', '', '{}', 1, ?1, 1, 9999999999999)",
            SQL_IN(SQL_STR(g.id), SQL_STR(wang.id)));
        advance(w, 10 * MINUTE);
        assert_ok(grant_end(w->d, g.id, enders[i]->id, "who", w->arena, &ret, &e), e);
        assert_int_equal(ret.state, GRANT_ENDED);
        assert_int_equal(ret.ended_ms, now(w));
        assert_int_equal(running(w, &wang, NULL), 0);
        assert_int_equal(number(w, "SELECT count(*) FROM tokens", (struct sql_in){ 0 }), 0);
        assert_code(grant_end(w->d, g.id, enders[i]->id, "who", w->arena, &ret, &e), ERRC_CONFLICT);
    }
    uint64_t seconds = 0;
    assert_ok(counter_sum(w->d, "acme", "grant.seconds", 0, now(w) + 1, &seconds, &e), e);
    assert_int_equal(seconds, 3 * 600);
    g = asked(w, &wang, "acme", "support-data-reader");
    g = approved(w, &g, &lin);
    advance(w, HOUR);
    assert_code(grant_end(w->d, g.id, lin.id, "who", w->arena, &ret, &e), ERRC_CONFLICT);
}

static void test_lapsed(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct error e;
    struct grant *list, ret, g = asked(w, &wang, "acme", "support-data-reader");
    size_t n = 0;
    advance(w, DAY - 1);
    assert_ok(grants_over(w->d, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 0);
    advance(w, 1);
    assert_code(grant_approve(w->d, g.id, &lin, now(w), 0, "", w->arena, &ret, &e), ERRC_EXPIRED);
    assert_code(grant_refuse(w->d, g.id, &lin, "", w->arena, &ret, &e), ERRC_EXPIRED);
    assert_ok(grants_over(w->d, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    struct grant copy = list[0];
    assert_ok(grant_clock(w->d, &list[0], &e), e);
    assert_int_equal(list[0].state, GRANT_LAPSED);
    assert_code(grant_clock(w->d, &list[0], &e), ERRC_CONFLICT);
    assert_code(grant_clock(w->d, &copy, &e), ERRC_CONFLICT);
    assert_ok(grant_get(w->d, g.id, w->arena, &ret, &e), e);
    assert_int_equal(ret.state, GRANT_LAPSED);
    assert_string_equal(ret.ended_by, "clock");
}

/* Past is past: a clock put back does not let a grant run again. */
static void test_past_is_final(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct error e;
    struct grant *list, g = asked(w, &wang, "acme", "support-data-reader");
    size_t n = 0;
    g = approved(w, &g, &lin);
    advance(w, HOUR);
    assert_ok(grants_over(w->d, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_ok(grant_clock(w->d, &list[0], &e), e);
    assert_int_equal(list[0].state, GRANT_PAST);
    assert_int_equal(list[0].ended_ms, g.until_ms);
    w->clock.wall -= 30 * MINUTE;
    assert_int_equal(running(w, &wang, NULL), 0);
}

static void test_lists(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct error e;
    struct grant *list, last;
    struct grant_filter f = { .realm = "acme" };
    size_t n = 0, seen = 0;
    char ids[7][GRANT_ID_BYTES];
    for (size_t i = 0; i < 7; i++) {
        last = asked(w, &wang, "acme", "support-data-reader");
        last = approved(w, &last, &lin);
        memcpy(ids[i], last.id, sizeof(ids[i]));
        advance(w, i % 2); /* some within the same millisecond */
    }
    (void)asked(w, &wang, "beta", "support-data-reader");
    bool had[7] = { false };
    for (const char *after = NULL;; after = list[n - 1].id) {
        f.after = after;
        assert_ok(grant_list(w->d, &f, 2, w->arena, &list, &n, &e), e);
        if (n == 0) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < 7; k++) {
                had[k] |= strcmp(ids[k], list[i].id) == 0;
            }
        }
        seen += n;
    }
    assert_int_equal(seen, 7);
    for (size_t k = 0; k < 7; k++) {
        assert_true(had[k]);
    }
    const struct {
        struct grant_filter f;
        size_t want;
    } filters[] = {
        { { .realm = NULL }, 8 },      { { .state = GRANT_ASKED }, 1 },
        { { .home = "platform" }, 8 }, { { .home = "acme" }, 0 },
        { { .user_id = lin.id }, 0 },  { { .realm = "beta", .state = GRANT_APPROVED }, 0 },
        { { .realm = "beta" }, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        assert_ok(grant_list(w->d, &filters[i].f, 100, w->arena, &list, &n, &e), e);
        assert_int_equal(n, filters[i].want);
    }
}

static void test_uses_and_json(void **state)
{
    struct world *w = *state;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"), lin = person(w, "acme", "lin");
    struct error e;
    struct grant g = asked(w, &wang, "acme", "support-data-reader");
    g = approved(w, &g, &lin);
    for (size_t i = 0; i < 3; i++) {
        advance(w, MINUTE);
        grant_touch(w->d, g.id);
    }
    directory_close(w->d); /* what is counted is written at the end */
    world_open(w);
    assert_ok(grant_get(w->d, g.id, w->arena, &g, &e), e);
    assert_int_equal(g.uses, 3);
    assert_int_equal(g.used_ms, now(w));

    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    CLEANUP(buf_done_p) struct buf canonical = BUF(4096);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes state_name;
    struct jsonw j;
    jsonw_init(&j, &text);
    jsonw_object(&j);
    grant_json(&j, &g);
    jsonw_object_end(&j);
    assert_ok(json_parse(buf_bytes(&text), 4096, &doc, &e), e);
    assert_ok(json_canonical(json_root(doc), &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), buf_bytes(&text));
    assert_ok(json_get_str(json_root(doc), "state", &state_name, &e), e);
    assert_bytes(state_name, BYTES_LIT("approved"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_asked_approved_past),
        TEST(test_later),
        TEST(test_who_approves),
        TEST(test_fresh_factor),
        TEST(test_length),
        TEST(test_unclaimed),
        TEST(test_roles_that_fit),
        TEST(test_of_others),
        TEST(test_texts),
        TEST(test_two_administrators),
        TEST(test_break_glass),
        TEST(test_standing),
        TEST(test_races),
        TEST(test_end),
        TEST(test_lapsed),
        TEST(test_past_is_final),
        TEST(test_lists),
        TEST(test_uses_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
