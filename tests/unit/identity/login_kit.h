/* People who sign in, for the tests of logins and sessions: cheap Argon2id, codes as authenticators
 * show them. */
#ifndef TROTH_LOGIN_KIT_H
#define TROTH_LOGIN_KIT_H

#include "people_kit.h"

#include "crypto/otp.h"
#include "identity/directory_priv.h"
#include "identity/login_priv.h"

#define GOOD     "vmtrkwob-7 harbour"
#define STEP_MS  (TOTP_STEP_S * 1000)
#define MINUTE   ((int64_t)60 * 1000)
#define HOUR     (60 * MINUTE)
#define NOT_HERE "198.51.100.9"

static const struct password_params cheap = { .m_kib = 64, .passes = 1, .lanes = 1 };
static const struct session_client at_home = { .ip = "203.0.113.7", .agent = "curl/8" };

static inline __attribute__((unused)) int login_setup(void **state)
{
    people_setup(state);
    ((struct people *)*state)->w->d->login->params = cheap;
    return 0;
}

#define LOGIN(f) cmocka_unit_test_setup_teardown(f, login_setup, people_teardown)

static inline __attribute__((unused)) void restart(struct people *p)
{
    reopen(p->w);
    p->w->d->login->params = cheap;
}

static inline __attribute__((unused)) void pass(struct people *p, int64_t ms)
{
    clock_fake_advance(&p->w->clock, ms);
}

/* What an authenticator with this seed shows now. */
static inline __attribute__((unused)) const char *code_now(struct people *p, const char *base32)
{
    uint8_t seed[20] = { 0 };
    char *code = arena_alloc(p->arena, OTP_DIGITS_MAX + 1);
    for (size_t i = 0; i < 32 * 5; i++) {
        uint8_t c = (uint8_t)base32[i / 5];
        unsigned v = c >= 'A' ? c - 65u : c - 50u + 26u;
        seed[i / 8] |= (uint8_t)((v >> (4 - i % 5) & 1) << (7 - i % 8));
    }
    otp_hotp(HASH_SHA1, BYTES_OF(seed), (uint64_t)(p->w->clock.wall / STEP_MS), 6, code);
    return code;
}

/* A person with a password and no factor, as after the enrolment code. */
static inline __attribute__((unused)) struct session_opened
enrolled(struct people *p, const struct user *u, const char *password)
{
    char code[ENROLMENT_CODE_BYTES];
    struct session_opened o;
    assert_ok(enrolment_create(p->w->d, u->id, code, &p->e), p->e);
    assert_ok(login_enrol(p->w->d, NULL, bytes_str(code), bytes_str(password), &at_home, &o, &p->e),
              p->e);
    return o;
}

/* ... and with an authenticator: its seed. */
static inline __attribute__((unused)) const char *equip(struct people *p, const struct user *u)
{
    struct totp_enrolment t;
    assert_ok(factor_totp_begin(p->w->d, keeper(p->w), u->realm, u->id, "phone", "Troth", p->arena,
                                &t, &p->e),
              p->e);
    const char *seed = arena_str(p->arena, bytes_str(t.seed_base32));
    assert_ok(
            factor_totp_confirm(p->w->d, keeper(p->w), u->id, t.id, code_now(p, seed), NULL, &p->e),
            p->e);
    pass(p, STEP_MS); /* the code is used */
    return seed;
}

struct member {
    struct user u;
    const char *seed;
};
static inline __attribute__((unused)) struct member member(struct people *p, const char *realm,
                                                           const char *name)
{
    struct member m = { .u = person(p, realm, name) };
    (void)enrolled(p, &m.u, GOOD);
    m.seed = equip(p, &m.u);
    return m;
}

static inline __attribute__((unused)) struct result by_password(struct people *p,
                                                                const struct user *u,
                                                                const char *password,
                                                                struct session_opened *ret)
{
    return login_password(p->w->d, NULL, u->realm, u->name, bytes_str(password), &at_home, ret,
                          &p->e);
}

static inline __attribute__((unused)) struct result by_totp(struct people *p,
                                                            const struct session_opened *o,
                                                            const char *code,
                                                            struct session_opened *ret)
{
    return login_totp(p->w->d, keeper(p->w), &o->s, code, &at_home, ret, &p->e);
}

/* Password and code: the session that follows. */
static inline __attribute__((unused)) struct session_opened signed_in(struct people *p,
                                                                      const struct member *m)
{
    struct session_opened first, o;
    assert_ok(by_password(p, &m->u, GOOD, &first), p->e);
    assert_int_equal(first.s.stage, SESSION_FACTOR);
    assert_ok(by_totp(p, &first, code_now(p, m->seed), &o), p->e);
    pass(p, STEP_MS);
    return o;
}

static inline __attribute__((unused)) enum errc find(struct people *p,
                                                     const struct session_opened *o)
{
    struct session s;
    return session_find(p->w->d, bytes_str(o->token), &at_home, &s, &p->e).code;
}

#endif
