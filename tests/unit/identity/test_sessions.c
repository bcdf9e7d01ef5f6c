/* Sessions: bound to their client, ended by idleness, absolutely and at once; no token lives on
 * past its step; the cache never knows better than the directory. */
#include "login_kit.h"

#include "identity/param.h"

#include <stdatomic.h>

/*= 2.1.4-7 test */
static void bound_to_client(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened o = signed_in(p, &m);
    struct session s;
    const struct session_client other_ip = { .ip = NOT_HERE, .agent = at_home.agent },
                                other_agent = { .ip = at_home.ip, .agent = "curl/9" },
                                no_agent = { .ip = at_home.ip, .agent = "" };
    for (int i = 0; i < 2; i++) { /* from the row, then from the cache */
        assert_code(session_find(p->w->d, bytes_str(o.token), &other_ip, &s, &p->e), ERRC_DENIED);
        assert_code(session_find(p->w->d, bytes_str(o.token), &other_agent, &s, &p->e),
                    ERRC_DENIED);
        assert_code(session_find(p->w->d, bytes_str(o.token), &no_agent, &s, &p->e), ERRC_DENIED);
        assert_ok(session_find(p->w->d, bytes_str(o.token), &at_home, &s, &p->e), p->e);
    }
    assert_string_equal(s.user_id, m.u.id);
    assert_string_equal(s.realm, "acme");
    assert_string_equal(s.id, o.s.id);
    assert_int_equal(s.stage, SESSION_FULL);
    assert_int_equal(s.mfa_kind, FACTOR_TOTP);
    assert_memory_equal(s.csrf, o.s.csrf, sizeof(s.csrf));
    assert_string_equal(session_stage_name(s.stage), "full");
}

/* Every truncation and every changed character of a token. */
static void tokens(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened o = signed_in(p, &m), again = signed_in(p, &m);
    assert_int_equal(strlen(o.token), SESSION_TOKEN_BYTES - 1);
    assert_string_not_equal(o.token, again.token);
    assert_string_not_equal(o.csrf, again.csrf);
    assert_string_not_equal(o.s.id, again.s.id);
    assert_int_equal(find(p, &o), ERRC_OK);
    for (size_t i = 0; i < SESSION_TOKEN_BYTES - 1; i++) {
        struct session_opened bad = o;
        bad.token[i] = '\0';
        assert_int_equal(find(p, &bad), ERRC_DENIED);
        bad = o;
        bad.token[i] = bad.token[i] == 'A' ? 'B' : 'A';
        assert_int_equal(find(p, &bad), ERRC_DENIED);
    }
    struct session s;
    assert_code(session_find(p->w->d, bytes_str(o.s.id), &at_home, &s, &p->e), ERRC_DENIED);
    restart(p); /* only its hash was kept, and it is enough */
    assert_int_equal(find(p, &o), ERRC_OK);
}

/*= 2.1.4-7 test */
static void limits(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened o = signed_in(p, &m);
    /* idle: 15 minutes by default */
    pass(p, 15 * MINUTE - STEP_MS - 1);
    assert_int_equal(find(p, &o), ERRC_OK);
    pass(p, 15 * MINUTE - 1);
    assert_int_equal(find(p, &o), ERRC_OK);
    pass(p, 15 * MINUTE);
    assert_int_equal(find(p, &o), ERRC_EXPIRED);
    assert_int_equal(find(p, &o), ERRC_EXPIRED); /* asking does not wake it */
    /* absolutely: 12 hours by default, however busy */
    o = signed_in(p, &m);
    for (int64_t end = o.s.created_ms + 12 * HOUR; p->w->clock.wall + 10 * MINUTE < end;) {
        assert_int_equal(find(p, &o), ERRC_OK);
        pass(p, 10 * MINUTE);
    }
    assert_int_equal(find(p, &o), ERRC_OK);
    pass(p, o.s.created_ms + 12 * HOUR - p->w->clock.wall - 1);
    assert_int_equal(find(p, &o), ERRC_OK);
    pass(p, 1);
    assert_int_equal(find(p, &o), ERRC_EXPIRED);
    /* as the realm has it, at once */
    o = signed_in(p, &m);
    pass(p, 12 * MINUTE);
    assert_ok(param_set(p->w->d, "acme", "P-IAM-1", "10", &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_EXPIRED);
    assert_ok(param_set(p->w->d, "acme", "P-IAM-1", "30", &p->e), p->e);
    pass(p, 17 * MINUTE);
    assert_int_equal(find(p, &o), ERRC_OK);
}

/* The steps before the full session are short. */
static void short_steps(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened o;
    assert_ok(by_password(p, &m.u, GOOD, &o), p->e);
    pass(p, 10 * MINUTE - 1);
    assert_int_equal(find(p, &o), ERRC_OK);
    pass(p, 1);
    assert_int_equal(find(p, &o), ERRC_EXPIRED);
}

/* The time it was last seen outlives a restart, to a minute. */
static void seen_is_written(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened o = signed_in(p, &m);
    for (int i = 0; i < 20; i++) {
        pass(p, 2 * MINUTE);
        assert_int_equal(find(p, &o), ERRC_OK);
    }
    restart(p);
    assert_int_equal(find(p, &o), ERRC_OK);
    /* also when something else changed meanwhile */
    pass(p, 14 * MINUTE);
    assert_int_equal(find(p, &o), ERRC_OK);
    pass(p, 30 * 1000); /* seen in memory alone */
    assert_int_equal(find(p, &o), ERRC_OK);
    directory_caches_empty(p->w->d);
    pass(p, 14 * MINUTE + 45 * 1000);
    assert_int_equal(find(p, &o), ERRC_OK);
}

/*= 2.2.2-5 test */
static void frozen(void **state)
{
    struct people *p = *state;
    struct directory *d = p->w->d;
    struct member m = member(p, "acme", "lin"), other = member(p, "beta", "wu");
    struct session_opened o = signed_in(p, &m), x = signed_in(p, &other);
    assert_int_equal(find(p, &o), ERRC_OK);
    assert_ok(user_set_frozen(d, m.u.id, true, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_DENIED);
    assert_ok(user_set_frozen(d, m.u.id, false, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_OK);
    assert_ok(realm_set_frozen(d, "acme", true, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_DENIED);
    assert_int_equal(find(p, &x), ERRC_OK);
    assert_ok(realm_set_frozen(d, "acme", false, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_OK);
    assert_ok(user_set_state(d, m.u.id, USER_SUSPENDED, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_DENIED);
    assert_ok(user_set_state(d, m.u.id, USER_ACTIVE, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_OK);
    assert_ok(directory_tenant_set_state(d, "acme", TENANT_SUSPENDED, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_DENIED);
    assert_ok(directory_tenant_set_state(d, "acme", TENANT_ACTIVE, &p->e), p->e);
    assert_ok(user_set_state(d, m.u.id, USER_ENDED, &p->e), p->e);
    assert_int_equal(find(p, &o), ERRC_DENIED);
    assert_int_equal(find(p, &x), ERRC_OK);
}

/*= 2.1.4-7 test */
static void revoked(void **state)
{
    struct people *p = *state;
    struct directory *d = p->w->d;
    struct member m = member(p, "acme", "lin"), other = member(p, "acme", "wu");
    struct session_opened a = signed_in(p, &m), b = signed_in(p, &m), c = signed_in(p, &other);
    struct session *list = NULL;
    size_t n = 0;
    assert_ok(session_list(d, m.u.id, p->arena, &list, &n, &p->e), p->e);
    assert_true(n >= 2); /* the one of the enrolment may still be there */
    assert_int_equal(find(p, &a), ERRC_OK);
    assert_code(session_revoke(d, other.u.id, a.s.id, &p->e), ERRC_NOT_FOUND);
    assert_int_equal(find(p, &a), ERRC_OK);
    assert_ok(session_revoke(d, m.u.id, a.s.id, &p->e), p->e);
    assert_int_equal(find(p, &a), ERRC_DENIED);
    assert_int_equal(find(p, &b), ERRC_OK);
    assert_code(session_revoke(d, m.u.id, a.s.id, &p->e), ERRC_NOT_FOUND);
    a = signed_in(p, &m);
    assert_ok(sessions_revoke(d, m.u.id, &p->e), p->e);
    assert_int_equal(find(p, &a), ERRC_DENIED);
    assert_int_equal(find(p, &b), ERRC_DENIED);
    assert_int_equal(find(p, &c), ERRC_OK);
    assert_ok(session_list(d, m.u.id, p->arena, &list, &n, &p->e), p->e);
    assert_int_equal(n, 0);
    restart(p);
    assert_int_equal(find(p, &a), ERRC_DENIED);
    assert_int_equal(find(p, &c), ERRC_OK);
}

/* A token that was known before a step is worth nothing after it. */
static void fixation(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened first, full, more;
    assert_ok(by_password(p, &m.u, GOOD, &first), p->e);
    assert_int_equal(find(p, &first), ERRC_OK);
    const char *code = code_now(p, m.seed);
    assert_ok(by_totp(p, &first, code, &full), p->e);
    assert_int_equal(find(p, &first), ERRC_DENIED);
    assert_int_equal(find(p, &full), ERRC_OK);
    assert_string_not_equal(first.token, full.token);
    assert_string_not_equal(first.csrf, full.csrf);
    /* the old one can't step once more, a full one needs no step */
    pass(p, STEP_MS);
    assert_code(by_totp(p, &first, code_now(p, m.seed), &more), ERRC_CONFLICT);
    assert_code(by_totp(p, &full, code_now(p, m.seed), &more), ERRC_CONFLICT);
    assert_int_equal(find(p, &full), ERRC_OK);
    /* one that was revoked between the steps */
    pass(p, STEP_MS);
    assert_ok(by_password(p, &m.u, GOOD, &first), p->e);
    assert_ok(sessions_revoke(p->w->d, m.u.id, &p->e), p->e);
    assert_code(by_totp(p, &first, code_now(p, m.seed), &more), ERRC_CONFLICT);
}

static void challenges(void **state)
{
    struct people *p = *state;
    struct directory *d = p->w->d;
    struct member m = member(p, "acme", "lin");
    struct session_opened o = signed_in(p, &m);
    uint8_t a[32], b[32];
    assert_code(session_challenge_take(d, &o.s, b, &p->e), ERRC_DENIED);
    assert_ok(session_challenge(d, &o.s, a, &p->e), p->e);
    assert_ok(session_challenge_take(d, &o.s, b, &p->e), p->e);
    assert_memory_equal(a, b, 32);
    assert_code(session_challenge_take(d, &o.s, b, &p->e), ERRC_DENIED); /* once */
    assert_ok(session_challenge(d, &o.s, a, &p->e), p->e);
    pass(p, 5 * MINUTE - 1);
    assert_ok(session_challenge_take(d, &o.s, b, &p->e), p->e);
    assert_ok(session_challenge(d, &o.s, a, &p->e), p->e);
    pass(p, 5 * MINUTE);
    assert_code(session_challenge_take(d, &o.s, b, &p->e), ERRC_EXPIRED);
    assert_code(session_challenge_take(d, &o.s, b, &p->e), ERRC_DENIED);
    assert_ok(sessions_revoke(d, m.u.id, &p->e), p->e);
    assert_code(session_challenge(d, &o.s, a, &p->e), ERRC_DENIED);
}

/* At most 50 of one person: the one that was idle longest goes. */
static void bounded(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    struct session_opened first = signed_in(p, &m), o;
    struct session *list = NULL;
    size_t n = 0;
    for (int i = 0; i < 60; i++) {
        assert_ok(by_password(p, &m.u, GOOD, &o), p->e);
        pass(p, 1);
    }
    assert_int_equal(find(p, &first), ERRC_DENIED);
    assert_int_equal(find(p, &o), ERRC_OK);
    assert_ok(session_list(p->w->d, m.u.id, p->arena, &list, &n, &p->e), p->e);
    assert_in_range(n, 49, 51);
}

/* --- many threads --- */

struct finder {
    struct people *p;
    char token[SESSION_TOKEN_BYTES];
    _Atomic int round;   /* which token is the newest that was opened */
    _Atomic int revoked; /* up to which all are revoked, for sure */
    _Atomic bool is_over, has_failed;
    char tokens[40][SESSION_TOKEN_BYTES];
};

static void *finder_main(void *arg)
{
    struct finder *f = arg;
    while (!atomic_load(&f->is_over)) {
        for (int i = 0, n = atomic_load(&f->round); i < n; i++) {
            struct session s;
            struct error e;
            int gone = atomic_load(&f->revoked);
            enum errc code =
                    session_find(f->p->w->d, bytes_str(f->tokens[i]), &at_home, &s, &e).code;
            if ((i < gone && code == ERRC_OK) || (code != ERRC_OK && code != ERRC_DENIED)) {
                atomic_store(&f->has_failed, true);
            }
        }
    }
    return NULL;
}

/* Found by four threads while they are opened and revoked: once a revocation returned, never
 * more. */
static void at_once(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    static struct finder f;
    pthread_t threads[4];
    f = (struct finder){ .p = p };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, finder_main, &f), 0);
    }
    for (int i = 0; i < 40; i++) {
        struct session_opened o;
        assert_ok(by_password(p, &m.u, GOOD, &o), p->e);
        memcpy(f.tokens[i], o.token, sizeof(o.token));
        atomic_store(&f.round, i + 1);
        if (i % 3 == 0) {
            directory_caches_empty(p->w->d);
        }
        assert_ok(session_revoke(p->w->d, m.u.id, o.s.id, &p->e), p->e);
        atomic_store(&f.revoked, i + 1);
    }
    atomic_store(&f.is_over, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_false(atomic_load(&f.has_failed));
}

struct stepper {
    struct people *p;
    const struct session_opened *from;
    enum errc got;
};

static void *stepper_main(void *arg)
{
    struct stepper *s = arg;
    struct session_opened o;
    struct error e;
    struct session next = s->from->s;
    const struct session_start in = { .user_id = next.user_id,
                                      .realm = next.realm,
                                      .stage = SESSION_FULL,
                                      .client = &at_home,
                                      .old = &next };
    s->got = session_start(s->p->w->d, &in, &o, &e).code;
    return NULL;
}

/* Two steps from one session at once: one of them is made. */
static void one_step(void **state)
{
    struct people *p = *state;
    struct member m = member(p, "acme", "lin");
    p->w->d->rng = &rng_system; /* the test's own is for one thread */
    for (int round = 0; round < 5; round++) {
        struct session_opened first;
        struct stepper s[4];
        pthread_t threads[4];
        unsigned made = 0;
        pass(p, HOUR);
        assert_ok(by_password(p, &m.u, GOOD, &first), p->e);
        for (size_t i = 0; i < ARRAY_LEN(s); i++) {
            s[i] = (struct stepper){ .p = p, .from = &first };
            assert_int_equal(pthread_create(&threads[i], NULL, stepper_main, &s[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(s); i++) {
            pthread_join(threads[i], NULL);
            assert_true(s[i].got == ERRC_OK || s[i].got == ERRC_CONFLICT);
            made += s[i].got == ERRC_OK;
        }
        assert_int_equal(made, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGIN(bound_to_client), LOGIN(tokens),  LOGIN(limits),  LOGIN(short_steps),
        LOGIN(seen_is_written), LOGIN(frozen),  LOGIN(revoked), LOGIN(fixation),
        LOGIN(challenges),      LOGIN(bounded), LOGIN(at_once), LOGIN(one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
