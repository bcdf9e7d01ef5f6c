/* The grammar of policies against the vectors of AWS's own answers, what we refuse besides, and every
 * truncation and flipped byte of a good document. */
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
        if (r.code != ERRC_FORMAT || !bytes_equal_str(want, e.msg)) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_as_aws),
        cmocka_unit_test(takes_as_aws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
