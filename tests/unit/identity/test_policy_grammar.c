/* The grammar of policies against the vectors of AWS's own answers, what we refuse besides, and
 * every truncation and flipped byte of a good document. */
#include "testkit.h"

#include "base/json.h"
#include "identity/policy/action.h"
#include "identity/policy/policy.h"

#define STATEMENT(s) "{\"Version\":\"2012-10-17\",\"Statement\":{" s "}}"
#define ALLOW_S3     "\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\""

static void expect(const char *document, enum policy_form form, enum errc code, const char *message)
{
    CLEANUP(policy_unref_p) struct policy *p = NULL;
    struct error e = { 0 };
    struct result r = policy_compile(bytes_str(document), form, "p", &p, &e);

    if (r.code != code) {
        fail_msg("%s\n -> %s (%s), not %s", document, errc_name(r.code), e.msg, errc_name(code));
    }
    if (message != NULL && strstr(e.msg, message) == NULL) {
        fail_msg("%s\n -> \"%s\", not \"%s\"", document, e.msg, message);
    }
}

/* The document of a case as text: a text is the document itself. */
static void document_of(struct json c, struct buf *out)
{
    struct bytes text;
    struct error e;

    buf_reset(out);
    if (result_is_ok(json_str(c, &text))) {
        buf_add(out, text);
    } else {
        assert_ok(json_canonical(c, out, &e), e);
    }
}

static void refuses_as_aws(void **state)
{
    (void)state;
    struct bytes in = vectors_read("iam-policy-grammar/cases.json");
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf text = BUF(65536);
    struct json list, c, d;
    struct json_iter it = { 0 };
    struct bytes want;
    struct error e;
    size_t n = 0;

    assert_ok(json_parse(in, in.n, &doc, &e), e);
    assert_ok(json_get(json_root(doc), "invalid_policy_document_test_cases", &list, &e), e);
    while (json_next(list, &it, &c)) {
        struct policy *p = NULL;
        assert_ok(json_get(c, "document", &d, &e), e);
        assert_ok(json_get_str(c, "error_message", &want, &e), e);
        document_of(d, &text);
        struct result r = policy_compile(buf_bytes(&text), POLICY_IDENTITY, "p", &p, &e);
        /* AWS's words, and behind those about the syntax the place */
        bool is_same = bytes_has_prefix(bytes_str(e.msg), want) &&
                       (e.msg[want.n] == '\0' || strncmp(e.msg + want.n, " (", 2) == 0);
        if (r.code != ERRC_FORMAT || !is_same) {
            fail_msg("%s\n -> %s \"%s\", not \"%.*s\"", buf_cstr(&text), errc_name(r.code), e.msg,
                     BYTES_FMT(want));
        }
        n++;
    }
    assert_int_equal(n, 78);
    free((void *)(uintptr_t)in.p);
}

static void takes_as_aws(void **state)
{
    (void)state;
    struct bytes in = vectors_read("iam-policy-grammar/cases.json");
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf text = BUF(65536);
    struct json list, c;
    struct json_iter it = { 0 };
    struct error e;
    size_t n = 0;

    assert_ok(json_parse(in, in.n, &doc, &e), e);
    assert_ok(json_get(json_root(doc), "valid_policy_documents", &list, &e), e);
    while (json_next(list, &it, &c)) {
        document_of(c, &text);
        expect(buf_cstr(&text), POLICY_IDENTITY, ERRC_OK, NULL);
        n++;
    }
    assert_int_equal(n, 54);
    free((void *)(uintptr_t)in.p);
}

#define REST ",\"Resource\":\"*\""

static void refuses_besides(void **state)
{
    (void)state;
    static const struct {
        const char *statement, *message;
    } cases[] = {
        /* wildcards where the grammar has none */
        { "\"Effect\":\"Allow\",\"Action\":\"*:GetObject\"" REST, "Vendor * is not valid" },
        { "\"Effect\":\"Allow\",\"Action\":\"s?:GetObject\"" REST, "Vendor s? is not valid" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:*:::b\"", "Resource vendor must be fully qualified" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s?:::b\"", "Resource vendor must be fully qualified" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:iam::*:us*\"", "IAM resource path" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:iam::*:**\"", "IAM resource path" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws-cn:s3:::b\"", "Partition \"aws-cn\"" },
        { ALLOW_S3 ",\"Resource\":\"arn:aw*:s3:::b\"", "Partition \"aw*\"" },
        { ALLOW_S3 ",\"Resource\":\"*:aws:s3:::b\"", "must be in ARN format" },
        { ALLOW_S3 ",\"Resource\":\"**\"", "must be in ARN format" },
        /* letters that look like others */
        { "\"Effect\":\"Deny\",\"Action\":\"s3:G\xd0\xb5tObject\"" REST, "ASCII" },
        { "\"Effect\":\"Deny\",\"Action\":\"\xd1\x95"
          "3:GetObject\"" REST,
          "Vendor" },
        { "\"Effect\":\"Deny\",\"Action\":\"s3:GetObject\xe2\x80\x8b\"" REST, "ASCII" },
        { "\"\xd0\x95"
          "ffect\":\"Deny\",\"Action\":\"s3:GetObject\"" REST,
          "Syntax" },
        { "\"Effect\":\"Deny\",\"Action\":\"s3:\"" REST, "Action s3: is not valid" },
        /* doubled keys, null, other types */
        { "\"Effect\":\"Deny\",\"Effect\":\"Allow\",\"Action\":\"s3:*\"" REST, "Syntax" },
        { ALLOW_S3 ",\"NotResource\":[null]", "Syntax" },
        { ALLOW_S3 ",\"Resource\":[null]", "must contain resources" },
        { "\"Effect\":\"Allow\",\"Action\":[null]" REST, "Syntax" },
        { "\"Effect\":\"Allow\",\"Action\":1" REST, "Syntax" },
        { ALLOW_S3 REST ",\"Principal\":\"*\"", "should not specify a principal" },
        { ALLOW_S3 REST ",\"NotPrincipal\":\"*\"", "should not specify a principal" },
        { ALLOW_S3 REST ",\"Principal\":1", "Syntax errors in policy. (statement 1: Principal" },
        { "\"Efect\":\"Allow\",\"Action\":\"s3:*\"" REST, "(statement 1: unknown key \"Efect\")" },
        { "\"Effect\":\"Permit\",\"Action\":\"s3:*\"" REST,
          "(statement 1: Effect: Allow or Deny)" },
        { ALLOW_S3 REST ",\"Sid\":\"a\\nb\"", "printable" },
        /* variables */
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::b/${aws:username\"", "not closed" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::b/${}\"", "valid name" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::b/${a${b}}\"", "valid name" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::b/${aws:*}\"", "valid name" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::b/${a, b}\"", "default" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::b/${a, 'b}\"", "not closed" },
        { ALLOW_S3 ",\"Resource\":\"arn:aws:s3:::${a}${a}${a}${a}${a}${a}${a}${a}${a}\"", "more" },
        /* conditions */
        { ALLOW_S3 REST ",\"Condition\":{\"StringEqualsifexists\":{\"a\":\"b\"}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"stringequals\":{\"a\":\"b\"}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"NullIfExists\":{\"a\":\"true\"}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"ForAllValues:Null\":{\"a\":\"true\"}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"ForAnyValue:ForAllValues:Bool\":{\"a\":\"true\"}}",
          "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"Bool\":{\"\":\"true\"}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"Bool\":{\"a\":null}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"NumericEquals\":{\"a\":1.5}}", "Syntax" },
        { ALLOW_S3 REST ",\"Condition\":{\"Bool\":{\"a\":\"yes\"}}", "neither true nor false" },
        { ALLOW_S3 REST ",\"Condition\":{\"NumericEquals\":{\"a\":\"ten\"}}", "no number" },
        { ALLOW_S3 REST ",\"Condition\":{\"IpAddress\":{\"a\":\"10.0.0.0/33\"}}", "no IP" },
        { ALLOW_S3 REST ",\"Condition\":{\"IpAddress\":{\"a\":\"10.0.0\"}}", "no IP" },
        { ALLOW_S3 REST ",\"Condition\":{\"BinaryEquals\":{\"a\":\"x\"}}", "no base64" },
        { ALLOW_S3 REST ",\"Condition\":{\"ArnLike\":{\"a\":\"user/lin\"}}", "no ARN" },
        { ALLOW_S3 REST ",\"Condition\":{\"ArnLike\":{\"a\":\"arn:aws:iam::*\"}}", "no ARN" },
        { ALLOW_S3 REST ",\"Condition\":{\"DateEquals\":{\"a\":\"2026-02-30\"}}", "legacy" },
    };
    char text[1000];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(policy_unref_p) struct policy *p = NULL;
        struct error e = { 0 };
        snprintf(text, sizeof(text), STATEMENT("%s"), cases[i].statement);
        struct result r = policy_compile(bytes_str(text), POLICY_IDENTITY, "p", &p, &e);
        if (result_is_ok(r) || strstr(e.msg, cases[i].message) == NULL) {
            fail_msg("%s\n -> \"%s\", not \"%s\"", text, e.msg, cases[i].message);
        }
    }
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *statement, *message; /* NULL: taken */
        enum policy_form form;
    } cases[] = {
        { ALLOW_S3 REST ",\"Principal\":\"*\"", NULL, POLICY_RESOURCE },
        { ALLOW_S3 REST, "Missing required field Principal", POLICY_RESOURCE },
        { ALLOW_S3 ",\"Principal\":\"*\"", "must contain resources", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":\"x\"", "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{}", "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"AWS\":[]}", "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:user/*\"}",
          "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"AWS\":\"arn:aws:iam::*:root\"}", "Invalid principal",
          POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"AWS\":\"arn:aws:iam::12345678901:root\"}",
          "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:user/\"}",
          "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"AWS\":\"${aws:username}\"}", "Invalid principal",
          POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"aws\":\"*\"}", "Invalid principal", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"CanonicalUser\":\"x\"}", "Invalid principal",
          POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"Principal\":{\"Federated\":\"*\"}", "Invalid principal",
          POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"NotPrincipal\":\"*\"", "Deny only", POLICY_RESOURCE },
        { ALLOW_S3 REST ",\"NotPrincipal\":\"*\",\"Principal\":\"*\"", "Syntax", POLICY_RESOURCE },
        { "\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":\"*\"", NULL,
          POLICY_TRUST },
        { "\"Effect\":\"Allow\",\"Action\":\"STS:Assume*\",\"Principal\":\"*\"", NULL,
          POLICY_TRUST },
        { "\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\"", "Missing required field Principal",
          POLICY_TRUST },
        { "\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":\"*\"" REST,
          "prohibited field Resource", POLICY_TRUST },
        { ALLOW_S3 ",\"Principal\":\"*\"", "may only specify STS", POLICY_TRUST },
        { "\"Effect\":\"Allow\",\"Action\":\"*\",\"Principal\":\"*\"", "may only specify STS",
          POLICY_TRUST },
        { "\"Effect\":\"Allow\",\"NotAction\":\"sts:AssumeRole\",\"Principal\":\"*\"",
          "may only specify STS", POLICY_TRUST },
    };
    char text[1000];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(text, sizeof(text), STATEMENT("%s"), cases[i].statement);
        expect(text, cases[i].form, cases[i].message == NULL ? ERRC_OK : ERRC_FORMAT,
               cases[i].message);
    }
}

static void limits(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf text = BUF(65536);

    buf_add_str(&text, "{\"Version\":\"2012-10-17\",\"Statement\":[");
    for (int i = 0; i < POLICY_STATEMENT_MAX + 1; i++) {
        buf_addf(&text, "%s{" ALLOW_S3 REST "}", i == 0 ? "" : ",");
        if (i == POLICY_STATEMENT_MAX - 1) {
            size_t n = text.n;
            buf_add_str(&text, "]}");
            expect(buf_cstr(&text), POLICY_IDENTITY, ERRC_OK, NULL);
            text.n = n;
        }
    }
    buf_add_str(&text, "]}");
    expect(buf_cstr(&text), POLICY_IDENTITY, ERRC_LIMIT, "statements");
    buf_reset(&text);
    buf_add_str(&text, STATEMENT(ALLOW_S3 REST));
    while (text.n < POLICY_MAX) {
        buf_add_u8(&text, ' ');
    }
    expect(buf_cstr(&text), POLICY_IDENTITY, ERRC_OK, NULL);
    buf_add_u8(&text, ' ');
    expect(buf_cstr(&text), POLICY_IDENTITY, ERRC_LIMIT, "bytes");
    buf_reset(&text);
    buf_add_str(&text, "{\"Version\":\"2012-10-17\",\"Statement\":{" ALLOW_S3
                       ",\"Resource\":\"arn:aws:s3:::");
    for (int i = 0; i < 257; i++) {
        buf_add_str(&text, "?");
    }
    buf_add_str(&text, "\"}}");
    expect(buf_cstr(&text), POLICY_IDENTITY, ERRC_LIMIT, "wildcards");
}

/* Every truncation is refused; every flipped byte is refused or gives a policy that can be
 * asked. */
static void sweeps(void **state)
{
    (void)state;
    static const char good[] = STATEMENT(
            "\"Sid\":\"a\"," ALLOW_S3 ",\"Principal\":{\"AWS\":\"123456789012\"},\"Resource\":["
            "\"arn:aws:s3:::b/${aws:username, 'x'}/*\"],\"Condition\":{\"IpAddress\":{"
            "\"aws:SourceIp\":\"10.0.0.0/8\"},\"DateLessThan\":{\"aws:CurrentTime\":"
            "\"2030-01-01T00:00:00Z\"}}");
    struct bytes who = BYTES_LIT("lin");
    struct policy_key key = { BYTES_LIT("aws:username"), &who, 1 };
    struct policy_request rq = { .action = BYTES_LIT("s3:GetObject"),
                                 .resource = BYTES_LIT("arn:aws:s3:::b/lin/k"),
                                 .keys = &key,
                                 .key_count = 1 };
    uint8_t text[sizeof(good)];

    expect(good, POLICY_RESOURCE, ERRC_OK, NULL);
    for (size_t n = 0; n < sizeof(good) - 1; n++) {
        struct policy *p = NULL;
        uint8_t *cut = mem_dup(good, n); /* its own memory: a step past the end is seen */
        assert_false(
                result_is_ok(policy_compile(bytes_of(cut, n), POLICY_RESOURCE, "p", &p, NULL)));
        mem_free(cut);
    }
    for (size_t i = 0; i < (sizeof(good) - 1) * 8; i++) {
        CLEANUP(policy_unref_p) struct policy *p = NULL;
        struct policy_decision d;
        memcpy(text, good, sizeof(good));
        text[i / 8] ^= (uint8_t)(1u << (i % 8));
        if (result_is_ok(policy_compile(bytes_of(text, sizeof(good) - 1), POLICY_RESOURCE, "p", &p,
                                        NULL))) {
            policy_evaluate(&(struct policy_in_force){ p, POLICY_LAYER_RESOURCE }, 1, &rq, &d);
            assert_int_equal(d.verdict, POLICY_NOT_ALLOWED);
            assert_false(policy_is_public(p));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_as_aws),  cmocka_unit_test(takes_as_aws),
        cmocka_unit_test(refuses_besides), cmocka_unit_test(forms),
        cmocka_unit_test(limits),          cmocka_unit_test(sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
