/* Idempotency keys: once, the same answer, nobody else's, a day. */
#include "identity_testkit.h"

#include "identity/idempotency.h"

static struct idempotency request(const char *principal, const char *key, uint8_t digest)
{
    struct idempotency i = { .realm = "acme", .principal = principal, .key = key };
    memset(i.digest, digest, sizeof(i.digest));
    return i;
}

static enum errc begin(struct world *w, const struct idempotency *i, unsigned *ret_status,
                       bool *ret_is_secret, struct buf *body)
{
    struct error e = { 0 };
    *ret_status = 7;
    *ret_is_secret = false;
    return idempotency_begin(w->d, i, ret_status, ret_is_secret, body, &e).code;
}

static void test_once(void **state)
{
    struct world *w = *state;
    struct idempotency i = request("lin", "k", 1), other = request("lin", "k", 2),
                       theirs = request("wu", "k", 2);
    CLEANUP(buf_done_p) struct buf body = BUF(IDEMPOTENCY_BODY_MAX);
    struct error e;
    unsigned status;
    bool is_secret;
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 0);
    /* while it runs, and when it broke off */
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_CONFLICT);
    assert_ok(idempotency_end(w->d, &i, 201, false, BYTES_LIT("{\"a\":1}"), &e), e);
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 201);
    assert_true(bytes_equal(buf_bytes(&body), BYTES_LIT("{\"a\":1}")));
    assert_int_equal(begin(w, &other, &status, &is_secret, &body), ERRC_CONFLICT);
    assert_int_equal(begin(w, &theirs, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 0);
    /* an answer is not taken back */
    assert_ok(idempotency_drop(w->d, &i, &e), e);
    reopen(w);
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 201);
}

static void test_failed(void **state)
{
    struct world *w = *state;
    struct idempotency i = request("lin", "k", 1), other = request("lin", "k", 2);
    CLEANUP(buf_done_p) struct buf body = BUF(IDEMPOTENCY_BODY_MAX);
    struct error e;
    unsigned status;
    bool is_secret;
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_ok(idempotency_drop(w->d, &i, &e), e);
    assert_int_equal(begin(w, &other, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 0);
}

static void test_secret(void **state)
{
    struct world *w = *state;
    struct idempotency i = request("lin", "k", 1);
    CLEANUP(buf_done_p) struct buf body = BUF(IDEMPOTENCY_BODY_MAX);
    struct error e;
    unsigned status;
    bool is_secret;
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_ok(idempotency_end(w->d, &i, 201, true, BYTES_LIT("the secret"), &e), e);
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 201);
    assert_true(is_secret);
    assert_int_equal(body.n, 0);
}

static void test_a_day(void **state)
{
    struct world *w = *state;
    struct idempotency i = request("lin", "k", 1), other = request("lin", "k", 2);
    CLEANUP(buf_done_p) struct buf body = BUF(IDEMPOTENCY_BODY_MAX);
    struct error e;
    unsigned status;
    bool is_secret;
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    assert_ok(idempotency_end(w->d, &i, 201, false, BYTES_LIT("{}"), &e), e);
    clock_fake_advance(&w->clock, IDEMPOTENCY_LIFE_MS - 1);
    assert_int_equal(begin(w, &other, &status, &is_secret, &body), ERRC_CONFLICT);
    clock_fake_advance(&w->clock, 1);
    assert_int_equal(begin(w, &other, &status, &is_secret, &body), ERRC_OK);
    assert_int_equal(status, 0);
}

static void test_keys(void **state)
{
    struct world *w = *state;
    char longest[IDEMPOTENCY_KEY_MAX + 2];
    CLEANUP(buf_done_p) struct buf body = BUF(IDEMPOTENCY_BODY_MAX);
    unsigned status;
    bool is_secret;
    memset(longest, 'k', sizeof(longest));
    longest[IDEMPOTENCY_KEY_MAX + 1] = '\0';
    struct idempotency i = request("lin", longest, 1);
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_FORMAT);
    longest[IDEMPOTENCY_KEY_MAX] = '\0';
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_OK);
    i.key = "";
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_FORMAT);
    i.key = "a\tb";
    assert_int_equal(begin(w, &i, &status, &is_secret, &body), ERRC_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_once), TEST(test_failed), TEST(test_secret), TEST(test_a_day), TEST(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
