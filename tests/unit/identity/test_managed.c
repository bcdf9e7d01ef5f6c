/* Policies: managed with versions, attached, inline, of buckets; names out of ARNs. */
#include "people_kit.h"

#define PUBLIC                                                                                     \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\","        \
    "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::web/*\"}]}"
#define OF_ACCOUNT                                                                                 \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"     \
    "\"123456789012\"},\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::web/*\"}]}"

static void test_create(void **state)
{
    struct people *p = *state;
    struct managed m = managed(p, "acme", "read"), got, *list = NULL;
    struct managed_version *v = NULL;
    size_t n = 0;
    assert_memory_equal(m.id, "ANPA", 4);
    assert_int_equal(m.default_version, 1);
    managed(p, "beta", "read");
    static const struct {
        const char *realm, *name, *document;
        enum errc want;
    } refused[] = {
        { "acme", "READ", READ_ALL, ERRC_EXISTS },
        { "acme",
          "r\xd0\xb5"
          "ad",
          READ_ALL, ERRC_FORMAT },
        { "acme", "x", "{}", ERRC_FORMAT },
        { "acme", "x", "", ERRC_FORMAT },
        { "acme", "x", OF_ACCOUNT, ERRC_FORMAT }, /* a Principal has no place here */
        { "gamma", "x", READ_ALL, ERRC_NOT_FOUND },
        { "", "x", READ_ALL, ERRC_NOT_FOUND },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_code(managed_create(p->w->d, refused[i].realm, refused[i].name, NULL, NULL,
                                   bytes_str(refused[i].document), p->arena, &got, &p->e),
                    refused[i].want);
    }
    assert_ok(managed_get(p->w->d, "acme", BYTES_LIT("read"), p->arena, &got, &p->e), p->e);
    assert_string_equal(got.id, m.id);
    assert_code(managed_get(p->w->d, "acme", BYTES_LIT("Read"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
    assert_ok(managed_versions(p->w->d, m.id, p->arena, &v, &n, &p->e), p->e);
    assert_int_equal(n, 1);
    assert_true(v[0].version == 1 && v[0].is_default && v[0].created_ms == T0);
    assert_string_equal(v[0].document, READ_ALL);
    managed(p, "acme", "all");
    assert_ok(managed_list(p->w->d, "acme", BYTES_NONE, BYTES_NONE, 9, p->arena, &list, &n, &p->e),
              p->e);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "all");
    assert_ok(managed_list(p->w->d, "acme", BYTES_NONE, BYTES_LIT("all"), 9, p->arena, &list, &n,
                           &p->e),
              p->e);
    assert_int_equal(n, 1);
}

static void test_versions(void **state)
{
    struct people *p = *state;
    struct managed m = managed(p, "acme", "read"), got;
    struct managed_version *v = NULL;
    size_t n = 0;
    uint32_t version = 0;
    struct bytes doc = BYTES_LIT(ALLOW_ALL_OF("s3"));
    for (uint32_t i = 2; i <= 5; i++) {
        assert_ok(managed_version_create(p->w->d, m.id, doc, i == 3, &version, &p->e), p->e);
        assert_int_equal(version, i);
    }
    assert_code(managed_version_create(p->w->d, m.id, doc, true, &version, &p->e), ERRC_LIMIT);
    assert_ok(managed_get(p->w->d, "acme", BYTES_LIT("read"), p->arena, &got, &p->e), p->e);
    assert_int_equal(got.default_version, 3);
    assert_code(managed_version_delete(p->w->d, m.id, 3, &p->e), ERRC_CONFLICT);
    assert_code(managed_version_delete(p->w->d, m.id, 9, &p->e), ERRC_NOT_FOUND);
    assert_ok(managed_version_delete(p->w->d, m.id, 5, &p->e), p->e);
    assert_ok(managed_version_create(p->w->d, m.id, doc, false, &version, &p->e), p->e);
    assert_int_equal(version, 6); /* a number is never given twice */
    assert_code(managed_set_default(p->w->d, m.id, 5, &p->e), ERRC_NOT_FOUND);
    assert_ok(managed_set_default(p->w->d, m.id, 6, &p->e), p->e);
    assert_ok(managed_versions(p->w->d, m.id, p->arena, &v, &n, &p->e), p->e);
    assert_int_equal(n, 5);
    assert_true(v[4].version == 6 && v[4].is_default && !v[2].is_default);
    assert_code(managed_version_create(p->w->d, m.id, BYTES_LIT("{}"), true, &version, &p->e),
                ERRC_FORMAT);
    assert_code(managed_version_create(p->w->d, "ANPAX", doc, true, &version, &p->e),
                ERRC_NOT_FOUND);
    assert_code(managed_set_default(p->w->d, "ANPA-much-longer-than-any-id", 1, &p->e),
                ERRC_NOT_FOUND);
}

static void test_attach(void **state)
{
    struct people *p = *state;
    struct managed m = managed(p, "acme", "read"), foreign = managed(p, "beta", "read"), *list;
    struct user u = person(p, "acme", "lin");
    struct group g = group(p, "acme", "dev");
    const char **subjects = NULL;
    size_t n = 0;
    assert_ok(policy_attach(p->w->d, u.id, m.id, &p->e), p->e);
    assert_ok(policy_attach(p->w->d, u.id, m.id, &p->e), p->e);
    assert_ok(policy_attach(p->w->d, g.id, m.id, &p->e), p->e);
    assert_code(policy_attach(p->w->d, u.id, foreign.id, &p->e), ERRC_NOT_FOUND);
    assert_code(policy_attach(p->w->d, u.id, "ANPAX", &p->e), ERRC_NOT_FOUND);
    assert_code(policy_attach(p->w->d, "AIDAX", m.id, &p->e), ERRC_NOT_FOUND);
    assert_code(policy_attach(p->w->d, "", m.id, &p->e), ERRC_NOT_FOUND);
    assert_ok(policy_subjects(p->w->d, m.id, p->arena, &subjects, &n, &p->e), p->e);
    assert_int_equal(n, 2);
    assert_string_equal(subjects[0], g.id); /* "AGPA" before "AIDA" */
    assert_string_equal(subjects[1], u.id);
    assert_code(managed_delete(p->w->d, m.id, &p->e), ERRC_CONFLICT);
    for (unsigned i = 1; i <= 10; i++) {
        struct managed more = managed(p, "acme", arena_printf(p->arena, "m%02u", i));
        assert_code(policy_attach(p->w->d, u.id, more.id, &p->e), i < 10 ? ERRC_OK : ERRC_LIMIT);
    }
    assert_ok(policy_attached(p->w->d, u.id, p->arena, &list, &n, &p->e), p->e);
    assert_int_equal(n, 10);
    assert_string_equal(list[9].name, "read");
    assert_int_equal(list[9].attachments, 2);
    assert_ok(policy_detach(p->w->d, u.id, m.id, &p->e), p->e);
    assert_code(policy_detach(p->w->d, u.id, m.id, &p->e), ERRC_NOT_FOUND);
    assert_ok(policy_detach(p->w->d, g.id, m.id, &p->e), p->e);
    assert_ok(managed_delete(p->w->d, m.id, &p->e), p->e);
    assert_code(managed_delete(p->w->d, m.id, &p->e), ERRC_NOT_FOUND);
}

static void test_boundary_keeps(void **state)
{
    struct people *p = *state;
    struct managed m = managed(p, "acme", "limit");
    struct user u = person(p, "acme", "lin");
    char account[ACCOUNT_BYTES];
    CLEANUP(buf_done_p) struct buf arn = BUF(512);
    assert_ok(realm_account(p->w->d, "acme", account, &p->e), p->e);
    managed_arn(&arn, &m, account);
    struct user_change c = { .boundary = buf_cstr(&arn), .ends_ms = -1 };
    assert_ok(user_change(p->w->d, u.id, &c, &p->e), p->e);
    assert_code(managed_delete(p->w->d, m.id, &p->e), ERRC_CONFLICT);
    c.boundary = "";
    assert_ok(user_change(p->w->d, u.id, &c, &p->e), p->e);
    assert_ok(managed_delete(p->w->d, m.id, &p->e), p->e);
}

static void test_inline(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin");
    const char *doc = NULL, **names = NULL;
    size_t n = 0;
    assert_ok(inline_put(p->w->d, u.id, "b", BYTES_LIT(READ_ALL), &p->e), p->e);
    assert_ok(inline_put(p->w->d, u.id, "a", BYTES_LIT(READ_ALL), &p->e), p->e);
    assert_ok(inline_put(p->w->d, u.id, "a", BYTES_LIT(ALLOW_ALL_OF("s3")), &p->e), p->e);
    assert_ok(inline_list(p->w->d, u.id, p->arena, &names, &n, &p->e), p->e);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "a");
    assert_ok(inline_get(p->w->d, u.id, "a", p->arena, &doc, &p->e), p->e);
    assert_string_equal(doc, ALLOW_ALL_OF("s3"));
    assert_code(inline_put(p->w->d, u.id, "c", BYTES_LIT("{"), &p->e), ERRC_FORMAT);
    assert_code(inline_put(p->w->d, u.id, "c d", BYTES_LIT(READ_ALL), &p->e), ERRC_FORMAT);
    assert_code(inline_put(p->w->d, "AIDAX", "c", BYTES_LIT(READ_ALL), &p->e), ERRC_NOT_FOUND);
    assert_code(inline_get(p->w->d, u.id, "c", p->arena, &doc, &p->e), ERRC_NOT_FOUND);
    assert_ok(inline_delete(p->w->d, u.id, "b", &p->e), p->e);
    assert_code(inline_delete(p->w->d, u.id, "b", &p->e), ERRC_NOT_FOUND);
}

/* Together no longer than one document may be. */
static void test_inline_limit(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin");
    const char **names = NULL;
    size_t n = 0;
    char *wide = arena_printf(p->arena, "%-15000s", READ_ALL);
    assert_ok(inline_put(p->w->d, u.id, "a", bytes_str(wide), &p->e), p->e);
    assert_ok(inline_put(p->w->d, u.id, "a", bytes_str(wide), &p->e), p->e);
    assert_code(inline_put(p->w->d, u.id, "b", bytes_str(wide), &p->e), ERRC_LIMIT);
    assert_ok(inline_list(p->w->d, u.id, p->arena, &names, &n, &p->e), p->e);
    assert_int_equal(n, 1);
}

static void bucket_put(struct people *p, const char *realm, int64_t bucket, const char *document,
                       const char *public_by, enum errc code)
{
    struct result r = bucket_policy_put(p->w->d, realm, bucket, "web", bytes_str(document),
                                        public_by, NULL, &p->e);
    assert_int_equal(r.code, code);
}

static bool has_bucket_policy(struct people *p, int64_t bucket)
{
    struct policy *compiled = NULL;
    assert_ok(bucket_policy_compiled(p->w->d, "acme", bucket, &compiled, &p->e), p->e);
    bool is_there = compiled != NULL;
    policy_unref(compiled);
    return is_there;
}

static void test_bucket(void **state)
{
    struct people *p = *state;
    struct bucket_policy b;
    char realm[TENANT_NAME_BYTES];
    assert_code(bucket_policy_get(p->w->d, "acme", 7, p->arena, &b, &p->e), ERRC_NOT_FOUND);
    assert_ok(bucket_policy_put(p->w->d, "acme", 7, "web", BYTES_LIT(OF_ACCOUNT), "", NULL, &p->e),
              p->e);
    assert_ok(bucket_policy_get(p->w->d, "acme", 7, p->arena, &b, &p->e), p->e);
    assert_string_equal(b.document, OF_ACCOUNT);
    assert_string_equal(b.public_by, "");
    assert_int_equal(b.changed_ms, T0);
    assert_code(bucket_policy_get(p->w->d, "beta", 7, p->arena, &b, &p->e), ERRC_NOT_FOUND);
    bucket_put(p, "acme", 7, PUBLIC, "", ERRC_OK);
    assert_false(has_bucket_policy(p, 7)); /* without leave it is as none */
    assert_code(bucket_public_find(p->w->d, BYTES_LIT("web"), realm, &p->e), ERRC_NOT_FOUND);
    bucket_put(p, "acme", 7, PUBLIC, "acme/user/lin", ERRC_OK);
    assert_true(has_bucket_policy(p, 7));
    assert_ok(bucket_public_find(p->w->d, BYTES_LIT("web"), realm, &p->e), p->e);
    assert_string_equal(realm, "acme");
    /* one public bucket of a name */
    bucket_put(p, "beta", 9, "", "beta/user/wu", ERRC_EXISTS);
    bucket_put(p, "beta", 9, OF_ACCOUNT, "", ERRC_OK);
    bucket_put(p, "acme", 7, "", "acme/user/lin", ERRC_OK);
    assert_false(has_bucket_policy(p, 7));
    assert_code(bucket_policy_put(p->w->d, "acme", 7, "web", BYTES_LIT(READ_ALL), "", NULL, &p->e),
                ERRC_FORMAT); /* no Principal */
    /* decided by what is no more: the block that came between stays */
    struct bucket_policy none = { .document = "", .public_by = "" };
    bucket_put(p, "acme", 7, PUBLIC, "acme/user/lin", ERRC_OK);
    assert_ok(bucket_policy_get(p->w->d, "acme", 7, p->arena, &b, &p->e), p->e);
    bucket_put(p, "acme", 7, PUBLIC, "", ERRC_OK);
    assert_code(
            bucket_policy_put(p->w->d, "acme", 7, "web", BYTES_LIT(PUBLIC), b.public_by, &b, &p->e),
            ERRC_CONFLICT);
    assert_code(bucket_policy_delete(p->w->d, "acme", 7, &b, &p->e), ERRC_CONFLICT);
    assert_code(bucket_policy_put(p->w->d, "acme", 7, "web", BYTES_LIT(PUBLIC), "", &none, &p->e),
                ERRC_CONFLICT);
    assert_false(has_bucket_policy(p, 7));
    assert_ok(bucket_policy_delete(p->w->d, "acme", 7, NULL, &p->e), p->e);
    assert_ok(bucket_policy_delete(p->w->d, "acme", 7, NULL, &p->e), p->e);
    assert_code(bucket_policy_get(p->w->d, "acme", 7, p->arena, &b, &p->e), ERRC_NOT_FOUND);
}

static void test_arn(void **state)
{
    static const char *const bad[] = {
        "",
        "arn:aws:iam::123456789012:policy",
        "arn:aws:iam::123456789012:policy/",
        "arn:aws:iam::123456789012:policyx",
        "arn:aws:iam::123456789012:policy//x",
        "arn:aws:iam::210987654321:policy/x",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws-cn:iam::123456789012:policy/x",
        "arn:aws:iam:x:123456789012:policy/x",
    };
    struct error e;
    struct bytes name;
    (void)state;
    assert_ok(arn_name(BYTES_LIT("arn:aws:iam::123456789012:policy/team/read"), "policy",
                       "123456789012", &name, &e),
              e);
    assert_bytes(name, BYTES_LIT("read"));
    assert_ok(arn_name(BYTES_LIT("arn:aws:iam::123456789012:policy/r"), "policy", "123456789012",
                       &name, &e),
              e);
    assert_bytes(name, BYTES_LIT("r"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(arn_name(bytes_str(bad[i]), "policy", "123456789012", &name, &e), ERRC_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(test_create),         PEOPLE(test_versions),      PEOPLE(test_attach),
        PEOPLE(test_boundary_keeps), PEOPLE(test_inline),        PEOPLE(test_inline_limit),
        PEOPLE(test_bucket),         cmocka_unit_test(test_arn),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
