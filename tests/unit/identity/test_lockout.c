/* Waits after failed logins: growing, by account and by source; spraying; a stranger can't keep the
 * owner out; a restart forgives nothing. */
#include "identity_testkit.h"

#include "identity/lockout.h"

#define TRIES 5 /* P-IAM-5's default; the wide counts take ten times as many */
#define OWNER "203.0.113.7"

static enum errc try_at(struct world *w, const char *account, const char *ip)
{
    struct error e;
    bool is_new = false;
    return lockout_try(w->d, account, ip, &is_new, &e).code;
}

/* Seconds that the message tells; 0 when there is no wait. */
static unsigned wait_s(struct world *w, const char *account, const char *ip)
{
    struct error e = { 0 };
    unsigned s = 0;
    enum errc code = lockout_check(w->d, account, ip, &e).code;
    if (code == ERRC_OK) {
        return 0;
    }
    assert_int_equal(code, ERRC_AGAIN);
    assert_int_equal(sscanf(e.msg, "too many failed logins: try again in %u s", &s), 1);
    assert_true(s > 0);
    return s;
}

static void pass_s(struct world *w, unsigned s)
{
    clock_fake_advance(&w->clock, (int64_t)s * 1000);
}

/* n failures, waiting as told. */
static void fail_times(struct world *w, const char *account, const char *ip, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pass_s(w, wait_s(w, account, ip));
        assert_int_equal(try_at(w, account, ip), ERRC_OK);
    }
}

/*= 2.1.4-7 test */
static void waits_grow(void **state)
{
    struct world *w = *state;
    struct error e;
    bool is_new = true;
    for (unsigned i = 1; i < TRIES; i++) {
        assert_ok(lockout_try(w->d, "acme/lin", OWNER, &is_new, &e), e);
        assert_false(is_new);
    }
    assert_ok(lockout_try(w->d, "acme/lin", OWNER, &is_new, &e), e);
    assert_true(is_new);
    for (unsigned want = 1, i = 0; i < 15; i++, want = want * 2 < 1800 ? want * 2 : 1800) {
        assert_int_equal(wait_s(w, "acme/lin", OWNER), want);
        assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_AGAIN); /* and does not count */
        clock_fake_advance(&w->clock, (int64_t)want * 1000 - 1);
        assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_AGAIN);
        clock_fake_advance(&w->clock, 1);
        assert_ok(lockout_try(w->d, "acme/lin", OWNER, &is_new, &e), e);
        assert_false(is_new);
    }
    /* another account from there, this one from elsewhere: not held up */
    assert_int_equal(wait_s(w, "acme/wang", OWNER), 0);
    assert_int_equal(wait_s(w, "acme/lin", "198.51.100.1"), 0);
    /* forgotten in the end */
    pass_s(w, 1800 * 40);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 0);
    fail_times(w, "acme/lin", OWNER, 1);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 0);
}

/* Names are the same in any case, addresses of one IPv6 network too. */
static void names_and_sources(void **state)
{
    struct world *w = *state;
    static const char *const same[] = { "2001:db8::1", "2001:db8::ffff",
                                        "2001:DB8:0:0:1::", "2001:db8::7:8" };
    static const char *const names[] = { "acme/lin", "ACME/Lin", "acme/LIN", "aCmE/lIn" };
    for (unsigned i = 0; i < TRIES; i++) {
        assert_int_equal(try_at(w, names[i % 4], same[i % 4]), ERRC_OK);
    }
    assert_int_equal(wait_s(w, "acme/lin", same[2]), 1);
    assert_int_equal(wait_s(w, "acme/lin", "2001:db8:0:1::1"), 0);
    for (unsigned i = 0; i < TRIES; i++) {
        assert_int_equal(try_at(w, "acme/wu", i % 2 == 0 ? "::ffff:192.0.2.1" : "192.0.2.1"),
                         ERRC_OK);
    }
    assert_int_equal(wait_s(w, "acme/wu", "192.0.2.1"), 1);
    assert_int_equal(wait_s(w, "acme/wu", "192.0.2.2"), 0);
    assert_int_equal(try_at(w, "", ""), ERRC_OK);
    assert_int_equal(try_at(w, "no realm", "unix"), ERRC_OK);
}

/* A password tried at 100 accounts from one source: after 50 it waits for all of them. */
/*= 2.1.4-7 test */
static void spray(void **state)
{
    struct world *w = *state;
    unsigned done = 0, longest = 0;
    char account[32];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(account, sizeof(account), "acme/user%u", i);
        if (try_at(w, account, "198.51.100.66") == ERRC_OK) {
            done++;
        }
    }
    assert_int_equal(done, 10 * TRIES);
    /* with patience it goes on, but ever more slowly */
    for (unsigned i = 0; i < 20; i++) {
        snprintf(account, sizeof(account), "acme/user%u", 50 + i);
        unsigned s = wait_s(w, account, "198.51.100.66");
        longest = MAX(longest, s);
        pass_s(w, s);
        assert_int_equal(try_at(w, account, "198.51.100.66"), ERRC_OK);
    }
    assert_in_range(longest, 128, 1800);
    /* the people themselves come in */
    assert_int_equal(wait_s(w, "acme/user7", OWNER), 0);
    assert_int_equal(wait_s(w, "acme/user70", OWNER), 0);
}

/* One's own account between the tries forgives nothing at the others'. */
static void own_account_between(void **state)
{
    struct world *w = *state;
    struct error e;
    unsigned done = 0;
    char account[32];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(account, sizeof(account), "acme/user%u", i);
        done += try_at(w, account, "198.51.100.66") == ERRC_OK;
        if (try_at(w, "acme/mallory", "198.51.100.66") == ERRC_OK) {
            assert_ok(lockout_clear(w->d, "acme/mallory", "198.51.100.66", &e), e);
        }
    }
    assert_int_equal(done, 10 * TRIES);
    assert_true(wait_s(w, "acme/user99", "198.51.100.66") > 0);
}

/* From a thousand addresses at one account: slowed to a try in 30 s; its owner, from where it
 * signed in before, is not held up, and from a new place waits at most as long. */
/*= 2.1.4-7 test */
static void owner_comes_in(void **state)
{
    struct world *w = *state;
    struct error e;
    char ip[32];
    unsigned done = 0;
    assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_OK);
    assert_ok(lockout_clear(w->d, "acme/lin", OWNER, &e), e);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(ip, sizeof(ip), "10.%u.%u.1", i / 250, i % 250);
        done += try_at(w, "acme/lin", ip) == ERRC_OK;
    }
    assert_int_equal(done, 10 * TRIES);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(ip, sizeof(ip), "11.0.%u.1", i);
        unsigned s = wait_s(w, "acme/lin", ip);
        assert_in_range(s, 1, 30);
        pass_s(w, s);
        assert_int_equal(try_at(w, "acme/lin", ip), ERRC_OK);
    }
    assert_int_equal(wait_s(w, "acme/lin", "11.1.1.1"), 30);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 0);
    assert_int_equal(wait_s(w, "acme/wang", "10.0.1.1"), 0);
    /* its own mistakes count all the same */
    for (unsigned i = 0; i < TRIES; i++) {
        assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_OK);
    }
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 1);
    /* after 90 days it is a stranger again */
    pass_s(w, 90 * 24 * 3600);
    fail_times(w, "acme/lin", "12.0.0.1", 4);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(ip, sizeof(ip), "13.0.%u.1", i);
        (void)try_at(w, "acme/lin", ip);
    }
    assert_true(wait_s(w, "acme/lin", OWNER) > 0);
}

static void undo_and_clear(void **state)
{
    struct world *w = *state;
    struct error e;
    /* right passwords are no failures, however many */
    for (unsigned i = 0; i < 40 * TRIES; i++) {
        assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_OK);
        assert_ok(lockout_undo(w->d, "acme/lin", OWNER, &e), e);
    }
    /* but they forgive none: a right password between wrong codes, and each wrong code waits
     * longer */
    for (unsigned i = 0, want = 0; i < TRIES + 4; i++) {
        pass_s(w, want);
        assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_OK);
        assert_ok(lockout_undo(w->d, "acme/lin", OWNER, &e), e);
        assert_int_equal(wait_s(w, "acme/lin", OWNER), 0); /* for the code of this password */
        assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_OK);
        want = i + 1 < TRIES ? 0 : 1u << (i + 1 - TRIES);
        assert_int_equal(wait_s(w, "acme/lin", OWNER), want);
    }
    pass_s(w, 16);
    assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_OK);
    assert_ok(lockout_clear(w->d, "acme/lin", OWNER, &e), e);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 0);
    fail_times(w, "acme/lin", OWNER, TRIES - 1);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 0);
}

/*= 2.1.4-7 test */
static void restart(void **state)
{
    struct world *w = *state;
    fail_times(w, "acme/lin", OWNER, TRIES + 3);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 8);
    reopen(w);
    assert_int_equal(wait_s(w, "acme/lin", OWNER), 8);
    assert_int_equal(try_at(w, "acme/lin", OWNER), ERRC_AGAIN);
    /* a clock that is set back makes no wait longer than the longest */
    w->clock.wall -= (int64_t)365 * 24 * 3600 * 1000;
    assert_in_range(wait_s(w, "acme/lin", OWNER), 1, 1800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waits_grow),     TEST(names_and_sources), TEST(spray),   TEST(own_account_between),
        TEST(owner_comes_in), TEST(undo_and_clear),    TEST(restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
