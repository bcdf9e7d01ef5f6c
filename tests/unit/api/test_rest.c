/* The management side: every route, who may, the two phases of acts, and what the public side shows
 * without credentials. */
#include "house.h"

#include "api/rest/rest.h"
#include "base/json.h"
#include "ledger/client.h"

#include <sched.h>

static struct house *house;
static struct credentials acme;

static int group_setup(void **state)
{
    (void)state;
    house = house_open();
    house_tenant(house, "acme", &acme);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL);
    house_close(house);
    return 0;
}

/* Asks and parses; the status must be `status`. The document is freed by the caller. */
static struct json_doc *ask(const char *method, const char *target, const char *body,
                            unsigned status)
{
    CLEANUP(answer_done_p) struct answer a = { 0 };
    struct json_doc *doc = NULL;
    struct error e = { 0 };
    house_manage(house, method, target, body, &a);
    if (a.status != status) {
        fail_msg("%s %s: %u, expected %u: %.*s", method, target, a.status, status,
                 BYTES_FMT(buf_bytes(&a.body)));
    }
    if (a.status != 204) {
        assert_ok(json_parse(buf_bytes(&a.body), 1 << 24, &doc, &e), e);
    }
    assert_string_equal(answer_header(&a, "cache-control"), "no-store");
    assert_string_equal(answer_header(&a, "x-content-type-options"), "nosniff");
    assert_non_null(strstr(answer_header(&a, "content-security-policy"), "frame-ancestors 'none'"));
    return doc;
}

static void refused(const char *method, const char *target, const char *body, unsigned status,
                    const char *code)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = ask(method, target, body, status);
    struct bytes v;
    struct error e = { 0 };
    uint64_t n = 0;
    assert_ok(json_get_str(json_root(doc), "code", &v, &e), e);
    if (!bytes_equal_str(v, code)) {
        fail_msg("%s %s: %.*s, expected %s", method, target, BYTES_FMT(v), code);
    }
    assert_ok(json_get_str(json_root(doc), "detail", &v, &e), e);
    assert_true(v.n > 0);
    assert_ok(json_get_str(json_root(doc), "title", &v, &e), e);
    assert_ok(json_get_str(json_root(doc), "type", &v, &e), e);
    assert_ok(json_get_str(json_root(doc), "request", &v, &e), e);
    assert_ok(json_get_u64(json_root(doc), "status", 599, &n, &e), e);
    assert_int_equal(n, status);
}

static void text(const struct json_doc *doc, const char *key, char *dst, size_t cap)
{
    struct bytes v;
    struct error e = { 0 };
    assert_ok(json_get_str(json_root(doc), key, &v, &e), e);
    snprintf(dst, cap, "%.*s", BYTES_FMT(v));
}

static void assert_text(const struct json_doc *doc, const char *key, const char *want)
{
    char got[1024];
    text(doc, key, got, sizeof(got));
    assert_string_equal(got, want);
}

static void test_paths(void **state)
{
    (void)state;
    refused("GET", "/", "", 404, "not_found");
    refused("GET", "/api/v1", "", 404, "not_found");
    refused("GET", "/api/v1/tenants/", "", 404, "not_found");
    refused("GET", "/api/v1/tenants//keys", "", 404, "not_found");
    refused("GET", "/api/v1/tenants/acme/", "", 404, "not_found");
    refused("GET", "/api/v1/tenants/acme/keys/x/y", "", 404, "not_found");
    refused("DELETE", "/api/v1/tenants/acme", "", 405, "unsupported");
    refused("GET", "/api/v1/tenants/nobody", "", 404, "not_found");
    refused("GET", "/api/v1/tenants/a%2Fb", "", 404, "not_found");
    refused("GET", "/api/v1/tenants/a%00b", "", 404, "not_found");
    refused("GET", "/api/v1/tenants/%zz", "", 404, "not_found");
    refused("GET", "/api/v1/logs/nobody/checkpoint", "", 404, "not_found");
    refused("GET", "/api/v1/logs/..%2Fkeeper/checkpoint", "", 404, "not_found");
    CLEANUP(json_doc_free_p) struct json_doc *doc = ask("GET", "/api/v1/tenants/%61cme", "", 200);
    assert_text(doc, "tenant", "acme");
}

static void test_bodies(void **state)
{
    struct bytes v;
    struct error e = { 0 };
    (void)state;
    CLEANUP(json_doc_free_p) struct json_doc *doc = ask("POST", "/api/v1/tenants", "{bad", 400);
    assert_ok(json_get_str(json_root(doc), "detail", &v, &e), e);
    assert_true(bytes_find(v, BYTES_LIT("line 1, column 2")) < v.n);
    refused("POST", "/api/v1/tenants", "", 400, "format");
    refused("POST", "/api/v1/tenants", "{", 400, "format");
    refused("POST", "/api/v1/tenants", "[]", 400, "format");
    refused("POST", "/api/v1/tenants", "{\"name\":7}", 400, "format");
    refused("POST", "/api/v1/tenants", "{\"name\":\"a\\nb\"}", 400, "format");
    refused("POST", "/api/v1/tenants", "{\"name\":\"platform\"}", 400, "format");
    refused("POST", "/api/v1/tenants", "{\"name\":\"ok-name\",\"suite\":\"rot13\"}", 400, "format");
    refused("POST", "/api/v1/tenants", "{\"name\":\"acme\"}", 409, "exists");
}

struct looked {
    const char *kind;
    unsigned intents, outcomes;
    char result[16];
};

static struct result look(void *arg, const struct ledger_record *r, struct error *e)
{
    struct looked *l = arg;
    struct entry en;
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes phase, result;
    TRY(entry_parse(r->leaf, &en, e));
    if (strcmp(en.kind, l->kind) != 0 || !result_is_ok(json_parse(r->payload, 65536, &doc, e)) ||
        !result_is_ok(json_get_str(json_root(doc), "phase", &phase, e))) {
        return RESULT_OK;
    }
    l->intents += bytes_equal_str(phase, "intent");
    if (bytes_equal_str(phase, "outcome")) {
        l->outcomes++;
        assert_true(json_has(json_root(doc), "intent"));
        assert_ok(json_get_str(json_root(doc), "result", &result, e), *e);
        snprintf(l->result, sizeof(l->result), "%.*s", BYTES_FMT(result));
    }
    return RESULT_OK;
}

static struct looked entries(const char *log, const char *kind)
{
    struct looked l = { .kind = kind };
    struct error e = { 0 };
    assert_ok(ledger_read(house_scribe(house), log, 0, 1000, look, &l, &e), e);
    return l;
}

static void assert_phases(const char *log, const char *kind, unsigned n, const char *result)
{
    struct looked l = entries(log, kind);
    assert_int_equal(l.intents, n);
    assert_int_equal(l.outcomes, n);
    assert_string_equal(l.result, result);
}

/*= 2.1.5-3 test */
static void test_tenants(void **state)
{
    struct credentials beta;
    (void)state;
    house_tenant(house, "beta", &beta);
    assert_phases("platform", "tenant.create", 2, "ok"); /* acme, beta */
    s3_expect(house, &beta, "PUT", "/data", BYTES_NONE, NULL, 200, NULL);
    json_doc_free(ask("POST", "/api/v1/tenants/beta/suspend", "", 200));
    assert_phases("beta", "tenant.suspend", 1, "ok");
    s3_expect(house, &beta, "GET", "/data", BYTES_NONE, NULL, 403, "AccessDenied");
    json_doc_free(ask("POST", "/api/v1/tenants/beta/resume", "", 200));
    s3_expect(house, &beta, "GET", "/data", BYTES_NONE, NULL, 200, NULL);
    json_doc_free(ask("POST", "/api/v1/tenants/beta/close", "", 200));
    s3_expect(house, &beta, "GET", "/data", BYTES_NONE, NULL, 403, "AccessDenied");
    refused("POST", "/api/v1/tenants/beta/resume", "", 409, "conflict");
    assert_phases("beta", "tenant.resume", 2, "failed");
    CLEANUP(json_doc_free_p) struct json_doc *doc = ask("GET", "/api/v1/tenants/beta", "", 200);
    assert_text(doc, "state", "closed");
}

static void test_access_keys(void **state)
{
    char target[128];
    struct credentials second = acme;
    (void)state;
    CLEANUP(json_doc_free_p)
    struct json_doc *doc = ask("POST", "/api/v1/realms/acme/users/root/access-keys", "", 201);
    text(doc, "access_key_id", second.id, sizeof(second.id));
    text(doc, "secret_access_key", second.secret, sizeof(second.secret));
    s3_expect(house, &second, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    refused("POST", "/api/v1/realms/acme/users/root/access-keys", "", 409, "limit");
    assert_phases("acme", "access-key.create", 2, "failed");
    snprintf(target, sizeof(target), "/api/v1/realms/acme/access-keys/%s", second.id);
    json_doc_free(ask("DELETE", target, "", 204));
    s3_expect(house, &second, "GET", "/", BYTES_NONE, NULL, 403, "InvalidAccessKeyId");
    refused("DELETE", target, "", 404, "not_found");
    CLEANUP(json_doc_free_p)
    struct json_doc *list = ask("GET", "/api/v1/realms/acme/access-keys", "", 200);
    struct json keys;
    struct error e = { 0 };
    assert_ok(json_get(json_root(list), "items", &keys, &e), e);
    assert_int_equal(json_count(keys), 1);
}

/*= 2.1.3-7 test */
static void test_keys(void **state)
{
    char id[64], target[128], head[64];
    (void)state;
    s3_expect(house, &acme, "PUT", "/keyed", BYTES_NONE, NULL, 200, NULL);
    CLEANUP(json_doc_free_p)
    struct json_doc *doc =
            ask("POST", "/api/v1/tenants/acme/keys",
                "{\"description\":\"for contracts\",\"custodian\":\"customer\"}", 201);
    text(doc, "key_id", id, sizeof(id));
    assert_text(doc, "custodian", "customer");
    snprintf(head, sizeof(head), "%s", id);
    const struct head *with = HEADS({ "x-amz-server-side-encryption", "aws:kms" },
                                    { "x-amz-server-side-encryption-aws-kms-key-id", head });
    s3_expect(house, &acme, "PUT", "/keyed/o", BYTES_LIT("x"), with, 200, NULL);
    snprintf(target, sizeof(target), "/api/v1/tenants/acme/keys/%s/rotate", id);
    CLEANUP(json_doc_free_p) struct json_doc *rotated = ask("POST", target, "", 200);
    uint64_t version = 0;
    struct error e = { 0 };
    assert_ok(json_get_u64(json_root(rotated), "version", 100, &version, &e), e);
    assert_int_equal(version, 2);
    snprintf(target, sizeof(target), "/api/v1/tenants/acme/keys/%s/rewrap", id);
    json_doc_free(ask("POST", target, "", 200));
    s3_expect(house, &acme, "GET", "/keyed/o", BYTES_NONE, NULL, 200, NULL);
    snprintf(target, sizeof(target), "/api/v1/tenants/acme/keys/%s/disable", id);
    json_doc_free(ask("POST", target, "", 200));
    s3_expect(house, &acme, "GET", "/keyed/o", BYTES_NONE, NULL, 400, "KMS.DisabledException");
    s3_expect(house, &acme, "PUT", "/keyed/p", BYTES_LIT("x"), with, 400, "KMS.DisabledException");
    s3_expect(house, &acme, "HEAD", "/keyed/o", BYTES_NONE, NULL, 200, NULL);
    snprintf(target, sizeof(target), "/api/v1/tenants/acme/keys/%s/enable", id);
    json_doc_free(ask("POST", target, "", 200));
    s3_expect(house, &acme, "GET", "/keyed/o", BYTES_NONE, NULL, 200, NULL);
    snprintf(target, sizeof(target), "/api/v1/tenants/acme/keys/%s/schedule-destroy", id);
    json_doc_free(ask("POST", target, "", 200));
    s3_expect(house, &acme, "GET", "/keyed/o", BYTES_NONE, NULL, 400, "KMS.DisabledException");
    snprintf(target, sizeof(target), "/api/v1/tenants/acme/keys/%s/destroy", id);
    int64_t due = clock_wall_ms(&clock_system) + 2;
    while (clock_wall_ms(&clock_system) < due) {
        sched_yield(); /* the waiting period of this house: 1 ms */
    }
    CLEANUP(json_doc_free_p) struct json_doc *destroyed = ask("POST", target, "", 200);
    char certificate[4096];
    text(destroyed, "certificate", certificate, sizeof(certificate));
    assert_non_null(strstr(certificate, "troth/key-destruction"));
    s3_expect(house, &acme, "GET", "/keyed/o", BYTES_NONE, NULL, 400, "KMS.DisabledException");
    assert_phases("acme", "key.destroy", 1, "ok");
    assert_phases("acme", "key.rotate", 1, "ok");
    refused("POST", "/api/v1/tenants/acme/keys/nonsense/rotate", "", 404, "not_found");
    assert_phases("acme", "key.rotate", 2, "failed");
}

static void test_buckets(void **state)
{
    (void)state;
    s3_expect(house, &acme, "PUT", "/settings", BYTES_NONE, NULL, 200, NULL);
    CLEANUP(json_doc_free_p)
    struct json_doc *doc = ask("POST", "/api/v1/tenants/acme/buckets/settings",
                               "{\"digest\":\"client\",\"sse\":\"AES256\"}", 200);
    assert_text(doc, "digest", "client");
    assert_text(doc, "sse", "AES256");
    refused("POST", "/api/v1/tenants/acme/buckets/settings", "{\"sse\":\"none\"}", 400, "format");
    refused("POST", "/api/v1/tenants/acme/buckets/absent", "{}", 404, "not_found");
    refused("POST", "/api/v1/tenants/acme/buckets/settings", "{\"key_id\":\"x\"}", 404,
            "not_found");
}

static void test_logs(void **state)
{
    (void)state;
    CLEANUP(json_doc_free_p)
    struct json_doc *doc = ask("GET", "/api/v1/logs/acme/entries?from=0&count=5", "", 200);
    struct json list;
    struct error e = { 0 };
    assert_ok(json_get(json_root(doc), "items", &list, &e), e);
    assert_true(json_count(list) > 0 && json_count(list) <= 5);
    refused("GET", "/api/v1/logs/acme/entries?count=1001", "", 400, "format");
    refused("GET", "/api/v1/logs/acme/entries?from=x", "", 400, "format");
    refused("GET", "/api/v1/logs/acme/prove", "", 400, "format");
    refused("GET", "/api/v1/logs/acme/prove?index=99999999", "", 400, "range");
    json_doc_free(ask("GET", "/api/v1/logs/acme/entries?from=18446744073709551615", "", 200));
    json_doc_free(ask("GET", "/api/v1/status", "", 200));
}

/* Refused requests are entries; nobody can flood the log with them. */
static void test_refusals_are_logged(void **state)
{
    struct credentials wrong = acme;
    struct ledger_status before, after;
    struct error e = { 0 };
    (void)state;
    wrong.secret[3] ^= 1;
    assert_ok(ledger_get_status(house_scribe(house), "acme", &before, &e), e);
    s3_expect(house, &wrong, "GET", "/data/%7Fx", BYTES_NONE,
              HEADS({ "user-agent", "\xff\xfe agent" }), 403, "SignatureDoesNotMatch");
    assert_ok(ledger_get_status(house_scribe(house), "acme", &after, &e), e);
    assert_true(after.size > before.size);
    for (int i = 0; i < 300; i++) {
        s3_expect(house, &wrong, "GET", "/data/x", BYTES_NONE, NULL, 403, "SignatureDoesNotMatch");
    }
    assert_ok(ledger_get_status(house_scribe(house), "acme", &after, &e), e);
    assert_true(after.size - before.size < 250);
}

/* --- what needs no credentials --- */

static void hide_log(struct api_settings *s)
{
    s->log_public = false;
    s->metrics_allow_count = 0;
}

static void show_log(struct api_settings *s)
{
    s->log_public = true;
    s->metrics_allow_count = 1;
}

static void test_public(void **state)
{
    char target[64] = "/log/troth.test/platform/checkpoint";
    (void)state;
    assert_int_equal(s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL)->status, 200);
    const struct answer *a = s3(house, NULL, "GET", "/metrics", BYTES_NONE, NULL);
    assert_int_equal(a->status, 200);
    assert_true(bytes_find(buf_bytes(&a->body), BYTES_LIT("troth_keeper_up 1\n")) < a->body.n);
    a = s3(house, NULL, "GET", target, BYTES_NONE, NULL);
    assert_int_equal(a->status, 200);
    assert_true(bytes_has_prefix(buf_bytes(&a->body), BYTES_LIT("troth.test/platform\n")));
    assert_int_equal(s3(house, NULL, "PUT", target, BYTES_NONE, NULL)->status, 405);
    assert_int_equal(
            s3(house, NULL, "GET", "/log/troth.test/../keeper/keyring", BYTES_NONE, NULL)->status,
            404);
    assert_int_equal(s3(house, NULL, "GET", "/log/", BYTES_NONE, NULL)->status, 404);
    assert_int_equal(
            s3(house, NULL, "POST", "/log/troth.test/acme/cosignature", BYTES_LIT("x\n"), NULL)
                    ->status,
            400);
    house_set(house, hide_log);
    assert_int_equal(s3(house, NULL, "GET", target, BYTES_NONE, NULL)->status, 403);
    assert_int_equal(s3(house, NULL, "GET", "/metrics", BYTES_NONE, NULL)->status, 403);
    assert_int_equal(s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL)->status, 200);
    house_set(house, show_log);
    assert_int_equal(s3(house, NULL, "GET", target, BYTES_NONE, NULL)->status, 200);
    /* with credentials these are bucket names like any other */
    s3_expect(house, &acme, "GET", "/healthz", BYTES_NONE, NULL, 404, "NoSuchBucket");
    s3_expect(house, &acme, "GET", "/log/x", BYTES_NONE, NULL, 404, "NoSuchBucket");
}

static void test_statuses(void **state)
{
    (void)state;
    for (unsigned c = 0; c < ERRC_COUNT_; c++) {
        unsigned status = api_status((enum errc)c);
        assert_true((status == 200) == (c == ERRC_OK));
        assert_true(status == 200 || (status >= 400 && status < 600));
    }
    assert_int_equal(api_status(ERRC_FULL), 507);
    assert_int_equal(api_status(ERRC_AGAIN), 503);
    assert_int_equal(api_status(ERRC_BUG), 500);
}

/* Each line of the table is written as paths are matched, and names an action that exists. */
static void test_table(void **state)
{
    size_t n = 0;
    (void)state;
    for (const struct rest_route *r = rest_routes; r->method != NULL; r++, n++) {
        unsigned params = 0;
        assert_int_equal(strncmp(r->path, "/api/v1/", 8), 0);
        for (const char *p = r->path; (p = strchr(p, '{')) != NULL; p++) {
            params++;
        }
        assert_true(params <= REST_PARAMS_MAX);
        bool is_decided = r->realm == REST_PLATFORM || r->realm == REST_PARAM ||
                          r->realm == REST_ABOUT || r->realm == REST_HOME;
        assert_true(is_decided == (r->action != NULL));
        assert_true(is_decided == (r->resource != NULL));
        if (is_decided && action_find(bytes_str(r->action)) == NULL) {
            fail_msg("%s %s: no action %s", r->method, r->path, r->action);
        }
        if (r->realm == REST_PARAM || r->realm == REST_ABOUT) {
            assert_non_null(strstr(r->path, "/{realm}"));
        }
        assert_true((r->realm == REST_STAGE) == ((r->flags & REST_AT_ANY) != 0));
        for (const struct rest_route *o = rest_routes; o != r; o++) {
            assert_false(strcmp(o->method, r->method) == 0 && strcmp(o->path, r->path) == 0);
        }
    }
    assert_true(n > 100);
}

/* The OpenAPI document has every route with its action, and no other. */
static void test_document(void **state)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = ask("GET", "/api/v1/openapi.json", "", 200);
    struct json paths, path, op;
    struct json_iter it = { 0 };
    struct bytes name, text;
    struct error e = { 0 };
    size_t routes = 0, described = 0;
    (void)state;
    assert_ok(json_get(json_root(doc), "paths", &paths, &e), e);
    for (const struct rest_route *r = rest_routes; r->method != NULL; r++, routes++) {
        char method[8] = { 0 };
        for (size_t i = 0; r->method[i] != '\0'; i++) {
            method[i] = (char)(r->method[i] | 0x20);
        }
        assert_ok(json_get(paths, r->path, &path, &e), e);
        if (!result_is_ok(json_get(path, method, &op, &e))) {
            fail_msg("%s %s is not in docs/api/openapi.json", r->method, r->path);
        }
        assert_true((r->action != NULL) == json_has(op, "x-troth-action"));
        if (r->action != NULL) {
            assert_ok(json_get_str(op, "x-troth-action", &text, &e), e);
            assert_true(bytes_equal_str(text, r->action));
        }
        assert_ok(json_get(op, "responses", &path, &e), e);
        assert_true((r->flags & REST_CREATES) == 0 || json_has(path, "201"));
    }
    while (json_next_member(paths, &it, &name, &path)) {
        described += json_count(path);
    }
    assert_int_equal(described, routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_tenants),
        cmocka_unit_test(test_access_keys),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_refusals_are_logged),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
