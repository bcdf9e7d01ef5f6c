/*
 * The matrix of access: every operation of every interface, asked for by every built-in role, over
 * its own realm and others', at the API with everything behind it. Who is let in stands in
 * tests/snapshots/access.txt; an operation that is not there, or that another role gets at, fails.
 * TROTH_WRITE_SNAPSHOTS=1 writes the file anew (`./dev docs`).
 *
 * And the three administrators: a person with the rights of two of them is refused both.
 */
#include "house.h"

#include "api/query/query_priv.h"
#include "api/rest/rest.h"
#include "api/s3/request.h"
#include "base/text.h"
#include "identity/grant.h"
#include "identity/managed.h"
#include "identity/role.h"
#include "identity/role_builtin.h"
#include "identity/token.h"

#include <stdio.h>
#include <stdlib.h>

#define ASKERS_MAX   64
#define SNAPSHOT_MAX (4u << 20)

static struct house *house;
static struct credentials acme, beta;
static struct arena *arena;

/* Somebody who asks: "acme/auditor", "platform/staff", "in acme/support-logs". */
struct asker {
    const char *label;
    struct credentials as;
    bool is_anonymous;
};
static struct asker askers[ASKERS_MAX];
static size_t asker_count;

static struct directory *dir(void)
{
    return house_api(house)->directory;
}

static int64_t now_ms(void)
{
    return clock_wall_ms(&clock_system);
}

/* --- who asks --- */

static void person_make(const char *realm, const char *name, struct user *ret)
{
    struct error e;
    struct user_new n = { .name = name, .owner = "A Person", .kind = USER_PERSON };
    assert_ok(user_create(dir(), realm, &n, arena, ret, &e), e);
}

/* Credentials with a second factor: the person's own, or of a grant's role in another realm. */
static void asker_add(const char *label, const char *realm, const struct user *u, const char *role,
                      const char *grant)
{
    struct error e;
    struct token t;
    struct asker *a = &askers[asker_count++];
    assert_true(asker_count <= ASKERS_MAX);
    struct token_new n = { .realm = realm,
                           .home = u->realm,
                           .user_id = u->id,
                           .role = role,
                           .name = u->name,
                           .issuer = "",
                           .policy = "",
                           .tags = "{}",
                           .grant = grant,
                           .mfa_ms = now_ms(),
                           .expires_ms = now_ms() + 3000000 };
    assert_ok(token_create(dir(), house_keeper(house), &n, &t, &e), e);
    a->label = label;
    snprintf(a->as.tenant, sizeof(a->as.tenant), "%s", realm);
    snprintf(a->as.id, sizeof(a->as.id), "%s", t.id);
    snprintf(a->as.secret, sizeof(a->as.secret), "%s", t.secret);
    snprintf(a->as.token, sizeof(a->as.token), "%s", t.session_token);
}

static const char *grant_make(const struct user *u, const char *realm, const char *role,
                              const struct user *approver)
{
    struct error e;
    struct grant g;
    struct grant_ask ask = { .realm = realm,
                             .home = u->realm,
                             .user_id = u->id,
                             .user_name = u->name,
                             .role = role,
                             .policy = "",
                             .reason = "a test",
                             .ticket = "T-1",
                             .kind = GRANT_ORDINARY,
                             .length_ms = 3600000 };
    assert_ok(grant_create(dir(), &ask, arena, &g, &e), e);
    assert_ok(grant_approve(dir(), g.id, approver, now_ms(), 0, "", arena, &g, &e), e);
    return arena_str(arena, bytes_str(g.id));
}

static void role_asker(const struct role_builtin *b, const struct user *of_acme,
                       const struct user *of_platform)
{
    static const char *const places[] = { "platform", "acme", "in acme" };
    struct error e;
    struct user u;
    const char *realm = b->place == ROLE_OF_TENANT ? "acme" : IDENTITY_PLATFORM;
    const char *label = arena_printf(arena, "%s/%s", places[b->place], b->name);
    person_make(realm, arena_printf(arena, "p%zu-%s", asker_count, b->name), &u);
    if (b->place == ROLE_IN_TENANT) {
        const char *grant = grant_make(&u, "acme", b->name, of_acme);
        asker_add(label, "acme", &u, b->name, grant);
        return;
    }
    if (b->is_privileged) {
        (void)grant_make(&u, realm, b->name, of_platform);
    } else {
        assert_ok(role_assign(dir(), realm, u.id, bytes_str(b->name), &e), e);
    }
    asker_add(label, realm, &u, "", "");
}

static int group_setup(void **state)
{
    struct error e;
    struct user of_acme, of_platform, nobody;
    (void)state;
    arena = arena_new(64 * 1024, false);
    house = house_open();
    house_tenant(house, "acme", &acme);
    house_tenant(house, "beta", &beta);
    s3_expect(house, &acme, "PUT", "/data", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, &acme, "PUT", "/data/kept", BYTES_NONE, NULL, 200, NULL);
    person_make("acme", "approver-of-acme", &of_acme);
    person_make(IDENTITY_PLATFORM, "approver-of-platform", &of_platform);
    person_make("acme", "nobody-special", &nobody);
    assert_ok(realm_claim(dir(), "acme", &e), e);
    assert_ok(realm_claim(dir(), IDENTITY_PLATFORM, &e), e);
    askers[asker_count++] = (struct asker){ .label = "anonymous", .is_anonymous = true };
    asker_add("acme/(no role)", "acme", &nobody, "", "");
    askers[asker_count++] = (struct asker){ .label = "acme/root", .as = acme };
    for (const struct role_builtin *b = role_builtins; b->name != NULL; b++) {
        if (b->place != ROLE_OF_TENANT || strcmp(b->name, "root") != 0) {
            role_asker(b, &of_acme, &of_platform);
        }
    }
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    house_close(house);
    arena_free(arena);
    return 0;
}

/* --- asking --- */

/* Refused, or let in and then told that its body or the thing it names is wrong. */
static bool is_let_in(const struct asker *a, const char *service, const char *method,
                      const char *target, const char *body, const struct head *heads)
{
    CLEANUP(answer_done_p) struct answer answer = { 0 };
    struct ask q = { .as = a->is_anonymous ? NULL : &a->as,
                     .method = method,
                     .target = target,
                     .service = service,
                     .heads = heads,
                     .body = bytes_str(body) };
    house_ask(house, &q, &answer);
    assert_in_range(answer.status, 200, 599);
    if (answer.status >= 500 && answer.status != 501) {
        fail_msg("%s %s %s as %s: %u\n%.*s", service == NULL ? "s3" : service, method, target,
                 a->label, answer.status, BYTES_FMT(buf_bytes(&answer.body)));
    }
    struct bytes found = buf_bytes(&answer.body), inside = BYTES_LIT("<Error><Key>");
    bool is_refused_inside = bytes_find(found, inside) < found.n; /* DeleteObjects: for each key */
    return answer.status != 401 && answer.status != 403 && !is_refused_inside;
}

/* An S3 operation over the bucket "data": what it names is not there, or its body is wrong. */
static bool s3_is_let_in(const struct s3_op *op, const struct asker *a)
{
    static const char *const levels[] = { "/", "/data", "/data/matrix" };
    CLEANUP(buf_done_p) struct buf target = BUF(256);
    bool is_write = strcmp(op->method, "GET") != 0 && strcmp(op->method, "HEAD") != 0;
    buf_add_str(&target, strcmp(op->name, "CreateBucket") == 0 ? "/matrix" : levels[op->level]);
    if (op->query != NULL) {
        buf_addf(&target, "?%s=%s", op->query,
                 strcmp(op->query, "uploadId") == 0 ? "0123456789abcdef0123456789abcdef" : "");
    }
    bool is_copy = op->header != NULL && strcmp(op->header, "x-amz-copy-source") == 0;
    const struct head *heads = is_copy ? HEADS({ "x-amz-copy-source", "/data/kept" }) : NULL;
    const char *body = op->action == NULL ? "<Delete><Object><Key>matrix</Key></Object></Delete>"
                       : is_write         ? "<"
                                          : "";
    return is_let_in(a, NULL, op->method, buf_cstr(&target), body, heads);
}

/* Texts of parameters that a call must have; what is not named here is "nobody". */
static const char *param_text(struct bytes name)
{
    static const struct {
        const char *name, *text;
    } table[] = {
        { "AccessKeyId", "AKAAAAAAAAAAAAAAAAAA" },
        { "AuthenticationCode1", "000000" },
        { "AuthenticationCode2", "000000" },
        { "ActionNames", "s3:GetObject" },
        { "DurationSeconds", "900" },
        { "Status", "Active" },
        { "Url", "https://issuer.example" },
        { "VersionId", "v1" },
        { "PolicyDocument", "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                            "\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}" },
        { "AssumeRolePolicyDocument",
          "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\","
          "\"Action\":\"sts:AssumeRole\"}]}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (bytes_equal_str(name, table[i].name)) {
            return table[i].text;
        }
    }
    return "nobody";
}

static void param_add(const struct asker *a, const char *action, struct bytes name, bool is_list,
                      struct buf *out)
{
    const char *account = strcmp(a->as.tenant, "acme") == 0 || a->as.tenant[0] == '\0'
                                  ? acme.account
                                  : IDENTITY_PLATFORM_ACCOUNT;
    const char *text = param_text(name);
    const char *kind = bytes_equal_str(name, "RoleArn")                    ? "role"
                       : bytes_equal_str(name, "SerialNumber")             ? "mfa"
                       : bytes_equal_str(name, "OpenIDConnectProviderArn") ? "oidc-provider"
                       : bytes_has_suffix(name, BYTES_LIT("Arn")) ||
                                       bytes_equal_str(name, "PermissionsBoundary")
                               ? "policy"
                               : NULL;
    if (bytes_equal_str(name, "PolicySourceArn")) {
        kind = "user";
    }
    if (strcmp(action, "UpdateAssumeRolePolicy") == 0 && bytes_equal_str(name, "PolicyDocument")) {
        text = param_text(BYTES_LIT("AssumeRolePolicyDocument"));
    }
    if (kind != NULL) {
        text = arena_printf(arena, "arn:aws:iam::%s:%s/nobody", account, kind);
    }
    buf_addf(out, "&%.*s%s=", BYTES_FMT(name), is_list ? ".member.1" : "");
    buf_add_percent(out, bytes_str(text), false);
}

static bool query_is_let_in(const struct query_action *q, const struct asker *a)
{
    CLEANUP(buf_done_p) struct buf form = BUF(64 * 1024);
    struct bytes rest = bytes_str(q->params), one;
    bool is_sts = q->service == QUERY_STS, more = rest.n > 0;
    buf_addf(&form, "Action=%s&Version=%s", q->name, is_sts ? "2011-06-15" : "2010-05-08");
    while (more) {
        more = bytes_split(&rest, ' ', &one);
        if (bytes_has_suffix(one, BYTES_LIT("!"))) {
            param_add(a, q->name, bytes_slice(one, 0, one.n - 1), false, &form);
        } else if (bytes_equal_str(one, "UserName")) { /* may be left out: one's own */
            param_add(a, q->name, one, false, &form);
        } else if (bytes_equal_str(one, "ActionNames*")) {
            param_add(a, q->name, bytes_slice(one, 0, one.n - 1), true, &form);
        }
    }
    return is_let_in(a, is_sts ? "sts" : "iam", "POST", "/", buf_cstr(&form),
                     HEADS({ "content-type", "application/x-www-form-urlencoded" }));
}

/* A route over a realm: names in the path are of what is not there, a body that is no JSON. */
static bool rest_is_let_in(const struct rest_route *route, const struct asker *a, const char *realm)
{
    CLEANUP(buf_done_p) struct buf target = BUF(512);
    struct bytes rest = bytes_str(route->path), one;
    bool has_body = strcmp(route->method, "GET") != 0 && strcmp(route->method, "DELETE") != 0;
    for (bool more = true; more;) {
        more = bytes_split(&rest, '/', &one);
        bool is_name = one.n > 0 && one.p[0] == '{';
        buf_addf(&target, "%.*s%s",
                 is_name ? (bytes_equal_str(one, "{realm}") ? (int)strlen(realm) : 6) : (int)one.n,
                 is_name ? (bytes_equal_str(one, "{realm}") ? realm : "nobody")
                         : (const char *)one.p,
                 more ? "/" : "");
    }
    return is_let_in(a, "troth", route->method, buf_cstr(&target), has_body ? "{" : "",
                     HEADS({ "content-type", "application/json" }));
}

/* --- the table --- */

static void line_end(struct buf *out, bool has_any)
{
    buf_add_str(out, has_any ? "\n" : " (nobody)\n");
}

static void s3_table(struct buf *out)
{
    for (size_t i = 0; i < s3_op_count; i++) {
        bool has_any = false;
        const struct s3_op *op = &s3_ops[i];
        buf_addf(out, "\ns3 %s  %s\n   acme:", op->name,
                 op->action != NULL ? op->action : "(decided for each key)");
        for (size_t a = 0; a < asker_count; a++) {
            if (s3_is_let_in(op, &askers[a])) {
                buf_addf(out, " %s", askers[a].label);
                has_any = true;
            }
        }
        line_end(out, has_any);
    }
}

static void query_table(struct buf *out)
{
    for (const struct query_action *q = query_actions; q->name != NULL; q++) {
        bool has_any = false;
        buf_addf(out, "\n%s:%s\n   own:", q->service == QUERY_STS ? "sts" : "iam", q->name);
        for (size_t a = 0; a < asker_count; a++) {
            if (query_is_let_in(q, &askers[a])) {
                buf_addf(out, " %s", askers[a].label);
                has_any = true;
            }
        }
        line_end(out, has_any);
    }
}

static void route_row(const struct rest_route *route, const char *realm, const char *label,
                      struct buf *out)
{
    bool has_any = false;
    buf_addf(out, "   %s:", label);
    for (size_t a = 0; a < asker_count; a++) {
        if (rest_is_let_in(route, &askers[a], realm)) {
            buf_addf(out, " %s", askers[a].label);
            has_any = true;
        }
    }
    line_end(out, has_any);
}

static bool is_decided(const struct rest_route *route)
{
    return route->action != NULL;
}

static void rest_table(struct buf *out)
{
    static const char *const realms[] = { "acme", "beta", "platform" };
    for (const struct rest_route *route = rest_routes; route->method != NULL; route++) {
        static const char *const kinds[] = { [REST_OPEN] = "anybody",
                                             [REST_STAGE] = "a session in that stage of signing in",
                                             [REST_ANYBODY] = "whoever is known",
                                             [REST_SELF] = "whoever is signed in wholly" };
        buf_addf(out, "\n%s %s  %s\n", route->method, route->path,
                 is_decided(route) ? route->action : "");
        if (!is_decided(route)) {
            buf_addf(out, "   %s\n", kinds[route->realm]);
        } else if (route->realm == REST_PLATFORM) {
            route_row(route, "acme", "platform", out);
        } else {
            for (size_t i = 0; i < ARRAY_LEN(realms); i++) {
                route_row(route, realms[i], realms[i], out);
            }
        }
    }
}

static char *snapshot_path(void)
{
    const char *root = getenv("TROTH_SOURCE");
    return mem_printf("%s/tests/snapshots/access.txt", root == NULL ? "." : root);
}

static void snapshot_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rbe");
    size_t n = 1;
    while (f != NULL && n > 0) {
        uint8_t *p = buf_reserve(out, 65536);
        n = fread(p, 1, 65536, f);
        buf_commit(out, n);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

/* The first lines that differ. */
static void differ(struct bytes want, struct bytes have)
{
    struct bytes w, h, title = BYTES_NONE;
    unsigned shown = 0;
    for (bool more_w = true, more_h = true; more_w && more_h && shown < 20;) {
        more_w = bytes_split(&want, '\n', &w);
        more_h = bytes_split(&have, '\n', &h);
        if (h.n > 0 && h.p[0] != ' ') {
            title = h;
        }
        if (!bytes_equal(w, h)) {
            print_error("%.*s\n  is   %.*s\n  was  %.*s\n", BYTES_FMT(title), BYTES_FMT(h),
                        BYTES_FMT(w));
            shown++;
        }
    }
}

static void test_matrix(void **state)
{
    CLEANUP(buf_done_p) struct buf have = BUF(SNAPSHOT_MAX);
    CLEANUP(buf_done_p) struct buf want = BUF(SNAPSHOT_MAX);
    CLEANUP(mem_free_p) char *path = snapshot_path();
    (void)state;
    buf_add_str(
            &have,
            "Who is let in, by operation: found by asking (tests/unit/api/test_matrix.c; written "
            "by `./dev docs`).\nEach person holds one built-in role and gave a second factor. "
            "\"in acme\": the provider's staff with a running grant of the tenant acme.\n");
    s3_table(&have);
    query_table(&have);
    rest_table(&have);
    assert_int_equal(buf_result(&have).code, ERRC_OK);
    if (getenv("TROTH_WRITE_SNAPSHOTS") != NULL) {
        FILE *f = fopen(path, "wbe");
        assert_non_null(f);
        assert_int_equal(fwrite(have.p, 1, have.n, f), have.n);
        assert_int_equal(fclose(f), 0);
    }
    snapshot_read(path, &want);
    if (!bytes_equal(buf_bytes(&want), buf_bytes(&have))) {
        differ(buf_bytes(&want), buf_bytes(&have));
        fail_msg("%s is not what was found: ./dev docs writes it anew", path);
    }
}

/* --- two administrators in one person --- */

static enum admin_kind admin_of(const char *action)
{
    const struct action *a = action != NULL ? action_find(bytes_str(action)) : NULL;
    return a != NULL ? a->admin : ADMIN_NONE;
}

static void no_administration(const struct asker *a)
{
    for (size_t i = 0; i < s3_op_count; i++) {
        if (admin_of(s3_ops[i].action) != ADMIN_NONE && s3_is_let_in(&s3_ops[i], a)) {
            fail_msg("%s does %s", a->label, s3_ops[i].name);
        }
    }
    for (const struct query_action *q = query_actions; q->name != NULL; q++) {
        const char *action = arena_printf(arena, "iam:%s", q->name);
        if (q->service == QUERY_IAM && admin_of(action) != ADMIN_NONE && query_is_let_in(q, a)) {
            fail_msg("%s does %s", a->label, action);
        }
    }
    for (const struct rest_route *r = rest_routes; r->method != NULL; r++) {
        if (admin_of(r->action) != ADMIN_NONE && rest_is_let_in(r, a, a->as.tenant)) {
            fail_msg("%s does %s %s", a->label, r->method, r->path);
        }
    }
}

static const struct role_builtin *administrator(enum role_place place, enum admin_kind kind)
{
    for (const struct role_builtin *b = role_builtins; b->name != NULL; b++) {
        if (b->place == place && b->admin == kind &&
            bytes_has_suffix(bytes_str(b->name), BYTES_LIT("-administrator"))) {
            return b;
        }
    }
    return NULL;
}

/* A person with the documents of several roles as policies of their own: the form would refuse the
 * roles themselves. */
static void several(const char *realm, enum role_place place, unsigned kinds, const char *name)
{
    struct error e;
    struct user u;
    person_make(realm, name, &u);
    for (unsigned kind = ADMIN_SYSTEM; kind <= ADMIN_AUDIT; kind <<= 1) {
        const struct role_builtin *b = administrator(place, (enum admin_kind)kind);
        if ((kinds & kind) != 0) {
            assert_non_null(b);
            assert_ok(inline_put(dir(), u.id, b->name, bytes_str(b->document), &e), e);
        }
    }
    size_t before = asker_count;
    asker_add(arena_printf(arena, "%s/%s", realm, name), realm, &u, "", "");
    no_administration(&askers[before]);
    asker_count = before;
}

/*= 2.1.4-2 test */
static void test_two_administrators(void **state)
{
    static const struct {
        unsigned kinds;
        const char *name;
    } pairs[] = {
        { ADMIN_SYSTEM | ADMIN_SECURITY, "system-and-security" },
        { ADMIN_SYSTEM | ADMIN_AUDIT, "system-and-audit" },
        { ADMIN_SECURITY | ADMIN_AUDIT, "security-and-audit" },
        { ADMIN_SYSTEM | ADMIN_SECURITY | ADMIN_AUDIT, "all-three" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        several("acme", ROLE_OF_TENANT, pairs[i].kinds, pairs[i].name);
        several(IDENTITY_PLATFORM, ROLE_OF_PLATFORM, pairs[i].kinds, pairs[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_two_administrators),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
