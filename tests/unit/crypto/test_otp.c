/* HOTP and TOTP: RFC 4226 appendix D, RFC 6238 appendix B. */
#include "testkit.h"

#include "base/text.h"
#include "crypto/otp.h"

/* One block of "NAME = value" lines. */
struct vector {
    struct bytes counter, time, hotp, totp, mode, secret;
};

static void vector_line(struct vector *v, struct bytes line)
{
    const struct {
        const char *name;
        struct bytes *to;
    } names[] = { { "COUNTER = ", &v->counter }, { "TIME = ", &v->time },
                  { "HOTP = ", &v->hotp },       { "TOTP = ", &v->totp },
                  { "MODE = ", &v->mode },       { "SECRET = ", &v->secret } };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (bytes_has_prefix(line, bytes_str(names[i].name))) {
            *names[i].to = bytes_slice(line, strlen(names[i].name), line.n);
        }
    }
}

static size_t vectors_run(const char *path, void (*fn)(const struct vector *v))
{
    struct bytes file = vectors_read(path), in = file, line;
    struct vector v = { 0 };
    size_t n = 0;
    while (bytes_split(&in, '\n', &line)) {
        line = bytes_trim(line, " \r");
        vector_line(&v, line);
        if (bytes_has_prefix(line, BYTES_LIT("SECRET = "))) { /* the last of a block */
            fn(&v);
            v = (struct vector){ 0 };
            n++;
        }
    }
    free((void *)(uintptr_t)file.p);
    return n;
}

static void check(enum hash_alg alg, struct bytes key, uint64_t counter, struct bytes want)
{
    char got[OTP_DIGITS_MAX + 1];
    otp_hotp(alg, key, counter, (unsigned)want.n, got);
    assert_bytes(bytes_str(got), want);
}

static void check_hotp(const struct vector *v)
{
    uint64_t counter;
    assert_code(num_u64(v->counter, 0, UINT64_MAX, &counter), ERRC_OK);
    assert_int_equal(v->hotp.n, 6);
    check(HASH_SHA1, v->secret, counter, v->hotp);
}

static void check_totp(const struct vector *v)
{
    uint64_t time_s;
    enum hash_alg alg = bytes_equal_str(v->mode, "SHA1")     ? HASH_SHA1
                        : bytes_equal_str(v->mode, "SHA256") ? HASH_SHA256
                                                             : HASH_SHA512;
    assert_code(num_u64(v->time, 0, UINT64_MAX, &time_s), ERRC_OK);
    assert_int_equal(v->totp.n, 8);
    check(alg, v->secret, time_s / 30, v->totp);
    /* six digits are the last six of eight */
    check(alg, v->secret, time_s / 30, bytes_slice(v->totp, 2, 8));
}

/*= 2.1.4-1 test */
static void rfc_4226(void **state)
{
    (void)state;
    assert_int_equal(vectors_run("otp-rfc/rfc-4226.txt", check_hotp), 10);
}

/*= 2.1.4-1 test */
static void rfc_6238(void **state)
{
    (void)state;
    assert_int_equal(vectors_run("otp-rfc/rfc-6238.txt", check_totp), 18);
}

/* Without the files: one of each algorithm, and the bounds of the digits. */
static void fixed(void **state)
{
    char got[OTP_DIGITS_MAX + 1];
    (void)state;
    check(HASH_SHA1, BYTES_LIT("12345678901234567890"), 1, BYTES_LIT("287082"));
    check(HASH_SHA256, BYTES_LIT("12345678901234567890123456789012"), 1, BYTES_LIT("46119246"));
    check(HASH_SHA512,
          BYTES_LIT("1234567890123456789012345678901234567890123456789012345678901234"), 1,
          BYTES_LIT("90693936"));
    otp_hotp(HASH_SHA1, BYTES_LIT("12345678901234567890"), 1, 1, got);
    assert_string_equal(got, "287082");
    otp_hotp(HASH_SHA1, BYTES_LIT("12345678901234567890"), 1, 99, got);
    assert_string_equal(got, "94287082");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4226),
        cmocka_unit_test(rfc_6238),
        cmocka_unit_test(fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
