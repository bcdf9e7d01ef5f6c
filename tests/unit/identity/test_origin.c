/* Whence people manage a realm: lists of networks, addresses within them, certificates. */
#include "testkit.h"

#include "base/text.h"
#include "identity/origin.h"

static void lists(void **state)
{
    (void)state;
    static const char *const good[] = { "",
                                        "0.0.0.0/0",
                                        "10.1.2.3",
                                        "::/0",
                                        "2001:db8::1",
                                        "10.0.0.0/8,192.168.0.0/16",
                                        "10.0.0.0/8 , fe80::/10",
                                        "::ffff:10.0.0.0/104" };
    static const char *const bad[] = {
        " ",           ",",           "10.0.0.0/8,",     ",10.0.0.0/8",
        "10.0.0.0/33", "10.0.0/8",    "10.0.0.0/8/8",    "::/129",
        "10.0.0.0/",   "office",      "10.0.0.0/8;::/0", "10.0.0.0/-1",
        "010.0.0.0/8", "10.0.0.0 /8", "10.0.0.0/8 ::/0", "unix"
    };
    struct error e;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(origin_networks_check(bytes_str(good[i]), &e), e);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (origin_networks_check(bytes_str(bad[i]), &e).code != ERRC_RANGE) {
            fail_msg("'%s' was taken", bad[i]);
        }
    }
    assert_code(origin_networks_check(bytes_of("10.0.0.0/8\0", 11), &e), ERRC_RANGE);
}

/*= 2.1.4-9 test */
static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *networks, *ip;
        enum origin_fit want;
    } cases[] = {
        { "", "203.0.113.7", ORIGIN_FITS },
        { NULL, "203.0.113.7", ORIGIN_FITS },
        { "10.0.0.0/8", "10.255.255.255", ORIGIN_FITS },
        { "10.0.0.0/8", "11.0.0.0", ORIGIN_OUTSIDE },
        { "10.0.0.0/8", "9.255.255.255", ORIGIN_OUTSIDE },
        { "10.0.0.0/8", "::ffff:10.0.0.1", ORIGIN_FITS },
        { "10.0.0.0/8", "::10.0.0.1", ORIGIN_OUTSIDE },
        { "10.0.0.7", "10.0.0.7", ORIGIN_FITS },
        { "10.0.0.7", "10.0.0.8", ORIGIN_OUTSIDE },
        { "10.0.0.0/8,192.0.2.0/24", "192.0.2.200", ORIGIN_FITS },
        { "10.0.0.0/8, 192.0.2.0/24", "192.0.2.200", ORIGIN_FITS },
        { "10.0.0.0/8,192.0.2.0/24", "192.0.3.0", ORIGIN_OUTSIDE },
        { "0.0.0.0/0", "203.0.113.7", ORIGIN_FITS },
        { "0.0.0.0/0", "2001:db8::1", ORIGIN_OUTSIDE },
        { "::/0", "203.0.113.7", ORIGIN_OUTSIDE },
        { "2001:db8::/33", "2001:db8:7fff::1", ORIGIN_FITS },
        { "2001:db8::/33", "2001:db8:8000::1", ORIGIN_OUTSIDE },
        { "fe80::/10", "fe80::1%eth0", ORIGIN_FITS },
        { "0.0.0.0/0,::/0", "", ORIGIN_OUTSIDE },
        { "0.0.0.0/0,::/0", "localhost", ORIGIN_OUTSIDE },
        { "0.0.0.0/0,::/0", "10.0.0.0/8", ORIGIN_OUTSIDE },
        { "0.0.0.0/0,::/0", "10.0.0.1 ", ORIGIN_OUTSIDE },
        { "10.0.0.0/8", "unix", ORIGIN_FITS },
        { "10.0.0.0/8", "unix ", ORIGIN_OUTSIDE },
        { "10.0.0.0/8", NULL, ORIGIN_FITS },
        { "broken,10.0.0.0/8", "10.0.0.1", ORIGIN_FITS },
        { "broken", "10.0.0.1", ORIGIN_OUTSIDE }, /* what can't be read lets nobody in */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_rule r = { .networks = cases[i].networks };
        if (origin_fit(&r, cases[i].ip, false) != cases[i].want) {
            fail_msg("%s from %s", cases[i].networks, cases[i].ip);
        }
    }
}

/*= 2.1.4-8 test */
static void certificates(void **state)
{
    (void)state;
    struct origin_rule r = { .networks = "10.0.0.0/8", .needs_certificate = true };
    assert_int_equal(origin_fit(&r, "10.0.0.1", true), ORIGIN_FITS);
    assert_int_equal(origin_fit(&r, "10.0.0.1", false), ORIGIN_NO_CERTIFICATE);
    assert_int_equal(origin_fit(&r, "11.0.0.1", false), ORIGIN_OUTSIDE);
    assert_int_equal(origin_fit(&r, "11.0.0.1", true), ORIGIN_OUTSIDE);
    assert_int_equal(origin_fit(&r, "unix", false), ORIGIN_FITS);
    r.networks = "";
    assert_int_equal(origin_fit(&r, "11.0.0.1", false), ORIGIN_NO_CERTIFICATE);
    assert_int_equal(origin_fit(&r, "11.0.0.1", true), ORIGIN_FITS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(addresses),
        cmocka_unit_test(certificates),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
