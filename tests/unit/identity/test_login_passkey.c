/* Signing in by passkey: as the second factor, alone, and anew within a session. */
#include "login_kit.h"
#include "passkey_kit.h"

#include "identity/param.h"

/* A person with a password and this authenticator. */
static struct user keyed(struct people *p, const char *realm, const char *name,
                         struct authenticator *a)
{
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    struct user u = person(p, realm, name);
    struct session_opened o, full;
    char code[ENROLMENT_CODE_BYTES], id[FACTOR_ID_BYTES];
    uint8_t asked[32];
    assert_ok(enrolment_create(p->w->d, u.id, code, &p->e), p->e);
    assert_ok(login_enrol(p->w->d, NULL, bytes_str(code), BYTES_LIT(GOOD), &at_home, &o, &p->e),
              p->e);
    assert_ok(session_challenge(p->w->d, &o.s, asked, &p->e), p->e);
    a->challenge = asked;
    create(a, &json);
    assert_ok(session_challenge_take(p->w->d, &o.s, asked, &p->e), p->e);
    assert_ok(factor_passkey_register(p->w->d, &rp, u.id, "a key", asked, buf_bytes(&json), id,
                                      &p->e),
              p->e);
    assert_ok(login_enrolled(p->w->d, &o.s, FACTOR_PASSKEY, &at_home, &full, &p->e), p->e);
    assert_int_equal(full.s.stage, SESSION_FULL);
    a->challenge = challenge;
    a->count = 10;
    return u;
}

/* The authenticator's answer to a new challenge of this session. */
static struct bytes answer(struct people *p, const struct session_opened *o,
                           struct authenticator *a)
{
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    uint8_t asked[32];
    assert_ok(session_challenge(p->w->d, &o->s, asked, &p->e), p->e);
    a->challenge = asked;
    a->count++;
    get(a, &json);
    a->challenge = challenge;
    return arena_bytes(p->arena, buf_bytes(&json));
}

/*= 2.1.4-1 test */
static void second_factor(void **state)
{
    struct people *p = *state;
    struct directory *d = p->w->d;
    struct authenticator a = authenticator_new(p->w, 1), b = authenticator_new(p->w, 2);
    struct user u = keyed(p, "acme", "lin", &a);
    (void)keyed(p, "acme", "wang", &b);
    struct session_opened o, full, more;
    assert_ok(by_password(p, &u, GOOD, &o), p->e);
    assert_int_equal(o.s.stage, SESSION_FACTOR);
    /* no challenge was asked for; another's key; an answer to another challenge */
    assert_code(login_passkey(d, &o.s, &rp, BYTES_LIT("{}"), &at_home, &full, &p->e), ERRC_DENIED);
    struct bytes other = answer(p, &o, &b);
    assert_code(login_passkey(d, &o.s, &rp, other, &at_home, &full, &p->e), ERRC_DENIED);
    struct bytes late = answer(p, &o, &a), now = answer(p, &o, &a);
    assert_code(login_passkey(d, &o.s, &rp, late, &at_home, &full, &p->e), ERRC_DENIED);
    assert_code(login_passkey(d, &o.s, &rp, now, &at_home, &full, &p->e), ERRC_DENIED);
    now = answer(p, &o, &a);
    assert_ok(login_passkey(d, &o.s, &rp, now, &at_home, &full, &p->e), p->e);
    assert_int_equal(full.s.stage, SESSION_FULL);
    assert_int_equal(full.s.mfa_kind, FACTOR_PASSKEY);
    assert_code(login_passkey(d, &o.s, &rp, now, &at_home, &more, &p->e), ERRC_DENIED);
    /* anew within the session */
    struct session s;
    pass(p, MINUTE);
    assert_code(login_step_up_passkey(d, &full.s, &rp, now, &p->e), ERRC_DENIED);
    assert_ok(login_step_up_passkey(d, &full.s, &rp, answer(p, &full, &a), &p->e), p->e);
    assert_ok(session_find(d, bytes_str(full.token), &at_home, &s, &p->e), p->e);
    assert_int_equal(s.mfa_ms, p->w->clock.wall);
    sign_key_free(a.key);
    sign_key_free(b.key);
}

/* The challenge of a sign-in by passkey alone stands in its state, behind the time. */
static struct bytes alone(struct people *p, struct authenticator *a, const char *realm,
                          struct buf *state)
{
    CLEANUP(buf_done_p) struct buf json = BUF(4096);
    CLEANUP(buf_done_p) struct buf raw = BUF(256);
    CLEANUP(buf_done_p) struct buf out = BUF(16384);
    buf_reset(state);
    assert_ok(login_passkey_only_begin(p->w->d, &rp, realm, &json, state, &p->e), p->e);
    assert_code(base64url_decode(buf_bytes(state), &raw), ERRC_OK);
    a->challenge = raw.p + 8;
    a->count++;
    get(a, &out);
    a->challenge = challenge;
    return arena_bytes(p->arena, buf_bytes(&out));
}

static void only_factor(void **state)
{
    struct people *p = *state;
    struct directory *d = p->w->d;
    struct authenticator a = authenticator_new(p->w, 1);
    struct user u = keyed(p, "acme", "lin", &a);
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    struct session_opened full, more;
    assert_ok(param_set(d, "acme", "P-AUTH-2", "yes", &p->e), p->e);
    assert_ok(param_set(d, "beta", "P-AUTH-2", "yes", &p->e), p->e);
    a.handle = u.id;
    struct bytes said = alone(p, &a, "acme", &text);
    assert_ok(login_passkey_only(d, &rp, "acme", buf_bytes(&text), said, &at_home, &full, &p->e),
              p->e);
    assert_int_equal(full.s.stage, SESSION_FULL);
    assert_string_equal(full.s.user_id, u.id);
    assert_int_equal(find(p, &full), ERRC_OK);
    /* the same answer again; another realm; a frozen account */
    assert_code(login_passkey_only(d, &rp, "acme", buf_bytes(&text), said, &at_home, &more, &p->e),
                ERRC_DENIED);
    assert_int_equal(map_count(d->login->spent), 1);
    said = alone(p, &a, "beta", &text);
    assert_code(login_passkey_only(d, &rp, "beta", buf_bytes(&text), said, &at_home, &more, &p->e),
                ERRC_DENIED);
    assert_ok(user_set_frozen(d, u.id, true, &p->e), p->e);
    said = alone(p, &a, "acme", &text);
    assert_code(login_passkey_only(d, &rp, "acme", buf_bytes(&text), said, &at_home, &more, &p->e),
                ERRC_DENIED);
    assert_ok(user_set_frozen(d, u.id, false, &p->e), p->e);
    /* from outside of the realm's networks */
    struct login_outside why = { .fit = ORIGIN_FITS };
    struct session_client out = { .ip = NOT_HERE, .agent = "curl/8", .ret_outside = &why };
    assert_ok(param_set(d, "acme", "P-IAM-6", "203.0.113.0/24", &p->e), p->e);
    said = alone(p, &a, "acme", &text);
    assert_code(login_passkey_only(d, &rp, "acme", buf_bytes(&text), said, &out, &more, &p->e),
                ERRC_DENIED);
    assert_int_equal(why.fit, ORIGIN_OUTSIDE);
    assert_string_equal(why.user, "lin");
    said = alone(p, &a, "acme", &text);
    assert_ok(login_passkey_only(d, &rp, "acme", buf_bytes(&text), said, &at_home, &more, &p->e),
              p->e);
    assert_int_equal(map_count(d->login->spent), 2); /* those that signed in alone */
    sign_key_free(a.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = { LOGIN(second_factor), LOGIN(only_factor) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
