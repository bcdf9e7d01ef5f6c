/* The self-test that every role runs at its start. */
#include "testkit.h"

#include "crypto/selftest.h"

static void answers_are_right(void **state)
{
    struct error e;
    (void)state;
    assert_ok(crypto_self_test(&e), e);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers_are_right) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
