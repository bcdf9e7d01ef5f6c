/* Access reviews: what a campaign holds, who decides, what a decision takes away, its statement. */
#include "grant_kit.h"

#include "identity/review_priv.h"

#define DOCUMENT(action)                                                                           \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"" action        \
    "\",\"Resource\":\"*\"}]}"

struct cast {
    struct user lin, mei, robot;
    struct group ops;
    struct managed read, manage;
};

/* lin reviews; mei has one access of each kind; the group has some too. */
static void cast_make(struct world *w, struct cast *c)
{
    struct error e;
    c->lin = person(w, "acme", "lin");
    c->mei = person(w, "acme", "mei");
    c->robot = person_of(w, "acme", "robot", USER_SERVICE, "lin");
    (void)person(w, "beta", "bob");
    assign(w, &c->lin, "approver");
    assign(w, &c->mei, "storage-owner");
    assign(w, &c->robot, "storage-reader");
    assert_ok(group_create(w->d, "acme", "ops", NULL, w->arena, &c->ops, &e), e);
    assert_ok(group_add(w->d, c->ops.id, c->mei.id, &e), e);
    assert_ok(role_assign(w->d, "acme", c->ops.id, BYTES_LIT("security-administrator"), &e), e);
    assert_ok(managed_create(w->d, "acme", "read", NULL, "", BYTES_LIT(DOCUMENT("s3:GetObject")),
                             w->arena, &c->read, &e),
              e);
    assert_ok(managed_create(w->d, "acme", "manage", NULL, "", BYTES_LIT(DOCUMENT("iam:*")),
                             w->arena, &c->manage, &e),
              e);
    assert_ok(policy_attach(w->d, c->mei.id, c->read.id, &e), e);
    assert_ok(policy_attach(w->d, c->robot.id, c->manage.id, &e), e);
    assert_ok(inline_put(w->d, c->mei.id, "own", BYTES_LIT(DOCUMENT("s3:PutObject")), &e), e);
    access_key(w, &c->mei, "AKMEI");
    access_key(w, &c->robot, "AKROBOT");
}

static struct review made(struct world *w, const struct user *reviewer, bool is_privileged)
{
    struct error e;
    struct review r;
    assert_ok(review_create(w->d, "acme", "2026 Q4", reviewer->id, is_privileged, false,
                            now(w) + 14 * DAY, w->arena, &r, &e),
              e);
    return r;
}

static void assert_lines(struct world *w, const struct review *r, const char *const *want, size_t n)
{
    struct error e;
    struct review_item *items;
    size_t got = 0;
    char line[256];
    assert_ok(review_items(w->d, r->id, w->arena, &items, &got, &e), e);
    for (size_t i = 0; i < MIN(n, got); i++) {
        snprintf(line, sizeof(line), "%s %s", items[i].subject_name, items[i].access);
        assert_string_equal(line, want[i]);
        assert_int_equal(items[i].decision, REVIEW_OPEN);
    }
    assert_int_equal(got, n);
    assert_int_equal(r->items, n);
}

static struct result decide(struct world *w, const struct review *r, const struct user *subject,
                            const char *access, enum review_decision d, const struct user *by)
{
    struct error e;
    return review_decide(w->d, r->id, subject->id, access, d, by->id, by->name, "seen", &e);
}

/*= 2.1.4-6 test */
static void test_lines(void **state)
{
    static const char *const all[] = {
        "group/ops role/security-administrator",
        "lin role/approver",
        "mei access-key/AKMEI",
        "mei group/ops",
        "mei inline/own",
        "mei policy/read",
        "mei role/storage-owner",
        "robot access-key/AKROBOT",
        "robot policy/manage",
        "robot role/storage-reader",
    };
    static const char *const privileged[] = {
        "group/ops role/security-administrator",
        "lin role/approver",
        "mei access-key/AKMEI",
        "mei group/ops",
        "robot access-key/AKROBOT",
        "robot policy/manage",
    };
    struct world *w = *state;
    struct cast c;
    cast_make(w, &c);
    struct review r = made(w, &c.lin, false);
    assert_lines(w, &r, all, ARRAY_LEN(all));
    r = made(w, &c.lin, true);
    assert_lines(w, &r, privileged, ARRAY_LEN(privileged));
}

static void test_granted_lines(void **state)
{
    static const char *const want[] = { "wang grant/" };
    struct world *w = *state;
    struct error e;
    struct user wang = person(w, IDENTITY_PLATFORM, "wang"),
                wu = person(w, IDENTITY_PLATFORM, "wu");
    struct grant_ask ask = ask_of(&wang, IDENTITY_PLATFORM, "system-administrator");
    struct grant g;
    struct review r;
    struct review_item *items;
    size_t n = 0;
    ask.kind = GRANT_STANDING;
    ask.length_ms = 0;
    assert_ok(grant_create(w->d, &ask, w->arena, &g, &e), e);
    g = approved(w, &g, &wu);
    assert_ok(review_create(w->d, IDENTITY_PLATFORM, "standing", wu.id, true, false, now(w) + DAY,
                            w->arena, &r, &e),
              e);
    assert_ok(review_items(w->d, r.id, w->arena, &items, &n, &e), e);
    assert_int_equal(n, ARRAY_LEN(want));
    assert_ok(review_decide(w->d, r.id, wang.id, items[0].access, REVIEW_REVOKE, wu.id,
                            "platform/user/wu", NULL, &e),
              e);
    assert_int_equal(running(w, &wang, NULL), 0);
    assert_ok(grant_get(w->d, g.id, w->arena, &g, &e), e);
    assert_int_equal(g.state, GRANT_ENDED);
    assert_string_equal(g.ended_by, "platform/user/wu");
}

static void test_limits(void **state)
{
    struct world *w = *state;
    struct error e;
    struct review r;
    struct user lin = person(w, "acme", "lin"), bob = person(w, "beta", "bob");
    struct user robot = person_of(w, "acme", "robot", USER_SERVICE, "lin");
    const struct {
        const char *realm, *name;
        const struct user *reviewer;
        bool is_privileged;
        int64_t due_ms;
        enum errc want;
    } cases[] = {
        { "acme", "q", &lin, true, 90 * DAY, ERRC_OK },
        { "acme", "q", &lin, true, 90 * DAY + 1, ERRC_RANGE },
        { "acme", "q", &lin, false, 180 * DAY, ERRC_OK },
        { "acme", "q", &lin, false, 180 * DAY + 1, ERRC_RANGE },
        { "acme", "q", &lin, false, 0, ERRC_RANGE },
        { "acme", "", &lin, false, DAY, ERRC_FORMAT },
        { "acme", "a\nb", &lin, false, DAY, ERRC_FORMAT },
        { "acme", "q", &bob, false, DAY, ERRC_DENIED },
        { "acme", "q", &robot, false, DAY, ERRC_DENIED },
        { "gamma", "q", &lin, false, DAY, ERRC_DENIED },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_code(review_create(w->d, cases[i].realm, cases[i].name, cases[i].reviewer->id,
                                  cases[i].is_privileged, false, now(w) + cases[i].due_ms, w->arena,
                                  &r, &e),
                    cases[i].want);
    }
    assert_code(review_get(w->d, "r-nothing", w->arena, &r, &e), ERRC_NOT_FOUND);
}

static void test_who_decides(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct error e;
    cast_make(w, &c);
    struct review r = made(w, &c.lin, false);
    struct user bob = again(w, &c.lin);
    assert_ok(user_get(w->d, "beta", BYTES_LIT("bob"), w->arena, &bob, &e), e);
    assert_code(decide(w, &r, &c.robot, "policy/manage", REVIEW_KEEP, &c.mei), ERRC_DENIED);
    assert_code(decide(w, &r, &c.robot, "policy/manage", REVIEW_KEEP, &bob), ERRC_DENIED);
    assert_code(decide(w, &r, &c.robot, "policy/nothing", REVIEW_KEEP, &c.lin), ERRC_NOT_FOUND);
    assert_code(decide(w, &r, &c.robot, "policy/manage", REVIEW_LAPSED, &c.lin), ERRC_FORMAT);
    assert_code(decide(w, &r, &c.robot, "policy/manage", REVIEW_KEEP, &c.lin), ERRC_OK);
    assert_code(decide(w, &r, &c.robot, "policy/manage", REVIEW_REVOKE, &c.lin), ERRC_CONFLICT);
    /* the reviewer's own line: another person, never oneself */
    assert_code(decide(w, &r, &c.lin, "role/approver", REVIEW_KEEP, &c.lin), ERRC_DENIED);
    assert_code(decide(w, &r, &c.lin, "role/approver", REVIEW_KEEP, &bob), ERRC_DENIED);
    assert_code(decide(w, &r, &c.lin, "role/approver", REVIEW_KEEP, &c.robot), ERRC_DENIED);
    assert_code(decide(w, &r, &c.lin, "role/approver", REVIEW_KEEP, &c.mei), ERRC_OK);
    /* nor what a group gives to who is in it */
    r = made(w, &c.mei, false);
    struct user ops = { .name = "group/ops" };
    memcpy(ops.id, c.ops.id, sizeof(ops.id));
    const char *line = "role/security-administrator";
    assert_code(decide(w, &r, &ops, line, REVIEW_KEEP, &c.mei), ERRC_DENIED);
    assert_code(decide(w, &r, &ops, line, REVIEW_KEEP, &c.lin), ERRC_OK);
}

/*= 2.1.4-6 test */
static void test_revoked(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct error e;
    struct user *members;
    struct managed *attached;
    const char **names, *text;
    size_t n = 0;
    cast_make(w, &c);
    struct review r = made(w, &c.lin, false);
    assert_code(decide(w, &r, &c.mei, "role/storage-owner", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_ok(role_assigned(w->d, c.mei.id, w->arena, &names, &n, &e), e);
    assert_int_equal(n, 0);
    assert_code(decide(w, &r, &c.mei, "policy/read", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_ok(policy_attached(w->d, c.mei.id, w->arena, &attached, &n, &e), e);
    assert_int_equal(n, 0);
    assert_code(decide(w, &r, &c.mei, "inline/own", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_code(inline_get(w->d, c.mei.id, "own", w->arena, &text, &e), ERRC_NOT_FOUND);
    assert_code(decide(w, &r, &c.mei, "group/ops", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_ok(group_members(w->d, c.ops.id, w->arena, &members, &n, &e), e);
    assert_int_equal(n, 0);
    assert_code(decide(w, &r, &c.mei, "access-key/AKMEI", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_int_equal(number(w, "SELECT is_enabled FROM access_keys WHERE id = 'AKMEI'",
                            (struct sql_in){ 0 }),
                     0);
    /* gone by another hand before: the decision stands all the same */
    assert_ok(role_unassign(w->d, c.robot.id, BYTES_LIT("storage-reader"), &e), e);
    assert_code(decide(w, &r, &c.robot, "role/storage-reader", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_ok(policy_detach(w->d, c.robot.id, c.manage.id, &e), e);
    assert_ok(managed_delete(w->d, c.manage.id, &e), e);
    assert_code(decide(w, &r, &c.robot, "policy/manage", REVIEW_REVOKE, &c.lin), ERRC_OK);
    assert_ok(review_get(w->d, r.id, w->arena, &r, &e), e);
    assert_int_equal(r.decided, 7);
    assert_int_equal(r.items, 10);
    assert_int_equal(r.closed_ms, 0);
    assert_int_equal(number(w, "SELECT is_enabled FROM access_keys WHERE id = 'AKROBOT'",
                            (struct sql_in){ 0 }),
                     1);
}

static void test_closed(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), mei = person(w, "acme", "mei");
    struct review empty = made(w, &lin, false), *list;
    size_t n = 0;
    assert_int_equal(empty.closed_ms, now(w)); /* nobody has anything */
    assign(w, &mei, "storage-reader");
    advance(w, SECOND);
    struct review r = made(w, &lin, false);
    assert_int_equal(r.closed_ms, 0);
    advance(w, 20 * DAY); /* overdue, not strict: still to be decided */
    assert_code(decide(w, &r, &mei, "role/storage-reader", REVIEW_KEEP, &lin), ERRC_OK);
    assert_ok(review_get(w->d, r.id, w->arena, &r, &e), e);
    assert_int_equal(r.closed_ms, now(w));
    assert_ok(review_list(w->d, "acme", NULL, 1, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, r.id);
    assert_ok(review_list(w->d, "acme", r.id, 5, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, empty.id);
    assert_ok(review_list(w->d, "beta", NULL, 5, w->arena, &list, &n, &e), e);
    assert_int_equal(n, 0);
}

static void test_statement(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user lin = person(w, "acme", "lin"), mei = person(w, "acme", "mei");
    struct review_item item;
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    CLEANUP(buf_done_p) struct buf canonical = BUF(4096);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes v;
    assign(w, &mei, "storage-reader");
    struct review r = made(w, &lin, false);
    assert_code(decide(w, &r, &mei, "role/storage-reader", REVIEW_REVOKE, &lin), ERRC_OK);
    assert_ok(review_item_get(w->d, r.id, mei.id, "role/storage-reader", w->arena, &item, &e), e);
    assert_ok(review_statement(&r, &item, "passkey", now(w) - MINUTE, &text), e);
    assert_ok(json_parse(buf_bytes(&text), 4096, &doc, &e), e);
    assert_ok(json_canonical(json_root(doc), &canonical, &e), e);
    assert_bytes(buf_bytes(&canonical), buf_bytes(&text));
    static const char *const want[][2] = {
        { "access", "role/storage-reader" },
        { "decision", "revoke" },
        { "decided_by", "lin" },
        { "factor", "passkey" },
        { "note", "seen" },
        { "subject_name", "mei" },
        { "factor_given", "2026-11-22T09:40:16.000Z" },
    };
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_ok(json_get_str(json_root(doc), want[i][0], &v, &e), e);
        assert_bytes(v, bytes_str(want[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines),   TEST(test_granted_lines), TEST(test_limits),    TEST(test_who_decides),
        TEST(test_revoked), TEST(test_closed),        TEST(test_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
