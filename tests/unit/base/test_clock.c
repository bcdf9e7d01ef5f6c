/* Clocks and the written forms of time. */
#include "testkit.h"

#include "base/clock.h"

#include <time.h>

#define SAMPLE_MS 1795340476123LL /* 2026-11-22T09:41:16.123Z */

static void test_written_forms(void **state)
{
    (void)state;
    char dst[TIME_TEXT_MAX];
    assert_string_equal(time_rfc3339(SAMPLE_MS, dst), "2026-11-22T09:41:16.123Z");
    assert_string_equal(time_beijing(SAMPLE_MS, dst), "2026-11-22T17:41:16.123+08:00");
    assert_string_equal(time_http(SAMPLE_MS, dst), "Sun, 22 Nov 2026 09:41:16 GMT");
    assert_string_equal(time_iso8601_basic(SAMPLE_MS, dst), "20261122T094116Z");
    assert_string_equal(time_rfc3339(0, dst), "1970-01-01T00:00:00.000Z");
    assert_string_equal(time_rfc3339(-1, dst), "1969-12-31T23:59:59.999Z");
    assert_string_equal(time_rfc3339(INT64_MIN, dst), "0000-01-01T00:00:00.000Z");
    assert_string_equal(time_rfc3339(INT64_MAX, dst), "9999-12-31T23:59:59.999Z");
    assert_string_equal(time_beijing(INT64_MAX, dst), "9999-12-31T23:59:59.999+08:00");
    assert_string_equal(time_http(784111777000LL, dst),
                        "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7 */
}

/* Every 13 days of ten thousand years, against the C library. */
static void test_against_libc(void **state)
{
    (void)state;
    for (int64_t ms = -62167219200000LL; ms < 253402300800000LL; ms += 86400000LL * 13 + 12345678) {
        char got[TIME_TEXT_MAX], want[64];
        time_t seconds = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        snprintf(want, sizeof(want), "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_string_equal(time_iso8601_basic(ms, got), want);
        int64_t back;
        assert_code(time_parse_iso8601_basic(bytes_str(got), &back), ERRC_OK);
        assert_true(back == (int64_t)seconds * 1000);
        assert_code(time_parse_rfc3339(bytes_str(time_rfc3339(ms, got)), &back), ERRC_OK);
        assert_true(back == ms);
        assert_code(time_parse_http(bytes_str(time_http(ms, got)), &back), ERRC_OK);
        assert_true(back == (int64_t)seconds * 1000);
    }
}

static void check_rfc3339(const char *in, enum errc code, int64_t want)
{
    int64_t ms = 0;
    if (time_parse_rfc3339(bytes_str(in), &ms).code != code || ms != want) {
        fail_msg("%s: %lld", in, (long long)ms);
    }
}

static void test_parse_rfc3339(void **state)
{
    (void)state;
    check_rfc3339("2026-11-22T17:41:16.123+08:00", ERRC_OK, SAMPLE_MS);
    check_rfc3339("2026-11-22T04:11:16.123-05:30", ERRC_OK, SAMPLE_MS);
    check_rfc3339("2026-11-22t09:41:16.123456789z", ERRC_OK, SAMPLE_MS);
    check_rfc3339("2026-11-22T09:41:16Z", ERRC_OK, SAMPLE_MS - 123);
    check_rfc3339("2024-02-29T00:00:00.5Z", ERRC_OK, 1709164800500LL);
    check_rfc3339("2023-02-29T00:00:00Z", ERRC_RANGE, 0);
    check_rfc3339("1900-02-29T00:00:00Z", ERRC_RANGE, 0);
    check_rfc3339("2000-02-29T00:00:00Z", ERRC_OK, 951782400000LL);
    check_rfc3339("2026-13-01T00:00:00Z", ERRC_RANGE, 0);
    check_rfc3339("2026-00-01T00:00:00Z", ERRC_RANGE, 0);
    check_rfc3339("2026-01-32T00:00:00Z", ERRC_RANGE, 0);
    check_rfc3339("2026-01-01T24:00:00Z", ERRC_RANGE, 0);
    check_rfc3339("2026-01-01T00:60:00Z", ERRC_RANGE, 0);
    check_rfc3339("2026-01-01T00:00:60Z", ERRC_RANGE, 0);
    check_rfc3339("2026-01-01T00:00:00+24:00", ERRC_RANGE, 0);
    check_rfc3339("2026-01-01T00:00:00", ERRC_FORMAT, 0);
    check_rfc3339("2026-01-01 00:00:00Z", ERRC_FORMAT, 0);
    check_rfc3339("2026-01-01T00:00:00.Z", ERRC_FORMAT, 0);
    check_rfc3339("2026-01-01T00:00:00.1234567890Z", ERRC_FORMAT, 0);
    check_rfc3339("2026-01-01T00:00:00ZZ", ERRC_FORMAT, 0);
    check_rfc3339("2026-01-01T00:00:00+0800", ERRC_FORMAT, 0);
    check_rfc3339("+026-01-01T00:00:00Z", ERRC_FORMAT, 0);
    check_rfc3339("26-01-01T00:00:00Z", ERRC_FORMAT, 0);
}

static void test_parse_http(void **state)
{
    (void)state;
    static const char *const same[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994" };
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        int64_t ms;
        assert_code(time_parse_http(bytes_str(same[i]), &ms), ERRC_OK);
        assert_true(ms == 784111777000LL);
        for (size_t cut = 0; cut < strlen(same[i]); cut++) {
            assert_code(time_parse_http(bytes_of(same[i], cut), &ms), ERRC_FORMAT);
        }
    }
    static const char *const bad[] = { "Mon, 06 Nov 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 UTC",
                                       "Sun, 06 nov 1994 08:49:37 GMT",
                                       "Sun, 6 Nov 1994 08:49:37 GMT",
                                       "06 Nov 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 GMT ",
                                       "" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms;
        assert_code(time_parse_http(bytes_str(bad[i]), &ms), ERRC_FORMAT);
    }
}

static void test_fake(void **state)
{
    (void)state;
    struct clock_fake fake;
    clock_fake_init(&fake, SAMPLE_MS);
    int64_t mono = clock_mono_ms(&fake.base);
    clock_fake_advance(&fake, 5000);
    assert_true(clock_wall_ms(&fake.base) == SAMPLE_MS + 5000);
    assert_true(clock_mono_ms(&fake.base) == mono + 5000);
}

static void test_system(void **state)
{
    (void)state;
    assert_true(clock_wall_ms(&clock_system) > 1700000000000LL);
    int64_t a = clock_mono_ns(), b = clock_mono_ms(&clock_system) * 1000000;
    assert_true(b + 1000000 >= a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_forms), cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_parse_rfc3339), cmocka_unit_test(test_parse_http),
        cmocka_unit_test(test_fake),          cmocka_unit_test(test_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
