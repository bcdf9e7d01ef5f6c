/* Two persons for the destruction of a key: who is the same person, from credentials of every kind,
 * against a real keeper. */
#include "identity_testkit.h"

#include "identity/role.h"
#include "identity/token.h"
#include "identity/two_person.h"

static struct user person(struct world *w, struct arena *arena, const char *name)
{
    struct error e;
    struct user u;
    struct user_new n = { .name = name, .owner = "Full Name", .kind = USER_PERSON };
    assert_ok(user_create(w->d, "acme", &n, arena, &u, &e), e);
    return u;
}

static const char *name_of(const struct principal *p, struct arena *arena)
{
    const char *name = two_person_name(p, arena);
    principal_unref(p);
    return name;
}

static const struct principal *of_user(struct world *w, const struct user *u)
{
    struct error e;
    const struct principal *p = NULL;
    assert_ok(principal_of_user(w->d, u->id, true, &p, &e), e);
    return p;
}

static const struct principal *of_token(struct world *w, const struct user *u, const char *role)
{
    struct error e;
    struct token t;
    const struct principal *p = NULL;
    struct token_new n = { .realm = "acme",
                           .home = "acme",
                           .user_id = u->id,
                           .role = role,
                           .name = "session-2",
                           .issuer = "",
                           .policy = "",
                           .tags = "{}",
                           .grant = "",
                           .mfa_ms = w->clock.wall,
                           .expires_ms = w->clock.wall + 3600 * 1000 };
    assert_ok(token_create(w->d, keeper(w), &n, &t, &e), e);
    assert_ok(principal_of_key(w->d, bytes_str(t.id), bytes_str(t.session_token), &p, &e), e);
    return p;
}

/*= 2.1.3-7 test */
static void test_same_person(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf cert = BUF(65536);
    struct error e;
    struct key_info info;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin"), mei = person(w, arena, "mei");
    const char *asked = name_of(of_user(w, &lin), arena);
    char want[128];
    snprintf(want, sizeof(want), "acme/user/lin/%s", lin.id);
    assert_string_equal(asked, want);
    assert_ok(role_assign(w->d, "acme", lin.id, BYTES_LIT("system-administrator"), &e), e);
    const char *of_session = name_of(of_token(w, &lin, ""), arena);
    const char *of_role = name_of(of_token(w, &lin, "system-administrator"), arena);
    assert_string_equal(of_session, asked);
    assert_string_equal(of_role, asked);
    struct user_change rename = { .name = "lin2", .ends_ms = -1 };
    assert_ok(user_change(w->d, lin.id, &rename, &e), e);
    const char *renamed = name_of(of_user(w, &lin), arena);
    assert_string_not_equal(renamed, asked);

    assert_ok(keys_create(keeper(w), "acme", SUITE_AES256_GCM, "", "provider", &info, &e), e);
    assert_ok(keys_schedule_destroy(keeper(w), "acme", info.id, 7 * DAY, asked, &info, &e), e);
    served_stop(&w->served);
    clock_fake_advance(&w->kit.clock, 7 * DAY);
    served_start(&w->served, &w->kit);
    const char *const same[] = { asked, of_session, of_role, renamed };
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_code(keys_destroy(keeper(w), "acme", info.id, same[i], true, &cert, &e),
                    ERRC_CONFLICT);
    }
    const char *other = name_of(of_user(w, &mei), arena);
    assert_ok(keys_destroy(keeper(w), "acme", info.id, other, true, &cert, &e), e);
}

static void test_rule(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct error e;
    const struct principal *local = NULL, *robot = NULL, *lin = NULL;
    struct user r;
    bool two = true;
    tenant_make(w, "acme");
    struct user u = person(w, arena, "lin");
    struct user_new n = { .name = "robot", .owner = "lin", .kind = USER_SERVICE };
    assert_ok(user_create(w->d, "acme", &n, arena, &r, &e), e);
    lin = of_user(w, &u);
    robot = of_user(w, &r);
    assert_ok(principal_operator(w->d, 0, &local, &e), e);
    assert_string_equal(two_person_name(local, arena), "operator/0");
    assert_ok(two_person_rule(w->d, local, "acme", &two, &e), e);
    assert_false(two);
    assert_ok(two_person_rule(w->d, robot, "acme", &two, &e), e);
    assert_false(two);
    assert_ok(two_person_rule(w->d, lin, "acme", &two, &e), e);
    assert_true(two);
    assert_ok(realm_claim(w->d, "acme", &e), e);
    assert_code(two_person_rule(w->d, local, "acme", &two, &e), ERRC_DENIED);
    assert_code(two_person_rule(w->d, robot, "acme", &two, &e), ERRC_DENIED);
    two = false;
    assert_ok(two_person_rule(w->d, lin, "acme", &two, &e), e);
    assert_true(two);
    assert_code(two_person_rule(w->d, lin, "nobody", &two, &e), ERRC_NOT_FOUND);
    principal_unref(lin);
    principal_unref(robot);
    principal_unref(local);
}

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_same_person), TEST(test_rule) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
