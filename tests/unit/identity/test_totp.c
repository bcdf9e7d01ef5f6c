/* Second factors: TOTP enrolled, confirmed, checked, replayed; devices of a realm; recovery codes;
 * what a realm becomes when its first approver has one. */
#include "identity_testkit.h"

#include "crypto/otp.h"
#include "identity/factor_device.h"
#include "identity/managed.h"
#include "identity/role.h"

#include <png.h>
#include <qrencode.h>

#define STEP_MS (TOTP_STEP_S * 1000)

static struct arena *arena;

static int totp_setup(void **state)
{
    arena = arena_new(4096, true);
    setup(state);
    tenant_make(*state, "acme");
    tenant_make(*state, "other");
    return 0;
}

static int totp_teardown(void **state)
{
    arena_free(arena);
    return teardown(state);
}

static struct user person(struct world *w, const char *realm, const char *name)
{
    struct error e;
    struct user u;
    const struct user_new n = { .name = name, .owner = "Somebody", .kind = USER_PERSON };
    assert_ok(user_create(w->d, realm, &n, arena, &u, &e), e);
    return u;
}

/* What an authenticator shows, `steps` from now. */
static const char *code_at(struct world *w, const char *seed_base32, int steps)
{
    uint8_t seed[20] = { 0 };
    char *code = arena_alloc(arena, OTP_DIGITS_MAX + 1);
    for (size_t i = 0; i < 32; i++) {
        uint8_t c = (uint8_t)seed_base32[i];
        unsigned v = c >= 'A' ? c - 65u : c - 50u + 26u;
        for (size_t k = 0; k < 5; k++) {
            size_t bit = i * 5 + k;
            seed[bit / 8] |= (uint8_t)((v >> (4 - k) & 1) << (7 - bit % 8));
        }
    }
    otp_hotp(HASH_SHA1, BYTES_OF(seed), (uint64_t)(w->clock.wall / STEP_MS + steps), 6, code);
    return code;
}

static struct totp_enrolment begin(struct world *w, const char *realm, const char *user,
                                   const char *name)
{
    struct error e;
    struct totp_enrolment t;
    assert_ok(factor_totp_begin(w->d, keeper(w), realm, user, name, "Troth", arena, &t, &e), e);
    return t;
}

static enum errc confirm(struct world *w, const char *user, const char *id, const char *code,
                         const char *code2)
{
    struct error e;
    return factor_totp_confirm(w->d, keeper(w), user, id, code, code2, &e).code;
}

static enum errc check(struct world *w, const char *user, const char *code)
{
    struct error e;
    return factor_totp_check(w->d, keeper(w), user, NULL, code, &e).code;
}

static struct totp_enrolment active(struct world *w, const char *realm, const char *user)
{
    struct totp_enrolment t = begin(w, realm, user, "phone");
    assert_int_equal(confirm(w, user, t.id, code_at(w, t.seed_base32, 0), NULL), ERRC_OK);
    return t;
}

static size_t factors_of(struct world *w, const char *user, bool is_active)
{
    struct error e;
    struct factor *list = NULL;
    size_t n = 0, count = 0;
    assert_ok(factor_list(w->d, user, arena, &list, &n, &e), e);
    for (size_t i = 0; i < n; i++) {
        count += list[i].is_active == is_active;
        assert_string_equal(list[i].user_id, user);
        assert_int_equal(list[i].kind, FACTOR_TOTP);
    }
    return count;
}

/*= 2.1.4-1 test */
static void enrolment(void **state)
{
    struct world *w = *state;
    struct user u = person(w, "acme", "lin");
    struct totp_enrolment t = begin(w, "acme", u.id, "my phone");
    assert_int_equal(strlen(t.seed_base32), 32);
    assert_int_equal(strspn(t.seed_base32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 32);
    char want[256];
    snprintf(want, sizeof(want),
             "otpauth://totp/Troth:lin%%40acme?secret=%s&issuer=Troth&algorithm=SHA1&digits=6&"
             "period=30",
             t.seed_base32);
    assert_string_equal(t.uri, want);
    /* not active: opens nothing */
    assert_int_equal(factors_of(w, u.id, false), 1);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, 0)), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, "000000", NULL), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, "", NULL), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, "12345x", NULL), ERRC_DENIED);
    /* a new beginning voids the old one */
    struct totp_enrolment again = begin(w, "acme", u.id, "my phone");
    assert_int_equal(factors_of(w, u.id, false), 1);
    assert_int_equal(confirm(w, u.id, t.id, code_at(w, t.seed_base32, 0), NULL), ERRC_NOT_FOUND);
    assert_string_not_equal(again.seed_base32, t.seed_base32);
    assert_int_equal(confirm(w, u.id, again.id, code_at(w, again.seed_base32, 0), NULL), ERRC_OK);
    assert_int_equal(factors_of(w, u.id, true), 1);
    assert_int_equal(confirm(w, u.id, again.id, code_at(w, again.seed_base32, 1), NULL),
                     ERRC_CONFLICT);
    /* the code of the confirmation is used */
    assert_int_equal(check(w, u.id, code_at(w, again.seed_base32, 0)), ERRC_DENIED);
    clock_fake_advance(&w->clock, STEP_MS);
    assert_int_equal(check(w, u.id, code_at(w, again.seed_base32, 0)), ERRC_OK);
}

static void awkward_names(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user u = person(w, "acme", "lin+x@y");
    struct totp_enrolment t;
    assert_ok(factor_totp_begin(w->d, keeper(w), "acme", u.id, "\xe6\x89\x8b\xe6\x9c\xba",
                                "A&B: \xe4\xba\x91/?", arena, &t, &e),
              e);
    assert_non_null(strstr(t.uri, "otpauth://totp/A%26B%3A%20%E4%BA%91%2F%3F:lin%2Bx%40y%40acme?"));
    assert_non_null(strstr(t.uri, "&issuer=A%26B%3A%20%E4%BA%91%2F%3F&"));
    static const char *const bad[] = { "", "a\nb", "\xff",
                                       ("1234567890123456789012345678901234567890123456789012345678"
                                        "9012345") };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(
                factor_totp_begin(w->d, keeper(w), "acme", u.id, bad[i], "Troth", arena, &t, &e),
                ERRC_FORMAT);
    }
    assert_code(factor_totp_begin(w->d, keeper(w), "other", u.id, "phone", "Troth", arena, &t, &e),
                ERRC_NOT_FOUND);
    assert_code(factor_totp_begin(w->d, keeper(w), "acme", "AIDANOBODY", "phone", "Troth", arena,
                                  &t, &e),
                ERRC_NOT_FOUND);
}

/* The picture holds the URI: every module as the encoder has it, within a quiet zone. */
static void picture(void **state)
{
    struct world *w = *state;
    struct user u = person(w, "acme", "lin");
    struct totp_enrolment t = begin(w, "acme", u.id, "phone");
    png_image image = { .version = PNG_IMAGE_VERSION };
    assert_true(png_image_begin_read_from_memory(&image, t.png.p, t.png.n));
    image.format = PNG_FORMAT_GRAY;
    uint8_t *px = malloc(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, px, 0, NULL));
    QRcode *code = QRcode_encodeString8bit(t.uri, 0, QR_ECLEVEL_M);
    assert_non_null(code);
    size_t width = (size_t)code->width, side = (width + 8) * 4;
    assert_int_equal(image.width, side);
    assert_int_equal(image.height, side);
    for (size_t y = 0; y < side; y++) {
        for (size_t x = 0; x < side; x++) {
            size_t my = y / 4, mx = x / 4;
            bool is_inside = my >= 4 && my < width + 4 && mx >= 4 && mx < width + 4;
            bool is_black = is_inside && (code->data[(my - 4) * width + mx - 4] & 1) != 0;
            assert_int_equal(px[y * side + x], is_black ? 0 : 255);
        }
    }
    QRcode_free(code);
    free(px);
}

/*= 2.1.4-1 test */
static void window(void **state)
{
    struct world *w = *state;
    struct user u = person(w, "acme", "lin");
    struct totp_enrolment t = active(w, "acme", u.id);
    clock_fake_advance(&w->clock, 100 * STEP_MS);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, -2)), ERRC_DENIED);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, 2)), ERRC_DENIED);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, -1)), ERRC_OK);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, 0)), ERRC_OK);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, 1)), ERRC_OK);
    static const char *const bad[] = { "", "1", "12345", "1234567", "abcdef", "12345 ", "-12345" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(check(w, u.id, bad[i]), ERRC_DENIED);
    }
}

/* A code, and every older one, is good once; also after a restart. */
/*= 2.1.4-1 test */
static void replay(void **state)
{
    struct world *w = *state;
    struct user u = person(w, "acme", "lin");
    struct totp_enrolment t = active(w, "acme", u.id);
    clock_fake_advance(&w->clock, 10 * STEP_MS);
    const char *old = code_at(w, t.seed_base32, -1), *now = code_at(w, t.seed_base32, 0);
    assert_int_equal(check(w, u.id, now), ERRC_OK);
    assert_int_equal(check(w, u.id, now), ERRC_DENIED);
    assert_int_equal(check(w, u.id, old), ERRC_DENIED);
    reopen(w);
    assert_int_equal(check(w, u.id, now), ERRC_DENIED);
    clock_fake_advance(&w->clock, STEP_MS);
    assert_int_equal(check(w, u.id, now), ERRC_DENIED);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, 0)), ERRC_OK);
}

struct racer {
    struct world *w;
    struct rpc_client *keeper;
    const char *user, *code;
    enum errc got;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct error e;
    r->got = factor_totp_check(r->w->d, r->keeper, r->user, NULL, r->code, &e).code;
    return NULL;
}

/* Eight at once with one code: one passes. */
static void at_once(void **state)
{
    struct world *w = *state;
    struct user u = person(w, "acme", "lin");
    struct totp_enrolment t = active(w, "acme", u.id);
    for (int round = 0; round < 5; round++) {
        struct racer r[8];
        pthread_t threads[8];
        unsigned passed = 0;
        clock_fake_advance(&w->clock, STEP_MS);
        const char *code = code_at(w, t.seed_base32, 0);
        for (size_t i = 0; i < ARRAY_LEN(r); i++) {
            r[i] = (struct racer){ .w = w, .keeper = keeper(w), .user = u.id, .code = code };
            assert_int_equal(pthread_create(&threads[i], NULL, race, &r[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(r); i++) {
            pthread_join(threads[i], NULL);
            assert_true(r[i].got == ERRC_OK || r[i].got == ERRC_DENIED);
            passed += r[i].got == ERRC_OK;
        }
        assert_int_equal(passed, 1);
    }
}

/* One's code is nothing for another; several devices each count for themselves. */
static void whose(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user u = person(w, "acme", "lin"), v = person(w, "acme", "wang");
    struct totp_enrolment a = active(w, "acme", u.id), b = active(w, "acme", v.id);
    struct totp_enrolment second = active(w, "acme", u.id);
    assert_int_equal(factors_of(w, u.id, true), 2);
    clock_fake_advance(&w->clock, STEP_MS);
    assert_int_equal(check(w, u.id, code_at(w, b.seed_base32, 0)), ERRC_DENIED);
    assert_int_equal(check(w, v.id, code_at(w, b.seed_base32, 0)), ERRC_OK);
    assert_code(
            factor_totp_check(w->d, keeper(w), u.id, a.id, code_at(w, second.seed_base32, 0), &e),
            ERRC_DENIED);
    assert_int_equal(check(w, u.id, code_at(w, second.seed_base32, 0)), ERRC_OK);
    assert_int_equal(check(w, u.id, code_at(w, a.seed_base32, 0)), ERRC_OK);
    assert_int_equal(check(w, "", code_at(w, a.seed_base32, 1)), ERRC_DENIED);
    /* taken away */
    assert_code(factor_delete(w->d, v.id, a.id, &e), ERRC_NOT_FOUND);
    assert_ok(factor_delete(w->d, u.id, a.id, &e), e);
    assert_int_equal(check(w, u.id, code_at(w, a.seed_base32, 1)), ERRC_DENIED);
    assert_int_equal(check(w, u.id, code_at(w, second.seed_base32, 1)), ERRC_OK);
    for (int i = 1; i < FACTORS_MAX; i++) {
        (void)active(w, "acme", u.id);
    }
    struct totp_enrolment t;
    assert_code(factor_totp_begin(w->d, keeper(w), "acme", u.id, "x", "Troth", arena, &t, &e),
                ERRC_LIMIT);
}

/* A device nobody has enabled: made by name, enabled by two codes in sequence, within its realm. */
static void devices(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user u = person(w, "acme", "lin"), stranger = person(w, "other", "zhao");
    struct totp_enrolment t = begin(w, "acme", "", "lin-device"), x;
    struct factor *list = NULL;
    size_t n = 0;
    assert_non_null(strstr(t.uri, ":lin-device%40acme?"));
    assert_code(
            factor_totp_begin(w->d, keeper(w), "acme", "", "lin-device", "Troth", arena, &x, &e),
            ERRC_EXISTS);
    (void)begin(w, "other", "", "lin-device");
    assert_ok(factor_devices(w->d, "acme", arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].name, "lin-device");
    assert_string_equal(list[0].user_id, "");
    assert_int_equal(check(w, "", code_at(w, t.seed_base32, 0)), ERRC_DENIED);
    assert_ok(factor_list(w->d, "", arena, &list, &n, &e), e);
    assert_int_equal(n, 0);
    const char *first = code_at(w, t.seed_base32, -1), *then = code_at(w, t.seed_base32, 0);
    assert_int_equal(confirm(w, stranger.id, t.id, first, then), ERRC_NOT_FOUND);
    assert_int_equal(confirm(w, u.id, t.id, then, first), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, first, first), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, first, code_at(w, t.seed_base32, 1)), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, first, then), ERRC_OK);
    assert_int_equal(factors_of(w, u.id, true), 1);
    assert_int_equal(check(w, u.id, then), ERRC_DENIED);
    assert_int_equal(check(w, u.id, code_at(w, t.seed_base32, 1)), ERRC_OK);
    assert_code(factor_delete(w->d, "", t.id, &e), ERRC_NOT_FOUND);
    /* taken off and put on again: codes that were used stay used */
    assert_ok(factor_device_release(w->d, u.id, t.id, false, &e), e);
    assert_int_equal(confirm(w, u.id, t.id, first, then), ERRC_DENIED);
    assert_int_equal(confirm(w, u.id, t.id, then, code_at(w, t.seed_base32, 1)), ERRC_DENIED);
    assert_ok(factor_delete(w->d, "", t.id, &e), e);
    t = begin(w, "acme", "", "spare");
    assert_ok(factor_delete(w->d, "", t.id, &e), e);
}

/*= 2.1.4-1 test */
static void recovery(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user u = person(w, "acme", "lin"), v = person(w, "acme", "wang");
    const char **codes = NULL, **other = NULL;
    unsigned left = 9;
    assert_ok(factor_recovery_left(w->d, u.id, &left, &e), e);
    assert_int_equal(left, 0);
    assert_ok(factor_recovery_new(w->d, u.id, arena, &codes, &e), e);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        assert_int_equal(strlen(codes[i]), 11);
        assert_int_equal(codes[i][5], '-');
        assert_int_equal(strspn(codes[i], "0123456789abcdefghjkmnpqrstvwxyz-"), 11);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(codes[i], codes[k]);
        }
    }
    assert_ok(factor_recovery_left(w->d, u.id, &left, &e), e);
    assert_int_equal(left, RECOVERY_CODES);
    assert_code(factor_recovery_check(w->d, v.id, codes[0], &e), ERRC_DENIED);
    assert_ok(factor_recovery_check(w->d, u.id, codes[0], &e), e);
    assert_code(factor_recovery_check(w->d, u.id, codes[0], &e), ERRC_DENIED);
    reopen(w);
    assert_code(factor_recovery_check(w->d, u.id, codes[0], &e), ERRC_DENIED);
    /* as people type it */
    char typed[16];
    snprintf(typed, sizeof(typed), "%.5s %.5s", codes[1], codes[1] + 6);
    for (char *c = typed; *c != '\0'; c++) {
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c == '0' ? 'o' : *c == '1' ? 'l' : *c);
    }
    assert_ok(factor_recovery_check(w->d, u.id, typed, &e), e);
    assert_code(factor_recovery_check(w->d, u.id, codes[1], &e), ERRC_DENIED);
    assert_ok(factor_recovery_left(w->d, u.id, &left, &e), e);
    assert_int_equal(left, RECOVERY_CODES - 2);
    /* every truncation and every other character of a good one */
    for (size_t i = 0; i < 11; i++) {
        char bad[12];
        memcpy(bad, codes[2], 12);
        bad[i] = '\0';
        assert_code(factor_recovery_check(w->d, u.id, bad, &e), ERRC_DENIED);
        memcpy(bad, codes[2], 12);
        bad[i] = bad[i] == 'z' ? 'y' : 'z';
        assert_code(factor_recovery_check(w->d, u.id, bad, &e), ERRC_DENIED);
    }
    assert_code(factor_recovery_check(w->d, u.id, "aaaaa-aaaaa-aaaaa", &e), ERRC_DENIED);
    /* new ones void the old ones */
    assert_ok(factor_recovery_new(w->d, u.id, arena, &other, &e), e);
    assert_code(factor_recovery_check(w->d, u.id, codes[2], &e), ERRC_DENIED);
    assert_ok(factor_recovery_check(w->d, u.id, other[2], &e), e);
}

static bool claimed(struct world *w, const char *realm)
{
    struct error e;
    bool is = false;
    assert_ok(realm_is_claimed(w->d, realm, &is, &e), e);
    return is;
}

/* A realm is claimed when the first person who may approve has a factor; by neither alone. */
/*= 2.1.4-1 test */
static void claim(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), wang = person(w, "acme", "wang");
    struct user zhao = person(w, "other", "zhao");
    (void)active(w, "acme", lin.id);
    assert_false(claimed(w, "acme"));
    assert_ok(role_assign(w->d, "acme", wang.id, BYTES_LIT("approver"), &e), e);
    assert_false(claimed(w, "acme"));
    struct totp_enrolment t = begin(w, "acme", wang.id, "phone");
    assert_false(claimed(w, "acme"));
    assert_int_equal(confirm(w, wang.id, t.id, "000000", NULL), ERRC_DENIED);
    assert_false(claimed(w, "acme"));
    assert_int_equal(confirm(w, wang.id, t.id, code_at(w, t.seed_base32, 0), NULL), ERRC_OK);
    assert_true(claimed(w, "acme"));
    assert_false(claimed(w, "other"));
    /* the role after the factor */
    (void)active(w, "other", zhao.id);
    assert_ok(role_assign(w->d, "other", zhao.id, BYTES_LIT("approver"), &e), e);
    assert_true(claimed(w, "other"));
    /* the role by a group, joined after the factor */
    tenant_make(w, "third");
    struct user sun = person(w, "third", "sun");
    struct group g;
    (void)active(w, "third", sun.id);
    assert_ok(group_create(w->d, "third", "leads", NULL, arena, &g, &e), e);
    assert_ok(role_assign(w->d, "third", g.id, BYTES_LIT("approver"), &e), e);
    assert_false(claimed(w, "third"));
    assert_ok(group_add(w->d, g.id, sun.id, &e), e);
    assert_true(claimed(w, "third"));
    /* the provider's own */
    assert_false(claimed(w, IDENTITY_PLATFORM));
    struct user staff = person(w, IDENTITY_PLATFORM, "zhou");
    assert_ok(role_assign(w->d, IDENTITY_PLATFORM, staff.id, BYTES_LIT("approver"), &e), e);
    (void)active(w, IDENTITY_PLATFORM, staff.id);
    assert_true(claimed(w, IDENTITY_PLATFORM));
}

#define T(f) cmocka_unit_test_setup_teardown(f, totp_setup, totp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(enrolment), T(awkward_names), T(picture), T(window),   T(replay),
        T(at_once),   T(whose),         T(devices), T(recovery), T(claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
