/* Users and realms: names that look alike, realms apart, changes, states. */
#include "people_kit.h"

#include "identity/tally.h"

static void test_names(void **state)
{
    static const char *const bad[] = {
        "",
        "a b",
        "a/b",
        "a:b",
        "a*",
        "${x}",
        "li\xd0\xbd",       /* Cyrillic en */
        "\xd0\xb0lice",     /* Cyrillic a */
        "\xef\xbd\x81lice", /* full-width a */
        "lin\xe2\x80\x8b",  /* zero width space */
        "lin\n",
        "\xe7\x8e\x8b", /* a Chinese name is for `display` */
        "a\xff",
    };
    static const char *const good[] = { "a", "lin.wang@example.com", "A_+=,.@-9" };
    char longest[66];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(identity_name_is_valid(bytes_str(bad[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(identity_name_is_valid(bytes_str(good[i])));
    }
    assert_false(identity_name_is_valid(bytes_of("a\0b", 3)));
    memset(longest, 'x', sizeof(longest));
    assert_true(identity_name_is_valid(bytes_of(longest, 64)));
    assert_false(identity_name_is_valid(bytes_of(longest, 65)));
}

static void test_paths(void **state)
{
    static const char *const bad[] = { "",       "team",  "/team", "team/",     "//",
                                       "/a//b/", "/a b/", "/a*/",  "/\xc3\xa4/" };
    char longest[514];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(identity_path_is_valid(bytes_str(bad[i])));
    }
    assert_true(identity_path_is_valid(BYTES_LIT("/")));
    assert_true(identity_path_is_valid(BYTES_LIT("/team/part/")));
    memset(longest, 'x', sizeof(longest));
    longest[0] = longest[511] = longest[512] = '/';
    assert_true(identity_path_is_valid(bytes_of(longest, 512)));
    longest[511] = 'x';
    assert_false(identity_path_is_valid(bytes_of(longest, 513)));
}

static void assert_refused(struct people *p, struct user_new n, enum errc want)
{
    struct user u;
    assert_code(user_create(p->w->d, "acme", &n, p->arena, &u, &p->e), want);
    assert_string_not_equal(p->e.msg, "");
}

/*= 2.2.2-1 test */
static void test_create(void **state)
{
    struct people *p = *state;
    struct user u, again;
    struct user_new n = { .name = "lin",
                          .path = "/team/",
                          .kind = USER_PERSON,
                          .owner = "王琳",
                          .display = "Lin 王",
                          .email = "lin@example.com",
                          .tags = "{\"team\":\"x\", \"a\":\"1\"}",
                          .ends_ms = T0 + DAY };
    assert_ok(user_create(p->w->d, "acme", &n, p->arena, &u, &p->e), p->e);
    assert_int_equal(strlen(u.id), 21);
    assert_memory_equal(u.id, "AIDA", 4);
    assert_int_equal(strspn(u.id + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 17);
    assert_string_equal(u.tags, "{\"a\":\"1\",\"team\":\"x\"}");
    assert_string_equal(u.owner, "王琳");
    assert_true(u.created_ms == T0 && u.active_ms == T0 && u.ends_ms == T0 + DAY);
    assert_true(u.state == USER_ACTIVE && u.frozen_ms == 0 && u.version == 1);
    reopen(p->w);
    assert_ok(user_get(p->w->d, "acme", BYTES_LIT("lin"), p->arena, &again, &p->e), p->e);
    assert_string_equal(again.id, u.id);
    assert_string_equal(again.email, "lin@example.com");

    assert_refused(p, n, ERRC_EXISTS);
    n.name = "LIN"; /* would look like lin */
    assert_refused(p, n, ERRC_EXISTS);
    n.name = "root";
    assert_refused(p, n, ERRC_EXISTS);
    n.name = "Root";
    assert_refused(p, n, ERRC_EXISTS);
    n.name = "l\xd1\x96n";
    assert_refused(p, n, ERRC_FORMAT);
    n.name = NULL;
    assert_refused(p, n, ERRC_FORMAT);
}

static void test_create_refused(void **state)
{
    struct people *p = *state;
    char longest[300];
    struct user_new good = { .name = "wu", .kind = USER_PERSON, .owner = "Wu Mei" }, n = good;
    memset(longest, 'x', sizeof(longest));
    longest[257] = '\0';
    n.owner = NULL;
    assert_refused(p, n, ERRC_FORMAT);
    n.owner = "  ";
    assert_refused(p, n, ERRC_FORMAT);
    n.owner = longest;
    assert_refused(p, n, ERRC_LIMIT);
    n.owner = "Wu\nMei";
    assert_refused(p, n, ERRC_FORMAT);
    n = good, n.display = "a\x1b[2J";
    assert_refused(p, n, ERRC_FORMAT);
    static const char *const emails[] = { "wu", "@x", "wu@", "a@b@c", "w u@x", "w\xc3\xbc@x" };
    for (size_t i = 0; i < ARRAY_LEN(emails); i++) {
        n = good, n.email = emails[i];
        assert_refused(p, n, ERRC_FORMAT);
    }
    n = good, n.path = "team";
    assert_refused(p, n, ERRC_FORMAT);
    n = good, n.kind = USER_ROOT;
    assert_refused(p, n, ERRC_RANGE);
    n = good, n.ends_ms = -1;
    assert_refused(p, n, ERRC_RANGE);
    n = good, n.boundary = "arn:aws:iam::000000000000:policy/none";
    assert_refused(p, n, ERRC_NOT_FOUND);
    n = good, n.kind = USER_SERVICE, n.owner = "nobody";
    assert_refused(p, n, ERRC_CONFLICT);
    struct user u;
    assert_code(user_create(p->w->d, "gamma", &good, p->arena, &u, &p->e), ERRC_NOT_FOUND);
    assert_code(user_create(p->w->d, "", &good, p->arena, &u, &p->e), ERRC_NOT_FOUND);
    assert_ok(directory_tenant_set_state(p->w->d, "beta", TENANT_CLOSED, &p->e), p->e);
    assert_code(user_create(p->w->d, "beta", &good, p->arena, &u, &p->e), ERRC_CONFLICT);
}

static void test_tags(void **state)
{
    static const char *const bad[] = {
        "[]",           "{\"a\":1}",           "{\"\":\"x\"}",         "{\"a\":\"1\",\"A\":\"2\"}",
        "{\"a\":null}", "{\"aws:x\":\"1\"}",   "{\"Aws:x\":\"1\"}",    "{\"a\":\"\\u0000\"}",
        "{\"a\":",      "{\"a\":\"\\u001b\"}", "{\"a\":{\"b\":\"\"}}",
    };
    struct people *p = *state;
    struct user_new n = { .name = "wu", .kind = USER_PERSON, .owner = "Wu" };
    struct user u;
    CLEANUP(buf_done_p) struct buf b = BUF(65536);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        n.tags = bad[i];
        assert_refused(p, n, ERRC_FORMAT);
    }
    for (unsigned count = 50; count <= 51; count++) { /* 50 of 128 and 256 Chinese characters */
        buf_reset(&b);
        for (unsigned i = 0; i < count; i++) {
            buf_addf(&b, "%s\"%02u", i == 0 ? "{" : ",", i);
            for (unsigned j = 0; j < 126; j++) {
                buf_add_str(&b, "键");
            }
            buf_add_str(&b, "\":\"");
            for (unsigned j = 0; j < 256; j++) {
                buf_add_str(&b, "值");
            }
            buf_add_str(&b, "\"");
        }
        buf_add_str(&b, "}");
        n.tags = buf_cstr(&b);
        assert_non_null(n.tags);
        assert_code(user_create(p->w->d, "acme", &n, p->arena, &u, &p->e),
                    count == 50 ? ERRC_OK : ERRC_LIMIT);
    }
    for (size_t over = 0; over < 2; over++) { /* one character more */
        buf_reset(&b);
        buf_addf(&b, "{\"%0*d\":\"%0*d\"}", over == 0 ? 129 : 1, 0, over == 1 ? 257 : 1, 0);
        n.tags = buf_cstr(&b);
        assert_refused(p, n, ERRC_FORMAT);
    }
}

/*= 2.1.4-5 test */
static void test_realms_apart(void **state)
{
    struct people *p = *state;
    struct user a = person(p, "acme", "lin"), b = person(p, "beta", "lin"),
                c = person(p, IDENTITY_PLATFORM, "lin"), got;
    assert_string_not_equal(a.id, b.id);
    assert_ok(user_get(p->w->d, "beta", BYTES_LIT("lin"), p->arena, &got, &p->e), p->e);
    assert_string_equal(got.id, b.id);
    assert_ok(user_get(p->w->d, IDENTITY_PLATFORM, BYTES_LIT("lin"), p->arena, &got, &p->e), p->e);
    assert_string_equal(got.id, c.id);
    assert_code(user_get(p->w->d, "", BYTES_LIT("lin"), p->arena, &got, &p->e), ERRC_NOT_FOUND);
    /* another way of writing is not the account a policy names */
    assert_code(user_get(p->w->d, "acme", BYTES_LIT("LIN"), p->arena, &got, &p->e), ERRC_NOT_FOUND);
    assert_code(user_get(p->w->d, "acme", BYTES_LIT("li"), p->arena, &got, &p->e), ERRC_NOT_FOUND);
    assert_code(user_get(p->w->d, "acme", BYTES_LIT("li%"), p->arena, &got, &p->e), ERRC_NOT_FOUND);
    assert_code(user_get(p->w->d, "acme", BYTES_NONE, p->arena, &got, &p->e), ERRC_NOT_FOUND);
    assert_code(user_get_by_id(p->w->d, BYTES_NONE, p->arena, &got, &p->e), ERRC_NOT_FOUND);
    /* who answers for a program is of the same realm */
    person(p, "beta", "mei");
    struct user_new n = { .name = "ci", .kind = USER_SERVICE, .owner = "mei" };
    assert_code(user_create(p->w->d, "acme", &n, p->arena, &got, &p->e), ERRC_CONFLICT);
    n.owner = "LIN";
    assert_code(user_create(p->w->d, "acme", &n, p->arena, &got, &p->e), ERRC_CONFLICT);
}

static void test_accounts(void **state)
{
    struct people *p = *state;
    char account[ACCOUNT_BYTES], realm[TENANT_NAME_BYTES];
    struct tenant t;
    assert_ok(directory_tenant_get(p->w->d, "acme", &t, &p->e), p->e);
    for (unsigned i = 0; i < 2; i++) { /* the second from the cache */
        assert_ok(realm_account(p->w->d, "acme", account, &p->e), p->e);
        assert_string_equal(account, t.account);
    }
    assert_ok(realm_of_account(p->w->d, bytes_str(account), realm, &p->e), p->e);
    assert_string_equal(realm, "acme");
    assert_ok(realm_account(p->w->d, IDENTITY_PLATFORM, account, &p->e), p->e);
    assert_string_equal(account, IDENTITY_PLATFORM_ACCOUNT);
    assert_ok(realm_of_account(p->w->d, bytes_str(account), realm, &p->e), p->e);
    assert_string_equal(realm, IDENTITY_PLATFORM);
    assert_code(realm_account(p->w->d, "", account, &p->e), ERRC_NOT_FOUND);
    assert_code(realm_account(p->w->d, "gamma", account, &p->e), ERRC_NOT_FOUND);
    assert_code(realm_of_account(p->w->d, BYTES_NONE, realm, &p->e), ERRC_NOT_FOUND);
    assert_code(realm_of_account(p->w->d, BYTES_LIT("1"), realm, &p->e), ERRC_NOT_FOUND);
}

/*= 2.2.2-5 test */
static void test_claim_and_freeze(void **state)
{
    static const char *const realms[] = { "acme", IDENTITY_PLATFORM };
    struct people *p = *state;
    bool is = true;
    for (size_t i = 0; i < ARRAY_LEN(realms); i++) {
        assert_ok(realm_is_claimed(p->w->d, realms[i], &is, &p->e), p->e);
        assert_false(is);
        assert_ok(realm_claim(p->w->d, realms[i], &p->e), p->e);
        assert_ok(realm_claim(p->w->d, realms[i], &p->e), p->e);
        assert_ok(realm_is_claimed(p->w->d, realms[i], &is, &p->e), p->e);
        assert_true(is);
        assert_ok(realm_is_frozen(p->w->d, realms[i], &is, &p->e), p->e);
        assert_false(is);
        assert_ok(realm_set_frozen(p->w->d, realms[i], true, &p->e), p->e);
        assert_ok(realm_is_frozen(p->w->d, realms[i], &is, &p->e), p->e);
        assert_true(is);
        reopen(p->w);
        assert_ok(realm_is_frozen(p->w->d, realms[i], &is, &p->e), p->e);
        assert_true(is);
        assert_ok(realm_set_frozen(p->w->d, realms[i], false, &p->e), p->e);
        assert_ok(realm_is_frozen(p->w->d, realms[i], &is, &p->e), p->e);
        assert_false(is);
    }
    assert_ok(realm_is_claimed(p->w->d, "beta", &is, &p->e), p->e);
    assert_false(is);
    assert_code(realm_claim(p->w->d, "gamma", &p->e), ERRC_NOT_FOUND);
    assert_code(realm_set_frozen(p->w->d, "", true, &p->e), ERRC_NOT_FOUND);
}

static void test_pages(void **state)
{
    static const char *const names[] = { "ann", "Bob", "cy", "dan", "Eve" };
    struct people *p = *state;
    struct user *list = NULL;
    size_t n = 0, seen = 0;
    struct bytes after = BYTES_NONE;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct user_new u = { .name = names[ARRAY_LEN(names) - 1 - i],
                              .path = i == 1 ? "/ops/" : NULL,
                              .kind = USER_PERSON,
                              .owner = "X" };
        struct user got;
        assert_ok(user_create(p->w->d, "acme", &u, p->arena, &got, &p->e), p->e);
    }
    person(p, "beta", "bert");
    do {
        assert_ok(user_list(p->w->d, "acme", BYTES_NONE, after, 2, p->arena, &list, &n, &p->e),
                  p->e);
        for (size_t i = 0; i < n; i++, seen++) {
            assert_string_equal(list[i].name, seen < 5 ? names[seen] : "root");
        }
        after = n > 0 ? bytes_str(list[n - 1].name) : after;
    } while (n > 0);
    assert_int_equal(seen, 6);
    assert_ok(user_list(p->w->d, "acme", BYTES_LIT("/ops/"), BYTES_NONE, 9, p->arena, &list, &n,
                        &p->e),
              p->e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].name, "dan");
    assert_ok(user_list(p->w->d, "", BYTES_NONE, BYTES_NONE, 9, p->arena, &list, &n, &p->e), p->e);
    assert_int_equal(n, 0);
}

static void test_change(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin"), ci = service(p, "acme", "ci", "lin");
    struct managed m = managed(p, "acme", "limit"), other = managed(p, "beta", "limit");
    char account[ACCOUNT_BYTES];
    CLEANUP(buf_done_p) struct buf arn = BUF(512);
    CLEANUP(buf_done_p) struct buf foreign = BUF(512);
    assert_ok(realm_account(p->w->d, "acme", account, &p->e), p->e);
    managed_arn(&arn, &m, account);
    clock_fake_advance(&p->w->clock, 1000);
    struct user_change c = { .name = "mei",
                             .path = "/x/",
                             .boundary = buf_cstr(&arn),
                             .tags = "{\"b\":\"2\"}",
                             .ends_ms = -1,
                             .version = 1 };
    assert_ok(user_change(p->w->d, u.id, &c, &p->e), p->e);
    assert_code(user_change(p->w->d, u.id, &c, &p->e), ERRC_CONFLICT); /* version 2 now */
    u = user_now(p, u.id);
    assert_string_equal(u.name, "mei");
    assert_string_equal(u.path, "/x/");
    assert_string_equal(u.owner, "Wang Lin");
    assert_string_equal(u.boundary, buf_cstr(&arn));
    assert_string_equal(u.tags, "{\"b\":\"2\"}");
    assert_true(u.version == 2 && u.changed_ms == T0 + 1000 && u.created_ms == T0);
    assert_string_equal(user_now(p, ci.id).owner, "mei"); /* goes with the name */
    c = (struct user_change){ .boundary = "", .ends_ms = T0 + DAY };
    assert_ok(user_change(p->w->d, u.id, &c, &p->e), p->e);
    u = user_now(p, u.id);
    assert_string_equal(u.boundary, "");
    assert_int_equal(u.ends_ms, T0 + DAY);

    assert_ok(realm_account(p->w->d, "beta", account, &p->e), p->e);
    managed_arn(&foreign, &other, account);
    c = (struct user_change){ .boundary = buf_cstr(&foreign), .ends_ms = -1 };
    assert_code(user_change(p->w->d, u.id, &c, &p->e), ERRC_NOT_FOUND);
    c = (struct user_change){ .name = "CI", .ends_ms = -1 };
    assert_code(user_change(p->w->d, u.id, &c, &p->e), ERRC_EXISTS);
    c = (struct user_change){ .name = "root", .ends_ms = -1 };
    assert_code(user_change(p->w->d, u.id, &c, &p->e), ERRC_CONFLICT);
    c = (struct user_change){ .owner = "", .ends_ms = -1 };
    assert_code(user_change(p->w->d, u.id, &c, &p->e), ERRC_FORMAT);
    c = (struct user_change){ .owner = "nobody", .ends_ms = -1 };
    assert_code(user_change(p->w->d, ci.id, &c, &p->e), ERRC_CONFLICT);
    assert_code(user_change(p->w->d, "AIDANOBODY", &c, &p->e), ERRC_NOT_FOUND);
}

static void test_states(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin");
    assert_ok(user_set_state(p->w->d, u.id, USER_SUSPENDED, &p->e), p->e);
    assert_int_equal(user_now(p, u.id).state, USER_SUSPENDED);
    clock_fake_advance(&p->w->clock, 100 * DAY);
    assert_ok(user_set_state(p->w->d, u.id, USER_ACTIVE, &p->e), p->e);
    assert_int_equal(user_now(p, u.id).state, USER_ACTIVE);
    assert_int_equal(user_now(p, u.id).active_ms, T0 + 100 * DAY); /* not dormant again at once */
    assert_ok(user_set_frozen(p->w->d, u.id, true, &p->e), p->e);
    clock_fake_advance(&p->w->clock, 1000);
    assert_ok(user_set_frozen(p->w->d, u.id, true, &p->e), p->e);
    assert_int_equal(user_now(p, u.id).frozen_ms, T0 + 100 * DAY);
    assert_ok(user_set_frozen(p->w->d, u.id, false, &p->e), p->e);
    assert_int_equal(user_now(p, u.id).frozen_ms, 0);
    assert_code(user_set_state(p->w->d, u.id, (enum user_state)7, &p->e), ERRC_RANGE);
    assert_code(user_set_state(p->w->d, "AIDAX", USER_ENDED, &p->e), ERRC_NOT_FOUND);
    user_touch(p->w->d, u.id);
    assert_ok(tally_flush(p->w->d, &p->e), p->e);
    assert_int_equal(user_now(p, u.id).active_ms, T0 + 100 * DAY + 1000);
}

/* Members in key order, as entries of the ledger need them. */
static void assert_json(struct buf *out, const char *key, const char *want)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf again = BUF(65536);
    struct error e;
    struct bytes v;
    assert_ok(json_parse(buf_bytes(out), 65536, &doc, &e), e);
    assert_ok(json_canonical(json_root(doc), &again, &e), e);
    assert_bytes(buf_bytes(out), buf_bytes(&again));
    assert_ok(json_get_str(json_root(doc), key, &v, &e), e);
    assert_bytes(v, bytes_str(want));
}

static void test_json(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin");
    struct group g = group(p, "acme", "dev");
    struct access_role r;
    struct jsonw w;
    CLEANUP(buf_done_p) struct buf out = BUF(65536);
    assert_ok(role_get(p->w->d, "acme", BYTES_LIT("auditor"), p->arena, &r, &p->e), p->e);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const arns[] = { "arn:aws:iam::123456789012:user/lin",
                                            "arn:aws:iam::123456789012:group/dev",
                                            "arn:aws:iam::123456789012:role/auditor" };
        buf_reset(&out);
        jsonw_init(&w, &out);
        jsonw_object(&w);
        if (i == 0) {
            user_json(&w, &u, "123456789012");
        } else if (i == 1) {
            group_json(&w, &g, "123456789012");
        } else {
            role_json(&w, &r, "123456789012");
        }
        jsonw_object_end(&w);
        assert_json(&out, "arn", arns[i]);
        assert_json(&out, "realm", "acme");
    }
    buf_reset(&out);
    u.path = "/team/";
    user_arn(&out, &u, "123456789012");
    assert_bytes(buf_bytes(&out), BYTES_LIT("arn:aws:iam::123456789012:user/team/lin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_paths),
        PEOPLE(test_create),
        PEOPLE(test_create_refused),
        PEOPLE(test_tags),
        PEOPLE(test_realms_apart),
        PEOPLE(test_accounts),
        PEOPLE(test_claim_and_freeze),
        PEOPLE(test_pages),
        PEOPLE(test_change),
        PEOPLE(test_states),
        PEOPLE(test_json),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
